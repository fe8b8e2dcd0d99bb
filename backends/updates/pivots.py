"""Pending updates seen from four sides: identical change set, package, CVE, host. Pure; the console turns them as it likes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from backends.metrics.sample import Record
from backends.updates.inventories import HostUpdates
from backends.updates.model import Caution, Change, Inventory, PackageClass


class HostSummary(Record, frozen=True, kw_only=True):
    """One host in a few numbers; None where it is not known, never 0."""

    host: str
    manager: str = ""
    system: str = ""
    taken: float | None = None
    lists_age_seconds: float | None = None
    pending: int | None = None
    security: int | None = None
    """None also where the sources do not tell which updates are security fixes."""
    held: int | None = None
    kept_back: int | None = None
    """Left out by the package manager itself: phased, or wanting a new package."""
    download_bytes: int | None = None
    reboot: bool | None = None
    services: int | None = None
    firmware: int | None = None
    """Devices with a newer firmware."""
    python_environments: int = 0
    """Those that the configuration names for the host."""
    python_outdated: int | None = None
    """Packages over all of them; None also where there is none, or one could not be asked."""
    python_vulnerable: int | None = None
    problems: tuple[str, ...] = ()
    """Why the newest try failed, what is wrong with the sources, warnings that block."""
    hint: str = ""
    busy: bool = False


class PendingSet(Record, frozen=True, kw_only=True):
    """Hosts for which the same changes wait."""

    hosts: tuple[str, ...]
    manager: str
    changes: tuple[Change, ...]
    warnings: tuple[Caution, ...] = ()


class PackageRow(Record, frozen=True, kw_only=True):
    """One package over the fleet."""

    name: str
    package_class: PackageClass
    candidates: tuple[str, ...]
    installed: tuple[str, ...]
    hosts: tuple[str, ...]
    security: bool | None
    cves: tuple[str, ...]
    held: int


class CveRow(Record, frozen=True, kw_only=True):
    """One CVE over the fleet: where the fix is not applied yet."""

    cve: str
    packages: tuple[str, ...]
    hosts: tuple[str, ...]


def summary(state: HostUpdates) -> HostSummary:
    """One host's row."""
    problems = tuple(text for text in (state.error, *state.problems) if text)
    found = state.inventory
    if found is None:
        return HostSummary(host=state.host, problems=problems, hint=state.hint, busy=state.busy)
    free = [change for change in found.changes if not change.held and not change.kept_back]
    sizes = [change.size_bytes for change in free]
    return HostSummary(
        host=state.host,
        manager=found.manager,
        system=found.system,
        taken=found.taken,
        lists_age_seconds=found.lists_age_seconds,
        pending=len(free),
        security=sum(change.security is True for change in free) if found.security_known else None,
        held=sum(change.held for change in found.changes),
        kept_back=sum(bool(change.kept_back) and not change.held for change in found.changes),
        download_bytes=None if None in sizes else sum(size or 0 for size in sizes),
        reboot=found.reboot.needed,
        services=len(found.services),
        firmware=None if found.firmware is None else len(found.firmware),
        python_environments=len(found.python),
        python_outdated=_total(each.outdated for each in found.python),
        python_vulnerable=_total(
            None if each.vulnerable is None else {one.package for one in each.vulnerable} for each in found.python
        ),
        problems=(*problems, *(caution.text for caution in found.warnings if caution.blocks)),
        hint=state.hint,
        busy=state.busy,
    )


def _total(parts: Iterable[Collection[object] | None]) -> int | None:
    """How many there are in all; None when there is no part, or one is not known."""
    counts = [None if part is None else len(part) for part in parts]
    known = [each for each in counts if each is not None]
    return sum(known) if known and len(known) == len(counts) else None


def sets(states: Iterable[HostUpdates]) -> tuple[PendingSet, ...]:
    """Hosts grouped by identical pending changes, the largest group first; hosts without changes are in none.

    A host on which something blocks is not in the group of those that could be updated now.
    """
    found: dict[object, list[Inventory]] = {}
    for state in states:
        if state.inventory is not None and state.inventory.changes:
            blocked = tuple(caution.text for caution in state.inventory.warnings if caution.blocks)
            key = (state.inventory.manager, frozenset(map(_key, state.inventory.changes)), blocked)
            found.setdefault(key, []).append(state.inventory)
    rows = [_pending_set(inventories) for inventories in found.values()]
    return tuple(sorted(rows, key=lambda row: (-len(row.hosts), row.hosts)))


def _pending_set(inventories: Sequence[Inventory]) -> PendingSet:
    return PendingSet(
        hosts=tuple(inventory.host for inventory in inventories),
        manager=inventories[0].manager,
        changes=inventories[0].changes,
        warnings=tuple(dict.fromkeys(caution for each in inventories for caution in each.warnings)),
    )


def _key(change: Change) -> tuple[object, ...]:
    return (
        change.name,
        change.architecture,
        change.kind,
        change.installed,
        change.candidate,
        change.held,
        change.security,
    )


def packages(groups: Iterable[PendingSet]) -> tuple[PackageRow, ...]:
    """Every package that waits somewhere: security fixes first, then by the number of hosts."""
    found: dict[str, list[tuple[PendingSet, Change]]] = {}
    for group in groups:
        for change in group.changes:
            found.setdefault(change.name, []).append((group, change))
    rows = [_package(name, uses) for name, uses in found.items()]
    return tuple(sorted(rows, key=lambda row: (row.security is not True, -len(row.hosts), row.name)))


def _package(name: str, uses: Sequence[tuple[PendingSet, Change]]) -> PackageRow:
    flags = {change.security for _, change in uses}
    return PackageRow(
        name=name,
        package_class=uses[0][1].package_class,
        candidates=tuple(dict.fromkeys(change.candidate for _, change in uses)),
        installed=tuple(dict.fromkeys(change.installed for _, change in uses)),
        hosts=tuple(dict.fromkeys(host for group, _ in uses for host in group.hosts)),
        security=True if True in flags else None if None in flags else False,
        cves=tuple(dict.fromkeys(cve for _, change in uses for cve in change.cves)),
        held=sum(len(group.hosts) for group, change in uses if change.held),
    )


def cves(groups: Iterable[PendingSet]) -> tuple[CveRow, ...]:
    """Every CVE that a waiting update names, the most widespread first."""
    found: dict[str, tuple[dict[str, None], dict[str, None]]] = {}
    for group in groups:
        for change in group.changes:
            for cve in change.cves:
                names, hosts = found.setdefault(cve, ({}, {}))
                names[change.name] = None
                hosts.update(dict.fromkeys(group.hosts))
    rows = [CveRow(cve=cve, packages=tuple(names), hosts=tuple(hosts)) for cve, (names, hosts) in found.items()]
    return tuple(sorted(rows, key=lambda row: (-len(row.hosts), row.cve)))
