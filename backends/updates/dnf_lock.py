"""Who holds rpm's database: from what dnf says while it waits or refuses, and from the kernel's table of locks."""

from __future__ import annotations

import re

from backends.execution import Exec
from backends.updates.dnf_ask import ask
from backends.updates.locks import from_kernel, from_process
from backends.updates.model import Holder

FILES = ("/var/lib/rpm/.rpm.lock", "/usr/lib/sysimage/rpm/.rpm.lock", "/var/lib/rpm/.dbenv.lock")
TABLE = ("sh", "-c", 'stat -L -c "inode %i" "$@" 2>/dev/null; cat /proc/locks', "sh", *FILES)
"""The script is constant; the files are its arguments."""
_WAITS = re.compile(
    r"Waiting for process with pid (\d{1,10}) to finish\."
    r"|RPMDB already locked by (\d{1,10})(?:\s+The application with PID \d+ is: (\S+))?"
    r"|are currently accessing it:\n *(\d{1,10})\s+(\S+)"
)
_GOES_ON = re.compile(
    r"^(?:Running transaction|Transaction (?:test|check) succeeded\.|Updating and loading .*|Complete!)$", re.MULTILINE
)


def from_text(text: str) -> Holder | None:
    """The holder that dnf waits for or was refused by; None once it has gone on."""
    found = list(_WAITS.finditer(text))
    if not found or _GOES_ON.search(text, found[-1].end()):
        return None
    pid = next(each for each in (found[-1][1], found[-1][2], found[-1][4]) if each)
    return Holder(pid=int(pid), command=found[-1][3] or found[-1][5] or "")


def read(host: Exec, now: float) -> Holder | None:
    """Who holds the database at `now` (epoch seconds); None: nobody. Raises SwarmError."""
    pid = from_kernel(ask(host, TABLE).text)
    if pid is None:
        return None
    return from_process(pid, ask(host, ("ps", "-o", "etimes=,comm=", "-p", str(pid))).text, now)
