"""The failure table as sentences: what blocks, what warns, what is only told."""

from __future__ import annotations

from typing import Any

import pytest

from backends.hostkit.job_report import JobMeta, JobSummary
from backends.states import Severity
from backends.updates.model import Change, HostPlan, PackageClass
from backends.updates.preflight_cautions import cautions
from backends.updates.preflight_model import LockHolder, PacmanLock, Preflight, Timer
from tests.unit.updates.hosts import NOW, host, space

HOLDER = LockHolder(path="/var/lib/dpkg/lock", pid=5, command="unattended-upgr")


def kinds(preflight: Preflight, plan: HostPlan | None = None) -> dict[str, bool]:
    """kind → blocks, of everything but OK."""
    return {each.kind: each.blocks for each in cautions(preflight, NOW, plan) if each.severity is not Severity.OK}


def test_a_sound_host_has_nothing_to_be_cautious_about() -> None:
    assert kinds(host()) == {}


def new_kernel(**changes: Any) -> HostPlan:
    change = Change(name="linux-image-5.15.0-205-generic", kind="install", package_class=PackageClass.KERNEL)
    return HostPlan(host="gpu01", manager="apt", changes=(change,), **changes)


@pytest.mark.parametrize(
    ("spoiled", "expected"),
    [
        (host(dpkg_rows=(("failpkg", "iF"),)), {"dirty-dpkg": True}),
        (host(dpkg_updates=("0001",)), {"dirty-dpkg": True}),
        (host(dpkg_updates=("0001",), locks=(HOLDER,)), {"half-done": True, "lock-held": False}),
        (host(dpkg_updates=("0001",), jobs={"swarm-pkg": JobSummary(state="running")}), {"job-running": True}),
        (host(locks=(HOLDER,)), {"lock-held": False}),
        (host(pacman_lock=PacmanLock(since=NOW - 9, users=0)), {"stale-lock": True}),
        (host(pacman_lock=PacmanLock(since=NOW - 9, users=1)), {"lock-held": False}),
        (host(space=(space("/", 10**10), space("/var", 400_000_000))), {"var-space": True}),
        (host(space=(space("/", 10**10, inodes=9_999),)), {"inodes": True}),
        (host(space=(space("/", 10**10, read_only=True),)), {"read-only": True}),
        (host(space=(space("/", 10**10), space("/boot", 106_999_999))), {"boot-space": False}),
        (host(space=(space("/", 10**10), space("/boot", 107_000_000))), {}),
        (host(clock_skew_seconds=-301.0), {"clock-skew": False}),
        (host(clock_skew_seconds=-301.0, clock_error_seconds=30.0), {}),
        (host(clock_skew_seconds=2 * 86400.0), {"clock-skew": True}),
        (host(lists_time=NOW - 9 * 86400), {"stale-lists": False}),
        (host(lists_time=None), {"stale-lists": False}),
        (host(lists_time=None, missing={"lists_time": "no"}), {}),
        (host(failed_units=("nvidia-fabricmanager.service",)), {"failed-units": False}),
        (host(users=("eve pts/0 2026-10-01 10:00 (10.0.0.7)",)), {"users": False}),
        (host(jobs={"swarm-pkg": JobSummary(state="running")}), {"job-running": True}),
        (
            host(jobs={"swarm-pkg": JobSummary(state="vanished", reason="interrupted by a reboot")}),
            {"job-vanished": False},
        ),
        (host(jobs={"swarm-pkg": JobSummary(state="finished", result="done")}), {}),
        (host(missing={"locks": "no answer within 5 s"}), {"unknown": False}),
        (host(root=False), {"unknown": False}),
    ],
)
def test_every_row_of_the_failure_table_is_told(spoiled: Preflight, expected: dict[str, bool]) -> None:
    assert kinds(spoiled) == expected


def test_a_plan_that_brings_a_kernel_must_find_room_for_it() -> None:
    tight = host(space=(space("/", 10**10), space("/boot", 100_000_000)))
    assert kinds(tight, new_kernel()) == {"boot-space": True}


def test_a_plan_must_find_room_for_what_it_downloads_and_unpacks() -> None:
    plan = HostPlan(host="gpu01", manager="apt", download_bytes=1_000_000_000, disk_bytes=2_000_000_000)
    needed = 1_000_000_000 + 2_400_000_000 + 500_000_000
    assert kinds(host(space=(space("/var", needed - 1),)), plan) == {"var-space": True}
    assert kinds(host(space=(space("/var", needed),)), plan) == {}


def test_sentences_name_what_was_found_and_the_cure() -> None:
    meta = JobMeta(name="swarm-pkg", title="update 3 packages", who="eve", run="r1", started=NOW)
    job = JobSummary(state="running", meta=meta)
    holder = LockHolder(path="/var/lib/apt/lists/lock", pid=5, command="apt-get update", since=NOW - 200)
    found = (
        *cautions(host(jobs={"swarm-pkg": job}), NOW),
        *cautions(host(locks=(holder,), dpkg_rows=(("failpkg", "iF"),)), NOW),
    )
    texts = {each.kind: each.text for each in found}
    assert texts["job-running"] == "swarm-pkg runs: update 3 packages, started by eve 2027-01-15 08:00 UTC, run r1"
    assert texts["lock-held"] == "/var/lib/apt/lists/lock is held by process 5 (apt-get update), for 3m20s"
    assert {each.repair for each in found if each.kind == "dirty-dpkg"} == {"apt-configure"}


def test_what_blocks_comes_first() -> None:
    found = cautions(host(locks=(HOLDER,), users=("eve pts/0",), dpkg_rows=(("failpkg", "iF"),)), NOW)
    assert [each.blocks for each in found] == [True, False, False]


def test_holds_and_timers_are_told_without_alarm() -> None:
    timer = Timer(unit="apt-daily.timer", next="Tue 2026-10-06 06:12:33 UTC")
    found = cautions(host(holds={"apt": ("kmod",), "dnf": ()}, timers=(timer,)), NOW)
    assert [(each.kind, each.severity) for each in found] == [("held", Severity.OK), ("timers", Severity.OK)]
