"""Journeys through maintenance runs: begin one, read its dry run, start it, follow it, help it, read what came of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from backends.errors import BadInput
from backends.maintenance.model import RunStatus
from swarm_tui import run_file
from swarm_tui.screens.fleet import FleetScreen
from swarm_tui.screens.run_board import BoardScreen
from swarm_tui.screens.run_compose import ComposeScreen
from swarm_tui.screens.run_dry import DryRunScreen
from swarm_tui.screens.run_named import NamedScreen
from swarm_tui.screens.run_output import OutputScreen
from swarm_tui.screens.run_report import ReportScreen
from swarm_tui.screens.runs import RunsScreen
from tests.ui import golden
from tests.ui.host_console import journey
from tests.ui.runs_engine import RunsSeat, at_runs
from tests.unit.present.run_data import HASH, RED, YELLOW, dry, many, plan


def compose(seat: RunsSeat) -> ComposeScreen:
    assert isinstance(seat.app.screen, ComposeScreen), seat.app.screen
    return seat.app.screen


async def go_to(seat: RunsSeat, name: str) -> str:
    """Put the cursor of the board on a host."""
    assert isinstance(seat.app.screen, BoardScreen)
    seat.app.screen.list.move_to(("host", name))
    return await seat.text()


# The list ---------------------------------------------------------------------------------------------------------


@journey
async def test_without_a_run_the_screen_explains_how_one_begins() -> None:
    async with at_runs(size=(80, 24)) as seat:
        text = await seat.text()
        assert "No maintenance run yet." in text
        assert "mark hosts on 1 Fleet with Space, then M" in text
        await seat.press("enter", "y")
        assert seat.toasts()[-2:] == ["board: no run here", "copy: no run here"]


@journey
async def test_the_list_shows_runs_and_damaged_journals() -> None:
    async with at_runs() as seat:
        seat.desk.go()
        seat.desk.damaged = {"r-x": "line 12 does not follow"}
        text = await seat.later()
        assert "monthly" in text
        assert "r-x: held: line 12 does not follow" in text
        text = "\n".join(await seat.press("slash", *"zzz", "enter"))
        assert "Nothing matches /zzz" in text
        assert "monthly" in "\n".join(await seat.press("escape"))


@journey
async def test_an_engine_that_refuses_is_said_with_what_helps() -> None:
    async with at_runs() as seat:
        seat.engine.refuse["runs.list"] = BadInput("runs cannot be read", hint="look at the log")
        await seat.press("1", "5")
        assert "runs cannot be read" in await seat.later()


# From hosts to a run ----------------------------------------------------------------------------------------------


@journey
async def test_the_whole_way_compose_dry_run_start_pause_resume_answer_report() -> None:
    async with at_runs() as seat:
        await seat.press("1", "space", "space", "M")
        assert compose(seat).draft.select == "gpu[01-02]"
        text = "\n".join(await seat.press("d"))
        assert isinstance(seat.app.screen, DryRunScreen)
        assert seat.asked("compose")[0]["select"] == "gpu[01-02]"
        assert "nothing was changed yet" in text
        await seat.press("s", "5", "enter")
        assert seat.asked("create") == [{"hash": HASH}]
        assert seat.asked("start") == [{"run": "r-1", "hash": HASH}]
        assert isinstance(seat.app.screen, BoardScreen)
        seat.desk.go(edges=50)
        assert "applying" in await seat.later()
        await seat.press("P")
        assert "paused by anna" in await seat.text()
        await seat.press("u")
        assert seat.asked("resume") == [{"run": "r-1"}]
        await go_to(seat, "gpu04")
        await seat.press("a", *"mine", "enter")
        assert seat.asked("answer") == [{"run": "r-1", "host": "gpu04", "text": "mine"}]
        text = "\n".join(await seat.press("o"))
        assert isinstance(seat.app.screen, ReportScreen)
        assert "Run monthly" in text
        await seat.press("escape", "escape")
        assert isinstance(seat.app.screen, RunsScreen)


@journey
async def test_from_the_menu_of_the_fleet_and_from_the_command_line_too() -> None:
    async with at_runs() as seat:
        await seat.press("1", "x", "m")
        assert compose(seat).draft.select == "gpu01"
        await seat.press("colon", *"maintain", "space", *"rack1", "enter")
        assert compose(seat).draft.select == "rack1"


@journey
async def test_steps_and_limits_are_changed_with_few_keys() -> None:
    async with at_runs() as seat:
        await seat.press("1", "M")
        screen = compose(seat)
        await seat.press("j", "space")  # the drain is left out
        await seat.press("greater_than_sign")
        assert [each.text for each in screen.draft.opened()][:2] == ["snapshot", "drain"]
        await seat.press("i", *"command:stop", "enter")
        assert screen.draft.opened()[2].text == "command:stop"
        screen.list.move_to(("field", "max_failed"))
        await seat.press("right", "right")
        assert screen.draft.value("max_failed") == 3
        screen.list.move_to(("field", "batches"))
        await seat.press("enter", *"half", "enter")
        assert seat.toasts()[-1] == "batches: sizes, the last repeats: 1 10% 50%"
        await seat.press("d")
        (params,) = seat.asked("compose")
        assert params["steps"] == ["snapshot", "command:stop", "update", "reboot-if-needed", "check", "resume"]
        assert params["max_failed"] == 3
        assert "batches" not in params


@journey
async def test_a_named_run_is_worked_out_as_it_is_written() -> None:
    async with at_runs() as seat:
        text = "\n".join(await seat.press("n", "j"))
        assert "drain > update:security > check > resume" in text
        text = "\n".join(await seat.press("enter"))
        assert "tag:a100" in text and "1. drain" in text
        await seat.press("d")
        assert seat.asked("compose") == [{"name": "monthly"}]


@journey
async def test_the_steps_of_a_named_run_are_there_to_be_changed() -> None:
    async with at_runs() as seat:
        await seat.press("n", "j", "enter")
        compose(seat).list.move_to(("step", -1))
        await seat.press("enter", "space", "d")
        assert seat.asked("compose") == [{"name": "monthly", "steps": ["update:security", "check", "resume"]}]
        assert isinstance(seat.app.screen, DryRunScreen)
        await seat.press("escape", "escape")
        assert isinstance(seat.app.screen, RunsScreen)


@journey
async def test_a_named_run_that_means_no_host_says_so_before_it_is_chosen() -> None:
    async with at_runs() as seat:
        text = "\n".join(await seat.press("n"))
        assert isinstance(seat.app.screen, NamedScreen)
        assert 'tag:cpu: no host has the tag "cpu"' in text


@journey
async def test_without_named_runs_it_says_how_one_is_written() -> None:
    async with at_runs(size=(80, 24)) as seat:
        seat.desk.named = ()
        text = "\n".join(await seat.press("n"))
        assert "The configuration names no run." in text and "[[runs]]" in text
        await seat.press("enter", "y")
        assert seat.toasts()[-2:] == ["compose: no run here", "copy: no run here"]
        seat.engine.refuse["runs.names"] = BadInput(
            "there are no maintenance runs here", hint="a replay changes nothing"
        )
        text = "\n".join(await seat.press("escape", "n"))
        assert "a replay changes nothing" in text


@journey
async def test_a_name_that_is_not_there_any_more_says_so() -> None:
    async with at_runs() as seat:
        seat.engine.refuse["runs.compose"] = BadInput("no run is called monthly", hint="there are: weekly")
        await seat.press("n", "j", "enter", "d")
        assert "there are: weekly" in seat.toasts()[-1]
        assert "working it out" not in await seat.text()


@journey
async def test_a_draft_waits_while_one_looks_elsewhere() -> None:
    async with at_runs() as seat:
        await seat.press("1", "M", "j", "space", "1", "5", "c")
        assert not compose(seat).draft.opened()[0].on


@journey
async def test_without_hosts_nothing_is_worked_out() -> None:
    async with at_runs() as seat:
        await seat.press("c", "d")
        assert seat.toasts()[-1] == "dry run: no host is meant: Enter on hosts"
        await seat.press("enter", *"gpu01", "enter")
        assert seat.engine.asked("hosts.select") == [{"select": "gpu01"}]
        assert "5 hosts: gpu01 gpu02" in await seat.text()


# The dry run ------------------------------------------------------------------------------------------------------


@journey
async def test_what_is_red_cannot_be_started_and_says_why() -> None:
    async with at_runs() as seat:
        seat.desk.dry = dry(RED, YELLOW)
        text = "\n".join(await seat.press("1", "M", "d"))
        assert "✖ It may not start: 1 red" in text
        await seat.press("s")
        assert seat.toasts()[-1] == "start: it may not start: the window is too short for one host"
        assert not seat.asked("create")


@journey
async def test_only_the_exact_number_of_hosts_starts_a_run() -> None:
    async with at_runs() as seat:
        await seat.press("1", "M", "d", "s")
        assert seat.dialog == "Start on 5 hosts?"
        await seat.press("y", "enter")
        assert seat.toasts()[-1] == "that is not it; Esc leaves"
        await seat.press("escape")
        assert isinstance(seat.app.screen, DryRunScreen)
        assert not seat.asked("create")


@journey
async def test_a_plan_that_needs_approvals_is_written_down_and_waits() -> None:
    async with at_runs() as seat:
        seat.desk.dry = dry(plan=plan(approvals=1))
        await seat.press("1", "M", "d", "s", "y")
        assert seat.asked("create") == [{"hash": HASH}]
        assert not seat.asked("start")
        assert "waits for 1 other person to approve: A" in await seat.text()
        await seat.press("s")
        assert seat.toasts()[-1] == "start: 1 approvals are missing: A"
        await seat.press("A", "y")
        assert seat.asked("approve") == [{"run": "r-1", "hash": HASH}]


@journey
async def test_a_run_that_could_not_be_started_waits_on_its_board() -> None:
    async with at_runs() as seat:
        seat.engine.refuse["runs.start"] = BadInput("gpu02 is held by run r-9 of bob")
        await seat.press("1", "M", "d", "s", "5", "enter")
        assert "held by run r-9 of bob" in seat.toasts()[-1]
        assert isinstance(seat.app.screen, BoardScreen)
        assert "nothing has begun: s starts it" in await seat.text()


# The board --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (140, 40)])
@journey
async def test_golden(columns: int, rows: int) -> None:
    async with at_runs(going=True, size=(columns, rows)) as seat:
        golden.check(f"run-board-{columns}x{rows}", await seat.look())


@journey
async def test_golden_of_composing_and_of_a_dry_run() -> None:
    async with at_runs(size=(80, 24)) as seat:
        seat.desk.dry = dry(YELLOW)
        golden.check("run-named-80x24", await seat.press("n"))
        golden.check("run-named-compose-80x24", await seat.press("j", "enter"))
        golden.check("run-compose-80x24", await seat.press("1", "M"))
        golden.check("run-dry-80x24", await seat.press("d"))


@journey
async def test_an_unchanged_run_costs_a_version_and_a_frozen_one_nothing() -> None:
    async with at_runs(going=True) as seat:
        await seat.later()
        assert seat.asked("view")[-1] == {"run": "r-1", "since": 0}
        assert "7 of 8 GPUs came" in await seat.text()
        await seat.press("p")
        before = len(seat.asked("view"))
        await seat.later()
        assert len(seat.asked("view")) == before


@journey
async def test_enter_follows_what_the_host_prints() -> None:
    async with at_runs(going=True) as seat:
        await go_to(seat, "gpu03")
        text = "\n".join(await seat.press("enter"))
        assert isinstance(seat.app.screen, OutputScreen)
        assert "Setting up [/x] ..." in text
        seat.desk.output += "\nSetting up vim ..."
        assert "Setting up vim" in await seat.later()
        seat.engine.refuse["runs.output"] = BadInput("the link is down")
        text = await seat.later()
        assert "the link is down" in text
        assert "Setting up vim" in text


@journey
async def test_n_goes_round_those_that_need_somebody() -> None:
    async with at_runs(going=True) as seat:
        seen = []
        for _ in range(3):
            await seat.press("n")
            seen.append(seat.app.screen.subject())  # type: ignore[attr-defined]
        assert seen == [("gpu02",), ("gpu04",), ("gpu02",)]


@journey
async def test_a_pause_is_immediate_and_going_on_after_a_stop_is_asked_with_the_reason() -> None:
    async with at_runs(going=True) as seat:
        await seat.press("u")
        assert "nothing to take back" in seat.toasts()[-1]
        await seat.press("P", "P")
        assert [len(seat.asked(name)) for name in ("pause", "resume")] == [1, 1]
        seat.desk.change("r-1", status=RunStatus.STOPPED, why="2 failed", hint="cure them")
        await seat.later()
        text = "\n".join(await seat.press("P"))
        assert seat.dialog == "Go on all the same?"
        assert "2 failed" in text
        await seat.press("enter")
        assert len(seat.asked("resume")) == 1
        await seat.press("P", "y")
        assert len(seat.asked("resume")) == 2


@journey
async def test_abort_names_who_is_finished_and_who_is_skipped_and_wants_a_word() -> None:
    async with at_runs(going=True) as seat:
        text = "\n".join(await seat.press("X"))
        assert "never killed: gpu[03-04]" in text
        assert "Skipped: gpu05" in text
        await seat.press("y", "enter", "backspace", *"abort", "enter")
        assert seat.asked("abort") == [{"run": "r-1"}]
        await seat.press("X")
        assert seat.toasts()[-1] == "abort: it is over"


@journey
async def test_a_failed_host_is_tried_again_and_a_queued_one_is_left_out_after_a_question() -> None:
    async with at_runs(going=True) as seat:
        await go_to(seat, "gpu02")
        text = "\n".join(await seat.press("r"))
        assert "Once more: check" in text
        await seat.press("y")
        assert seat.asked("retry") == [{"run": "r-1", "host": "gpu02"}]
        await go_to(seat, "gpu05")
        await seat.press("r", "a")
        assert seat.toasts()[-2:] == ["retry: it did not fail", "answer: it asks nothing"]
        await seat.press("x", "y")
        assert seat.asked("skip") == [{"run": "r-1", "host": "gpu05"}]
        await go_to(seat, "gpu03")
        await seat.press("x")
        assert seat.toasts()[-1] == "skip: a host in work comes to its end"


@journey
async def test_the_next_batch_after_the_canaries_is_a_y_away() -> None:
    async with at_runs(going=True) as seat:
        await seat.press("m")
        assert seat.toasts()[-1] == "next batch: it goes on by itself when the batch has soaked"
        seat.desk.go(plan=plan(promote="key"), edges=50)
        await seat.later()
        await seat.press("m")
        assert seat.dialog == "Go on with the next batch?"
        await seat.press("y")
        assert seat.asked("promote") == [{"run": "r-1"}]
        await seat.press("m")
        assert seat.toasts()[-1] == "next batch: it goes on already"


@journey
async def test_a_note_is_about_the_host_at_the_cursor() -> None:
    async with at_runs(going=True) as seat:
        await go_to(seat, "gpu02")
        await seat.press("N", *"fan", "enter")
        assert seat.asked("note") == [{"run": "r-1", "text": "fan", "host": "gpu02"}]


@journey
async def test_read_only_looks_and_plans_and_changes_nothing() -> None:
    async with at_runs(going=True, read_only=True) as seat:
        await go_to(seat, "gpu02")
        for key in ("s", "P", "u", "X", "m", "x", "r", "a", "N", "A"):
            await seat.press(key)
            assert seat.toasts()[-1].endswith(": read-only"), key
        await seat.press("1", "M", "d", "s", "w")
        assert [each.split(": ")[1] for each in seat.toasts()[-2:]] == ["read-only", "read-only"]
        changing = {
            "start",
            "pause",
            "resume",
            "abort",
            "promote",
            "skip",
            "retry",
            "answer",
            "note",
            "approve",
            "create",
        }
        assert not any(seat.asked(name) for name in changing)


@journey
async def test_a_run_that_the_engine_does_not_know_says_so() -> None:
    async with at_runs() as seat:
        seat.desk.go()
        await seat.later()
        seat.engine.refuse["runs.view"] = BadInput("no run r-1", hint="swarm-tui run list")
        text = "\n".join(await seat.press("enter"))
        assert "no run r-1" in text
        await seat.press("P")
        assert seat.toasts()[-1] == "pause/go on: the run is not known yet"


@journey
async def test_a_lane_of_many_opens_with_enter() -> None:
    async with at_runs() as seat:
        shown, hosts = many(60)
        seat.desk.go(plan=shown, hosts=hosts, batch=0)
        await seat.later()
        text = "\n".join(await seat.press("enter"))
        assert "Enter shows n[000-059]" in text
        assert "n005" in "\n".join(await seat.press("enter"))


# The report -------------------------------------------------------------------------------------------------------


@journey
async def test_the_report_is_saved_as_markdown_or_as_json_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_file, "proposed", lambda run: tmp_path / f"{run}.md")
    async with at_runs(going=True) as seat:
        await seat.press("o", "e", "enter")
        assert (tmp_path / "r-1.md").read_text() == seat.desk.report
        assert (tmp_path / "r-1.md").stat().st_mode & 0o077 == 0
        await seat.press("e", "enter")
        assert "is there already" in seat.toasts()[-1]
        await seat.press("e", "end", "backspace", "backspace", *"jsonl", "enter")
        assert (tmp_path / "r-1.jsonl").read_text() == '{"kind":"plan"}\n'


# Looks ------------------------------------------------------------------------------------------------------------


@journey
async def test_ascii_draws_nothing_else() -> None:
    async with at_runs(going=True, ascii=True) as seat:
        for keys in ((), ("X",), ("escape", "1", "M"), ("d",)):
            rows = await seat.press(*keys)
            assert [row for row in rows if not row.isascii()] == []


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (100, 30), (220, 60)])
@journey
async def test_every_size_shows_hosts_status_and_footer(size: tuple[int, int]) -> None:
    async with at_runs(going=True, size=size) as seat:
        rows = await seat.look()
        assert any("gpu02" in row for row in rows)
        assert "q quit" in rows[-1]
        assert all(len(row) <= size[0] for row in rows)


@journey
async def test_from_elsewhere_the_fleet_is_still_one_key_away() -> None:
    async with at_runs(going=True) as seat:
        await seat.press("1")
        assert isinstance(seat.app.screen, FleetScreen)
