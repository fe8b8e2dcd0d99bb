"""The engine's events → rows of the timeline around an alert: what each is, and what it has in common with other hosts. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from backends.engine.wire import Event
from backends.triage.timeline import TimedEvent

SHARED = ("update", "reboot", "reboot-over", "facts-changed", "restart")
"""Kinds of events that many hosts may have in common."""
_RUN_BEGAN = re.compile(r"run (\S+) of plan \S+ began: (.*)")
_UPDATED = re.compile(r"update (?:done|partial|failed)\b")
_KERNEL = re.compile(r"kernel (\S+) → ([^\s,]+)")
_RESTART_OVER = re.compile(r"restart [a-z-]+: ")
_FETCH = "fetch ahead"
_WRITES = ("restore", "put back")
"""How events of backups begin that wrote something on a host."""


def timed(events: Iterable[Event]) -> list[TimedEvent]:
    """Rows for these events.

    Args:
        events: oldest first, those of no host included: they say in which run a host was updated.
    """
    runs: dict[str, tuple[str, bool]] = {}
    rows: list[TimedEvent] = []
    for event in events:
        if event.kind == "update":
            rows.append(_update(event, runs))
        else:
            rows.extend(_others(event))
    return rows


def _row(event: Event, kind: str, ref: str = "", text: str = "") -> TimedEvent:
    return TimedEvent(
        time=event.time, host=event.host, kind=kind, text=text or event.text, ref=ref[:200], actor=event.actor
    )


def _update(event: Event, runs: dict[str, tuple[str, bool]]) -> TimedEvent:
    """The end of a host's update belongs to the newest run that the same person began."""
    began = _RUN_BEGAN.match(event.text) if not event.host else None
    if began is not None:
        runs[event.actor] = (f"run {began[1]}", began[2].startswith(_FETCH))
        return _row(event, "run", f"run {began[1]}")
    if event.host and _UPDATED.match(event.text):
        ref, fetched = runs.get(event.actor, ("", False))
        if not fetched:
            return _row(event, "patch", ref, f"{event.text} ({ref})" if ref else "")
    if event.host and event.text.startswith("repair "):
        return _row(event, "update")
    return _row(event, "job")


def _others(event: Event) -> Iterator[TimedEvent]:
    """A reboot into another kernel is two things."""
    kernel = _KERNEL.search(event.text) if event.kind in ("reboot", "facts-changed") else None
    if kernel is not None:
        yield _row(event, "kernel", kernel[0], kernel[0])
    if event.kind in ("reboot", "reboot-over"):
        refused = event.text.startswith("reboot refused")
        yield _row(event, "job" if refused else event.kind.partition("-")[0], "" if refused else "reboot")
    elif event.kind == "facts-changed":
        if kernel is None or kernel[0] != event.text:
            yield _row(event, "config", event.text)
    elif event.kind == "restart":
        over = _RESTART_OVER.match(event.text) is not None
        yield _row(event, "job" if over else "restart", "" if over else event.text)
    elif event.kind == "backup":
        yield _row(event, _of_backup(event.text))
    else:
        yield _row(event, event.kind)


def _of_backup(text: str) -> str:
    if text.startswith(_WRITES):
        return "restore"
    return "drill" if text.startswith("drill ") else "backup"
