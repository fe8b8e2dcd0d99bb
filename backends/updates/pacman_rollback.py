"""Goes back behind a transaction: to the packages that pacman kept in its cache. Arch's mirrors carry only the newest."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import structs

from backends.execution import Exec
from backends.updates import pacman_argv, pacman_list
from backends.updates.caution import listed
from backends.updates.dnf_ask import ask
from backends.updates.dnf_rollback import ELSEWHERE, STAYS, is_asked
from backends.updates.model import HistoryEntry, HostPlan
from backends.updates.pacman_plan import simulated

GONE = "no longer in the cache"
REPLACED = "another package took its place: bring it back by hand"
"""pacman refuses a conflict without a person, and its simulation does not show it."""


def make(host: Exec, entry: HistoryEntry, packages: Sequence[str]) -> HostPlan:
    """A plan that brings back what was before `entry` (only `packages`, names or globs, when given).

    Raises SwarmError; that an old package was not kept is the plan's `error`: half a way back is none.
    """
    now = pacman_list.installed(ask(host, pacman_argv.INSTALLED).text)
    kept = pacman_list.kept(ask(host, pacman_argv.CACHED).text.splitlines())
    empty = HostPlan(host=host.host, manager="pacman")
    chosen = [change for change in entry.changes if is_asked(change.name, packages)]
    moved = [structs.replace(c, kept_back=ELSEWHERE) for c in chosen if now.get(c.name, "") != c.candidate]
    stay = [structs.replace(each, kept_back=STAYS) for each in chosen if not each.installed]
    replaced = [structs.replace(c, kept_back=REPLACED) for c in chosen if c.kind == "remove"] if _brought(entry) else []
    gone = {each.name for each in (*moved, *replaced)}
    back = [each for each in chosen if each.installed and each.name not in gone]
    missing = [f"{each.name} {each.installed}" for each in back if (each.name, each.installed) not in kept]
    left = (*stay, *moved, *replaced)
    if missing:
        return structs.replace(empty, left_out=left, error=f"{GONE}: {listed(missing)}")
    if not back:
        return structs.replace(empty, left_out=left, error="nothing to bring back")
    files = [kept[each.name, each.installed] for each in back]
    plan = simulated(host, pacman_argv.simulate_back_argv(files), pacman_argv.back_argv(files), files)
    return structs.replace(plan, left_out=left)


def _brought(entry: HistoryEntry) -> bool:
    """Whether the transaction installed something new, which may stand in the place of what it removed."""
    return any(change.kind == "install" for change in entry.changes)
