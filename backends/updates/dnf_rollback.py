"""Goes back behind a transaction: as a whole through dnf's own undo by number, in part by naming the old builds.

Never `undo last`: a transaction whose test failed is not recorded, so "last" is another one (measured: the installation of
the whole system).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

from msgspec import structs

from backends.execution import Exec
from backends.updates import dnf_argv, dnf_list
from backends.updates.caution import listed
from backends.updates.dnf_argv import Dialect, pin
from backends.updates.dnf_inventory import read_duplicates, read_packages
from backends.updates.dnf_plan import simulated
from backends.updates.model import Change, HistoryEntry, HostPlan

STAYS = "was newly installed: stays, going back never removes"
ELSEWHERE = "has changed again since"


def make(dnf: Dialect, host: Exec, entry: HistoryEntry, packages: Sequence[str]) -> HostPlan:
    """A plan that brings back what was before `entry` (only `packages`, names or globs, when given).

    Raises SwarmError; that an old build cannot be had is the plan's `error`: half a way back is none.
    """
    here = read_packages(host)
    empty = HostPlan(host=host.host, manager="dnf")
    if left := read_duplicates(dnf, host, here):
        return structs.replace(empty, error=f"an interrupted transaction left two versions of {listed(left)}")
    if not entry.id.isdigit():
        return structs.replace(empty, error=f"{entry.id!r} is no transaction of dnf")
    now = dnf_list.newest(here)
    chosen = [change for change in entry.changes if is_asked(change.name, packages)]
    moved = [structs.replace(each, kept_back=ELSEWHERE) for each in chosen if has_moved(each, now)]
    if not packages and not moved:
        return simulated(dnf, host, dnf_argv.undo_words(entry.id), ())[0]
    back = [each for each in chosen if each.installed and not has_moved(each, now)]
    stay = [structs.replace(each, kept_back=STAYS) for each in chosen if not each.installed]
    if not back:
        return structs.replace(empty, left_out=(*stay, *moved), error="nothing to bring back")
    arguments = [pin(change, change.installed) for change in back]
    plan = simulated(dnf, host, dnf_argv.back_words(arguments), arguments)[0]
    return structs.replace(plan, left_out=(*stay, *moved))


def is_asked(name: str, packages: Iterable[str]) -> bool:
    """Whether a package is among the wanted names or globs; with none given, every one is."""
    globs = tuple(packages)
    return not globs or any(fnmatchcase(name, glob) for glob in globs)


def has_moved(change: Change, now: Mapping[tuple[str, str], str]) -> bool:
    """Whether the package is no longer as the transaction left it."""
    version = now.get((change.name, change.architecture), "")
    return version != change.candidate
