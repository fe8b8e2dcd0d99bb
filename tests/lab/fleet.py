"""The lab as one thing: hosts made and started together, waited for, looked at, taken away again."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import time
from collections.abc import Callable, Mapping, Sequence

from backends.errors import BadInput, RetryLater
from tests.lab import attach, gpus, kernel, machine, network
from tests.lab.commands import run
from tests.lab.ground import MOST_HOSTS, Ground, host_name
from tests.lab.host import LabHost
from tests.lab.trees import Say, Trees, trees

BOOT_SECONDS = 180.0
"""A host boots in 1.4 s on a quiet machine; eight at once on a loaded one were measured at 27 s."""
DEFAULT_LAYER = "std"


def silent(_line: str) -> None:
    """Tells nobody."""


class Lab:
    """One fleet of real systemd hosts on this machine."""

    def __init__(self, ground: Ground | None = None, say: Say = silent):
        self.ground = ground or Ground()
        self.say = say
        self.trees: Trees = trees(self.ground.trees)

    def up(
        self,
        count: int,
        *,
        layer: str = DEFAULT_LAYER,
        layers: Mapping[str, str] = {},
        with_gpus: Sequence[str] = (),
        with_kernel: Sequence[str] = (),
    ) -> dict[str, float]:
        """Make and start lab1 … labCOUNT and wait for their sshd; returns the seconds each took.

        Args:
            count: hosts in all.
            layer: the kind of host, for those not in `layers`.
            layers: the kind of single hosts, by name.
            with_gpus: hosts that get eight simulated GPUs.
            with_kernel: hosts that get a kernel log of their own.

        Raises:
            AskOperator: this machine cannot, or lacks programs.
            RetryLater: a host did not come up.
            Stop: something the lab is made of could not be made.
        """
        if not 1 <= count <= MOST_HOSTS:
            raise BadInput(f"{count} hosts", hint=f"1 … {MOST_HOSTS}")
        machine.require()
        machine.allow_inotify()
        kinds = {host_name(n): layers.get(host_name(n), layer) for n in range(1, count + 1)}
        for kind in dict.fromkeys(kinds.values()):
            self.trees.prepare(kind, self.say)
        self._prepare_ground()
        hosts = [self._create(name, kind, name in with_gpus, name in with_kernel) for name, kind in kinds.items()]
        attach.write(self.ground, self.hosts())
        self.say(f"starting {count} hosts")
        for host in hosts:
            host.power_on(self.trees)
        return wait_until_answering(hosts, BOOT_SECONDS)

    def host(self, name: str) -> LabHost:
        """A host that exists. Raises BadInput otherwise."""
        if name not in self.ground.host_names():
            raise BadInput(f"no host {name!r} in lab {self.ground.name!r}", hint=f"python -m tests.lab up {name[3:]}")
        return LabHost(self.ground, name)

    def hosts(self) -> list[LabHost]:
        """Every host, running or not."""
        return [LabHost(self.ground, name) for name in self.ground.host_names()]

    def start(self, name: str) -> None:
        """Power on a host that is off, and wait for its sshd."""
        host = self.host(name)
        host.power_on(self.trees)
        wait_until_answering([host], BOOT_SECONDS)

    def down(self) -> None:
        """Stop everything and take the network away; the hosts keep their files. Raises Stop when something stays."""
        for host in self.hosts():
            host.power_off()
        network.destroy(self.ground)

    def clear(self) -> None:
        """`down`, and forget the hosts."""
        self.down()
        shutil.rmtree(self.ground.fleet, ignore_errors=True)

    def wipe(self) -> None:
        """`clear`, and delete the shared trees as well."""
        self.clear()
        shutil.rmtree(self.ground.trees, ignore_errors=True)

    def _prepare_ground(self) -> None:
        self.ground.hosts.mkdir(parents=True, exist_ok=True)
        self.ground.fleet.chmod(0o755)
        network.build(self.ground)
        if not self.ground.key.exists():
            run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", str(self.ground.key)])

    def _create(self, name: str, layer: str, with_gpus: bool, with_kernel: bool) -> LabHost:
        host = LabHost(self.ground, name)
        host.create(self.trees, layer)
        if with_gpus and not host.is_on():
            gpus.give(host, gpus.library(self.ground.trees))
        if with_kernel and not host.is_on():
            kernel.give(host)
        return host


def wait_until_answering(hosts: Sequence[LabHost], timeout_seconds: float) -> dict[str, float]:
    """Wait for every host's sshd; returns the seconds each took. Raises RetryLater naming those that did not answer."""
    start = time.monotonic()
    took: dict[str, float] = {}
    while len(took) < len(hosts):
        for host in hosts:
            if host.name not in took and answers(host.address):
                took[host.name] = time.monotonic() - start
        if time.monotonic() - start > timeout_seconds:
            late = [host for host in hosts if host.name not in took]
            names = ", ".join(host.name for host in late)
            raise RetryLater(
                f"no sshd on {names} after {timeout_seconds:.0f} s", hint=f"see {late[0].place}/console.log"
            )
        time.sleep(0.1)
    return took


def answers(address: str) -> bool:
    """Whether an sshd shows its banner; a TCP connect alone says little: the kernel accepts for a frozen process."""
    try:
        with socket.create_connection((address, 22), timeout=1.0) as link:
            return link.recv(4) == b"SSH-"
    except OSError:
        return False


def until(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether something becomes true within that time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def claim(names: Sequence[str]) -> tuple[Ground, int]:
    """The first of several lab names that no other process holds, and the handle that holds it until closed.

    Raises:
        RetryLater: all are held.
    """
    for name in names:
        ground = Ground(name)
        ground.home.mkdir(parents=True, exist_ok=True)
        handle = os.open(ground.home / f".{name}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            continue
        return ground, handle
    raise RetryLater("every lab name is in use", action="start a lab", hint=f"one of {', '.join(names)} must end first")
