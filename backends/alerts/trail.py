"""What only several samples of one host tell: means of a minute, shares over ten, slowdowns, kills, forecasts.

Bounded and cheap, since every sample of every host passes here. Times are those of the samples.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence

from backends.alerts.forecast_rules import forecast
from backends.alerts.subjects import Recent, Trend
from backends.metrics.sample import Filesystem, Gpu, Nic, Sample
from backends.metrics.throttle import HW_POWER_BRAKE, HW_SLOWDOWN, HW_THERMAL

MINUTE = 60.0
MOST_THINGS = 64
"""Mounts, interfaces and GPUs of one host that are followed."""
SHARE_MINUTES, SLOW_SHORT, SLOW_LONG, TREND_MINUTES = 10, 10, 30, 60
OOM_SECONDS, MOST_KILLS = 1800.0, 100
SLOWDOWN = HW_SLOWDOWN | HW_THERMAL | HW_POWER_BRAKE
"""Reasons that count as a slowdown event (gpud: hw_slowdown, hw_thermal, hw_power_brake)."""
_LEAST_PACKETS = 1000
"""Fewer in ten minutes make no share."""
GAP = 5 * MINUTE
"""Without samples for so long everything begins anew."""

_Counts = tuple[int, int, int]
"""Packets, drops, errors since boot, of one interface."""


class Trail:
    """The rolling memory of one host. Not for several threads at once."""

    __slots__ = (
        "_busy",
        "_counts",
        "_free",
        "_kill_count",
        "_kills",
        "_last",
        "_minute",
        "_packets",
        "_recent",
        "_slow_before",
        "_slow_now",
        "_slowed_from",
        "_wait",
    )  # fmt: skip

    def __init__(self) -> None:
        self._last: float | None = None
        self._kill_count: int | None = None
        self._kills: deque[float] = deque(maxlen=MOST_KILLS)
        self._slowed_from = 0.0
        self._begin()

    def _begin(self) -> None:
        self._minute: int | None = None
        self._busy: deque[tuple[float, float]] = deque()
        self._wait: deque[tuple[float, float]] = deque()
        self._counts: dict[str, deque[_Counts]] = {}
        self._packets: dict[str, float] = {}
        self._free: dict[str, deque[tuple[float, float]]] = {}
        self._slow_now: set[str] = set()
        self._slow_before: dict[str, int] = {}
        self._recent = Recent()

    @property
    def recent(self) -> Recent:
        """What is known with the newest sample. May be read from any thread."""
        return self._recent

    def add(self, sample: Sample) -> Recent:
        """Take a sample in; what is known with it. One that is older than the last changes nothing."""
        last = self._last
        if last is not None and sample.time <= last:
            return self._recent
        if last is None or sample.time - last > GAP:
            self._begin()
            self._slowed_from = sample.time
        self._last = sample.time
        self._count_packets(sample)
        self._count_kills(sample)
        minute = int(sample.time // MINUTE)
        turned = minute != self._minute
        if turned:
            self._turn(sample, minute)
        self._count_slow(sample.gpus)
        return self._summed(sample, turned)

    def _summed(self, sample: Sample, turned: bool) -> Recent:
        cpu, old = sample.cpu, self._recent
        busy = _mean(self._busy, sample.time, cpu.busy_percent if cpu is not None else None)
        wait = _mean(self._wait, sample.time, cpu.iowait_percent if cpu is not None else None)
        self._recent = Recent(
            cpu_busy_percent=busy,
            iowait_percent=wait,
            drops_percent=self._shares(1) if turned else old.drops_percent,
            errors_percent=self._shares(2) if turned else old.errors_percent,
            slowed=self._slowed() if turned else old.slowed,
            slowed_from=self._slowed_from,
            oom_times=tuple(self._kills) if self._kills else (),
            trends=self._trends() if turned else old.trends,
        )
        return self._recent

    def _turn(self, sample: Sample, minute: int) -> None:
        """A new minute began: the one before is complete."""
        passed = 1 if self._minute is None else max(1, minute - self._minute)
        self._minute = minute
        for gpu in {*self._slow_before, *self._slow_now}:
            bits = (self._slow_before.get(gpu, 0) << passed) | (1 << (passed - 1) if gpu in self._slow_now else 0)
            self._slow_before[gpu] = bits & ((1 << SLOW_LONG) - 1)
        self._slow_before = {gpu: bits for gpu, bits in self._slow_before.items() if bits}
        self._slow_now.clear()
        self._keep_counts(sample.nics)
        self._keep_free(sample)

    # Kills -----------------------------------------------------------------------------------------------------------

    def _count_kills(self, sample: Sample) -> None:
        count = sample.memory.oom_kills if sample.memory is not None else None
        if count is not None:
            if self._kill_count is not None and count > self._kill_count:
                self._kills.extend([sample.time] * min(count - self._kill_count, MOST_KILLS))
            self._kill_count = count
        while self._kills and self._kills[0] < sample.time - OOM_SECONDS:
            self._kills.popleft()

    # Slowdowns -------------------------------------------------------------------------------------------------------

    def _count_slow(self, gpus: Iterable[Gpu]) -> None:
        for gpu in gpus:
            bits = gpu.throttle_bits
            if bits is not None and bits > 0 and bits & SLOWDOWN and len(self._slow_now) < MOST_THINGS:
                self._slow_now.add(gpu.uuid or str(gpu.index))

    def _slowed(self) -> Mapping[str, tuple[float, float]]:
        short = (1 << SLOW_SHORT) - 1
        return {
            gpu: ((bits & short).bit_count() / SLOW_SHORT, bits.bit_count() / SLOW_LONG)
            for gpu, bits in self._slow_before.items()
        }

    # Interfaces ------------------------------------------------------------------------------------------------------

    def _count_packets(self, sample: Sample) -> None:
        """The probe tells rates of packets; their sum since the last look is what a share needs."""
        seconds = sample.interval_seconds
        if not seconds:
            return
        packets = self._packets
        for nic in sample.nics:
            a_second = (nic.rx_packets_per_second or 0.0) + (nic.tx_packets_per_second or 0.0)
            if a_second and (nic.name in packets or len(packets) < MOST_THINGS):
                packets[nic.name] = packets.get(nic.name, 0.0) + a_second * seconds

    def _keep_counts(self, nics: Sequence[Nic]) -> None:
        names = {nic.name for nic in nics}
        self._counts = {name: counts for name, counts in self._counts.items() if name in names}
        self._packets = {name: packets for name, packets in self._packets.items() if name in names}
        for nic in nics[:MOST_THINGS]:
            if nic.rx_drops is None and nic.rx_errors is None:
                continue
            drops, errors = (nic.rx_drops or 0) + (nic.tx_drops or 0), (nic.rx_errors or 0) + (nic.tx_errors or 0)
            known = self._counts.setdefault(nic.name, deque(maxlen=SHARE_MINUTES + 1))
            now = int(self._packets.get(nic.name, 0.0)), drops, errors
            if known and (now[1] < known[-1][1] or now[2] < known[-1][2]):
                known.clear()  # counted anew: a reboot, or the driver was loaded again
            known.append(now)

    def _shares(self, index: int) -> Mapping[str, float]:
        found = {}
        for name, counts in self._counts.items():
            packets, bad = counts[-1][0] - counts[0][0], counts[-1][index] - counts[0][index]
            if len(counts) > SHARE_MINUTES and packets + bad >= _LEAST_PACKETS:
                found[name] = 100.0 * bad / (packets + bad)
        return found

    # Filesystems -----------------------------------------------------------------------------------------------------

    def _keep_free(self, sample: Sample) -> None:
        for one in sample.filesystems[:MOST_THINGS]:
            if one.available_bytes is not None and not one.read_only:
                self._append(one, sample.time)
        gone = self._free.keys() - {one.mount for one in sample.filesystems}
        for mount in gone:
            del self._free[mount]

    def _append(self, one: Filesystem, time: float) -> None:
        points = self._free.setdefault(one.mount, deque(maxlen=TREND_MINUTES))
        points.append((time, float(one.available_bytes or 0)))

    def _trends(self) -> Mapping[str, Trend]:
        return {mount: forecast(tuple(points)) for mount, points in self._free.items()}


def _mean(values: deque[tuple[float, float]], now: float, value: float | None) -> float | None:
    """Of the last minute; None while nothing was measured in it."""
    if value is not None:
        values.append((now, value))
    while values and values[0][0] <= now - MINUTE:
        values.popleft()
    return sum([each for _, each in values]) / len(values) if values else None
