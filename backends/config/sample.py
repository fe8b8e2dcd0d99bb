"""Writes the manual of the configuration out of its schema: a commented sample file and the reference page.

The text is the docstring that stands under each field in `backends.config.schema…`, so the manual cannot drift.
"""

from __future__ import annotations

import ast
import sys
import textwrap
from functools import cache
from inspect import getsource
from typing import Any, get_args, get_origin

import msgspec
from msgspec import inspect

from backends.config import schema, schema_alerts, schema_checks, schema_runs, schema_schedules
from backends.config.check import describe
from backends.config.schema import Config, Section

EXAMPLE_NAMES = {"hosts.NAME": "hosts.gpu01", "groups.NAME": "groups.dgx"}
"""Examples for tables where the operator chooses the name."""

HEAD = """\
# swarm-tui configuration: ~/.config/swarm-tui/config.toml
# Everything is optional. Lines that start with "# " show a key with its default or an example.
# Check it with: swarm-tui config check
"""

PAGE = """\
# Configuration

`~/.config/swarm-tui/config.toml`, or the file given with `--config`. Everything is optional: without a file the fleet is
this machine. Unknown keys are errors. `swarm-tui config check` tells every problem without connecting to anything, and a
running engine takes a changed file over by itself, or keeps the old one when the new one is wrong.

This page is generated from the schema: `python -m backends.config.sample > docs/config.md`.
"""


class Entry(msgspec.Struct, frozen=True):
    """One key."""

    table: str
    """"ssh", "hosts.NAME", "[backups.sets]"."""
    key: str
    type: str
    """What it takes, in words."""
    default: str
    """As TOML; "" when there is none."""
    example: str
    """As TOML."""
    text: str


def entries() -> list[Entry]:
    """Every key of the file, in the order of the schema."""
    return [entry for table, kind in _tables() for entry in _entries(table, kind)]


def sample() -> str:
    """A whole file in which everything is a comment that tells the default; it parses to the defaults."""
    parts = [HEAD]
    for table, kind in _tables():
        chosen = ".NAME" in table or _in_list(table)
        header = f"[{_named(table)}]"
        lines = [*_comment(_docstrings()[kind.__name__][""]), f"# {header}" if chosen else header]
        for entry in _entries(table, kind):
            lines += ["", *_comment(entry.text), f"# {entry.key} = {entry.example}"]
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def page() -> str:
    """The reference page in Markdown."""
    parts = [PAGE]
    for table, kind in _tables():
        parts.append(f"## `[{table}]`\n\n{_docstrings()[kind.__name__]['']}\n")
        rows = ["| key | takes | default | |", "|---|---|---|---|"]
        for entry in _entries(table, kind):
            takes = entry.type.replace("|", "\\|")
            default = f"`{entry.default}`" if entry.default else ""
            rows.append(f"| `{entry.key}` | {takes} | {default} | {entry.text.replace('|', chr(92) + '|')} |")
        parts.append("\n".join(rows) + "\n")
    parts.append(f"## A whole file\n\n```toml\n{sample()}```\n")
    return "\n".join(parts)


def _tables() -> list[tuple[str, type[Section]]]:
    """Every table as it is headed within its brackets ("ssh", "hosts.NAME", "[backups.sets]"), and its type."""
    found: list[tuple[str, type[Section]]] = []
    for field in msgspec.structs.fields(Config):
        kind = field.type
        if get_origin(kind) is dict:
            name, kind = f"{field.name}.NAME", get_args(kind)[1]
        elif (item := _item(field)) is not None:
            found += [(f"[{field.name}]", item), *_lists(field.name, item)]
            continue
        else:
            name = field.name
        found += [(name, kind), *_lists(name, kind)]
    return found


def _named(table: str) -> str:
    """With an example where the operator chooses the name: "hosts.gpu01.expect"."""
    for pattern, example in EXAMPLE_NAMES.items():
        table = table.replace(pattern, example)
    return table


