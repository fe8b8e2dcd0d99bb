"""What a health check comes to: a verdict about one thing, with evidence and the action that it suggests."""

from __future__ import annotations

from enum import StrEnum

from backends.metrics.sample import Record
from backends.states import Severity


class Action(StrEnum):
    """What to do about it; the words and their order are those of gpud."""

    NONE = "none"
    CHECK_APP = "check app"
    RESTART_APP = "restart app"
    RESET_GPU = "reset GPU"
    REBOOT = "reboot"
    INSPECT = "hardware inspection"

    @property
    def rank(self) -> int:
        """0 (nothing) … 5 (hands on the machine)."""
        return list(Action).index(self)


class Finding(Record, frozen=True, kw_only=True):
    """One check, judged for one thing of one host."""

    check: str
    """ "G05", "N03", "H10", "XID", "SXID", or "site:NAME"."""
    object: str = ""
    """A GPU's UUID, a mount, a unit, a port; "" is the host."""
    severity: Severity = Severity.OK
    """UNKNOWN: it could not be told; never shown as OK."""
    text: str = ""
    """One sentence with the number."""
    evidence: tuple[str, ...] = ()
    action: Action = Action.NONE
    advice: str = ""
    """The next step: a sentence or a command."""
    value: float | None = None
    since: float | None = None
    """Epoch seconds since when it is at least this bad, as far as is remembered."""
    reboots: int = 0
    """Reboots that it has outlived."""
    acknowledged: str = ""
    """Who has it in hand."""

    @property
    def key(self) -> str:
        """Names it over time."""
        return key_of(self.check, self.object)

    @property
    def bad(self) -> bool:
        """WARNING or CRITICAL."""
        return self.severity in (Severity.WARNING, Severity.CRITICAL)


def key_of(check: str, thing: str) -> str:
    """Names what a check says of a thing over time."""
    return f"{check}\x1f{thing}"


def ok(check: str, text: str, thing: str = "", evidence: tuple[str, ...] = ()) -> Finding:
    """All is well, and that was seen."""
    return Finding(check=check, object=thing, severity=Severity.OK, text=text, evidence=evidence)


def unknown(check: str, text: str, thing: str = "", evidence: tuple[str, ...] = ()) -> Finding:
    """It could not be told."""
    return Finding(check=check, object=thing, severity=Severity.UNKNOWN, text=text, evidence=evidence)


def warning(
    check: str,
    text: str,
    thing: str = "",
    *,
    evidence: tuple[str, ...] = (),
    action: Action = Action.NONE,
    advice: str = "",
    value: float | None = None,
) -> Finding:
    """To be looked at when convenient."""
    return Finding(
        check=check,
        object=thing,
        severity=Severity.WARNING,
        text=text,
        evidence=evidence,
        action=action,
        advice=advice,
        value=value,
    )


def critical(
    check: str,
    text: str,
    thing: str = "",
    *,
    evidence: tuple[str, ...] = (),
    action: Action = Action.NONE,
    advice: str = "",
    value: float | None = None,
) -> Finding:
    """The host should take no new work until it is cured."""
    return Finding(
        check=check,
        object=thing,
        severity=Severity.CRITICAL,
        text=text,
        evidence=evidence,
        action=action,
        advice=advice,
        value=value,
    )


def graded(
    check: str,
    value: float,
    limits: tuple[float, float | None],
    text: str,
    thing: str = "",
    *,
    action: Action = Action.NONE,
    advice: str = "",
    evidence: tuple[str, ...] = (),
) -> Finding:
    """OK below the first limit, WARNING from it on, CRITICAL from the second on (None: never)."""
    warn, crit = limits
    if crit is not None and value >= crit:
        return critical(check, text, thing, action=action, advice=advice, evidence=evidence, value=value)
    if value >= warn:
        return warning(check, text, thing, action=action, advice=advice, evidence=evidence, value=value)
    return Finding(check=check, object=thing, text=text, evidence=evidence, value=value)
