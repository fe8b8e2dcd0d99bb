"""Kernel logs are followed: nothing is lost or told twice, and a host that cannot be read is no clean host."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.clock import ManualClock, SystemClock
from backends.engine import kernel_watch
from backends.engine.kernel_watch import OPENED_AT_ONCE, KernelWatch
from backends.errors import AskOperator, RetryLater, SkipHost, SwarmError
from backends.execution import Channels
from backends.hostkit.kernel_message import KernelEvent as Message
from backends.hostkit.travel import MAGIC
from backends.ssh.failures import ChannelRefused
from backends.states import HostState, Severity
from tests.unit.engine.kernel_host import ANSWER, GROUPS, FakeHost, Room, said


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    made = Room(tmp_path)
    yield made
    made.close()


def test_what_the_kernel_says_is_told_at_once_on_the_timeline_and_kept(room: Room) -> None:
    room.up()
    room.down()
    room.up()
    room.host.say(len(GROUPS))
    assert room.texts() == said()
    assert [event.text.split(" [")[0] for event in room.watch.events("h1")] == said()
    assert room.watch.raw("h1") == tuple(message for _, message in room.new)
    kinds = {kind for kind, _, _, _ in room.told}
    assert kinds == {"xid", "oom", "kernel-log"}
    assert room.bugs == []


def test_the_program_follows_and_its_input_stays_open(room: Room) -> None:
    room.up()
    assert room.host.program.arguments == {"way": "", "after": "", "back": 3 * 86400, "follow": True}


@pytest.mark.parametrize(
    ("state", "followed"),
    [(state, state in (HostState.UP, HostState.STALE, HostState.DRIVER_HUNG)) for state in HostState],
)
def test_a_host_is_followed_while_it_is_connected(room: Room, state: HostState, followed: bool) -> None:
    room.up(state)
    assert bool(room.host.programs) is followed
    assert room.watch.trouble("h1") == ("" if followed else f"not read: {state}")


def test_one_program_goes_on_while_a_host_is_connected_one_way_or_the_other(room: Room) -> None:
    room.up()
    for state in (HostState.STALE, HostState.DRIVER_HUNG, HostState.UP):
        room.up(state)
    assert len(room.host.programs) == 1
    room.watch.state("h1", HostState.NO_SUDO)
    assert room.host.program.ended.is_set()


def test_a_host_is_not_taken_for_quiet_before_its_log_was_read(room: Room) -> None:
    assert room.watch.trouble("h1") == "not read: connecting"
    room.host.awake = False
    room.up()
    assert room.watch.trouble("h1") == "not read yet"
    room.host.program.speak()
    assert room.watch.trouble("h1") == ""
    room.down()
    assert room.watch.trouble("h1") == "not read: unreachable"
    assert "no such host" in room.watch.trouble("elsewhere")


# exactly once


steps = st.lists(
    st.one_of(
        st.tuples(st.just("say"), st.integers(1, 3)),
        st.tuples(st.just("cut"), st.integers(0, 3000)),
        st.tuples(st.sampled_from(["end", "link", "kill", "stop", "alive", "hang", "full"]), st.just(0)),
    ),
    max_size=14,
)


@given(steps)
def test_cut_and_killed_anywhere_each_event_is_told_exactly_once_in_order(plan: list[tuple[str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        room = Room(Path(folder))
        try:
            room.up()
            for what, number in [*plan, ("link", 0)]:
                act(room, what, number)
                assert room.texts() == said(room.host.count)[: len(room.texts())]
            room.host.say(len(GROUPS) - room.host.count)
            assert room.texts() == said()
            assert [message.text for message in room.watch.raw("h1")] == said()
            room.full(False)
            room.kill()
            assert [message.text for message in room.watch.raw("h1")] == said()
            assert room.bugs == []
        finally:
            room.close()


def act(room: Room, what: str, number: int) -> None:
    """One thing that happens; afterwards a program runs again."""
    left = len(GROUPS) - room.host.count
    if what == "say":
        room.host.say(min(number, left))
    elif what == "cut":
        room.host.say(min(2, left), cut=number)
        room.down()
    elif what == "end":
        room.host.program.out(b'["end",""]\n')
        room.host.program.end()
    elif what == "link":
        room.down()
    elif what in ("kill", "stop"):
        room.full(
            False
        )  # killed while nothing can be written, it reads again what is not written: see the book's tests
        if what == "stop":
            room.watch.stop()
        room.kill()
    elif what == "full":
        room.full()
    elif what == "alive":
        room.host.program.alive()
    elif what == "hang":
        room.wait(61.0)
    room.up()
    room.seconds_until(lambda: room.watch.trouble("h1") == "")


def test_a_batch_counts_when_its_position_has_come(room: Room) -> None:
    room.up()
    room.host.say(1, cut=len(GROUPS[0].data) - 1)
    assert room.texts() == []
    room.down()
    room.up()
    assert room.texts() == said(1)


def test_what_an_old_link_still_delivers_does_not_count(room: Room) -> None:
    room.up()
    old = room.host.program
    room.watch.state("h1", HostState.UNREACHABLE)
    room.host.count = 2
    room.up()
    assert room.host.program is not old
    old.speak()
    assert room.texts() == said(2)


def test_nothing_counts_of_a_link_that_is_lost_although_nobody_let_go_of_it_yet(room: Room) -> None:
    room.up()
    tasks: list[Callable[[], None]] = []
    room.crew.do = tasks.append  # type: ignore[assignment, method-assign]
    room.watch.state("h1", HostState.UNREACHABLE)
    room.host.say(1)
    assert room.texts() == [] and not room.host.program.ended.is_set()
    (leave,) = tasks
    leave()
    assert room.host.program.ended.is_set()


def test_the_next_program_begins_behind_a_batch_that_is_still_being_stored(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    room.up()
    real, inside, gate = room.watch._book.take, threading.Event(), threading.Event()

    def take(*args: Any) -> Any:
        inside.set()
        assert gate.wait(20)
        return real(*args)

    monkeypatch.setattr(room.watch._book, "take", take)
    old = threading.Thread(target=room.host.say, args=(1,))
    old.start()
    assert inside.wait(20)
    room.watch.state("h1", HostState.UNREACHABLE)
    room.watch.state("h1", HostState.UP)
    new = threading.Thread(target=room.wait)
    new.start()
    new.join(0.2)
    gate.set()
    old.join(20)
    new.join(20)
    assert room.host.program.arguments["after"] == GROUPS[0].after
    assert room.texts() == said(1)


def test_the_next_engine_goes_on_where_this_one_was_killed(room: Room) -> None:
    room.up()
    room.host.say(3)
    room.kill()
    room.host.count = 5
    room.up()
    assert room.host.program.arguments["after"] == GROUPS[2].after
    assert room.texts() == said(5)


def test_without_a_folder_it_is_kept_in_memory_over_lost_links() -> None:
    room = Room(None)
    room.up()
    room.host.say(3)
    room.down()
    room.up()
    room.host.say(1)
    assert room.texts() == said(4)
    room.close()


def test_a_host_that_leaves_the_fleet_and_returns_is_read_on(room: Room) -> None:
    room.up()
    room.host.say(2)
    room.watch.keep(())
    assert room.host.program.ended.is_set()
    room.watch.keep(["h1"])
    room.up()
    room.host.say(1)
    assert room.texts() == said(3)


# hosts that cannot


REFUSALS = {
    "no permission: dmesg": ANSWER + b'{"ok":false,"text":"no permission: dmesg"}\n',
    "no working python3": MAGIC + b"NOPYTHON\n",
    "sudo refused: a password is required": MAGIC + b"NOSUDO a password is required\n",
}


@pytest.mark.parametrize("reason", REFUSALS)
def test_a_host_that_refuses_says_why_and_is_asked_again_after_ten_minutes(room: Room, reason: str) -> None:
    room.host.script = b"hello\n" + REFUSALS[reason]
    room.up()
    for _ in range(500):
        room.wait(1.0)
    assert (len(room.host.programs), room.watch.trouble("h1")) == (1, reason)
    room.host.script = None
    assert room.seconds_until(lambda: len(room.host.programs) > 1) <= 170
    assert room.watch.trouble("h1") == ""


@pytest.mark.parametrize(
    "error", [SkipHost("this host is not real"), AskOperator("sudo refused"), ChannelRefused("no further channel")]
)
def test_whoever_has_no_channel_for_this_is_left_alone_for_ten_minutes(room: Room, error: SwarmError) -> None:
    room.host.refusal = error
    room.up()
    room.host.refusal = None
    for _ in range(500):
        room.wait(1.0)
    assert (room.host.programs, room.watch.trouble("h1")) == ([], error.message)


def test_a_channel_that_cannot_be_had_at_the_moment_is_tried_for_with_growing_waits(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []

    def channels(host: str) -> Channels:
        asked.append(room.clock.monotonic())
        raise RetryLater("all 6 channels are busy")

    monkeypatch.setattr(room.watch, "_channels", channels)
    room.up()
    for _ in range(600):
        room.wait(1.0)
    assert 10 <= len(asked) <= 60
    assert room.watch.trouble("h1") == "all 6 channels are busy"


def test_a_program_that_ends_at_once_is_no_busy_loop(room: Room) -> None:
    room.host.script = ANSWER + b'{"ok":true,"way":"journal"}\n["end","journalctl ended with status 1"]\n'
    room.up()
    for _ in range(600):
        room.wait(1.0)
    assert 10 <= len(room.host.programs) <= 60
    assert room.watch.trouble("h1") == "journalctl ended with status 1"


def test_a_program_that_says_nothing_any_more_is_replaced(room: Room) -> None:
    room.up()
    first = room.host.program
    for _ in range(4):
        room.wait(14.0)
        first.alive()
    room.wait(59.0)
    assert not first.ended.is_set()
    room.host.awake = False
    room.wait(2.0)
    assert first.ended.is_set()
    assert room.watch.trouble("h1") == "the program there says nothing for 60 s"
    room.wait(3.0)
    assert len(room.host.programs) == 2


def test_a_login_shell_without_an_end_is_not_listened_to(room: Room) -> None:
    room.host.awake = False
    room.up()
    for _ in range(20):
        room.host.program.out(b"x" * 4096 + b"\n")
    assert room.host.program.ended.is_set()
    assert "prints without an end" in room.watch.trouble("h1")


def test_a_host_that_floods_is_read_at_a_bounded_pace(room: Room) -> None:
    room.up()
    before = room.clock.monotonic()
    for _ in range(64):
        room.host.program.out(b"garbage\n" * 8192)
    assert room.clock.monotonic() - before >= 15.0
    assert room.texts() == []


def test_what_only_dmesg_shows_is_read_every_minute(room: Room) -> None:
    """The recorded entries, as the program hands on what dmesg prints: it ends then."""
    head = b'{"ok":true,"way":"dmesg","boot":"%b","resumed":false,"gap":"","now":%d,"uptime":9000}\n'
    room.host.script = ANSWER + head % (b"a1" * 16, room.clock.now()) + GROUPS[0].data + b'["end",""]\n'
    room.up()
    assert room.texts() == said(1)
    assert room.watch.trouble("h1") == ""
    room.host.script = room.host.script.replace(GROUPS[0].data, b'["p","x 1",{}]\n')
    for _ in range(300):
        room.wait(1.0)
        assert room.watch.trouble("h1") == ""
    assert 4 <= len(room.host.programs) <= 7
    assert room.texts() == said(1)


def test_a_gap_is_told_but_one_that_stands_only_known(room: Room) -> None:
    room.host.gap = "no permission: the journal, so only this boot is seen"
    room.up()
    assert room.told == [] and room.watch.gap("h1") == room.host.gap
    room.down()
    room.host.gap = "it was rebooted: what was said just before is lost"
    room.up()
    assert [(text, severity) for _, text, _, severity in room.told] == [
        (f"kernel messages may be missing: {room.host.gap}", Severity.WARNING)
    ]


# time


def test_events_have_the_time_of_our_clock(room: Room) -> None:
    room.host.ahead = 7200.0
    room.up()
    room.host.say(1)
    (event,) = room.watch.events("h1")
    assert event.time == pytest.approx(room.watch.raw("h1")[0].time - 7200.0, abs=0.1)
    room.kill()
    assert room.watch.events("h1") == (event,)


def test_no_event_lies_in_the_future(room: Room) -> None:
    room.clock.step_wall(-5 * 86400.0)
    room.up()
    room.host.say(1)
    assert room.watch.events("h1")[0].time <= room.clock.now()


def test_the_first_look_back_is_history_and_one_line(room: Room) -> None:
    room.host.count = len(GROUPS)
    room.up()
    assert room.texts() == said()
    assert room.told == []
    room.wait(11.0)
    ((kind, text, host, severity),) = room.told
    assert (kind, host, severity) == ("kernel-log", "h1", Severity.OK)
    assert text.startswith(f"{len(said())} kernel messages of the last days: 5 xid")


def test_what_was_said_while_the_link_was_away_carries_its_time(room: Room) -> None:
    room.up()
    room.down()
    room.clock.advance(3600.0)
    room.host.count = 1
    room.up()
    assert room.lines("xid") == [f"2027-01-15 05:13:20 UTC: {said(1)[0]}"]


# others' faults


def test_whoever_listens_badly_does_not_end_the_reading(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(host: str, messages: tuple[Message, ...]) -> None:
        raise KeyError(host)

    monkeypatch.setattr(room.watch, "_on_new", broken)
    room.up()
    room.host.say(2)
    assert len(room.watch.events("h1")) == len(said(2))
    assert [host for host, _ in room.bugs] == ["h1", "h1"]


def test_a_bug_met_with_one_host_is_told_and_it_is_asked_again(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    room.up()
    with monkeypatch.context() as patch:
        patch.setattr(room.watch._news, "take", lambda *_: 1 / 0)
        room.host.say(1)
    assert [type(error) for _, error in room.bugs] == [ZeroDivisionError]
    assert "internal error" in room.watch.trouble("h1")
    room.wait(61.0)
    assert room.watch.trouble("h1") == ""


def test_after_the_end_nothing_counts_and_no_program_is_left(room: Room) -> None:
    room.up()
    room.watch.stop()
    room.host.say(2)
    assert room.texts() == [] and room.host.program.ended.is_set()
    room.kill()
    room.up()
    assert room.texts() == said(2)


# threads


class Slow(FakeHost):
    """Opening a channel takes until the gate opens."""

    gate = threading.Event()
    inside = threading.Semaphore(0)

    def open(self, *args: object, **kwargs: object) -> None:  # type: ignore[override]
        self.inside.release()
        self.gate.wait(20)
        raise RetryLater("not connected")


def test_eight_hosts_are_asked_at_once_and_the_end_waits_for_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel_watch, "SPREAD_SECONDS", 0.0)
    hosts = {f"h{number}": Slow(ManualClock(), f"h{number}") for number in range(50)}
    clock = SystemClock()
    watch = KernelWatch(
        None,
        hosts.__getitem__,  # type: ignore[arg-type]
        lambda _: "none",
        clock,
        on_new=lambda *_: None,
        tell=lambda *_: None,
        on_bug=lambda *_: None,
    )
    watch.keep(hosts)
    watch.start()
    for name in hosts:
        watch.state(name, HostState.UP)
    for _ in range(OPENED_AT_ONCE):
        assert Slow.inside.acquire(timeout=10)
    assert not Slow.inside.acquire(timeout=0.2)
    began = clock.monotonic()
    watch.stop()
    assert clock.monotonic() - began < 0.5
    Slow.gate.set()
