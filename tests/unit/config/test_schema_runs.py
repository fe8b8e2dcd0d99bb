"""The tables about maintenance: what they take, and what is refused with its place."""

from __future__ import annotations

import pytest

from backends.config.check import check
from backends.config.schema import Config, RunConfig
from backends.maintenance.request import DEFAULT_BATCHES, DEFAULT_STEPS, Request


def test_the_run_of_the_design_can_be_written() -> None:
    config, problems = check(
        """
        [[runs]]
        name = "monthly-patch"
        hosts = "tag:a100"
        steps = ["drain", "snapshot", "backup:models", "update:security", "reboot-if-needed", "check", "resume"]
        batches = ["1", "10%", "50%"]
        max_unavailable = "20%"
        max_failed = 2
        """,
        "c.toml",
    )
    assert problems == [] and config is not None
    (run,) = config.runs
    assert (run.name, run.max_unavailable, run.max_failed, run.soak_minutes) == ("monthly-patch", "20%", 2, 10.0)


def test_a_screen_and_a_file_have_the_same_defaults() -> None:
    run, request = RunConfig(name="x"), Request()
    assert (run.steps, run.batches) == (DEFAULT_STEPS, DEFAULT_BATCHES) == (request.steps, request.batches)
    assert (run.max_unavailable, run.max_failed, run.canary) == (
        request.max_unavailable,
        request.max_failed,
        request.canary,
    )
    assert run.soak_minutes * 60 == request.soak_seconds
    assert Config().runs == ()


@pytest.mark.parametrize(
    ("text", "key", "message", "hint"),
    [
        ("[[runs]]\nhosts = ''\n", "runs.0", 'the key "name" is missing', ""),
        ("[[runs]]\nname = 'x'\nstep = []\n", "runs.0.step", "unknown key", 'did you mean "steps"?'),
        ("[[runs]]\nname = 'x'\nbatches = ['1', 'ten']\n", "runs.0.batches", "expected a list of number", ""),
        ("[[runs]]\nname = 'x'\nmax_unavailable = '20 %'\n", "runs.0.max_unavailable", "or per cent like", ""),
        ("[[runs]]\nname = 'x'\nmax_failed = 0\n", "runs.0.max_failed", "found 0, expected a whole number from 1", ""),
        ("[[runs]]\nname = 'x'\nwindow = { hour = 1 }\n", "runs.0.window.hour", "unknown key", '"hours"'),
        ("[[runs]]\nname = 'x'\npromote = 'kye'\n", "runs.0.promote", 'found "kye"', 'did you mean "key"?'),
        ("[[maintenance.drains]]\nscheduler = 'slrum'\n", "maintenance.drains.0.scheduler", 'found "slrum"', '"slurm"'),
        ("[[maintenance.commands]]\nname = 'x'\nargv = []\n", "maintenance.commands.0.argv", "expected", ""),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, key: str, message: str, hint: str) -> None:
    config, (problem,) = check(text, "c.toml")
    assert config is None
    assert (problem.key, problem.line) == (key, None) or problem.line is not None
    assert problem.key == key and message in problem.message and hint in problem.hint
