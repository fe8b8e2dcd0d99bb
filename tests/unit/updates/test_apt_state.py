"""dpkg's own records tell what is installed and what is unfinished; apt's exit statuses do not."""

from __future__ import annotations

import pytest
from hypothesis import given

from backends.updates.apt_state import by_key, parse, read_packages, read_troubles, troubles, unfinished
from tests.unit.updates.apt_host import RecordedHost, text
from tests.unit.updates.apt_hostile import damaged


def test_a_row_has_the_source_and_its_version() -> None:
    found = by_key(parse(text("debian12-pending", "packages.out")))
    perl = found["libperl5.36", "amd64"]
    assert (perl.source, perl.version, perl.installed, perl.trouble) == ("perl", "5.36.0-7+deb12u3", True, "")


def test_every_row_of_a_real_host_is_understood() -> None:
    for case in ("debian12-pending", "debian13-pending"):
        output = text(case, "packages.out")
        assert len(parse(output)) == len(output.splitlines()) > 80


def test_a_held_package_is_in_order() -> None:
    held = by_key(parse(text("debian12-pending", "packages.out")))["lab-held", "all"]
    assert (held.status, held.installed, held.trouble) == ("hi ", True, "")


@pytest.mark.parametrize("distro", ["debian12", "debian13"])
def test_a_failed_script_leaves_a_package_half_configured(distro: str) -> None:
    host = RecordedHost(f"{distro}-dirty")
    assert read_troubles(host, read_packages(host)) == ("lab-broken is half-configured",)


@pytest.mark.parametrize("distro", ["debian12", "debian13"])
def test_a_killed_dpkg_leaves_its_journal(distro: str) -> None:
    host = RecordedHost(f"{distro}-killed")
    assert read_troubles(host, read_packages(host)) == (
        "lab-app is unpacked, not configured",
        "lab-slow is half-configured",
        "dpkg was interrupted (2 unfinished steps in /var/lib/dpkg/updates)",
    )


@pytest.mark.parametrize(
    ("status", "trouble", "installed"),
    [
        ("ii ", "", True),
        ("rc ", "", False),
        ("un ", "", False),
        ("iHR", "must be installed again", True),
        ("iW ", "waits for triggers", True),
        ("it ", "triggers pending", True),
    ],
)
def test_dpkgs_letters(status: str, trouble: str, installed: bool) -> None:
    row = parse(f"app|all|1.0|app|1.0|{status}")[0]
    assert (row.trouble, row.installed) == (trouble, installed)
    assert troubles([row]) == ((f"app is {trouble}",) if trouble else ())


def test_only_numbered_files_are_steps() -> None:
    assert unfinished("/var/lib/dpkg/updates/0001\n/var/lib/dpkg/updates/1tmp.i\n/var/lib/dpkg/updates/0") == (
        "/var/lib/dpkg/updates/0001",
        "/var/lib/dpkg/updates/0",
    )


@given(damaged("debian12-dirty", "packages.out"))
def test_any_text_can_be_read(hostile: str) -> None:
    assert all(row.name and len(row.status) >= 2 for row in parse(hostile))
    assert len(troubles(parse(hostile))) <= len(hostile.splitlines())
