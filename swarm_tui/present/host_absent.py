"""Pages for what is not there: a host that cannot be reached, a first sample on its way, a part of a later release."""

from __future__ import annotations

from backends import units
from backends.engine.wire import HostDetail
from backends.errors import SwarmError
from backends.sources.base import OfferedKey
from backends.states import HostState
from swarm_tui.present.host_line import Frame, Span, line, wrap
from swarm_tui.present.line import Line, crop

_NEXT: dict[HostState, str] = {
    HostState.CONNECTING: "The first values appear as soon as the host answers.",
    HostState.STALE: "Samples are missing; the connection is still up. R samples now.",
    HostState.UNREACHABLE: "R tries again now. Is it on the console of the management board, is its network up, did its address change?",
    HostState.AUTH_FAILED: "Put your public key into authorized_keys of that user, load the key into the agent, or set user and identity_files.",
    HostState.HOST_KEY_UNKNOWN: "Compare the fingerprint with the host's own (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub), then A accepts it.",
    HostState.HOST_KEY_CHANGED: "Do not accept it unless you know why it changed (reinstalled, replaced). Somebody may be in between. A shows both keys and asks.",
    HostState.NO_PYTHON: "The host needs python3 (3.6 or newer): apt install python3, dnf install python3, zypper install python3 or pacman -S python.",
    HostState.NO_SUDO: 'Allow sudo without a password for this user, or set become = "none" and do without what needs root.',
    HostState.DRIVER_HUNG: "Everything but the GPUs is live. Drain the host and reboot it.",
}
"""What a person can do in each state, where the engine gave no better hint."""

LATER: dict[str, tuple[str, str]] = {
    "journal": ("The host's journal, followed and filtered", "journalctl -f -n 200   (s opens a shell on the host)"),
}
"""Tabs of the design that this release does not have: what they will show, and what to type until then."""


def key_lines(offered: OfferedKey, width: int) -> list[Line]:
    """The key that a host showed, beside the one on record."""
    rows = [
        line(Span("address       ", "dim"), offered.address),
        line(Span("offered key   ", "dim"), Span(f"{offered.kind} ", "text"), Span(offered.fingerprint, "strong")),
    ]
    if offered.changed:
        rows.append(line(Span("known key     ", "dim"), Span(offered.known_fingerprint or "n/a", "bad")))
        rows.append(line(Span("recorded in   ", "dim"), offered.known_place or "n/a"))
    return [crop(row, width) for row in rows]


def advice(detail: HostDetail, frame: Frame) -> list[Line]:
    """What to do about a host that is not up; nothing for one that is."""
    if detail.row.state is HostState.UP:
        return []
    rows: list[Line] = []
    if detail.offered_key:
        rows += [*key_lines(detail.offered_key, frame.width), ()]
    return rows + wrap(_NEXT[detail.row.state], frame.width)


def no_sample(detail: HostDetail, frame: Frame) -> list[Line]:
    """A host of which nothing is known yet."""
    state = detail.row.state
    waiting = detail.now - detail.row.since if detail.row.since else None
    if state in (HostState.CONNECTING, HostState.UP):
        words = "connecting…" if state is HostState.CONNECTING else "connected, waiting for the first sample…"
        return [(), line(Span(f"{words} {units.span(waiting) if waiting is not None else ''}".rstrip(), "accent"))]
    return [
        (),
        *wrap(
            "Nothing is known about this host yet: it has not answered since the engine started.",
            frame.width,
            role="dim",
        ),
        (),
        *advice(detail, frame),
    ]


def last_known(detail: HostDetail, frame: Frame) -> list[Line]:
    """The line over dimmed values, and what to do."""
    if detail.sample is None:
        return []
    seconds = units.span(max(0.0, detail.now - detail.sample.time))
    said = detail.row.hint and detail.offered_key is None  # The head has it, and room is dear here.
    told = [] if said else advice(detail, frame)
    gap: list[Line] = [()] if told else []
    return [*told, *gap, line(Span(f"Below is the last that was known, {seconds} ago.", "stale")), ()]


def later(tab: str, frame: Frame) -> list[Line]:
    """A tab of a later release."""
    what, instead = LATER[tab]
    return [
        (),
        line(Span("Not in this release.", "strong")),
        *wrap(f"{what} will be shown here.", frame.width, role="dim"),
        (),
        crop(line(Span("until then  ", "dim"), instead), frame.width),
    ]


def failed(error: SwarmError, frame: Frame) -> list[Line]:
    """The engine could not say anything about the host."""
    rows = wrap(error.message, frame.width, role="warn")
    return (
        rows + [line(Span("→ ", "accent"), *row) for row in wrap(error.hint, frame.width - 2)] if error.hint else rows
    )
