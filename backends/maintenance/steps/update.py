"""The update step: this host's part of the approved plan, followed to the truth about it."""

from __future__ import annotations

from typing import Protocol

from backends.errors import BadInput
from backends.maintenance import facts
from backends.maintenance.steps.token import job_id, packed, unpacked
from backends.maintenance.worker import Look, Place, Told
from backends.updates.model import HostPlan, Outcome, PackageResult, Stage
from backends.updates.runs import Board, BoardHost

NOTHING = "nothing"
_DRIFT = "something else than was approved"
"""Words of the refusal that a plan's drift is told with (`updates.apply`)."""


class Applying(Protocol):
    """The updates of the engine, as far as this step needs them."""

    def planned(self, plan: str, host: str) -> HostPlan | None:
        """This host's part of a plan; None: it has none. Raises BadInput: there is no such plan."""

    def find(self, run: str) -> Board | None:
        """The run of that id, if it was begun."""

    def start(self, plan: str, hash: str, who: str, host: str, run: str, group: str) -> Board:
        """Begin it, unless it was begun under that id; it belongs to the maintenance run `group`. Raises SwarmError."""

    def again(self, host: str, plan: HostPlan, who: str) -> tuple[str, str]:
        """Plan anew what that part of a plan changes; id and hash. Raises SwarmError."""

    def log(self, run: str, host: str) -> str:
        """What it printed. Raises SwarmError."""


class UpdateWorker:
    """Each key is one run of updates on one host."""

    def __init__(self, updates: Applying):
        self._updates = updates

    def begin(self, place: Place) -> str:
        """Start the run, or find it started. Raises SwarmError."""
        run, host = job_id(place.key), place.host.host
        if self._updates.find(run) is not None:
            return packed(run=run)
        plan, digest = place.run.update_plan, place.run.update_hash
        part = self._updates.planned(plan, host) if plan else None
        if part is not None and part.error:
            raise BadInput(
                f"no update was planned for it: {part.error}", host=host, hint="skip it, or compose the run anew"
            )
        if part is None or not part.changes:
            return packed(run=NOTHING)
        if place.reason:  # somebody saw what is different and wants what would be done now
            plan, digest = self._updates.again(host, part, place.run.who)
            again = self._updates.planned(plan, host)
            if again is None or not again.changes:
                return packed(run=NOTHING)
        self._updates.start(plan, digest, place.run.who, host, run, place.run.id)
        return packed(run=run)

    def look(self, place: Place, token: str) -> Look:
        """How far the board says it is."""
        run = str(unpacked(token)["run"])
        if run == NOTHING:
            return Look(told=Told.DONE, text="nothing to update", facts={facts.PACKAGES_PLANNED: "0"})
        board = self._updates.find(run)
        host = next((each for each in board.hosts if each.host == place.host.host), None) if board else None
        if host is None:
            text = f"the record of its update {run} is gone"
            return Look(told=Told.FAILED, text=text, hint="swarm-tui updates list shows what waits there; then retry")
        if host.outcome is None:
            return going(host)
        planned = self._updates.planned(board.plan_id, host.host) if board else None
        return ended(host.outcome, planned, place.reason)

    def output(self, place: Place, token: str) -> str:
        """What the package manager printed."""
        run = str(unpacked(token)["run"])
        if run == NOTHING:
            return ""
        if self._updates.find(run) is None:
            raise BadInput(
                "what it printed is not kept any more", host=place.host.host, hint="the report tells what it changed"
            )
        return self._updates.log(run, place.host.host)


def going(host: BoardHost) -> Look:
    """A host that is being updated."""
    progress = host.progress
    done = progress.done / progress.planned if progress.planned and host.stage is Stage.APPLYING else None
    count = f"{progress.done} of {progress.planned}" if done is not None else ""
    held = f"{progress.holder.command} holds the lock" if progress.holder else ""
    parts = (progress.current, count, held, "" if held else host.text)
    return Look(told=Told.GOING, state=str(host.stage), text=", ".join(filter(None, parts)), done=done)


def ended(outcome: Outcome, planned: HostPlan | None, reason: str = "") -> Look:
    """The truth about one host's update, as the end of its step."""
    found = _facts(outcome, planned) | ({facts.OVERRULED: reason} if reason else {})
    count = f"{outcome.applied} of {len(outcome.results)} packages"
    if outcome.stage is Stage.DONE:
        return Look(told=Told.DONE, text=f"{count} updated", facts=found)
    why = "; ".join(outcome.problems) or _unfinished(outcome.results) or str(outcome.stage)
    if outcome.stage is Stage.REFUSED and _DRIFT in why:
        hint = "answer to apply what it would do now, retry after a look at its mirrors, or skip it"
        return Look(told=Told.ASKING, state="drifted", text=why, hint=hint, facts=found)
    text = f"{count}; {why}" if outcome.stage is Stage.PARTIAL else f"update {outcome.stage}: {why}"
    return Look(told=Told.FAILED, text=text, hint=_hint(outcome), facts=found)


def _hint(outcome: Outcome) -> str:
    if outcome.repairs:
        return f"swarm-tui updates repair {outcome.host} {outcome.repairs[0]}, then retry"
    return f"swarm-tui updates list {outcome.host} shows what is left; cure it, then retry or skip"


def _unfinished(results: tuple[PackageResult, ...]) -> str:
    left = [f"{each.name} {each.outcome}" for each in results if each.outcome != "applied"]
    return ", ".join(left[:5]) + (f" and {len(left) - 5} more" if len(left) > 5 else "")


def _facts(outcome: Outcome, planned: HostPlan | None) -> dict[str, str]:
    before = {change.name: change.installed for change in planned.changes} if planned else {}
    applied = {each.name for each in outcome.results if each.outcome == "applied"}
    closed = {cve for change in planned.changes if change.name in applied for cve in change.cves} if planned else set()
    rows = [(each.name, before.get(each.name, ""), each.found, each.outcome) for each in outcome.results]
    values = {
        facts.PACKAGES: facts.written(rows),
        facts.PACKAGES_PLANNED: str(len(planned.changes) if planned else len(outcome.results)),
        facts.CVES: facts.written((cve,) for cve in sorted(closed)),
        facts.LEFTOVERS: facts.written((each,) for each in outcome.leftovers),
        facts.EXIT_STATUS: "" if outcome.exit_status is None else str(outcome.exit_status),
        facts.OUTPUT: outcome.tail if outcome.stage is not Stage.DONE else "",
    }
    return {key: value for key, value in values.items() if value}
