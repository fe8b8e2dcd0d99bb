"""One JSON-RPC 2.0 connection to an engine: over its unix socket, or over the pipes of a command such as `ssh`.

Calls may come from any thread and may overlap; one reader thread hands answers to their callers and notifications to a
callback. Importing this is cheap on purpose: `swarm-tui status` is meant to be quick.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

import msgspec

from backends import decoding
from backends.errors import AskOperator, BadInput, RetryLater, SkipHost, Stop, SwarmError
from backends.text import clean, clean_lines
from swarm_tui import patience
from swarm_tui.wires import Wire

T = TypeVar("T")


class Notification(msgspec.Struct, frozen=True):
    """Something the engine said unasked."""

    method: str
    params: msgspec.Raw

    def read(self, kind: type[T]) -> T:
        """The parameters as the type that belongs to the method."""
        return decoding.json(self.params, type=kind)


class _Fault(msgspec.Struct):
    code: int
    message: str = ""
    data: Any = None


class _Message(msgspec.Struct):
    id: int | None = None
    method: str | None = None
    params: msgspec.Raw = msgspec.Raw(b"{}")
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: _Fault | None = None


class Reply(Generic[T]):
    """An answer on its way."""

    def __init__(self, method: str, kind: Any):
        self._method = method
        self._kind = kind
        self._box: queue.SimpleQueue[msgspec.Raw | SwarmError] = queue.SimpleQueue()

    def put(self, answer: msgspec.Raw | SwarmError) -> None:
        """Called once, by the reader."""
        self._box.put(answer)

    def result(self, timeout_seconds: float = 10.0) -> T:
        """Wait for the answer.

        Raises:
            SwarmError: what the engine answered instead, as the branch that it named.
            RetryLater: no answer in time, or the connection ended.
        """
        try:
            answer = self._box.get(timeout=timeout_seconds)
        except queue.Empty:
            raise RetryLater(
                f"the engine did not answer within {timeout_seconds:g} s",
                action=self._method,
                hint="look at it: swarm-tui engine status",
            ) from None
        if isinstance(answer, SwarmError):
            raise answer
        try:
            decoded: T = decoding.json(answer, type=self._kind)
        except msgspec.ValidationError as error:
            raise Stop(
                f"the engine's answer is not understood: {clean(str(error), 200)}",
                action=self._method,
                hint="engine and console are of different versions: swarm-tui engine stop, then start again",
            ) from error
        return decoded


class Connection:
    """Calls and notifications over one wire."""

    def __init__(
        self,
        wire: Wire,
        on_notification: Callable[[Notification], None] | None = None,
        on_close: Callable[[str], None] | None = None,
    ):
        self._wire = wire
        self._lock = threading.Lock()
        self._waiting: dict[int, Reply[Any]] = {}
        self._next = 0
        self._ended: str | None = None
        self._closing = False
        self.notifications: queue.SimpleQueue[Notification | None] = queue.SimpleQueue()
        """What the engine said unasked, when no callback takes it; None after the last."""
        self._on_notification = on_notification or self.notifications.put
        self._on_close = on_close
        self._reader = threading.Thread(target=self._read, name="engine-reader", daemon=True)
        self._reader.start()

    def submit(self, method: str, params: Mapping[str, Any] | None, kind: type[T]) -> Reply[T]:
        """Send a call and return at once; many may be under way."""
        reply: Reply[T] = Reply(method, kind)
        with self._lock:
            if self._ended is not None:
                raise self._lost()
            self._next += 1
            number = self._next
            self._waiting[number] = reply
            request = {"jsonrpc": "2.0", "id": number, "method": method, "params": params or {}}
            try:
                self._wire.send(msgspec.json.encode(request) + b"\n")
            except (OSError, ValueError) as error:
                self._waiting.pop(number, None)
                self._wire.close()  # half a line may have left: nothing after it would be understood
                words = self._wire.last_words()  # why the command behind the pipe ended ("Permission denied")
                said = f": {words}" if words else ""
                raise RetryLater(f"the connection to the engine is broken{said}", action=method) from error
        return reply

    def call(
        self, method: str, params: Mapping[str, Any] | None, kind: type[T], timeout_seconds: float | None = None
    ) -> T:
        """Send a call and wait for its answer, as long as its method may take unless told. Raises as `Reply.result` does."""
        seconds = patience.seconds(method) if timeout_seconds is None else timeout_seconds
        return self.submit(method, params, kind).result(seconds)

    @property
    def is_open(self) -> bool:
        """Whether the engine is still there, as far as is known."""
        return self._ended is None

    def close(self) -> None:
        """End the connection; calls under way raise RetryLater."""
        self._closing = True
        self._wire.close()
        if threading.current_thread() is not self._reader:
            self._reader.join(2.0)

    def _read(self) -> None:
        why = ""
        try:
            while line := self._wire.read_line():
                if not line.endswith(b"\n"):
                    why = "the engine sent an unfinished or endless line"
                    break
                self._take(line)
        except (OSError, ValueError) as error:
            why = clean(str(error), 200)
        self._end(why or self._wire.last_words())
        self._wire.finish()

    def _take(self, line: bytes) -> None:
        if not line.lstrip().startswith(b"{"):
            return  # what a login shell prints before the engine speaks
        message = decoding.json(line, type=_Message)
        if message.method is not None:
            self._on_notification(Notification(message.method, message.params))
            return
        with self._lock:
            reply = self._waiting.pop(message.id, None) if message.id is not None else None
        if reply is not None:
            reply.put(message.result if message.error is None else _error(message.error))

    def _end(self, why: str) -> None:
        with self._lock:
            self._ended = why
            waiting, self._waiting = self._waiting, {}
        for reply in waiting.values():
            reply.put(self._lost())
        self.notifications.put(None)
        if self._on_close is not None and not self._closing:
            self._on_close(why)

    def _lost(self) -> RetryLater:
        why = f": {self._ended}" if self._ended else ""
        return RetryLater(f"the connection to the engine has ended{why}", hint="is it running? swarm-tui engine status")


_BRANCHES: dict[str, type[SwarmError]] = {
    branch.__name__: branch for branch in (RetryLater, AskOperator, SkipHost, BadInput, Stop)
}


def _error(fault: _Fault) -> SwarmError:
    """The engine's error as the class that it had there."""
    data = fault.data if isinstance(fault.data, dict) else {}
    texts = {key: clean_lines(value, 20_000) for key, value in data.items() if isinstance(value, str) and value}
    message = texts.get("message") or clean_lines(fault.message, 20_000) or f"error {fault.code}"
    place = {key: texts.get(key) for key in ("host", "action", "hint")}
    if fault.code == -32601:
        return Stop(
            f"the engine does not know this request: {message}", hint="it is of another version: swarm-tui engine stop"
        )
    if fault.code == -32602:
        return BadInput(message, **place)
    return _BRANCHES.get(texts.get("kind", ""), SwarmError)(message, **place)
