"""What is asked for about alerts on the `:` line: a silence or a maintenance of hosts that are named there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from swarm_tui.present.alert_scopes import named_scope
from swarm_tui.screens.alert_base import AlertBase
from swarm_tui.screens.alert_silence import ask_mute, ask_silence_of
from swarm_tui.screens.base import BaseScreen


def silence(app: Any, words: Sequence[str]) -> None:
    """`silence SEL [RULE]`; without words the alert that is meant on the screen, or its hosts."""
    if not words and isinstance(app.screen, AlertBase):
        app.call_later(app.action_do, "alert.silence")
        return
    meant = tuple(words) or _subject(app)
    if not 1 <= len(meant) <= 2:
        app.say("usage: silence SELECTOR [RULE], as in: silence gpu01 disk.*", "warning")
    elif (screen := _list(app)) is not None:
        ask_silence_of(screen, (named_scope(*meant),))


def mute(app: Any, words: Sequence[str]) -> None:
    """`mute SEL`; without a selector the hosts that are meant on the screen."""
    meant = tuple(words) or _subject(app)
    if len(meant) != 1:
        app.say("usage: mute SELECTOR, as in: mute tag:rack1", "warning")
    elif (screen := _list(app)) is not None:
        ask_mute(screen, meant)


def _subject(app: Any) -> tuple[str, ...]:
    """The hosts that are meant, as one selector; () where none are."""
    hosts = app.screen.subject() if isinstance(app.screen, BaseScreen) else ()
    return (",".join(hosts),) if hosts else ()


def _list(app: Any) -> AlertBase | None:
    """The list of alerts, which is gone to; None where only looking is allowed."""
    if app.read_only:
        app.say("read-only", "warning")
        return None
    app.action_mode_alerts()
    return app.screen if isinstance(app.screen, AlertBase) else None
