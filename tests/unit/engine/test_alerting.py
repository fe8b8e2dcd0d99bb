"""The engine's alerts: evaluated, written down, told once, over engines that are killed; acted on by people."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from backends.alerts.model import Phase, Silence
from backends.alerts.subjects import Concern, KernelEvent
from backends.alerts.views import AlertRow
from backends.config.schema import RuleConfig
from backends.engine.gathering import Slow
from backends.errors import BadInput
from backends.states import Severity
from tests.unit.engine.alert_desk import AlertDesk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[AlertDesk]:
    made = AlertDesk(tmp_path)
    yield made
    made.close()
    assert made.bugs == []


def only(desk: AlertDesk) -> AlertRow:
    (row,) = desk.service.rows()
    return row


def test_a_full_disk_is_one_alert_with_evidence_and_advice_and_ends_with_one_notice(desk: AlertDesk) -> None:
    desk.run(70, a=97.0)
    desk.run(40, a=97.0)
    row = only(desk)
    assert (row.rule, row.host, row.object, row.phase) == ("disk.space", "a", "/", Phase.FIRING)
    assert "97" in row.text and row.advice and row.title
    assert desk.counts == {"a": 1}
    titles = desk.hears(1)
    assert "97" in titles[0] and titles[0].startswith("WARNING")
    desk.run(1200, a=40.0)
    assert desk.hears(2)[1].startswith("RESOLVED")
    desk.run(600, a=40.0)
    assert len(desk.phone.sent) == 2
    assert desk.kinds().count("alert.fired") == 1 and desk.kinds().count("alert.resolved") == 1


def test_nothing_is_written_for_hosts_that_are_well(desk: AlertDesk) -> None:
    desk.run(300, a=40.0, b=40.0)
    assert desk.service.rows() == ()
    assert desk.phone.sent == [] and desk.told == []


def test_an_engine_that_is_killed_tells_what_it_had_written_down_and_nothing_twice(desk: AlertDesk) -> None:
    desk.run(70, a=97.0)
    desk.phones["oncall"].failing = "it answers 500"
    desk.run(40, a=97.0)
    desk.again()
    desk.phones["oncall"].failing = ""
    desk.clock.advance(30)
    desk.run(60, a=97.0)
    assert len(desk.hears(1)) == 1
    desk.again()
    desk.run(600, a=97.0)
    assert len(desk.phone.sent) == 1
    desk.again()
    desk.run(1200, a=40.0)
    assert [title.split()[0] for title in desk.hears(2)] == ["WARNING", "RESOLVED"]


def test_a_notice_that_no_outbox_had_yet_is_handed_over_by_the_next_engine(
    desk: AlertDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.run(70, a=97.0)
    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(desk.service.delivering, "put", _killed)
        desk.run(60, a=97.0)
    desk.again()
    desk.service._hand_over()
    assert len(desk.hears(1)) == 1


def _killed(*args: object) -> tuple[str, ...]:
    raise SystemExit


def test_a_host_that_is_away_is_told_after_three_misses_and_its_disk_is_not(desk: AlertDesk) -> None:
    desk.run(70, a=97.0, b=40.0)
    desk.away("a")
    desk.run(150, b=40.0)
    rows = {row.rule: row for row in desk.service.rows()}
    assert rows["host.down"].phase is Phase.FIRING
    assert "timeout" in rows["host.down"].text
    assert rows["disk.space"].inhibited == "a"


def test_what_fires_about_its_backups_says_nothing_of_how_the_host_is(desk: AlertDesk) -> None:
    escrow = Concern(code="no-escrow", severity=Severity.WARNING, object="v/a", text="no escrow", since=1.0)
    desk.slow = {"a": Slow(concerns=(escrow,))}
    desk.run(400, a=40.0, b=97.0)
    assert desk.counts == {"a": 1, "b": 1}
    assert desk.service.ailing == {"b": 1}


def test_an_xid_in_the_kernel_log_is_critical_at_once_and_captured(desk: AlertDesk) -> None:
    now = desk.clock.now()
    line = "NVRM: Xid (PCI:0000:05:00): 79, pid=1, GPU has fallen off the bus."
    desk.log.known["a"] = (KernelEvent(time=now, kind="xid", object="0000:05:00", code=79, text=line),)
    desk.run(10, a=40.0)
    row = only(desk)
    assert row.severity == "critical" and "79" in row.text and row.event
    assert [host for host, _ in desk.captured] == ["a"]
    desk.run(10, a=40.0)
    assert len(desk.hears(1)) == 1


def test_an_event_that_was_ended_by_hand_stays_ended_also_after_a_restart(desk: AlertDesk) -> None:
    line = "NVRM: Xid (PCI:0000:05:00): 79, pid=1, GPU has fallen off the bus."
    desk.log.known["a"] = (KernelEvent(time=desk.clock.now(), kind="xid", object="0000:05:00", code=79, text=line),)
    desk.run(10, a=40.0)
    name = only(desk).fingerprint
    desk.clock.advance(5)
    desk.service.act(lambda alerts, now: alerts.resolve(name, now, by="ann"))
    desk.run(7200, step=600, a=40.0)
    assert all(row.phase is Phase.RESOLVED for row in desk.service.rows())
    desk.again()
    desk.run(60, a=40.0)
    assert [row for row in desk.service.rows() if row.phase is not Phase.RESOLVED] == []


def test_acts_are_on_the_timeline_with_who_and_where_from(desk: AlertDesk) -> None:
    desk.run(70, a=97.0)
    name = only(desk).fingerprint
    desk.service.act(lambda alerts, now: alerts.ack([name], now, by="ann", origin="10.0.0.7", note="disk ordered"))
    row = only(desk)
    assert row.ack is not None and (row.ack.by, row.ack.note) == ("ann", "disk ordered")
    assert ("ack", "disk.space /: disk ordered", "a") in desk.told
    desk.again()
    assert only(desk).ack == row.ack


def test_what_is_silenced_is_shown_and_told_to_nobody_until_it_ends(desk: AlertDesk) -> None:
    now = desk.clock.now()
    silence = Silence(id="s-1", rule="disk.*", by="ann", comment="resize", start=now, end=now + 900)
    desk.service.act(lambda alerts, now: alerts.silence(silence, now))
    desk.run(300, a=97.0)
    assert only(desk).silenced == ("s-1",)
    assert desk.phone.sent == []
    desk.run(700, a=97.0)
    assert any("silence" in title.lower() for title in desk.hears(1))


def test_the_view_says_nothing_new_when_nothing_is(desk: AlertDesk) -> None:
    desk.run(70, a=97.0)
    view = desk.service.view(None, None)
    assert view.alerts is not None and len(view.alerts) == 1
    again = desk.service.view(view.version, None)
    assert again.alerts is None and again.version == view.version
    assert desk.service.view(None, frozenset({"b"})).alerts == ()
    assert view.pulse.completed == desk.clock.now()


def test_a_rule_of_the_site_fires_and_is_withdrawn_with_its_configuration(tmp_path: Path) -> None:
    rule = RuleConfig(name="half", expression="disk>50", for_="10s", title="Half full")
    desk = AlertDesk(tmp_path, rules=(rule,))
    desk.run(60, a=60.0)
    assert [(row.rule, row.title) for row in desk.service.rows()] == [("own.half", "Half full")]
    assert "60%" in desk.hears(1)[0]
    desk.alerts_config = {}
    desk.service.configure(desk.config(), desk.hosts, 1.0)
    assert desk.service.rules.get("own.half") is None
    desk.run(60, a=60.0)
    assert desk.hears(2)[1].startswith("RESOLVED")
    desk.close()


def test_a_glance_sees_what_begins_and_leaves_what_is_held_alone(desk: AlertDesk) -> None:
    line = "NVRM: Xid (PCI:0000:05:00): 79, pid=1, GPU has fallen off the bus."
    desk.see("a")
    desk.log.known["a"] = (KernelEvent(time=desk.clock.now(), kind="xid", object="0000:05:00", code=79, text=line),)
    desk.service.glance()
    assert only(desk).phase is Phase.FIRING
    before = desk.service.alerts.all()
    desk.service.glance()
    assert desk.service.alerts.all() == before


def test_first_digits_of_a_fingerprint_will_do_unless_several_begin_so(desk: AlertDesk) -> None:
    desk.run(70, a=97.0, b=97.0)
    rows = desk.service.rows()
    assert desk.service.find(rows[0].fingerprint[:10]).host == rows[0].host
    with pytest.raises(BadInput, match="no such alert"):
        desk.service.find("zzzz")
    with pytest.raises(BadInput, match="2 alerts begin"):
        desk.service.find("")


def test_an_alert_of_a_host_that_is_gone_from_the_inventory_ends(desk: AlertDesk) -> None:
    desk.run(110, a=97.0)
    desk.hears(1)
    desk.hosts = desk.hosts[1:]
    desk.service.configure(desk.config(), desk.hosts, 1.0)
    desk.run(30, b=40.0)
    assert [title.split()[0] for title in desk.hears(2)] == ["WARNING", "RESOLVED"]


def test_without_a_folder_everything_works_and_nothing_is_left(tmp_path: Path) -> None:
    desk = AlertDesk(None)
    folder = desk.service._files.folder
    desk.run(70, a=97.0)
    assert only(desk).phase is Phase.FIRING
    desk.close()
    assert not folder.exists()


def test_a_cycle_that_fails_is_told_and_seen_by_the_dead_man(desk: AlertDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    stop, turns, wait = threading.Event(), iter([False, False, True]), desk.clock.wait
    monkeypatch.setattr(
        desk.clock, "wait", lambda event, seconds: next(turns) if event is stop else wait(event, seconds)
    )
    monkeypatch.setattr(desk.service, "cycle", lambda: 1 / 0)
    desk.service.loop(stop)
    assert isinstance(desk.bugs.pop(), ZeroDivisionError)
    assert "not evaluated" in desk.service.view(None, None).problem
    assert desk.service.deadman.pulse.completed is None
