"""What the operator must know about a dnf host before approving anything there, made from what was found on it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from backends.metrics.sample import Record
from backends.states import Severity
from backends.units import span
from backends.updates import dnf_repair
from backends.updates.caution import SKEW_SECONDS, STALE_SECONDS, listed
from backends.updates.dnf_list import Repository
from backends.updates.dnf_table import Simulation
from backends.updates.family import split_holds
from backends.updates.locks import words
from backends.updates.model import Caution, Change, Holder

NO_PLUGIN = ("No such command", "Unknown argument")
"""dnf 4 and dnf 5 without the plugin that a command comes from."""


class Findings(Record, frozen=True, kw_only=True):
    """What the sentences are made from."""

    changes: tuple[Change, ...] = ()
    simulation: Simulation = Simulation()
    repositories: tuple[Repository, ...] = ()
    holds: tuple[str, ...] = ()
    family: tuple[str, ...] = ()
    duplicates: tuple[str, ...] = ()
    duplicates_repair: str = dnf_repair.DUPLICATES.id
    lists_age_seconds: float | None = None
    skew_seconds: float | None = None
    """How far the host's clock is behind ours."""
    holder: Holder | None = None
    lock_trouble: str = ""
    """What the version locks' plugin complains about."""


def cautions(found: Findings) -> tuple[Caution, ...]:
    """The warnings, those that block first."""
    every = (*_state(found), *_lists(found), *_security(found), *_left(found), *split_holds(found.holds, found.family))
    return tuple(sorted(every, key=lambda each: not each.blocks))


def _state(found: Findings) -> Iterator[Caution]:
    if found.duplicates:
        text = f"an interrupted transaction left two versions of {listed(found.duplicates)}"
        yield _blocking("duplicates", text, found.duplicates_repair)
    if found.lock_trouble and not any(words in found.lock_trouble for words in NO_PLUGIN):
        yield _blocking("versionlock", found.lock_trouble.splitlines()[-1], dnf_repair.LOCK_LIST.id)
    if found.holder is not None:
        yield Caution(kind="lock-held", text=f"the package manager is in use by {words(found.holder)}")
    behind = found.skew_seconds
    if behind is not None and abs(behind) > SKEW_SECONDS:
        text = f"its clock is {span(abs(behind))} {'behind' if behind > 0 else 'ahead of'} ours"
        yield Caution(kind="clock-skew", text=f"{text}: set it before judging any signature")


def _lists(found: Findings) -> Iterator[Caution]:
    """Without lists dnf says that there is nothing to do, with status 0: that must not look like "up to date"."""
    age = found.lists_age_seconds
    if not found.repositories:
        text = "there are no package lists, so what could change is not known: refresh them first"
        yield Caution(kind="stale-lists", text=text, blocks=True)
    elif age is None or age > STALE_SECONDS:
        text = "how old the package lists are is not known" if age is None else f"the package lists are {span(age)} old"
        yield Caution(kind="stale-lists", text=f"{text}: refresh them first")
    for error in found.simulation.errors:
        yield Caution(kind="dead-mirror", text=error.removeprefix("Error: "))


def _security(found: Findings) -> Iterator[Caution]:
    silent = [each.name for each in found.repositories if not each.advisories]
    if silent and any(change.security is None for change in found.changes):
        text = f"these repositories do not tell what is a security fix: {listed(silent)}"
        yield Caution(kind="security-unknown", text=text, severity=Severity.UNKNOWN)


def _left(found: Findings) -> Iterator[Caution]:
    held = [change for change in found.changes if change.held]
    if held:
        yield Caution(kind="held", text=f"held, stays as it is: {_names(held)}")
    kept = [change for change in found.changes if change.kept_back and not change.held]
    if kept:
        text = listed(f"{change.name} ({change.kept_back})" for change in kept)
        yield Caution(kind="kept-back", text=f"kept back: {text}")
    replaced = [name for change in found.changes for name in change.replaces]
    removed = [change.name for change in found.changes if change.kind == "remove"]
    if replaced or removed:
        yield Caution(kind="removal", text=f"removed by the update: {listed((*replaced, *removed))}")


def _names(changes: Iterable[Change]) -> str:
    return listed(f"{each.name} (a security fix)" if each.security else each.name for each in changes)


def _blocking(kind: str, text: str, repair: str) -> Caution:
    return Caution(kind=kind, text=text, severity=Severity.CRITICAL, blocks=True, repair=repair)
