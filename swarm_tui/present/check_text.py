"""Health checks as plain lines and cells, for subcommands. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from backends.checks.health_finding import Action, Finding
from backends.checks.health_views import CheckRow, DifferenceView, HostChecks, HostHealth
from backends.inventory import ranges
from backends.states import Severity
from backends.units import span

HEAD = ("HOST", "STATE", "CRIT", "WARN", "UNKNOWN", "AGE", "WORST")
FINDING_HEAD = ("CHECK", "STATE", "WHERE", "WHAT", "SINCE", "ACTION", "BY")
WORDS: dict[Severity, str] = {
    Severity.OK: "ok",
    Severity.WARNING: "warning",
    Severity.CRITICAL: "critical",
    Severity.UNKNOWN: "unknown",
}
EVIDENCE = 3
"""Pieces that are shown below a finding."""


def ordered(rows: Iterable[HostHealth]) -> list[HostHealth]:
    """The worst first."""
    return sorted(rows, key=lambda row: (-row.severity.rank, -row.critical, -row.warning, -row.unknown))


def cells(row: HostHealth, now: float) -> tuple[str, ...]:
    """One host of the list."""
    state = "checking" if row.busy else WORDS[row.severity] if row.time is not None else "not checked"
    counts = [str(count) if count else "" for count in (row.critical, row.warning, row.unknown)]
    return (row.host, state, *counts, _age(row.time, now), row.error or row.worst)


def finding_cells(finding: Finding, now: float) -> tuple[str, ...]:
    """One finding of a host."""
    action = "" if finding.action is Action.NONE else str(finding.action)
    return (
        finding.check,
        WORDS[finding.severity],
        finding.object,
        finding.text,
        _age(finding.since, now),
        action,
        finding.acknowledged,
    )


def below(finding: Finding) -> list[str]:
    """Evidence and next step of a finding."""
    lines = [f"      {line}" for line in finding.evidence[:EVIDENCE]]
    more = len(finding.evidence) - EVIDENCE
    lines += [f"      and {more} more"] if more > 0 else []
    lines += [f"    → {finding.advice}"] if finding.advice else []
    lines += [f"    it has outlived {finding.reboots} reboots"] if finding.reboots > 1 else []
    return lines


def head(checks: HostChecks, now: float) -> str:
    """ "gpu01: critical, 2 critical, 1 unknown, looked at 3m ago as root"."""
    row = checks.health
    if row.time is None:
        return f"{row.host}: not checked yet" + (f": {row.error}" if row.error else "")
    counts = [f"{count} {word}" for count, word in _counts(row) if count]
    who = "as root" if row.root else "without root: more is unknown"
    said = ", ".join([WORDS[row.severity], *counts, f"looked at {span(now - row.time)} ago {who}"])
    return f"{row.host}: {said}" + (f"; the last try failed: {row.error}" if row.error else "")


def _counts(row: HostHealth) -> tuple[tuple[int, str], ...]:
    return (
        (row.critical, "critical"),
        (row.warning, "warning"),
        (row.unknown, "unknown"),
        (row.acknowledged, "in hand"),
    )


def skipped(reasons: dict[str, str]) -> list[str]:
    """ "not on this host: G01, G02"."""
    by: dict[str, list[str]] = {}
    for check, reason in reasons.items():
        by.setdefault(reason, []).append(check)
    return [f"{reason}: {', '.join(sorted(checks))}" for reason, checks in sorted(by.items())]


def summary(rows: Sequence[HostHealth]) -> str:
    """ "2 critical, 1 warning, 37 ok: worst on gpu[01-02]"."""
    counts = {severity: [row.host for row in rows if row.severity is severity] for severity in Severity}
    order = (Severity.CRITICAL, Severity.WARNING, Severity.UNKNOWN, Severity.OK)
    text = ", ".join(f"{len(counts[each])} {WORDS[each]}" for each in order if counts[each]) or "no host"
    worst = next((each for each in order[:2] if counts[each]), None)
    return text + (f": {WORDS[worst]} on {ranges.fold(counts[worst])}" if worst is not None else "")


def difference(view: DifferenceView, now: float) -> list[str]:
    """What became worse, better, and went out of sight."""
    verdict = "may be given back" if view.passes else "is worse than before, or less is known of it"
    booted = ", rebooted since" if view.rebooted else ""
    lines = [f"{view.host} {verdict} (against {span(now - view.before)} ago{booted})"]
    sides = (
        ("worse", view.difference.worse),
        ("no longer seen", view.difference.unseen),
        ("better", view.difference.better),
        ("as before", view.difference.same),
    )
    for word, changes in sides:
        for change in changes:
            told = change.after or change.before
            text = told.text if told is not None else ""
            lines.append(f"  {word:<15}{change.check} {change.object}: {text}".rstrip())
    return lines


def catalogue_cells(row: CheckRow) -> tuple[str, ...]:
    """One check."""
    return row.id, row.group, row.title


def _age(time: float | None, now: float) -> str:
    return "" if time is None else span(max(0.0, now - time))
