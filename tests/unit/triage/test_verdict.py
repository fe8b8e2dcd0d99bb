"""The verdict strip and the nine steps: worst first, with what changed before it, and never clean where nothing was seen."""

from __future__ import annotations

import pytest

from backends.hostkit.triage_answer import Section
from backends.states import Severity
from backends.triage.ask import judge
from backends.triage.context import Context
from backends.triage.model import Change, StepState
from backends.triage.xid_advice import XidAdvice
from tests.unit.triage.samples import GPUS, NOW, answer, bundle, gpu_row, output, pci_text, section, texts


def test_a_healthy_host_is_called_that_with_every_step_ok() -> None:
    made = bundle()
    assert (made.strip.text, made.strip.severity) == ("Nothing wrong was found.", Severity.OK)
    assert [step.state for step in made.steps] == [StepState.OK] * 9


def test_a_gpu_off_the_bus_is_told_once_with_its_serial_the_job_and_the_change_before_it() -> None:
    rows = "".join(f"{gpu_row(index)}\n" for index in range(GPUS))
    log = "2026-05-11 08:50:11 install linux-image-5.15.0-107-generic:amd64 <none> 5.15.0-107.117\n"
    made = bundle({"kernel.log": output("kernel-xid79.txt"), "gpu": rows, "package.log": log})
    assert made.strip.text == (
        "XID 79 (fell off the bus) on GPU 3 (serial 1600054000123), 12m after: install linux-image-5.15.0-107-generic 5.15.0-107.117."
    )
    assert (made.strip.severity, made.strip.confidence) == (Severity.CRITICAL, "high")
    assert made.strip.next_step == "power-cycle the host; do not reset the GPU"
    first = made.strip.findings[0]
    assert "hit: python3 (pid 48113)" in first.evidence
    assert made.steps[1].state is StepState.FAIL


def test_a_driver_that_hangs_is_stuck_and_nothing_more_is_advised_to_run_there() -> None:
    stuck = section("gpu", kind="stuck", note="no answer within 8 s, state=D, cannot be killed (pid 812)")
    made = bundle({"gpu": stuck, "waiting": "812 1 D 400 nvidia_ctl nvidia-smi\n"})
    assert made.strip.text.startswith("The GPU driver hangs: nvidia-smi does not answer.")
    assert "run no more GPU commands" in made.strip.next_step
    assert made.steps[3].state is StepState.STUCK
    assert "state=D" in made.steps[3].text
    assert made.state is StepState.STUCK


