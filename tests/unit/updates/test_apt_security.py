"""An update is a security update when any version between installed and candidate has a security source."""

from __future__ import annotations

import pytest
from hypothesis import given

from backends.updates.apt_security import Offer, is_security, mark, parse_madison, security_sources
from backends.updates.model import Change
from tests.unit.updates.apt_host import text
from tests.unit.updates.apt_hostile import damaged

UPDATES = "http://archive.ubuntu.com/ubuntu jammy-updates/main amd64 Packages"
SECURITY = "http://archive.ubuntu.com/ubuntu jammy-security/main amd64 Packages"
KRB5 = Change(name="libkrb5-3", installed="1.19.2-2", candidate="1.19.2-2ubuntu0.10")


def test_a_fix_overtaken_by_an_ordinary_update_is_found() -> None:
    offers = parse_madison(text("ubuntu22-lines", "madison.out"))["libkrb5-3"]
    found = mark(KRB5, offers, frozenset({SECURITY}))
    assert (found.security, found.security_version) == (True, "1.19.2-2ubuntu0.8")


def test_a_candidate_that_is_the_fix_needs_no_other_version() -> None:
    found = mark(KRB5, [Offer(version=KRB5.candidate, source=SECURITY)], frozenset({SECURITY}))
    assert (found.security, found.security_version) == (True, "")


@pytest.mark.parametrize("version", ["1.19.2-2", "1.19.2-1", "1.19.2-2ubuntu0.11"])
def test_fixes_outside_the_range_do_not_count(version: str) -> None:
    assert mark(KRB5, [Offer(version=version, source=SECURITY)], frozenset({SECURITY})).security is False


def test_without_a_security_source_nothing_is_known() -> None:
    assert mark(KRB5, [Offer(version=KRB5.candidate, source=UPDATES)], frozenset()).security is None


def test_removals_fix_nothing() -> None:
    gone = Change(name="x", kind="remove", installed="1")
    assert mark(gone, [Offer(version="1", source=SECURITY)], frozenset({SECURITY})).security is False


def test_sources_are_known_by_label_and_archive_not_by_address() -> None:
    assert security_sources(text("debian12-pending", "sources.out")) == {
        "http://deb.example.org/debian-security bookworm-security/main amd64 Packages",
        "copy:/srv/lab-repo lab-security/main amd64 Packages",
    }


@pytest.mark.parametrize(
    ("facts", "security"),
    [
        ({"l": "Debian-Security", "a": "oldstable-security"}, True),
        ({"l": "Debian-Security", "a": "stable"}, True),
        ({"l": "Ubuntu", "a": "jammy-security"}, True),
        ({"l": "UbuntuESMApps", "a": "jammy-apps-security"}, True),
        ({"l": "Ubuntu", "a": "jammy-updates"}, False),
        ({"l": "Debian", "a": "stable"}, False),
        ({"l": "security-tools", "a": "stable"}, False),
        ({}, False),
    ],
)
def test_what_a_release_says_about_itself(facts: dict[str, str], security: bool) -> None:
    assert is_security(facts) is security


@pytest.mark.parametrize("case", ["debian12-pending", "debian13-pending"])
def test_madison_and_policy_name_sources_alike(case: str) -> None:
    sources = security_sources(text(case, "sources.out"))
    offers = parse_madison(text(case, "madison.out"))
    assert [offer.version for offer in offers["lab-hidden"] if offer.source in sources] == ["1.1-1"]


@given(damaged("debian12-pending", "madison.out"))
def test_any_answer_of_madison_can_be_read(hostile: str) -> None:
    assert all(offer.version and offer.source for offers in parse_madison(hostile).values() for offer in offers)


@given(damaged("debian12-pending", "sources.out"))
def test_any_answer_of_policy_can_be_read(hostile: str) -> None:
    assert all(source == source.strip() != "" for source in security_sources(hostile))
