"""The health gate after maintenance: the host is looked at and compared with how it stood before the run touched it.

What was ill before and still is is no reason to hold a host back; what is new, graver or out of sight is. A host that has
just booted gets a while in which its services come up and its meters fill.
"""

from __future__ import annotations

from typing import Protocol

from backends.checks.health_views import DifferenceView, HostHealth
from backends.errors import BadInput
from backends.maintenance.drift_plan import Drift
from backends.maintenance.model import StepKind
from backends.maintenance.steps import booted, drifted
from backends.maintenance.steps.healthy import incomparable, judged
from backends.maintenance.steps.token import packed, unpacked
from backends.maintenance.worker import Look, Place, Told
from backends.updates.model import RebootNeed

SETTLE_SECONDS = 180.0
"""After the first look a difference may still go away by itself."""
AGAIN_SECONDS = 20.0
"""Between two looks meanwhile."""


class Checking(Protocol):
    """The health checks of the engine, as far as this step needs them."""

    def before(self, run: str, host: str) -> float:
        """Epoch seconds of how a host stood before this run changed anything there."""

    def run(self, host: str) -> None:
        """Look at it now, slowly and thoroughly; nothing when somebody does already."""

    def row(self, host: str) -> HostHealth:
        """How it stands."""

    def difference(self, host: str, before: float, rebooted: bool) -> DifferenceView:
        """What changed since. Raises BadInput: nothing is known from before; RetryLater."""

    def boot(self, host: str) -> RebootNeed:
        """What runs and what the next boot would bring, asked now. Raises SwarmError."""

    def planned_kernel(self, run: str, host: str) -> str:
        """The kernel that the last reboot of this run there was to bring; "": there was none."""

    def drift(self, run: str, host: str) -> Drift:
        """How its configuration differs from the run's own snapshot, or why that is not known."""

    def now(self) -> float:
        """Epoch seconds."""


class CheckWorker:
    """Changes nothing, so a look that was lost is simply taken again."""

    def __init__(self, checks: Checking):
        self._checks = checks

    def begin(self, place: Place) -> str:
        """Look at the host. The token holds when, and the time of the look before."""
        host = place.host.host
        asked = self._checks.now()
        before = self._checks.before(place.run.id, host)
        self._checks.run(host)
        return packed(asked=asked, before=before)

    def look(self, place: Place, token: str) -> Look:
        """The verdict, once there is one. Raises RetryLater, BadInput."""
        known = unpacked(token)
        asked, host = float(known["asked"]), place.host.host
        row, now = self._checks.row(host), self._checks.now()
        if row.time is None or row.time < asked:
            return self._waiting(row, asked, now)
        try:
            found = self._checks.difference(host, float(known["before"]), _reboots(place)).difference
        except BadInput as error:
            return self._as_planned(incomparable(error, place.reason), place)
        look = judged(found, place.reason)
        if look.told is not Told.DONE and now - asked < SETTLE_SECONDS:
            if now - row.time >= AGAIN_SECONDS:
                self._checks.run(host)
            return Look(told=Told.GOING, state="settling", text=look.text, eta=asked + SETTLE_SECONDS)
        return self._as_planned(look, place)

    def _as_planned(self, look: Look, place: Place) -> Look:
        """The verdict with what the plan says of kernel and driver, and of the configuration."""
        run, host = place.run.id, place.host.host
        if booted.wanted(place):
            look = booted.with_boot(look, place, self._checks.boot(host), self._checks.planned_kernel(run, host))
        return drifted.with_drift(look, place, self._checks.drift(run, host)) if _snapshot(place) else look

    def output(self, place: Place, token: str) -> str:
        """What is worst on the host."""
        return self._checks.row(place.host.host).worst

    def _waiting(self, row: HostHealth, asked: float, now: float) -> Look:
        if not row.busy and now - max(asked, row.tried or 0.0) >= AGAIN_SECONDS:
            self._checks.run(row.host)
        text = row.error if row.error and (row.tried or 0.0) >= asked else "being looked at"
        return Look(told=Told.GOING, state="looking", text=text, hint=row.hint)


def _reboots(place: Place) -> bool:
    """A step before this one was to reboot it."""
    kinds = [step.kind for step in place.run.steps[: place.number]]
    return StepKind.REBOOT in kinds or StepKind.REBOOT_IF_NEEDED in kinds


def _snapshot(place: Place) -> bool:
    return any(step.kind is StepKind.SNAPSHOT for step in place.run.steps[: place.number])
