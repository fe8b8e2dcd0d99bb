"""Which snapshots a set of paths needs, and how Borg comes to read them in place of what they were taken of. Pure.

Borg runs in a mount namespace of its own. There each snapshot is mounted over the very path that is to be read, so that the names
in the archive stay what they are, and nobody else sees any of it. With the last process of the namespace its mounts are gone, in
whatever way that process ended; only the snapshots themselves have to be removed.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal

from backends import units
from backends.backups.fs_snapshot_facts import Ident, Mount, Volume
from backends.backups.names import escaped
from backends.metrics.sample import Record

Kind = Literal["btrfs", "zfs", "lvm"]
STAGE = "/run/swarm-tui-snapshots"
"""An empty directory; what is mounted on it is seen in the namespaces only."""
MARK = "swarm-snapshot-failed"
"""Starts a line of the namespace's script: a path is read as it is after all."""
LEFT_OUT = "sh:**/.swarm-snapshot-*"
"""For Borg: the places of snapshots are no files of the host."""
LEAST_FREE = 256 << 20
TOOL = ("env", "LC_ALL=C", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
"""Before every program of this: not every shell finds what is for administrators."""

_SCRIPT = f"""\
stage=$1; shift
mkdir -p -m 700 "$stage" && mount -t tmpfs -o mode=700,size=1m swarm-tui "$stage" || {{ echo {MARK} stage >&2; n=none; }}
put() {{
  at=$stage/$1
  if [ "$2" != bind ]; then mkdir "$at" && mount -t "$2" -o "$3" -- "$4" "$at"
  elif [ -d "$4" ]; then mkdir "$at" && mount --bind -- "$4" "$at"
  else : >"$at" && mount --bind -- "$4" "$at"; fi && return
  rm -f "$at" 2>/dev/null || rmdir "$at"
}}
if [ "${{n-}}" != none ]; then
  n=0 field=0
  for word in "$@"; do
    [ $field != 0 ] || [ "$word" != -- ] || break
    case $field in
      0) type=$word;; 1) options=$word;; 2) source=$word;;
      4) put $n "$type" "$options" "$source"; n=$((n+1));;
    esac
    field=$(((field+1)%5))
  done
  n=0
fi
while [ "$1" != -- ]; do
  if [ "$n" != none ]; then
    mount --bind -- "$stage/$n$4" "$5" || echo {MARK} $n >&2
    n=$((n+1))
  fi
  shift 5
done
shift
exec "$@"
"""
"""Everything that varies comes as an argument: five words a mount, then --, then Borg. First everything is put aside, then put
in its place: what is put in place first may cover where the rest comes from. What fails is not in its place: never an empty
directory instead."""


class Spot(Record, frozen=True, kw_only=True):
    """A path that is to be read, and where it is."""

    path: str
    """As configured."""
    real: str
    """Without links."""
    file: bool = False
    """It is no directory."""
    mount: Mount
    subvolume: str = ""
    """Of btrfs: the directory that is the root of what can be snapshotted; "": there is none."""


class Snapshot(Record, frozen=True, kw_only=True):
    """One snapshot."""

    kind: Kind
    origin: str
    """What it is taken of: a directory, a dataset, GROUP/VOLUME."""
    name: str
    """What it becomes: a directory, DATASET@NAME, GROUP/VOLUME."""
    make: tuple[str, ...]
    remove: tuple[str, ...]
    bounded: bool = False
    """It has room for so many changes only, and loses its contents beyond."""

    @property
    def text(self) -> str:
        """ "btrfs snapshot of /srv"."""
        return f"{self.kind} snapshot of {escaped(self.origin)}"


class Row(Record, frozen=True, kw_only=True):
    """One mount in the namespace."""

    target: str
    source: str
    type: str = "bind"
    options: str = ""
    inner: str = ""
    """Which part of what is mounted: "" or "/DIRECTORY"."""
    snapshot: str = ""
    """Name of the snapshot that it shows; "": the directory as it is, because something else covers it."""

    @property
    def words(self) -> tuple[str, ...]:
        """As the script takes it."""
        return (self.type, self.options, self.source, self.inner, self.target)


class Plan(Record, frozen=True, kw_only=True):
    """What is to be made."""

    snapshots: tuple[Snapshot, ...] = ()
    rows: tuple[Row, ...] = ()
    notes: tuple[str, ...] = ()
    """Which paths are read without one, and why."""


class _Refused(Exception):
    """Why a path has no snapshot."""


def plan(spots: Sequence[Spot], volumes: Sequence[Volume], ident: Ident) -> Plan:
    """What can be snapshotted, and how.

    Args:
        spots: the paths of the set.
        volumes: the logical volumes of the host.
        ident: whose snapshots they will be.
    """
    made: dict[str, Snapshot] = {}
    rows, notes = [], []
    for spot in spots:
        try:
            snapshot, row = _covered(spot, volumes, lambda: ident.name(len(made)), made)
        except _Refused as why:
            notes.append(f"{escaped(spot.path)} is read without a snapshot: {why}")
            continue
        made[snapshot.origin] = snapshot
        rows.append(row)
    return Plan(snapshots=tuple(made.values()), rows=tuple(rows), notes=tuple(notes))


def prefix(rows: Iterable[Row], spots: Sequence[Spot], live: Sequence[str]) -> tuple[str, ...]:
    """The words before Borg; () when nothing is shown in another place's stead.

    Args:
        rows: those whose snapshots were made.
        spots: the paths of the set.
        live: real directories that Borg writes to: they must not be covered.
    """
    shown = list(rows)
    if not shown:
        return ()
    covered = {row.target for row in shown}
    plain = [spot.real for spot in spots if _place(spot) not in covered]
    shown += [Row(target=path, source=path) for path in (*plain, *live) if _below(path, covered)]
    shown.sort(key=lambda row: (row.target.count("/"), not row.snapshot))
    words = [word for row in dict.fromkeys(shown) for word in row.words]
    return ("unshare", "-m", "--propagation", "private", "sh", "-c", _SCRIPT, "sh", STAGE, *words, "--")


def needed(live: Sequence[str], spots: Iterable[Spot]) -> tuple[str, ...]:
    """Those of `live` that a snapshot could cover: they have to be there before it is taken."""
    roots = {_place(spot) for spot in spots}
    return tuple(path for path in live if _below(path, roots))


def _place(spot: Spot) -> str:
    """What is covered: of a file its directory, because a mount on a file is gone when somebody replaces that file."""
    above = posixpath.dirname(spot.real)
    root = spot.subvolume or spot.mount.target
    return above if spot.file and _below(above, [root]) and not _below(STAGE, [above]) else spot.real


def _below(path: str, roots: Iterable[str]) -> bool:
    """Whether a path is one of the roots, or below one."""
    return any(path == root or path.startswith(root.rstrip("/") + "/") for root in roots)


def _covered(
    spot: Spot, volumes: Sequence[Volume], name: Callable[[], str], made: Mapping[str, Snapshot]
) -> tuple[Snapshot, Row]:
    """The snapshot of a path, and how it is shown. Raises _Refused."""
    if _below(STAGE, [_place(spot)]):
        raise _Refused("nothing can be mounted over it")
    if not _below(_place(spot), [spot.mount.target]):
        raise _Refused("it is not where its filesystem is mounted")
    if spot.mount.fstype == "btrfs":
        return _btrfs(spot, name, made)
    if spot.mount.fstype == "zfs":
        return _zfs(spot, name, made)
    return _lvm(spot, volumes, name, made)


def _btrfs(spot: Spot, name: Callable[[], str], made: Mapping[str, Snapshot]) -> tuple[Snapshot, Row]:
    origin = spot.subvolume
    if not origin:
        raise _Refused("only a part of a btrfs subvolume is mounted there")
    place = f"{origin.rstrip('/')}/.{name().replace('swarm-', 'swarm-snapshot-', 1)}"
    snapshot = made.get(origin) or Snapshot(
        kind="btrfs",
        origin=origin,
        name=place,
        make=("btrfs", "subvolume", "snapshot", "-r", origin, place),
        remove=remove_btrfs(place),
    )
    source = snapshot.name + _inner(_place(spot), origin)
    return snapshot, Row(target=_place(spot), source=source, snapshot=snapshot.name)


def _zfs(spot: Spot, name: Callable[[], str], made: Mapping[str, Snapshot]) -> tuple[Snapshot, Row]:
    origin = spot.mount.source
    if not origin or origin.startswith(("/", "-")) or "@" in origin:
        raise _Refused("its dataset is not known, or is a snapshot itself")
    whole = f"{origin}@{name()}"
    snapshot = made.get(origin) or Snapshot(
        kind="zfs", origin=origin, name=whole, make=("zfs", "snapshot", whole), remove=remove_zfs(whole)
    )
    return snapshot, _device_row(spot, snapshot, snapshot.name, "ro")


def _lvm(
    spot: Spot, volumes: Sequence[Volume], name: Callable[[], str], made: Mapping[str, Snapshot]
) -> tuple[Snapshot, Row]:
    source, kind = spot.mount.source, escaped(spot.mount.fstype)[:20]
    volume = next((each for each in volumes if source and source in (each.path, each.dm_path)), None)
    if volume is None:
        raise _Refused(f"{kind} on {escaped(source)[:80]} has no snapshots")
    origin, short = f"{volume.group}/{volume.name}", name()
    snapshot = made.get(origin) or Snapshot(
        kind="lvm",
        origin=origin,
        name=f"{volume.group}/{short}",
        make=("lvcreate", "-q", "-s", "-kn", "-n", short, *_room(volume), "--", origin),
        remove=remove_lvm(f"{volume.group}/{short}"),
        bounded=not volume.pool,
    )
    # a filesystem with the same identity is mounted already, which xfs would refuse
    options = "ro,nouuid" if spot.mount.fstype == "xfs" else "ro"
    return snapshot, _device_row(spot, snapshot, f"/dev/{snapshot.name}", options)


def _device_row(spot: Spot, snapshot: Snapshot, device: str, options: str) -> Row:
    inner = spot.mount.fsroot.rstrip("/") + _inner(_place(spot), spot.mount.target)
    return Row(
        target=_place(spot),
        source=device,
        type=spot.mount.fstype,
        options=options,
        inner=inner,
        snapshot=snapshot.name,
    )


def _room(volume: Volume) -> tuple[str, ...]:
    """For what changes while Borg reads: a fifth of the volume where there is so much. A thin one needs none set aside."""
    if volume.pool:
        return ()
    if volume.free < max(LEAST_FREE, volume.size // 20):
        raise _Refused(f"its volume group has only {units.size(volume.free)} free")
    return ("-L", f"{min(volume.free, max(1 << 30, volume.size // 5)) // 512 * 512}b")


def _inner(path: str, above: str) -> str:
    """What of `path` is below `above`: "" or "/REST"."""
    return "" if path == above else "/" + path[len(above.rstrip("/")) + 1 :]


def remove_btrfs(place: str) -> tuple[str, ...]:
    """How a subvolume is removed."""
    return ("btrfs", "subvolume", "delete", place)


def remove_zfs(name: str) -> tuple[str, ...]:
    """How DATASET@NAME is removed."""
    return ("zfs", "destroy", name)


def remove_lvm(name: str) -> tuple[str, ...]:
    """How GROUP/VOLUME is removed."""
    return ("lvremove", "-q", "-f", "--", name)
