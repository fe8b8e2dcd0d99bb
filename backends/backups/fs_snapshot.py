"""Snapshots of filesystems around one backup: taken before Borg reads, shown to Borg alone, removed afterwards.

A snapshot never is a reason for a backup not to be made: whatever is not to be had is read as it is, and the outcome says so. What
could not be removed (the link was lost, the engine was killed) the next backup removes that finds it.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from backends.backups import fs_snapshot_facts as facts
from backends.backups import fs_snapshot_plan as planning
from backends.backups.fs_snapshot_facts import Ident, Mount, Volume
from backends.backups.fs_snapshot_plan import MARK, TOOL, Plan, Snapshot, Spot
from backends.backups.names import escaped
from backends.clock import Clock
from backends.errors import SkipHost, SwarmError
from backends.execution import Exec, ExecResult
from backends.text import decode

KEPT_SECONDS = 7 * 86400.0
"""After this any engine may remove a snapshot, also one whose own engine never comes back."""
LOOK_SECONDS, MAKE_SECONDS, REMOVE_SECONDS = 30.0, 120.0, 300.0
ATTEMPTS, PAUSE_SECONDS = 6, 0.5
"""To remove: the kernel lets go of what a process had mounted a moment after its end."""
NOT_FOUND = 127
ACTION = "make a snapshot"


class Held:
    """What Borg is to be run with, and what there is to say about it."""

    def __init__(self) -> None:
        self.prefix: tuple[str, ...] = ()
        """The words before Borg; () when it reads everything as it is."""
        self.notes: list[str] = []
        self.warnings: list[str] = []
        """Complete after the end of `FsSnapshots.held` only."""

    def heard(self, text: str) -> None:
        """What was no JSON on Borg's stderr: the namespace speaks there before Borg does."""
        if self.prefix and MARK in text:
            self.warnings.append("not every snapshot was to be seen: a part was read as it is")