@pytest.mark.parametrize(
    ("other", "text", "severity", "step"),
    [
        ({"pci": pci_text(("1b", "43"))}, "2 of 8 expected GPUs on the PCI bus", Severity.CRITICAL, 3),
        ({"gpu": f"{gpu_row(0)}\n"}, "nvidia-smi lists 1 of 8", Severity.CRITICAL, 3),
        ({"gpu": section("gpu", "Failed to initialize NVML: Driver/library version mismatch", status=18)},
         "Driver and library have different versions", Severity.CRITICAL, 4),
        ({"gpu": section("gpu", "x", status=15)}, "A GPU fell off the bus or cannot be reached", Severity.CRITICAL, 4),
        ({"gpu": section("gpu", kind="absent"), "nvidia.version": section("nvidia.version", kind="absent")},
         "8 GPUs on the bus and no NVIDIA driver loaded", Severity.CRITICAL, 3),
        ({"space": "/dev/sda1 ext4 100 100 0 100% /\n"}, "/ is 100 % full, 0B left", Severity.CRITICAL, 6),
        ({"space": "/dev/sda1 ext4 100 95 5 95% /\n"}, "/ is 95 % full", Severity.WARNING, 6),
        ({"inodes": "/dev/sda1 100 99 1 99% /\n"}, "/ is 99 % out of inodes", Severity.CRITICAL, 6),
        ({"mounts": "mounted /dev/sda1 / ext4 ro 0 0\nfstab /dev/sda1 / ext4 defaults\n"},
         "/ is mounted read-only", Severity.CRITICAL, 6),
        ({"mounts": "mounted /dev/sda1 / ext4 rw 0 0\nfstab /dev/sdb1 /data xfs defaults\n"},
         "/data is in fstab and not mounted", Severity.WARNING, 6),
        ({"units.failed": "backup.service loaded failed failed Backup\n"}, "failed: backup.service", Severity.WARNING, 7),
        ({"units.failed": "a.service loaded failed failed A\ndocker.service loaded failed failed D\n"},
         "failed: docker.service, a.service", Severity.CRITICAL, 7),
        ({"units": output("units.txt")}, "nvidia-persistenced.service was restarted 9 times", Severity.WARNING, 7),
        ({"waiting": "7 1 D 50 nfs_wait rsync\n"}, "1 processes wait in the kernel (D): rsync in nfs_wait", Severity.WARNING, 5),
        ({"memory": "MemTotal: 1000 kB\nMemAvailable: 40 kB\n"}, "4 % of the memory is available", Severity.WARNING, 5),
        ({"pressure": "io some avg10=1.00 avg60=61.00 avg300=1.00 total=1\n"}, "Tasks stalled on io for 61 %", Severity.WARNING, 5),
        ({"infiniband": "a/1 state=4:ACTIVE phys=5 rate=400\nb/1 state=1:DOWN phys=2 rate=400\n"},
         "1 of 2 InfiniBand ports down: b/1", Severity.WARNING, 8),
        ({"clock": "System time     : 0.900000000 seconds fast of NTP time"}, "The clock is 0.900 s fast", Severity.WARNING, 8),
        ({"boot": "reboot-required /run/reboot-required\n"}, "An update waits for a reboot", Severity.WARNING, 9),
        ({"gpu": "".join(f"{gpu_row(index, ecc='2' if index == 5 else '0')}\n" for index in range(8))},
         "GPU 5: 2 uncorrectable memory errors", Severity.CRITICAL, 4),
        ({"gpu": "".join(f"{gpu_row(index, failure='Yes' if index == 5 else 'No')}\n" for index in range(8))},
         "GPU 5: a row remap failed", Severity.CRITICAL, 4),
        ({"gpu": "".join(f"{gpu_row(index, width='8' if index == 5 else '16')}\n" for index in range(8))},
         "GPU 5: PCIe x8 of x16", Severity.WARNING, 4),
        ({"gpu": "".join(f"{gpu_row(index, reasons='0x0000000000000048' if index == 5 else '0x4')}\n" for index in range(8))},
         "GPU 5: slowed down by heat or power (61 °C)", Severity.WARNING, 4),
    ],
)  # fmt: skip
def test_each_trouble_alone_is_the_verdict_and_its_step_says_so(
    other: dict[str, str | Section | None], text: str, severity: Severity, step: int
) -> None:
    made = bundle(other)
    assert made.strip.text.startswith(text)
    assert made.strip.severity is severity
    wanted = StepState.FAIL if severity is Severity.CRITICAL else StepState.WARN
    assert made.steps[step - 1].state is wanted
    assert all(each.state is StepState.OK for each in made.steps if each.number not in (step, 4))


@pytest.mark.parametrize(
    ("boots", "planned", "text"),
    [
        ("reboot x\nreboot x\n", None, "Rebooted 10m ago, without a shutdown before it"),
        ("reboot x\nshutdown x\n", None, "Rebooted 10m ago, not by us"),
        (None, None, "Rebooted 10m ago, whether on purpose is not known"),
        ("reboot x\nreboot x\n", True, "Nothing wrong was found."),
    ],
)
def test_a_reboot_is_trouble_unless_we_made_it(boots: str | None, planned: bool | None, text: str) -> None:
    system = texts()["system"].replace("864000.00", "600.00")
    made = bundle({"system": system, "boots": boots}, Context(planned_reboot=planned))
    assert made.strip.text.startswith(text)


def test_the_worst_is_told_first_and_the_others_after_it() -> None:
    made = bundle(
        {
            "kernel.log": output("kernel-xid79.txt"),
            "space": "/dev/sda1 ext4 100 100 0 100% /\n",
            "units.failed": "backup.service loaded failed failed Backup\n",
        }
    )
    assert made.strip.text.startswith("XID 79 (fell off the bus) on GPU 3")
    assert made.strip.text.endswith("Also: / is 100 % full, 0B left; failed: backup.service.")
    ranks = [each.severity.rank for each in made.strip.findings]
    assert ranks == sorted(ranks, reverse=True)


