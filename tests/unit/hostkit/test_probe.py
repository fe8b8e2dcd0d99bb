"""The probe as it runs on a host: a real process of the system's python3, through its real loader."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from backends.hostkit.bundle import PARTS, pack
from backends.hostkit.events import Pong, Trouble
from backends.metrics.sample import HostFacts, Sample
from tests.unit.hostkit.kit import RunningKit, children_of, eventually, is_alive

OUTPUTS = Path(__file__).parents[2] / "outputs" / "proc" / "vm-2cpu"

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the kit reads /proc")


def test_the_first_words_are_facts_of_the_host() -> None:
    with RunningKit() as kit:
        facts = kit.until(HostFacts)
        assert facts.hostname == os.uname().nodename
        assert facts.boot_id == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        assert facts.cpu_count == len(list(Path("/sys/devices/system/cpu").glob("cpu[0-9]*")))
        assert len(facts.kit_version) == 8


def test_a_second_sample_has_rates_and_slow_groups_follow() -> None:
    with RunningKit() as kit:
        sample = kit.until(Sample, lambda one: one.interval_seconds and one.filesystems and one.processes)
        assert sample.cpu is not None and sample.cpu.busy_percent is not None
        assert 0 <= sample.cpu.busy_percent <= 100
        assert sample.memory is not None
        total = int(Path("/proc/meminfo").read_text().split()[1]) * 1024
        assert sample.memory.total_bytes == total
        assert any(one.mount == "/" and one.total_bytes for one in sample.filesystems)
        assert sample.probe is not None and sample.probe.cpu_seconds is not None


def test_the_process_table_names_this_very_test() -> None:
    with RunningKit() as kit:
        sample = kit.until(Sample, lambda one: one.processes and any(p.pid == os.getpid() for p in one.processes.top))
        assert sample.processes is not None
        me = next(process for process in sample.processes.top if process.pid == os.getpid())
        argv = Path("/proc/self/cmdline").read_bytes().decode().split("\0")
        assert me.command.startswith(argv[0])
        fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        assert me.start_ticks == int(fields[19])


def test_user_names_come_from_the_look_up_child() -> None:
    with RunningKit() as kit:
        sample = kit.until(
            Sample, lambda one: one.processes and any(p.user and not p.user.isdigit() for p in one.processes.top)
        )
        assert sample.processes is not None


def test_a_ping_is_answered_at_once_with_the_hosts_clock() -> None:
    with RunningKit(interval_seconds=60) as kit:
        kit.until(HostFacts)
        kit.write(kit.reader.ping())
        pong = kit.until(Pong)
        assert pong.round_trip_seconds < 2
        assert abs(pong.clock_offset_seconds) < 1


def test_control_lines_change_what_it_does() -> None:
    with RunningKit(interval_seconds=600) as kit:
        kit.until(Sample, lambda one: one.interval_seconds is not None)
        before = len(kit.events)
        kit.write(kit.reader.poll())
        kit.until(Sample, lambda one: kit.events.index(one) >= before)
        kit.write(kit.reader.interval(0.2))
        for _ in range(3):
            count = len([event for event in kit.events if isinstance(event, Sample)])
            assert eventually(lambda count=count: kit.pump(0.1) and _samples(kit) > count)  # type: ignore[misc]
        kit.write(kit.reader.stop())
        assert kit.process.wait(5) == 0


def _samples(kit: RunningKit) -> int:
    return sum(isinstance(event, Sample) for event in kit.events)


def test_a_control_line_that_makes_no_sense_is_reported_and_survived() -> None:
    with RunningKit() as kit:
        kit.until(HostFacts)
        kit.write(b"ping not-a-number\nfrobnicate\x1b[2J\n")
        trouble = kit.until(Trouble)
        assert trouble.kind == "probe-error" and "control line" in trouble.text
        count = _samples(kit)
        assert eventually(lambda: kit.pump(0.1) and _samples(kit) > count)


def test_the_end_of_stdin_ends_it_within_a_second_and_leaves_no_child() -> None:
    with RunningKit() as kit:
        kit.until(Sample, lambda one: one.filesystems)
        children = children_of(kit.process.pid)
        assert children, "the worker for blocking reads should be running"
        assert kit.end_input() < 1
        assert eventually(lambda: not any(map(is_alive, children)))


def test_a_broken_stdout_ends_it() -> None:
    with RunningKit() as kit:
        kit.until(Sample, lambda one: one.filesystems)
        children = children_of(kit.process.pid)
        assert kit.process.stdout is not None
        kit.process.stdout.close()
        assert kit.process.wait(5) == 0
        assert eventually(lambda: not any(map(is_alive, children)))


def test_a_killed_probe_leaves_no_child_either() -> None:
    with RunningKit() as kit:
        kit.until(Sample, lambda one: one.filesystems)
        children = children_of(kit.process.pid)
        kit.process.kill()
        kit.process.wait()
        assert eventually(lambda: not any(map(is_alive, children)))


def test_it_lowers_its_own_priority() -> None:
    with RunningKit() as kit:
        kit.until(HostFacts)
        assert os.getpriority(os.PRIO_PROCESS, kit.process.pid) >= 10


def test_a_dead_filesystem_is_absent_with_a_reason_and_nothing_waits_for_it(tmp_path: Path) -> None:
    mounts = tmp_path / "proc" / "self"
    mounts.mkdir(parents=True)
    (mounts / "mounts").write_text("/dev/vda / ext4 rw 0 0\nnas:/export /dead nfs4 rw 0 0\n")
    with RunningKit(proc=tmp_path / "proc", env={"KIT_FAKE_HANG": "/dead"}) as kit:
        sample = kit.until(Sample, lambda one: one.filesystems)
        rows = {one.mount: one for one in sample.filesystems}
        assert rows["/dead"].reason == "no answer within 2 s"
        assert rows["/dead"].total_bytes is None
        assert rows["/"].total_bytes
        assert _samples(kit) > 5, "samples should have gone on meanwhile"
        assert kit.end_input() < 1


def test_a_captured_proc_tree_reads_as_it_stands() -> None:
    with RunningKit(proc=OUTPUTS) as kit:
        sample = kit.until(Sample, lambda one: one.filesystems)
        assert sample.uptime_seconds == float((OUTPUTS / "uptime").read_text().split()[0])
        assert sample.cpu is not None and sample.cpu.load_1 == float((OUTPUTS / "loadavg").read_text().split()[0])
        assert [one.mount for one in sample.filesystems] == ["/"], "no snap, no bind mount, no autofs"
        assert [nic.name for nic in sample.nics] == ["eth0"]
        facts = kit.until(HostFacts)
        assert facts.hostname == "testhost"


def test_a_missing_group_says_why_and_the_others_go_on(tmp_path: Path) -> None:
    (tmp_path / "self").mkdir()
    (tmp_path / "uptime").write_text("5.00 3.00\n")
    (tmp_path / "meminfo").write_text("MemTotal: 100 kB\nMemFree: many kB\n")
    with RunningKit(proc=tmp_path, sysfs=tmp_path) as kit:
        sample = kit.until(Sample, lambda one: len(one.missing) > 5)
        assert sample.uptime_seconds == 5
        assert sample.cpu is None and sample.memory is None
        assert "No such file" in sample.missing["cpu"]
        assert "not understood" in sample.missing["memory"]
        assert "pressure information" in sample.missing["psi cpu"]


def test_a_file_longer_than_one_read_is_read_to_its_end(tmp_path: Path) -> None:
    head = "Inter-|   Receive |  Transmit\n face |bytes packets\n"
    lines = "".join(f"veth{i:05}: {i} 1 0 0 0 0 0 0 {i} 1 0 0 0 0 0 0\n" for i in range(3000))
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "dev").write_text(head + lines)
    (tmp_path / "class" / "net" / "veth02999" / "device").mkdir(parents=True)
    with RunningKit(proc=tmp_path, sysfs=tmp_path) as kit:
        assert [nic.name for nic in kit.until(Sample).nics] == ["veth02999"]


def test_infiniband_ports_and_temperatures_come_from_sysfs(tmp_path: Path) -> None:
    port = tmp_path / "class" / "infiniband" / "mlx5_0" / "ports" / "1"
    (port / "counters").mkdir(parents=True)
    for name, text in {
        "state": "4: ACTIVE",
        "phys_state": "5: LinkUp",
        "rate": "400 Gb/sec (4X NDR)",
        "counters/port_rcv_data": "1000",
        "counters/port_xmit_data": "2000",
        "counters/link_downed": "3",
    }.items():
        (port / name).write_text(text + "\n")
    chip = tmp_path / "class" / "hwmon" / "hwmon0"
    chip.mkdir(parents=True)
    for name, text in {"name": "coretemp", "temp1_input": "45000", "temp1_label": "Package id 0"}.items():
        (chip / name).write_text(text + "\n")
    (chip / "temp1_crit").write_text("100000\n")
    with RunningKit(sysfs=tmp_path) as kit:
        sample = kit.until(Sample, lambda one: one.infiniband and one.sensors)
    ib, sensor = sample.infiniband[0], sample.sensors[0]
    assert (ib.name, ib.state, ib.physical_state, ib.link_downed) == ("mlx5_0/1", "ACTIVE", "LinkUp", 3)
    assert ib.rate_bits_per_second == 400e9
    assert (sensor.name, sensor.celsius, sensor.critical_celsius) == ("coretemp/Package id 0", 45.0, 100.0)


BLOCKED = ("json", "_json", "ctypes", "_ctypes", "resource", "decimal", "shutil", "mmap")


def test_it_runs_where_only_python3_minimal_is_installed() -> None:
    payload = pack("probe", PARTS, {"interval": 0.2})
    loader = (
        f"import sys\nfor name in {BLOCKED!r}: sys.modules[name] = None\n"
        f"import os,zlib\nexec(zlib.decompress(sys.stdin.buffer.raw.read({len(payload)})))"
    )
    process = subprocess.Popen(
        ["/usr/bin/python3", "-I", "-S", "-c", loader], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        process.stdin.write(payload)
        process.stdin.flush()
        lines = [process.stdout.readline() for _ in range(8)]
    finally:
        process.kill()
        process.communicate()
    assert lines[1] == b"swarm-kit 1 ready\n"
    assert {json.loads(line)[0] for line in lines[2:]} >= {"h", "s", "t"}


def test_only_what_it_needs_is_imported_at_the_start() -> None:
    """json alone would add 7–12 ms to the start on every host."""
    payload = zlib.decompress(pack("probe", PARTS, {"interval": 60})).decode()
    check = "\nimport sys\nsys.stderr.write(' '.join(sys.modules))"
    script = payload.rpartition("exec(compile(")[0] + check
    done = subprocess.run(["/usr/bin/python3", "-I", "-S", "-c", script], capture_output=True, check=True, text=True)
    heavy = {"json", "re", "subprocess", "threading", "ctypes", "socket", "signal", "enum", "collections"}
    assert not heavy & set(done.stderr.split())


PYENV = sorted(Path("/root/.pyenv/versions").glob("3.*/bin/python3")) if os.access("/root", os.X_OK) else []


@pytest.mark.parametrize("python", PYENV, ids=lambda path: path.parts[-3])
def test_it_runs_on_every_python_that_is_here(python: Path) -> None:
    with RunningKit(env={"PATH": f"{python.parent}:/usr/bin:/bin"}) as kit:
        facts = kit.until(HostFacts)
        assert python.parts[-3].startswith(".".join(facts.python.split(".")[:2]))
        kit.until(Sample, lambda one: one.interval_seconds and one.filesystems)
        assert kit.end_input() < 1
