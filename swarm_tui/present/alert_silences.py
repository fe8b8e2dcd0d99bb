"""Silences and maintenances in lines: what is hidden, by whom, why, and for how much longer."""

from __future__ import annotations

from backends.alerts.model import Mute, Silence
from backends.alerts.views import AlertView
from backends.inventory.ranges import fold
from backends.units import span
from swarm_tui.present import host_table
from swarm_tui.present.alert_outbox import WIDE, Row
from swarm_tui.present.host_line import Span
from swarm_tui.present.host_table import Column
from swarm_tui.present.states import coarse

SILENCES: tuple[Column, ...] = (
    Column("kind", 11),
    Column("left", 7, "right"),
    Column("by", 8),
    Column("what"),
    Column("matched", 8, "right", wide=WIDE),
    Column("why"),
)


def silence_rows(view: AlertView, now: float, width: int) -> list[Row]:
    """Those that end first come first. Keys: ("silence" or "mute", id)."""
    found: list[tuple[float, Row]] = [(each.end, _silence(each, now, width)) for each in view.silences]
    found += [(each.end, _mute(each, now, width)) for each in view.mutes]
    return [row for _, row in sorted(found, key=lambda pair: pair[0])]


def silence_words(silence: Silence) -> str:
    """What it hides: "disk.* on gpu07, object /srv"."""
    thing = f", object {silence.object}" if silence.object else ""
    return f"{silence.rule or 'every rule'} on {silence.select or 'every host'}{thing}"


def _silence(silence: Silence, now: float, width: int) -> Row:
    left = f"in {coarse(silence.start - now)}" if silence.start > now else span(silence.end - now)
    words = silence_words(silence)
    cells = (
        Span("silence", "strong"),
        Span(left, "text"),
        Span(silence.by, "info"),
        Span(words),
        Span("never" if silence.matched is None else f"{coarse(now - silence.matched)} ago", "dim"),
        Span(silence.comment + (" (ends with its alert)" if silence.with_alert else ""), "dim"),
    )
    said = " ".join((words, silence.by, silence.comment, silence.id))
    return Row(("silence", silence.id), host_table.row(SILENCES, cells, width), said)


def _mute(mute: Mute, now: float, width: int) -> Row:
    words = fold(mute.hosts) + (f" ({len(mute.hosts)})" if len(mute.hosts) > 1 else "")
    cells = (
        Span("maintenance", "strong"),
        Span(span(mute.end - now) if mute.end > now else "settles"),
        Span(mute.by, "info"),
        Span(words),
        Span("", "dim"),
        Span(mute.comment, "dim"),
    )
    return Row(
        ("mute", mute.id), host_table.row(SILENCES, cells, width), " ".join((words, mute.by, mute.comment, mute.id))
    )
