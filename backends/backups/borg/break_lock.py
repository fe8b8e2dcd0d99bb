"""`borg break-lock`: takes away locks of a repository whose holder is proven to be gone."""

from __future__ import annotations

from backends.backups.borg.dialect import Dialect
from backends.backups.borg.line import borg, repository


def argv(dialect: Dialect, location: str) -> tuple[str, ...]:
    """The command. Raises BadInput."""
    del dialect  # the same in 1.2 and 1.4
    return (*borg("break-lock"), repository(location))
