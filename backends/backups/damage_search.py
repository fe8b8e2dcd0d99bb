"""Reads a damaged repository: which files of which archives cannot be brought back whole.

Borg's check names chunks, not files, and reading an archive stops at the first broken file. So an archive is read with a
hash for each file: every line that comes out is a good file, and the first one that is missing from the order of the
archive is a broken one. Reading goes on behind it, for what is left, by as few paths as cover it. A file that is in several
archives unchanged is read once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from backends.backups.borg import exits, list_archives, list_files
from backends.backups.covering import askable, batches, cover
from backends.backups.damage_model import Damage, Damaged
from backends.backups.lines import Lines
from backends.backups.model import Archive, BorgResult, BrowseEntry, Cause, Repository
from backends.backups.runner import Runner
from backends.backups.watching import Watch
from backends.clock import Clock
from backends.errors import RetryLater, SwarmError
from backends.metrics.sample import Record

MOST_FILES = 1_000_000
"""Of one archive that are looked at."""
MOST_DAMAGED = 1000
_BROKEN = frozenset({"IntegrityError", "FileIntegrityError", "DecompressionError", "Repository.ObjectNotFound"})
_BROKEN_WORDS = re.compile(r"[Dd]ata integrity error|IntegrityError|ObjectNotFound|Decompression error")
"""1.2 names some of them in a traceback only (a wrong MAC)."""


class Listed(Record, frozen=True, kw_only=True):
    entries: tuple[BrowseEntry, ...]
    hashes: dict[str, str]
    result: BorgResult
    full: bool = True
    """Not more than we keep."""


class Search:
    """One walk over the archives of a repository."""

    def __init__(self, runner: Runner, repository: Repository, clock: Clock, deadline: float, watch: Watch):
        self._runner, self._repository, self._clock = runner, repository, clock
        self._deadline, self._watch = deadline, watch
        self._judged: dict[tuple[str, int | None, float | None], bool] = {}
        """(path, size, mtime) → whether such a file is good: unchanged files are the same chunks in every archive."""
        self._files: list[Damaged] = []
        self._unreadable: list[str] = []
        self._read = 0
        self._left_out = ""
        """Why something was not looked at."""

    def run(self) -> Damage:
        archives = self._archives()
        looked = 0
        for archive in archives:
            if self._late() or len(self._files) >= MOST_DAMAGED:
                break
            self._archive(archive)
            looked += 1
        if looked < len(archives):
            self._left_out = "there was no time for the others" if self._late() else "that is enough"
        return Damage(
            repository=self._repository.key,
            time=self._clock.now(),
            files=tuple(self._files[:MOST_DAMAGED]),
            unreadable=tuple(self._unreadable),
            archives=looked,
            of_archives=len(archives),
            read=self._read,
            complete=not self._left_out,
            text=f"{looked} of {len(archives)} archives were read{self._left_out and '; ' + self._left_out}",
        )

    def _archives(self) -> list[Archive]:
        """As Borg lists them now, newest first: the catalog may know archives that are gone."""
        out = bytearray()
        result = self._runner.run(
            self._repository,
            lambda location: list_archives.argv(self._runner.dialect, location),
            on_stdout=out.extend,
            cancel=self._watch.cancel,
        )
        if result.exit_status != 0:
            raise _unreadable(result, self._repository)
        return sorted(list_archives.parse(bytes(out), self._repository), key=lambda each: -each.start)

    def _archive(self, archive: Archive) -> None:
        self._watch.phase(f"reading {archive.name}")
        answer = listed(self._runner, self._repository, archive.name, (), self._watch, seconds=self._left())
        if answer.result.exit_status != 0:
            if is_broken(answer.result):
                self._unreadable.append(archive.name)
            else:
                self._left_out = self._why(archive, answer.result)
            return
        if not answer.full:
            self._left_out = f"{archive.name} has more than {MOST_FILES:,} files"
        files = [entry for entry in answer.entries if entry.type == "-"]
        for entry in files:
            if not entry.healthy:
                self._broken(archive, entry, zeros=True)
        known = [entry for entry in files if entry.healthy and _key(entry) in self._judged]
        for entry in known:
            if not self._judged[_key(entry)]:
                self._broken(archive, entry)
        self._hunt(archive, files, [entry for entry in files if entry.healthy and _key(entry) not in self._judged])

    def _hunt(self, archive: Archive, files: Sequence[BrowseEntry], unknown: Sequence[BrowseEntry]) -> None:
        """Read the unknown ones; behind each broken file go on with what is left."""
        whole = [entry.path for entry in files]
        left = {entry.path: entry for entry in unknown if askable(entry.path)}
        if len(left) < len({entry.path for entry in unknown}):
            self._left_out = f"{archive.name} has paths that lead out of it"
        while left and not self._late() and len(self._files) < MOST_DAMAGED:
            for batch in batches(cover(whole, left)):
                roots = frozenset(batch)
                selected = [entry for entry in left.values() if not roots or _within(entry.path, roots)]
                if not self._read_some(archive, selected, batch, left):
                    return

    def _read_some(
        self,
        archive: Archive,
        selected: Sequence[BrowseEntry],
        batch: Sequence[str],
        left: dict[str, BrowseEntry],
    ) -> bool:
        """Read a batch; takes what it judged out of `left`. Whether it makes sense to go on."""
        answer = listed(
            self._runner, self._repository, archive.name, batch, self._watch, hashed=True, seconds=self._left()
        )
        for path in answer.hashes:
            entry = left.pop(path, None)
            if entry is not None:
                self._judged[_key(entry)] = True
                self._read += 1
        missing = [entry for entry in selected if entry.path not in answer.hashes]
        if answer.result.exit_status == 0 or not missing:
            for entry in missing:  # listed without a hash: nothing that could be read
                left.pop(entry.path, None)
            return True
        if not is_broken(answer.result):
            self._left_out = self._why(archive, answer.result)
            return False
        broken = missing[0]
        self._judged[_key(broken)] = False
        self._broken(archive, broken)
        del left[broken.path]
        return True

    def _why(self, archive: Archive, result: BorgResult) -> str:
        if self._late():
            return f"there was no time for all of {archive.name}"
        _, cause = exits.judge("list", result, location=self._repository.location, repository=self._repository.key)
        return f"{archive.name} could not be read: {cause.text if cause else result.exit_status}"

    def _broken(self, archive: Archive, entry: BrowseEntry, *, zeros: bool = False) -> None:
        self._files.append(
            Damaged(
                archive=archive.name,
                set=archive.set,
                path=entry.path,
                size=entry.size,
                mtime=entry.mtime,
                zeros=zeros,
            )
        )
        self._watch.log(f"{archive.name}: {entry.path} is {'zeros in part' if zeros else 'broken'}")

    def _left(self) -> float:
        return max(1.0, self._deadline - self._clock.monotonic())

    def _late(self) -> bool:
        return self._clock.monotonic() >= self._deadline or self._watch.cancel.asked.is_set()


def hashes(runner: Runner, repository: Repository, archive: str, paths: Sequence[str], watch: Watch) -> dict[str, str]:
    """sha256 of these files of an archive, read whole; one that is broken, or zeros in part, is left out.

    Raises as `Runner.run`.
    """
    found: dict[str, str] = {}
    left = list(dict.fromkeys(paths))
    while left and not watch.cancel.asked.is_set():
        batch = batches(left)[0]
        answer = listed(runner, repository, archive, batch, watch, hashed=True)
        found.update({path: digest for path, digest in answer.hashes.items() if digest})
        missing = [path for path in batch if path not in answer.hashes]
        if answer.result.exit_status == 0 or not missing or not is_broken(answer.result):
            left = left[len(batch) :]
        elif len(batch) == 1:
            left = left[1:]
        else:  # which one is broken is only known when it is asked alone
            half = len(missing) // 2
            more = [missing[:half], missing[half:]]
            left = left[len(batch) :]
            for part in more:
                found.update(hashes(runner, repository, archive, part, watch))
    return found


def listed(
    runner: Runner,
    repository: Repository,
    archive: str,
    paths: Sequence[str],
    watch: Watch,
    *,
    hashed: bool = False,
    seconds: float | None = None,
) -> Listed:
    entries: list[BrowseEntry] = []
    digests: dict[str, str] = {}

    def take(line: bytes) -> None:
        found = list_files.decode_hashed(line)
        if found is None or len(entries) + len(digests) >= MOST_FILES:
            return
        entry, digest = found
        if digest:
            digests[entry.path] = digest if entry.healthy else ""
        elif not hashed:
            entries.append(entry)

    lines = Lines(take)
    result = runner.run(
        repository,
        lambda location: list_files.argv(runner.dialect, location, archive, paths, hashes=hashed),
        on_event=watch.event,
        on_stdout=lines.feed,
        cancel=watch.cancel,
        timeout_seconds=seconds,
    )
    return Listed(entries=tuple(entries), hashes=digests, result=result, full=len(entries) < MOST_FILES)


def _key(entry: BrowseEntry) -> tuple[str, int | None, float | None]:
    return entry.path, entry.size, entry.mtime


def _within(path: str, roots: frozenset[str]) -> bool:
    return path in roots or any(parent in roots for parent in _parents(path))


def _parents(path: str) -> Iterator[str]:
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def is_broken(result: BorgResult) -> bool:
    """Whether Borg stopped because data are broken or missing, by the names of its errors or by its last words."""
    if any(message.get("msgid") in _BROKEN for message in result.messages):
        return True
    told = [*(str(message.get("message", "")) for message in result.messages), result.text]
    return any(_BROKEN_WORDS.search(text) for text in told)


def _unreadable(result: BorgResult, repository: Repository) -> SwarmError:
    _, cause = exits.judge("list", result, location=repository.location, repository=repository.key)
    cause = cause or Cause(code="list", text=f"Borg ended with {result.exit_status}")
    return RetryLater(
        f"{repository.key} cannot be listed: {cause.text}", action="find the damage", hint=cause.next_step or None
    )
