"""Gives the engine in memory a fleet with updates: a view, a plan, a run and a history made of plain values."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from backends.updates.inventories import HostUpdates
from backends.updates.model import HistoryEntry, Plan, Repair
from backends.updates.runs import Board, BoardHost
from backends.updates.service import View
from tests.ui.fleet_console import Seat, opened
from tests.ui.memory_engine import MemoryEngine
from tests.unit.present.fleet_rows import row
from tests.unit.present.update_data import (
    ENTRY,
    KERNEL,
    LIBC,
    SSH,
    VIM,
    board,
    host_plan,
    known,
    plan,
    states,
    view,
)

REPAIRS = (
    Repair(id="apt-configure", text="finish what dpkg was interrupted in", command=("dpkg", "--configure", "-a")),
    Repair(id="apt-clean", text="make room in /var", command=("apt-get", "clean")),
)
MANY = plan(*(host_plan(f"dgx{number}", LIBC, KERNEL, reboot=True) for number in range(1, 7)))
BACK = plan(host_plan("dgx1", LIBC, SSH))


class UpdatesDesk:
    """What the engine would say now; tests change it between two looks."""

    def __init__(self, engine: MemoryEngine, *hosts: HostUpdates):
        self.hosts: tuple[HostUpdates, ...] = hosts or states()
        self.plan: Plan = plan()
        self.boards: tuple[Board, ...] = ()
        self.log = "Setting up libc6 ...\nSetting up [/x] ..."
        self.history: tuple[HistoryEntry, ...] = (ENTRY,)
        self.version, self.busy = 1, 0
        engine.handlers |= {
            "updates.view": self._view,
            "updates.host": lambda params: self._of(params["host"]),
            "updates.refresh": lambda params: {"hosts": params["select"].split(",")},
            "updates.plan": lambda _: self.plan,
            "updates.start": lambda _: self.begin(),
            "updates.runs": lambda _: {"runs": self.boards},
            "updates.run": self._run,
            "updates.log": lambda _: {"text": self.log},
            "updates.cancel": lambda params: {"hosts": dict.fromkeys(params["hosts"], "told step prefetch to end")},
            "updates.hold": lambda params: {"hosts": dict.fromkeys(params["select"].split(","), "held vim")},
            "updates.history": lambda _: {"entries": self.history},
            "updates.rollback": lambda _: BACK,
            "updates.repairs": lambda _: {"repairs": REPAIRS},
            "updates.repair": lambda params: {"host": params["host"], "repair": params["repair"], "run": "r1"},
        }

    def _view(self, params: Mapping[str, Any]) -> View:
        if params.get("since") == self.version:
            return View(version=self.version, busy=self.busy)
        return view(*self.hosts, busy=self.busy, version=self.version)

    def _of(self, name: str) -> HostUpdates:
        return next((each for each in self.hosts if each.host == name), HostUpdates(host=name))

    def _run(self, params: Mapping[str, Any]) -> Board:
        return next(each for each in self.boards if each.id == params["run"])

    def show(self, *hosts: HostUpdates, busy: int = 0) -> None:
        """The inventories are these from now on."""
        self.hosts, self.busy, self.version = hosts or self.hosts, busy, self.version + 1

    def begin(self, *hosts: BoardHost) -> Board:
        """A run of these hosts goes on."""
        self.boards = (board(*hosts),)
        return self.boards[0]


class UpdatesSeat(Seat):
    """The seat in front of the Updates screen."""

    desk: UpdatesDesk

    async def later(self) -> list[str]:
        """Long enough that the console asks for updates again."""
        return await self.tick(3.0)

    def asked(self, method: str) -> list[dict[str, Any]]:
        """The parameters of every call of updates.<method>."""
        return self.engine.asked(f"updates.{method}")


@asynccontextmanager
async def at_updates(*hosts: HostUpdates, **options: Any) -> AsyncIterator[UpdatesSeat]:
    """The console on the Updates screen (mode 3)."""
    engine = options.pop("engine", None) or MemoryEngine(row(state.host) for state in (hosts or states()))
    desk = UpdatesDesk(engine, *hosts)
    async with opened(engine=engine, **options) as seat:
        mine = UpdatesSeat(seat.app, seat._pilot, engine, seat._clock)
        mine.desk = desk
        await mine.press("3")
        await mine.later()
        yield mine


CLEAN = known("web1")
ONE = known("web1", VIM)
