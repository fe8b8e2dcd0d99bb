"""All alerts together: who is told what and when, and the resolve contract (rules 6 and 7)."""

from __future__ import annotations

import time

import pytest

from backends.alerts.intake import MOST_OF_A_HOST, OVERFLOW
from backends.alerts.model import EdgeKind, NoticeKind, Phase, Reading, RuleTimes, Truth
from backends.errors import BadInput
from backends.states import Severity
from tests.unit.alerts.desk import BEGIN, C, Desk, W, hosts, reading

FALSE = Truth.FALSE
K = NoticeKind


def test_one_alert_is_told_once_and_its_end_once_to_whom_was_told() -> None:
    desk = Desk()
    desk.routes = ("mail", "pager")
    assert desk.say(C) == []  # five seconds are waited for others like it
    (notice,) = desk.say(C)
    assert notice.kind is K.FIRING and notice.severity is C and notice.title == "a: it is bad"
    assert notice.fingerprints == (desk.name(),) and notice.episodes == (1,)
    assert desk.hold(C, 600) == []
    desk.routes = ("another",)
    assert desk.say(FALSE) == []
    (end,) = desk.rest(20)
    assert end.kind is K.RESOLVED and end.only == ("mail", "pager") and end.episode == 1
    assert desk.rest(4000) == []


def test_whom_nobody_told_of_it_nobody_tells_of_its_end() -> None:
    desk = Desk()
    desk.routes = ()
    desk.hold(C, 30)
    desk.say(FALSE)
    desk.rest(600)
    assert desk.kinds() == [K.FIRING]


def test_what_was_over_before_it_could_be_told_is_not_told_at_all() -> None:
    desk = Desk()
    desk.say(W)
    desk.say(FALSE)
    desk.rest(600)
    assert desk.said == []


def test_the_end_of_what_came_back_in_time_is_not_told() -> None:
    desk = Desk()
    desk.hold(W, 40)
    desk.say(FALSE)
    desk.hold(W, 400)
    assert desk.kinds() == [K.FIRING]
    assert desk.alert().episode == 1


def test_firing_again_after_its_end_was_told_is_told_again() -> None:
    desk = Desk()
    desk.hold(W, 40)
    desk.say(FALSE)
    desk.rest(310)
    desk.hold(W, 400)
    assert desk.kinds() == [K.FIRING, K.RESOLVED, K.FIRING]
    assert desk.alert().episode == 1 and len({notice.key for notice in desk.said}) == 3


def test_worse_is_told_at_once_and_better_after_keep_to_whom_was_told() -> None:
    desk = Desk()
    desk.hold(W, 40, rule="kept")
    (worse,) = desk.say(C, rule="kept")
    assert worse.kind is K.UPGRADE and worse.severity is C and worse.only == ()
    (better,) = desk.hold(W, 80, rule="kept")
    assert better.kind is K.DOWNGRADE and better.severity is W and better.only == ("mail",)


def test_information_is_shown_and_never_told() -> None:
    desk = Desk()
    assert desk.hold(W, 7200, rule="note") == []
    assert desk.phase("note") is Phase.FIRING
    desk.say(FALSE, rule="note")
    assert desk.rest(600) == []


def test_an_acknowledgement_stops_repeats_but_not_the_end() -> None:
    desk = Desk()
    desk.hold(C, 30)
    desk.alerts.ack([desk.name()], desk.now, by="anna", origin="10.0.0.9", note="disk ordered")
    assert desk.hold(C, 4 * 3600 - 20) == []
    expired = [notice for notice in desk.hold(C, 60) if notice.kind is K.ACK_EXPIRED]
    assert [notice.person for notice in expired] == ["anna"] and "anna wrote: disk ordered" in expired[0].lines
    assert desk.alert().ack is None
    desk.say(FALSE)
    (end,) = desk.rest(400)
    assert end.kind is K.RESOLVED


def test_what_fires_again_within_its_acknowledgement_is_in_hand() -> None:
    desk = Desk()
    desk.hold(W, 40)
    desk.alerts.ack([desk.name()], desk.now, by="anna")
    desk.say(FALSE)
    desk.rest(60)
    desk.hold(W, 3600)
    desk.say(FALSE)
    desk.rest(600)
    assert desk.kinds() == [K.FIRING, K.RESOLVED]


