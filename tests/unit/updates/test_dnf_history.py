"""dnf's history: our runs found by their comment, failures told that dnf itself calls a success."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.errors import SkipHost
from backends.execution import ExecResult
from backends.updates import dnf_history
from backends.updates.dnf import Dnf
from backends.updates.dnf_argv import Dialect
from backends.updates.model import HistoryEntry
from tests.unit.updates.captured_host import captured, said
from tests.unit.updates.dnf_case import CASES, DNF_4, DNF_5, host

both = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def entries(case: Path) -> dict[str, HistoryEntry]:
    """By our run's name."""
    return {each.plan: each for each in Dnf().history(host(case), 10)}


@both
def test_the_newest_come_first_and_ours_are_known(case: Path) -> None:
    found = Dnf().history(host(case), 10)
    assert [each.plan for each in found] == ["run3", "run2", "run1", ""]
    assert [each.time for each in found] == sorted((each.time for each in found), reverse=True)
    assert found[0].time > 1_795_000_000


@both
def test_what_changed_is_joined_from_what_came_and_went(case: Path) -> None:
    changes = {each.name: (each.kind, each.installed, each.candidate) for each in entries(case)["run1"].changes}
    assert changes["nvidia-driver"] == ("upgrade", "3:550.90.07-1.el9", "3:560.35.03-1.el9")
    assert changes["labr-hold"] == ("upgrade", "1.0-1.el9", "1.0.5-1.el9")
    assert changes["kernel"] == ("install", "", "1.1-1.el9")
    assert changes["labr-old"] == ("remove", "1.0-1.el9", "")


@both
def test_a_failed_scriptlet_is_a_failure(case: Path) -> None:
    """dnf 4: Return-Code Success."""
    found = entries(case)
    assert [found[name].ok for name in ("run1", "run2", "run3")] == [True, False, False]
    assert found["run2"].error


def test_a_unit_is_nobody_and_a_person_is_named() -> None:
    assert {each.actor for each in entries(DNF_4).values()} == {""}
    text = captured(DNF_4, "history-info").stdout.replace(b"System <unset>", b"Eve Li <eve>")
    found = Dnf().history(host(DNF_4, {"history info": ExecResult(exit_status=0, stdout=text)}), 10)
    assert {each.actor for each in found} == {"Eve Li <eve>"}


@both
def test_an_interrupted_transaction_is_told(case: Path) -> None:
    found = Dnf().history(host(case, {"history info": "history-killed"}), 10)
    killed = next(each for each in found if each.plan == "run6")
    assert (killed.ok, killed.error) == (False, "it did not come to its end")


@both
def test_only_as_many_as_wanted_are_asked_for(case: Path) -> None:
    asked = host(case)
    Dnf().history(asked, 2)
    info = next(argv for argv in asked.asked if "info" in argv)
    assert [word for word in info if word.isdigit()] == ["4", "3"]


def test_times_are_read_as_utc() -> None:
    asked = host(DNF_4)
    Dnf().history(asked, 1)
    assert all("TZ=UTC0" in argv for argv in asked.asked)


def test_a_history_without_json_is_a_reason_to_leave_the_host() -> None:
    with pytest.raises(SkipHost, match="not understood"):
        Dnf().history(host(DNF_5, {"history list": said("ID Command line\n 1 dnf5\n")}), 5)


def test_no_history_is_none() -> None:
    assert Dnf().history(host(DNF_5, {"history list": said("")}), 5) == ()


def test_escapes_in_json_are_made_safe() -> None:
    evil = '[{"id":1,"description":"\\u001b[31mred","comment":"swarm:r\\u0007","user_name":"\\u202eroot"}]'
    found = dnf_history.parse(Dialect(generation=5), evil.encode(), "gpu01")[0]
    assert not set("\x1b\x07\u202e") & set(found.command + found.plan + found.actor)


@given(st.binary(max_size=300), st.sampled_from([4, 5]))
def test_any_bytes_are_a_history_or_a_reason(data: bytes, generation: int) -> None:
    dialect = Dialect(generation=5 if generation == 5 else 4)
    with contextlib.suppress(SkipHost):
        assert all(each.id for each in dnf_history.parse(dialect, data, "gpu01"))
        assert all(each.isdigit() for each in dnf_history.ids(dialect, data))


@given(st.integers(0, 4000))
def test_a_cut_history_is_read_as_far_as_it_goes(end: int) -> None:
    whole = (DNF_4 / "history-info.out").read_bytes()
    assert {each.id for each in dnf_history.parse(Dialect(), whole[:end], "gpu01")} <= {"1", "2", "3", "4"}
