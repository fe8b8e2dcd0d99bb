"""Alerts from end to end: a real engine, the real command line, a receiver that speaks HTTP. What people do about them."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.e2e.alertdesk import AT_ONCE, CRITICAL, WARNING, AlertDesk, heard, hears, target
from tests.e2e.enginerun import until
from tests.unit.alerts.receivers import Web, web_server

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


@pytest.fixture
def web() -> Iterator[Web]:
    with web_server() as server:
        yield server


@pytest.fixture
def other() -> Iterator[Web]:
    with web_server() as server:
        yield server


@pytest.fixture
def desk(tmp_path: Path, web: Web) -> Iterator[AlertDesk]:
    """One host, one target that takes everything."""
    with AlertDesk(tmp_path / "desk", target("oncall", web.url("ok/hook"))) as desk:
        yield desk


def test_one_alert_is_one_notice_with_evidence_and_advice_and_one_end(desk: AlertDesk, web: Web) -> None:
    desk.becomes("a", "bad")
    hears(web, "CRITICAL a: it is bad: mem")
    until(lambda: desk.delivery("oncall", "it is bad").state == "sent", what="the answer to be written down")
    listed = desk.does("alerts", "list", "--json")
    (row,) = listed.json()["alerts"]
    assert listed.status == 2 and (row["rule"], row["host"], row["phase"]) == (CRITICAL, "a", "firing")
    assert row["delivery"] == "sent" and row["notified"] == ["oncall"] and row["advice"] == "Look at it"
    (_, _, body) = web.asked[0]
    assert body["type"] == "failure" and "→ Look at it" in body["message"] and CRITICAL in body["message"]
    shown = desk.does("alerts", "show", row["fingerprint"][:8])
    assert shown.status == 2 and "mem>0 & tag:bad" in shown.out and "oncall" in shown.out
    desk.becomes("a")
    hears(web, "RESOLVED a: it is bad")
    desk.rests(1)
    assert len(web.asked) == 2, web.titles
    assert desk.does("alerts").status == 0
    assert [edge.kind for edge in desk.edges()] == ["resolved", "fired"]


def test_a_snooze_ends_and_says_so_to_whoever_snoozed(desk: AlertDesk, web: Web) -> None:
    desk.becomes("a", "ill")
    hears(web, "WARNING a: it is ill")
    said = desk.well("snooze", "own.ill@a", "--for", "2s", "--note", "disk ordered")
    assert "snoozed" in said.out
    me = getpass.getuser()
    hears(web, f"still there, the snoozing of {me} ran out")
    assert f"{me} wrote: disk ordered" in web.asked[-1][2]["message"]
    assert [(edge.kind, edge.by) for edge in desk.edges()[:2]] == [("ack-ended", ""), ("snoozed", me)]
    row = desk.row(WARNING, "a")
    assert row is not None and row.ack is None and row.phase == "firing"


def test_an_acknowledgement_is_seen_by_all_and_ended_by_what_is_worse(tmp_path: Path, web: Web) -> None:
    rule = """
