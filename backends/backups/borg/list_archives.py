"""`borg list REPOSITORY`: which archives there are."""

from __future__ import annotations

from backends.backups.borg.archive_facts import read_all
from backends.backups.borg.dialect import Dialect
from backends.backups.borg.documents import document
from backends.backups.borg.line import borg, literal, repository
from backends.backups.model import Archive, Repository

_DETAILS = "{archive}{comment}{hostname}{username}{start}{end}{NL}"


def argv(
    dialect: Dialect,
    location: str,
    *,
    pattern: str = "",
    checkpoints: bool = False,
    details: bool = True,
    lock_wait: int = 0,
) -> tuple[str, ...]:
    """The command.

    Args:
        dialect: of the Borg that runs it.
        location: of the repository.
        pattern: shell pattern of names; "" is all.
        checkpoints: also what interrupted backups left.
        details: comment and end as well, for which Borg opens each archive.
        lock_wait: seconds.

    Raises:
        BadInput: not a location.
    """
    del dialect  # the same in 1.2 and 1.4
    words = [*borg("list", lock_wait=lock_wait), "--json"]
    words += ["--format", _DETAILS] if details else []
    words += [f"--glob-archives={literal(pattern)}"] if pattern else []
    words += ["--consider-checkpoints"] if checkpoints else []
    return (*words, repository(location))


def parse(stdout: bytes, repository: Repository) -> tuple[Archive, ...]:
    """Every archive, oldest first as Borg lists them.

    Raises:
        SkipHost: it is no list.
    """
    return tuple(each.archive(repository) for each in read_all(document(stdout, "list of archives")))


def repository_id(stdout: bytes) -> str:
    """The id of the repository that was listed, or "". Raises SkipHost."""
    found = document(stdout, "list of archives").get("repository")
    named = found.get("id") if isinstance(found, dict) else ""
    return named if isinstance(named, str) and len(named) == 64 else ""
