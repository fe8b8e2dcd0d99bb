"""Advisories: what is affected, each problem told once, and no file that breaks the reading."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.updates.extras_model import Vulnerability
from backends.updates.osv import Affected, affects, normal, parse, vulnerabilities

OUTPUTS = Path(__file__).parents[2] / "outputs/osv"


def published() -> dict[str, list[Affected]]:
    known: dict[str, list[Affected]] = {}
    for file in OUTPUTS.glob("*.json"):
        for each in parse(file.read_bytes()) or ():
            known.setdefault(each.package, []).append(each)
    return known


def advisory(*events: dict[str, Any], **fields: Any) -> bytes:
    package = {"package": {"ecosystem": "PyPI", "name": "x"}, "ranges": [{"type": "ECOSYSTEM", "events": list(events)}]}
    return json.dumps({"id": "GHSA-1", "affected": [package], **fields}).encode()


def hit(document: bytes, version: str) -> tuple[bool, str]:
    (found,) = parse(document) or ()
    return affects(found, version)


def test_the_packages_of_an_environment_are_judged_by_their_versions() -> None:
    installed = {"requests": "2.31.0", "idna": "3.4", "urllib3": "2.0.7", "pip": "23.2.1"}
    assert vulnerabilities(published(), installed) == (
        Vulnerability(
            package="idna",
            installed="3.4",
            id="GHSA-jjg7-2v4v-x38h",
            cves=("CVE-2024-3651",),
            fixed="3.7",
            summary="idna can be kept busy by crafted input",
        ),
        Vulnerability(
            package="requests",
            installed="2.31.0",
            id="GHSA-9wx4-h78v-vm56",
            cves=("CVE-2024-35195",),
            fixed="2.32.2",
            summary="requests goes on without verifying after a first request with verify=False",
        ),
        Vulnerability(
            package="urllib3",
            installed="2.0.7",
            id="GHSA-34jh-p97f-mpxf",
            cves=("CVE-2024-37891",),
            fixed="2.2.2",
            summary="urllib3 keeps a Proxy-Authorization header over redirects",
        ),
    )


@pytest.mark.parametrize(("version", "fixed"), [("1.26.18", "1.26.19"), ("1.26.19", None), ("2.2.2", None)])
def test_each_line_of_releases_has_its_own_fix(version: str, fixed: str | None) -> None:
    found = vulnerabilities(published(), {"urllib3": version})
    assert [each.fixed for each in found] == ([] if fixed is None else [fixed])


def test_a_range_of_commits_says_nothing_about_releases() -> None:
    ids = [each.id for each in vulnerabilities(published(), {"requests": "2.2.0"})]
    assert ids == ["GHSA-9wx4-h78v-vm56"]


@pytest.mark.parametrize(
    ("events", "version", "affected"),
    [
        ([{"introduced": "0"}], "0.0.dev1", True),
        ([{"introduced": "1.0"}], "0.9", False),
        ([{"introduced": "1.0"}, {"fixed": "1.2"}], "1.2rc1", True),
        ([{"introduced": "1.0"}, {"fixed": "1.2"}], "1.2", False),
        ([{"introduced": "1.0"}, {"last_affected": "1.2"}], "1.2", True),
        ([{"introduced": "1.0"}, {"last_affected": "1.2"}], "1.2.post1", False),
        ([{"fixed": "3.1"}, {"introduced": "3.0"}, {"fixed": "1.2"}, {"introduced": "1.0"}], "2.0", False),
        ([{"fixed": "3.1"}, {"introduced": "3.0"}, {"fixed": "1.2"}, {"introduced": "1.0"}], "3.0.5", True),
        ([{"introduced": "2.0"}, {"fixed": "2.1.0"}], "2.1.0+cu121", False),
        ([{"introduced": "2.0"}, {"last_affected": "2.1.0"}], "2.1.0+cu121", True),
        ([{"introduced": "0"}, {"fixed": "soon"}], "9", True),
        ([], "1", False),
    ],
)
def test_a_version_is_affected_from_where_it_began_to_where_it_ended(
    events: list[dict[str, Any]], version: str, affected: bool
) -> None:
    assert hit(advisory(*events), version)[0] is affected


def test_a_version_that_nobody_can_order_is_affected_where_it_is_named() -> None:
    package = {"package": {"ecosystem": "PyPI", "name": "x"}, "versions": ["2004d", "2.1.0"]}
    document = json.dumps({"id": "PYSEC-1", "affected": [package]}).encode()
    assert [hit(document, version)[0] for version in ("2004d", "2004e", "2.1.0+cpu")] == [True, False, True]


def test_a_problem_with_several_ids_is_told_once() -> None:
    both = [
        *(parse(advisory({"introduced": "0"}, aliases=["CVE-2024-10000"])) or ()),
        *(parse(advisory({"introduced": "0"}, id="PYSEC-1", aliases=["CVE-2024-10000"])) or ()),
        *(parse(advisory({"introduced": "0"}, id="PYSEC-2", aliases=["GHSA-2"])) or ()),
    ]
    found = vulnerabilities({"x": both}, {"X": "1"})
    assert [(each.id, each.known_as) for each in found] == [("GHSA-1", "CVE-2024-10000"), ("PYSEC-2", "PYSEC-2")]


def test_names_are_compared_as_an_index_does() -> None:
    assert normal("Ruamel_yaml..Clib") == "ruamel-yaml-clib"
    (found,) = parse(advisory({"introduced": "0"})) or ()
    assert len(vulnerabilities({"a-b": [found]}, {"A.b": "1"})) == 1


def test_what_was_withdrawn_or_is_about_something_else_names_no_package() -> None:
    assert parse(advisory({"introduced": "0"}, withdrawn="2024-01-01T00:00:00Z")) == ()
    assert parse(advisory({"introduced": "0"}).replace(b"PyPI", b"npm")) == ()


@pytest.mark.parametrize("document", [b"", b"[]", b"{}", b'{"id":1}', b'{"id":"x","affected":{}}', b"\xff"])
def test_what_is_no_advisory_is_none(document: bytes) -> None:
    assert parse(document) is None


def test_words_of_an_advisory_are_made_safe_and_short() -> None:
    (found,) = parse(advisory({"introduced": "0"}, id="\x1b[31mid", summary="a\u202eb" + "c" * 999)) or ()
    assert found.id == "id" and found.summary.startswith("a\ufffdb") and len(found.summary) == 200


EVENTS = st.dictionaries(
    st.sampled_from(["introduced", "fixed", "last_affected", "limit", ""]),
    st.sampled_from(["0", "1.0", "2rc1", "", "x" * 300]) | st.text(max_size=8) | st.integers(),
    max_size=2,
)


@given(st.lists(EVENTS, max_size=6), st.text(max_size=12) | st.sampled_from(["1.0", "2", "0.dev0"]))
def test_any_events_and_any_version_have_an_answer(events: list[dict[str, Any]], version: str) -> None:
    (found,) = parse(advisory(*events)) or ()
    affected, fixed = affects(found, version)
    assert affected in (True, False) and (affected or not fixed)


@given(st.binary(max_size=200) | st.text(max_size=60).map(lambda text: json.dumps({"id": text}).encode()))
def test_no_file_breaks_the_parser(document: bytes) -> None:
    assert parse(document) in (None, ())


def test_a_file_without_bottom_is_none() -> None:
    assert parse(b'{"id":"x","affected":' + b"[" * 100_000) is None
