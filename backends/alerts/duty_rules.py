"""Rules about what is owed: reboots and security updates that wait, targets that alerts do not reach. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from backends.alerts.model import RuleTimes
from backends.alerts.rules import Finding, Judge, Rule
from backends.alerts.subjects import Held, Subject
from backends.alerts.thresholds import found, nodata, short
from backends.states import Severity

DAY = 86_400.0
SOON_DAYS, LATE_DAYS = 7.0, 30.0
"""Days after which what waits is worth a note and a warning (default rule pack)."""
DELIVERY_SECONDS = 600.0
"""A target that fails for so long is told through the others (rule 13)."""

_CRITICAL, _WARNING, _OK = Severity.CRITICAL, Severity.WARNING, Severity.OK


# What waits ----------------------------------------------------------------------------------------------------------


def waits(subject: Subject) -> bool:
    """Whether anything waits at all."""
    pending = subject.pending
    return pending is not None and (pending.reboot_since is not None or pending.security_since is not None)


def _waits(attribute: str, days: float, before: float | None) -> Judge:
    """Longer than `days`; a note ends where the warning begins (`before`)."""

    def judge(subject: Subject, thing: str, held: Held) -> Finding:
        pending = subject.pending
        if pending is None or (attribute == "security_since" and pending.security is None):
            return nodata((pending.reason if pending is not None else "") or "not known")
        since = getattr(pending, attribute)
        if since is None:
            return found(_OK, None, "nothing waits")
        age = (subject.now - since) / DAY
        bad = age > days and (before is None or age <= before)
        what = "a reboot is required" if attribute == "reboot_since" else f"{pending.security} security updates wait"
        return found(_WARNING if bad else _OK, age, f"{what} for {short(subject.now - since)}")

    return judge


# Delivery ------------------------------------------------------------------------------------------------------------


def _failing(subject: Subject) -> Sequence[str]:
    return [each.target for each in subject.deliveries or () if each.failing_since is not None]


def _delivery(subject: Subject, target: str, held: Held) -> Finding:
    known = next((each for each in subject.deliveries or () if each.target == target), None)
    if known is None:
        return found(_OK, None, f"{target} is no target any more")
    if known.failing_since is None:
        return found(_OK, None, f"{target} works")
    age = subject.now - known.failing_since
    text = f"nothing reaches {target} for {short(age)}: {known.reason or 'no reason given'}"
    return found(_CRITICAL if age >= DELIVERY_SECONDS else _OK, age, text)


# The rules -----------------------------------------------------------------------------------------------------------


def _waiting(id: str, title: str, attribute: str, days: float, before: float | None, advice: str) -> Rule:
    def scan(subject: Subject) -> Sequence[str]:
        since = getattr(subject.pending, attribute)
        return ("",) if since is not None and subject.now - since > days * DAY else ()

    return Rule(
        id=id,
        title=title,
        times=RuleTimes(info=before is not None),
        needs="pending",
        gate=waits,
        scan=scan,
        judge=_waits(attribute, days, before),
        advice=advice,
        source="default rule pack: 7 and 30 days",
    )


_REBOOT = "Plan a reboot: swarm-tui updates reboot HOST, or a maintenance run."
_SECURITY = "Plan them: swarm-tui updates plan HOST --security."

DUTY_RULES: tuple[Rule, ...] = (
    _waiting("updates.reboot", "Reboot is required", "reboot_since", LATE_DAYS, None, _REBOOT),
    _waiting("updates.reboot_soon", "Reboot is required", "reboot_since", SOON_DAYS, LATE_DAYS, _REBOOT),
    _waiting("updates.security", "Security updates wait", "security_since", LATE_DAYS, None, _SECURITY),
    _waiting("updates.security_soon", "Security updates wait", "security_since", SOON_DAYS, LATE_DAYS, _SECURITY),
    Rule(
        id="delivery.target",
        title="Alerts do not reach a target",
        times=RuleTimes(),
        needs="deliveries",
        scan=_failing,
        judge=_delivery,
        advice="Try it: swarm-tui alerts test TARGET; what waits: swarm-tui alerts outbox.",
        source="default rule pack: ten minutes",
    ),
)
