"""What a run came to, gathered for the report from its state: results, packages, backups, times, budget. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from backends.maintenance import facts
from backends.maintenance.model import HostRun, RunState, Stage, StepKind, StepResult
from backends.metrics.sample import Record


class Peak(Record, frozen=True, kw_only=True):
    """How much of a budget was used at most."""

    what: str
    """"all hosts", or a failure domain."""
    most: int
    limit: int


class Took(Record, frozen=True, kw_only=True):
    """What one step took, in seconds, over the hosts on which it went well."""

    step: str
    hosts: int
    usual: float
    longest: float
    slowest: str
    """The host that took longest."""


class Diff(Record, frozen=True, kw_only=True):
    """Hosts on which the same packages were changed in the same way."""

    hosts: tuple[str, ...]
    packages: tuple[facts.Package, ...]


def in_order(state: RunState) -> tuple[HostRun, ...]:
    """The hosts as they were planned to be taken."""
    return tuple(state.hosts[each.host] for each in state.plan.hosts if each.host in state.hosts)


def counts(state: RunState) -> dict[str, int]:
    """Stage → hosts, only stages with any."""
    found = {str(stage): 0 for stage in (Stage.DONE, Stage.FAILED, Stage.SKIPPED, *Stage)}
    for host in state.hosts.values():
        found[str(host.stage)] += 1
    return {stage: count for stage, count in found.items() if count}


def step_text(state: RunState, number: int) -> str:
    """A step as the configuration writes it; "" before the first."""
    return state.plan.steps[number].text if 0 <= number < len(state.plan.steps) else ""


def took(began: float | None, ended: float | None) -> float | None:
    """Seconds; None when one end is missing. A clock that was put back meanwhile makes it none."""
    return None if began is None or ended is None else max(0.0, ended - began)


def merged(host: HostRun, key: str) -> tuple[str, ...]:
    """All lines of a fact over all steps of a host, each once."""
    return tuple(dict.fromkeys(line for result in host.results for line in facts.listed(result.facts, key)))


def packages(host: HostRun) -> tuple[facts.Package, ...]:
    """What became of the packages of a host, by name; of several tries the last one counts."""
    found: dict[str, facts.Package] = {}
    for result in host.results:
        for each in facts.packages(result.facts):
            former = found.get(each.name)
            if former is not None and former.outcome == "applied":
                continue
            found[each.name] = each
    return tuple(found[name] for name in sorted(found))


def configuration(state: RunState, host: HostRun) -> tuple[tuple[str, str], ...]:
    """Files that differ from the snapshot, as the last check saw them, and what explains each; "" where nothing does."""
    checks = [each.facts for each in host.results if step_text(state, each.step) == StepKind.CHECK]
    if not checks:
        return ()
    planned = [(file, why or "planned") for file, why in facts.rows(checks[-1].get(facts.DRIFT_PLANNED, ""), 2)]
    return (*((file, "") for file in facts.listed(checks[-1], facts.DRIFT)), *planned)


def left(state: RunState, host: HostRun, key: str) -> tuple[str, ...]:
    """What a step left to do, under one of the keys of facts; of the configuration only what still differs."""
    if key == facts.DRIFT:
        return tuple(file for file, why in configuration(state, host) if not why)
    return merged(host, key)


def diffs(state: RunState) -> tuple[Diff, ...]:
    """Hosts grouped by identical changes, the largest group first."""
    groups: dict[tuple[facts.Package, ...], list[str]] = {}
    for host in in_order(state):
        if changed := packages(host):
            groups.setdefault(changed, []).append(host.host)
    found = [Diff(hosts=tuple(hosts), packages=changed) for changed, hosts in groups.items()]
    return tuple(sorted(found, key=lambda each: (-len(each.hosts), each.hosts)))


def cves(state: RunState) -> dict[str, tuple[str, ...]]:
    """CVE → hosts on which it was closed."""
    found: dict[str, list[str]] = {}
    for host in in_order(state):
        for cve in merged(host, facts.CVES):
            found.setdefault(cve, []).append(host.host)
    return {cve: tuple(found[cve]) for cve in sorted(found)}


def rebooted(host: HostRun) -> str:
    """ "yes", "no: …", or "" when there was no such step."""
    answers = [result.facts[facts.REBOOTED] for result in host.results if facts.REBOOTED in result.facts]
    return next((answer for answer in answers if answer.startswith("yes")), answers[-1] if answers else "")


def durations(state: RunState) -> tuple[Took, ...]:
    """What each step took, in the order of the steps."""
    found: dict[int, list[tuple[float, str]]] = {}
    for host in in_order(state):
        for result in host.results:
            seconds = _seconds(result)
            if seconds is not None:
                found.setdefault(result.step, []).append((seconds, host.host))
    rows = []
    for number in sorted(found):
        ordered = sorted(found[number])
        longest, slowest = ordered[-1]
        rows.append(
            Took(
                step=step_text(state, number),
                hosts=len(ordered),
                usual=ordered[math.ceil(len(ordered) / 2) - 1][0],
                longest=longest,
                slowest=slowest,
            )
        )
    return tuple(rows)


def peaks(state: RunState) -> tuple[Peak, ...]:
    """How many of the run's own hosts were away at once, at most, and how many were allowed."""
    budget, hosts = state.plan.budget, in_order(state)
    found = [Peak(what="all hosts", most=peak(hosts), limit=budget.fleet)]
    if budget.domain is not None:
        for name, members in _domains(state).items():
            most = peak([host for host in hosts if host.host in members])
            found.append(Peak(what=name, most=most, limit=budget.domain))
    return tuple(found)


def peak(hosts: Iterable[HostRun]) -> int:
    """Most hosts that were away at once. A failed one stays away; one ends before the next begins at the same moment."""
    events: list[tuple[float, int]] = []
    for host in hosts:
        if host.began is not None:
            events.append((host.began, 1))
            if host.ended is not None and host.stage is not Stage.FAILED:
                events.append((max(host.began, host.ended), -1))
    away = most = 0
    for _, step in sorted(events, key=lambda event: (event[0], event[1])):
        away += step
        most = max(most, away)
    return most


def of_stage(state: RunState, stages: Sequence[Stage]) -> tuple[HostRun, ...]:
    """Hosts that are there now."""
    return tuple(host for host in in_order(state) if host.stage in stages)


def _domains(state: RunState) -> Mapping[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for each in state.plan.hosts:
        for domain in each.domains:
            found.setdefault(domain, set()).add(each.host)
    return {name: frozenset(found[name]) for name in sorted(found)}


def _seconds(result: StepResult) -> float | None:
    return result.ended - result.began if result.good and 0 < result.began <= result.ended else None
