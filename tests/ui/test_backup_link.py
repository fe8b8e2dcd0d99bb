"""Questions that take minutes do not hold up those that keep a screen live; on a real socket, with all threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from backends.engine.wire import FleetView
from swarm_tui.bridge import Link
from swarm_tui.client import EngineClient
from tests.unit.fake_engine import SILENCE, FakeEngine
from tests.unit.present.fleet_rows import NOW, row, summary

PATIENCE_SECONDS = 20.0


def test_two_endless_answers_leave_the_quick_questions_alone(tmp_path: Path) -> None:
    path = tmp_path / "engine.sock"
    rows = (row("a"),)
    view = FleetView(version=1, now=NOW, full=True, rows=rows, summary=summary(rows))
    handlers: dict[str, Any] = {
        "events.subscribe": {}, "fleet.view": view, "backups.drift": SILENCE, "backups.view": {"version": 7},
    }  # fmt: skip
    connected, answered = threading.Event(), threading.Event()
    with FakeEngine(path, handlers):
        link = Link(lambda heard: EngineClient.connect(path, on_notification=heard), hz=4)
        link.start(run_now, connected.set)
        try:
            assert connected.wait(PATIENCE_SECONDS)
            for _ in range(3):
                link.request("backups.drift", {}, dict, lambda _: None)
            link.request("backups.view", {}, dict[str, Any], lambda _: answered.set())
            assert answered.wait(PATIENCE_SECONDS)
        finally:
            link.stop()


def run_now(call: Callable[[], None]) -> None:
    """The screen's loop, for a test without one."""
    call()
