"""A run of updates in lines: how far all of it is, one row a host, and what came of the host under the cursor."""

from __future__ import annotations

from backends import units
from backends.updates.model import Stage
from backends.updates.runs import Board, BoardHost
from swarm_tui.glyphs import Glyphs
from swarm_tui.present import update_text as text
from swarm_tui.present.bar import bar
from swarm_tui.present.host_line import Span, cell, heading, line, wrap
from swarm_tui.present.line import Line, crop
from swarm_tui.present.updates import Row
from swarm_tui.theme import Role

_ROLES: dict[Stage, Role] = {
    Stage.DONE: "ok",
    Stage.PARTIAL: "bad",
    Stage.FAILED: "bad",
    Stage.REFUSED: "warn",
    Stage.DETACHED: "warn",
    Stage.WAITING_FOR_LOCK: "warn",
    Stage.CANCELLED: "dim",
    Stage.QUEUED: "dim",
}
_RANK = {
    **dict.fromkeys((Stage.FAILED, Stage.PARTIAL, Stage.REFUSED), 0),
    **dict.fromkeys((Stage.DETACHED, Stage.WAITING_FOR_LOCK), 1),
    Stage.QUEUED: 3,
    Stage.CANCELLED: 4,
    Stage.DONE: 5,
}
"""What needs a person first, then what goes on, then what waits, then what is over."""
BAR_CELLS, NARROW_BAR_CELLS = 24, 12


def ordered(board: Board) -> list[BoardHost]:
    """The hosts, worst first."""
    return sorted(board.hosts, key=lambda host: (_RANK.get(host.stage, 2), host.host))


def head(board: Board, now: float, width: int, glyphs: Glyphs) -> list[Line]:
    """The whole run in one line, and the column titles."""
    planned = sum(host.progress.planned for host in board.hosts)
    share = 100.0 * sum(_done(host) for host in board.hosts) / planned if planned else None
    ends = [host.ended for host in board.hosts if host.ended is not None]
    took = units.span((max(ends) if board.finished and ends else now) - board.created)
    parts = line(
        "  ",
        *bar(share, 20 if width >= 100 else 12, glyphs, "ok" if board.finished else "gauge"),
        Span(f" {units.percent(share) if share is not None else '?'}  ", "strong"),
        *_counts(board),
        Span(f"{'took' if board.finished else 'for'} {took}", "dim"),
    )
    titles = line(Span(f"  {'host':<16}{'stage':<18}{'packages':<{_bar_cells(width) + 9}}what", "head"))
    return [crop(parts, width), crop(titles, width)]


def _counts(board: Board) -> Line:
    ended = board.count(Stage.DONE, Stage.PARTIAL, Stage.FAILED, Stage.REFUSED, Stage.CANCELLED)
    counts: tuple[tuple[int, str, Role], ...] = (
        (board.count(Stage.DONE), "done", "ok"),
        (board.count(Stage.PARTIAL), "partial", "bad"),
        (board.count(Stage.FAILED), "failed", "bad"),
        (board.count(Stage.REFUSED), "refused", "warn"),
        (board.count(Stage.CANCELLED), "cancelled", "dim"),
        (board.count(Stage.DETACHED), "link lost", "warn"),
        (len(board.hosts) - ended, "to go", "text"),
    )
    return line(*(Span(f"{count} {word}  ", role) for count, word, role in counts if count))


def _bar_cells(width: int) -> int:
    return BAR_CELLS if width >= 100 else NARROW_BAR_CELLS


def board_row(host: BoardHost, width: int, glyphs: Glyphs) -> Row:
    """One host: stage, a bar of packages with their number, what it works on or what came of it."""
    role = _ROLES.get(host.stage, "text")
    share, planned = _share(host), host.progress.planned
    counted = f"{_done(host)}/{planned}" if planned else ""
    made = line(
        "  ",
        cell(host.host, 15, "strong"),
        " ",
        cell(_stage(host), 17, role),
        " ",
        *bar(share, _bar_cells(width), glyphs, "ok" if host.stage is Stage.DONE else "gauge"),
        cell(counted, 8, "dim", "right"),
        " ",
        Span(_words(host), role if host.ended is not None else "dim"),
    )
    return Row(("host", host.host), crop(made, width), (host.host,))


def _stage(host: BoardHost) -> str:
    if host.stage is Stage.PREFETCHING and host.progress.download_percent is not None:
        return f"fetching {units.percent(host.progress.download_percent)}"
    return {Stage.PREFETCHING: "fetching", Stage.WAITING_FOR_LOCK: "waits for lock"}.get(
        host.stage, host.stage.value.replace("-", " ")
    )


def _words(host: BoardHost) -> str:
    """What it works on, waits for, or what went wrong; nothing where the stage says it all."""
    if host.outcome is not None:
        return "; ".join(host.outcome.problems)
    holder = host.progress.holder
    waits = f"{holder.command or 'process'} ({holder.pid or '?'}) has it" if holder is not None else ""
    return "  ".join(word for word in (waits or host.progress.current, host.text) if word)


def _done(host: BoardHost) -> int:
    return host.outcome.applied if host.outcome is not None else host.progress.done


def _share(host: BoardHost) -> float | None:
    """Per cent of the planned changes that are there; None while nothing can be counted."""
    if host.outcome is not None and host.outcome.results:
        return 100.0 * host.outcome.applied / len(host.outcome.results)
    counts = host.progress.planned and host.stage not in (Stage.QUEUED, Stage.CHECKING, Stage.PREFETCHING)
    return 100.0 * host.progress.done / host.progress.planned if counts else None


def result_lines(host: BoardHost, width: int) -> list[Line]:
    """What came of a host, or where it stands, below the list."""
    if host.outcome is None:
        return [heading(host.host, "", width), *wrap(text.progress_words(host), width, 2)]
    role = _ROLES.get(host.outcome.stage, "text")
    first, *rest = text.outcome_lines(host.outcome)
    made = [heading(host.host, "", width), *wrap(first, width, 2, role)]
    for words in rest:
        made += wrap(words.strip(), width, 4)
    return made
