"""An engine in memory behind a real unix socket: canned answers, recorded calls, notifications on demand."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from backends.engine.wire import API_VERSION, EngineInfo
from backends.errors import SwarmError

Handler = Callable[[dict[str, Any]], Any]


class FakeEngine:
    """Answers each method with its handler's result; a SwarmError that it raises becomes the API's error."""

    def __init__(self, path: Path, handlers: Mapping[str, Handler | object]):
        self.path = path
        self.handlers: dict[str, Any] = {"hello": INFO, "engine.info": INFO, **handlers}
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self._connections: list[socket.socket] = []
        path.parent.mkdir(parents=True, exist_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        self._listener.listen()
        self._threads = [threading.Thread(target=self._accept, name="fake-engine", daemon=True)]
        self._threads[0].start()

    def __enter__(self) -> FakeEngine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End as an engine ends: socket file gone, connections closed."""
        self.path.unlink(missing_ok=True)
        for each in (self._listener, *self._connections):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(2.0)

    def close_soon(self, *_: object) -> None:
        """End a beat later, when the present answer has left; serves as a handler too."""
        threading.Timer(0.05, self.close).start()

    def push(self, method: str, params: object) -> None:
        """Notify everybody."""
        self.raw(msgspec.json.encode({"jsonrpc": "2.0", "method": method, "params": params}) + b"\n")

    def raw(self, data: bytes) -> None:
        """Send bytes as they are."""
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.sendall(data)

    def params_of(self, method: str) -> list[dict[str, Any]]:
        """The parameters of every call of a method."""
        return [params for name, params in self.calls if name == method]

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._connections.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection,), name="fake-session", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection.makefile("rb") as lines:
            for line in lines:
                request = msgspec.json.decode(line)
                self.calls.append((request["method"], request["params"]))
                answer = self._answer(request["method"], request["params"])
                if answer is not None:
                    connection.sendall(msgspec.json.encode({"jsonrpc": "2.0", "id": request["id"], **answer}) + b"\n")

    def _answer(self, method: str, params: dict[str, Any]) -> dict[str, Any] | None:
        if method not in self.handlers:
            return {"error": {"code": -32601, "message": method}}
        handler = self.handlers[method]
        try:
            result = handler(params) if callable(handler) else handler
        except SwarmError as error:
            data = {name: getattr(error, name) for name in ("message", "host", "action", "hint")}
            return {"error": {"code": -32000, "message": error.message, "data": {"kind": type(error).__name__, **data}}}
        return None if result is SILENCE else {"result": result}


SILENCE = object()
"""A handler that returns this never answers."""

INFO = EngineInfo(api_version=API_VERSION, version="0.1.0", pid=1, started=0.0, user="ops", hosts=2)
