"""What a restore would do, worked out before anything is changed. Pure, but for one question to the host.

The archive's paths come from the catalog as a stream; a million of them are looked at in pieces.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

import msgspec

from backends.backups import validators
from backends.backups.borg.dialect import Dialect
from backends.backups.looks import Ground, Look, Looks
from backends.backups.model import CONFIG, SECRETS, Archive, BrowseEntry, Transport
from backends.backups.names import escaped, unescaped
from backends.backups.views import RestorePlan, RestoreRequest
from backends.errors import BadInput, SkipHost
from backends.units import size

Ask = Callable[[Sequence[str], str], Looks]
"""(absolute escaped paths, absolute escaped directory) → what is there, and the filesystem of the directory."""

PIECE = 50_000
"""Paths of one question."""
MOST_PATHS = 2_000
"""Of a request, and of what Borg is told on its command line."""
MOST_BYTES_OF_PATHS = 100_000
"""The kernel bounds a command line; one word at 128 KiB."""
MOST_ROOTS = 20_000
EXAMPLES = 20
MOST_CHECKS = 200
ROLLBACK_SECONDS = 600.0
"""Enough to log in anew, look, and confirm."""
OURS = "swarm"
"""Where a snapshot keeps facts and the manifest, which are no files of the host."""
NO_PLACES = ("/proc", "/sys", "/dev")
SYSTEM = frozenset({"bin", "boot", "lib", "lib32", "lib64", "sbin", "usr"})
FIXED_LINKS = (1, 4, 5)
"""Borg before this version writes through a link that the archive itself brought [seen with 1.2.4]."""


def transport(archive: Archive, host: str, dialect: Dialect | None, *, local: bool) -> Transport:
    """How files get to `host`.

    Args:
        archive: whose files.
        host: where to.
        dialect: of the Borg there; None when there is none.
        local: it is the engine's own machine.

    Another host's archive never goes through Borg there: it would learn that host's passphrase. And an archive is made by
    its host, while an old Borg lets an archive write anywhere through a link in it; so it is unpacked by tar, which does
    not, unless the Borg here is known to refuse that.
    """
    if dialect is None:
        return Transport.TAR
    if archive.host == host:
        return Transport.LOCAL if local else Transport.RELAY
    return Transport.LOCAL if local and dialect.at_least(*FIXED_LINKS) else Transport.TAR


def plan(
    request: RestoreRequest,
    archive: Archive,
    entries: Iterable[BrowseEntry],
    ask: Ask,
    *,
    host: str = "",
    way: Transport = Transport.RELAY,
    command: str = "",
    new_id: Callable[[], str] = lambda: f"restore-{secrets.token_hex(6)}",
) -> RestorePlan:
    """Work out what a restore would do.

    Args:
        request: what is wanted.
        archive: the one that it names.
        entries: of the requested paths, with everything below them, parents before children (as `Catalog.walk` gives
            them); for () of everything.
        ask: the host.
        host: where to; "": the one that it names, or that the archive came from.
        way: how the files get there.
        command: the exact Borg line.
        new_id: makes the run's id.

    Raises:
        BadInput: a path that is not in the archive, a directory that is none, too many paths.
        SkipHost: the archive is not to be trusted.
        RetryLater, AskOperator: the host cannot be asked.
    """
    check(request)
    host = host or request.host or archive.host
    survey = _Survey(request, archive, ask)
    for piece in _pieces(survey.wanted(entries)):
        survey.look(piece)
    survey.close()
    made = RestorePlan(
        id="",
        hash="",
        request=request,
        host=host,
        directory=request.directory,
        files=survey.files,
        bytes=survey.bytes,
        there=survey.there,
        same=survey.same,
        examples=tuple(survey.examples),
        free_bytes=survey.ground.free_bytes if survey.ground else None,
        transport=way,
        validators=survey.validators(),
        rollback_seconds=ROLLBACK_SECONDS if survey.needs_rollback else None,
        warnings=survey.warnings(host),
        command=command,
        roots=tuple(survey.roots),
        checked=tuple(survey.checked),
        effects=survey.effects,
        refused=survey.refused(),
    )
    digest = hash_of(made, archive)
    return msgspec.structs.replace(made, hash=digest, id=new_id())


def hash_of(made: RestorePlan, archive: Archive) -> str:
    """Over everything that matters to who approves it; not over free space, which changes all the time."""
    fixed = msgspec.structs.replace(made, id="", hash="", free_bytes=None, command="")
    return hashlib.sha256(archive.id.encode() + msgspec.json.encode(fixed)).hexdigest()


def check(request: RestoreRequest) -> None:
    """Raises BadInput for what can be no restore."""
    if len(request.paths) > MOST_PATHS or sum(map(len, request.paths)) > MOST_BYTES_OF_PATHS:
        raise BadInput(
            f"more than {MOST_PATHS} paths at once", action="plan a restore", hint="choose their directory instead"
        )
    for path in request.paths:
        if path.startswith("/") or not path or ".." in path.split("/"):
            raise BadInput(f"not a path of an archive: {path[:200]!r}", hint="as it is listed, without a leading slash")
        unescaped(path)
    directory = unescaped(request.directory)
    if directory and (not directory.startswith("/") or "\0" in directory or ".." in directory.split("/")):
        raise BadInput(f"not an absolute directory: {request.directory[:200]!r}", hint='like "/srv/restored"')
    if any(directory == place or directory.startswith(f"{place}/") for place in NO_PLACES):
        raise BadInput(f"{request.directory} is the kernel's", hint="choose a directory on a disk")


def original_place(directory: str) -> bool:
    """Whether files go back to where they came from."""
    return directory.strip("/") == ""


def _pieces(entries: Iterator[BrowseEntry]) -> Iterator[list[BrowseEntry]]:
    while piece := list(islice(entries, PIECE)):
        yield piece


class _Survey:
    """Goes through the entries once and keeps what a plan needs."""

    def __init__(self, request: RestoreRequest, archive: Archive, ask: Ask):
        self._request, self._archive, self._ask = request, archive, ask
        self._original = original_place(request.directory)
        self._missing = set(request.paths)
        self._folders: set[str] = set()
        self._links: set[str] = set()
        self._devices: set[int] = set()
        self._access: dict[str, str] = {}
        self._foreign: list[str] = []
        self._effects: dict[validators.Alternatives, str] = {}
        self._no_root = False
        self.ground: Ground | None = None
        self.roots: list[str] = []
        self.checked: list[str] = []
        self.examples: list[str] = []
        self.files = self.bytes = self.there = self.same = self.damaged = 0

    def wanted(self, entries: Iterable[BrowseEntry]) -> Iterator[BrowseEntry]:
        """Entries that are to be restored, the topmost ones noted. Raises SkipHost for an archive that lies."""
        snapshot = self._archive.set in (CONFIG, SECRETS) and self._original
        for entry in entries:
            if self._missing:
                self._missing -= self._missing.intersection(_up(entry.path))
            if snapshot and entry.path.partition("/")[0] == OURS:
                continue
            self._trust(entry)
            if entry.type == "d" and not entry.mode:
                continue  # the catalog adds directories that the archive only implies: nothing is known of their owner
            parent = entry.path.rpartition("/")[0]
            if parent not in self._folders:
                self._root(entry.path)
            if entry.type == "d":
                self._folders.add(entry.path)
            elif entry.type == "l":
                self._links.add(entry.path)
            yield entry

    def _trust(self, entry: BrowseEntry) -> None:
        through = self._links and self._links.intersection(_up(entry.path)[1:])
        if through or entry.path.startswith("/") or ".." in entry.path.split("/"):
            raise SkipHost(
                f"the archive is not to be trusted: {entry.path[:200]} leads out of it",
                host=self._archive.host,
                action="plan a restore",
                hint="restore single files of it to an empty directory, and look at the host that made it",
            )

    def _root(self, path: str) -> None:
        if len(self.roots) >= MOST_ROOTS:
            raise BadInput("too many single files at once", action="plan a restore", hint="choose their directory")
        self.roots.append(path)

    def look(self, piece: Sequence[BrowseEntry]) -> None:
        """Ask the host what is at the places of some entries."""
        places = {entry.path: self._place(entry.path) for entry in piece}
        answer = self._ask(tuple(places.values()), self._request.directory or "/")
        self.ground = self.ground or answer.ground
        self._no_root = self._no_root or not answer.root
        for entry in piece:
            self._count(entry, places[entry.path], answer.found.get(places[entry.path]))

    def _place(self, path: str) -> str:
        return f"{self._request.directory.rstrip('/')}/{path}"

    def _count(self, entry: BrowseEntry, place: str, there: Look | None) -> None:
        if there is not None:
            self._devices.add(there.device)
        if entry.type == "d":
            return
        self.files += 1
        self.bytes += (entry.size or 0) if entry.type == "-" else 0
        self.damaged += not entry.healthy
        if there is not None:
            self.there += 1
            if _same(entry, there):
                self.same += 1
            elif len(self.examples) < EXAMPLES:
                self.examples.append(place)
        if self._original:
            self._judge(entry, unescaped(place) if "\\" in place else place)

    def _judge(self, entry: BrowseEntry, path: str) -> None:
        if not validators.concerns(path):
            return
        kind = validators.access(path)
        if kind:
            self._access.setdefault(kind, path)
        if validators.matches(path, validators.IDENTITY):
            self._foreign.append(path)
        if entry.type == "-" and len(self.checked) < MOST_CHECKS and validators.validator(path):
            self.checked.append(entry.path)
        known = validators.reloading(path)
        if known is not None:
            self._effects.setdefault(known.commands, entry.path)

    def close(self) -> None:
        """Raises BadInput when something that was asked for is not there."""
        if self._missing:
            first = sorted(self._missing)[0]
            raise BadInput(f"not in the archive: {first[:200]}", action="plan a restore", hint="swarm-tui backup files")
        if not self.roots:
            raise BadInput("nothing to restore", action="plan a restore", hint="the archive is empty")
        if self.ground is None:  # nothing but what a snapshot keeps for itself
            raise BadInput("nothing to restore", action="plan a restore")

    @property
    def needs_rollback(self) -> bool:
        """A wrong one of these files locks everybody out."""
        return bool(self._access)

    @property
    def effects(self) -> tuple[str, ...]:
        """One path for each service that must read its files again."""
        return tuple(self._effects.values())

    def validators(self) -> tuple[str, ...]:
        """What must accept the files, for reading."""
        found = []
        for path in self.checked:
            known = validators.validator(unescaped(f"/{path}"))
            if known is not None:
                found.append(" ".join(word.replace("{file}", f"/{path}") for word in known.argv))
        return tuple(found)

    def refused(self) -> str:
        """Why it must not be done; "" when it may."""
        if self.ground is None:
            return ""
        if self.ground.read_only:
            return f"the filesystem of {self.ground.directory} can only be read"
        if self.bytes > self.ground.free_bytes:
            need, free = size(self.bytes), size(self.ground.free_bytes)
            return f"not enough space at {self.ground.directory}: {need} are needed, {free} are free"
        if self.ground.free_files is not None and self.files > self.ground.free_files:
            return f"{self.ground.directory} can take {self.ground.free_files} more files, {self.files} are needed"
        return ""

    def warnings(self, host: str) -> tuple[str, ...]:
        """What must be known before it is approved."""
        found = []
        if self._original and host != self._archive.host:
            found.append(f"these are files of {self._archive.host}; they go to the same places on {host}")
            if self._foreign:
                found.append(f"some belong to that very machine and make another one wrong: {_few(self._foreign)}")
            if SYSTEM & {root.partition("/")[0] for root in self.roots}:
                found.append(
                    "programs and libraries of another machine are among them; is it the same kind of machine?"
                )
        if self._access:
            kinds = ", ".join(sorted(self._access))
            found.append(
                f"files among them can lock everybody out ({kinds}: {_few(list(self._access.values()))}); they are put"
                f" back by themselves after {ROLLBACK_SECONDS / 60:g} minutes unless you confirm the restore"
            )
        if self.damaged:
            found.append(f"{self.damaged} files are damaged in this archive")
        if len(self._devices) > 1:
            found.append("the places are on several filesystems; what is not beside the scratch directory is copied")
        if self._no_root:
            found.append("not root there: owners cannot be restored")
        return tuple(found)


def _up(path: str) -> list[str]:
    """A path and every path above it: a/b/c, a/b, a."""
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(len(parts), 0, -1)]


def _same(entry: BrowseEntry, there: Look) -> bool:
    """Whether it looks the same: kind, size and time (Borg lists times in microseconds)."""
    if entry.type == "l":
        return there.type == "l" and there.target == entry.target
    kind = "-" if entry.type == "h" else entry.type
    if there.type != kind or entry.mtime is None:
        return False
    sized = entry.type != "-" or there.size == entry.size
    whole = there.mtime_ns % 1_000_000_000 == 0 and there.mtime == int(entry.mtime)  # it came through tar
    return sized and (whole or abs(there.mtime - entry.mtime) < 0.001)


def _few(paths: Sequence[str]) -> str:
    shown = ", ".join(escaped(path) for path in paths[:3])
    return f"{shown} and {len(paths) - 3} more" if len(paths) > 3 else shown
