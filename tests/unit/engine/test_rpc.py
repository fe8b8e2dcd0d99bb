"""JSON-RPC as bytes: what is refused, and how."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.engine import rpc
from backends.engine.handlers_table import TABLE
from backends.engine.methods import NoParams
from backends.engine.wire import METHODS, ExecOutput
from backends.errors import AskOperator, BadInput, RetryLater, SkipHost, Stop, SwarmError


def test_a_request_keeps_its_id_and_parameters() -> None:
    request = rpc.decode(b'{"jsonrpc":"2.0","id":"x","method":"m","params":{"a":1}}')
    assert (request.id, request.method, bytes(request.params)) == ("x", "m", b'{"a":1}')
    assert request.wants_answer


def test_a_request_without_an_id_is_a_notification_but_a_null_id_is_not() -> None:
    assert not rpc.decode(b'{"method":"m"}').wants_answer
    assert rpc.decode(b'{"method":"m","id":null}').wants_answer


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"{", rpc.PARSE_ERROR),
        (b"\xff\xfe", rpc.PARSE_ERROR),
        (b'"text"', rpc.INVALID_REQUEST),
        (b"[]", rpc.INVALID_REQUEST),
        (b'{"id":1}', rpc.INVALID_REQUEST),
        (b'{"id":1,"method":7}', rpc.INVALID_REQUEST),
        (b'{"id":{},"method":"m"}', rpc.INVALID_REQUEST),
        (b'{"jsonrpc":"1.0","id":1,"method":"m"}', rpc.INVALID_REQUEST),
        (b'{"method":"m","x":' + b"[" * 100_000, rpc.PARSE_ERROR),
    ],
)
def test_what_is_no_request_is_refused_with_the_right_code(line: bytes, code: int) -> None:
    with pytest.raises(rpc.RpcError) as caught:
        rpc.decode(line)
    assert caught.value.code == code


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_request_or_an_rpc_error(line: bytes) -> None:
    try:
        rpc.decode(line)
    except rpc.RpcError as error:
        json.dumps(error.message)


def test_an_unknown_parameter_is_an_error_not_silence() -> None:
    with pytest.raises(rpc.RpcError) as caught:
        rpc.params(msgspec.Raw(b'{"typo":1}'), NoParams)
    assert caught.value.code == rpc.BAD_PARAMS
    assert "typo" in caught.value.message


@pytest.mark.parametrize("kind", [RetryLater, AskOperator, SkipHost, BadInput, Stop])
def test_an_error_says_its_branch_host_and_hint(kind: type[SwarmError]) -> None:
    class Special(kind):  # type: ignore[valid-type,misc]
        """A branch may be refined without the wire knowing."""

    body = rpc.swarm_error(Special("no", host="a", action="try", hint="wait"))
    assert body.code == rpc.SWARM_ERROR
    assert body.data == {"kind": kind.__name__, "message": "no", "host": "a", "action": "try", "hint": "wait"}


def test_one_line_each_and_no_result_is_an_empty_object() -> None:
    assert rpc.result(1, None) == b'{"jsonrpc":"2.0","id":1,"result":{}}\n'
    line = rpc.notification("exec.output", ExecOutput(id=1, host="a", stream="out", text="x\ny\n"))
    assert line.count(b"\n") == 1


def test_every_documented_method_is_answered_and_every_answered_one_is_documented() -> None:
    assert set(TABLE.methods) == set(METHODS)


@pytest.mark.parametrize("name", sorted(METHODS))
def test_the_documented_parameters_are_those_of_the_method(name: str) -> None:
    head = METHODS[name].split("→")[0].split("}")[0].strip().lstrip("{")
    documented = {part.split(":")[0].strip().rstrip("?") for part in head.split(",") if part.strip()}
    optional = {part.split(":")[0].strip().rstrip("?") for part in head.split(",") if "?" in part.split(":")[0]}
    fields = msgspec.structs.fields(TABLE.methods[name].params)
    assert {field.name for field in fields} == documented
    forgiving = {field.name for field in fields if not field.required}
    assert optional <= forgiving
