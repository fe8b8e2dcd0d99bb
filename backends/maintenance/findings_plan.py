"""What is told of a run as a whole before it begins: steps that name nothing, approvals, nobody there, nothing to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from backends.config.problem import nearest
from backends.maintenance.dry_run import Finding
from backends.maintenance.fleet import FleetHost, Site
from backends.maintenance.model import Step, StepKind
from backends.maintenance.proof import set_named
from backends.maintenance.request import Request
from backends.maintenance.steps_text import slips
from backends.states import Severity
from backends.text import clean


def of_plan(
    request: Request,
    names: Sequence[str],
    steps: Sequence[Step],
    fleet: Mapping[str, FleetHost],
    site: Site,
) -> Iterator[Finding]:
    """Everything that needs no times and no budget."""
    if site.read_only:
        yield _red("read-only", "this engine is read-only: it changes nothing", "start one without --read-only")
    if not names:
        yield _red("hosts", "no host is meant", "choose others: the selector means nobody at the moment")
    for slip in slips(steps):
        severity = Severity.CRITICAL if slip.wrong else Severity.WARNING
        yield Finding(kind="plan", severity=severity, text=slip.text, hint=slip.hint)
    yield from _named(steps, site)
    yield from _unattended(request, steps)
    yield from _canaries(request, names)
    if names:
        yield from _nothing_waits(names, steps, fleet, site)


def approvals(request: Request, names: Sequence[str], fleet: Mapping[str, FleetHost], site: Site) -> int:
    """How many others must say yes: one more than nobody where a tag asks for it."""
    return max(request.approvals, 1 if asking_tags(names, fleet, site) else 0)


def asking_tags(names: Sequence[str], fleet: Mapping[str, FleetHost], site: Site) -> tuple[str, ...]:
    """Tags of the hosts that ask for an approval."""
    tags = {tag for name in names if name in fleet for tag in fleet[name].tags}
    return tuple(sorted(tags & set(site.approval_tags)))


def of_approvals(wanted: int, tags: Sequence[str], site: Site) -> Iterator[Finding]:
    """Who must still say yes, and whether there is anybody who could."""
    if wanted < 1:
        return
    why = f" (tag {', '.join(tags)})" if tags else ""
    who = "somebody else" if wanted == 1 else f"{wanted} others"
    if site.operators is not None and site.operators - 1 < wanted:
        text = f"{who} must approve it{why}, and there {'is' if site.operators == 1 else 'are'} {site.operators} in all"
        yield _red("approvals", text, "let somebody else log in to this engine, or lower approvals")
        return
    hint = "tell them the hash; swarm-tui run approve"
    yield Finding(
        kind="approvals", severity=Severity.WARNING, text=f"{who} must approve exactly this plan{why}", hint=hint
    )


def _named(steps: Sequence[Step], site: Site) -> Iterator[Finding]:
    """Sets and commands that are nowhere."""
    for step in steps:
        known, what, named = sorted(site.commands), "command", step.argument
        if set_name := set_named(step):
            known, what, named = sorted(site.sets), "backup set", set_name
        elif step.kind is not StepKind.COMMAND:
            continue
        if named not in known:
            hint = nearest(named, known) or f"there are: {', '.join(known)[:120] or 'none'}"
            yield _red("plan", f'there is no {what} "{clean(named, 60)}"', hint)


def _unattended(request: Request, steps: Sequence[Step]) -> Iterator[Finding]:
    if not request.scheduled:
        return
    gates = [step.text for step in steps if step.kind is StepKind.GATE]
    if gates:
        yield _amber("plan", f"nobody is there for {gates[0]}: hosts wait until somebody comes", "leave the gate out")
    if request.promote == "key" and request.canary:
        yield _amber(
            "plan", "nobody is there to promote the canaries: it waits until somebody comes", 'promote = "auto"'
        )


def _canaries(request: Request, names: Sequence[str]) -> Iterator[Finding]:
    missing = [name for name in request.canaries if name not in set(names)] if request.canary else []
    if missing:
        text = f"{clean(', '.join(missing[:6]), 120)}: named as canary and not part of the run"
        yield _amber("hosts", text, "others are chosen for their kind")


def _nothing_waits(
    names: Sequence[str], steps: Sequence[Step], fleet: Mapping[str, FleetHost], site: Site
) -> Iterator[Finding]:
    if not any(step.kind is StepKind.UPDATE for step in steps):
        return
    if site.updates is not None:
        planned = {host.host: host for host in site.updates.hosts}
        counts = [len(planned[name].changes) if name in planned else None for name in names]
    else:
        found = [fleet[name].pending if name in fleet else None for name in names]
        counts = [None if pending is None else len(pending) for pending in found]
    if all(count == 0 for count in counts):
        yield _amber("updates", "no update waits on any of these hosts", "leave the update out, or refresh the lists")


def _red(kind: str, text: str, hint: str) -> Finding:
    return Finding(kind=kind, severity=Severity.CRITICAL, text=text, hint=hint)


def _amber(kind: str, text: str, hint: str) -> Finding:
    return Finding(kind=kind, severity=Severity.WARNING, text=text, hint=hint)
