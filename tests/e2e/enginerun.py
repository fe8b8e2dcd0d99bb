"""A real engine process in directories of its own, and plain clients of its socket."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

START_SECONDS = 60.0
WAIT_SECONDS = 45.0
"""For what takes a moment; a loaded machine takes many times as long, and a wait that ends well costs nothing."""


class EngineRun:
    """One engine as a subprocess."""

    def __init__(
        self,
        directory: Path,
        *arguments: str,
        state: Path | None = None,
        home: Path | None = None,
        program: Sequence[str] = (sys.executable, "-m", "backends.engine.daemon"),
    ):
        """`program`: what takes `--socket` and `arguments`."""
        self.directory = directory
        self.state = state or directory / "state"
        self.socket = directory / "run" / "engine.sock"
        names = {"XDG_CONFIG_HOME": "config", "XDG_CACHE_HOME": "cache", "XDG_RUNTIME_DIR": "runtime"}
        environment = os.environ | {name: str(directory / folder) for name, folder in names.items()}
        environment |= {"HOME": str(home or directory), "XDG_STATE_HOME": str(self.state)}
        environment.pop("SSH_AUTH_SOCK", None)
        for folder in names.values():
            (directory / folder).mkdir(parents=True, exist_ok=True)
        self.process = subprocess.Popen(
            [*program, "--socket", str(self.socket), *arguments],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def until_ready(self) -> EngineRun:
        """Wait until it answers."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                with self.client() as client:
                    client.call("engine.info")
                return self
            except OSError:
                assert self.process.poll() is None, self.said()
                assert time.monotonic() < deadline, "the engine does not answer"
                time.sleep(0.02)

    def client(self) -> Client:
        return Client(self.socket)

    def said(self) -> str:
        """What it wrote to stderr; only once it has ended."""
        return self.process.communicate(timeout=60)[1].decode()

    def events(self, kind: str) -> list[str]:
        """Texts of the timeline's events of one kind, newest first."""
        with self.client() as client:
            return [event["text"] for event in client.call("events.list")["events"] if event["kind"] == kind]

    def stop(self, number: int = signal.SIGTERM) -> float:
        """Send a signal and wait for the end; the seconds that it took."""
        began = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(60)
        return time.monotonic() - began

    def __enter__(self) -> EngineRun:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate(timeout=60)


class Client:
    """A client that speaks plain JSON, as a foreign one would."""

    def __init__(self, path: Path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(60)
        try:
            self.socket.connect(str(path))
        except OSError:
            self.socket.close()
            raise
        self.file = self.socket.makefile("rb")
        self.notified: list[dict[str, Any]] = []

    def call(self, method: str, **params: object) -> dict[str, Any]:
        """The result; an error fails the test."""
        answer = self.ask(method, **params)
        assert "result" in answer, answer
        found: dict[str, Any] = answer["result"]
        return found

    def ask(self, method: str, **params: object) -> dict[str, Any]:
        """The whole answer."""
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        self.socket.sendall(json.dumps(request).encode() + b"\n")
        while "id" not in (answer := self.line()):
            self.notified.append(answer)
        return answer

    def line(self) -> dict[str, Any]:
        raw = self.file.readline()
        if not raw:
            raise ConnectionError("the engine closed the connection")
        found: dict[str, Any] = json.loads(raw)
        return found

    def until_notified(self, method: str, count: int = 1) -> list[dict[str, Any]]:
        """Parameters of the first `count` notifications of this kind."""
        while len(found := [one["params"] for one in self.notified if one["method"] == method]) < count:
            self.notified.append(self.line())
        return found

    def close(self) -> None:
        self.file.close()
        self.socket.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def until(condition: Callable[[], bool], seconds: float = WAIT_SECONDS, what: str = "it") -> None:
    """Wait until `condition` holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s for {what} in vain"
        time.sleep(0.03)
