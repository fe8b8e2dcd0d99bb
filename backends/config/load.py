"""Reads the configuration file. Without one everything has its default and the fleet is this machine."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from msgspec.structs import replace

from backends import paths
from backends.config.check import check
from backends.config.positions import find_lines, line_of
from backends.config.problem import Problem, refuse
from backends.config.schema import Config

MAX_BYTES = 16 << 20
"""A larger file is no configuration (a list of 100,000 hosts is smaller)."""


def config_path(path: str | Path | None) -> Path:
    """The file that counts: the given one ("" or None means the usual place)."""
    return paths.expanded(path) if path else paths.config_file()


def load(path: str | Path | None = None) -> Config:
    """The configuration in `path`, or in the usual place when none is given.

    Raises:
        BadInput: the file is wrong (all problems in one message), unreadable, or was named and does not exist.
    """
    config, problems = examine(path)
    refuse(problems, "read the configuration")
    return config or Config()


def examine(path: str | Path | None = None) -> tuple[Config | None, list[Problem]]:
    """Like `load`, but returns the problems instead of raising; the configuration is None when there are any."""
    file = config_path(path)
    try:
        data = _read(file)
    except FileNotFoundError:
        if file == paths.config_file():
            return Config(), []
        return None, [Problem(file=str(file), message="no such file", hint="swarm-tui config sample > " + str(file))]
    except OSError as error:
        return None, [Problem(file=str(file), message=f"cannot be read: {error.strerror}", hint=f"ls -l {file}")]
    return examine_bytes(data, str(file))


def examine_bytes(data: bytes, file: str) -> tuple[Config | None, list[Problem]]:
    """Check the content of a file."""
    if len(data) > MAX_BYTES:
        return None, [Problem(file=file, message=f"larger than {MAX_BYTES >> 20} MiB: this is no configuration")]
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return None, [Problem(file=file, line=line, message="not UTF-8 text", hint="save the file as UTF-8")]
    return check(text.replace("\r\n", "\n"), file)


def located(problems: Iterable[Problem], path: str | Path | None = None) -> list[Problem]:
    """Problems that name a key of the file, with the file and the line; without a line when it is gone meanwhile."""
    found = list(problems)
    if not found:
        return []
    file = config_path(path)
    try:
        lines = find_lines(_read(file).decode("utf-8-sig", "replace").replace("\r\n", "\n"))
    except OSError:
        lines = {}
    return [replace(problem, file=str(file), line=line_of(lines, tuple(problem.key.split(".")))) for problem in found]


def _read(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(MAX_BYTES + 1)
