"""What stands above the board of a run: how far it is, how much may be away, how long there is left, and why it waits."""

from __future__ import annotations

from backends.clock import utc
from backends.inventory.ranges import fold
from backends.maintenance.model import OVER, HostRun, RunPlan, RunStatus, Stage
from backends.maintenance.views import Headroom, RunView
from backends.units import clock_span, span
from swarm_tui.glyphs import Glyphs
from swarm_tui.present.bar import bar
from swarm_tui.present.host_line import Span, line
from swarm_tui.present.line import Line, crop, spread
from swarm_tui.present.run_text import STATUS_ROLES
from swarm_tui.theme import Role

WIDE = 110
BAR_CELLS, NARROW_BAR_CELLS = 24, 12
SOON_SECONDS = 900.0
"""A window that closes within this is shown as a warning."""
DOMAINS = 4
"""Failure domains that are named, the fullest first."""


def lines(
    view: RunView, plan: RunPlan, hosts: dict[str, HostRun], now: float, width: int, glyphs: Glyphs
) -> list[Line]:
    """Four lines: the run, its headroom, its time, and why it is as it is."""
    return [
        crop(line(" ", *each), width)
        for each in (
            _title(view, plan, hosts, now, width - 1, glyphs),
            _room(view.headroom, width, glyphs),
            _time(view, plan, hosts, now),
            _why(view, plan, hosts, now),
        )
    ]


def _title(view: RunView, plan: RunPlan, hosts: dict[str, HostRun], now: float, width: int, glyphs: Glyphs) -> Line:
    over = sum(host.stage in OVER for host in hosts.values())
    share = 100.0 * over / len(hosts) if hosts else None
    ran = "" if view.began is None else f"  {span((view.ended if view.ended is not None else now) - view.began)}"
    cells = BAR_CELLS if width >= WIDE else NARROW_BAR_CELLS
    left = line(
        Span(plan.name or plan.id, "title"), Span(f"  {view.status}", STATUS_ROLES[view.status]), Span(ran, "dim")
    )
    right = line(*bar(share, cells, glyphs), Span(f" {over} of {len(hosts)} over ", "strong"))
    return spread(left, right, width)


def _room(room: Headroom, width: int, glyphs: Glyphs) -> Line:
    """ "away ━━━── 3 of 4, 1 more may begin  2 down anyway  failed 1 of 2  rack1 1/2"."""
    share = 100.0 * room.away / room.limit if room.limit else 100.0
    full: Role = "warn" if room.free <= 0 else "gauge"
    cells = BAR_CELLS if width >= WIDE else NARROW_BAR_CELLS
    failed: Role = "bad" if room.failed >= room.failed_limit else "warn" if room.failed else "dim"
    fullest = sorted(room.domains.items(), key=lambda each: (each[1][0] - each[1][1], each[0]))[:DOMAINS]
    return line(
        Span("away ", "dim"),
        *bar(share, cells, glyphs, full),
        Span(f" {room.away} of {room.limit}", "strong" if room.free > 0 else "warn"),
        Span(f", {room.free} more may begin" if room.free > 0 else ", no more may begin", "dim"),
        Span(f"  failed {room.failed} of {room.failed_limit}", failed),
        Span(f"  {len(room.down)} down anyway" if room.down else "", "warn"),
        *(Span(f"  {name} {away}/{limit}", "warn" if away >= limit else "dim") for name, (away, limit) in fullest),
    )


def _time(view: RunView, plan: RunPlan, hosts: dict[str, HostRun], now: float) -> Line:
    """The batch, its soak, and the window."""
    return line(
        Span(batch_words(plan, view.batch), "strong"),
        *_soak(view, plan, now),
        *_window(view, plan, hosts, now),
    )


def batch_words(plan: RunPlan, batch: int) -> str:
    """ "canaries" or "batch 2 of 4"."""
    if batch == 0 and any(host.canary for host in plan.hosts):
        return f"canaries, 1 of {plan.batches}"
    return f"batch {batch + 1} of {plan.batches}"


