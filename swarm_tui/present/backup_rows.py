"""The rows of the Backups screen: one set or one repository in a line, and which of them are worst."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Literal, NamedTuple

from backends import units
from backends.backups.model import ENDED, Job
from backends.backups.views import RepositoryStatus, SetStatus
from swarm_tui.glyphs import Glyphs
from swarm_tui.present import backup_text as text
from swarm_tui.present import host_table
from swarm_tui.present.host_line import Span
from swarm_tui.present.host_table import Column
from swarm_tui.present.line import Line
from swarm_tui.present.states import coarse
from swarm_tui.theme import Role

Side = Literal["sets", "repositories", "jobs", "concerns"]
WIDE, BROAD = 100, 130
_COLUMNS: dict[Side, tuple[Column, ...]] = {
    "sets": (
        Column("", 1),
        Column("", 1),
        Column("set", 9),
        Column("host", 10),
        Column("place", 7),
        Column("age", 5, "right"),
        Column("stored", 6, "right"),
        Column("growth", 9, "right", WIDE),
        Column("kept", 4, "right", BROAD),
        Column("proof", 5, "right"),
        Column("speed", 6, "right", WIDE),
        Column("by", 5, wide=BROAD),
        Column("what"),
    ),
    "repositories": (
        Column("", 1),
        Column("", 1),
        Column("repository", 18),
        Column("stored", 6, "right"),
        Column("free", 5, "right"),
        Column("growth", 9, "right", WIDE),
        Column("full", 5, "right"),
        Column("kept", 4, "right", WIDE),
        Column("key", 7),
        Column("checked", 7, "right"),
        Column("bytes", 5, "right", WIDE),
        Column("what"),
    ),
    "jobs": (
        Column("", 1),
        Column("", 1),
        Column("job", 17),
        Column("repository", 18),
        Column("", 4, "right"),
        Column("speed", 6, "right"),
        Column("end", 7, "right"),
        Column("took", 6, "right", WIDE),
        Column("by", 5, wide=WIDE),
        Column("what"),
    ),
    "concerns": (
        Column("", 1),
        Column("", 1),
        Column("what", 15),
        Column("host", 10),
        Column("where", 17),
        Column("since", 5, "right"),
        Column(""),
    ),
}


class Row(NamedTuple):
    """One line; `key` None cannot be picked."""

    key: Hashable
    text: Line
    hosts: tuple[str, ...] = ()
    words: str = ""
    """What the filter looks through: also what the line has no room for."""


class Sight(NamedTuple):
    """How rows are drawn."""

    width: int
    glyphs: Glyphs
    now: float
    """Epoch seconds, for ages."""
    marks: frozenset[Hashable] = frozenset()


def columns(side: Side, width: int) -> tuple[Column, ...]:
    """On a broad terminal names get more room."""
    if width < BROAD:
        return _COLUMNS[side]
    wider = {"host": 18, "repository": 28, "place": 10, "set": 14, "where": 34, "job": 22}
    return tuple(each._replace(width=wider.get(each.title, each.width)) for each in _COLUMNS[side])


def set_key(row: SetStatus) -> Hashable:
    """Names a row of the sets."""
    return ("set", row.set, row.repository)


def drawn(side: Side, cells: Sequence[Span], sight: Sight) -> Line:
    """The cells of a row in the view's columns."""
    return host_table.row(columns(side, sight.width), cells, sight.width)


def marked(key: Hashable, sight: Sight) -> Span:
    """The sign of a mark."""
    return Span(sight.glyphs.mark if key in sight.marks else "", "mark")


def _look(sight: Sight, rank: int, busy: bool = False) -> Span:
    """One sign a row: worked on, broken, needs somebody, good."""
    if busy:
        return Span(sight.glyphs.connecting, "accent")
    signs: tuple[Span, ...] = (
        Span(sight.glyphs.down, "bad"),
        Span(sight.glyphs.attention, "warn"),
        Span(sight.glyphs.attention, "dim"),
        Span(sight.glyphs.ok, "ok"),
    )
    return signs[rank]


# Sets -------------------------------------------------------------------------------------------------------------


def rank(row: SetStatus) -> int:
    """0 broken, 1 late or never done, 2 not proven, 3 good."""
    if row.problem is not None or (row.proof is not None and not row.proof.ok):
        return 0
    if row.last is None or row.overdue:
        return 1
    return 2 if row.proof_stale else 3


def bad_set(row: SetStatus) -> tuple[int, str, str, str]:
    """Worst first."""
    return rank(row), row.host, row.set, row.repository


