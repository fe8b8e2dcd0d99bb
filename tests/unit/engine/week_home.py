"""Two hosts in memory, a clock that leaps and a Borg that is told its time: what engines find that follow one another.

A host answers what the kit and apt would; what is backed up goes through the real Borg into a real repository.
"""

from __future__ import annotations

import os
import re
import threading
import zlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

import msgspec
import pytest

from backends.clock import utc
from backends.engine import engine as engines
from backends.engine import feed as feeds
from backends.execution import ExecResult, OnOutput
from backends.hostkit.travel import MAGIC
from backends.metrics.sample import HostFacts
from backends.schedule.book import Occurrence
from backends.schedule.zones import zone_of
from backends.sources.base import Sink, StateChange
from backends.sources.local_exec import LocalExec
from backends.states import HostState
from backends.updates import plan
from backends.updates.registry import PROBE
from tests.borgs import borg_12
from tests.unit.backups.fakehost import FakeHost
from tests.unit.checks import health_cases
from tests.unit.engine.leap_clock import LeapClock
from tests.unit.engine.parts import FakeSource
from tests.unit.updates.fleet import MachineManager, fleet_of

ZURICH = "Europe/Zurich"
HOUR = 3600.0
PATIENCE_SECONDS = 60.0
CONFIG = """
[ssh]
config_file = "none"
[sources]
interval_seconds = 3600
[hosts.a]
source = "local"
[hosts.b]
[backups]
config_every_hours = 0
check_days = 365
drill_days = 365
[[runs]]
name = "monthly-patch"
hosts = "a,b"
steps = ["update", "check"]
"""
KEY = "vault/a"
"""The repository of the one set."""
SET = """
[[backups.repositories]]
name = "vault"
location = "{vault}/{{host}}"
encryption = "repokey"
reserve_bytes = 0
[[backups.sets]]
name = "models"
paths = ["{tree}"]
hosts = "a"
"""
PROGRAM = re.compile(rb", '(\w+)', 'exec'\)\)\n$")
"""How a packed program of the kit ends."""
BORG = """#!/bin/sh
for word; do
  shift
  set -- "$@" "$word"
  if [ "$word" = create ]; then set -- "$@" --timestamp "$(cat {clock})"; fi
done
exec {borg} "$@"
"""


