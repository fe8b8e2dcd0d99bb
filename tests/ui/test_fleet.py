"""Journeys through the Fleet screen: what stands where, in which order, and what one can open from there."""

from __future__ import annotations

from typing import Any

import pytest

from backends.engine.wire import HostRow
from backends.states import Severity
from swarm_tui.screens.host import HostScreen
from tests.ui import golden
from tests.ui.fleet_console import opened
from tests.ui.host_console import journey
from tests.unit.present.fleet_rows import NOW, row

WORST_FIRST = [
    "key2", "hung1", "away1", "auth1", "dgx10", "bare1", "key1",
    "lag1", "sudo1", "dgx2", "web2", "new1", "dgx1", "web1",
]  # fmt: skip


def many(count: int) -> list[HostRow]:
    return [row(f"n{number}", cpu_percent=float(number)) for number in range(count)]


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (140, 40)])
@journey
async def test_golden(columns: int, rows: int) -> None:
    async with opened(size=(columns, rows)) as seat:
        golden.check(f"fleet-{columns}x{rows}", await seat.look())


@journey
async def test_the_worst_come_first_and_the_cursor_starts_on_the_worst() -> None:
    async with opened() as seat:
        assert seat.hosts == WORST_FIRST
        assert seat.table.cursor == "key2"


@journey
async def test_a_host_that_gets_worse_rises_and_takes_the_cursor_along() -> None:
    async with opened([row("a"), row("b"), row("c")]) as seat:
        await seat.press("j", "j")
        assert seat.table.cursor == "c"
        rows = await seat.put(row("c", severity=Severity.CRITICAL, worst="memory errors"), seconds=10)
        assert seat.hosts == ["c", "a", "b"]
        assert seat.table.cursor == "c"
        assert rows[3].startswith("▌ c")


@journey
async def test_rows_stand_still_while_the_cursor_is_moving() -> None:
    async with opened([row("a"), row("b"), row("c")]) as seat:
        await seat.press("j")
        await seat.put(row("c", severity=Severity.CRITICAL))
        assert seat.hosts == ["a", "b", "c"]
        await seat.tick(5)
        assert seat.hosts == ["c", "a", "b"]
        assert seat.table.cursor == "b"


@journey
async def test_the_cursor_of_a_host_that_is_gone_goes_to_its_neighbour() -> None:
    async with opened(many(4)) as seat:
        await seat.press("j", "space", "k")
        seat.engine.remove("n1")
        await seat.tick()
        assert (seat.table.cursor, seat.table.marks) == ("n2", set())


@journey
async def test_sorted_by_the_letter_of_a_column_and_reversed() -> None:
    async with opened(many(3)) as seat:
        rows = await seat.press("o")
        assert "sort by n HOST  s STATE  c CPU%  m MEM%" in rows[-2]
        rows = await seat.press("c")
        assert seat.hosts == ["n2", "n1", "n0"]
        assert "by CPU% ▾" in rows[-2]
        rows = await seat.press("O")
        assert seat.hosts == ["n0", "n1", "n2"]
        assert "by CPU% ▴" in rows[-2]
        assert "CPU▴" in rows[2]


@journey
async def test_a_letter_of_no_column_is_said_and_escape_forgets_the_question() -> None:
    async with opened(many(3)) as seat:
        await seat.press("o", "Q")
        assert seat.toasts() == ["no column with the letter Q"]
        rows = await seat.press("o", "escape")
        assert "worst first" in rows[-2]
        await seat.press("j")
        assert seat.table.cursor == "n1"


@journey
async def test_the_sort_column_walks_with_less_and_greater() -> None:
    async with opened(many(3)) as seat:
        await seat.press("less_than_sign")
        before = seat.fleet.sort.column
        await seat.press("greater_than_sign")
        assert (before, seat.fleet.sort.column) == ("age", "worst")
        await seat.press("greater_than_sign")
        assert seat.fleet.sort.column == "host"


@journey
async def test_numbers_that_change_all_the_time_move_rows_every_three_seconds_only() -> None:
    async with opened(many(3)) as seat:
        await seat.press("o", "c")
        await seat.put(row("n0", cpu_percent=99.0))
        assert seat.hosts == ["n2", "n1", "n0"]
        await seat.tick(3)
        assert seat.hosts == ["n0", "n2", "n1"]


