"""What is wanted becomes a plan, with everything that can be told before it starts. Pure: the fleet is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from backends.maintenance import batches, findings_budget, findings_hosts, findings_plan, findings_times, said
from backends.maintenance.dry_rows import Outlook, rows, update_sets
from backends.maintenance.dry_run import DryRun, Finding
from backends.maintenance.estimates import History, of_host, unknown_steps
from backends.maintenance.findings_budget import Ground
from backends.maintenance.fleet import FleetHost, Site
from backends.maintenance.kinds import kind_of
from backends.maintenance.model import HostPlan, RunPlan, Step, StepKind
from backends.maintenance.order import ordered
from backends.maintenance.plan_hash import sealed
from backends.maintenance.request import Request
from backends.maintenance.steps_text import step
from backends.maintenance.timetable import Seat, Times, timetable
from backends.updates.model import HostPlan as HostUpdates


def compose(request: Request, names: Sequence[str], fleet: Mapping[str, FleetHost], site: Site) -> DryRun:
    """The dry run of what is wanted.

    Args:
        names: the hosts that the selector means, in any order.
        fleet: every host of the inventory; one that is missing is taken for one of which nothing is known.

    Raises:
        BadInput: steps, batches, numbers of hosts or durations that cannot be read. Everything else is a finding.
    """
    steps = tuple(step(text, request.timeouts, site.commands) for text in request.steps)
    order = ordered(names, fleet)
    history, planned = History(site.history), site.planned
    ground = findings_budget.ground(request, order, fleet)
    outlooks = {
        name: _outlook(fleet.get(name, FleetHost(host=name)), steps, site, history, planned.get(name), ground)
        for name in order
    }
    plan = _plan(request, outlooks, steps, ground, findings_plan.approvals(request, order, fleet, site), site)
    usual = _times(plan, outlooks, ground, share=50)
    slow = _times(plan, outlooks, ground, share=90)
    fits = findings_times.fitting(usual, outlooks, request, site.now)
    findings = [
        *findings_plan.of_plan(request, order, steps, fleet, site),
        *findings_plan.of_approvals(plan.approvals, findings_plan.asking_tags(order, fleet, site), site),
        *findings_budget.of_budget(ground, order),
        *findings_times.of_window(request, outlooks, fits, site.now),
        *findings_times.of_blackouts(request, order, slow, site),
        *findings_times.of_estimates(outlooks),
        *_of_hosts(outlooks, ground.budget.failed),
    ]
    return DryRun(
        plan=plan,
        composed=site.now,
        rows=rows(plan, outlooks, usual),
        sets=update_sets(order, fleet, steps, site),
        findings=_worst_first(findings),
        total_p50=usual.total if usual is not None else None,
        total_p90=slow.total if slow is not None else None,
        fits=fits,
        unavailable=ground.all_away,
        headroom=ground.room,
        window=_window(request),
        window_start=request.window_start,
        approvals_by=findings_plan.asking_tags(order, fleet, site),
    )


def _outlook(
    host: FleetHost,
    steps: Sequence[Step],
    site: Site,
    history: History,
    planned: HostUpdates | None,
    ground: Ground,
) -> Outlook:
    """What can be told of one host alone."""
    updating = any(each.kind is StepKind.UPDATE for each in steps)
    changes = _changes(host, planned)
    reboot = _reboot(host, planned, changes) if updating else host.reboot
    kind, sayings = kind_of(host), findings_hosts.of_host(host, steps, site, planned)
    return Outlook(
        host=host,
        kind=kind,
        changes=changes if updating else None,
        reboot=True if any(each.kind is StepKind.REBOOT for each in steps) else reboot,
        estimate=of_host(history, kind, steps, host, changes, reboot),
        unknown=unknown_steps(history, kind, steps, host, changes, reboot),
        sayings=sayings,
        out=ground.out(host) or next((f"it would fail: {each.text}" for each in sayings if each.fatal), ""),
    )


def _changes(host: FleetHost, planned: HostUpdates | None) -> int | None:
    """How many packages would change: as simulated, else as they wait; None: not known."""
    if planned is not None:
        return None if planned.error else len(planned.changes)
    return None if host.pending is None else sum(1 for each in host.pending if not (each.held or each.kept_back))


def _reboot(host: FleetHost, planned: HostUpdates | None, changes: int | None) -> bool | None:
    """Whether something will ask for a reboot when the updates are there; None: not known."""
    if host.reboot or changes == 0:
        return host.reboot
    after = planned.reboot if planned is not None else None
    return None if host.reboot is None and after is False else after


def _plan(
    request: Request,
    outlooks: Mapping[str, Outlook],
    steps: tuple[Step, ...],
    ground: Ground,
    approvals: int,
    site: Site,
) -> RunPlan:
    order = tuple(outlooks)
    kinds = {name: outlook.kind for name, outlook in outlooks.items()}
    first = batches.canaries(order, kinds, request.canaries) if request.canary else ()
    numbers = batches.numbered(order, first, request.batches)
    updating = any(each.kind is StepKind.UPDATE for each in steps)
    apply = site.updates if updating and any(each.changes for each in outlooks.values()) else None
    return sealed(
        RunPlan(
            id="",
            name=request.name,
            who=site.who,
            created=site.now,
            hosts=tuple(_host(outlooks[name], number, name in set(first)) for name, number in numbers.items()),
            steps=steps,
            budget=ground.budget,
            batches=max(numbers.values(), default=0) + 1,
            soak_seconds=request.soak_seconds,
            promote=request.promote,
            window_start=request.window_start,
            window_end=request.window_end,
            update_plan=apply.id if apply is not None else "",
            update_hash=apply.hash if apply is not None else "",
            approvals=approvals,
            selector=request.selector,
            scheduled=request.scheduled,
        )
    )


def _host(outlook: Outlook, batch: int, canary: bool) -> HostPlan:
    return HostPlan(
        host=outlook.host.host,
        kind=outlook.kind,
        domains=outlook.host.parents,
        batch=batch,
        canary=canary,
        scheduler=outlook.host.standing.scheduler,
        tags=outlook.host.tags,
        estimate_seconds=outlook.estimate.p90 if outlook.estimate is not None else None,
    )


def _times(plan: RunPlan, outlooks: Mapping[str, Outlook], ground: Ground, *, share: int) -> Times | None:
    """The timetable, when every host takes its p50 or its p90; None when that is not known of one of them, or none can begin.

    Hosts that the run cannot take have no time: it leaves them out.
    """
    seats = []
    for each in plan.hosts:
        if outlooks[each.host].out:
            continue
        estimate = outlooks[each.host].estimate
        if estimate is None:
            return None
        seconds = estimate.p50 if share == 50 else estimate.p90
        seats.append(
            Seat(
                host=each.host,
                batch=each.batch,
                seconds=seconds,
                domains=each.domains,
            )
        )
    if not seats:
        return None
    return timetable(seats, plan.soak_seconds, ground.room, ground.rooms)


def _of_hosts(outlooks: Mapping[str, Outlook], max_failed: int) -> list[Finding]:
    told = {name: outlook.sayings for name, outlook in outlooks.items()}
    return [*said.too_many(told, max_failed), *said.together(told, max_failed)]


def _worst_first(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda each: -each.severity.rank))


def _window(request: Request) -> str:
    if request.window is not None:
        return request.window.text
    return f"until {findings_times.moment(request.window_end)}" if request.window_end is not None else ""
