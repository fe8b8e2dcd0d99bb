"""What became of a zypper change: the state and the messages decide, not the status."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.updates import zypper_history, zypper_outcome, zypper_refresh
from backends.updates.model import Outcome, Stage
from backends.updates.zypper import Zypper
from tests.unit.updates.captured_host import captured
from tests.unit.updates.zypper_case import CASE, host, up


def text(name: str) -> str:
    return captured(CASE, name).stdout.decode()


def outcome(applied: str, after: str, *names: str, status: int | None = -1) -> Outcome:
    result = captured(CASE, applied)
    given_status = result.exit_status if status == -1 else status
    return Zypper().outcome(host({"rpm -qa": after}), up(*names), given_status, "", result.stdout.decode())


def test_a_good_run_is_done_and_leaves_its_configuration_files_to_do() -> None:
    found = outcome("apply-good", "after-good", "labr-app", "kernel", "labr-conf")
    assert (found.stage, found.problems) == (Stage.DONE, ())
    assert found.leftovers == ("/etc/labr.conf.rpmnew",)


@pytest.mark.parametrize("status", [102, 103])
def test_statuses_that_are_no_failures(status: int) -> None:
    found = outcome("apply-good", "after-good", "labr-app", status=status)
    assert found.stage is Stage.DONE
    assert any("plan again" in each for each in found.problems) == (status == 103)


@pytest.mark.parametrize("status", [107, 0])
def test_a_failed_post_script_is_told_whatever_the_status(status: int) -> None:
    found = outcome("apply-post", "after-post", "labr-post", "labr-lua", status=status)
    assert found.stage is Stage.FAILED
    assert {each.outcome for each in found.results} == {"half-configured"}
    assert set(found.problems) == {"labr-lua: its %post scriptlet failed", "labr-post: its %post scriptlet failed"}


def test_a_refused_package_fails_and_the_other_is_applied() -> None:
    found = outcome("apply-pre", "after-pre", "labr-pre", "labr-lib")
    assert found.stage is Stage.PARTIAL
    assert {each.name: each.outcome for each in found.results} == {"labr-pre": "failed", "labr-lib": "applied"}


def test_an_interactive_patch_that_was_skipped_is_no_success() -> None:
    """Status 0, and the kernel is still the old one."""
    found = outcome("apply-interactive", "after-interactive", "kernel", "labr-lib")
    assert found.exit_status == 0
    assert found.stage is Stage.PARTIAL
    assert found.problems == ("patch RLSA-2026:0003-1 was left out because it is interactive",)


def test_a_lock_names_its_holder() -> None:
    found = outcome("lock-refused", "rpm-qa", "labr-post")
    assert found.problems[0].startswith("the package manager was in use by zypper (process ")
    assert Zypper().holder(text("apply-good")) is None


def test_a_killed_run_is_half_there_and_can_be_repaired() -> None:
    found = outcome("apply-killed", "after-killed", "labr-slow", "labr-app")
    assert {each.name: each.outcome for each in found.results} == {
        "labr-slow": "half-configured",
        "labr-app": "applied",
    }
    assert found.repairs == ("zypper-duplicates",)


def test_progress_counts_the_planned_packages() -> None:
    plan = up("labr-app", "kernel", "labr-conf")
    lines = text("apply-good").splitlines(keepends=True)
    counts = [Zypper().progress(plan, "", "".join(lines[:end]))[0] for end in range(len(lines) + 1)]
    assert counts == sorted(counts)
    assert (counts[0], counts[-1]) == (0, 3)


def test_ten_and_more_packages_are_counted() -> None:
    """zypper pads the numbers then: "( 1/13)"."""
    plan = up("glibc", "kernel", "labr-app", "labr-conf", "labr-hold", "labr-lib")
    done, _, percent = Zypper().progress(plan, "", text("apply-many"))
    assert (done, percent) == (4 + 1, 100.0)  # glibc went from 2.34 to 2.35


def test_half_a_document_tells_what_it_is_at() -> None:
    done, current, percent = Zypper().progress(up("labr-slow", "labr-app"), "", text("apply-killed"))
    assert (done, current, percent) == (1, "labr-slow", 100.0)


def test_a_dead_repository_is_named_with_its_reason() -> None:
    assert Zypper().judge_refresh(captured(CASE, "refresh")) == ()
    found = Zypper().judge_refresh(captured(CASE, "dead-refresh"))
    assert len(found) == 1
    assert found[0].startswith("repository dead cannot be read: Failed to connect")


def test_our_commands_are_known_by_their_mark() -> None:
    found = Zypper().history(host(), 10)
    assert [each.plan for each in found] == ["run7", "run3", "run2", "run1", ""]
    assert [each.ok for each in found] == [True, False, False, True, True]
    assert "scriptlet failed" in found[2].error


def test_the_version_before_is_the_one_that_came_before() -> None:
    by_plan = {each.plan: each for each in Zypper().history(host(), 10)}
    moves = {each.name: (each.kind, each.installed, each.candidate) for each in by_plan["run1"].changes}
    assert moves["labr-hold"] == ("upgrade", "1.0-1.el9", "1.0.5-1.el9")
    assert moves["labr-pulled"] == ("install", "", "1.1-1.el9")
    assert {each.kind for each in by_plan["run7"].changes} == {"downgrade"}


def test_times_have_the_hosts_zone() -> None:
    line = "2026-11-25 12:00:00|command|root@h|'zypper' 'up'|\n2026-11-25 12:00:01|install|a|1-1|noarch|root@h|r|x|\n"
    east, utc = (zypper_history.parse(f"zone {zone}\n{line}", "h")[0].time for zone in ("+0200", "+0000"))
    assert utc - east == 7200.0


@given(st.text(max_size=300), st.integers(0, 255) | st.none())
def test_any_text_is_judged(output: str, status: int | None) -> None:
    assert isinstance(zypper_refresh.judge(output, status), tuple)
    assert isinstance(zypper_history.parse(output, "h"), tuple)
    assert zypper_outcome.measure(up("a"), output)[0] <= 1


@given(st.lists(st.text(alphabet="|2026-1: 5command instalremove'#a", max_size=60), max_size=8))
def test_any_lines_are_a_history(lines: list[str]) -> None:
    assert isinstance(zypper_history.parse("\n".join(lines), "h"), tuple)
