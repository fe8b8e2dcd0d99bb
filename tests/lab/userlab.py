"""The tier-1 lab: one unprivileged sshd per host, each on its own loopback address, on this machine.

A host is an address, a host key, a directory of shims in front of PATH and whatever sshd options a test wants. It can
be hung (SIGSTOP, with everything that it runs), crashed, restarted and given a new key. Works as root and as anybody.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from backends.config.schema import SshConfig
from backends.inventory.host import Host

SSHD = shutil.which("sshd") or "/usr/sbin/sshd"
START_SECONDS = 40.0
PYTHON_NAMES = ("python3", *(f"python3.{minor}" for minor in range(6, 16)))


def available() -> bool:
    """Whether this machine can run the lab."""
    return Path(SSHD).exists() and shutil.which("ssh-keygen") is not None


def keygen(path: Path, *arguments: str, passphrase: str = "") -> None:
    """Make a key pair (ed25519 unless told otherwise)."""
    kind = () if "-t" in arguments else ("-t", "ed25519")
    path.unlink(missing_ok=True)
    subprocess.run(["ssh-keygen", "-q", *kind, "-N", passphrase, "-f", str(path), *arguments], check=True)


def descendants(pid: int) -> list[int]:
    """`pid` and every process below it."""
    found = [pid]
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += descendants(int(child))
    return found


class UserHost:
    """One host of the lab."""

    def __init__(self, name: str, address: str, port: int, home: Path, authorized: Path):
        self.name = name
        self.address = address
        self.port = port
        self.home = home
        self.options: list[str] = []
        """Further lines of its sshd_config; take effect at the next start."""
        self._authorized = authorized
        self._process: subprocess.Popen[bytes] | None = None
        (home / "bin").mkdir(parents=True)
        keygen(home / "key")
        self.login_shell('[ -n "$SSH_ORIGINAL_COMMAND" ] || exec /bin/sh; exec /bin/sh -c "$SSH_ORIGINAL_COMMAND"')

    @property
    def log(self) -> str:
        """What its sshd has said so far."""
        path = self.home / "sshd.log"
        return path.read_text("utf-8", "replace") if path.exists() else ""

    @property
    def public_key(self) -> str:
        """Kind and base64 of its host key."""
        return " ".join((self.home / "key.pub").read_text().split()[:2])

    @property
    def known_hosts_line(self) -> str:
        """Its line of a known_hosts file."""
        return f"[{self.address}]:{self.port} {self.public_key}"

    def shim(self, name: str, script: str) -> None:
        """Put a program in front of PATH: the body of a /bin/sh script."""
        path = self.home / "bin" / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def without_python(self) -> None:
        """Make every python3 that the kit looks for look broken."""
        for name in PYTHON_NAMES:
            self.shim(name, "exit 127")

    def login_shell(self, script: str) -> None:
        """Run `script` (a /bin/sh body) instead of the login shell; it finds the command in $SSH_ORIGINAL_COMMAND.

        The real shell's start-up files may put anything in front of PATH, so it is set again here.
        """
        self.shim("login-shell", f"PATH={self._path}; export PATH\n{script}")

    @property
    def _path(self) -> str:
        return f"{self.home}/bin:/usr/local/bin:/usr/bin:/bin"

    def start(self) -> None:
        """Start its sshd and wait until it listens."""
        lines = [
            *self.options,
            f"ListenAddress {self.address}:{self.port}",
            f"HostKey {self.home}/key",
            f"PidFile {self.home}/sshd.pid",
            f"AuthorizedKeysFile {self._authorized}",
            "StrictModes no",
            "UsePAM no",
            "PermitRootLogin yes",
            "PasswordAuthentication no",
            "KbdInteractiveAuthentication no",
            "MaxStartups 200",
            "PrintMotd no",
            "LogLevel VERBOSE",
            f"SetEnv LAB_HOST={self.name} HOME={self.home} PATH={self._path}",
            f"ForceCommand exec {self.home}/bin/login-shell",
        ]
        config = self.home / "sshd_config"
        config.write_text("\n".join(lines) + "\n")
        (self.home / "sshd.log").write_text("")
        self._process = subprocess.Popen(
            [SSHD, "-D", "-f", str(config), "-E", str(self.home / "sshd.log")],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._await()

    def hang(self) -> None:
        """Stop it and everything that it runs: TCP still answers, nothing else does."""
        self._signal(signal.SIGSTOP)

    def wake(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def crash(self) -> None:
        """Kill it and everything that it runs."""
        self._signal(signal.SIGKILL)
        if self._process:
            self._process.wait(30)
        self._process = None

    def restart(self, *, new_key: bool = False) -> None:
        """Crash and start again, with another host key if wanted."""
        self.crash()
        if new_key:
            keygen(self.home / "key")
        self.start()

    def sessions(self) -> list[int]:
        """Processes that run for its clients."""
        return descendants(self._process.pid)[1:] if self._process else []

    def host(self, **changes: object) -> Host:
        """As the inventory would have it."""
        fields: dict[str, object] = {"name": self.name, "address": self.address, "port": self.port, **changes}
        return Host(**fields)  # type: ignore[arg-type]

    def _signal(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        for pid in descendants(self._process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def _await(self) -> None:
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            if "Server listening" in self.log:
                return
            if self._process and self._process.poll() is not None:
                break
            time.sleep(0.01)
        raise RuntimeError(f"{self.name}: sshd does not start: {self.log}")


class Fleet:
    """Some hosts that share an authorised key and a known_hosts file."""

    def __init__(self, root: Path):
        self.root = root
        self.key = root / "id"
        self.authorized = root / "authorized_keys"
        self.known_hosts = root / "known_hosts"
        self.hosts: list[UserHost] = []
        # a random network, so that several labs can run at once
        self._network = f"127.{random.randint(20, 220)}.{random.randint(1, 250)}"
        keygen(self.key)
        shutil.copy(self.key.with_suffix(".pub"), self.authorized)
        self.known_hosts.touch()

    @classmethod
    @contextlib.contextmanager
    def up(cls, count: int, *, start: bool = True) -> Iterator[Fleet]:
        """A fleet of hosts h1 … hN; everything is gone afterwards. With start=False a test prepares them first."""
        if os.getuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)  # sshd wants its privilege separation directory
        root = Path(tempfile.mkdtemp(prefix="swarm-userlab-"))
        fleet = cls(root)
        try:
            for _ in range(count):
                host = fleet.add()
                if start:
                    host.start()
            yield fleet
        finally:
            for host in fleet.hosts:
                host.wake()
                host.crash()
            shutil.rmtree(root, ignore_errors=True)

    def add(self, *, known: bool = True) -> UserHost:
        """One more host, not started; `known` records its key."""
        number = len(self.hosts) + 1
        name, address = f"h{number}", f"{self._network}.{number}"
        host = UserHost(name, address, _free_port(address), self.root / name, self.authorized)
        self.hosts.append(host)
        if known:
            self.know(host)
        return host

    def know(self, host: UserHost) -> None:
        """Record the host's key."""
        with self.known_hosts.open("a") as file:
            file.write(host.known_hosts_line + "\n")

    def __getitem__(self, name: str) -> UserHost:
        return next(host for host in self.hosts if host.name == name)

    def inventory(self, names: Sequence[str] = ()) -> list[Host]:
        """The hosts as the inventory would have them."""
        return [host.host() for host in self.hosts if not names or host.name in names]

    def ssh(self, **changes: object) -> SshConfig:
        """An `[ssh]` table that reaches them, reading nothing of the user's."""
        fields: dict[str, object] = {
            "user": getpass.getuser(),
            "config_file": "none",
            "identity_files": (str(self.key),),
            "known_hosts_files": (str(self.known_hosts),),
            **changes,
        }
        return SshConfig(**fields)  # type: ignore[arg-type]


def _free_port(address: str) -> int:
    with socket.socket() as sock:
        sock.bind((address, 0))
        return int(sock.getsockname()[1])
