"""What the operator must know about a host before approving anything there, made from what was found on it."""

from __future__ import annotations

from collections.abc import Iterator

from backends.metrics.sample import Record
from backends.states import Severity
from backends.units import span
from backends.updates import apt_repair
from backends.updates.apt_simulate import Simulation
from backends.updates.caution import SKEW_SECONDS, STALE_SECONDS, listed
from backends.updates.family import split_holds
from backends.updates.locks import words
from backends.updates.model import Caution, Change, Holder

BROKEN = ("Unmet dependencies", "held broken packages")
DAMAGED = ("Unable to parse package file", "could not be parsed or opened", "Problem with MergeList")


class Findings(Record, frozen=True, kw_only=True):
    """What the sentences are made from."""

    troubles: tuple[str, ...] = ()
    simulation: Simulation = Simulation()
    changes: tuple[Change, ...] = ()
    holds: tuple[str, ...] = ()
    family: tuple[str, ...] = ()
    security_known: bool = True
    lists_age_seconds: float | None = None
    skew_seconds: float | None = None
    """How far the host's clock is behind ours."""
    holder: Holder | None = None


def cautions(found: Findings) -> tuple[Caution, ...]:
    """The warnings, those that block first."""
    every = (*_state(found), *_clock(found), *_lists(found), *_left(found), *split_holds(found.holds, found.family))
    return tuple(sorted(every, key=lambda each: not each.blocks))


def _state(found: Findings) -> Iterator[Caution]:
    """Half-done packages are damage only when nobody is at work on them."""
    if found.holder is not None:
        text = f"the package manager is in use by {words(found.holder)}"
        half = " and packages are half done; wait for it" if found.troubles else ""
        yield Caution(kind="lock-held", text=text + half, blocks=bool(half))
    elif found.troubles:
        yield _blocking("dirty-dpkg", listed(found.troubles), apt_repair.CONFIGURE.id)
    elif found.simulation.errors:
        yield _refusal(found.simulation)


def _refusal(simulation: Simulation) -> Caution:
    """Why apt does not even simulate."""
    said = " ".join(simulation.errors)
    if simulation.unmet or any(words in said for words in BROKEN):
        return _blocking("broken-dependencies", listed(simulation.unmet or simulation.errors), apt_repair.FIX.id)
    if any(words in said for words in DAMAGED):
        return _blocking("damaged-lists", listed(simulation.errors), apt_repair.CLEAR_LISTS.id)
    return _blocking("apt-error", listed(simulation.errors), "")


def _clock(found: Findings) -> Iterator[Caution]:
    behind = found.skew_seconds
    if behind is not None and abs(behind) > SKEW_SECONDS:
        text = f"its clock is {span(abs(behind))} {'behind' if behind > 0 else 'ahead of'} ours"
        yield Caution(kind="clock-skew", text=f"{text}: set it before judging any signature")


def _lists(found: Findings) -> Iterator[Caution]:
    age = found.lists_age_seconds
    if age is None or age > STALE_SECONDS:
        text = "there are no package lists" if age is None else f"the package lists are {span(age)} old"
        yield Caution(kind="stale-lists", text=f"{text}: refresh them first")
    if not found.security_known and not found.simulation.errors:
        text = "no source on this host carries security fixes: what is one cannot be told"
        yield Caution(kind="security-unknown", text=text, severity=Severity.UNKNOWN)


def _left(found: Findings) -> Iterator[Caution]:
    held = [change for change in found.changes if change.held]
    if held:
        text = f"held, stays as it is: {listed(_named(change) for change in held)}"
        yield Caution(kind="held", text=text)
    kept = [change for change in found.changes if change.kept_back and not change.held]
    if kept:
        yield Caution(kind="kept-back", text=f"kept back: {listed(f'{c.name} ({c.kept_back})' for c in kept)}")


def _named(change: Change) -> str:
    return f"{change.name} (a security fix)" if change.security else change.name


def _blocking(kind: str, text: str, repair: str) -> Caution:
    return Caution(kind=kind, text=text, severity=Severity.CRITICAL, blocks=True, repair=repair)
