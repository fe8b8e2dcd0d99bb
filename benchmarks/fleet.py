"""The real engine on real SSH: up to a thousand loopback addresses on one sshd, every host sampled once a second.

CPU and memory are those of the engine's process alone; the sshd's own CPU (12–14 ms a login, 0.2 ms a sample) shares the
cores, so what the engine does is shown under the pressure of its own fleet. These hosts have no kernel log to follow and
answer no health check, as hosts without either would; alerts are evaluated over all of them.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backends.errors import SwarmError
from backends.states import HostState
from benchmarks.cost import kept
from benchmarks.engine import HOMES, cpu_seconds, resident_mib
from benchmarks.ssh_server import Thousand
from swarm_tui.client import EngineClient
from tests.lab.userlab import available

QUICK = bool(os.environ.get("SWARM_BENCH_QUICK"))
COUNTS = (50,) if QUICK else (200, 500, 1000)
SECONDS = 5.0 if QUICK else 20.0
CONNECT_SECONDS = 120.0
CORES, DEAD_SECONDS, STOP_SECONDS = 0.5, 10.0, 1.0
"""Budgets: the engine's CPU at 1,000 hosts, a host that hangs, the engine's end."""


def run() -> list[str]:
    """Markdown. Says what is missing where it cannot measure."""
    if not available() or shutil.which("gcc") is None:
        return ["Not measured: needs sshd, ssh-keygen and gcc."]
    lines = [
        "| hosts | all up after s | cores | MiB | samples a host in the window, fewest | hosts skipped |",
        "|---:|---:|---:|---:|---:|---:|",
    ]
    with Thousand.up(max(COUNTS)) as thousand:
        for count in COUNTS:
            with _engine(thousand, count) as (process, client):
                up = _all_up(client, count)
                cores, samples = _watched(process.pid, client)
                fewest = min(samples.values(), default=0)
                skipped = count - len(samples)
                memory = resident_mib(process.pid)
                dead = _dead(thousand, client) if count == max(COUNTS) else None
                gone = _ended(process)
            lines.append(
                f"| {count} | {up:.1f} | {cores:.2f} | {memory:.0f} | {fewest} in {SECONDS:.0f} s | {skipped} |"
            )
    return [
        *lines,
        "",
        f"Budget: {max(COUNTS)} hosts at 1 Hz ≤ {CORES:g} core, no host skipped: {cores:.2f}, {skipped} skipped, "
        f"{kept(cores if not skipped else None, CORES)}.",
        "",
        f"Budget: a host whose sshd is stopped is unreachable within {DEAD_SECONDS:g} s: "
        f"{f'{dead:.1f} s' if dead is not None else 'not seen'}, {kept(dead, DEAD_SECONDS)}.",
        "",
        f"Budget: the engine ends within {STOP_SECONDS:g} s: {gone:.2f} s, {kept(gone, STOP_SECONDS)}.",
    ]


@contextmanager
def _engine(thousand: Thousand, count: int) -> Iterator[tuple[subprocess.Popen[bytes], EngineClient]]:
    """A running engine for the first `count` hosts, in directories of its own, and a console's connection to it."""
    with tempfile.TemporaryDirectory(prefix="swarm-fleet-") as folder:
        environment = {**os.environ, **dict.fromkeys(HOMES, folder)}
        environment.pop("SSH_AUTH_SOCK", None)
        config, socket = Path(folder) / "fleet.toml", Path(folder) / "engine.sock"
        config.write_text(_config(thousand, count))
        argv = [sys.executable, "-m", "swarm_tui", "--config", str(config), "--socket", str(socket)]
        process = subprocess.Popen(
            [*argv, "engine", "--foreground"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield process, _connected(socket)
        finally:
            process.kill()
            process.wait()


def _config(thousand: Thousand, count: int) -> str:
    ssh = thousand.ssh()
    head = (
        f'[ssh]\nuser = "{ssh.user}"\nconfig_file = "none"\nidentity_files = ["{thousand.key}"]\n'
        f'known_hosts_files = ["{thousand.root}/known_hosts"]\n[updates]\nask_hours = 0\n'
    )
    hosts = (
        f'[hosts.h{number}]\naddress = "{name}"\nport = {thousand.port}\n'
        for number, name in enumerate(thousand.names[:count])
    )
    return head + "".join(hosts)


def _connected(socket: Path) -> EngineClient:
    until = time.monotonic() + 30
    while True:
        try:
            return EngineClient.connect(socket)
        except SwarmError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


def _all_up(client: EngineClient, count: int) -> float:
    began = time.monotonic()
    while time.monotonic() - began < CONNECT_SECONDS:
        rows = client.fleet_view().rows
        if sum(row.state is HostState.UP and row.sample_time is not None for row in rows) == count:
            break
        time.sleep(0.25)
    return time.monotonic() - began


def _watched(pid: int, client: EngineClient) -> tuple[float, Counter[str]]:
    """Cores used, and the samples that came of each host, as a console that asks twice a second sees them."""
    seen: dict[str, set[float]] = {}
    before, began, version = cpu_seconds(pid), time.monotonic(), None
    while time.monotonic() - began < SECONDS:
        view = client.fleet_view(version)
        version = view.version
        for row in view.rows:
            if row.sample_time is not None:
                seen.setdefault(row.name, set()).add(row.sample_time)
        time.sleep(0.4)
    cores = (cpu_seconds(pid) - before) / (time.monotonic() - began)
    return cores, Counter({name: len(times) for name, times in seen.items()})


def _dead(thousand: Thousand, client: EngineClient) -> float | None:
    """Seconds until the frozen host leaves the hosts that are up for good."""
    thousand.freeze_one()
    began = time.monotonic()
    while time.monotonic() - began < 2 * DEAD_SECONDS:
        if any(row.state is HostState.UNREACHABLE for row in client.fleet_view().rows):
            return time.monotonic() - began
        time.sleep(0.1)
    return None


def _ended(process: subprocess.Popen[bytes]) -> float:
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    process.wait(30)
    return time.monotonic() - began
