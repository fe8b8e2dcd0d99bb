"""Expressions of the console's filter with three answers: true, false, and not known. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Set

from backends.alerts.subjects import Subject
from backends.inventory.expression import Atom, Both, Either, Node, Not
from backends.inventory.fields import FIELDS, WORDS, Field
from backends.inventory.filter import Filter
from backends.inventory.filter import parse as parse_filter

_LASTING = frozenset({"age", "since", "alerts", "updates", "backup", "cores", "mem.total"})
"""Fields that are known without a fresh sample: what the engine knows by itself, and what changes with a reboot only."""
_SAMPLED_WORDS = frozenset({"flag", "verdict", "worst"})
_FACT_WORDS = frozenset({"model", "kernel", "system"})
"""Unknown while they are empty."""
_FIELD = re.compile(r"([A-Za-z_][A-Za-z0-9_.]*)\s*(>=|<=|!=|==|=|>|<|:)")

Known = Callable[[Subject], bool | None]
"""True, False, or None for not known."""


def compiled(node: Node, unknown: Set[str] = frozenset()) -> Known:
    """What answers the expression for a host whose row is known. The whole text was parsed as a filter before.

    Args:
        node: the expression.
        unknown: names of fields that nobody can know, whatever stands in the row (of a time that is past).
    """
    match node:
        case Not():
            inner = compiled(node.inner, unknown)
            return lambda subject: None if (answer := inner(subject)) is None else not answer
        case Both():
            return _both(tuple(compiled(part, unknown) for part in node.parts))
        case Either():
            return _either(tuple(compiled(part, unknown) for part in node.parts))
        case _:
            return _never if _name(node) in unknown else _atom(node)


def _never(subject: Subject) -> bool | None:
    return None


def _name(atom: Atom) -> str:
    """The field that it asks for; "" for a plain word."""
    match = None if atom.quoted else _FIELD.match(atom.text)
    return match[1].casefold() if match is not None else ""


def _both(parts: tuple[Known, ...]) -> Known:
    def holds(subject: Subject) -> bool | None:
        answer: bool | None = True
        for part in parts:
            one = part(subject)
            if one is False:
                return False
            if one is None:
                answer = None
        return answer

    return holds


def _either(parts: tuple[Known, ...]) -> Known:
    def holds(subject: Subject) -> bool | None:
        answer: bool | None = False
        for part in parts:
            one = part(subject)
            if one:
                return True
            if one is None:
                answer = None
        return answer

    return holds


def _atom(atom: Atom) -> Known:
    found = parse_filter(f'"{atom.text}"' if atom.quoted else atom.text)
    assert isinstance(found, Filter), "checked as a part of the whole"  # noqa: S101
    matches, known = found.matches, _knows(atom)
    return lambda subject: matches(subject.row, subject.now) if known(subject) else None


def _knows(atom: Atom) -> Callable[[Subject], bool]:
    """Whether the host's value is known."""
    name, match = _name(atom), _FIELD.match(atom.text)
    field = FIELDS.get(name) if match is not None and match[2] != ":" else None
    if field is not None:
        return _knows_number(field)
    if name in _SAMPLED_WORDS:
        return lambda subject: not subject.no_sample
    if name in _FACT_WORDS:
        read = WORDS[name].read
        return lambda subject: any(read(subject.row))
    return lambda subject: True


def _knows_number(field: Field) -> Callable[[Subject], bool]:
    if field.name in _LASTING:
        return lambda subject: field.read(subject.row, subject.now) is not None
    return lambda subject: field.read(subject.row, subject.now) is not None and not subject.no_sample


def names_of(node: Node) -> Iterable[str]:
    """Every field that it asks for, numbers and texts, in its order; "" for a plain word."""
    match node:
        case Not():
            yield from names_of(node.inner)
        case Both() | Either():
            for part in node.parts:
                yield from names_of(part)
        case _:
            yield _name(node)


def fields_of(node: Node) -> Iterable[Field]:
    """The numbers that it compares, in its order."""
    match node:
        case Not():
            yield from fields_of(node.inner)
        case Both() | Either():
            for part in node.parts:
                yield from fields_of(part)
        case _:
            match = None if node.quoted else _FIELD.match(node.text)
            field = FIELDS.get(match[1].casefold()) if match is not None and match[2] != ":" else None
            if field is not None:
                yield field
