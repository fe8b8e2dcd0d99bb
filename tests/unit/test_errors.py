"""Errors say where, what and what next."""

from __future__ import annotations

import pytest

from backends.errors import AskOperator, BadInput, RetryLater, SkipHost, Stop, SwarmError


def test_an_error_reads_as_place_message_action_and_next_step() -> None:
    error = AskOperator("host key changed", host="gpu07", action="connect", hint="swarm-tui hosts accept gpu07")
    assert str(error) == "gpu07: host key changed (while: connect)\n  → swarm-tui hosts accept gpu07"


def test_an_error_without_extras_is_its_message() -> None:
    assert str(RetryLater("link lost")) == "link lost"


@pytest.mark.parametrize("branch", [RetryLater, AskOperator, SkipHost, BadInput, Stop])
def test_every_branch_hangs_on_the_root(branch: type[SwarmError]) -> None:
    assert issubclass(branch, SwarmError)


def test_bad_input_is_also_a_value_error() -> None:
    assert isinstance(BadInput("x"), ValueError)
