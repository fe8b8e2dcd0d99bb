"""Which maintenance run has which host, as every row of the fleet shows it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:  # rows are made from the first second on, maintenance runs come later
    from collections.abc import Collection, Iterable, Mapping

    from backends.maintenance.model import HostRun, RunState

_WORDS = {"needs-operator": "asks", "failed-held": "failed"}
_KINDS = {"reboot-if-needed": "reboot"}


class RunMark(NamedTuple):
    """The run that has a host."""

    run: str = ""
    """Id and name: "r-20261126-1 monthly-patch"."""
    stage: str = ""
    """What it does there, in a word of at most eight letters."""


FREE = RunMark()
"""No run has the host."""


def marks(held: Mapping[str, str], runs: Iterable[RunState], damaged: Collection[str] = ()) -> dict[str, RunMark]:
    """Host → its mark. `held`: host → the run that has it; `damaged`: runs whose journal cannot be believed."""
    known = {run.plan.id: run for run in runs}
    found = {}
    for host, run in held.items():
        state = known.get(run)
        if run in damaged:
            found[host] = RunMark(run, "damaged")
        elif state is not None and host in state.hosts:
            found[host] = RunMark(f"{run} {state.plan.name}".rstrip(), _word(state, state.hosts[host]))
    return found


def _word(state: RunState, host: HostRun) -> str:
    if host.stage == "working" and 0 <= host.step < len(state.plan.steps):
        kind = str(state.plan.steps[host.step].kind)
        return _KINDS.get(kind, kind)
    return _WORDS.get(host.stage, str(host.stage))