class FsSnapshots:
    """The snapshots of one engine. May be used from many threads.

    Args:
        owner: names this engine among those that work on the same hosts.
        clock: injected time.
    """

    def __init__(self, owner: str, clock: Clock):
        self._engine = hashlib.sha256(owner.encode("utf-8", "surrogateescape")).hexdigest()[:12]
        self._clock = clock
        self._live: set[str] = set()
        self._lock = threading.Lock()

    @contextmanager
    def held(self, way: Exec, paths: Sequence[str], *, become: bool, live: Sequence[str] = ()) -> Iterator[Held]:
        """While this is held, the snapshots of the paths are there.

        Args:
            way: commands on the host.
            paths: of the set, absolute.
            become: whether Borg is run as root by way of `become`.
            live: directories that Borg writes to, on the host.
        """
        held, taken, run = Held(), list[Snapshot](), secrets.token_hex(6)
        tools = _Tools(way, become)
        with self._lock:
            self._live.add(run)
        try:
            try:
                self._take(tools, Spots(tools, paths), run, live, held, taken)
            except SwarmError as error:
                held.prefix = ()
                held.warnings.append(f"read without a snapshot: {error.message}")
            yield held
        finally:
            for snapshot in taken:
                self._removed(tools, snapshot, held)
            with self._lock:
                self._live.discard(run)

    # Before ------------------------------------------------------------------------------------------------------

    def _take(
        self, tools: _Tools, spots: Spots, run: str, live: Sequence[str], held: Held, taken: list[Snapshot]
    ) -> None:
        if not tools.root:
            held.notes.append("read without a snapshot: snapshots are for root")
            return
        ends = int(self._clock.now() + KEPT_SECONDS)
        plan = planning.plan(spots.found, spots.volumes, Ident(engine=self._engine, run=run, ends=ends))
        held.notes += [*spots.notes, *plan.notes]
        kept_live = _made_live(tools, planning.needed(live, spots.found)) if plan.snapshots else ()
        for snapshot in plan.snapshots:
            self._tidy(tools, snapshot, held)
            self._make(tools, snapshot, held, taken)
        self._prefix(tools, plan, spots.found, kept_live, held, taken)

    def _make(self, tools: _Tools, snapshot: Snapshot, held: Held, taken: list[Snapshot]) -> None:
        try:
            tools.ask(snapshot.make, MAKE_SECONDS)
        except SkipHost as error:
            held.warnings.append(f"no {snapshot.text}: {error.message}")
        except SwarmError:
            taken.append(snapshot)  # nobody knows whether it was made
            raise
        else:
            taken.append(snapshot)

    def _prefix(
        self,
        tools: _Tools,
        plan: Plan,
        spots: Sequence[Spot],
        live: Sequence[str],
        held: Held,
        taken: Sequence[Snapshot],
    ) -> None:
        """Try it with a program that does nothing: Borg is not to be the first to find that it cannot be."""
        names = {each.name for each in taken}
        prefix = planning.prefix([row for row in plan.rows if row.snapshot in names], spots, live)
        if not prefix:
            return
        tried = tools.run((*prefix, "true"), MAKE_SECONDS, bare=True)
        if tried.exit_status != 0 or MARK.encode() in tried.stderr:
            held.warnings.append(f"read without a snapshot: it cannot be shown to Borg: {_said(tried)}")
            return
        held.prefix = prefix
        held.notes += [f"read from a {each.text}" for each in taken]

    # Afterwards --------------------------------------------------------------------------------------------------

    def _removed(self, tools: _Tools, snapshot: Snapshot, held: Held) -> None:
        try:
            if snapshot.bounded and facts.overflowed(
                tools.ask(("lvs", "--noheadings", "-o", "lv_attr", "--", snapshot.name), LOOK_SECONDS)
            ):
                held.warnings.append(f"the {snapshot.text} had no room for what changed meanwhile: back up again")
            self._remove(tools, snapshot.remove)
        except SwarmError as error:
            held.warnings.append(
                f"{escaped(snapshot.name)} could not be removed, the next backup removes it: {error.message}"
            )

    def _remove(self, tools: _Tools, argv: Sequence[str]) -> None:
        """Raises SwarmError when it stays."""
        for attempt in range(ATTEMPTS):
            try:
                tools.ask(argv, REMOVE_SECONDS)
                return
            except SkipHost:
                if attempt == ATTEMPTS - 1:
                    raise
            self._clock.wait(threading.Event(), PAUSE_SECONDS)

    def _tidy(self, tools: _Tools, fresh: Snapshot, held: Held) -> None:
        """Remove what earlier runs left beside a snapshot that is about to be made."""
        with self._lock:
            live = sorted(self._live)
        try:
            for name, remove in _leftovers(tools, fresh):
                found = facts.ident(name)
                if found is not None and found.stale(self._engine, live, self._clock.now()):
                    tools.ask(remove, REMOVE_SECONDS)
                    held.notes.append(f"removed {name}, which an earlier backup had left")
        except SkipHost as error:
            held.warnings.append(f"what earlier backups left of {fresh.origin} could not be removed: {error.message}")


