"""The process that is measured: an SSH source watching so many hosts. Says one JSON object and ends.

python -m benchmarks.ssh_client ROOT PORT COUNT SECONDS [hashed] [fanout] [dead]
"""

from __future__ import annotations

import json
import os
import resource
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from backends.config.schema import SshConfig
from backends.errors import SwarmError
from backends.inventory.host import Host
from backends.metrics.sample import HostFacts, Sample
from backends.sources.base import LinkInfo, StateChange
from backends.sources.ssh import SshSource
from backends.states import HostState

FANOUT_THREADS = 64
CONNECT_SECONDS = 180.0


class Counter:
    """A sink that counts, as cheaply as can be."""

    def __init__(self) -> None:
        self.samples: dict[str, int] = {}
        self.up: set[str] = set()
        self.down: dict[str, tuple[float, str]] = {}
        self.last: dict[str, float] = {}
        self.gap = 0.0

    def facts(self, host: str, facts: HostFacts) -> None:
        return

    def sample(self, host: str, sample: Sample) -> None:
        now = time.monotonic()
        self.gap = max(self.gap, now - self.last.get(host, now))
        self.last[host] = now
        self.samples[host] = self.samples.get(host, 0) + 1

    def state(self, host: str, change: StateChange) -> None:
        if change.state is HostState.UP:
            self.up.add(host)
        elif change.state is not HostState.CONNECTING:
            self.up.discard(host)
            if change.state is not HostState.STALE:
                self.down[host] = (time.monotonic(), change.reason)

    def link(self, host: str, link: LinkInfo) -> None:
        return

    def note(self, host: str, kind: str, text: str) -> None:
        return


def cpu() -> float:
    """CPU seconds of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def resident() -> int:
    """Bytes of memory in use."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def until(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether `condition` came true in time."""
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()


def main(arguments: list[str]) -> None:
    """Connect, watch, and say what it cost."""
    root, port, count, seconds, *wanted = arguments
    table = "known_hosts.hashed" if "hashed" in wanted else "known_hosts"
    ssh = SshConfig(config_file="none", identity_files=(f"{root}/id",), known_hosts_files=(f"{root}/{table}",))
    names = [line.split()[0][1:].split("]")[0] for line in Path(root, "known_hosts").read_text().splitlines()]
    hosts = [Host(name=name, address=name, port=int(port)) for name in names[: int(count)]]
    counter, said = Counter(), dict[str, object]()
    source = SshSource(hosts, ssh)
    memory, spent, began = resident(), cpu(), time.monotonic()
    source.start(counter)
    whole = until(lambda: len(counter.up) == len(hosts), CONNECT_SECONDS)
    said.update(connected=len(counter.up), connect_wall=time.monotonic() - began, connect_cpu=cpu() - spent)
    if not whole:
        said["reasons"] = sorted({reason for _, reason in counter.down.values()})[:5]
    time.sleep(2.0)
    stream(counter, float(seconds), said)
    said.update(rss_per_host=(resident() - memory) / len(hosts), threads=threading.active_count())
    if "fanout" in wanted:
        fan_out(source, names[: int(count)], said)
    if "dead" in wanted:
        said["freeze"] = True
        print("FREEZE", flush=True)
        sys.stdin.readline()
        frozen = time.monotonic()
        found = until(lambda: any(at >= frozen for at, _ in counter.down.values()), 15.0)
        said["dead_seconds"] = time.monotonic() - frozen if found else None
    began = time.monotonic()
    source.stop()
    said["stop_seconds"] = time.monotonic() - began
    print(json.dumps(said), flush=True)


def stream(counter: Counter, seconds: float, said: dict[str, object]) -> None:
    """What the steady state costs."""
    before, spent, began = dict(counter.samples), cpu(), time.monotonic()
    counter.gap = 0.0
    time.sleep(seconds)
    wall, used = time.monotonic() - began, cpu() - spent
    fresh = {name: total - before.get(name, 0) for name, total in counter.samples.items()}
    samples = sum(fresh.values())
    said.update(
        cores=used / wall,
        microseconds_per_sample=used / max(1, samples) * 1e6,
        samples_per_second=samples / wall,
        fewest=min(fresh.values(), default=0),
        gap=counter.gap,
    )


def fan_out(source: SshSource, names: list[str], said: dict[str, object]) -> None:
    """One command on every host, over the open connections."""
    failed: list[str] = []

    def one(name: str) -> None:
        way = source.exec(name)
        try:
            if way is None or way.run(["true"], timeout_seconds=60).exit_status != 0:
                failed.append(name)
        except SwarmError as error:
            failed.append(str(error))

    spent, began = cpu(), time.monotonic()
    with ThreadPoolExecutor(FANOUT_THREADS) as pool:
        list(pool.map(one, names))
    said.update(fanout_wall=time.monotonic() - began, fanout_cpu=cpu() - spent, fanout_failed=len(failed))


if __name__ == "__main__":
    main(sys.argv[1:])
