"""What became of a pacman change: the database and the text decide; the status is 0 after a failed scriptlet."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.updates import pacman_output
from backends.updates.model import Change, HostPlan, Outcome, Selection, Stage
from backends.updates.pacman import Pacman
from tests.unit.updates.captured_host import captured, said
from tests.unit.updates.pacman_case import CASE, FACTS, NOW, host

PLAN = Pacman().plan(host(), Pacman().inventory(host(), NOW), Selection())


def text(name: str) -> str:
    return captured(CASE, name).stdout.decode()


def outcome(applied: str, after: str, lock: str | None = None, plan: HostPlan = PLAN) -> Outcome:
    result = captured(CASE, applied)
    facts = FACTS if lock is None else f"{FACTS}lock {lock}\n"
    asked = host({"pacman -Q": after, "sh /var/cache/swarm-tui/pacman": said(facts)})
    return Pacman().outcome(asked, plan, result.exit_status, "", result.stdout.decode())


def test_a_failed_scriptlet_is_no_success_although_the_status_is_0() -> None:
    found = outcome("apply-good", "after-good")
    assert found.exit_status == 0
    assert found.stage is Stage.PARTIAL
    assert found.problems == ("labp-post: its scriptlet failed",)
    assert [each.name for each in found.results if each.outcome != "applied"] == ["labp-post"]
    assert found.leftovers == ("/etc/labp.conf.pacnew",)


def test_a_replaced_package_is_gone() -> None:
    found = {each.name: each.outcome for each in outcome("apply-good", "after-good").results}
    assert found["labp-old"] == "applied"


def test_the_rest_after_a_killed_run_is_done() -> None:
    rest = HostPlan(
        host="gpu01", manager="pacman", changes=(Change(name="linux", installed="1.0-1", candidate="1.1-1"),)
    )
    assert outcome("apply-after-unlock", "after-good", plan=rest).stage is Stage.DONE


def test_a_killed_run_leaves_a_lock_that_can_be_removed() -> None:
    found = outcome("apply-killed", "after-killed", lock="")
    assert found.stage is Stage.PARTIAL
    assert "pacman was killed and left its lock" in found.problems
    assert found.repairs == ("pacman-lock",)
    assert "pacman-lock" in {each.id for each in Pacman().repairs()}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("needy-apply", "unable to satisfy dependency 'labp-nothere>=9'"),
        ("file-gone", "failed retrieving file 'labp-lib-1.1-1-any.pkg.tar.zst'"),
        ("apply-corrupt", "is corrupted"),
        ("apply-conflict", "exists in filesystem"),
        ("lock-stale", "unable to lock database"),
    ],
)
def test_a_failure_says_why(name: str, words: str) -> None:
    found = outcome(name, "installed")
    assert found.stage is Stage.FAILED
    assert words in found.problems[0]


def test_a_damaged_package_offers_a_clean_cache() -> None:
    assert outcome("apply-corrupt", "installed").repairs == ("pacman-clean-cache",)


def test_a_locked_database_is_held_by_somebody() -> None:
    assert Pacman().holder(text("lock-stale")) is not None
    assert Pacman().holder(text("apply-good")) is None


def test_a_refresh_is_judged_by_its_text() -> None:
    assert Pacman().judge_refresh(captured(CASE, "refresh")) == ()
    assert "failed retrieving file 'lab.db'" in Pacman().judge_refresh(captured(CASE, "dead-refresh"))[0]


def test_progress_counts_the_planned_packages() -> None:
    lines = text("apply-good").splitlines(keepends=True)
    counts = [Pacman().progress(PLAN, "", "".join(lines[:end]))[0] for end in range(len(lines) + 1)]
    assert counts == sorted(counts)
    assert (counts[0], counts[-1]) == (0, len(PLAN.changes))


def test_half_a_run_tells_what_it_is_at() -> None:
    assert Pacman().progress(PLAN, "", text("apply-killed"))[:2] == (9, "labp-slow")


def test_a_download_is_measured_in_packages() -> None:
    assert Pacman().progress(PLAN, "", "Packages (4) a b c d\n a-1-1-any downloading...\n")[2] == 25.0


@given(st.text(max_size=300))
def test_any_text_is_judged(output: str) -> None:
    assert isinstance(pacman_output.troubles(output), tuple)
    assert isinstance(pacman_output.saved(output), tuple)
    done, _, percent = pacman_output.measure(PLAN, output)
    assert 0 <= done <= len(PLAN.changes)
    assert percent is None or 0 <= percent <= 100
