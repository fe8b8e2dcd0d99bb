"""Which of the possible changes are wanted, and which of those are left out and why: for all package managers."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from msgspec import structs

from backends.metrics.sample import Record
from backends.units import span
from backends.updates.classes import in_family
from backends.updates.family import metapackages, widened
from backends.updates.model import Change, Inventory, Selection

FAMILY_HELD = "part of the NVIDIA driver family is held or kept back"
NEW_ALONE = "a new package: select what needs it"


class Chosen(Record, frozen=True, kw_only=True):
    """The result of a selection."""

    wanted: tuple[Change, ...] = ()
    """To be named: installed packages only, the new ones come with them."""
    left_out: tuple[Change, ...] = ()
    """Asked for, but not possible or not allowed yet; `kept_back` says why."""


def choose(inventory: Inventory, selection: Selection) -> Chosen:
    """Apply a selection to what a host could change."""
    asked = [change for change in inventory.changes if change.kind == "upgrade" or change.kept_back]
    new = [change for change in inventory.changes if change.kind == "install"]
    picked = [change for change in asked if _is_wanted(change, selection)]
    alone: list[Change] = []
    for change in (each for each in new if _is_wanted(each, selection) and selection.packages):
        found = metapackages(change.name, asked)
        picked += [each for each in found if each not in picked]
        if not found and not picked:
            alone.append(_left(change, NEW_ALONE))
    return _divided(widened(picked, asked), inventory, selection, tuple(alone))


def _is_wanted(change: Change, selection: Selection) -> bool:
    if selection.security_only and not change.security:
        return False
    if selection.classes and change.package_class not in selection.classes:
        return False
    if selection.packages and not _matches(change.name, selection.packages):
        return False
    if selection.cves and not set(selection.cves) & set(change.cves):
        return False
    return not _matches(change.name, selection.exclude)


def _matches(name: str, globs: Iterable[str]) -> bool:
    return any(fnmatchcase(name, glob) for glob in globs)


def _divided(picked: Iterable[Change], inventory: Inventory, selection: Selection, alone: tuple[Change, ...]) -> Chosen:
    """What can be applied apart from what cannot."""
    judged = [(change, _obstacle(change, inventory.taken, selection)) for change in picked]
    family_stays = any(reason and in_family(change.name) for change, reason in judged) or _family_held(inventory)
    wanted: list[Change] = []
    left = list(alone)
    for change, obstacle in judged:
        reason = obstacle or (FAMILY_HELD if family_stays and in_family(change.name) else "")
        if reason:
            left.append(_left(change, reason))
        else:
            wanted.append(change)
    return Chosen(wanted=tuple(wanted), left_out=tuple(left))


def _obstacle(change: Change, now: float, selection: Selection) -> str:
    if change.held:
        return "held"
    if change.kept_back:
        return change.kept_back
    if _matches(change.name, selection.exclude):
        return "excluded, but the rest of its family is selected"
    return _too_young(change, now, selection.minimum_age_seconds)


def _too_young(change: Change, now: float, minimum: float) -> str:
    """The approval delay; what was never seen before is as young as can be."""
    age = max(0.0, now - (now if change.first_seen is None else change.first_seen))
    return f"seen for {span(age)}, approved after {span(minimum)}" if age < minimum else ""


def _family_held(inventory: Inventory) -> bool:
    return any(in_family(name.partition(":")[0]) for name in inventory.holds)


def _left(change: Change, reason: str) -> Change:
    return structs.replace(change, kept_back=change.kept_back or reason)
