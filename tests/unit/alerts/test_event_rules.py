"""What happened: it is counted in its window, told with its own time, and ends by evidence alone."""

from __future__ import annotations

from typing import Any

import pytest

from backends.alerts.model import Truth
from backends.alerts.subjects import Boot, Held, KernelEvent, Subject
from backends.metrics.sample import HostFacts
from backends.states import Severity
from tests.unit.alerts.rule_subjects import BOOT_ID, GRAVE, NOW, PACK, read, sample, subject, used

WARNING, CRITICAL = Severity.WARNING, Severity.CRITICAL
HELD = Held(level=WARNING, since=NOW - 4000)


def event(kind: str, ago: float = 30.0, **more: Any) -> KernelEvent:
    return KernelEvent(time=NOW - ago, kind=kind, text=f"{kind} {ago:.0f} s ago", **more)


def about(*events: KernelEvent, uptime: float = 100_000.0, **more: object) -> Subject:
    return subject(events=events, **{"sample": sample(uptime_seconds=uptime)} | more)


@pytest.mark.parametrize(
    ("agos", "severity"),
    [((10,), WARNING), ((1790, 10), WARNING), ((1790, 900, 10), CRITICAL), ((1810, 900, 10), WARNING)],
)
def test_kills_within_half_an_hour(agos: tuple[float, ...], severity: Severity) -> None:
    found = read("memory.oom", about(*(event("oom", ago) for ago in agos)))
    assert (found.truth, found.severity, found.time) == (Truth.TRUE, severity, NOW - agos[-1])
    assert found.evidence[0] == f"oom {agos[-1]} s ago"


def test_the_log_and_the_counter_count_the_same_kills() -> None:
    both = about(event("oom", 20), event("oom", 10), recent={"oom_times": (NOW - 20, NOW - 10)})
    assert read("memory.oom", both).value == 2


def test_a_kill_is_over_when_memory_was_measured_to_be_free_for_half_an_hour() -> None:
    assert read("memory.oom", about(), held=HELD).truth is Truth.FALSE
    assert read("memory.oom", about(sample=sample(memory=used(81))), held=HELD).truth is Truth.NODATA
    assert read("memory.oom", about(sample=sample(memory=None)), held=HELD).truth is Truth.NODATA
    assert read("memory.oom", about(sample=None), held=HELD).truth is Truth.NODATA
    assert read("memory.oom", about(), held=Held(level=WARNING, since=NOW - 1700)).truth is Truth.NODATA


def boot(ago: float, *, planned: bool = False, noticed: float = 0.0) -> Boot:
    return Boot(time=NOW - ago, boot_id="new", planned=planned, noticed=noticed)


def test_a_reboot_inside_a_window_is_no_alert() -> None:
    assert PACK.evaluate([about(boots=(boot(60, planned=True),))], {}) == []


def test_an_unplanned_one_comes_with_the_last_words_of_the_kernel() -> None:
    found = read("host.reboot", about(event("panic", 4000), event("xid", 90), boots=(boot(60),)))
    assert (found.severity, found.time) == (CRITICAL, NOW - 60)
    assert found.text == "it rebooted outside any maintenance window 1m ago"
    assert found.evidence == ("xid 90 s ago",)


def test_it_ends_when_the_host_stays_up_for_an_hour() -> None:
    old = (boot(3700),)
    assert read("host.reboot", about(boots=old, uptime=3650), held=HELD).truth is Truth.FALSE
    assert read("host.reboot", about(boots=old, uptime=3500), held=HELD).truth is Truth.NODATA
    assert read("host.reboot", about(boots=old, sample=None), held=HELD).truth is Truth.NODATA


def test_a_reboot_that_was_found_out_late_is_told_all_the_same_and_once() -> None:
    late = about(boots=(boot(20_000, noticed=NOW - 5),), uptime=20_000)
    assert read("host.reboot", late).truth is Truth.TRUE
    settled = about(boots=(boot(20_000, noticed=NOW - 5),), settled={("host.reboot", ""): NOW - 1}, uptime=20_000)
    assert read("host.reboot", settled).truth is Truth.NODATA


LINES = [
    ("disk.fs_error", "filesystem"), ("disk.io_error", "disk"), ("kernel.lockup", "lockup"), ("kernel.oops", "panic"),
    ("nfs.silent", "nfs"), ("gpu.sxid", "sxid"), ("net.hca", "mlx5"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "kind"), LINES)
def test_a_line_is_told_for_its_object_and_silence_ends_nothing(rule: str, kind: str) -> None:
    found = read(rule, about(event(kind, object="thing"), event(kind, 10, object="other")), "thing")
    assert (found.truth, found.time) == (Truth.TRUE, NOW - 30)
    assert "on thing" in found.text
    assert found.evidence == (f"{kind} 30 s ago",)
    assert read(rule, about(), "thing", GRAVE).truth is Truth.NODATA


@pytest.mark.parametrize(("rule", "kind"), LINES)
def test_a_reboot_ends_it(rule: str, kind: str) -> None:
    rebooted = about(event(kind, 5000, boot_id="old"), uptime=1000)
    found = read(rule, rebooted, "", HELD)
    assert (found.truth, found.time) == (Truth.FALSE, NOW - 1000)


def test_a_line_of_this_boot_outlives_a_clock_that_was_set() -> None:
    early = about(event("panic", 5000, boot_id=BOOT_ID), uptime=1000, facts=HostFacts(boot_id=BOOT_ID))
    assert read("kernel.oops", early, "", HELD).truth is Truth.TRUE


def test_a_server_that_answers_again_ends_it() -> None:
    silent, fine = event("nfs", 60, object="vault", grade="silent"), event("nfs", 20, object="vault", grade="ok")
    assert read("nfs.silent", about(silent), "vault").truth is Truth.TRUE
    again = read("nfs.silent", about(silent, fine), "vault", GRAVE)
    assert (again.truth, again.time) == (Truth.FALSE, NOW - 20)
    assert PACK.evaluate([about(silent, fine)], {}) == []


@pytest.mark.parametrize(("count", "truth"), [(9, Truth.NODATA), (10, Truth.TRUE)])
def test_a_few_corrected_errors_are_normal(count: int, truth: Truth) -> None:
    lines = [event("machine-check", 1000 - index, grade="corrected") for index in range(count)]
    assert read("hardware.error", about(*lines)).truth is truth


def test_how_often_it_came_is_said() -> None:
    found = read("disk.io_error", about(*(event("disk", 50 - index, object="sda") for index in range(20))), "sda")
    assert found.value == 20
    assert found.text.endswith("(20×)")


def test_what_was_resolved_by_hand_stays_so_until_the_next_line() -> None:
    held = Held(settled=NOW - 20)
    assert read("disk.io_error", about(event("disk")), "", held).truth is Truth.NODATA
    assert read("disk.io_error", about(event("disk"), event("disk", 10)), "", held).value == 1
