"""The timeline: newest first, by day, filtered by what a person would type, with who did it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.engine.wire import Event
from backends.errors import BadInput
from backends.states import Severity
from swarm_tui.present import events
from swarm_tui.present.line import plain, width
from tests.unit.present.host_samples import event

SOME = [
    event(3, kind="action", text="sent KILL to 4100 python3", actor="anna from 10.0.0.9"),
    event(2, host="gpu7", kind="reboot", text="new boot id", severity=Severity.WARNING),
    event(1, kind="state", text="unreachable: timeout", severity=Severity.CRITICAL),
]


WIDTHS = events.widths(SOME, 80)


def found(needle: str) -> list[int]:
    return [each.id for each in events.select(SOME, needle)]


@pytest.mark.parametrize(
    ("needle", "expected"),
    [
        ("", [3, 2, 1]),
        ("KILL", [3]),
        ("!kill", [2, 1]),
        ("host:gpu", [2]),
        ("!host:gpu", [3, 1]),
        ("kind:state", [1]),
        ("actor:anna", [3]),
        ("severity:warning", [2, 1]),
        ("lane:people", [3]),
        ("!lane:people", [2, 1]),
        ("lane:r", [2]),
        ("lane:alerts host:dgx", [1]),
        ("severity:critical", [1]),
        ("host:dgx timeout", [1]),
        ("http://x", []),
        ("[/x]", []),
    ],
)
def test_the_filter(needle: str, expected: list[int]) -> None:
    assert found(needle) == expected


def test_a_wrong_severity_is_said_not_ignored() -> None:
    assert "unknown severity" in events.check("severity:bad")
    assert "unknown lane" in events.check("lane:kernels")
    assert events.check("severity:ok host: lane:") == ""
    with pytest.raises(BadInput):
        events.select(SOME, "severity:bad")


@given(st.text(max_size=40))
@settings(max_examples=60)
def test_no_filter_text_breaks_the_list(needle: str) -> None:
    if not events.check(needle):
        assert set(found(needle)) <= {1, 2, 3}


def test_lanes_are_gone_through_one_after_the_other_and_back() -> None:
    seen, needle = [], ""
    for _ in range(len(events.SHOWN_LANES)):
        needle = events.next_lane(needle)
        seen.append(needle.removeprefix("lane:"))
    assert tuple(seen) == events.SHOWN_LANES
    assert events.next_lane(needle) == ""
    assert events.next_lane("", -1) == "lane:other"
    assert events.next_lane("lane:ker host:a !x") == "host:a !x lane:reboots"
    assert events.next_lane("lane:bogus") == "lane:alerts"


@given(st.text(max_size=40), st.sampled_from([1, -1]))
def test_going_round_the_lanes_comes_back_to_the_rest_of_the_filter(needle: str, step: int) -> None:
    rest = " ".join(word for word in needle.split() if not word.startswith("lane:"))
    at = rest
    for _ in range(len(events.SHOWN_LANES) + 1):
        at = events.next_lane(at, step)
    assert at == rest


def test_the_kind_stands_out_by_its_lane() -> None:
    roles = {
        kind: {text.strip(): role for text, role in events.row(event(1, kind=kind), 80, WIDTHS)}[kind]
        for kind in ("xid", "ack", "engine")
    }
    assert roles == {"xid": "strong", "ack": "accent", "engine": "dim"}


def test_pushed_and_fetched_events_are_merged_once_newest_first() -> None:
    assert [each.id for each in events.merge(SOME, [event(2), event(9), event(0)])] == [9, 3, 2, 1, 0]


def test_what_is_kept_is_bounded() -> None:
    assert len(events.merge((), (event(number) for number in range(events.KEEP + 50)))) == events.KEEP


def test_days_are_separated() -> None:
    rows = events.rows([event(2000), event(1), event(0)], 80)
    assert [row.event.id if row.event else None for row in rows] == [None, 2000, None, 1, 0]
    assert plain(rows[0].text).startswith("── Sat 2027-01-16 UTC ───")


def test_a_row_says_when_where_what_and_who() -> None:
    assert plain(events.row(SOME[0], 120, WIDTHS)).split() == [
        "08:03:00", "·", "dgx04", "action", "sent", "KILL", "to", "4100", "python3", "by", "anna", "from", "10.0.0.9",
    ]  # fmt: skip


def test_severity_has_a_mark_beside_its_colour() -> None:
    assert "▲" in plain(events.row(SOME[1], 80, WIDTHS))
    assert "✖" in plain(events.row(SOME[2], 80, WIDTHS))


def test_a_hosts_own_timeline_leaves_its_name_out() -> None:
    assert "dgx04" not in plain(events.row(SOME[2], 80, WIDTHS, with_host=False))


@given(st.text(max_size=200), st.integers(60, 140))
@settings(max_examples=40)
def test_rows_never_overflow(text: str, columns: int) -> None:
    assert width(events.row(event(1, text=text, actor=text, host=text, kind=text), columns, WIDTHS)) <= columns


def test_an_empty_timeline_says_which_kind_of_empty_it_is() -> None:
    def text(**fields: object) -> str:
        return "\n".join(plain(row) for row in events.nothing(**fields))  # type: ignore[arg-type]

    assert "asking" in text(known=0, needle="", loaded=False)
    assert "0 of 9 events match /x" in text(known=9, needle="x", loaded=True)
    assert "Nothing has happened yet" in text(known=0, needle="", loaded=True)


def test_an_event_is_copied_as_one_plain_line() -> None:
    shown = Event(id=1, time=0.0, kind="exec", text="uname", host="a", actor="anna", severity=Severity.OK)
    assert events.export(shown) == "Thu 1970-01-01 00:00:00 UTC ok a exec: uname (by anna)"


def test_the_status_line_counts() -> None:
    assert "2 of 9 events" in plain(events.summary(2, 9, "x", follow=False, complete=True))
    assert "following" in plain(events.summary(9, 9, "", follow=True, complete=False))


def test_columns_are_as_wide_as_what_stands_in_them() -> None:
    assert events.widths([event(1, host="a", kind="x")], 80) == (4, 6)
    assert events.widths([event(1, host="h" * 50, kind="k" * 50)], 80) == (14, 14)


def test_all_of_a_long_text_can_be_read() -> None:
    text = " ".join(f"word{number}" for number in range(60))
    shown = "\n".join(plain(row) for row in events.full(event(1, text=text, actor="anna"), 70))
    assert " ".join(shown.splitlines()[6:]) == text
    assert "by        anna" in shown
