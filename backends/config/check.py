"""Compares a parsed file with the schema and tells everything that is wrong with it, not only the first thing."""

from __future__ import annotations

import math
import re
import tomllib
from typing import Annotated, Any, get_args, get_origin

import msgspec
from msgspec import inspect

from backends import decoding
from backends.config.positions import Path, find_lines, line_of
from backends.config.problem import Problem, nearest
from backends.config.schema import Config
from backends.config.schema_checks import CHECK_NAME
from backends.config.sections import ABSOLUTE, AMOUNT, DATE, HOURS, LOCAL, NAME, SIZE, SPAN, Section
from backends.text import clean

_AT_LINE = re.compile(r" \(at line (\d+), column (\d+)\)$")
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]+")
PATTERNS = {
    NAME: "a name of small letters, digits, - and _",
    HOURS: 'hours like "08:00-20:00"',
    SPAN: 'a duration like "30s", "5m" or "1h30m"',
    AMOUNT: 'a number like "2", or per cent like "20%"',
    DATE: 'a day in quotes, like "2026-12-20"',
    SIZE: 'a size like "512GiB" or "2TiB"',
    CHECK_NAME: "a name of letters, digits, - _ and .",
}
_TYPE_NAMES = {
    str: "text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    dict: "a table",
    list: "a list",
}


def check(text: str, file: str) -> tuple[Config | None, list[Problem]]:
    """The configuration in `text`, or None, and everything that is wrong with it."""
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return None, [_broken(str(error), file)]
    except RecursionError:
        return None, [Problem(file=file, message="nested too deeply to be a configuration")]
    findings = list(_section(tree, Config, ()))
    lines = find_lines(text) if findings else {}
    problems = [
        Problem(file=file, line=line_of(lines, path), key=dotted(path), message=message, hint=hint)
        for path, message, hint in findings
    ]
    return (None if problems else decoding.convert(tree, Config)), sorted(problems, key=lambda item: item.line or 0)


def dotted(path: Path) -> str:
    """The key path as TOML writes it: hosts."gpu.1".port."""
    return ".".join(key if _PLAIN_KEY.fullmatch(key) else f'"{clean(key, 80)}"' for key in path)


Finding = tuple[Path, str, str]
"""Path, message, hint."""


def _broken(message: str, file: str) -> Problem:
    place = _AT_LINE.search(message)
    what = clean(_AT_LINE.sub("", message).removesuffix(" (at end of document)"))
    return Problem(
        file=file,
        line=int(place[1]) if place else None,
        column=int(place[2]) if place else None,
        message=f"not valid TOML: {what[:1].lower()}{what[1:]}" + ("" if place else " at the end of the file"),
        hint='text stands in quotes (name = "value"), tables in brackets ([ssh])',
    )


def _section(value: object, kind: type[Section], path: Path) -> list[Finding]:
    if not isinstance(value, dict):
        return [(path, f"found {_shown(value, kind)}, expected a table", f"write it as [{dotted(path)}]")]
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    findings: list[Finding] = []
    for key, item in value.items():
        if key in fields:
            findings += _field(item, fields[key].type, (*path, key))
        else:
            findings.append(((*path, key), "unknown key", _near_key(key, path, list(fields))))
    missing = [name for name, field in fields.items() if field.required and name not in value]
    findings += [(path, f'the key "{name}" is missing', "") for name in missing]
    return findings


def _field(value: object, kind: Any, path: Path) -> list[Finding]:
    if isinstance(kind, type) and issubclass(kind, Section):
        return _section(value, kind, path)
    element = get_args(kind)[-1] if get_origin(kind) is dict else None
    if isinstance(element, type) and issubclass(element, Section):
        if not isinstance(value, dict):
            return [(path, f"found {found(value)}, expected tables", f"write one as [{dotted(path)}.NAME]")]
        return [finding for name, item in value.items() for finding in _section(item, element, (*path, name))]
    table = _table_of_list(kind)
    if table is not None and isinstance(value, list):
        rows = [(item, (*path, str(at))) for at, item in enumerate(value) if isinstance(item, dict)]
        if wrong := [finding for item, row in rows for finding in _section(item, table, row)]:
            return wrong
    return _value(value, kind, path)


