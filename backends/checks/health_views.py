"""What the API tells of health checks: a row a host for the matrix, everything about one host, the catalogue, a difference. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from backends.checks.health_catalogue import CHECKS, HealthResult
from backends.checks.health_difference import Difference
from backends.checks.health_finding import Finding
from backends.checks.health_history import Acknowledged
from backends.metrics.sample import Record
from backends.states import Severity
from backends.text import clean

Group = Literal["gpu", "network", "host", "peers", "site"]
GROUPS: tuple[Group, ...] = ("gpu", "network", "host", "peers", "site")
_FIRST: dict[str, Group] = {"G": "gpu", "X": "gpu", "S": "gpu", "N": "network", "H": "host", "P": "peers"}
_LETTERS: dict[Severity, str] = {
    Severity.OK: "o",
    Severity.UNKNOWN: "u",
    Severity.WARNING: "w",
    Severity.CRITICAL: "c",
}
SEVERITIES: dict[str, Severity] = {letter: severity for severity, letter in _LETTERS.items()}
"""Letter of a cell → how bad it is."""
ABSENT = "-"
"""A cell of a check that does not apply to the host."""
TEXT = 160


class CheckRow(Record, frozen=True, kw_only=True):
    """One check of the catalogue: a column of the matrix."""

    id: str
    title: str
    group: Group


class HostHealth(Record, frozen=True, kw_only=True):
    """One host of the matrix."""

    host: str
    severity: Severity = Severity.UNKNOWN
    """The worst finding; UNKNOWN when it was never looked at."""
    time: float | None = None
    """Epoch seconds of the last full look; None before the first."""
    tried: float | None = None
    """When it was last tried."""
    error: str = ""
    """Why the last try gave nothing; what is shown is then the look before."""
    hint: str = ""
    busy: bool = False
    root: bool = False
    """Whether it was looked at as root: without it more is UNKNOWN."""
    critical: int = 0
    warning: int = 0
    unknown: int = 0
    acknowledged: int = 0
    """Of the critical ones and warnings, those that somebody has in hand."""
    worst: str = ""
    """The gravest thing in a sentence."""
    cells: dict[str, str] = {}
    """Check → "c", "w", "u", "o" or "-"; in capitals when somebody has all that is wrong with it in hand."""


class HealthView(Record, frozen=True, kw_only=True):
    """Result of `checks.view`."""

    version: int
    full: bool = False
    """The rows are all that there are; else only those that changed since the version that was asked for."""
    hosts: tuple[HostHealth, ...] = ()


class HostChecks(Record, frozen=True, kw_only=True):
    """Result of `checks.host`: everything known of one host."""

    health: HostHealth
    result: HealthResult | None = None
    acknowledged: dict[str, Acknowledged] = {}
    """Key of a finding → who has it in hand, since when, and the note."""
    due: float | None = None
    """Epoch seconds of the next full look; None while none is planned (not connected)."""


class DifferenceView(Record, frozen=True, kw_only=True):
    """Result of `checks.difference`."""

    host: str
    before: float
    after: float
    rebooted: bool = False
    passes: bool = False
    """The host may be given back: nothing is worse, nothing has gone out of sight."""
    difference: Difference = Difference()


def group_of(check: str) -> Group:
    """The group of columns that a check stands in."""
    return "site" if check.startswith("site:") else _FIRST.get(check[:1], "host")


def catalogue(site: Iterable[str] = ()) -> tuple[CheckRow, ...]:
    """Every check once, in the order of the matrix. Rows of one id share the first one's title.

    Args:
        site: names of the site's own commands.
    """
    titles: dict[str, str] = {}
    for check in CHECKS:
        titles.setdefault(check.id, check.title)
    titles |= {"G30": "diagnostics under load", "G31": "bandwidth under load", "P03": "versions against the group"}
    titles |= {f"site:{name}": name for name in site}
    rows = [CheckRow(id=check, title=title, group=group_of(check)) for check, title in titles.items()]
    return tuple(sorted(rows, key=lambda row: (GROUPS.index(row.group), _order(row.id))))


def _order(check: str) -> tuple[bool, str]:
    return check[:1] not in ("X", "S"), check


def row_of(
    host: str,
    result: HealthResult | None,
    *,
    tried: float | None = None,
    error: str = "",
    hint: str = "",
    busy: bool = False,
) -> HostHealth:
    """The matrix's row of one host."""
    if result is None:
        return HostHealth(host=host, tried=tried, error=error, hint=hint, busy=busy, worst=error or "not looked at yet")
    problems = result.problems
    counts = {severity: sum(one.severity is severity for one in problems) for severity in Severity}
    return HostHealth(
        host=host,
        severity=result.severity,
        time=result.time,
        tried=tried,
        error=error,
        hint=hint,
        busy=busy,
        root=result.root,
        critical=counts[Severity.CRITICAL],
        warning=counts[Severity.WARNING],
        unknown=counts[Severity.UNKNOWN],
        acknowledged=sum(one.bad and bool(one.acknowledged) for one in problems),
        worst=clean(problems[0].text, TEXT) if problems else "",
        cells=_cells(result),
    )


def _cells(result: HealthResult) -> dict[str, str]:
    found: dict[str, list[Finding]] = {}
    for finding in result.findings:
        found.setdefault(finding.check, []).append(finding)
    return {**dict.fromkeys(result.skipped, ABSENT), **{check: _cell(told) for check, told in found.items()}}


def _cell(findings: Sequence[Finding]) -> str:
    worst = max((finding.severity for finding in findings), key=lambda each: each.rank)
    bad = [finding for finding in findings if finding.bad]
    letter = _LETTERS[worst]
    return letter.upper() if bad and all(finding.acknowledged for finding in bad) else letter
