"""A rule as data with two pure functions, and the pass of all rules over all hosts. No clock, no lock, no I/O.

The pass is paid for every second on a thousand hosts, so a rule first scans for objects that may be bad (a few plain
comparisons, nothing made for what is well); only these, and those that the state machine holds, are judged in full.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from backends.alerts.model import Reading, RuleTimes, Truth
from backends.alerts.subjects import NOT_HELD, Held, Needs, Subject
from backends.states import Severity
from backends.text import clean

TEXT_LIMIT, EVIDENCE_LIMIT = 300, 8
"""Characters of a sentence, and how many pieces of evidence are kept."""
MOST_OBJECTS = 64
"""Objects of one rule and host that are judged: a host that invents mounts or GPUs raises no more alerts than this."""


class Finding(NamedTuple):
    """What a rule says about one object."""

    truth: Truth
    severity: Severity = Severity.OK
    value: float | None = None
    text: str = ""
    """One sentence with the number; for NODATA the reason."""
    evidence: tuple[str, ...] = ()
    advice: str = ""
    """Instead of the rule's."""
    time: float | None = None
    """Of what it is about; None: of the newest data."""


class Limit(NamedTuple):
    """Hysteresis: it begins beyond `fire` and lasts until the value is not beyond `clear` any more."""

    fire: float
    clear: float


Scan = Callable[[Subject], Sequence[str]]
"""Objects that may be bad; most often (). Called with usable data only; must be cheap."""
Judge = Callable[[Subject, str, Held], Finding]
"""Subject, object and what is held → the finding."""
Gate = Callable[[Subject], bool]
"""Whether a group of rules needs to scan at all; rules with the same gate are one group."""
Pairs = Callable[[Subject], Iterable[tuple[str, str]]]
"""(rule, object) of everything that may be bad, for a group of rules."""


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule of the pack or of the site."""

    id: str
    """"disk.space"."""
    title: str
    """What it watches, in a few words: "Filesystem is full"."""
    times: RuleTimes
    needs: Needs = "sample"
    gate: Gate | None = None
    scan: Scan
    judge: Judge
    advice: str = ""
    """The suggested action: one sentence with a command or a key."""
    source: str = ""
    """Where the thresholds come from."""
    warn: Limit | None = None
    crit: Limit | None = None
    unit: str = ""
    """Of the limits: "%", "°C", "s"."""


def judge(subject: Subject, rule: Rule, thing: str = "", held: Held = NOT_HELD) -> Reading:
    """One rule for one object, whether it is well or not; NODATA says why."""
    absent = ABSENT[rule.needs](subject)
    finding = Finding(Truth.NODATA, text=absent) if absent else rule.judge(subject, thing, held)
    return Reading(
        rule=rule.id,
        host=subject.host,
        object=thing,
        truth=finding.truth,
        severity=finding.severity,
        value=finding.value,
        text=_safe(finding.text),
        evidence=tuple(map(_safe, finding.evidence[:EVIDENCE_LIMIT])),
        advice=(finding.advice or rule.advice) if finding.truth is Truth.TRUE else "",
        time=finding.time if finding.time is not None else _time(subject, rule.needs, finding.truth),
    )


def _safe(text: str) -> str:
    """Cleaned at decoding already; once more costs only where something is left to clean."""
    return text if len(text) <= TEXT_LIMIT and text.isprintable() else clean(text, TEXT_LIMIT)


def _time(subject: Subject, needs: Needs, truth: Truth) -> float:
    """Of the sample; everything else holds until it is too old, so it is as good as new."""
    if needs == "sample" and truth is not Truth.NODATA and subject.sample is not None:
        return min(subject.now, subject.sample.time)
    return subject.now


def _no_health(subject: Subject) -> str:
    health = subject.health
    if health is None:
        return "never looked at"
    age = subject.now - health.time
    return f"last looked at {age:.0f} s ago" if age > health.lasts_seconds else ""


ABSENT: Mapping[Needs, Callable[[Subject], str]] = {
    "sample": lambda subject: subject.no_sample,
    "health": _no_health,
    "reach": lambda subject: "" if subject.host else "not a host",
    "events": lambda subject: "",
    "concerns": lambda subject: "not judged yet" if subject.concerns is None else "",
    "looks": lambda subject: "not checked yet" if subject.looks is None else "",
    "pending": lambda subject: "not looked at yet" if subject.pending is None else "",
    "deliveries": lambda subject: "not a matter of hosts" if subject.deliveries is None else "",
    "row": lambda subject: "not known" if subject.row is None else "",
}
"""Why there is nothing to judge by; "" when there is."""


def never(subject: Subject) -> Sequence[str]:
    """The scan of a rule whose objects come from `Pairs`."""
    return ()
