"""JSON-RPC 2.0 as bytes: requests in, results, errors and notifications out. Pure; knows no socket and no method."""

from __future__ import annotations

from typing import Any

import msgspec

from backends import decoding
from backends.errors import AskOperator, BadInput, RetryLater, SkipHost, Stop, SwarmError

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
UNKNOWN_METHOD = -32601
BAD_PARAMS = -32602
INTERNAL_ERROR = -32603
SWARM_ERROR = -32000

_BRANCHES = (RetryLater, AskOperator, SkipHost, BadInput, Stop)


class Request(msgspec.Struct, frozen=True):
    """One request or, without an id, one notification of a client."""

    method: str
    jsonrpc: str = "2.0"
    id: int | str | msgspec.UnsetType | None = msgspec.UNSET
    params: msgspec.Raw = msgspec.Raw(b"{}")

    @property
    def wants_answer(self) -> bool:
        """Notifications (no id) are carried out and not answered."""
        return self.id is not msgspec.UNSET


class RpcError(Exception):
    """A request that cannot be carried out as it stands; becomes an error answer."""

    def __init__(self, code: int, message: str):
        super().__init__(message)
        self.code, self.message = code, message


class ErrorBody(msgspec.Struct, frozen=True, omit_defaults=True):
    """The `error` member of an answer."""

    code: int
    message: str
    data: dict[str, str | None] | None = None


_request = decoding.json_decoder(Request)
_encoder = msgspec.json.Encoder()


def decode(line: bytes) -> Request:
    """The request in `line`.

    Raises:
        RpcError: not JSON, or not a request; batches are not supported.
    """
    try:
        request = _request.decode(line)
    except msgspec.ValidationError as error:
        raise RpcError(INVALID_REQUEST, f"not a JSON-RPC 2.0 request: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RpcError(PARSE_ERROR, f"not JSON: {error}") from error
    if request.jsonrpc != "2.0":
        raise RpcError(INVALID_REQUEST, 'jsonrpc must be "2.0"')
    return request


def result(request_id: object, value: object) -> bytes:
    """The line that answers a request; a None result is sent as {}."""
    body = {} if value is None else value
    return _encoder.encode({"jsonrpc": "2.0", "id": request_id, "result": body}) + b"\n"


def error(request_id: object, body: ErrorBody) -> bytes:
    """The line that refuses a request; the id is null where none could be read."""
    return _encoder.encode({"jsonrpc": "2.0", "id": request_id, "error": body}) + b"\n"


def notification(method: str, params: object) -> bytes:
    """A line that the engine sends on its own."""
    return _encoder.encode({"jsonrpc": "2.0", "method": method, "params": params}) + b"\n"


def params(raw: msgspec.Raw, kind: type[Any]) -> Any:
    """The parameters as the method's own type.

    Raises:
        RpcError: they do not fit.
    """
    try:
        return decoding.json(raw, type=kind)
    except (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RpcError(BAD_PARAMS, f"bad parameters: {error}") from error


def swarm_error(failure: SwarmError) -> ErrorBody:
    """A SwarmError on the wire: its branch tells the client what it can do next."""
    branch = next((kind.__name__ for kind in _BRANCHES if isinstance(failure, kind)), "SwarmError")
    data = {
        "kind": branch,
        "message": failure.message,
        "host": failure.host,
        "action": failure.action,
        "hint": failure.hint,
    }
    return ErrorBody(SWARM_ERROR, failure.message, data)
