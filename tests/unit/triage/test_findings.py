"""Where trouble begins and what is none: thresholds at their edges, things that are so by nature."""

from __future__ import annotations

import pytest

from backends.hostkit.triage_answer import Section
from backends.states import Severity
from backends.triage.context import Context
from backends.triage.model import StepState
from tests.unit.triage.samples import GPUS, bundle, gpu_row, section, texts

STAMP = "2026-05-11T09:00:00.000001+0000 h kernel:"


def _kinds(other: dict[str, str | Section | None]) -> list[tuple[str, Severity]]:
    return [(each.kind, each.severity) for each in bundle(other).strip.findings]


@pytest.mark.parametrize(
    ("percent", "severity"), [(94, None), (95, Severity.WARNING), (96, Severity.WARNING), (97, Severity.CRITICAL)]
)
def test_a_disk_is_full_from_95_and_critical_from_97_per_cent(percent: int, severity: Severity | None) -> None:
    found = _kinds({"space": f"/dev/sda1 ext4 1000 900 100 {percent}% /\n"})
    assert found == ([("disk-full", severity)] if severity else [])


def test_what_is_full_or_read_only_by_nature_is_no_trouble() -> None:
    assert _kinds({"space": "/dev/sr0 iso9660 100 100 0 100% /cd\n"}) == []
    assert _kinds({"space": "/dev/sda9 ext4 0 0 0 100% /x\n"}) == []
    assert _kinds({"mounts": "mounted /dev/sda1 / ext4 rw 0 0\nmounted /dev/sr0 /cd iso9660 ro 0 0\n"}) == []
    wanted = "mounted /dev/sda1 / ext4 rw 0 0\nmounted /dev/sdc1 /ref ext4 ro 0 0\nfstab /dev/sdc1 /ref ext4 ro\n"
    assert _kinds({"mounts": wanted}) == []


def test_a_read_only_mount_that_fstab_does_not_know_is_a_warning_only() -> None:
    mounts = "mounted /dev/sda1 / ext4 rw 0 0\nmounted /dev/sdc1 /mnt ext4 ro 0 0\n"
    assert _kinds({"mounts": mounts}) == [("read-only", Severity.WARNING)]


def test_memory_errors_that_were_not_corrected_are_critical() -> None:
    assert _kinds({"kernel.log": f"# journalctl\n{STAMP} EDAC MC0: 1 CE x"}) == [("memory-error", Severity.WARNING)]
    assert _kinds({"kernel.log": f"# journalctl\n{STAMP} EDAC MC0: 1 UE x"}) == [("memory-error", Severity.CRITICAL)]


def test_a_switch_error_is_critical_when_its_line_says_fatal() -> None:
    line = f"# journalctl\n{STAMP} nvidia-nvswitch0: SXid (PCI:0000:07:00.0): 12020,"
    assert _kinds({"kernel.log": f"{line} Fatal, Link 32"}) == [("sxid", Severity.CRITICAL)]
    assert _kinds({"kernel.log": f"{line} Non-fatal, Link 32"}) == [("sxid", Severity.WARNING)]


def test_a_gpu_that_is_listed_and_says_nothing_counts_as_missing() -> None:
    lost = gpu_row(3, temperature="[GPU is lost]", memory="[GPU is lost]")
    rows = [lost if index == 3 else gpu_row(index) for index in range(GPUS)]
    made = bundle({"gpu": "\n".join(rows)})
    assert made.strip.text.startswith("nvidia-smi lists 7 of 8")
    assert made.strip.findings[0].evidence == ("without a driver's answer: 0000:5d:00",)


def test_a_bus_that_could_not_be_read_is_not_a_bus_without_gpus() -> None:
    assert _kinds({"pci": section("pci", kind="failed")}) == []


def test_an_nvidia_process_that_waits_for_long_is_a_hanging_driver_a_young_one_is_not() -> None:
    assert _kinds({"waiting": "812 1 D 400 nvidia_ctl nvidia-smi\n"}) == [("driver-hung", Severity.CRITICAL)]
    assert _kinds({"waiting": "812 1 D 3 nvidia_ctl nvidia-smi\n"}) == []


def test_threads_of_the_kernel_may_wait_and_many_processes_make_it_sure() -> None:
    assert _kinds({"waiting": "90 2 D 400 worker kworker/0:1\n"}) == []
    many = "".join(f"{number} 1 D 5 nfs_wait rsync\n" for number in range(100, 112))
    few = bundle({"waiting": "100 1 D 5 nfs_wait rsync\n"}).strip
    assert (bundle({"waiting": many}).strip.confidence, few.confidence) == ("high", "low")


def test_infiniband_that_is_down_as_a_whole_is_not_in_use() -> None:
    down = "a/1 state=1:DOWN phys=2 rate=400\nb/1 state=1:DOWN phys=2 rate=400\n"
    assert _kinds({"infiniband": down}) == []


@pytest.mark.parametrize(("uptime", "found"), [("21599", ["reboot"]), ("21601", [])])
def test_a_reboot_is_told_for_six_hours(uptime: str, found: list[str]) -> None:
    system = texts()["system"].replace("864000.00", uptime)
    assert [kind for kind, _ in _kinds({"system": system, "boots": "reboot x\nreboot x\n"})] == found


def test_a_change_more_than_two_hours_before_is_not_named() -> None:
    log = "2026-05-11 {} upgrade nvidia-driver-550:amd64 1 2\n"
    full = {"space": "/dev/sda1 ext4 100 100 0 100% /\n"}
    assert "after: upgrade nvidia" in bundle({**full, "package.log": log.format("07:20:00")}).strip.text
    assert "after:" not in bundle({**full, "package.log": log.format("07:10:00")}).strip.text


def test_a_kernel_log_without_a_single_line_is_no_clean_one() -> None:
    step = bundle({"kernel.log": "# nothing: no line from dmesg, journalctl"}).steps[1]
    assert (step.state, step.text) == (
        StepState.WARN,
        "cannot tell: kernel.log: nothing: no line from dmesg, journalctl",
    )


def test_a_log_that_was_read_is_ok_although_another_source_refused() -> None:
    read = section(
        "kernel.log",
        "# dmesg: 9 lines, 1 shown\n[ 1.0] usb",
        error="Hint: You are currently not seeing messages from other users",
    )
    assert bundle({"kernel.log": read}).steps[1].state is StepState.OK


def test_the_changes_of_a_host_need_one_source_only_and_are_missed_without_any() -> None:
    assert bundle().steps[8].state is StepState.OK
    none = bundle({"package.log": section("package.log", kind="absent", note="no log of packages")})
    assert none.steps[8].state is StepState.WARN


def test_gpu_names_without_a_table_are_their_addresses() -> None:
    line = f"# journalctl\n{STAMP} NVRM: Xid (PCI:0000:5d:00): 48, pid=1, name=x"
    made = bundle({"kernel.log": line, "gpu": section("gpu", kind="absent")}, Context())
    assert any(each.text == "XID 48 (double-bit memory error) on GPU at 0000:5d:00" for each in made.strip.findings)
