"""What would happen, told before anything starts: the plan, its order and times, who is drained, and what is against it."""

from __future__ import annotations

from collections.abc import Sequence

from backends.maintenance.model import RunPlan, Scheduler
from backends.metrics.sample import Record
from backends.states import Severity
from backends.updates.model import ChangeSet


class Finding(Record, frozen=True, kw_only=True):
    """One thing that a person should know before it starts."""

    kind: str
    """"budget", "window", "blackout", "drained", "scheduler", "unreachable", "python", "sudo", "updates", "gate",
    "backup", "proof", "read-only", "approvals", "held", "plan", "hosts", "estimate", "alerts"."""
    severity: Severity
    """CRITICAL: it may not start like this (red). WARNING: worth a look. UNKNOWN: it could not be told."""
    text: str
    """One sentence."""
    hint: str = ""
    """What to do about it."""
    hosts: tuple[str, ...] = ()
    """Whom it concerns; empty: the run as a whole."""


class DryHost(Record, frozen=True, kw_only=True):
    """One host, in the order in which it would be taken."""

    host: str
    order: int
    """From 1."""
    batch: int
    """From 0, as in the plan."""
    canary: bool = False
    kind: str = ""
    domains: tuple[str, ...] = ()
    scheduler: Scheduler = "none"
    drains: bool = False
    """It would be taken out of its scheduler by this run."""
    prior: str = ""
    """Who has drained it already, and why ("alice: fan"); the run leaves it out then."""
    jobs: int | None = None
    """Jobs that run on it now; None: not known, or there is no scheduler."""
    wait_seconds: float | None = None
    """How long the longest of them has left."""
    changes: int | None = None
    """Packages that would change; None: no update step, or not known."""
    reboot: bool | None = None
    estimate_p50: float | None = None
    """Seconds from its begin to its end, jobs waited for included; None: nothing is known."""
    estimate_p90: float | None = None
    begins: float | None = None
    """Seconds after the start of the run, when all before it take their usual time (p50)."""
    ends: float | None = None
    out: str = ""
    """Why the run could not do it as things are: out of service, no room in the budget, something it would fail by; it has no
    times then."""
    severity: Severity = Severity.OK
    """The worst of what is said of it."""
    findings: tuple[str, ...] = ()
    """That, one sentence each, the worst first."""


class DryRun(Record, frozen=True, kw_only=True):
    """A plan that was worked out and not started."""

    plan: RunPlan
    composed: float
    """Epoch seconds."""
    rows: tuple[DryHost, ...] = ()
    sets: tuple[ChangeSet, ...] = ()
    """Hosts grouped by identical updates ("41 hosts: the same 17 packages"), the largest group first."""
    findings: tuple[Finding, ...] = ()
    """The worst first."""
    total_p50: float | None = None
    """Seconds from the start to the end of the last host, soaks included; None: nothing is known about some step, or no host
    could be done."""
    total_p90: float | None = None
    fits: int | None = None
    """So many hosts would begin before the window is over; None: there is no window, no estimate, or no host could be done."""
    unavailable: tuple[str, ...] = ()
    """Hosts that are down or drained by others now and eat the budget, of the run or not."""
    headroom: int = 0
    """How many hosts could be taken at once right now."""
    window: str = ""
    """In words; "" without one."""
    window_start: float | None = None
    approvals_by: tuple[str, ...] = ()
    """Tags that ask for an approval."""

    @property
    def red(self) -> bool:
        """It may not start."""
        return any(each.severity is Severity.CRITICAL for each in self.findings)

    @property
    def idle(self) -> str:
        """Why no host at all could be done as things are; "" when one could."""
        if not self.rows or any(not row.out for row in self.rows):
            return ""
        reasons = list(dict.fromkeys(row.out for row in self.rows))
        return "; ".join(reasons[:2]) + (f" and {len(reasons) - 2} more reasons" if len(reasons) > 2 else "")

    @property
    def drained(self) -> tuple[str, ...]:
        """Hosts that the run takes out of a scheduler, in order."""
        return tuple(row.host for row in self.rows if row.drains)


def worst(findings: Sequence[Finding]) -> Severity:
    """Of all of them; OK when there is none."""
    return max((each.severity for each in findings), key=lambda severity: severity.rank, default=Severity.OK)
