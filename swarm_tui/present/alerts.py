"""The Alerts screen's list in lines: one row a problem in the engine's order, the worst first."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

from backends.alerts.model import ACTIVE, Phase
from backends.alerts.views import AlertRow, phase_word
from swarm_tui.glyphs import Glyphs
from swarm_tui.present import alert_text as text
from swarm_tui.present.host_line import SEVERITY_MARKS, SEVERITY_ROLES, Span, cell, line
from swarm_tui.present.line import Line, Piece, crop
from swarm_tui.present.states import coarse
from swarm_tui.theme import Role

Side = Literal["open", "all", "rules", "hosts"]
SIDES: tuple[Side, ...] = ("open", "all", "rules", "hosts")
TITLES: dict[Side, str] = {"open": "Open", "all": "All", "rules": "By rule", "hosts": "By host"}
"""All: also what is only noted, and what was resolved within the last hour."""
FIELDS = ("rule", "host", "state", "severity")
SEVERITY_CELLS, STATE_CELLS, AGE_CELLS = 10, 12, 4
LEAST_HOST, MOST_HOST = 6, 16
BY_CELLS, TOLD_CELLS, OBJECT_CELLS, RULE_CELLS = 8, 8, 18, 16
WITH_BY, WITH_OBJECT, WITH_RULE = 88, 108, 130
"""Cells of the list from which these columns have room of their own; below them their words stand in other columns."""
_STATES: dict[str, Role] = {"recovering": "ok", "resolved": "ok", "unknown": "stale", "pending": "dim", "acked": "info"}
_TOLD: dict[str, Role] = {"dead": "bad", "retrying": "warn", "waiting": "dim", "sent": "dim"}
TOLD_WORDS = {"dead": "given up", "": "nobody"}
"""How telling goes, in other words than the engine's."""


class Row(NamedTuple):
    """One line; `key` is the fingerprint, or ("rules" or "hosts", what the alerts behind it have in common)."""

    key: Hashable
    text: Line
    alert: AlertRow
    """The worst, where several stand behind the line."""
    look: tuple[object, ...] = ()
    """What its line was drawn from, beside the alert."""
    group: tuple[AlertRow, ...] = ()
    """All that stand behind the line; () for a line of one alert."""

    @property
    def alerts(self) -> tuple[AlertRow, ...]:
        """What an action on the line is about."""
        return self.group or (self.alert,)


_NONE: Mapping[Hashable, Row] = {}


class Sight(NamedTuple):
    """How rows are drawn."""

    width: int
    glyphs: Glyphs
    now: float
    marks: frozenset[Hashable] = frozenset()


# Which ------------------------------------------------------------------------------------------------------------


def is_open(alert: AlertRow) -> bool:
    """Whether somebody may still have to do something about it."""
    return not alert.info and (alert.phase in ACTIVE or (alert.unknown and alert.phase is not Phase.RESOLVED))


def matches(alert: AlertRow, needle: str) -> bool:
    """Whether every word of `needle` is in it, and none that begins with "!". "rule:disk.space" is exactly that rule;
    the same with the other `FIELDS`.
    """
    said = " ".join(_words(alert)).casefold()
    for word in needle.casefold().split():
        refused = word.startswith("!") and len(word) > 1
        if _has(alert, said, word[1:] if refused else word) is refused:
            return False
    return True


def _has(alert: AlertRow, said: str, word: str) -> bool:
    field, colon, value = word.partition(":")
    if not colon or field not in FIELDS:
        return word in said
    values = {"rule": alert.rule, "host": alert.host, "state": phase_word(alert), "severity": text.level(alert)}
    return values[field].casefold() == value


def _words(alert: AlertRow) -> Iterable[str]:
    yield from (alert.rule, alert.title, alert.host, alert.object, alert.text, alert.fingerprint)
    yield from (text.level(alert), text.state(alert), alert.inhibited, TOLD_WORDS.get(alert.delivery, alert.delivery))
    yield alert.ack.by if alert.ack else ""


def chosen(side: Side, alerts: Sequence[AlertRow], needle: str) -> list[AlertRow]:
    """The alerts of a view, in the engine's order."""
    found = [each for each in alerts if side == "all" or is_open(each)]
    return [each for each in found if matches(each, needle)] if needle else found


def count(side: Side, alerts: Sequence[AlertRow]) -> int:
    """How many alerts a view has."""
    return len(chosen(side, alerts, ""))


# Rows -------------------------------------------------------------------------------------------------------------


def rows(alerts: Sequence[AlertRow], sight: Sight, before: Mapping[Hashable, Row] = _NONE) -> list[Row]:
    """A line for each.

    Args:
        before: what was drawn last, by fingerprint; what looks the same is not drawn again (thousands may fire at once).
    """
    names = _host_cells(alerts, sight.width)
    look = (sight.width, names, sight.glyphs.mark)
    made: list[Row] = []
    for each in alerts:
        key = each.fingerprint
        age = (*look, key in sight.marks, coarse(sight.now - text.began(each)))
        old = before.get(key)
        same = old is not None and old.alert == each and old.look == age and not each.unknown
        made.append(old if old is not None and same else Row(key, _drawn(each, names, sight), each, age))
    return made


