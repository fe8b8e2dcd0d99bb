"""The triage program for real: nothing that hangs, floods or lies on a host can hold its answer up or get out of its bounds."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.errors import RetryLater, SkipHost
from backends.hostkit.bundle import source
from backends.hostkit.triage_answer import MOST_SECTIONS, TEXT_LIMIT, TOTAL_LIMIT, read_triage
from backends.triage.facts import facts
from tests.unit.hostkit.kit import eventually, is_alive
from tests.unit.hostkit.parts import OUTPUTS, plant
from tests.unit.hostkit.triage_host import TriageHost

GPU = ("gpu.fields", "gpu", "gpu.apps", "gpu.nvlink")
QUICK = 0.1
"""Scale of deadlines where something hangs: 0.5 s instead of 5 s."""
HANG = "echo $$ >> {pids}; exec 3<{fifo}"
SHIM = Path(__file__).with_name("smi_shim.py")


@pytest.fixture
def host(tmp_path: Path) -> TriageHost:
    return TriageHost(tmp_path)


def test_this_machine_answers_every_question_within_the_time(host: TriageHost, tmp_path: Path) -> None:
    del host.environment["ASKPATH"], host.environment["TRIAGEROOT"]
    found = host.ask()
    assert host.seconds < 15
    names = [each.name for each in found.sections]
    assert len(names) == len(set(names)) > 30
    assert {each.step for each in found.sections} == set(range(1, 10))
    assert found.root is (os.geteuid() == 0)
    seen = facts(found)
    assert seen.boot_id == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert seen.memory_percent is not None and seen.uptime_seconds is not None
    assert list((tmp_path / "output").iterdir()) == []


def test_an_nvidia_smi_that_hangs_with_its_output_open_is_stuck_and_not_tried_again(
    host: TriageHost, tmp_path: Path
) -> None:
    fifo, pids = tmp_path / "fifo", tmp_path / "pids"
    os.mkfifo(fifo)
    host.program("nvidia-smi", HANG.format(pids=pids, fifo=fifo))
    found = {each.name: each for each in host.ask([*GPU, "system"], scale=QUICK).sections}
    assert host.seconds < 10
    assert found["gpu.fields"].kind == "stuck"
    assert found["gpu.fields"].note.startswith("no answer within 0.5 s, state=S")
    assert {found[name].kind for name in GPU[1:]} == {"skipped"}
    assert found["gpu"].note == "not asked: gpu.fields is stuck"
    assert found["system"].kind == "done"
    assert len(pids.read_text().split()) == 1
    assert eventually(lambda: not is_alive(int(pids.read_text())))


def test_one_that_answers_about_its_fields_and_then_hangs_is_stuck_too(host: TriageHost, tmp_path: Path) -> None:
    fifo, pids = tmp_path / "fifo", tmp_path / "pids"
    os.mkfifo(fifo)
    host.program("nvidia-smi", 'test "$1" = --help-query-gpu && exit 0\n' + HANG.format(pids=pids, fifo=fifo))
    kinds = {each.name: each.kind for each in host.ask(GPU, scale=QUICK).sections}
    assert kinds == {"gpu.fields": "done", "gpu": "stuck", "gpu.apps": "skipped", "gpu.nvlink": "skipped"}


def test_the_state_of_what_waits_in_the_kernel_is_told(host: TriageHost) -> None:
    vfork = "import ctypes, time\nctypes.CDLL(None).vfork() or time.sleep(30)\n"  # a parent of vfork waits in D
    (host.tools / "wait.py").write_text(vfork)
    host.program("nvidia-smi", f"exec {sys.executable} -I -S {host.tools}/wait.py")
    found = host.one("gpu.fields", scale=0.3)
    assert found.kind == "stuck"
    assert "state=D" in found.note


def test_a_gpu_command_is_not_started_beside_one_that_waits_in_the_kernel_for_long(
    host: TriageHost, tmp_path: Path
) -> None:
    fields = "812 (nvidia-smi) D 1 812 812 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 100 0 0\n"
    proc = plant(tmp_path / "proc", {"uptime": "500.00 1.00\n", "812/stat": fields, "9/stat": "9 (x) garbage"})
    host.environment["PROCROOT"] = str(proc)
    started = tmp_path / "started"
    host.program("nvidia-smi", f"touch {started}")
    found = {each.name: each for each in host.ask(GPU).sections}
    assert found["gpu.fields"].kind == "stuck"
    assert found["gpu.fields"].note == "nvidia-smi (pid 812) waits since 499 s, state=D; not asked again"
    assert {found[name].kind for name in GPU[1:]} == {"skipped"}
    assert not started.exists()


@pytest.mark.parametrize(
    ("case", "gpus", "field"),
    [
        ("550.90.07-h100-8", 8, "clocks_event_reasons.active"),
        ("470.223.02-a100-pcie-2", 2, "clocks_throttle_reasons.active"),
        ("560.35.03-gh200-4-lost", 4, "clocks_event_reasons.active"),
    ],
)
def test_a_driver_is_asked_for_the_fields_that_it_knows(host: TriageHost, case: str, gpus: int, field: str) -> None:
    folder = OUTPUTS / "nvidia-smi" / case
    host.program("nvidia-smi", f'SMI_CASE={folder} exec {sys.executable} {SHIM} "$@"')
    found = host.ask(["gpu.fields", "gpu"])
    section = next(each for each in found.sections if each.name == "gpu")
    assert (section.kind, section.status) == ("done", 0), section
    assert field in section.command
    rows = facts(found).gpus
    assert rows is not None and len(rows) <= gpus
    assert all(row.uuid.startswith("GPU-") for row in rows)


def test_a_failing_nvidia_smi_keeps_its_status_and_its_words(host: TriageHost) -> None:
    host.program("nvidia-smi", "echo 'Failed to initialize NVML: Driver/library version mismatch'; exit 18")
    found = next(each for each in host.ask(GPU).sections if each.name == "gpu")
    assert (found.kind, found.status) == ("done", 18)
    assert "version mismatch" in found.text


def test_a_program_that_writes_without_end_is_bounded(host: TriageHost) -> None:
    host.program("df", "exec /usr/bin/yes /dev/sda1 ext4 1 1 1 1% /x")
    found = host.one("space", scale=0.3)
    assert found.cut
    assert len(found.text) <= TEXT_LIMIT
    assert host.output_bytes < 200_000


def test_a_program_cannot_fill_the_hosts_memory_with_its_output(host: TriageHost) -> None:
    host.program("df", "exec /usr/bin/yes")
    found = host.one("space")
    assert (found.kind, found.status) == ("done", -signal.SIGXFSZ)
    assert host.seconds < 10


def test_of_a_log_the_end_is_kept_and_of_a_table_the_beginning(host: TriageHost) -> None:
    flood = "i=0; while [ $i -lt 9000 ]; do echo line number $i; i=$((i+1)); done"
    host.program("journalctl", flood)
    host.program("who", flood)
    assert host.one("journal.errors").lines[-1] == "line number 8999"
    assert host.one("who").lines[0] == "line number 0"


def test_a_stuck_df_holds_up_nothing_but_itself(host: TriageHost, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    host.program("df", f"test $1 = -Pi && exit 0; exec 3<{tmp_path}/fifo")
    kinds = {each.name: each.kind for each in host.ask(["mounts", "space", "inodes"], scale=QUICK).sections}
    assert kinds == {"mounts": "done", "inodes": "done", "space": "stuck"}


def test_only_lines_of_trouble_travel_and_the_newest_of_a_flood(host: TriageHost) -> None:
    line = "2026-05-11T08:00:00.000001+0000 h kernel: NVRM: Xid (PCI:0000:05:00): 13, number"
    host.program(
        "journalctl",
        f"i=0; while [ $i -lt 3000 ]; do echo '{line}' $i; echo 'h kernel: usb 1-1: new device'; i=$((i+1)); done",
    )
    found = host.one("kernel.log")
    assert found.text.startswith("# journalctl: 6000 lines, ")
    assert "usb" not in found.text
    assert found.lines[-1].endswith("number 2999")
    assert "number 0\n" not in found.text
    assert len(found.text) <= TEXT_LIMIT


def test_escape_sequences_of_a_kernel_line_do_not_arrive(host: TriageHost) -> None:
    host.program("journalctl", r"printf '2026 h kernel: NVRM: \033[2J\033]0;evil\007x\n'")
    assert host.one("kernel.log").lines == ["2026 h kernel: NVRM: x"]


def test_a_log_that_may_not_be_read_is_not_a_clean_one(host: TriageHost) -> None:
    host.program(
        "journalctl",
        "echo 'Hint: You are currently not seeing messages from other users and the system.' >&2\n echo '-- No entries --'",
    )
    host.program("dmesg", "echo 'dmesg: read kernel buffer failed: Operation not permitted' >&2; exit 1")
    found = host.one("kernel.log")
    assert found.text == "# nothing: no line from dmesg, journalctl"
    assert "not seeing messages" in found.error and "Operation not permitted" in found.error


def test_a_quiet_journal_is_read_although_it_has_no_line_of_the_last_hours(host: TriageHost) -> None:
    host.program(
        "journalctl", 'case "$*" in *since*) echo "-- No entries --";; *) echo "2026 h kernel: Linux version 6";; esac'
    )
    assert host.one("kernel.log").text == "# journalctl: 1 lines, 0 shown"


def test_without_a_journal_the_kernels_own_buffer_is_read(host: TriageHost) -> None:
    host.program(
        "dmesg", 'test "$1" = -k && exit 1; echo "[   12.500000] NVRM: Xid (PCI:0000:05:00): 48, pid=1, name=x"'
    )
    assert facts(host.ask(["kernel.log", "system"])).events[0].number == 48


def test_what_a_host_lacks_is_absent_and_what_it_refuses_is_told_as_refused(host: TriageHost, tmp_path: Path) -> None:
    found = {each.name: each for each in host.ask(["space", "units", "mdstat", "package.log"]).sections}
    assert (found["space"].kind, found["space"].note) == ("absent", "no df")
    assert found["package.log"].kind == "absent"
    if os.geteuid() != 0:
        (host.root / "var/log").mkdir(parents=True)
        (host.root / "var/log/dpkg.log").touch(mode=0)
        assert host.one("package.log").kind == "noperm"


def test_devices_links_and_ports_are_read_from_sysfs(host: TriageHost, tmp_path: Path) -> None:
    gpu, port = "sys/bus/pci/devices/0000:1b:00.0/", "sys/class/infiniband/mlx5_0/ports/1/"
    values = {"vendor": "0x10de\n", "class": "0x030200\n", "current_link_width": "8\n", "max_link_width": "16\n"}
    plant(tmp_path, {f"{gpu}{name}": text for name, text in values.items()})
    plant(tmp_path, {f"{port}state": "1: DOWN\n", f"{port}phys_state": "2: Polling\n", f"{port}rate": "400 Gb/sec\n"})
    host.environment["SYSROOT"] = str(tmp_path / "sys")
    seen = facts(host.ask(["pci", "infiniband"]))
    assert [(each.address, each.gpu, each.width, each.width_max) for each in seen.gpu_devices] == [
        ("0000:1b:00", True, 8, 16)
    ]
    assert seen.links == {"mlx5_0/1": "down"}


def test_changes_of_packages_and_files_are_read(host: TriageHost) -> None:
    plant(
        host.root,
        {
            "var/log/dpkg.log": "2026-05-11 10:40:01 upgrade bash:amd64 5.1-6 5.1-7\n2026-05-11 10:40:02 status installed x\n",
            "etc/hosts": "x",
            "etc/old": "x",
            "boot/vmlinuz-6": "x",
            "run/reboot-required": "",
        },
    )
    os.utime(host.root / "etc/old", (1, 1))
    seen = facts(host.ask(["package.log", "changed.files", "boot", "system"]))
    assert [each.text for each in seen.changes] == ["upgrade bash 5.1-7", f"{host.root}/etc/hosts written"]
    assert seen.reboot_required


def test_where_nothing_can_be_written_the_next_place_is_taken_and_without_any_it_is_said(
    host: TriageHost, tmp_path: Path
) -> None:
    host.environment["TRIAGEPLACES"] = f"{tmp_path}/nowhere:{host.output}"
    assert host.one("system").kind == "done"
    host.environment["TRIAGEPLACES"] = f"{tmp_path}/nowhere:/dev/null"
    with pytest.raises(SkipHost, match=r"no place for output: .*nowhere: No such file or directory; /dev/null"):
        host.ask(["system"])


def test_all_steps_together_end_in_time_whatever_hangs(host: TriageHost, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for name in (
        "nvidia-smi",
        "df",
        "systemctl",
        "journalctl",
        "ps",
        "last",
        "who",
        "ss",
        "ip",
        "rpm",
        "nvme",
        "chronyc",
        "dmesg",
    ):
        host.program(name, f"exec 3<{tmp_path}/fifo")
    began = time.monotonic()
    found = host.ask(scale=QUICK)
    assert time.monotonic() - began < 10
    assert {each.kind for each in found.sections if each.name in ("units.failed", "gpu.fields", "kernel.log")} == {
        "stuck"
    }


def test_the_longest_step_leaves_room_in_fifteen_seconds() -> None:
    table = re.search(r"^SECONDS = \{(.*?)\}", source("triage"), re.M | re.S)
    assert table is not None
    seconds = [float(number) for number in re.findall(r": ([0-9.]+)", table[1])]
    assert len(seconds) == 9 and max(seconds) <= 10


SECTION = st.dictionaries(
    st.sampled_from(["step", "name", "kind", "text", "error", "command", "status", "seconds", "note", "cut", "other"]),
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=30) | st.sampled_from(["done", "stuck", 1, 9]) | st.lists(st.integers(), max_size=2),
    max_size=11,
)  # fmt: skip


def _framed(value: object) -> bytes:
    return b"motd\nswarm-kit 1 answer\n" + msgspec.json.encode(value) + b"\n"


@given(st.lists(SECTION, max_size=5))
def test_no_section_makes_decoding_fail_and_all_of_them_are_safe(sections: list[dict[str, object]]) -> None:
    found = read_triage(_framed({"ok": True, "begin": 1.0, "end": 2.0, "root": False, "sections": sections}))
    for each in found.sections:
        assert 1 <= each.step <= 9 and each.name
        assert all(
            letter == "\n" or letter.isprintable() or letter == "\ufffd" or ord(letter) > 0x9F for letter in each.text
        )


@given(st.binary(max_size=300))
def test_any_bytes_are_an_answer_or_a_reason_to_try_again(data: bytes) -> None:
    with pytest.raises(RetryLater):
        read_triage(b"swarm-kit 1 answer\n" + data)


def test_sections_and_their_text_are_bounded() -> None:
    many = [
        {"step": 1, "name": f"s{number}", "kind": "done", "text": "x\n" * TEXT_LIMIT}
        for number in range(MOST_SECTIONS + 9)
    ]
    found = read_triage(_framed({"ok": True, "begin": 1.0, "end": 2.0, "root": False, "sections": many}))
    assert len(found.sections) == MOST_SECTIONS
    assert all(len(each.text) <= TEXT_LIMIT for each in found.sections)
    assert sum(len(each.text) for each in found.sections) <= TOTAL_LIMIT
    assert found.sections[-1].cut
