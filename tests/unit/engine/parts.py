"""In-memory stand-ins at the engine's own protocols, and small samples to feed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from backends.errors import SwarmError
from backends.execution import Exec, ExecResult, OnOutput, Stream
from backends.metrics.sample import Cpu, Filesystem, Gpu, GpuStatus, Memory, Nic, Sample
from backends.sources.base import OfferedKey, Sink
from backends.states import Severity


def sample(time: float = 1_800_000_000.0, busy: float | None = 50.0, *, hung: bool = False, gpus: int = 2) -> Sample:
    """A plain healthy host at one moment."""
    return Sample(
        time=time,
        interval_seconds=1.0,
        uptime_seconds=3600.0,
        cpu=Cpu(busy_percent=busy, iowait_percent=0.5, cores=(50.0, 50.0), load_1=1.0),
        memory=Memory(total_bytes=100, available_bytes=75, used_bytes=25, swap_total_bytes=0, swap_used_bytes=0),
        filesystems=(Filesystem(mount="/", used_percent=40.0), Filesystem(mount="/data", used_percent=60.0)),
        nics=(
            Nic(name="lo", rx_bytes_per_second=1e9, tx_bytes_per_second=1e9),
            Nic(name="eth0", rx_bytes_per_second=10.0, tx_bytes_per_second=20.0),
        ),
        gpus=tuple(gpu(index) for index in range(gpus)),
        gpu_status=GpuStatus(way="nvml", hung=hung, reason="no answer within 3 s" if hung else None),
    )


def gpu(index: int, *, busy: float | None = 80.0, lost: bool = False) -> Gpu:
    return Gpu(
        index=index,
        name="H100",
        utilisation_percent=busy,
        memory_used_bytes=40,
        memory_total_bytes=80,
        temperature_celsius=60.0 + index,
        power_watts=300.0,
        lost=lost,
    )


class Diary:
    """Remembers discrete events."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str, str, Severity]] = []

    def __call__(self, host: str, kind: str, text: str, severity: Severity) -> None:
        self.events.append((host, kind, text, severity))

    def texts(self, kind: str) -> list[str]:
        return [text for _, was, text, _ in self.events if was == kind]


class FakeExec:
    """Answers every command with prepared output, or raises a prepared error; remembers what it was asked."""

    def __init__(
        self,
        host: str,
        result: ExecResult | SwarmError | None = None,
        output: Sequence[tuple[Stream, bytes]] = (),
        gate: threading.Event | None = None,
    ):
        self.host = host
        self.result = result or ExecResult(exit_status=0)
        self.output = output
        self.gate = gate
        self.asked: list[tuple[list[str], bytes, bool]] = []

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        timeout_seconds: float = 60.0,
        limit_bytes: int = 1 << 20,
        become: bool = True,
        on_output: OnOutput | None = None,
    ) -> ExecResult:
        self.asked.append((list(argv), stdin, become))
        for stream, data in self.output:
            if on_output is not None:
                on_output(stream, data)
        if self.gate is not None:
            self.gate.wait(10)
        if isinstance(self.result, SwarmError):
            raise self.result
        return self.result


class FakeSource:
    """A source that only remembers how it was treated."""

    def __init__(self, *names: str, on_stop: Callable[[], object] = lambda: None):
        self.names = list(names)
        self.sink: Sink | None = None
        self.stopped = False
        self.polled: list[str] = []
        self.focused: list[tuple[str, bool]] = []
        self.interval = 1.0
        self.keys: list[OfferedKey] = []
        self.accepted: list[tuple[str, str]] = []
        self.execs: dict[str, Exec] = {}
        self._on_stop = on_stop

    def start(self, sink: Sink) -> None:
        self.sink = sink

    def stop(self) -> None:
        self.stopped = True
        self._on_stop()

    def hosts(self) -> Sequence[str]:
        return list(self.names)

    def exec(self, host: str) -> Exec | None:
        return self.execs.get(host)

    def poll(self, host: str) -> None:
        self.polled.append(host)

    def focus(self, host: str, watched: bool) -> None:
        self.focused.append((host, watched))

    def set_interval(self, seconds: float) -> None:
        self.interval = seconds

    def offered_keys(self) -> Sequence[OfferedKey]:
        return self.keys

    def accept_key(self, host: str, fingerprint: str) -> None:
        self.accepted.append((host, fingerprint))