def head(alerts: Sequence[AlertRow], width: int) -> Line:
    """The column titles."""
    parts = [
        cell(" severity", SEVERITY_CELLS + 3, "head"),
        cell("state", STATE_CELLS + 1, "head"),
        cell("host", _host_cells(alerts, width) + 1, "head"),
        cell("age", AGE_CELLS, "head", "right"),
        cell("", 1, "head"),
    ]
    for least, title, cells in _EXTRA:
        parts += [cell(title, cells + 1, "head")] if width >= least else []
    return crop(line(*parts, Span("what", "head")), width)


_EXTRA = (
    (WITH_RULE, "rule", RULE_CELLS),
    (WITH_OBJECT, "object", OBJECT_CELLS),
    (WITH_BY, "by", BY_CELLS),
    (WITH_BY, "told", TOLD_CELLS),
)


def _host_cells(alerts: Sequence[AlertRow], width: int) -> int:
    longest = max((len(each.host) for each in alerts), default=0)
    return max(LEAST_HOST, min(MOST_HOST, longest, width // 5))


def _drawn(alert: AlertRow, names: int, sight: Sight) -> Line:
    width, quiet = sight.width, is_quiet(alert)
    role = severity_role(alert)
    parts: list[Piece] = [
        Span(f"{sight.glyphs.mark} " if alert.fingerprint in sight.marks else "  ", "mark"),
        cell(severity_words(alert), SEVERITY_CELLS, "dim" if quiet and role != "bad" else role),
        Span(" "),
        cell(_state(alert, width), STATE_CELLS, state_role(alert)),
        Span(" "),
        cell(alert.host or "—", names, "text" if quiet else "strong"),
        Span(" "),
        cell(coarse(sight.now - text.began(alert)), AGE_CELLS, "dim", "right"),
        Span(" "),
    ]
    by = alert.ack.by if alert.ack else ""
    extra = {
        "rule": Span(alert.rule, "dim"),
        "object": Span(alert.object, "text"),
        "by": Span(by, "info"),
        "told": Span(told_word(alert), _TOLD.get(alert.delivery, "dim")),
    }
    for least, title, cells in _EXTRA:
        parts += [cell(extra[title].text, cells, extra[title].role), Span(" ")] if width >= least else []
    return crop(line(*parts, *badges(alert, width), *_what(alert, quiet, sight)), width)


def _what(alert: AlertRow, quiet: bool, sight: Sight) -> Line:
    words = text.what(alert, sight.now)
    named = sight.width >= WITH_OBJECT or not alert.object or alert.object in words
    return line(Span(words, "dim" if quiet else "text"), Span("" if named else f"  {alert.object}", "faint"))


def _state(alert: AlertRow, width: int) -> str:
    """Where `by` has no column of its own, who has it in hand stands behind the state."""
    by = f" {alert.ack.by}" if alert.ack is not None and width < WITH_BY else ""
    return phase_word(alert) + (by if phase_word(alert) in ("acked", "snoozed") else "")


def is_quiet(alert: AlertRow) -> bool:
    """Whether it asks for nobody's eyes: in hand, hidden, explained, over, or not yet a problem."""
    return phase_word(alert) not in (Phase.FIRING, Phase.RECOVERING, "unknown") or alert.info


def severity_words(alert: AlertRow) -> str:
    """ "✖ critical"; never a colour alone."""
    mark = "·" if alert.info else SEVERITY_MARKS[alert.severity]
    return f"{mark} {text.level(alert)}"


def severity_role(alert: AlertRow) -> Role:
    """The colour of its severity."""
    return "dim" if alert.info or alert.phase is Phase.RESOLVED else SEVERITY_ROLES[alert.severity]


def state_role(alert: AlertRow) -> Role:
    """The colour of how it stands."""
    word = phase_word(alert)
    return severity_role(alert) if word == Phase.FIRING else _STATES.get(word, "dim")


def told_word(alert: AlertRow) -> str:
    """How telling of it goes; "—" where nobody is told."""
    if not alert.delivery and (is_quiet(alert) or not is_open(alert)):
        return "—"
    return TOLD_WORDS.get(alert.delivery, alert.delivery)


def badges(alert: AlertRow, width: int = 0) -> Line:
    """What is odd about it; how telling goes only where that has no column of its own."""
    words = [
        ("flapping", "warn") if alert.flapping else None,
        (f"escalated {alert.escalation}", "warn") if alert.escalation > 1 else None,
        ("not told", "bad") if alert.delivery == "dead" and width < WITH_BY else None,
        ("retrying", "warn") if alert.delivery == "retrying" and width < WITH_BY else None,
        (f"by {alert.inhibited}", "dim") if alert.inhibited and phase_word(alert) == "explained" else None,
    ]
    found: list[Piece] = []
    for each in words:
        if each is not None:
            role: Role = "bad" if each[1] == "bad" else "dim" if each[1] == "dim" else "warn"
            found += [Span(f"[{each[0]}]", role), Span(" ")]
    return line(*found)
