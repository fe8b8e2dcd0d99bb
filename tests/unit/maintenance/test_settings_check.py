"""Everything that is wrong with the configuration of runs is told by its key, before anything is connected."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.config.check import check
from backends.config.problem import Problem
from backends.config.schema import Config
from backends.inventory.host import Host
from backends.maintenance.settings_check import problems

HOSTS = (Host(name="gpu01", tags=("a100",)), Host(name="login1"))
RUN = '[[runs]]\nname = "patch"\n'
DRAIN = "[[maintenance.drains]]\n"


def read(text: str) -> Config:
    config, wrong = check(text, "c.toml")
    assert config is not None, wrong
    return config


def found(text: str) -> list[Problem]:
    return problems(read(text), HOSTS)


def test_what_is_right_has_no_problem() -> None:
    assert problems(Config(), HOSTS) == []
    text = """
        [maintenance]
        approval_tags = ["a100"]
        [[maintenance.commands]]
        name = "warm"
        argv = ["/usr/local/bin/warm"]
        [[maintenance.drains]]
        hosts = "tag:a100"
        scheduler = "slurm"
        controller = "login1"
        [[maintenance.drains]]
        scheduler = "command"
        status = ["/usr/local/bin/status", "{node}"]
        drain = ["/usr/local/bin/drain", "{node}"]
        resume = ["/usr/local/bin/resume", "{node}"]
        [[runs]]
        name = "monthly-patch"
        hosts = "tag:a100"
        steps = ["drain", "snapshot", "backup:config", "update:security", "reboot-if-needed", "command:warm", "check", "resume"]
        batches = ["1", "10%", "50%"]
        canaries = ["gpu01"]
        max_unavailable = "20%"
        max_unavailable_per_domain = "1"
        max_failed = 2
        window = { cron = "0 22 * * sat", timezone = "Europe/Zurich", hours = 6 }
        timeouts = { drain = "12h", "backup:config" = "1h" }
    """
    assert found(text) == []


@pytest.mark.parametrize(
    ("text", "key", "message", "hint"),
    [
        (RUN + 'steps = ["drian"]', "runs.0.steps", 'there is no step "drian"', 'did you mean "drain"?'),
        (RUN + 'steps = ["update", "check", "resume"]', "runs.0.steps", '"resume" without a "drain"', '"drain"'),
        (
            RUN + 'steps = ["drain", "check", "resume", "reboot", "check"]',
            "runs.0.steps",
            '"resume" stands before "reboot"',
            "last",
        ),
        (RUN + 'steps = ["backup:modles"]', "runs.0.steps", 'no backup set "modles"', "config, secrets"),
        (RUN + 'steps = ["proof:modles:7d"]', "runs.0.steps", 'no backup set "modles"', "config, secrets"),
        (RUN + 'steps = ["command:warm"]', "runs.0.steps", 'no command "warm"', "known here: none"),
        (RUN + 'hosts = "tag:a10"', "runs.0.hosts", 'unknown tag "a10"', '"a100"'),
        (RUN + 'batches = ["1", "0"]', "runs.0.batches", "nobody", ""),
        (RUN + 'batches = ["200%"]', "runs.0.batches", "more than all hosts", ""),
        (RUN + 'max_unavailable = "0%"', "runs.0.max_unavailable", "no host could ever be taken", '"1"'),
        (RUN + 'max_unavailable_per_domain = "0"', "runs.0.max_unavailable_per_domain", "no host could ever", ""),
        (RUN + 'canaries = ["gpu1"]', "runs.0.canaries", 'no host "gpu1"', '"gpu01"'),
        (RUN + 'timeouts = { drian = "1h" }', "runs.0.timeouts.drian", 'no step "drian"', '"drain"'),
        (RUN + 'timeouts = { drain = "0s" }', "runs.0.timeouts.drain", "no duration", ""),
        (RUN + 'window = { cron = "0 22 * *" }', "runs.0.window.cron", "no rule of when it opens", "Saturdays"),
        (RUN + 'window = { cron = "0 22 31 2 *" }', "runs.0.window.cron", "no rule of when it opens", ""),
        (
            RUN + 'window = { cron = "0 22 * * sat", timezone = "Europe/Zurick" }',
            "runs.0.window.timezone",
            "no such time zone",
            '"Europe/Zurich"',
        ),
        (RUN + RUN, "runs.1.name", '"patch" stands here twice', "another name"),
        (DRAIN + 'scheduler = "slurm"\nhosts = "gpu1"', "maintenance.drains.0.hosts", 'unknown host "gpu1"', ""),
        (DRAIN + 'scheduler = "slurm"\ncontroller = "login"', "maintenance.drains.0.controller", "no host", '"login1"'),
        (DRAIN + 'scheduler = "slurm"\nnode = "{name}"', "maintenance.drains.0.node", "only {host}", ""),
        (DRAIN + 'scheduler = "command"', "maintenance.drains.0", "needs status, drain, resume", "node-drain"),
    ],
)
def test_what_is_wrong_is_told_with_its_key(text: str, key: str, message: str, hint: str) -> None:
    (problem,) = (each for each in found(text) if each.severity == "error")
    assert problem.key == key
    assert message in problem.message and hint in problem.hint


@pytest.mark.parametrize(
    ("text", "key", "message"),
    [
        (RUN + 'steps = ["drain", "update", "check"]', "runs.0.steps", "the hosts stay out of service"),
        (RUN + "window = { hours = 4 }", "runs.0.window", "a window without cron never opens"),
        (RUN + 'canary = false\ncanaries = ["gpu01"]', "runs.0.canaries", "do not go first"),
        (DRAIN + 'scheduler = "slurm"\nforce = true', "maintenance.drains.0.force", 'only scheduler = "kubernetes"'),
        (DRAIN + 'scheduler = "slurm"\naddress = "x"', "maintenance.drains.0.address", 'only scheduler = "ray"'),
        ('[maintenance]\napproval_tags = ["prod"]', "maintenance.approval_tags", 'no host has the tag "prod"'),
    ],
)
def test_what_is_probably_not_meant_is_a_warning(text: str, key: str, message: str) -> None:
    (problem,) = found(text)
    assert (problem.key, problem.severity) == (key, "warning")
    assert message in problem.message and problem.hint


def test_with_a_wrong_inventory_no_selector_is_judged() -> None:
    assert problems(read(RUN + 'hosts = "tag:nowhere"\ncanaries = ["x"]'), None) == []


@given(st.text(max_size=30))
def test_any_rule_of_a_window_is_taken_or_refused(cron: str) -> None:
    text = "".join(f"\\U{ord(character):08x}" for character in cron if not 0xD800 <= ord(character) < 0xE000)
    config, _ = check(f'{RUN}window = {{ cron = "{text}" }}', "c.toml")
    assert config is not None
    assert {each.key for each in problems(config, HOSTS)} <= {"runs.0.window.cron"}
