"""Gives the engine in memory the answers about triage: rounds that go on until a test lets them end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from msgspec.structs import replace

from backends.triage.model import Bundle
from backends.triage.views import Compared, Kept, Outcome
from tests.ui.fleet_console import Seat, opened
from tests.ui.memory_engine import MemoryEngine
from tests.unit import triage_samples as data
from tests.unit.present.fleet_rows import row

HOSTS = ("gpu1", "gpu2", "gpu3", "gpu4")


class TriageDesk:
    """What the engine would say now; tests change it between two looks."""

    def __init__(self, engine: MemoryEngine):
        self.outcomes: dict[str, Outcome] = {"gpu1": data.DONE, "gpu2": data.FINE, "gpu3": data.LOST}
        """How each host ends; the others are asked for ever."""
        self.held = False
        """Nobody has answered yet."""
        self.bundles: dict[int, Bundle] = {data.NUMBER: data.ILL, data.PEER_NUMBER: data.WELL}
        self.kept: tuple[Kept, ...] = data.KEPT
        self.compared: Compared = data.COMPARED
        self._hosts: dict[int, tuple[str, ...]] = {}
        self._engine = engine
        engine.handlers |= {
            "triage.start": self._start,
            "triage.round": lambda params: self._round(params["id"]),
            "triage.get": lambda params: self.bundles[params["number"]],
            "triage.list": lambda params: {"bundles": [each for each in self.kept if each.host == params["host"]]},
            "triage.difference": lambda _: self.compared,
        }

    def _start(self, params: Mapping[str, Any]) -> object:
        number = len(self._hosts) + 1
        self._hosts[number] = tuple(params["select"].split(","))
        return self._round(number)

    def _round(self, number: int) -> object:
        outcomes = (self._outcome(host) for host in self._hosts[number])
        return replace(data.round_(*outcomes, number=number), now=self._engine.now)

    def _outcome(self, host: str) -> Outcome:
        going = Outcome(host=host, standing="asking", asked=data.NOW, seconds=self._engine.now - data.NOW)
        return going if self.held else self.outcomes.get(host, going)


class TriageSeat(Seat):
    """The seat in front of a fleet whose hosts can be looked at."""

    desk: TriageDesk

    def asked(self, method: str) -> list[dict[str, Any]]:
        """The parameters of every call of triage.<method>."""
        return self.engine.asked(f"triage.{method}")


@asynccontextmanager
async def at_fleet(*, held: bool = False, **options: Any) -> AsyncIterator[TriageSeat]:
    """The console on the Fleet screen, with the cursor on gpu1."""
    engine = options.pop("engine", None) or MemoryEngine(row(host) for host in HOSTS)
    engine.now = data.NOW
    desk = TriageDesk(engine)
    desk.held = held
    async with opened(engine=engine, **options) as seat:
        mine = TriageSeat(seat.app, seat._pilot, engine, seat._clock)
        mine.desk = desk
        await mine.press("g")
        yield mine
