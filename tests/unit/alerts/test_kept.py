"""What the past can tell of a rule: of every rule it is known, and what was never kept is said, never counted as nothing."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping

import pytest

from backends.alerts import kept
from backends.alerts.backtest import backtest
from backends.alerts.model import Truth
from backends.alerts.own_rules import OwnRule, compiled
from backends.alerts.pack import PAIRS, pack
from backends.alerts.rules import Rule
from backends.alerts.state import step
from backends.alerts.stored import sample_of
from backends.alerts.subjects import NOT_HELD, Subject
from backends.alerts.trail import Trail
from backends.engine.wire import HostRow
from backends.inventory.fields import FIELDS, WORDS
from backends.metrics.series import flatten
from backends.states import HostState
from tests.unit.alerts.rule_subjects import NOW, sample, subject

RULES = {rule.id: rule for rule in pack()}
GOOD_AND_BAD: Mapping[str, tuple[Mapping[str, float], Mapping[str, float]]] = {
    "cpu.busy": ({"cpu.busy_percent": 10}, {"cpu.busy_percent": 99}),
    "cpu.busy_gpu_node": (
        {"cpu.busy_percent": 10, "gpu.0.utilisation_percent": 50},
        {"cpu.busy_percent": 99, "gpu.0.utilisation_percent": 50},
    ),
    "cpu.iowait": ({"cpu.iowait_percent": 1}, {"cpu.iowait_percent": 60}),
    "cpu.steal": ({"cpu.steal_percent": 0}, {"cpu.steal_percent": 20}),
    "memory.used": ({"memory.used_percent": 10, "memory.used_bytes": 1e9}, {"memory.used_percent": 95}),
    "memory.swap": ({"swap.used_percent": 10}, {"swap.used_percent": 95}),
    "memory.pressure": ({"memory.pressure_some_percent": 1}, {"memory.pressure_some_percent": 50}),
    "process.zombies": ({"processes.zombies": 0}, {"processes.zombies": 5000}),
    "disk.space": ({"filesystem./a.b.used_percent": 10}, {"filesystem./a.b.used_percent": 95}),
    "disk.inodes": ({"filesystem./.inodes_used_percent": 10}, {"filesystem./.inodes_used_percent": 95}),
    "disk.latency": (
        {"disk.sda.latency_seconds": 0.001, "disk.sda.busy_percent": 5},
        {"disk.sda.latency_seconds": 0.5, "disk.sda.busy_percent": 100},
    ),
    "gpu.temperature": ({"gpu.0.temperature_celsius": 50}, {"gpu.0.temperature_celsius": 90}),
    "gpu.idle_held": (
        {"gpu.0.utilisation_percent": 50, "gpu.0.memory_used_bytes": 8e9},
        {"gpu.0.utilisation_percent": 0, "gpu.0.memory_used_bytes": 8e9},
    ),
}


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.id)
def test_of_every_rule_it_is_known_what_the_past_tells(rule: Rule) -> None:
    stored, recorded = kept.in_history(rule), kept.in_recording(rule)
    assert bool(stored.series) != bool(stored.reason)
    assert "what it looks at" not in stored.reason + recorded.reason
    if "try it on a recording" in stored.reason:
        assert not recorded.reason
    assert (rule.needs in ("sample", "reach")) <= (not recorded.reason)
    if stored.series:
        assert not recorded.reason, "a recording holds more than the history"


@pytest.mark.parametrize("rule", GOOD_AND_BAD)
def test_the_series_that_are_read_are_enough_for_the_rule(rule: str) -> None:
    known, (good, bad) = kept.in_history(RULES[rule]), GOOD_AND_BAD[rule]
    assert all(any(fnmatch.fnmatchcase(name, glob) for glob in known.series) for name in (*good, *bad))
    values = [good] * 5 + [bad] * 200 + [good] * 100
    moments = [
        (
            NOW + 60.0 * index,
            [
                Subject(
                    host="a", now=NOW + 60.0 * index, interval_seconds=60, sample=sample_of(NOW + 60.0 * index, each)
                )
            ],
        )
        for index, each in enumerate(values)
    ]
    assert backtest(RULES[rule], moments, step, waits=[], pairs=PAIRS).trial.count == 1


def test_every_rule_with_series_is_proven_above() -> None:
    with_series = {rule.id for rule in RULES.values() if kept.in_history(rule).series}
    assert with_series == {*GOOD_AND_BAD, "disk.forecast"}


def test_a_forecast_comes_of_shares_alone() -> None:
    trail, moments = Trail(), []
    for index in range(120):
        now, used = NOW + 60.0 * index, min(99.0, 50 + 0.4 * index)
        one = sample_of(now, {"filesystem./data.used_percent": used}, nominal_space=True)
        moments.append((now, [Subject(host="a", now=now, interval_seconds=60, sample=one, recent=trail.add(one))]))
    found = backtest(RULES["disk.forecast"], moments, step, waits=[])
    assert found.trial.count == 1
    assert found.trial.firings[0].text.startswith("/data is full in 1h")


def test_stored_series_exist() -> None:
    """Globs that match nothing that history keeps would never tell anything."""
    names = {name for name, _, _ in flatten(sample())} | {"swap.used_percent", "memory.pressure_some_percent"}
    for rule in RULES.values():
        for glob in kept.in_history(rule).series:
            assert any(fnmatch.fnmatchcase(name, glob) for name in names), glob


# Rules of the site ---------------------------------------------------------------------------------------------------


def own(expression: str) -> Rule:
    (rule,) = compiled([OwnRule(name="x", expression=expression)])
    return rule


@pytest.mark.parametrize(
    ("expression", "reason", "caution"),
    [
        ("gpu>80 & tag:a100", "", ""),
        ("!gpu>80", "", ""),
        ("gpu01 & mem>90", "", ""),
        ("tag:a100", "", ""),
        ("flag:ecc", "the history does not keep flag; try it on a recording", ""),
        ("age>30s , since>1h", "the history does not keep age, since; try it on a recording", ""),
        ("gpu>80 , flag:ecc & state:up", "", "the history does not keep flag, state: what hangs on that is not known"),
        ("!(disk>90 & !kernel:6.8)", "", "the history does not keep kernel: what hangs on that is not known"),
    ],
)
def test_what_of_an_expression_is_stored(expression: str, reason: str, caution: str) -> None:
    known = kept.in_history(own(expression), expression)
    assert (known.reason, " ".join(known.cautions)) == (reason, caution)


def test_every_field_is_stored_known_from_the_inventory_or_said_to_be_unknown() -> None:
    for name in FIELDS:
        known = kept.in_history(own(f"{name}>1"), f"{name}>1")
        assert bool(known.series) != bool(known.reason), name
    for name in WORDS:
        value = WORDS[name].choices[0] if WORDS[name].choices else "x"
        known = kept.in_history(own(f"{name}:{value}"), f"{name}:{value}")
        assert (not known.reason) == (name in ("name", "tag")), name


def test_a_recording_knows_nothing_of_backups_updates_alerts_and_verdicts() -> None:
    expression = "gpu>80 & backup<2d , verdict:disk"
    known = kept.in_recording(own(expression), expression)
    assert known.cautions == ("a recording does not keep backup, verdict: what hangs on that is not known",)
    assert not known.reason


@pytest.mark.parametrize(
    ("expression", "truth"),
    [
        ("gpu>80 , flag:ecc", Truth.TRUE),
        ("gpu>80 & flag:ecc", Truth.NODATA),
        ("gpu<80 & flag:ecc", Truth.FALSE),
        ("!flag:ecc", Truth.NODATA),
        ("flag=ecc", Truth.NODATA),
        ("FLAG:ecc", Truth.NODATA),
        ('"flag:ecc"', Truth.FALSE),
    ],
)
def test_what_nobody_kept_is_neither_true_nor_false(expression: str, truth: Truth) -> None:
    row = HostRow(name="a", state=HostState.UP, gpu_percent=90.0, sample_time=NOW)
    rule = kept.without(own(expression), expression, frozenset({"flag"}))
    moment = subject(row=row, now=NOW, sample=sample(time=NOW))
    assert rule.judge(moment, "", NOT_HELD).truth is truth
    assert (list(rule.scan(moment)) == [""]) == (truth is Truth.TRUE)
