"""What is put into the outbox is told: at least once, in order, over restarts, whatever the disk or the clock does."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.alerts.model import Notice, NoticeKind
from backends.alerts.outbox import Outbox
from backends.alerts.outbox_rules import LEASE_SECONDS, RETRY_SECONDS
from backends.alerts.outbox_store import Delivery, OutboxStore
from backends.clock import ManualClock
from backends.errors import BadInput, RetryLater, Stop
from backends.states import Severity
from tests.unit.alerts.receivers import notice

FIRING, RESOLVED = NoticeKind.FIRING, NoticeKind.RESOLVED


class Place:
    """A file, a clock, and engines that come and go."""

    def __init__(self, folder: Path):
        self.file, self.clock = folder / "alerts" / "outbox.sqlite", ManualClock()
        self.said: list[tuple[str, Severity]] = []
        self.store = OutboxStore(self.file)
        self.outbox = self.engine()

    def engine(self) -> Outbox:
        """A new one; the one before was killed wherever it was."""
        self.store = OutboxStore(self.file)
        self.outbox = Outbox(self.store, self.clock, on_problem=lambda code, text, how: self.said.append((code, how)))
        return self.outbox

    def add(self, given: Notice, *targets: str) -> None:
        self.outbox.add(given, targets or ("oncall",))

    def deliver(self, target: str = "oncall") -> Delivery | None:
        rows = self.outbox.take(target)
        self.outbox.done(rows, 0.1)
        return rows[0] if rows else None

    def fail(self, target: str = "oncall") -> Delivery | None:
        rows = self.outbox.take(target)
        self.outbox.failed(rows, 0.1, "refused")
        return rows[0] if rows else None

    def state(self, key: str = "n1", target: str = "oncall") -> str:
        return next(each.state for each in self.outbox.history(1000) if (each.key, each.target) == (key, target))


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    there = Place(tmp_path)
    yield there
    there.outbox.close()


def test_a_notice_is_told_to_each_target_once(place: Place) -> None:
    place.add(notice(), "oncall", "mail")
    place.add(notice(), "oncall", "mail", "chat")
    for name in ("oncall", "mail", "chat"):
        assert place.deliver(name) is not None
        assert place.deliver(name) is None
    place.add(notice(), "oncall")
    assert place.deliver() is None, "its key was told already"
    place.engine()
    place.add(notice(), "oncall")
    assert place.deliver() is None, "also by the engine before"
    assert place.outbox.rows() == ()
    assert {each.state for each in place.outbox.history()} == {"sent"}


def test_it_is_written_down_before_add_returns(place: Place) -> None:
    place.add(notice())
    place.engine()
    found = place.deliver()
    assert found is not None and found.notice == notice()


def test_an_engine_that_dies_while_sending_sends_again_after_the_lease(place: Place) -> None:
    place.add(notice())
    assert place.outbox.take("oncall")
    place.engine()
    place.outbox.tick()
    assert place.deliver() is None
    place.clock.advance(LEASE_SECONDS)
    place.outbox.tick()
    place.clock.advance(RETRY_SECONDS[0])
    assert place.deliver() is not None
    assert place.state() == "sent"


def test_an_engine_that_dies_between_retry_and_success_goes_on_where_it_was(place: Place) -> None:
    place.add(notice())
    place.fail()
    place.fail()
    place.engine()
    assert place.deliver() is None
    place.clock.advance(RETRY_SECONDS[0])
    found = place.deliver()
    assert found is not None and found.attempts == 2
    place.engine()
    place.clock.advance(1e5)
    assert place.deliver() is None


def test_it_is_tried_again_ever_more_slowly(place: Place) -> None:
    place.add(notice())
    waits = []
    for _ in range(8):
        assert place.fail() is not None
        waits.append(place.outbox.seconds_to_next("oncall"))
        place.clock.advance(waits[-1] or 0.0)
    assert waits == [5, 15, 45, 120, 300, 900, 900, 900]


@pytest.mark.parametrize(
    ("kind", "severity", "hours"),
    [
        (FIRING, Severity.CRITICAL, 24),
        (FIRING, Severity.WARNING, 2),
        (NoticeKind.DIGEST, Severity.OK, 2),
        (RESOLVED, Severity.WARNING, 24),
    ],
)
def test_it_is_given_up_visibly_and_can_be_sent_again(
    place: Place, kind: NoticeKind, severity: Severity, hours: int
) -> None:
    place.add(notice(kind=kind, severity=severity))
    began = place.clock.now()
    while place.state() != "dead":
        place.fail()
        place.clock.advance(60)
    assert hours * 3600 <= place.clock.now() - began <= hours * 3600 + 1000
    place.engine()
    (dead,) = place.outbox.rows()
    assert (dead.state, dead.reason) == ("dead", "refused")
    assert place.deliver() is None
    place.outbox.again(dead.number, "alice")
    told = place.deliver()
    assert told is not None and told.by == "alice"


def test_a_machine_that_slept_for_days_tries_before_it_gives_up(place: Place) -> None:
    place.add(notice())
    place.clock.advance(3 * 86400)
    for _ in range(5):
        place.fail()
        assert place.state() == "retry"
        place.clock.advance(900)
    place.fail()
    assert place.state() == "dead"


def test_only_what_waits_can_be_sent_again(place: Place) -> None:
    place.add(notice())
    with pytest.raises(BadInput, match="number 7"):
        place.outbox.again(7, "alice")


def test_a_clock_that_is_set_back_delays_nothing_for_long(place: Place) -> None:
    place.add(notice())
    place.fail()
    place.clock.step_wall(-30 * 86400)
    assert place.fail() is not None
    assert place.outbox.take("oncall") == ()
    place.clock.advance(RETRY_SECONDS[1])
    assert place.outbox.take("oncall")
    place.clock.step_wall(-86400)
    place.outbox.tick()
    assert place.state() == "retry"


# order and collapse


def test_the_worst_goes_first(place: Place) -> None:
    place.add(notice("w", severity=Severity.WARNING, thing="/a"))
    place.add(notice("c", thing="/b"))
    assert [getattr(place.deliver(), "key", None) for _ in range(2)] == ["c", "w"]


def test_beginning_and_end_that_both_wait_become_one(place: Place) -> None:
    place.add(notice())
    place.fail()
    place.add(notice("n2", NoticeKind.REPEAT))
    place.add(notice("end", RESOLVED, title="/ is fine", time=1_800_000_500.0))
    told = place.deliver()
    assert told is not None and told.notice.kind == RESOLVED
    assert told.notice.title == "happened while unreachable: / is fine"
    assert "/ is 97 % full" in told.notice.lines
    assert place.deliver() is None
    place.clock.advance(1e5)
    assert place.deliver() is None
    assert (place.state("n1"), place.state("n2"), place.state("end")) == ("collapsed", "collapsed", "sent")


def test_an_end_waits_for_a_beginning_that_is_on_its_way(place: Place) -> None:
    place.add(notice())
    on_its_way = place.outbox.take("oncall")
    place.add(notice("end", RESOLVED, title="/ is fine"))
    assert place.outbox.take("oncall") == ()
    place.outbox.done(on_its_way, 0.1)
    told = place.deliver()
    assert told is not None and told.notice.title == "/ is fine"


def test_when_the_beginning_fails_after_all_both_become_one(place: Place) -> None:
    place.add(notice())
    on_its_way = place.outbox.take("oncall")
    place.add(notice("end", RESOLVED, title="/ is fine"))
    place.outbox.failed(on_its_way, 4.0, "timeout")
    told = place.deliver()
    assert told is not None and told.notice.title.startswith("happened while unreachable")


def test_after_a_told_beginning_the_end_makes_what_waits_between_needless(place: Place) -> None:
    place.add(notice())
    place.deliver()
    place.add(notice("up", NoticeKind.UPGRADE))
    place.add(notice("end", RESOLVED, title="/ is fine"))
    told = place.deliver()
    assert told is not None and told.notice.title == "/ is fine"
    assert place.deliver() is None


def test_other_episodes_alerts_and_targets_are_left_alone(place: Place) -> None:
    place.add(notice("a"))
    place.add(notice("b", thing="/b"))
    place.add(notice("c"), "mail")
    place.add(notice("end", RESOLVED, episode=2))
    assert {each.state for each in place.outbox.rows()} == {"queued"}


def test_a_storm_that_is_over_before_anybody_could_be_told_is_one_message(place: Place) -> None:
    names = ("a", "b", "c")
    place.add(notice("storm", NoticeKind.STORM, fingerprints=names, episodes=(1, 4, 2), title="3 new alerts"))
    place.fail()
    place.add(notice("some", RESOLVED, fingerprints=("b",), episode=4))
    assert place.deliver() is None, "the storm has to be told before"
    place.add(notice("end", RESOLVED, fingerprints=names, episodes=(1, 4, 2), title="all fine"))
    told = place.deliver()
    assert told is not None and told.key == "some"
    told = place.deliver()
    assert told is not None and told.notice.title == "happened while unreachable: all fine"
    assert "3 new alerts" in told.notice.lines


def test_other_episodes_of_a_group_are_others(place: Place) -> None:
    place.add(notice("storm", NoticeKind.STORM, fingerprints=("a", "b"), episodes=(1, 4)))
    place.add(notice("end", RESOLVED, fingerprints=("a", "b"), episodes=(1, 5)))
    assert {each.state for each in place.outbox.rows()} == {"queued"}


def test_an_outbox_that_was_closed_still_takes_late_news(place: Place) -> None:
    place.add(notice())
    on_its_way = place.outbox.take("oncall")
    before = place.outbox
    before.close()
    before.done(on_its_way, 50.0)
    assert place.engine().rows() == ()
    assert place.state() == "sent"


def test_many_notices_are_put_in_at_once(place: Place) -> None:
    made = place.outbox.put([(notice("a"), ("x", "y")), (notice("a"), ("x",)), (notice("b", thing="/b"), ("y",))])
    assert [(each.key, each.target) for each in made] == [("a", "x"), ("a", "y"), ("b", "y")]


def test_late_news_of_a_success_is_believed(place: Place) -> None:
    place.add(notice())
    on_its_way = place.outbox.take("oncall")
    place.outbox.failed(on_its_way, 45.0, "no answer")
    place.outbox.done(on_its_way, 50.0)
    assert place.state() == "sent"
    place.outbox.failed(on_its_way, 1.0, "no")
    assert place.state() == "sent"


def test_many_are_told_together(place: Place) -> None:
    for number in range(30):
        place.add(notice(f"n{number}", thing=str(number)))
    assert place.outbox.waiting("oncall") == 30
    rows = place.outbox.take("oncall", 200)
    assert len(rows) == 30
    place.outbox.done(rows, 0.1)
    assert {each.into for each in place.outbox.history()} == {rows[0].key}
    assert place.outbox.rows() == ()


def test_what_waits_for_a_target_that_is_gone_is_held_until_it_is_back(place: Place) -> None:
    place.add(notice())
    place.outbox.adopt({"mail"})
    assert place.deliver() is None and place.state() == "held"
    place.engine().adopt({"oncall"})
    assert place.deliver() is not None


def test_incidents_are_put_in_one_by_one(place: Place) -> None:
    place.outbox.add(notice(fingerprints=("a", "b")), ("pager", "chat"), separately={"pager"})
    assert sorted((each.target, each.key) for each in place.outbox.rows()) == [
        ("chat", "n1"),
        ("pager", "n1/a"),
        ("pager", "n1/b"),
    ]


def test_whoever_delivers_is_woken(place: Place) -> None:
    woken: list[str] = []
    place.outbox.wake = woken.append
    place.add(notice(), "a", "b")
    place.add(notice(), "a")
    assert sorted(woken) == ["a", "b"]


def test_the_last_test_of_a_target_is_known_after_a_restart(place: Place) -> None:
    assert place.outbox.last_test("oncall") is None
    place.add(notice("test/oncall/2026-W48", NoticeKind.TEST))
    assert place.outbox.last_test("oncall") == place.clock.now()
    place.deliver()
    assert place.engine().last_test("oncall") == place.clock.now()
    assert place.outbox.last_test("mail") is None


# the disk


def fill(store: OutboxStore) -> None:
    """The disk is full from now on, as sqlite sees it."""
    connection = store._open()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")


def free(store: OutboxStore) -> None:
    store._open().execute("PRAGMA max_page_count = 1000000")


def test_on_a_full_disk_everything_is_delivered_and_nothing_forgotten(place: Place) -> None:
    fill(place.store)
    big = tuple("x" * 900 for _ in range(20))
    for number in range(5):
        place.add(notice(f"n{number}", thing=str(number), lines=big))
    assert "full" in place.outbox.problem
    assert place.said == [("outbox-failed", Severity.CRITICAL)], "said once"
    assert {getattr(place.deliver(), "key", None) for _ in range(2)} == {"n0", "n1"}
    place.fail()
    free(place.store)
    place.outbox.tick()
    assert place.outbox.problem == ""
    assert place.said[-1] == ("outbox-recovered", Severity.OK)
    place.engine()
    assert [place.state(f"n{number}") for number in range(5)] == ["sent", "sent", "retry", "queued", "queued"]


def test_what_was_told_while_the_disk_was_full_is_not_told_again(place: Place) -> None:
    place.add(notice())
    fill(place.store)
    place.add(notice("n2", thing="/b", lines=tuple("x" * 900 for _ in range(20))))
    assert place.deliver() is not None and place.deliver() is not None
    place.add(notice("n2", thing="/b"))
    assert place.deliver() is None


def test_an_outbox_without_its_disk_delivers_from_memory(tmp_path: Path) -> None:
    (tmp_path / "alerts").write_text("a file where the folder should be")
    place = Place(tmp_path)
    assert place.said[0] == ("outbox-failed", Severity.CRITICAL)
    place.add(notice())
    assert place.deliver() is not None
    with pytest.raises(RetryLater, match="outbox") as refused:
        place.outbox.history()
    assert "df -h" in (refused.value.hint or "")
    (tmp_path / "alerts").unlink()
    place.add(notice("n2", thing="/b"))
    place.outbox.tick()
    assert place.outbox.problem == ""
    assert place.engine().rows()[0].key == "n2"


def test_a_damaged_file_is_moved_aside_and_what_is_known_is_written_anew(place: Place) -> None:
    for number in range(40):
        place.add(notice(f"n{number}", thing=str(number), lines=tuple("x" * 900 for _ in range(9))))
    place.outbox.close()
    place.file.with_name(place.file.name + "-wal").unlink(missing_ok=True)
    data = bytearray(place.file.read_bytes())
    data[0:100] = b"\xff" * 100
    place.file.write_bytes(data)
    place.add(notice("new", thing="new"))
    assert len(place.outbox.rows()) == 41
    assert place.file.with_name(place.file.name + ".damaged-1").exists()
    assert ("outbox-damaged", Severity.WARNING) in place.said
    assert len(place.engine().rows()) == 41


def test_what_a_damaged_file_still_gives_is_taken_over_at_the_start(place: Place) -> None:
    for number in range(200):
        place.add(notice(f"n{number:03}", thing=str(number), lines=tuple("x" * 900 for _ in range(9))))
    place.outbox.close()
    data = bytearray(place.file.read_bytes())
    data[-8192 * 4 :] = b"\xff" * (8192 * 4)
    place.file.write_bytes(data)
    place.engine()
    place.outbox.tick()
    place.add(notice("new", thing="new"))
    assert len(place.outbox.rows()) > 50
    assert place.outbox.problem == ""


def test_a_file_of_a_newer_version_is_left_alone(place: Place) -> None:
    place.outbox.close()
    with sqlite3.connect(place.file) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    outbox = place.engine()
    assert "newer version" in outbox.problem
    with pytest.raises(Stop, match="newer version"):
        place.store.unfinished()
    place.add(notice())
    assert place.deliver() is not None


def test_rows_that_this_version_cannot_read_are_told_and_kept(place: Place) -> None:
    place.add(notice())
    place.store._open().execute("UPDATE deliveries SET data = '{\"x\": 1}'")
    place.engine()
    assert place.outbox.rows() == ()
    assert place.said[-1] == ("outbox-unreadable", Severity.WARNING)
    assert place.store.known("n1", "oncall")


def test_the_file_is_private_and_forgets_after_a_season(place: Place) -> None:
    place.add(notice())
    place.deliver()
    assert place.file.stat().st_mode & 0o777 == 0o600
    assert place.file.parent.stat().st_mode & 0o077 == 0
    place.clock.advance(91 * 86400)
    place.outbox.tick()
    assert place.outbox.history() == ()


def test_many_threads_take_each_notice_once(place: Place) -> None:
    for number in range(60):
        place.add(notice(f"n{number}", thing=str(number)))
    told: list[str] = []

    def work() -> None:
        while rows := place.outbox.take("oncall"):
            told.extend(each.key for each in rows)
            place.outbox.done(rows, 0.0)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == sorted(f"n{number}" for number in range(60))


_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("fire"), st.integers(0, 2)),
        st.tuples(st.just("end"), st.integers(0, 2)),
        st.tuples(st.sampled_from(["take", "done", "fail", "kill", "tick", "full", "free"]), st.just(0)),
        st.tuples(st.just("wait"), st.sampled_from([1, 10, 61, 1000])),
    ),
    max_size=40,
)


@settings(max_examples=40)
@given(_STEPS)
def test_whatever_happens_each_episode_is_told_and_ended_once_per_success(steps: list[tuple[str, int]]) -> None:
    """Killed between any two steps, with failures and disks that fill: whoever was told of a beginning is told
    of its end, no end comes before its beginning, and nothing that was delivered is delivered again."""
    with TemporaryDirectory() as folder:
        run = _Run(Place(Path(folder)))
        for name, value in steps:
            run.step(name, value)
        run.settle()
        run.check()


class _Run:
    def __init__(self, place: Place):
        self.place = place
        self.alerts: dict[int, int] = {}
        self.firing: set[int] = set()
        self.taken: list[Delivery] = []
        self.told: list[Notice] = []
        self.added: list[Notice] = []
        self.full = False

    def step(self, name: str, value: int) -> None:
        place = self.place
        match name:
            case "fire" if value not in self.firing:
                self.firing.add(value)
                self.alerts[value] = self.alerts.get(value, 0) + 1
                self._add(value, FIRING)
            case "end" if value in self.firing:
                self.firing.discard(value)
                self._add(value, RESOLVED)
            case "take":
                self.taken += place.outbox.take("oncall")
            case "done" if self.taken:
                self._told(self.taken.pop(0))
            case "fail" if self.taken:
                place.outbox.failed([self.taken.pop(0)], 1.0, "refused")
            case "kill" if not self.full:
                self.taken.clear()
                place.outbox.close()
                place.engine()
            case "tick":
                place.outbox.tick()
            case "wait":
                place.clock.advance(value)
                place.outbox.tick()
                if value >= LEASE_SECONDS:
                    self.taken.clear()
            case "full":
                self.full = True
                fill(place.store)
            case "free":
                self._free()

    def settle(self) -> None:
        """From now on everything works."""
        self._free()
        self.taken.clear()
        for _ in range(60):
            self.place.clock.advance(100)
            self.place.outbox.tick()
            while rows := self.place.outbox.take("oncall"):
                self._told(rows[0])

    def check(self) -> None:
        assert self.place.outbox.rows() == ()
        keys = [each.key for each in self.told]
        assert len(keys) == len(set(keys))
        for one in self.added:
            same = [each for each in self.told if (each.hosts, each.episode) == (one.hosts, one.episode)]
            kinds = [each.kind for each in same]
            ended = any(each.kind == RESOLVED and each.key == self._end(one) for each in self.added)
            assert kinds in ([FIRING, RESOLVED], [RESOLVED]) if ended else kinds == [FIRING]
            if kinds == [RESOLVED]:
                assert same[0].title.startswith("happened while unreachable")
        self.place.outbox.close()

    def _end(self, given: Notice) -> str:
        return f"{given.hosts[0]}/{given.episode}/{RESOLVED}"

    def _add(self, value: int, kind: NoticeKind) -> None:
        given = notice(
            f"h{value}/{self.alerts[value]}/{kind}",
            kind,
            thing=str(value),
            episode=self.alerts[value],
            hosts=(f"h{value}",),
        )
        self.added.append(given)
        self.place.add(given)

    def _told(self, row: Delivery) -> None:
        self.told.append(row.notice)
        self.place.outbox.done([row], 1.0)

    def _free(self) -> None:
        if self.full:
            self.full = False
            free(self.place.store)
            self.place.outbox.tick()
