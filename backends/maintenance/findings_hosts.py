"""What is told of a host before a run begins: why it would fail, and what is worth a look."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec.structs import replace

from backends.backups.model import CONFIG
from backends.maintenance.away import drained
from backends.maintenance.fleet import FleetHost, Site
from backends.maintenance.model import Step, StepKind
from backends.maintenance.proof import Copy, demanded, judged, set_named
from backends.maintenance.said import Said
from backends.maintenance.steps_text import REBOOTS
from backends.states import HostState, Severity
from backends.units import span
from backends.updates.model import Caution, HostPlan

OLD_BACKUP = 2 * 86400.0
"""Seconds; an older newest backup is told where a run changes the host and makes none itself."""
_STATES: Mapping[HostState, tuple[str, str, str]] = {
    HostState.UNREACHABLE: ("unreachable", "does not answer", "bring it back"),
    HostState.AUTH_FAILED: ("unreachable", "refuses the login", "check user and key: swarm-tui hosts list"),
    HostState.HOST_KEY_UNKNOWN: ("unreachable", "has a host key that nobody accepted", "swarm-tui hosts accept"),
    HostState.HOST_KEY_CHANGED: ("unreachable", "has another host key than before", "find out why, then hosts accept"),
}
"""State → kind, text, hint, where the run leaves the host out."""
_HELPLESS: Mapping[HostState, tuple[str, str, str]] = {
    HostState.NO_PYTHON: ("python", "has no python3, without which nothing can be done there", "install python3 there"),
    HostState.NO_SUDO: ("sudo", "does not let us become root", "allow sudo without a password for maintenance"),
}
"""The same where the host would fail."""
_DOUBTS: Mapping[HostState, tuple[str, Severity]] = {
    HostState.CONNECTING: ("is not connected yet", Severity.UNKNOWN),
    HostState.STALE: ("has sent nothing for a while", Severity.WARNING),
    HostState.DRIVER_HUNG: ("has a GPU driver that does not answer", Severity.WARNING),
}


def of_host(host: FleetHost, steps: Sequence[Step], site: Site, planned: HostPlan | None) -> tuple[Said, ...]:
    """Everything about one host, the worst first.

    Args:
        planned: what the update step would do there; None: it was not simulated.
    """
    found = [
        *_state(host),
        *_held(host),
        *_scheduler(host, steps),
        *_backups(host, steps, site),
        *_updates(host, steps, site, planned),
        *_reboot(host, steps),
        *_health(host),
    ]
    return tuple(sorted(dict.fromkeys(found), key=lambda each: (not each.fatal, -each.severity.rank)))


def _fatal(kind: str, text: str, hint: str) -> Said:
    return Said(kind=kind, text=text, hint=hint, severity=Severity.CRITICAL, fatal=True)


def _out(kind: str, text: str, hint: str) -> Said:
    return Said(kind=kind, text=text, hint=hint, out=True)


def _state(host: FleetHost) -> Iterator[Said]:
    reason = f": {host.reason}" if host.reason else ""
    if host.state in _STATES:
        kind, text, hint = _STATES[host.state]
        yield _out(kind, f"{text}{reason}", f"{hint}; the run leaves it out as it is")
    elif host.state in _HELPLESS:
        kind, text, hint = _HELPLESS[host.state]
        yield _fatal(kind, f"{text}{reason}", hint)
    elif host.state in _DOUBTS:
        text, severity = _DOUBTS[host.state]
        yield Said(kind="unreachable", text=f"{text}{reason}", hint="look at it before", severity=severity)


def _held(host: FleetHost) -> Iterator[Said]:
    if host.held_by:
        yield _out("held", f"is held by {host.held_by}", "wait until that is over; the run leaves it out as it is")


def _scheduler(host: FleetHost, steps: Sequence[Step]) -> Iterator[Said]:
    standing = host.standing
    if standing.drained:
        yield _out(
            "drained", f"is {drained(host)}", "whoever drained it gives it back; the run leaves it out until then"
        )
    if standing.scheduler == "none" or not any(step.kind is StepKind.DRAIN for step in steps):
        return
    if not standing.asked:
        where = f" on {standing.controller}" if standing.controller else ""
        text = f"{standing.scheduler}{where} does not say how it stands: {standing.problem or 'no answer'}"
        yield _fatal("scheduler", text, standing.hint or "bring the scheduler back, or leave the host out")


def _backups(host: FleetHost, steps: Sequence[Step], site: Site) -> Iterator[Said]:
    wanted = [step.argument for step in steps if step.kind is StepKind.BACKUP]
    yield from _proofs(host, steps, site)
    for name in dict.fromkeys(filter(None, map(set_named, steps))):
        if name in site.sets and host.host not in site.sets[name]:
            text, hint = (
                f"has no repository for the backup set {name}",
                "[[backups.sets]]: hosts, or leave the host out",
            )
            yield _fatal("backup", text, hint)
    if wanted or not any(step.kind is StepKind.UPDATE for step in steps):
        return
    newest = min(host.backup_age.values(), default=None)
    if newest is None:
        yield Said(kind="backup", text="has no backup, and the run makes none", hint="add the step backup:config")
    elif newest > OLD_BACKUP:
        text = f"has a newest backup of {span(newest)} ago, and the run makes none"
        yield Said(kind="backup", text=text, hint="add the step backup:config")


def _proofs(host: FleetHost, steps: Sequence[Step], site: Site) -> Iterator[Said]:
    """Proofs that the run asks for and would not find, as things are."""
    for at, step in enumerate(steps):
        if step.kind is not StepKind.PROOF:
            continue
        demand = demanded(step.argument)
        copies, limit = _nameless(host, demand.set), demand.seconds or site.proof_seconds
        made = any(_packs(each) == demand.set for each in steps[:at])
        found = judged("HOST", demand.set, copies, limit, site.now, backed_up=made)
        if copies and not found.good:
            hint = f"{found.hint}; when it still lacks then, the run asks there and goes on with the others"
            yield Said(kind="proof", text=f"has {found.text}", hint=hint)


def _packs(step: Step) -> str:
    """The set that a step makes an archive of; "" for others."""
    if step.kind is StepKind.SNAPSHOT:
        return CONFIG
    return step.argument if step.kind is StepKind.BACKUP else ""


def _nameless(host: FleetHost, name: str) -> list[Copy]:
    """Without the host in the name of its repository, so that what is the same of many hosts is told once."""
    return [
        replace(each, repository=each.repository.removesuffix(f"/{host.host}")) for each in host.copies.get(name, ())
    ]


def _updates(host: FleetHost, steps: Sequence[Step], site: Site, planned: HostPlan | None) -> Iterator[Said]:
    if not any(step.kind is StepKind.UPDATE for step in steps):
        return
    if planned is None:
        if site.updates is not None or host.pending is None:
            hint = "swarm-tui updates plan"
            yield Said(kind="updates", text="was not asked what would change", hint=hint, severity=Severity.UNKNOWN)
        yield from map(_caution, host.cautions)
        return
    if planned.error:
        yield _fatal("updates", f"cannot be planned: {planned.error}", "swarm-tui updates list tells more")
    yield from map(_caution, planned.warnings)


def _caution(caution: Caution) -> Said:
    hint = "swarm-tui updates list offers a repair" if caution.repair else ""
    if caution.blocks:
        return _fatal("updates", caution.text, hint or "cure it first, or leave the host out")
    return Said(kind="updates", text=caution.text, hint=hint, severity=caution.severity)


def _reboot(host: FleetHost, steps: Sequence[Step]) -> Iterator[Said]:
    if any(step.kind in REBOOTS for step in steps):
        for text in host.gate:
            hint = "when it still holds before the reboot, the run asks there and goes on with the others"
            yield Said(kind="gate", text=f"may not reboot now: {text}", hint=hint)


def _health(host: FleetHost) -> Iterator[Said]:
    if host.ill:
        yield Said(kind="alerts", text="was critical in its last health check", hint="look at it before")
    if host.alerts:
        text = "an alert fires there" if host.alerts == 1 else f"{host.alerts} alerts fire there"
        yield Said(kind="alerts", text=text, hint="look at them before: the check afterwards counts only what is new")
