"""What one-shot programs answer: found behind any banner, sanitised, and a refusal becomes the right error."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.errors import AskOperator, RetryLater, SkipHost, SwarmError
from backends.hostkit.answer import Answer, read_answer, refusal
from backends.hostkit.travel import MAGIC
from backends.text import clean
from tests.unit.hostkit.hostile import assert_calm, junk

OUTPUT = b"Welcome!\nno newline\nswarm-kit 1 answer\n"


def test_an_answer_is_found_behind_a_banner() -> None:
    assert read_answer(OUTPUT + b'{"ok":true,"text":"sent signal 15 to python3 (42)"}\n') == Answer(
        ok=True, text="sent signal 15 to python3 (42)"
    )


def test_what_comes_behind_the_answer_does_not_matter() -> None:
    assert not read_answer(OUTPUT + b'{"ok":false,"text":"gone","kind":"gone"}\nConnection closed\xff').ok


def test_its_text_cannot_drive_a_terminal() -> None:
    answer = read_answer(OUTPUT + json.dumps({"ok": True, "text": "sent to \x1b]0;x\x07[/b]evil\u202e"}).encode())
    assert answer.text == "sent to [/b]evil\ufffd"


def test_why_it_is_not_ok_is_a_short_clean_word() -> None:
    assert read_answer(OUTPUT + b'{"ok":false,"text":"x","kind":"permission"}').kind == "permission"
    answer = read_answer(OUTPUT + json.dumps({"ok": False, "text": "x", "kind": "\x1b[2Jkind" * 10}).encode())
    assert answer.kind == "kind" * 4 + "kin…"


@pytest.mark.parametrize(
    ("line", "error", "words"),
    [
        (b"NOPYTHON", SkipHost, "no working python3"),
        (b"NOPYTHON /usr/bin/python3: libz.so.1: cannot open;", SkipHost, "libz.so.1"),
        (b"OLDPYTHON /usr/bin/python3 is Python 3.4.10;", SkipHost, "3.4.10"),
        (b"NOSUDO sudo: a password is required", AskOperator, "a password is required"),
        (b"NOSUDO", AskOperator, "no reason given"),
        (b"ready", RetryLater, "unexpected first line: ready"),
        (b"\xff\x1b[2Jhm", RetryLater, "hm"),
    ],
)
def test_a_refusal_becomes_the_error_that_says_what_to_do(line: bytes, error: type[SwarmError], words: str) -> None:
    with pytest.raises(error, match=words) as raised:
        read_answer(b"banner\n" + MAGIC + line + b"\n", host="gpu01", action="signal a process")
    assert (raised.value.host, raised.value.action) == ("gpu01", "signal a process")
    assert clean(raised.value.message) == raised.value.message
    assert raised.value.hint or error is RetryLater


@pytest.mark.parametrize(
    ("output", "words"),
    [
        (b"", "gave no answer"),
        (b"bash: line 1: exec: /bin/sh: not found\n", "exec: /bin/sh: not found"),
        (OUTPUT, "not understood"),
        (OUTPUT + b'{"ok":tr', "not understood"),
        (OUTPUT + b'{"ok":"yes","text":"x"}', "not understood"),
        (OUTPUT + b'{"text":"x"}', "not understood"),
        (OUTPUT + b'{"ok":true,"text":"\xff"}', "not understood"),
        (OUTPUT + b'{"ok":true,"text":"","x":' + b"[" * 100_000, "not understood"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_no_answer_may_work_later_and_shows_what_was_said(output: bytes, words: str) -> None:
    with pytest.raises(RetryLater, match=words):
        read_answer(output)


@given(st.one_of(st.binary(max_size=200), junk.map(lambda value: json.dumps(value).encode())))
def test_any_output_is_a_calm_answer_or_an_error_of_ours(body: bytes) -> None:
    for output in (body, OUTPUT + body, MAGIC + body):
        try:
            assert_calm(read_answer(output))
        except SwarmError as error:
            assert clean(error.message) == error.message
            assert len(error.message) < 1000


@given(st.booleans(), st.text(), st.text())
def test_any_well_formed_answer_is_read(ok: bool, text: str, kind: str) -> None:
    answer = read_answer(OUTPUT + msgspec.json.encode({"ok": ok, "text": text, "kind": kind}))
    assert answer.ok is ok
    assert_calm(answer)


@given(st.text())
def test_a_refusal_of_any_words_is_one_clean_sentence(line: str) -> None:
    assert clean(refusal(line).message) == refusal(line).message
