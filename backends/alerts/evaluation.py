"""The pass of all rules over all hosts. No clock, no lock, no I/O.

It is paid for every second on a thousand hosts: one gate spares a group of rules, a scan finds what may be bad, and only
that, and what the state machine holds, is judged in full.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from backends.alerts.model import Alert, Phase, Reading, RuleTimes, Truth
from backends.alerts.rules import ABSENT, MOST_OBJECTS, Gate, Pairs, Rule, judge
from backends.alerts.subjects import Held, Needs, Subject
from backends.states import Severity

HeldBy = Mapping[str, Mapping[tuple[str, str], Held]]
"""Host → (rule, object) → what the state machine holds."""
_NONE: Mapping[tuple[str, str], Held] = {}
_NO_OBJECTS: Mapping[str, list[str]] = {}
_FIRING = (Phase.FIRING, Phase.RECOVERING)


def held_of(alerts: Iterable[Alert]) -> dict[str, dict[tuple[str, str], Held]]:
    """What the rules must know of the alerts that are not inactive."""
    found: dict[str, dict[tuple[str, str], Held]] = {}
    for alert in alerts:
        if alert.phase is Phase.INACTIVE:
            continue
        found.setdefault(alert.host, {})[alert.rule, alert.object] = Held(
            level=alert.severity if alert.phase in _FIRING else Severity.OK,
            since=alert.last_true or alert.fired or 0.0,
            settled=alert.resolved or 0.0 if alert.phase is Phase.RESOLVED else 0.0,
        )
    return found


class Rules:
    """All rules that are on. Immutable; may be used from any thread."""

    def __init__(self, rules: Iterable[Rule], pairs: Mapping[Needs, Pairs] = {}):
        """`pairs`: what is looked at by one table for a whole group of rules, instead of by the scan of each."""
        self._rules = {rule.id: rule for rule in rules}
        groups: dict[tuple[Needs, Gate | None], list[Rule]] = {}
        for rule in self._rules.values():
            groups.setdefault((rule.needs, rule.gate), []).append(rule)
        self._sampled: list[_Group] = []
        self._others: list[_Group] = []
        for (needs, gate), group in groups.items():
            made = _Group(ABSENT[needs], gate or _GATES.get(needs, _open), pairs.get(needs), tuple(group))
            (self._sampled if needs == "sample" else self._others).append(made)

    def __iter__(self) -> Iterator[Rule]:
        return iter(self._rules.values())

    def __len__(self) -> int:
        return len(self._rules)

    def get(self, rule: str) -> Rule | None:
        """One rule by its id; None when it is not on."""
        return self._rules.get(rule)

    @property
    def times(self) -> Mapping[str, RuleTimes]:
        """Id of a rule → its times, for the state machine."""
        return {rule.id: rule.times for rule in self._rules.values()}

    def evaluate(self, subjects: Iterable[Subject], held: HeldBy) -> list[Reading]:
        """Everything that is bad, and everything that the state machine holds.

        Args:
            subjects: hosts with new data; one that is left out gets no reading.
            held: of `held_of`. An object that is well and not held gets no reading.

        Returns:
            readings in the order of subjects and rules, one for each (rule, host, object). An alert whose rule is gone
            gets none.
        """
        readings: list[Reading] = []
        for subject in subjects:
            here = held.get(subject.host, _NONE)
            known = _by_rule(here) if here else _NO_OBJECTS
            sampled = not subject.no_sample
            if sampled or known:
                for group in self._sampled:
                    if sampled and group.gate(subject):
                        _scan(subject, group, known, here, readings)
                    elif known:
                        _judge_held(subject, group.rules, known, here, readings)
            for group in self._others:
                if group.gate(subject) and not group.absent(subject):
                    _scan(subject, group, known, here, readings)
                elif known:
                    _judge_held(subject, group.rules, known, here, readings)
        return readings


class _Group(NamedTuple):
    """Rules that one look decides about."""

    absent: Callable[[Subject], str]
    gate: Gate
    pairs: Pairs | None
    rules: tuple[Rule, ...]


def _scan(
    subject: Subject,
    group: _Group,
    known: Mapping[str, list[str]],
    here: Mapping[tuple[str, str], Held],
    readings: list[Reading],
) -> None:
    named = _by_rule(group.pairs(subject)) if group.pairs is not None else None
    for rule in group.rules:
        objects = rule.scan(subject) if named is None else named.get(rule.id, ())
        if objects or rule.id in known:
            _judge(subject, rule, objects, known, here, readings)


def _by_rule(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for rule, thing in pairs:
        found.setdefault(rule, []).append(thing)
    return found


def _judge_held(
    subject: Subject,
    rules: Sequence[Rule],
    known: Mapping[str, list[str]],
    here: Mapping[tuple[str, str], Held],
    readings: list[Reading],
) -> None:
    for rule in rules:
        if rule.id in known:
            _judge(subject, rule, (), known, here, readings)


def _judge(
    subject: Subject,
    rule: Rule,
    objects: Sequence[str],
    known: Mapping[str, list[str]],
    here: Mapping[tuple[str, str], Held],
    readings: list[Reading],
) -> None:
    mine = known.get(rule.id, ())
    readings.extend(judge(subject, rule, thing, here[rule.id, thing]) for thing in mine)
    for thing in dict.fromkeys(objects[:MOST_OBJECTS]):
        if thing not in mine:
            reading = judge(subject, rule, thing)
            if reading.truth is Truth.TRUE:
                readings.append(reading)


def _open(subject: Subject) -> bool:
    return True


def _not_all_well(subject: Subject) -> bool:
    for look in subject.looks or ():  # noqa: SIM110 - twice as fast as any(), and a thousand times sixty a second
        if look.severity is not Severity.OK:
            return True
    return False


_GATES: Mapping[Needs, Gate] = {
    "concerns": lambda subject: bool(subject.concerns),
    "looks": _not_all_well,
    "events": lambda subject: bool(
        subject.events or subject.boots or (subject.recent is not None and subject.recent.oom_times)
    ),
    "pending": lambda subject: subject.pending is not None,
    "deliveries": lambda subject: subject.deliveries is not None,
    "health": lambda subject: subject.health is not None,
}
"""Of rules without a gate of their own."""
