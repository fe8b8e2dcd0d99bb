"""The health gate after maintenance: the host is looked at and compared with how it stood before the run touched it.

What was ill before and still is is no reason to hold a host back; what is new, graver or out of sight is. A host that has
just booted gets a while in which its services come up and its meters fill.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec.structs import replace

from backends.checks.health_difference import Change, Difference
from backends.checks.health_views import DifferenceView, HostHealth
from backends.errors import BadInput, RetryLater, SkipHost
from backends.maintenance import facts
from backends.maintenance.drift_plan import Drift
from backends.maintenance.model import StepKind
from backends.maintenance.steps import booted, drifted
from backends.maintenance.steps.token import is_reason, packed, unpacked
from backends.maintenance.worker import Look, Place, Told
from backends.states import Severity
from backends.updates.model import RebootNeed

SETTLE_SECONDS = 180.0
"""After the first look a difference may still go away by itself."""
AGAIN_SECONDS = 20.0
"""Between two looks meanwhile."""
STRICT = frozenset(
    (
        "XID",
        "G01",
        "G02",
        "G03",
        "G04",
        "G18",
        "G20",
        "G22",
        "G28",
        "N01",
        "N05",
        "N08",
        "N10",
        "H05",
        "H06",
        "H12",
        "H15",
        "H20",
    )
)
"""Checks of which a new warning is enough: the set of GPUs, the driver, links, memory, mounts, arrays, units."""
MOST = 40
_SHOWN = 4


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
        """How its configuration differs from the run's own snapshot. Raises SwarmError: a side cannot be had."""

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
            return self._as_planned(_incomparable(error, place.reason), place)
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
        return self._with_drift(look, place) if _snapshot(place) else look

    def _with_drift(self, look: Look, place: Place) -> Look:
        try:
            drift = self._checks.drift(place.run.id, place.host.host)
        except (BadInput, RetryLater, SkipHost) as error:
            return replace(look, text=f"{look.text}; whether its configuration differs is not known: {error.message}")
        return drifted.with_drift(look, place, drift)

    def output(self, place: Place, token: str) -> str:
        """What is worst on the host."""
        return self._checks.row(place.host.host).worst

    def _waiting(self, row: HostHealth, asked: float, now: float) -> Look:
        if not row.busy and now - max(asked, row.tried or 0.0) >= AGAIN_SECONDS:
            self._checks.run(row.host)
        text = row.error if row.error and (row.tried or 0.0) >= asked else "being looked at"
        return Look(told=Told.GOING, state="looking", text=text, hint=row.hint)


def judged(found: Difference, reason: str = "") -> Look:
    """What a difference comes to: done, failed, or a question."""
    grave = [each for each in found.worse if _grave(each)]
    mild = [each for each in found.worse if not _grave(each)]
    values = _facts(found, mild)
    overruled = is_reason(reason)
    if (grave or found.unseen) and overruled:
        text = f"overruled: {reason}"
        return Look(told=Told.DONE, text=text, facts=values | {facts.OVERRULED: reason})
    if grave:
        hint = "cure it and retry; skip leaves the host as it is, drained"
        return Look(told=Told.FAILED, text=f"worse than before: {_said(grave)}", hint=hint, facts=values)
    if found.unseen:
        hint = "retry, or answer with a reason of at least ten letters: it is then given back all the same"
        return Look(told=Told.ASKING, state="not known", text=f"not known any more: {_said(found.unseen)}", hint=hint)
    text = f"as before, {len(found.better)} better" if found.better else "as before"
    return Look(told=Told.DONE, text=f"{text}; {len(mild)} new warnings" if mild else text, facts=values)


def _incomparable(error: BadInput, reason: str) -> Look:
    """It was never looked at before: only a person can say whether it is as it was."""
    if is_reason(reason):
        return Look(told=Told.DONE, text=f"overruled: {reason}", facts={facts.OVERRULED: reason})
    hint = "look at it, then answer with a reason of at least ten letters, or skip it"
    return Look(told=Told.ASKING, state="not known", text=f"cannot be compared: {error.message}", hint=hint)


def _grave(change: Change) -> bool:
    after = change.after.severity if change.after else Severity.UNKNOWN
    return after is Severity.CRITICAL or change.check in STRICT


def _reboots(place: Place) -> bool:
    """A step before this one was to reboot it."""
    kinds = [step.kind for step in place.run.steps[: place.number]]
    return StepKind.REBOOT in kinds or StepKind.REBOOT_IF_NEEDED in kinds


def _snapshot(place: Place) -> bool:
    return any(step.kind is StepKind.SNAPSHOT for step in place.run.steps[: place.number])


def _said(changes: Sequence[Change]) -> str:
    words = [_text(each) for each in changes[:_SHOWN]]
    return "; ".join(words) + (f" and {len(changes) - _SHOWN} more" if len(changes) > _SHOWN else "")


def _text(change: Change) -> str:
    shown = change.after or change.before
    return (shown and shown.text) or f"{change.check} {change.object}".strip()


def _facts(found: Difference, mild: Sequence[Change]) -> dict[str, str]:
    rows = [
        (f"{each.check} {each.object}".strip(), _word(each.before), _word(each.after), _verdict(each, side))
        for side in ("worse", "unseen", "better")
        for each in getattr(found, side)
    ]
    values = {
        facts.GATE: facts.written(rows[:MOST]),
        facts.WARNINGS: facts.written((_text(each),) for each in mild),
    }
    return {key: value for key, value in values.items() if value}


def _word(finding: object) -> str:
    return str(getattr(finding, "text", "")) if finding is not None else ""


def _verdict(change: Change, side: str) -> str:
    if side == "better":
        return "ok"
    return "unknown" if side == "unseen" else "critical" if _grave(change) else "warning"
