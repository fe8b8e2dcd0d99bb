"""The Updates screen in lines: pending changes by change set, package, CVE and host, and the runs that were started."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Literal, NamedTuple

from backends import units
from backends.clock import utc
from backends.inventory.ranges import fold
from backends.updates import pivots
from backends.updates.model import Change, PackageClass, Stage
from backends.updates.pivots import HostSummary, PendingSet
from backends.updates.runs import Board
from backends.updates.service import View
from swarm_tui.glyphs import Glyphs
from swarm_tui.present import host_table
from swarm_tui.present import update_text as text
from swarm_tui.present.host_line import Span, line, wrap
from swarm_tui.present.host_table import Column
from swarm_tui.present.line import Line, plain
from swarm_tui.present.update_changes import versions
from swarm_tui.theme import Role

Pivot = Literal["sets", "packages", "cves", "hosts", "runs"]
PIVOTS: tuple[Pivot, ...] = ("sets", "packages", "cves", "hosts", "runs")
TITLES: dict[Pivot, str] = {
    "sets": "Change sets",
    "packages": "Packages",
    "cves": "CVEs",
    "hosts": "Hosts",
    "runs": "Runs",
}
HEAVY: dict[PackageClass, str] = {
    PackageClass.KERNEL: "kernel",
    PackageClass.GPU_DRIVER: "gpu",
    PackageClass.FABRIC: "fabric",
    PackageClass.CORE_LIB: "libs",
    PackageClass.ACCESS: "ssh",
    PackageClass.SCHEDULER: "scheduler",
    PackageClass.CONTAINER: "container",
}
"""Classes named in a row, the weightiest first, because they decide how careful one has to be."""
WIDE, WIDE_VERSIONS = 120, 56
_COLUMNS: dict[Pivot, tuple[Column, ...]] = {
    "sets": (
        Column("", 1),
        Column("n", 5, "right"),
        Column("hosts"),
        Column("changes", 7, "right"),
        Column("security", 8, "right"),
        Column("fetch", 5, "right"),
        Column("what"),
    ),
    "packages": (
        Column("", 1),
        Column("package"),
        Column("hosts", 5, "right"),
        Column("", 1),
        Column("versions", 30),
        Column("what"),
    ),
    "cves": (Column("", 1), Column("cve", 18), Column("hosts", 5, "right"), Column("packages"), Column("where")),
    "hosts": (
        Column("", 1),
        Column("host", 14),
        Column("pending", 7, "right"),
        Column("security", 8, "right"),
        Column("held", 5, "right"),
        Column("fetch", 5, "right"),
        Column("lists", 6, "right"),
        Column("system", 30, wide=WIDE),
        Column("what"),
    ),
    "runs": (
        Column("", 1),
        Column("began", 16),
        Column("done", 5, "right"),
        Column("not", 5, "right"),
        Column("to go", 5, "right"),
        Column("hosts", wide=WIDE),
        Column("what"),
    ),
}


class Row(NamedTuple):
    """One line; `key` None cannot be picked. `hosts` and `names` are what an action on it is about."""

    key: Hashable
    text: Line
    hosts: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    words: str = ""
    """What the filter looks through: also what the line has no room for."""


class Sight(NamedTuple):
    """How rows are drawn."""

    width: int
    glyphs: Glyphs
    marks: frozenset[str] = frozenset()


def tabs(current: Pivot) -> Line:
    """The pivots, the present one in brackets."""
    pieces = [
        Span(f"[{TITLES[each]}]" if each == current else f" {TITLES[each]} ", "tab-on" if each == current else "tab")
        for each in PIVOTS
    ]
    return line(" ", *pieces)


def head(pivot: Pivot, width: int) -> Line:
    """The column titles."""
    return host_table.head(_columns(pivot, width), width)


def _columns(pivot: Pivot, width: int) -> tuple[Column, ...]:
    """On a wide terminal versions are written out."""
    if pivot != "packages" or width < WIDE:
        return _COLUMNS[pivot]
    return tuple(each._replace(width=WIDE_VERSIONS) if each.title == "versions" else each for each in _COLUMNS[pivot])


def rows(pivot: Pivot, view: View, boards: Sequence[Board], needle: str, sight: Sight) -> list[Row]:
    """The lines of a pivot, narrowed by `needle` (plain text, any case)."""
    made = {
        "sets": lambda: [_set_row(each, sight) for each in view.sets],
        "packages": lambda: [_package_row(each, sight) for each in pivots.packages(view.sets)],
        "cves": lambda: [_cve_row(each, sight) for each in pivots.cves(view.sets)],
        "hosts": lambda: [_host_row(each, sight) for each in sorted(view.hosts or (), key=_worst_first)],
        "runs": lambda: [_run_row(each, sight) for each in boards],
    }[pivot]()
    wanted = needle.casefold()
    return [row for row in made if wanted in f"{plain(row.text)} {row.words}".casefold()]


def _drawn(pivot: Pivot, cells: Sequence[Span], sight: Sight) -> Line:
    return host_table.row(_columns(pivot, sight.width), cells, sight.width)


def _mark(marked: bool, sight: Sight) -> Span:
    return Span(sight.glyphs.mark if marked else "", "mark")


def _n(value: int | None, role: Role = "text") -> Span:
    return Span(text.count(value), "dim" if not value else role)


def _set_row(row: PendingSet, sight: Sight) -> Row:
    free = [change for change in row.changes if not change.held and not change.kept_back]
    security = sum(change.security is True for change in free)
    unknown = any(change.security is None for change in free)
    blocked = [caution.text for caution in row.warnings if caution.blocks]
    words = blocked[0] if blocked else _words_of(row, free)
    cells = (
        _mark(sight.marks.issuperset(row.hosts), sight),
        Span(str(len(row.hosts)), "strong"),
        Span(fold(row.hosts), "strong"),
        _n(len(free)),
        Span("?" if unknown and not security else str(security), "bad" if security else "dim"),
        Span(_bytes(free), "dim"),
        Span(words, "bad" if blocked else "warn" if _heavy(free) else "dim"),
    )
    names = " ".join(change.name for change in row.changes)
    return Row(("set", row.hosts), _drawn("sets", cells, sight), row.hosts, words=f"{' '.join(row.hosts)} {names}")


def _words_of(row: PendingSet, free: Sequence[Change]) -> str:
    """Weighty classes, then what is not applied."""
    held = sum(change.held for change in row.changes)
    parts = [*_heavy(free), f"{held} held" if held else "", f"{len(row.changes) - len(free) - held} kept back"]
    return " ".join(part for part in parts if part and part != "0 kept back")


def _heavy(changes: Iterable[Change]) -> list[str]:
    found = {change.package_class for change in changes}
    return [word for kind, word in HEAVY.items() if kind in found]


def _bytes(changes: Iterable[Change]) -> str:
    sizes = [change.size_bytes for change in changes]
    return "?" if None in sizes else units.size(sum(size or 0 for size in sizes))


def _package_row(row: pivots.PackageRow, sight: Sight) -> Row:
    letter = Span("S", "bad") if row.security else Span("?" if row.security is None else "", "dim")
    cells = (
        _mark(row.name in sight.marks, sight),
        Span(row.name, "strong"),
        _n(len(row.hosts)),
        letter,
        Span(_package_versions(row, sight.width), "text"),
        Span(_package_words(row), "dim"),
    )
    words = f"{'security' if row.security else ''} {' '.join(row.cves)} {' '.join(row.hosts)}"
    return Row(("package", row.name), _drawn("packages", cells, sight), row.hosts, (row.name,), words)


def _package_versions(row: pivots.PackageRow, width: int) -> str:
    room = WIDE_VERSIONS if width >= WIDE else 30
    if len(row.installed) == 1 and len(row.candidates) == 1:
        return versions(Change(name=row.name, installed=row.installed[0], candidate=row.candidates[0]), room)
    olds = row.installed[0] or "new" if len(row.installed) == 1 else f"{len(row.installed)} versions"
    news = row.candidates[0] if len(row.candidates) == 1 else f"{len(row.candidates)} versions"
    return f"{olds} → {news}"


def _package_words(row: pivots.PackageRow) -> str:
    kind = row.package_class.value if row.package_class is not PackageClass.REST else ""
    held = f"held on {row.held}" if row.held else ""
    return "  ".join(word for word in (kind, held, text.some(row.cves, 3)) if word)


def _cve_row(row: pivots.CveRow, sight: Sight) -> Row:
    cells = (
        _mark(row.cve in sight.marks, sight),
        Span(row.cve, "strong"),
        _n(len(row.hosts), "bad"),
        Span(", ".join(row.packages), "text"),
        Span(fold(row.hosts), "dim"),
    )
    return Row(("cve", row.cve), _drawn("cves", cells, sight), row.hosts, (row.cve,), " ".join(row.hosts))


def _worst_first(row: HostSummary) -> tuple[int, int, int]:
    """Hosts on which nothing can be done until somebody helps, then by security fixes and updates; at last what is not known."""
    group = 2 if row.pending is None else 0 if row.problems else 1
    return group, -(row.security or 0), -(row.pending or 0)


def _host_row(row: HostSummary, sight: Sight) -> Row:
    words = "  ".join(word for word in ("asking…" if row.busy else "", text.host_words(row)) if word)
    cells = (
        _mark(row.host in sight.marks, sight),
        Span(row.host, "strong"),
        _n(row.pending, "bad" if row.security else "warn"),
        _n(row.security, "bad"),
        _n(row.held),
        Span(units.size(row.download_bytes) if row.download_bytes is not None else "?", "dim"),
        Span(units.span(row.lists_age_seconds), "dim"),
        Span(row.system, "dim"),
        Span(words, "warn" if row.problems else "text" if row.reboot else "dim"),
    )
    return Row(("host", row.host), _drawn("hosts", cells, sight), (row.host,), words=f"{row.system} {words}")


def _run_row(board: Board, sight: Sight) -> Row:
    bad = board.count(Stage.FAILED, Stage.PARTIAL, Stage.REFUSED)
    left = sum(1 for host in board.hosts if host.ended is None)
    hosts = tuple(host.host for host in board.hosts)
    cells = (
        Span("", "dim") if board.finished else Span(sight.glyphs.attention, "warn"),
        Span(f"{utc(board.created):%Y-%m-%d %H:%M}", "strong"),
        _n(board.count(Stage.DONE), "ok"),
        _n(bad, "bad"),
        _n(left, "warn"),
        Span(fold(hosts), "dim"),
        Span(f"{board.title}  by {board.who}", "text"),
    )
    return Row(("run", board.id), _drawn("runs", cells, sight), hosts, words=f"{board.id} {' '.join(hosts)}")


def summary(pivot: Pivot, view: View, boards: Sequence[Board], shown: int) -> Line:
    """The fleet in one line, for the status line: what waits, what is blocked, what is not known."""
    known = [row for row in view.hosts or () if row.pending is not None]
    if pivot == "runs":
        going = sum(not board.finished for board in boards)
        return line(Span(f"{shown} runs", "dim"), Span(f"  {going} going on" if going else "", "warn"))
    security, waiting = sum(bool(row.security) for row in known), sum(bool(row.pending) for row in known)
    reboot = sum(row.reboot is True for row in known)
    away = len(view.hosts or ()) - len(known)
    return line(
        Span(f"{waiting} of {len(known)} hosts have updates", "dim"),
        Span(f"  {security} with security fixes" if security else "", "bad"),
        Span(f"  {reboot} to reboot" if reboot else "", "warn"),
        Span(f"  {away} not known" if away else "", "dim"),
    )


def nothing(pivot: Pivot, view: View | None, needle: str, width: int) -> list[Line]:
    """What stands where no row does, with the key that helps."""
    if view is None:
        return _said("asking the engine…", "dim", "", width)
    if needle:
        return _said(f"Nothing matches /{needle}", "warn", "Esc clears the filter.", width)
    if pivot == "runs":
        return _said("No run yet.", "strong", "Mark hosts on another view, then u makes a plan.", width)
    if view.busy:
        return _said(f"asking {hosts(view.busy)} what waits there…", "dim", "", width)
    known = [row for row in view.hosts or () if row.pending is not None]
    if not known:
        tried = any(row.problems for row in view.hosts or ())
        said = "No host could be asked; the Hosts view says why." if tried else "No host was asked yet."
        return _said(said, "strong", "r asks every host what waits there; L renews their package lists first.", width)
    if pivot == "cves" and any(row.pending for row in known):
        unknown = any(row.security is None for row in known)
        why = "Some package sources do not tell what an update is about." if unknown else ""
        return _said("No waiting update names a CVE.", "text", why, width)
    away = len(view.hosts or ()) - len(known)
    left = f"{hosts(away)} could not be asked." if away else ""
    return _said(f"Nothing waits on {hosts(len(known))}: up to date.", "ok", left, width)


def _said(first: str, role: Role, second: str, width: int) -> list[Line]:
    rows = [(), *wrap(f"{first}", width - 2, 0, role), *(wrap(second, width - 2, 0, "dim") if second else [])]
    return [line("  ", *row) if row else () for row in rows]


def hosts(count: int) -> str:
    """ "1 host", "12 hosts"."""
    return "1 host" if count == 1 else f"{count} hosts"
