"""The pivots of the Updates screen: what an operator reads off a row, in exactly the room that there is."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from backends.updates.inventories import HostUpdates
from backends.updates.model import Stage
from swarm_tui.glyphs import ASCII, UNICODE
from swarm_tui.present import updates
from swarm_tui.present.host_line import to_ascii
from swarm_tui.present.line import plain, width
from swarm_tui.present.updates import PIVOTS, Pivot, Sight
from tests.unit.present.update_data import (
    AWAY,
    DIRTY,
    LIBC,
    SSH,
    VIM,
    board,
    change,
    ended,
    known,
    running,
    states,
    view,
)

NARROW, WIDE = Sight(79, UNICODE), Sight(139, UNICODE)


def rows(pivot: Pivot, sight: Sight = WIDE, needle: str = "") -> list[str]:
    return [plain(row.text).rstrip() for row in updates.rows(pivot, view(), (board(),), needle, sight)]


def words(pivot: Pivot, at: int = 0, sight: Sight = WIDE) -> list[str]:
    return rows(pivot, sight)[at].split()


def test_hosts_with_the_same_changes_are_one_row_with_its_numbers_and_weighty_classes() -> None:
    assert words("sets") == ["2", "dgx[1-2]", "4", "3", "4.0M", "kernel", "libs", "ssh", "1", "held"]


def test_a_blocked_host_is_not_in_the_group_of_those_that_could_go_now() -> None:
    states_ = (known("a", LIBC), known("b", LIBC, warnings=(DIRTY,)))
    shown = [plain(row.text).split()[:2] for row in updates.rows("sets", view(*states_), (), "", WIDE)]
    assert shown == [["1", "a"], ["1", "b"]]


def test_what_blocks_is_said_instead_of_classes() -> None:
    assert any("openssh-server is half-configured" in row for row in rows("sets"))


def test_security_that_is_not_known_is_never_none() -> None:
    (row,) = [row.split() for row in rows("hosts") if "rocky1" in row]
    assert row[1:3] == ["1", "?"]
    (group,) = [row.split() for row in rows("sets") if "rocky1" in row]
    assert group[2:4] == ["1", "?"]


def test_a_host_that_was_not_reached_shows_no_numbers_but_why() -> None:
    (row,) = [row for row in rows("hosts") if "away1" in row]
    assert row.split()[1:5] == ["?", "?", "?", "?"]
    assert "not connected: timeout" in row


def test_hosts_come_worst_first_and_the_unknown_last() -> None:
    assert [row.split()[0] for row in rows("hosts")] == ["dgx4", "dgx1", "dgx2", "dgx3", "rocky1", "web1", "away1"]


def test_a_busy_host_says_so_and_keeps_what_is_known() -> None:
    shown = updates.rows("hosts", view(replace(known("a", LIBC), busy=True)), (), "", WIDE)
    assert plain(shown[0].text).split()[:3] == ["a", "1", "1"]
    assert "asking…" in plain(shown[0].text)


def test_packages_come_security_first_with_versions_that_fit() -> None:
    narrow = rows("packages", NARROW)
    assert next(row for row in narrow if "openssh" in row).split()[1:6] == [
        "3",
        "S",
        "1:9.6p1-3ubuntu13.5",
        "→",
        "…13.8",
    ]
    assert "1:9.6p1-3ubuntu13.5 → 1:9.6p1-3ubuntu13.8" in next(row for row in rows("packages") if "openssh" in row)
    letters = [row.split()[2] for row in rows("packages")]
    assert letters[:3] == ["S", "S", "S"]
    assert "S" not in letters[3:]


def test_a_package_says_where_it_is_held() -> None:
    assert "held on 3" in next(row for row in rows("packages") if "nvidia-driver" in row)


def test_a_cve_names_its_packages_and_hosts() -> None:
    assert words("cves")[:4] == ["CVE-2026-3", "3", "openssh-server", "dgx[1-2,4]"]


def test_a_run_counts_what_came_of_its_hosts() -> None:
    shown = words("runs")
    assert shown[:6] == ["▲", "2027-01-15", "07:59", "1", "1", "3"]
    assert shown[-2:] == ["by", "anna"]


@pytest.mark.parametrize(
    ("pivot", "needle", "found"),
    [
        ("sets", "dgx2", 1),  # folded into dgx[1-2], found all the same
        ("sets", "VIM", 2),
        ("packages", "cve-2026-3", 1),
        ("packages", "security", 3),
        ("cves", "dgx4", 1),
        ("hosts", "reboot", 2),
        ("hosts", "[/x]", 0),
        ("runs", "def456", 1),
    ],
)
def test_the_filter_finds_also_what_a_row_has_no_room_for(pivot: Pivot, needle: str, found: int) -> None:
    assert len(rows(pivot, NARROW, needle)) == found


def test_marks_stand_in_front_of_their_rows_and_of_sets_that_are_marked_as_a_whole() -> None:
    marked = Sight(79, UNICODE, frozenset({"dgx1", "dgx2", "dgx3x"}))
    shown = [plain(row.text)[0] for row in updates.rows("sets", view(), (), "", marked)]
    assert shown.count("◆") == 1
    ascii_row = updates.rows("hosts", view(), (), "", marked._replace(glyphs=ASCII))[1]
    assert plain(ascii_row.text).startswith("*")


def test_the_status_line_sums_up_the_fleet() -> None:
    shown = plain(updates.summary("sets", view(), (), 3))
    assert shown == "5 of 6 hosts have updates  3 with security fixes  2 to reboot  1 not known"
    assert plain(updates.summary("runs", view(), (board(), board(ended("a"))), 2)) == "2 runs  1 going on"


NEVER = HostUpdates(host="a")


@pytest.mark.parametrize(
    ("pivot", "states_", "busy", "needle", "said"),
    [
        ("sets", (NEVER,), 0, "", "No host was asked yet."),
        ("sets", (NEVER,), 1, "", "asking 1 host what waits there…"),
        ("hosts", (NEVER,), 2, "", "asking 2 hosts what waits there…"),
        ("sets", (AWAY,), 0, "", "No host could be asked; the Hosts view says why."),
        ("sets", (known("a"),), 0, "", "Nothing waits on 1 host: up to date."),
        ("sets", (known("a"), AWAY), 0, "", "1 host could not be asked."),
        ("cves", (known("a", VIM),), 0, "", "No waiting update names a CVE."),
        ("cves", (known("a", VIM, security_known=False),), 0, "", "do not tell what an update is about"),
        ("runs", (known("a", VIM),), 0, "", "No run yet."),
        ("sets", (known("a", VIM),), 0, "zzz", "Nothing matches /zzz"),
    ],
)
def test_an_empty_view_says_which_kind_of_empty_it_is(
    pivot: Pivot, states_: tuple[HostUpdates, ...], busy: int, needle: str, said: str
) -> None:
    lines = updates.nothing(pivot, view(*states_, busy=busy), needle, 79)
    assert said in "\n".join(plain(line) for line in lines)


def test_nothing_is_claimed_before_the_engine_answered() -> None:
    assert "asking the engine" in plain(updates.nothing("sets", None, "", 79)[1])


def test_the_pivots_stand_in_one_line_the_present_one_in_brackets() -> None:
    for pivot in PIVOTS:
        shown = plain(updates.tabs(pivot))
        assert f"[{updates.TITLES[pivot]}]" in shown
        assert shown.count("[") == 1
        assert len(shown) <= 60


@pytest.mark.parametrize("cells", [59, 79, 99, 139, 200])
@pytest.mark.parametrize("pivot", PIVOTS)
def test_rows_and_titles_line_up_in_the_room_that_there_is(pivot: Pivot, cells: int) -> None:
    made = [row.text for row in updates.rows(pivot, view(), (board(),), "", Sight(cells, UNICODE))]
    (used,) = {width(text) for text in (updates.head(pivot, cells), *made)}
    assert used in (cells - 1, cells)  # two columns share what the others leave


HOSTILE = st.text(min_size=1, max_size=60)


@given(HOSTILE, HOSTILE, HOSTILE, st.integers(40, 200))
@settings(max_examples=80, deadline=None)
def test_whatever_hosts_call_things_rows_keep_their_width(name: str, version: str, host: str, cells: int) -> None:
    odd = change(name, version, version[::-1], security=True, cves=(name,), kept_back=host[:5])
    states_ = (known(host, odd, SSH, system=name, warnings=(replace(DIRTY, text=name),)), known("b", odd))
    run = board(running(host, Stage.APPLYING, current=name, text=version), title=name, who=host)
    for pivot in PIVOTS:
        for row in updates.rows(pivot, view(*states_), (run,), "", Sight(cells, UNICODE)):
            assert width(row.text) <= cells
        updates.rows(pivot, view(*states_), (run,), version, Sight(cells, UNICODE))


def test_ascii_draws_nothing_else() -> None:
    for pivot in PIVOTS:
        for row in updates.rows(pivot, view(*states()), (board(),), "", Sight(79, ASCII, frozenset({"dgx1"}))):
            drawn = plain(to_ascii(row.text))
            assert drawn.isascii()
            assert drawn.count("?") == plain(row.text).count("?"), "a glyph of ours has no plain form"
