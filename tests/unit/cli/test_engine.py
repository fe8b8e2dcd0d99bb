"""`engine` becomes the engine, or looks at and ends the one in the background."""

from __future__ import annotations

from pathlib import Path

import pytest

from backends import paths
from backends.engine.options import EngineOptions
from backends.engine.wire import API_VERSION, EngineInfo
from tests.unit.cli.conftest import Run, Serve


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[EngineOptions]:
    """What the engine is started with; it ends at once with 0."""
    found: list[EngineOptions] = []

    def serve(options: EngineOptions) -> int:
        found.append(options)
        return 0

    monkeypatch.setattr("backends.engine.daemon.serve", serve)
    return found


def test_the_engine_runs_here_with_the_global_options(run: Run, served: list[EngineOptions]) -> None:
    assert run("--config", "/c.toml", "--read-only", "engine").status == 0
    assert served == [EngineOptions(config_path="/c.toml", socket_path=str(paths.socket_file()), read_only=True)]


def test_a_demo_has_its_own_socket(run: Run, served: list[EngineOptions]) -> None:
    run("--demo", "--demo-hosts", "7", "engine", "--foreground")
    assert served[0].demo == 7
    assert served[0].socket_path != str(paths.socket_file())


def test_a_directory_that_others_may_enter_is_refused_and_left_alone(
    tmp_path: Path, run: Run, served: list[EngineOptions]
) -> None:
    tmp_path.chmod(0o755)
    ran = run("--socket", str(tmp_path / "s"), "engine")
    assert ran.status == 64
    assert "a directory of its own" in ran.err
    assert tmp_path.stat().st_mode & 0o777 == 0o755
    assert served == []


def test_stdio_needs_no_socket(run: Run, served: list[EngineOptions]) -> None:
    run("engine", "--stdio")
    assert (served[0].stdio, served[0].socket_path) == (True, "")


def test_the_status_of_the_engine_is_that_of_the_command(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backends.engine.daemon.serve", lambda options: 2)
    assert run("engine").status == 2


@pytest.mark.parametrize("words", [["engine", "--stdio", "--foreground"], ["--attach", "ssh b x", "engine"]])
def test_what_cannot_be_is_refused(words: list[str], run: Run, served: list[EngineOptions]) -> None:
    assert run(*words).status == 64
    assert served == []


def test_its_status_tells_pid_fleet_and_errors(run: Run, serve: Serve) -> None:
    serve(
        engine__info=EngineInfo(
            api_version=API_VERSION,
            version="0.1.0",
            pid=77,
            started=0.0,
            hosts=3,
            label="DEMO",
            config_error="c.toml:3: bad",
            in_flight=("exec on 3 hosts",),
        )
    )
    ran = run("engine", "status")
    assert ran.status == 1
    for part in ("pid 77", "DEMO 3 hosts", "c.toml:3: bad", "exec on 3 hosts"):
        assert part in ran.out
    assert run("engine", "status", "--json").json()["pid"] == 77


def test_no_engine_is_status_3(run: Run) -> None:
    ran = run("engine", "status")
    assert ran.status == 3
    assert "no engine answers" in ran.err


def test_stopping_waits_until_it_is_gone(run: Run, serve: Serve) -> None:
    engine = serve()
    engine.handlers["engine.stop"] = engine.close_soon
    ran = run("engine", "stop")
    assert (ran.status, ran.out) == (0, "stopped\n")


def test_stopping_an_engine_of_another_version_works(run: Run, serve: Serve) -> None:
    newer = EngineInfo(api_version=API_VERSION + 1, version="9", pid=1, started=0.0)
    engine = serve(hello=newer)
    engine.handlers["engine.stop"] = engine.close_soon
    assert run("engine", "stop", "--json").json() == {"stopped": True}


def test_stopping_nothing_is_fine(run: Run) -> None:
    assert run("engine", "stop", "--json").json() == {"stopped": False}


def test_an_engine_that_stays_is_told(run: Run, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("swarm_tui.cli.engine.STOP_SECONDS", 0.05)
    serve(engine__stop={})
    ran = run("engine", "stop")
    assert ran.status == 3
    assert "has not ended" in ran.err
