"""Journeys through health: the matrix, one host with all findings, taking in hand, setting healthy, checking now, the host's tab."""

from __future__ import annotations

import pytest

from backends.errors import RetryLater
from swarm_tui.present.line import plain
from swarm_tui.screens.fleet import FleetScreen
from swarm_tui.screens.health import HealthScreen
from swarm_tui.screens.health_page import HealthPage
from swarm_tui.screens.host import HostScreen
from swarm_tui.widgets.lines import FixedLines
from tests.ui import golden
from tests.ui.fleet_console import Seat, opened
from tests.ui.health_engine import (
    BLIND,
    RESULTS,
    SICK,
    TAKEN,
    UNIT,
    WELL,
    XID,
    HealthDesk,
    HealthSeat,
    at_health,
    result,
)
from tests.ui.host_console import journey
from tests.ui.memory_engine import MemoryEngine
from tests.unit.present.fleet_rows import row


def screen(seat: HealthSeat) -> HealthScreen:
    assert isinstance(seat.app.screen, HealthScreen), seat.app.screen
    return seat.app.screen


def page(seat: Seat) -> HealthPage:
    assert isinstance(seat.app.screen, HealthPage), seat.app.screen
    return seat.app.screen


def below(seat: HealthSeat) -> str:
    """What is said of the cell under the cursor."""
    return "\n".join(plain(line) for line in screen(seat).query_one("#below", FixedLines).lines)


# The matrix -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (140, 40)])
@journey
async def test_golden(columns: int, rows: int) -> None:
    async with at_health(size=(columns, rows)) as seat:
        golden.check(f"health-{columns}x{rows}", await seat.look())


@journey
async def test_the_worst_host_comes_first_with_the_cursor_on_its_gravest_check() -> None:
    async with at_health() as seat:
        hosts = [row.key for row in screen(seat).list.rows]
        assert hosts == ["gpu02", "gpu03", "gpu04", "gpu05", "gpu01"]
        assert screen(seat).check == "XID"
        assert "errors that the GPU driver reports" in below(seat) and "→ drain, then power-cycle" in below(seat)


@journey
async def test_every_cell_says_what_it_is_without_colour() -> None:
    async with at_health() as seat:
        rows = {line.split()[1]: line for line in await seat.look() if " gpu0" in line}
        assert "✖" in rows["gpu02"] and "▲" in rows["gpu02"] and "?" in rows["gpu04"][3:]
        assert " A " in rows["gpu03"], "somebody has it in hand"
        assert "no answer for 10 s" in rows["gpu05"], (
            "a host that was never looked at has no cells, and never a well one"
        )


@journey
async def test_the_cursor_goes_over_checks_and_stays_on_them() -> None:
    async with at_health() as seat:
        while screen(seat).check != "H20":
            await seat.press("right")
        assert "[/x] backup.service has failed" in below(seat)
        await seat.press("j")
        assert "H20" in below(seat) and "gpu03" in below(seat)
        await seat.press(*["right"] * 20)
        assert screen(seat).check == "site:licences"
        await seat.press(*["left"] * 40)
        assert screen(seat).check == "XID"


@journey
async def test_checks_without_room_come_in_when_the_cursor_reaches_them() -> None:
    names = [f"site:check{number:02}" for number in range(40)]
    sick = [type(UNIT)(check=name, severity=UNIT.severity, text=f"{name} is odd") for name in names]
    async with at_health({"gpu01": result("gpu01", *sick)}) as seat:
        assert "checks 1–23 of 40" in await seat.text()
        await seat.press(*["right"] * 39)
        assert "checks 18–40 of 40" in await seat.text() and "check39 is odd" in below(seat)


@journey
async def test_problems_only_leaves_out_hosts_and_checks_that_are_well() -> None:
    async with at_health() as seat:
        text = "\n".join(await seat.press("exclamation_mark"))
        assert "gpu01" not in text and "gpu04" not in text and "gpu05" in text
        assert "problems only" in text and " 02 " not in text
        text = "\n".join(await seat.press("escape"))
        assert "gpu01" in text and " 02 " in text