def test_an_acknowledgement_ends_when_it_becomes_worse_and_that_is_told() -> None:
    desk = Desk()
    desk.hold(W, 40)
    desk.alerts.ack([desk.name()], desk.now, by="anna")
    (notice,) = desk.say(C)
    assert notice.kind is K.UPGRADE and desk.alert().ack is None


def test_snoozing_is_an_acknowledgement_with_an_end() -> None:
    desk = Desk()
    desk.hold(C, 30)
    desk.alerts.ack([desk.name()], desk.now, by="anna", until=desk.now + 600, snooze=True)
    (notice,) = desk.hold(C, 610)
    assert notice.kind is K.ACK_EXPIRED and "snoozing of anna" in notice.title


@pytest.mark.parametrize("until", [BEGIN - 1, BEGIN + 8 * 86_400])
def test_an_acknowledgement_without_a_sensible_end_is_refused(until: float) -> None:
    desk = Desk()
    desk.hold(C, 30)
    with pytest.raises(BadInput, match="seven days"):
        desk.alerts.ack([desk.name()], desk.now, by="anna", until=until)
    with pytest.raises(BadInput, match="no such alert"):
        desk.alerts.ack(["nothing"], desk.now, by="anna")


def test_only_what_happened_is_ended_by_hand_and_the_end_is_told_and_audited() -> None:
    desk = Desk()
    desk.hold(C, 30)
    with pytest.raises(BadInput, match="ends by itself"):
        desk.alerts.resolve(desk.name(), desk.now, by="anna")
    desk.say(C, rule="gpu.xid")
    desk.rest(10)
    turn = desk.alerts.resolve(desk.name("gpu.xid"), desk.now, by="anna", origin="10.0.0.9")
    assert [(edge.kind, edge.by, edge.origin) for edge in turn.edges] == [(EdgeKind.RESOLVED, "anna", "10.0.0.9")]
    assert K.RESOLVED in [notice.kind for notice in desk.rest(20)]


def test_what_nothing_judges_any_more_ends_and_whoever_was_told_hears_it() -> None:
    desk = Desk()
    desk.hold(C, 30)
    turn = desk.alerts.withdraw(lambda alert: alert.rule != "quick", desk.now, "the rule is gone")
    assert [edge.kind for edge in turn.edges] == [EdgeKind.WITHDRAWN]
    assert [notice.kind for notice in desk.rest(20)] == [K.RESOLVED]


def test_texts_of_hosts_are_cleaned_and_bounded() -> None:
    desk = Desk()
    bad = "\x1b]0;owned\x07" + "x" * 10_000
    wrong = Reading(
        rule="quick",
        host="a",
        object="/mnt\x1b[2J",
        truth=Truth.TRUE,
        severity=C,
        text=bad,
        evidence=(bad,) * 99,
        time=0,
    )
    desk.step(wrong)
    alert = desk.alerts.all()[0]
    assert "\x1b" not in alert.text + alert.object and len(alert.text) <= 500 and len(alert.evidence) == 20
    desk.step(Reading(rule="quick", host="a", object="/mnt\x1b[2J", truth=FALSE, time=desk.now + 10))
    assert desk.alerts.all()[0].phase is Phase.RESOLVED


def test_a_host_that_names_things_without_end_is_bounded_and_that_is_told() -> None:
    desk = Desk(policy=None)
    flood = [reading(W, BEGIN, rule="unit", thing=f"u{number}") for number in range(1000)]
    desk.step(*flood)
    assert len(desk.alerts.wanted()) <= MOST_OF_A_HOST + 1
    assert desk.phase(OVERFLOW) is Phase.FIRING
    desk.rest(30)
    assert len(desk.said) == 2  # the storm, and that there is more
    desk.step(*(reading(FALSE, desk.now + 10, rule="unit", thing=f"u{number}") for number in range(1000)))
    desk.rest(3700)
    assert desk.phase(OVERFLOW) is Phase.RESOLVED


