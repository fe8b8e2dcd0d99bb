"""`borg import-tar`: makes an archive of a tar stream that comes on stdin."""

from __future__ import annotations

from backends.backups.borg.create import Created as Created
from backends.backups.borg.create import common
from backends.backups.borg.create import parse as parse
from backends.backups.borg.dialect import Dialect
from backends.backups.borg.line import archive_of, borg


def argv(
    dialect: Dialect,
    location: str,
    archive: str,
    *,
    compression: str = "auto",
    comment: str = "",
    checkpoint_seconds: int = 300,
    lock_wait: int = 0,
) -> tuple[str, ...]:
    """The command; its result is read like a create's. Hard links and modes survive, extended attributes do not.

    Raises BadInput.
    """
    del dialect  # the same in 1.2 and 1.4
    words = [*borg("import-tar", progress=True, lock_wait=lock_wait), "--json"]
    return (*words, *common(compression, comment, checkpoint_seconds), archive_of(location, archive), "-")
