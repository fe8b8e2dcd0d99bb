"""SSH in numbers: connecting, streaming at 1 Hz, fan-out of one command against clush and ansible, a dead host."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from typing import Any

from benchmarks import peers
from benchmarks.cost import kept
from benchmarks.ssh_server import Thousand
from tests.lab.userlab import available

QUICK = bool(os.environ.get("SWARM_BENCH_QUICK"))
COUNTS = (50, 200) if QUICK else (200, 500, 1000)
FANOUT = COUNTS[0]
SECONDS = 5.0 if QUICK else 20.0
DEAD_SECONDS, STOP_SECONDS = 10.0, 1.0
"""Budgets: a host that hangs is known to be unreachable; all connections are closed."""


def run() -> list[str]:
    """Markdown. Says what is missing where it cannot measure."""
    if not available() or shutil.which("gcc") is None:
        return ["Not measured: needs sshd, ssh-keygen and gcc."]
    with Thousand.up(max(COUNTS)) as thousand:
        found = {
            count: measure(thousand, count, "fanout", *(["dead"] if count == COUNTS[-1] else [])) for count in COUNTS
        }
        hashed = measure(thousand, FANOUT, "hashed", seconds=1.0)
        peers = [ours(found[FANOUT]), *rivals(thousand, FANOUT)]
        size = thousand.sample_bytes
    return [*notes(size), "", *steady(found), "", *connecting(found, hashed), "", *fan_out(peers), "", *dead(found)]


def measure(thousand: Thousand, count: int, *wanted: str, seconds: float = SECONDS) -> dict[str, Any]:
    """Run the measured process; play the dead host when it asks."""
    argv = [
        sys.executable,
        "-m",
        "benchmarks.ssh_client",
        str(thousand.root),
        str(thousand.port),
        str(count),
        str(seconds),
    ]
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "HOME": home, "XDG_CACHE_HOME": home}
        environment.pop("SSH_AUTH_SOCK", None)
        process = subprocess.Popen(
            [*argv, *wanted], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        assert process.stdin is not None
        assert process.stdout is not None
        line = process.stdout.readline()
        if line.strip() == "FREEZE":
            thousand.freeze_one()
            process.stdin.write("\n")
            process.stdin.flush()
            line = process.stdout.readline()
        process.communicate(timeout=30)
    until = time.monotonic() + 30
    while len(thousand.sessions()) > 1 and time.monotonic() < until:
        time.sleep(0.1)
    return dict(json.loads(line))


def notes(size: int) -> list[str]:
    """What was measured, and what not."""
    return [
        "One sshd on this machine answers for every loopback address; its CPU (12–14 ms a login) shares the cores, so wall",
        f"times are pessimistic and CPU is the client's alone. The hosts replay captured probe lines ({size} B a sample) from",
        "a small C program: a thousand real probes would measure the machine. Decoding to samples is included.",
    ]


def steady(found: dict[int, dict[str, Any]]) -> list[str]:
    """1 Hz."""
    lines = [
        "| hosts at 1 Hz | cores | µs a sample | samples/s | fewest of a host | longest gap s | RSS a host KB | threads |",
        "|---|---|---|---|---|---|---|---|",
    ]
    return lines + [
        f"| {count} | {row['cores']:.2f} | {row['microseconds_per_sample']:.0f} | {row['samples_per_second']:.0f} "
        f"| {row['fewest']} in {SECONDS:.0f} s | {row['gap']:.2f} | {row['rss_per_host'] / 1024:.0f} | {row['threads']} |"
        for count, row in found.items()
    ]


def connecting(found: dict[int, dict[str, Any]], hashed: dict[str, Any]) -> list[str]:
    """From nothing to the first sample of every host."""
    lines = ["| connect, log in, start the probe | connected | wall s | client CPU ms a host |", "|---|---|---|---|"]
    rows = [*((f"{count} hosts", count, row) for count, row in found.items())]
    rows.append((f"{FANOUT} hosts, hashed known_hosts of {max(COUNTS)} lines", FANOUT, hashed))
    return lines + [
        f"| {label} | {row['connected']} | {row['connect_wall']:.1f} | {row['connect_cpu'] / count * 1000:.1f} |"
        for label, count, row in rows
    ]


def ours(row: dict[str, Any]) -> tuple[str, float, float, str]:
    """Fan-out over the connections that are open anyway."""
    failed = f"{row['fanout_failed']} failed" if row["fanout_failed"] else ""
    return "swarm-tui, open connections", row["fanout_wall"], row["fanout_cpu"], failed


def rivals(thousand: Thousand, count: int) -> list[tuple[str, float, float, str]]:
    """The same command with what people use."""
    names = thousand.names[:count]
    rows = []
    if clush := peers.program("clush"):
        argv = [clush, "-q", "-S", "-f", "64", "-w", ",".join(names), "-o", " ".join(thousand.options()), "true"]
        rows.append(("clush", *timed(argv)))
    else:
        rows.append(("clush", 0.0, 0.0, "not installed"))
    if ansible := peers.program("ansible"):
        inventory = thousand.root / "inventory"
        inventory.write_text("\n".join(names) + "\n")
        argv = [ansible, "all", "-i", str(inventory), "-f", "64", "-m", "raw", "-a", "true", "-o"]
        argv += ["--ssh-common-args", " ".join(thousand.options())]
        rows.append(("ansible -m raw", *timed(argv)))
        rows.append(("ansible -m raw, again over its kept connections", *timed(argv)))
    else:
        rows.append(("ansible -m raw", 0.0, 0.0, "not installed"))
    return rows


def timed(argv: list[str]) -> tuple[float, float, str]:
    """Wall seconds, CPU seconds with children, and what went wrong."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600)
    wall, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, used, "" if done.returncode == 0 else f"exit {done.returncode}"


def fan_out(rows: list[tuple[str, float, float, str]]) -> list[str]:
    """Everybody in one sitting."""
    first = rows[0][1]
    lines = [f"| `true` on {FANOUT} hosts | wall s | client CPU s | ratio of wall | |", "|---|---|---|---|---|"]
    return lines + [
        f"| {name} | {wall:.2f} | {used:.2f} | {wall / first:.1f}× | {remark} |"
        if wall
        else f"| {name} | | | | {remark} |"
        for name, wall, used, remark in rows
    ]


def dead(found: dict[int, dict[str, Any]]) -> list[str]:
    """The budgets."""
    row = found[COUNTS[-1]]
    seconds = row.get("dead_seconds")
    seen = f"{seconds:.1f} s" if seconds is not None else "not within 15 s"
    stop = row["stop_seconds"]
    return [
        f"Budget: among {COUNTS[-1]} hosts, one whose sshd is stopped (`kill -STOP`, TCP goes on answering) is unreachable "
        f"within {DEAD_SECONDS:g} s: {seen}, {kept(seconds, DEAD_SECONDS)}. "
        f"Closing all {COUNTS[-1]} connections ≤ {STOP_SECONDS:g} s: {stop:.2f} s, {kept(stop, STOP_SECONDS)}."
    ]
