"""The program that runs Borg on a host, started as it is there, with a shell script in Borg's place."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from backends.hostkit.bundle import source
from backends.hostkit.travel import program_launch

PARTS = ("kit_text", "kit_borg")
SECRET = b"s3cret words"
MARK = b"swarm-0123456789abcdef "


class Relay:
    """One program with its streams."""

    def __init__(self, folder: Path, script: str, **arguments: object):
        self.root = folder / "host"
        for name in ("run", "var/cache"):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        borg = folder / "borg"
        borg.write_text(f"#!/bin/sh\n{script}\n")
        borg.chmod(0o755)
        given = {"argv": [str(borg), "x"], "env": {"TZ": "UTC"}, "directory": "", "name": "gpu01"}
        launch = program_launch(
            "borg_relay", {**given, "token": "0123456789abcdef", **arguments}, parts=PARTS, apart=True
        )
        self.process = subprocess.Popen(
            ["/bin/sh", "-c", launch.command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={
                **os.environ,
                "BORGROOT": str(self.root),
                "XDG_RUNTIME_DIR": str(self.root / "run"),
                "XDG_CACHE_HOME": str(self.root / "var" / "cache"),
                "BORG_REPO": "inherited",
            },
            bufsize=0,
        )
        assert self.process.stdin
        self.process.stdin.write(launch.payload)

    def give(self, data: bytes = b"%d\n%b" % (len(SECRET), SECRET)) -> None:
        assert self.process.stdin
        self.process.stdin.write(data)

    def hang_up(self) -> None:
        """As when the link is cut: nothing more to read, nobody who takes anything."""
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert pipe
            pipe.close()

    def end(self) -> tuple[bytes, list[dict[str, object]], bytes]:
        """stdout, what the program itself said, and the rest of stderr. Its stdin stays open, as the engine's does."""
        assert self.process.stdout and self.process.stderr
        said, out = self.process.stderr.read(), self.process.stdout.read()
        lines = said.splitlines(keepends=True)
        own = [json.loads(line[len(MARK) :]) for line in lines if line.startswith(MARK)]
        return out, own, b"".join(line for line in lines if not line.startswith(MARK))

    def left(self) -> list[str]:
        return os.listdir(self.root / "run")


@pytest.fixture
def started(tmp_path: Path) -> Iterator[list[Relay]]:
    """What a test starts; nothing of it stays."""
    relays: list[Relay] = []
    yield relays
    for relay in relays:
        relay.process.kill()
        relay.process.wait()
        for pipe in (relay.process.stdin, relay.process.stdout, relay.process.stderr):
            assert pipe
            pipe.close()


def begin(started: list[Relay], folder: Path, script: str, **arguments: object) -> Relay:
    relay = Relay(folder, script, **arguments)
    started.append(relay)
    return relay


