"""Triages: side by side, one at a host at a time, an error is an outcome, captures bounded, everything on the timeline."""

from __future__ import annotations

from pathlib import Path

import pytest

from backends.engine import triages as module
from backends.engine.triages import GAP_SECONDS, MOST_CAPTURES, MOST_HOSTS, SIDE_BY_SIDE
from backends.errors import BadInput, RetryLater
from backends.states import HostState, Severity
from backends.triage.context import Context
from backends.triage.views import worst
from tests.unit.engine.triage_bench import ILL, LOST, WELL, bench
from tests.unit.triage.samples import GPUS

MANY = tuple(f"h{number:03}" for number in range(MOST_CAPTURES + 10))


def test_every_host_gives_an_outcome_and_its_bundle_is_kept(tmp_path: Path) -> None:
    with bench(tmp_path) as on:
        on.answers = {"gpu2": ILL, "gpu3": LOST}
        well, ill, lost = on.triages.run(["gpu1", "gpu2", "gpu3"], actor="alice")
        assert [each.standing for each in (well, ill, lost)] == ["done", "done", "failed"]
        assert well.number is not None and on.triages.get(well.number).sections
        assert well.bundle is not None and not well.bundle.sections, "the sections are asked for by number"
        assert (lost.error, lost.hint) == (LOST.message, LOST.hint)
        assert worst((well, ill)) is Severity.CRITICAL and worst((well, lost)) is Severity.UNKNOWN
        assert {row.host for row in on.triages.list()} == {"gpu1", "gpu2"}
        assert on.triages.in_flight() == ()


def test_the_timeline_tells_the_verdict_who_asked_and_what_failed() -> None:
    with bench() as on:
        on.answers = {"gpu2": ILL, "gpu3": LOST}
        for host in ("gpu1", "gpu2", "gpu3"):
            on.triages.run([host], "alert disk", "alice")
        assert on.told == [
            ("triage 1 (alert disk): Nothing wrong was found.", "gpu1", "alice", Severity.OK),
            (f"triage 2 (alert disk): {ILL.strip.text}", "gpu2", "alice", Severity.CRITICAL),
            (f"no triage (alert disk): {LOST.message}", "gpu3", "alice", Severity.WARNING),
        ]


def test_a_bug_at_one_host_is_told_and_no_other_hosts_matter() -> None:
    with bench() as on:
        on.answers = {"gpu1": ValueError("boom")}
        broken, fine = on.triages.run(["gpu1", "gpu2"])
        assert "boom" in broken.error and fine.standing == "done"
        assert on.bugs == [("gpu1", "boom")]


def test_a_host_that_is_being_asked_is_not_asked_a_second_time() -> None:
    with bench() as on:
        release = on.hold("gpu1")
        first = on.triages.start(["gpu1"], actor="alice")
        on.until_asked()
        second = on.triages.start(["gpu1"], actor="bob")
        assert second.outcomes[0].standing == "asking"
        assert on.triages.in_flight() == ("triage of gpu1",)
        release()
        on.until_quiet()
        assert on.asked == [("gpu1", "asked")]
        numbers = {on.triages.round(each.id).outcomes[0].number for each in (first, second)}
        assert numbers == {1}


def test_a_round_says_who_waits_who_is_asked_and_for_how_long() -> None:
    with bench(hosts=MANY) as on:
        release = on.hold(*MANY[:20])
        begun = on.triages.start(MANY[:20])
        on.until_asked(SIDE_BY_SIDE)
        on.clock.advance(4.0)
        now = on.triages.round(begun.id)
        assert not now.ended
        standings = [each.standing for each in now.outcomes]
        assert standings.count("asking") == SIDE_BY_SIDE and standings.count("waiting") == 20 - SIDE_BY_SIDE
        assert {each.seconds for each in now.outcomes if each.standing == "asking"} == {4.0}
        release()
        on.until_quiet()
        assert on.triages.round(begun.id).ended


def test_who_waits_no_longer_gets_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAIT_SECONDS", 0.01)
    with bench() as on:
        on.hold("gpu1")
        outcomes = on.triages.run(["gpu1"])
        assert [each.standing in ("asking", "waiting") for each in outcomes] == [True]


@pytest.mark.parametrize("hosts", [(), tuple(f"h{number}" for number in range(MOST_HOSTS + 1))])
def test_no_host_and_far_too_many_are_refused(hosts: tuple[str, ...]) -> None:
    with bench() as on, pytest.raises(BadInput):
        on.triages.start(hosts)


def test_a_round_that_nobody_remembers_is_an_error() -> None:
    with bench() as on, pytest.raises(BadInput, match="no triage round 7"):
        on.triages.round(7)


