"""Goes back behind a command: the versions before it, pinned, as far as a repository still carries them.

On hosts with snapper the file system's snapshot is the better way; that is the operator's to take.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import structs

from backends.execution import Exec
from backends.updates import dnf_list
from backends.updates.caution import listed
from backends.updates.dnf_rollback import ELSEWHERE, STAYS, has_moved, is_asked
from backends.updates.model import HistoryEntry, HostPlan
from backends.updates.zypper_argv import pin
from backends.updates.zypper_inventory import duplicates, read_packages
from backends.updates.zypper_plan import simulated


def make(host: Exec, entry: HistoryEntry, packages: Sequence[str]) -> HostPlan:
    """A plan that brings back what was before `entry` (only `packages`, names or globs, when given).

    Raises SwarmError; that an old version cannot be had is the plan's `error`: half a way back is none.
    """
    here = read_packages(host)
    empty = HostPlan(host=host.host, manager="zypper")
    if left := duplicates(here):
        return structs.replace(empty, error=f"an interrupted transaction left two versions of {listed(left)}")
    now = dnf_list.newest(here)
    chosen = [change for change in entry.changes if is_asked(change.name, packages)]
    moved = [structs.replace(each, kept_back=ELSEWHERE) for each in chosen if has_moved(each, now)]
    stay = [structs.replace(each, kept_back=STAYS) for each in chosen if not each.installed]
    back = [each for each in chosen if each.installed and not has_moved(each, now)]
    if not back:
        return structs.replace(empty, left_out=(*stay, *moved), error="nothing to bring back")
    plan = simulated(host, [pin(change, change.installed) for change in back], back=True)[0]
    return structs.replace(plan, left_out=(*stay, *moved))
