"""Archives, what is in them, the versions of a path and the differences of two archives, as rows."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from backends import units
from backends.backups.model import Archive, BrowseEntry, Version
from backends.backups.views import Change, Hit
from backends.clock import utc
from swarm_tui.glyphs import Glyphs
from swarm_tui.present import backup_text as text
from swarm_tui.present import host_table
from swarm_tui.present.backup_rows import Row
from swarm_tui.present.host_line import Span
from swarm_tui.present.host_table import Column
from swarm_tui.present.line import Line
from swarm_tui.present.states import coarse
from swarm_tui.theme import Role

WIDE = 100
ARCHIVES = (
    Column("", 1),
    Column("set", 10),
    Column("time (UTC)", 16),
    Column("age", 5, "right"),
    Column("files", 9, "right"),
    Column("size", 6, "right"),
    Column("new", 6, "right"),
    Column("repository", 20, wide=WIDE),
    Column("what"),
)
ENTRIES = (
    Column("", 1),
    Column("name"),
    Column("size", 6, "right"),
    Column("changed (UTC)", 16),
    Column("mode", 10, wide=70),
    Column("owner", 14, wide=WIDE),
)
VERSIONS = (
    Column("", 7),
    Column("time (UTC)", 16),
    Column("age", 5, "right"),
    Column("size", 6, "right"),
    Column("changed (UTC)", 16),
    Column("where"),
)
HITS = (
    Column("path"),
    Column("host", 12),
    Column("kept", 4, "right"),
    Column("newest", 6, "right"),
    Column("size", 6, "right"),
)
CHANGES = (
    Column("", 8),
    Column("path"),
    Column("added", 7, "right"),
    Column("removed", 7, "right"),
    Column("what", 24, wide=WIDE),
)


def _time(value: float | None) -> str:
    return "?" if value is None else f"{utc(value):%Y-%m-%d %H:%M}"


def _size(value: int | None) -> str:
    return "?" if value is None else units.size(value)


def key(archive: Archive) -> Hashable:
    """Names an archive everywhere."""
    return ("archive", archive.repository, archive.name)


def archive_rows(
    archives: Sequence[Archive], now: float, width: int, glyphs: Glyphs, marked: Hashable = None
) -> list[Row]:
    """One row an archive; `marked` is the one to compare with."""
    rows = []
    for each in archives:
        cells = (
            Span(glyphs.mark if key(each) == marked else "", "mark"),
            Span(each.set or "?", "strong"),
            Span(_time(each.start), "strong"),
            Span(coarse(now - each.start), "text"),
            Span(text.count(each.files), "text"),
            Span(_size(each.original_bytes), "text"),
            Span(_size(each.deduplicated_bytes), "dim"),
            Span(each.repository, "dim"),
            Span(archive_words(each), "dim"),
        )
        line = host_table.row(ARCHIVES, cells, width)
        rows.append(Row(key(each), line, (each.host,), f"{each.name} {each.comment} {each.id}"))
    return rows


def archive_words(archive: Archive) -> str:
    """What is special about it."""
    parts = [
        "checkpoint" if ".checkpoint" in archive.name else "",
        archive.comment,
        "" if archive.indexed else "not indexed yet",
    ]
    return "  ".join(part for part in parts if part)


_TYPES = {
    "d": "/",
    "l": " → ",
    "p": " (pipe)",
    "c": " (device)",
    "b": " (device)",
    "s": " (socket)",
    "h": " (link to) ",
}


def entry_rows(entries: Sequence[BrowseEntry], marks: frozenset[str], width: int, glyphs: Glyphs) -> list[Row]:
    """One row a file or directory; directories come first as the engine gives them."""
    rows = []
    for each in entries:
        directory = each.type == "d"
        cells = (
            Span(glyphs.mark if each.path in marks else "", "mark"),
            Span(entry_name(each), _entry_role(each)),
            Span(_children(each) if directory else _size(each.size), "dim" if directory else "text"),
            Span(_time(each.mtime) if each.mtime is not None or not directory else "", "dim"),
            Span(each.mode, "dim"),
            Span(f"{each.user}:{each.group}", "dim"),
        )
        rows.append(Row(("entry", each.path), host_table.row(ENTRIES, cells, width), (), each.path))
    return rows


def entry_name(entry: BrowseEntry) -> str:
    """ "models/", "latest → v12", "opt.bin DAMAGED"."""
    name = entry.path.rpartition("/")[2] or entry.path
    ending = _TYPES.get(entry.type, "") + entry.target
    return f"{name}{ending}" + ("" if entry.healthy else "  DAMAGED")


def _entry_role(entry: BrowseEntry) -> Role:
    if not entry.healthy:
        return "bad"
    return "accent" if entry.type == "d" else "dim" if entry.type in "lpcbs" else "text"


def _children(entry: BrowseEntry) -> str:
    return "" if entry.children is None else f"{entry.children}"


_CHANGE_ROLES: dict[str, Role] = {"new": "ok", "changed": "warn", "gone": "bad", "same": "dim"}


def version_key(version: Version) -> Hashable:
    """Names a version of a path."""
    return ("version", version.archive.repository, version.archive.name, version.entry.path)


def version_rows(versions: Sequence[Version], now: float, width: int) -> list[Row]:
    """One row an archive that has (or lost) the path."""
    rows = []
    for each in versions:
        cells = (
            Span(each.change, _CHANGE_ROLES[each.change]),
            Span(_time(each.archive.start), "strong"),
            Span(coarse(now - each.archive.start), "text"),
            Span("" if each.change == "gone" else _size(each.entry.size), "text"),
            Span("" if each.change == "gone" else _time(each.entry.mtime), "dim"),
            Span(f"{each.archive.repository}  {each.archive.name}", "dim"),
        )
        rows.append(Row(version_key(each), host_table.row(VERSIONS, cells, width), (each.archive.host,), each.change))
    return rows


def hit_rows(hits: Sequence[Hit], now: float, width: int) -> list[Row]:
    """One row a path that was found on a host."""
    rows = []
    for each in hits:
        cells = (
            Span(f"/{each.path}", "text"),
            Span(each.host, "strong"),
            Span(str(each.archives), "dim"),
            Span(coarse(now - each.newest.archive.start), "dim"),
            Span(_size(each.newest.entry.size), "text"),
        )
        rows.append(Row(("hit", each.host, each.path), host_table.row(HITS, cells, width), (each.host,), each.path))
    return rows


def change_rows(changes: Sequence[Change], width: int) -> list[Row]:
    """One row a path that differs."""
    rows = []
    for each in changes:
        first = each.kinds[0] if each.kinds else "changed"
        cells = (
            Span(first, "ok" if first.startswith("added") else "bad" if first == "removed" else "warn"),
            Span(f"/{each.path}", "text"),
            Span("" if each.added_bytes is None else f"+{units.size(each.added_bytes)}", "ok"),
            Span("" if each.removed_bytes is None else f"-{units.size(each.removed_bytes)}", "bad"),
            Span(_change_words(each), "dim"),
        )
        words = f"{' '.join(each.kinds)} {_change_words(each)}"
        rows.append(Row(("change", each.path), host_table.row(CHANGES, cells, width), (), words))
    return rows


def _change_words(change: Change) -> str:
    said = f"{change.before} → {change.after}" if change.before or change.after else ""
    return "  ".join(part for part in (" ".join(change.kinds[1:]), said) if part)


def head(columns: Sequence[Column], width: int) -> Line:
    """The column titles."""
    return host_table.head(columns, width)
