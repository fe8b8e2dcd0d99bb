"""`borg delete`: removes one archive. Never a whole repository."""

from __future__ import annotations

from backends.backups.borg.dialect import Dialect
from backends.backups.borg.line import archive_of, borg


def argv(dialect: Dialect, location: str, archive: str, *, lock_wait: int = 0) -> tuple[str, ...]:
    """The command. Raises BadInput without the name of an archive."""
    del dialect  # the same in 1.2 and 1.4
    return (*borg("delete", progress=True, info=True, lock_wait=lock_wait), archive_of(location, archive))
