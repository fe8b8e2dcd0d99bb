"""Which program judges which file, shown with the programs that this machine has; and what can lock everybody out."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from backends.backups import validators
from backends.backups.placing_model import Verdict
from tests.unit.backups.restorehost import Field, plant, restore_field

__all__ = ["restore_field"]

CASES = [
    ("sshd", "etc/ssh/sshd_config", "Port 22\nPermitRootLogin no\n", "Port 22\nPermitRotLogin no\n"),
    ("ssh", "etc/ssh/ssh_config", "Host *\n  Port 22\n", "Host *\n  Prot 22\n"),
    ("visudo", "etc/sudoers.d/ops", "eve ALL=(ALL) ALL\n", "eve ALL=(ALL ALL\n"),
    (
        "findmnt",
        "etc/fstab",
        "proc /proc proc defaults 0 0\n",
        "/dev/nowhere-at-all /nowhere/at/all ext4 defaults 0 2\n",
    ),
    (
        "systemd-analyze",
        "etc/systemd/system/swarm-x.service",
        "[Unit]\nDescription=x\n[Service]\nExecStart=/bin/true\n",
        "[Unit]\nDescription=x\n[Service]\nExecStart=bin/true\n",
    ),
    ("nft", "etc/nftables.conf", "table inet t {\n}\n", "table inet t { typo }\n"),
    ("apt-config", "etc/apt/apt.conf.d/99x", 'APT::X "y";\n', 'APT::X "y\nfoo {\n'),
    ("sh", "etc/profile.d/x.sh", "true\n", "if true; then\n"),
    ("bash", "root/.bashrc", "[[ -n $X ]] && true\n", "for\n"),
]


def verdict(field: Field, path: str, text: str) -> Verdict:
    field.prepare(run := "good" if not (field.folder / "restores/good").exists() else "bad")
    plant(field.scratch(run) / "tree", {path: text})
    (found,) = field.placing.validate(run, validators.checks([path]))
    return found


@pytest.mark.parametrize(("program", "path", "good", "bad"), CASES, ids=[case[0] for case in CASES])
def test_it_accepts_a_good_file_and_refuses_a_broken_one(
    field: Field, program: str, path: str, good: str, bad: str
) -> None:
    if shutil.which(program, path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin") is None:
        pytest.skip(f"no {program} here")
    known = validators.validator(f"/{path}")
    assert known is not None and known.argv[0] == program and known.proves
    accepted, refused = verdict(field, path, good), verdict(field, path, bad)
    if accepted.verdict == "unproven":
        pytest.skip(f"{program} cannot judge here: {accepted.said}")
    assert accepted.verdict == "good", accepted.said
    assert refused.verdict == "bad" and refused.said
    assert str(field.folder) not in refused.said


def test_a_setting_that_this_kernel_has_passes_and_is_not_set(field: Field) -> None:
    before = Path("/proc/sys/vm/swappiness").read_text()
    other = "61" if before.strip() == "60" else "60"
    assert verdict(field, "etc/sysctl.d/x.conf", f"vm.swappiness = {other}\n").verdict in ("good", "unproven", "absent")
    assert verdict(field, "etc/sysctl.d/x.conf", "vm.no_such_thing = 1\n").verdict in ("bad", "unproven", "absent")
    assert Path("/proc/sys/vm/swappiness").read_text() == before


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/etc/netplan/01.yaml", "network"),
        ("/etc/network/interfaces", "network"),
        ("/etc/NetworkManager/system-connections/x.nmconnection", "network"),
        ("/etc/nftables.conf", "network"),
        ("/etc/hosts.allow", "network"),
        ("/etc/ssh/sshd_config", "access"),
        ("/etc/ssh/sshd_config.d/10-x.conf", "access"),
        ("/root/.ssh/authorized_keys", "access"),
        ("/home/eve/.ssh/authorized_keys", "access"),
        ("/etc/pam.d/sshd", "access"),
        ("/etc/sudoers", "access"),
        ("/etc/sudoers.d/ops", "access"),
        ("/etc/nsswitch.conf", "access"),
        ("/etc/fstab", "boot"),
        ("/etc/motd", ""),
        ("/etc/fstab.bak", ""),
        ("/srv/etc/fstab", ""),
    ],
)
def test_what_can_lock_everybody_out(path: str, kind: str) -> None:
    assert validators.access(path) == kind


@pytest.mark.parametrize(
    ("path", "first"),
    [
        ("/etc/ssh/sshd_config", ("systemctl", "reload", "ssh.service")),
        ("/etc/systemd/system/x.service.d/override.conf", ("systemctl", "daemon-reload")),
        ("/etc/netplan/01.yaml", ("netplan", "apply")),
        ("/etc/slurm/slurm.conf", ("scontrol", "reconfigure")),
        ("/etc/sysctl.d/x.conf", ("sysctl", "--system")),
    ],
)
def test_what_makes_it_take_effect(path: str, first: tuple[str, ...]) -> None:
    known = validators.reloading(path)
    assert known is not None and known.commands[0] == first and known.says


def test_sudoers_and_pam_are_read_at_every_login_so_nothing_has_to_be_reloaded() -> None:
    assert validators.reloading("/etc/sudoers.d/x") is None and validators.reloading("/etc/pam.d/sshd") is None
