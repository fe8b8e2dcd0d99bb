"""The truth after a change comes from dpkg's records; the exit status and the texts only explain it."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.updates.apt_outcome import KILLED, conclude, judge, result
from backends.updates.apt_output import kept_conffiles, problems
from backends.updates.apt_state import Package
from backends.updates.model import Change, HostPlan, Outcome, PackageResult, Stage
from tests.unit.updates.apt_host import OUTPUTS, RecordedHost, text
from tests.unit.updates.apt_hostile import damaged


def outcome(case: str, exit_status: int | None) -> Outcome:
    plan = msgspec.json.decode((OUTPUTS / case / "plan.json").read_bytes(), type=HostPlan)
    return judge(RecordedHost(case), plan, exit_status, text(case, "apply.status"), text(case, "apply.output"))


def by_name(found: Outcome) -> dict[str, PackageResult]:
    return {each.name: each for each in found.results}


@pytest.mark.parametrize("distro", ["debian12", "debian13"])
def test_a_change_that_went_well(distro: str) -> None:
    found = outcome(f"{distro}-apply-fine", 0)
    assert (found.stage, found.problems, found.repairs) == (Stage.DONE, (), ())
    assert found.applied == len(found.results) > 6


@pytest.mark.parametrize("distro", ["debian12", "debian13"])
def test_a_kept_configuration_file_is_follow_up_work(distro: str) -> None:
    assert outcome(f"{distro}-apply-fine", 0).leftovers == ("/etc/lab.conf.dpkg-dist",)


@pytest.mark.parametrize("distro", ["debian12", "debian13"])
@pytest.mark.parametrize("exit_status", [100, 0])
def test_a_failed_script_is_half_an_update_whatever_the_exit_status(distro: str, exit_status: int) -> None:
    found = outcome(f"{distro}-apply-broken", exit_status)
    assert (found.stage, found.applied, len(found.results)) == (Stage.PARTIAL, 1, 2)
    broken = by_name(found)["lab-broken"]
    assert (broken.outcome, broken.found) == ("half-configured", "1.1-1")
    assert found.repairs == ("apt-configure",)
    assert "post-installation script" in found.problems[0]
    assert "dpkg failed on lab-broken" not in found.problems, "told once is enough"


@pytest.mark.parametrize("distro", ["debian12", "debian13"])
def test_a_killed_change_says_so_and_offers_the_repair(distro: str) -> None:
    found = outcome(f"{distro}-killed", None)
    assert (found.stage, found.applied) == (Stage.FAILED, 0)
    assert found.problems[0] == KILLED
    assert found.repairs == ("apt-configure",)
    assert found.tail.endswith("slow 12")


def test_a_kernel_without_its_initrd_is_not_applied() -> None:
    found = outcome("debian12-apply-kernel", 100)
    assert found.stage is Stage.PARTIAL
    assert by_name(found)["linux-image-6.1.0-56-amd64"].outcome == "half-configured"
    assert "building the initrd failed" in found.problems


def test_going_back_is_judged_alike() -> None:
    assert outcome("debian12-rollback", 0).stage is Stage.DONE


@pytest.mark.parametrize("distro", ["debian12", "debian13"])
def test_a_lock_names_its_holder(distro: str) -> None:
    refused = text(f"{distro}-locked", "refused.out") + text(f"{distro}-locked", "refused.err")
    found = conclude("gpu01", [PackageResult(name="lab-app", planned="1.1-1", found="1.0-1")], 100, "", refused)
    assert found.stage is Stage.FAILED
    assert found.problems[0].startswith("the package manager was in use by apt-get (process 7")


def test_what_never_started_because_the_download_failed_was_not_killed() -> None:
    failed = "E: Failed to fetch http://m/app.deb  404  Not Found\n"
    found = conclude("gpu01", [PackageResult(name="app", planned="2", found="1")], None, "", failed)
    assert found.problems == ("Failed to fetch http://m/app.deb  404  Not Found",)


def test_a_lock_that_was_waited_for_is_no_problem() -> None:
    waited = text("debian12-locked", "waited.out")
    found = conclude("gpu01", [PackageResult(name="a", planned="1", found="1", outcome="applied")], 0, "", waited)
    assert (found.stage, found.problems) == (Stage.DONE, ())


def test_success_that_did_nothing_is_a_failure() -> None:
    skipped = text("debian12-traps", "not-installed.out")
    found = conclude("gpu01", [PackageResult(name="lab-part-1.1", planned="1.1-1")], 0, "", skipped)
    assert found.stage is Stage.FAILED
    assert found.problems == ("1 of 1 planned changes did not happen, although apt reported success",)


def test_an_unanswered_question_is_told() -> None:
    asked = text("debian12-traps", "conffile.out") + text("debian12-traps", "conffile.err")
    assert "dpkg asked about a configuration file and got no answer" in problems(asked)


def test_a_failing_hook_at_the_very_end_is_not_done() -> None:
    applied = [PackageResult(name="a", planned="1", found="1", outcome="applied")]
    found = conclude("gpu01", applied, 100, "", "E: Problem executing scripts DPkg::Post-Invoke 'false'\n")
    assert (found.stage, found.applied) == (Stage.PARTIAL, 1)
    assert conclude("gpu01", applied, 7, "", "").problems == ("apt-get ended with status 7",)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (
            "E: You don't have enough free space in /var/cache/apt/archives/.",
            "there is not enough free space in /var/cache/apt/archives/",
        ),
        ("dpkg: error: writing to '/x' failed: No space left on device", "a file system is full"),
        ("Error! Bad return status for module build on kernel: 6.1.0 (x86_64)", "a DKMS module could not be built"),
        (
            "E: Failed to fetch http://m/x.deb  Hash Sum mismatch",
            "a download is damaged, or the mirror was out of sync",
        ),
        ("E: Version '9' for 'app' was not found", "version 9 of app is no longer in any source"),
    ],
)
def test_what_words_tell(line: str, problem: str) -> None:
    assert problem in problems(line)


UPGRADE = Change(name="app", architecture="all", installed="1", candidate="2")


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (("2", "ii "), "applied"),
        (("2", "hi "), "applied"),
        (("2", "iF "), "half-configured"),
        (("1", "ii "), "unchanged"),
        (("1", "hi "), "held"),
        (("3", "ii "), "other-version"),
        (("2", "rc "), "other-version"),
        (None, "other-version"),
    ],
)
def test_each_state_of_a_package(row: tuple[str, str] | None, expected: str) -> None:
    rows = [Package(name="app", architecture="all", version=row[0], status=row[1])] if row else []
    assert result(UPGRADE, rows).outcome == expected


def test_a_removed_package_is_applied_when_it_is_gone() -> None:
    gone = Change(name="app", kind="remove", installed="1")
    assert result(gone, []).outcome == "applied"
    assert result(gone, [Package(name="app", architecture="all", version="1")]).outcome == "unchanged"


def test_the_architecture_may_change_to_all() -> None:
    rows = [Package(name="app", architecture="amd64", version="2")]
    assert result(UPGRADE, rows).outcome == "applied"


def test_the_files_of_this_change_come_first() -> None:
    plan = HostPlan(host="gpu01", manager="apt")
    found = "/etc/a.dpkg-dist\n/etc/lab.conf.dpkg-dist\n"
    output = text("debian12-apply-fine", "apply.output")
    after = judge(RecordedHost("debian12-apply-fine", leftovers=found), plan, 0, "", output)
    assert after.leftovers == ("/etc/lab.conf.dpkg-dist", "/etc/a.dpkg-dist")


@given(damaged("debian12-apply-kernel", "apply.output"), st.sampled_from([None, 0, 1, 100]))
def test_no_text_makes_an_update_that_is_not_there(hostile: str, exit_status: int | None) -> None:
    missing = [PackageResult(name="app", planned="2", found="1")]
    found = conclude("gpu01", missing, exit_status, hostile, hostile)
    assert found.stage is Stage.FAILED
    assert found.problems
    assert len(problems(hostile)) <= 50
    assert len(kept_conffiles(hostile)) <= len(hostile)
