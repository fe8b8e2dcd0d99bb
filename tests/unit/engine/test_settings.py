"""The configuration as files: what is read, and what counts as a change."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from backends.clock import ManualClock
from backends.engine.feed import ConfiguredFeed, choose
from backends.engine.settings import Settings
from backends.errors import BadInput


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    path = tmp_path / "fleet.toml"
    path.write_text("[hosts.a]\n")
    return path


def test_hosts_come_with_the_configuration(file: Path) -> None:
    loaded = Settings(str(file)).load()
    assert [host.name for host in loaded.hosts] == ["a"]


def test_no_file_at_all_means_this_machine(file: Path) -> None:
    (host,) = Settings("").load().hosts
    assert host.source == "local"


def test_a_wrong_file_is_refused_as_a_whole(file: Path) -> None:
    file.write_text("[hosts.a]\nprot = 22\n")
    with pytest.raises(BadInput, match="port"):
        Settings(str(file)).load()


def test_runs_that_are_wrong_are_refused_with_their_line(file: Path) -> None:
    file.write_text('[hosts.a]\n[[runs]]\nname = "patch"\nhosts = "a"\nsteps = ["update", "resume"]\n')
    with pytest.raises(BadInput, match=r'fleet.toml:5: runs.0.steps: "resume" without a "drain"'):
        Settings(str(file)).load()


def test_alerts_and_checks_that_are_wrong_are_refused_with_their_line(file: Path) -> None:
    file.write_text('[hosts.a]\n[alerts]\n[[alerts.rules]]\nname = "x"\nexpression = "gqu>80"\n')
    with pytest.raises(BadInput, match=r"fleet.toml:5: alerts.rules.0.expression: unknown field"):
        Settings(str(file)).load()
    file.write_text('[hosts.a]\n[[checks.site]]\nname = "x"\ncommand = ["/x"]\nhosts = "b"\n')
    with pytest.raises(BadInput, match=r"fleet.toml:5: checks.site.0.hosts: unknown host"):
        Settings(str(file)).load()


def test_what_has_no_effect_keeps_no_engine_from_starting(file: Path) -> None:
    file.write_text('[hosts.a]\n[alerts]\noff = ["nothing.like.it"]\n')
    assert Settings(str(file)).load().config.alerts.off == ("nothing.like.it",)


def test_a_changed_removed_or_replaced_file_changes_the_signature(file: Path) -> None:
    settings = Settings(str(file))
    seen = {settings.signature()}
    file.write_text("[hosts.a]\n[hosts.b]\n")
    seen.add(settings.signature())
    os.utime(file, ns=(1, 1))
    seen.add(settings.signature())
    file.unlink()
    seen.add(settings.signature())
    assert len(seen) == 4
    assert settings.signature() in seen


def test_an_inventory_beside_it_counts_as_well(file: Path) -> None:
    inventory = file.parent / "hosts.ini"
    inventory.write_text("b\n")
    file.write_text('[inventory]\nansible = ["hosts.ini"]\n')
    settings = Settings(str(file))
    settings.load()
    before = settings.signature()
    inventory.write_text("b\nc\n")
    assert settings.signature() != before


class Follower:
    """A follow loop that a test lets run for some rounds of the clock."""

    def __init__(self, file: Path, rounds: int):
        self.changes = 0
        self.stop = threading.Event()
        self.asked = threading.Event()
        self.clock = ManualClock()
        self.rounds = rounds
        self.feed = ConfiguredFeed(str(file), self)

    def now(self) -> float:
        return self.clock.now()

    def monotonic(self) -> float:
        return self.clock.monotonic()

    def wait(self, event: threading.Event, seconds: float) -> bool:
        self.rounds -= 1
        if self.rounds < 0:
            self.stop.set()
        self.on_round(self.rounds)
        return event.is_set()

    def on_round(self, left: int) -> None:
        """For a test to change things while the loop waits."""

    def run(self) -> int:
        self.feed.follow(self.stop, self.asked, self._changed)
        return self.changes

    def _changed(self) -> None:
        self.changes += 1


def test_nothing_is_read_again_while_nothing_changes(file: Path) -> None:
    assert Follower(file, 5).run() == 0


def test_a_change_is_followed_once(file: Path) -> None:
    class Edited(Follower):
        def on_round(self, left: int) -> None:
            if left == 3:
                file.write_text("[hosts.zzz]\n")

    assert Edited(file, 5).run() == 1


def test_a_file_changed_again_while_it_is_read_is_read_again(file: Path) -> None:
    class Busy(Follower):
        def on_round(self, left: int) -> None:
            if left == 3:
                file.write_text("[hosts.b]\n")

        def _changed(self) -> None:
            super()._changed()
            if self.changes == 1:
                file.write_text("[hosts.cc]\n")

    assert Busy(file, 5).run() == 2


def test_a_request_reads_again_without_a_change(file: Path) -> None:
    class Asked(Follower):
        def on_round(self, left: int) -> None:
            if left == 3:
                self.asked.set()

    assert Asked(file, 5).run() == 1


def test_demo_and_replay_exclude_each_other() -> None:
    with pytest.raises(BadInput):
        choose(4, "file", "", ManualClock(), on_jump=lambda: None)
