"""Journeys through a picture that is held still: nothing moves, nothing is sent, and the engine goes on."""

from __future__ import annotations

import pytest

from backends.errors import RetryLater
from tests.ui.fleet_console import Seat, opened
from tests.ui.host_console import journey
from tests.unit.present.fleet_rows import row


def listen_in(seat: Seat, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What is painted from now on."""
    painted: list[object] = []
    monkeypatch.setattr(seat.app, "_display", lambda screen, update: painted.append(update) if update else None)
    return painted


@journey
async def test_frozen_numbers_stay_and_the_banner_says_since_when() -> None:
    async with opened([row("a", cpu_percent=10.0)]) as seat:
        rows = await seat.press("p")
        assert "FROZEN at 08:00:00 — the engine goes on watching — p goes on" in rows[2]
        rows = await seat.put(row("a", cpu_percent=77.0))
        assert "10" in rows[4].split()
        rows = await seat.press("p")
        assert "FROZEN" not in "\n".join(rows)
        assert "77" in rows[3].split()


@pytest.mark.parametrize("size", [(80, 24), (140, 40)])
@journey
async def test_a_frozen_console_sends_nothing_at_all(monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]) -> None:
    async with opened(size=size) as seat:
        await seat.press("p")
        painted = listen_in(seat, monkeypatch)
        for _ in range(5):
            await seat.put(row("web1", cpu_percent=99.0), seconds=8)
        assert painted == []
        await seat.press("p")
        assert painted != []


@journey
async def test_the_clock_goes_on_in_a_frozen_picture() -> None:
    async with opened([row("a")]) as seat:
        await seat.press("p")
        rows = await seat.tick(60)
        assert rows[0].endswith("08:01")
        assert "FROZEN at 08:00:00" in rows[2]


@journey
async def test_one_can_move_and_filter_in_a_frozen_picture() -> None:
    async with opened([row("a"), row("b")]) as seat:
        await seat.press("p", "j")
        assert seat.table.cursor == "b"
        await seat.press("slash", "a", "enter")
        assert seat.hosts == ["a"]


@journey
async def test_a_frozen_heat_map_stays_too(monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened() as seat:
        await seat.press("h", "p")
        painted = listen_in(seat, monkeypatch)
        await seat.tick(40)
        assert painted == []


@journey
async def test_a_lost_engine_is_said_even_while_frozen() -> None:
    async with opened([row("a")]) as seat:
        await seat.press("p")
        seat.engine.gone = RetryLater("the engine closed the connection")
        rows = await seat.tick(7)
        assert "engine lost 0s ago, reconnecting — the engine closed the connection" in rows[2]
        rows = await seat.tick(7)
        assert "engine lost 7s ago" in rows[2]
        seat.engine.gone = None
        rows = await seat.tick(1)
        assert "FROZEN at 08:00:00" in rows[2]
