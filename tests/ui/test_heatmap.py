"""Journeys over the heat map: every GPU of the fleet, the facts of one, and the way to its host."""

from __future__ import annotations

from backends.engine.wire import HostRow
from swarm_tui.screens.heatmap import HeatmapScreen
from swarm_tui.screens.host import HostScreen
from tests.ui import golden
from tests.ui.fleet_console import Seat, opened
from tests.ui.host_console import journey
from tests.unit.present.fleet_rows import cell, fleet, gpu_row, row


def cursor(seat: Seat) -> tuple[str, int]:
    assert isinstance(seat.app.screen, HeatmapScreen)
    return seat.app.screen.cursor


def many(hosts: int) -> list[HostRow]:
    return [gpu_row(f"n{number}", *(cell(float(number)) for _ in range(4))) for number in range(hosts)]


@journey
async def test_golden() -> None:
    async with opened([*fleet(), *many(40)], size=(140, 40)) as seat:
        golden.check("heatmap-140x40", await seat.press("h", "g", "right"))


@journey
async def test_it_opens_on_the_host_under_the_cursor_or_on_the_first_with_gpus() -> None:
    async with opened(many(3)) as seat:
        await seat.press("j", "h")
        assert cursor(seat) == ("n1", 0)
    async with opened([row("a"), *many(2)]) as seat:
        await seat.press("h")
        assert cursor(seat) == ("n0", 0)


@journey
async def test_it_moves_over_gpus_and_hosts_and_stops_at_the_ends() -> None:
    async with opened(many(3)) as seat:
        await seat.press("h", "left", "up")
        assert cursor(seat) == ("n0", 0)
        await seat.press("right", "right", "down", "j")
        assert cursor(seat) == ("n2", 2)
        await seat.press("right", "right", "right", "down")
        assert cursor(seat) == ("n2", 3)
        await seat.press("g")
        assert cursor(seat) == ("n0", 0)
        await seat.press("G")
        assert cursor(seat) == ("n2", 3)


@journey
async def test_behind_a_hosts_last_gpu_comes_the_host_beside_it() -> None:
    async with opened(many(40), size=(80, 24)) as seat:
        await seat.press("h", "g")
        assert isinstance(seat.app.screen, HeatmapScreen)
        rows = seat.app.screen._grid.rows
        await seat.press("right", "right", "right", "right")
        assert cursor(seat) == (f"n{rows}", 0)
        await seat.press("left")
        assert cursor(seat) == ("n0", 3)


@journey
async def test_a_host_with_fewer_gpus_takes_the_nearest() -> None:
    async with opened([gpu_row("a"), gpu_row("b", cell())]) as seat:
        await seat.press("h", "right", "right", "down")
        assert cursor(seat) == ("b", 0)


@journey
async def test_the_facts_of_the_gpu_under_the_cursor() -> None:
    async with opened(size=(120, 24)) as seat:
        rows = await seat.press("h", "g", "down", *["right"] * 3)
        facts = rows[-4]
        assert "dgx2 gpu 3  NVIDIA H100 80GB HBM3  utilisation 99%, memory 75%, temperature 86°C, power 640W" in facts
        rows = await seat.press("n")
        assert cursor(seat) == ("dgx10", 3)
        assert "L lost: fell off the bus" in rows[-4]
        assert "utilisation n/a" in rows[-4]


@journey
async def test_metrics_go_round_both_ways_with_their_scale() -> None:
    async with opened(many(2), size=(100, 24)) as seat:
        rows = await seat.press("h")
        titles = []
        for _ in range(4):
            rows = await seat.press("m")
            titles.append((rows[1].rpartition("› ")[2].strip(), rows[-3].split()[-1]))
        assert titles == [("memory", "100%"), ("temperature", "90°C"), ("power", "700W"), ("utilisation", "100%")]
        rows = await seat.press("M")
        assert rows[1].endswith("power")


@journey
async def test_n_walks_over_the_flags_and_begins_again() -> None:
    async with opened() as seat:
        await seat.press("h", "g")
        seen = []
        for _ in range(3):
            await seat.press("n")
            seen.append(cursor(seat))
        assert seen == [("dgx10", 3), ("hung1", 0), ("dgx10", 3)]


@journey
async def test_no_flag_anywhere_is_said() -> None:
    async with opened(many(2)) as seat:
        await seat.press("h", "n")
        assert seat.toasts() == ["no GPU has a flag"]


@journey
async def test_a_fleet_without_gpus_says_so_and_every_key_is_harmless() -> None:
    async with opened([row("a")]) as seat:
        text = "\n".join(await seat.press("h"))
        assert "No GPU in this fleet, or none has been read yet." in text
        await seat.press("left", "right", "up", "down", "g", "G", "m", "n", "enter", "R")
        assert seat.toasts()[-2:] == ["open host: no GPU here", "polling all hosts"]


@journey
async def test_a_map_that_does_not_fit_scrolls_with_the_cursor() -> None:
    async with opened(many(150), size=(80, 24)) as seat:
        rows = await seat.press("h", "G")
        assert any(" n149 " in line for line in rows)
        assert "150/150" in rows[-2]
        rows = await seat.press("g")
        assert rows[2].startswith(" n0 ")


@journey
async def test_the_cursor_stays_on_its_gpu_when_hosts_come_and_go() -> None:
    async with opened(many(5)) as seat:
        await seat.press("j", "j", "j", "h", "right")
        seat.engine.remove("n0")
        await seat.tick()
        assert cursor(seat) == ("n3", 1)
        seat.engine.remove("n3")
        await seat.tick()
        assert cursor(seat) == ("n1", 0)


@journey
async def test_when_the_last_gpu_is_gone_no_facts_are_left_behind() -> None:
    async with opened([row("a"), *many(1)]) as seat:
        rows = await seat.press("h")
        assert "n0 gpu 0" in rows[-4]
        seat.engine.remove("n0")
        rows = await seat.tick()
        assert "n0 gpu 0" not in "\n".join(rows)


@journey
async def test_enter_opens_the_gpu_tab_of_the_host() -> None:
    async with opened() as seat:
        await seat.press("h", "g", "enter")
        assert isinstance(seat.app.screen, HostScreen)
        assert (seat.app.screen.host, seat.app.screen.choice.tab) == ("dgx1", "gpu")


@journey
async def test_the_mouse_picks_a_gpu() -> None:
    async with opened(many(3)) as seat:
        rows = await seat.press("h")
        column = rows[3].index("▁")
        await seat.click(column + 4, 3)
        assert cursor(seat) == ("n1", 1)
