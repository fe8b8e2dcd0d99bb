"""Which alerts are meant: by the first digits of a fingerprint, or as `rule@host` and `rule@host:object`. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from backends.alerts.model import ACTIVE
from backends.alerts.views import AlertRow
from backends.config.problem import nearest
from backends.errors import BadInput
from backends.text import clean
from swarm_tui.present.alert_text import SHORT, place

MOST_SHOWN = 8
"""Candidates that an error lists."""
DIGITS = re.compile(r"[0-9a-f]{1,16}")
USAGE = "name it by its first digits, as `swarm-tui alerts list` shows them, or as rule@host[:object]"


def named(rows: Sequence[AlertRow], words: Iterable[str], *, active: bool = False) -> tuple[AlertRow, ...]:
    """The alert that each word means, each once, in the order of the words.

    Args:
        rows: all alerts that the engine shows.
        words: as they were typed.
        active: those that are over come into question only when nothing else does.

    Raises:
        BadInput: a word means none or several; the candidates are listed.
    """
    chosen: dict[str, AlertRow] = {}
    for word in words:
        row = _one(rows, word, active)
        chosen[row.fingerprint] = row
    return tuple(chosen.values())


def looks_known(word: str) -> bool:
    """Whether a word could be (a part of) a fingerprint."""
    return bool(DIGITS.fullmatch(word.lower()))


def _one(rows: Sequence[AlertRow], word: str, active: bool) -> AlertRow:
    found = _matching(rows, word)
    if active:
        found = [row for row in found if row.phase in ACTIVE] or found
    if not found:
        raise _unknown(rows, word)
    if len(found) > 1:
        raise BadInput(f'"{clean(word, 80)}" means {len(found)} alerts:\n{_listed(found)}', hint=USAGE)
    return found[0]


def _matching(rows: Sequence[AlertRow], word: str) -> list[AlertRow]:
    if "@" in word:
        rule, _, rest = word.partition("@")
        host, colon, thing = rest.partition(":")
        here = [row for row in rows if (row.rule, row.host) == (rule, host)]
        exact = [row for row in here if row.object == thing]
        return exact or ([] if colon else here)
    if not looks_known(word):
        raise BadInput(f'"{clean(word, 80)}" is no fingerprint', hint=USAGE)
    return [row for row in rows if row.fingerprint.startswith(word.lower())]


def _unknown(rows: Sequence[AlertRow], word: str) -> BadInput:
    near = nearest(word, map(place, rows)) if "@" in word else ""
    return BadInput(f'no alert is meant by "{clean(word, 80)}"', hint=near or "swarm-tui alerts list --all")


def _listed(found: Sequence[AlertRow]) -> str:
    digits = max(SHORT, _apart([row.fingerprint for row in found]))
    lines = [f"  {row.fingerprint[:digits]}  {place(row)}" for row in found[:MOST_SHOWN]]
    return "\n".join([*lines, *([f"  and {len(found) - MOST_SHOWN} more"] if len(found) > MOST_SHOWN else [])])


def _apart(prints: Sequence[str]) -> int:
    """Digits by which they differ."""
    return next((count for count in range(1, 17) if len({each[:count] for each in prints}) == len(prints)), 16)
