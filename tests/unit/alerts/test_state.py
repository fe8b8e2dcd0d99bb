"""The state machine of one alert: rules 1–4 of the semantics, one table each."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from backends.alerts import state
from backends.alerts.model import Ack, Alert, EdgeKind, Phase, RuleTimes, Truth
from backends.states import Severity
from tests.unit.alerts.desk import BEGIN, OK, C, W, reading

FALSE, NODATA = Truth.FALSE, Truth.NODATA
LEVEL = RuleTimes(for_seconds=30.0, keep_seconds=40.0, interval_seconds=10.0)
AT_ONCE = RuleTimes(interval_seconds=10.0)
EVENT = RuleTimes(event=True)
WORDS: dict[str, Truth | Severity] = {"W": W, "C": C, "-": FALSE, "?": NODATA}


def run(times: RuleTimes, story: str, alert: Alert | None = None) -> tuple[Alert, list[EdgeKind]]:
    """A letter is an evaluation, ten seconds after the last: W, C, - (FALSE), ? (NODATA), "." (none at all)."""
    now, edges = BEGIN, []
    alert = alert or state.fresh(reading(W, now))
    for letter in story.replace(" ", ""):
        now += 10.0
        if letter != ".":
            alert, more = state.step(alert, reading(WORDS[letter], now), times, now)
            edges += [edge.kind for edge in more]
        alert, more = state.tick(alert, times, now)
        edges += [edge.kind for edge in more]
    return alert, edges


@pytest.mark.parametrize(
    ("story", "phase"),
    [
        ("W", Phase.PENDING),
        ("WWW", Phase.PENDING),
        ("WWWW", Phase.FIRING),
        ("WW-", Phase.INACTIVE),
        ("WW-WWW", Phase.PENDING),
        ("WW-WWWW", Phase.FIRING),
        ("WWWW-", Phase.RECOVERING),
        ("WWWW----", Phase.RECOVERING),
        ("WWWW-----", Phase.RESOLVED),
        ("WWWW---W", Phase.FIRING),
        ("WWWW---W----", Phase.RECOVERING),
    ],
)
def test_for_and_keep_are_waited_out(story: str, phase: Phase) -> None:
    assert run(LEVEL, story)[0].phase is phase


def test_without_for_it_fires_at_once_and_without_keep_it_is_over_at_once() -> None:
    assert run(AT_ONCE, "W") == (run(AT_ONCE, "W")[0], [EdgeKind.FIRED])
    assert run(AT_ONCE, "W-")[1] == [EdgeKind.FIRED, EdgeKind.RESOLVED]


def test_coming_back_while_it_recovers_is_no_new_firing() -> None:
    alert, edges = run(LEVEL, "WWWW--W")
    assert edges == [EdgeKind.PENDING, EdgeKind.FIRED, EdgeKind.RECOVERING, EdgeKind.BACK]
    assert alert.episode == 1


@pytest.mark.parametrize(
    ("story", "phase"),
    [
        ("WW??W", Phase.PENDING),  # ten seconds that are known, twenty that are not
        ("WW??WWW", Phase.FIRING),
        ("WW???WW", Phase.PENDING),  # a third one sets the clock back
        ("WW???WWWW", Phase.FIRING),
        ("WWWW" + "?" * 50, Phase.FIRING),
        ("WW" + "?" * 50, Phase.PENDING),
        ("WWWW-" + "?" * 50, Phase.RECOVERING),
        ("WWWW--??--", Phase.RECOVERING),
        ("WWWW--??---", Phase.RESOLVED),
    ],
)
def test_what_is_not_known_pauses_a_wait_and_never_ends_an_alert(story: str, phase: Phase) -> None:
    assert run(LEVEL, story)[0].phase is phase


def test_unknown_is_said_after_90_seconds_and_taken_back_with_the_first_data() -> None:
    alert, edges = run(AT_ONCE, "W" + "?" * 9)
    assert not alert.unknown
    alert, edges = run(AT_ONCE, "W" + "?" * 10)
    assert alert.unknown and edges[-1] is EdgeKind.UNKNOWN and alert.phase is Phase.FIRING
    alert, edges = run(AT_ONCE, "W" + "?" * 10 + "W")
    assert not alert.unknown and edges[-1] is EdgeKind.KNOWN


def test_unknown_waits_three_intervals_of_a_slow_rule() -> None:
    slow = RuleTimes(interval_seconds=60.0)
    assert not run(slow, "W" + "?" * 18)[0].unknown
    assert run(slow, "W" + "?" * 19)[0].unknown


def test_no_reading_at_all_is_not_known_either() -> None:
    alert, _ = run(AT_ONCE, "W" + "." * 10)
    assert alert.unknown and alert.phase is Phase.FIRING


def test_a_wait_that_was_slept_through_begins_again() -> None:
    assert run(LEVEL, "W" + "." * 10 + "W")[0].phase is Phase.PENDING
    assert run(LEVEL, "W" + "." * 10 + "WWWW")[0].phase is Phase.FIRING
    assert run(LEVEL, "WWWW-" + "." * 20 + "-")[0].phase is Phase.RECOVERING
    assert (
        run(LEVEL, "W" + "." * 2 + "W")[0].phase is Phase.FIRING
    )  # shorter than the wait: nothing is known against it


def test_it_becomes_worse_at_once_and_better_only_after_keep() -> None:
    alert, edges = run(LEVEL, "WWWWC")
    assert alert.severity is C and edges[-1] is EdgeKind.UPGRADED
    assert run(LEVEL, "WWWWCWWWW")[0].severity is C
    alert, edges = run(LEVEL, "WWWWCWWWWW")
    assert alert.severity is W and edges[-1] is EdgeKind.DOWNGRADED
    assert run(LEVEL, "WWWWCWWWCWWW")[0].severity is C
    assert run(LEVEL, "WWWWC--WWW")[0].severity is W  # well counts as lower


@pytest.mark.parametrize(("given_at", "kept"), [(W, False), (C, True)])
def test_an_acknowledgement_given_below_ends_when_it_becomes_worse(given_at: Severity, kept: bool) -> None:
    alert, _ = run(AT_ONCE, "W")
    ack = Ack(by="anna", time=BEGIN, until=BEGIN + 9e5, severity=given_at)
    worse, edges = state.step(replace(alert, ack=ack), reading(C, BEGIN + 20), AT_ONCE, BEGIN + 20)
    assert (worse.ack is not None) is kept
    assert (EdgeKind.ACK_ENDED in [edge.kind for edge in edges]) is not kept


@pytest.mark.parametrize("severity", [OK, Severity.UNKNOWN])
def test_a_level_that_cannot_fire_is_as_good_as_no_data(severity: Severity) -> None:
    alert, edges = state.step(state.fresh(reading(W, BEGIN)), reading(severity, BEGIN), AT_ONCE, BEGIN)
    assert alert.phase is Phase.INACTIVE and edges == ()
    firing, _ = run(AT_ONCE, "W")
    assert state.step(firing, reading(severity, BEGIN + 20), AT_ONCE, BEGIN + 20)[0].phase is Phase.FIRING


def test_an_information_fires_without_a_level() -> None:
    alert, edges = state.step(
        state.fresh(reading(W, BEGIN)), reading(W, BEGIN), RuleTimes(info=True, interval_seconds=10.0), BEGIN
    )
    assert alert.phase is Phase.FIRING and alert.severity is OK and edges[0].kind is EdgeKind.FIRED


def test_an_event_fires_with_its_own_time_and_ends_by_newer_evidence_only() -> None:
    alert, _ = state.step(state.fresh(reading(C, 0)), reading(C, BEGIN - 500), EVENT, BEGIN)
    assert alert.phase is Phase.FIRING and alert.fired == BEGIN - 500 and alert.telling.waiting == BEGIN
    for truth, time in ((FALSE, BEGIN - 600), (FALSE, BEGIN - 500), (NODATA, BEGIN)):
        assert state.step(alert, reading(truth, time), EVENT, BEGIN)[0].phase is Phase.FIRING
    assert state.tick(alert, EVENT, BEGIN + 1e6)[0].phase is Phase.FIRING
    done, edges = state.step(alert, reading(FALSE, BEGIN - 400), EVENT, BEGIN)
    assert done.phase is Phase.RESOLVED and [edge.kind for edge in edges] == [EdgeKind.RESOLVED]
    again, edges = state.step(done, reading(C, BEGIN - 500), EVENT, BEGIN + 5)
    assert again is done and edges == ()  # an old line, read again


def test_an_event_never_becomes_better_by_absence() -> None:
    alert, _ = state.step(state.fresh(reading(C, 0)), reading(C, BEGIN), EVENT, BEGIN)
    assert state.step(alert, reading(W, BEGIN + 4000), EVENT, BEGIN + 4000)[0].severity is C


def test_a_clock_ahead_of_ours_counts_as_now_and_an_old_sample_changes_nothing() -> None:
    alert, _ = state.step(state.fresh(reading(W, 0)), reading(W, BEGIN + 9e9), LEVEL, BEGIN)
    assert alert.first_true == BEGIN
    assert state.step(alert, reading(FALSE, BEGIN - 1), LEVEL, BEGIN + 10)[0] is alert


def test_firing_again_within_ten_minutes_is_the_same_episode_and_keeps_the_acknowledgement() -> None:
    ack = Ack(by="anna", time=BEGIN, until=BEGIN + 9e5, severity=W)
    done = replace(run(AT_ONCE, "W-")[0], ack=ack)
    soon, _ = state.step(done, reading(W, BEGIN + 620), AT_ONCE, BEGIN + 620)
    assert (soon.episode, soon.ack) == (1, ack)
    late, _ = state.step(done, reading(W, BEGIN + 621), AT_ONCE, BEGIN + 621)
    assert (late.episode, late.ack) == (2, None)
    worse, _ = state.step(done, reading(C, BEGIN + 60), AT_ONCE, BEGIN + 60)
    assert (worse.episode, worse.ack) == (1, None)


@given(st.lists(st.sampled_from("WC-?."), max_size=60), st.sampled_from([LEVEL, AT_ONCE]))
def test_however_it_goes_the_phases_follow_each_other_as_they_should(story: list[str], times: RuleTimes) -> None:
    allowed = {
        Phase.INACTIVE: {Phase.PENDING, Phase.FIRING},
        Phase.PENDING: {Phase.FIRING, Phase.INACTIVE, Phase.RESOLVED},
        Phase.FIRING: {Phase.RECOVERING, Phase.RESOLVED},
        Phase.RECOVERING: {Phase.FIRING, Phase.RESOLVED},
        Phase.RESOLVED: {Phase.PENDING, Phase.FIRING},
    }
    alert, now = state.fresh(reading(W, BEGIN)), BEGIN
    for letter in story:
        now, before = now + 10.0, alert
        if letter != ".":
            alert, _ = state.step(alert, reading(WORDS[letter], now), times, now)
        alert, _ = state.tick(alert, times, now)
        assert alert.phase is before.phase or alert.phase in allowed[before.phase]
        if letter in "?.":
            assert alert.phase is before.phase
        if alert.phase is Phase.RESOLVED and before.phase is not Phase.RESOLVED:
            assert letter == "-"
        assert alert.episode >= before.episode
        assert alert.unknown <= alert.active
