"""The Backups tab of the Host screen: what of this host is kept where, how old and how well proven it is."""

from __future__ import annotations

from backends.backups.model import ENDED
from backends.backups.views import BackupView
from swarm_tui.glyphs import UNICODE
from swarm_tui.present import backup_text as text
from swarm_tui.present import backups
from swarm_tui.present.backup_about import concern_lines, repository_lines, set_lines
from swarm_tui.present.backup_rows import Sight, rank
from swarm_tui.present.host_line import Frame, Span, heading, line
from swarm_tui.present.line import Line

NEWEST_JOBS = 6


def backups_panel(view: BackupView | None, host: str, now: float, frame: Frame) -> list[Line]:
    """The whole tab; `now` in epoch seconds, for ages."""
    if view is None:
        return [(), line(Span("asking the engine…", "dim"))]
    width = frame.width
    sets = [each for each in view.sets or () if each.host == host]
    if not sets:
        return backups.nothing("sets", BackupView(version=0, sets=(), borg=view.borg), "", width)
    rows: list[Line] = []
    for concern in view.concerns:
        if concern.host == host:
            rows += [*concern_lines(concern, now, width), ()]
    for each in sorted(sets, key=lambda one: (rank(one), one.set)):
        rows += [heading(f"{each.set}  {each.repository}", "", width), *set_lines(each, now, width)]
    for place in view.repositories:
        if place.host == host:
            rows += [(), heading(f"repository {place.key}", "", width), *repository_lines(place, now, width)]
    return rows + _jobs(view, host, Sight(width, UNICODE, now))


def _jobs(view: BackupView, host: str, sight: Sight) -> list[Line]:
    found = [job for job in view.jobs if job.host == host][:NEWEST_JOBS]
    if not found:
        return []
    going = sum(job.state not in ENDED for job in found)
    note = f"{going} running" if going else ""
    shown = backups.rows("jobs", BackupView(version=0, sets=(), jobs=tuple(found)), "", sight)
    return [(), heading("jobs", note, sight.width), *(row.text for row in shown)]


def told(view: BackupView | None, host: str) -> str:
    """For the status line: the keys that lead on."""
    count = sum(each.host == host for each in view.sets or ()) if view else 0
    return f"{text.some(count, 'set')}; 4 backs up, proves and restores" if view else ""
