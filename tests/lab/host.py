"""One host of the lab: its layers mounted, its firmware running, its first process found.

A host is a systemd of its own in an nspawn container: real units, real sshd, real reboots with a new boot id. What
is not real: the kernel, its /sys and most of /proc belong to this machine.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from backends.errors import RetryLater, Stop
from tests.lab import cgroups, identity
from tests.lab.commands import attempt, run
from tests.lab.ground import Ground
from tests.lab.network import BRIDGE
from tests.lab.processes import alive, first_process, kill
from tests.lab.trees import Trees

FIRMWARE = Path(__file__).with_name("firmware.sh")
STOP_SECONDS = 60.0
SSH_OPTIONS = ("-o", "BatchMode=yes", "-o", "ConnectTimeout=15", "-o", "ControlMaster=no")
"""OpenSSH counts the key exchange as connecting; on a machine that boots eight hosts at once it takes seconds."""
COMMAND_SECONDS = 60.0
SETTLE_SECONDS = 120.0
BOOTED = ("running", "degraded")


@dataclass(frozen=True)
class LabHost:
    """One host, running or not."""

    ground: Ground
    name: str

    @property
    def place(self) -> Path:
        """Everything this machine keeps of the host."""
        return self.ground.hosts / self.name

    @property
    def root(self) -> Path:
        """Its root file system, mounted while it runs."""
        return self.place / "root"

    @property
    def address(self) -> str:
        return self.ground.address(self.name)

    @property
    def groups(self) -> cgroups.Groups:
        return cgroups.Groups(cgroups.this_machine(), self.ground.name, self.name)

    @property
    def layer(self) -> str:
        return (self.place / "layer").read_text().strip()

    @property
    def has_gpus(self) -> bool:
        """Whether it was given simulated GPUs."""
        return any("nvidia" in flag for flag in self._binds())

    def create(self, trees: Trees, layer: str) -> None:
        """Make the host's own files, unless they are there."""
        if (self.place / "layer").exists():
            return
        shutil.rmtree(self.place, ignore_errors=True)
        for name in ("upper", "work", "root"):
            (self.place / name).mkdir(parents=True)
        identity.write(self.ground, self.name, trees.lower(layer), self.place / "upper")
        identity.boot_image(self.ground, self.place / "boot.img")
        (self.place / "layer").write_text(f"{layer}\n")

    def bind(self, source: Path, target: str, *, writable: bool = False) -> None:
        """From the next power-on, show a file of this machine at `target` on the host."""
        flag = f"--bind{'' if writable else '-ro'}={source}:{target}"
        (self.place / "binds").write_text(json.dumps(sorted({*self._binds(), flag})))

    def power_on(self, trees: Trees) -> None:
        """Start the firmware; returns at once."""
        if self.is_on():
            return
        self._mount(trees)
        (self.place / "off").unlink(missing_ok=True)
        files = [str(path) for path in self.groups.create()]
        argv = ["bash", str(FIRMWARE), str(self.place), str(self.ground.namespace_path), *files, "--", *self._nspawn()]
        quiet = subprocess.DEVNULL
        firmware = subprocess.Popen(argv, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True)
        (self.place / "firmware.pid").write_text(f"{firmware.pid}\n")
        firmware.returncode = 0  # it outlives this process on purpose; nobody waits for it

    def power_off(self) -> None:
        """End every process of the host and take its file systems away; nothing happens when it is off."""
        if not self.place.is_dir():
            return
        (self.place / "off").touch()
        if self.is_on():
            self.groups.thaw()
        self._end_processes()
        for place in (self.root / "boot", self.root):
            if place.is_mount():
                run(["umount", "--lazy", str(place)])
        self.groups.remove()
        (self.place / "firmware.pid").unlink(missing_ok=True)

    def is_on(self) -> bool:
        """Whether the firmware runs."""
        return self.firmware() is not None

    def leader(self) -> int | None:
        """This machine's number of the host's first process; None while there is none."""
        container = self.container()
        return first_process(container) if container else None

    def firmware(self) -> int | None:
        """This machine's number of the loop that starts the host again; None while the host is off."""
        return alive(self.place / "firmware.pid", str(self.root))

    def container(self) -> int | None:
        """This machine's number of the host's systemd-nspawn."""
        return alive(self.place / "nspawn.pid", str(self.root))

    def boot_id(self) -> str | None:
        """The id of the host's present boot, read from outside; None while it is down."""
        pid = self.leader()
        if pid is None:
            return None
        done = attempt(["nsenter", "-t", str(pid), "-m", "-p", "cat", "/proc/sys/kernel/random/boot_id"])
        return done.stdout.strip() or None

    def inside(self, argv: Sequence[str], timeout_seconds: float = COMMAND_SECONDS) -> subprocess.CompletedProcess[str]:
        """Run `argv` on the host without SSH. Raises RetryLater while it is down."""
        pid = self.leader()
        if pid is None:
            raise RetryLater("is down", host=self.name, action=argv[0])
        return attempt(["nsenter", "-t", str(pid), "-a", *argv], timeout_seconds=timeout_seconds)

    def does(self, *argv: str, timeout_seconds: float = COMMAND_SECONDS) -> str:
        """The output of `argv`, run on the host without SSH. Raises Stop when it fails, RetryLater while it is down."""
        done = self.inside(argv, timeout_seconds)
        if done.returncode:
            raise Stop(f"{' '.join(argv)}: {done.returncode}: {(done.stderr or done.stdout).strip()}", host=self.name)
        return done.stdout

    def settle(self, timeout_seconds: float = SETTLE_SECONDS) -> None:
        """Wait until its boot is over: everything that was to be started has been. Raises RetryLater."""
        deadline = time.monotonic() + timeout_seconds
        while self.inside(["systemctl", "is-system-running"]).stdout.strip() not in BOOTED:
            if time.monotonic() > deadline:
                raise RetryLater("does not come to the end of its boot", host=self.name, action="wait for it")
            time.sleep(0.1)

    def ssh_argv(self, command: Sequence[str]) -> list[str]:
        """The argv of a plain OpenSSH client that runs `command` (words as ssh joins them) on the host."""
        return ["ssh", "-F", str(self.ground.ssh_config), *SSH_OPTIONS, self.name, *command]

    def ssh(self, *command: str, timeout_seconds: float = COMMAND_SECONDS) -> subprocess.CompletedProcess[str]:
        """Run `command` on the host through OpenSSH."""
        return attempt(self.ssh_argv(command), timeout_seconds=timeout_seconds)

    def _nspawn(self) -> list[str]:
        own = ["systemd-nspawn", "--quiet", f"--directory={self.root}", "--boot", "--register=no", "--keep-unit"]
        named = [f"--machine={self.name}", f"--hostname={self.name}", f"--network-bridge={BRIDGE}"]
        plain = [
            "--console=pipe",
            "--kill-signal=SIGRTMIN+3",
            "--resolv-conf=off",
            "--timezone=off",
            "--link-journal=no",
        ]
        return [*own, *named, *plain, *self._binds()]

    def _binds(self) -> list[str]:
        file = self.place / "binds"
        found: list[str] = json.loads(file.read_text()) if file.exists() else []
        return found

    def _mount(self, trees: Trees) -> None:
        if self.root.is_mount():
            return
        lower = ":".join(str(tree) for tree in trees.lower(self.layer))
        options = f"lowerdir={lower},upperdir={self.place / 'upper'},workdir={self.place / 'work'}"
        run(["mount", "-t", "overlay", "overlay", "-o", options, str(self.root)])
        run(["mount", "-o", "loop", str(self.place / "boot.img"), str(self.root / "boot")])

    def _end_processes(self) -> None:
        deadline = time.monotonic() + STOP_SECONDS
        while self.is_on() and time.monotonic() < deadline:
            if (pid := self.leader() or self.container()) is not None:
                kill(pid)
            time.sleep(0.05)
        for pid in (self.firmware(), self.container()):
            if pid is not None:
                kill(pid)
