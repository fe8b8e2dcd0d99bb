"""How a host's configuration differs: from an earlier snapshot of it, or from another host of the same role. Pure.

Facts take part as "fact:NAME". A time of modification alone is no difference. A fact is compared only where both have it:
a command that gave no answer in time says nothing about the host.
"""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Literal

from backends.backups.drift_peers import is_own, neutral
from backends.backups.snapshot_model import Entry, Snapshot
from backends.backups.snapshot_paths import VOLATILE
from backends.backups.text_diff import changed_lines, counted, same_lines
from backends.backups.text_diff import unified as unified_text
from backends.backups.views import DriftEntry, DriftReport
from backends.clock import utc
from backends.errors import BadInput
from backends.units import size

FACT = "fact:"

Kind = Literal["added", "removed", "content", "mode", "owner", "link", "type"]


def compare(
    before: Snapshot, after: Snapshot, *, against: str, time: float, host: str = "", peers: bool = False
) -> DriftReport:
    """Everything that differs.

    Args:
        before: what counts as right.
        after: what is there.
        against: `before` in words: "the snapshot of 2026-11-25 02:00 UTC", "gpu02 now".
        time: of `after`, epoch seconds.
        host: the name in the inventory; by default as the host calls itself.
        peers: two hosts are compared: what must differ between them (names, addresses, identities) is no drift.
    """
    sides = _Sides(before, after, peers)
    found = [sides.of_path(path) for path in sorted({*before.entries, *after.entries}) if sides.counts(path)]
    found += [sides.of_fact(name) for name in sorted({*before.facts, *after.facts}) if sides.counts_fact(name)]
    return DriftReport(
        host=host or after.meta.host,
        against=against,
        time=time,
        entries=tuple(entry for entries in found for entry in entries),
        same=sum(not entries for entries in found),
    )


def unified(before: Snapshot, after: Snapshot, path: str, *, mask: bool = True) -> str:
    """The lines of a file or fact that differ, as `diff -u` shows them; secrets masked unless told otherwise.

    Raises:
        BadInput: neither has such a path, or its text was not kept (a secret, no text, too large).
    """
    sides = (before, after)
    there = [_is_there(side, path) for side in sides]
    if not any(there) or any(known and not has_text(side, path) for known, side in zip(there, sides, strict=True)):
        raise BadInput(
            f"no text of {path} was kept",
            action="show what differs",
            hint="secrets, binary files and those over 256 KiB are only told to differ; restore both sides to compare them",
        )
    texts = [_text(side, path) or "" for side in sides]
    names = (f"{_shown_name(path)} ({_moment(before)})", f"{_shown_name(path)} ({_moment(after)})")
    return unified_text(texts[0], texts[1], names=names, mask=mask)


def has_text(snapshot: Snapshot, path: str) -> bool:
    """Whether the text of a file or fact was kept."""
    return _text(snapshot, path) is not None


def _is_there(snapshot: Snapshot, path: str) -> bool:
    if path.startswith(FACT):
        name = path.removeprefix(FACT)
        return name in snapshot.facts or name in snapshot.meta.facts
    return path in snapshot.entries


def _text(snapshot: Snapshot, path: str) -> str | None:
    if path.startswith(FACT):
        return snapshot.facts.get(path.removeprefix(FACT))
    data = snapshot.contents.get(path)
    return None if data is None else data.decode("utf-8", "replace")


def _shown_name(path: str) -> str:
    return path if path.startswith(FACT) else f"/{path}"


def _moment(snapshot: Snapshot) -> str:
    return f"{snapshot.meta.host} {utc(snapshot.meta.time):%Y-%m-%d %H:%M} UTC"


