"""Reads Ansible's INI inventories: groups, children, group variables, hosts with variables and ranges."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from backends.errors import BadInput
from backends.inventory import ranges
from backends.inventory.ansible import Inventory
from backends.text import clean

_HEADER = re.compile(r"\[([^\[\]:]+)(?::(children|vars))?\]\s*(?:[#;].*)?")
_RANGE = re.compile(r"\[([0-9]+|[A-Za-z]):([0-9]+|[A-Za-z])(?::([0-9]+))?\]")
_PORT = re.compile(r"(.+[^:]):([0-9]+)")


def parse(text: str) -> Inventory:
    """What the file says; what cannot be understood stands in `problems`, with its line."""
    inventory = Inventory()
    group, kind = "ungrouped", ""
    inventory.group(group)
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if not line or line[0] in "#;":
            continue
        try:
            if header := _HEADER.fullmatch(line):
                group, kind = header[1].strip(), header[2] or ""
                inventory.group(group)
            elif line[0] == "[" and not _RANGE.match(line):
                inventory.wrong(number, f'not a section: "{clean(line, 80)}"', "[NAME], [NAME:children] or [NAME:vars]")
            else:
                _line(inventory, group, kind, line, number)
        except BadInput as error:
            inventory.wrong(number, error.message, error.hint or "")
    return inventory


def _line(inventory: Inventory, group: str, kind: str, line: str, number: int) -> None:
    if kind == "children":
        inventory.group(group).children.append(line.split("#")[0].strip())
    elif kind == "vars":
        name, sign, value = line.partition("=")
        if not sign:
            raise BadInput(f'not a variable: "{clean(line, 80)}"', hint="NAME=VALUE")
        inventory.group(group).variables[name.strip()] = _unquoted(value.strip())
    else:
        _hosts(inventory, group, line, number)


def _hosts(inventory: Inventory, group: str, line: str, number: int) -> None:
    try:
        words = shlex.split(line, comments=True)
    except ValueError as error:
        raise BadInput(f"a quotation mark is not closed ({error})") from error
    if not words:
        return
    variables: dict[str, str] = {}
    for word in words[1:]:
        name, sign, value = word.partition("=")
        if not sign:
            raise BadInput(f'not a variable: "{clean(word, 80)}"', hint="one host a line, then NAME=VALUE …")
        variables[name] = value
    pattern = words[0]
    if port := _PORT.fullmatch(re.sub(r"\[[^\]]*\]", lambda match: "x" * len(match[0]), pattern)):
        variables.setdefault("ansible_port", port[2])
        pattern = pattern[: len(port[1])]
    for name in expand(pattern):
        inventory.group(group).hosts.append(name)
        inventory.host(name, number, variables)


def expand(pattern: str) -> Iterator[str]:
    """The names that web[01:20:2].site or db[a:c] stands for, lazily.

    Raises:
        BadInput: not a range, or more than ranges.MAX_NAMES names.
    """
    total = 1
    for first, last, step in _RANGE.findall(pattern):
        total *= max(1, len(_span(first, last, step)))
    if total > ranges.MAX_NAMES:
        raise BadInput(f'"{clean(pattern, 80)}" stands for more than {ranges.MAX_NAMES} names')
    if re.search(r"[\[\]]", _RANGE.sub("", pattern)):
        raise BadInput(f'not a range: "{clean(pattern, 80)}"', hint="web[01:20], web[01:20:2] or db[a:f]")
    return _expand(pattern)


def _expand(pattern: str) -> Iterator[str]:
    match = _RANGE.search(pattern)
    if not match:
        yield pattern
        return
    head, tail = pattern[: match.start()], pattern[match.end() :]
    for text in _span(match[1], match[2], match[3]):
        for rest in _expand(tail):
            yield f"{head}{text}{rest}"


class _Letters:
    """a:f as a sequence with a cheap length."""

    def __init__(self, first: str, last: str, step: int):
        self._codes = range(ord(first), ord(last) + 1, step)

    def __len__(self) -> int:
        return len(self._codes)

    def __iter__(self) -> Iterator[str]:
        return map(chr, self._codes)


class _Numbers:
    """01:20 as a sequence with a cheap length; as wide as its first number is written."""

    def __init__(self, first: str, last: str, step: int):
        self._values = range(int(first), int(last) + 1, step)
        self._width = len(first) if first.startswith("0") else 0

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Iterator[str]:
        return (f"{value:0{self._width}d}" for value in self._values)


def _span(first: str, last: str, step: str | None) -> _Letters | _Numbers:
    stride = int(step or 1)
    if first.isdigit() != last.isdigit() or stride < 1 or max(len(first), len(last)) > 9:
        raise BadInput(f'not a range: "[{first}:{last}]"', hint="[01:20] or [a:f]")
    span = _Numbers(first, last, stride) if first.isdigit() else _Letters(first, last, stride)
    if not len(span):
        raise BadInput(f'the range "[{first}:{last}]" is empty', hint="the end comes after the start")
    return span


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1]
    return value
