"""A host as the engine would describe it, for every test of the Host screen; nothing in it is random."""

from __future__ import annotations

import math
from typing import Any

from backends.engine.wire import Event, HostDetail, HostRow, Verdict
from backends.metrics.sample import (
    Cpu,
    Disk,
    Filesystem,
    Gpu,
    GpuProcess,
    GpuStatus,
    HostFacts,
    InfinibandPort,
    Memory,
    Nic,
    Pressure,
    ProbeCost,
    Process,
    ProcessTable,
    Sample,
    Sensor,
)
from backends.sources.base import LinkInfo, OfferedKey
from backends.states import HostState, Severity
from swarm_tui.present.host_history import Tracks

NOW = 1_800_000_000.0
GIB = 1 << 30


def gpu(index: int = 0, **fields: Any) -> Gpu:
    """A healthy, busy GPU."""
    values: dict[str, Any] = {
        "index": index,
        "uuid": f"GPU-{index:08d}",
        "name": "NVIDIA H100 80GB HBM3",
        "bus_id": f"00000000:{index + 1:02x}:00.0",
        "utilisation_percent": 90.0 + index,
        "memory_utilisation_percent": 40.0,
        "memory_used_bytes": 60 * GIB,
        "memory_total_bytes": 80 * GIB,
        "temperature_celsius": 61.0,
        "temperature_margin_celsius": 26.0,
        "power_watts": 640.0,
        "power_limit_watts": 700.0,
        "sm_clock_mhz": 1980.0,
        "sm_clock_max_mhz": 1980.0,
        "memory_clock_mhz": 2619.0,
        "throttle_bits": 0,
        "performance_state": 0,
        "persistence": True,
        "ecc_enabled": True,
        "ecc_corrected_volatile": 0,
        "ecc_uncorrected_volatile": 0,
        "ecc_corrected_aggregate": 3,
        "ecc_uncorrected_aggregate": 0,
        "remapped_rows_corrected": 0,
        "remapped_rows_uncorrected": 0,
        "remap_pending": False,
        "remap_failed": False,
        "pcie_generation": 5,
        "pcie_generation_max": 5,
        "pcie_width": 16,
        "pcie_width_max": 16,
        "pcie_rx_bytes_per_second": 1.5e9,
        "pcie_tx_bytes_per_second": 4e8,
        "pcie_replays": 0,
        "nvlinks_up": 18,
        "nvlinks_total": 18,
        "mig_enabled": False,
        "processes": (GpuProcess(pid=4100 + index, memory_bytes=59 * GIB),),
        "missing": {"fan_percent": "not supported"},
    }
    return Gpu(**(values | fields))


def process(pid: int, **fields: Any) -> Process:
    """A process of the training job."""
    values: dict[str, Any] = {
        "pid": pid,
        "start_ticks": pid * 10,
        "user": "anna",
        "name": "python3",
        "command": f"python3 train.py --rank {pid}",
        "state": "R",
        "cpu_percent": 100.0,
        "resident_bytes": 8 * GIB,
        "nice": 0,
    }
    return Process(**(values | fields))


