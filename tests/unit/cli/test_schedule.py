"""`schedule`: what happens by itself and when; what is due is done and waited for; the worst result is the exit status."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from backends.errors import BadInput
from backends.schedule.book import Occurrence, State
from backends.schedule.views import Came, Going, SchedulesView
from swarm_tui.cli import schedule as module
from tests.unit import schedule_calls as data
from tests.unit.cli.conftest import Run, Serve
from tests.unit.fake_engine import FakeEngine


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "POLL_SECONDS", 0.001)


def engine_with(serve: Serve, **answers: Any) -> FakeEngine:
    given = {name.replace(".", "__"): answer for name, answer in data.ANSWERS.items()}
    return serve(**given | answers)


def open_now(going: Going | None) -> SchedulesView:
    came = (Came(occurrence=data.OPEN, going=going),)
    return SchedulesView(
        schedules=(replace(data.NIGHTLY, last=data.OPEN, going=going, recent=came),), began=(data.OPEN,)
    )


def ended(state: State, text: str = "") -> SchedulesView:
    one = replace(data.OPEN, state=state, text=text)
    return SchedulesView(schedules=(replace(data.NIGHTLY, last=one, recent=(Came(occurrence=one),)),))


def test_the_list_has_a_line_each_and_the_next_times_with_their_marks(run: Run, serve: Serve) -> None:
    engine_with(serve)
    ran = run("schedule", "list")
    lines = ran.out.splitlines()
    assert lines[0].split() == ["NAME", "ACTION", "HOSTS", "NEXT", "LAST", "RESULT"]
    assert "backup:models" in lines[1] and "Sat 2026-10-24 04:00 CEST" in lines[1] and "done: 12 hosts" in lines[1]
    assert "all" in lines[2] and "never" in lines[2]
    assert 'nightly: backup:models, "0 4 * * *" (Europe/Zurich)' in lines
    (marked,) = [line for line in lines if "clocks go back 1h" in line]
    assert "Sun 2026-10-25 04:00 CET" in marked and "UTC 2026-10-25 03:00" in marked and "here" in marked
    assert ran.status == 0


def test_json_has_every_field(run: Run, serve: Serve) -> None:
    engine_with(serve)
    first, second = run("schedule", "list", "--json").json()
    assert first["next"][1]["change"] == "clocks go back 1h" and first["last"]["state"] == "done"
    assert second["last"] is None and second["timezone"] == "" and second["built_in"] is False


def test_one_schedule_is_shown_by_its_name(run: Run, serve: Serve) -> None:
    engine_with(serve)
    ran = run("schedule", "list", "hourly")
    assert ran.out.startswith("hourly: check") and "nightly" not in ran.out
    missing = run("schedule", "list", "hourli")
    assert missing.status == 3 and "there are: nightly, hourly" in missing.err


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (State.DONE, 0),
        (State.BLACKOUT, 0),
        (State.PARTLY, 1),
        (State.MISSED, 1),
        (State.ASKS, 1),
        (State.FAILED, 2),
    ],
)
def test_the_exit_status_is_that_of_the_worst_result(run: Run, serve: Serve, state: State, status: int) -> None:
    engine_with(serve, schedules__list=ended(state, "gpu07: cannot be reached"))
    ran = run("schedule", "list")
    assert ran.status == status and f"{state}: gpu07: cannot be reached" in ran.out


def test_a_schedule_that_can_do_nothing_says_why(run: Run, serve: Serve) -> None:
    view = SchedulesView(schedules=(replace(data.NIGHTLY, problem="no tag a100"),))
    engine_with(serve, schedules__list=view)
    ran = run("schedule", "list")
    assert ran.status == 1 and "no tag a100" in ran.out


def test_due_waits_until_nothing_is_at_work(run: Run, serve: Serve) -> None:
    views = iter([open_now(Going(working=1)), open_now(Going(waiting=1)), ended(State.DONE, "12 hosts")])
    engine_with(serve, schedules__due=open_now(Going(working=2)), schedules__list=lambda params: next(views))
    ran = run("schedule", "due")
    assert ran.status == 0 and "done: 12 hosts" in ran.out


def test_due_does_not_wait_for_hosts_that_are_away(run: Run, serve: Serve) -> None:
    engine_with(serve, schedules__due=open_now(Going(away=("gpu07",))))
    ran = run("schedule", "due")
    assert ran.status == 3 and "1 cannot be reached" in ran.out


def test_due_waits_no_longer_than_it_is_told(run: Run, serve: Serve) -> None:
    going = open_now(data.GOING)
    engine = engine_with(serve, schedules__due=going, schedules__list=going)
    ran = run("schedule", "due", "--no-wait")
    assert ran.status == 3 and "2 at work, 3 wait for their moment, 1 cannot be reached" in ran.out
    assert "schedules.list" not in [method for method, _ in engine.calls]
    assert run("schedule", "due", "--minutes", "0.0001").status == 3


def test_nothing_due_is_fine(run: Run, serve: Serve) -> None:
    engine_with(serve, schedules__due=data.VIEW)
    ran = run("schedule", "due")
    assert (ran.status, ran.out) == (0, "nothing is due\n")
    assert run("schedule", "due", "--json").json() == []


def test_due_tells_what_failed(run: Run, serve: Serve) -> None:
    view = replace(ended(State.FAILED, "no borg here"), began=(data.OPEN,))
    engine_with(serve, schedules__due=view)
    ran = run("schedule", "due", "--json")
    assert ran.status == 2 and ran.json()[0]["text"] == "no borg here"


def test_run_does_one_now(run: Run, serve: Serve) -> None:
    engine = engine_with(serve)
    ran = run("schedule", "run", "nightly")
    assert ran.status == 0 and ("schedules.run", {"name": "nightly"}) in engine.calls
    assert ran.out.startswith("nightly of ")


def test_run_waits_for_the_one_that_was_asked_for_not_for_a_newer_one(run: Run, serve: Serve) -> None:
    asked = replace(data.OPEN, manual=True)
    newer = replace(data.OPEN, time=data.NOW + 60, began=data.NOW + 60)

    def view(one: Occurrence) -> SchedulesView:
        came = (Came(occurrence=newer, going=Going(waiting=9)), Came(occurrence=one))
        return SchedulesView(schedules=(replace(data.NIGHTLY, last=newer, recent=came),), began=(asked,))

    over = replace(asked, state=State.PARTLY, text="gpu07: disk full")
    engine_with(serve, schedules__run=view(asked), schedules__list=view(over))
    ran = run("schedule", "run", "nightly")
    assert (ran.status, ran.out, ran.err) == (1, "nightly now: partly done: gpu07: disk full\n", "")


def test_whoever_waits_for_moments_is_told_so_once(run: Run, serve: Serve) -> None:
    waiting = open_now(Going(waiting=3))
    views = iter([waiting, waiting, ended(State.DONE, "3 hosts")])
    engine_with(serve, schedules__due=waiting, schedules__list=lambda params: next(views))
    ran = run("schedule", "due")
    assert ran.status == 0 and ran.err.count("waiting for the moments of 3 hosts; --at-once") == 1


def test_due_at_once_asks_for_that(run: Run, serve: Serve) -> None:
    engine = engine_with(serve)
    run("schedule", "due", "--at-once")
    run("schedule", "due")
    asked = [params for method, params in engine.calls if method == "schedules.due"]
    assert asked == [{"at_once": True}, {"at_once": False}]


def test_a_refusal_is_told_with_its_next_step(run: Run, serve: Serve) -> None:
    error = BadInput('no schedule "x"', hint="there are: nightly")

    def refuse(params: object) -> object:
        raise error

    engine_with(serve, schedules__run=refuse)
    ran = run("schedule", "run", "x")
    assert ran.status != 0 and 'no schedule "x"' in ran.err and "there are: nightly" in ran.err
