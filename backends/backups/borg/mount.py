"""`borg mount` and `umount`: an archive as a filesystem that can only be read, where Borg was built with FUSE."""

from __future__ import annotations

from backends.backups.borg.dialect import Dialect
from backends.backups.borg.line import archive_of, borg, repository
from backends.errors import BadInput, SkipHost


def argv(
    dialect: Dialect,
    location: str,
    archive: str = "",
    directory: str = "",
    *,
    foreground: bool = False,
    lock_wait: int = 0,
) -> tuple[str, ...]:
    """The command.

    Args:
        dialect: of the Borg that runs it.
        location: of the repository.
        archive: its name; "": every archive as a directory.
        directory: where to, absolute, there already.
        foreground: it ends when the filesystem is taken off; otherwise when it is there.
        lock_wait: seconds.

    Raises:
        SkipHost: this Borg has no FUSE.
        BadInput: not an absolute directory.
    """
    if dialect.fuse is False:
        raise SkipHost(
            "this Borg cannot mount: it was built without FUSE",
            action="mount an archive",
            hint="swarm-tui backup restore",
        )
    words = [*borg("mount", lock_wait=lock_wait), *(["--foreground"] if foreground else [])]
    place = archive_of(location, archive) if archive else repository(location)
    return (*words, place, _checked(directory))


def umount_argv(dialect: Dialect, directory: str) -> tuple[str, ...]:
    """Takes it off again. Raises BadInput."""
    del dialect  # the same in 1.2 and 1.4
    return (*borg("umount"), _checked(directory))


def _checked(directory: str) -> str:
    if not directory.startswith("/") or "\0" in directory:
        raise BadInput(f"not an absolute directory: {directory[:200]!r}")
    return directory
