"""Driver packages move, stay and are held as one; a kernel comes through its metapackage."""

from __future__ import annotations

import pytest

from backends.states import Severity
from backends.updates.apt_simulate import parse
from backends.updates.family import driver_versions, metapackages, split_holds, split_plan, widened
from backends.updates.model import Change
from tests.unit.updates.apt_host import text


def upgrade(name: str, installed: str = "1", candidate: str = "2") -> Change:
    return Change(name=name, installed=installed, candidate=candidate)


DRIVER, LIBRARY, TOOLKIT, BASH = map(
    upgrade, ["nvidia-utils-580", "libnvidia-compute-580", "nvidia-container-toolkit", "bash"]
)


def test_one_member_brings_the_rest_but_not_the_container_toolkit() -> None:
    assert widened([DRIVER], [DRIVER, LIBRARY, TOOLKIT, BASH]) == (DRIVER, LIBRARY)
    assert widened([BASH], [DRIVER, LIBRARY, BASH]) == (BASH,)
    assert widened([TOOLKIT], [DRIVER, TOOLKIT]) == (TOOLKIT,)


def test_a_family_held_in_part_is_a_warning() -> None:
    family = ["libnvidia-compute-510", "nvidia-utils-510"]
    found = split_holds(["nvidia-utils-510:amd64", "bash"], family)
    assert [each.kind for each in found] == ["family-split"]
    assert "libnvidia-compute-510" in found[0].text
    assert split_holds(family, family) == split_holds([], family) == split_holds(["bash"], family) == ()


def test_the_measured_split_through_a_transitional_package_is_seen() -> None:
    changes = parse(text("debian13-family-held", "split.out")).changes
    members = [("nvidia-utils-510", "510.108.03-0lab1"), ("libnvidia-compute-510", "510.108.03-0lab1")]
    found = split_plan(changes, members)
    assert [(each.kind, each.severity) for each in found] == [("family-split", Severity.CRITICAL)]
    assert "510.108.03, 525.147.05" in found[0].text


def test_a_family_that_moves_as_one_is_no_warning() -> None:
    members = [("nvidia-utils-510", "510.108.03-0lab1"), ("libnvidia-compute-510", "510.108.03-0lab1")]
    assert split_plan(parse(text("debian13-family-free", "simulate.out")).changes, members) == ()
    assert split_plan([BASH], members) == ()


def test_a_family_that_was_split_before_is_not_blamed_on_the_plan() -> None:
    members = [("nvidia-utils-510", "510.1.1"), ("libnvidia-compute-510", "525.1.1")]
    assert split_plan([BASH], members) == ()


def test_removing_the_odd_one_out_mends_a_split() -> None:
    members = [("nvidia-utils-510", "510.1.1"), ("libnvidia-compute-525", "525.1.1")]
    assert split_plan([Change(name="nvidia-utils-510", kind="remove", installed="510.1.1")], members) == ()


def test_packages_bound_to_a_kernel_carry_its_version_not_the_drivers() -> None:
    family = {"nvidia-utils-580": "580.95.05-0ubuntu1", "linux-modules-nvidia-580-generic": "5.15.0-204.214"}
    assert driver_versions(family) == {"580.95.05"}


@pytest.mark.parametrize(
    ("kernel", "meta"),
    [
        ("linux-image-6.1.0-56-amd64", "linux-image-amd64"),
        ("linux-image-5.15.0-204-generic", "linux-image-generic"),
        ("linux-modules-extra-5.15.0-204-generic", "linux-image-generic"),
        ("linux-image-unsigned-5.15.0-204-nvidia", "linux-nvidia"),
        ("linux-headers-5.15.0-204-generic", "linux-headers-generic"),
    ],
)
def test_the_metapackage_of_a_kernel(kernel: str, meta: str) -> None:
    assert upgrade(meta) in metapackages(kernel, [upgrade(meta), BASH])


def test_no_metapackage_is_invented() -> None:
    assert metapackages("linux-image-6.1.0-56-amd64", [BASH, upgrade("linux-image-cloud-amd64")]) == ()
    assert metapackages("linux-image-amd64", [upgrade("linux-image-amd64")]) == ()
