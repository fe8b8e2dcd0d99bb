"""The proof step: nothing is changed on a host before its backup was proven to come back, unless a person says why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from backends.errors import BadInput
from backends.maintenance import facts
from backends.maintenance.proof import Copy, Demand, Verdict, demanded, judged
from backends.maintenance.steps.token import is_reason, packed
from backends.maintenance.worker import Look, Place, Told


class Proving(Protocol):
    """The backups of the engine, as far as this step needs them."""

    def copies(self, host: str, set: str) -> Sequence[Copy]:
        """That set of the host in each of its repositories. Raises SwarmError."""

    def usual_seconds(self) -> float:
        """How old a proof may be where a step does not say."""

    def now(self) -> float:
        """Epoch seconds."""


class ProofWorker:
    """Changes nothing and asks no host: the catalog knows."""

    def __init__(self, backups: Proving):
        self._backups = backups

    def begin(self, place: Place) -> str:
        """Only that there is something to prove. Raises SwarmError."""
        demand, host = demanded(place.step.argument), place.host.host
        if not self._backups.copies(host, demand.set):
            hint = f"give it a repository under [backups], or leave {place.step.text} out"
            raise BadInput(
                f"nothing is backed up as {demand.set!r} there", host=host, action=place.step.text, hint=hint
            )
        return packed(set=demand.set)

    def look(self, place: Place, token: str) -> Look:
        """Good, or a question."""
        found = self._verdict(place, demanded(place.step.argument))
        if found.good:
            return Look(told=Told.DONE, text=found.text, facts={facts.PROOF: f"{found.proven or 0.0:.0f}"})
        if is_reason(place.reason):
            return Look(told=Told.DONE, text=f"{found.text}; overruled", facts={facts.OVERRULED: place.reason})
        hint = f"{found.hint}, then retry; or answer with a reason of at least ten letters: it goes on without"
        return Look(told=Told.ASKING, state="not proven", text=found.text, hint=hint)

    def output(self, place: Place, token: str) -> str:
        """Each repository in a line."""
        demand = demanded(place.step.argument)
        return "\n".join(
            judged(place.host.host, demand.set, [each], self._limit(demand), self._backups.now()).text
            for each in self._backups.copies(place.host.host, demand.set)
        )

    def _verdict(self, place: Place, demand: Demand) -> Verdict:
        host = place.host.host
        copies = self._backups.copies(host, demand.set)
        return judged(host, demand.set, copies, self._limit(demand), self._backups.now())

    def _limit(self, demand: Demand) -> float:
        return self._backups.usual_seconds() if demand.seconds is None else demand.seconds
