"""The tables about alerts: what they take, what is refused with its place, and that no URL is ever told."""

from __future__ import annotations

from typing import get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends import units
from backends.alerts import xid_policy
from backends.alerts.model import Policy
from backends.alerts.quiet_hours import checked
from backends.alerts.settings import policy, quiet
from backends.config.check import check
from backends.config.problem import Problem
from backends.config.schema import AlertsConfig, Config, RuleConfig, TargetConfig, XidConfig
from backends.states import Severity

URL = "json://gate.example/T0KEN"


def read(text: str) -> Config:
    config, problems = check(text, "c.toml")
    assert config is not None, problems
    return config


def only(text: str) -> Problem:
    config, (problem,) = check(text, "c.toml")
    assert config is None
    return problem


def test_everything_about_alerts_can_be_said() -> None:
    alerts = read(f"""
        [alerts]
        off = ["cpu.*"]
        quiet_hours = "22:00-07:00"
        quiet_zone = "Europe/Zurich"
        [alerts.policy]
        ack_hours = 2
        [[alerts.targets]]
        name = "oncall"
        url = "{URL}"
        [[alerts.rules]]
        name = "busy"
        expression = "gpu>95"
        for = "5m"
        keep = "1h30m"
        severity = "critical"
        [[alerts.xids]]
        code = 63
        kind = "reset"
    """).alerts
    assert (alerts.off, alerts.quiet_hours, alerts.quiet_zone) == (("cpu.*",), "22:00-07:00", "Europe/Zurich")
    assert alerts.policy.ack_hours == 2.0
    assert alerts.rules == (RuleConfig(name="busy", expression="gpu>95", for_="5m", keep="1h30m", severity="critical"),)
    assert alerts.xids == (XidConfig(code=63, kind="reset"),)
    assert [target.name for target in alerts.targets] == ["oncall"]


