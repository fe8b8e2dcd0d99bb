"""Windows of samples for verdicts: a healthy GPU host, of which each spec changes what it is about."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from backends.checks.bottleneck import judge
from backends.checks.verdict import Verdict
from backends.metrics.sample import (
    Cpu,
    Disk,
    Gpu,
    GpuProcess,
    GpuStatus,
    HostFacts,
    InfinibandPort,
    Memory,
    Nic,
    Pressure,
    Process,
    ProcessTable,
    Sample,
)

GIB = 1 << 30
STEP = 4.5
COUNT = 16
FACTS = HostFacts(cpu_count=64)
DAY = 86_400.0

Fields = dict[str, Any]
"""Field → value, or a function of the sample's number."""


def at(fields: Fields, step: int) -> Fields:
    return {name: value(step) if callable(value) else value for name, value in fields.items()}


def gpu(index: int, **fields: Any) -> Gpu:
    """A GPU in the middle of a training."""
    values: Fields = {
        "index": index,
        "name": "NVIDIA H100 80GB HBM3",
        "utilisation_percent": 92.0,
        "memory_utilisation_percent": 42.0,
        "memory_used_bytes": 60 * GIB,
        "memory_total_bytes": 80 * GIB,
        "temperature_celsius": 62.0,
        "power_watts": 640.0,
        "power_limit_watts": 700.0,
        "sm_clock_mhz": 1980.0,
        "sm_clock_max_mhz": 1980.0,
        "throttle_bits": 0,
        "pcie_generation": 5,
        "pcie_generation_max": 5,
        "pcie_width": 16,
        "pcie_width_max": 16,
        "pcie_rx_bytes_per_second": 4e8,
        "pcie_tx_bytes_per_second": 2e8,
        "processes": (GpuProcess(pid=4100 + index, memory_bytes=59 * GIB),),
    }
    return Gpu(**(values | fields))


def rank(index: int, **fields: Any) -> Process:
    """The process of the training that computes on GPU `index`; it began a day after the boot."""
    values: Fields = {
        "pid": 4100 + index,
        "start_ticks": int(DAY * 100),
        "name": "python3",
        "state": "S",
        "cpu_percent": 60.0,
        "gpus": (index,),
        "slurm_job": "4711",
    }
    return Process(**(values | fields))


def cpu(**fields: Any) -> Cpu:
    values: Fields = {
        "busy_percent": 20.0,
        "iowait_percent": 0.4,
        "steal_percent": 0.0,
        "cores": tuple(20.0 for _ in range(64)),
        "load_1": 13.0,
        "pressure": Pressure(some_avg10_percent=1.0, some_avg60_percent=1.0),
    }
    return Cpu(**(values | fields))


def memory(**fields: Any) -> Memory:
    values: Fields = {
        "total_bytes": 1024 * GIB,
        "available_bytes": 700 * GIB,
        "swap_in_bytes_per_second": 0.0,
        "swap_out_bytes_per_second": 0.0,
        "oom_kills": 0,
        "pressure": Pressure(some_avg10_percent=0.0, some_avg60_percent=0.0),
    }
    return Memory(**(values | fields))


def nic(**fields: Any) -> Nic:
    values: Fields = {
        "name": "eno1",
        "rx_bytes_per_second": 5e7,
        "tx_bytes_per_second": 2e7,
        "rx_packets_per_second": 50_000.0,
        "tx_packets_per_second": 20_000.0,
        "rx_errors": 0,
        "tx_errors": 0,
        "rx_drops": 0,
        "tx_drops": 0,
        "up": True,
        "speed_bits_per_second": 25e9,
    }
    return Nic(**(values | fields))


def port(**fields: Any) -> InfinibandPort:
    values: Fields = {
        "name": "mlx5_0/1",
        "rate_bits_per_second": 400e9,
        "rx_bytes_per_second": 1e10,
        "tx_bytes_per_second": 1e10,
    }
    return InfinibandPort(**(values | fields))


def disk(**fields: Any) -> Disk:
    values: Fields = {"name": "nvme0n1", "busy_percent": 9.0, "queue_length": 0.4, "latency_seconds": 0.0006}
    return Disk(**(values | fields))


def sample(step: int, gpus: Sequence[Gpu] = (), table: Sequence[Process] = (), **fields: Any) -> Sample:
    """The host at one moment; every value of `fields` replaces one of the sample's."""
    values: Fields = {
        "time": 1e9 + STEP * step,
        "interval_seconds": 1.0,
        "uptime_seconds": 3 * DAY + STEP * step,
        "cpu": cpu(),
        "memory": memory(),
        "io_pressure": Pressure(some_avg10_percent=0.5, some_avg60_percent=0.5),
        "disks": (disk(),),
        "nics": (nic(),),
        "processes": ProcessTable(top=tuple(table)),
        "gpus": tuple(gpus),
        "gpu_status": GpuStatus(way="nvml" if gpus else "none"),
    }
    return Sample(**(values | at(fields, step)))


def host(count: int = COUNT, **fields: Any) -> list[Sample]:
    """A window of a host without GPUs."""
    return [sample(step, **fields) for step in range(count)]


def training(
    *,
    gpus: int = 4,
    one: tuple[int, Fields] = (-1, {}),
    ranks: Fields | None = None,
    sampled: Fields | None = None,
    count: int = COUNT,
    **fields: Any,
) -> list[Sample]:
    """A window of one Slurm job on `gpus` GPUs.

    Args:
        one: an index and what is different about that GPU.
        ranks: what is different about the job's processes.
        sampled: what is different about the samples.
        fields: what is different about every GPU.
    """
    return [
        sample(
            step,
            [gpu(index, **at(fields | (one[1] if index == one[0] else {}), step)) for index in range(gpus)],
            [rank(index, **at(ranks or {}, step)) for index in range(gpus)],
            **(sampled or {}),
        )
        for step in range(count)
    ]


def kinds(window: Sequence[Sample], subject: str = "job 4711") -> list[str]:
    """The kinds of the verdicts about `subject`, the weightiest first."""
    return [verdict.kind for verdict in judge(window, FACTS) if verdict.subject == subject]


def the(window: Sequence[Sample], kind: str, subject: str = "") -> Verdict:
    """The one verdict of this kind (about `subject`, where one is named)."""
    (found,) = [one for one in judge(window, FACTS) if one.kind == kind and subject in ("", one.subject)]
    return found


def teeth(high: float, low: float, period: int = 3) -> Callable[[int], float]:
    """High in one sample of `period`, low in the others."""
    return lambda step: high if step % period == 0 else low
