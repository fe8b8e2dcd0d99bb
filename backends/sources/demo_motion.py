"""The numbers of the simulated fleet: pure functions of host, seed and time, so that a demo can be repeated exactly.

Values move together as they do on real machines: power follows utilisation, temperature follows power, a checkpoint
drops the GPUs while the disks write, a starved loader shows one saturated core beside idle GPUs.
"""

from __future__ import annotations

import functools

from backends.metrics.sample import (
    Cpu,
    Disk,
    Filesystem,
    Gpu,
    GpuProcess,
    GpuStatus,
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
from backends.sources.demo_fleet import DemoHost
from backends.sources.demo_mood import TABLE, Mood, noise

_GIB = 1 << 30
_THERMAL = 0x20 | 0x40
"""NVML clocks event reasons: software and hardware thermal slowdown."""
_POWER_CAP = 0x4


def sample(host: DemoHost, seed: int, time: float, interval: float | None, wall: float) -> Sample:
    """One sample of `host`, `time` seconds after the demo began, stamped with the wall time."""
    mood = Mood(host, seed, time)
    hung = host.story == "driver-hung"
    gpus = tuple(_gpu(mood, index) for index in range(host.gpu_count))
    return Sample(
        time=wall,
        interval_seconds=interval,
        uptime_seconds=(host.index % 90 + 2) * 86_400.0 + time,
        clock_offset_seconds=0.004 * (noise(seed, host.index, 5) - 0.5),
        cpu=_cpu(mood),
        memory=_memory(mood),
        io_pressure=_stall(58.0 if host.story == "storage-bound" else 0.4),
        filesystems=_filesystems(host, seed),
        disks=_disks(mood),
        nics=_nics(mood),
        infiniband=_infiniband(mood),
        sensors=(Sensor(name="coretemp/Package id 0", celsius=round(38 + 35 * mood.cpu, 1), critical_celsius=100.0),),
        processes=_processes(mood),
        gpus=gpus,
        gpu_status=GpuStatus(
            way="nvml",
            driver="570.86.15",
            cuda="12.8",
            hung=hung,
            reason="no answer from the driver within 3 s" if hung else None,
        )
        if gpus
        else GpuStatus(),
        probe=ProbeCost(cpu_seconds=0.0012, resident_bytes=17 << 20),
    )


def _gpu(mood: Mood, index: int) -> Gpu:
    host, seed, tick = mood.host, mood.seed, int(mood.time)
    h100 = host.role == "h100"
    uuid = f"GPU-{host.index:08x}-de30-4000-8000-{index:012x}"
    name = "NVIDIA H100 80GB HBM3" if h100 else "NVIDIA A100-SXM4-80GB"
    if host.story == "lost-gpu" and index == 7:
        gone = {"utilisation_percent": "GPU is lost", "temperature_celsius": "GPU is lost"}
        return Gpu(index=index, uuid=uuid, name=name, lost=True, missing=gone)
    busy = min(1.0, max(0.0, mood.gpu + 0.06 * (noise(seed, host.index, index, tick) - 0.5))) if mood.gpu else 0.0
    limit = 700.0 if h100 else 400.0
    clock = 1980.0 if h100 else 1410.0
    hot = host.story == "throttled" and index == 5
    held = 0.0 if host.story == "idle" else 0.62 + 0.3 * noise(seed, host.index, 3)
    power = limit * (0.1 + 0.88 * busy) * (0.6 if hot else 1.0)
    temperature = 88.0 if hot else 30.0 + 40.0 * (power / limit) + 4.0 * noise(seed, host.index, index)
    ecc = host.story == "ecc" and index == 2
    memory = 80 * _GIB
    return Gpu(
        index=index,
        uuid=uuid,
        name=name,
        bus_id=f"00000000:{0x18 + index * 0x11:02X}:00.0",
        utilisation_percent=round(100 * busy),
        memory_utilisation_percent=round(55 * busy),
        memory_used_bytes=int(memory * held) if held else 460 << 20,
        memory_total_bytes=memory,
        temperature_celsius=round(temperature),
        temperature_margin_celsius=max(0.0, 90.0 - round(temperature)),
        memory_temperature_celsius=round(temperature + 6),
        power_watts=round(power, 1),
        power_limit_watts=limit,
        sm_clock_mhz=1140.0 if hot else clock if busy > 0.02 else 345.0,
        sm_clock_max_mhz=clock,
        memory_clock_mhz=2619.0 if h100 else 1593.0,
        throttle_bits=_THERMAL if hot else _POWER_CAP if busy > 0.96 else 0 if busy > 0.02 else 1,
        performance_state=0,
        persistence=True,
        ecc_enabled=True,
        ecc_corrected_volatile=12 if ecc else 0,
        ecc_uncorrected_volatile=2 if ecc else 0,
        ecc_corrected_aggregate=96 if ecc else 0,
        ecc_uncorrected_aggregate=2 if ecc else 0,
        remapped_rows_corrected=0,
        remapped_rows_uncorrected=1 if ecc else 0,
        remap_pending=ecc,
        remap_failed=False,
        pcie_generation=5 if h100 else 4,
        pcie_generation_max=5 if h100 else 4,
        pcie_width=16,
        pcie_width_max=16,
        pcie_rx_bytes_per_second=2.1e9 * busy,
        pcie_tx_bytes_per_second=0.6e9 * busy,
        pcie_replays=0,
        nvlinks_up=18 if h100 else 12,
        nvlinks_total=18 if h100 else 12,
        mig_enabled=False,
        processes=(GpuProcess(pid=41_000 + index, memory_bytes=int(memory * held)),) if held else (),
    )


def _cpu(mood: Mood) -> Cpu:
    host, count, tick = mood.host, mood.host.cpu_count, int(mood.time)
    wait = 55.0 if host.story == "storage-bound" else 6.0 if mood.checkpoint else 0.3
    base = 100.0 * mood.cpu
    begin = int(noise(mood.seed, host.index, tick) * (len(TABLE) - count))
    width = min(30.0, base, 100.0 - base) if 0 < base < 100 else 0.0
    cores = tuple([round(base + width * part) for part in TABLE[begin : begin + count]])
    if host.story == "data-loader":
        cores = (100, *cores[1:])  # one saturated core beside a low total: the usual case of a starved loader
    busy = sum(cores) / count
    load = count * busy / 100 + (24 if host.story == "storage-bound" else 0)
    return Cpu(
        busy_percent=round(busy, 1),
        user_percent=round(busy * 0.85, 1),
        system_percent=round(busy * 0.15, 1),
        iowait_percent=wait,
        steal_percent=0.0,
        cores=cores,
        frequency_mhz=3200.0,
        load_1=round(load, 2),
        load_5=round(load * 0.97, 2),
        load_15=round(load * 0.92, 2),
        pressure=_stall(round(mood.cpu * 8, 1)),
    )


def _memory(mood: Mood) -> Memory:
    total = mood.host.memory_bytes
    full = mood.host.story == "memory-full"
    used = int(total * (0.97 if full else 0.25 + 0.2 * mood.cpu + 0.1 * noise(mood.seed, mood.host.index, 9)))
    return Memory(
        total_bytes=total,
        available_bytes=total - used,
        used_bytes=used,
        cached_bytes=int((total - used) * 0.6),
        dirty_bytes=4 * _GIB if mood.checkpoint else 12 << 20,
        swap_total_bytes=8 * _GIB,
        swap_used_bytes=7 * _GIB if full else 0,
        swap_in_bytes_per_second=30e6 if full else 0.0,
        swap_out_bytes_per_second=45e6 if full else 0.0,
        oom_kills=3 if full else 0,
        pressure=_stall(38.0 if full else 0.0),
    )


@functools.lru_cache(maxsize=8192)
def _filesystems(host: DemoHost, seed: int) -> tuple[Filesystem, ...]:
    root = 98.6 if host.story == "disk-full" else 31.0 + 20.0 * noise(seed, host.index, 11)
    data = 42.0 + 30.0 * noise(seed, host.index, 12)
    return (_filesystem("/", "/dev/nvme0n1p2", 440 * _GIB, root), _filesystem("/scratch", "/dev/md0", 28 << 40, data))


def _stall(percent: float) -> Pressure:
    """Some tasks wait this much of the time, all of them half of that."""
    return Pressure(
        some_avg10_percent=percent,
        some_avg60_percent=percent,
        full_avg10_percent=percent / 2,
        full_avg60_percent=percent / 2,
    )


def _filesystem(mount: str, device: str, total: int, percent: float) -> Filesystem:
    used = int(total * percent / 100)
    return Filesystem(
        mount=mount,
        device=device,
        kind="xfs",
        total_bytes=total,
        used_bytes=used,
        available_bytes=total - used,
        used_percent=round(percent, 1),
        inodes_total=total // 16384,
        inodes_used_percent=round(percent / 9, 1),
        read_only=False,
    )


def _disks(mood: Mood) -> tuple[Disk, ...]:
    bound = mood.host.story == "storage-bound"
    write = 3.2e9 if mood.checkpoint else 420e6 if bound else 4e6 * (1 + mood.jitter)
    read = 380e6 * mood.gpu + (190e6 if bound else 1e6 * mood.jitter)
    return (
        Disk(
            name="nvme0n1",
            read_bytes_per_second=read,
            write_bytes_per_second=write,
            reads_per_second=read / 131072,
            writes_per_second=write / 131072,
            latency_seconds=0.085 if bound else 0.0006,
            busy_percent=99.0 if bound else min(100.0, round((read + write) / 4e7, 1)),
            queue_length=31.0 if bound else 0.4,
        ),
    )


def _nics(mood: Mood) -> tuple[Nic, ...]:
    rate = 2e5 + 60e6 * mood.cpu * (0.7 + 0.6 * mood.jitter)
    return (
        Nic(
            name="eno1",
            rx_bytes_per_second=rate,
            tx_bytes_per_second=rate * 0.4,
            rx_packets_per_second=rate / 900,
            tx_packets_per_second=rate / 2200,
            rx_errors=0,
            tx_errors=0,
            rx_drops=0,
            tx_drops=0,
            up=True,
            speed_bits_per_second=25e9,
        ),
    )


def _infiniband(mood: Mood) -> tuple[InfinibandPort, ...]:
    if not mood.host.gpu_count:
        return ()
    rate = 0.0 if mood.checkpoint else 21e9 * mood.gpu
    return tuple(
        InfinibandPort(
            name=f"mlx5_{port}/1",
            state="ACTIVE",
            physical_state="LinkUp",
            rate_bits_per_second=400e9 if mood.host.role == "h100" else 200e9,
            rx_bytes_per_second=rate,
            tx_bytes_per_second=rate,
            link_downed=0,
            link_error_recovery=0,
            symbol_errors=0,
            receive_errors=0,
        )
        for port in range(mood.host.gpu_count // 4)
    )


def _processes(mood: Mood) -> ProcessTable:
    host = mood.host
    if host.gpu_count and host.story != "idle":
        top = [_rank(mood, index) for index in range(host.gpu_count)]
    else:
        share = 100.0 * mood.cpu * host.cpu_count
        top = [_process(5200 + n, "alice", "simulate", f"simulate --shard {n}", share / 4, 6 * _GIB) for n in range(4)]
    top.append(_process(1, "root", "systemd", "/sbin/init", 0.0, 12 << 20))
    blocked = 14 if host.story == "storage-bound" else 2 if host.story == "driver-hung" else 0
    return ProcessTable(total=620 + host.index % 70, running=len(top), blocked=blocked, zombies=0, top=tuple(top))


def _rank(mood: Mood, index: int) -> Process:
    share = mood.cpu * mood.host.cpu_count * 100 / mood.host.gpu_count
    return Process(
        pid=41_000 + index,
        start_ticks=1_000_000 + index,
        user="mlteam",
        name="python3",
        command=f"python3 train.py --config llama-70b.yaml --local-rank {index}",
        state="R" if mood.gpu > 0.5 else "S",
        cpu_percent=round(share, 1),
        resident_bytes=38 * _GIB,
        gpu_memory_bytes=int(80 * _GIB * (0.62 + 0.3 * noise(mood.seed, mood.host.index, 3))),
        gpus=(index,),
        slurm_job=str(4700 + mood.host.index // 4),
        nice=0,
    )


def _process(pid: int, user: str, name: str, command: str, cpu: float, resident: int) -> Process:
    return Process(
        pid=pid,
        start_ticks=900_000 + pid,
        user=user,
        name=name,
        command=command,
        state="R" if cpu > 1 else "S",
        cpu_percent=round(cpu, 1),
        resident_bytes=resident,
        nice=0,
    )