@pytest.mark.parametrize(
    ("text", "key", "message", "hint"),
    [
        ("[alerts]\nquite_hours = 1\n", "alerts.quite_hours", "unknown key", 'did you mean "quiet_hours"?'),
        ('[alerts]\nquiet_hours = "22-7"\n', "alerts.quiet_hours", 'found "22-7", expected hours like', ""),
        ('[alerts]\nquiet_hours = "29:00-07:00"\n', "alerts.quiet_hours", "expected hours like", ""),
        ('[alerts]\noff = "cpu.*"\n', "alerts.off", 'found "cpu.*", expected a list of text', ""),
        ("[alerts.policy]\nack_hour = 1\n", "alerts.policy.ack_hour", "unknown key", 'did you mean "ack_hours"?'),
        ("[alerts.policy]\nack_hours = 0\n", "alerts.policy.ack_hours", "found 0, expected a number above 0", ""),
        ("[[alerts.rules]]\nname = 'x'\n", "alerts.rules.0", 'the key "expression" is missing', ""),
        (
            "[[alerts.rules]]\nname = 'x'\nexpression = 'gpu>1'\nfor = 300\n",
            "alerts.rules.0.for",
            'found 300, expected a duration like "30s", "5m" or "1h30m"',
            "",
        ),
        (
            "[[alerts.rules]]\nname = 'x'\nexpression = 'gpu>1'\nfor = '5 min'\n",
            "alerts.rules.0.for",
            'found "5 min", expected a duration like',
            "",
        ),
        (
            "[[alerts.rules]]\nname = 'x'\nexpression = 'gpu>1'\nseverity = 'warn'\n",
            "alerts.rules.0.severity",
            'found "warn"',
            'did you mean "warning"?',
        ),
        (
            "[[alerts.xids]]\ncode = 63\nkind = 'fatl'\n",
            "alerts.xids.0.kind",
            'found "fatl", expected "app" or "fatal"',
            'did you mean "fatal"?',
        ),
        ("[[alerts.xids]]\ncode = 'x'\n", "alerts.xids.0.code", 'found "x", expected a whole number', ""),
        (
            "[[alerts.xids]]\ncode = 63\naction = 'reset gpu'\n",
            "alerts.xids.0.action",
            'found "reset gpu"',
            'did you mean "reset GPU"?',
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, key: str, message: str, hint: str) -> None:
    problem = only(text)
    assert (problem.file, problem.key) == ("c.toml", key)
    assert problem.line is not None
    assert message in problem.message and hint in problem.hint


@pytest.mark.parametrize(
    "text",
    [
        f'[[alerts.targets]]\nname = "a"\nurl = ["{URL}"]\n',
        f'[[alerts.targets]]\nname = "a"\nulr = "{URL}"\n',
        f'[[alerts.targets]]\nname = "a"\nurl_file = ["{URL}"]\n',
        f'[[alerts.targets]]\nurl = "{URL}"\n',
        f'[alerts]\ntargets = ["{URL}"]\n',
        f'[alerts]\ntargets = "{URL}"\n',
        f'alerts = "{URL}"\n',
        f'[alerts]\nping_url = ["{URL}"]\n',
        f'[alerts]\nping_url = "{URL}{"x" * 5000}"\n',
        f'[[alerts.targets]]\nname = "a"\nurl_env = "{URL}{"x" * 500}"\n',
    ],
)
def test_a_url_is_told_by_no_problem(text: str) -> None:
    problem = only(text)
    assert problem.key.startswith("alerts") and problem.message
    assert "T0KEN" not in str(problem) and "gate.example" not in str(problem)


def test_a_url_is_part_of_no_repr() -> None:
    target = TargetConfig(name="oncall", url=URL)
    config = Config(alerts=AlertsConfig(targets=(target,), ping_url=URL))
    assert "T0KEN" not in f"{config!r} {config.alerts!r} {target!r}"
    assert "oncall" in repr(config)


def test_the_defaults_of_the_policy_are_those_of_the_specification() -> None:
    assert policy(AlertsConfig(targets=(TargetConfig(name="a", levels=(0, 2)),))) == Policy()


def test_xids_take_the_words_of_the_table() -> None:
    def words(name: str) -> set[str]:
        (literal,) = (each for each in get_args(get_type_hints(XidConfig)[name]) if each is not type(None))
        return set(get_args(literal))

    assert words("kind") == set(get_args(xid_policy.Kind)) - {"unknown"}
    assert words("action") == set(get_args(xid_policy.Action))
    assert words("severity") == {str(each) for each in Severity} - {"unknown"}


_SPANS = st.lists(
    st.builds("{}{}".format, st.integers(0, 10**9 - 1), st.sampled_from(["ms", "s", "m", "h", "d", "w"])),
    min_size=1,
    max_size=6,
).map("".join)


@given(st.one_of(st.text(max_size=12), st.from_regex(r"[0-9.]{0,3}[a-z]{0,2}[0-9]{0,2}[a-z]{0,2}\n?"), _SPANS))
def test_a_duration_is_refused_or_can_be_read(text: str) -> None:
    config, problems = check(f"[[alerts.rules]]\nname='x'\nexpression='gpu>1'\nfor={toml(text)}\n", "c.toml")
    if config is None:
        assert [problem.key for problem in problems] == ["alerts.rules.0.for"]
    else:
        assert units.parse_span(config.alerts.rules[0].for_) >= 0


@given(_SPANS)
def test_every_duration_as_people_write_it_is_taken(text: str) -> None:
    assert check(f"[[alerts.rules]]\nname='x'\nexpression='gpu>1'\nkeep='{text}'\n", "c.toml")[1] == []


@given(st.one_of(st.text(max_size=12), st.from_regex(r"[0-2][0-9]:[0-6][0-9]-[0-2][0-9]:[0-6][0-9]\n?")))
def test_quiet_hours_are_refused_or_can_be_kept(text: str) -> None:
    config, problems = check(f"[alerts]\nquiet_hours={toml(text)}\n", "c.toml")
    if config is None:
        assert [problem.key for problem in problems] == ["alerts.quiet_hours"]
    elif (hours := quiet(config.alerts)) is not None:
        assert checked(hours) == hours
    else:
        assert text == ""


def toml(text: str) -> str:
    """A basic string of TOML that means `text`."""
    return '"' + "".join(f"\\U{ord(character):08x}" for character in text) + '"'
