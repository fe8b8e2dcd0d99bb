"""How long things take, by what they took in earlier runs. Where nothing is known the answer is None, never a guess."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from backends.maintenance import facts
from backends.maintenance.fleet import FleetHost
from backends.maintenance.model import RunState, Stage, Step, StepKind, StepResult
from backends.maintenance.steps_text import REBOOTS
from backends.metrics.sample import Record

MOST = 200
"""Newest durations that count for one thing; what is older was another fleet."""
FREE = frozenset({StepKind.GATE, StepKind.PROOF})
"""A person takes the time that a person takes, and a look into the catalog none; an unknown one is not counted."""


class Estimate(Record, frozen=True, kw_only=True):
    """A duration in seconds, from `count` earlier ones."""

    p50: float
    p90: float
    count: int = 1


NOTHING = Estimate(p50=0.0, p90=0.0, count=0)
"""It takes no time worth counting."""

Key = tuple[str, str]
"""Kind of host ("" for all), what is done."""


class History:
    """Durations of steps that went well, by kind of host."""

    def __init__(self, runs: Iterable[RunState] = ()):
        self._found: dict[Key, list[float]] = defaultdict(list)
        for run in sorted(runs, key=lambda each: (each.ended or 0.0, each.plan.id)):
            self._read(run)

    def step(self, kind: str, step: Step) -> Estimate | None:
        """What that step takes on a host of that kind; on any host when none of the kind ever did it."""
        names = [_name(step)] if step.kind is not StepKind.UPDATE else [_name(step), str(step.kind)]
        for name in names:
            for who in (kind, ""):
                if durations := self._found.get((who, name)):
                    return estimate(durations[-MOST:])
        return None

    def _read(self, run: RunState) -> None:
        kinds = {host.host: host.kind for host in run.plan.hosts}
        for name, host in run.hosts.items():
            for result in host.results if host.stage in (Stage.DONE, Stage.FAILED) else ():
                if result.good and 0 <= result.step < len(run.plan.steps) and _counts(result):
                    step = run.plan.steps[result.step]
                    for what in {_name(step), str(step.kind)}:
                        for who in (kinds.get(name, ""), ""):
                            self._found[who, what].append(result.ended - result.began)


def estimate(durations: Sequence[float]) -> Estimate:
    """The usual one and the one that nine of ten keep; at least one duration."""
    ordered = sorted(durations)
    return Estimate(p50=_rank(ordered, 0.5), p90=_rank(ordered, 0.9), count=len(ordered))


def of_host(
    history: History, kind: str, steps: Sequence[Step], host: FleetHost, changes: int | None, reboot: bool | None
) -> Estimate | None:
    """From begin to end of one host; None when nothing is known about one of its steps.

    Args:
        changes: packages that its update changes; None: not known.
        reboot: whether something will ask for a reboot; None: not known, then it is counted.
    """
    parts = [_of_step(history, kind, step, host, changes, reboot) for step in steps]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    return Estimate(
        p50=sum(part.p50 for part in known),
        p90=sum(part.p90 for part in known),
        count=min((part.count for part in known if part.count), default=0),
    )


def unknown_steps(
    history: History, kind: str, steps: Sequence[Step], host: FleetHost, changes: int | None, reboot: bool | None
) -> tuple[str, ...]:
    """The steps because of which `of_host` knows nothing."""
    return tuple(step.text for step in steps if _of_step(history, kind, step, host, changes, reboot) is None)


def by_kind(history: Sequence[RunState]) -> Mapping[str, float]:
    """Kind of host → p90 of what a whole host took, over all runs; for `World.estimates`."""
    found: dict[str, list[float]] = defaultdict(list)
    for run in sorted(history, key=lambda each: (each.ended or 0.0, each.plan.id)):
        for plan in run.plan.hosts:
            host = run.hosts.get(plan.host)
            if host is None or host.stage is not Stage.DONE or host.began is None or host.ended is None:
                continue
            if host.ended >= host.began:
                found[plan.kind].append(host.ended - host.began)
    return {kind: estimate(durations[-MOST:]).p90 for kind, durations in found.items()}


def _of_step(
    history: History, kind: str, step: Step, host: FleetHost, changes: int | None, reboot: bool | None
) -> Estimate | None:
    if step.kind is StepKind.DRAIN:
        return _drain(history, kind, step, host)
    if step.kind is StepKind.UPDATE and changes == 0:
        return NOTHING
    if step.kind is StepKind.REBOOT_IF_NEEDED and reboot is False:
        return NOTHING
    found = history.step(kind, step)
    return NOTHING if found is None and step.kind in FREE else found


def _drain(history: History, kind: str, step: Step, host: FleetHost) -> Estimate | None:
    """What the scheduler says of its jobs is better than what other hosts had to wait for."""
    standing = host.standing
    if standing.scheduler == "none" or standing.jobs == 0 or standing.drained:
        return NOTHING
    if standing.wait_seconds is not None:
        return Estimate(p50=standing.wait_seconds, p90=standing.wait_seconds)
    return history.step(kind, step)


def _name(step: Step) -> str:
    """A reboot takes as long whether it was needed or wished for; a question is not the same as another one."""
    return str(StepKind.REBOOT) if step.kind in REBOOTS else step.text


def _counts(result: StepResult) -> bool:
    """Whether it took a time at all: a clock that was put back, and a reboot that was not needed, tell nothing."""
    return result.ended >= result.began > 0 and not result.facts.get(facts.REBOOTED, "").startswith("no")


def _rank(ordered: Sequence[float], share: float) -> float:
    """Nearest rank."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
