"""Preflight: the program on this machine and on made-up roots, the decoding of what a host says, and the cautions."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.clock import ManualClock, SystemClock
from backends.errors import BadInput, RetryLater, SkipHost
from backends.execution import ExecResult
from backends.hostkit.travel import program_launch
from backends.sources.local_exec import LocalExec
from backends.updates.preflight import PARTS, ask, decode
from backends.updates.preflight_cautions import cautions
from backends.updates.preflight_model import Preflight
from tests.unit.engine.parts import FakeExec
from tests.unit.hostkit.kit import eventually, is_alive
from tests.unit.updates import hosts
from tests.unit.updates.hosts import NOW

OUTPUTS = Path(__file__).parents[2] / "outputs"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty machine: no program, no kernel, no package manager; the process table is the real one."""
    place = tmp_path / "root"
    for folder in ("bin", "boot", "jobs", "var/lib"):
        (place / folder).mkdir(parents=True)
    for name in ("BOOTROOT", "PACKAGEROOT"):
        monkeypatch.setenv(name, str(place))
    monkeypatch.setenv("ASKPATH", str(place / "bin"))
    monkeypatch.setenv("JOBROOT", str(place / "jobs"))
    monkeypatch.setenv("SYSTEMDROOT", "/nonexistent")
    monkeypatch.setenv("KERNELRELEASE", hosts.OLD)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    return place


def look(*, needs: bool = True) -> Preflight:
    return ask(LocalExec("here"), "none", SystemClock(), needs=needs)


