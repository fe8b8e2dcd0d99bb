"""Reads apt's status lines (`APT::Status-Fd`): how far a change is, and what went wrong on the way.

Download and installation have scales of their own, and the latter may slip back and end at 80: packages are counted
instead. That a change has ended is only known from the exit status.
"""

from __future__ import annotations

from collections.abc import Iterator

from backends.metrics.sample import Record
from backends.text import clean
from backends.updates.apt_simulate import split_name

PSEUDO = "dpkg-exec"
"""Stands where a package would, while dpkg starts."""
_INSTALLED = "Installed "
_REMOVED = ("Removed ", "Completely removed ")
_FETCHED = 100.0


class StatusLine(Record, frozen=True, kw_only=True):
    """One line: `kind:subject:percent:text`."""

    kind: str
    subject: str
    percent: float | None
    text: str


class Status(Record, frozen=True, kw_only=True):
    """What all lines so far say together."""

    done: frozenset[str] = frozenset()
    """Packages that are through."""
    current: str = ""
    download_percent: float | None = None
    errors: tuple[str, ...] = ()
    """From dpkg, one sentence each."""
    conffiles: tuple[str, ...] = ()
    """Configuration files about which dpkg asked."""


def read(status: str) -> Status:
    """The state after these lines; an unfinished last line is left for later."""
    done: set[str] = set()
    errors: list[str] = []
    conffiles: list[str] = []
    current, download = "", None
    for line in _lines(status):
        if line.kind == "dlstatus":
            download = line.percent
        elif line.kind == "pmstatus":
            download = _FETCHED if download is not None else None
            current = _current(line) or current
            if line.text.startswith((_INSTALLED, *_REMOVED)):
                done.add(current)
        elif line.kind == "pmerror":
            errors.append(f"{split_name(line.subject)[0]}: {line.text}")
        elif line.kind == "pmconffile":
            conffiles.append(line.subject)
    return Status(
        done=frozenset(done),
        current=current,
        download_percent=download,
        errors=tuple(dict.fromkeys(errors)),
        conffiles=tuple(dict.fromkeys(conffiles)),
    )


def _lines(status: str) -> Iterator[StatusLine]:
    whole = status[: status.rfind("\n") + 1]
    for line in whole.splitlines():
        parts = _split(clean(line))
        if len(parts) == 4:
            yield StatusLine(kind=parts[0], subject=parts[1], percent=_percent(parts[2]), text=parts[3])


def _split(line: str) -> list[str]:
    """Four parts at most; the subject of a foreign architecture ("libc6:i386") has a colon of its own."""
    parts = line.split(":", 3)
    if len(parts) == 4 and _percent(parts[2]) is None:
        kind, name, architecture, rest = parts
        percent, colon, text = rest.partition(":")
        if colon and _percent(percent) is not None:
            return [kind, f"{name}:{architecture}", percent, text]
    return parts


def _percent(text: str) -> float | None:
    whole, _, fraction = text.partition(".")
    if not (whole.isascii() and whole.isdigit() and len(whole) <= 3) or not (fraction.isdigit() or not fraction):
        return None
    return min(100.0, float(text)) if text.isascii() else None


def _current(line: StatusLine) -> str:
    return "" if line.subject == PSEUDO else split_name(line.subject)[0]
