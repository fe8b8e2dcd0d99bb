"""A triage bundle as a file of this machine: masked once more, readable by its owner alone."""

from __future__ import annotations

from pathlib import Path

from backends import paths
from backends.errors import BadInput
from backends.triage.bundle import file_name, tar
from backends.triage.model import Bundle

ACTION = "save a triage bundle"


def proposed(bundle: Bundle) -> Path:
    """Where it is saved when nobody says otherwise."""
    return Path.home() / file_name(bundle)


def save(bundle: Bundle, written: str | Path) -> tuple[Path, int]:
    """Write the tar to a file, or into a directory under its own name.

    Returns:
        Where it is, and its bytes.

    Raises:
        BadInput: something is there already, or it cannot be written.
    """
    file = paths.expanded(written)
    try:
        file = file / file_name(bundle) if file.is_dir() else file
        if file.exists():
            raise BadInput(f"{file} is there already", action=ACTION, hint="choose another name")
        data = tar(bundle)
        paths.write_atomic(file, data)
    except OSError as error:
        why = error.strerror or str(error)
        raise BadInput(f"{file} cannot be written: {why}", action=ACTION, hint="choose another directory") from error
    return file, len(data)
