"""What a healthy probe writes, frame by frame; tests change single items of it."""

from __future__ import annotations

import json
from typing import Any

from backends.hostkit.events import KitEvent
from backends.hostkit.reader import KitReader
from backends.metrics.sample import Sample

MAGIC = b"\nswarm-kit 1 ready\n"
HELLO: list[Any] = [
    "h",
    {
        "hostname": "gpu01",
        "boot_id": "2b1f7f3e-7d55-4a4e-9a39-0f4d2f0c7a11",
        "kernel": "6.8.0-45-generic",
        "system": "Ubuntu 24.04.1 LTS",
        "architecture": "x86_64",
        "cpu_model": "AMD EPYC 9354 32-Core Processor",
        "cpu_count": 2,
        "memory_total_bytes": 16 << 30,
        "python": "3.12.3",
        "user": "root",
        "kit_version": "0a1b2c3d",
        "machine_id": "5f0c1d2e3f405162738495a6b7c8d9e0",
        "virtualisation": "",
        "gpus": ["nvidia"],
        "nvidia_pci": 1,
        "interval": 1.0,
    },
]
DISK_NAMES: list[Any] = ["n", "disks", ["nvme0n1", "sda"]]
NIC_NAMES: list[Any] = ["n", "nics", ["eth0"]]
TABLE: list[Any] = [
    "t",
    100.0,
    312,
    2,
    1,
    3,
    [
        [4242, 8800, "R", 99.5, 512 << 20, 0, [1000, "python3", "python3 train.py", "/user.slice/session-3.scope"]],
        [77, 120, "D", 0.0, 8192, -5, [0, "nfsd", "", "/"]],
    ],
]
FILESYSTEMS: list[Any] = [
    "f",
    [
        ["/", "/dev/nvme0n1p2", "ext4", False, 1000, 600, 550, 64, 16, None],
        ["/data", "nas:/export", "nfs4", True, None, None, None, None, None, "no answer within 2 s"],
    ],
    None,
]
LINKS: list[Any] = ["l", [["eth0", True, 100000]]]
INFINIBAND: list[Any] = [
    "i",
    100.0,
    [["mlx5_0/1", "4: ACTIVE", "5: LinkUp", "400 Gb/sec (4X NDR)", 10, 20, 1, 0, 0, 0]],
]
TEMPERATURES: list[Any] = ["x", [["coretemp/Package id 0", 45000, 90000, 100000]]]
FREQUENCY: list[Any] = ["q", 3250.0]
USER: list[Any] = ["u", 1000, "ada"]
ABSENT: list[Any] = ["a", {"psi cpu": "No such file or directory"}]
GPU_HELLO: list[Any] = [
    "g",
    {
        "hello": 1,
        "way": "nvml",
        "driver": "580.95.05",
        "cuda": "13.0",
        "reason": None,
        "gpus": [[0, "nvidia", "GPU-1", "NVIDIA H100", "00000000:1b:00.0"]],
    },
]
GPU_FRAME: list[Any] = [
    "g",
    {
        "t": 1.0,
        "f": [[90, 55, 1 << 30, 58, 28, 72, 640.0, 1980, 2619, 0, 0, 5, 9, 3]],
        "p": [[[4242, 1 << 29, 0]]],
        "c": 0.5,
    },
]


def counters(**changes: Any) -> list[Any]:
    """A counters frame; `changes` replace items by their names in `backends.hostkit.frames.Counters`."""
    values: dict[str, Any] = {
        "sequence": 1,
        "monotonic": 100.0,
        "wall": 1.8e9,
        "uptime": 5000.0,
        "cost": [0.5, 10 << 20],
        "cpu": [100, 0, 50, 850, 0, 0, 0, 0],
        "cores": [12, 40],
        "running": 2,
        "blocked": 0,
        "load": [0.5, 0.4, 0.3],
        "cpu_pressure": [1.0, 0.5, None, None],
        "memory_pressure": [0.0, 0.0, 0.0, 0.0],
        "io_pressure": [2.0, 1.0, 1.0, 0.5],
        "memory": [16 << 20, 4 << 20, 8 << 20, 1, 2, 0, 0, 7, 3, 0, 0],
        "vm": [0, 0, 0],
        "disks": [[10, 100, 5, 20, 200, 9, 0, 50, 60], [1, 8, 1, 1, 8, 1, 0, 2, 2]],
        "nics": [[1000, 10, 0, 0, 2000, 20, 0, 0]],
    }
    assert not set(changes) - set(values), changes
    return ["s", *(values | changes).values()]


COUNTERS: list[Any] = counters()
EVERY_KIND: tuple[list[Any], ...] = (
    HELLO,
    DISK_NAMES,
    NIC_NAMES,
    COUNTERS,
    TABLE,
    FILESYSTEMS,
    LINKS,
    INFINIBAND,
    TEMPERATURES,
    FREQUENCY,
    USER,
    ABSENT,
    ["p", 1, 1.8e9],
    GPU_HELLO,
    GPU_FRAME,
    ["G", "hung", "the GPU driver does not answer"],
    ["e", "Traceback (most recent call last): …"],
)


def wire(*frames: object) -> bytes:
    """The frames as lines."""
    return b"".join(json.dumps(frame).encode() + b"\n" for frame in frames)


class Steady:
    """Both clocks of a reader in a test; they move only when told to."""

    def __init__(self) -> None:
        self.wall = 1.8e9
        self.monotonic = 1000.0

    def pass_(self, seconds: float) -> None:
        """Let time pass on both."""
        self.wall += seconds
        self.monotonic += seconds


class Listening:
    """A reader past the magic line."""

    def __init__(self, *frames: object) -> None:
        self.clock = Steady()
        self.reader = KitReader(lambda: self.clock.wall, lambda: self.clock.monotonic)
        assert self.reader.feed(MAGIC) == []
        self.said(*frames)

    def said(self, *frames: object) -> list[KitEvent]:
        """The events of some frames."""
        return self.reader.feed(wire(*frames))

    def sample(self, *frames: object) -> Sample:
        """The last sample of some frames."""
        return [event for event in self.said(*frames) if isinstance(event, Sample)][-1]
