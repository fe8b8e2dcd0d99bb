"""In which order a running Borg is ended."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from backends.backups.runner import Cancel
from backends.backups.stages import CHECKPOINT_SECONDS, KILL_SECONDS, TERMINATE_SECONDS, Stages


def asked(*, force: bool = False) -> Cancel:
    cancel = Cancel()
    cancel.ask("root", force=force)
    return cancel


def test_nobody_asks_nothing_happens() -> None:
    assert Stages(None, None).next(1e9, 5, 5) is None
    assert Stages(Cancel(), None).next(1e9, 5, 5) is None


def test_the_checkpoint_is_waited_for_and_nothing_after_it() -> None:
    stages = Stages(asked(), None)
    assert stages.next(100.0, 3, 3) == "INT"
    assert stages.next(101.0, 3, 4) is None
    assert stages.next(101.3, 4, 5) == "TERM"
    assert stages.next(102.0, 4, 5) is None
    assert stages.next(101.3 + TERMINATE_SECONDS, 4, 5) == "KILL"
    assert stages.next(101.3 + TERMINATE_SECONDS + KILL_SECONDS, 4, 5) == "give up"
    assert stages.next(1e9, 9, 9) is None


def test_without_a_sign_of_a_checkpoint_it_is_ended() -> None:
    stages = Stages(asked(), None)
    stages.next(0.0, 0, 0)
    assert stages.next(CHECKPOINT_SECONDS - 1, 0, 0) is None
    assert stages.next(CHECKPOINT_SECONDS, 0, 0) == "TERM"


def test_a_checkpoint_that_is_being_written_gets_its_time() -> None:
    stages = Stages(asked(), None)
    stages.next(0.0, 0, 0)
    for second in range(1, 200):
        assert stages.next(second, 0, second) is None
    assert stages.next(601.0, 0, 201) == "TERM"


def test_forced_is_at_once_also_later() -> None:
    assert Stages(asked(force=True), None).next(0.0, 0, 0) == "TERM"
    cancel = asked()
    stages = Stages(cancel, None)
    assert stages.next(0.0, 0, 0) == "INT"
    cancel.ask("root", force=True)
    assert stages.next(0.1, 0, 0) == "TERM"


def test_a_deadline_keeps_the_checkpoint_too() -> None:
    stages = Stages(None, 50.0)
    assert stages.next(49.9, 0, 0) is None
    assert stages.next(50.0, 0, 0) == "INT"
    assert stages.timed_out


def test_what_is_broken_is_not_asked_for_a_checkpoint() -> None:
    assert Stages(None, None).next(0.0, 0, 0, broken=True) == "TERM"


@given(st.lists(st.tuples(st.floats(0, 700), st.integers(0, 2), st.integers(0, 2), st.booleans()), max_size=40))
def test_it_always_comes_to_an_end_and_never_goes_back(steps: list[tuple[float, int, int, bool]]) -> None:
    order = ["INT", "TERM", "KILL", "give up"]
    stages, now, commits, busy, sent = Stages(asked(), None), 0.0, 0, 0, []
    for seconds, more, work, broken in [*steps, *[(700.0, 0, 0, False)] * 4]:
        now, commits, busy = now + seconds, commits + more, busy + work
        if send := stages.next(now, commits, busy, broken):
            sent.append(order.index(send))
    assert sent == sorted(set(sent)) and sent[-1] == 3