def program(root: Path, name: str, script: str) -> None:
    """A program of the made-up machine."""
    path = root / "bin" / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def file(path: Path, content: str | int = "") -> Path:
    """A file with a text, or of a size."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else "x" * content)
    return path


def two_kernels(root: Path) -> None:
    for version in (hosts.OLD, hosts.NEW):
        file(root / f"boot/vmlinuz-{version}", 100)
        file(root / f"boot/initrd.img-{version}", 900)
        (root / f"lib/modules/{version}").mkdir(parents=True)


def test_an_empty_machine_has_everything_absent_and_nothing_unread(root: Path) -> None:
    found = look()
    assert found.missing == {}
    assert found.kernel is not None and found.kernel.uptime is not None and found.kernel.uptime > 0
    assert (found.managers, found.kernels, found.next_kernel, found.loader) == ((), (), "", None)
    assert (found.dpkg_rows, found.modules, found.needrestart, found.lists_time) == (None, None, None, None)
    assert found.jobs["swarm-pkg"].state == "none"
    assert found.clock_skew_seconds is not None
    assert abs(found.clock_skew_seconds) <= found.clock_error_seconds + 0.01


def test_kernels_are_found_with_their_sizes_and_the_newest_of_the_same_kind_is_next(root: Path) -> None:
    two_kernels(root)
    file(root / "boot/vmlinuz-5.15.0-300-lowlatency", 100)
    file(root / "boot/System.map-5.15.0-204-generic", 50)
    found = look(needs=False)
    assert found.next_kernel == hosts.NEW
    new = found.kernel_named(hosts.NEW)
    assert new is not None
    assert (new.image_bytes, new.initrd_bytes, new.map_bytes, new.modules) == (100, 900, 50, True)
    other = found.kernel_named("5.15.0-300-lowlatency")
    assert other is not None and (other.initrd_bytes, other.modules) == (None, False)


@pytest.mark.parametrize(
    ("running", "others", "expected"),
    [
        ("5.14.0-70.el9.x86_64", ["5.14.0-427.el9.x86_64", "5.14.0-9.el9.x86_64"], "5.14.0-427.el9.x86_64"),
        ("6.1.0-9-amd64", ["6.1.0-13-amd64", "6.1.0-20-cloud-amd64", "6.1.0-13-rt-amd64"], "6.1.0-13-amd64"),
        (
            "5.14.21-150500.55-default",
            ["5.14.21-150500.60-default", "5.14.21-150500.99-azure"],
            "5.14.21-150500.60-default",
        ),
        ("6.5.0-0.deb12.4-amd64", ["6.12.48+deb13-amd64"], "6.12.48+deb13-amd64"),
        ("6.8.0-1012-nvidia", ["6.8.0-1013-nvidia", "6.8.0-50-generic", "6.8.0-1020-nvidia-64k"], "6.8.0-1013-nvidia"),
    ],
)
def test_every_distributions_kernels_have_their_order_and_kind(
    root: Path, monkeypatch: pytest.MonkeyPatch, running: str, others: list[str], expected: str
) -> None:
    monkeypatch.setenv("KERNELRELEASE", running)
    for version in (running, *others):
        file(root / f"boot/vmlinuz-{version}", 10)
        file(root / f"boot/initramfs-{version}.img", 10)
    found = look(needs=False)
    assert found.next_kernel == expected
    kernel = found.kernel_named(expected)
    assert kernel is not None and kernel.initrd_bytes == 10


def test_the_kernel_of_arch_is_known_by_its_package(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERNELRELEASE", "6.9.1-arch1-1")
    file(root / "boot/vmlinuz-linux", 10)
    file(root / "boot/initramfs-linux.img", 20)
    for version, base in (("6.9.1-arch1-1", "linux"), ("6.9.7-arch1-1", "linux"), ("6.6.30-1-lts", "linux-lts")):
        file(root / f"usr/lib/modules/{version}/pkgbase", f"{base}\n")
    assert look(needs=False).next_kernel == "6.9.7-arch1-1"


def test_a_grub_menu_is_read_with_places_and_with_what_is_missing(root: Path) -> None:
    text = (OUTPUTS / "grub/debian12-two-kernels.cfg").read_text()
    file(root / "boot/grub/grub.cfg", text)
    file(root / "boot/vmlinuz-6.1.0-56-cloud-amd64", 1)
    found = look(needs=False).loader
    assert found is not None and (found.kind, found.default, found.once) == ("grub", "0", "")
    assert [entry.place for entry in found.entries] == ["0", "1>0", "1>1", "1>2", "1>3"]
    first = found.entries[0]
    assert (first.linux, first.linux_exists) == ("/boot/vmlinuz-6.1.0-56-cloud-amd64", True)
    assert (first.initrds, first.initrds_exist) == (("/boot/initrd.img-6.1.0-56-cloud-amd64",), (False,))
    assert found.entries[3].id.startswith("gnulinux-6.1.0-49-cloud-amd64-advanced-")


def test_a_saved_and_a_one_shot_entry_are_read(root: Path) -> None:
    text = (OUTPUTS / "grub/debian12-two-kernels.cfg").read_text()
    saved = text.replace('set default="0"', 'set default="${saved_entry}"')
    assert saved != text
    file(root / "boot/grub/grub.cfg", saved)
    file(root / "boot/grub/grubenv", "# GRUB Environment Block\nsaved_entry=gnulinux-simple\nnext_entry=1>2\n####")
    found = look(needs=False).loader
    assert found is not None and (found.default, found.once) == ("gnulinux-simple", "1>2")


def test_boot_loader_snippets_are_read_newest_first(root: Path) -> None:
    file(root / "boot/grub2/grub.cfg", 'insmod blscfg\nblscfg\nset default="${saved_entry}"\n')
    file(root / "boot/grub2/grubenv", "saved_entry=abc-5.14.0-427.el9.x86_64\n")
    for version in ("5.14.0-70.el9.x86_64", "5.14.0-427.el9.x86_64"):
        text = f"title Rocky ({version})\nversion {version}\nlinux /vmlinuz-{version}\ninitrd /initramfs-{version}.img $tuned_initrd\n"
        file(root / f"boot/loader/entries/abc-{version}.conf", text)
        file(root / f"boot/vmlinuz-{version}", 1)
    found = look(needs=False).loader
    assert found is not None and found.default == "abc-5.14.0-427.el9.x86_64"
    assert [(each.id, each.place, each.linux_exists) for each in found.entries] == [
        ("abc-5.14.0-427.el9.x86_64", "0", True),
        ("abc-5.14.0-70.el9.x86_64", "1", True),
    ]
    assert found.entries[0].initrds == ("/initramfs-5.14.0-427.el9.x86_64.img",)
    assert found.entries[0].initrds_exist == (False,)


def test_a_link_that_leads_nowhere_is_seen(root: Path) -> None:
    (root / "boot/initrd.img").symlink_to("initrd.img-5.15.0-204-generic")
    ((link),) = look(needs=False).links
    assert (link.path, link.target, link.exists) == ("/boot/initrd.img", "initrd.img-5.15.0-204-generic", False)


def test_modules_are_asked_for_the_running_and_the_next_kernel(root: Path) -> None:
    two_kernels(root)
    program(
        root,
        "modinfo",
        'case "$2 $3" in "5.15.0-25-generic nvidia") echo "version:        580.95.05"; echo "alias: x";;'
        ' *) echo "modinfo: ERROR: Module $3 not found." >&2; exit 1;; esac',
    )
    found = look(needs=False)
    old, new = found.module(hosts.OLD, "nvidia"), found.module(hosts.NEW, "nvidia")
    assert old is not None and (old.present, old.version) == (True, "580.95.05")
    assert new is not None and (new.present, new.error) == (False, "modinfo: ERROR: Module nvidia not found.")


def test_devices_and_the_loaded_driver(root: Path) -> None:
    for number, (vendor, kind) in enumerate(
        [
            ("0x10de", "0x030200"),
            ("0x10de", "0x030000"),
            ("0x10de", "0x068000"),
            ("0x15b3", "0x020700"),
            ("0x8086", "0x030000"),
        ]
    ):
        file(root / f"sys/bus/pci/devices/0000:0{number}:00.0/vendor", f"{vendor}\n")
        file(root / f"sys/bus/pci/devices/0000:0{number}:00.0/class", f"{kind}\n")
    file(root / "proc/modules", "nvidia_uvm 1 0 - Live 0x0\nnvidia 2 1 nvidia_uvm, Live 0x0\n")
    banner = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.95.05  Release Build  (buildd)  Tue\n"
    file(root / "proc/driver/nvidia/version", banner)
    found = look(needs=False)
    assert found.devices is not None and found.loaded is not None
    assert (found.devices.nvidia, found.devices.nvswitch, found.devices.mellanox) == (2, 1, 1)
    assert (found.loaded.modules, found.loaded.nvidia) == (("nvidia",), "580.95.05")


def test_half_done_packages_and_the_journal(root: Path) -> None:
    program(root, "dpkg-query", "printf 'ii \\tbash\\nhi \\tkmod\\nrc \\told\\niF \\tfailpkg\\niU \\tlinux-image-x\\n'")
    file(root / "var/lib/dpkg/updates/0001")
    file(root / "var/lib/dpkg/updates/tmp.i")
    found = look(needs=False)
    assert found.dpkg_rows == (("failpkg", "iF"), ("linux-image-x", "iU"))
    assert found.dpkg_updates == ("0001",)


def test_the_holder_of_a_lock_is_named_without_trying_the_lock(root: Path) -> None:
    path = file(root / "var/lib/dpkg/lock-frontend")
    with path.open("r+") as held:
        fcntl.lockf(held, fcntl.LOCK_EX)
        ((holder),) = look(needs=False).locks or ()
    assert (holder.path, holder.pid) == ("/var/lib/dpkg/lock-frontend", os.getpid())
    assert "py" in holder.command
    assert holder.since is not None and 0 < time.time() - holder.since < 86400
    assert look(needs=False).locks == ()


def test_a_leftover_lock_of_pacman(root: Path) -> None:
    path = file(root / "var/lib/pacman/db.lck")
    os.utime(path, (1_700_000_000, 1_700_000_000))
    lock = look(needs=False).pacman_lock
    assert lock is not None and (lock.since, lock.users) == (1_700_000_000.0, 0)


def test_holds_of_every_manager(root: Path) -> None:
    program(root, "apt-mark", "printf 'kmod\\nnvidia-utils-580\\n'")
    program(root, "dnf", 'case "$*" in *versionlock*) echo "curl-0:7.76.1-26.el9.*";; esac')
    program(
        root, "zypper", "echo 'There are no package locks defined.'; echo '# | Name | Type'; echo '1 | vim | package'"
    )
    file(root / "etc/pacman.conf", "[options]\n#IgnorePkg = no\nIgnorePkg = nvidia linux\n")
    assert look(needs=False).holds == {
        "apt": ("kmod", "nvidia-utils-580"),
        "dnf": ("curl-0:7.76.1-26.el9.*",),
        "zypper": ("vim",),
        "pacman": ("nvidia", "linux"),
    }


def test_a_reboot_notice_and_the_age_of_the_lists(root: Path) -> None:
    file(root / "run/reboot-required", "*** System restart required ***\n")
    file(root / "run/reboot-required.pkgs", "linux-base\nlibc6\nlinux-base\n")
    file(root / "var/lib/apt/lists/partial/x")
    for path in ("var/lib/apt/lists", "var/lib/apt/lists/partial"):
        os.utime(root / path, (1_700_000_000, 1_700_000_000))
    found = look(needs=False)
    assert found.reboot_files is not None and found.reboot_files.packages == ("libc6", "linux-base")
    assert found.lists_time == 1_700_000_000.0


def test_replaced_code_is_found_with_its_unit(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    proc = root / "proc"
    replaced = (
        "7f00-7f01 r-xp 00000000 fd:00 4711                     /usr/lib/x86_64-linux-gnu/libssl.so.3 (deleted)\n"
    )
    harmless = (
        "7f00-7f01 r-xp 00000000 00:01 12   /memfd:doublemapper (deleted)\n"
        "7f00-7f01 r--p 00000000 fd:00 12   /usr/lib/libz.so.1 (deleted)\n"
        "7f00-7f01 r-xp 00000000 fd:00 12   /usr/lib/libc.so.6\n"
    )
    for pid, maps, group in (
        (1, replaced, "0::/init.scope"),
        (20, harmless + replaced, "0::/system.slice/ssh.service"),
        (21, replaced, "12:pids:/x\n1:name=systemd:/system.slice/ssh.service"),
        (30, harmless, "0::/system.slice/cron.service"),
        (40, replaced, "0::/system.slice/docker-0123.scope"),
        (50, replaced, "0::/user.slice/user-1000.slice/session-3.scope"),
    ):
        file(proc / f"{pid}/maps", maps)
        file(proc / f"{pid}/cgroup", f"{group}\n")
    file(proc / "uptime", "100.0 1.0")
    file(proc / "sys/kernel/random/boot_id", hosts.BOOT_ID)
    monkeypatch.setenv("PROCROOT", str(proc))
    found = look().stale
    assert found is not None
    assert {(each.unit, each.processes) for each in found.units} == {
        ("systemd-manager", 1),
        ("ssh.service", 2),
        ("container", 1),
        ("session", 1),
    }
    assert {each.path for each in found.units} == {"/usr/lib/x86_64-linux-gnu/libssl.so.3"}


def test_a_program_of_this_machine_that_was_replaced_while_it_runs_is_found(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the real process table; only the directory that counts as code is another."""
    tail = shutil.which("tail")
    assert tail is not None
    copy = root / "bin" / "tail"
    shutil.copy(tail, copy)
    running = subprocess.Popen([copy, "-f", "/dev/null"])
    try:
        copy.unlink()
        launch = program_launch("preflight", {"jobs": [], "needs": True}, "none", PARTS)
        payload = _with_code_under(launch.payload, str(root))
        command = launch.command.replace(str(len(launch.payload)), str(len(payload)))
        done = LocalExec("here").run(["/bin/sh", "-c", command], stdin=payload)
        answer = json.loads(done.stdout[done.stdout.index(b"answer\n") + 7 :])
        assert str(copy) in {each["path"] for each in answer["facts"]["stale"]["value"]["units"]}
    finally:
        running.kill()
        running.wait()


