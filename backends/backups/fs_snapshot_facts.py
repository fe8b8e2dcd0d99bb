"""What a host says about its filesystems, decoded: mounts, subvolumes, volumes, and the snapshots that were left there. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from posixpath import dirname
from typing import TypeVar

import msgspec

from backends import decoding
from backends.errors import SkipHost
from backends.metrics.sample import Record
from backends.text import clean

SUBVOLUME_INODE = 256
"""The number that the root of every btrfs subvolume has, and nothing else."""
MOST_LINES = 100_000
Answer = TypeVar("Answer")
_NAME = re.compile(
    r"swarm-(?:snapshot-)?(?P<engine>[0-9a-f]{12})-(?P<run>[0-9a-f]{12})-(?P<ends>[0-9]{1,12})-[0-9]{1,4}"
)


class Mount(Record, frozen=True, kw_only=True):
    """The filesystem that a path is on."""

    target: str
    source: str
    """Device or dataset."""
    fstype: str
    fsroot: str = "/"
    """Which directory of the filesystem is mounted."""


class Volume(Record, frozen=True, kw_only=True):
    """A logical volume. Sizes in bytes."""

    group: str
    name: str
    path: str
    dm_path: str
    pool: str
    """Its thin pool; "": it is thick."""
    size: int
    free: int
    """What its group has left."""


class Ident(Record, frozen=True, kw_only=True):
    """Whose snapshot it is, by its name."""

    engine: str
    run: str
    ends: int
    """Epoch seconds after which nobody needs it any more."""

    def name(self, number: int) -> str:
        """Of one of its snapshots."""
        return f"swarm-{self.engine}-{self.run}-{self.ends}-{number}"

    def stale(self, engine: str, live: Sequence[str], now: float) -> bool:
        """Whether it may be removed: ours without a run that needs it, or anybody's that has outlived itself."""
        return self.ends < now or (self.engine == engine and self.run not in live)


def ident(name: str) -> Ident | None:
    """Whose snapshot has this name (without a leading dot); None: it is none of ours."""
    match = _NAME.fullmatch(name)
    return Ident(engine=match["engine"], run=match["run"], ends=int(match["ends"])) if match else None


class _Filesystems(msgspec.Struct):
    filesystems: list[Mount]


def mount(stdout: bytes) -> Mount:
    """The answer of `findmnt -J`. Raises SkipHost when it is none, or names several."""
    found = _decoded(stdout, _Filesystems, "findmnt").filesystems
    if len(found) != 1:
        raise SkipHost(f"findmnt names {len(found)} filesystems for one path", action="look for snapshots")
    return found[0]


class _Row(msgspec.Struct):
    vg_name: str
    lv_name: str
    lv_path: str = ""
    lv_dm_path: str = ""
    pool_lv: str = ""
    lv_size: str = "0"
    vg_free: str = "0"


class _Report(msgspec.Struct):
    lv: list[_Row] = []


class _Reports(msgspec.Struct):
    report: list[_Report]


def volumes(stdout: bytes) -> tuple[Volume, ...]:
    """The answer of `lvs --reportformat json --units b --nosuffix`. Raises SkipHost."""
    return tuple(_volume(row) for report in _decoded(stdout, _Reports, "lvs").report for row in report.lv)


def _volume(row: _Row) -> Volume:
    return Volume(
        group=row.vg_name,
        name=row.lv_name,
        path=row.lv_path,
        dm_path=row.lv_dm_path,
        pool=row.pool_lv,
        size=_number(row.lv_size),
        free=_number(row.vg_free),
    )


def overflowed(stdout: bytes) -> bool:
    """Whether `lvs -o lv_attr` says that a snapshot has lost its contents."""
    return stdout.strip()[4:5] in (b"I", b"S")


def above(path: str, mounted: str) -> tuple[str, ...]:
    """`path` and the directories above it, up to where its filesystem is mounted, nearest first."""
    found = [path]
    while found[-1] not in (mounted, "/"):
        found.append(dirname(found[-1]))
    return tuple(found)


def subvolume(candidates: Sequence[str], stdout: bytes) -> str:
    """The nearest subvolume among `candidates`, by what `stat -c %i` says of each; "": none."""
    inodes = stdout.split(b"\n")[: len(candidates)]
    return next((path for path, inode in zip(candidates, inodes, strict=False) if inode == b"%d" % SUBVOLUME_INODE), "")


def names(stdout: bytes, separator: bytes) -> tuple[str, ...]:
    """Rows of a listing. What is no UTF-8 is kept as it is."""
    rows = stdout.split(separator)[:MOST_LINES]
    return tuple(row.decode("utf-8", "surrogateescape") for row in rows if row)


def _number(text: str) -> int:
    return int(text) if re.fullmatch(r"[0-9]{1,20}", text) else 0


def _decoded(stdout: bytes, kind: type[Answer], program: str) -> Answer:
    try:
        return decoding.json(stdout, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise SkipHost(
            f"the answer of {program} is not understood: {clean(str(error), 200)}", action="look for snapshots"
        ) from error
