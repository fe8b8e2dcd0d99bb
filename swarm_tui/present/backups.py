"""The Backups screen in lines: sets by host and repository, repositories, jobs, and what somebody should know."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

from backends.backups.model import ENDED
from backends.backups.views import BackupView
from swarm_tui.present import backup_text as text
from swarm_tui.present import host_table
from swarm_tui.present.backup_board import busy_first, concern_row, job_row, severe_first
from swarm_tui.present.backup_rows import Row, Side, Sight, bad_place, bad_set, columns, rank, repository_row, set_row
from swarm_tui.present.host_line import Span, line, wrap
from swarm_tui.present.line import Line, plain
from swarm_tui.theme import Role

SIDES: tuple[Side, ...] = ("sets", "repositories", "jobs", "concerns")
TITLES: dict[Side, str] = {"sets": "Sets", "repositories": "Repositories", "jobs": "Jobs", "concerns": "Concerns"}


def tabs(current: Side) -> Line:
    """The views, the present one in brackets."""
    pieces = [
        Span(f"[{TITLES[each]}]" if each == current else f" {TITLES[each]} ", "tab-on" if each == current else "tab")
        for each in SIDES
    ]
    return line(" ", *pieces)


def head(side: Side, width: int) -> Line:
    """The column titles."""
    return host_table.head(columns(side, width), width)


def rows(side: Side, view: BackupView, needle: str, sight: Sight) -> list[Row]:
    """The lines of a view, worst first, narrowed by `needle` (plain text, any case)."""
    jobs = {job.id: job for job in view.jobs}
    kept: dict[str, str] = {}
    for each in view.sets or ():
        kept[each.repository] = f"{kept.get(each.repository, '')} {each.set}"
    made = {
        "sets": lambda: [set_row(each, jobs.get(each.job), sight) for each in sorted(view.sets or (), key=bad_set)],
        "repositories": lambda: [
            repository_row(each, kept.get(each.key, ""), sight) for each in sorted(view.repositories, key=bad_place)
        ],
        "jobs": lambda: [job_row(each, sight) for each in sorted(view.jobs, key=busy_first)],
        "concerns": lambda: [concern_row(each, sight) for each in sorted(view.concerns, key=severe_first)],
    }[side]()
    wanted = needle.casefold()
    return [row for row in made if wanted in f"{plain(row.text)} {row.words}".casefold()]


# The whole --------------------------------------------------------------------------------------------------------


def summary(view: BackupView) -> Line:
    """Backups in one line, for the status line."""
    sets = view.sets or ()
    ranks = [rank(each) for each in sets]
    going = sum(job.state not in ENDED for job in view.jobs)
    severe = sum(each.severity.rank >= 3 for each in view.concerns)
    return line(
        Span("no Borg beside the engine  " if not (view.borg or view.nothing) else "", "bad"),
        Span(text.some(len(sets), "set"), "dim"),
        Span(f"  {ranks.count(0)} broken" if 0 in ranks else "", "bad"),
        Span(f"  {ranks.count(1)} late" if 1 in ranks else "", "warn"),
        Span(f"  {ranks.count(2)} not proven" if 2 in ranks else "", "warn"),
        Span(f"  {text.some(severe, 'critical concern')}" if severe else "", "bad"),
        Span(f"  {going} running" if going else "", "accent"),
    )


def nothing(side: Side, view: BackupView | None, needle: str, width: int) -> list[Line]:
    """What stands where no row does, with the key that helps."""
    if view is None:
        return said("asking the engine…", "dim", "", width)
    if needle:
        return said(f"Nothing matches /{needle}", "warn", "Esc clears the filter.", width)
    if view.nothing:
        return said("Nothing is backed up here.", "strong", view.nothing, width)
    if side == "concerns":
        return said("Nothing to worry about.", "ok", "Everything is in time, proven, checked and in escrow.", width)
    if side == "jobs":
        return said("No job yet.", "strong", "b on the Sets view backs up, d proves a restore, c checks.", width)
    why = "The configuration's [backups] names hosts and sets; without it every host's configuration is backed up."
    return said("Nothing is to be backed up.", "strong", why, width)


def teach(side: Side, view: BackupView, width: int) -> list[Line]:
    """Below the rows: what to do when backups cannot work, or never did."""
    if view.nothing:
        return []
    if not view.borg:
        help_ = "Install it where the engine runs: apt install borgbackup, or pip install 'borgbackup<2'. Then R."
        return said("There is no Borg beside the engine.", "bad", help_, width)
    rows_ = view.sets or ()
    if side == "sets" and rows_ and not view.jobs and all(each.last is None for each in rows_):
        return said("Nothing was ever backed up: b makes the first one.", "strong", "* marks every row first.", width)
    return []


def said(first: str, role: Role, second: str, width: int) -> list[Line]:
    """A sentence, and quieter what helps."""
    made = [(), *wrap(first, width - 2, 0, role), *(wrap(second, width - 2, 0, "dim") if second else [])]
    return [line("  ", *row) if row else () for row in made]


def marked(rows_: Iterable[Row], marks: Iterable[Hashable]) -> list[Row]:
    """The rows that are marked, in their order."""
    wanted = set(marks)
    return [row for row in rows_ if row.key in wanted]
