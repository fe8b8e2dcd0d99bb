"""Steps are read as people write them; what is no step, or stands in a place that cannot be right, is refused with a way out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.errors import BadInput
from backends.maintenance.model import StepKind
from backends.maintenance.request import DEFAULT_STEPS
from backends.maintenance.steps_text import ARGUMENTS, MAY_HAVE, TIMEOUTS, slips, step, steps


def test_a_step_has_its_argument_and_the_usual_time_of_its_kind() -> None:
    found = step("update:security")
    assert (found.kind, found.argument, found.timeout_seconds) == (StepKind.UPDATE, "security", 7200.0)
    assert found.text == "update:security"


def test_every_kind_has_a_usual_time() -> None:
    assert set(TIMEOUTS) == set(StepKind)


def test_a_time_for_the_whole_step_counts_more_than_one_for_its_kind() -> None:
    timeouts = {"backup": "1h", "backup:models": "6h"}
    assert step("backup:models", timeouts).timeout_seconds == 6 * 3600.0
    assert step("backup:config", timeouts).timeout_seconds == 3600.0


def test_a_command_has_the_time_that_it_was_configured_with() -> None:
    assert step("command:warm", commands={"warm": 90.0}).timeout_seconds == 90.0
    assert step("command:warm", commands={"warm": 0.0}).timeout_seconds == TIMEOUTS[StepKind.COMMAND]
    assert step("command:warm", {"command:warm": "5m"}, {"warm": 90.0}).timeout_seconds == 300.0


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("drian", 'there is no step "drian"', 'did you mean "drain"?'),
        ("", 'there is no step ""', "steps: drain"),
        ("backup", "does not tell which", "write backup:SET"),
        ("command:", "does not tell which", "write command:NAME"),
        ("proof", "does not tell which", "write proof:SET"),
        ("proof:models:soon", "is no age of a proof", "proof:models:7d"),
        ("drain:now", "takes nothing after a colon", "write drain"),
        ("resume:", "takes nothing after a colon", "write resume"),
        ("update:securty", "is no kind of updates", 'did you mean "security"?'),
        ("gate:a\x1b[31m", "not a step", "printable"),
        ("gate:" + "x" * 300, "not a step", "200 characters"),
    ],
)
def test_what_is_no_step_is_refused_with_a_way_out(text: str, message: str, hint: str) -> None:
    with pytest.raises(BadInput) as caught:
        step(text)
    assert message in caught.value.message and hint in (caught.value.hint or "")


@pytest.mark.parametrize("duration", ["", "0s", "1", "five minutes", "500d"])
def test_a_time_that_is_none_is_refused(duration: str) -> None:
    with pytest.raises(BadInput, match="no duration"):
        step("drain", {"drain": duration})


def test_the_usual_steps_are_right() -> None:
    assert list(slips(steps(DEFAULT_STEPS))) == []


@pytest.mark.parametrize(
    ("texts", "at", "text"),
    [
        ((), 0, "there is no step"),
        (("update", "check", "resume"), 2, '"resume" without a "drain"'),
        (("resume", "update", "drain", "check"), 0, '"resume" stands before "drain"'),
        (("drain", "update", "check", "resume", "reboot"), 4, '"resume" stands before "reboot"'),
        (("update", "drain", "check", "resume"), 0, '"update" stands before "drain"'),
        (("drain", "drain", "resume"), 1, '"drain" stands there twice'),
        (("drain", "update", "snapshot", "check", "resume"), 2, '"snapshot" stands after "update"'),
        (("drain", "update", "proof:models:7d", "check", "resume"), 2, '"proof:models:7d" stands after "update"'),
    ],
)
def test_an_order_that_cannot_be_right_is_told_with_the_step(texts: tuple[str, ...], at: int, text: str) -> None:
    found = [slip for slip in slips(tuple(map(step, texts))) if slip.wrong]
    assert [slip.at for slip in found if text in slip.text] == [at]
    with pytest.raises(BadInput):
        steps(texts)


@pytest.mark.parametrize(
    ("texts", "text"),
    [
        (("drain", "update", "check"), "the hosts stay out of service"),
        (("drain", "update", "resume"), "nobody proves that the host is well"),
        (("drain", "reboot-if-needed", "update", "check", "resume"), "what the update asks for is not done"),
    ],
)
def test_an_order_that_could_be_meant_is_told_and_taken(texts: tuple[str, ...], text: str) -> None:
    assert [slip.wrong for slip in slips(steps(texts)) if text in slip.text] == [False]


def _written(kind: StepKind, argument: str) -> str:
    return (
        f"{kind}:{argument}" if kind in ARGUMENTS or (kind in MAY_HAVE and kind is not StepKind.UPDATE) else str(kind)
    )


@given(st.sampled_from(StepKind), st.from_regex(r"[a-z0-9][a-z0-9 _-]{0,30}[a-z0-9]", fullmatch=True))
def test_a_step_is_written_as_it_was_read(kind: StepKind, argument: str) -> None:
    text = _written(kind, argument)
    assert step(text).text == text
    assert step(step(text).text) == step(text)


@given(st.text(max_size=40))
def test_any_text_is_a_step_or_refused(text: str) -> None:
    try:
        found = step(text)
    except BadInput as error:
        assert error.hint
    else:
        assert found.timeout_seconds > 0
        assert step(found.text) == found


@given(st.lists(st.sampled_from(["drain", "snapshot", "update", "reboot", "check", "resume"]), max_size=7))
def test_an_order_that_is_taken_never_changes_a_host_in_service(texts: list[str]) -> None:
    try:
        found = steps(texts)
    except BadInput:
        return
    kinds = [each.kind for each in found]
    if StepKind.DRAIN in kinds:
        changes = [at for at, kind in enumerate(kinds) if kind in (StepKind.UPDATE, StepKind.REBOOT)]
        assert all(at > kinds.index(StepKind.DRAIN) for at in changes)
        if StepKind.RESUME in kinds:
            assert all(at < kinds.index(StepKind.RESUME) for at in changes)