@journey
async def test_the_filter_is_live_and_escape_takes_it_away() -> None:
    async with at_health() as seat:
        text = "\n".join(await seat.press("slash", *"read-only"))
        assert "gpu03" in text and "gpu02 " not in text
        text = "\n".join(await seat.press(*"zz", "enter"))
        assert "no host like that" in text
        assert "gpu02" in "\n".join(await seat.press("escape"))


@journey
async def test_only_what_changed_is_asked_for_and_shown() -> None:
    async with at_health() as seat:
        await seat.later()
        assert seat.asked("view")[-1] == {"since": 1}
        seat.desk.show("gpu01", TAKEN)
        assert "/data is read-only" in await seat.later() and len(screen(seat).hosts) == 5


@journey
async def test_a_frozen_picture_is_not_asked_for() -> None:
    async with at_health() as seat:
        await seat.press("p")
        before = len(seat.asked("view")), len(seat.asked("host"))
        await seat.later(10.0)
        assert (len(seat.asked("view")), len(seat.asked("host"))) == before


@journey
async def test_hosts_are_checked_now_the_marked_ones_or_this_one() -> None:
    async with at_health() as seat:
        await seat.press("r")
        assert seat.asked("run") == [{"select": "gpu02"}]
        await seat.press("space", "space", "r")
        assert seat.asked("run")[-1] == {"select": "gpu02,gpu03"}
        assert seat.toasts()[-1] == "checking 2 hosts"
        seat.desk.show("gpu02", *SICK, busy=True)
        assert "checking a host" in await seat.later() or "marked" in await seat.text()
        await seat.press("escape")
        assert screen(seat).marks == set()


@journey
async def test_an_engine_that_refuses_is_said_and_the_last_picture_stays() -> None:
    async with at_health() as seat:
        seat.engine.refuse["checks.view"] = RetryLater("the engine is busy")
        text = await seat.later()
        assert "the engine is busy" in text and "gpu02" in text


@journey
async def test_before_there_is_an_answer_and_without_hosts() -> None:
    engine = MemoryEngine([row("gpu01")])
    engine.refuse["checks.view"] = RetryLater("no health checks here", hint="a replay has none")
    async with at_health({}, engine=engine) as seat:
        text = await seat.text()
        assert "no health checks here" in text and "a replay has none" in text
        del engine.refuse["checks.view"]
        assert "there are no hosts" in await seat.later()
        await seat.press("enter", "r", "y")
        assert seat.asked("run") == [] and seat.toasts()[-1] == "copy: no host here"


# Acting -----------------------------------------------------------------------------------------------------------


@journey
async def test_a_finding_is_taken_in_hand_with_a_note() -> None:
    async with at_health() as seat:
        await seat.press("a", *"cable ordered", "enter")
        assert seat.asked("ack") == [
            {"host": "gpu02", "check": "XID", "object": "0000:05:00 79", "note": "cable ordered"}
        ]
        await seat.later()
        assert "ops has it in hand" in below(seat)


@journey
async def test_setting_healthy_is_asked_first_and_enter_is_no_yes() -> None:
    async with at_health() as seat:
        await seat.press("c")
        assert seat.dialog == "Set it healthy?"
        await seat.press("enter")
        assert seat.asked("clear") == []
        await seat.press("c", "y")
        assert seat.asked("clear")[-1]["check"] == "XID"
        await seat.later()
        assert "set healthy by ops" in below(seat)


@journey
async def test_what_is_well_or_only_unknown_cannot_be_taken_in_hand() -> None:
    async with at_health() as seat:
        await seat.press("right", "a")
        assert seat.toasts()[-1] == "ack: nothing is wrong here"
        while screen(seat).check != "H05":
            await seat.press("right")
        await seat.press("c")
        assert seat.toasts()[-1] == "set healthy: nothing is wrong here" and seat.asked("clear") == []


@journey
async def test_read_only_looks_only() -> None:
    async with at_health(read_only=True) as seat:
        await seat.press("a")
        await seat.press("c")
        assert seat.asked("ack") == [] and seat.asked("clear") == []
        assert seat.toasts()[-1] == "set healthy: read-only"


@journey
async def test_the_problems_are_copied_as_markdown() -> None:
    async with at_health() as seat:
        await seat.press("y")
        assert seat.app.clipboard.startswith("**gpu02: critical") and "- warning H20 [/x] backup" in seat.app.clipboard


# One host ---------------------------------------------------------------------------------------------------------


