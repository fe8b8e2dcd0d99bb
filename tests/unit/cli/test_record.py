"""`record` ends with the time or with Ctrl-C, and says what it has; `replay` opens the console on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from backends.errors import BadInput
from swarm_tui.cli import record, replay
from swarm_tui.options import ConsoleOptions
from tests.unit.cli.conftest import Run, Serve


def test_a_recording_of_a_time(tmp_path: Path, run: Run, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    engine = serve(record__start={}, record__stop={"path": str(tmp_path / "r"), "frames": 12})
    ran = run("record", "r", "--for", "50ms")
    assert (ran.status, ran.out) == (0, f"{tmp_path / 'r'}: 12 frames\n")
    assert engine.params_of("record.start") == [{"path": str(tmp_path / "r")}]


def test_ctrl_c_ends_the_recording(run: Run, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(record, "_wait", interrupt)
    serve(record__start={}, record__stop={"path": "/r", "frames": 1})
    assert run("record", "--json", "/r").json() == {"path": "/r", "frames": 1}


def test_the_end_of_the_engine_is_the_end_of_the_recording(run: Run, serve: Serve) -> None:
    engine = serve()
    engine.handlers["record.start"] = engine.close_soon
    ran = run("record", "/r")
    assert ran.status == 3
    assert "the recording with it" in ran.err


def test_a_refused_recording_is_told(run: Run, serve: Serve) -> None:
    def refuse(params: object) -> None:
        raise BadInput("already recording", hint="stop it first")

    serve(record__start=refuse)
    assert run("record", "/r").status == 64


def test_replay_opens_the_console_on_the_file(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[ConsoleOptions] = []
    monkeypatch.setattr(replay, "run", opened.append)
    (tmp_path / "r").write_bytes(b"")
    assert run("--ascii", "replay", str(tmp_path / "r")).status == 0
    assert opened == [ConsoleOptions(replay=str(tmp_path / "r"), ascii=True)]


@pytest.mark.parametrize("words", [["replay", "/nowhere"], ["--demo", "replay", "/etc/hostname"]])
def test_what_cannot_be_replayed_is_told(words: list[str], run: Run) -> None:
    assert run(*words).status == 64
