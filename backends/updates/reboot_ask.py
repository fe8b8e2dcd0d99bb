"""What is said to a host for its reboot, and what its answers mean. Pure: argv and parsers.

`systemctl reboot` of root ignores inhibitors unless it is told to look (measured; reference: patching §3). It then also
refuses for everybody who is logged in, the user included as whom we came ourselves before sudo; so those alone are told
and passed over, and an inhibitor never is.
"""

from __future__ import annotations

import re

from backends.execution import ExecResult
from backends.metrics.sample import Record
from backends.text import clean, clean_lines
from backends.updates.base import ENVIRONMENT
from backends.updates.reboot import Observation

_REBOOT = (*ENVIRONMENT, "systemctl", "--no-ask-password", "reboot")
CHECKED = (*_REBOOT, "--check-inhibitors=yes")
"""Refuses when somebody holds the host up, or is logged in (systemd 248 and later)."""
UNCHECKED = (*_REBOOT, "--check-inhibitors=no")
OLD = _REBOOT
"""For a systemctl that cannot look."""
LOOK = ("cat", "/proc/sys/kernel/random/boot_id", "/proc/uptime", "/proc/sys/kernel/osrelease")
"""One round trip, no shell, no root."""
TEXT = 200
_INHIBITED = re.compile(r'Operation inhibited by "(.*)" \(PID (\d+) "(.*)", user (.*)\), reason is "(.*)"\.')
_LOGGED_IN = re.compile(r"User (.+) is logged in on (.+)\.")
_UNDERWAY = ("already a shutdown", "operation already in progress", "Shutdown is already active")
_UNKNOWN_OPTION = ("unrecognized option", "unknown option", "invalid option")


class Answer(Record, frozen=True, kw_only=True):
    """What became of one request."""

    sent: bool = False
    """The host goes down, or the command's fate is not known."""
    holders: tuple[str, ...] = ()
    """Who holds it up: "PackageKit (packagekitd, process 123, user root): package update"."""
    users: tuple[str, ...] = ()
    """Who is logged in: "anna on pts/0"."""
    too_old: bool = False
    """It cannot look for inhibitors."""
    error: str = ""
    """Why it was refused otherwise."""


def understand(result: ExecResult) -> Answer:
    """The answer of one of the commands above. A link that broke on the way says: it may have been heard."""
    if result.exit_status == 0 or (result.exit_status is None and result.signal is None):
        return Answer(sent=True)
    text = clean_lines(result.stderr.decode("utf-8", "replace"), limit=16384)
    if any(words in text for words in _UNDERWAY):
        return Answer(sent=True)
    if any(words in text for words in _UNKNOWN_OPTION):
        return Answer(too_old=True, error=_first(text, result))
    lines = [line.strip() for line in text.split("\n")]
    holders = tuple(_holder(found) for line in lines if (found := _INHIBITED.fullmatch(line)))
    users = tuple(f"{found[1]} on {found[2]}"[:TEXT] for line in lines if (found := _LOGGED_IN.fullmatch(line)))
    return Answer(holders=holders, users=users, error="" if holders or users else _first(text, result))


def observation(result: ExecResult, time: float) -> Observation:
    """What LOOK brought at `time` (our monotonic clock); anything but its three lines is no answer."""
    lines = result.stdout[:4096].decode("utf-8", "replace").split("\n")
    words = lines[1].split() if len(lines) > 1 else []
    if result.exit_status != 0 or len(lines) < 3:
        return Observation(time=time, error=_first(result.stderr[:4096].decode("utf-8", "replace"), result))
    return Observation(
        time=time,
        boot_id=clean(lines[0], 64),
        uptime_seconds=_seconds(words[0]) if words else None,
        kernel=clean(lines[2].strip(), TEXT),
    )


def _holder(found: re.Match[str]) -> str:
    return f"{found[1]} ({found[3]}, process {found[2]}, user {found[4]}): {found[5]}"[:TEXT]


def _first(text: str, result: ExecResult) -> str:
    line = next((line for line in text.split("\n") if line.strip()), "")
    status = f"signal {result.signal}" if result.signal else f"exit {result.exit_status}"
    return clean(line.strip(), TEXT) or status


def _seconds(word: str) -> float | None:
    plain = word.isascii() and word.replace(".", "", 1).isdecimal() and len(word) < 20
    return float(word) if plain else None
