"""What a difference of a host's health comes to after maintenance: good, failed, or a question. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from backends.checks.health_difference import Change, Difference
from backends.errors import BadInput
from backends.maintenance import facts
from backends.maintenance.steps.token import is_reason
from backends.maintenance.worker import Look, Told
from backends.states import Severity

STRICT = frozenset(
    (
        "XID",
        "G01",
        "G02",
        "G03",
        "G04",
        "G18",
        "G20",
        "G22",
        "G28",
        "N01",
        "N05",
        "N08",
        "N10",
        "H05",
        "H06",
        "H12",
        "H15",
        "H20",
    )
)
"""Checks of which a new warning is enough: the set of GPUs, the driver, links, memory, mounts, arrays, units."""
MOST = 40
_SHOWN = 4


def judged(found: Difference, reason: str = "") -> Look:
    """What a difference comes to: done, failed, or a question."""
    grave = [each for each in found.worse if _grave(each)]
    mild = [each for each in found.worse if not _grave(each)]
    values = _facts(found, mild)
    overruled = is_reason(reason)
    if (grave or found.unseen) and overruled:
        text = f"overruled: {reason}"
        return Look(told=Told.DONE, text=text, facts=values | {facts.OVERRULED: reason})
    if grave:
        hint = "cure it and retry; skip leaves the host as it is, drained"
        return Look(told=Told.FAILED, text=f"worse than before: {_said(grave)}", hint=hint, facts=values)
    if found.unseen:
        hint = "retry, or answer with a reason of at least ten letters: it is then given back all the same"
        return Look(told=Told.ASKING, state="not known", text=f"not known any more: {_said(found.unseen)}", hint=hint)
    text = f"as before, {len(found.better)} better" if found.better else "as before"
    return Look(told=Told.DONE, text=f"{text}; {len(mild)} new warnings" if mild else text, facts=values)


def incomparable(error: BadInput, reason: str) -> Look:
    """It was never looked at before: only a person can say whether it is as it was."""
    if is_reason(reason):
        return Look(told=Told.DONE, text=f"overruled: {reason}", facts={facts.OVERRULED: reason})
    hint = "look at it, then answer with a reason of at least ten letters, or skip it"
    return Look(told=Told.ASKING, state="not known", text=f"cannot be compared: {error.message}", hint=hint)


def _grave(change: Change) -> bool:
    after = change.after.severity if change.after else Severity.UNKNOWN
    return after is Severity.CRITICAL or change.check in STRICT


def _said(changes: Sequence[Change]) -> str:
    words = [_text(each) for each in changes[:_SHOWN]]
    return "; ".join(words) + (f" and {len(changes) - _SHOWN} more" if len(changes) > _SHOWN else "")


def _text(change: Change) -> str:
    shown = change.after or change.before
    return (shown and shown.text) or f"{change.check} {change.object}".strip()


def _facts(found: Difference, mild: Sequence[Change]) -> dict[str, str]:
    rows = [
        (f"{each.check} {each.object}".strip(), _word(each.before), _word(each.after), _verdict(each, side))
        for side in ("worse", "unseen", "better")
        for each in getattr(found, side)
    ]
    values = {
        facts.GATE: facts.written(rows[:MOST]),
        facts.WARNINGS: facts.written((_text(each),) for each in mild),
    }
    return {key: value for key, value in values.items() if value}


def _word(finding: object) -> str:
    return str(getattr(finding, "text", "")) if finding is not None else ""


def _verdict(change: Change, side: str) -> str:
    if side == "better":
        return "ok"
    return "unknown" if side == "unseen" else "critical" if _grave(change) else "warning"
