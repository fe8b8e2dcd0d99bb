"""The plans of a fleet: made side by side on all hosts, kept as files that a person can read, found again by their id."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from backends import paths
from backends.clock import Clock, utc
from backends.errors import BadInput, SwarmError
from backends.updates import plan
from backends.updates.model import HostPlan, Plan, Selection
from backends.updates.workers import Workers, gather

PLAN_SECONDS = 300.0
"""Until the slowest host of a plan has answered; later ones stand in the plan with an error."""
CONCURRENT_HOSTS = 32
SHORT_HASH = 12
"""Digits of a plan's hash that a person names."""
MOST_PLANS = 200
"""Kept; the oldest go first, but never one that is carried out."""


class Plans:
    """Makes plans and remembers them, in `folder` when there is one."""

    def __init__(
        self,
        folder: Path | None,
        clock: Clock,
        on_bug: Callable[[str, Exception], None],
        needed: Callable[[], Collection[str] | None] = frozenset,
    ):
        """`needed`: ids that are not forgotten however old they are; None: not known yet, then none is."""
        self._needed = needed
        self._folder = paths.private_dir(folder) if folder else None
        self._clock, self._on_bug = clock, on_bug
        self._workers = Workers(CONCURRENT_HOSTS, "plan")
        self._known: dict[str, Plan] = {}

    def stop(self) -> None:
        """Begin nothing more."""
        self._workers.stop()

    def make(self, makers: Mapping[str, Callable[[], HostPlan]], selection: Selection, who: str) -> Plan:
        """One plan out of what each host's maker gives. Raises BadInput for no hosts at all."""
        if not makers:
            raise BadInput("no host is meant", action="make a plan")
        answers = gather(self._workers, makers, PLAN_SECONDS, self._on_bug)
        hosts = [
            _failed(host, answer) if isinstance(answer, SwarmError) else answer for host, answer in answers.items()
        ]
        now = self._clock.now()
        made = plan.build(new_id(now), now, who, selection, hosts)
        self._keep(made)
        return made

    def of(self, plan_id: str) -> Plan:
        """A plan made earlier. Raises BadInput."""
        if plan_id not in self._known:
            file = self._file(plan_id)
            if file is None or not file.exists():
                raise BadInput(f"no such plan: {plan_id}", action="read a plan", hint="swarm-tui updates plan SELECTOR")
            self._known[plan_id] = plan.decode(file.read_bytes(), f"plan {plan_id}")
        return self._known[plan_id]

    def approved(self, plan_id: str, named: str) -> Plan:
        """A plan whose hash, or the first digits of it, is named as approval. Raises BadInput for any other."""
        made = self.of(plan_id)
        if len(named) < SHORT_HASH or not made.hash.startswith(named):
            raise BadInput(
                f"the approval names {named[:SHORT_HASH] or 'nothing'}, the plan is {made.hash[:SHORT_HASH]}",
                action="start an update",
                hint="look at the plan again and approve its hash",
            )
        return made

    def take(self, data: bytes, place: str) -> Plan:
        """A plan from a file that somebody brings. Raises BadInput when it is none or was changed."""
        made = plan.decode(data, place)
        self._keep(made)
        return made

    def _keep(self, made: Plan) -> None:
        self._known[made.id] = made
        file = self._file(made.id)
        if file is None:
            return
        try:
            paths.write_atomic(file, plan.encode(made))
        except OSError as error:
            raise BadInput(f"the plan cannot be kept: {error.strerror}", action=f"write {file}") from error
        self._forget(file.parent)

    def _forget(self, folder: Path) -> None:
        old = sorted(folder.glob("*.json"))[:-MOST_PLANS]  # the names begin with the time
        needed = self._needed() if old else None
        if needed is None:
            return
        for file in old:
            if file.stem not in needed:
                file.unlink(missing_ok=True)
                self._known.pop(file.stem, None)

    def _file(self, plan_id: str) -> Path | None:
        if not plan_id or not all(letter.isalnum() or letter in "-_" for letter in plan_id):
            raise BadInput(f"not a plan id: {plan_id[:60]!r}")
        return self._folder / f"{plan_id}.json" if self._folder else None


def new_id(now: float) -> str:
    """Sorts by time and does not come twice: 20261125-230112-3fa9c1."""
    return f"{utc(now):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"


def _failed(host: str, error: SwarmError) -> HostPlan:
    return HostPlan(host=host, manager="", error=error.message + (f" — {error.hint}" if error.hint else ""))
