"""What our transports cost beside Borg by hand: the same create on the same data into an empty repository, side by side.

Borg's own work is the same everywhere, so a ratio shows what is ours: the child that is listened to, the RPC that is carried.
"""

from __future__ import annotations

import os
import random
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from backends.backups.borg import create as creating
from backends.backups.model import BorgResult
from backends.backups.runner import Runner
from tests.e2e.backupsite import Site, standing
from tests.lab.userlab import Fleet, available
from tests.unit.backups.borgfield import BORG, PASSPHRASE, dialect

MIB = 1 << 20
ROUNDS = 3
LOCAL_BUDGET, RELAY_BUDGET = 1.05, 1.3
OPTIONS = {"compression": "lz4", "files_cache": "disabled"}


class Cost(msgspec.Struct):
    """Of one run, in seconds; CPU of this process and its children."""

    wall: float
    own: float
    children: float

    @property
    def cpu(self) -> float:
        return self.own + self.children


def run() -> list[str]:
    """The table."""
    if not BORG or not available():
        return ["Not measured: no borg or no sshd on this machine."]
    mib = 32 if os.environ.get("SWARM_BENCH_QUICK") else 256
    with (
        tempfile.TemporaryDirectory(prefix="swarm-backups-") as folder,
        Fleet.up(1) as fleet,
        standing(fleet, Path(folder) / "site") as site,
    ):
        _fill(site.data, mib)
        best = _rounds(site)
    return _table(best, mib)


def _rounds(site: Site) -> dict[str, Cost]:
    """The best of each way; one after the other in each round, so that all meet the same machine."""
    ways: dict[str, Callable[[], Cost]] = {
        "by hand": lambda: _measured(lambda: _by_hand(site)),
        "LocalRunner": lambda: _measured(lambda: _by(site, site.field.local(), remote=False)),
        "push": lambda: _measured(lambda: _by(site, site.push(), remote=True)),
        "relay": lambda: _measured(lambda: _by(site, site.relay(), remote=False)),
        "relay to a second machine": lambda: _measured(lambda: _by(site, site.relay(), remote=True)),
    }
    best: dict[str, Cost] = {}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            _empty(site)
            cost = way()
            known = best.setdefault(name, cost)
            best[name] = Cost(min(known.wall, cost.wall), min(known.own, cost.own), min(known.children, cost.children))
    return best


def _measured(work: Callable[[], None]) -> Cost:
    own, children = _used(resource.RUSAGE_SELF), _used(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    work()
    wall = time.perf_counter() - began
    return Cost(wall, _used(resource.RUSAGE_SELF) - own, _used(resource.RUSAGE_CHILDREN) - children)


def _used(whose: int) -> float:
    usage = resource.getrusage(whose)
    return usage.ru_utime + usage.ru_stime


def _argv(site: Site, location: str) -> tuple[str, ...]:
    return creating.argv(dialect(), location, "bench", (str(site.data),), **OPTIONS)  # type: ignore[arg-type]


def _by_hand(site: Site) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "BORG_PASSPHRASE": PASSPHRASE.decode(),
        "BORG_BASE_DIR": str(site.field.folder / "hand"),
        "TZ": "UTC",
        "LC_ALL": "C.UTF-8",
    }
    with open(os.devnull, "wb") as null:
        subprocess.run(
            [BORG, *_argv(site, str(site.field.place))[1:]], env=environment, stdout=null, stderr=null, check=True
        )


def _by(site: Site, runner: Runner, *, remote: bool) -> None:
    heard = 0

    def hear(event: object) -> None:
        nonlocal heard
        heard += 1

    repository = site.remote if remote else site.field.repository
    result: BorgResult = runner.run(repository, lambda location: _argv(site, location), on_event=hear)
    if result.exit_status != 0 or not heard:
        raise RuntimeError(f"the backup failed: {result}")


def _empty(site: Site) -> None:
    """An empty repository again, and nobody who remembers the last one."""
    shutil.rmtree(site.field.place)
    shutil.copytree(site.field.folder.parent / "borg-template", site.field.place)
    for memory in (site.field.folder / "hand", site.field.folder / "borg", site.host.home / "root" / "var" / "cache"):
        shutil.rmtree(memory, ignore_errors=True)
        memory.mkdir()
    os.sync()


def _fill(folder: Path, mib: int) -> None:
    """Half incompressible, a quarter text, a quarter small files."""
    chance = random.Random(7)
    for number in range(mib // 2 // 16):
        (folder / f"weights-{number}").write_bytes(chance.randbytes(16 * MIB))
    words = [chance.randbytes(6).hex().encode() for _ in range(4096)]
    with (folder / "log.jsonl").open("wb") as file:
        while file.tell() < mib * MIB // 4:
            file.write(b" ".join(chance.choices(words, k=4000)) + b"\n")
    for number in range(mib * MIB // 4 // 32768):
        place = folder / f"small-{number % 64}"
        place.mkdir(exist_ok=True)
        (place / f"{number}").write_bytes(chance.randbytes(32768))


def _table(best: dict[str, Cost], mib: int) -> list[str]:
    hand, ours, push, relay = (best[name] for name in ("by hand", "LocalRunner", "push", "relay"))
    cpu, wall, carried = ours.cpu / hand.cpu, ours.wall / hand.wall, relay.wall / push.wall
    rows = [
        f"| {name} | {cost.wall:.2f} s | {mib / cost.wall:.0f} MB/s | {cost.own:.2f} s | {cost.children:.2f} s |"
        for name, cost in best.items()
    ]
    return [
        f"{mib} MiB of mixed data, one `borg create` into an empty repository, best of {ROUNDS}. Host, engine and both "
        "repositories' machines are this one machine, over loopback sshd where SSH is in the way; what runs on a host is in "
        "no CPU column.",
        "",
        "| way | wall | speed | engine CPU | CPU of its children |",
        "|---|---:|---:|---:|---:|",
        *rows,
        "",
        f"Budget: LocalRunner against the same command by hand ≤ {LOCAL_BUDGET:g}×: CPU {cpu:.2f}×, wall {wall:.2f}×, "
        f"{_verdict(max(cpu, wall) <= LOCAL_BUDGET)}.",
        "",
        f"Budget: relay against direct push ≤ {RELAY_BUDGET:g}× wall: {carried:.2f}×, {_verdict(carried <= RELAY_BUDGET)}.",
    ]


def _verdict(kept: bool) -> str:
    return "kept" if kept else "MISSED"