def sample(**fields: Any) -> Sample:
    """What one host measured."""
    values: dict[str, Any] = {
        "time": NOW - 1.0,
        "interval_seconds": 1.0,
        "uptime_seconds": 86_400.0 * 12 + 3_600 * 5,
        "clock_offset_seconds": 0.002,
        "cpu": Cpu(
            busy_percent=37.0,
            user_percent=30.0,
            system_percent=7.0,
            iowait_percent=2.0,
            steal_percent=0.0,
            cores=tuple(float(index * 7 % 100) for index in range(64)),
            frequency_mhz=2900.0,
            load_1=21.5,
            load_5=20.25,
            load_15=18.0,
            pressure=Pressure(some_avg10_percent=1.5, full_avg10_percent=0.0),
        ),
        "memory": Memory(
            total_bytes=1024 * GIB,
            available_bytes=700 * GIB,
            used_bytes=324 * GIB,
            cached_bytes=500 * GIB,
            dirty_bytes=40 << 20,
            swap_total_bytes=8 * GIB,
            swap_used_bytes=0,
            swap_in_bytes_per_second=0.0,
            swap_out_bytes_per_second=0.0,
            oom_kills=0,
            huge_pages_total=0,
            huge_pages_free=0,
            pressure=Pressure(some_avg10_percent=0.0, full_avg10_percent=0.0),
        ),
        "io_pressure": Pressure(some_avg10_percent=3.0, full_avg10_percent=1.0),
        "filesystems": (
            Filesystem(
                mount="/",
                device="/dev/nvme0n1p2",
                kind="ext4",
                total_bytes=440 * GIB,
                used_bytes=180 * GIB,
                available_bytes=240 * GIB,
                used_percent=43.0,
                inodes_used_percent=4.0,
                read_only=False,
            ),
            Filesystem(
                mount="/scratch",
                device="/dev/md0",
                kind="xfs",
                total_bytes=28 << 40,
                used_bytes=26 << 40,
                available_bytes=2 << 40,
                used_percent=93.0,
                inodes_used_percent=2.0,
                read_only=False,
            ),
            Filesystem(mount="/mnt/nfs", device="filer:/home", kind="nfs4", reason="no answer within 2 s"),
        ),
        "disks": (
            Disk(
                name="nvme0n1",
                read_bytes_per_second=3.2e8,
                write_bytes_per_second=6.6e6,
                reads_per_second=2587.0,
                writes_per_second=53.0,
                latency_seconds=0.0006,
                busy_percent=9.0,
                queue_length=0.4,
            ),
            Disk(
                name="sda",
                read_bytes_per_second=0.0,
                write_bytes_per_second=0.0,
                reads_per_second=0.0,
                writes_per_second=0.0,
                busy_percent=0.0,
                queue_length=0.0,
            ),
        ),
        "nics": (
            Nic(
                name="eno1",
                rx_bytes_per_second=1.2e7,
                tx_bytes_per_second=5e6,
                rx_packets_per_second=15_000.0,
                tx_packets_per_second=5_900.0,
                rx_errors=12,
                tx_errors=0,
                rx_drops=3,
                tx_drops=0,
                up=True,
                speed_bits_per_second=25e9,
            ),
            Nic(name="eno2", up=False),
        ),
        "infiniband": (
            InfinibandPort(
                name="mlx5_0/1",
                state="ACTIVE",
                physical_state="LinkUp",
                rate_bits_per_second=400e9,
                rx_bytes_per_second=1.7e10,
                tx_bytes_per_second=1.7e10,
                link_downed=0,
                link_error_recovery=0,
                symbol_errors=0,
                receive_errors=0,
            ),
            InfinibandPort(name="mlx5_1/1", state="DOWN", physical_state="Polling", link_downed=2),
        ),
        "sensors": (Sensor(name="coretemp/Package id 0", celsius=58.0, high_celsius=90.0, critical_celsius=100.0),),
        "processes": ProcessTable(
            total=623,
            running=9,
            blocked=1,
            zombies=0,
            top=(
                process(4100, cpu_percent=264.0, gpu_memory_bytes=59 * GIB, gpus=(0,), slurm_job="4711"),
                process(4101, cpu_percent=250.0, gpu_memory_bytes=59 * GIB, gpus=(1,), slurm_job="4711"),
                process(77, user="root", name="kworker/u8:2", command="", state="D", cpu_percent=0.5, resident_bytes=0),
                process(
                    900, user="ben", name="bash", command="bash -l", state="S", cpu_percent=0.0, container="c0ffee12"
                ),
            ),
        ),
        "gpus": (gpu(0), gpu(1)),
        "gpu_status": GpuStatus(way="nvml", driver="570.86.15", cuda="12.8"),
        "probe": ProbeCost(cpu_seconds=0.0012, resident_bytes=17 << 20),
        "missing": {},
    }
    return Sample(**(values | fields))


SERIES = (
    "cpu.busy_percent",
    "cpu.iowait_percent",
    "memory.used_percent",
    "disk.nvme0n1.busy_percent",
    "disk.nvme0n1.latency_seconds",
    "net.eno1.rx_bytes_per_second",
    "gpu.0.utilisation_percent",
    "gpu.0.memory_used_percent",
    "gpu.0.temperature_celsius",
    "gpu.0.power_watts",
    "gpu.1.utilisation_percent",
)


def tracks() -> Tracks:
    """A history for all of them."""
    wave = tuple(50.0 + 40.0 * math.sin(index / 9) for index in range(180))
    return dict.fromkeys(SERIES, wave)


def detail(state: HostState = HostState.UP, **fields: Any) -> HostDetail:
    """The whole host; `sample=None` for one that was never seen, `row_…` for fields of the row."""
    row: dict[str, Any] = {
        "name": "dgx04",
        "state": state,
        "since": NOW - 240.0,
        "tags": ("h100", "rack1"),
        "cpu_count": 64,
    }
    row |= {key[4:]: value for key, value in fields.items() if key.startswith("row_")}
    values: dict[str, Any] = {
        "row": HostRow(**row),
        "now": NOW,
        "facts": HostFacts(
            hostname="dgx04",
            boot_id="b-1",
            kernel="6.8.0-45-generic",
            system="Ubuntu 24.04.1 LTS",
            architecture="x86_64",
            cpu_model="Intel Xeon Platinum 8480C",
            cpu_count=64,
            memory_total_bytes=1024 * GIB,
            python="3.12.3",
            user="root",
            kit_version="1",
        ),
        "sample": sample(),
        "link": LinkInfo(
            user="root",
            address="10.0.0.11:22",
            via=("bastion",),
            cipher="aes256-gcm@openssh.com",
            authentication="agent ED25519 SHA256:abc",
            round_trip_seconds=0.0123,
        ),
        "series": SERIES,
    }
    return HostDetail(**(values | {key: value for key, value in fields.items() if not key.startswith("row_")}))


VERDICT = Verdict(
    subject="gpu 1",
    kind="data-loader",
    text="waits for data: the loader does not keep up",
    evidence=("GPU below 10 % in 70 % of the last minute", "one core at 100 %"),
    confidence="medium",
    next_step="more loader workers",
    severity=Severity.WARNING,
)

OFFERED = OfferedKey(host="dgx04", address="10.0.0.11:22", kind="ssh-ed25519", fingerprint="SHA256:new")


def event(number: int, **fields: Any) -> Event:
    """An event; later numbers are later by a minute."""
    values: dict[str, Any] = {
        "id": number,
        "time": NOW + 60.0 * number,
        "kind": "state",
        "text": f"event {number}",
        "host": "dgx04",
    }
    return Event(**(values | fields))
