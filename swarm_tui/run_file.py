"""The report of a maintenance run as a file of this machine, readable by its owner alone."""

from __future__ import annotations

from pathlib import Path

from backends import paths
from backends.errors import BadInput

ACTION = "save the report of a run"


def proposed(run: str) -> Path:
    """Where it is saved when nobody says otherwise."""
    return Path.home() / f"swarm-tui-{run}.md"


def place(written: str, run: str) -> Path:
    """The file that is meant; into a directory it goes under its own name.

    Raises:
        BadInput: something is there already.
    """
    file = paths.expanded(written)
    file = file / proposed(run).name if file.is_dir() else file
    if file.exists():
        raise BadInput(f"{file} is there already", action=ACTION, hint="choose another name")
    return file


def save(file: Path, text: str) -> int:
    """Write it; returns its bytes.

    Raises:
        BadInput: it cannot be written.
    """
    data = text.encode()
    try:
        paths.write_atomic(file, data)
    except OSError as error:
        why = error.strerror or str(error)
        raise BadInput(f"{file} cannot be written: {why}", action=ACTION, hint="choose another directory") from error
    return len(data)