class Home:
    """What outlives an engine: the hosts, the clock, the directories."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, start: str, more: str = SET):
        self.folder, self.clock = folder, LeapClock(at(start))
        self.hosts = {name: WeekHost(name, self.clock) for name in ("a", "b")}
        self.machines = fleet_of(*self.hosts)
        self.occurrences: dict[tuple[str, float], Occurrence] = {}
        """(schedule, time) → what its book said of it last."""
        self.looked: dict[str, list[float]] = {name: [] for name in self.hosts}
        """When each host was looked at, as its health says it."""
        (folder / "tree").mkdir()
        (folder / "tree" / "weights").write_text("1 2 3")
        (folder / "state").mkdir()
        self.config = folder / "fleet.toml"
        self.config.write_text(CONFIG + more.format(tree=folder / "tree", vault=folder / "vault"))
        if more == SET:
            self._plant_borg(monkeypatch)
        monkeypatch.setattr(engines, "MANAGERS", {"apt": MachineManager(self.machines)})
        monkeypatch.setattr(
            feeds, "make_ssh", lambda clock, hosts, *_: WeekSource(self.hosts, *(h.name for h in hosts))
        )
        monkeypatch.setattr(feeds, "make_local", lambda clock, name, interval: WeekSource(self.hosts, name))

    def _plant_borg(self, monkeypatch: pytest.MonkeyPatch) -> None:
        program = self.folder / "bin" / "borg"
        program.parent.mkdir()
        program.write_text(BORG.format(clock=self.folder / "time", borg=borg_12()))
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")

    def leap(self, to: float) -> None:
        """It is `to` now, also for Borg."""
        self.clock.leap(to)
        (self.folder / "time").write_text(f"{utc(self.clock.now()):%Y-%m-%dT%H:%M:%S}")

    def came(self, name: str) -> list[Occurrence]:
        """The occurrences of a schedule, the oldest first."""
        found = [one for (which, _), one in self.occurrences.items() if which == name]
        return sorted(found, key=lambda one: one.time)

    def plans(self) -> list[str]:
        """The plans of updates that were made: by whom."""
        files = sorted((self.folder / "state" / "updates" / "plans").glob("*.json"))
        return [plan.decode(file.read_bytes(), file.name).author for file in files]


class WeekHost(LocalExec):
    """A host that is well. What it does not know itself, this machine answers (the files of a backup)."""

    def __init__(self, name: str, clock: LeapClock):
        super().__init__(name)
        self._clock = clock
        self.looks: list[float] = []
        """When all was looked at."""
        self.renewals: list[float] = []
        """When the lists of packages began to be renewed."""
        self.mirror = threading.Event()
        """Set: the mirror of its packages answers."""
        self.mirror.set()

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        timeout_seconds: float = 60.0,
        limit_bytes: int = 1 << 20,
        become: bool = True,
        on_output: OnOutput | None = None,
    ) -> ExecResult:
        words = tuple(argv)
        if words == ("sh", "-c", PROBE):
            return ExecResult(0, b"apt-get\nID debian\n")
        if words == ("apt-get", "update"):
            self.renewals.append(self._clock.now())
            self.mirror.wait(PATIENCE_SECONDS)
            return ExecResult(0)
        if words[0] == "timeout":  # of fwupd
            return ExecResult(127, stderr=b"fwupdmgr: not found")
        if words[:2] == ("/bin/sh", "-c") and (answer := self._kit(stdin)) is not None:
            return answer
        return super().run(argv, stdin=stdin, timeout_seconds=timeout_seconds, limit_bytes=limit_bytes)

    def _kit(self, stdin: bytes) -> ExecResult | None:
        found = PROGRAM.search(zlib.decompress(stdin)[-100:])
        program = found[1].decode() if found is not None else ""
        if program == "health":
            self.looks.append(self._clock.now())
        if program in ("health", "health_light"):
            return ExecResult(0, b"\n" + MAGIC + b"answer\n" + _well(self._clock.now()) + b"\n")
        return ExecResult(0) if program == "preflight" else None


def _well(now: float) -> bytes:
    known = msgspec.to_builtins(health_cases.facts(at=now))
    facts = {name: {"value": value} for name, value in known.items() if name not in ("time", "root", "missing")}
    return msgspec.json.encode({"begin": now, "end": now, "root": True, "facts": facts})


class WeekSource(FakeSource):
    """Hosts that are up from the start."""

    def __init__(self, hosts: dict[str, WeekHost], *names: str):
        super().__init__(*names)
        self.execs.update({name: hosts[name] for name in names})

    def start(self, sink: Sink) -> None:
        super().start(sink)
        for name in self.names:
            sink.facts(name, HostFacts(boot_id=health_cases.BOOT))
            sink.state(name, StateChange(state=HostState.UP))

    def channels(self, host: str) -> FakeHost:
        """Programs that are held say nothing: there is no news in the kernel's log."""
        return FakeHost(lambda duplex: None)

    def update(self, hosts: object, ssh: object = None) -> None:
        """The inventory never changes."""


def at(text: str, zone: str = ZURICH) -> float:
    """A wall time of a zone in epoch seconds."""
    return datetime.fromisoformat(text).replace(tzinfo=zone_of(zone)).timestamp()


def hours(times: Iterable[float]) -> list[str]:
    """The hour of each, as a clock in Zurich shows it: "Sun 31 02 CEST"."""
    return [f"{utc(each).astimezone(zone_of(ZURICH)):%a %d %H %Z}" for each in times]


def clocks(times: Iterable[float]) -> list[str]:
    """The same with the minutes, and without the zone: "Sun 04:00"."""
    return [f"{utc(each).astimezone(zone_of(ZURICH)):%a %H:%M}" for each in times]
