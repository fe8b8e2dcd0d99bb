"""Two health results of one host: what maintenance made worse, what it cured, what is no longer known. The gate after it."""

from __future__ import annotations

from backends.checks.health_catalogue import HealthResult
from backends.checks.health_finding import Finding
from backends.metrics.sample import Record
from backends.states import Severity

FRESH = frozenset(("H21",))
"""Checks that a reboot itself sets off: "it was rebooted" is no reason to keep a host back that was to be rebooted."""


class Change(Record, frozen=True, kw_only=True):
    """One finding before and after."""

    check: str
    object: str = ""
    before: Finding | None = None
    after: Finding | None = None


class Difference(Record, frozen=True, kw_only=True):
    """What changed between two results, the worst first."""

    worse: tuple[Change, ...] = ()
    """New or graver problems."""
    unseen: tuple[Change, ...] = ()
    """Judged before, UNKNOWN or no longer told now."""
    better: tuple[Change, ...] = ()
    """Cured or milder."""
    same: tuple[Change, ...] = ()
    """Problems that were there before and are still."""

    @property
    def passes(self) -> bool:
        """The host may be given back: nothing is worse, nothing has gone out of sight."""
        return not self.worse and not self.unseen


def difference(before: HealthResult, after: HealthResult, *, rebooted: bool = False) -> Difference:
    """Compare two results.

    Args:
        before: when the host was taken out.
        after: now.
        rebooted: it was meant to be: that it was is then nothing worse.
    """
    old = {(one.check, one.object): one for one in before.findings}
    new = {(one.check, one.object): one for one in after.findings}
    sides: dict[str, list[Change]] = {"worse": [], "unseen": [], "better": [], "same": []}
    for check, thing in sorted({*old, *new}):
        change = Change(check=check, object=thing, before=old.get((check, thing)), after=new.get((check, thing)))
        if rebooted and check in FRESH and thing == "reboot":
            continue
        side = _side(change, check in {one.check for one in after.findings})
        if side:
            sides[side].append(change)
    return Difference(**{side: tuple(sorted(found, key=_rank)) for side, found in sides.items()})


def _side(change: Change, still_told: bool) -> str:
    before = change.before.severity if change.before else Severity.OK
    after = change.after.severity if change.after else None
    if after is None:
        # A thing of its own that is gone (a GPU, a mount) was told of by a check that says so; a whole check that is gone was not.
        if not still_told:
            return "unseen"
        return "better" if before in (Severity.WARNING, Severity.CRITICAL) else ""
    if after is Severity.UNKNOWN:
        return (
            "unseen"
            if before is not Severity.UNKNOWN and change.before is not None
            else ""
            if change.before
            else "unseen"
        )
    if after in (Severity.WARNING, Severity.CRITICAL):
        known = before in (Severity.WARNING, Severity.CRITICAL)
        if not known or after.rank > before.rank:
            return "worse"
        return "better" if after.rank < before.rank else "same"
    return "better" if before in (Severity.WARNING, Severity.CRITICAL) else ""


def _rank(change: Change) -> tuple[int, str, str]:
    finding = change.after or change.before
    return -(finding.severity.rank if finding else 0), change.check, change.object
