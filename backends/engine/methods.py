"""The table of API methods and the dispatch of request lines to them.

A handler is a plain function of the engine, the client's session and a typed parameter struct. Handlers that reach out
to hosts are marked slow and run beside the session's reader, so that the same client keeps getting its views.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from backends.engine import rpc
from backends.engine.log import Log
from backends.engine.session import Session
from backends.errors import RetryLater, SwarmError

MAX_SLOW_CALLS = 64
"""Calls that may wait for hosts at a time; beyond that a client is told to come back."""


class Params(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all parameter types: a misspelt parameter is an error, not silence."""


class NoParams(Params, frozen=True):
    """For methods that take none."""


class Then(msgspec.Struct, frozen=True):
    """A result after whose sending something begins: its notifications must not overtake the answer."""

    value: object
    begin: Callable[[], None]


P = TypeVar("P", bound=Params)
Handler = Callable[[Any, Session, P], object]


class Method(msgspec.Struct, frozen=True):
    """One entry of the table."""

    name: str
    params: type[Params]
    handler: Callable[[Any, Session, Any], object]
    slow: bool


class Table:
    """Methods by name; `table.method(...)` registers a handler."""

    def __init__(self) -> None:
        self.methods: dict[str, Method] = {}

    def method(self, name: str, params: type[P], *, slow: bool = False) -> Callable[[Handler[P]], Handler[P]]:
        """Decorator: this function answers `name`."""

        def register(handler: Handler[P]) -> Handler[P]:
            self.methods[name] = Method(name, params, handler, slow)
            return handler

        return register


class Dispatcher:
    """Carries out request lines with the handlers of a table, on behalf of `engine`."""

    def __init__(self, table: Table, engine: object, log: Log):
        self._methods, self._engine, self._log = table.methods, engine, log
        self._slow = threading.BoundedSemaphore(MAX_SLOW_CALLS)

    def __call__(self, session: Session, line: bytes) -> None:
        """Carry out one line of `session`; every outcome is an answer, never an exception."""
        try:
            request = rpc.decode(line)
        except rpc.RpcError as error:
            session.send(rpc.error(None, rpc.ErrorBody(error.code, error.message)))
            return
        method = self._methods.get(request.method)
        if method is not None and method.slow:
            self._beside(session, request, method)
        else:
            self._answer(session, request, method)

    def _beside(self, session: Session, request: rpc.Request, method: Method) -> None:
        if not self._slow.acquire(blocking=False):
            busy = RetryLater("the engine is busy with too many calls", action=method.name, hint="try again shortly")
            session.send(rpc.error(_id(request), rpc.swarm_error(busy)))
            return
        session.pending(+1)

        def work() -> None:
            try:
                self._answer(session, request, method)
            finally:
                session.pending(-1)
                self._slow.release()

        threading.Thread(target=work, name=f"call {method.name}", daemon=True).start()

    def _answer(self, session: Session, request: rpc.Request, method: Method | None) -> None:
        begin: Callable[[], None] | None = None
        try:
            if method is None:
                raise rpc.RpcError(rpc.UNKNOWN_METHOD, f"unknown method: {request.method[:80]}")
            value: object = method.handler(self._engine, session, rpc.params(request.params, method.params))
            if isinstance(value, Then):
                begin, value = value.begin, value.value
            answer = rpc.result(_id(request), value)
        except rpc.RpcError as error:
            answer = rpc.error(_id(request), rpc.ErrorBody(error.code, error.message))
        except SwarmError as error:
            answer = rpc.error(_id(request), rpc.swarm_error(error))
        except Exception as error:  # noqa: BLE001 - the boundary of one request: a bug must not end the session
            self._log.failure("call-failed", error, method=request.method)
            text = f"internal error in {request.method[:80]}: {error!r}; the engine log has the traceback"
            answer = rpc.error(_id(request), rpc.ErrorBody(rpc.INTERNAL_ERROR, text[:500]))
        if request.wants_answer:
            session.send(answer)
        if begin is not None:
            begin()


def _id(request: rpc.Request) -> object:
    return request.id if request.wants_answer else None
