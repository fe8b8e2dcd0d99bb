"""The selector language: which hosts are meant by `gpu[001-016],tag:a100&!state:down`.

    name                 a host                    tag:a100    hosts with this tag
    gpu[001-016]         node ranges               @group      hosts of this group
    gpu*  gpu??          globs                     state:down  hosts that are not up; or any one state
    !x  x&y  x,y  (x)    not, and, or, grouping    * or all    every host

What names nothing that exists is an error, never an empty selection: a slip must not turn "these two" into "none".
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable, Sequence

from backends.config.problem import nearest
from backends.errors import BadInput
from backends.inventory import ranges
from backends.inventory.expression import Atom, Both, Either, Node, Not, Wrong, parse
from backends.inventory.host import Host
from backends.states import HostState
from backends.text import clean

fold = ranges.fold
"""Names → node ranges, for everything that lists hosts."""

StateOf = Callable[[str], HostState | str | None]
"""The present state of a host; None when it is not known."""

STATES = ("down", *(state.value for state in HostState))
"""What may stand after `state:`. "down" is every state but up."""


def select(text: str, hosts: Sequence[Host], state_of: StateOf | None = None) -> tuple[Host, ...]:
    """The hosts that `text` means, in the order of `hosts`; all of them for "".

    Raises:
        BadInput: not a selector, or it names a host, tag, group or state that does not exist; the message shows where.
    """
    chosen = select_names(text, hosts, state_of)
    return tuple(host for host in hosts if host.name in chosen)


def select_names(text: str, hosts: Sequence[Host], state_of: StateOf | None = None) -> frozenset[str]:
    """Like `select`, as a set of names."""
    fleet = _Fleet(hosts, state_of)
    try:
        tree = parse(text)
        return fleet.all if tree is None else fleet.evaluate(tree)
    except Wrong as error:
        raise BadInput(pointed(text, error), hint=error.hint or None) from error


def pointed(text: str, error: Wrong) -> str:
    """The error with the text and a caret under the place."""
    shown, column = text, error.column
    if column > 60:
        shown, column = "…" + shown[column - 59 :], 60
    shown = re.sub(r"[^\x20-\x7e…]", "\ufffd", shown)[:120]
    return f"{clean(error.message, 300)} (column {error.column + 1})\n    {shown}\n    {' ' * column}^"


class _Fleet:
    """The hosts, indexed for one selection."""

    def __init__(self, hosts: Sequence[Host], state_of: StateOf | None):
        self._state_of = state_of
        self._tags = _index((tag, host.name) for host in hosts for tag in host.tags)
        self._groups = _index((group, host.name) for host in hosts for group in host.groups)
        self._names = [host.name for host in hosts]
        self.all = frozenset(self._names)

    def evaluate(self, node: Node) -> frozenset[str]:
        match node:
            case Not():
                return self.all - self.evaluate(node.inner)
            case Both():
                return frozenset.intersection(*map(self.evaluate, node.parts))
            case Either():
                return frozenset.union(*map(self.evaluate, node.parts))
            case _:
                return self._atom(node)

    def _atom(self, atom: Atom) -> frozenset[str]:
        text = atom.text
        if text in self.all:
            return frozenset((text,))
        if text in ("*", "all"):
            return self.all
        if text.startswith("@"):
            return self._look_up(text[1:], self._groups, "group", atom, 1)
        kind, colon, word = text.partition(":")
        if colon and kind == "tag":
            return self._look_up(word, self._tags, "tag", atom, 4)
        if colon and kind == "state":
            return self._state(word, atom)
        if colon:
            hint = nearest(kind, ("tag", "state")) or "tag:NAME, state:NAME or @GROUP"
            raise Wrong(f'unknown kind of selector "{clean(kind, 40)}:"', atom.column, hint)
        if "*" in text or "?" in text:
            return self._glob(atom)
        return self._range(atom) if ranges.is_range(text) else self._unknown([text], atom)

    def _look_up(self, word: str, known: dict[str, frozenset[str]], what: str, atom: Atom, skip: int) -> frozenset[str]:
        if word in known:
            return known[word]
        if "*" in word or "?" in word:
            matching = [names for key, names in known.items() if fnmatch.fnmatchcase(key, word)]
            if matching:
                return frozenset.union(*matching)
        hint = nearest(word, known) or (
            f"{what}s: {', '.join(sorted(known)[:12])}" if known else f"no host has a {what}"
        )
        raise Wrong(f'unknown {what} "{clean(word, 80)}"' if word else f"a {what} is missing", atom.column + skip, hint)

    def _state(self, word: str, atom: Atom) -> frozenset[str]:
        if word not in STATES:
            raise Wrong(
                f'unknown state "{clean(word, 40)}"', atom.column + 6, nearest(word, STATES) or ", ".join(STATES)
            )
        if self._state_of is None:
            raise Wrong("states are not known here", atom.column, "ask a running engine")
        states = {name: self._state_of(name) for name in self._names}
        if word == "down":
            return frozenset(name for name, state in states.items() if state != HostState.UP)
        return frozenset(name for name, state in states.items() if state == word)

    def _glob(self, atom: Atom) -> frozenset[str]:
        patterns = [atom.text]
        if ranges.is_range(atom.text):
            stars = atom.text.replace("*", "STAR.STAR").replace("?", "MARK.MARK")
            patterns = [
                name.replace("STAR.STAR", "*").replace("MARK.MARK", "?") for name in self._expanded(stars, atom)
            ]
        names = frozenset(name for pattern in patterns for name in fnmatch.filter(self._names, pattern))
        if not names:
            raise Wrong(f'no host is called like "{clean(atom.text, 80)}"', atom.column, f"hosts: {_some(self._names)}")
        return names

    def _range(self, atom: Atom) -> frozenset[str]:
        names = frozenset(self._expanded(atom.text, atom))
        return names if names <= self.all else self._unknown(sorted(names - self.all), atom)

    def _expanded(self, text: str, atom: Atom) -> list[str]:
        try:
            return ranges.expand(text)
        except BadInput as error:
            raise Wrong(error.message, atom.column, error.hint or "") from error

    def _unknown(self, names: list[str], atom: Atom) -> frozenset[str]:
        hint = nearest(
            names[0], [*self._names, *(f"tag:{tag}" for tag in self._tags), *(f"@{name}" for name in self._groups)]
        )
        if names[0] in self._tags:
            hint = f'did you mean "tag:{names[0]}"?'
        elif names[0] in self._groups:
            hint = f'did you mean "@{names[0]}"?'
        hosts = "host" if len(names) == 1 else "hosts"
        raise Wrong(f'unknown {hosts} "{clean(fold(names), 80)}"', atom.column, hint or f"hosts: {_some(self._names)}")


def _index(pairs: Iterable[tuple[str, str]]) -> dict[str, frozenset[str]]:
    sets: dict[str, set[str]] = {}
    for key, name in pairs:
        sets.setdefault(key, set()).add(name)
    return {key: frozenset(names) for key, names in sets.items()}


def _some(names: Sequence[str]) -> str:
    folded = fold(names)
    return folded if len(folded) <= 100 else folded[:99] + "…"
