"""Apprise is asked whether it takes what stands in the configuration and in files; no URL is told, no command is run."""

from __future__ import annotations

from pathlib import Path

import pytest

from backends.alerts.url_check import url_problems
from backends.config.problem import Problem
from backends.config.schema import AlertsConfig, TargetConfig


def found(**fields: object) -> list[Problem]:
    target = TargetConfig(name="oncall", **fields)  # type: ignore[arg-type]
    return list(url_problems(AlertsConfig(targets=(TargetConfig(name="a", url="json://127.0.0.1/"), target))))


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("jsno://gate.example/T0KEN", "no service takes its jsno:// URL"),
        ("mailto://T0KEN@", "its URL is not right"),
        ("mailto://u:T0KEN@example.com?to=a@example.com,b@example.com", "2 recipients"),
    ],
)
def test_what_apprise_does_not_take_is_told_without_the_url(url: str, message: str) -> None:
    (problem,) = found(url=url)
    assert problem.key == "alerts.targets.1.url"
    assert message in problem.message
    assert "T0KEN" not in str(problem) and "gate.example" not in str(problem)


def test_a_file_is_read_and_must_be_private(tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text("json://gate.example/T0KEN\n")
    file.chmod(0o644)
    (problem,) = found(url_file=str(file))
    assert (problem.key, problem.hint) == ("alerts.targets.1.url_file", f"chmod 600 {file}")
    file.chmod(0o600)
    assert found(url_file=str(file)) == []


def test_commands_and_the_engines_environment_are_left_alone(tmp_path: Path) -> None:
    assert found(url_command=f"touch {tmp_path}/ran") == found(url_env="NOT_SET_HERE") == []
    assert list(tmp_path.iterdir()) == []


def test_wrong_targets_are_told_elsewhere() -> None:
    assert found() == []
