"""`borg extract`: brings files back, into the directory in which it runs."""

from __future__ import annotations

from collections.abc import Sequence

from backends.backups.borg.dialect import Dialect
from backends.backups.borg.line import archive_of, borg
from backends.backups.borg.paths import prefixes
from backends.errors import BadInput


def argv(
    dialect: Dialect,
    location: str,
    archive: str,
    paths: Sequence[str] = (),
    *,
    dry_run: bool = False,
    to_stdout: bool = False,
    strip: int = 0,
    progress: bool = True,
    lock_wait: int = 0,
) -> tuple[str, ...]:
    """The command.

    Args:
        dialect: of the Borg that runs it.
        location: of the repository.
        archive: its name.
        paths: escaped; these and what is below them. () is everything.
        dry_run: reads and checks every byte, and writes nothing.
        to_stdout: the contents of the files, one after the other, to stdout.
        strip: how many leading directories the files lose.
        progress: for a percentage it first adds up all sizes.
        lock_wait: seconds.

    Raises:
        BadInput: not a path of an archive, or too many.
    """
    del dialect  # the same in 1.2 and 1.4
    words = [*borg("extract", progress=progress and not to_stdout, lock_wait=lock_wait)]
    words += ["--dry-run"] if dry_run else []
    words += ["--stdout"] if to_stdout else []
    return (*words, *stripped(strip), archive_of(location, archive), *prefixes(paths))


def stripped(count: int) -> tuple[str, ...]:
    """The option for leading directories. Raises BadInput."""
    if not 0 <= count <= 4096:
        raise BadInput(f"not a number of directories: {count}")
    return ("--strip-components", str(count)) if count else ()