def _soak(view: RunView, plan: RunPlan, now: float) -> Line:
    if view.soak_until is None or view.status is RunStatus.ENDED or view.batch + 1 >= plan.batches:
        return ()
    if view.soak_until > now:
        return (Span(f"  soaks, next in {clock_span(view.soak_until - now)}", "info"),)
    if waits_for_key(view, plan, now):
        return (Span("  soaked: m lets the next batch begin", "warn"),)
    return ()


def waits_for_key(view: RunView, plan: RunPlan, now: float) -> bool:
    """Whether only a person can let it go on after the canaries."""
    soaked = view.soak_until is not None and view.soak_until <= now
    return plan.promote == "key" and not view.promoted and soaked and view.batch + 1 < plan.batches


def _window(view: RunView, plan: RunPlan, hosts: dict[str, HostRun], now: float) -> Line:
    if view.window_end is None or view.status is RunStatus.ENDED:
        return ()
    left = view.window_end - now
    if left <= 0:
        return (Span("  the window is over: no host begins", "bad"),)
    role: Role = "warn" if left < SOON_SECONDS else "text"
    last = _last_begin(view, plan, hosts)
    cut = f", last begin {utc(last):%H:%M}Z" if last is not None else ""
    return (
        Span(f"  window {clock_span(left)} left", role),
        Span(f" (to {utc(view.window_end):%H:%M}Z{cut})", "dim"),
    )


def _last_begin(view: RunView, plan: RunPlan, hosts: dict[str, HostRun]) -> float | None:
    """When the quickest host that still waits must have begun; None: nothing is known, or none waits."""
    waiting = [each for each in plan.hosts if each.host in hosts and hosts[each.host].stage is Stage.QUEUED]
    known = [view.estimates.get(each.kind, each.estimate_seconds) for each in waiting]
    times = [each for each in known if each is not None]
    return view.window_end - min(times) if times and view.window_end is not None else None


def _why(view: RunView, plan: RunPlan, hosts: dict[str, HostRun], now: float) -> Line:
    """What a person should know first."""
    if view.status is RunStatus.WAITING:
        return _waits(view, plan, now)
    need = _need(hosts)
    if view.why and view.status is not RunStatus.RUNNING:
        role: Role = "bad" if view.status in (RunStatus.STOPPED, RunStatus.ABORTED) else "warn"
        return line(Span(f"{view.why}  ", role), *need, Span(("  " if need else "") + view.hint, "dim"))
    steps = f"steps: {' > '.join(step.text for step in plan.steps)}"
    return need or line(Span(view.why, "info") if view.why else Span(steps, "dim"))


def _need(hosts: dict[str, HostRun]) -> Line:
    """The hosts that wait for a person, by name."""
    asking = [name for name, host in hosts.items() if host.stage is Stage.ASKING]
    failed = [name for name, host in hosts.items() if host.stage is Stage.FAILED]
    return line(
        Span(f"{fold(asking)} ask{'s' * (len(asking) == 1)} you: a answers  " if asking else "", "warn"),
        Span(f"failed and held: {fold(failed)}" if failed else "", "bad"),
    )


def _waits(view: RunView, plan: RunPlan, now: float) -> Line:
    missing = plan.approvals - len(view.approvals)
    if missing > 0:
        by = f"; {', '.join(each.who for each in view.approvals)} said yes" if view.approvals else ""
        people = "1 other person" if missing == 1 else f"{missing} other people"
        return line(Span(f"waits for {people} to approve: A", "warn"), Span(f"  by {plan.who}{by}", "dim"))
    if plan.window_start is not None and plan.window_start > now:
        return (Span(f"waits for its window, opens in {clock_span(plan.window_start - now)}", "info"),)
    return line(Span("nothing has begun: s starts it", "info"))
