"""How far a running dnf is, from what it writes. Both generations, pure.

dnf 4 names a package when it begins with it, dnf 5 when it is through with it and cut to its column's width.
"""

from __future__ import annotations

import re

from backends.metrics.sample import Record
from backends.updates.model import Change, HostPlan

_DOES_4 = re.compile(r"  ([A-Z][a-z]+(?: scriptlet)?) *: (\S+) +(\d{1,6})/(\d{1,6}) *")
_DOES_5 = re.compile(
    r"\[ *(\d{1,6})/(\d{1,6})\] (?:(Installing|Upgrading|Downgrading|Removing|Reinstalling) )?(\S+) .*"
)
_FETCHED_4 = re.compile(r"\((\d{1,6})/(\d{1,6})\): \S+ .*")
_STARTS = "Running transaction"
MOVES = ("Installing", "Upgrading", "Downgrading", "Reinstalling", "Erasing", "Removing", "Obsoleting")
ENDS = ("Verifying", "Complete!")


class Progress(Record, frozen=True, kw_only=True):
    """How far a transaction is."""

    begun: tuple[str, ...] = ()
    """Builds that were named, as far as dnf wrote them."""
    current: str = ""
    """The one being worked on; "" between transactions and when dnf does not tell."""
    fetched: tuple[int, int] | None = None
    """Packages that are there, of how many."""
    running: bool = False
    """The transaction itself has begun."""


def progress(text: str) -> Progress:
    """The state after this much output; an unfinished last line is left for later."""
    begun: list[str] = []
    current, running, ended = "", False, False
    fetched: tuple[int, int] | None = None
    for line in text[: text.rfind("\n") + 1].splitlines():
        running = running or line.rstrip() == _STARTS
        ended = ended or line.startswith("Complete!")
        if old := _DOES_4.fullmatch(line):
            ended = ended or old[1] in ENDS
            current = "" if ended else current
            if old[1] in MOVES and not ended:
                begun.append(old[2])
                current = old[2]
        elif new := _DOES_5.fullmatch(line):
            if running and new[3]:
                begun.append(new[4])
            elif not running:
                fetched = int(new[1]), int(new[2])
        elif part := _FETCHED_4.fullmatch(line):
            fetched = int(part[1]), int(part[2])
    return Progress(begun=tuple(begun), current="" if ended else current, fetched=fetched, running=running)


def measure(plan: HostPlan, text: str) -> tuple[int, str, float | None]:
    """Packages of the plan that are through, the current one, per cent of the download (by packages)."""
    found = progress(text)
    through = [each for each in found.begun if each != found.current]
    done = sum(1 for change in plan.changes if any(_is(change, each) for each in through))
    current = next((change.name for change in plan.changes if found.current and _is(change, found.current)), "")
    return done, current, _percent(found)


def _is(change: Change, build: str) -> bool:
    """Whether a build, perhaps cut short, is the one that the change brings (or takes away)."""
    version = change.candidate or change.installed
    epochs = ("",) if ":" in version else ("", "0:")
    return any(f"{change.name}-{epoch}{version}.{change.architecture}".startswith(build) for epoch in epochs)


def _percent(found: Progress) -> float | None:
    if found.fetched is None or not found.fetched[1]:
        return None
    return 100.0 if found.running else min(100.0, 100.0 * found.fetched[0] / found.fetched[1])
