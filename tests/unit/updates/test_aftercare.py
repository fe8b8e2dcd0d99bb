"""Services and reboots as the API offers them: looking is always possible, changing only where it is written down."""

from __future__ import annotations

from pathlib import Path

import pytest

from backends.errors import BadInput, Stop
from backends.states import Severity
from backends.updates.aftercare import Aftercare
from backends.updates.preflight_model import Preflight
from tests.unit.updates.fleet import BriefClock
from tests.unit.updates.hosts import NEW, OLD, kernel
from tests.unit.updates.reboot_host import RebootHost
from tests.unit.updates.restart_host import RestartHost, RestartJobs, Unit
from tests.unit.updates.test_runs import until


class Desk:
    """Two hosts: `boot` is for rebooting, `serve` for its services."""

    def __init__(self, folder: Path | None, before: Desk | None = None):
        self.clock: BriefClock = before.clock if before else BriefClock()
        self.boot: RebootHost = before.boot if before else RebootHost("boot", self.clock)
        self.serve: RestartHost = before.serve if before else RestartHost("serve", ssh=Unit(), docker=Unit())
        self.updating: list[str] = []
        self.renewed: list[str] = []
        self.told: list[str] = []
        self.aftercare = Aftercare(
            lambda name: self.boot if name == "boot" else self.serve,
            lambda name: RestartJobs(self.serve),
            self._ask,
            self.clock,
            folder=folder,
            tell=lambda kind, text, host, who, severity: self.told.append(text),
            on_bug=lambda host, error: self.told.append(repr(error)),
            on_change=self.renewed.append,
            nudge=lambda host: None,
            updating=lambda: self.updating,
        )

    def _ask(self, name: str, needs: bool) -> Preflight:
        return self.boot.facts() if name == "boot" else self.serve.facts()


def test_the_gate_is_shown_with_what_waits_and_who_is_there(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.boot.changes["users"] = ("anna pts/0 10.0.0.7",)
    shown = desk.aftercare.gate("boot")
    assert (shown.red, shown.running_kernel, shown.next_kernel) == (False, OLD, NEW)
    assert shown.reboot.needed and shown.users == ("anna pts/0 10.0.0.7",)
    desk.boot.changes["kernels"] = (kernel(OLD), kernel(NEW, initrd_bytes=None))
    red = desk.aftercare.gate("boot")
    assert (red.red, red.severity) == (True, Severity.CRITICAL) and red.findings[0].blocks


def test_what_goes_on_is_said_and_its_end_renews_the_hosts_inventory(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.boot.away_seconds = float("inf")
    desk.aftercare.reboot(["boot"], "anna")
    assert desk.aftercare.in_flight() == ("reboot of 1 hosts",)
    desk.aftercare.restart(["serve"], (), "anna")
    until(lambda: desk.renewed == ["serve"])
    assert desk.aftercare.restarts(9)[0].units == ("ssh.service",)
    desk.aftercare.stop()


def test_a_host_that_is_updated_or_rebooted_is_left_alone(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.updating = ["boot"]
    for act in (desk.aftercare.reboot, lambda hosts, who: desk.aftercare.restart(hosts, (), who)):
        with pytest.raises(BadInput, match="is being updated"):
            act(["boot"], "anna")
    desk.updating = []
    desk.boot.away_seconds = float("inf")
    desk.aftercare.reboot(["boot"], "anna")
    with pytest.raises(BadInput, match="is being rebooted, asked for by anna"):
        desk.aftercare.restart(["boot"], (), "berta")
    with pytest.raises(BadInput, match="is being rebooted"):
        desk.aftercare.refuse_rebooting(["serve", "boot"], "start an update")
    desk.aftercare.stop()


def test_without_a_folder_one_may_look_and_change_nothing() -> None:
    desk = Desk(None)
    assert [each.unit for each in desk.aftercare.services("serve").services] == ["ssh.service", "docker.service"]
    assert desk.aftercare.gate("boot").host == "boot"
    for act in (lambda: desk.aftercare.reboot(["boot"], "anna"), lambda: desk.aftercare.restart(["serve"], (), "a")):
        with pytest.raises(Stop, match="keeps no state"):
            act()
    assert (desk.aftercare.reboots(9), desk.aftercare.restarts(9), desk.aftercare.in_flight()) == ((), (), ())
    desk.aftercare.resume()
    desk.aftercare.stop()


def test_the_next_engine_takes_up_both_and_names_what_it_does_not_understand(tmp_path: Path) -> None:
    first = Desk(tmp_path)
    first.boot.away_seconds, first.serve.reads_left = float("inf"), 10**9
    first.aftercare.reboot(["boot"], "anna")
    first.aftercare.restart(["serve"], (), "anna")
    until(lambda: first.serve.starts == 1 and first.aftercare.reboots(1)[0].stage == "going-down")
    first.aftercare.stop()
    (tmp_path / "reboots" / "odd.json").write_text("{}")
    first.serve.reads_left = 1
    first.boot.comes_back()
    second = Desk(tmp_path, first)
    second.aftercare.resume()
    until(lambda: second.aftercare.in_flight() == ())
    assert (second.aftercare.reboots(1)[0].stage, second.aftercare.restarts(1)[0].stage) == ("done", "done")
    assert (len(first.boot.requests), first.serve.starts) == (1, 1)
    assert "odd.json is not understood and passed over" in second.told
