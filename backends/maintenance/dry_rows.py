"""The rows of a dry run: one for each host in the order in which it is taken, and the updates they have in common."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from backends.maintenance.away import drainer
from backends.maintenance.dry_run import DryHost
from backends.maintenance.estimates import Estimate
from backends.maintenance.fleet import FleetHost, Site
from backends.maintenance.model import HostPlan, RunPlan, Step, StepKind
from backends.maintenance.said import Said
from backends.maintenance.timetable import Times
from backends.metrics.sample import Record
from backends.states import Severity
from backends.updates.model import Change, ChangeSet
from backends.updates.plan import groups


class Outlook(Record, frozen=True, kw_only=True):
    """What was worked out of one host."""

    host: FleetHost
    kind: str
    changes: int | None = None
    """Packages that would change; None: no update step, or not known."""
    reboot: bool | None = None
    estimate: Estimate | None = None
    unknown: tuple[str, ...] = ()
    """Steps because of which there is no estimate."""
    sayings: tuple[Said, ...] = ()
    """The worst first."""
    out: str = ""
    """Why the run could not do it as things are."""


def rows(plan: RunPlan, outlooks: Mapping[str, Outlook], times: Times | None) -> tuple[DryHost, ...]:
    """One row a host."""
    drains = any(step.kind is StepKind.DRAIN for step in plan.steps)
    return tuple(_row(each, at, outlooks[each.host], times, drains) for at, each in enumerate(plan.hosts, 1))


def update_sets(
    names: Sequence[str], fleet: Mapping[str, FleetHost], steps: Sequence[Step], site: Site
) -> tuple[ChangeSet, ...]:
    """Hosts with identical updates, as simulated; without a simulation as they wait there. () without an update step."""
    if not any(step.kind is StepKind.UPDATE for step in steps):
        return ()
    if site.updates is not None:
        return tuple(found for group in groups(site.updates) if (found := _only(group, names)) is not None)
    waiting: dict[object, list[str]] = {}
    changes: dict[object, tuple[Change, ...]] = {}
    for name in names:
        pending = [each for each in (fleet[name].pending or () if name in fleet else ()) if not _stays(each)]
        if pending:
            key = tuple(sorted((each.name, each.kind, each.installed, each.candidate) for each in pending))
            waiting.setdefault(key, []).append(name)
            changes.setdefault(key, tuple(pending))
    sets = [ChangeSet(hosts=tuple(sorted(hosts)), changes=changes[key]) for key, hosts in waiting.items()]
    return tuple(sorted(sets, key=lambda each: (-len(each.hosts), each.hosts)))


def _only(group: ChangeSet, names: Iterable[str]) -> ChangeSet | None:
    """The group without hosts that are not in the run."""
    hosts = tuple(sorted(set(group.hosts) & set(names)))
    if not hosts:
        return None
    return ChangeSet(
        hosts=hosts,
        changes=group.changes,
        download_bytes=group.download_bytes,
        reboot=group.reboot,
        warnings=group.warnings,
    )


def _stays(change: Change) -> bool:
    return change.held or bool(change.kept_back)


def _row(each: HostPlan, order: int, outlook: Outlook, times: Times | None, drains: bool) -> DryHost:
    standing = outlook.host.standing
    estimate = outlook.estimate
    return DryHost(
        host=each.host,
        order=order,
        batch=each.batch,
        canary=each.canary,
        kind=each.kind,
        domains=each.domains,
        scheduler=each.scheduler,
        drains=drains and each.scheduler != "none" and not standing.drained,
        prior=drainer(outlook.host),
        jobs=standing.jobs,
        wait_seconds=standing.wait_seconds,
        changes=outlook.changes,
        reboot=outlook.reboot,
        estimate_p50=estimate.p50 if estimate is not None and not outlook.out else None,
        estimate_p90=estimate.p90 if estimate is not None and not outlook.out else None,
        begins=times.begins.get(each.host) if times is not None else None,
        ends=times.ends.get(each.host) if times is not None else None,
        out=outlook.out,
        severity=max((said.severity for said in outlook.sayings), key=_rank, default=Severity.OK),
        findings=tuple(said.text for said in outlook.sayings),
    )


def _rank(severity: Severity) -> int:
    return severity.rank
