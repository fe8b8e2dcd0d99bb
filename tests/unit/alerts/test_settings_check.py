"""Everything that is wrong with the configuration of alerts is told by its key, before anything is connected."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.alerts.settings import rules
from backends.alerts.settings_check import problems
from backends.config.problem import Problem
from backends.config.schema import AlertsConfig, RuleConfig, TargetConfig, XidConfig
from backends.errors import BadInput
from backends.inventory.host import Host

URL = "json://gate.example/T0KEN"
HOSTS = (Host(name="gpu01", tags=("a100",)), Host(name="login1"))


def target(name: str = "oncall", url: str = URL, **more: object) -> TargetConfig:
    return TargetConfig(name=name, url=url, **more)  # type: ignore[arg-type]


def only(config: AlertsConfig) -> Problem:
    (problem,) = problems(config, HOSTS)
    return problem


def rule(expression: str, name: str = "busy", **more: str) -> RuleConfig:
    return RuleConfig(name=name, expression=expression, **more)  # type: ignore[arg-type]


def test_what_is_right_has_no_problem() -> None:
    config = AlertsConfig(
        targets=(target(hosts="tag:a100", rules=("gpu.*", "own.busy")),),
        off=("cpu.*", "check.*"),
        rules=(rule("gpu>95 & tag:a100", for_="5m"),),
        xids=(XidConfig(code=63, kind="reset"),),
        quiet_hours="22:00-07:00",
        quiet_zone="Europe/Zurich",
        ping_url="https://watch.example/T0KEN",
    )
    assert problems(config, HOSTS) == []
    assert problems(AlertsConfig(), HOSTS) == []


@pytest.mark.parametrize(
    ("config", "key", "message", "hint"),
    [
        (AlertsConfig(targets=(target(url=""),)), "alerts.targets.0", "no URL is given", "exactly one of"),
        (AlertsConfig(targets=(target(url="T0KEN"),)), "alerts.targets.0", "its url gives no URL", "on one line"),
        (AlertsConfig(targets=(target(url=f"{URL},{URL}"),)), "alerts.targets.0", "more than one URL", "one recipient"),
        (AlertsConfig(targets=(target(), target())), "alerts.targets.1", "another one of that name", ""),
        (AlertsConfig(targets=(target(hosts="tag:a10"),)), "alerts.targets.0.hosts", 'unknown tag "a10"', '"a100"'),
        (AlertsConfig(targets=(target(hosts="gpu01&"),)), "alerts.targets.0.hosts", "column", ""),
        (
            AlertsConfig(rules=(rule("gqu>1"),)),
            "alerts.rules.0.expression",
            'unknown field "gqu"; did you mean "gpu"?',
            "",
        ),
        (AlertsConfig(rules=(rule("a&gpu>x"),)), "alerts.rules.0.expression", "(column 7)", "for example gpu>80"),
        (AlertsConfig(rules=(rule("gpu>1", for_="31d"),)), "alerts.rules.0.for", "`for` is not from 0 to 30d", "5m"),
        (AlertsConfig(rules=(rule("gpu>1"), rule("gpu>2"))), "alerts.rules.1.name", 'are called "busy"', "otherwise"),
        (
            AlertsConfig(xids=(XidConfig(code=63, note=True),) * 2),
            "alerts.xids.1",
            "XID 63 stands here twice",
            "keep one",
        ),
        (AlertsConfig(quiet_zone="Europe/Zuerich"), "alerts.quiet_zone", "no such time zone", '"Europe/Zurich"'),
        (AlertsConfig(quiet_zone="../etc/passwd"), "alerts.quiet_zone", "no such time zone", "Europe/Zurich"),
        (AlertsConfig(ping_url="ftp://watch.example/T0KEN"), "alerts.ping_url", "no http:// or https:// URL", "HOST"),
        (AlertsConfig(ping_url="T0KEN"), "alerts.ping_url", "no http:// or https:// URL", "ping_url"),
    ],
)
def test_an_error_names_its_key_and_the_nearest_that_is_right(
    config: AlertsConfig, key: str, message: str, hint: str
) -> None:
    problem = only(config)
    assert (problem.severity, problem.key) == ("error", key)
    assert message in problem.message and hint in problem.hint
    assert "T0KEN" not in str(problem) and "gate.example" not in str(problem)


@pytest.mark.parametrize(
    ("config", "key", "message", "hint"),
    [
        (AlertsConfig(off=("cpu.*", "cpq.*")), "alerts.off", '"cpq.*" is like no built-in rule', '"cpu.*"'),
        (AlertsConfig(off=("gpu.xdi",)), "alerts.off", '"gpu.xdi"', 'did you mean "gpu.xid"?'),
        (AlertsConfig(off=("own.busy",), rules=(rule("gpu>1"),)), "alerts.off", "no built-in rule", ""),
        (AlertsConfig(targets=(target(rules=("own.x",)),)), "alerts.targets.0.rules", "is like no rule", "known here"),
        (AlertsConfig(xids=(XidConfig(code=63),)), "alerts.xids.0", "nothing is said of XID 63", "severity"),
    ],
)
def test_what_has_no_effect_is_a_warning(config: AlertsConfig, key: str, message: str, hint: str) -> None:
    problem = only(config)
    assert (problem.severity, problem.key) == ("warning", key)
    assert message in problem.message and hint in problem.hint


def test_selectors_are_not_judged_while_the_inventory_is_wrong() -> None:
    assert problems(AlertsConfig(targets=(target(hosts="tag:a10"),)), None) == []


def test_all_problems_are_told_at_once() -> None:
    config = AlertsConfig(targets=(target(hosts="x"), target("b", "")), rules=(rule("gqu>1"), rule("gpu>", "y")))
    assert len(problems(config, HOSTS)) == 4


@given(st.lists(st.text(alphabet="gpu cq>5&,()!tag:*\"'\x1b", max_size=12).map(rule), max_size=3))
def test_rules_without_a_problem_compile_and_others_do_not(written: list[RuleConfig]) -> None:
    config = AlertsConfig(rules=tuple(written))
    found = problems(config, HOSTS)
    assert all("\x1b" not in str(problem) for problem in found)
    if found:
        with pytest.raises(BadInput):
            rules(config)
    else:
        assert rules(config)