def set_row(row: SetStatus, job: Job | None, sight: Sight) -> Row:
    """A set of a host in a repository."""
    key, bad = set_key(row), rank(row)
    busy = job is not None and job.state not in ENDED
    words, role = _set_words(row, job if busy else None, sight.now)
    age = coarse(sight.now - row.last.start) if row.last else "never"
    found = row.proof
    cells = (
        marked(key, sight),
        _look(sight, bad, busy),
        Span(row.set, "strong"),
        Span(row.host, "strong"),
        Span(row.repository.partition("/")[0], "text"),
        Span(age, "warn" if row.last is None or row.overdue else "text"),
        Span("?" if row.stored_bytes is None else units.size(row.stored_bytes), "dim"),
        Span(text.growth(row.growth_bytes_per_day), "dim"),
        Span(str(row.archives), "dim"),
        Span(coarse(sight.now - found.time) if found else "none", _proof_role(row)),
        Span(units.rate(found.bytes_per_second) if found and found.bytes_per_second is not None else "", "dim"),
        Span(row.transport.value, "dim"),
        Span(words, role),
    )
    seek = f"{row.kind} {row.repository} {row.transport} {text.proof(found, sight.now)} {words}"
    return Row(key, drawn("sets", cells, sight), (row.host,), seek)


def _proof_role(row: SetStatus) -> Role:
    if row.proof is None or not row.proof.ok:
        return "bad" if row.proof else "warn"
    return "warn" if row.proof_stale else "ok"


def _set_words(row: SetStatus, job: Job | None, now: float) -> tuple[str, Role]:
    """The running job, else what is wrong, else when the next one comes."""
    if job is not None:
        return text.pace(job.progress) or job.progress.phase or job.text or job.state.value, "accent"
    if row.problem is not None:
        return row.problem.text, "bad"
    if row.proof is not None and not row.proof.ok:
        return text.proof(row.proof, now), "bad"
    if row.last is None or row.overdue:
        return text.schedule(row, now), "warn"
    if row.proof_stale:
        return "proof is stale" if row.proof else "never proven", "warn"
    return text.schedule(row, now), "dim"


# Repositories -----------------------------------------------------------------------------------------------------


def place_rank(row: RepositoryStatus) -> int:
    """0 broken, 1 somebody must do something, 2 something is missing, 3 good."""
    failed = row.check is not None and not row.check.ok
    if row.problem is not None or failed or (row.full_in_days is not None and row.full_in_days < 7):
        return 0
    if row.frozen or row.key_changed or (row.full_in_days is not None and row.full_in_days < 30):
        return 1
    return 2 if row.made is not True or row.escrow is None or row.check is None else 3


def bad_place(row: RepositoryStatus) -> tuple[int, str]:
    """Worst first."""
    return place_rank(row), row.key


def repository_row(row: RepositoryStatus, sets: str, sight: Sight) -> Row:
    """A repository; `sets` names what it keeps."""
    key = ("repository", row.key)
    words, role = _place_words(row, sight.now)
    days = row.full_in_days
    full: Role = "dim" if days is None else "bad" if days < 7 else "warn" if days < 30 else "text"
    cells = (
        marked(key, sight),
        _look(sight, place_rank(row)),
        Span(row.key, "strong"),
        Span("?" if row.stored_bytes is None else units.size(row.stored_bytes), "text"),
        Span("?" if row.free_bytes is None else units.size(row.free_bytes), "dim"),
        Span(text.growth(row.growth_bytes_per_day), "dim"),
        Span("" if days is None else f"{days:.0f}d" if days < 1000 else "years", full),
        Span(str(row.archives), "dim"),
        _escrow(row),
        _checked(row, sight.now),
        Span(coarse(sight.now - row.verified.time) if row.verified else "never", "dim"),
        Span(words, role),
    )
    seek = f"{row.location} {sets} {row.encryption} {words} {text.full(days)}"
    return Row(key, drawn("repositories", cells, sight), (row.host,), seek)


def _escrow(row: RepositoryStatus) -> Span:
    if row.escrow is None:
        return Span("none", "warn")
    return Span("CHANGED", "bad") if row.key_changed else Span("kept", "ok")


def _checked(row: RepositoryStatus, now: float) -> Span:
    if row.check is None:
        return Span("never", "dim")
    age = coarse(now - row.check.time)
    return Span(age, "ok") if row.check.ok else Span(f"BAD {age}", "bad")


def _place_words(row: RepositoryStatus, now: float) -> tuple[str, Role]:
    if row.problem is not None:
        return row.problem.text, "bad"
    if row.check is not None and not row.check.ok:
        return "damaged: H plans the healing", "bad"
    if row.made is False:
        return "not made yet: I", "warn"
    if row.frozen:
        return f"frozen: {row.frozen}", "warn"
    return text.held(row, now) or ("never seen yet" if row.made is None else row.encryption), "dim"