@journey
async def test_hosts_without_a_value_stand_last_in_either_direction() -> None:
    async with opened([row("a", cpu_percent=None), row("b", cpu_percent=1.0), row("c", cpu_percent=2.0)]) as seat:
        await seat.press("o", "c")
        assert seat.hosts == ["c", "b", "a"]
        await seat.press("O")
        assert seat.hosts == ["b", "c", "a"]


@journey
async def test_problems_only_and_back() -> None:
    async with opened() as seat:
        rows = await seat.press("exclamation_mark")
        assert seat.hosts == WORST_FIRST[:-2]
        assert "! problems only" in rows[-2]
        assert "1/12 of 14" in rows[-2]
        await seat.press("escape")
        assert seat.hosts == WORST_FIRST


@journey
async def test_long_lists_scroll_with_the_cursor_and_without_it() -> None:
    async with opened(many(60)) as seat:
        rows = await seat.press("G")
        assert rows[-3].startswith("▌ n59")
        rows = await seat.press("ctrl+u")
        assert seat.table.cursor == "n59"
        assert rows[3].startswith("  n32"), rows[3]
        rows = await seat.press("g")
        assert rows[3].startswith("▌ n0")
        await seat.press("pagedown", "ctrl+d")
        assert seat.table.cursor == "n19"
        await seat.press("home", "up", "end", "down")
        assert seat.table.cursor == "n59"


@journey
async def test_the_list_that_shrinks_stays_in_view() -> None:
    async with opened(many(60)) as seat:
        await seat.press("G", "slash", *"n1", "enter")
        rows = await seat.look()
        assert len(seat.hosts) == 11
        assert any(row.startswith("▌ n1") for row in rows)


@journey
async def test_enter_opens_the_host_and_escape_leads_back() -> None:
    async with opened() as seat:
        await seat.press("j", "enter")
        assert isinstance(seat.app.screen, HostScreen)
        assert seat.app.screen.host == "hung1"
        await seat.press("escape")
        assert seat.table.cursor == "hung1"


@journey
async def test_e_opens_the_events_of_the_host() -> None:
    async with opened() as seat:
        await seat.press("e")
        assert isinstance(seat.app.screen, HostScreen)
        assert seat.app.screen.choice.tab == "events"


@journey
async def test_the_mouse_picks_opens_and_sorts() -> None:
    async with opened(many(3)) as seat:
        await seat.click(4, 5)
        assert seat.table.cursor == "n2"
        await seat.click(3, 2)
        assert seat.hosts == ["n0", "n1", "n2"]
        assert seat.fleet.sort.column == "host"
        await seat.click(4, 4, times=2)
        assert isinstance(seat.app.screen, HostScreen)
        assert seat.app.screen.host == "n1"


@journey
async def test_polling_now_is_about_the_host_or_the_marked_ones() -> None:
    async with opened(many(3)) as seat:
        await seat.press("R")
        await seat.press("space", "space", "R")
        assert seat.engine.asked("fleet.poll") == [{"hosts": ["n0"]}, {"hosts": ["n0", "n1"]}]
        assert seat.toasts() == ["polling n0", "polling 2 hosts"]


@journey
async def test_plus_and_minus_change_how_often_hosts_are_sampled() -> None:
    async with opened(many(1)) as seat:
        await seat.press("plus")
        rows = await seat.tick()
        assert "every 0.5s" in rows[0]
        await seat.press("plus")
        await seat.press("minus")
        await seat.tick()
        await seat.press("minus")
        assert [each["seconds"] for each in seat.engine.asked("engine.set_interval")] == [0.5, 0.5, 1.0, 2.0]
        assert seat.toasts()[-1] == "every host is sampled each 2 s"


@journey
async def test_an_unchanged_picture_repaints_nothing_and_a_changed_number_only_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fresh = [row(f"n{number}", sample_time=NOW + 5) for number in range(5)]
    async with opened(fresh) as seat:
        painted: list[Any] = []
        monkeypatch.setattr(seat.table, "refresh", lambda *regions, **_: painted.extend(regions))
        await seat.tick()
        assert painted == []
        await seat.put(row("n3", sample_time=NOW + 5, cpu_percent=34.0))
        assert [(region.y, region.width, region.height) for region in painted] == [(4, 1, 1)]