def _leftovers(tools: _Tools, fresh: Snapshot) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Names beside a snapshot, and how each would be removed. Raises SwarmError."""
    if fresh.kind == "btrfs":
        argv = (
            "find",
            fresh.origin,
            "-mindepth",
            "1",
            "-maxdepth",
            "1",
            "-name",
            ".swarm-snapshot-*",
            "-printf",
            "%f\\0",
        )
        for name in facts.names(tools.ask(argv, LOOK_SECONDS), b"\0"):
            yield name[1:], planning.remove_btrfs(f"{fresh.origin.rstrip('/')}/{name}")
    elif fresh.kind == "zfs":
        listing = tools.ask(
            ("zfs", "list", "-H", "-t", "snapshot", "-o", "name", "-d", "1", fresh.origin), LOOK_SECONDS
        )
        for whole in facts.names(listing, b"\n"):
            yield whole.rpartition("@")[2], planning.remove_zfs(whole)
    else:
        group = fresh.origin.partition("/")[0]
        for name in facts.names(tools.ask(("lvs", "--noheadings", "-o", "lv_name", "--", group), LOOK_SECONDS), b"\n"):
            yield name.strip(), planning.remove_lvm(f"{group}/{name.strip()}")


def _made_live(tools: _Tools, paths: Sequence[str]) -> tuple[str, ...]:
    """Directories that will be there in the snapshots too, so that the live ones can be mounted on them."""
    if paths:
        tools.ask(("mkdir", "-p", "-m", "700", "--", *paths), LOOK_SECONDS)
    return tuple(tools.real(path) for path in paths)


class Spots:
    """Where the paths of a set are. Raises RetryLater, AskOperator when the host is not reached."""

    def __init__(self, tools: _Tools, paths: Sequence[str]):
        self.found: list[Spot] = []
        self.notes: list[str] = []
        self.volumes: tuple[Volume, ...] = ()
        if not tools.root:
            return
        for path in paths:
            try:
                self.found.append(_spot(tools, path))
            except SkipHost as error:
                self.notes.append(f"{escaped(path)} is read without a snapshot: {error.message}")
        if any(spot.mount.source.startswith("/dev/mapper/") for spot in self.found):
            self._ask_volumes(tools)

    def _ask_volumes(self, tools: _Tools) -> None:
        columns = "vg_name,lv_name,lv_path,lv_dm_path,pool_lv,lv_size,vg_free"
        argv = ("lvs", "--reportformat", "json", "--units", "b", "--nosuffix", "-o", columns)
        try:
            self.volumes = facts.volumes(tools.ask(argv, LOOK_SECONDS))
        except SkipHost as error:
            self.notes.append(f"logical volumes are not to be seen: {error.message}")


def _spot(tools: _Tools, path: str) -> Spot:
    real = tools.real(path)
    mount = facts.mount(
        tools.ask(("findmnt", "-k", "-v", "-J", "-o", "TARGET,SOURCE,FSTYPE,FSROOT", "-T", real), LOOK_SECONDS)
    )
    file = tools.run(("test", "-d", real), LOOK_SECONDS).exit_status != 0
    return Spot(path=path, real=real, file=file, mount=mount, subvolume=_subvolume(tools, real, mount))


def _subvolume(tools: _Tools, real: str, mount: Mount) -> str:
    if mount.fstype != "btrfs":
        return ""
    candidates = facts.above(real, mount.target)
    return facts.subvolume(candidates, tools.ask(("stat", "-c", "%i", "--", *candidates), LOOK_SECONDS))


class _Tools:
    """Programs on the host, run as Borg will be."""

    def __init__(self, way: Exec, become: bool):
        self._way, self._become = way, become
        self._root: bool | None = None

    @property
    def root(self) -> bool:
        """Whether they are run as root; asked for once."""
        if self._root is None:
            self._root = self.ask(("id", "-u"), LOOK_SECONDS).strip() == b"0"
        return self._root

    def real(self, path: str) -> str:
        """A path without links. Raises SkipHost when there is none."""
        result = self.run(("readlink", "-e", "-z", "--", path), LOOK_SECONDS)
        if result.exit_status != 0 or not result.stdout.startswith(b"/"):
            raise SkipHost("there is no such path", host=self._way.host, action=ACTION)
        return result.stdout.rstrip(b"\0").decode("utf-8", "surrogateescape")

    def run(self, argv: Sequence[str], seconds: float, *, bare: bool = False) -> ExecResult:
        """`bare`: with nothing before it."""
        words = argv if bare else (*TOOL, *argv)
        return self._way.run(words, timeout_seconds=seconds, become=self._become)

    def ask(self, argv: Sequence[str], seconds: float) -> bytes:
        """What it prints. Raises SkipHost when it fails or is missing, RetryLater, AskOperator."""
        result = self.run(argv, seconds)
        if result.exit_status == 0:
            return result.stdout
        missing = result.exit_status == NOT_FOUND
        why = f"there is no {argv[0]}" if missing else f"{argv[0]}: {_said(result)}"
        raise SkipHost(why, host=self._way.host, action=ACTION)


def _said(result: ExecResult) -> str:
    text = decode((result.stderr.strip() or result.stdout.strip())[-200:], 200)
    return text or f"exit {result.exit_status}"
