"""What apt says that it would do is read line by line, in every distribution's spelling."""

from __future__ import annotations

import pytest
from hypothesis import given

from backends.updates.apt_simulate import Simulation, parse
from backends.updates.model import Change, PackageClass
from tests.unit.updates.apt_host import text
from tests.unit.updates.apt_hostile import damaged


def read(case: str, name: str) -> Simulation:
    return parse(text(case, f"{name}.out"))


def change(simulation: Simulation, name: str) -> Change:
    return next(each for each in simulation.changes if each.name == name)


@pytest.mark.parametrize("case", ["debian12-pending", "debian13-pending"])
def test_every_line_of_a_real_plan_is_understood(case: str) -> None:
    lines = [line for line in text(case, "upgrade.out").splitlines() if line.startswith("Inst ")]
    assert len(read(case, "upgrade").changes) == len(lines) > 9


def test_an_upgrade_has_both_versions_origin_and_class() -> None:
    assert change(read("debian12-pending", "upgrade"), "libssl3") == Change(
        name="libssl3",
        architecture="amd64",
        installed="3.0.20-1~deb12u2",
        candidate="3.0.22-1~deb12u2",
        origin="Debian-Security:12/oldstable-security",
        package_class=PackageClass.CORE_LIB,
    )


def test_a_new_package_has_no_version_before() -> None:
    kernel = change(read("debian12-pending", "upgrade"), "linux-image-6.1.0-56-amd64")
    assert (kernel.kind, kernel.installed, kernel.candidate) == ("install", "", "6.1.192-2")


def test_packages_broken_at_that_step_are_no_version() -> None:
    assert change(read("debian12-pending", "upgrade"), "libperl5.36").candidate == "5.36.0-7+deb12u4"


def test_ubuntus_several_origins_and_lines_of_hooks() -> None:
    found = read("ubuntu22-lines", "upgrade")
    assert len(found.changes) == 5
    assert change(found, "libc6").origin == "Ubuntu:22.04/jammy-updates, Ubuntu:22.04/jammy-security"
    assert change(found, "gcc-12-base").candidate == "12.3.0-1ubuntu1~22.04.3"
    assert change(found, "confpkg").origin == "localhost"


def test_what_a_full_upgrade_removes() -> None:
    found = read("debian12-pending", "full")
    assert found.removed == ("lab-bystander",)
    assert change(found, "lab-bystander").kind == "remove"


def test_what_is_kept_back_and_what_is_phased() -> None:
    assert set(read("debian12-pending", "upgrade").kept) >= {"lab-evictor", "lab-held"}
    newer = read("debian13-pending", "upgrade")
    assert "lab-phased" in (*newer.kept, *newer.phased)


@pytest.mark.parametrize("distro", ["debian12", "debian13"])
def test_a_held_package_that_would_change(distro: str) -> None:
    assert read(f"{distro}-traps", "held-simulated").held == ("lab-held",)


@pytest.mark.parametrize("distro", ["debian12", "debian13"])
def test_a_new_package_named_with_only_upgrade_is_passed_over(distro: str) -> None:
    found = read(f"{distro}-traps", "not-installed")
    assert (found.skipped, found.changes, found.errors) == (("lab-part-1.1",), (), ())


@pytest.mark.parametrize("distro", ["debian12", "debian13"])
def test_errors_and_unmet_dependencies_are_sentences(distro: str) -> None:
    found = parse(text(f"{distro}-traps", "unmet.out"), text(f"{distro}-traps", "unmet.err"))
    assert found.unmet == ("lab-meta : Depends: lab-part-1.1 but it is not going to be installed",)
    assert found.errors == ("Unable to correct problems, you have held broken packages.",)


def test_a_downgrade_is_told_from_an_upgrade() -> None:
    kinds = {each.kind for each in read("debian12-rollback", "simulate").changes}
    assert kinds == {"downgrade"}


def test_a_foreign_architecture_is_no_part_of_the_name() -> None:
    found = parse("Inst libc6:i386 [2.36-9] (2.36-10 Debian:12/stable [i386])")
    assert (found.changes[0].name, found.changes[0].architecture) == ("libc6", "i386")


@pytest.mark.parametrize(
    "line",
    [
        "Inst -oDpkg::Pre-Invoke::=id [1] (2 Debian:12 [all])",
        "Inst --allow-unauthenticated [1] (2 Debian:12 [all])",
        "Inst UPPER [1] (2 Debian:12 [all])",
        "Inst app [1] (2;id Debian:12 [all])",
    ],
)
def test_what_could_be_read_as_an_option_is_no_package(line: str) -> None:
    assert parse(line).changes == ()


@given(damaged("debian12-pending", "full.out"))
def test_any_text_can_be_read(hostile: str) -> None:
    found = parse(hostile, hostile)
    assert all(each.name[0].isalnum() and not set(each.name) & set(" \n=/") for each in found.changes)
    assert all(each.candidate or each.kind == "remove" for each in found.changes)
