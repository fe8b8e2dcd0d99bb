"""Rules of the site: expressions over the fields of the console's filter, as `gpu>80 & tag:a100`. Pure.

Unlike the filter, a rule has three answers: what was not measured, or is too old, is neither true nor false. `!gpu>80`
shows a host without GPUs in the filter; in a rule it is "no data", and fires nothing and ends nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from backends import units
from backends.alerts import answers
from backends.alerts.model import RuleTimes, Truth
from backends.alerts.rules import Finding, Rule
from backends.alerts.subjects import Held, Subject
from backends.config.problem import Problem, refuse
from backends.inventory.expression import parse
from backends.inventory.fields import Field
from backends.inventory.filter import FilterError
from backends.inventory.filter import parse as parse_filter
from backends.metrics.sample import Record
from backends.states import Severity
from backends.text import clean

MOST_RULES, MOST_SECONDS = 500, 30 * 86_400.0
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


class OwnRule(Record, frozen=True, kw_only=True):
    """One rule as it stands in the configuration."""

    name: str
    """Small letters, digits, - and _; the rule's id is own.NAME."""
    expression: str
    for_seconds: float = 0.0
    keep_seconds: float = 0.0
    severity: Literal["info", "warning", "critical"] = "warning"
    title: str = ""
    """Default: the expression."""
    advice: str = ""
    place: str = ""
    """Where it was written: "alerts.rules.2"."""


def compiled(rules: Iterable[OwnRule]) -> tuple[Rule, ...]:
    """The rules, ready to be evaluated.

    Raises:
        BadInput: everything that is wrong with any of them, each with its place, its column and the nearest field.
    """
    written = list(rules)
    refuse(problems(written), "read the alert rules")
    return tuple(_rule(rule) for rule in written)


def problems(rules: Iterable[OwnRule]) -> list[Problem]:
    """Everything that is wrong with any of them; `key` is the rule's place."""
    written = list(rules)
    if len(written) > MOST_RULES:
        return [Problem(message=f"more than {MOST_RULES} rules", key="alerts.rules")]
    found: list[Problem] = []
    names: set[str] = set()
    for rule in written:
        found += _problems(rule)
        if rule.name in names:
            message = f'two rules are called "{clean(rule.name, 60)}"'
            found.append(_problem(rule, "name", message, "call one of them otherwise"))
        names.add(rule.name)
    return found


def _problems(rule: OwnRule) -> list[Problem]:
    found = []
    if not NAME.fullmatch(rule.name):
        message = f'"{clean(rule.name, 60)}" is no name of a rule'
        found.append(_problem(rule, "name", message, "small letters, digits, - and _; at most 40"))
    for what, seconds in (("for", rule.for_seconds), ("keep", rule.keep_seconds)):
        if not 0 <= seconds <= MOST_SECONDS:
            found.append(
                _problem(rule, what, f"`{what}` is not from 0 to {units.span(MOST_SECONDS)}", "for example 5m")
            )
    said = parse_filter(rule.expression)
    if isinstance(said, FilterError):
        where = f"(column {said.column + 1}): {_pointed(rule.expression, said.column)}"
        found.append(_problem(rule, "expression", f"{said.text} {where}", _HINT))
    elif not rule.expression.strip():
        found.append(_problem(rule, "expression", "the expression is empty", _HINT))
    return found


_HINT = "for example gpu>80 & tag:a100; the fields are those of the console's filter (press ?)"


def _problem(rule: OwnRule, key: str, message: str, hint: str) -> Problem:
    place = rule.place or f"alerts.rules.{clean(rule.name, 60)}"
    return Problem(message=message, key=f"{place}.{key}", hint=hint)


def _pointed(text: str, column: int) -> str:
    """The text around a column, with a mark before it."""
    start, end = max(0, column - 30), column + 30
    return clean(f"{text[start:column]}▸{text[column:end]}", 80)


def _rule(rule: OwnRule) -> Rule:
    tree = parse(rule.expression, space_is_and=True)
    assert tree is not None, "checked before"  # noqa: S101
    holds, fields = answers.compiled(tree), tuple(dict.fromkeys(answers.fields_of(tree)))
    severity = Severity.CRITICAL if rule.severity == "critical" else Severity.WARNING
    title = clean(rule.title or rule.expression, 100)

    def scan(subject: Subject) -> Sequence[str]:
        return ("",) if holds(subject) else ()

    def judge(subject: Subject, thing: str, held: Held) -> Finding:
        answer = holds(subject)
        values = _values(fields, subject)
        text = f"{title}: {', '.join(values)}" if values else title
        if answer is None:
            return Finding(
                Truth.NODATA, text=subject.no_sample or f"not measured: {', '.join(_unknown(fields, subject))}"
            )
        value = fields[0].read(subject.row, subject.now) if fields else None
        return Finding(Truth.TRUE if answer else Truth.FALSE, severity, value, text, (rule.expression,))

    return Rule(
        id=f"own.{rule.name}",
        title=title,
        times=RuleTimes(for_seconds=rule.for_seconds, keep_seconds=rule.keep_seconds, info=rule.severity == "info"),
        needs="row",
        scan=scan,
        judge=judge,
        advice=clean(rule.advice, 300),
        source=rule.place or "configuration",
    )


# Words ---------------------------------------------------------------------------------------------------------------

_SHOWN: dict[str, Callable[[float], str]] = {
    "percent": units.percent, "bytes": units.size, "rate": units.rate, "seconds": units.span,
    "celsius": lambda value: f"{value:.0f}°C", "watts": lambda value: f"{value:.0f} W", "count": lambda value: f"{value:g}",
}  # fmt: skip


def _values(fields: Iterable[Field], subject: Subject) -> list[str]:
    found = [(field, field.read(subject.row, subject.now)) for field in fields]
    return [f"{field.name} {_SHOWN[field.kind](value)}" for field, value in found if value is not None][:6]


def _unknown(fields: Iterable[Field], subject: Subject) -> list[str]:
    missing = [field.name for field in fields if field.read(subject.row, subject.now) is None]
    return missing[:6] or ["a text of the host"]
