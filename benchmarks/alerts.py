"""Alerts in numbers: one evaluation of a thousand hosts, from a sample to the console and to a receiver, targets that hang.

Three peers were read, not run, for this: none of them evaluates hosts in one process, so there is no ratio to give. The
evaluation is set beside the least that any engine has to do: look once at each number of each host.
"""

from __future__ import annotations

import os
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from msgspec.structs import replace

from backends.clock import SystemClock
from backends.config.schema import AlertsConfig, PolicyConfig, RuleConfig, TargetConfig
from backends.engine.alerting import Alerting
from backends.engine.gathering import Gathering
from backends.engine.remembered import Remembered
from backends.engine.wire import HostRow
from backends.inventory.host import Host
from backends.metrics.sample import HostFacts, Sample
from backends.sources import demo_fleet, demo_motion
from backends.sources.base import StateChange
from backends.states import HostState

HOSTS, CYCLES, HANGING = 1000, 20, 12
EVALUATION_SECONDS, CONSOLE_SECONDS, HANDED_SECONDS = 0.05, 1.0, 2.0
"""Budgets of the issue."""
AT_ONCE = PolicyConfig(group_wait_seconds=0.0, group_wait_critical_seconds=0.0, group_interval_seconds=0.0)


def run() -> list[str]:
    """All three tables."""
    hosts = HOSTS // 10 if os.environ.get("SWARM_BENCH_QUICK") else HOSTS
    return [*_evaluation(hosts), "", *_latency(), "", *_hanging()]


class Fleet:
    """Simulated hosts and the alerts over them, with nothing of the engine between."""

    def __init__(self, folder: Path, count: int, config: AlertsConfig):
        self.clock = SystemClock()
        self._simulated = demo_fleet.build(count)
        self.hosts = tuple(demo_fleet.as_host(each) for each in self._simulated)
        self._facts = {each.name: demo_fleet.facts(each, 0) for each in self._simulated}
        self.samples: dict[str, Sample] = {}
        self.disk_percent = dict.fromkeys((host.name for host in self.hosts), 40.0)
        memory = Remembered(None, self.clock, lambda host: False, lambda text: None)
        self.gathering = Gathering(self._glimpses, memory, slow=lambda names: {})
        self.alerts = Alerting(
            folder,
            self.gathering,
            self.clock,
            now=self.clock.now,
            tell=lambda *said: None,
            on_counts=lambda counts: None,
            on_critical=lambda host, reason: None,
            on_bug=_raise,
            bundle_of=lambda host, since: None,
        )
        self.alerts.configure(config, self.hosts, 1.0)
        for host in self.hosts:
            self.gathering.state(host.name, StateChange(state=HostState.UP))

    def sample(self) -> float:
        """A second's samples of all hosts; CPU seconds that taking them in cost."""
        now = self.clock.now()
        found = {each.name: demo_motion.sample(each, 7, now % 86_400, 1.0, now) for each in self._simulated}
        began = time.process_time()
        for name, sample in found.items():
            self.gathering.sample(name, sample)
        cost = time.process_time() - began
        self.samples = found
        return cost

    def _glimpses(self) -> list[tuple[str, HostRow, HostFacts | None, Sample | None]]:
        return [
            (host.name, self._row(host), self._facts[host.name], self.samples.get(host.name)) for host in self.hosts
        ]

    def _row(self, host: Host) -> HostRow:
        return HostRow(name=host.name, state=HostState.UP, disk_percent=self.disk_percent[host.name])


def _raise(host: str, error: Exception) -> None:
    raise error


# One evaluation ------------------------------------------------------------------------------------------------------


def _evaluation(count: int) -> list[str]:
    with _fleet(count, AlertsConfig(test_day="none")) as fleet:
        taking, cycles, bare = [], [], []
        for _ in range(CYCLES):
            taking.append(fleet.sample())
            began = time.process_time()
            fleet.alerts.cycle()
            cycles.append(time.process_time() - began)
            bare.append(_cpu(lambda: _look_at_everything(fleet.samples)))
        rules, alerts = len(fleet.alerts.rules), len(fleet.alerts.alerts.all())
    cycle = statistics.median(cycles)
    verdict = "kept" if cycle <= EVALUATION_SECONDS * count / HOSTS else "MISSED"
    return [
        f"{count:,} simulated hosts × {rules} rules, {alerts} alerts held; medians of {CYCLES} cycles.",
        "",
        "| CPU of the engine | ms |",
        "|---|---:|",
        f"| one whole cycle: gather, evaluate, step, write down, tell | {1e3 * cycle:.1f} |",
        f"| taking in the samples of one second | {1e3 * statistics.median(taking):.1f} |",
        f"| for comparison: reading each of those numbers once | {1e3 * statistics.median(bare):.1f} |",
        "",
        f"Budget for 1,000 hosts: {1e3 * EVALUATION_SECONDS:.0f} ms: {verdict}.",
    ]


