"""What stands above and below the list of alerts: its views, how the engine itself does, what stands in numbers; and what
is said where no alert is.
"""

from __future__ import annotations

from backends.alerts.views import AlertView
from backends.states import Severity
from backends.units import span
from swarm_tui.present import alert_text as text
from swarm_tui.present.alerts import SIDES, TITLES, Side, count, is_quiet
from swarm_tui.present.host_line import SEVERITY_MARKS, SEVERITY_ROLES, Span, line, wrap
from swarm_tui.present.line import Line, Piece, crop, plain, spread
from swarm_tui.theme import Role

STALE_SECONDS = 30.0
"""Without a full evaluation for so long, what is shown is doubted."""


def tabs(side: Side, view: AlertView | None, now: float, width: int) -> Line:
    """The views, and at the right how the engine itself does."""
    names = {each: _titled(each, view) for each in SIDES}
    pieces = [
        Span(f"[{names[each]}]" if each == side else f" {names[each]} ", "tab-on" if each == side else "tab")
        for each in SIDES
    ]
    left = line(" ", *pieces, " ")
    room = width - len(plain(left))
    return spread(left, crop(pulse(view, now, room), room), width) if view is not None else left


def _titled(side: Side, view: AlertView | None) -> str:
    """With how many alerts are open; the other views show the same ones, or what is over."""
    if view is None or view.alerts is None or side not in ("open", "all"):
        return TITLES[side]
    return f"{TITLES[side]} {count(side, view.alerts)}"


def pulse(view: AlertView, now: float, room: int = 200) -> Line:
    """ "2 given up  quiet hours  evaluated 2s ago": the last is what must not be overlooked, so it goes last of all."""
    completed = view.pulse.completed
    old = completed is None or now - completed > STALE_SECONDS
    last: Line = (Span(text.evaluated(view.pulse, now) + " ", "warn" if old else "dim"),)
    waiting = f"{view.waiting} on the way" if view.waiting else ""
    found: list[tuple[str, Role]] = [
        (f"{view.dead} given up" if view.dead else "", "bad"),
        (waiting, "dim"),
        ("quiet hours" if view.quiet else "", "info"),
    ]
    kept: list[Piece] = []
    for words, role in found:
        more = [*kept, Span(f"{words}  ", role)] if words else kept
        if len(plain(more)) + len(plain(last)) <= room:
            kept = more
    return line(*kept, *last)


def _counted(number: int, word: str) -> str:
    return "" if not number else f"{number} {word}" + ("s  " if number > 1 else "  ")


def summary(view: AlertView) -> Line:
    """What stands, counted: "2 critical  1 warning  3 in hand  1 hidden  1 silence"."""
    alerts = view.alerts or ()
    standing = [each for each in alerts if text.stands(each)]
    bright = [each for each in standing if not is_quiet(each)]
    counts: list[Piece] = []
    for severity in (Severity.CRITICAL, Severity.WARNING, Severity.UNKNOWN):
        found = sum(each.severity is severity for each in bright)
        if found:
            words = f"{SEVERITY_MARKS[severity]} {found} {severity}  "
            counts.append(Span(words, SEVERITY_ROLES[severity]))
    held = sum(each.ack is not None for each in standing)
    hidden = len(standing) - len(bright) - sum(each.ack is not None for each in standing if is_quiet(each))
    return line(
        *(counts or [Span("nothing fires  ", "ok")]),
        Span(f"{held} in hand  " if held else "", "info"),
        Span(f"{hidden} hidden  " if hidden else "", "dim"),
        Span(_counted(len(view.silences), "silence"), "dim"),
        Span(_counted(len(view.mutes), "maintenance"), "dim"),
    )


def trouble(view: AlertView, now: float) -> str:
    """Why the list is not to be trusted; else a hint; "" when all is well."""
    completed = view.pulse.completed
    if view.problem:
        return view.problem
    if completed is not None and now - completed > STALE_SECONDS:
        return f"nothing was evaluated for {span(now - completed)}: what is shown is the past"
    return view.hints[0] if view.hints else ""


def nothing(side: Side, view: AlertView | None, needle: str, now: float, width: int, watched: str = "") -> list[Line]:
    """What stands where no row does, with the key that helps. `watched`: "112 rules over 8 hosts"."""
    if view is None:
        return said("asking the engine…", "dim", "", width)
    if needle:
        return said(f"Nothing matches /{needle}", "warn", "Esc clears the filter.", width)
    if view.pulse.completed is None:
        reason = view.problem or "The first evaluation comes with the first samples."
        return said("Nothing was evaluated yet.", "warn", reason, width)
    if trouble(view, now) and not view.hints:
        return said("Nothing is known to be wrong.", "warn", trouble(view, now), width)
    more = "m shows what is checked." if side == "all" else "] shows what was resolved within the last hour."
    over = f": {watched}, {text.evaluated(view.pulse, now)}." if watched else f"; {text.evaluated(view.pulse, now)}."
    return said(f"Nothing is wrong{over}", "ok", more, width)


def said(first: str, role: Role, second: str, width: int) -> list[Line]:
    """A sentence and what helps, where a list would be."""
    found = [*wrap(first, width - 4, 0, role), *(wrap(second, width - 4, 0, "dim") if second else [])]
    return [(), *(line("  ", *each) for each in found)]
