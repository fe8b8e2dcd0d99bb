"""A run of the configuration asks for what the file says, in the units of a request."""

from __future__ import annotations

import pytest

from backends.config.schema import CommandConfig, Config, MaintenanceConfig, RunConfig, WindowConfig
from backends.errors import BadInput
from backends.maintenance.from_config import commands, named, request
from backends.maintenance.request import Request, Window


def test_what_the_file_leaves_out_is_as_on_the_screen() -> None:
    assert request(RunConfig(name="x")) == Request(name="x")


def test_minutes_become_seconds_and_a_window_keeps_its_words() -> None:
    run = RunConfig(
        name="x",
        soak_minutes=5,
        window=WindowConfig(cron="0 22 * * sat", timezone="UTC", hours=4),
        max_unavailable_per_domain="1",
        timeouts={"drain": "2h"},
    )
    found = request(run)
    assert (found.soak_seconds, found.max_unavailable_per_domain, found.timeouts) == (300.0, "1", {"drain": "2h"})
    assert found.window == Window(cron="0 22 * * sat", timezone="UTC", hours=4.0)
    assert found.window_end is None


def test_a_run_that_nobody_wrote_is_refused_with_those_that_are_there() -> None:
    config = Config(runs=(RunConfig(name="patch"), RunConfig(name="reboot")))
    assert named(config, "reboot").name == "reboot"
    with pytest.raises(BadInput) as caught:
        named(config, "ptach")
    assert caught.value.hint == "there are: patch, reboot"


def test_commands_have_their_time() -> None:
    command = CommandConfig(name="warm", argv=("/bin/true",), timeout="90s")
    assert commands(Config(maintenance=MaintenanceConfig(commands=(command,)))) == {"warm": 90.0}
