"""Where a damaged repository is hit, and who still has each of the broken files intact."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from backends.backups.catalog import Catalog
from backends.backups.covering import batches
from backends.backups.damage_model import Copy, Damage, Damaged
from backends.backups.damage_search import Search, hashes, listed
from backends.backups.drill_compare import Look, same_time
from backends.backups.model import Archive, BrowseEntry, Repository
from backends.backups.runner import Runner
from backends.backups.watching import Unwatched, Watch
from backends.clock import Clock
from backends.errors import AskOperator, RetryLater, SkipHost

SECONDS = 1800.0
MOST_LISTED, MOST_READ = 60, 20
"""Archives of another repository, newest first, that are asked for the broken files of a set, and of which some are read."""


Copies = dict[tuple[str, str], list[Copy]]
Recorded = Mapping[tuple[str, str], str]


class Damages:
    """Localises damage. One thread at a time for a repository."""

    def __init__(
        self,
        runner: Runner,
        catalog: Catalog,
        look: Callable[[str, Sequence[str]], Mapping[str, Look]],
        clock: Clock,
    ):
        self._runner, self._catalog, self._look, self._clock = runner, catalog, look, clock

    def locate(
        self,
        repository: Repository,
        others: Sequence[Repository],
        *,
        seconds: float = SECONDS,
        watch: Watch | None = None,
    ) -> Damage:
        """Read every archive, newest first, and look for intact copies of what is broken.

        Args:
            repository: the damaged one.
            others: repositories of the same host that may have copies.
            seconds: for the reading; what was not looked at by then is said.
            watch: sees the phases, cancels.

        Raises:
            RetryLater: the repository cannot be read at all (locked, not connected, its list of archives broken).
            AskOperator, SkipHost: as the runner.
            Stop: the catalog.
        """
        watch = watch or Unwatched()
        search = Search(self._runner, repository, self._clock, self._clock.monotonic() + seconds, watch)
        found = search.run()
        files = self._with_copies(found.files, repository, others, watch)
        return msgspec.structs.replace(found, files=files)

    def _with_copies(
        self, files: Sequence[Damaged], repository: Repository, others: Sequence[Repository], watch: Watch
    ) -> tuple[Damaged, ...]:
        copies: Copies = {(each.archive, each.path): [] for each in files}
        recorded = self._recorded(files, repository)
        for other in others:
            if files and not watch.cancel.asked.is_set():
                watch.phase(f"looking for intact copies in {other.key}")
                try:
                    self._elsewhere(files, recorded, other, copies, watch)
                except (RetryLater, AskOperator, SkipHost) as error:  # the next one may be there
                    watch.log(f"{other.key} could not be looked at: {error.message}")
        self._live(files, recorded, repository.host, copies, watch)
        return tuple(msgspec.structs.replace(each, copies=tuple(copies[each.archive, each.path])) for each in files)

    def _elsewhere(
        self,
        files: Sequence[Damaged],
        recorded: Recorded,
        other: Repository,
        copies: Copies,
        watch: Watch,
    ) -> None:
        """Ask the archives of the same sets there, those with an equal file only, and read what they have."""
        for name in dict.fromkeys(each.set for each in files):
            wanted = [each for each in files if each.set == name]
            read = 0
            for archive in self._catalog.archives(repository=other.key, set=name)[:MOST_LISTED]:
                equal = self._equal(other, archive, [each.path for each in wanted], watch)
                pairs = [(each, equal[each.path]) for each in wanted if _same(each, equal.get(each.path))]
                if not pairs:
                    continue
                intact = hashes(self._runner, other, archive.name, [each.path for each, _ in pairs], watch)
                for each, _ in pairs:
                    if each.path in intact and _plausible(recorded, each, intact[each.path]):
                        copy = Copy(repository=other.key, archive=archive.name, sha256=intact[each.path])
                        copies[each.archive, each.path].append(copy)
                wanted = [each for each in wanted if not _held(copies[each.archive, each.path], other)]
                read += 1
                if not wanted or read >= MOST_READ:
                    break

    def _equal(self, other: Repository, archive: Archive, paths: Sequence[str], watch: Watch) -> dict[str, BrowseEntry]:
        """What the other archive has under these paths."""
        if archive.indexed:
            entries = [self._catalog.entry(archive, path) for path in dict.fromkeys(paths)]
            return {entry.path: entry for entry in entries if entry is not None}
        found: dict[str, BrowseEntry] = {}
        for batch in batches(list(dict.fromkeys(paths))):
            listing = listed(self._runner, other, archive.name, batch, watch)
            found.update({entry.path: entry for entry in listing.entries})
        return found

    def _recorded(self, files: Sequence[Damaged], repository: Repository) -> Recorded:
        """(archive, path) of damaged files → the hash that was recorded when they were backed up."""
        hit = {each.archive for each in files}
        archives = [each for each in self._catalog.archives(repository=repository.key) if each.name in hit]
        return {
            (each.name, path): digest
            for each in archives
            for path, (_, _, digest) in self._catalog.hashes(each).items()
        }

    def _live(
        self,
        files: Sequence[Damaged],
        recorded: Recorded,
        host: str,
        copies: Copies,
        watch: Watch,
    ) -> None:
        if not files:
            return
        watch.phase("looking at the live files")
        try:
            looks = self._look(host, [f"/{path}" for path in dict.fromkeys(each.path for each in files)])
        except (RetryLater, AskOperator, SkipHost) as error:  # it may be down; the repositories are still known
            watch.log(f"the live files could not be looked at: {error.message}")
            return
        for each in files:
            look = looks.get(f"/{each.path}")
            if look is None or not look.sha256 or look.size != each.size or not same_time(each.mtime, look.mtime):
                continue
            if _plausible(recorded, each, look.sha256):
                copies[each.archive, each.path].append(Copy(sha256=look.sha256))


def _plausible(recorded: Recorded, each: Damaged, digest: str) -> bool:
    """Whether the hash is the recorded one, where one was recorded."""
    return recorded.get((each.archive, each.path), digest) == digest


def _same(each: Damaged, entry: BrowseEntry | None) -> bool:
    if entry is None or entry.type != "-" or not entry.healthy or entry.size != each.size:
        return False
    return same_time(each.mtime, entry.mtime) or same_time(entry.mtime, each.mtime)


def _held(copies: Iterable[Copy], other: Repository) -> bool:
    return any(copy.repository == other.key for copy in copies)