class _Sides:
    """Two snapshots that are compared."""

    def __init__(self, before: Snapshot, after: Snapshot, peers: bool):
        self.before, self.after, self.peers = before, after, peers
        self._secret = after.meta.kind == "secrets"
        self._neutral = (neutral(before), neutral(after)) if peers else None
        self._unread = {path.lstrip("/") for side in (before, after) for path, _ in side.meta.left_out}

    def counts(self, path: str) -> bool:
        """Whether a difference of this file would be drift; not where one side could not read it, or what is above it."""
        noise = any(fnmatchcase(path, pattern) for pattern, _ in VOLATILE)
        unread = bool(self._unread) and not self._unread.isdisjoint(_and_above(path))
        return not noise and not unread and not (self.peers and is_own(path))

    def counts_fact(self, name: str) -> bool:
        """As `counts`; a command that is there and gave nothing to compare says nothing."""
        unknown = any(name in side.meta.facts and name not in side.facts for side in (self.before, self.after))
        return not unknown and not (self.peers and is_own(FACT + name))

    def of_path(self, path: str) -> list[DriftEntry]:
        old, new = self.before.entries.get(path), self.after.entries.get(path)
        if old is None or new is None:
            return [self._one_sided(path, old, new)]
        return [
            DriftEntry(
                path=path, kind=kind, before=was, after=now, secret=self._secret, text=self._has_text(path, kind)
            )
            for kind, was, now in _differences(old, new, peers=self.peers)
            if kind != "content" or not self._same_but_for_names(path)
        ]

    def of_fact(self, name: str) -> list[DriftEntry]:
        old, new = self.before.facts.get(name), self.after.facts.get(name)
        path = FACT + name
        if old is None or new is None:
            count = counted(len((old or new or "").splitlines()), "line")
            return [
                DriftEntry(path=path, kind="removed", before=count)
                if new is None
                else DriftEntry(path=path, kind="added", after=count)
            ]
        if self._neutral is not None:
            old, new = self._neutral[0](old), self._neutral[1](new)
        if same_lines(old, new):
            return []
        more, less = changed_lines(old, new)
        return [
            DriftEntry(path=path, kind="content", before=f"−{counted(less, 'line')}", after=f"+{counted(more, 'line')}")
        ]

    def _one_sided(self, path: str, old: Entry | None, new: Entry | None) -> DriftEntry:
        if new is None:
            text = has_text(self.before, path)
            return DriftEntry(path=path, kind="removed", before=_what(old), secret=self._secret, text=text)
        text = has_text(self.after, path)
        return DriftEntry(path=path, kind="added", after=_what(new), secret=self._secret, text=text)

    def _has_text(self, path: str, kind: Kind) -> bool:
        return kind == "content" and has_text(self.before, path) and has_text(self.after, path)

    def _same_but_for_names(self, path: str) -> bool:
        """Whether only a host's own names make the difference."""
        old, new = _text(self.before, path), _text(self.after, path)
        if self._neutral is None or old is None or new is None:
            return False
        return self._neutral[0](old) == self._neutral[1](new)


def _and_above(path: str) -> Iterator[str]:
    """ "a/b/c", "a/b", "a"."""
    while path:
        yield path
        path = path.rpartition("/")[0]


def _differences(old: Entry, new: Entry, *, peers: bool) -> Iterator[tuple[Kind, str, str]]:
    """(kind, before, after) of everything but the time."""
    if old.type != new.type:
        yield "type", _TYPES[old.type], _TYPES[new.type]
        return
    if old.target != new.target:
        yield "link", old.target, new.target
    if old.sha256 != new.sha256:
        yield "content", _size(old), _size(new)
    if old.type != "l" and _mode(old) != _mode(new):
        yield "mode", _mode(old), _mode(new)
    if (_owner(old) != _owner(new)) if peers else ((old.uid, old.gid) != (new.uid, new.gid)):
        yield "owner", _owner(old), _owner(new)


_TYPES = {"-": "file", "d": "directory", "l": "link"}


def _what(entry: Entry | None) -> str:
    if entry is None:
        return ""
    if entry.type == "l":
        return f"→ {entry.target}"
    return _size(entry) if entry.type == "-" else "directory"


def _size(entry: Entry) -> str:
    return f"{size(entry.size).strip()} {entry.sha256[:8]}"


def _mode(entry: Entry) -> str:
    more = "".join(f" {name}={value[:16]}" for name, value in sorted(entry.xattrs.items()))
    return f"{entry.mode:04o}{more}"


def _owner(entry: Entry) -> str:
    return f"{entry.user or entry.uid}:{entry.group or entry.gid}"
