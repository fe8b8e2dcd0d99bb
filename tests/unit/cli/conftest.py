"""Runs the command line in this process, against an engine in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from backends import paths
from swarm_tui.__main__ import main
from tests.unit.fake_engine import FakeEngine


@dataclass
class Ran:
    """What a command left behind."""

    status: int
    out: str
    err: str

    def json(self) -> Any:
        """Standard output as JSON."""
        return msgspec.json.decode(self.out)


Run = Callable[..., Ran]
Serve = Callable[..., FakeEngine]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Run:
    """Runs `swarm-tui` with these words."""

    def call(*words: str) -> Ran:
        status = main(words)
        out, err = capfd.readouterr()
        return Ran(status, out, err)

    return call


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Puts an engine with these answers where the command line looks for it (`__` stands for a dot)."""
    engines: list[FakeEngine] = []

    def start(**handlers: Any) -> FakeEngine:
        engines.append(
            FakeEngine(paths.socket_file(), {name.replace("__", "."): answer for name, answer in handlers.items()})
        )
        return engines[-1]

    yield start
    for engine in engines:
        engine.close()
