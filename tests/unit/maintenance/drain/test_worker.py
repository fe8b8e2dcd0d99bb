"""The steps drain and resume, against a scheduler in memory that obeys at once."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from backends.clock import ManualClock
from backends.errors import AskOperator, RetryLater, Stop
from backends.maintenance.drain import tokens
from backends.maintenance.drain.base import Job, Prior, Standing, is_ours, reason_of
from backends.maintenance.drain.none import Unscheduled
from backends.maintenance.drain.worker import RESUME_SECONDS, DrainWorker, ResumeWorker
from backends.maintenance.worker import Look, Place, Told
from tests.unit.maintenance.drain.places import DRAIN, RESUME, drain_place, plan, resume_place

OURS = reason_of(plan("lab2"))
JOBS = (Job(id="41", user="alice", left_seconds=600.0), Job(id="43", user="bob", left_seconds=60.0))
FREE = Standing(node="lab2", state="IDLE", drained=False, serving=True, idle=True)


class Simulated:
    """Implements `Broker`."""

    scheduler = "Slurm"

    def __init__(self, now: Standing = FREE, *, names_author: bool = True):
        self.now, self.names_author = now, names_author
        self.drains = self.resumes = 0
        self.is_down = False

    def standing(self, place: Place) -> Standing:
        if self.is_down:
            raise RetryLater("Slurm does not answer")
        return self.now

    def drain(self, place: Place, reason: str) -> None:
        self.drains += 1
        self.now = replace(
            self.now, state=f"{self.now.state}+DRAIN", drained=True, serving=False, reason=reason, who="root"
        )

    def progress(self, place: Place) -> Standing:
        return self.standing(place)

    def resume(self, place: Place, prior: Prior) -> None:
        self.resumes += 1
        self.now = FREE

    def hint(self, node: str) -> str:
        return f"look at {node}"

    def by_another(self, reason: str = "bad fan", who: str = "bob") -> None:
        self.now = replace(self.now, state="IDLE+DRAIN", drained=True, serving=False, reason=reason, who=who)


class Host:
    """One host of a run: its tokens are kept as the runner keeps them."""

    def __init__(self, broker: Simulated | Unscheduled):
        self.clock = ManualClock()
        self.drain = DrainWorker(lambda _host: broker, self.clock)
        self.resume = ResumeWorker(lambda _host: broker, self.clock)
        self.tokens: Mapping[int, str] = {}

    def begin(self, reason: str = "") -> None:
        self._note(DRAIN, self.drain.begin(drain_place(tokens=self.tokens, reason=reason)))

    def look(self, reason: str = "") -> Look:
        found = self.drain.look(drain_place(tokens=self.tokens, reason=reason), self.tokens[DRAIN])
        if found.token:
            self._note(DRAIN, found.token)
        return found

    def begin_resume(self) -> None:
        self._note(RESUME, self.resume.begin(resume_place(tokens=self.tokens)))

    def look_resume(self) -> Look:
        return self.resume.look(resume_place(tokens=self.tokens), self.tokens[RESUME])

    def drained(self) -> None:
        self.begin()
        assert self.look().told is Told.DONE

    def _note(self, step: int, token: str) -> None:
        self.tokens = {**self.tokens, step: token}


def test_the_reason_names_run_and_operator_and_no_attempt() -> None:
    assert OURS == "swarm r-1 alice: monthly-patch"


@given(st.text(max_size=300), st.text(max_size=300))
def test_a_reason_is_plain_text_whatever_people_are_called(who: str, name: str) -> None:
    reason = reason_of(plan("lab2", who=who, name=name))
    assert reason.isascii() and reason.isprintable() and len(reason) <= 200
    assert not set("'\"\\`$[]|;&<>") & set(reason)
    assert is_ours(replace(FREE, drained=True, reason=reason), reason)


def test_nothing_is_changed_before_the_token_is_written_down() -> None:
    broker = Simulated(replace(FREE, state="MIXED", jobs=JOBS, idle=False))
    host = Host(broker)
    host.begin()
    assert broker.drains == 0
    assert tokens.read_drain(host.tokens[DRAIN]).prior == Prior(state="MIXED")


def test_running_jobs_are_waited_for_with_an_end_in_sight() -> None:
    broker = Simulated(replace(FREE, state="MIXED", jobs=JOBS, idle=False))
    host = Host(broker)
    host.begin()
    look = host.look()
    assert (look.told, look.state, broker.drains) == (Told.GOING, "draining", 1)
    assert look.text == "waits for 2 jobs, at most 10m left: 41 of alice, 43 of bob"
    assert look.eta == host.clock.now() + 600.0
    broker.now = replace(broker.now, jobs=JOBS[:1])
    assert host.look().done == 0.5
    broker.now = replace(broker.now, jobs=(), idle=True)
    over = host.look()
    assert over.told is Told.DONE
    assert over.facts["waited for"] == "41 of alice\n43 of bob"
    assert over.facts["before"] == "MIXED"
    assert broker.drains == 1


def test_a_job_without_limit_gives_no_end() -> None:
    jobs = (*JOBS, Job(id="9", user="eve"))
    host = Host(Simulated(replace(FREE, jobs=jobs, idle=False)))
    host.begin()
    look = host.look()
    assert look.eta is None and "no known end" in look.text


def test_what_runs_can_be_read() -> None:
    host = Host(Simulated(replace(FREE, state="MIXED", jobs=JOBS, idle=False)))
    host.begin()
    lines = host.drain.output(drain_place(tokens=host.tokens), host.tokens[DRAIN]).splitlines()
    assert lines == ["lab2: MIXED", "41 · alice · 10m left", "43 · bob · 1m left"]


def test_a_crash_after_the_drain_drains_nothing_twice() -> None:
    broker = Simulated()
    host = Host(broker)
    host.begin()
    before = host.tokens
    host.look()
    host.tokens = before  # the engine died before it could write the newer token down
    assert host.look().told is Told.DONE
    assert broker.drains == 1


def test_our_own_reason_without_a_token_is_recognised() -> None:
    broker = Simulated()
    Host(broker).begin()
    broker.drain(drain_place(), OURS)
    host = Host(broker)
    host.drained()
    assert broker.drains == 1
    host.begin_resume()
    assert host.look_resume().told is Told.DONE
    assert broker.resumes == 1


def test_another_attempt_keeps_what_the_first_one_found() -> None:
    host = Host(Simulated())
    host.drained()
    first = tokens.read_drain(host.tokens[DRAIN]).prior
    host.begin()
    assert tokens.read_drain(host.tokens[DRAIN]).prior == first == Prior(state="IDLE")


def test_a_node_of_somebody_else_is_asked_about_with_name_and_reason() -> None:
    broker = Simulated()
    broker.by_another()
    with pytest.raises(AskOperator, match="bob: bad fan") as asked:
        Host(broker).begin()
    assert "keep" in str(asked.value.hint)


def test_kept_as_it_was_and_never_resumed() -> None:
    broker = Simulated()
    broker.by_another()
    host = Host(broker)
    host.begin(reason="keep")
    assert host.look().told is Told.DONE
    host.begin_resume()
    look = host.look_resume()
    assert (look.told, look.state) == (Told.DONE, "left drained")
    assert "bob: bad fan" in look.text
    assert (broker.drains, broker.resumes) == (0, 0)


def test_another_answer_than_keep_asks_again() -> None:
    broker = Simulated()
    broker.by_another()
    with pytest.raises(AskOperator):
        Host(broker).begin(reason="go on")


def test_drained_by_somebody_else_in_between_is_asked_about() -> None:
    broker = Simulated()
    host = Host(broker)
    host.begin()
    broker.by_another()
    with pytest.raises(AskOperator, match="bob"):
        host.look()
    host.look(reason="keep")
    assert host.look().told is Told.DONE
    assert (broker.drains, tokens.read_drain(host.tokens[DRAIN]).kept) == (0, True)


def test_kept_and_given_back_by_its_owner_is_drained_after_that_is_written_down() -> None:
    broker = Simulated()
    broker.by_another()
    host = Host(broker)
    host.begin(reason="keep")
    broker.now = FREE
    look = host.look()
    assert "bob gave it back" in look.text and broker.drains == 0
    assert host.look().told is Told.DONE
    assert broker.drains == 1


def test_nobody_fights_with_the_run_over_a_node() -> None:
    broker = Simulated(replace(FREE, jobs=JOBS, idle=False))
    host = Host(broker)
    host.begin()
    host.look()
    broker.now = replace(FREE, jobs=JOBS, idle=False)
    with pytest.raises(AskOperator, match="given lab2 back"):
        host.look()
    host.begin(reason="drain it")
    host.look()
    assert broker.drains == 2


def test_a_silent_scheduler_is_for_later_at_every_call() -> None:
    broker = Simulated()
    host = Host(broker)
    broker.is_down = True
    with pytest.raises(RetryLater):
        host.begin()
    broker.is_down = False
    host.begin()
    broker.is_down = True
    with pytest.raises(RetryLater):
        host.look()
    broker.is_down = False
    assert host.look().told is Told.DONE


def test_resumed_once_and_seen_in_service() -> None:
    broker = Simulated()
    host = Host(broker)
    host.drained()
    host.begin_resume()
    assert host.look_resume().state == "in service"
    assert host.look_resume().told is Told.DONE
    assert broker.resumes == 1


def test_a_reason_that_is_no_longer_ours_is_left_alone() -> None:
    broker = Simulated()
    host = Host(broker)
    host.drained()
    broker.by_another("GPU 3 must be changed", "eve")
    host.begin_resume()
    look = host.look_resume()
    assert (look.told, broker.resumes) == (Told.DONE, 0)
    assert "eve: GPU 3 must be changed" in look.facts["left drained"]


def test_what_the_scheduler_put_over_our_drain_goes_with_it() -> None:
    broker = Simulated()
    host = Host(broker)
    host.drained()
    broker.now = replace(
        broker.now, state="DOWN+DRAIN", reason="Node unexpectedly rebooted", who="slurm", by_scheduler=True
    )
    host.begin_resume()
    assert host.look_resume().told is Told.DONE
    assert broker.resumes == 1


def test_a_node_whose_daemon_is_away_is_not_given_back_and_fails_after_a_while() -> None:
    broker = Simulated()
    host = Host(broker)
    host.drained()
    broker.now = replace(broker.now, state="DOWN+DRAIN+NOT_RESPONDING", silent=True)
    host.begin_resume()
    assert host.look_resume().told is Told.GOING
    host.clock.advance(RESUME_SECONDS)
    look = host.look_resume()
    assert (look.told, look.hint, broker.resumes) == (Told.FAILED, "look at lab2", 0)


def test_a_host_that_was_not_drained_by_the_run_is_not_touched() -> None:
    broker = Simulated()
    broker.by_another()
    host = Host(broker)
    host.begin_resume()
    assert host.look_resume().state == "untouched"
    assert broker.resumes == 0


def test_a_damaged_token_resumes_nothing() -> None:
    broker = Simulated()
    host = Host(broker)
    host.drained()
    host.begin_resume()
    host.tokens = {**host.tokens, DRAIN: '{"node": 3}'}
    with pytest.raises(Stop):
        host.look_resume()
    assert broker.resumes == 0


def test_without_a_named_author_the_journal_decides() -> None:
    broker = Simulated(names_author=False)
    host = Host(broker)
    host.drained()
    host.begin()
    assert host.look().told is Told.DONE
    host.begin_resume()
    assert host.look_resume().told is Told.DONE
    assert (broker.drains, broker.resumes) == (1, 1)
    other = Simulated(names_author=False)
    other.by_another()
    with pytest.raises(AskOperator):
        Host(other).begin()


def test_without_scheduler_both_steps_are_over_at_once() -> None:
    host = Host(Unscheduled())
    host.drained()
    host.begin_resume()
    assert host.look_resume().told is Told.DONE


@given(st.lists(st.sampled_from(["look", "crash", "begin", "other", "free", "resume"]), max_size=12))
def test_nothing_that_we_did_not_drain_is_ever_resumed(events: list[str]) -> None:
    """Whatever happens in whatever order: a resume is only ever sent while our own reason stands there."""

    class Watched(Simulated):
        def resume(self, place: Place, prior: Prior) -> None:
            assert is_ours(self.now, OURS)
            super().resume(place, prior)

    broker = Watched()
    host = Host(broker)
    kept: list[Mapping[int, str]] = [{}]
    for event in events:
        try:
            if event == "other":
                broker.by_another()
            elif event == "free":
                broker.now = FREE
            elif event == "crash":
                host.tokens = kept[-1]
            elif event == "begin":
                host.begin(reason="keep")
            elif event == "look" and DRAIN in host.tokens:
                kept.append(host.tokens)
                host.look()
            elif event == "resume":
                host.begin_resume()
                host.look_resume()
        except AskOperator:
            continue
