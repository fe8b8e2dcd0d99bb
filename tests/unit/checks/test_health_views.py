"""The rows and columns of the matrix."""

from __future__ import annotations

from msgspec.structs import replace

from backends.checks.health_catalogue import CHECKS, NOT_HERE, HealthResult
from backends.checks.health_finding import critical, ok, unknown, warning
from backends.checks.health_views import GROUPS, catalogue, row_of
from backends.states import Severity
from tests.unit.checks.health_cases import NOW

UNIT = warning("H20", "b.service has failed", "b.service")
TAKEN = replace(critical("H20", "a.service has failed", "a.service"), acknowledged="anna")


def result(*findings: object, **fields: object) -> HealthResult:
    return HealthResult(host="h", time=NOW, findings=findings, **fields)  # type: ignore[arg-type]


def test_a_cell_is_the_worst_of_its_check_and_in_capitals_when_all_of_it_is_in_hand() -> None:
    cells = row_of("h", result(TAKEN, UNIT, ok("H10", "x", "/"), unknown("H05", "?"), skipped={"N01": NOT_HERE})).cells
    assert cells == {"H20": "c", "H10": "o", "H05": "u", "N01": "-"}
    assert row_of("h", result(TAKEN)).cells == {"H20": "C"}
    assert row_of("h", result(replace(UNIT, acknowledged="anna"))).cells == {"H20": "W"}


def test_the_counts_and_the_gravest_that_nobody_has_in_hand() -> None:
    row = row_of("h", result(TAKEN, critical("XID", "XID 79"), UNIT, unknown("H05", "?"), root=True), tried=NOW + 5)
    assert (row.severity, row.critical, row.warning, row.unknown, row.acknowledged) == (Severity.CRITICAL, 2, 1, 1, 1)
    assert (row.worst, row.time, row.tried, row.root) == ("XID 79", NOW, NOW + 5, True)


def test_a_host_that_was_never_looked_at_is_unknown_and_says_why() -> None:
    row = row_of("h", None, error="no answer", hint="wait", busy=True)
    assert (row.severity, row.time, row.worst, row.hint, row.busy) == (
        Severity.UNKNOWN,
        None,
        "no answer",
        "wait",
        True,
    )
    assert row_of("h", None).worst == "not looked at yet"
    assert row_of("h", result()).severity is Severity.UNKNOWN, "nothing was judged"


def test_the_catalogue_has_every_check_once_in_groups_with_those_of_the_site_last() -> None:
    rows = catalogue(["raid", "licences"])
    ids = [row.id for row in rows]
    assert len(ids) == len(set(ids)) and {check.id for check in CHECKS} < set(ids)
    assert {"G30", "G31", "P03"} < set(ids) and ids[:2] == ["SXID", "XID"] and ids[-1] == "site:raid"
    groups = [GROUPS.index(row.group) for row in rows]
    assert groups == sorted(groups)
    assert all(row.title for row in rows)
