"""What one dnf host could change: security from the advisories, locks and broken dependencies told apart, no false "up to date"."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.execution import ExecResult
from backends.updates import dnf_list
from backends.updates.dnf import Dnf
from backends.updates.dnf_advisory import mark, parse
from backends.updates.model import Change, Inventory
from tests.unit.updates.captured_host import captured, said
from tests.unit.updates.dnf_case import CASES, DNF_4, DNF_5, NOTHING, NOW, Answers, host

LOCKED: Answers = {
    "versionlock list": "locks",
    "repoquery": "locked-repoquery",
    "--setopt=best=False upgrade": "locked-simulate-all",
}
NO_LISTS: Answers = {
    "find /var/cache/dnf": "metadata-none",
    "grep": "metadata-none",
    "repoquery": "no-cache-repoquery",
    "--setopt=best=False upgrade": "no-cache-simulate",
}
both = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def inventory(case: Path, changed: Answers = NOTHING) -> Inventory:
    return Dnf().inventory(host(case, changed), NOW)


def change(found: Inventory, name: str) -> Change:
    return next(each for each in found.changes if each.name == name)


@both
def test_security_fixes_carry_their_advisories_and_cves(case: Path) -> None:
    found = change(inventory(case), "labr-lib")
    assert found.security is True
    assert found.cves == ("CVE-2026-0001", "CVE-2026-0002")
    assert found.advisories == ("RLSA-2026:0001",)
    assert (found.installed, found.candidate, found.origin) == ("1.0-1.el9", "1.1-1.el9", "lab")


@both
def test_a_fix_hidden_under_a_newer_build_is_found(case: Path) -> None:
    found = change(inventory(case), "labr-hold")
    assert (found.security, found.candidate, found.security_version) == (True, "1.1-1.el9", "1.0.5-1.el9")


@both
def test_what_no_advisory_names_is_no_fix(case: Path) -> None:
    found = inventory(case)
    assert [change(found, name).security for name in ("labr-app", "labr-slow")] == [False, False]
    assert found.security_known


@both
def test_without_updateinfo_security_is_unknown_not_none(case: Path) -> None:
    counted = f"/var/cache/{'dnf' if case == DNF_4 else 'libdnf5'}/lab-f54269022358d74c/repodata/repomd.xml:0\n"
    found = inventory(case, {"grep": said(counted)})
    assert not found.security_known
    assert {each.security for each in found.changes} == {None}
    assert "security-unknown" in {each.kind for each in found.warnings}


@both
def test_a_kernel_beside_the_old_one_is_its_upgrade(case: Path) -> None:
    found = change(inventory(case), "kernel")
    assert (found.kind, found.installed, found.package_class) == ("upgrade", "1.0-1.el9", "kernel")


@both
def test_what_takes_anothers_place_says_so(case: Path) -> None:
    found = inventory(case)
    assert change(found, "labr-new").replaces == ("labr-old",)
    assert "removed by the update: labr-old" in {each.text for each in found.warnings}


@both
def test_what_cannot_be_installed_is_kept_back_with_its_reason(case: Path) -> None:
    found = change(inventory(case), "labr-needy")
    assert "nothing provides labr-nothere >= 9" in found.kept_back
    assert not found.held


@both
def test_locked_packages_are_listed_and_marked(case: Path) -> None:
    found = inventory(case, LOCKED)
    assert found.holds == ("glibc", "nvidia-driver")
    assert {each.name for each in found.changes if each.held} == {"glibc", "nvidia-driver"}
    assert any("glibc (a security fix)" in each.text for each in found.warnings)


@both
def test_no_lists_are_not_up_to_date(case: Path) -> None:
    """dnf says "Nothing to do." with status 0 then."""
    found = inventory(case, NO_LISTS)
    assert found.changes == ()
    assert "changes" in found.missing
    assert [each.kind for each in found.warnings if each.blocks] == ["stale-lists"]


@both
def test_the_age_is_that_of_the_oldest_list(case: Path) -> None:
    age = inventory(case).lists_age_seconds
    assert age is not None
    assert 0 < age < 300
    assert "stale-lists" not in {each.kind for each in inventory(case).warnings}


def test_a_list_that_was_found_to_be_the_newest_is_not_old() -> None:
    """A refresh that finds nothing new leaves repomd.xml as it is: a list that rarely changes would look stale for ever."""
    found = dnf_list.repositories(captured(DNF_4, "metadata-times-renewed").stdout.decode(), "")
    assert [(each.name, each.fetched) for each in found] == [("lab", 1795649190.0)]


@both
def test_an_interrupted_transaction_blocks_and_names_its_cure(case: Path) -> None:
    found = inventory(case, {"rpm -qa": "after-killed", "check --duplicates": "check-killed"})
    blocking = [each for each in found.warnings if each.blocks]
    assert [(each.kind, each.repair) for each in blocking] == [("duplicates", "dnf-duplicates")]
    assert "labr-slow" in blocking[0].text


@both
def test_several_kernels_are_no_interrupted_transaction(case: Path) -> None:
    found = inventory(case, {"rpm -qa": "after-good"})
    assert [each for each in found.warnings if each.kind == "duplicates"] == []


@both
def test_the_questions_change_nothing(case: Path) -> None:
    asked = host(case)
    Dnf().inventory(asked, NOW)
    dnf = [argv for argv in asked.asked if "dnf" in " ".join(argv) and "--version" not in argv and "sh" not in argv]
    called = [argv for argv in dnf if "find" not in argv and "grep" not in argv]
    assert called
    assert all("-C" in argv for argv in called)
    assert not any("-y" in argv for argv in called)


def test_a_missing_plugin_is_a_gap_and_a_broken_one_a_block() -> None:
    gap = inventory(DNF_4, {"versionlock list": "no-such-command"})
    assert "holds" in gap.missing
    assert not any(each.blocks for each in gap.warnings)
    broken = ExecResult(exit_status=1, stderr=b"Error: Unable to read version lock configuration: [Errno 2]")
    found = inventory(DNF_4, {"versionlock list": broken})
    assert [each.repair for each in found.warnings if each.blocks] == ["dnf-lock-list"]


@pytest.mark.parametrize(
    ("installed", "security"), [("1.0-1.el9", True), ("1.0.5-1.el9", False), ("1.0.7-1.el9", False)]
)
def test_an_advisory_counts_only_on_the_way(installed: str, security: bool) -> None:
    rows = parse("RLSA-2026:0004 Critical/Sec.  labr-hold-1.0.5-1.el9.noarch\n")
    found = mark(
        Change(name="labr-hold", architecture="noarch", installed=installed, candidate="1.1-1.el9", origin="lab"),
        rows,
        (),
        frozenset({"lab"}),
    )
    assert found.security is security


@given(st.text(max_size=200))
def test_any_text_is_a_list(text: str) -> None:
    assert all(each.name for each in dnf_list.installed(text))
    assert all(each.name for each in dnf_list.available(text))
    assert isinstance(dnf_list.locks(text), tuple)
    assert isinstance(dnf_list.duplicates(text), tuple)
    assert isinstance(dnf_list.repositories(text, text), tuple)
    assert all(each.name and each.version for each in parse(text))


def test_keys_are_no_packages() -> None:
    assert dnf_list.installed("gpg-pubkey|0:1-2|(none)|5\na|0:1-1|noarch|7\n")[0].name == "a"


def test_only_dnf_5_hosts_without_dnf_are_asked_as_dnf5() -> None:
    asked = host(DNF_5)
    asked.answers = {"dnf --version": said("", 127), **asked.answers}
    Dnf().inventory(asked, NOW)
    assert any("dnf5" in argv and "repoquery" in argv for argv in asked.asked)
