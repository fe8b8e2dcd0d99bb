"""Who holds apt's or dpkg's lock: from what apt says while it waits or refuses, and from the kernel's table of locks.

The lock is never deleted; its holder is shown and waited for.
"""

from __future__ import annotations

import re

from backends.execution import Exec
from backends.updates.apt_ask import ask
from backends.updates.locks import from_kernel, from_process
from backends.updates.model import Holder

FILES: tuple[str, ...] = (
    "/var/lib/dpkg/lock-frontend",
    "/var/lib/dpkg/lock",
    "/var/lib/apt/lists/lock",
    "/var/cache/apt/archives/lock",
)
_HELD = re.compile(
    r"Could not get lock \S+? It is held by process (\d{1,10})(?: \(([^)]*)\))?"
    r"|lock was locked by (?:another|<unknown>) process with pid (\d{1,10})"
)
_UNKNOWN = re.compile(r"Could not get lock|Unable to acquire the dpkg frontend lock|Unable to lock")
_REFUSED = re.compile(
    r"^(?:E: (?:Could not get lock|Unable to (?:acquire|lock))|dpkg: error: .* lock was )", re.MULTILINE
)
LAST_LINES = 3
"""How far back the holder's name may stand: apt names it one line before it gives up."""
TABLE = ("sh", "-c", 'stat -c "inode %i" "$@" 2>/dev/null; cat /proc/locks', "sh", *FILES)
"""The script is constant; the files are its arguments."""


def from_text(text: str) -> Holder | None:
    """The last holder that apt named; one without a name when it only said that there is one."""
    found = list(_HELD.finditer(text))
    if found:
        pid, command, other = found[-1].groups()
        return Holder(pid=int(pid or other), command=command or "")
    return Holder() if _UNKNOWN.search(text) else None


def waited_for(output: str) -> Holder | None:
    """The holder when the last thing said is about the lock; what follows it means that it was had."""
    last = [line for line in output.splitlines() if line.strip()][-LAST_LINES:]
    return from_text("\n".join(last)) if last and _UNKNOWN.search(last[-1]) else None


def refused_by(output: str) -> Holder | None:
    """The holder when apt or dpkg gave up because of the lock."""
    return from_text(output) if _REFUSED.search(output) else None


def read(host: Exec, now: float) -> Holder | None:
    """Who holds a lock at `now` (epoch seconds); None: nobody. Raises SwarmError."""
    pid = from_kernel(ask(host, TABLE).text)
    if pid is None:
        return None
    return from_process(pid, ask(host, ("ps", "-o", "etimes=,comm=", "-p", str(pid))).text, now)
