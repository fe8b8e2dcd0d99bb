"""The health facts: the program on this machine and on made-up ones, and the decoding of whatever a host says."""

from __future__ import annotations

import ast
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.clock import ManualClock
from backends.errors import RetryLater
from backends.execution import ExecResult
from backends.hostkit.bundle import source
from backends.hostkit.health_facts import LIGHT_PARTS, PARTS, ask, ask_light, decode
from backends.hostkit.health_model import HealthFacts
from backends.hostkit.travel import MAGIC
from backends.sources.local_exec import LocalExec
from tests.unit.engine.parts import FakeExec
from tests.unit.hostkit.kit import eventually

OUTPUTS = Path(__file__).parents[2] / "outputs/health"
CLOCK = ManualClock()


def look(*, slow: bool = True, names: tuple[str, ...] = ()) -> HealthFacts:
    return ask(LocalExec("here"), "none", CLOCK, slow=slow, names=names)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine of files: a kernel that runs, and nothing else."""
    place = tmp_path / "root"
    plant(place, "proc/uptime", "5000.0 1.0")
    plant(place, "proc/sys/kernel/random/boot_id", "1")
    plant(place, "proc/loadavg", "0.1 0.1 0.1 1/222 333")
    plant(place, "proc/sys/fs/file-nr", "900 0 1000")
    (place / "bin").mkdir()
    monkeypatch.setenv("HEALTHROOT", str(place))
    monkeypatch.setenv("ASKPATH", str(place / "bin"))
    monkeypatch.setenv("SYSTEMDROOT", "/nonexistent")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return place


def plant(root: Path, path: str, text: str) -> Path:
    place = root / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)
    return place


def program(root: Path, name: str, script: str) -> None:
    path = plant(root, f"bin/{name}", f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.mark.parametrize("name", [*PARTS[5:], "health", "health_light"])
def test_it_runs_on_old_pythons(name: str) -> None:
    ast.parse(source(name), feature_version=(3, 6))


def test_on_this_machine_every_fact_is_there_or_has_a_reason() -> None:
    facts = look(names=("localhost",))
    assert facts.boot is not None and facts.boot.boot_id
    assert facts.limits is not None and facts.mounts is not None and facts.processes is not None
    broken = ("Error", "not understood", "died", "too many")
    odd = {k: v for k, v in facts.missing.items() if any(word in v for word in broken) and "no permission" not in v}
    assert not odd


def test_a_made_up_machine_is_told_as_it_is(root: Path) -> None:
    device = "sys/bus/pci/devices/0000:05:00.0"
    plants = {"class": "0x030200", "vendor": "0x10de", "device": "0x2330", "current_link_speed": "16.0 GT/s PCIe"}
    for leaf, text in {**plants, "current_link_width": "8", "max_link_width": "16"}.items():
        plant(root, f"{device}/{leaf}", text + "\n")
    plant(root, "sys/devices/system/edac/mc/mc0/ce_count", "3")
    plant(root, "sys/devices/system/edac/mc/mc0/dimm1/dimm_label", "DIMM_B1")
    plant(root, "sys/devices/system/edac/mc/mc0/dimm1/dimm_ue_count", "1")
    plant(root, "proc/mdstat", (OUTPUTS / "mdstat-degraded.txt").read_text())
    plant(root, "proc/self/mounts", "/dev/sda1 / ext4 ro 0 0\n")
    plant(root, "etc/fstab", "# comment\n/dev/sda1 / ext4 defaults 0 1\nnas:/data /data nfs4 rw 0 0\n")
    plant(root, "proc/driver/nvidia/version", "NVRM version: NVIDIA UNIX x86_64 Kernel Module  570.133.20  Sun\n")
    plant(root, "proc/net/netstat", "TcpExt: SyncookiesSent ListenOverflows\nTcpExt: 0 17\nIpExt: A\nIpExt: 1\n")
    plant(root, "proc/net/softnet_stat", "0000000a 00000002 0000000f 0\n0000000a 00000001 00000001 0\n")
    facts = look(slow=False)
    assert facts.pci is not None and (facts.pci[0].speed, facts.pci[0].width, facts.pci[0].maker) == (16.0, 8, "nvidia")
    assert facts.edac is not None and [row.name for row in facts.edac] == ["mc0", "DIMM_B1"]
    assert facts.raid is not None and facts.raid.lines[1].startswith("md0")
    assert facts.mounts is not None and facts.mounts.mounted[0].read_only
    assert [(want.mount, want.mounted) for want in facts.mounts.wanted] == [("/", True), ("/data", False)]
    assert facts.driver is not None and facts.driver.module == "570.133.20"
    assert facts.sockets is not None and (facts.sockets.listen_overflows, facts.sockets.backlog_dropped) == (17, 3)


def test_processes_that_wait_and_that_are_dead_are_told_with_their_age(root: Path) -> None:
    def process(pid: int, name: str, state: str, parent: int, ticks: int) -> None:
        plant(root, f"proc/{pid}/stat", f"{pid} ({name}) {state} {parent}" + " 0" * 17 + f" {ticks} 0")
        plant(root, f"proc/{pid}/comm", name)

    process(1, "init", "S", 0, 1)
    process(70, "nvidia-smi", "D", 1, 100_000)
    process(71, "evil) Z 1 (x", "Z", 1, 400_000)
    facts = look(slow=False).processes
    assert facts is not None
    assert [(one.name, one.age) for one in facts.waiting] == [("nvidia-smi", 4000.0)]
    assert (facts.dead, facts.parents[0].name) == (1, "init")


def test_nvidia_smi_is_asked_and_cut_to_what_is_judged(root: Path) -> None:
    text = OUTPUTS / "smi-q-h100.txt"
    program(root, "nvidia-smi", f"[ \"$1\" = -q ] && {{ cat {text}; echo '    Board ID   : 0x1800'; }} || exit 3")
    said = look().smi
    assert said is not None and said.status == 0
    assert any("GPU Recovery Action" in line for line in said.lines)
    assert not any("Board ID" in line for line in said.lines)


def test_a_hung_nvidia_smi_costs_its_deadline_and_is_named(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It holds its output open for ever, as a process in the driver does; nobody waits for that."""
    os.mkfifo(root / "never")
    program(root, "nvidia-smi", f"exec 3<{root}/never")
    monkeypatch.setenv("SMISECONDS", "0.5")
    monkeypatch.setenv("LINKSECONDS", "0.5")
    start = time.monotonic()
    facts = look()
    assert facts.smi is not None and "no answer within 0.5 s" in facts.smi.stuck
    assert facts.boot is not None
    assert time.monotonic() - start < 10
    assert not eventually_left(root)


