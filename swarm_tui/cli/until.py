"""How long something lasts, as a person writes it: `--for 4h`, or `--until 18:00`. Pure but for the options themselves."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any, TypeVar

import click

from backends.clock import utc
from swarm_tui.cli.exec import seconds

MOST_SECONDS = 366 * 86_400.0
"""A longer time is a slip; what the engine allows is mostly less, and it says so itself."""
EXAMPLES = "18:00, 2026-11-30 08:00, 2026-11-30T08:00Z"

_UNTIL = re.compile(r"(?:(\d{4}-\d{2}-\d{2})(?:[T ]|$))?(\d{1,2}:\d{2})?(Z|[+-]\d{2}:?\d{2})?", re.ASCII)
F = TypeVar("F", bound=Callable[..., Any])


def lasting(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    """An option that takes 90s, 4h or 2d, or was not given."""
    if value is None:
        return None
    number = seconds(ctx, param, value)
    if not math.isfinite(number) or number > MOST_SECONDS:
        raise click.BadParameter(f"{value[:40]!r} is more than a year (examples: 30m, 4h, 2d)")
    return number


def for_option(text: str) -> Callable[[F], F]:
    """`--for TIME`, in seconds."""
    return click.option(
        "--for", "duration", metavar="TIME", default=None, callback=lasting, help=f"{text} (30m, 4h, 2d)."
    )


def since_option(default: str) -> Callable[[F], F]:
    """`--since TIME`, in seconds before now."""
    return click.option(
        "--since",
        metavar="TIME",
        default=default,
        callback=lasting,
        show_default=True,
        help="How far back (12h, 7d).",
    )


def until(text: str, now: float, zone: tzinfo | None = None) -> float:
    """The moment (epoch seconds) that a person means.

    Args:
        text: "18:00" is the next time that a clock shows it; with a date it is that day's, a date alone its first minute.
            Of the person's own zone, unless "Z" or "+01:00" follows.
        now: epoch seconds.
        zone: the person's; None is that of this machine.

    Raises:
        ValueError: it is no such text, or it is over already.
    """
    found = _UNTIL.fullmatch(text.strip())
    if not found or not (found[1] or found[2]):
        raise ValueError(f"not a time: {text[:40]!r} (examples: {EXAMPLES})")
    day, clock, offset = found.groups()
    try:
        at = time.fromisoformat((clock or "00:00").zfill(5))
        where = datetime.strptime(offset.replace("Z", "+0000"), "%z").tzinfo if offset else zone
        moment = _on(date.fromisoformat(day), at, where) if day else _next(at, where, now)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"not a time: {text[:40]!r}: {error} (examples: {EXAMPLES})") from error
    if moment <= now:
        raise ValueError(f"{text[:40]!r} is over already (examples: {EXAMPLES})")
    return moment


def _next(at: time, zone: tzinfo | None, now: float) -> float:
    today = utc(now).astimezone(zone).date()
    moment = _on(today, at, zone)
    return moment if moment > now else _on(today + timedelta(days=1), at, zone)


def _on(day: date, at: time, zone: tzinfo | None) -> float:
    return datetime.combine(day, at, tzinfo=zone).timestamp()
