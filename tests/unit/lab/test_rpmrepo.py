"""The lab's rpm repository, as far as it is text: spec files that rpmbuild takes, advisories as Red Hat publishes them."""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import Element, fromstring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.lab import rpmrepo
from tests.lab.rpmrepo import Advisory, Rpm, lab_advisories, lab_packages, spec, updateinfo

WORDS = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x2FFF), min_size=1, max_size=40)
"""What XML 1.0 can hold at all."""


def heads(text: str) -> dict[str, str]:
    """The lines of a spec's head, by their key."""
    return dict(line.split(": ", 1) for line in text.partition("%description")[0].strip().splitlines())


def section(text: str, name: str) -> list[str]:
    """The lines of one section."""
    rest = text.partition(f"\n%{name}\n")[2]
    return rest.partition("\n%files\n")[0].splitlines() if name == "install" else rest.splitlines()


def published(*advisories: Advisory) -> list[Element]:
    return list(fromstring(updateinfo(advisories)))


def attribute(found: Element, path: str, name: str) -> list[str]:
    return [each.attrib[name] for each in found.iterfind(path)]


def test_a_spec_names_the_package_and_what_it_needs() -> None:
    head = heads(spec(Rpm("labr-a", "2.0", epoch=3, header=("Requires: labr-b >= 9",))))
    assert (head["Name"], head["Version"], head["Release"], head["Epoch"]) == ("labr-a", "2.0", rpmrepo.RELEASE, "3")
    assert (head["BuildArch"], head["Requires"]) == ("noarch", "labr-b >= 9")


def test_a_package_without_files_has_one_that_tells_its_version() -> None:
    text = spec(Rpm("labr-a", "2.0"))
    assert section(text, "install") == [
        "mkdir -p $(dirname %{buildroot}/usr/share/labr-a/version)",
        "cat > %{buildroot}/usr/share/labr-a/version <<'END'",
        "2.0",
        "END",
    ]
    assert section(text, "files") == ["/usr/share/labr-a/version", ""]


def test_configuration_is_marked_so_that_an_operators_change_stays() -> None:
    text = spec(Rpm("labr-a", "1", files=(("/etc/a", "x\n"), ("/usr/b", "y\n")), config=("/etc/a",)))
    assert section(text, "files")[:2] == ["%config(noreplace) /etc/a", "/usr/b"]


def test_a_scriptlet_follows_the_files() -> None:
    assert spec(Rpm("labr-a", "1", sections="%post\nexit 1")).endswith("\n%post\nexit 1\n")


def test_the_file_name_is_the_one_rpmbuild_is_told_to_give() -> None:
    assert Rpm("labr-a", "2.0").file_name == f"labr-a-2.0-{rpmrepo.RELEASE}.noarch.rpm"


def test_in_the_first_age_nothing_hurts() -> None:
    assert {each.version for each in lab_packages("v1")} == {"1.0"}
    assert {each.sections for each in lab_packages("v1")} == {""}
    assert lab_advisories("v1") == []


def test_the_second_age_keeps_the_first_ones_packages() -> None:
    assert lab_packages("v2")[: len(lab_packages("v1"))] == lab_packages("v1")
    names = [(each.name, each.version) for each in lab_packages("v2")]
    assert len(set(names)) == len(names)


def test_the_packages_that_hurt() -> None:
    new = {each.name: each for each in lab_packages("v2") if each.version == rpmrepo.VERSIONS["v2"]}
    assert "exit 1" in new["labr-post"].sections
    assert "sleep 1" in new["labr-slow"].sections
    assert new["labr-needy"].header == ("Requires: labr-nothere >= 9",)
    assert new["labr-conf"].config == ("/etc/labr.conf",)


def test_advisories_name_builds_that_are_there() -> None:
    built = {each.file_name for each in lab_packages("v2")}
    told = [name for each in published(*lab_advisories("v2")) for name in attribute(each, ".//package", "src")]
    named = [text.text for each in published(*lab_advisories("v2")) for text in each.iterfind(".//filename")]
    assert set(named) <= built
    assert all(name.endswith(".src.rpm") for name in told)


def test_an_advisory_as_red_hat_publishes_it() -> None:
    [found] = published(
        Advisory("RLSA-1", "security", (Rpm("labr-a", "2.0", epoch=3),), "Important", ("CVE-1", "CVE-2"))
    )
    assert found.attrib["type"] == "security"
    assert (found.findtext("id"), found.findtext("severity")) == ("RLSA-1", "Important")
    assert attribute(found, "references/reference", "id") == ["CVE-1", "CVE-2"]
    assert attribute(found, ".//package", "epoch") == ["3"]
    assert found.find(".//reboot_suggested") is None


def test_a_reboot_is_suggested_where_one_is_needed() -> None:
    suggested = {each.findtext("id"): each.findtext(".//reboot_suggested") for each in published(*lab_advisories("v2"))}
    assert suggested == {"RLSA-2026:0001": None, "RLBA-2026:0002": None, "RLSA-2026:0003": "True"}


@given(WORDS, WORDS)
def test_any_words_stay_what_they_are(identity: str, cve: str) -> None:
    [found] = published(Advisory(identity, "bugfix", (), cves=(cve,)))
    assert found.findtext("id") == identity
    assert attribute(found, "references/reference", "id") == [cve]


def test_a_host_knows_only_the_labs_repository_and_calls_itself_red_hats(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/os-release").symlink_to("../usr/lib/os-release")  # as on a Debian
    rpmrepo.install(tmp_path)
    assert f"baseurl=file:///{rpmrepo.IN_HOST}" in (tmp_path / "etc/yum.repos.d/lab.repo").read_text()
    assert "rhel" in (tmp_path / "etc/os-release").read_text()
    assert (tmp_path / "etc/dnf/plugins/versionlock.list").read_text() == ""


@pytest.mark.parametrize("age", ["v1", "v2"])
def test_no_text_of_a_file_ends_its_here_document(age: rpmrepo.Age) -> None:
    assert not any("END" in text.splitlines() for rpm in lab_packages(age) for _, text in rpm.contents)
