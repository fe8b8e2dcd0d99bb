"""What systemctl answers to a reboot, and what one look at a host brings: from real outputs, and from hostile ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.execution import ExecResult
from backends.text import clean
from backends.updates.reboot import is_boot_id
from backends.updates.reboot_ask import Answer, observation, understand
from tests.unit.updates.reboot_host import OUTPUTS, said

HOLDER = "PackageKit (systemd-inhibit, process 61, user root): Package Update in Progress"


@pytest.mark.parametrize(
    ("case", "answer"),
    [
        ("debian12-inhibited", Answer(holders=(HOLDER,))),
        ("debian12-inhibited-and-logged-in", Answer(holders=(HOLDER,), users=("ops on sshd",))),
        ("debian12-logged-in", Answer(users=("ops on sshd",))),
        ("debian12-denied", Answer(error="Call to Reboot failed: Access denied")),
        (
            "debian12-unknown-option",
            Answer(too_old=True, error="systemctl: unrecognized option '--check-foo=yes'"),
        ),
    ],
)
def test_refusals_of_a_real_systemctl(case: str, answer: Answer) -> None:
    assert understand(ExecResult(1, stderr=said(case))) == answer


@pytest.mark.parametrize(
    "result",
    [
        ExecResult(0),
        ExecResult(None),
        ExecResult(1, stderr=b"Call to Reboot failed: There's already a shutdown or sleep operation in progress\n"),
    ],
)
def test_a_request_that_is_on_its_way(result: ExecResult) -> None:
    assert understand(result).sent


def test_a_command_that_a_signal_ended_was_not_sent() -> None:
    assert understand(ExecResult(None, signal="KILL")) == Answer(error="signal KILL")


def test_a_refusal_without_words_has_its_status() -> None:
    assert understand(ExecResult(127)) == Answer(error="exit 127")


def test_a_look_at_a_real_host() -> None:
    seen = observation(ExecResult(0, stdout=(OUTPUTS / "debian12-look.out").read_bytes()), 5.0)
    assert (seen.time, seen.boot_id, seen.uptime_seconds) == (5.0, "3f1286d0-dbba-4b44-8eb9-c2c5fe53e985", 29.43)
    assert seen.kernel.startswith("6.18.44") and seen.error == ""


@pytest.mark.parametrize(
    "result",
    [
        ExecResult(1, stderr=b"cat: /proc/uptime: Input/output error\n"),
        ExecResult(0, stdout=b"one line\n"),
        ExecResult(None),
    ],
)
def test_what_is_no_look_has_no_boot_id_and_says_why(result: ExecResult) -> None:
    seen = observation(result, 1.0)
    assert seen.boot_id == "" and seen.error


@given(st.binary(max_size=400), st.sampled_from([0, 1, None]))
def test_hostile_words_become_safe_and_bounded_ones(data: bytes, status: int | None) -> None:
    answer = understand(ExecResult(status, stderr=data))
    for text in (*answer.holders, *answer.users, answer.error):
        assert text == clean(text, 200)
    seen = observation(ExecResult(status, stdout=data, stderr=data), 1.0)
    assert all(text == clean(text, 200) for text in (seen.boot_id, seen.kernel, seen.error))
    assert seen.uptime_seconds is None or 0 <= seen.uptime_seconds < 1e20


@given(st.text(alphabet='"()abc \x1b[31m\u202e,.', max_size=60))
def test_who_holds_it_up_cannot_deceive(name: str) -> None:
    line = f'Operation inhibited by "{name}" (PID 1 "x", user root), reason is "{name}".'
    answer = understand(ExecResult(1, stderr=line.encode()))
    assert not answer.sent
    assert all("\x1b" not in text and "\u202e" not in text for text in (*answer.holders, answer.error))


def test_the_shape_of_the_captured_boot_id() -> None:
    assert is_boot_id((OUTPUTS / "debian12-look.out").read_text().split("\n")[0])