def eventually_left(root: Path) -> list[str]:
    """Directories that the kit left behind."""
    eventually(lambda: not list(root.parent.glob("swarm-health-*")))
    return [path.name for path in root.parent.glob("swarm-health-*")]


def test_while_one_hangs_no_other_is_started(root: Path) -> None:
    plant(root, "proc/70/stat", "70 (nvidia-smi) D 1" + " 0" * 17 + " 1 0")
    program(root, "nvidia-smi", f"touch {root}/started")
    said = look().smi
    assert said is not None and "process 70 hangs" in said.stuck
    assert not (root / "started").exists()


def test_what_may_not_be_read_is_said(root: Path) -> None:
    plant(root, "sys/block/sda/device/x", "")
    program(root, "smartctl", "echo 'Smartctl open device: /dev/sda failed: Permission denied'; exit 2")
    assert look().missing["smart sda"].endswith("no permission: /dev/sda")


def test_without_a_tool_a_disk_is_unknown(root: Path) -> None:
    plant(root, "sys/block/sda/device/x", "")
    assert "neither smartctl nor nvme" in look().missing["smart sda"]


# decoding


def answer(facts: dict[str, Any]) -> bytes:
    return json.dumps({"ok": True, "begin": 1.0, "end": 2.0, "root": False, "facts": facts}).encode()


def test_facts_are_decoded_each_on_its_own() -> None:
    given_ = {
        "limits": {"value": {"files": "many"}},
        "boot": {"value": {"boot_id": "x"}},
        "raid": {"error": "no\x1b[2J"},
    }
    facts = decode(answer({**given_, "pci": {"value": None}}), 5.0)
    assert facts.limits is None and facts.missing["limits"].startswith("not understood")
    assert facts.boot is not None and facts.boot.boot_id == "x"
    assert facts.missing["raid"] == "no"
    assert facts.pci is None and "pci" not in facts.missing
    assert facts.missing["edac"] == "not asked"


def test_one_disk_that_cannot_be_read_hides_no_other() -> None:
    smart = {"tool": "smartctl", "status": 0, "text": '{"smart_status":{"passed":true}}'}
    facts = decode(answer({"smart sda": {"value": smart}, "smart sdb": {"error": "no permission: /dev/sdb"}}), 5.0)
    assert list(facts.smart) == ["sda"] and facts.missing["smart sdb"] == "no permission: /dev/sdb"


def test_what_is_no_answer_is_refused() -> None:
    with pytest.raises(RetryLater):
        ask(FakeExec("h", ExecResult(exit_status=0, stdout=MAGIC + b"answer\nnothing\n")), "none", CLOCK)


