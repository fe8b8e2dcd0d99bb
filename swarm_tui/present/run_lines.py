"""Maintenance runs as lines of text, for `swarm-tui run`. Pure; the screen's own are in `run_board.py` and beside it."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from backends import units
from backends.inventory.ranges import fold
from backends.maintenance.model import HostPlan, HostRun, RunPlan, RunState, RunStatus, Stage
from backends.maintenance.views import NamedRun, RunSummary, RunView
from backends.maintenance.worker import Look
from swarm_tui.present.dry_lines import SHORT_HASH, hosts, moment, paired, plan_pairs

LIST_HEAD = ("RUN", "NAME", "STATE", "HOSTS", "DONE", "FAILED", "BY", "BEGAN", "WHAT")
NAMED_HEAD = ("NAME", "NOW", "HOSTS", "WINDOW", "STEPS")
HOST_HEAD = ("HOST", "BATCH", "STATE", "STEP", "TOOK", "WHAT")
WORDS = {
    Stage.QUEUED: "queued",
    Stage.WORKING: "in work",
    Stage.ASKING: "asks",
    Stage.DONE: "done",
    Stage.FAILED: "FAILED",
    Stage.SKIPPED: "skipped",
}
RANK = {
    Stage.FAILED: 0,
    Stage.ASKING: 1,
    Stage.WORKING: 2,
    Stage.QUEUED: 3,
    Stage.SKIPPED: 4,
    Stage.DONE: 5,
}
"""What needs a person comes first."""
COLOURS = {
    Stage.FAILED: "red",
    Stage.ASKING: "yellow",
    Stage.WORKING: "cyan",
    Stage.DONE: "green",
}


def merged(former: RunView | None, view: RunView) -> RunView:
    """A view with what the engine left out because the client has it."""
    if former is None or view.plan is not None:
        return view
    return replace(view, plan=former.plan, hosts=former.hosts, approvals=former.approvals, notes=former.notes)


def list_cells(run: RunSummary) -> tuple[str, ...]:
    """A row under LIST_HEAD."""
    return (
        run.run,
        run.name,
        str(run.status),
        str(run.hosts),
        str(run.stages.get(Stage.DONE, 0)),
        str(run.stages.get(Stage.FAILED, 0)),
        run.who + (" (scheduled)" if run.scheduled else ""),
        "—" if run.began is None else moment(run.began),
        _list_what(run),
    )


def named_cells(run: NamedRun) -> tuple[str, ...]:
    """A row under NAMED_HEAD."""
    meant = run.selector or "every host"
    return (
        run.name,
        str(run.hosts),
        f"{meant}: {run.problem}" if run.problem else meant,
        run.window or "—",
        ", ".join(run.steps),
    )


def _list_what(run: RunSummary) -> str:
    asking = run.stages.get(Stage.ASKING, 0)
    missing = run.approvals_wanted - run.approvals
    waits = run.status is RunStatus.WAITING
    parts = [
        run.why,
        run.hint if run.why else "",
        f"{hosts(asking)} {'asks' if asking == 1 else 'ask'}" if asking else "",
        f"waits for {missing} approvals" if waits and missing > 0 else "",
        f"window until {moment(run.window_end)}" if run.window_end is not None and not run.over else "",
    ]
    return " · ".join(part for part in parts if part)


def counts(found: Mapping[str, HostRun]) -> str:
    """ "3 done, 1 FAILED, 2 in work": the worst first; "no host" when there is none."""
    totals = {
        stage: sum(host.stage is stage for host in found.values()) for stage in sorted(Stage, key=RANK.__getitem__)
    }
    return ", ".join(f"{count} {WORDS[stage]}" for stage, count in totals.items() if count) or "no host"


def title(view: RunView) -> str:
    """A run in one line."""
    plan = view.plan
    name = f"{plan.name or 'a run'}  by {plan.who}: " if plan is not None else ""
    return f"{view.run}  {name}{view.status}, {counts(view.hosts or {})}"


def board_lines(view: RunView) -> list[str]:
    """Where a run stands, above the table of its hosts."""
    plan = view.plan
    room = view.headroom
    down = f"; away and not through this run: {fold(room.down)}" if room.down else ""
    domains = ", ".join(f"{name} {away} of {limit}" for name, (away, limit) in sorted(room.domains.items()))
    live = view.status is not RunStatus.ENDED
    pairs = [
        *(plan_pairs(plan) if plan is not None else []),
        ("state", " — ".join(part for part in (str(view.status), view.why) if part)),
        ("next", view.hint or next_step(view)),
        ("batch", _batch(view)),
        ("away", f"{room.away} of {room.limit}, {room.free} more may begin{down}" if live else ""),
        ("domains", domains if live else ""),
        ("failed", f"{room.failed} of {room.failed_limit}" if live or room.failed else ""),
        ("window", _window(view) if live else ""),
        ("approved", ", ".join(f"{each.who} {moment(each.time)}" for each in view.approvals)),
    ]
    return [title(view), *paired(pairs)]


def next_step(view: RunView) -> str:
    """What a person could do now; "" when nothing waits for one."""
    plan, found = view.plan, view.hosts or {}
    asking = [name for name, host in found.items() if host.stage is Stage.ASKING]
    if asking:
        return f"swarm-tui run answer {view.run} {asking[0]} TEXT (or: skip, retry)"
    if view.status is RunStatus.WAITING:
        missing = plan.approvals - len(view.approvals) if plan is not None else 0
        if missing > 0:
            short = plan.hash[:SHORT_HASH] if plan is not None else "HASH"
            people = "somebody else" if missing == 1 else f"{missing} others"
            return f"{people}: swarm-tui run approve {view.run} --hash {short}"
        return f"swarm-tui run start {view.run}"
    if view.status in (RunStatus.PAUSED, RunStatus.STOPPED):
        return f"swarm-tui run resume {view.run}, or: abort"
    if waits_for_word(view):
        return f"the canaries are through: swarm-tui run promote {view.run}"
    return ""


def waits_for_word(view: RunView) -> bool:
    """Whether the next batch begins only when somebody says go on."""
    plan = view.plan
    soaked = view.soak_until is not None and view.soak_until <= view.now
    last = plan is None or view.batch + 1 >= plan.batches
    return view.status is RunStatus.RUNNING and soaked and not view.promoted and not last


def _batch(view: RunView) -> str:
    plan = view.plan
    if plan is None or view.status is RunStatus.ENDED:
        return ""
    canary = " (canaries)" if any(host.canary for host in plan.hosts if host.batch == view.batch) else ""
    soaks = ""
    if view.soak_until is not None and view.batch + 1 < plan.batches:
        left = view.soak_until - view.now
        soaks = f", soaks for {units.span(left)} more" if left > 0 else ", soaked"
    return f"{view.batch + 1} of {plan.batches}{canary}{soaks}"


def _window(view: RunView) -> str:
    if view.window_end is None:
        return ""
    left = view.window_end - view.now
    return f"until {moment(view.window_end)}, " + (f"{units.span(left)} left" if left > 0 else "over: no host begins")


def in_order(view: RunView) -> list[HostRun]:
    """Hosts with what needs a person first, then in the order of the plan."""
    found = view.hosts or {}
    places = {each.host: at for at, each in enumerate(view.plan.hosts)} if view.plan is not None else {}
    return sorted(found.values(), key=lambda host: (RANK[host.stage], places.get(host.host, 0), host.host))


def host_rows(view: RunView) -> list[tuple[str, ...]]:
    """Rows under HOST_HEAD, as `in_order`."""
    plans = {each.host: each for each in view.plan.hosts} if view.plan is not None else {}
    return [_host_row(host, plans.get(host.host), view) for host in in_order(view)]


def _host_row(host: HostRun, planned: HostPlan | None, view: RunView) -> tuple[str, ...]:
    look = view.looks.get(host.host)
    took = "" if host.began is None else units.span((host.ended if host.ended is not None else view.now) - host.began)
    return (
        host.host,
        "" if planned is None else "canary" if planned.canary else str(planned.batch + 1),
        state(host, look),
        step(view.plan, host),
        took,
        " · ".join(part for part in (text(host, look), _eta(host, look, view.now), hint(host, look)) if part),
    )


def state(host: HostRun, look: Look | None) -> str:
    """What it does now, else where it stands, in a word or two."""
    return look.state if host.stage is Stage.WORKING and look is not None and look.state else WORDS[host.stage]


def step(plan: RunPlan | None, host: HostRun) -> str:
    """ "4/6 update:security"; "" before the first and after the last."""
    if plan is None or not 0 <= host.step < len(plan.steps) or host.stage in (Stage.DONE, Stage.QUEUED):
        return ""
    return f"{host.step + 1}/{len(plan.steps)} {plan.steps[host.step].text}"


def text(host: HostRun, look: Look | None) -> str:
    """The sentence about it; of one that waits, why its turn does not come."""
    live = host.stage in (Stage.WORKING, Stage.QUEUED) and look is not None
    return look.text if live and look is not None and look.text else host.text


def hint(host: HostRun, look: Look | None) -> str:
    """What a person does next, where it failed, asks or was left out."""
    if host.stage in (Stage.FAILED, Stage.ASKING, Stage.SKIPPED):
        return f"→ {host.hint}" if host.hint else ""
    return f"→ {look.hint}" if host.stage is Stage.WORKING and look is not None and look.hint else ""


def _eta(host: HostRun, look: Look | None, now: float) -> str:
    if host.stage is not Stage.WORKING or look is None or look.eta is None:
        return ""
    return f"about {units.span(look.eta - now)} more" if look.eta > now else "longer than usual"


def host_words(host: HostRun, view: RunView) -> str:
    """A host in one line, while a run is followed; does not change with time alone."""
    look = view.looks.get(host.host)
    parts = [state(host, look), step(view.plan, host), text(host, look), hint(host, look)]
    return "  ".join(part for part in parts if part)


def run_words(view: RunView) -> str:
    """The run itself in one line, while it is followed."""
    what = " — ".join(part for part in (str(view.status), view.why) if part)
    plan = view.plan
    canary = plan is not None and view.batch == 0 and any(host.canary for host in plan.hosts)
    batch = f"batch {view.batch + 1}{' (canaries)' if canary else ''}" if view.status is RunStatus.RUNNING else ""
    tail = view.hint or next_step(view)
    return "  ".join(
        part for part in (what, batch, "soaks" if _soaks(view) else "", f"→ {tail}" if tail else "") if part
    )


def run_key(view: RunView) -> str:
    """Of `run_words` what does not change with time alone: why it waits may be a countdown."""
    why = view.why if view.status is not RunStatus.RUNNING else ""
    return f"{view.status} {view.batch} {_soaks(view)} {why} {view.hint or next_step(view)}"


def _soaks(view: RunView) -> bool:
    return view.soak_until is not None and view.soak_until > view.now and view.status is RunStatus.RUNNING


def note_lines(view: RunView) -> list[str]:
    """Notes of people."""
    return [
        f"{moment(note.time)}  {note.who}: " + (f"{note.host}: " if note.host else "") + note.text
        for note in view.notes
    ]


def done_words(run: RunState) -> str:
    """How a run stands after somebody acted on it."""
    why = f" — {run.why}" if run.why else ""
    return f"{run.plan.id}: {run.status}{why}, {counts(run.hosts)}"
