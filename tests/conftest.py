"""What holds for every test: a home of its own, no network beyond this machine, no thread left behind.

Whoever breaks one of these would otherwise break another test, somewhere else, at random.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from backends.errors import RetryLater
from tests.lab import machine
from tests.lab.fleet import DEFAULT_LAYER, Lab, claim

settings.register_profile(
    "swarm",
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=bool(os.environ.get("CI")),
)
settings.load_profile("swarm")
"""A busy machine is no failure; CI looks at the same examples every time, developers at new ones."""

HERE = ("127.0.0.0/8", "::1/128", "10.99.0.0/16")
"""Loopback and the lab (tests.lab.network)."""
NETWORKS = tuple(ipaddress.ip_network(each) for each in HERE)
UMASK = 0o022
"""What the tests plant gets the modes of an ordinary host, whatever whoever runs them has (077 on hardened machines)."""
os.umask(UMASK)
THREAD_GRACE_SECONDS = 15.0
"""A thread that was told to end may still be on its way out when the test returns."""
XDG = {
    "XDG_CONFIG_HOME": "config",
    "XDG_STATE_HOME": "state",
    "XDG_CACHE_HOME": "cache",
    "XDG_DATA_HOME": "data",
    "XDG_RUNTIME_DIR": "run",
}
FORGOTTEN = (
    "SSH_AUTH_SOCK",
    "SSH_CONNECTION",
    "SSH_CLIENT",
    "NO_COLOR",
    "COLORTERM",
    "TMUX",
    "BORG_REPO",
    "BORG_PASSPHRASE",
)
"""Settings of whoever runs the tests that must not reach them."""


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """HOME and the XDG directories are new and empty for every test; so is the engine's socket, therefore."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    for name, directory in XDG.items():
        place = home / directory
        place.mkdir(mode=0o700)
        monkeypatch.setenv(name, str(place))
    for name in (*FORGOTTEN, *(each for each in os.environ if each.startswith("SWARM_TUI_"))):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def _usual_umask() -> Iterator[None]:
    """Programs of the kit narrow theirs, as they should in a process of their own; here they run in this one."""
    yield
    os.umask(UMASK)


@pytest.fixture(autouse=True, scope="session")
def _sshd_can_judge() -> None:
    """sshd judges no configuration without the directory that its service makes; where no service ran there is none."""
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)


class OutsideReached(AssertionError):
    """A test tried to reach a machine that is neither this one nor in the lab."""


@pytest.fixture(autouse=True, scope="session")
def _no_outside() -> Iterator[None]:
    """Connecting anywhere but to this machine and the lab fails, with the address in the message."""
    real = socket.socket.connect

    def connect(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not is_here(str(address[0])):
            raise OutsideReached(f"a test tried to reach {address}")
        real(self, address)

    patch = pytest.MonkeyPatch()
    patch.setattr(socket.socket, "connect", connect)
    yield
    patch.undo()


def is_here(address: str) -> bool:
    """Whether an address is this machine's or the lab's; a name that is not an address is neither."""
    if address in ("localhost", ""):
        return True
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    return any(found in network for network in NETWORKS)


@pytest.fixture(autouse=True)
def _no_thread_left() -> Iterator[None]:
    """A test that leaves a thread running which would keep the process alive has failed."""
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + THREAD_GRACE_SECONDS
    while left := [thread for thread in threading.enumerate() if thread not in before and not thread.daemon]:
        if time.monotonic() > deadline:
            pytest.fail(f"threads left running: {', '.join(thread.name for thread in left)}", pytrace=False)
        time.sleep(0.02)


@pytest.fixture(scope="session")
def checkout() -> Path:
    """The top directory of the source tree."""
    return Path(__file__).resolve().parent.parent


LAB_HOSTS = 8
GPU_HOST, POOR_HOST = "lab7", "lab8"
"""One host of the lab has eight simulated GPUs, one has python3-minimal alone."""
LAB_NAMES = ("test1", "test2", "test3", "test4", "test5", "test6")
"""Names for the labs of test runs that go on at the same time; a run may hold two."""
IN_CI = os.environ.get("CI", "").lower() not in ("", "0", "false")


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """Eight real systemd hosts, fresh, for the whole run; a test leaves them as it found them."""
    with standing(LAB_HOSTS, layers={POOR_HOST: "min"}, with_gpus=[GPU_HOST]) as fleet:
        yield fleet


@contextmanager
def standing(
    count: int,
    *,
    layer: str = DEFAULT_LAYER,
    layers: Mapping[str, str] = {},
    with_gpus: Sequence[str] = (),
    with_kernel: Sequence[str] = (),
) -> Iterator[Lab]:
    """A fresh lab of its own with `count` hosts (see Lab.up), gone afterwards. Skips where no lab can stand."""
    _skip_without_lab()
    ground, handle = claim(LAB_NAMES)
    fleet = Lab(ground)
    try:
        fleet.clear()  # what a killed run may have left
        _prepare_trees(fleet, {layer, *layers.values()})
        fleet.up(count, layer=layer, layers=layers, with_gpus=with_gpus, with_kernel=with_kernel)
        yield fleet
    finally:
        fleet.clear()
        os.close(handle)


def _skip_without_lab() -> None:
    """Skip where the lab cannot stand. In CI what only has to be installed must be there: that is a failure."""
    gaps = machine.missing()
    words = "; ".join(gap.what for gap in gaps)
    if gaps and IN_CI and all(gap.package for gap in gaps):
        pytest.fail(f"the lab could stand here but for: {words}; run scripts/setup", pytrace=False)
    if gaps:
        pytest.skip(f"no lab: {words}")


def _prepare_trees(fleet: Lab, layers: Iterable[str]) -> None:
    try:
        for layer in layers:
            fleet.trees.prepare(layer, fleet.say)
    except RetryLater as error:
        pytest.skip(f"no lab: {error}")