def members(group: int) -> list[str]:
    """Processes of a group that have not ended."""
    found = []
    for place in Path("/proc").iterdir():
        try:
            fields = (place / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if place.name.isdigit() and fields[0] not in "ZX" and int(fields[2]) == group:
            found.append(place.name)
    return found


def until(true: Callable[[], object], seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_streams_status_and_secret(tmp_path: Path, started: list[Relay]) -> None:
    script = (
        'cat /proc/self/fd/$BORG_PASSPHRASE_FD; echo "$BORG_HOST_ID $BORG_REPO." ; echo \'{"type":"x"}\' >&2; exit 7'
    )
    relay = begin(started, tmp_path, script)
    relay.give()
    out, own, rest = relay.end()
    assert out == b"\nswarm-kit 1 borg\n"
    assert (own[0]["type"], own[-1]["type"], own[-1]["rc"]) == ("swarm_started", "swarm_exit", 7)
    printed = b"".join(base64.b64decode(str(each["data"])) for each in own[1:-1])
    assert printed.startswith(SECRET + b"gpu01@") and printed.endswith(b" .\n")
    assert rest == b'{"type":"x"}\n'
    assert relay.process.wait(5) == 0 and relay.left() == []


def test_the_process_that_is_reported_is_borg(tmp_path: Path, started: list[Relay]) -> None:
    relay = begin(started, tmp_path, "echo $$; sleep 0.2")
    relay.give()
    _, own, _ = relay.end()
    assert int(base64.b64decode(str(own[1]["data"]))) == own[0]["pid"]
    assert isinstance(own[0]["ticks"], int)


@pytest.mark.parametrize("script", ["exec sleep 60", "trap '' TERM; sleep 60 & wait; wait", "sleep 60 & sleep 60"])
def test_a_cut_link_leaves_nothing(tmp_path: Path, started: list[Relay], script: str) -> None:
    relay = begin(started, tmp_path, f"echo $$ >{tmp_path}/pid; {script}")
    relay.give()
    until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
    group = int((tmp_path / "pid").read_text())
    relay.hang_up()
    assert relay.process.wait(20) == 75
    until(lambda: not members(group))
    assert relay.left() == []


def test_a_cut_link_is_noticed_while_borg_floods(tmp_path: Path, started: list[Relay]) -> None:
    relay = begin(started, tmp_path, "yes >&2 & exec yes")
    relay.give()
    assert relay.process.stderr
    relay.process.stderr.read(100_000)
    relay.hang_up()
    assert relay.process.wait(20) == 75 and relay.left() == []


@pytest.mark.parametrize("data", [b"", b"12", b"12\nshort", b"123456789012\n"])
def test_a_link_that_is_cut_before_the_secret_is_there(tmp_path: Path, started: list[Relay], data: bytes) -> None:
    relay = begin(started, tmp_path, f"touch {tmp_path}/ran")
    relay.give(data)
    relay.hang_up()
    assert relay.process.wait(10) in (70, 75)
    assert relay.left() == [] and not (tmp_path / "ran").exists()


def test_a_secret_that_would_not_fit_is_refused(tmp_path: Path, started: list[Relay]) -> None:
    relay = begin(started, tmp_path, "true")
    relay.give(b"5000\n")
    assert relay.end()[1] == [{"type": "swarm_failed", "kind": "failed", "text": "the secret is too long"}]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_told_to_end_it_ends_borg_first(tmp_path: Path, started: list[Relay], number: int) -> None:
    relay = begin(started, tmp_path, f"trap 'echo asked >{tmp_path}/asked; exit' TERM; while :; do sleep 0.05; done")
    relay.give()
    until(lambda: relay.left())
    time.sleep(0.5)
    os.kill(relay.process.pid, number)
    relay.process.wait(15)
    assert (tmp_path / "asked").exists() and relay.left() == []


def test_a_cache_of_somebody_else_is_refused(tmp_path: Path, started: list[Relay]) -> None:
    cache = tmp_path / "host" / "var" / "cache"
    cache.mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (cache / "swarm-tui").symlink_to(tmp_path / "elsewhere")
    relay = begin(started, tmp_path, "true")
    relay.give()
    own = relay.end()[1]
    assert own[-1]["type"] == "swarm_failed" and "not a directory of ours" in str(own[-1]["text"])
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_no_such_directory_and_no_such_program_are_told_apart(tmp_path: Path, started: list[Relay]) -> None:
    relay = begin(started, tmp_path, "true", directory="/no/where")
    relay.give()
    assert relay.end()[1][-1]["text"] == "no such directory: /no/where"
    relay = begin(started, tmp_path, "true", argv=["/no/borg"])
    relay.give()
    assert relay.end()[1][-1]["kind"] == "missing"


def test_a_long_line_is_cut_and_the_reports_stand_alone(tmp_path: Path, started: list[Relay]) -> None:
    relay = begin(started, tmp_path, "head -c 300000 /dev/zero | tr '\\0' x >&2; echo out")
    relay.give()
    _, own, rest = relay.end()
    assert [each["type"] for each in own] == ["swarm_started", "swarm_out", "swarm_exit"]
    assert rest.count(b"x") == 300_000


def test_a_memory_file_without_pythons_help(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python 3.6 and 3.7 have no call for it, the system does."""
    monkeypatch.delattr(os, "memfd_create")
    kit = {name: ModuleType(name) for name in ("kit_text", "kit_borg")}
    for name, module in kit.items():
        monkeypatch.setitem(sys.modules, name, module)
        exec(compile(source(name), name, "exec"), module.__dict__)
    program = ModuleType("borg_push")
    exec(compile(source("borg_push"), "borg_push", "exec"), program.__dict__)
    handle = program.memory("key", b"private")
    try:
        assert os.fstat(handle).st_mode & 0o777 == 0o600
        assert Path(program.place_of(handle)).read_bytes() == b"private"
        assert not os.get_inheritable(handle)
    finally:
        os.close(handle)
