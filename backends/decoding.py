"""msgspec's decoding, with types worked out by one thread at a time.

msgspec works a type out when it is first decoded, which runs Python code in which threads change. Another thread that
decodes the type meanwhile gets half of what was worked out, and the process ends with a segmentation fault (msgspec 0.22;
tests/unit/test_decoding.py shows it). So whatever is decoded for the first time is worked out alone, in here.
"""

from __future__ import annotations

import threading
from typing import Any, TypeVar, overload

import msgspec

T = TypeVar("T")
Buffer = bytes | bytearray | memoryview | str
_LOCK = threading.RLock()
_JSON: dict[Any, msgspec.json.Decoder[Any]] = {}
_MSGPACK: dict[Any, msgspec.msgpack.Decoder[Any]] = {}


@overload
def json(raw: Buffer, *, type: type[T]) -> T: ...
@overload
def json(raw: Buffer, *, type: Any) -> Any: ...
def json(raw: Buffer, *, type: Any) -> Any:
    """`msgspec.json.decode`. Raises msgspec.DecodeError and its branch ValidationError."""
    return json_decoder(type).decode(raw)


@overload
def msgpack(raw: bytes, *, type: type[T]) -> T: ...
@overload
def msgpack(raw: bytes, *, type: Any) -> Any: ...
def msgpack(raw: bytes, *, type: Any) -> Any:
    """`msgspec.msgpack.decode`. Raises msgspec.DecodeError and its branch ValidationError."""
    return msgpack_decoder(type).decode(raw)


@overload
def convert(value: Any, type: type[T]) -> T: ...
@overload
def convert(value: Any, type: Any) -> Any: ...
def convert(value: Any, type: Any) -> Any:
    """`msgspec.convert`. Raises msgspec.ValidationError."""
    json_decoder(type)
    return msgspec.convert(value, type)


@overload
def json_decoder(type: type[T]) -> msgspec.json.Decoder[T]: ...
@overload
def json_decoder(type: Any) -> msgspec.json.Decoder[Any]: ...
def json_decoder(type: Any) -> msgspec.json.Decoder[Any]:
    """A decoder of that type, the same each time. Any thread may use it."""
    found = _JSON.get(type)
    if found is None:
        with _LOCK:
            found = _JSON.setdefault(type, msgspec.json.Decoder(type))
    return found


@overload
def msgpack_decoder(type: type[T]) -> msgspec.msgpack.Decoder[T]: ...
@overload
def msgpack_decoder(type: Any) -> msgspec.msgpack.Decoder[Any]: ...
def msgpack_decoder(type: Any) -> msgspec.msgpack.Decoder[Any]:
    """A decoder of that type, the same each time. Any thread may use it."""
    found = _MSGPACK.get(type)
    if found is None:
        with _LOCK:
            found = _MSGPACK.setdefault(type, msgspec.msgpack.Decoder(type))
    return found
