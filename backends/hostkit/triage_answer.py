"""What the triage program answered → sections of safe text. Everything that a host says is bounded and cleaned here, once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, cast, get_args

import msgspec

from backends import decoding
from backends.errors import RetryLater, SkipHost
from backends.hostkit.answer import Answer, answer_line
from backends.hostkit.travel import Become, Launch, program_launch
from backends.metrics.sample import Record
from backends.text import clean, clean_lines

PARTS = (
    "kit_text",
    "kit_ask",
    "kit_triage_process",
    "kit_triage",
    "kit_triage_gpu",
    "kit_triage_read",
    "kit_triage_changes",
)
ANSWER_BYTES = 8 << 20
"""About 40 sections of at most 64 kB, each byte at most a few of JSON; an honest answer has some 60 kB."""
TIMEOUT_SECONDS = 15.0
"""The longest step takes 10 s, what is stuck 0.3 s more; the rest is for the way and a slow python3."""
TEXT_LIMIT = 64 << 10
LINE_LIMIT = 1000
MOST_SECTIONS = 100
TOTAL_LIMIT = 1 << 20
"""Characters of all sections together: cleaning and reading them takes a second even when a host means ill."""
STEPS = 9
ACTION = "make a triage bundle"

Kind = Literal["done", "absent", "noperm", "failed", "stuck", "skipped"]


class Section(Record, frozen=True, kw_only=True):
    """What one question was answered with."""

    step: int
    """1–9."""
    name: str
    """ "system", "kernel.log", "gpu", "space" … (`programs/triage.py` lists them)."""
    kind: Kind
    command: str = ""
    """What was run; "" when the program read files itself."""
    status: int = 0
    """Of a program that ended; negative: the signal that ended it."""
    text: str = ""
    """Cleaned lines, at most 64 KiB."""
    error: str = ""
    """What it said on stderr."""
    cut: bool = False
    """There was more."""
    seconds: float = 0.0
    note: str = ""
    """Why there is no answer: "no answer within 8 s, state=D"."""

    @property
    def lines(self) -> list[str]:
        """Its lines without comments and empty ones."""
        return [line for line in self.text.split("\n") if line.strip() and not line.startswith("#")]


class TriageAnswer(Record, frozen=True, kw_only=True):
    """All of it."""

    begin: float
    """By the host's clock, epoch seconds."""
    end: float
    root: bool = False
    """Whether it was looked at with root's eyes."""
    sections: tuple[Section, ...] = ()


class _Wire(msgspec.Struct, frozen=True):
    begin: float
    end: float
    root: bool
    sections: list[dict[str, Any]]
    ok: bool = True


def triage_launch(become: Become = "none", sections: Sequence[str] = (), *, scale: float = 1.0) -> Launch:
    """The program on its way.

    Args:
        become: how to get root first.
        sections: names of those wanted; () is all.
        scale: factor of all its deadlines; at 1 it answers within 12 s whatever hangs.
    """
    return program_launch("triage", {"sections": list(sections), "scale": scale}, become, PARTS)


def read_triage(output: bytes, host: str | None = None) -> TriageAnswer:
    """The answer in the program's whole output.

    Raises:
        RetryLater: it is none (link lost, program crashed, nonsense).
        SkipHost: no usable python3, or nowhere on the host can anything be written.
        AskOperator: sudo refused.
    """
    line = answer_line(output, host=host, action=ACTION)
    try:
        refused = decoding.json(line, type=_Refusable)
        if not refused.ok:
            answer = decoding.json(line, type=Answer)
            raise SkipHost(
                clean(answer.text, 300) or "it gave no reason", host=host, action=ACTION, hint="free some memory there"
            )
        wire = decoding.json(line, type=_Wire)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise RetryLater(f"answer not understood: {clean(str(error), 200)}", host=host, action=ACTION) from error
    found, left = [], TOTAL_LIMIT
    for values in wire.sections[:MOST_SECTIONS]:
        section = _section(values, left)
        if section is not None:
            found.append(section)
            left -= len(section.text)
    return TriageAnswer(begin=wire.begin, end=wire.end, root=wire.root, sections=tuple(found))


class _Refusable(msgspec.Struct, frozen=True):
    ok: bool


def _section(values: dict[str, Any], left: int) -> Section | None:
    """One section, of at most `left` characters; None for what is none. A value of the wrong type is left out."""
    step, kind = values.get("step"), values.get("kind")
    name = _text(values, "name", 40)
    if type(step) is not int or not 1 <= step <= STEPS or kind not in get_args(Kind) or not name:
        return None
    text, room = values.get("text"), max(0, min(left, TEXT_LIMIT))
    safe = clean_lines(text, room, LINE_LIMIT)[:TEXT_LIMIT].rstrip("\n") if isinstance(text, str) else ""
    status, seconds = values.get("status"), values.get("seconds")
    return Section(
        step=step,
        name=name,
        kind=cast("Kind", kind),
        command=_text(values, "command", LINE_LIMIT),
        status=status if type(status) is int and -1000 < status < 1000 else 0,
        text=safe,
        error=_text(values, "error", LINE_LIMIT),
        cut=values.get("cut") is True or (isinstance(text, str) and len(text) > room),
        seconds=float(seconds) if isinstance(seconds, int | float) and 0 <= seconds < 1e6 else 0.0,
        note=_text(values, "note", 300),
    )


def _text(values: dict[str, Any], name: str, limit: int) -> str:
    value = values.get(name)
    return clean(value, limit).strip() if isinstance(value, str) else ""