def _table_of_list(kind: Any) -> type[Section] | None:
    """The table that may stand in a list."""
    bare = get_args(kind)[0] if get_origin(kind) is Annotated else kind
    element = get_args(bare)[0] if get_origin(bare) is tuple else None
    parts = get_args(element) or (element,)
    return next((part for part in parts if isinstance(part, type) and issubclass(part, Section)), None)


def _value(value: object, kind: Any, path: Path) -> list[Finding]:
    expected = describe(inspect.type_info(kind))
    try:
        decoding.convert(value, kind)
    except msgspec.ValidationError:
        return [(path, f"found {_shown(value, kind)}, expected {expected}", _near_value(value, kind))]
    if isinstance(value, float) and not math.isfinite(value):
        return [(path, f"found {value}, expected {expected}", "")]
    return []


def _shown(value: object, kind: Any) -> str:
    """The value; what may hold a secret is only named."""
    if not _is_secret(inspect.type_info(kind)):
        return found(value)
    kinds = {str: "text that is not right", list: "a list", dict: "a table"}
    return next((words for each, words in kinds.items() if isinstance(value, each)), "something else")


def _is_secret(info: inspect.Type) -> bool:
    match info:
        case inspect.Metadata():
            return bool((info.extra or {}).get("secret")) or _is_secret(info.type)
        case inspect.StructType():
            return any(_is_secret(field.type) for field in info.fields)
        case inspect.VarTupleType():
            return _is_secret(info.item_type)
        case inspect.UnionType():
            return any(map(_is_secret, info.types))
        case _:
            return False


def found(value: object) -> str:
    """A value as a person recognises it in the file, short and safe to show."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{clean(value, 40)}"'
    if isinstance(value, dict):
        return "a table"
    return clean(str(value), 40)


def _near_key(key: str, path: Path, known: list[str]) -> str:
    return nearest(key, known) or f"known here: {', '.join(known)}" + ("" if path else " (tables)")


def _near_value(value: object, kind: Any) -> str:
    info = inspect.type_info(kind)
    choices = [name for part in _parts(info) if isinstance(part, inspect.LiteralType) for name in part.values]
    return nearest(value, [str(choice) for choice in choices]) if isinstance(value, str) else ""


def _parts(info: inspect.Type) -> list[inspect.Type]:
    parts = info.types if isinstance(info, inspect.UnionType) else (info,)
    return [_bare(part) for part in parts]


def _bare(info: inspect.Type) -> inspect.Type:
    return _bare(info.type) if isinstance(info, inspect.Metadata) else info


def describe(info: inspect.Type) -> str:
    """What a field takes, for messages and the reference page: "a number from 0.2 to 4"."""
    parts = [part for part in _parts(info) if not isinstance(part, inspect.NoneType)]
    return " or ".join(_describe(part) for part in parts)


def _describe(part: inspect.Type) -> str:
    match part:
        case inspect.LiteralType():
            return " or ".join(f'"{value}"' for value in part.values)
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType() | inspect.FloatType():
            return ("a whole number" if isinstance(part, inspect.IntType) else "a number") + _range(part)
        case inspect.VarTupleType(item_type=inspect.UnionType()):
            return "a list, each " + describe(part.item_type)
        case inspect.VarTupleType():
            return "a list of " + describe(part.item_type).removeprefix("a ")
        case inspect.DictType():
            return "a table of " + describe(part.value_type).removeprefix("a ")
        case inspect.StructType():
            return f"a table ({', '.join(field.encode_name for field in part.fields)})"
        case inspect.StrType(pattern=pattern) if pattern in (ABSOLUTE, LOCAL):
            return "an absolute path" + (" or one from ~" if pattern == LOCAL else "")
        case inspect.StrType(pattern=pattern) if pattern in PATTERNS:
            return PATTERNS[pattern]
        case inspect.StrType(pattern=str()):
            return 'words without spaces or any of , & | ! ( ) [ ] : @ * ? "'
        case inspect.StrType(max_length=int()):
            return f"text of at most {part.max_length} characters"
        case _:
            return "text"


def _range(part: inspect.IntType | inspect.FloatType) -> str:
    low = f"above {part.gt:g}" if part.gt is not None else f"from {part.ge:.15g}" if part.ge is not None else ""
    high = f"to {part.le:.15g}" if part.le is not None else ""
    if high and part.gt is not None:
        return f" {low}, at most {part.le:g}"
    return " ".join(["", *filter(None, (low, high))]) if low or high else ""
