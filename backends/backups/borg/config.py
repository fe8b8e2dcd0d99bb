"""`borg config`: settings inside a repository. Works on its own machine only, not through a connection."""

from __future__ import annotations

import re

from backends.backups.borg.dialect import Dialect
from backends.backups.borg.line import borg, repository
from backends.errors import BadInput

RESERVE, QUOTA, APPEND_ONLY = "additional_free_space", "storage_quota", "append_only"
_NAME = re.compile(r"[a-z_]{1,40}")
_VALUE = re.compile(r"[A-Za-z0-9._-]{1,60}")


def argv(dialect: Dialect, path: str, key: str, value: str = "") -> tuple[str, ...]:
    """The command.

    Args:
        dialect: of the Borg that runs it.
        path: of the repository on the machine where this runs.
        key: the setting.
        value: what it becomes; "": print it.

    Raises:
        BadInput: not a path, a setting or a value.
    """
    del dialect  # the same in 1.2 and 1.4
    if not path.startswith("/") or not _NAME.fullmatch(key) or (value and not _VALUE.fullmatch(value)):
        raise BadInput(f"not a setting of a repository: {key[:60]!r} = {value[:60]!r} in {path[:200]!r}")
    return (*borg("config"), repository(path), key, *([value] if value else []))
