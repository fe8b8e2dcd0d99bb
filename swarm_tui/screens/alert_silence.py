"""Silencing alerts in few keys: what is hidden, for how long, why, and what that would hide; and the maintenance of hosts."""

from __future__ import annotations

import glob
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from backends.alerts.silences import Preview
from backends.alerts.views import AlertRow
from backends.inventory.ranges import fold
from backends.units import span
from swarm_tui.present.host_line import wrap
from swarm_tui.present.line import Line
from swarm_tui.screens.alert_base import QUESTION_CELLS, AlertBase
from swarm_tui.screens.confirm import AskLine, Confirm
from swarm_tui.screens.menu import Choice, Menu

HOUR, DAY = 3600.0, 86_400.0
DURATIONS = (
    ("1", HOUR, "1 hour"),
    ("4", 4 * HOUR, "4 hours"),
    ("8", 8 * HOUR, "8 hours"),
    ("d", DAY, "1 day"),
    ("3", 3 * DAY, "3 days"),
    ("w", 7 * DAY, "7 days"),
)
UNTIL_END = "until-end"
"""As long as the alert lasts, and seven days at most."""


class Scope(NamedTuple):
    """What a silence hides."""

    words: str
    rule: str = ""
    select: str = ""
    object: str = ""

    @property
    def params(self) -> dict[str, str]:
        return {"rule": self.rule, "select": self.select, "object": self.object}


def scopes(rows: Sequence[AlertRow]) -> dict[str, Scope | str]:
    """Letter → what would be hidden, or why that cannot be."""
    rules, hosts = {row.rule for row in rows}, sorted({row.host for row in rows if row.host})
    rule, select, first = glob.escape(rows[0].rule), ",".join(hosts), rows[0]
    one_rule = "" if len(rules) == 1 else "they are of several rules"
    no_host = "" if all(row.host for row in rows) else "it is about no host"
    one = "" if len(rows) == 1 else "for one alert"
    here = fold(hosts)
    where = f"{first.rule} {first.object} on {here}" if first.object else f"{first.rule} on {here}"
    return {
        "a": one or no_host or Scope(where, rule, select, glob.escape(first.object)),
        "h": one_rule or no_host or Scope(f"{first.rule} on {here}", rule, select),
        "r": one_rule or Scope(f"{first.rule} everywhere", rule),
        "e": no_host or Scope(f"everything on {here}", "", select),
    }


_LABELS = {"a": "this alert", "h": "this rule here", "r": "this rule everywhere", "e": "everything here"}


def ask_silence(screen: AlertBase, rows: Sequence[AlertRow]) -> None:
    """What is hidden?"""
    found = scopes(rows)
    choices = [
        Choice(
            key, key, _LABELS[key], "" if isinstance(each, str) else each.words, each if isinstance(each, str) else ""
        )
        for key, each in found.items()
    ]

    def chosen(key: str | None) -> None:
        scope = found[key] if key is not None else ""
        if not isinstance(scope, str):
            _ask_duration(screen, scope)

    about: list[Line] = [(("It goes on to be shown; nobody is told of it.", "dim"),)]
    screen.app.push_screen(Menu("Silence what?", about, choices), chosen)


def _ask_duration(screen: AlertBase, scope: Scope) -> None:
    choices = [Choice(key, str(seconds), words) for key, seconds, words in DURATIONS]
    choices.append(Choice("u", UNTIL_END, "until it ends", "when nothing matches it any more; 7 days at most"))

    def chosen(choice: str | None) -> None:
        if choice is None:
            return
        with_alert = choice == UNTIL_END
        seconds = 7 * DAY if with_alert else float(choice)
        params: dict[str, Any] = {**scope.params, "seconds": seconds}

        def got(preview: Preview) -> None:
            _ask_comment(screen, scope, {**params, "with_alert": with_alert}, preview)

        screen.console.link.request("alerts.silence_preview", params, Preview, got, screen.console.failed)

    screen.app.push_screen(Menu("Silence for how long?", wrap(scope.words, QUESTION_CELLS), choices), chosen)


def preview_lines(preview: Preview) -> list[Line]:
    """ "hides 3 now, 14 in the last 7 days", and the first of them."""
    hidden = preview.now - len(preview.examples)
    lines: list[Line] = [((f"hides {preview.now} now, {preview.past} in the last 7 days", "warn"),)]
    lines += [each for words in preview.examples for each in wrap(f"· {words}", QUESTION_CELLS, 2, "dim")]
    return lines + ([((f"  and {hidden} more", "dim"),)] if hidden > 0 else [])


def _ask_comment(screen: AlertBase, scope: Scope, params: dict[str, Any], preview: Preview) -> None:
    lasts = "until it ends" if params["with_alert"] else f"for {span(params['seconds'])}"
    about = [*wrap(f"{scope.words}, {lasts}", QUESTION_CELLS, 2, "strong"), *preview_lines(preview), ()]

    def commented(comment: str | None) -> None:
        if comment is None:
            return
        lines = [*about, *wrap(f"because: {comment}", QUESTION_CELLS, 2)]
        send = _sender(screen, scope, {**params, "comment": comment})
        screen.app.push_screen(Confirm("Silence?", lines), send)

    ask: Line = (("Why? Who finds it next must know:", "text"),)
    screen.app.push_screen(AskLine("Silence", [*about, ask]), commented)


def _sender(screen: AlertBase, scope: Scope, params: dict[str, Any]) -> Callable[[bool | None], None]:
    def answered(yes: bool | None) -> None:
        if yes:
            screen.act("silence", params, lambda: f"silenced: {scope.words}; S lists and ends silences")

    return answered


# Maintenance ------------------------------------------------------------------------------------------------------


def ask_mute(screen: AlertBase, hosts: Sequence[str]) -> None:
    """A maintenance of hosts: for how long, and why; then it begins."""
    choices = [Choice(key, str(seconds), words) for key, seconds, words in DURATIONS]
    names = f"{fold(hosts)}" + (f" ({len(hosts)})" if len(hosts) > 1 else "")
    about = wrap(names, QUESTION_CELLS, 2, "strong")
    about += wrap("Nobody is told of them until it is over; a digest of what is new follows.", QUESTION_CELLS, 0, "dim")

    def chosen(seconds: str | None) -> None:
        if seconds is not None:
            lines = [*about, (), ((f"For {span(float(seconds))}. Why?", "text"),)]
            screen.app.push_screen(AskLine("Maintenance", lines), _muter(screen, hosts, names, float(seconds)))

    screen.app.push_screen(Menu("Maintenance for how long?", about, choices), chosen)


def _muter(screen: AlertBase, hosts: Sequence[str], names: str, seconds: float) -> Callable[[str | None], None]:
    def commented(comment: str | None) -> None:
        if comment is not None:
            params = {"select": ",".join(hosts), "seconds": seconds, "comment": comment}
            screen.act("mute", params, lambda: f"maintenance of {names} for {span(seconds)}; S lists and ends it")

    return commented
