"""Asking the repository's machine: whatever it answers becomes a record or one of our errors."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.backups.model import Repository
from backends.backups.onsite import Look, Mark, Onsite, forget_client, process, speeds, understood
from backends.errors import AskOperator, RetryLater, SkipHost, SwarmError
from backends.sources.local_exec import LocalExec
from tests.borgs import DIALECT_12, borg_12


def test_a_machine_is_asked_through_its_way(tmp_path: Path) -> None:
    repository = Repository(name="vault", host="gpu01", location=str(tmp_path / "srv" / "gpu01"))
    onsite = Onsite(lambda _: LocalExec("vault"), lambda each: each.location)
    onsite.prepare(repository)
    look = onsite.look(repository)
    assert (look.made, look.there, look.append_only) == (False, False, False) and look.free > 0
    with pytest.raises(SkipHost, match="there is no Borg repository at this path") as caught:
        onsite.mark(repository)
    assert caught.value.host == "vault"
    here = LocalExec("vault")
    assert process(here, 4_194_303).there is False
    assert forget_client(here, "ab" * 32, [str(tmp_path)]) == ()
    assert speeds(here, 0.01).sha256 > 0


def test_what_borg_config_says_is_told(tmp_path: Path) -> None:
    repository = Repository(name="vault", host="gpu01", location=str(tmp_path / "none"), borg=borg_12())
    onsite = Onsite(lambda _: LocalExec("vault"), lambda each: each.location)
    with pytest.raises(RetryLater, match=r"borg config ended with 2: .*does not exist"):
        onsite.configure(repository, DIALECT_12, "append_only", "1")


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("permission", AskOperator),
        ("busy", RetryLater),
        ("changed", RetryLater),
        ("space", RetryLater),
        ("compacted", SkipHost),
        ("anything", SkipHost),
    ],
)
def test_a_refusal_becomes_the_error_that_says_what_can_be_done(kind: str, error: type[SwarmError]) -> None:
    line = json.dumps({"ok": False, "kind": kind, "text": "because\x1b[31m"}).encode()
    with pytest.raises(error) as caught:
        understood(line, Mark, "vault", "undo")
    assert caught.value.message.startswith("because") and "\x1b" not in caught.value.message


@given(
    st.binary(max_size=200)
    | st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists).map(json.dumps).map(str.encode)
)
def test_an_answer_that_makes_no_sense_is_asked_for_again(line: bytes) -> None:
    with pytest.raises(SwarmError):
        understood(line, Look, "vault", "look")


@given(
    st.fixed_dictionaries(
        {"ok": st.just(True)}, optional={name: st.none() | st.integers() | st.text() for name in Look.__struct_fields__}
    )
)
def test_a_look_with_wrong_types_is_none(answer: dict[str, object]) -> None:
    with contextlib.suppress(RetryLater):
        assert isinstance(understood(json.dumps(answer).encode(), Look, "vault", "look"), Look)
