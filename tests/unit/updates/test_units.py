"""What `systemctl show` says of units, from a real one and from hostile ones, and the judgement of a restart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from backends.execution import ExecResult
from backends.text import clean
from backends.updates.needs import MANAGER
from backends.updates.units import UnitState, judge, parse_show, show_argv
from tests.unit.updates.reboot_host import OUTPUTS

REAL = ExecResult(0, stdout=(OUTPUTS / "debian12-show.out").read_bytes())
UNITS = ("sshd.service", "crasher.service", "nope.service", "dbus.socket")
BEFORE = UnitState(unit="a.service", load="loaded", active="active", sub="running", result="success", invocation="1")
AFTER = replace(BEFORE, restarts=0, invocation="2")


def test_units_of_a_real_host_keep_the_names_that_they_were_asked_by() -> None:
    found = parse_show(REAL, UNITS)
    assert {name: (state.load, state.active, state.restarts) for name, state in found.items()} == {
        "sshd.service": ("loaded", "active", 0),
        "crasher.service": ("loaded", "failed", 5),
        "nope.service": ("not-found", "inactive", 0),
        "dbus.socket": ("loaded", "active", None),
    }
    assert found["sshd.service"].invocation == "8ddfa8cc5b624c54b0a7c6d4f0f8a06e"


def test_a_unit_without_a_block_is_absent() -> None:
    assert set(parse_show(REAL, (*UNITS, "more.service"))) == {"crasher.service", "nope.service", "dbus.socket"}
    assert parse_show(ExecResult(1), UNITS) == {}


def test_no_word_can_be_taken_for_an_option() -> None:
    argv = show_argv(["a.service"])
    assert argv[argv.index("--") + 1 :] == ("a.service",)


@pytest.mark.parametrize(
    ("status", "before", "after", "good", "says"),
    [
        (0, BEFORE, AFTER, True, "restarted, active"),
        (0, None, AFTER, True, "restarted, active"),
        (0, BEFORE, replace(AFTER, restarts=None), True, "restarted, active"),
        (None, BEFORE, AFTER, False, "was not restarted"),
        (1, BEFORE, AFTER, False, "systemctl restart ended with 1"),
        (0, BEFORE, replace(AFTER, invocation="1"), False, "same run as before"),
        (0, BEFORE, replace(AFTER, restarts=4), False, "crashes"),
        (0, BEFORE, replace(AFTER, active="activating", sub="auto-restart"), False, "is activating"),
        (0, BEFORE, replace(AFTER, active="inactive", sub="dead"), False, "is inactive"),
        (0, replace(BEFORE, active="inactive"), replace(AFTER, active="inactive"), True, "restarted, inactive"),
        (5, BEFORE, replace(AFTER, load="not-found"), False, "no such unit"),
        (1, BEFORE, replace(AFTER, load="masked"), False, "it is masked"),
        (0, BEFORE, None, False, "not known"),
    ],
)
def test_only_a_new_run_that_stays_up_is_a_restart(
    status: int | None, before: UnitState | None, after: UnitState | None, good: bool, says: str
) -> None:
    result = judge("a.service", status, before, after)
    assert (result.good, says in result.text) == (good, True), result.text


@pytest.mark.parametrize(("status", "good"), [(0, True), (1, False)])
def test_the_first_process_has_only_its_commands_status(status: int, good: bool) -> None:
    assert judge(MANAGER, status, None, None).good is good


@given(st.binary(max_size=500), st.lists(st.sampled_from(["a.service", "b.service"]), unique=True))
def test_hostile_output_makes_safe_states_of_known_units_only(data: bytes, units: list[str]) -> None:
    for name, state in parse_show(ExecResult(0, stdout=data), units).items():
        assert name in units and state.unit == name
        words = (state.load, state.active, state.sub, state.result, state.invocation)
        assert all(word == clean(word, 100) for word in words)


@given(st.lists(st.text(alphabet="IdActveSNRns=\n0159²\x1b[", max_size=40), max_size=4))
def test_lines_that_look_like_properties_harm_nothing(parts: list[str]) -> None:
    found = parse_show(ExecResult(0, stdout="\n\n".join(parts).encode()), [f"u{n}.service" for n in range(len(parts))])
    assert all(state.restarts is None or state.restarts >= 0 for state in found.values())
