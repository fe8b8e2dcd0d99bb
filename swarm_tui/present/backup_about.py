"""What stands behind a row of the Backups screen: every fact about a set, a repository or a concern, with the next step."""

from __future__ import annotations

from backends import units
from backends.backups.model import Cause, Concern
from backends.backups.views import LockReport, RepositoryStatus, SetStatus
from swarm_tui.present import backup_text as text
from swarm_tui.present.host_line import SEVERITY_ROLES, cell, line, wrap
from swarm_tui.present.line import Line
from swarm_tui.theme import Role

LABEL = 12


def pair(label: str, words: str, width: int, role: Role = "text") -> list[Line]:
    """A label and its words, wrapped; nothing without words."""
    if not words:
        return []
    rows = wrap(words, max(20, width - LABEL), 0, role)
    return [line(cell(label if not at else "", LABEL, "dim"), *row) for at, row in enumerate(rows)]


def cause(found: Cause | None, width: int) -> list[Line]:
    """Why something went wrong, what was seen, and one safe next step."""
    if found is None:
        return []
    rows = wrap(f"✖ {found.text}", width, 2, "bad")
    for each in found.evidence:
        rows += [line("  ", *row) for row in wrap(each, width - 2, 2, "dim")]
    return rows + (wrap(f"→ {found.next_step}", width, 2, "accent") if found.next_step else [])


def set_lines(row: SetStatus, now: float, width: int) -> list[Line]:
    """Everything about a set of a host in a repository."""
    last = text.archive(row.last, now) if row.last else "none"
    found = row.proof
    return [
        *cause(row.problem, width),
        *pair("last", f"{last}; {text.schedule(row, now)}", width, "warn" if row.overdue or not row.last else "text"),
        *pair("proof", text.proof(found, now, row.proof_stale), width, "warn" if row.proof_stale else "ok"),
        *pair("", text.compared(found) if found else "d restores a sample and compares it", width, "dim"),
        *(each for problem in (found.problems if found else ()) for each in pair("", problem, width, "bad")),
        *pair("kept", _kept(row), width),
        *pair("transport", f"{row.transport}. {row.trust}", width, "dim"),
    ]


def _kept(row: SetStatus) -> str:
    if not row.archives:
        return "nothing yet"
    stored = "?" if row.stored_bytes is None else units.size(row.stored_bytes)
    return f"{text.some(row.archives, 'archive')}, {stored} stored, {text.growing(row.growth_bytes_per_day)}"


def repository_lines(row: RepositoryStatus, now: float, width: int) -> list[Line]:
    """Everything about a repository."""
    made = {True: row.encryption or "made", False: "not made yet; I makes it", None: "never seen yet"}[row.made]
    stored = "?" if row.stored_bytes is None else units.size(row.stored_bytes)
    whole = "" if row.original_bytes is None else f" of {units.size(row.original_bytes)}"
    free = "free ?" if row.free_bytes is None else f"{units.size(row.free_bytes)} free"
    room = ", ".join(part for part in (f"{stored}{whole} stored", free, text.full(row.full_in_days)) if part)
    failed = row.check is not None and not row.check.ok
    return [
        *cause(row.problem, width),
        *pair("frozen", f"{row.frozen}. Nothing is pruned; F ends it" if row.frozen else "", width, "warn"),
        *pair("place", f"{row.location}  {made}", width),
        *pair("room", f"{room}, {text.growing(row.growth_bytes_per_day)}", width),
        *pair("check", text.check(row.check, now), width, "bad" if failed else "text"),
        *(each for problem in (row.check.problems if row.check else ()) for each in pair("", problem, width, "bad")),
        *pair("verified", text.check(row.verified, now) if row.verified else "every byte: never", width, "dim"),
        *pair("key", text.escrow(row.escrow, row.key_changed, now), width, _key_role(row)),
        *pair("pruned", text.held(row, now), width),
    ]


def _key_role(row: RepositoryStatus) -> Role:
    return "bad" if row.key_changed else "warn" if row.escrow is None else "text"


def concern_lines(row: Concern, now: float, width: int) -> list[Line]:
    """Everything about a concern."""
    where = " ".join(part for part in (row.host, row.set, row.repository) if part)
    return [
        *wrap(row.text, width, 2, SEVERITY_ROLES[row.severity]),
        *pair("where", where, width),
        *pair("since", f"{text.when(row.since)}, {text.ago(row.since, now)}", width, "dim"),
        *(wrap(f"→ {row.next_step}", width, 2, "accent") if row.next_step else []),
    ]


def lock_lines(row: LockReport, now: float, width: int) -> list[Line]:
    """Who holds a repository, and whether that can still be true."""
    if not row.holder:
        return wrap("Nobody holds it.", width, 0, "ok")
    verdict: dict[bool | None, tuple[str, Role]] = {
        True: ("Proven: no such Borg runs there any more.", "ok"),
        False: ("It is alive; wait for it, or cancel its job.", "warn"),
        None: ("It cannot be proven that it is gone, so it is not broken.", "warn"),
    }
    said, role = verdict[row.dead]
    return [
        *pair("holder", row.holder, width, "strong"),
        *pair("on", f"{row.host}, process {row.pid}" if row.pid is not None else row.host, width),
        *pair("since", f"{text.when(row.since)}, {text.ago(row.since, now)}" if row.since else "", width),
        *(each for found in row.evidence for each in pair("", found, width, "dim")),
        (),
        *wrap(said, width, 0, role),
    ]
