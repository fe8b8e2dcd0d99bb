"""Which CVEs an update fixes stands in the changelog that it brings along."""

from __future__ import annotations

import pytest
from hypothesis import given

from backends.updates.apt_changelog import file_name, fixed, read_cves, sections
from backends.updates.apt_state import by_key, read_packages
from backends.updates.model import Change
from tests.unit.updates.apt_host import RecordedHost, text
from tests.unit.updates.apt_hostile import damaged

LOG = """app (1.2-1) stable; urgency=medium

  * Fix CVE-2026-0003 and CVE-2026-0002 (again CVE-2026-0003).

 -- A <a@example.invalid>  Mon, 02 Nov 2026 10:00:00 +0000

app (1.1-1) stable; urgency=medium

  * Fix CVE-2026-0001.

app (1.0-1) stable; urgency=medium

  * Fix CVE-2025-9999.
"""


@pytest.mark.parametrize(
    ("installed", "cves"),
    [
        ("1.2-1", ()),
        ("1.1-1", ("CVE-2026-0003", "CVE-2026-0002")),
        ("1.1-1+b1", ("CVE-2026-0003", "CVE-2026-0002")),
        ("1.0-1", ("CVE-2026-0003", "CVE-2026-0002", "CVE-2026-0001")),
    ],
)
def test_only_what_is_newer_than_the_host_counts(installed: str, cves: tuple[str, ...]) -> None:
    assert fixed(LOG, installed) == cves


def test_the_real_changelog_of_perl() -> None:
    log = sections(text("debian12-prefetched", "changelogs.out"))
    perl = log["/var/cache/apt/archives/perl_5.36.0-7+deb12u4_amd64.deb"]
    assert len(fixed(perl, "5.36.0-7+deb12u3")) == 13


def test_a_package_whose_changelog_is_a_link_takes_its_siblings() -> None:
    host = RecordedHost("debian12-prefetched")
    installed = by_key(read_packages(host))
    full = text("debian12-prefetched", "changelogs.out")
    own = sections(full)["/var/cache/apt/archives/perl_5.36.0-7+deb12u4_amd64.deb"]
    linked = (
        "=== /var/cache/apt/archives/perl_5.36.0-7+deb12u4_amd64.deb\n"
        f"{own}\n=== /var/cache/apt/archives/libperl5.36_5.36.0-7+deb12u4_amd64.deb\n"
    )
    changes = [
        Change(name=name, architecture="amd64", installed="5.36.0-7+deb12u3", candidate="5.36.0-7+deb12u4")
        for name in ("perl", "libperl5.36")
    ]
    found = read_cves(RecordedHost("debian12-prefetched", changelogs=linked), changes, installed)
    assert found["libperl5.36"] == found["perl"] != ()


def test_nothing_is_read_when_nothing_was_fetched() -> None:
    host = RecordedHost(downloads="")
    assert read_cves(host, [Change(name="app", installed="1", candidate="2")], {}) == {}
    assert len(host.asked) == 1


def test_a_file_of_the_host_is_an_argument_never_part_of_the_script() -> None:
    host = RecordedHost("debian12-prefetched")
    changes = [Change(name="lab-lib", architecture="all", installed="1.0-1", candidate="1.1-1")]
    assert read_cves(host, changes, {}) == {"lab-lib": ("CVE-2026-1001", "CVE-2026-1002")}
    assert host.words("changelogs")[-2:] == ("sh", "/var/cache/apt/archives/lab-lib_1.1-1_all.deb")


def test_the_name_of_a_download() -> None:
    assert file_name(Change(name="a", candidate="1:2.0-1", architecture="amd64")) == "a_1%3a2.0-1_amd64.deb"


@given(damaged("debian12-prefetched", "changelogs.out"))
def test_any_text_can_be_read(hostile: str) -> None:
    for log in (hostile, *sections(hostile).values()):
        assert all(cve.startswith("CVE-") for cve in fixed(log, "0"))
