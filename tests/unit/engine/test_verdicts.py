"""Verdict windows, whose turn it is, and the words in the row; and attention that runs out."""

from __future__ import annotations

from collections.abc import Sequence

from backends.checks.bottleneck import judge
from backends.checks.verdict import Verdict
from backends.clock import ManualClock
from backends.engine.attention import Attention
from backends.engine.verdicts import KEPT, Verdicts, headline
from backends.metrics.sample import HostFacts, Sample
from backends.sources import demo_fleet, demo_motion
from backends.states import Severity
from tests.unit.engine.parts import sample


class Judge:
    def __init__(self) -> None:
        self.windows: list[list[float]] = []

    def __call__(self, window: Sequence[Sample], facts: HostFacts | None) -> tuple[Verdict, ...]:
        self.windows.append([one.time for one in window])
        return (Verdict(subject="host", kind="storage", text="disks are slow"),)


def test_the_window_is_thinned_and_bounded() -> None:
    judge = Judge()
    verdicts = Verdicts(judge)
    for second in range(600):
        verdicts.sample("a", sample(1000.0 + second))
    verdicts.of("a", None)
    (times,) = judge.windows
    assert len(times) == KEPT
    assert times[-1] - times[0] >= 60
    assert times == sorted(times)


def test_a_clock_set_back_begins_a_new_window() -> None:
    judge = Judge()
    verdicts = Verdicts(judge)
    for time in (1000.0, 1010.0, 500.0):
        verdicts.sample("a", sample(time))
    verdicts.of("a", None)
    assert judge.windows == [[500.0]]


def test_a_host_without_samples_has_no_verdict() -> None:
    assert Verdicts(Judge()).of("a", None) == ()


def test_every_host_gets_its_turn_within_a_round() -> None:
    verdicts = Verdicts(Judge())
    hosts = [f"h{number}" for number in range(1000)]
    for host in hosts:
        verdicts.sample(host, sample())
    told: list[str] = []
    for _ in range(40):  # ten seconds of ticks
        verdicts.step(hosts, lambda host: None, lambda host, text: told.append(host))
    assert set(told) == set(hosts)
    assert len(told) == 1000


def test_an_empty_fleet_is_no_error() -> None:
    Verdicts(Judge()).step([], lambda host: None, lambda host, text: None)


def verdict(kind: str, severity: Severity, subject: str = "host") -> Verdict:
    return Verdict(subject=subject, kind=kind, text="t", severity=severity)


def test_the_row_names_the_worst_finding_and_nothing_when_all_is_well() -> None:
    assert headline([verdict("ok", Severity.OK), verdict("unknown", Severity.UNKNOWN)]) == ""
    found = [verdict("storage", Severity.WARNING), verdict("hang", Severity.CRITICAL, "gpu 3")]
    assert headline(found) == "hang (gpu 3)"


def test_what_a_row_shows_comes_from_the_judge_over_the_kept_window() -> None:
    starved = next(host for host in demo_fleet.build(40) if host.story == "data-loader")
    verdicts, told = Verdicts(judge), []
    for second in range(90):
        verdicts.sample("a", demo_motion.sample(starved, 7, second, 1.0, 1e9 + second))
        if second in (30, 89):
            verdicts.step(["a"], lambda host: None, lambda host, text: told.append((host, text)))
    assert told == [("a", ""), ("a", "data-loader (job 4700)")]


def test_attention_ends_a_while_after_the_last_look() -> None:
    clock = ManualClock()
    told: list[tuple[str, bool]] = []
    attention = Attention(clock.monotonic, lambda host, on: told.append((host, on)))
    attention.look("a")
    clock.advance(8)
    attention.look("a")
    clock.advance(8)
    attention.expire()
    assert told == [("a", True)]
    clock.advance(3)
    attention.expire()
    assert told == [("a", True), ("a", False)]
