"""A copy of a repository beside it before something dangerous is done with it."""

from __future__ import annotations

from collections.abc import Sequence

from backends.backups.model import Repository
from backends.backups.onsite import Onsite
from backends.errors import SkipHost, SwarmError
from backends.text import decode

SECONDS = 1800.0
"""A repository has a file for each 500 MB; linking them is quick, but the machine may be busy."""


class Safety:
    """Copies repositories on their own machines. May be used from any thread."""

    def __init__(self, onsite: Onsite):
        self._onsite = onsite

    def copy(self, repository: Repository, place: str) -> None:
        """Copy the repository to `place` on its machine: segments shared with it, everything else for itself.

        Borg writes a changed segment as a new file, so that the copy keeps what it had.

        Raises:
            SkipHost: the filesystem has neither shared blocks nor hard links.
            RetryLater, AskOperator: the machine does not answer, or does not permit it.
        """
        path = self._onsite.path(repository).rstrip("/")
        self._do(repository, ["mkdir", "-m", "700", "--", place], "make a directory for the copy")
        try:
            self._fill(repository, path, place)
        except SwarmError:
            self._try(repository, ["rm", "-rf", "--", place])
            raise

    def _fill(self, repository: Repository, path: str, place: str) -> None:
        data, copy = f"{path}/data", f"{place}/data"
        if not self._try(repository, ["cp", "-a", "--reflink=always", "--", data, copy]):
            self._try(repository, ["rm", "-rf", "--", copy])
            self._do(repository, ["cp", "-al", "--", data, copy], "copy the segments by hard links")
        rest = ["find", path, "-maxdepth", "1", "-type", "f", "-exec", "cp", "-p", "--", "{}", f"{place}/", ";"]
        self._do(repository, rest, "copy the rest of the repository")

    def drop(self, repository: Repository, place: str) -> None:
        """Remove a copy. Raises as `copy`."""
        self._do(repository, ["rm", "-rf", "--", place], "remove the copy")

    def _try(self, repository: Repository, argv: Sequence[str]) -> bool:
        result = self._onsite.way(repository).run(argv, timeout_seconds=SECONDS, become=False)
        return result.exit_status == 0

    def _do(self, repository: Repository, argv: Sequence[str], action: str) -> None:
        way = self._onsite.way(repository)
        result = way.run(argv, timeout_seconds=SECONDS, become=False)
        if result.exit_status != 0:
            said = decode(result.stderr[-300:] or b"no reason given", 300)
            raise SkipHost(
                f"{argv[0]} ended with {result.exit_status}: {said}",
                host=way.host,
                action=action,
                hint="nothing was changed; a repository is not healed without a copy to go back to",
            )
