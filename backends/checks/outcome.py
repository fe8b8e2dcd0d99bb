"""What a rule comes to: a verdict, a gap (it lacks fields that would decide), or nothing; and how outcomes are told."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from backends.checks.verdict import Verdict
from backends.states import Severity


class Gap(NamedTuple):
    """A rule that could not be decided."""

    kind: str
    """Of the verdict that it may have come to."""
    fields: tuple[str, ...]
    """What is missing, with the reason where one is known: "power_watts (not supported)"."""


Outcome = Verdict | Gap | None

_WEIGHT = {"low": 0, "medium": 1, "high": 2}


def unknown(subject: str, text: str, evidence: Iterable[str] = ()) -> Verdict:
    """The verdict about what cannot be judged. It is sure of that."""
    return Verdict(
        subject=subject,
        kind="unknown",
        text=text,
        evidence=tuple(evidence),
        confidence="high",
        severity=Severity.UNKNOWN,
    )


def undecided(subject: str, gaps: Iterable[Gap], evidence: Iterable[str] = ()) -> Verdict:
    """One verdict that names the rules that could not be decided and the fields that they lack."""
    kinds: dict[str, None] = {}
    fields: dict[str, None] = {}
    for gap in gaps:
        kinds[gap.kind] = None
        fields.update(dict.fromkeys(gap.fields))
    return unknown(subject, f"not judged: {', '.join(kinds)}; missing: {', '.join(fields)}", evidence)


def weight(verdict: Verdict) -> tuple[int, int]:
    """For sorting: the more severe and the surer weighs more."""
    return verdict.severity.rank, _WEIGHT[verdict.confidence]
