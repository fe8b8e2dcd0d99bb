"""Time zones by their IANA name, that of this machine among them."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

from backends.config.problem import nearest
from backends.errors import BadInput
from backends.text import clean

LOCALTIME = Path("/etc/localtime")
_FOLDER = "zoneinfo/"


def zone_of(name: str) -> ZoneInfo:
    """The zone; "" is that of this machine. Raises BadInput, which names the nearest zone."""
    if not name:
        return here()
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        hint = nearest(name, available_timezones()) or 'write "Europe/Zurich" or "UTC"'
        raise BadInput(f'no such time zone: "{clean(name, 60)}"', action="read a schedule", hint=hint) from error


@cache
def here() -> ZoneInfo:
    """The zone of this machine; UTC where nobody says which."""
    for name in (os.environ.get("TZ", "").lstrip(":"), _linked()):
        try:
            return ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            continue  # not a name: the next one who may know
    try:
        with LOCALTIME.open("rb") as file:
            return ZoneInfo.from_file(file, key="this machine's")
    except (OSError, ValueError):
        return ZoneInfo("UTC")


def _linked() -> str:
    try:
        target = str(LOCALTIME.resolve())
    except OSError:
        return ""
    return target.partition(_FOLDER)[2]
