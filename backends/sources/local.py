"""This machine as a host of the fleet, without SSH: psutil for the host, the GPU program as a child for its GPUs.

Counters are read on one thread once an interval; what may block (filesystems, sensors, processes, the GPU driver) has a
thread of its own with a deadline, so that a dead NFS server makes one group absent and nothing else late.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import msgspec

from backends.clock import Clock, SystemClock
from backends.execution import Channels, Exec
from backends.metrics.rates import rates
from backends.metrics.raw import Raw
from backends.metrics.sample import ProcessTable, Sample
from backends.sources.base import LinkInfo, Sink, StateChange
from backends.sources.local_channels import LocalChannels
from backends.sources.local_counters import CounterReader
from backends.sources.local_exec import LocalExec
from backends.sources.local_facts import boot_id, read_facts
from backends.sources.local_gpu import LocalGpu
from backends.sources.local_group import Group
from backends.sources.local_processes import LocalProcesses
from backends.sources.local_sensors import read_frequency, read_sensors
from backends.sources.local_slow import read_filesystems, read_links
from backends.states import HostState

PROCESS_SECONDS = 5.0
FOCUS_PROCESS_SECONDS = 2.0
FILESYSTEM_SECONDS = 10.0
SLOW_SECONDS = 5.0
FREQUENCY_SECONDS = 10.0
DEADLINE_SECONDS = 2.0
PROCESS_DEADLINE_SECONDS = 10.0
FIRST_RATES_SECONDS = 0.5
"""The second sample comes early: only then are there rates to show."""
MIN_INTERVAL_SECONDS = 0.2


class LocalSource:
    """Watches the machine that the engine runs on, as one host called `name`."""

    def __init__(self, name: str, interval_seconds: float = 1.0, clock: Clock | None = None):
        self._name = name
        self._interval = max(MIN_INTERVAL_SECONDS, interval_seconds)
        self._clock = clock = clock or SystemClock()
        self._stopped = False
        self._wake = threading.Event()
        self._exec = LocalExec(name)
        self._gpu = LocalGpu(clock, self._interval)
        self._processes = LocalProcesses(clock)
        self._counters = CounterReader(clock, boot_id())
        self._filesystems = Group("filesystems", read_filesystems, FILESYSTEM_SECONDS, DEADLINE_SECONDS, clock)
        self._sensors = Group("temperatures", read_sensors, SLOW_SECONDS, DEADLINE_SECONDS, clock)
        self._frequency = Group("frequency", read_frequency, FREQUENCY_SECONDS, DEADLINE_SECONDS, clock)
        self._links = Group("links", read_links, SLOW_SECONDS, DEADLINE_SECONDS, clock)
        self._table = Group("processes", self._read_table, PROCESS_SECONDS, PROCESS_DEADLINE_SECONDS, clock)
        self._before: Raw | None = None
        self._state: HostState | None = None
        self._thread: threading.Thread | None = None

    @property
    def _groups(self) -> tuple[Group[Any], ...]:
        return (self._filesystems, self._sensors, self._frequency, self._links, self._table)

    def start(self, sink: Sink) -> None:
        """Begin in own threads and return at once."""
        self._thread = threading.Thread(target=self._run, args=(sink,), name=f"local {self._name}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End within a second, whatever a group hangs in."""
        self._stopped = True
        self._wake.set()
        self._gpu.stop()
        for group in self._groups:
            group.stop()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(0.5)

    def hosts(self) -> Sequence[str]:
        """The one name."""
        return (self._name,)

    def exec(self, host: str) -> Exec | None:
        """Commands run as the engine's user."""
        return self._exec if host == self._name else None

    def channels(self, host: str) -> Channels | None:
        """Programs are held as the engine's user."""
        return LocalChannels(self._name) if host == self._name else None

    def poll(self, host: str) -> None:
        """Sample now."""
        for group in self._groups:
            group.poll()
        self._gpu.poll()
        self._wake.set()

    def focus(self, host: str, watched: bool) -> None:
        """Read processes more often while somebody looks."""
        self._table.every(FOCUS_PROCESS_SECONDS if watched else PROCESS_SECONDS)

    def set_interval(self, seconds: float) -> None:
        """Change the sampling interval."""
        self._interval = min(3600.0, max(MIN_INTERVAL_SECONDS, seconds))
        self._gpu.set_interval(self._interval)
        self._wake.set()

    def _run(self, sink: Sink) -> None:
        sink.facts(self._name, read_facts())
        sink.link(self._name, LinkInfo(address="this machine"))
        for group in self._groups:
            group.start()
        self._gpu.start()
        wait, beginning = min(self._interval, FIRST_RATES_SECONDS), True
        while not self._stopped:
            self._wake.clear()
            self._tell_state(sink)
            sink.sample(self._name, self.sample())
            self._clock.wait(self._wake, wait)
            if beginning:
                self._table.poll()  # what processes use shows only in a second table
            wait, beginning = self._interval, False

    def _tell_state(self, sink: Sink) -> None:
        """Up, except that a hung GPU driver is the host's state as well."""
        status = self._gpu.status
        hung = status is not None and status.hung
        state = HostState.DRIVER_HUNG if hung else HostState.UP
        if state is not self._state:
            self._state = state
            sink.state(self._name, StateChange(state=state, reason=(status.reason or "") if hung and status else ""))

    def sample(self) -> Sample:
        """One sample now, with rates since the one before."""
        missing: dict[str, str] = {}
        raw = self._counters.read(missing)
        links = self._links.newest(missing) or ()
        table = self._table.newest(missing)
        raw = msgspec.structs.replace(
            raw,
            filesystems=self._filesystems.newest(missing) or (),
            sensors=self._sensors.newest(missing) or (),
            frequency_mhz=self._frequency.newest(missing),
            links={link.name: link for link in links},
            processes=table,
            processes_monotonic=self._table.read_at if table is not None else None,
            gpus=self._gpu.gpus,
            gpu_status=self._gpu.status,
            missing=missing,
        )
        before, self._before = self._before, raw
        return rates(before, raw)

    def _read_table(self) -> ProcessTable:
        table = self._processes.table(self._gpu.gpus)
        self._table.slow_down(self._processes.cost_seconds)
        return table