def test_a_host_without_a_way_says_why_there_is_none() -> None:
    with bench(why=lambda host: ("connection refused (gpu1:22)", "is sshd running there?")) as on:
        on.answers["gpu1"] = RetryLater("not connected")
        (outcome,) = on.triages.run(["gpu1"])
        assert outcome.error == "not connected: connection refused (gpu1:22)"
        assert outcome.hint == "is sshd running there?"


# Captures -----------------------------------------------------------------------------------------------------------


def test_a_capture_is_made_in_the_background_once_in_ten_minutes() -> None:
    with bench() as on:
        assert on.triages.capture("gpu1", "alert gpu.xid")
        on.until_quiet()
        assert not on.triages.capture("gpu1", "alert gpu.xid")
        on.clock.advance(GAP_SECONDS + 1)
        assert on.triages.capture("gpu1", "alert gpu.lost")
        on.until_quiet()
        assert on.asked == [("gpu1", "alert gpu.xid"), ("gpu1", "alert gpu.lost")]
        assert [row.reason for row in on.triages.list("gpu1")] == ["alert gpu.lost", "alert gpu.xid"]


@pytest.mark.parametrize("state", [HostState.UNREACHABLE, HostState.AUTH_FAILED, HostState.NO_PYTHON])
def test_a_host_that_there_is_no_way_to_is_not_captured(state: HostState) -> None:
    with bench() as on:
        on.states["gpu1"] = state
        assert not on.triages.capture("gpu1", "alert host.down")
        assert not on.triages.capture("nobody", "alert host.down")
        on.states["gpu1"] = HostState.DRIVER_HUNG
        assert on.triages.capture("gpu1", "alert gpu.hung"), "it is the driver that hangs, not the host"
        on.until_quiet()


def test_a_host_that_is_being_asked_is_not_captured_beside_it() -> None:
    with bench() as on:
        on.hold("gpu1")
        on.triages.start(["gpu1"])
        on.until_asked()
        assert not on.triages.capture("gpu1", "alert gpu.xid")


def test_a_storm_of_captures_is_bounded_and_what_is_left_out_is_said_once() -> None:
    with bench(hosts=MANY) as on:
        release = on.hold(*MANY)
        begun = [on.triages.capture(host, "alert storm") for host in MANY]
        assert begun.count(True) == MOST_CAPTURES
        assert [text for text, *_ in on.told] == [f"no triage (alert storm): {MOST_CAPTURES} captures wait already"]
        release()
        on.until_quiet()


def test_a_person_does_not_wait_behind_captures() -> None:
    with bench(hosts=MANY) as on:
        release = on.hold(*MANY[:4])
        for host in MANY[:10]:
            on.triages.capture(host, "alert storm")
        on.until_asked(4)
        outcome = on.triages.run([MANY[9]])[0]
        assert outcome.standing == "done"
        release()
        on.until_quiet()
        assert [host for host, _ in on.asked].count(MANY[9]) == 1


# What is known of a host --------------------------------------------------------------------------------------------


def test_a_host_is_expected_to_have_the_gpus_that_it_had_when_it_was_well() -> None:
    with bench() as on:
        on.made("gpu1", WELL)
        on.made("gpu1", ILL)
        assert on.contexts["gpu1"].expected_gpus == GPUS
    with bench(context=lambda host: Context(expected_gpus=4)) as on:
        on.made("gpu1")
        assert on.contexts["gpu1"].expected_gpus == 4, "the inventory knows better"


def test_a_host_is_asked_also_where_nothing_can_be_learnt_of_it_here() -> None:
    def broken(host: str) -> Context:
        raise KeyError(host)

    with bench(context=broken) as on:
        assert on.triages.run(["gpu1"])[0].standing == "done"
        assert [host for host, _ in on.bugs] == ["gpu1"]


def test_the_bundle_of_an_alert_is_the_newest_since_it_fired() -> None:
    with bench() as on:
        fired = on.clock.now()
        assert on.triages.bundle_for("gpu1", fired) is None
        number = on.made("gpu1")
        assert on.triages.bundle_for("gpu1", fired) == number
        assert on.triages.bundle_for("gpu1", on.clock.now() + 1) is None


# The end ------------------------------------------------------------------------------------------------------------


def test_the_end_of_the_engine_begins_nothing_more_and_nobody_waits_for_it() -> None:
    with bench(hosts=MANY) as on:
        release = on.hold(*MANY[:SIDE_BY_SIDE])
        begun = on.triages.start(MANY[: SIDE_BY_SIDE + 1])
        on.until_asked(SIDE_BY_SIDE)
        on.triages.stop()
        last = on.triages.round(begun.id).outcomes[-1]
        assert (last.standing, last.error) == ("failed", "the engine is ending")
        assert not on.triages.capture("h001", "alert late")
        with pytest.raises(RetryLater, match="ending"):
            on.triages.start(["h060"])
        release()
        on.until_quiet()
        assert on.told == [], "the timeline's store has ended as well"