def test_trouble_of_the_kernel_log_of_long_ago_is_history_but_an_xid_stays_until_the_reboot() -> None:
    old = "# journalctl: 2 lines, 2 shown\n2026-05-10T01:00:00+0000 h kernel: Out of memory: Killed process 1 (x) total-vm"
    assert bundle({"kernel.log": old}).strip.severity is Severity.OK
    xid = "# journalctl: 2 lines, 2 shown\n2026-05-10T01:00:00+0000 h kernel: NVRM: Xid (PCI:0000:5d:00): 48, pid=1, name=x"
    assert bundle({"kernel.log": xid}).strip.severity is Severity.CRITICAL


def test_a_change_of_ours_is_compared_by_the_hosts_own_clock() -> None:
    ours = Change(time=NOW - 100.0 - 3600.0, kind="patch", text="patch run monthly-patch, batch 7")
    made = bundle({"kernel.log": output("kernel-xid79.txt")}, Context(changes=(ours,)))
    assert "49m40s after: patch run monthly-patch, batch 7" in made.strip.text
    fast = answer({"kernel.log": output("kernel-xid79.txt")})
    late = judge(fast, "gpu07", Context(changes=(ours,)), time=NOW - 1800.0)  # its clock is half an hour fast
    assert "19m40s after: patch run monthly-patch, batch 7" in late.strip.text


def test_a_sites_own_policy_is_followed() -> None:
    advise = {79: XidAdvice(Severity.WARNING, "as usual", "call Bob")}.get
    made = bundle({"kernel.log": output("kernel-xid79.txt")}, Context(advise=advise))
    assert (made.strip.severity, made.strip.next_step) == (Severity.WARNING, "call Bob")


def test_an_unknown_xid_is_said_to_be_unknown() -> None:
    text = output("kernel-xid79.txt").replace("): 79,", "): 999,")
    assert "XID 999 (not in the catalogue) on GPU 3 (serial 1600054000123)" in " ".join(
        each.text for each in bundle({"kernel.log": text}).strip.findings
    )


def test_what_may_not_be_read_is_not_clean() -> None:
    denied = section(
        "kernel.log",
        "# nothing: no line from dmesg, journalctl",
        error="Hint: You are currently not seeing messages from other users and the system. dmesg: Operation not permitted",
    )
    made = bundle({"kernel.log": denied})
    assert made.steps[1].state is StepState.NOPERM
    assert made.strip.text == "Nothing wrong in what could be seen. Not seen: kernel log (no permission: kernel.log)."
    assert (made.strip.severity, made.strip.confidence) == (Severity.UNKNOWN, "low")


@pytest.mark.parametrize("kind", ["absent", "failed", "skipped", "noperm"])
@pytest.mark.parametrize(
    "name", ["system", "kernel.log", "pci", "gpu", "waiting", "mounts", "space", "units.failed", "nics"]
)
def test_a_step_without_its_answer_is_never_ok(name: str, kind: str) -> None:
    empty = section(name, kind=kind, note="because")  # type: ignore[arg-type]  # every kind of it
    made = bundle({name: empty})
    state = made.steps[empty.step - 1].state
    assert state is (StepState.NOPERM if kind == "noperm" else StepState.WARN)
    assert made.strip.severity is Severity.UNKNOWN
    assert bundle({name: None}).steps[empty.step - 1].state is StepState.WARN


def test_a_host_without_gpus_needs_no_nvidia_smi() -> None:
    none: dict[str, str | Section | None] = {
        "pci": "# no NVIDIA or Mellanox device\n",
        "gpu": section("gpu", kind="absent"),
        "nvidia.version": None,
    }
    made = bundle(none, Context())
    assert made.steps[3].state is StepState.OK
    assert made.strip.severity is Severity.OK


def test_commands_to_copy_quote_what_a_host_named() -> None:
    made = bundle({"mounts": "mounted /dev/sda1 / ext4 rw 0 0\nfstab /dev/sdb1 /$(reboot) xfs defaults\n"})
    assert made.strip.next_step == "mount '/$(reboot)'"
