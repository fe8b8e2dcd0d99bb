"""The Alerts screen's list by rule and by host: a line for each, with how many alerts stand behind it and how bad they are."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

from backends.alerts.views import AlertRow
from backends.inventory.ranges import fold
from swarm_tui.present import alert_text as text
from swarm_tui.present import alerts as shown
from swarm_tui.present.alerts import SEVERITY_CELLS, Row, Side, Sight, is_quiet, severity_role, severity_words
from swarm_tui.present.host_line import Span, cell, line
from swarm_tui.present.line import Line, crop
from swarm_tui.present.states import coarse

COUNT_CELLS, QUIET_CELLS, AGE_CELLS = 6, 5, 4
RULE_CELLS, HOST_CELLS = 18, 16
_NONE: Mapping[Hashable, Row] = {}


def rows(side: Side, alerts: Sequence[AlertRow], sight: Sight, before: Mapping[Hashable, Row] = _NONE) -> list[Row]:
    """The lines of a view, the worst first. `before` as for `alerts.rows`."""
    if side not in ("rules", "hosts"):
        return shown.rows(alerts, sight, before)
    groups: dict[str, list[AlertRow]] = {}
    for each in alerts:
        groups.setdefault(each.rule if side == "rules" else each.host, []).append(each)
    return [_row(side, name, tuple(members), sight) for name, members in groups.items()]


def head(side: Side, alerts: Sequence[AlertRow], width: int) -> Line:
    """The column titles."""
    if side not in ("rules", "hosts"):
        return shown.head(alerts, width)
    names, title, rest = (RULE_CELLS, "rule", "where, what") if side == "rules" else (HOST_CELLS, "host", "what")
    parts = (
        cell(" severity", SEVERITY_CELLS + 3, "head"),
        cell("alerts", COUNT_CELLS, "head", "right"),
        cell("quiet", QUIET_CELLS + 1, "head", "right"),
        cell("age", AGE_CELLS + 1, "head", "right"),
        cell(f" {title}", names + 2, "head"),
        Span(rest, "head"),
    )
    return crop(line(*parts), width)


def _row(side: Side, name: str, members: tuple[AlertRow, ...], sight: Sight) -> Row:
    """`members` in the engine's order, the worst first; one that nobody has in hand stands for all."""
    worst = next((each for each in members if not is_quiet(each)), members[0])
    quiet = sum(map(is_quiet, members))
    oldest = min(map(text.began, members))
    marked = all(each.fingerprint in sight.marks for each in members)
    calm = quiet == len(members)
    role = severity_role(worst)
    parts = (
        Span(f"{sight.glyphs.mark} " if marked else "  ", "mark"),
        cell(severity_words(worst), SEVERITY_CELLS, "dim" if calm and role != "bad" else role),
        Span(" "),
        cell(str(len(members)), COUNT_CELLS, "text" if calm else "strong", "right"),
        Span(" "),
        cell(str(quiet) if quiet else "", QUIET_CELLS, "info", "right"),
        Span(" "),
        cell(coarse(sight.now - oldest), AGE_CELLS, "dim", "right"),
        Span(" "),
        cell(name or "—", RULE_CELLS if side == "rules" else HOST_CELLS, "strong"),
        Span(" "),
        *(_rule_words(members) if side == "rules" else _host_words(members, sight.now)),
    )
    return Row((side, name), crop(line(*parts), sight.width), worst, group=members)


def _rule_words(members: Sequence[AlertRow]) -> Line:
    """ "gpu[01-12]  Filesystem is full"."""
    hosts = fold(sorted({each.host for each in members if each.host})) or "the fleet"
    return line(Span(hosts, "text"), Span(f"  {members[0].title}", "dim"))


def _host_words(members: Sequence[AlertRow], now: float) -> Line:
    """Each one's sentence, those that nobody has in hand first."""
    ordered = sorted(members, key=is_quiet)
    parts: list[Span] = []
    for index, each in enumerate(ordered):
        parts += [Span("; ", "dim")] if index else []
        parts.append(Span(text.what(each, now), "dim" if is_quiet(each) else "text"))
    return line(*parts)


def needle(row: Row) -> str:
    """The filter that shows exactly what stands behind a line."""
    side, name = row.key if isinstance(row.key, tuple) else ("", "")
    return f"{'rule' if side == 'rules' else 'host'}:{name}"
