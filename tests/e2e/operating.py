"""An operator at the command line: the real `swarm-tui updates …` against an engine process that already runs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from backends.metrics.sample import Record
from backends.states import HostState
from backends.updates.model import Plan, Stage
from backends.updates.pivots import HostSummary, PendingSet
from backends.updates.runs import Board
from swarm_tui.client import EngineClient
from tests.e2e.enginerun import EngineRun, until
from tests.lab import aptfield
from tests.lab.fleet import Lab

PROGRAM = Path(sys.executable).with_name("swarm-tui")
COMMAND_SECONDS = 180.0


@dataclass(frozen=True)
class Said:
    """What a subcommand left behind."""

    status: int
    out: str
    err: str

    def json(self, kind: type[Any] = object) -> Any:
        """Standard output as a `kind`."""
        return msgspec.json.decode(self.out, type=kind)


class Listing(Record, frozen=True, kw_only=True):
    """What `updates list --json` writes."""

    hosts: tuple[HostSummary, ...]
    sets: tuple[PendingSet, ...]


@dataclass(frozen=True)
class Operator:
    """One who types subcommands. `socket` is of the engine that answers."""

    config: Path
    socket: Path

    def does(self, *words: str) -> Said:
        """Run `swarm-tui updates WORDS` to its end."""
        done = subprocess.run(
            self._argv(words), capture_output=True, text=True, timeout=COMMAND_SECONDS, env=self._environment()
        )
        assert "Traceback" not in done.stderr and "bug in" not in done.stderr, done.stderr
        return Said(done.returncode, done.stdout, done.stderr)

    def begins(self, *words: str, log: Path) -> subprocess.Popen[bytes]:
        """Run it and return at once; what it says on stderr goes to `log`."""
        with log.open("wb") as file:
            nothing = subprocess.DEVNULL
            return subprocess.Popen(
                self._argv(words), stdin=nothing, stdout=nothing, stderr=file, env=self._environment()
            )

    def lists(self, *words: str) -> Listing:
        """`updates list WORDS`."""
        found: Listing = self.does("list", *words, "--json").json(Listing)
        return found

    def plans(self, *words: str) -> Plan:
        """`updates plan WORDS`, as it is written down."""
        plan: Plan = self.does("plan", *words, "--json").json(Plan)
        return plan

    def applies(self, plan: Plan) -> tuple[int, Board]:
        """`updates apply` to the end: exit status, and the board."""
        said = self.does("apply", plan.id, "--hash", plan.hash, "--json")
        return said.status, said.json(Board)

    def _environment(self) -> dict[str, str]:
        """A home of its own, also where a fixture of a whole module runs before each test has one."""
        home = str(self.socket.parent.parent)
        return {**{k: v for k, v in os.environ.items() if not k.startswith(("XDG_", "SWARM_TUI_"))}, "HOME": home}

    def _argv(self, words: tuple[str, ...]) -> list[str]:
        return [str(PROGRAM), "--config", str(self.config), "--socket", str(self.socket), "updates", *words]


@dataclass(frozen=True)
class Desk:
    """The lab, the operator, and the directory of the engine with all its lives."""

    lab: Lab
    place: Path
    lives: list[EngineRun]

    @property
    def operator(self) -> Operator:
        return Operator(self.lab.ground.config, self.lives[-1].socket)

    def start(self) -> None:
        """A new engine over the same state."""
        running = EngineRun(self.place, "--config", str(self.lab.ground.config))
        self.lives.append(running)
        running.until_ready()

    def boards(self) -> tuple[Board, ...]:
        """The newest run, once there is one."""
        with EngineClient.connect(self.lives[-1].socket) as client:
            return client.updates.runs(1)

    def is_at(self, package: str) -> bool:
        """Whether every host of the newest run works on a package."""
        hosts = [host for board in self.boards() for host in board.hosts]
        return bool(hosts) and all(h.stage is Stage.APPLYING and h.progress.current == package for h in hosts)


@contextmanager
def opened(lab: Lab, temporary: pytest.TempPathFactory, wanted: Mapping[str, Sequence[str]]) -> Iterator[Desk]:
    """A desk over hosts (name → packages of the first age) that are offered the second age and see nothing else.

    The engines end first: none of them asks apt while it is given back to its hosts.
    """
    desk = Desk(lab, temporary.mktemp("engine"), [])
    with aptfield.offering(temporary.mktemp("repository"), wanted, {name: lab.host(name) for name in wanted}):
        try:
            desk.start()
            wait_live(desk.operator, wanted)
            yield desk
        finally:
            for each in desk.lives:
                each.__exit__()


def wait_live(operator: Operator, hosts: Collection[str], seconds: float = 120.0) -> None:
    """Wait until the operator's engine has a way to each of these hosts."""

    def live() -> bool:
        with EngineClient.connect(operator.socket) as client:
            up = {row.name for row in client.fleet_view().rows if row.state is HostState.UP}
        return up >= {*hosts}

    until(live, seconds, f"{', '.join(hosts)} up")
