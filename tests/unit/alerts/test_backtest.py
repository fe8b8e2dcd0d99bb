"""A rule on history fires as often as it would have, through the same state machine, and says so in one sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pytest

from backends.alerts.backtest import backtest
from backends.alerts.own_rules import OwnRule, compiled
from backends.alerts.pack import PAIRS, pack
from backends.alerts.rules import Rule
from backends.alerts.state import step
from backends.alerts.stored import sample_of
from backends.alerts.subjects import Concern, KernelEvent, Subject
from backends.engine.wire import HostRow
from backends.metrics.series import flatten
from backends.states import HostState, Severity
from tests.unit.alerts.rule_subjects import BUS, GIB, NOW, memory, sample, subject

START = NOW - 86_400.0
RULES = {rule.id: rule for rule in pack()}
(BUSY,) = compiled([OwnRule(name="busy", expression="gpu>80")])


def history(percents: dict[str, list[float | None]], seconds: float = 60.0) -> Iterator[tuple[float, list[Subject]]]:
    """Hosts with their GPU use at each moment."""
    for index in range(max(map(len, percents.values()))):
        now = START + seconds * index
        yield now, [_moment(host, now, values[index]) for host, values in percents.items() if index < len(values)]


def _moment(host: str, now: float, percent: float | None) -> Subject:
    row = HostRow(name=host, state=HostState.UP, gpu_percent=percent, sample_time=now)
    return subject(host=host, now=now, sample=sample(time=now), row=row, health=None)


def test_it_counts_and_says_how_short_they_were() -> None:
    short: list[float | None] = [90.0, 10.0]
    long: list[float | None] = [*[90.0] * 8, 10.0]
    found = backtest(BUSY, history({"a": short * 9 + long * 3, "b": long * 2}), step, waits=[300])
    assert found.sentence == "would have fired 14 times, 9 shorter than 2m; with for=5m: 5"
    assert (found.hosts, found.moments, found.start) == (2, 63, START)
    assert found.trial.hosts == ("a", "b")
    assert [(each.start, each.end) for each in found.trial.firings if each.host == "b"] == [
        (START, START + 480),
        (START + 540, START + 1020),
    ]


def test_what_still_fires_at_the_end_is_open() -> None:
    found = backtest(BUSY, history({"a": [10.0, 90.0, 90.0, 90.0]}), step, waits=[])
    assert found.sentence == "would have fired once, 1 still firing"
    (firing,) = found.trial.firings
    assert (firing.start, firing.end, firing.text) == (START + 60, None, "gpu>80: gpu 90%")


def test_what_is_not_known_neither_fires_nor_ends() -> None:
    found = backtest(BUSY, history({"a": [90.0, None, None, None, 90.0, 10.0]}), step, waits=[])
    assert [(each.start, each.end) for each in found.trial.firings] == [(START, START + 300)]


def test_nothing_and_no_history() -> None:
    quiet = backtest(BUSY, history({"a": [1.0] * 61, "b": [1.0]}), step)
    assert quiet.sentence == "would not have fired once in 1h on 2 hosts"
    assert backtest(BUSY, [], step).sentence == "there is no history to try it on"


def test_history_is_read_once_and_as_it_comes() -> None:
    moments = history({"a": [90.0, 10.0]})
    assert backtest(BUSY, moments, step).trial.count == 1
    assert next(moments, None) is None


def test_an_event_rule_has_no_other_waits() -> None:
    event = KernelEvent(time=START + 30, kind="xid", code=79, object=BUS, text="Xid 79")
    moments = [
        (START + 60 * index, [subject(now=START + 60 * index, events=(event,) * (index > 0))]) for index in range(5)
    ]
    found = backtest(RULES["gpu.xid"], moments, step)
    assert (found.trial.count, found.others) == (1, ())


def test_rules_about_backups_can_be_tried_too() -> None:
    late = Concern(code="overdue", severity=Severity.WARNING, object="vault", text="old")
    moments = [
        (START + index, [subject(now=START + index, concerns=(late,) if index == 1 else ())]) for index in range(3)
    ]
    found = backtest(RULES["backup.overdue"], moments, step, waits=[], pairs=PAIRS)
    assert found.sentence == "would have fired once, 1 shorter than 2m"


def _stored(rule: Rule, values: Sequence[Mapping[str, float | None]]) -> int:
    moments = []
    for index, each in enumerate(values):
        now = START + 60.0 * index
        moments.append((now, [Subject(host="a", now=now, interval_seconds=60.0, sample=sample_of(now, each))]))
    return backtest(rule, moments, step, waits=[]).trial.count


@pytest.mark.parametrize(
    ("rule", "good", "bad"),
    [
        ("cpu.busy", {"cpu.busy_percent": 10.0}, {"cpu.busy_percent": 99.0}),
        ("memory.used", {"memory.used_percent": 10.0}, {"memory.used_percent": 99.0}),
        ("memory.swap", {"swap.used_percent": 10.0}, {"swap.used_percent": 95.0}),
        ("disk.space", {"filesystem./a.b.used_percent": 10.0}, {"filesystem./a.b.used_percent": 95.0}),
        ("gpu.temperature", {"gpu.0.temperature_celsius": 50.0}, {"gpu.0.temperature_celsius": 90.0}),
        ("process.zombies", {"processes.zombies": 0.0}, {"processes.zombies": 3000.0}),
    ],
)
def test_stored_minutes_are_enough_for_the_limits(rule: str, good: dict[str, float], bad: dict[str, float]) -> None:
    silent: dict[str, float | None] = dict.fromkeys(good)
    assert _stored(RULES[rule], [good] * 3 + [bad] * 30 + [good] * 40) == 1
    assert _stored(RULES[rule], [good] * 3 + [bad] * 30 + [silent] * 40) == 1
    assert _stored(RULES[rule], [good] * 20 + [{name: float("nan") for name in good}] * 20) == 0


def test_a_stored_sample_has_what_history_keeps() -> None:
    before = sample(memory=memory(used_bytes=30 * GIB, available_bytes=70 * GIB))
    after = sample_of(NOW, {name: value for name, _, value in flatten(before)})
    assert after.gpus[0].temperature_celsius == before.gpus[0].temperature_celsius
    assert after.gpus[0].memory_used_bytes == before.gpus[0].memory_used_bytes
    assert after.filesystems[0].mount == before.filesystems[0].mount
    assert after.memory is not None
    assert after.memory.available_bytes == pytest.approx(70 * GIB, rel=0.001)
    assert sample_of(NOW, {}).filesystems == ()
    assert sample_of(NOW, {"gpu.x.power_watts": 3.0, "gpu.": 1.0, "": 2.0}).gpus == ()
