"""Everything that works on repositories, put together once: the parts of an engine's backups, and nothing but wiring."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from backends import paths
from backends.backups.alarms import Alarms
from backends.backups.anomalies import Anomalies
from backends.backups.canaries import Canaries
from backends.backups.catalog import Catalog
from backends.backups.checking import Checking
from backends.backups.compaction import Compaction
from backends.backups.damage import Damages
from backends.backups.discovery import find
from backends.backups.drills import Drills
from backends.backups.environment import host_id
from backends.backups.escrow import Escrows
from backends.backups.heal_fetch import Fetch
from backends.backups.healing import Healing
from backends.backups.indexing import Indexing
from backends.backups.locking import Locks
from backends.backups.model import Repository
from backends.backups.mounts import Mounts
from backends.backups.onsite import Onsite, Speeds, speeds
from backends.backups.passphrases import Passphrases
from backends.backups.process import LocalRunner
from backends.backups.recording import Recording
from backends.backups.repositories import Repositories
from backends.backups.retention import Retention
from backends.backups.status import Statuses
from backends.backups.undo import Client, Undo
from backends.backups.vanished import Listings
from backends.backups.vault import SshArgv, Vaults
from backends.backups.ways import Ways
from backends.clock import Clock
from backends.config.schema import BackupsConfig
from backends.execution import Channels, Exec
from backends.hostkit.travel import Become

HOST_BASES = ("/var/cache/swarm-tui/borg", "~/.cache/swarm-tui/borg")
"""Where the Borg of a host keeps its memory of a repository: as root, and as another user."""


class Fleet:
    """What backups need of the engine: the way to hosts.

    Args:
        hosts: the names of all hosts.
        execs: commands on a host. Raises SwarmError for one that is unknown.
        channels: programs that are held on a host. Raises SwarmError.
        become: a host's way to root.
        here: whether a host is the engine's own machine.
        local: commands on the engine's machine.
        ssh_argv: the OpenSSH client for the machine of a repository.
    """

    def __init__(
        self,
        *,
        hosts: Callable[[], Collection[str]],
        execs: Callable[[str], Exec],
        channels: Callable[[str], Channels],
        become: Callable[[str], Become],
        here: Callable[[str], bool],
        local: Exec,
        ssh_argv: SshArgv,
    ):
        self.hosts = hosts
        self.execs, self.channels, self.become, self.here = execs, channels, become, here
        self.local, self.ssh_argv = local, ssh_argv


class Depot:
    """The parts. `folder` holds catalog, passphrases, caches and, without a configuration, the repositories."""

    def __init__(
        self, folder: Path, fleet: Fleet, clock: Clock, config: BackupsConfig, busy: Callable[[Repository], str]
    ):
        self.folder, self.clock = paths.private_dir(folder), clock
        scratch = folder / "scratch"
        self.catalog = Catalog(folder / "catalog.sqlite", clock)
        self.passphrases = Passphrases(folder / "passphrases")
        self.vaults = Vaults(fleet.ssh_argv, fleet.local)
        self.local = LocalRunner(self.passphrases, folder / "borg", self.vaults.rsh, lambda: find(fleet.local), clock)
        self.ways = Ways(
            execs=fleet.execs,
            channels=fleet.channels,
            become=fleet.become,
            here=fleet.here,
            local=self.local,
            passphrases=self.passphrases,
            vaults=self.vaults,
            folder=folder,
            clock=clock,
        )
        self._fleet = fleet
        self.onsite = Onsite(self.vaults.way, self.vaults.path)
        catalog, local, onsite = self.catalog, self.local, self.onsite
        self.listings = Listings(local, onsite, catalog, clock)
        self.repositories = Repositories(local, onsite, catalog, clock, self._speeds)
        self.escrows = Escrows(local, onsite, catalog, clock, self.passphrases.of, self._bare)
        self.locks = Locks(onsite, self._machine, busy)
        self.retention = Retention(local, onsite, catalog, self.listings, clock)
        self.compaction = Compaction(local, onsite, catalog, self.listings, clock, config.hold_hours * 3600.0)
        self.undo = Undo(local, onsite, catalog, self.listings, clock, self._clients)
        self.alarms = Alarms(catalog, clock)
        self.anomalies = Anomalies(catalog, self.alarms, clock)
        self.canaries = Canaries(catalog, self.alarms, self.ways.look, clock)
        self.checking = Checking(local, catalog, clock)
        self.damages = Damages(local, catalog, self.ways.look, clock)
        self.healing = Healing(local, catalog, onsite, Fetch(local, fleet.execs), clock, scratch=scratch)
        self.drills = Drills(local, catalog, self.ways.look, clock, scratch=scratch)
        self.recording = Recording(local, catalog, self.ways.look)
        self.indexing = Indexing(local, catalog)
        self.mounts = Mounts(paths.runtime_dir() / "mounts", local, fleet.local)
        self.statuses = Statuses(catalog, held_until=self.compaction.held_until, frozen=self.listings.why_frozen)

    def close(self) -> None:
        """Let go of the catalog."""
        self.catalog.close()

    def _speeds(self, repository: Repository) -> Speeds | None:
        """Borg encrypts where it reads: on the host, when that has one; else here."""
        return speeds(self._fleet.execs(repository.host))

    def _bare(self, folder: Path) -> LocalRunner:
        return LocalRunner(self.passphrases, folder, self.vaults.rsh, lambda: self.local.dialect, self.clock)

    def _clients(self, repository: Repository) -> Sequence[Client]:
        own = Client(self._fleet.local, [str(self.local.base(repository))], "this machine")
        if self._fleet.here(repository.host):
            return (own,)
        host = repository.host
        return (own, Client(self._fleet.execs(host), HOST_BASES, host, self._fleet.become(host)))

    def _machine(self, name: str) -> Exec | None:
        """A way to the machine whose Borg wrote a lock ("NAME@MACHINE-ID"); None: not known here.

        A name alone proves nothing, clones share it: the machine must have that id.
        """
        if name == host_id():
            return self._fleet.local
        host, _, identity = name.partition("@")
        if not identity or host not in self._fleet.hosts():
            return None
        way = self._fleet.execs(host)
        said = way.run(["cat", "/etc/machine-id"], timeout_seconds=15.0, limit_bytes=200)
        return way if said.stdout.strip().decode("ascii", "replace") == identity else None
