"""One function a group: its raw counters → its public record."""

from __future__ import annotations

import re

from backends.metrics.difference import count, events_per_second, grown, per_second, quantity
from backends.metrics.raw import CpuTicks, DiskCounters, IbPort, Link, MemoryKib, NicCounters, PressureAverages, Raw
from backends.metrics.sample import Cpu, Disk, InfinibandPort, Memory, Nic, Pressure

SECTOR_BYTES = 512
IB_WORD_BYTES = 4
KIB = 1024
MAX_SPEED_MBPS = 4_000_000
MAX_MHZ = 100_000.0
MAX_LOAD = 1e7
"""Linux allows four million tasks."""
MAX_TICKS = 1e18
"""Of all cores together in any unit; beyond it sums of floats are no numbers any more."""
_RATE = re.compile(r"\s*([0-9]{1,6}(?:\.[0-9]{1,3})?) ?Gb")


def pressure(raw: PressureAverages | None) -> Pressure | None:
    """Pressure stall information, clamped to 0–100."""
    if raw is None:
        return None
    return Pressure(
        some_avg10_percent=_percent(raw.some_avg10),
        some_avg60_percent=_percent(raw.some_avg60),
        full_avg10_percent=_percent(raw.full_avg10),
        full_avg60_percent=_percent(raw.full_avg60),
    )


def _percent(value: float | None) -> float | None:
    if value is None or value != value:
        return None
    return min(100.0, max(0.0, value))


def cpu(before: Raw | None, now: Raw) -> Cpu | None:
    """None when the host gave neither ticks nor load."""
    if now.cpu is None and now.load is None:
        return None
    load = now.load or (None, None, None)
    shares = _shares(before.cpu if before else None, now.cpu)
    return Cpu(
        busy_percent=shares[0],
        user_percent=shares[1],
        system_percent=shares[2],
        iowait_percent=shares[3],
        steal_percent=shares[4],
        cores=tuple([_percent(core) for core in now.cores]),
        frequency_mhz=quantity(now.frequency_mhz, MAX_MHZ),
        load_1=quantity(load[0], MAX_LOAD),
        load_5=quantity(load[1], MAX_LOAD),
        load_15=quantity(load[2], MAX_LOAD),
        pressure=pressure(now.cpu_pressure),
    )


_UNKNOWN = (None, None, None, None, None)


def _shares(old: CpuTicks | None, new: CpuTicks | None) -> tuple[float | None, ...]:
    """Busy, user (with nice), system (with interrupts), iowait and steal in per cent of the time that passed."""
    if old is None or new is None:
        return _UNKNOWN
    idle = max(0.0, new.idle - old.idle)
    iowait = max(0.0, new.iowait - old.iowait)  # may go backwards: the kernel says so itself
    user = max(0.0, new.user - old.user) + max(0.0, new.nice - old.nice)
    system = sum([max(0.0, new.system - old.system), max(0.0, new.irq - old.irq), max(0.0, new.softirq - old.softirq)])
    steal = max(0.0, new.steal - old.steal)
    total = idle + iowait + user + system + steal
    if not 0 < total < MAX_TICKS or new.idle < old.idle or new.user < old.user:  # nothing passed, or counted anew
        return _UNKNOWN
    return tuple([min(100.0, 100.0 * part / total) for part in (user + system + steal, user, system, iowait, steal)])


def memory(before: Raw | None, now: Raw, seconds: float | None) -> Memory | None:
    """None when the host gave no memory numbers."""
    raw = now.memory
    if raw is None:
        return None
    total, available = _bytes(raw.total), _available(raw)
    swap_total, swap_free = _bytes(raw.swap_total), _bytes(raw.swap_free)
    old = before.vm if before else None
    vm = now.vm
    return Memory(
        total_bytes=total,
        available_bytes=available,
        used_bytes=_minus(total, available),
        cached_bytes=_bytes(_sum(raw.cached, raw.reclaimable)),
        dirty_bytes=_bytes(raw.dirty),
        swap_total_bytes=swap_total,
        swap_used_bytes=_minus(swap_total, swap_free),
        swap_in_bytes_per_second=per_second(
            old.swap_in_pages if old else None, vm.swap_in_pages if vm else None, seconds, now.page_bytes
        ),
        swap_out_bytes_per_second=per_second(
            old.swap_out_pages if old else None, vm.swap_out_pages if vm else None, seconds, now.page_bytes
        ),
        oom_kills=count(vm.oom_kills) if vm else None,
        huge_pages_total=count(raw.huge_total),
        huge_pages_free=count(raw.huge_free),
        pressure=pressure(now.memory_pressure),
    )


