"""Reads what a one-shot kit program answered, past anything that the login shell printed before it."""

from __future__ import annotations

import msgspec

from backends import decoding
from backends.errors import AskOperator, RetryLater, SkipHost, SwarmError
from backends.hostkit.travel import MAGIC
from backends.text import clean, decode


class Answer(msgspec.Struct, frozen=True):
    """What a one-shot program says."""

    ok: bool
    text: str
    kind: str = ""
    """Why it is not ok: "gone", "permission", "failed"."""


def answer_line(output: bytes, *, host: str | None = None, action: str = "run a kit program") -> bytes:
    """The JSON of the answer in a program's whole output, as the host sent it.

    Raises:
        SkipHost: the host has no usable python3.
        AskOperator: sudo refused.
        RetryLater: the output holds no answer (link lost, program crashed).
    """
    place = output.find(MAGIC)
    if place < 0:
        raise RetryLater(_no_answer(output), host=host, action=action, hint="try again; if it stays, log in and look")
    word, _, rest = output[place + len(MAGIC) :].partition(b"\n")
    if word != b"answer":
        raise refusal(word.decode("utf-8", "replace"), host=host, action=action)
    return rest.partition(b"\n")[0]


def read_answer(output: bytes, *, host: str | None = None, action: str = "run a kit program") -> Answer:
    """The answer in a program's whole output, its text sanitised. Raises as `answer_line`."""
    try:
        answer = decoding.json(answer_line(output, host=host, action=action), type=Answer)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise RetryLater(f"answer not understood: {error}", host=host, action=action) from error
    return Answer(ok=answer.ok, text=clean(answer.text, 500), kind=clean(answer.kind, 20))


def refusal(line: str, *, host: str | None = None, action: str | None = None) -> SwarmError:
    """The error behind a magic line that is a refusal: NOPYTHON, OLDPYTHON, NOSUDO."""
    word, _, text = line.partition(" ")
    detail = decode(text.encode(), 300).strip(" ;")
    if word == "NOSUDO":
        hint = 'allow it in sudoers: USER ALL=(root) NOPASSWD: ALL; or set become = "none"'
        return AskOperator(f"sudo refused: {detail or 'no reason given'}", host=host, action=action, hint=hint)
    if word == "OLDPYTHON":
        return SkipHost(
            f"python3 is too old ({detail}); 3.6 or newer is needed", host=host, action=action, hint=INSTALL
        )
    if word == "NOPYTHON":
        broken = f" ({detail})" if detail else ""
        return SkipHost(f"no working python3{broken}", host=host, action=action, hint=INSTALL)
    return RetryLater(f"unexpected first line: {decode(line.encode(), 200)}", host=host, action=action)


INSTALL = "install it: apt-get install python3 | dnf install python3 | zypper install python3 | pacman -S python"


def _no_answer(output: bytes) -> str:
    said = decode(output[-300:], 300).strip()
    return f"the program gave no answer; the host said: {said}" if said else "the program gave no answer"
