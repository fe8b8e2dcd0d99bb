"""What differs after a run is explained by its packages, its reboot, or the site; else it is told as not explained."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.maintenance.drift_plan import Done, judged

UPDATED = Done(packages=frozenset({"openssl", "linux-image-amd64"}), owned=frozenset({"/etc/ssl/openssl.cnf"}))
REBOOTED = Done(rebooted=True)


def why(path: str, done: Done, *allowed: str) -> str:
    (found,) = judged([(path, "content")], done, allowed).changes
    return found.why


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("etc/ssl/openssl.cnf", "of an updated package"),
        ("boot/grub/grub.cfg", "written by scripts of packages"),
        ("etc/systemd/system/multi-user.target.wants/ssh.service", "written by scripts of packages"),
        ("etc/ssh/sshd_config.dpkg-dist", "written by scripts of packages"),
        ("fact:packages", "by the updates"),
    ],
)
def test_what_updates_change_is_explained_by_them_and_by_nothing_else(path: str, reason: str) -> None:
    assert why(path, UPDATED) == reason
    assert why(path, Done()) == why(path, REBOOTED) == ""


@pytest.mark.parametrize("path", ["fact:kernel", "fact:modules", "fact:command-line", "boot/grub/grubenv"])
def test_what_a_reboot_changes_is_explained_by_it(path: str) -> None:
    assert why(path, REBOOTED) == "by the reboot"
    assert why(path, Done()) == ""


@pytest.mark.parametrize(
    "path", ["etc/fstab", "etc/ssh/sshd_config", "etc/passwd", "fact:users", "fact:sysctl", "fact:mounts"]
)
def test_what_no_package_brings_is_not_explained(path: str) -> None:
    done = Done(packages=UPDATED.packages, rebooted=True, owned=UPDATED.owned)
    assert why(path, done) == ""


def test_settings_of_gpus_are_explained_by_a_new_driver_only() -> None:
    assert why("fact:gpu-settings", UPDATED) == ""
    assert why("fact:gpu-settings", Done(packages=frozenset({"libnvidia-compute-580"}))) == "by the updates"


@pytest.mark.parametrize("pattern", ["/etc/motd", "etc/mot?", "*"])
def test_the_site_may_allow_files_always(pattern: str) -> None:
    assert why("etc/motd", Done(), pattern) == "allowed"


def test_a_fact_may_be_allowed() -> None:
    assert why("fact:timers", Done(), "fact:timers") == "allowed"


@given(st.lists(st.sampled_from(["etc/fstab", "etc/motd", "fact:packages", "etc/ssl/openssl.cnf"]), unique=True))
def test_everything_that_differs_is_either_explained_or_not(paths: list[str]) -> None:
    found = judged([(path, "content") for path in paths], UPDATED, ("etc/motd",))
    assert sorted(each.path for each in (*found.explained, *found.unexplained)) == sorted(paths)
    assert {each.path for each in found.unexplained} == set(paths) & {"etc/fstab"}
