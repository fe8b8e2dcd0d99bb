"""Watches a fleet through an engine as an operator's console does, and remembers what it saw."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from backends.engine.wire import HostDetail, HostRow
from backends.metrics.sample import Gpu, Process, Sample
from backends.states import HostState
from swarm_tui.client import EngineClient

POLL_SECONDS = 0.1


class Watch:
    """Polls the fleet view on a thread of its own: states with their times, and when each sample was taken."""

    def __init__(self, socket: Path):
        self.client = EngineClient.connect(socket)
        self.rows: dict[str, HostRow] = {}
        self.seen: dict[str, list[tuple[float, HostState]]] = {}
        self.samples: dict[str, list[float]] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread and the connection."""
        self._stop.set()
        self._thread.join(60)
        self.client.close()

    def state(self, host: str) -> HostState | None:
        """The newest state; None before the first view."""
        return self.rows[host].state if host in self.rows else None

    def wait(self, what: str, condition: Callable[[], bool], seconds: float) -> float:
        """Wait until `condition`; the seconds that it took. Fails with the fleet's states when it does not come."""
        start = time.monotonic()
        while not condition():
            states = {name: f"{row.state} {row.reason}" for name, row in self.rows.items()}
            assert time.monotonic() - start < seconds, f"not within {seconds} s: {what}; {states}"
            time.sleep(POLL_SECONDS / 2)
        return time.monotonic() - start

    def wait_live(self, hosts: Iterable[str], seconds: float = 120.0) -> float:
        """Wait until each of these hosts is up and has a sample."""
        names = list(hosts)
        return self.wait(f"{names} live", lambda: all(self.is_live(name) for name in names), seconds)

    def is_live(self, host: str) -> bool:
        """Whether it is up and a sample is there that is no older than three seconds."""
        row = self.rows.get(host)
        fresh = row is not None and row.sample_time is not None and time.time() - row.sample_time < 3.0
        return fresh and self.state(host) is HostState.UP

    def forget(self) -> None:
        """Look only at what comes from now on."""
        self.seen, self.samples = {}, {}

    def left_up(self, host: str) -> bool:
        """Whether it was seen in another state than up since `forget`."""
        return any(state is not HostState.UP for _, state in self.seen.get(host, ()))

    def longest_gap(self, host: str) -> float:
        """The longest time between two samples since `forget`, the one that goes on included."""
        times = sorted(set(self.samples.get(host, ())))
        assert times, f"{host}: no sample"
        return max(after - before for before, after in zip(times, [*times[1:], time.time()], strict=True))

    def detail(self, host: str) -> HostDetail:
        """Everything about one host, now."""
        return self.client.host(host)

    def sample(self, host: str) -> Sample:
        """The newest sample. Fails when there is none."""
        sample = self.detail(host).sample
        assert sample is not None
        return sample

    def gpu(self, host: str, index: int) -> Gpu:
        """One GPU of the newest sample; one that knows nothing while it is not there."""
        return next((gpu for gpu in self.sample(host).gpus if gpu.index == index), Gpu(index=index))

    def process(self, host: str, pid: int) -> Process | None:
        """One process of the newest table, if it stands there."""
        table = self.sample(host).processes
        return next((each for each in table.top if each.pid == pid), None) if table else None

    def _run(self) -> None:
        version = None
        while not self._stop.wait(POLL_SECONDS):
            view = self.client.fleet_view(version)
            version = view.version
            for row in view.rows:
                self._remember(row)

    def _remember(self, row: HostRow) -> None:
        self.rows[row.name] = row
        seen = self.seen.setdefault(row.name, [])
        if not seen or seen[-1][1] is not row.state:
            seen.append((time.monotonic(), row.state))
        if row.sample_time is not None:
            self.samples.setdefault(row.name, []).append(row.sample_time)
