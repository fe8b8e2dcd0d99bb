"""The restore wizard in lines: what comes back, where to, what becomes of files that are there, and what exactly would be done."""

from __future__ import annotations

from backends import units
from backends.backups.model import Archive
from backends.backups.views import Conflict, RestorePlan, RestoreRequest
from swarm_tui.present import backup_text as text
from swarm_tui.present.backup_about import pair
from swarm_tui.present.host_line import Span, cell, heading, line, wrap
from swarm_tui.present.line import Line, crop
from swarm_tui.theme import Role

CONFLICTS: tuple[Conflict, ...] = ("rename", "keep", "replace")
CONFLICT_WORDS: dict[Conflict, str] = {
    "rename": "what is there stays; the restored file gets another name",
    "keep": "what is there stays; the file is not restored",
    "replace": "replaced; a copy of what was there is kept beside it",
}
MOST_PATHS = 6


def destructive(request: RestoreRequest) -> bool:
    """Whether files at their original place are replaced."""
    return request.conflict == "replace" and not request.directory


def choice_lines(request: RestoreRequest, archive: Archive, now: float, width: int) -> list[Line]:
    """What was chosen so far, each with its key."""
    host = request.host or archive.host
    place = request.directory or "the original place"
    return [
        *pair("from", f"{archive.repository}  {archive.name}, {text.ago(archive.start, now)}", width, "strong"),
        *pair("what", _paths(request), width, "strong"),
        _choice("o d", "to", place, width, "text"),
        _choice("t", "host", host if host == archive.host else f"{host} (it came from {archive.host})", width),
        _choice("c", "there", f"{request.conflict}: {CONFLICT_WORDS[request.conflict]}", width, _conflict(request)),
        (),
    ]


def _given(request: RestoreRequest, width: int) -> list[Line]:
    """Where nothing can be chosen."""
    return [
        *pair("from", f"{request.repository}  {request.archive}", width, "strong"),
        *pair("what", _paths(request), width, "strong"),
        (),
    ]


def _conflict(request: RestoreRequest) -> Role:
    return "warn" if request.conflict == "replace" else "text"


def _choice(keys: str, label: str, words: str, width: int, role: Role = "text") -> Line:
    return crop(line(cell(label, 8, "dim"), cell(keys, 4, "key"), Span(words, role)), width)


def _paths(request: RestoreRequest) -> str:
    if not request.paths:
        return "everything in the archive"
    shown = ", ".join(f"/{path}" for path in request.paths[:MOST_PATHS])
    more = len(request.paths) - MOST_PATHS
    return f"{shown} and {more} more" if more > 0 else shown


def plan_lines(plan: RestorePlan, width: int) -> list[Line]:
    """What the engine says would be done, with numbers."""
    rows: list[Line] = [heading("what would be done", "nothing was changed yet", width)]
    rows += pair("restores", f"{text.some(plan.files, 'file')}, {units.size(plan.bytes)}", width, "strong")
    rows += pair("to", f"{plan.host}:{plan.directory or '/'}", width, "strong")
    rows += pair("there", _there(plan), width, "warn" if plan.there > plan.same else "text")
    rows += [crop(line(cell("", 12), Span(f"/{path.lstrip('/')}", "dim")), width) for path in plan.examples]
    rows += _room(plan, width)
    for each in plan.validators:
        rows += pair("validator", each, width)
    if plan.rollback_seconds is not None:
        said = f"put back by itself after {units.span(plan.rollback_seconds)} unless you confirm"
        rows += pair("rollback", said, width, "warn")
    for warning in plan.warnings:
        rows += wrap(f"▲ {warning}", width, 2, "warn")
    return [*rows, *pair("transport", plan.transport.value, width, "dim"), *pair("command", plan.command, width, "dim")]


def _there(plan: RestorePlan) -> str:
    if not plan.there:
        return "none of them exists there"
    same = f", {plan.same} of them the same" if plan.same else ""
    return f"{text.some(plan.there, 'file')} there already{same}; {plan.request.conflict} for {plan.there - plan.same}"


def _room(plan: RestorePlan, width: int) -> list[Line]:
    if plan.free_bytes is None:
        return pair("room", "free space unknown", width, "dim")
    short = plan.bytes > plan.free_bytes
    words = f"{units.size(plan.free_bytes)} free" + (", which is not enough" if short else "")
    return pair("room", words, width, "bad" if short else "text")


def question(plan: RestorePlan, width: int) -> list[Line]:
    """What the last question shows."""
    verbs = {"keep": "not restored", "rename": "kept beside the restored ones", "replace": "replaced, a copy kept"}
    rows = wrap(f"{text.some(plan.files, 'file')}, {units.size(plan.bytes)}", width, 2, "strong")
    rows += wrap(f"to {plan.host}:{plan.directory or '/'}", width, 2, "strong")
    differ = plan.there - plan.same
    if differ:
        words = f"{text.some(differ, 'file')} there with other bytes: {verbs[plan.request.conflict]}"
        rows += wrap(words, width, 2, _conflict(plan.request))
    for warning in plan.warnings[:4]:
        rows += wrap(f"▲ {warning}", width, 2, "warn")
    return [*rows, *wrap(f"$ {plan.command}", width, 2, "dim")[:5]] if plan.command else rows


def page_lines(
    request: RestoreRequest, archive: Archive | None, plan: RestorePlan | None, now: float, width: int
) -> list[Line]:
    """The whole wizard. Without an archive (one configuration file goes back) there is only the plan."""
    rows = choice_lines(request, archive, now, width) if archive is not None else _given(request, width)
    if plan is not None:
        return rows + plan_lines(plan, width)
    return [*rows, *wrap("Enter asks the host what is there and shows exactly what would be done.", width, 0, "accent")]