def _look_at_everything(samples: dict[str, Sample]) -> int:
    high = 0
    for sample in samples.values():
        for gpu in sample.gpus:
            for name in gpu.__struct_fields__:
                value = getattr(gpu, name)
                high += isinstance(value, float) and value > 1e12
        for disk in sample.filesystems:
            for name in disk.__struct_fields__:
                value = getattr(disk, name)
                high += isinstance(value, float) and value > 1e12
    return high


def _cpu(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


# From a sample to whoever should know --------------------------------------------------------------------------------


def _latency() -> list[str]:
    shown, handed = [], []
    with _receiver() as receiver:
        rule = RuleConfig(name="full", expression="disk>90", severity="critical")
        config = AlertsConfig(
            targets=(_target("oncall", receiver.url),), rules=(rule,), policy=AT_ONCE, test_day="none"
        )
        with _fleet(10, config) as fleet, _looping(fleet):
            for at, host in enumerate(fleet.hosts[:5]):
                began = time.monotonic()
                fleet.disk_percent[host.name] = 97.0
                _until(lambda name=host.name: _is_shown(fleet, name))  # type: ignore[misc]
                shown.append(time.monotonic() - began)
                _until(lambda count=at + 1: len(receiver.times) >= count)  # type: ignore[misc]
                handed.append(receiver.times[at] - began)
                fleet.alerts.book.pending()
    verdict = "kept" if max(shown) <= CONSOLE_SECONDS + 0.1 and max(handed) <= HANDED_SECONDS else "MISSED"
    return [
        "From the sample that fires a rule without duration, evaluated once a second, group waits 0; five alerts.",
        "",
        "| until | median | worst |",
        "|---|---:|---:|",
        f"| it is in what the console asks for | {statistics.median(shown):.2f} s | {max(shown):.2f} s |",
        f"| it is at a receiver, through apprise | {statistics.median(handed):.2f} s | {max(handed):.2f} s |",
        "",
        f"Budgets: {CONSOLE_SECONDS:.0f} s (and the console's own half second), {HANDED_SECONDS:.0f} s: {verdict}.",
    ]


def _is_shown(fleet: Fleet, host: str) -> bool:
    rows = fleet.alerts.view(None, None).alerts or ()
    return any(row.host == host and row.rule == "own.full" for row in rows)


# Targets that hang ---------------------------------------------------------------------------------------------------


def _hanging() -> list[str]:
    with _receiver() as receiver, _silent() as silent:
        hang = tuple(_target(f"hang{at}", f"json://127.0.0.1:{silent}/x") for at in range(HANGING))
        rule = RuleConfig(name="full", expression="disk>90", severity="critical")
        config = AlertsConfig(
            targets=(*hang, _target("oncall", receiver.url)), rules=(rule,), policy=AT_ONCE, test_day="none"
        )
        with _fleet(10, config) as fleet, _looping(fleet):
            began = time.monotonic()
            fleet.disk_percent[fleet.hosts[0].name] = 97.0
            _until(lambda: bool(receiver.times))
            seconds = receiver.times[0] - began
    return [
        f"{HANGING} targets accept the connection and never answer; the next one is well: it has its notice after {seconds:.2f} s.",
    ]


# Around --------------------------------------------------------------------------------------------------------------


@contextmanager
def _fleet(count: int, config: AlertsConfig) -> Iterator[Fleet]:
    with tempfile.TemporaryDirectory(prefix="swarm-alerts-") as folder:
        fleet = Fleet(Path(folder), count, config)
        try:
            yield fleet
        finally:
            fleet.alerts.stop()


@contextmanager
def _looping(fleet: Fleet) -> Iterator[None]:
    """Samples and evaluations each second, in the rhythm of an engine."""
    fleet.sample()
    stop = threading.Event()

    def sample() -> None:
        while not stop.wait(1.0):
            now = fleet.clock.now()
            fleet.samples = {name: replace(each, time=now) for name, each in fleet.samples.items()}

    threads = [threading.Thread(target=body, daemon=True) for body in (sample, lambda: fleet.alerts.loop(stop))]
    for thread in threads:
        thread.start()
    yield
    stop.set()
    for thread in threads:
        thread.join()


class _Receiver:
    url = ""

    def __init__(self) -> None:
        self.times: list[float] = []


@contextmanager
def _receiver() -> Iterator[_Receiver]:
    found = _Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            found.times.append(time.monotonic())
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *said: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"json://127.0.0.1:{server.server_address[1]}/hook"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def _silent() -> Iterator[int]:
    """A port that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        yield listener.getsockname()[1]


def _target(name: str, url: str) -> TargetConfig:
    return TargetConfig(name=name, url=url, rules=("own.full",))


def _until(true: Callable[[], bool], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise TimeoutError("it did not come about")
        time.sleep(0.01)
