"""The proof of a reboot, fed with everything that hosts have been seen to answer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.updates.reboot import Observation, Phase, Reboot, Request, begin, is_boot_id, observe
from tests.unit.updates.hosts import BOOT_ID as BEFORE
from tests.unit.updates.hosts import NEW, OLD

AFTER = "0d9a3b6e-5c1f-4e7a-8b2d-1c3e5f7a9b0d"
THIRD = "1d9a3b6e-5c1f-4e7a-8b2d-1c3e5f7a9b0d"
ASKED = 1000.0
REQUEST = Request(boot_id=BEFORE, asked=ASKED, expected_kernel=NEW, soak_seconds=300.0)


def still(after: float) -> Observation:
    """The old boot answers."""
    return Observation(time=ASKED + after, boot_id=BEFORE, uptime_seconds=86400.0 + after, kernel=OLD)


def silent(after: float, error: str = "connection refused") -> Observation:
    return Observation(time=ASKED + after, error=error)


def up(after: float, *, boot_id: str = AFTER, uptime: float | None = 20.0, kernel: str = NEW) -> Observation:
    return Observation(time=ASKED + after, boot_id=boot_id, uptime_seconds=uptime, kernel=kernel)


def run(*looks: Observation, request: Request = REQUEST) -> tuple[Reboot, list[str]]:
    """The state after these looks, and the kinds of everything told on the way."""
    state = begin(request)
    told: list[str] = []
    for look in looks:
        state = observe(state, look)
        told += [note.kind for note in state.notes]
    return state, told


def test_the_whole_way() -> None:
    state, told = run(still(2), silent(10), silent(40), up(75), up(200), up(374.9), up(375))
    assert (state.phase, told) == (Phase.DONE, ["going-down", "back", "done"])
    assert (state.boot_id, state.kernel, state.failure) == (AFTER, NEW, "")


def test_every_step_of_the_way() -> None:
    assert run(still(2))[0].phase is Phase.REQUESTED
    assert run(still(2), silent(10))[0].phase is Phase.GOING_DOWN
    assert run(still(2), silent(10), up(75))[0].phase is Phase.SOAK


def test_a_host_that_was_never_seen_down_may_be_back_all_the_same() -> None:
    assert run(still(2), up(75))[0].phase is Phase.SOAK


@pytest.mark.parametrize(
    "look",
    [
        up(75, boot_id="Connection to gpu01 closed by remote host."),
        up(75, boot_id="cat: /proc/sys/kernel/random/boot_id: Input/output error"),
        up(75, boot_id=AFTER.upper()),
        up(75, boot_id=AFTER + "\n"),
        up(75, boot_id=""),
        up(75, boot_id=BEFORE),
        up(75, uptime=75.0),
        up(75, uptime=86475.0),
        up(75, uptime=None),
    ],
)
def test_what_does_not_prove_a_reboot(look: Observation) -> None:
    state, told = run(silent(10), look)
    assert state.phase is Phase.GOING_DOWN
    assert "back" not in told


def test_the_old_boot_that_answers_again_while_it_goes_down_is_no_return() -> None:
    state, told = run(silent(10), still(12), silent(14))
    assert (state.phase, told) == (Phase.GOING_DOWN, ["going-down"])


def test_lateness_is_told_once_at_each_mark() -> None:
    looks = [silent(after) for after in (10, 299, 300, 310, 599, 600, 700, 1200, 1300, 5000)]
    state, told = run(*looks)
    assert told == ["going-down", "not-back", "not-back", "not-back"]
    assert state.phase is Phase.GOING_DOWN


def test_marks_that_passed_unseen_are_told_as_the_latest_one() -> None:
    state = observe(begin(REQUEST), silent(700))
    assert [note.text for note in state.notes if note.kind == "not-back"] == ["is not back 10 min after the request"]


def test_another_boot_id_with_an_uptime_that_does_not_fit_is_told_as_what_it_is() -> None:
    state, told = run(silent(10), up(310, uptime=86400.0))
    assert (state.phase, told) == (Phase.GOING_DOWN, ["going-down", "not-back"])
    assert "claims to be up for longer" in state.notes[-1].text


def test_a_host_that_does_not_go_down_is_told_differently() -> None:
    state, told = run(still(300))
    assert (state.phase, told) == (Phase.REQUESTED, ["still-up"])


def test_a_late_host_may_still_come_back() -> None:
    state, told = run(silent(10), silent(1300), up(1500, uptime=100.0))
    assert (state.phase, told[-1]) == (Phase.SOAK, "back")


def test_another_kernel_than_planned_fails_although_it_answers() -> None:
    state, told = run(silent(10), up(75, kernel=OLD), up(400))
    assert (state.phase, told) == (Phase.FAILED, ["going-down", "wrong-kernel"])
    assert state.failure == f"came back with kernel {OLD} instead of {NEW}"


def test_without_a_planned_kernel_any_will_do() -> None:
    request = Request(boot_id=BEFORE, asked=ASKED, soak_seconds=0)
    assert run(up(75, kernel="whatever"), request=request)[0].phase is Phase.DONE


def test_a_second_reboot_in_the_soak_is_a_loop() -> None:
    state, told = run(silent(10), up(75), up(200, boot_id=THIRD))
    assert (state.phase, told[-1]) == (Phase.FAILED, "boot-loop")
    assert state.failure == "rebooted again by itself 125 s after it was back"


def test_a_lost_link_in_the_soak_proves_nothing_either_way() -> None:
    state, _ = run(silent(10), up(75), silent(100), silent(500))
    assert state.phase is Phase.SOAK
    assert observe(state, up(501)).phase is Phase.DONE
    assert observe(state, up(501, boot_id=THIRD)).phase is Phase.FAILED


def test_what_is_over_stays_over() -> None:
    done, _ = run(up(75), up(375))
    assert observe(done, up(500, boot_id=THIRD)).phase is Phase.DONE
    assert observe(done, silent(500)).notes == ()


@pytest.mark.parametrize("wrong", ["", "no such host", BEFORE[:-1]])
def test_without_the_old_boot_id_nothing_could_be_proven(wrong: str) -> None:
    with pytest.raises(ValueError, match="not a boot id"):
        begin(Request(boot_id=wrong, asked=ASKED))


LOOKS = st.builds(
    Observation,
    time=st.floats(ASKED, ASKED + 5000),
    boot_id=st.sampled_from(["", BEFORE, AFTER, THIRD, "error: no"]) | st.text(),
    uptime_seconds=st.none() | st.floats(0, 1e6),
    kernel=st.sampled_from([OLD, NEW, ""]),
    error=st.text(),
)


@given(st.lists(LOOKS, max_size=30).map(lambda looks: sorted(looks, key=lambda look: look.time)))
def test_done_is_never_said_without_the_three_proofs(looks: list[Observation]) -> None:
    state, told = run(*looks)
    assert told.count("back") <= 1
    if state.phase is Phase.DONE:
        assert is_boot_id(state.boot_id) and state.boot_id != BEFORE
        seen = [look for look in looks if look.boot_id == state.boot_id]
        first = next(
            look for look in seen if look.uptime_seconds is not None and look.uptime_seconds < look.time - ASKED
        )
        assert seen[-1].time - first.time >= REQUEST.soak_seconds
        assert first.kernel == NEW
