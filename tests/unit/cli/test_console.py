"""Without a subcommand the console opens: after the configuration was checked, and private engines end with it."""

from __future__ import annotations

import sys
import types

import pytest

from backends import paths
from swarm_tui.cli import console
from swarm_tui.options import ConsoleOptions
from tests.unit.cli.conftest import Run
from tests.unit.fake_engine import FakeEngine


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[ConsoleOptions]:
    """A terminal, and a console that ends at once."""
    found: list[ConsoleOptions] = []
    app = types.ModuleType("swarm_tui.app")
    app.run_console = found.append  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "swarm_tui.app", app)
    monkeypatch.setattr(console, "has_terminal", lambda: True)
    return found


def test_the_options_reach_the_console(run: Run, opened: list[ConsoleOptions]) -> None:
    run("--ascii", "--no-mouse", "--theme", "ansi", "--read-only", "--socket", "/s")
    assert opened == [ConsoleOptions(ascii=True, mouse=False, theme="ansi", read_only=True, socket_path="/s")]


def test_what_is_not_chosen_is_left_to_the_configuration(run: Run, opened: list[ConsoleOptions]) -> None:
    run()
    assert opened == [ConsoleOptions()]


def test_a_wrong_configuration_is_told_before_the_screen_is_taken(run: Run, opened: list[ConsoleOptions]) -> None:
    paths.config_file().parent.mkdir()
    paths.config_file().write_text("[ssh\n")
    assert run().status == 64
    assert opened == []


def test_the_engine_of_a_demo_ends_with_its_console(run: Run, opened: list[ConsoleOptions]) -> None:
    with FakeEngine(ConsoleOptions(demo=3).engine_socket, {"engine.stop": {}}) as engine:
        assert run("--demo", "--demo-hosts", "3").status == 0
        assert len(engine.params_of("engine.stop")) == 1


def test_the_real_engine_goes_on(run: Run, opened: list[ConsoleOptions]) -> None:
    with FakeEngine(paths.socket_file(), {"engine.stop": {}}) as engine:
        run()
        assert engine.params_of("engine.stop") == []
