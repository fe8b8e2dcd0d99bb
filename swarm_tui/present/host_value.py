"""Measured numbers as spans: units, thresholds that colour them, and n/a where there is none.

A missing number is never shown as zero; why it is missing is collected for the reasons panel.
"""

from __future__ import annotations

from backends import units
from backends.clock import utc
from backends.metrics.sample import Pressure
from swarm_tui.glyphs import UNICODE
from swarm_tui.present.bar import bar
from swarm_tui.present.host_line import Span
from swarm_tui.theme import Role

NOTHING = Span("n/a", "dim")

FULL_WARN_PERCENT, FULL_BAD_PERCENT = 85.0, 95.0
"""Filesystems and inodes: the usual df alert levels (reference: monitoring §2d)."""

MEMORY_WARN_PERCENT, MEMORY_BAD_PERCENT = 90.0, 97.0
"""Main memory without what can be reclaimed."""

MARGIN_WARN_CELSIUS, MARGIN_BAD_CELSIUS = 10.0, 3.0
"""Degrees left before a GPU slows down (reference: monitoring G14)."""

HOT_WARN_CELSIUS, HOT_BAD_CELSIUS = 85.0, 95.0
"""GPU temperature when the margin is not known (reference: monitoring G14)."""

PRESSURE_WARN_PERCENT, PRESSURE_BAD_PERCENT = 20.0, 50.0
"""Share of time in which somebody waited (reference: monitoring §5, io some > 20 %)."""

WAIT_WARN_PERCENT, WAIT_BAD_PERCENT = 20.0, 50.0
"""iowait (reference: monitoring §5)."""

STEAL_WARN_PERCENT, STEAL_BAD_PERCENT = 5.0, 20.0
"""Time that the hypervisor gave to somebody else."""

LATENCY_WARN_SECONDS, LATENCY_BAD_SECONDS = 0.05, 0.5
"""Mean time of a disk request."""

CLOCK_WARN_SECONDS, CLOCK_BAD_SECONDS = 1.0, 30.0
"""Difference between the host's clock and ours; Kerberos and TLS break beyond minutes."""


def above(value: float | None, warn: float, bad: float, calm: Role = "text") -> Role:
    """The role of a value that is bad when it is high."""
    if value is None:
        return "dim"
    return "bad" if value >= bad else "warn" if value >= warn else calm


def below(value: float | None, warn: float, bad: float, calm: Role = "text") -> Role:
    """The role of a value that is bad when it is low."""
    if value is None:
        return "dim"
    return "bad" if value <= bad else "warn" if value <= warn else calm


def number(value: float | None, unit: str = "", digits: int = 0) -> str:
    """A plain number with its unit, or n/a."""
    return "n/a" if value is None else f"{value:.{digits}f}{unit}"


def count(value: float | None) -> str:
    """A count in at most five characters: 0, 999, 12k, 3.4M."""
    if value is None:
        return "n/a"
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= limit:
            scaled = value / (limit if unit != "k" else 1e3)
            return f"{scaled:.0f}{unit}" if scaled >= 10 else f"{scaled:.1f}{unit}"
    return f"{value:.0f}"


def bits(value: float | None) -> str:
    """Bits a second as networks are sold: 100M, 25G, 400G; decimal prefixes."""
    if value is None:
        return "n/a"
    for limit, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= limit:
            scaled = value / limit
            return f"{scaled:.0f}{unit}" if scaled >= 10 or scaled == int(scaled) else f"{scaled:.1f}{unit}"
    return f"{value:.0f}"


def milliseconds(seconds: float | None) -> str:
    """A short time: 0.4ms, 12ms, 1.8s."""
    if seconds is None:
        return "n/a"
    if abs(seconds) >= 1:
        return f"{seconds:.1f}s"
    value = seconds * 1000
    return f"{value:.1f}ms" if abs(value) < 10 else f"{value:.0f}ms"


def offset(seconds: float | None) -> str:
    """A clock difference with its sign: +12ms, -3.0s."""
    if seconds is None:
        return "n/a"
    sign = "-" if seconds < 0 else "+"
    return sign + (milliseconds(abs(seconds)) if abs(seconds) < 60 else units.span(abs(seconds)))


def share(part: float | None, whole: float | None) -> float | None:
    """Per cent of a whole; None when either is unknown or the whole is nothing."""
    return None if part is None or not whole else 100.0 * part / whole


def of(part: int | None, whole: int | None) -> str:
    """ "12G/80G"; n/a when neither is known."""
    return "n/a" if part is None and whole is None else f"{units.size(part)}/{units.size(whole)}"


def clock_time(seconds: float) -> str:
    """Hours, minutes and seconds in UTC."""
    return utc(seconds).strftime("%H:%M:%S")


def day(seconds: float) -> str:
    """The date in UTC with the weekday."""
    return utc(seconds).strftime("%a %Y-%m-%d")


def pressure(value: Pressure | None, *, brief: bool = False) -> Span:
    """Who waited in the last ten seconds: "some 12% full 3%"; brief, only the first number."""
    if value is None or value.some_avg10_percent is None:
        return NOTHING
    role = above(value.some_avg10_percent, PRESSURE_WARN_PERCENT, PRESSURE_BAD_PERCENT)
    some = f"{value.some_avg10_percent:.0f}%"
    if brief:
        return Span(some, role)
    full = "" if value.full_avg10_percent is None else f" full {value.full_avg10_percent:.0f}%"
    return Span(f"some {some}{full}", role)


def meter(percent: float | None, width: int, role: Role = "gauge") -> tuple[Span, ...]:
    """A horizontal meter on a fixed 0–100 scale in exactly `width` cells; unknown is a dotted line."""
    return tuple(Span(*piece) for piece in bar(percent, width, UNICODE, role))
