"""Python environments on a host (training stacks live in them): what is installed, what is outdated, how to update it.

Changing one is always explicit and pinned; an environment that its distribution manages is never touched.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeVar

import msgspec

from backends import decoding
from backends.errors import BadInput, RetryLater
from backends.execution import ExecResult
from backends.metrics.sample import Record
from backends.text import clean
from backends.updates.extras_model import Outdated

T = TypeVar("T")
QUIET = ("--disable-pip-version-check", "--no-input", "--no-color")
MOST = 5000
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,98}[A-Za-z0-9])?")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.!+_-]{0,98}")
_PYTHON = re.compile(r"(python|pypy)[0-9.]*")
_UNREACHABLE = (b"Could not fetch URL", b"Could not find a version that satisfies")
"""pip 23 then lists nothing as outdated and exits with 0 (captured)."""
_NO_INSPECT = b'unknown command "inspect"'
_EXTERNAL = "externally-managed-environment"


class Installed(Record, frozen=True, kw_only=True):
    """A package of an environment."""

    name: str
    version: str
    requested: bool = False
    """Somebody asked for it by name; otherwise it came as a dependency."""
    installer: str = ""
    """"pip", "uv", "conda", "debian" …"""
    requires: tuple[str, ...] = ()


class Environment(Record, frozen=True, kw_only=True):
    """One environment, as `pip inspect` tells."""

    python: str = ""
    """Version of the interpreter."""
    pip: str = ""
    packages: tuple[Installed, ...] = ()


class _Row(msgspec.Struct, frozen=True):
    name: str
    version: str
    latest_version: str
    editable_project_location: str = ""


class _Listed(msgspec.Struct, frozen=True):
    name: str
    version: str


class _Metadata(msgspec.Struct, frozen=True):
    name: str
    version: str
    requires_dist: list[str] = []


class _Item(msgspec.Struct, frozen=True):
    metadata: _Metadata
    installer: str = ""
    requested: bool = False


class _Inspection(msgspec.Struct, frozen=True):
    version: str
    pip_version: str = ""
    installed: list[_Item] = []
    environment: dict[str, str] = {}


def outdated_argv(python: str) -> tuple[str, ...]:
    """Asks the index which packages are outdated. Raises BadInput when `python` is no absolute path."""
    return (_interpreter(python), "-m", "pip", "list", "--outdated", "--format", "json", *QUIET)


def inspect_argv(python: str) -> tuple[str, ...]:
    """Describes the environment, offline (pip 22.2 and newer)."""
    return (_interpreter(python), "-m", "pip", "inspect", "--local", *QUIET)


def list_argv(python: str) -> tuple[str, ...]:
    """Names what is installed, offline, with any pip: Ubuntu 22.04 brings 22.0, which cannot inspect."""
    return (_interpreter(python), "-m", "pip", "list", "--local", "--format", "json", *QUIET)


def update_argv(python: str, pins: Mapping[str, str], *, simulate: bool = False) -> tuple[str, ...]:
    """Installs exactly the given versions; pip's resolver refuses what does not fit together.

    Args:
        python: absolute path of the environment's interpreter.
        pins: package → version.
        simulate: only report what would be installed.

    Raises:
        BadInput: nothing is pinned, or a name or version cannot be one (they may come from a host).
    """
    if not pins:
        raise BadInput("no package to update", action="update a Python environment")
    for name, version in pins.items():
        if not _NAME.fullmatch(name) or not _VERSION.fullmatch(version):
            raise BadInput(
                f"not a package and its version: {name!r}, {version!r}", action="update a Python environment"
            )
    how = ("--dry-run", "--quiet", "--report", "-") if simulate else ()
    wanted = tuple(f"{name}=={version}" for name, version in sorted(pins.items()))
    return (_interpreter(python), "-m", "pip", "install", *QUIET, *how, "--", *wanted)


def parse_outdated(output: bytes) -> tuple[Outdated, ...] | None:
    """`pip list --outdated --format json`, past anything printed before it; None when it is none."""
    rows = _decode(output, b"[", list[_Row])
    if rows is None:
        return None
    return tuple(
        Outdated(
            name=clean(row.name, 100),
            installed=clean(row.version, 100),
            candidate=clean(row.latest_version, 100),
            editable=bool(row.editable_project_location),
        )
        for row in rows[:MOST]
    )


def parse_inspect(output: bytes) -> Environment | None:
    """`pip inspect`; None when it is none, or of another major version of the format."""
    found = _decode(output, b"{", _Inspection)
    if found is None or found.version.partition(".")[0] not in ("0", "1"):
        return None
    return Environment(
        python=clean(found.environment.get("python_full_version", ""), 40),
        pip=clean(found.pip_version, 40),
        packages=tuple(_installed(item) for item in found.installed[:MOST]),
    )


def parse_list(output: bytes) -> Environment | None:
    """`pip list --format json`, which tells nothing about the interpreter; None when it is none."""
    rows = _decode(output, b"[", list[_Listed])
    if rows is None:
        return None
    return Environment(
        packages=tuple(Installed(name=clean(row.name, 100), version=clean(row.version, 100)) for row in rows[:MOST])
    )


def cannot_inspect(result: ExecResult) -> bool:
    """Whether this pip is too old for `inspect`: `list` still answers."""
    return result.exit_status != 0 and _NO_INSPECT in result.stderr


def judge_installed(result: ExecResult, host: str, python: str, *, inspected: bool) -> Environment:
    """What `inspect`, or else `list`, tells. Raises RetryLater when it is no answer, or one that was cut off."""
    found = parse_inspect(result.stdout) if inspected else parse_list(result.stdout)
    if found is None or result.exit_status != 0 or result.truncated:
        raise RetryLater(f"pip failed: {_said(result)}", host=host, action=f"read the packages of {python}")
    return found


def judge_outdated(result: ExecResult, host: str, python: str) -> tuple[Outdated, ...]:
    """The outdated packages. Raises RetryLater when pip could not tell (no pip, index unreachable)."""
    found = parse_outdated(result.stdout)
    if any(words in result.stdout + result.stderr for words in _UNREACHABLE):
        raise RetryLater("pip could not reach its index", host=host, action=f"look for updates of {python}")
    if found is None or result.exit_status != 0:
        raise RetryLater(f"pip failed: {_said(result)}", host=host, action=f"look for updates of {python}")
    return found


def is_managed_elsewhere(result: ExecResult) -> bool:
    """Whether pip refused because the distribution manages this environment (PEP 668)."""
    return result.exit_status != 0 and _EXTERNAL.encode() in result.stderr


def _said(result: ExecResult) -> str:
    """What pip gives as the reason."""
    if result.truncated:
        return "its answer is too long"
    return clean(result.stderr[-300:].decode("utf-8", "replace").strip(), 300) or f"status {result.exit_status}"


def _installed(item: _Item) -> Installed:
    return Installed(
        name=clean(item.metadata.name, 100),
        version=clean(item.metadata.version, 100),
        requested=item.requested,
        installer=clean(item.installer, 40),
        requires=tuple(clean(each, 200) for each in item.metadata.requires_dist[:200]),
    )


def _decode(output: bytes, opening: bytes, kind: type[T]) -> T | None:
    """The document that begins a line with `opening`; pip may print sentences before it."""
    start = 0 if output.startswith(opening) else output.find(b"\n" + opening) + 1
    try:
        return decoding.json(output[start:].strip(), type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def interpreter(path: str) -> str:
    """The interpreter that a configured path means: itself when it is called like one, else that of the directory."""
    return path if _PYTHON.fullmatch(path.rpartition("/")[2]) else f"{path.rstrip('/')}/bin/python"


def _interpreter(python: str) -> str:
    if not python.startswith("/") or "\0" in python:
        raise BadInput(f"not an absolute path: {python!r}", hint="/srv/train/.venv/bin/python")
    return python
