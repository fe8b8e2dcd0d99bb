"""Small questions to the state of a run: what is over, what is away, who has failed, which place comes next. Pure."""

from __future__ import annotations

import hashlib

from backends.maintenance.model import OVER, HostPlan, HostRun, RunState, Stage
from backends.maintenance.worker import Place

KEY_WIDTH = 80
"""Of a host's name within a key; units on hosts are named after it."""


def step_over(host: HostRun) -> bool:
    """The step that it is in came to a good end."""
    return bool(host.results) and host.results[-1].step == host.step and host.results[-1].good


def taken(host: HostRun) -> bool:
    """Taken by the run and not given back: in work, asking, failed, or begun and then left as it is."""
    if host.stage is Stage.SKIPPED:
        return host.step >= 0
    return host.stage in (Stage.WORKING, Stage.ASKING, Stage.FAILED)


def has_failed(host: HostRun) -> bool:
    """It failed and did not recover; that somebody left it as it is changes nothing about that."""
    if host.stage is Stage.SKIPPED:
        return bool(host.results) and not host.results[-1].good
    return host.stage is Stage.FAILED


def failed(state: RunState) -> tuple[str, ...]:
    """Names of the hosts that count as failed, in the order of the plan."""
    return tuple(name for name, host in state.hosts.items() if has_failed(host))


def everybody_over(state: RunState) -> bool:
    """No host is left."""
    return all(host.stage in OVER for host in state.hosts.values())


def person(who: str) -> str:
    """Whoever acts, wherever they sit: "alice from 10.0.0.7" is alice."""
    return who.partition(" from ")[0].strip()


def step_key(run: str, host: str, step: int, attempt: int) -> str:
    """What this attempt at this step is called for ever: letters, digits, - and _."""
    safe = "".join(each if each.isascii() and (each.isalnum() or each in "-_") else "_" for each in host)
    if safe != host or len(safe) > KEY_WIDTH:
        safe = f"{safe[:KEY_WIDTH]}_{hashlib.sha256(host.encode()).hexdigest()[:8]}"
    return f"{run}-{safe}-{step}-{attempt}"


def place_of(state: RunState, plan: HostPlan) -> Place:
    """Where this host is, for the worker of its step."""
    host = state.hosts[plan.host]
    return Place(
        run=state.plan,
        host=plan,
        number=host.step,
        step=state.plan.steps[host.step],
        key=host.key,
        tokens=host.tokens,
        reason=host.reason,
    )


def named(names: tuple[str, ...], most: int = 5) -> str:
    """Some hosts in a sentence: "a, b and 3 more"."""
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


def summary(state: RunState) -> str:
    """The run in numbers: "7 done, 1 failed"."""
    counted = [
        (sum(host.stage is Stage.DONE for host in state.hosts.values()), "done"),
        (len(failed(state)), "failed"),
        (sum(host.stage is Stage.SKIPPED and not has_failed(host) for host in state.hosts.values()), "skipped"),
    ]
    return ", ".join(f"{count} {word}" for count, word in counted if count) or "no hosts"
