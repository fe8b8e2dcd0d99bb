"""Triage of the simulated fleet: what a host of its story would answer, judged, compared and kept as a real one."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Protocol

from backends.clock import Clock, utc
from backends.errors import RetryLater, SkipHost
from backends.execution import Exec
from backends.hostkit.travel import Become
from backends.hostkit.triage_answer import Section, TriageAnswer
from backends.sources.demo_fleet import DemoHost, Story
from backends.triage.ask import judge
from backends.triage.context import Context
from backends.triage.model import Bundle

ANSWER_SECONDS = 1.5
STUCK_SECONDS = 4.0
QUERY = (
    "nvidia-smi --query-gpu=index,uuid,pci.bus_id,name,temperature.gpu,memory.total,clocks_event_reasons.active,"
    "ecc.errors.uncorrected.volatile.total,pcie.link.width.current,pcie.link.width.max,remapped_rows.pending "
    "--format=csv,noheader,nounits"
)
_STEPS = {
    "system": 1, "boots": 1, "who": 1, "kernel.log": 2, "pci": 3, "nvidia.version": 3, "gpu.fields": 4, "gpu": 4, "waiting": 5,
    "pressure": 5, "memory": 5, "processes": 5, "mounts": 6, "space": 6, "units.failed": 7, "units": 7, "nics": 8,
    "infiniband": 8, "package.log": 9, "versions": 9, "boot": 9,
}  # fmt: skip
_DRIVER = "570.86.15"
_TB = 1 << 30
"""Kilobytes of a terabyte."""


class Source(Protocol):
    """The simulated fleet."""

    @property
    def fleet(self) -> Sequence[DemoHost]:
        """Its hosts."""

    def unreachable(self, host: str) -> str:
        """Why a host cannot be asked; "" when it can."""


class DemoAsk:
    """In the place of `backends.triage.ask.triage`."""

    def __init__(self, source: Source):
        self._source = source
        self._hosts = {host.name: host for host in source.fleet}

    def __call__(
        self, host: Exec, become: Become, clock: Clock, context: Context | None = None, *, reason: str = "asked"
    ) -> Bundle:
        """Raises RetryLater: there is no way to it; SkipHost: it has no python3."""
        known, asked = self._hosts[host.host], clock.now()
        if why := self._source.unreachable(known.name):
            if known.story == "no-python":
                raise SkipHost(why, host=known.name, hint="apt-get install -y python3")
            raise RetryLater(why, host=known.name, action="triage", hint="R on the host tries to connect")
        clock.wait(threading.Event(), STUCK_SECONDS if known.story == "driver-hung" else ANSWER_SECONDS)
        seconds = clock.now() - asked
        return judge(answer(known, asked), known.name, context or Context(), time=asked, seconds=seconds, reason=reason)


def answer(host: DemoHost, now: float) -> TriageAnswer:
    """What the host says at a moment."""
    texts = _texts(host, now)
    sections = [Section(step=_STEPS[name], name=name, kind="done", text=text) for name, text in texts.items()]
    sections += _gpu(host)
    return TriageAnswer(
        begin=now, end=now + 1.0, root=True, sections=tuple(sorted(sections, key=lambda each: each.step))
    )


def _texts(host: DemoHost, now: float) -> Mapping[str, str]:
    full = 99 if host.story == "disk-full" else 41
    free = 2 if host.story == "memory-full" else 55
    uptime = (host.index % 90 + 2) * 86_400
    return {
        "system": f"time {now:.1f}\nuptime {uptime}\nboot_id {host.index:08x}-de30\nkernel 6.8.0-45-generic\nzone +0000\n"
        "system Ubuntu 24.04.1 LTS\nroot True",
        "who": "alice    pts/0        (10.0.0.7)",
        "kernel.log": "\n".join(["# journalctl: 2110 lines, shown those that matter", *_kernel(host, now)]),
        "pci": "\n".join(["0000:01:00.0 0x15b3 0x020700 width=16 of=16 driver=mlx5_core", *_slots(host)]),
        "nvidia.version": f"NVRM version: NVIDIA UNIX x86_64 Kernel Module  {_DRIVER}  Wed Jan 29 2025"
        if host.gpu_count
        else "# nothing",
        "waiting": "4711 1 D 93.0 os_acquire_rwlock_read nvidia-smi" if host.story == "driver-hung" else "# none",
        "pressure": f"memory some avg10=0.00 avg60={61.0 if free < 10 else 0.2:.2f} avg300=0.10 total=1",
        "memory": f"MemTotal:       {host.memory_bytes >> 10} kB\nMemAvailable:   {(host.memory_bytes >> 10) * free // 100} kB",
        "processes": _processes(host),
        "mounts": "mounted /dev/nvme0n1p2 / ext4 rw,relatime 0 0\nmounted /dev/nvme1n1 /scratch xfs rw 0 0\n"
        "fstab /dev/nvme0n1p2 / ext4 defaults\nfstab /dev/nvme1n1 /scratch xfs defaults",
        "space": "Filesystem Type 1024-blocks Used Available Capacity Mounted on\n"
        f"/dev/nvme0n1p2 ext4 {_TB} {_TB * 4 // 10} {_TB * 6 // 10} 40% /\n"
        f"/dev/nvme1n1 xfs {4 * _TB} {4 * _TB * full // 100} {4 * _TB * (100 - full) // 100} {full}% /scratch",
        "units.failed": "",
        "units": "NRestarts=0\nId=docker.service\nLoadState=loaded\nActiveState=active\nSubState=running",
        "nics": "eno1 operstate=up carrier=1 speed=100000 carrier_down_count=1 rx_errors=0 tx_errors=0",
        "package.log": f"{utc(now - 6 * 86_400):%Y-%m-%d %H:%M:%S} upgrade curl:amd64 8.5.0-2ubuntu10.4 8.5.0-2ubuntu10.5",
        "versions": f"linux-image-6.8.0-45-generic 6.8.0-45.45\nnvidia-driver-570 {_DRIVER}-0ubuntu1",
        "boot": f"{now - uptime:.0f} vmlinuz-6.8.0-45-generic",
    }


def _slots(host: DemoHost) -> list[str]:
    link = "width=16 of=16 speed=32.0GT/sPCIe ofspeed=32.0GT/sPCIe driver=nvidia"
    return [f"{_bus(index)}.0 0x10de 0x030200 {link}" for index in range(host.gpu_count)]


def _kernel(host: DemoHost, now: float) -> list[str]:
    """The lines of the story, a few minutes old."""
    said: dict[Story, tuple[str, ...]] = {
        "lost-gpu": (f"NVRM: Xid (PCI:{_bus(7)}): 79, pid=48113, name=python3, GPU has fallen off the bus.",),
        "ecc": (f"NVRM: Xid (PCI:{_bus(2)}): 94, pid=48113, name=python3, Contained: SM (0x1). RST: No, D-RST: No",),
        "driver-hung": ("INFO: task nvidia-smi:4711 blocked for more than 120 seconds.",),
        "memory-full": ("Out of memory: Killed process 20177 (python3) total-vm:512000000kB, anon-rss:498000000kB",),
    }
    return [
        f"{utc(now - 420 + 9 * at):%Y-%m-%dT%H:%M:%S.%f}+0000 {host.name} kernel: {line}"
        for at, line in enumerate(said.get(host.story, ()))
    ]


def _processes(host: DemoHost) -> str:
    """A token in a command line shows that it is masked."""
    head = "PID PPID USER STAT WCHAN %CPU RSS ELAPSED COMMAND"
    return f"{head}\n48113 1 alice Sl - 740 81200000 02:11:09 torchrun --nnodes 4 --token=hf_abcdefghijklmnopqrstuv"


def _gpu(host: DemoHost) -> list[Section]:
    if not host.gpu_count:
        return [Section(step=4, name="gpu", kind="absent", command=QUERY, note="nvidia-smi is not installed")]
    if host.story == "driver-hung":
        note = "nvidia-smi (pid 4711) waits since 93 s, state=D; not asked again"
        return [
            Section(step=4, name="gpu.fields", kind="stuck", note=note),
            Section(step=4, name="gpu", kind="skipped", command=QUERY, note="gpu.fields is stuck"),
        ]
    rows = [_row(host, index) for index in range(host.gpu_count) if not (host.story == "lost-gpu" and index == 7)]
    return [Section(step=4, name="gpu", kind="done", command=QUERY, text="\n".join(rows), seconds=0.4)]


def _row(host: DemoHost, index: int) -> str:
    hot = host.story == "throttled" and index == 5
    ill = host.story == "ecc" and index == 2
    name = "NVIDIA H100 80GB HBM3" if host.role == "h100" else "NVIDIA A100-SXM4-80GB"
    uuid = f"GPU-{host.index:08x}-de30-4000-8000-{index:012x}"
    cells = (
        str(index), uuid, f"0000{_bus(index).upper()}.0", name, "88" if hot else "61", "81559",
        "0x0000000000000040" if hot else "0x0000000000000000", "2" if ill else "0", "16", "16", "Yes" if ill else "No",
    )  # fmt: skip
    return ", ".join(cells)


def _bus(index: int) -> str:
    return f"0000:{0x18 + index * 0x11:02x}:00"
