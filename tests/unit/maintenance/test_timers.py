"""Time that really passed: by the monotonic clock within a process, and never all of a step's time across two of them."""

from __future__ import annotations

from backends.clock import ManualClock
from backends.maintenance.model import Edge, EdgeKind, RunState
from backends.maintenance.timers import Drift, Timers
from tests.unit.maintenance.running import NOW, hosts, plan, started, then, to_done, to_step


def working() -> RunState:
    """One host, in its first step since NOW; the step may take an hour."""
    return then(started(plan(hosts(1))), *to_step("h0"))


def test_a_step_takes_what_passes_whatever_the_wall_clock_says() -> None:
    clock = ManualClock(NOW)
    timers = Timers(clock, started(plan(hosts(1))))
    host = working().hosts["h0"]
    assert timers.spent(host) == 0.0
    clock.step_wall(-90_000.0)
    clock.advance(60.0)
    assert timers.spent(host) == 60.0


def test_another_attempt_begins_anew() -> None:
    clock = ManualClock(NOW)
    timers = Timers(clock, working())
    clock.advance(60.0)
    again = then(started(plan(hosts(1))), *to_step("h0", key="other")).hosts["h0"]
    assert timers.spent(again) == 0.0


def test_the_next_process_goes_on_from_the_journal_and_leaves_five_minutes() -> None:
    assert Timers(ManualClock(NOW + 600.0), working()).spent(working().hosts["h0"]) == 600.0
    assert Timers(ManualClock(NOW + 90_000.0), working()).spent(working().hosts["h0"]) == 3300.0
    assert Timers(ManualClock(NOW - 90_000.0), working()).spent(working().hosts["h0"]) == 0.0


def test_the_time_of_a_pause_is_nobodys() -> None:
    clock = ManualClock(NOW)
    host = working().hosts["h0"]
    timers = Timers(clock, started(plan(hosts(1))))
    timers.spent(host)
    clock.advance(10.0)
    timers.freeze()
    clock.advance(500.0)
    timers.thaw([host])
    clock.advance(1.0)
    assert timers.spent(host) == 11.0


def test_a_soak_goes_on_across_processes_and_begins_anew_with_each_batch() -> None:
    over = Edge(time=NOW, kind=EdgeKind.BATCH_OVER)
    state = then(started(plan(hosts(1))), *to_done("h0"), over)
    assert Timers(ManualClock(NOW + 40.0), state).soaked(state) == 40.0
    clock = ManualClock(NOW)
    timers = Timers(clock, started(plan(hosts(1))))
    assert timers.soaked(started(plan(hosts(1)))) is None
    assert timers.soaked(state) == 0.0
    clock.step_wall(5000.0)
    clock.advance(7.0)
    assert timers.soaked(state) == 7.0


def test_being_unfit_is_counted_without_breaks() -> None:
    clock = ManualClock(NOW)
    timers = Timers(clock, started(plan(hosts(1))))
    assert timers.unfit(["h0"]) == {"h0": 0.0}
    clock.advance(5.0)
    assert timers.unfit(["h0", "h1"]) == {"h0": 5.0, "h1": 0.0}
    timers.unfit([])
    assert timers.unfit(["h0"]) == {"h0": 0.0}


def test_a_changed_clock_is_noticed_once_and_is_not_steady_for_a_while() -> None:
    clock = ManualClock(NOW)
    drift = Drift(clock)
    clock.advance(3600.0)
    assert (drift.jumped(), drift.steady) == (0.0, True)
    clock.step_wall(-3600.0)
    assert drift.jumped() == -3600.0
    assert (drift.jumped(), drift.steady) == (0.0, False)
    clock.advance(600.0)
    assert drift.steady
