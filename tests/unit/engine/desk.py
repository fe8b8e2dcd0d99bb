"""A real engine in this process, on its real socket, over hosts that exist only in memory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from backends.config.schema import SshConfig
from backends.engine import feed as feeds
from backends.engine.engine import Engine
from backends.engine.options import EngineOptions
from backends.inventory.host import Host
from backends.sources.base import Sink
from tests.e2e.enginerun import Client
from tests.unit.engine.parts import FakeExec, FakeSource

CONFIG = """
[engine]
fleet_name = "Basement"
[ssh]
config_file = "none"
[hosts.a]
tags = ["gpu"]
[hosts.b]
"""


class FakeSsh(FakeSource):
    """All hosts of the configuration; each answers commands from memory."""

    def __init__(self, hosts: Sequence[Host]):
        super().__init__()
        self.update(hosts)

    def update(self, hosts: Sequence[Host], ssh: SshConfig | None = None) -> None:
        self.names = [host.name for host in hosts]
        self.execs = {host.name: FakeExec(host.name) for host in hosts}


class Desk:
    """The engine, its one source, and clients of it."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch, *, read_only: bool = False):
        self.file = directory / "fleet.toml"
        self.file.write_text(CONFIG)
        self.made: list[FakeSsh] = []
        monkeypatch.setattr(feeds, "make_ssh", self._make)
        options = EngineOptions(
            config_path=str(self.file), socket_path=str(directory / "s" / "engine.sock"), read_only=read_only
        )
        state = directory / "state"
        state.mkdir(exist_ok=True)
        self.engine = Engine(options, state=state)
        self.engine.start()

    def _make(self, clock: object, hosts: Sequence[Host], config: SshConfig, interval_seconds: float) -> FakeSsh:
        self.made.append(FakeSsh(hosts))
        return self.made[-1]

    @property
    def source(self) -> FakeSsh:
        return self.made[0]

    @property
    def sink(self) -> Sink:
        assert self.source.sink is not None
        return self.source.sink

    def client(self) -> Client:
        return Client(self.engine.server.path)

    def events(self, kind: str) -> list[tuple[str, str]]:
        """Texts and actors of the events of one kind, oldest first."""
        page = reversed(self.engine.timeline.page(limit=1000))
        return [(event.text, event.actor) for event in page if event.kind == kind]
