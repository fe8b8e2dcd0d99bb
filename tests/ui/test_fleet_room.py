"""The Fleet screen in terminals of every size: which panes there are, and what each key does to them."""

from __future__ import annotations

from backends.engine.wire import History, Series
from tests.ui.fleet_console import opened
from tests.ui.host_console import journey
from tests.unit.present.fleet_rows import row


@journey
async def test_details_stand_beside_the_list_from_100_columns_on() -> None:
    async with opened(size=(99, 24)) as seat:
        assert "6.8.0-45-generic" not in await seat.text()
        await seat.resize(100, 24)
        rows = await seat.press("j")
        assert "▏ hung1  ▲ driver hung" in rows[2]
        assert not seat.engine.asked("host.history")
        await seat.press("d")
        assert "▏" not in await seat.text()


@journey
async def test_from_140_columns_on_details_show_the_past() -> None:
    async with opened([row("a")], size=(140, 30)) as seat:
        seat.answer(
            "host.history",
            lambda params: History(
                host=params["host"],
                start=0.0,
                interval_seconds=5.0,
                series=(Series(name="cpu.busy_percent", unit="percent", points=(0.0, 50.0, 100.0)),),
            ),
        )
        await seat.tick(6)
        rows = await seat.tick(1)
        assert any("cpu   37%" in line and "▁▅█" in line for line in rows)
        assert len(seat.engine.asked("host.history")) == 2
        await seat.tick(1)
        assert len(seat.engine.asked("host.history")) == 2


@journey
async def test_on_a_narrow_terminal_details_take_the_lists_place() -> None:
    async with opened() as seat:
        rows = await seat.press("d")
        assert "key2  ✖ KEY CHANGED" in rows[2]
        assert not seat.table.display
        await seat.press("escape")
        assert seat.table.display


@journey
async def test_zoom_walks_from_both_panes_to_each_alone() -> None:
    async with opened(size=(120, 24)) as seat:
        seen = []
        for _ in range(3):
            await seat.press("z")
            seen.append((seat.table.display, seat.fleet.query_one("#details").display))
        assert seen == [(True, False), (False, True), (True, True)]


@journey
async def test_wide_shows_more_columns_in_place_of_the_details() -> None:
    async with opened(size=(140, 30)) as seat:
        before = (await seat.look())[2]
        after = (await seat.press("w"))[2]
        assert "IOW%" not in before
        assert "IOW%" in after
        assert "▏" not in after
        assert (await seat.press("w"))[2] == before


@journey
async def test_below_60_by_16_there_is_one_sentence() -> None:
    async with opened(size=(59, 24)) as seat:
        assert "".join((await seat.look())[:2]).startswith("This terminal is 59x24; swarm-tui needs 60x16.")
        rows = await seat.resize(60, 15)
        assert rows[0].startswith("This terminal is 60x15")
        rows = await seat.resize(60, 16)
        assert "key2" in "\n".join(rows)
        assert "This terminal" not in "\n".join(rows)
