"""The matrix of hosts and checks in lines, and the section on the host's own tab: what fits, what stands first, what a sign means."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from backends.checks.health_views import HostChecks, HostHealth, catalogue, row_of
from backends.states import Severity
from swarm_tui.present import health as shown
from swarm_tui.present.host_checks import checks_panel
from swarm_tui.present.line import plain, width
from tests.unit import check_calls as data

NOW = data.NOW
GROUPS: dict[str, str] = {row.id: row.group for row in catalogue(["raid"])}
SICK = HostHealth(
    host="gpu01",
    severity=Severity.CRITICAL,
    time=NOW,
    critical=1,
    worst="XID 79",
    cells={"XID": "w", "G05": "o", "H12": "c", "H20": "C", "N01": "-", "site:raid": "u"},
)
FINE = HostHealth(host="gpu02", severity=Severity.OK, time=NOW, cells={"XID": "o", "G05": "o", "H12": "o"})
NEVER = HostHealth(host="gpu03", worst="not looked at yet")


def sight(columns: tuple[str, ...], cells: int = 80, chosen: str = "") -> shown.Sight:
    return shown.Sight(cells, NOW, columns, chosen)


def test_columns_are_the_checks_that_apply_anywhere_and_with_problems_only_those_that_find_something() -> None:
    known = catalogue(["raid"])
    assert shown.applicable([SICK, FINE], known) == ("XID", "G05", "H12", "H20", "site:raid")
    assert shown.applicable([SICK, FINE], known, problems=True) == ("XID", "H12", "H20", "site:raid")
    assert shown.applicable([FINE], known, problems=True) == ()
    newer = replace(FINE, cells={"Z99": "o", "XID": "o"})
    assert shown.applicable([newer], known) == ("XID", "Z99"), "a check of a newer engine is shown too"


def test_the_gravest_column_of_the_first_host_is_looked_at_first() -> None:
    columns = ("XID", "G05", "H12", "H20")
    assert shown.gravest([SICK, FINE], columns) == "H12"
    assert shown.gravest([FINE], columns) == "XID"
    assert shown.gravest([NEVER], columns) == "XID" and shown.gravest([], ()) == ""


@pytest.mark.parametrize(
    ("needle", "problems", "hosts"),
    [
        ("", False, ["gpu01", "gpu03", "gpu02"]),
        ("", True, ["gpu01", "gpu03"]),
        ("xid", False, ["gpu01"]),
        ("!xid gpu", False, ["gpu03", "gpu02"]),
        ("critical", False, ["gpu01"]),
        ("!", False, ["gpu01", "gpu03", "gpu02"]),
        ("nothing", False, []),
    ],
)
def test_filter_and_order(needle: str, problems: bool, hosts: list[str]) -> None:
    assert [host.host for host in shown.chosen([FINE, NEVER, SICK], needle, problems)] == hosts


def test_a_row_has_a_sign_for_every_cell_and_brackets_around_the_chosen_one() -> None:
    columns = ("XID", "G05", "H12", "H20", "N01", "site:raid")
    (row,) = shown.rows([SICK], sight(columns, chosen="H12"))
    assert plain(row.text).startswith(" ✖ gpu01   ▲  · [✖] A     ? ")
    head = [plain(line) for line in shown.head([SICK], sight(columns, chosen="H12"), GROUPS)]
    assert head[1].split() == ["host", "XI", "05", "12", "20", "01", "ra"]
    assert head[0].split() == ["GPU", "host", "ne", "si"]


def test_a_host_that_was_never_looked_at_shows_no_cell_at_all() -> None:
    (row,) = shown.rows([NEVER], sight(("XID", "H12")))
    assert "·" not in plain(row.text) and "not checked yet" in plain(row.text)
    (row,) = shown.rows([replace(NEVER, busy=True)], sight(("XID",)))
    assert "checking…" in plain(row.text)


@given(st.integers(40, 250), st.text(max_size=60), st.integers(0, 70))
def test_no_line_is_wider_than_its_room(cells: int, name: str, count: int) -> None:
    columns = tuple(GROUPS)[:count]
    host = replace(SICK, host=name or "h", cells=dict.fromkeys(columns, "c"))
    room = shown.room([host], cells)
    looked = sight(columns[:room], cells, columns[0] if columns else "")
    lines = [*shown.head([host], looked, GROUPS), *(row.text for row in shown.rows([host], looked))]
    assert all(width(line) <= cells for line in lines)


def test_below_stands_what_the_cell_means_who_has_it_and_what_to_do() -> None:
    row = next(each for each in catalogue() if each.id == "XID")
    lines = [plain(line) for line in shown.below(data.CHECKS, row, NOW, 100)]
    assert lines[0].startswith(" XID errors that the GPU driver reports") and "looked at" in lines[0]
    assert "0000:05:00: XID 79 on GPU 3" in lines[1] and "→ drain, then power-cycle" in lines[2]
    network = next(each for each in catalogue() if each.id == "N01")
    assert plain(shown.below(data.CHECKS, network, NOW, 100)[1]).strip() == "not on this host"
    never = HostChecks(health=row_of("h", None))
    assert plain(shown.below(never, row, NOW, 100)[1]).strip() == "not checked yet"


def test_problems_for_a_ticket() -> None:
    text = shown.markdown(data.CHECKS, NOW)
    assert text.splitlines()[2].startswith("- critical XID 0000:05:00: XID 79")
    assert "H10" not in text, "what is well is no problem"


# The host's own tab ------------------------------------------------------------------------------------------------


def panel(checks: HostChecks | None) -> str:
    return "\n".join(plain(line) for line in checks_panel(checks, NOW, 80))


def test_the_tab_names_problems_with_evidence_and_counts_what_is_well() -> None:
    text = panel(data.CHECKS)
    assert "XID 79 on GPU 3" in text and "→ journalctl -u backup.service" in text and "status=1" in text
    assert "● 1 well" in text and "again in 50m" in text and "/ is 40% full" not in text


@pytest.mark.parametrize(
    ("health", "said"),
    [
        (row_of("h", None), "Not checked yet. r checks it now."),
        (row_of("h", None, busy=True), "checking it for the first time…"),
        (row_of("h", None, error="no answer", hint="wait"), "→ wait"),
    ],
)
def test_the_tab_says_why_there_is_nothing(health: HostHealth, said: str) -> None:
    assert said in panel(HostChecks(health=health))
    assert "asking the engine…" in panel(None)


def test_an_old_result_is_shown_below_the_reason_why_there_is_no_newer_one() -> None:
    text = panel(replace(data.CHECKS, health=replace(data.ILL, error="no answer for 10 s", root=False)))
    assert "✖ no answer for 10 s; below is what was seen last" in text and "XID 79" in text
    assert "without root: more is unknown" in text
