"""What this engine watches: the configured fleet, the simulated one, or a recording. One of the three for its whole life."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from backends import paths
from backends.clock import Clock
from backends.config.schema import Config, RunConfig, SshConfig
from backends.engine.settings import Settings
from backends.engine.watch import Sources, Updatable, Watch
from backends.errors import BadInput
from backends.inventory.host import Host
from backends.sources.base import Sink, Source
from backends.sources.demo import LABEL as DEMO_LABEL
from backends.sources.demo import DemoSource
from backends.sources.replay import ReplaySource

POLL_SECONDS = 2.0
"""How often the configuration's files are looked at."""


class Feed(Protocol):
    """Hosts and the sources that watch them."""

    label: str
    """"" or what the header must say: "DEMO", "REPLAY file"."""

    def config(self) -> tuple[Config, tuple[Host, ...]]:
        """The configuration and the hosts as they are now. Raises BadInput."""

    def apply(self, config: Config, hosts: Sequence[Host], sources: Sources, sink: Sink) -> None:
        """Begin to watch, or change what is watched, to exactly this."""


class ConfiguredFeed:
    """The fleet of the configuration file."""

    label = ""

    def __init__(self, path: str, clock: Clock):
        self.settings = Settings(path)
        self._clock = clock
        self._watch: Watch | None = None

    def config(self) -> tuple[Config, tuple[Host, ...]]:
        loaded = self.settings.load()
        return loaded.config, loaded.hosts

    def apply(self, config: Config, hosts: Sequence[Host], sources: Sources, sink: Sink) -> None:
        if self._watch is None:
            self._watch = Watch(
                sources, sink, ssh=partial(make_ssh, self._clock), local=partial(make_local, self._clock)
            )
        self._watch.update(hosts, config.ssh, config.sources.interval_seconds)

    def follow(self, stop: threading.Event, asked: threading.Event, changed: Callable[[], None]) -> None:
        """Call `changed` whenever a file changed or `asked` was set, until `stop`; the body of an own thread."""
        seen = self.settings.signature()
        while not stop.is_set():
            told = self._clock.wait(asked, POLL_SECONDS)
            asked.clear()
            now = self.settings.signature()
            if (told or now != seen) and not stop.is_set():
                changed()
                # a file that was changed again meanwhile must still be seen; only new files count from now
                known = {entry[0]: entry for entry in now}
                seen = tuple(known.get(entry[0], entry) for entry in self.settings.signature())


DEMO_RUNS = (
    RunConfig(name="monthly-patch", hosts="tag:gpu & state:up", steps=("drain", "snapshot", "update", "reboot-if-needed", "check", "resume"), max_failed=3),
    RunConfig(name="reboot-cpu", hosts="tag:cpu & state:up", steps=("drain", "gate:are all jobs saved?", "reboot", "check", "resume"), max_unavailable="50%", soak_minutes=0.0),
)  # fmt: skip


class DemoFeed:
    """The simulated fleet."""

    label = DEMO_LABEL

    def __init__(self, count: int, clock: Clock):
        self.source = DemoSource(count, clock=clock)

    def config(self) -> tuple[Config, tuple[Host, ...]]:
        return Config(runs=DEMO_RUNS), self.source.inventory()

    def apply(self, config: Config, hosts: Sequence[Host], sources: Sources, sink: Sink) -> None:
        sources.add(self.source, sink)


class ReplayFeed:
    """A recording."""

    def __init__(self, path: str, clock: Clock, on_jump: Callable[[], None]):
        self.source = ReplaySource(paths.expanded(path), clock=clock, on_jump=on_jump)
        self.label = self.source.label

    def config(self) -> tuple[Config, tuple[Host, ...]]:
        return Config(), self.source.inventory()

    def apply(self, config: Config, hosts: Sequence[Host], sources: Sources, sink: Sink) -> None:
        sources.add(self.source, sink)


def make_local(clock: Clock, name: str, interval_seconds: float) -> Source:
    """The source of this machine. Imported late: psutil is not needed by a fleet of remote hosts."""
    from backends.sources.local import LocalSource

    return LocalSource(name, interval_seconds, clock)


def make_ssh(clock: Clock, hosts: Sequence[Host], config: SshConfig, interval_seconds: float) -> Updatable:
    """The source of the hosts behind SSH. Imported late: paramiko takes a tenth of a second."""
    from backends.sources.ssh import SshSource

    return SshSource(hosts, config, interval_seconds=interval_seconds, clock=clock)


def choose(
    demo: int, replay: str, config_path: str, clock: Clock, *, on_jump: Callable[[], None]
) -> ConfiguredFeed | DemoFeed | ReplayFeed:
    """The feed that the options mean; `on_jump` is called when a replay seeks. Raises BadInput."""
    if demo and replay:
        raise BadInput("--demo and --replay exclude each other", action="start the engine")
    if replay:
        return ReplayFeed(replay, clock, on_jump)
    return DemoFeed(demo, clock) if demo else ConfiguredFeed(config_path, clock)
