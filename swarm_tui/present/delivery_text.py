"""Notices, targets, silences and maintenances as lines of text, for the subcommands. Pure."""

from __future__ import annotations

from backends import units
from backends.alerts.model import DeliveryState, Mute, Silence
from backends.alerts.silences import Preview
from backends.alerts.target_health import FAILING_SECONDS, TargetState
from backends.alerts.views import DeliveryRow
from backends.clock import utc
from backends.inventory.ranges import fold
from backends.states import Severity

OUTBOX_HEAD = ("NUMBER", "TARGET", "STATE", "SEVERITY", "KIND", "TRIES", "AGE", "TOOK", "WHAT")
TARGET_HEAD = ("TARGET", "WHERE", "STATE", "LAST SENT", "WAITING", "GIVEN UP", "TOOK", "WHY")
SILENCE_HEAD = ("ID", "RULE", "HOSTS", "OBJECT", "BY", "LEFT", "LAST MATCH", "COMMENT")
MUTE_HEAD = ("ID", "HOSTS", "BY", "LEFT", "COMMENT")

STATE_WORDS: dict[DeliveryState, str] = {
    "queued": "waits",
    "leased": "being sent",
    "sent": "sent",
    "retry": "retrying",
    "dead": "given up",
    "held": "held",
    "collapsed": "told with its end",
}
"""States of a notice, in words."""


def ago(seconds: float | None, now: float) -> str:
    """How long ago; "never" for None."""
    return "never" if seconds is None else f"{units.span(now - seconds)} ago"


def took(seconds: float) -> str:
    """How long an attempt took; "" when there was none."""
    return "" if not seconds else f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def delivery_state(row: DeliveryRow, now: float) -> str:
    """Where a notice stands: "retrying in 45s"."""
    words = "sent in a digest" if row.state == "sent" and row.together else STATE_WORDS[row.state]
    return f"{words} in {units.span(row.due - now)}" if row.state == "retry" and row.due > now else words


def delivery_cells(row: DeliveryRow, now: float) -> tuple[str, ...]:
    """A row under OUTBOX_HEAD."""
    return (
        str(row.number),
        row.target,
        delivery_state(row, now),
        "info" if row.severity is Severity.OK else str(row.severity),
        row.kind,
        str(row.attempts),
        units.span(now - row.created),
        took(row.seconds),
        _what(row),
    )


def _what(row: DeliveryRow) -> str:
    unnamed = row.hosts and not any(host in row.title for host in row.hosts)
    hosts = f"{fold(row.hosts)}: " if unnamed else ""
    return f"{hosts}{row.title}" + (f" — {row.reason}" if row.reason and row.state != "sent" else "")


def delivery_words(row: DeliveryRow, now: float) -> str:
    """A notice in one line."""
    tries = f", {row.attempts} tries" if row.attempts > 1 else ""
    by = f", again by {row.by}" if row.by else ""
    reason = f": {row.reason}" if row.reason and row.state != "sent" else ""
    made = f"{utc(row.created):%Y-%m-%d %H:%M:%S} UTC"
    return f"{made}  {row.kind} to {row.target}: {delivery_state(row, now)}{tries}{by}{reason}"


def failing(state: TargetState, now: float) -> bool:
    """Whether a target takes nothing for so long that it is an alert of its own."""
    return state.failing_since is not None and now - state.failing_since >= FAILING_SECONDS


def target_state(state: TargetState, now: float) -> str:
    """How a target does, in a few words."""
    if state.failing_since is not None:
        return f"fails for {units.span(now - state.failing_since)}"
    return "never used" if state.last_ok is None else "ok"


def target_cells(state: TargetState, now: float) -> tuple[str, ...]:
    """A row under TARGET_HEAD."""
    return (
        state.name,
        state.place or "—",
        target_state(state, now),
        ago(state.last_ok, now),
        str(state.waiting),
        str(state.dead),
        took(state.seconds),
        state.reason if state.failing_since is not None else "",
    )


def silence_cells(silence: Silence, now: float) -> tuple[str, ...]:
    """A row under SILENCE_HEAD."""
    left = units.span(silence.end - now) + (" or with its alert" if silence.with_alert else "")
    begins = f"begins in {units.span(silence.start - now)}"
    return (
        silence.id,
        silence.rule or "any",
        silence.select or "any",
        silence.object or "any",
        silence.by,
        begins if silence.start > now else left,
        ago(silence.matched, now),
        silence.comment,
    )


def silence_words(silence: Silence, now: float) -> str:
    """A silence that has begun, and how it is ended."""
    left = units.span(silence.end - now)
    early = ", or when nothing matches it any more" if silence.with_alert else ""
    return f"silence {silence.id} lasts {left}{early}; end it: swarm-tui alerts unsilence {silence.id}"


def preview_lines(preview: Preview) -> list[str]:
    """What a silence would hide."""
    alerts = "alert" if preview.now == 1 else "alerts"
    lines = [f"hides {preview.now} {alerts} now; in the last 7 days it would have hidden {preview.past}"]
    lines += [f"  {example}" for example in preview.examples]
    hidden = preview.now - len(preview.examples)
    return [*lines, f"  and {hidden} more"] if hidden > 0 else lines


def mute_cells(mute: Mute, now: float) -> tuple[str, ...]:
    """A row under MUTE_HEAD."""
    left = units.span(mute.end - now) if mute.end > now else "over, settling"
    return (mute.id, fold(mute.hosts), mute.by, left, mute.comment)


def mute_words(mute: Mute, now: float) -> str:
    """A maintenance that has begun, and how it is ended."""
    hosts = f"{fold(mute.hosts)} ({len(mute.hosts)})"
    return (
        f"quiet about {hosts} for {units.span(mute.end - now)}; a digest of what is new follows"
        f"\nend it: swarm-tui alerts unmute {mute.id}"
    )
