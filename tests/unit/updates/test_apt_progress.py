"""Progress counts packages, not per cents: apt's own slip back and end anywhere."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given

from backends.updates.apt_progress import read
from backends.updates.model import HostPlan
from tests.unit.updates.apt_host import OUTPUTS, text
from tests.unit.updates.apt_hostile import damaged


def plan(case: str) -> HostPlan:
    return msgspec.json.decode((OUTPUTS / case / "plan.json").read_bytes(), type=HostPlan)


@pytest.mark.parametrize("distro", ["debian12", "debian13"])
def test_at_the_end_every_planned_package_is_through(distro: str) -> None:
    case = f"{distro}-apply-fine"
    assert read(text(case, "apply.status")).done == {change.name for change in plan(case).changes}


@pytest.mark.parametrize("distro", ["debian12", "debian13"])
def test_the_count_never_falls_while_lines_arrive(distro: str) -> None:
    lines = text(f"{distro}-apply-fine", "apply.status").splitlines(keepends=True)
    counts = [len(read("".join(lines[:end])).done) for end in range(len(lines) + 1)]
    assert counts == sorted(counts)
    assert counts[0] == 0 < counts[-1]


@pytest.mark.parametrize("distro", ["debian12", "debian13"])
def test_the_download_has_a_scale_of_its_own(distro: str) -> None:
    lines = text(f"{distro}-apply-fine", "prefetch.status").splitlines(keepends=True)
    percents = [read("".join(lines[: end + 1])).download_percent for end in range(len(lines))]
    known = [percent for percent in percents if percent is not None]
    assert known == sorted(known)
    assert 0 <= known[0] <= known[-1] <= 100


def test_packages_that_were_in_the_cache_have_no_download() -> None:
    assert read("pmstatus:app:50.0000:Configuring app (all)\n").download_percent is None


@pytest.mark.parametrize("distro", ["debian12", "debian13"])
def test_a_failed_script_is_an_error_and_not_through(distro: str) -> None:
    found = read(text(f"{distro}-apply-broken", "apply.status"))
    assert found.errors == (
        "lab-broken: installed lab-broken package post-installation script subprocess returned error exit status 1",
    )
    assert found.done == {"linux-image-lab"}


def test_the_killed_change_stands_at_the_package_that_it_was_at() -> None:
    found = read(text("debian12-killed", "apply.status"))
    assert (found.current, found.done) == ("lab-slow", frozenset())


def test_the_lines_of_the_measured_host() -> None:
    found = read(text("ubuntu22-lines", "status.out"))
    assert found.current == "libpcre2-8-0"
    assert found.conffiles == ("/etc/confpkg.conf",)
    assert found.errors == (
        "failpkg: installed failpkg package post-installation script subprocess returned error exit status 3",
    )


def test_an_architecture_is_no_percentage_and_the_pseudo_package_no_package() -> None:
    found = read("pmstatus:dpkg-exec:40.0:Running dpkg\npmstatus:libc6:i386:60.0000:Installed libc6:i386: done\n")
    assert (found.current, found.done) == ("libc6", frozenset({"libc6"}))


def test_half_a_line_waits_for_the_rest() -> None:
    assert read("pmstatus:app:50.0000:Installed app (al").done == frozenset()


@given(damaged("debian12-apply-broken", "apply.status"))
def test_any_text_can_be_read(hostile: str) -> None:
    found = read(hostile)
    assert found.download_percent is None or 0 <= found.download_percent <= 100
    assert not any(mark in word for word in (*found.errors, found.current) for mark in "\n\x1b\u202e")
