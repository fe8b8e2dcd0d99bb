"""Which packages move as one: the NVIDIA driver family and a kernel with its metapackage.

Measured: with one member held, `dist-upgrade` still moved a sibling through transitional packages to three driver branches
side by side. So a family is selected, held and left out as a whole, and a plan that splits it says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from backends.states import Severity
from backends.updates.classes import in_family
from backends.updates.debian_version import upstream_of
from backends.updates.model import Caution, Change

_KERNEL = re.compile(
    r"linux-(?:image|headers|modules)(?:-unsigned|-extra)?-\d[0-9.]*-\d+(?:\.[0-9a-z.]+)*-([a-z0-9-]+)"
)
"""linux-image-6.1.0-56-amd64, linux-image-unsigned-5.15.0-204-generic → the flavour."""
_DRIVER_VERSION = re.compile(r"\d+(?:\.\d+)+")


def widened(chosen: Iterable[Change], possible: Iterable[Change]) -> tuple[Change, ...]:
    """`chosen`, with the rest of the driver family when one of it is chosen, in the order of `possible`."""
    wanted = list(chosen)
    if any(in_family(change.name) for change in wanted):
        wanted += [change for change in possible if in_family(change.name) and change not in wanted]
    return tuple(wanted)


def metapackages(new: str, possible: Iterable[Change]) -> tuple[Change, ...]:
    """The installed kernel metapackages through which the new kernel package `new` comes.

    Naming a kernel itself does nothing with --only-upgrade: it is not installed yet, and apt passes over it with status 0.
    """
    found = _KERNEL.fullmatch(new)
    if found is None:
        return ()
    flavour = found[1]
    names = {f"linux-{flavour}", f"linux-image-{flavour}", f"linux-headers-{flavour}", f"linux-image-generic-{flavour}"}
    return tuple(change for change in possible if change.name in names and change.installed)


def split_holds(holds: Iterable[str], members: Iterable[str]) -> tuple[Caution, ...]:
    """A warning when some of the installed family (`members`) is held and some is not."""
    held = {name.partition(":")[0] for name in holds}
    family = set(members)
    free = sorted(family - held)
    if not free or not family & held:
        return ()
    text = f"only part of the NVIDIA driver family is held; not held: {', '.join(free)}"
    return (Caution(kind="family-split", text=text, severity=Severity.CRITICAL),)


def split_plan(changes: Iterable[Change], members: Iterable[tuple[str, str]]) -> tuple[Caution, ...]:
    """A warning when the change leaves driver packages of different versions behind.

    Args:
        changes: what would be done.
        members: (name, version) of the installed family.
    """
    before = dict(members)
    after = dict(before)
    for change in changes:
        if not in_family(change.name):
            continue
        if change.kind == "remove":
            after.pop(change.name, None)
        else:
            after[change.name] = change.candidate
    found = driver_versions(after)
    if len(found) < 2 or found == driver_versions(before):
        return ()
    text = f"the NVIDIA driver family would be split over the versions {', '.join(sorted(found))}"
    return (Caution(kind="family-split", text=text, severity=Severity.CRITICAL),)


def driver_versions(family: dict[str, str]) -> set[str]:
    """The driver versions in a family, exact to the third number; kernel-bound packages carry the kernel's instead."""
    versions = (upstream_of(version) for name, version in family.items() if not name.startswith("linux-"))
    return {found[0] for version in versions if (found := _DRIVER_VERSION.match(version))}