def _bytes(kib: int | None) -> int | None:
    return None if kib is None or not 0 <= kib < 1 << 50 else kib * KIB


def _sum(*values: int | None) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _minus(total: int | None, part: int | None) -> int | None:
    return None if total is None or part is None or part > total else total - part


def _available(raw: MemoryKib) -> int | None:
    """Kernels before 3.14 do not say: then what is free or can be dropped stands for it."""
    if raw.available is not None:
        return _bytes(raw.available)
    return None if raw.free is None else _bytes(_sum(raw.free, raw.buffers, raw.cached))


def disk(name: str, old: DiskCounters | None, new: DiskCounters, seconds: float | None) -> Disk:
    """Rates of one block device; everything None without a reading before."""
    if old is None or not seconds:
        return Disk(name=name)
    return Disk(
        name=name,
        read_bytes_per_second=per_second(old.read_sectors, new.read_sectors, seconds, SECTOR_BYTES),
        write_bytes_per_second=per_second(old.write_sectors, new.write_sectors, seconds, SECTOR_BYTES),
        reads_per_second=events_per_second(old.reads, new.reads, seconds),
        writes_per_second=events_per_second(old.writes, new.writes, seconds),
        latency_seconds=_latency(old, new, seconds),
        busy_percent=_busy(old.busy_ms, new.busy_ms, seconds),
        queue_length=_queue(old.weighted_ms, new.weighted_ms, seconds),
    )


def _latency(old: DiskCounters, new: DiskCounters, seconds: float) -> float | None:
    """Mean seconds of the requests that finished in between."""
    limit = 1e9 * seconds
    done = [grown(old.reads, new.reads, limit), grown(old.writes, new.writes, limit)]
    spent = [grown(old.read_ms, new.read_ms, 1e7 * seconds), grown(old.write_ms, new.write_ms, 1e7 * seconds)]
    finished = sum(value or 0 for value in done)
    if None in done or None in spent or not finished:
        return None
    return sum(value or 0 for value in spent) / 1000.0 / finished


def _busy(old: int | None, new: int | None, seconds: float) -> float | None:
    if old is None or new is None:
        return None
    step = grown(old, new, 5000.0 * seconds + 5000.0)
    return None if step is None else min(100.0, step / seconds / 10.0)


def _queue(old: int | None, new: int | None, seconds: float) -> float | None:
    if old is None or new is None:
        return None
    step = grown(old, new, 1e8 * seconds)
    return None if step is None else step / 1000.0 / seconds


def nic(name: str, old: NicCounters | None, new: NicCounters, link: Link | None, seconds: float | None) -> Nic:
    """Rates and totals of one network interface."""
    speed = link.speed_mbps if link else None
    return Nic(
        name=name,
        rx_bytes_per_second=per_second(old.rx_bytes, new.rx_bytes, seconds) if old else None,
        tx_bytes_per_second=per_second(old.tx_bytes, new.tx_bytes, seconds) if old else None,
        rx_packets_per_second=events_per_second(old.rx_packets, new.rx_packets, seconds) if old else None,
        tx_packets_per_second=events_per_second(old.tx_packets, new.tx_packets, seconds) if old else None,
        rx_errors=count(new.rx_errors),
        tx_errors=count(new.tx_errors),
        rx_drops=count(new.rx_drops),
        tx_drops=count(new.tx_drops),
        up=link.up if link else None,
        speed_bits_per_second=speed * 1e6 if speed is not None and 0 < speed <= MAX_SPEED_MBPS else None,
    )


def infiniband(old: IbPort | None, new: IbPort, seconds: float | None) -> InfinibandPort:
    """One port; sysfs says "4: ACTIVE" and "200 Gb/sec (4X HDR)"."""
    rate = _RATE.match(new.rate)
    return InfinibandPort(
        name=new.name,
        state=_word(new.state),
        physical_state=_word(new.physical_state),
        rate_bits_per_second=float(rate[1]) * 1e9 if rate else None,
        rx_bytes_per_second=per_second(old.rx_words, new.rx_words, seconds, IB_WORD_BYTES) if old else None,
        tx_bytes_per_second=per_second(old.tx_words, new.tx_words, seconds, IB_WORD_BYTES) if old else None,
        link_downed=count(new.link_downed),
        link_error_recovery=count(new.link_error_recovery),
        symbol_errors=count(new.symbol_errors),
        receive_errors=count(new.receive_errors),
    )


def _word(state: str) -> str:
    """ "ACTIVE" from "4: ACTIVE"."""
    return state.partition(":")[2].strip() or state.strip()
