"""The list by rule and by host: one line for all that have it in common, the worst of them in front."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from backends.alerts.views import AlertRow
from backends.states import Severity
from swarm_tui.glyphs import UNICODE
from swarm_tui.present import alert_details, alert_groups, alerts
from swarm_tui.present.alerts import Side, Sight
from swarm_tui.present.line import plain, width
from tests.unit.cli import alert_answers as data
from tests.unit.cli.alert_answers import CPU, DISK, NOW, WAITING, row
from tests.unit.present.test_alerts import strange

DISKS = tuple(row("disk.space", f"gpu{number:02}", "/", title="Filesystem is full") for number in range(2, 5))
MANY = (DISK, *DISKS, CPU, WAITING)


def shown(side: Side, found: tuple[AlertRow, ...] = MANY, cells: int = 100, **sight: object) -> list[str]:
    marks = frozenset(sight.get("marks", ()))  # type: ignore[call-overload]
    return [plain(each.text) for each in alert_groups.rows(side, found, Sight(cells, UNICODE, NOW, marks))]


def test_a_rule_is_one_line_with_its_hosts_folded() -> None:
    lines = shown("rules")
    assert lines[0] == "  ✖ critical      4         1h disk.space         gpu[01-04]  Filesystem is full"
    assert [line.split()[4] for line in lines] == ["disk.space", "cpu.busy", "1h"]


def test_a_host_is_one_line_with_all_that_is_wrong_what_nobody_has_in_hand_first() -> None:
    assert shown("hosts")[0] == "  ✖ critical      2     1   1h gpu01            /srv is 97 % full; memory 91 % used"


def test_what_somebody_has_in_hand_is_counted_apart_and_no_longer_speaks_for_the_rule() -> None:
    held = replace(DISK, ack=data.ACK)
    assert shown("rules", (held, *DISKS))[0].startswith("  ▲ warning       4     1")
    assert shown("rules", (held,))[0].startswith("  ✖ critical      1     1")


def test_what_is_about_no_host_has_a_line_too() -> None:
    found = (row("own.link", "", text="down"),)
    assert " —  " in shown("hosts", found)[0]
    assert "the fleet" in shown("rules", found)[0]


def test_a_line_is_marked_when_all_behind_it_are() -> None:
    names = [each.fingerprint for each in DISKS]
    assert shown("rules", DISKS, marks=names)[0].startswith("◆ ")
    assert shown("rules", DISKS, marks=names[1:])[0].startswith("  ")


def test_opening_a_line_finds_exactly_what_stands_behind_it() -> None:
    for side in ("rules", "hosts"):
        for each in alert_groups.rows(side, MANY, Sight(79, UNICODE, NOW)):
            found = alerts.chosen("open", MANY, alert_groups.needle(each))
            assert tuple(found) == each.group == each.alerts


def test_the_other_views_have_a_line_for_each_alert() -> None:
    assert [each.alerts for each in alert_groups.rows("open", MANY, Sight(79, UNICODE, NOW))] == [(a,) for a in MANY]


def test_titles_stand_over_their_columns() -> None:
    for side, title, word in (("rules", "rule", "disk.space"), ("hosts", "host", "gpu01")):
        head = plain(alert_groups.head(side, MANY, 100))  # type: ignore[arg-type]
        line = shown(side)[0]  # type: ignore[arg-type]
        assert head.index(title) == line.index(word)
        assert head.index("age") + 3 == line.index("1h") + 2
        assert line[head.index("alerts") + 5] in "24"


def test_the_pane_names_those_behind_a_line_and_says_when_they_are_too_many() -> None:
    text = "\n".join(plain(each) for each in alert_details.group_lines(MANY, NOW, 60))
    assert "✖ critical firing gpu01 /srv" in text
    assert "  cpu 96 % busy" in text
    crowd = tuple(row("cpu.busy", f"n{number}", severity=Severity.WARNING) for number in range(25))
    assert plain(alert_details.group_lines(crowd, NOW, 60)[-1]) == "and 5 more: Enter"


@given(st.lists(strange, max_size=4).map(tuple), st.integers(20, 220), st.sampled_from(("rules", "hosts")))
def test_no_line_is_wider_than_its_room(found: tuple[AlertRow, ...], cells: int, side: Side) -> None:
    made = [each.text for each in alert_groups.rows(side, found, Sight(cells, UNICODE, NOW))]
    made += [alert_groups.head(side, found, cells), *alert_details.group_lines(found, NOW, cells)]
    assert all(width(line) <= cells for line in made)
