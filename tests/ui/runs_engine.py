"""Gives the engine in memory maintenance runs: plans that it works out, and runs that do as they are told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from msgspec.structs import replace

from backends.maintenance.dry_run import DryRun
from backends.maintenance.model import HostRun, Note, RunPlan, RunState, RunStatus, Stage
from backends.maintenance.views import NamedRun, RunList, RunView, summary, view
from backends.maintenance.worker import Look
from tests.ui.fleet_console import Seat, opened
from tests.ui.memory_engine import MemoryEngine
from tests.unit.present.fleet_rows import row
from tests.unit.present.run_data import HOSTS, LOOKS, NOW, ROOM, dry, plan

NAMED = (
    NamedRun(name="weekly", selector="tag:cpu", problem='no host has the tag "cpu"', steps=("update",)),
    NamedRun(name="monthly", selector="tag:a100", hosts=5, steps=("drain", "update:security", "check", "resume")),
)
REPORT = "# Run monthly\n\n- gpu02 failed: 7 of 8 GPUs came back\n"
OUTPUT = "Setting up libc6 ...\nSetting up [/x] ..."


class RunsDesk:
    """What the engine would say now; tests change it between two looks."""

    def __init__(self, engine: MemoryEngine):
        self.dry: DryRun = dry()
        self.runs: dict[str, RunState] = {}
        self.looks: Mapping[str, Look] = {}
        self.output, self.report = OUTPUT, REPORT
        self.damaged: Mapping[str, str] = {}
        self.named: tuple[NamedRun, ...] = NAMED
        engine.handlers |= {
            "hosts.select": lambda params: {"hosts": tuple(each.host for each in self.dry.plan.hosts)},
            "runs.list": lambda _: RunList(runs=tuple(map(summary, self.runs.values())), damaged=self.damaged),
            "runs.names": lambda _: {"runs": self.named},
            "runs.compose": lambda _: self.dry,
            "runs.create": lambda _: self.put(RunState(plan=self.dry.plan, hosts=_queued(self.dry.plan))),
            "runs.view": self._view,
            "runs.output": lambda _: {"text": self.output},
            "runs.report": lambda params: {"text": self.report if params["format"] == "markdown" else '{"kind":"plan"}\n'},
            "runs.start": lambda params: self.change(params["run"], status=RunStatus.RUNNING, began=NOW),
            "runs.pause": lambda params: self.change(params["run"], status=RunStatus.PAUSED, why="paused by anna"),
            "runs.resume": lambda params: self.change(params["run"], status=RunStatus.RUNNING, why=""),
            "runs.abort": lambda params: self.change(params["run"], status=RunStatus.ABORTED, why="aborted by anna"),
            "runs.promote": lambda params: self.change(params["run"], promoted=True),
            "runs.approve": lambda params: self.change(params["run"]),
            "runs.note": self._note,
            **{f"runs.{name}": self._host(stage) for name, stage in (("skip", Stage.SKIPPED), ("retry", Stage.WORKING), ("answer", Stage.WORKING))},
        }  # fmt: skip

    def _view(self, params: Mapping[str, Any]) -> RunView:
        state = self.runs[params["run"]]
        return view(state, NOW, since=params.get("since"), looks=self.looks, headroom=ROOM)

    def _note(self, params: Mapping[str, Any]) -> RunState:
        state = self.runs[params["run"]]
        note = Note(time=NOW, who="anna", text=params["text"], host=params.get("host", ""))
        return self.change(params["run"], notes=(*state.notes, note))

    def _host(self, stage: Stage) -> Callable[[Mapping[str, Any]], RunState]:
        def changed(params: Mapping[str, Any]) -> RunState:
            hosts = dict(self.runs[params["run"]].hosts)
            hosts[params["host"]] = replace(hosts[params["host"]], stage=stage, text="", hint="")
            return self.change(params["run"], hosts=hosts)

        return changed

    def put(self, state: RunState) -> RunState:
        """There is this run now."""
        self.runs[state.plan.id] = state
        return state

    def change(self, run: str, **fields: Any) -> RunState:
        """One edge further."""
        state = self.runs[run]
        return self.put(replace(state, edges=state.edges + 1, **fields))

    def go(self, **fields: Any) -> RunState:
        """A run in the middle of its second batch: one host done, one failed, one in work, one that asks, one queued."""
        self.looks = LOOKS
        given = {"plan": plan(), "hosts": HOSTS, "status": RunStatus.RUNNING, "batch": 1, "began": NOW - 1000}
        return self.put(RunState(**(given | fields)))  # type: ignore[arg-type]


def _queued(shown: RunPlan) -> dict[str, HostRun]:
    return {each.host: HostRun(host=each.host) for each in shown.hosts}


class RunsSeat(Seat):
    """The seat in front of the Runs screen."""

    desk: RunsDesk

    async def later(self, seconds: float = 3.0) -> str:
        """Long enough that the console asks again."""
        return "\n".join(await self.tick(seconds))

    def asked(self, method: str) -> list[dict[str, Any]]:
        """The parameters of every call of runs.<method>."""
        return self.engine.asked(f"runs.{method}")


@asynccontextmanager
async def at_runs(going: bool = False, **options: Any) -> AsyncIterator[RunsSeat]:
    """The console on the Runs screen (mode 5); `going`: on the board of a run."""
    engine = MemoryEngine(row(each.host) for each in plan().hosts)
    desk = RunsDesk(engine)
    async with opened(engine=engine, **options) as seat:
        mine = RunsSeat(seat.app, seat._pilot, engine, seat._clock)
        mine.desk = desk
        if going:
            desk.go()
        await mine.press("5")
        await mine.later()
        if going:
            await mine.press("enter")
        yield mine
