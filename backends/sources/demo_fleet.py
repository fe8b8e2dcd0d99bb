"""Who lives in the simulated fleet: names, hardware and the one thing that goes wrong on each troubled host.

A pod of forty hosts repeats, so that a fleet of any size holds every story and the same seed gives the same fleet.
"""

from __future__ import annotations

from typing import Literal

from backends.inventory.host import Host
from backends.metrics.sample import HostFacts, Record
from backends.states import HostState

Role = Literal["h100", "a100", "cpu", "login"]
Story = Literal[
    "training",
    "data-loader",
    "throttled",
    "ecc",
    "lost-gpu",
    "driver-hung",
    "idle-allocated",
    "idle",
    "batch",
    "disk-full",
    "storage-bound",
    "memory-full",
    "flapping",
    "stale",
    "timeout",
    "refused",
    "auth-failed",
    "key-unknown",
    "key-changed",
    "no-python",
    "users",
]

_POD: tuple[tuple[Role, Story], ...] = (
    *(("h100", story) for story in ("training", "data-loader", "throttled", "ecc", "lost-gpu", "driver-hung")),
    *(("h100", "training") for _ in range(8)),
    ("h100", "timeout"),
    ("h100", "idle"),
    *(("a100", story) for story in ("training", "idle-allocated", "auth-failed", "stale", "training", "flapping")),
    *(("a100", "training") for _ in range(5)),
    ("a100", "idle"),
    *(("cpu", story) for story in ("batch", "disk-full", "storage-bound", "key-unknown", "key-changed", "no-python")),
    ("cpu", "refused"),
    ("cpu", "memory-full"),
    *(("cpu", "batch") for _ in range(2)),
    *(("login", "users") for _ in range(2)),
)
"""What a pod is made of: 16 H100 nodes, 12 A100 nodes, 10 CPU nodes, 2 login nodes."""

_PREFIX: dict[Role, str] = {"h100": "dgx", "a100": "a100-", "cpu": "cpu", "login": "login"}


class DemoHost(Record, frozen=True, kw_only=True):
    """One simulated host."""

    index: int
    name: str
    role: Role
    story: Story
    tags: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()

    @property
    def gpu_count(self) -> int:
        """How many GPUs it has."""
        return {"h100": 8, "a100": 4, "cpu": 0, "login": 0}[self.role]

    @property
    def cpu_count(self) -> int:
        """How many cores it has."""
        return {"h100": 112, "a100": 64, "cpu": 48, "login": 16}[self.role]

    @property
    def memory_bytes(self) -> int:
        """How much main memory it has."""
        return {"h100": 2048, "a100": 1024, "cpu": 512, "login": 128}[self.role] << 30


def build(count: int) -> tuple[DemoHost, ...]:
    """A fleet of `count` hosts; a small one still holds one of each role where it can."""
    picks = _spread(count) if count < len(_POD) else [index % len(_POD) for index in range(count)]
    totals = {role: sum(_POD[pick][0] == role for pick in picks) for role in _PREFIX}
    seen = dict.fromkeys(_PREFIX, 0)
    hosts: list[DemoHost] = []
    for index, pick in enumerate(picks):
        role, story = _POD[pick]
        seen[role] += 1
        width = max(2, len(str(totals[role])))
        rack = f"rack{index // 8 + 1:02d}"
        tags = (role, rack) if role in ("cpu", "login") else (role, "gpu", rack)
        name = f"{_PREFIX[role]}{seen[role]:0{width}d}"
        hosts.append(DemoHost(index=index, name=name, role=role, story=story, tags=tags, parents=(f"{rack}-switch",)))
    return tuple(hosts)


def _spread(count: int) -> list[int]:
    """`count` places of the pod, evenly apart."""
    return [index * len(_POD) // count for index in range(count)]


def as_host(host: DemoHost) -> Host:
    """The host as the inventory shows it."""
    return Host(name=host.name, tags=host.tags, groups=(host.role,), parents=host.parents, origin="demo")


def facts(host: DemoHost, boot: int) -> HostFacts:
    """What the kit would tell about it; `boot` counts reboots."""
    model = {"h100": "Intel Xeon Platinum 8480C", "a100": "AMD EPYC 7763 64-Core Processor"}
    return HostFacts(
        hostname=host.name,
        boot_id=f"{host.index:08x}-de30-4000-8000-{boot:012x}",
        kernel="6.8.0-45-generic" if host.role != "login" else "6.1.0-26-amd64",
        system="Ubuntu 24.04.1 LTS" if host.role != "login" else "Debian GNU/Linux 12 (bookworm)",
        architecture="x86_64",
        cpu_model=model.get(host.role, "Intel Xeon Gold 6342"),
        cpu_count=host.cpu_count,
        memory_total_bytes=host.memory_bytes,
        python="3.12.3",
        user="root",
        kit_version="demo",
        machine_id=f"{host.index:032x}",
    )


DOWN: dict[Story, tuple[HostState, str, str]] = {
    "timeout": (HostState.UNREACHABLE, "no answer to TCP connect within 8 s", "check power and network of the host"),
    "refused": (HostState.UNREACHABLE, "connection refused on port 22", "is sshd running? try the console of the BMC"),
    "auth-failed": (
        HostState.AUTH_FAILED,
        "no key was accepted (tried: agent ED25519 SHA256:q0Zr…, ~/.ssh/id_rsa)",
        "add a public key to ~/.ssh/authorized_keys on the host",
    ),
    "key-unknown": (
        HostState.HOST_KEY_UNKNOWN,
        "host key is not in known_hosts",
        "compare the fingerprint, then accept",
    ),
    "key-changed": (
        HostState.HOST_KEY_CHANGED,
        "HOST KEY CHANGED: another key is on record",
        "reinstalled host or attack: compare the fingerprint out of band",
    ),
    "no-python": (HostState.NO_PYTHON, "no python3 on the host", "apt-get install -y python3"),
}
"""Stories of hosts that cannot be read: state, reason, hint."""
