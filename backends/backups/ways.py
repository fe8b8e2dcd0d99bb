"""How each host's data reach each repository: which transport, which Borg runs where, and the tar streams of hosts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from backends.backups import looks, snapshots
from backends.backups.borg.compression import AUTO, advise
from backends.backups.borg.dialect import Dialect
from backends.backups.discovery import find
from backends.backups.environment import host_id
from backends.backups.fs_snapshot import FsSnapshots, Held
from backends.backups.hosted import Place
from backends.backups.model import Repository, Task, Transport
from backends.backups.names import escaped
from backends.backups.passphrases import Passphrases
from backends.backups.process import LocalRunner
from backends.backups.push import Keys, PushRunner
from backends.backups.quiet import limit
from backends.backups.relay import RelayRunner
from backends.backups.runner import Runner
from backends.backups.tarstream import TarSource, tar_launch
from backends.backups.vault import Vaults
from backends.clock import Clock
from backends.errors import SkipHost, SwarmError
from backends.execution import Channels, Exec
from backends.hostkit.travel import Become, Launch

FOUND_SECONDS = 1800.0
"""How long it is believed that a host has Borg, or has none."""
LISTED_SECONDS = 10.0
LISTED_BYTES = 1 << 20
"""Of names that are looked at to choose a compression."""
HOST_WRITES = ("/var/cache/swarm-tui", "/var/cache/swarm-tui/borg")
"""Where Borg on a host keeps its caches, as the program there has it for root."""
SNAPSHOT_COMPRESSION = "zstd,3"


class Ways:
    """Reaches hosts and runs Borg. May be used from many threads.

    Args:
        execs: commands on a host.
        channels: programs that are held on a host.
        become: a host's way to root.
        here: whether a host is the engine's own machine.
        local: Borg beside the engine.
        vaults: the machines of repositories.
        folder: for the memory of serving Borgs.
    """

    def __init__(
        self,
        *,
        execs: Callable[[str], Exec],
        channels: Callable[[str], Channels],
        become: Callable[[str], Become],
        here: Callable[[str], bool],
        local: LocalRunner,
        passphrases: Passphrases,
        vaults: Vaults,
        folder: Path,
        clock: Clock,
    ):
        self._execs, self._channels, self._become, self._here = execs, channels, become, here
        self.local, self._passphrases, self.vaults = local, passphrases, vaults
        self._folder, self._clock = folder, clock
        self._keys = Keys(clock)
        self._lock = threading.Lock()
        self._found: dict[str, tuple[float, Dialect | SkipHost]] = {}
        self._snapshots = FsSnapshots(f"{host_id()} {folder}", clock)

    # Hosts -------------------------------------------------------------------------------------------------------

    def way(self, host: str) -> Exec:
        """Commands on a host. Raises SwarmError."""
        return self._execs(host)

    def channels(self, host: str) -> Channels:
        """Programs that are held on a host. Raises SwarmError."""
        return self._channels(host)

    def become(self, host: str) -> Become:
        """Its way to root."""
        return self._become(host)

    def here(self, host: str) -> bool:
        """Whether it is the engine's own machine."""
        return self._here(host)

    def look(self, host: str, paths: Sequence[str]) -> Mapping[str, looks.Look]:
        """What escaped paths are on a host now, with the hashes of files. Raises SwarmError."""
        return looks.look(self.way(host), self._become(host), paths, hashes=True)

    def borg(self, host: str) -> Dialect:
        """The Borg of a host, asked for every half hour at most. Raises SkipHost (none there), RetryLater."""
        now = self._clock.monotonic()
        with self._lock:
            at, known = self._found.get(host, (0.0, None))
        if known is None or now - at > FOUND_SECONDS:
            try:
                known = find(self.way(host))
            except SkipHost as error:
                known = error
            with self._lock:
                self._found[host] = now, known
        if isinstance(known, SkipHost):
            raise known
        return known

    # Transports --------------------------------------------------------------------------------------------------

    def transport(self, task: Task) -> Transport:
        """How this backup is made; asks the host for Borg where that decides. Raises RetryLater."""
        fixed = self._fixed(task)
        if fixed is not None:
            return fixed
        try:
            self.borg(task.host)
        except SkipHost:
            return Transport.TAR
        return Transport.RELAY

    def expected(self, task: Task) -> Transport:
        """The same by what is known now: asks nobody."""
        fixed = self._fixed(task)
        if fixed is not None:
            return fixed
        with self._lock:
            known = self._found.get(task.host)
        return Transport.TAR if known and isinstance(known[1], SkipHost) else Transport.RELAY

    def _fixed(self, task: Task) -> Transport | None:
        if task.set.kind != "data":
            return Transport.TAR
        if self._here(task.host):
            return Transport.LOCAL
        wanted = task.repository.transport
        return None if wanted == "auto" else Transport(wanted)

    def runner(self, task: Task, transport: Transport, prefix: tuple[str, ...] = ()) -> Runner:
        """Who makes the archive; `prefix` goes before Borg (`snapshots`)."""
        if transport is Transport.RELAY:
            return self.relay(task.host, prefix)
        if transport is Transport.PUSH:
            return self.push(task.host, prefix)
        return self.local.behind(prefix) if prefix else self.local

    def relay(self, host: str, prefix: tuple[str, ...] = ()) -> RelayRunner:
        """Borg on a host without any credential there."""
        return RelayRunner(
            self._place(host, prefix),
            self.vaults.serve,
            self._passphrases,
            lambda: self.borg(host),
            self._folder / "serve",
            self._clock,
        )

    def push(self, host: str, prefix: tuple[str, ...] = ()) -> PushRunner:
        """Borg on a host that connects by itself. It refuses a repository that has no machine of its own."""
        return PushRunner(
            self._place(host, prefix), self.vaults, self._keys, self._passphrases, lambda: self.borg(host), self._clock
        )

    def _place(self, host: str, prefix: tuple[str, ...]) -> Place:
        return Place(
            host=host,
            channels=self._channels(host),
            way=self.way(host),
            become=self._become(host),
            prefix=prefix,
        )

    # Snapshots ---------------------------------------------------------------------------------------------------

    @contextmanager
    def snapshots(self, task: Task, transport: Transport) -> Iterator[Held]:
        """While this is held, what the set asks to be read from snapshots can be: by a runner with its prefix."""
        wanted = task.set.snapshot == "auto" and task.set.kind == "data"
        why = _unread(task, transport) if wanted else ""
        if not wanted or why:
            held = Held()
            held.notes += [f"read without a snapshot: {why}"] if why else []
            yield held
            return
        local = transport is Transport.LOCAL
        live = self._written(task.repository) if local else HOST_WRITES
        with self._snapshots.held(self.way(task.host), task.set.paths, become=not local, live=live) as held:
            yield held

    def _written(self, repository: Repository) -> tuple[str, ...]:
        base = str(self.local.base(repository))
        return (base,) if repository.remote else (base, repository.location)

    # Streams -----------------------------------------------------------------------------------------------------

    def source(self, task: Task, on_err: Callable[[bytes], None]) -> TarSource:
        """The tar stream of a set: files and facts of the configuration, or plain files. Raises SwarmError."""
        return TarSource(self._channels(task.host), self._launch(task), on_err=on_err)

    def _launch(self, task: Task) -> Launch:
        become = self._become(task.host)
        if task.set.kind == "data":
            return tar_launch(
                task.set.paths, exclude=task.set.exclude, one_file_system=task.set.one_file_system, become=become
            )
        return snapshots.launch(task.set.kind, task.set.paths, become)

    def upload_kib(self, task: Task) -> int:
        """Limit of a transfer that begins now; 0: none."""
        local = datetime.fromtimestamp(self._clock.now()).astimezone()
        return limit(task.repository.upload_kib_per_second, task.repository.quiet_hours, local)

    def compression(self, task: Task) -> str:
        """As Borg takes it: that of the configuration, or chosen by what the files are."""
        if task.set.kind != "data":
            return SNAPSHOT_COMPRESSION
        if task.set.compression != AUTO:
            return task.set.compression
        return advise(self._listed(task))

    def _listed(self, task: Task) -> list[tuple[str, int]]:
        """The first files of the set, by name and size; none when the host does not tell, or the set is only dumps."""
        if not task.set.paths:
            return []
        argv = ["find", *task.set.paths, "-xdev", "-type", "f", "-printf", "%s %f\\0"]
        try:
            found = self.way(task.host).run(argv, timeout_seconds=LISTED_SECONDS, limit_bytes=LISTED_BYTES)
        except SwarmError:
            return []  # the choice for files of unknown kind is made then
        return _sizes(found.stdout)


def _unread(task: Task, transport: Transport) -> str:
    """Why no snapshot is made that was asked for; "": it is."""
    if transport is Transport.TAR:
        return "a tar stream reads files as they are; install borgbackup on the host"
    if not task.set.one_file_system:
        return "the set goes on into other filesystems, which a snapshot does not hold (one_file_system = false)"
    return ""


def _sizes(output: bytes) -> list[tuple[str, int]]:
    rows = []
    for row in output.split(b"\0"):
        size, _, name = row.partition(b" ")
        if size.isdigit() and name:
            rows.append((escaped(name.decode("utf-8", "surrogateescape")), int(size)))
    return rows
