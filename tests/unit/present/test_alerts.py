"""The Alerts screen in lines: which alerts, in what words, at every width; and its details, outbox and silences."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from backends.alerts.deadman import Pulse
from backends.alerts.model import Ack, Phase
from backends.alerts.views import AlertRow, AlertView, OutboxView
from backends.engine.wire_alerts import AlertDetail
from backends.states import Severity
from swarm_tui.glyphs import UNICODE
from swarm_tui.present import alert_board, alert_details, alert_outbox, alert_silences, alerts
from swarm_tui.present.alerts import Sight
from swarm_tui.present.line import Line, plain, width
from tests.unit.cli import alert_answers as data
from tests.unit.cli.alert_answers import CPU, DISK, INFO, NOW, OVER, WAITING

WIDTHS = (20, 59, 79, 100, 120, 200)


def shown(alert: AlertRow, cells: int = 79, **sight: Any) -> str:
    return plain(alerts.rows([alert], Sight(cells, UNICODE, NOW, **sight))[0].text)


def said(lines: list[Line]) -> str:
    return "\n".join(plain(each) for each in lines)


# Which ------------------------------------------------------------------------------------------------------------


def test_open_is_what_somebody_may_have_to_do_something_about() -> None:
    assert alerts.chosen("open", data.EVERY, "") == [DISK, CPU, data.XID, WAITING]
    assert alerts.chosen("all", data.EVERY, "") == list(data.EVERY)


def test_what_is_not_known_any_more_stays_open() -> None:
    assert alerts.is_open(replace(CPU, unknown=True))
    assert not alerts.is_open(replace(OVER, unknown=True))


@pytest.mark.parametrize(
    ("needle", "found"),
    [
        ("GPU01", [DISK, WAITING]),
        ("gpu01 critical", [DISK]),
        ("!gpu01", [CPU, data.XID, OVER, INFO]),
        ("resolved", [OVER]),
        ("info", [INFO]),
        ("rule:disk.space", [DISK, OVER]),
        ("rule:disk", []),
        ("host:gpu01 !state:pending", [DISK]),
        ("severity:critical", [DISK]),
        ("/srv:", []),
        ("nothing", []),
        ("!", []),
        ("", list(data.EVERY)),
    ],
)
def test_every_word_of_the_filter_counts(needle: str, found: list[AlertRow]) -> None:
    assert alerts.chosen("all", data.EVERY, needle) == found


# Rows -------------------------------------------------------------------------------------------------------------


def test_severity_is_a_sign_and_a_word() -> None:
    assert shown(DISK).startswith("  ✖ critical firing       gpu01    1h /srv is 97 % full")
    assert shown(CPU).startswith("  ▲ warning  firing")
    assert shown(INFO).startswith("  · info")


def test_a_mark_is_seen() -> None:
    assert shown(DISK, marks=frozenset((DISK.fingerprint,))).startswith("◆ ✖")


def test_who_has_it_stands_behind_the_state_where_there_is_no_column_for_it() -> None:
    held = replace(DISK, ack=data.ACK)
    assert "acked anna" in shown(held)
    assert "acked        gpu01    1h anna" in shown(held, 100)


@pytest.mark.parametrize(
    ("delivery", "narrow", "wide"),
    [
        ("dead", "[not told]", "given up"),
        ("retrying", "[retrying]", "retrying"),
        ("sent", "", "sent"),
        ("", "", "nobody"),
    ],
)
def test_how_telling_goes(delivery: str, narrow: str, wide: str) -> None:
    alert = replace(DISK, delivery=delivery)
    assert narrow in shown(alert)
    assert wide in shown(alert, 100)
    assert "[not told]" not in shown(alert, 100)


def test_nobody_needs_to_be_told_of_what_is_not_yet_or_no_more_a_problem() -> None:
    assert alerts.told_word(WAITING) == "—"
    assert alerts.told_word(OVER) == "—"


def test_the_object_is_named_once() -> None:
    assert shown(DISK).count("/srv") == 1
    assert shown(data.XID).endswith("XID 31 three times  GPU-1")
    assert shown(data.XID, 120).rstrip().endswith("XID 31 three times")


def test_badges_say_what_is_odd() -> None:
    assert "[flapping] [escalated 2]" in shown(replace(DISK, flapping=True, escalation=2))
    assert "explained    gpu02    1h [by rack4] cpu" in shown(replace(CPU, inhibited="rack4"))


def test_what_is_not_measured_any_more_says_since_when() -> None:
    assert "no data for 5m; last: cpu 96 % busy" in shown(replace(CPU, unknown=True, last_data=NOW - 300))


@pytest.mark.parametrize("cells", WIDTHS)
def test_titles_stand_over_their_columns(cells: int) -> None:
    head, line = plain(alerts.head([DISK], cells)), shown(replace(DISK, text="WHAT"), cells)
    assert width(alerts.head([DISK], cells)) <= cells
    for title, word in (("state", "firing"), ("host", "gpu01"), ("what", "WHAT")):
        if title in head and word in line:
            assert head.index(title) == line.index(word), title


words = st.text(max_size=60)
strange = st.builds(
    AlertRow,
    fingerprint=words,
    rule=words,
    title=words,
    host=words,
    object=words,
    phase=st.sampled_from(Phase),
    severity=st.sampled_from(Severity),
    since=st.floats(0, 4e9),
    text=words,
    advice=words,
    evidence=st.lists(words, max_size=3).map(tuple),
    ack=st.none() | st.builds(Ack, by=words, time=st.just(0.0), until=st.floats(0, 4e9), severity=st.just(Severity.OK)),
    unknown=st.booleans(),
    flapping=st.booleans(),
    escalation=st.integers(0, 9),
    delivery=st.sampled_from(("", "sent", "waiting", "retrying", "dead")),
)


@given(st.lists(strange, max_size=4), st.integers(20, 220))
def test_no_line_is_wider_than_its_room(found: list[AlertRow], cells: int) -> None:
    made = [each.text for each in alerts.rows(found, Sight(cells, UNICODE, NOW))]
    for each in found:
        made += alert_details.lines(each, AlertDetail(row=each, now=NOW), NOW, cells)
    assert all(width(line) <= cells for line in (*made, alerts.head(found, cells)))


# Above and below --------------------------------------------------------------------------------------------------


def test_the_last_evaluation_is_said_even_where_there_is_little_room() -> None:
    busy = replace(data.VIEW, silences=(data.SILENCE,) * 3, mutes=(data.MUTE,), quiet=True)
    for cells in (18, 40, 79):
        assert plain(alert_board.pulse(busy, NOW, cells)).endswith("evaluated 2s ago ")
    assert plain(alert_board.pulse(busy, NOW)) == "2 given up  1 on the way  quiet hours  evaluated 2s ago "


def test_an_old_evaluation_is_a_warning() -> None:
    assert alert_board.pulse(data.VIEW, NOW)[-1][1] == "dim"
    assert alert_board.pulse(data.VIEW, NOW + 29.0)[-1][1] == "warn"
    assert alert_board.trouble(data.VIEW, NOW) == "silence s1 matches nothing"
    assert alert_board.trouble(data.VIEW, NOW + 60.0) == "nothing was evaluated for 1m2s: what is shown is the past"
    assert alert_board.trouble(replace(data.VIEW, problem="the disk is full"), NOW + 60.0) == "the disk is full"


def test_what_stands_is_counted_in_three_ways() -> None:
    held, hidden = replace(DISK, ack=data.ACK), replace(CPU, silenced=("s1",))

    def summary(*alerts: AlertRow, **more: Any) -> str:
        return plain(alert_board.summary(replace(data.VIEW, alerts=alerts, **more)))

    assert summary(*data.EVERY) == "✖ 1 critical  ▲ 2 warning  "
    assert summary(held, hidden, data.XID) == "▲ 1 warning  1 in hand  1 hidden  "
    assert summary(OVER, WAITING) == "nothing fires  "
    hiding = {"silences": (data.SILENCE,) * 3, "mutes": (data.MUTE,)}
    assert summary(CPU, **hiding) == "▲ 1 warning  3 silences  1 maintenance  "


def test_the_views_say_how_many_alerts_they_have() -> None:
    line = plain(alert_board.tabs("open", data.VIEW, NOW, 79))
    assert line.startswith(" [Open 4] All 6  By rule  By host ")
    assert width(alert_board.tabs("hosts", None, NOW, 79)) <= 79


def test_nothing_says_why() -> None:
    well = AlertView(version=1, now=NOW, alerts=(), pulse=Pulse(completed=NOW - 1))
    watched = said(alert_board.nothing("open", well, "", NOW, 79, "112 rules over 8 hosts"))
    assert "Nothing is wrong: 112 rules over 8 hosts, evaluated 1s ago." in watched
    assert "asking" in said(alert_board.nothing("open", None, "", NOW, 79))
    assert "Nothing is wrong; evaluated 1s ago." in said(alert_board.nothing("open", well, "", NOW, 79))
    assert "Nothing matches /x" in said(alert_board.nothing("open", well, "x", NOW, 79))
    assert "Nothing was evaluated yet." in said(alert_board.nothing("open", replace(well, pulse=Pulse()), "", NOW, 79))
    old = said(alert_board.nothing("open", well, "", NOW + 600.0, 79))
    assert "Nothing is known to be wrong." in old
    assert "nothing was evaluated for 10m" in old


# Details ----------------------------------------------------------------------------------------------------------


def test_details_have_everything() -> None:
    text = said(alert_details.lines(replace(DISK, ack=data.ACK), data.DETAIL, NOW, 80))
    for part in (
        "✖ critical  acked  for 1h", "gpu01 /srv", "· 3.1G of 120G are free", "→ free space", "acked by anna, 4h left: disk ordered",
        "warn >90/<80 %, crit >98/<90 %", "the default pack", "bundle 12", "episode 3", "▸ 6m40s before on this host",
        "oncall sent (firing), 210 ms", "acked by anna: disk ordered", "fired critical: /srv is 97 % full", "changes: upgrade linux by bo",
        "and 3 more, farther away",
    ):  # fmt: skip
        assert part in text, part


def test_before_the_engine_told_more_the_row_is_shown() -> None:
    text = said(alert_details.lines(DISK, None, NOW, 80))
    assert "→ free space" in text
    assert "asking what happened around it" in text
    text = said(alert_details.lines(DISK, None, NOW, 80, error="no such alert now"))
    assert text.endswith("no such alert now")


def test_a_silence_is_named_with_its_reason() -> None:
    hidden = replace(DISK, silenced=("s1", "s2"))
    text = said(alert_details.lines(hidden, None, NOW, 80, silences=(data.SILENCE,)))
    assert "s1 of anna, 2h left: disk ordered" in text
    assert "by s2" in text


def test_in_the_pane_sections_are_cut_and_say_so() -> None:
    long = replace(data.DETAIL, history=data.EDGES[:1] * 20)
    assert "and 14 more lines: Enter" in said(alert_details.lines(DISK, long, NOW, 80, brief=True))
    assert "more lines" not in said(alert_details.lines(DISK, long, NOW, 80))


# Outbox and silences ----------------------------------------------------------------------------------------------


def test_what_was_given_up_comes_first_and_what_was_sent_is_in_the_second_view() -> None:
    retry = replace(data.DEAD, number=3, state="retry", due=NOW + 45.0)
    view = OutboxView(rows=(data.SENT, retry, data.DEAD), targets=data.TARGETS)
    assert [each.key for each in alert_outbox.rows("open", view, NOW, 100)] == [data.DEAD.number, 3]
    assert [each.key for each in alert_outbox.rows("all", view, NOW, 100)] == [data.DEAD.number, 3, data.SENT.number]
    assert "▲ retrying in 45s" in plain(alert_outbox.rows("open", view, NOW, 100)[1].text)
    assert plain(alert_outbox.summary(view, NOW)) == "1 given up  1 retrying  1 of 2 targets fail  "
    assert plain(alert_outbox.tabs("all", view)) == "  Not delivered 2 [All 3]"


def test_targets_that_fail_come_first() -> None:
    lines = [plain(each) for each in alert_outbox.targets(data.TARGETS, NOW, 120)]
    assert lines[0].startswith("✖ chat    fails for 15m  last sent never")
    assert lines[1].startswith("● oncall  ok  last sent 59m59s ago  took 210 ms")
    assert "No target is configured" in plain(alert_outbox.targets((), NOW, 120)[0])


def test_silences_and_maintenances_by_their_end() -> None:
    view = replace(data.VIEW, silences=(data.SILENCE,), mutes=(data.MUTE,))
    rows = alert_silences.silence_rows(view, NOW, 120)
    assert [each.key for each in rows] == [("silence", "s1"), ("mute", "m1")]
    assert "2h anna     disk.* on gpu07" in plain(rows[0].text)
    assert "(ends with its alert)" in plain(rows[0].text)
    assert "gpu[01-03] (3)" in plain(rows[1].text)
    later = replace(data.SILENCE, start=NOW + 600.0, rule="", select="", object="/srv")
    assert alert_silences.silence_words(later) == "every rule on every host, object /srv"
    assert "in 10m" in plain(alert_silences.silence_rows(replace(view, silences=(later,)), NOW, 120)[0].text)


def test_rows_are_found_by_words_they_have_no_room_for() -> None:
    view = OutboxView(rows=(data.SENT, data.DEAD))
    rows = alert_outbox.rows("all", view, NOW, 40)
    assert [each.key for each in alert_outbox.filtered(rows, "gpu03 500")] == [data.DEAD.number]


def test_what_looks_the_same_is_not_drawn_again() -> None:
    first = alerts.rows(data.EVERY, Sight(79, UNICODE, NOW))
    known = {each.key: each for each in first}
    again = alerts.rows(data.EVERY, Sight(79, UNICODE, NOW + 1.0), known)
    assert all(one.text is two.text for one, two in zip(first, again, strict=True) if one.alert is not OVER)
    marked = alerts.rows(data.EVERY, Sight(79, UNICODE, NOW, frozenset((DISK.fingerprint,))), known)
    assert plain(marked[0].text).startswith("◆")
    wider = alerts.rows(data.EVERY, Sight(120, UNICODE, NOW), known)
    assert width(wider[0].text) > width(first[0].text)
    worse = alerts.rows([replace(CPU, severity=Severity.CRITICAL)], Sight(79, UNICODE, NOW), known)
    assert "critical" in plain(worse[0].text)
