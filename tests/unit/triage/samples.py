"""A healthy host's answer as the triage program gives it, and the same with something else in one place."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from backends.hostkit.triage_answer import Kind, Section, TriageAnswer
from backends.triage.ask import judge
from backends.triage.context import Context
from backends.triage.model import Bundle

OUTPUTS = Path(__file__).parents[2] / "outputs" / "triage"
NOW = 1778490851.0
"""2026-05-11 09:14:11 UTC."""
GPUS = 8
QUERY = (
    "nvidia-smi --query-gpu=index,uuid,pci.bus_id,name,serial,temperature.gpu,memory.total,clocks_event_reasons.active,"
    "ecc.errors.uncorrected.volatile.total,pcie.link.gen.max,pcie.link.width.current,pcie.link.width.max,"
    "remapped_rows.pending,remapped_rows.failure --format=csv,noheader,nounits"
)
BUSES = ("1b", "43", "52", "5d", "9d", "c3", "d1", "df")
STEP_OF = {
    "system": 1, "boots": 1, "kernel.log": 2, "kernel.before": 2, "pci": 3, "nvidia.version": 3, "gpu.fields": 4, "gpu": 4,
    "waiting": 5, "pressure": 5, "memory": 5, "processes": 5, "mounts": 6, "space": 6, "inodes": 6, "units.failed": 7,
    "units": 7, "nics": 8, "infiniband": 8, "clock": 8, "package.log": 9, "changed.files": 9, "versions": 9, "boot": 9,
    "sudo": 9,
}  # fmt: skip


def output(name: str) -> str:
    """One of the files in tests/outputs/triage."""
    return (OUTPUTS / name).read_text()


def gpu_row(index: int, **other: str) -> str:
    """A row of nvidia-smi for `QUERY`, healthy but for `other`."""
    values = {
        "index": str(index),
        "uuid": f"GPU-{index:08d}",
        "bus": f"00000000:{BUSES[index].upper()}:00.0",
        "name": "NVIDIA H100 80GB HBM3",
        "serial": f"160005400012{index}",
        "temperature": "61",
        "memory": "81559",
        "reasons": "0x0000000000000000",
        "ecc": "0",
        "gen": "5",
        "width": "16",
        "width_max": "16",
        "pending": "No",
        "failure": "No",
    }
    return ", ".join({**values, **other}.values())


def pci_text(buses: tuple[str, ...] = BUSES) -> str:
    link = "width=16 of=16 speed=32.0GT/sPCIe ofspeed=32.0GT/sPCIe driver=nvidia"
    return "".join(f"0000:{bus}:00.0 0x10de 0x030200 {link}\n" for bus in buses)


def texts() -> dict[str, str]:
    """Section → text of a host that is well."""
    return {
        "system": "time 1778490851.2\nuptime 864000.00\nboot_id b-1\nkernel 5.15.0-106-generic\nzone +0000\n"
        "system Ubuntu 22.04.4 LTS\nroot True\n",
        "kernel.log": "# journalctl: 2110 lines, 0 shown\n",
        "pci": pci_text(),
        "nvidia.version": "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.90.07  Fri May 31 09:35:42 UTC 2024\n",
        "gpu": "".join(f"{gpu_row(index)}\n" for index in range(GPUS)),
        "waiting": "# none\n",
        "pressure": "memory some avg10=0.00 avg60=0.00 avg300=0.00 total=1\n",
        "memory": "MemTotal:       1000 kB\nMemAvailable:    800 kB\n",
        "mounts": "mounted /dev/sda1 / ext4 rw,relatime 0 0\nmounted /dev/sdb1 /data xfs rw 0 0\n"
        "fstab /dev/sda1 / ext4 defaults\nfstab /dev/sdb1 /data xfs defaults\n",
        "space": "Filesystem Type 1024-blocks Used Available Capacity Mounted on\n"
        "/dev/sda1      ext4   1000000 400000    600000      40% /\n",
        "units.failed": "",
        "units": output("units.txt").replace("NRestarts=9", "NRestarts=0"),
        "nics": "eth0 operstate=up carrier=1 speed=100000 carrier_down_count=1 rx_errors=0 tx_errors=0\n",
        "package.log": "# /var/log/dpkg.log\n",
        "versions": "linux-image-5.15.0-106-generic 5.15.0-106.116\nnvidia-driver-550 550.90.07-0ubuntu1\n",
        "boot": "1778490000 vmlinuz-5.15.0-106-generic\n",
    }


def section(
    name: str, text: str = "", *, kind: Kind = "done", status: int = 0, error: str = "", note: str = ""
) -> Section:
    command = QUERY if name == "gpu" else ""
    return Section(
        step=STEP_OF[name], name=name, kind=kind, command=command, status=status, text=text.rstrip("\n"), error=error, note=note
    )  # fmt: skip


def answer(other: Mapping[str, str | Section | None] | None = None) -> TriageAnswer:
    """The whole answer; `other`: section → its text, a section, or None for none."""
    found: dict[str, str | Section | None] = {**texts(), **(other or {})}
    made = [
        each if isinstance(each, Section) else section(name, each) for name, each in found.items() if each is not None
    ]
    return TriageAnswer(begin=NOW, end=NOW + 1.0, root=True, sections=tuple(sorted(made, key=lambda each: each.step)))


def bundle(
    other: Mapping[str, str | Section | None] | None = None, context: Context | None = None, host: str = "gpu07"
) -> Bundle:
    """Judged."""
    return judge(answer(other), host, context or Context(expected_gpus=GPUS), time=NOW, seconds=2.5)
