"""Journeys through the Updates screen: look from five sides, mark, plan, approve, follow, look back, go back, repair."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from backends.errors import BadInput, RetryLater, SkipHost
from backends.updates.inventories import HostUpdates
from backends.updates.model import Stage
from swarm_tui.screens import dialog
from swarm_tui.screens.fleet import FleetScreen
from swarm_tui.screens.host import HostScreen
from swarm_tui.screens.update_log import LogScreen
from swarm_tui.screens.update_plan import PlanScreen
from swarm_tui.screens.update_run import RunScreen
from swarm_tui.screens.updates import UpdatesScreen
from tests.ui import golden
from tests.ui.host_console import journey
from tests.ui.updates_engine import CLEAN, MANY, ONE, UpdatesSeat, at_updates
from tests.unit.present.update_data import FAILED, LIBC, VIM, change, ended, known, running


def screen(seat: UpdatesSeat) -> UpdatesScreen:
    assert isinstance(seat.app.screen, UpdatesScreen), seat.app.screen
    return seat.app.screen


async def go_to(seat: UpdatesSeat, pivot: str) -> str:
    """Turn to a pivot."""
    while screen(seat).pivot != pivot:
        await seat.press("right_square_bracket")
    return await seat.text()


# Looking ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (140, 40)])
@journey
async def test_golden(columns: int, rows: int) -> None:
    async with at_updates(size=(columns, rows)) as seat:
        golden.check(f"updates-{columns}x{rows}", await seat.look())


@journey
async def test_the_five_views_go_round() -> None:
    async with at_updates() as seat:
        seen = []
        for words in ("package  ", "cve  ", "pending", "began", "changes"):
            text = "\n".join(await seat.press("right_square_bracket"))
            assert words in text
            seen.append(screen(seat).pivot)
        assert seen == ["packages", "cves", "hosts", "runs", "sets"]
        await seat.press("left_square_bracket")
        assert screen(seat).pivot == "runs"


@journey
async def test_an_unchanged_fleet_costs_a_version_and_a_changed_one_is_shown() -> None:
    async with at_updates() as seat:
        await seat.later()
        assert seat.asked("view")[-1] == {"since": 1}
        seat.desk.show(known("dgx9", LIBC))
        text = "\n".join(await seat.later())
        assert "dgx9" in text
        assert "rocky1" not in text


@journey
async def test_a_frozen_picture_is_not_asked_for() -> None:
    async with at_updates() as seat:
        await seat.press("p")
        before = len(seat.asked("view"))
        await seat.later()
        assert len(seat.asked("view")) == before


@journey
async def test_enter_shows_every_change_behind_a_row() -> None:
    async with at_updates() as seat:
        text = "\n".join(await seat.press("enter"))
        assert seat.dialog == "What waits on 2 hosts"
        assert "dgx[1-2] (2)" in text
        assert "S libc6" in text
        assert "H nvidia-driver-550-server" in text
        await seat.press("escape")
        await go_to(seat, "cves")
        text = "\n".join(await seat.press("enter"))
        assert seat.dialog == "CVE-2026-3"
        assert "openssh-server" in text
        assert "libc6" not in text


@journey
async def test_enter_on_a_host_goes_to_its_updates_and_back() -> None:
    async with at_updates() as seat:
        await go_to(seat, "hosts")
        text = "\n".join(await seat.press("enter"))
        assert isinstance(seat.app.screen, HostScreen)
        assert "blocks: openssh-server is half-configured" in text
        await seat.press("escape")
        assert screen(seat).pivot == "hosts"


@journey
async def test_the_filter_is_live_and_escape_takes_it_away() -> None:
    async with at_updates() as seat:
        text = "\n".join(await seat.press("slash", *"rocky"))
        assert "rocky1" in text
        assert "dgx[1-2]" not in text
        text = "\n".join(await seat.press(*"zz", "enter"))
        assert "Nothing matches /rockyzz" in text
        text = "\n".join(await seat.press("escape"))
        assert "dgx[1-2]" in text


@journey
async def test_asking_hosts_is_one_key_and_says_what_it_did() -> None:
    async with at_updates() as seat:
        await seat.press("r")
        assert seat.asked("refresh") == [{"select": "", "lists": False}]
        await go_to(seat, "hosts")
        await seat.press("space", "L")
        assert seat.asked("refresh")[-1] == {"select": "dgx4", "lists": True}
        assert seat.toasts()[-1] == "asking 1 host after renewing the package lists"


@journey
async def test_nobody_was_asked_yet_and_hosts_being_asked() -> None:
    async with at_updates(HostUpdates(host="a"), HostUpdates(host="b")) as seat:
        assert "No host was asked yet." in await seat.text()
        seat.desk.show(busy=2)
        assert "asking 2 hosts what waits there" in "\n".join(await seat.later())
        seat.desk.show(CLEAN)
        assert "Nothing waits on 1 host: up to date." in "\n".join(await seat.later())


@journey
async def test_an_engine_that_refuses_is_said_and_the_last_picture_stays() -> None:
    async with at_updates() as seat:
        seat.engine.refuse["updates.view"] = RetryLater("the engine is busy")
        text = "\n".join(await seat.later())
        assert "the engine is busy" in text
        assert "dgx[1-2]" in text
        del seat.engine.refuse["updates.view"]
        assert "the engine is busy" not in "\n".join(await seat.later())


# Marking and planning ---------------------------------------------------------------------------------------------


@journey
async def test_marks_of_sets_are_marks_of_hosts() -> None:
    async with at_updates() as seat:
        text = "\n".join(await seat.press("space"))
        assert "◆" in text
        assert "2 hosts marked" in text
        text = await go_to(seat, "hosts")
        assert [line.split()[1] for line in text.splitlines() if line.startswith("◆")] == ["dgx1", "dgx2"]
        await seat.press("escape")
        assert screen(seat).subject() == ("dgx4",)


@journey
async def test_a_plan_of_marked_hosts_only_simulates() -> None:
    async with at_updates() as seat:
        await seat.press("space", "u")
        assert seat.dialog == "Make a plan"
        await seat.press("s")
        (params,) = seat.asked("plan")
        assert params["select"] == "dgx1,dgx2"
        assert params["selection"] == {"packages": (), "cves": (), "security_only": True}
        assert isinstance(seat.app.screen, PlanScreen)
        assert "nothing was changed yet" in await seat.text()
        assert not seat.asked("start")


@journey
async def test_without_what_needs_a_drained_host() -> None:
    async with at_updates() as seat:
        await seat.press("u", "c")
        classes = seat.asked("plan")[0]["selection"]["classes"]
        assert "rest" in classes
        assert not {"kernel", "gpu-driver", "fabric"} & set(classes)


@journey
async def test_marked_packages_are_planned_on_every_host_that_has_them() -> None:
    async with at_updates() as seat:
        await go_to(seat, "packages")
        await seat.press("space", "u", "a")
        (params,) = seat.asked("plan")
        assert params["selection"]["packages"] == ("openssh-server",)
        assert params["select"] == "dgx1,dgx2,dgx4"


@journey
async def test_a_plan_is_readable_at_eighty_columns_and_goes_back_with_escape() -> None:
    async with at_updates() as seat:
        text = "\n".join(await seat.press("u", "a"))
        for words in ("by anna", "dgx4 is not part of it", "2 hosts, 2 changes", "S libc6", "left out"):
            assert words in text
        await seat.press("y")
        assert "copied the plan" in seat.toasts()[-1]
        await seat.press("escape")
        assert screen(seat)


@journey
async def test_a_plan_that_is_ready_never_opens_over_what_one_went_to() -> None:
    async with at_updates() as seat:
        updates = screen(seat)
        await seat.press("1")
        updates._planned(seat.desk.plan)
        await seat.look()
        assert isinstance(seat.app.screen, FleetScreen)
        assert seat.toasts()[-1] == "the plan is ready: it opens on the Updates screen"
        await seat.press("3")
        assert isinstance(seat.app.screen, PlanScreen)


@journey
async def test_a_plan_that_could_not_be_made_says_why() -> None:
    async with at_updates() as seat:
        seat.engine.refuse["updates.plan"] = BadInput("no host is meant", hint="mark some")
        await seat.press("u", "a")
        assert "no host is meant" in seat.toasts()[-1]
        assert "making a plan" not in await seat.text()


# Approving --------------------------------------------------------------------------------------------------------


@journey
async def test_enter_and_every_other_key_but_y_change_nothing() -> None:
    async with at_updates() as seat:
        await seat.press("u", "a")
        for key in ("enter", "n", "escape", "q"):
            await seat.press("a")
            assert seat.dialog == "Update 2 hosts?"
            await seat.press(key)
            assert isinstance(seat.app.screen, PlanScreen), key
        assert not seat.asked("start")


@journey
async def test_the_question_names_hosts_command_and_hash_and_y_names_the_hash() -> None:
    async with at_updates() as seat:
        text = "\n".join(await seat.press("u", "a", "a"))
        assert "dgx[1-2]: 2 hosts, 2 changes" in text
        assert "$ env LC_ALL=C.UTF-8 apt-get -y install" in text
        assert seat.desk.plan.hash[:12] in text
        await seat.press("y")
        assert seat.asked("start") == [{"plan": seat.desk.plan.id, "hash": seat.desk.plan.hash}]
        assert isinstance(seat.app.screen, RunScreen)


@journey
async def test_more_than_five_hosts_want_their_number_typed() -> None:
    async with at_updates() as seat:
        seat.desk.plan = MANY
        await seat.press("u", "a", "a", "y", "enter")
        assert seat.toasts()[-1] == "that is not it; Esc leaves"
        await seat.press("backspace", "5", "enter")
        assert not seat.asked("start")
        await seat.press("backspace", "6", "enter")
        assert len(seat.asked("start")) == 1


@journey
async def test_a_y_that_was_typed_ahead_approves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async with at_updates() as seat:
        await seat.press("u", "a")
        monkeypatch.setattr(dialog, "TYPE_AHEAD_SECONDS", 60.0)
        await seat.press("a", "y")
        assert seat.dialog
        assert not seat.asked("start")


@journey
async def test_a_refused_approval_stays_on_the_plan_with_the_reason() -> None:
    async with at_updates() as seat:
        seat.engine.refuse["updates.start"] = BadInput("dgx1 is being updated by run r0 of ben")
        await seat.press("u", "a", "a", "y")
        assert "run r0 of ben" in seat.toasts()[-1]
        assert isinstance(seat.app.screen, PlanScreen)


@journey
async def test_a_plan_without_changes_cannot_be_approved() -> None:
    async with at_updates() as seat:
        seat.desk.plan = replace(MANY, hosts=())
        await seat.press("u", "a", "a")
        assert seat.toasts()[-1] == "approve: the plan changes nothing"


@journey
async def test_read_only_looks_and_plans_but_approves_holds_and_repairs_nothing() -> None:
    async with at_updates(read_only=True) as seat:
        await seat.press("x")
        assert seat.toasts()[-1] == "repair: read-only"
        await go_to(seat, "packages")
        await seat.press("o")
        assert seat.toasts()[-1] == "hold: read-only"
        await seat.press("u", "a", "a")
        assert seat.toasts()[-1] == "approve: read-only"
        assert not seat.asked("start")


# Following --------------------------------------------------------------------------------------------------------


async def run_of(seat: UpdatesSeat, *hosts: object) -> str:
    """The board of a run of these hosts."""
    seat.desk.begin(*hosts)  # type: ignore[arg-type]
    await seat.later()
    await go_to(seat, "runs")
    return "\n".join(await seat.press("enter"))


@journey
async def test_the_board_moves_and_ends() -> None:
    async with at_updates() as seat:
        text = await run_of(seat, running("dgx1"), running("dgx2", Stage.PREFETCHING, done=0, download_percent=40.0))
        assert "1/4 libc6" in text
        assert "fetching 40%" in text
        assert "going on" in text
        seat.desk.begin(ended("dgx1"), FAILED)
        text = "\n".join(await seat.tick())
        assert "1 done  1 partial" in text
        assert "finished" in text
        before = len(seat.asked("run"))
        await seat.tick()
        assert len(seat.asked("run")) == before


@journey
async def test_what_came_of_the_host_under_the_cursor_stands_below() -> None:
    async with at_updates() as seat:
        text = await run_of(seat, ended("dgx1"), FAILED)
        assert "done: 2 of 2 applied" not in text
        assert "repair offered: apt-configure" in text
        text = "\n".join(await seat.press("j"))
        assert "done: 2 of 2 applied" in text


@journey
async def test_the_log_follows_the_host() -> None:
    async with at_updates() as seat:
        await run_of(seat, running("dgx1"))
        text = "\n".join(await seat.press("enter"))
        assert isinstance(seat.app.screen, LogScreen)
        assert "Setting up [/x] ..." in text
        seat.desk.log += "\nSetting up vim ..."
        assert "Setting up vim" in "\n".join(await seat.tick())
        seat.engine.refuse["updates.log"] = SkipHost("run r1 has no such host")
        assert "no such host" in "\n".join(await seat.tick())
        await seat.press("escape")
        assert isinstance(seat.app.screen, RunScreen)


@journey
async def test_cancelling_asks_and_says_what_came_of_it() -> None:
    async with at_updates() as seat:
        await run_of(seat, running("dgx1"))
        await seat.press("c", "enter")
        assert not seat.asked("cancel")
        await seat.press("c", "y")
        assert seat.asked("cancel") == [{"run": seat.desk.boards[0].id, "hosts": ["dgx1"]}]
        assert seat.toasts()[-1] == "dgx1: told step prefetch to end"


@journey
async def test_a_host_that_has_ended_is_not_cancelled_nor_repaired_without_an_offer() -> None:
    async with at_updates() as seat:
        await run_of(seat, ended("dgx1"))
        await seat.press("c", "x")
        assert seat.toasts()[-2:] == ["cancel: it has ended", "repair: no repair is offered"]


@journey
async def test_the_repair_that_is_offered_is_shown_with_its_command_before_it_runs() -> None:
    async with at_updates() as seat:
        await run_of(seat, FAILED)
        text = "\n".join(await seat.press("x"))
        assert "apt-configure" in text
        assert "apt-clean" not in text
        text = "\n".join(await seat.press("a"))
        assert "$ dpkg --configure -a" in text
        await seat.press("enter")
        assert not seat.asked("repair")
        await seat.press("x", "a", "y")
        assert seat.asked("repair") == [{"host": "dgx4", "repair": "apt-configure"}]


@journey
async def test_a_run_that_the_engine_forgot_says_so() -> None:
    async with at_updates() as seat:
        seat.desk.begin(running("dgx1"))
        await seat.later()
        await go_to(seat, "runs")
        seat.engine.refuse["updates.run"] = BadInput("no such run: r1")
        assert "no such run: r1" in "\n".join(await seat.press("enter"))


@journey
async def test_the_copy_of_a_board_has_a_line_a_host() -> None:
    async with at_updates() as seat:
        await run_of(seat, ended("dgx1"), FAILED)
        await seat.press("y")
        assert "copied the board" in seat.toasts()[-1]


# Holding, looking back, repairing ---------------------------------------------------------------------------------


@journey
async def test_a_package_is_held_on_every_host_that_has_it() -> None:
    async with at_updates() as seat:
        await seat.press("o")
        assert seat.toasts()[-1] == "hold: on a package: ] goes there"
        await go_to(seat, "packages")
        await seat.press("o", "h")
        assert seat.asked("hold") == [{"select": "dgx1,dgx2,dgx4", "packages": ["openssh-server"], "hold": True}]
        assert seat.toasts()[-1] == "done on 3 hosts"


@journey
async def test_a_hold_that_failed_somewhere_names_the_host() -> None:
    async with at_updates() as seat:
        seat.answer("updates.hold", lambda _: {"hosts": {"dgx1": "held vim", "dgx2": "not connected"}})
        await go_to(seat, "packages")
        await seat.press("o", "r")
        assert seat.toasts()[-1] == "dgx2: not connected"


@journey
async def test_history_shows_who_and_a_letter_plans_the_way_back() -> None:
    async with at_updates() as seat:
        await go_to(seat, "hosts")
        text = "\n".join(await seat.press("e"))
        assert seat.dialog == "What changed on dgx4"
        assert "2 changes by anna (1000)" in text
        await seat.press("a")
        assert seat.asked("rollback") == [{"host": "dgx4", "entry": "2027-01-14 03:10:44"}]
        assert isinstance(seat.app.screen, PlanScreen)
        assert not seat.asked("start")


@journey
async def test_history_of_several_hosts_is_refused_and_an_empty_or_failed_one_is_said() -> None:
    async with at_updates() as seat:
        await seat.press("e")
        assert seat.toasts()[-1] == "history: for one host"
        await go_to(seat, "hosts")
        seat.desk.history = ()
        assert "log is empty" in "\n".join(await seat.press("e"))
        await seat.press("escape")
        seat.engine.refuse["updates.history"] = RetryLater("not connected", hint="R tries again")
        text = "\n".join(await seat.press("e"))
        assert "not connected" in text
        assert "R tries again" in text


@journey
async def test_a_blocked_host_is_repaired_from_the_list() -> None:
    async with at_updates() as seat:
        await go_to(seat, "hosts")
        text = "\n".join(await seat.press("x"))
        assert "on dgx4; the exact command is shown before it runs" in text
        await seat.press("b", "y")
        assert seat.asked("repair") == [{"host": "dgx4", "repair": "apt-clean"}]
        assert seat.toasts()[-1] == "apt-clean began on dgx4; its end is an event"


@journey
async def test_actions_on_nothing_say_so() -> None:
    async with at_updates(CLEAN) as seat:
        for key, label in (("enter", "details"), ("u", "plan"), ("space", "mark"), ("y", "copy"), ("e", "history")):
            await seat.press(key)
            assert seat.toasts()[-1] == f"{label}: nothing here"


# The Host tab, looks ----------------------------------------------------------------------------------------------


@journey
async def test_the_host_tab_asks_its_host_and_shows_the_answer() -> None:
    async with at_updates(ONE) as seat:
        await go_to(seat, "hosts")
        assert "1 updates" in "\n".join(await seat.press("enter"))
        await seat.press("r")
        assert seat.asked("refresh") == [{"select": "web1", "lists": False}]
        seat.desk.show(known("web1", VIM, LIBC))
        assert "2 updates  1 security fixes" in "\n".join(await seat.later())
        await seat.press("right_square_bracket", "r")
        assert seat.toasts()[-1] == "ask again: on the Updates and the Health tab"


@journey
async def test_help_lists_the_keys_of_this_place_first() -> None:
    async with at_updates() as seat:
        text = "\n".join(await seat.press("question_mark"))
        assert text.index("By package, by CVE, by host") < text.index("Simulate exactly what would be done")


@journey
async def test_ascii_draws_nothing_else() -> None:
    async with at_updates(ascii=True) as seat:
        await seat.press("space")
        for _ in range(5):
            rows = await seat.press("right_square_bracket")
            assert [row for row in rows if not row.isascii()] == []
        for keys in (("enter",), ("escape", "u"), ("a",)):
            rows = await seat.press(*keys)
            assert [row for row in rows if not row.isascii()] == []
        await seat.press("escape")
        await run_of(seat, running("dgx1"), FAILED)
        assert [row for row in await seat.look() if not row.isascii()] == []


@journey
async def test_names_from_hosts_are_never_read_as_markup_nor_break_the_screen() -> None:
    odd = change("[/x]", "[bold]1", "[@click=app.quit]2", security=True, cves=("[/cve]",), kept_back="日本語")
    async with at_updates(known("[/h]", odd), size=(80, 24)) as seat:
        for _ in range(5):
            await seat.press("right_square_bracket")
            await seat.press("enter", "escape")
        assert "[/x]" in await go_to(seat, "packages")


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (100, 30), (220, 60)])
@journey
async def test_every_size_shows_rows_status_and_footer(size: tuple[int, int]) -> None:
    async with at_updates(size=size) as seat:
        rows = await seat.look()
        assert any("dgx[1-2]" in row for row in rows)
        assert "q quit" in rows[-1]
        assert all(len(row) <= size[0] for row in rows)