@journey
async def test_enter_shows_all_that_was_found_with_evidence_since_when_and_what_to_do() -> None:
    async with at_health() as seat:
        await seat.press("enter")
        golden.check("health-host-80x24", await seat.look())
        text = await seat.text()
        for part in ("NVRM: Xid", "outlived 1 reboot ", "reboot", "→ drain, then power-cycle", "[/x] backup.service"):
            assert part in text
        assert "left out" in "\n".join(await seat.press("G"))
        await seat.press("escape")
        assert screen(seat).host == "gpu02"


@journey
async def test_on_the_page_the_finding_under_the_cursor_is_meant() -> None:
    async with at_health() as seat:
        await seat.press("enter", "j", "a", "enter")
        assert page(seat).finding_key().startswith("H20")
        assert seat.asked("ack")[-1] == {"host": "gpu02", "check": "H20", "object": "backup.service", "note": ""}
        await seat.press("r")
        assert seat.asked("run") == [{"select": "gpu02"}]


@journey
async def test_a_host_that_was_never_looked_at_says_so_on_its_page() -> None:
    async with at_health() as seat:
        await seat.press("j", "j", "j", "enter")
        assert "gpu05: not checked yet: no answer for 10 s" in await seat.text()
        seat.desk.show("gpu05", *WELL)
        assert "well  4" in await seat.later()


@journey
async def test_the_host_itself_is_one_key_away() -> None:
    async with at_health() as seat:
        await seat.press("enter", "h")
        assert isinstance(seat.app.screen, HostScreen)


# Ways in ----------------------------------------------------------------------------------------------------------


@journey
async def test_from_the_fleets_menu_one_host_is_a_page_and_several_are_the_matrix() -> None:
    engine = MemoryEngine(row(name) for name in RESULTS)
    HealthDesk(engine)
    async with opened(engine=engine) as seat:
        await seat.press("x", "h")
        assert isinstance(seat.app.screen, HealthPage)
        await seat.press("escape")
        assert isinstance(seat.app.screen, FleetScreen)
        await seat.press("asterisk", "x", "h")
        assert isinstance(seat.app.screen, HealthScreen)


@journey
async def test_the_hosts_own_tab_shows_problems_checks_now_and_leads_to_all_of_them() -> None:
    engine = MemoryEngine(row(name) for name in RESULTS)
    desk = HealthDesk(engine)
    async with opened(engine=engine) as seat:
        seat.app.open_host("gpu02", "health")
        text = "\n".join(await seat.tick(3.0))
        for part in (
            "health checks",
            "XID 79",
            "→ drain, then power-cycle",
            "[/x] backup.service",
            "● 4 well",
            "at a glance",
        ):
            assert part in text
        await seat.press("r")
        assert engine.asked("checks.run") == [{"select": "gpu02"}]
        desk.show("gpu02", *WELL)
        assert "nothing found: 4 well" in "\n".join(await seat.tick(3.0))
        await seat.press("enter")
        assert page(seat).host == "gpu02"


@journey
async def test_the_tab_of_a_host_that_cannot_be_checked_says_why() -> None:
    engine = MemoryEngine(row(name) for name in RESULTS)
    desk = HealthDesk(engine)
    async with opened(engine=engine) as seat:
        seat.app.open_host("gpu05", "health")
        assert "✖ no answer for 10 s" in "\n".join(await seat.tick(3.0))
        desk.errors = {}
        assert "Not checked yet. r checks it now." in "\n".join(await seat.tick(3.0))
        desk.busy = {"gpu05"}
        assert "checking it for the first time…" in "\n".join(await seat.tick(3.0))


@journey
async def test_ascii_shows_the_same() -> None:
    async with at_health(ascii=True) as seat:
        text = await seat.text()
        assert text.isascii() and "[X]" in text
        assert "\n".join(await seat.press("enter")).isascii()


@journey
async def test_hostile_text_is_text() -> None:
    wild = type(XID)(
        check="site:[b]x", object="[/]", severity=XID.severity, text="[red]\x1b[2J owned", evidence=("[/x]",)
    )
    async with at_health({"gpu01": result("gpu01", wild, BLIND)}) as seat:
        assert "[red]" in await seat.text() and "\x1b" not in await seat.text()
        await seat.press("enter")
        assert "[/x]" in await seat.text()
