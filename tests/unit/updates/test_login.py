"""After a change of what logins are made of, somebody must still get in, and an update that broke that says so."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.errors import AskOperator, RetryLater, SkipHost, SwarmError
from backends.execution import ExecResult, OnOutput
from backends.text import clean
from backends.updates import login
from backends.updates.apply import HostApply
from backends.updates.model import Change, Outcome, PackageClass, Progress, Stage
from tests.unit.updates.fleet import (
    BASH,
    BriefClock,
    Machine,
    MachineExec,
    MachineJobs,
    MachineManager,
    clear,
)

SUDO = msgspec.structs.replace(BASH, package_class=PackageClass.ACCESS)
FINE = ExecResult(0)
BROKEN = ExecResult(255, stderr=b"/etc/ssh/sshd_config line 3: Bad configuration option: Foo\n")


class Door(MachineExec):
    """A machine whose sshd is tested with this result."""

    def __init__(self, machine: Machine, *tests: ExecResult | SwarmError):
        super().__init__(machine)
        self.tests = list(tests)

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        timeout_seconds: float = 60.0,
        limit_bytes: int = 1 << 20,
        become: bool = True,
        on_output: OnOutput | None = None,
    ) -> ExecResult:
        assert tuple(argv) == login.SSHD_TEST and become
        found = self.tests.pop(0)
        if isinstance(found, SwarmError):
            raise found
        return found


class Logins:
    """New logins, one answer after the other."""

    def __init__(self, *answers: str | SwarmError):
        self.answers = list(answers)

    def __call__(self, host: str) -> str:
        answer = self.answers.pop(0)
        if isinstance(answer, SwarmError):
            raise answer
        return answer


def looked(log_in: Callable[[str], str], *tests: ExecResult | SwarmError) -> tuple[login.Access, list[float]]:
    waits: list[float] = []
    return login.check(Door(Machine("a"), *tests), log_in, waits.append), waits


def test_all_is_well() -> None:
    found, waits = looked(Logins("key id_ed25519"), FINE)
    assert found == login.Access(notes=("sshd -t finds nothing wrong", "a new login works (key id_ed25519)"))
    assert waits == []


def test_a_refused_login_is_no_matter_of_patience() -> None:
    found, waits = looked(Logins(AskOperator("auth failed: tried id_ed25519")), FINE)
    assert found.problems == (
        "A NEW LOGIN FAILS (mend it over a session that is still open): auth failed: tried id_ed25519",
    )
    assert waits == []


def test_a_login_that_gets_no_answer_is_tried_again_before_it_is_told() -> None:
    late = RetryLater("timeout (ssh) after 8 s")
    found, waits = looked(Logins(late, late, "key"), FINE)
    assert (found.problems, waits) == ((), [2.0, 5.0])
    found, waits = looked(Logins(late, late, late), FINE)
    assert len(found.problems) == 1 and waits == [2.0, 5.0]


def test_this_machine_has_no_login_to_try() -> None:
    found, _ = looked(Logins(SkipHost("this host is not reached over SSH")), FINE)
    assert found.problems == ()
    assert found.notes[-1] == "no new login was tried: this host is not reached over SSH"


def test_a_broken_configuration_is_told_with_sshds_own_words() -> None:
    found, _ = looked(Logins("key"), BROKEN)
    assert found.problems == (
        "sshd would not start with its configuration: /etc/ssh/sshd_config line 3: Bad configuration option: Foo",
    )


@pytest.mark.parametrize(("status", "says"), [(86, "there is no sshd"), (87, "needs root")])
def test_what_could_not_be_tested_is_no_problem_and_said(status: int, says: str) -> None:
    found, _ = looked(Logins("key"), ExecResult(status))
    assert found.problems == () and says in found.notes[0]


@given(st.binary(max_size=300), st.one_of(st.none(), st.integers(1, 255)))
def test_what_sshd_says_is_made_safe(data: bytes, status: int | None) -> None:
    found = login.judge_sshd(ExecResult(status, stderr=data))
    assert all(text == clean(text, 400) for text in (*found.problems, *found.notes))


# In the outcome of an update ------------------------------------------------------------------------------------


def updated(change: Change, log_in: Callable[[str], str]) -> Outcome:
    """One update carried out."""
    machine = Machine("a")
    apply = HostApply(
        Door(machine, FINE),
        MachineManager({"a": machine}),
        machine.plan(change),
        jobs=MachineJobs(machine),
        run="r1",
        who="anna",
        clock=BriefClock(),
        stop=threading.Event(),
        tell=_nobody,
        check=clear,
        log_in=log_in,
    )
    apply.start()
    return apply.follow()


def _nobody(progress: Progress) -> None:
    """Nobody looks on."""


def test_an_update_that_locks_everybody_out_failed_although_every_package_is_there() -> None:
    outcome = updated(SUDO, Logins(AskOperator("auth failed: no key to offer")))
    assert outcome.stage is Stage.FAILED and outcome.applied == 1
    assert "A NEW LOGIN FAILS" in outcome.problems[-1]


def test_an_update_after_which_logins_work_says_so() -> None:
    outcome = updated(SUDO, Logins("key id_ed25519"))
    assert outcome.stage is Stage.DONE
    assert outcome.notes == ("sshd -t finds nothing wrong", "a new login works (key id_ed25519)")


def test_other_packages_need_no_new_login() -> None:
    assert updated(BASH, Logins()).notes == ()
