"""`borg export-tar`: files of an archive as a tar stream on stdout. Extended attributes and ACLs are not in it."""

from __future__ import annotations

from collections.abc import Sequence

from backends.backups.borg.dialect import Dialect
from backends.backups.borg.extract import stripped
from backends.backups.borg.line import archive_of, borg
from backends.backups.borg.paths import prefixes


def argv(
    dialect: Dialect,
    location: str,
    archive: str,
    paths: Sequence[str] = (),
    *,
    strip: int = 0,
    progress: bool = True,
    lock_wait: int = 0,
) -> tuple[str, ...]:
    """The command. `paths` are escaped; () is everything; `strip` is how many leading directories the files lose.

    Raises BadInput.
    """
    del dialect  # the same in 1.2 and 1.4
    words = [*borg("export-tar", progress=progress, lock_wait=lock_wait), *stripped(strip)]
    return (*words, archive_of(location, archive), "-", *prefixes(paths))
