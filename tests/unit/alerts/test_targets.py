"""Where a target's URL comes from, and what is wrong with a target; never with the URL in the message."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from backends.alerts.redact import Secret
from backends.alerts.targets import Target, ask, problems, resolve, shown, targets
from backends.config.schema import AlertsConfig, TargetConfig
from backends.errors import AskOperator, BadInput, SwarmError
from tests.unit.alerts.receivers import target

URL = "json://gate.example/T0KEN"


def configured(**fields: object) -> AlertsConfig:
    return AlertsConfig(targets=(TargetConfig(name="oncall", **fields),))  # type: ignore[arg-type]


def test_the_configuration_becomes_targets() -> None:
    config = configured(url=URL, min_severity="critical", hours="08:00-20:00")
    (only,) = targets(config)
    assert (only.name, only.min_severity, only.hours, only.way) == ("oncall", "critical", "08:00-20:00", "url")
    assert resolve(only, {}).reveal() == URL
    assert shown(only, resolve(only, {})) == "oncall (json://gate.example)"
    assert "T0KEN" not in f"{config!r} {only!r}"


@pytest.mark.parametrize(
    ("config", "message", "hint"),
    [
        (configured(), "no URL is given", "exactly one of url, url_command, url_file, url_env"),
        (configured(url=URL, url_env="X"), "found url and url_env", "exactly one"),
        (configured(url=URL, levels=()), "levels is empty", "[0]"),
        (configured(url=URL, title="{hots}"), "unknown word {hots}", 'did you mean "host'),
        (configured(url=URL, body="{x\x1b[2J}"), "unknown word", "known here: title"),
        (configured(url_command="pass 'x"), "cannot be taken apart", "quote"),
        (configured(url_command="  "), "url_command is empty", "program"),
        (
            AlertsConfig(targets=(TargetConfig(name="a", url=URL), TargetConfig(name="a", url=URL))),
            "another one of that name",
            "",
        ),
    ],
)
def test_a_wrong_target_is_told_without_its_url(config: AlertsConfig, message: str, hint: str) -> None:
    (problem,) = problems(config)
    assert message in problem.message and hint in problem.hint
    assert problem.key in ("alerts.targets.0", "alerts.targets.1")
    with pytest.raises(BadInput, match="alerts target") as refused:
        targets(config)
    assert "T0KEN" not in f"{problem} {refused.value}" and "\x1b" not in problem.message


def test_right_ones_have_no_problem() -> None:
    assert problems(configured(url=URL, title="{severity} {hosts}: {title}", body="{lines}\n{time}")) == []
    assert targets(AlertsConfig()) == ()


def commanded(said: tuple[int, bytes, bytes] | Exception) -> tuple[list[list[str]], object]:
    asked: list[list[str]] = []

    def run(argv: Sequence[str], seconds: float) -> tuple[int, bytes, bytes]:
        asked.append(list(argv))
        if isinstance(said, Exception):
            raise said
        return said

    return asked, run


def test_a_command_is_asked_without_a_shell() -> None:
    asked, run = commanded((0, URL.encode() + b"\n", b"noise"))
    found = resolve(target("pass show 'alerts/on call' $HOME;", way="url_command"), {}, run)  # type: ignore[arg-type]
    assert found.reveal() == URL
    assert asked == [["pass", "show", "alerts/on call", "$HOME;"]]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (
            (1, URL.encode(), b"gpg: " + URL.encode() + b" \x1b[31mno key"),
            "ended with 1: gpg: json://gate.example no key",
        ),
        ((0, b"\n", b""), "gives nothing"),
        ((0, b"two words", b""), "more than one URL, or one with spaces"),
        ((0, b"T0KEN", b""), "gives no URL"),
        ((0, b"x://" + b"T0KEN" * 5000, b""), "more than 8192"),
        ((0, URL.encode() + b",json://other/T0KEN", b""), "more than one URL"),
        ((0, b"json://gate/\xff\x1b", b""), "more than one URL, or one with spaces"),
        (subprocess.TimeoutExpired("pass", 30, output=b"T0KEN"), "did not end within 30 s"),
        (FileNotFoundError(2, "No such file or directory"), "cannot be started: No such file"),
    ],
)
def test_a_command_that_gives_no_url_is_told_without_its_output(said: tuple[int, bytes, bytes], why: str) -> None:
    _, run = commanded(said)
    with pytest.raises(SwarmError) as refused:
        resolve(target("pass show oncall", way="url_command"), {}, run)  # type: ignore[arg-type]
    assert why in refused.value.message and "'oncall'" in refused.value.message
    told = f"{refused.value} {refused.value!r} {refused.value.__cause__!r}"
    assert "T0KEN" not in told and "\x1b" not in told


def test_a_real_command_that_hangs_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backends.alerts.targets.COMMAND_SECONDS", 0.2)
    with pytest.raises(AskOperator, match="did not end"):
        resolve(target("/bin/sh -c 'sleep 60; :'", way="url_command"), {})
    assert ask(["printf", "%s", URL], 5.0) == (0, URL.encode(), b"")


def test_the_environment_of_the_engine_may_hold_it() -> None:
    assert resolve(target("ONCALL", way="url_env"), {"ONCALL": URL}).reveal() == URL
    with pytest.raises(AskOperator, match="ONCALL is not set"):
        resolve(target("ONCALL", way="url_env"), {})


def test_a_private_file_may_hold_it(tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text(f"{URL}\n")
    there: Target = target(str(file), way="url_file")
    file.chmod(0o644)
    with pytest.raises(AskOperator, match="others may read") as refused:
        resolve(there, {})
    assert refused.value.hint == f"chmod 600 {file}"
    file.chmod(0o600)
    assert resolve(there, {}) == Secret(URL)


@pytest.mark.parametrize("make", ["nothing", "folder"])
def test_what_is_no_file_is_told(tmp_path: Path, make: str) -> None:
    if make == "folder":
        (tmp_path / "url").mkdir()
    with pytest.raises(AskOperator, match="cannot be read"):
        resolve(target(str(tmp_path / "url"), way="url_file"), {})
