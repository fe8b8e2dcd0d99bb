"""The console's live filter over rows of the fleet: `gpu>80 & tag:a100`, `state:down`, `!mem>90`, plain words.

Parsing never raises: while somebody types, most texts are incomplete, and the last good filter stays in force. A value
that was not measured matches no comparison. `!` keeps everything that the rest does not match, and so keeps hosts
without a value.
"""

from __future__ import annotations

import fnmatch
import operator
import re
from collections.abc import Callable

import msgspec

from backends import units
from backends.config.problem import nearest
from backends.inventory.expression import Atom, Both, Either, Node, Not, Wrong
from backends.inventory.expression import parse as parse_expression
from backends.inventory.fields import FIELDS, WORDS, Field, Kind, Words
from backends.text import clean

Predicate = Callable[[object, float], bool]
"""A row and the present epoch seconds → whether it is shown."""


class Filter(msgspec.Struct, frozen=True):
    """A filter that can be applied."""

    text: str
    matches: Predicate
    """Called with a `HostRow` and the engine's present time in epoch seconds; never raises."""


class FilterError(msgspec.Struct, frozen=True):
    """Why the text is no filter (yet)."""

    column: int
    """Counted from 0."""
    text: str
    """One short sentence."""


def parse(text: str) -> Filter | FilterError:
    """The filter that `text` means, or what is missing; "" shows everything."""
    try:
        tree = parse_expression(text, space_is_and=True)
        return Filter(text, _everything if tree is None else _compile(tree))
    except Wrong as error:
        said = f"{error.message}; {error.hint}" if error.hint else error.message
        return FilterError(error.column, clean(said, 300))


def _everything(row: object, now: float) -> bool:
    return True


def _compile(node: Node) -> Predicate:
    match node:
        case Not():
            inner = _compile(node.inner)
            return lambda row, now: not inner(row, now)
        case Both():
            parts = tuple(map(_compile, node.parts))
            return lambda row, now: all(part(row, now) for part in parts)
        case Either():
            parts = tuple(map(_compile, node.parts))
            return lambda row, now: any(part(row, now) for part in parts)
        case _:
            return _atom(node)


_COMPARISON = re.compile(r"([A-Za-z_][A-Za-z0-9_.]*)\s*(>=|<=|!=|==|=|>|<)\s*(.*)", re.DOTALL)
_WORD = re.compile(r"([A-Za-z_][A-Za-z0-9_.]*):(.*)", re.DOTALL)
_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le,
    "=": operator.eq, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip


def _atom(atom: Atom) -> Predicate:
    if not atom.quoted and (match := _COMPARISON.fullmatch(atom.text)):
        return _comparison(match, atom)
    if not atom.quoted and (match := _WORD.fullmatch(atom.text)):
        return _word(match, atom)
    return _plain(atom.text)


def _plain(text: str) -> Predicate:
    """Part of the name, the GPU model or the reason; globs match the name."""
    wanted = text.casefold()
    if "*" in wanted or "?" in wanted:
        pattern = re.compile(fnmatch.translate(wanted))
        return lambda row, now: pattern.match(_text(row, "name")) is not None
    return lambda row, now: any(wanted in _text(row, name) for name in ("name", "gpu_model", "reason", "worst"))


def _text(row: object, attribute: str) -> str:
    return str(getattr(row, attribute, "") or "").casefold()


def _word(match: re.Match[str], atom: Atom) -> Predicate:
    field = WORDS.get(match[1].casefold())
    if field is None:
        hint = nearest(match[1], (*WORDS, *FIELDS)) or f"known: {', '.join(WORDS)}"
        raise Wrong(f'unknown field "{clean(match[1], 40)}"', atom.column, hint)
    if not match[2]:
        raise Wrong(f"what should {match[1]} be?", atom.column + len(atom.text), ", ".join(field.choices[:6]))
    return _word_predicate(field, match[2].casefold(), atom.column + match.start(2))


def _word_predicate(field: Words, wanted: str, column: int) -> Predicate:
    """Choices match by their beginning, so that rows are shown while the word is typed; other texts by a part of them."""
    if field.choices and not any(choice.startswith(wanted) for choice in field.choices):
        raise Wrong(
            f'unknown value "{clean(wanted, 40)}"', column, nearest(wanted, field.choices) or ", ".join(field.choices)
        )
    read = field.read
    if "*" in wanted or "?" in wanted:
        pattern = re.compile(fnmatch.translate(wanted))
        return lambda row, now: any(pattern.match(value.casefold()) for value in read(row))
    if field.choices:
        exact = (
            {wanted} if wanted in field.choices else {choice for choice in field.choices if choice.startswith(wanted)}
        )
        return lambda row, now: not exact.isdisjoint(read(row))
    if field.whole:
        return lambda row, now: any(wanted == value.casefold() for value in read(row))
    return lambda row, now: any(wanted in value.casefold() for value in read(row))


def _comparison(match: re.Match[str], atom: Atom) -> Predicate:
    name, sign, written = match[1].casefold(), match[2], match[3]
    field = FIELDS.get(name)
    if field is None:
        if name in WORDS and sign in ("=", "==", "!="):
            return _equals(match, atom)
        hint = nearest(name, FIELDS) or f"known: {', '.join(FIELDS)}"
        raise Wrong(f'unknown field "{clean(match[1], 40)}"', atom.column, hint)
    if not written:
        raise Wrong(f"a number is missing ({field.example})", atom.column + len(atom.text))
    wanted = _number(written, field, atom.column + match.start(3))
    compare, read = _OPERATORS[sign], field.read
    if compare in (operator.eq, operator.ne) and field.rounded:
        return lambda row, now: (value := read(row, now)) is not None and compare(round(value), round(wanted))
    return lambda row, now: (value := read(row, now)) is not None and compare(value, wanted)


def _equals(match: re.Match[str], atom: Atom) -> Predicate:
    """state=up means state:up."""
    if not match[3]:
        raise Wrong(f"what should {match[1]} be?", atom.column + len(atom.text))
    inner = _word_predicate(WORDS[match[1].casefold()], match[3].casefold(), atom.column + match.start(3))
    return (lambda row, now: not inner(row, now)) if match[2] == "!=" else inner


_NUMBER = re.compile(r"([0-9]{1,15}(?:[.][0-9]{1,9})?)([a-zA-Z%°/]*)")
_SUFFIXES: dict[Kind, dict[str, float]] = {
    "percent": {"": 1, "%": 1},
    "celsius": {"": 1, "c": 1, "°c": 1, "°": 1},
    "watts": {"": 1, "w": 1, "kw": 1000},
    "count": {"": 1, "k": 1000},
    "seconds": {"": 1},
}


def _number(written: str, field: Field, column: int) -> float:
    try:
        if field.kind in ("bytes", "rate"):
            return float(units.parse_size(written.removesuffix("/s")))
        if field.kind == "seconds" and written[-1:].isalpha():
            return units.parse_span(written)
        match = _NUMBER.fullmatch(written)
        if match and (factor := _SUFFIXES.get(field.kind, {"": 1}).get(match[2].casefold())) is not None:
            return float(match[1]) * factor
    except (ValueError, OverflowError):
        pass
    raise Wrong(f'"{clean(written, 40)}" is no {field.what} ({field.example})', column)
