"""What a schedule may do is said in one word, with a name where one is needed."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.errors import BadInput
from backends.schedule.actions import Action, ActionKind, Missed, parse_action


@pytest.mark.parametrize(
    ("text", "action", "missed"),
    [
        ("check", Action(kind=ActionKind.CHECK), Missed.CATCH_UP),
        ("updates-refresh", Action(kind=ActionKind.REFRESH), Missed.CATCH_UP),
        ("updates-plan", Action(kind=ActionKind.PLAN), Missed.CATCH_UP),
        ("security", Action(kind=ActionKind.SECURITY), Missed.CATCH_UP),
        ("backup", Action(kind=ActionKind.BACKUP), Missed.SOON),
        ("backup:models", Action(kind=ActionKind.BACKUP, argument="models"), Missed.SOON),
        ("drill:models", Action(kind=ActionKind.DRILL, argument="models"), Missed.SOON),
        ("run:monthly", Action(kind=ActionKind.RUN, argument="monthly"), Missed.ASK),
    ],
)
def test_every_action_says_what_becomes_of_it_when_it_was_missed(text: str, action: Action, missed: Missed) -> None:
    found = parse_action(text)
    assert found == action and found.text == text and found.missed is missed
    assert found.changes is (found.kind is ActionKind.RUN)


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        ("bakup", 'no action "bakup"', 'did you mean "backup"?'),
        ("", 'no action ""', "there are: check"),
        ("drill", "does not say which one", "drill:NAME"),
        ("run:", "needs a name", "there are: check"),
        ("backup:", "needs a name", "there are: check"),
        ("check:all", "takes nothing after it", "there are: check"),
        ("\x1b]0;x", "no action", "there are: check"),
    ],
)
def test_what_is_no_action_is_refused_with_the_nearest(text: str, said: str, hint: str) -> None:
    with pytest.raises(BadInput) as error:
        parse_action(text)
    assert said in error.value.message and hint in (error.value.hint or "")
    assert "\x1b" not in error.value.message


@given(st.text(max_size=30))
def test_any_text_is_an_action_or_is_refused(text: str) -> None:
    with contextlib.suppress(BadInput):
        assert parse_action(text).text == text