def _with_code_under(payload: bytes, folder: str) -> bytes:
    text = zlib.decompress(payload).decode()
    changed = text.replace('CODE = ("/usr/"', f'CODE = ("{folder}", "/usr/"')
    assert changed != text
    return zlib.compress(changed.encode())


def test_a_command_that_hangs_costs_only_its_own_fact(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(root, "who", f"echo $$ >{root}/pid; sleep 600 & wait")
    program(root, "apt-mark", "echo kmod")
    launch = program_launch("preflight", {"jobs": [], "needs": False}, "none", PARTS)
    text = zlib.decompress(launch.payload).decode()
    payload = zlib.compress(
        text.replace("QUICK, USUAL, SLOW = 5.0, 15.0, 60.0", "QUICK, USUAL, SLOW = 5.0, 1.0, 5.0").encode()
    )
    command = launch.command.replace(str(len(launch.payload)), str(len(payload)))
    began = time.monotonic()
    done = LocalExec("here").run(["/bin/sh", "-c", command], stdin=payload)
    assert time.monotonic() - began < 15
    found = decode(done.stdout[done.stdout.index(b"answer\n") + 7 :].split(b"\n")[0], "here", 0.0, 1.0)
    assert found.missing["users"] == "no answer within 1 s"
    group = int((root / "pid").read_text())
    assert eventually(lambda: not is_alive(group)), "what it started is left behind"
    assert found.holds["apt"] == ("kmod",)


def test_a_command_that_says_too_much_is_cut(root: Path) -> None:
    program(root, "who", "head -c 5000000 /dev/zero | tr '\\0' 'x' | fold -w 1000")
    users = look(needs=False).users
    assert users is not None
    assert len(users) <= 200 and max(len(line) for line in users) <= 300


def test_a_job_on_the_host_is_part_of_the_answer(root: Path) -> None:
    place = root / "jobs/swarm-pkg"
    place.mkdir()
    meta = {"name": "swarm-pkg", "title": "update", "who": "eve", "run": "r1", "steps": [{"id": "a"}]}
    (place / "meta.json").write_text(json.dumps(meta))
    (place / "rc").write_text("0 1800000000 done\n")
    job = look(needs=False).jobs["swarm-pkg"]
    assert (job.state, job.result, job.exit_status) == ("finished", "done", 0)
    assert job.meta is not None and job.meta.who == "eve"


def answer() -> dict[str, Any]:
    """What a Debian 12 with two kernels said (captured)."""
    captured: dict[str, Any] = json.loads((OUTPUTS / "preflight/debian12-two-kernels.json").read_text())
    return captured


def test_a_captured_answer_is_understood_whole() -> None:
    said = answer()
    found = decode(json.dumps(said).encode(), "deb", said["begin"] - 0.2, said["end"] + 0.2)
    assert found.missing == {}
    assert found.system is not None and found.system.id == "debian"
    assert found.next_kernel == "6.1.0-56-cloud-amd64"
    assert found.dkms is not None and found.dkms.lines == ("fake/1.0: added",)
    assert found.needrestart is not None and "NEEDRESTART-KSTA: 3" in found.needrestart.lines


@pytest.mark.parametrize("ahead", [0.0, -47304000.0, 600.0])
def test_the_clock_is_compared_without_the_time_that_the_facts_took(ahead: float) -> None:
    said = answer()
    begin, end = said["begin"], said["end"]
    found = decode(json.dumps(said).encode(), "deb", begin - 0.2 - ahead, end + 0.2 - ahead)
    assert found.clock_skew_seconds == pytest.approx(ahead, abs=1e-3)
    assert found.clock_error_seconds == pytest.approx(0.2, abs=1e-3)


def test_a_fact_that_is_not_what_it_should_be_is_missing_and_the_others_are_there() -> None:
    said = answer()
    said["facts"]["kernels"] = {"value": [{"version": 5}]}
    said["facts"]["space"] = {"error": "OSError: \x1b[31mstale handle"}
    said["facts"]["jobs"] = {"value": {"swarm-pkg": {"state": "flying"}}}
    del said["facts"]["loader"]
    found = decode(json.dumps(said).encode(), "deb", 0, 0)
    assert sorted(found.missing) == ["jobs", "kernels", "loader", "space"]
    assert found.missing["space"] == "OSError: stale handle"
    assert found.missing["loader"] == "not asked"
    assert found.kernels is None and found.system is not None


def test_the_hosts_words_are_made_safe_and_bounded() -> None:
    said = answer()
    said["facts"]["users"] = {"value": ["eve\x1b]0;owned\x07 \u202epts/0", "x" * 5000]}
    users = decode(json.dumps(said).encode(), "deb", 0, 0).users
    assert users is not None and users[0] == "eve \ufffdpts/0" and len(users[1]) == 300


@given(st.binary(max_size=200) | st.builds(lambda value: json.dumps(value).encode(), st.recursive(st.none() | st.text() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))))  # fmt: skip
def test_any_answer_is_an_error_of_ours(data: bytes) -> None:
    with pytest.raises(RetryLater):
        decode(data, "a", 0.0, 1.0)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(name=st.sampled_from(sorted(answer()["facts"])), value=VALUES)
def test_any_value_of_a_fact_is_taken_or_missing_and_the_judges_bear_it(name: str, value: Any) -> None:
    said = answer()
    said["facts"][name] = {"value": value}
    found = decode(json.dumps(said).encode(), "deb", 0.0, 1.0)
    cautions(found, NOW)


def test_an_answer_without_bottom_is_an_error_of_ours() -> None:
    with pytest.raises(RetryLater):
        decode(b'{"facts":' + b"[" * 100_000, "a", 0.0, 1.0)


@pytest.mark.parametrize(
    ("stdout", "error"),
    [
        (b"swarm-kit 1 NOPYTHON\n", SkipHost),
        (b"Connection closed\n", RetryLater),
    ],
)
def test_a_host_that_cannot_answer(stdout: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        ask(FakeExec("a", ExecResult(exit_status=1, stdout=stdout)), "none", ManualClock())


def test_only_names_of_jobs_are_asked_for() -> None:
    with pytest.raises(BadInput):
        ask(FakeExec("a", RetryLater("must not be asked")), "none", ManualClock(), jobs=["../../etc"])
