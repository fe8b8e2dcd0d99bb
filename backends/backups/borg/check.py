"""`borg check`: whether a repository is what it should be. Three levels, each slower and surer than the one before."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

from backends.backups.borg.dialect import Dialect
from backends.backups.borg.events import Event, LogMessage
from backends.backups.borg.line import borg, repository
from backends.backups.model import BorgResult
from backends.backups.names import escaped
from backends.errors import BadInput
from backends.metrics.sample import Record
from backends.text import clean

Level = Literal["quick", "archives", "data"]
LEVELS: tuple[Level, ...] = ("quick", "archives", "data")
"""quick: every segment's own checksums. archives: that every archive has all its pieces. data: every byte, decrypted."""
_OPTIONS: dict[Level, tuple[str, ...]] = {
    "quick": ("--repository-only",),
    "archives": ("--archives-only",),
    "data": ("--verify-data",),
}
_MISSING = re.compile(
    r"(?P<archive>[^:/]+): (?P<path>.+): (?:New missing file chunk|Missing all-zero replacement chunk)"
)
_FAULTY = {"ERROR", "CRITICAL"}
_LIMIT = 200


class Damage(Record, frozen=True, kw_only=True):
    """A file of an archive that lacks a piece."""

    archive: str
    path: str
    """Escaped. A byte that is no UTF-8 is a "?" here: Borg does not tell it."""


class Findings(Record, frozen=True, kw_only=True):
    """What a check found."""

    ok: bool
    problems: tuple[str, ...] = ()
    """Borg's own words, each once, the first 200."""
    damaged: tuple[Damage, ...] = ()
    """Files that lack a piece, each once, the first 200."""


def argv(
    dialect: Dialect,
    location: str,
    level: Level = "quick",
    *,
    max_seconds: int | None = None,
    repair: bool = False,
    lock_wait: int = 0,
) -> tuple[str, ...]:
    """The command.

    Args:
        dialect: of the Borg that runs it.
        location: of the repository.
        level: of `LEVELS`.
        max_seconds: only for "quick": stop after that long; the next such check goes on there.
        repair: mend what can be mended, and put zeros where data is gone. Borg asks BORG_CHECK_I_KNOW_WHAT_I_AM_DOING.
        lock_wait: seconds.

    Raises:
        BadInput: a limit for another level, or together with a repair, which Borg refuses.
    """
    del dialect  # the same in 1.2 and 1.4
    if level not in _OPTIONS:
        raise BadInput(f"no such level of a check: {level!r}", hint=f"one of {', '.join(LEVELS)}")
    if max_seconds is not None and (level != "quick" or repair or max_seconds < 1):
        raise BadInput("only a quick check without repair can be limited in time", hint="leave the limit out")
    words = [*borg("check", progress=True, info=True, lock_wait=lock_wait)]
    words += () if repair and level == "quick" else _OPTIONS[level]
    words += ["--max-duration", str(max_seconds)] if max_seconds else []
    return (*words, *(["--repair"] if repair else []), repository(location))


def parse(result: BorgResult, events: Iterable[Event] = ()) -> Findings:
    """What it found, by its messages first; `events` when they were kept (the result has only the first 200)."""
    told = [(each.level, each.message) for each in events if isinstance(each, LogMessage)]
    told += [(_text(each.get("levelname")), _text(each.get("message"))) for each in result.messages]
    problems = tuple(dict.fromkeys(clean(text) for level, text in told if level in _FAULTY))
    return Findings(
        ok=not problems and result.exit_status == 0,
        problems=problems[:_LIMIT],
        damaged=_damaged(text for _, text in told)[:_LIMIT],
    )


def _damaged(messages: Iterable[str]) -> tuple[Damage, ...]:
    found = (_MISSING.match(each) for each in messages)
    return tuple(dict.fromkeys(Damage(archive=each["archive"], path=escaped(each["path"])) for each in found if each))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
