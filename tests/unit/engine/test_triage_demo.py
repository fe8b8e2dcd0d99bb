"""The simulated fleet answers a triage by its stories, and nothing else of it is made up."""

from __future__ import annotations

import pytest

from backends.clock import ManualClock
from backends.engine.triage_demo import DemoAsk
from backends.errors import RetryLater, SkipHost
from backends.sources.demo import DemoExec, DemoSource
from backends.states import Severity
from backends.triage.model import Bundle, StepState
from backends.triage.views import is_good


@pytest.fixture
def source() -> DemoSource:
    return DemoSource(40, clock=ManualClock())


def ask(source: DemoSource, story: str) -> Bundle:
    host = next(host.name for host in source.fleet if host.story == story)
    return DemoAsk(source)(DemoExec(host), "none", ManualClock())


@pytest.mark.parametrize(
    ("story", "severity", "words"),
    [
        ("lost-gpu", Severity.CRITICAL, "XID 79"),
        ("ecc", Severity.CRITICAL, "uncorrectable memory errors"),
        ("driver-hung", Severity.CRITICAL, "the GPU driver hangs"),
        ("throttled", Severity.WARNING, "slowed down by heat"),
        ("disk-full", Severity.CRITICAL, "/scratch is 99 % full"),
        ("memory-full", Severity.WARNING, "emory"),
    ],
)
def test_a_troubled_host_gets_the_verdict_of_its_story(
    source: DemoSource, story: str, severity: Severity, words: str
) -> None:
    strip = ask(source, story).strip
    assert strip.severity is severity and words.lower() in strip.text.lower() and strip.next_step


@pytest.mark.parametrize("story", ["training", "batch", "users", "idle"])
def test_a_healthy_host_is_well(source: DemoSource, story: str) -> None:
    made = ask(source, story)
    assert is_good(made.strip.severity, made.state), made.strip


def test_a_hung_driver_is_stuck_and_takes_its_time(source: DemoSource) -> None:
    made = ask(source, "driver-hung")
    assert next(step for step in made.steps if step.number == 4).state is StepState.STUCK
    assert 3.0 < made.seconds < 15.0


@pytest.mark.parametrize(
    ("story", "error"), [("timeout", RetryLater), ("refused", RetryLater), ("no-python", SkipHost)]
)
def test_a_host_that_cannot_be_asked_says_why(source: DemoSource, story: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        ask(source, story)


def test_the_token_in_a_command_line_is_masked(source: DemoSource) -> None:
    made = ask(source, "training")
    assert "hf_abcdefghij" not in str(made)
    processes = made.section("processes")
    assert processes is not None and "[masked]" in processes.text