[[alerts.rules]]
name = "both"
expression = "mem>0 & tag:ill"
"""
    with AlertDesk(tmp_path / "desk", target("oncall", web.url("ok/hook")), rule) as desk:
        desk.becomes("a", "ill")
        hears(web, "it is ill")
        desk.well("ack", "own.ill@a", "own.both@a", "--for", "1h", "--note", "mine")
        listed = desk.does("alerts", "list", "--json").json()["alerts"]
        assert {row["ack"]["note"] for row in listed} == {"mine"}
        assert {row["ack"]["by"] for row in listed} == {getpass.getuser()}
        desk.becomes("a", "ill", "bad")
        hears(web, "it is bad")  # another alert of the same host: nobody has acknowledged that one
        desk.well("unack", "own.ill@a")
        row, kept = desk.row(WARNING, "a"), desk.row("own.both", "a")
        assert row is not None and row.ack is None and kept is not None and kept.ack is not None
        audit = desk.json("history", "--audit")
        assert [each["kind"] for each in audit] == ["acked", "acked", "ack-ended"]
        assert {each["by"] for each in audit} == {getpass.getuser()}


def test_a_silence_says_what_it_hides_now_and_would_have_hidden_and_when_it_ends(desk: AlertDesk, web: Web) -> None:
    desk.becomes("a", "ill")
    desk.until_fires(WARNING, "a")
    desk.becomes("a")
    desk.until_over(WARNING, "a")
    hears(web, "RESOLVED a: it is ill")
    said = desk.json("silence", "--rule", "own.*", "--hosts", "a", "--preview")
    assert (said["now"], said["past"]) == (0, 1)
    made = desk.json("silence", "--rule", "own.ill", "--hosts", "a", "--for", "20s", "--comment", "known", "--yes")
    told = len(web.asked)
    desk.becomes("a", "ill")
    desk.until_fires(WARNING, "a")
    assert desk.json("silence", "--rule", "own.ill", "--preview") | {"examples": []} == {
        "now": 1, "past": 2, "examples": [],
    }  # fmt: skip
    row = desk.row(WARNING, "a")
    assert row is not None and row.silenced == (made["id"],) and len(web.asked) == told
    hears(web, f"still there, the silence of {getpass.getuser()} ended", "it is ill", seconds=90)
    assert "it was silenced: known" in web.asked[-1][2]["message"]
    assert len(web.asked) == told + 1 and not desk.json("silences")["silences"]
    desk.becomes("a")
    hears(web, "RESOLVED a: it is ill", times=2)  # a third time within the hour it would count as flapping


def test_what_is_not_handled_can_be_escalated_to_the_next_level(tmp_path: Path, web: Web, other: Web) -> None:
    second = target("boss", other.url("ok/boss"), levels=[1])
    with AlertDesk(tmp_path / "desk", target("oncall", web.url("ok/hook")), second) as desk:
        desk.becomes("a", "bad")
        hears(web, "it is bad")
        assert not other.asked
        desk.well("escalate", "own.bad@a")
        hears(other, "escalated to level 1", "it is bad")
        desk.becomes("a")
        hears(web, "RESOLVED")
        hears(other, "RESOLVED")
        assert (len(web.asked), len(other.asked)) == (2, 2)


def hours(start: int, end: int) -> str:
    """Times of day so many minutes from now, here."""
    now = datetime.now().astimezone()
    return "-".join(f"{now + timedelta(minutes=each):%H:%M}" for each in (start, end))


def test_quiet_hours_hold_a_warning_for_a_digest_and_let_through_what_is_critical(tmp_path: Path, web: Web) -> None:
    quiet = {"quiet_hours": hours(-60, 60)}
    with AlertDesk(
        tmp_path / "desk", target("oncall", web.url("ok/hook")), hosts=("a", "b", "c"), alerts=quiet
    ) as desk:
        assert desk.view().quiet
        desk.becomes("a", "ill")
        desk.becomes("b", "ill")
        desk.until_fires(WARNING, "a")
        desk.until_fires(WARNING, "b")
        desk.becomes("c", "bad")
        hears(web, "CRITICAL c: it is bad")
        desk.becomes("b")
        desk.until_over(WARNING, "b")
        assert len(web.asked) == 1, web.titles
        desk.alerts["quiet_hours"] = hours(-120, -60)
        desk.write()
        assert desk.reload() == ""
        hears(web, "after the quiet hours: 1 alerts fire, 1 came and went")
        assert "a" in web.asked[-1][2]["message"] and "b: was: it is ill" in web.asked[-1][2]["message"]
        desk.becomes("a")
        hears(web, "RESOLVED a: it is ill")
        assert not heard(web, "RESOLVED b")


def test_a_maintenance_is_quiet_and_ends_with_one_digest_of_what_is_new(tmp_path: Path, web: Web) -> None:
    with AlertDesk(tmp_path / "desk", target("oncall", web.url("ok/hook")), hosts=("a", "b", "c", "d")) as desk:
        desk.becomes("a", "ill")
        hears(web, "WARNING a: it is ill")
        made = desk.json("mute", "a,b,c", "--for", "1h", "--comment", "new kernels")
        for host, tag in (("b", "ill"), ("c", "ill"), ("d", "ill")):
            desk.becomes(host, tag)
            desk.until_fires(WARNING, host)
        hears(web, "WARNING d: it is ill")  # it is in no maintenance
        row = desk.row(WARNING, "b")
        assert row is not None and row.muted == made["id"]
        assert "new kernels" in desk.well("mutes").out
        desk.becomes("c")
        desk.until_over(WARNING, "c")
        desk.well("unmute", made["id"])
        hears(web, "after the maintenance", "b")
        desk.rests(1)
        assert len(web.asked) == 3, web.titles
        assert desk.json("mutes") == []


def test_a_storm_is_one_message(tmp_path: Path, web: Web) -> None:
    names = [f"n{number:02}" for number in range(1, 13)]
    policy = {**AT_ONCE, "group_wait_seconds": 3}
    with AlertDesk(tmp_path / "desk", target("oncall", web.url("ok/hook")), hosts=names, policy=policy) as desk:
        desk.until_measured()
        desk.ill = {name: {"ill"} for name in names}
        desk.becomes("n01", "ill")
        hears(web, "storm of own.ill: 12 new alerts")
        desk.rests(4)
        assert len(web.asked) == 1, web.titles
        desk.ill = {}
        desk.becomes("n01")
        hears(web, "RESOLVED")
        until(lambda: all(row.phase == "resolved" for row in desk.view().alerts or ()), what="all to be over")
        desk.rests(4)
        assert len(web.asked) == 2, web.titles
