"""Which files of an archive a restore drill brings back: spread over all sizes, within bounds of bytes and number."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

from backends.backups.borg import exits, list_files
from backends.backups.catalog import Catalog
from backends.backups.covering import askable, batches
from backends.backups.drill_compare import MANIFEST
from backends.backups.lines import Lines
from backends.backups.model import Archive, BrowseEntry, Repository
from backends.backups.runner import Runner
from backends.backups.watching import Watch
from backends.errors import RetryLater
from backends.metrics.sample import Record

PARSED_BY_NAME = ("etc/passwd", "etc/group", "etc/sudoers", "etc/ssh/sshd_config", "etc/shadow", "etc/gshadow")
"""Files of a configuration that every drill brings back, where they are."""


class Bounds(Record, frozen=True, kw_only=True):
    """How much a drill takes upon itself."""

    files: int = 100
    bytes: int = 1 << 30
    seconds: float = 900.0


class Sampling:
    """Chooses files. One run of Borg at most, when the archive is not indexed."""

    def __init__(self, runner: Runner, catalog: Catalog):
        self._runner, self._catalog = runner, catalog

    def choose(
        self, archive: Archive, repository: Repository, bounds: Bounds, seed: int, watch: Watch, *, snapshot: bool
    ) -> dict[str, BrowseEntry]:
        """The sample by path: files at random, and of a configuration what programs can judge, and its own list.

        Raises:
            RetryLater: the archive cannot be listed.
            Stop: the catalog.
        """
        names = [*_named(snapshot), *self._recorded(archive, bounds, seed)]
        if archive.indexed:
            drawn = list(self._catalog.sample(archive, bounds.files, seed))
            named = [entry for path in names if (entry := self._catalog.entry(archive, path)) is not None]
        else:
            drawn, named = self._listed(archive, repository, bounds, seed, watch, names)
        return within([*named, *drawn], bounds)

    def _recorded(self, archive: Archive, bounds: Bounds, seed: int) -> list[str]:
        """Some of the files whose hash was recorded: they can be judged even when the host's have changed since."""
        known = sorted(self._catalog.hashes(archive))
        return random.Random(seed).sample(known, min(len(known), bounds.files // 2))  # noqa: S311 - no secret

    def _listed(
        self,
        archive: Archive,
        repository: Repository,
        bounds: Bounds,
        seed: int,
        watch: Watch,
        names: Sequence[str],
    ) -> tuple[list[BrowseEntry], list[BrowseEntry]]:
        reservoir, named = Reservoir(bounds.files, seed), []
        wanted = frozenset(names)

        def take(line: bytes) -> None:
            entry = list_files.decode(line)
            if entry is not None and entry.type == "-":
                if entry.path in wanted:
                    named.append(entry)
                reservoir.take(entry)

        result = self._runner.run(
            repository,
            lambda location: list_files.argv(self._runner.dialect, location, archive.name),
            on_event=watch.event,
            on_stdout=Lines(take).feed,
            cancel=watch.cancel,
            timeout_seconds=bounds.seconds,
        )
        if result.exit_status != 0:
            _, cause = exits.judge("list", result, location=repository.location, repository=repository.key)
            text = cause.text if cause else f"Borg ended with {result.exit_status}"
            raise RetryLater(f"{archive.name} cannot be listed: {text}", action="choose files for a restore drill")
        return reservoir.kept, named


class Reservoir:
    """A fair sample of a stream of unknown length."""

    def __init__(self, count: int, seed: int):
        self._count, self._random = count, random.Random(seed)  # noqa: S311 - a sample, no secret
        self._seen = 0
        self.kept: list[BrowseEntry] = []

    def take(self, entry: BrowseEntry) -> None:
        """The next one."""
        self._seen += 1
        if len(self.kept) < self._count:
            self.kept.append(entry)
        elif (at := self._random.randrange(self._seen)) < self._count:
            self.kept[at] = entry


def within(entries: Iterable[BrowseEntry], bounds: Bounds) -> dict[str, BrowseEntry]:
    """Those that fit: regular files, each once, small enough together for one command line and for the bytes allowed."""
    chosen: dict[str, BrowseEntry] = {}
    room = bounds.bytes
    for entry in entries:
        size = entry.size or 0
        fits = askable(entry.path) and size <= room and len(chosen) < bounds.files + len(PARSED_BY_NAME) + 1
        if entry.type == "-" and entry.path not in chosen and fits:
            chosen[entry.path] = entry
            room -= size
    if not chosen:
        return chosen
    first = batches(list(chosen))[0]
    return {path: chosen[path] for path in first}


def _named(snapshot: bool) -> tuple[str, ...]:
    return (MANIFEST, *PARSED_BY_NAME) if snapshot else ()
