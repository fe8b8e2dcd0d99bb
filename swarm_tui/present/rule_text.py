"""Rules and their trials on history as lines of text, for the subcommands. Pure."""

from __future__ import annotations

from backends import units
from backends.alerts.backtest import BRIEF_SECONDS, Backtest, Firing, Trial
from backends.alerts.views import RuleRow
from backends.clock import utc

RULE_HEAD = ("RULE", "FIRING", "WATCHES", "LIMITS", "SOURCE")
FIRING_HEAD = ("BEGAN (UTC)", "LASTED", "SEVERITY", "HOST", "OBJECT", "WHAT")
TRIAL_HEAD = ("FOR", "FIRED", f"UNDER {units.span(BRIEF_SECONDS).upper()}", "STILL FIRING", "HOSTS")


def rule_cells(rule: RuleRow) -> tuple[str, ...]:
    """A row under RULE_HEAD."""
    return (rule.id, str(rule.firing) if rule.firing else "", rule.title, rule.limits, rule.source)


def rule_lines(rule: RuleRow) -> list[str]:
    """Everything about one rule."""
    found = (
        ("watches", rule.title),
        ("limits", rule.limits),
        ("advice", rule.advice),
        ("source", rule.source),
        ("firing", str(rule.firing)),
    )
    return [rule.id, *(f"  {name:<8} {text}" for name, text in found if text)]


def firing_cells(firing: Firing) -> tuple[str, ...]:
    """A row under FIRING_HEAD."""
    return (
        f"{utc(firing.start):%Y-%m-%d %H:%M:%S}",
        "still" if firing.end is None else units.span(firing.end - firing.start),
        str(firing.severity),
        firing.host,
        firing.object,
        firing.text,
    )


def trial_cells(trial: Trial) -> tuple[str, ...]:
    """A row under TRIAL_HEAD."""
    hosts = len(trial.hosts)
    return (units.span(trial.for_seconds), str(trial.count), str(trial.brief), str(trial.open), str(hosts))


def covered(found: Backtest) -> str:
    """The history that a rule was tried on."""
    if found.start is None or found.end is None:
        return ""
    ends = " – ".join(f"{utc(end):%Y-%m-%d %H:%M}" for end in (found.start, found.end))
    return f"tried on {ends} UTC: {found.hosts} hosts, {found.moments} moments"