def _lists(table: str, kind: type[Section]) -> list[tuple[str, type[Section]]]:
    """The arrays of tables within a table, and the tables within those."""
    found: list[tuple[str, type[Section]]] = []
    for field in msgspec.structs.fields(kind):
        if (item := _item(field)) is not None:
            name = f"{table}.{field.name}"
            found += [(f"[{name}]", item), *_lists(name, item)]
        elif _is_table(field):
            found.append((f"{table}.{field.name}", field.type))
    return found


def _in_list(table: str) -> bool:
    """Whether there may be many of it: such a table in the sample would be one more."""
    name = table.strip("[]")
    return any(f"{name}.".startswith(f"{each[1:-1]}.") for each, _ in _tables() if each.startswith("["))


def _item(field: msgspec.structs.FieldInfo) -> type[Section] | None:
    """What a field holds many of, when these are tables."""
    items = get_args(field.type)
    if get_origin(field.type) is tuple and isinstance(items[0], type) and issubclass(items[0], Section):
        return items[0]
    return None


def _entries(table: str, kind: type[Section]) -> list[Entry]:
    """The keys of one table; those that are tables themselves are shown apart."""
    texts = _docstrings()[kind.__name__]
    fields = [field for field in msgspec.structs.fields(kind) if _item(field) is None and not _is_table(field)]
    return [_entry(table, field, texts[field.name]) for field in fields]


def _is_table(field: msgspec.structs.FieldInfo) -> bool:
    return isinstance(field.type, type) and issubclass(field.type, Section)


def _entry(table: str, field: msgspec.structs.FieldInfo, text: str) -> Entry:
    default = _default(field)
    shown = "" if default is None or default is msgspec.NODEFAULT else toml(default)
    examples = _examples(inspect.type_info(field.type))
    example = toml(examples[0]) if examples else _choice(field) if default is None else shown
    return Entry(table, field.encode_name, describe(inspect.type_info(field.type)), shown, example, text)


def _default(field: msgspec.structs.FieldInfo) -> Any:
    return field.default_factory() if field.default_factory is not msgspec.NODEFAULT else field.default


def _choice(field: msgspec.structs.FieldInfo) -> str:
    """The last of the words that a field without a default takes."""
    info = inspect.type_info(field.type)
    parts = info.types if isinstance(info, inspect.UnionType) else (info,)
    return next(toml(part.values[-1]) for part in parts if isinstance(part, inspect.LiteralType))


def _examples(info: inspect.Type) -> list[Any]:
    parts = info.types if isinstance(info, inspect.UnionType) else (info,)
    schemas = [part.extra_json_schema or {} for part in parts if isinstance(part, inspect.Metadata)]
    return [example for found in schemas for example in found.get("examples", [])]


def toml(value: Any) -> str:
    """A plain value as TOML."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(toml, value))}]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{toml(key)} = {toml(item)}" for key, item in value.items()) + " }" if value else "{}"
    return msgspec.json.encode(value).decode()


def _comment(text: str) -> list[str]:
    return [f"## {line}" for line in textwrap.wrap(text, 110)]


@cache
def _docstrings() -> dict[str, dict[str, str]]:
    """Class → field → docstring; the class's own under ""."""
    found: dict[str, dict[str, str]] = {}
    for module in (schema, schema_alerts, schema_checks, schema_runs, schema_schedules):
        for node in ast.parse(getsource(module)).body:
            if isinstance(node, ast.ClassDef):
                found[node.name] = {"": _one_line(ast.get_docstring(node) or ""), **_fields(node)}
    return found


def _fields(node: ast.ClassDef) -> dict[str, str]:
    texts: dict[str, str] = {}
    for before, after in zip(node.body, node.body[1:], strict=False):
        match before, after:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                texts[name] = _one_line(text)
    return texts


def _one_line(text: str) -> str:
    return " ".join(text.split())


if __name__ == "__main__":
    sys.stdout.write(page())