PLAIN = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(-1e300, 1e300), st.text(max_size=20)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=12), inner, max_size=4)),
    max_leaves=12,
)
NAMES = st.sampled_from(
    [*(field for field in HealthFacts.__struct_fields__), "smart x", "optics \x1b[2J", "name ", "?"]
)


@given(st.dictionaries(NAMES, st.one_of(PLAIN, st.fixed_dictionaries({"value": PLAIN}))))
def test_any_answer_is_decoded_or_missing(facts: dict[str, Any]) -> None:
    found = decode(answer(facts), 5.0)
    assert found.time == 5.0
    assert "\x1b" not in repr(found).replace("\\x1b", "\x1b")


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_in_words(line: bytes) -> None:
    with pytest.raises(RetryLater):
        decode(line, 5.0)


def test_the_parts_are_named_in_an_order_that_loads() -> None:
    assert PARTS.index("kit_stale") < PARTS.index("kit_health_host") < PARTS.index("kit_health_gpu")


def test_the_light_look_brings_what_changes_each_minute_and_says_of_all_else_that_it_was_not_asked(root: Path) -> None:
    plant(root, "proc/mdstat", (OUTPUTS / "mdstat-degraded.txt").read_text())
    plant(root, "proc/self/mounts", "/dev/sda1 / ext4 ro 0 0\n")
    plant(root, "proc/70/stat", "70 (dd) D 1" + " 0" * 17 + " 100000 0")
    plant(root, "run/docker.sock", "")
    program(root, "chronyc", "echo D3B1,ntp1,2,1.1,-0.5,0,0,0,0,0,0,0,64.0,Normal")
    program(root, "timedatectl", f"touch {root}/asked")
    program(root, "nvidia-smi", f"touch {root}/asked")
    facts = ask_light(LocalExec("here"), "none", CLOCK)
    assert facts.boot is not None and facts.raid is not None and facts.processes is not None
    assert facts.mounts is not None and facts.mounts.mounted[0].read_only
    assert [one.name for one in facts.processes.waiting] == ["dd"]
    assert facts.clock is not None and facts.clock.chrony is not None and facts.clock.systemd is None
    assert not (root / "asked").exists(), "neither the driver is asked nor a service started"
    asked = {"boot", "mounts", "raid", "processes", "units", "clock"}
    assert {name for name, reason in facts.missing.items() if reason != "not asked"} == set()
    assert not asked & set(facts.missing) and facts.missing["smi"] == facts.missing["pci"] == "not asked"
    assert not facts.runtimes and not facts.smart


def test_without_chrony_the_light_look_knows_no_clock(root: Path) -> None:
    facts = ask_light(LocalExec("here"), "none", CLOCK)
    assert facts.clock is None and "clock" not in facts.missing


def test_key_units_and_failed_ones_are_asked_without_asking_for_all(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYSTEMDROOT", str(root))
    key = "Id=sshd.service\\nLoadState=loaded\\nActiveState=active\\nNRestarts=0\\n\\nId=slurmd.service\\nLoadState=not-found\\n"
    failed = "Id=backup.service\\nLoadState=loaded\\nActiveState=failed\\nResult=exit-code\\nNRestarts=2\\n"
    program(
        root,
        "systemctl",
        f"echo \"$*\" >> {root}/asked; case \"$*\" in *--state=failed*) printf '{failed}';; *sshd.service*) printf '{key}';; esac",
    )
    units = ask_light(LocalExec("here"), "none", CLOCK).units
    assert units is not None
    assert {(one.unit, one.active, one.restarts) for one in units} == {
        ("sshd.service", "active", 0),
        ("backup.service", "failed", 2),
    }
    assert "*.service" not in (root / "asked").read_text()


def test_the_light_programs_are_without_what_they_do_not_need() -> None:
    assert set(LIGHT_PARTS) < set(PARTS) and "kit_health_gpu" not in LIGHT_PARTS


def test_how_long_ago_a_unit_failed_is_by_systemds_own_clock(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which stands still while the machine sleeps; the uptime of a machine that slept says something else."""
    monkeypatch.setenv("SYSTEMDROOT", str(root))
    changed = int((time.monotonic() - 42.0) * 1e6)
    told = f"Id=b.service\\nLoadState=loaded\\nActiveState=failed\\nStateChangeTimestampMonotonic={changed}\\n"
    program(root, "systemctl", f"printf '{told}'")
    (unit,) = ask_light(LocalExec("here"), "none", CLOCK).units or ()
    assert unit.age is not None and 42.0 <= unit.age < 72.0
