"""The catalog of the backups in numbers: indexing a million files, the same files again and again, browsing, searching."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from backends.backups.catalog import Catalog
from backends.backups.model import Archive, BrowseEntry
from backends.clock import SystemClock

FILES, ARCHIVES = 1_000_000, 10
WIDE = 10
"""One directory has a tenth of all files."""
CHANGED = 100
"""From archive to archive each hundredth file differs."""
BUDGET_SECONDS = 1.0
_NOW = 1_790_000_000.0


def run() -> list[str]:
    """Index one archive, then more of the same series, then ask what a person asks."""
    files = FILES // 20 if os.environ.get("SWARM_BENCH_QUICK") else FILES
    with tempfile.TemporaryDirectory(prefix="swarm-catalog-") as folder:
        file = Path(folder) / "catalog.db"
        lines = _indexing(file, files)
        catalog = Catalog(file, SystemClock())
        lines += ["", *_asking(catalog, files)]
        catalog.close()
    return lines


def _indexing(file: Path, files: int) -> list[str]:
    rows = []
    sizes = []
    for day in range(ARCHIVES):
        entries = list(_entries(files, day))
        catalog = Catalog(file, SystemClock())
        began, cpu = time.perf_counter(), time.process_time()
        catalog.index(_archive(catalog, day), entries)
        rows.append((len(entries) / (time.perf_counter() - began), len(entries) / (time.process_time() - cpu)))
        catalog.close()  # the write-ahead log goes into the file
        sizes.append(file.stat().st_size)
    later = rows[1:]
    return [
        f"{files:,} files of one set, {ARCHIVES} archives, in each 1 of {CHANGED} files changed against the one before.",
        "",
        "| indexing | entries/s | entries/CPU-s | then on disk, bytes for each file |",
        "|---|---:|---:|---:|",
        f"| the first archive | {rows[0][0]:,.0f} | {rows[0][1]:,.0f} | {sizes[0] / files:.0f} |",
        f"| each one after it | {_mean([row[0] for row in later]):,.0f} | {_mean([row[1] for row in later]):,.0f}"
        f" | {sizes[-1] / files:.0f} after the last |",
    ]


def _asking(catalog: Catalog, files: int) -> list[str]:
    newest, oldest = catalog.archives()[0], catalog.archives()[-1]
    wide = files // WIDE
    questions: list[tuple[str, Callable[[], object]]] = [
        ("open the top of an archive", lambda: catalog.browse(newest, "")),
        ("open a directory of 1,000", lambda: catalog.browse(newest, "srv/models/d7")),
        (f"open a directory of {wide:,}", lambda: catalog.browse(newest, "srv/wide")),
        ("its page in the middle", lambda: catalog.browse(newest, "srv/wide", wide // 2)),
        (f"the directory of {wide:,} in the oldest archive", lambda: catalog.browse(oldest, "srv/wide")),
        ("search part of a name, few hits", lambda: catalog.search("shard-000777")),
        ("search part of a name, a million hits", lambda: catalog.search("shard")),
        ("search *.nothing", lambda: catalog.search("*.nothing")),
        ("history of a path over all archives", lambda: catalog.history("gpu1", "srv/wide/shard-000100.bin")),
        ("a sample of 50 files for a drill", lambda: catalog.sample(newest, 50, 1)),
        ("walk the whole tree", lambda: sum(1 for _ in catalog.walk(newest, ""))),
    ]
    rows = [(name, _seconds(ask)) for name, ask in questions]
    slowest = max(seconds for name, seconds in rows if name.startswith(("open", "search")))
    verdict = "kept" if slowest <= BUDGET_SECONDS else "MISSED"
    return [
        "| question | first time |",
        "|---|---:|",
        *(f"| {name} | {seconds * 1000:.0f} ms |" for name, seconds in rows),
        "",
        f"Budget: an archive of {files:,} entries opens, and a search answers, within {BUDGET_SECONDS:g} s:"
        f" {slowest:.2f} s at most, {verdict}.",
    ]


def _entries(files: int, day: int) -> Iterator[BrowseEntry]:
    """As Borg lists them: directories first, then what is in them."""
    wide = files // WIDE
    yield _directory("srv/wide")
    for number in range(wide):
        yield _file(f"srv/wide/shard-{number:06}.bin", number, day)
    for number in range(files - wide):
        if number % 1000 == 0:
            yield _directory(f"srv/models/d{number // 1000}")
        yield _file(f"srv/models/d{number // 1000}/shard-{number:06}.bin", number, day)


def _file(path: str, number: int, day: int) -> BrowseEntry:
    changed = day - (day - number) % CHANGED if day else 0  # the last day on which it was this file's turn
    when = _NOW + max(0, changed) * 86_400
    return BrowseEntry(
        path=path, type="-", mode="-rw-r--r--", user="root", group="root", size=number * 997 % 10**9, mtime=when
    )


def _directory(path: str) -> BrowseEntry:
    return BrowseEntry(path=path, type="d", mode="drwxr-xr-x", user="root", group="root", size=0, mtime=_NOW)


def _archive(catalog: Catalog, day: int) -> Archive:
    one = Archive(
        id=f"{day:064x}",
        repository="vault/gpu1",
        name=f"models.{day}",
        set="models",
        host="gpu1",
        start=_NOW + day * 86_400,
    )
    catalog.add(one)
    return one


def _seconds(ask: Callable[[], object]) -> float:
    began = time.perf_counter()
    ask()
    return time.perf_counter() - began


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
