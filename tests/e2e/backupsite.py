"""One host with data behind real SSH, a repository beside the engine, and a way to it over a second machine."""

from __future__ import annotations

import contextlib
import getpass
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import msgspec

from backends.backups.hosted import Place
from backends.backups.push import Keys, PushRunner
from backends.backups.relay import RelayRunner
from backends.backups.vault import Vaults
from backends.clock import SystemClock
from backends.execution import Channels, Exec
from backends.sources.local_exec import LocalExec
from backends.sources.ssh import SshSource
from backends.states import HostState
from tests.e2e.sshwatch import Watcher
from tests.lab.userlab import Fleet, UserHost
from tests.unit.backups.borgfield import BORG, PASSPHRASE, Field, dialect, until

MIB = 1 << 20


class Site:
    """h1 with data, watched over SSH; a repository beside the engine, and one on h2 that is reached by the OpenSSH client."""

    def __init__(self, folder: Path, fleet: Fleet, source: SshSource, watcher: Watcher):
        self.fleet, self.source, self.watcher = fleet, source, watcher
        self.host = fleet["h1"]
        self.field = Field(folder)
        self.data = self.host.home / "data"
        self.data.mkdir()
        self.vault = fleet["h2"]
        there = f"ssh://{getpass.getuser()}@{self.vault.address}:{self.vault.port}{self.field.place}"
        self.remote = msgspec.structs.replace(self.field.repository, location=there)
        self.vaults = Vaults(self._ssh, LocalExec("engine"))
        self.keys = Keys(SystemClock(), file=str(fleet.authorized))

    def _ssh(self, user: str, host: str, port: int | None) -> tuple[str, ...]:
        options = ("-F", "none", "-i", str(self.fleet.key), "-o", f"UserKnownHostsFile={self.fleet.known_hosts}")
        return ("ssh", *options, "-o", "GlobalKnownHostsFile=/dev/null", "-l", user, "-p", str(port))

    @property
    def channels(self) -> Channels:
        found = self.source.channels("h1")
        assert found is not None
        return found

    @property
    def way(self) -> Exec:
        found = self.source.exec("h1")
        assert found is not None
        return found

    @property
    def place(self) -> Place:
        return Place(host="h1", channels=self.channels, way=self.way, become="none", program=BORG)

    def relay(self) -> RelayRunner:
        return RelayRunner(
            self.place,
            self.vaults.serve,
            self.field.passphrases,
            dialect,
            self.field.folder / "serve",
            SystemClock(),
        )

    def push(self) -> PushRunner:
        return PushRunner(self.place, self.vaults, self.keys, self.field.passphrases, dialect, SystemClock())

    def fill(self, mib: int) -> Path:
        path = self.data / "big"
        path.write_bytes(os.urandom(mib * MIB))
        return path

    def cut(self) -> None:
        """The connection ends; what runs on the host is not touched."""
        for pid in self.host.sessions():
            if Path(f"/proc/{pid}/cmdline").read_bytes().startswith((b"sshd: ", b"sshd-session: ")):
                os.kill(pid, signal.SIGKILL)

    def clean(self) -> None:
        """Nothing of a run is on the host but Borg's caches, and those hold no secret."""
        root = self.host.home / "root"
        until(lambda: not list((root / "run").iterdir()))
        until(lambda: not borgs(self.host))
        until(lambda: not self.field.locks() and not list(root.rglob("lock.exclusive")))
        for path in self.host.home.rglob("*"):
            if path.is_file() and not path.is_relative_to(self.data) and path.name != "key":
                data = path.read_bytes()
                assert PASSPHRASE not in data, path
                assert b"BORG_KEY" not in data and b"PRIVATE KEY" not in data, path


def borgs(host: UserHost) -> list[int]:
    """Processes of Borg, and of the kit's program that runs it, on a host."""
    found = []
    for place in Path("/proc").iterdir():
        try:
            said = (place / "environ").read_bytes() if place.name.isdigit() else b""
            state = (place / "stat").read_text().rpartition(")")[2].split()[0] if said else "Z"
            words = (place / "cmdline").read_bytes() + (place / "comm").read_bytes() if said else b""
        except OSError:
            continue
        if b"borg" in words and f"BORGROOT={host.home}".encode() in said and state not in "ZX":
            found.append(int(place.name))
    return found


@contextlib.contextmanager
def standing(fleet: Fleet, folder: Path) -> Iterator[Site]:
    """A site on a fleet of one running host; its own directories are below the host's home, whoever runs it."""
    host, vault = fleet["h1"], fleet.add()
    vault.options.append("ForceCommand none")
    vault.start()
    root = host.home / "root"
    (root / "run").mkdir(parents=True)
    (root / "var" / "cache").mkdir(parents=True)
    host.login_shell(
        f"BORGROOT={root}; XDG_RUNTIME_DIR={root}/run; XDG_CACHE_HOME={root}/var/cache; "
        "export BORGROOT XDG_RUNTIME_DIR XDG_CACHE_HOME\n"
        'exec /bin/sh -c "$SSH_ORIGINAL_COMMAND"'
    )
    watcher = Watcher()
    source = SshSource([host.host()], fleet.ssh(silence_seconds=4.0), interval_seconds=0.3)
    source.start(watcher)
    try:
        watcher.until_state("h1", HostState.UP)
        yield Site(folder, fleet, source, watcher)
    finally:
        source.stop()
