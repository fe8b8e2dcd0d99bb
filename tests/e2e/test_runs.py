"""A maintenance window from the command line, against a real engine process with a simulated fleet."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.enginerun import EngineRun, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(420)]
HEALTHY = "a100-[03-04],dgx[04-05]"
"""Of the demo of twenty: hosts that answer and can be updated."""
SMALL = ("--hosts", HEALTHY, "--batches", "2", "--max-unavailable", "2", "--soak", "0", "--steps", "drain,check,resume")


class Desk:
    """One operator's terminal."""

    def __init__(self, engine: EngineRun):
        self._command = [sys.executable, "-m", "swarm_tui", "--socket", str(engine.socket)]
        self._env = os.environ | {"HOME": str(engine.directory), "XDG_STATE_HOME": str(engine.state)}

    def __call__(self, *words: str, status: int | None = 0) -> str:
        """Runs `swarm-tui WORDS`; what it wrote to stdout."""
        ran = subprocess.run(
            [*self._command, *words],
            env=self._env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=180,
            text=True,
        )
        assert status is None or ran.returncode == status, (words, ran.returncode, ran.stdout, ran.stderr)
        return ran.stdout + ("" if status == 0 else ran.stderr)

    def json(self, *words: str, status: int | None = 0) -> Any:
        return json.loads(self(*words, "--json", status=status).partition("\n}\n")[0] + "\n}")

    def begins(self, *words: str) -> subprocess.Popen[str]:
        """A command that goes on beside the test."""
        return subprocess.Popen(
            [*self._command, *words], env=self._env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
        )


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[EngineRun]:
    with EngineRun(tmp_path, "--demo", "20").until_ready() as engine:
        with engine.client() as client:
            until(lambda: sum(row["state"] == "up" for row in client.call("fleet.view")["rows"]) > 10)
        yield engine


def planned(desk: Desk, *words: str) -> str:
    """The hash of a dry run."""
    found: str = desk.json("run", "plan", *words, status=None)["plan"]["hash"]
    return found


def view(desk: Desk) -> Any:
    return desk.json("run", "show", "last", status=None)


def test_a_window_from_the_dry_run_to_the_report(engine: EngineRun, tmp_path: Path) -> None:
    desk = Desk(engine)
    text = desk("run", "plan", *SMALL, status=None)
    assert "a100-[03-04],dgx[04-05] (4)" in text and "swarm-tui run start " in text
    hash = planned(desk, *SMALL)
    assert "--yes" in desk("run", "start", hash, status=2), "nobody was asked"
    assert "running" in desk("run", "start", hash[:12], "--yes")

    watching = desk.begins("run", "watch", "last", "--json")
    assert "paused" in desk("run", "pause", "last", "--note", "storage team")
    assert "storage team" in view(desk)["why"]
    until(lambda: not any(host["stage"] == "working" and host["begun"] for host in view(desk)["hosts"].values()), 90)
    before = view(desk)
    time.sleep(1.0)
    assert {name: host["step"] for name, host in view(desk)["hosts"].items()} == {
        name: host["step"] for name, host in before["hosts"].items()
    }, "a pause begins nothing"

    desk("run", "resume", "last")
    desk("run", "note", "last", "fan of dgx04 is loud", "--host", "dgx04")
    out, _ = watching.communicate(timeout=180)
    lines = [json.loads(line) for line in out.splitlines()]
    assert watching.returncode == 0 and lines[-1] == {**lines[-1], "kind": "end", "state": "ended", "text": "4 done"}
    assert {"paused", "running", "ended"} <= {line["state"] for line in lines if line["kind"] == "run"}
    most = max(sum(1 for line in lines[:at] if line["state"] == "working") for at in range(len(lines)))
    assert most > 0

    file = tmp_path / "patch.md"
    desk("run", "report", "last", "-o", str(file))
    assert all(word in file.read_text() for word in ("dgx04", "storage team", "fan of dgx04 is loud"))
    kinds = [json.loads(line) for line in desk("run", "report", "last", "--format", "jsonl").splitlines()]
    assert len(kinds) > 4
    assert "ended" in desk("run", "list")


def test_two_operators_see_one_run_and_the_second_is_refused_its_hosts(engine: EngineRun) -> None:
    one, two = Desk(engine), Desk(engine)
    asked = "--hosts", HEALTHY, "--batches", "2", "--max-unavailable", "2", "--steps", "gate:look at the fans,check"
    one("run", "start", planned(one, *asked), "--yes")
    until(lambda: "needs-operator" in {host["stage"] for host in view(two)["hosts"].values()}, 90)
    assert "look at the fans" in two("run", "show", "last", status=1)
    first = next(line.split()[0] for line in two("run", "held").splitlines()[1:] if "needs-operator" in line)
    assert "is held by run r-" in two("run", "plan", "--hosts", first, "--steps", "check", status=None)
    assert "held by maintenance run" in two("updates", "reboot", first, "--yes", status=None)

    two("run", "answer", "last", first, "they are quiet")
    assert "aborted" in one("run", "abort", "last", "--yes", "--note", "storm")
    until(lambda: _answered(one), 90)
    assert "skipped" in two("run", "watch", "last", status=1)
    assert "no run has a host" in two("run", "held")


def _answered(desk: Desk) -> bool:
    """Whoever still asks is left out."""
    asking = [name for name, host in view(desk)["hosts"].items() if host["stage"] == "needs-operator"]
    for name in asking:
        desk("run", "skip", "last", name, status=None)
    return bool(view(desk)["status"] == "ended")


def test_after_the_canaries_it_waits_for_a_word(engine: EngineRun) -> None:
    desk = Desk(engine)
    desk("run", "start", planned(desk, *SMALL, "--promote", "key"), "--yes")
    until(lambda: "swarm-tui run promote" in desk("run", "show", "last", status=None), 90)
    assert {host["stage"] for host in view(desk)["hosts"].values()} == {"done", "queued"}
    desk("run", "promote", "last")
    assert "4 done" in desk("run", "watch", "last")


def test_what_makes_no_sense_is_refused_with_the_next_step(engine: EngineRun) -> None:
    desk = Desk(engine)
    assert "there is no run yet" in desk("run", "show", "last", status=64)
    assert "r-1" in desk("run", "pause", "r-1", status=64)
    assert "drian" in desk("run", "plan", "--hosts", "*", "--steps", "drian", status=64)
    assert "no run is called" in desk("run", "plan", "nonesuch", status=64)
    assert "no dry run has the hash" in desk("run", "start", "f" * 64, "--yes", status=64)