def test_nothing_is_kept_of_what_is_well() -> None:
    desk = Desk()
    desk.step(*(reading(FALSE, BEGIN, host=f"h{number}") for number in range(100)))
    assert desk.alerts.wanted() == frozenset()
    desk.hold(W, 40)
    desk.say(FALSE)
    for _ in range(500):
        desk.say(FALSE)
    assert desk.alerts.wanted() == frozenset()


def test_an_episode_counts_on_after_the_alert_was_forgotten() -> None:
    desk = Desk()
    desk.say(W)
    desk.hold(FALSE, 4000)
    assert desk.alerts.wanted() == frozenset()
    desk.restart()
    desk.say(W)
    assert desk.alert().episode == 2


def test_a_wall_clock_that_goes_back_makes_no_wait_longer() -> None:
    desk = Desk()
    desk.hold(C, 30)
    desk.now -= 7200
    desk.say(FALSE)
    assert desk.phase() is Phase.RESOLVED
    assert [notice.kind for notice in desk.rest(30)] == [K.RESOLVED]


def test_a_wall_clock_that_jumps_ahead_makes_nothing_fire_that_was_not_seen() -> None:
    desk = Desk()
    desk.say(W, rule="disk.space")
    desk.say(W, rule="disk.space", seconds=86_400)
    assert desk.phase("disk.space") is Phase.PENDING


def test_a_thousand_hosts_cost_far_less_than_their_budget() -> None:
    rules = {f"r{number}": RuleTimes() for number in range(30)}
    desk = Desk(hosts(*(f"h{number}" for number in range(1000))), rules=rules)
    well = [
        Reading(rule=rule, host=f"h{number}", truth=FALSE, severity=Severity.OK, time=BEGIN)
        for number in range(1000)
        for rule in rules
    ]
    spent = time.process_time()
    desk.step(*well)
    print(f"30 000 readings that are well: {1000 * (time.process_time() - spent):.1f} ms")
    ill = [reading(W, BEGIN, rule=f"r{number % 30}", host=f"h{number}") for number in range(200)]
    desk.step(*ill)
    later = [reading(W, BEGIN + 30, rule=f"r{number % 30}", host=f"h{number}") for number in range(200)]
    spent = time.process_time()
    desk.step(*well[200 * 30 :], *later)
    print(f"and with 200 alerts: {1000 * (time.process_time() - spent):.1f} ms")
    assert len(desk.alerts.wanted()) == 200


def test_a_second_round_ends_for_those_of_the_second_round_only() -> None:
    desk = Desk()
    desk.hold(W, 40)
    desk.say(FALSE)
    desk.rest(40)
    desk.routes = ("another",)
    desk.hold(W, 400)
    desk.say(FALSE)
    desk.rest(400)
    assert [notice.only for notice in desk.said if notice.kind is K.RESOLVED] == [("mail",), ("another",)]


def test_a_receipt_that_comes_after_the_end_changes_nothing() -> None:
    desk = Desk()
    desk.hold(W, 40)
    first = desk.said[0]
    desk.say(FALSE)
    desk.rest(40)
    desk.alerts.told(first, ["late"])
    assert desk.alert().notified == ()
    desk.rest(700)
    desk.hold(W, 40)
    desk.alerts.told(first, ["late"])
    assert desk.alert().episode == 2 and desk.alert().notified == ("mail",)


def test_what_was_taken_in_hand_while_pending_is_in_hand_when_it_fires() -> None:
    desk = Desk()
    desk.say(W, rule="disk.space")
    desk.alerts.ack([desk.name("disk.space")], desk.now, by="anna")
    desk.hold(W, 120, rule="disk.space")
    ack = desk.alert("disk.space").ack
    assert ack is not None and ack.by == "anna"


def test_worse_again_within_an_acknowledgement_at_that_level_is_known_already() -> None:
    desk = Desk()
    desk.hold(C, 30, rule="kept")
    desk.alerts.ack([desk.name("kept")], desk.now, by="anna")
    desk.hold(W, 100, rule="kept")
    assert desk.hold(C, 600, rule="kept") == []
    assert desk.kinds() == [K.FIRING, K.DOWNGRADE]
