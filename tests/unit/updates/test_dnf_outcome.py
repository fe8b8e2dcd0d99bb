"""What became of a dnf change: the state and the text decide, the exit status is one input of several."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.updates import dnf_lock, dnf_output, dnf_progress, dnf_refresh
from backends.updates.dnf import Dnf
from backends.updates.model import Change, HostPlan, Outcome, Stage
from tests.unit.updates.captured_host import captured, said
from tests.unit.updates.dnf_case import CASES, DNF_4, host, plan, up

both = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
GOOD = plan(
    ("labr-app", "1.0-1.el9", "1.1-1.el9"),
    ("kernel", "1.0-1.el9", "1.1-1.el9"),
    ("nvidia-driver", "3:550.90.07-1.el9", "3:560.35.03-1.el9"),
    ("labr-hold", "1.0-1.el9", "1.0.5-1.el9"),
    ("labr-conf", "1.0-1.el9", "1.1-1.el9"),
)


def text(case: Path, name: str) -> str:
    return captured(case, name).stdout.decode()


def outcome(case: Path, applied: str, after: str, wanted: HostPlan) -> Outcome:
    """Judge a captured run on the host as it was afterwards."""
    result = captured(case, applied)
    asked = host(
        case, {"rpm -qa": after, "check --duplicates": "check-killed" if after == "after-killed" else "check-clean"}
    )
    return Dnf().outcome(asked, wanted, result.exit_status, "", result.stdout.decode())


@both
def test_a_good_run_is_done_and_leaves_its_configuration_files_to_do(case: Path) -> None:
    found = outcome(case, "apply-good", "after-good", GOOD)
    assert found.stage is Stage.DONE
    assert found.applied == len(GOOD.changes)
    assert found.problems == ()
    assert found.leftovers == ("/etc/labr.conf.rpmnew",)


@both
def test_a_failed_post_script_is_no_success_whatever_the_status(case: Path) -> None:
    """dnf 4 says "Complete!" and ends with 0, dnf 5 with 1 for what rpm calls non-critical."""
    found = outcome(case, "apply-post", "after-post", up("labr-post", "labr-lua"))
    assert found.exit_status == (0 if case == DNF_4 else 1)
    assert found.stage is Stage.FAILED
    assert {each.name: each.outcome for each in found.results} == dict.fromkeys(
        ("labr-post", "labr-lua"), "half-configured"
    )
    assert set(found.problems) == {"labr-post: its %post scriptlet failed", "labr-lua: its %post scriptlet failed"}


@both
def test_a_refused_package_fails_and_the_other_is_applied(case: Path) -> None:
    found = outcome(case, "apply-pre", "after-pre", up("labr-pre", "labr-lib"))
    assert found.stage is Stage.PARTIAL
    assert {each.name: each.outcome for each in found.results} == {"labr-pre": "failed", "labr-lib": "applied"}
    assert any("rpm did not install it" in each for each in found.problems)


@both
def test_a_skipped_package_is_no_success_although_the_status_is_0(case: Path) -> None:
    found = outcome(case, "apply-skip", "rpm-qa", up("labr-needy"))
    assert found.exit_status == 0
    assert found.stage is Stage.FAILED
    assert found.results[0].outcome == "failed"
    assert "nothing provides labr-nothere" in found.results[0].reason


@both
def test_nothing_to_do_with_everything_there_is_done(case: Path) -> None:
    assert outcome(case, "apply-nothing", "after-good", up("labr-app")).stage is Stage.DONE


@both
def test_nothing_to_do_with_nothing_there_is_told(case: Path) -> None:
    found = outcome(case, "apply-nothing", "rpm-qa", up("labr-app"))
    assert found.stage is Stage.FAILED
    assert found.problems == ("1 of 1 planned changes did not happen, although dnf reported success",)


@both
def test_a_killed_run_is_half_there_and_can_be_repaired(case: Path) -> None:
    found = outcome(case, "apply-killed", "after-killed", up("labr-slow", "labr-app", "labr-lib"))
    assert {each.name: each.outcome for each in found.results}["labr-slow"] == "half-configured"
    assert found.repairs == ("dnf-duplicates",)
    assert "dnf-duplicates" in {each.id for each in Dnf().repairs()}
    assert "two versions are recorded" in found.problems[0]


@both
def test_after_the_repair_all_is_whole(case: Path) -> None:
    found = outcome(case, "repair-duplicates", "after-repair", up("labr-slow"))
    assert found.results[0].outcome == "applied"


@both
def test_a_missing_signature_is_named(case: Path) -> None:
    found = outcome(case, "apply-gpg", "rpm-qa", up("labr-app"))
    assert found.stage is Stage.FAILED
    assert any("OpenPGP" in each for each in found.problems)


@both
def test_a_damaged_mirror_offers_new_lists(case: Path) -> None:
    assert "dnf-clean-lists" in outcome(case, "apply-file-gone", "rpm-qa", up("labr-app")).repairs


@both
def test_the_way_back_is_judged_like_the_way_there(case: Path) -> None:
    back = HostPlan(
        host="gpu01",
        manager="dnf",
        changes=(
            Change(name="labr-app", kind="downgrade", installed="1.1-1.el9", candidate="1.0-1.el9"),
            Change(name="kernel", kind="remove", installed="1.1-1.el9"),
        ),
    )
    assert outcome(case, "undo-apply", "after-undo", back).stage is Stage.DONE


@both
def test_an_unknown_end_with_missing_packages_says_so(case: Path) -> None:
    found = Dnf().outcome(host(case), up("labr-app"), None, "", "")
    assert found.problems == ("how it ended is not known: it was killed, or the host went down",)


@both
def test_progress_counts_the_planned_packages(case: Path) -> None:
    done, current, _ = Dnf().progress(GOOD, "", text(case, "apply-good"))
    assert (done, current) == (len(GOOD.changes), "")


@both
def test_progress_never_goes_back_and_never_beyond(case: Path) -> None:
    lines = text(case, "apply-good").splitlines(keepends=True)
    counts = [Dnf().progress(GOOD, "", "".join(lines[:end]))[0] for end in range(len(lines) + 1)]
    assert counts == sorted(counts)
    assert counts[0] == 0
    assert counts[-1] == len(GOOD.changes)
    assert len(set(counts)) > 3  # it really moves


def test_dnf_4_tells_what_it_is_at() -> None:
    done, current, _ = Dnf().progress(up("labr-slow", "labr-app"), "", text(DNF_4, "apply-killed"))
    assert (done, current) == (0, "labr-slow")


def test_a_download_is_measured_in_packages() -> None:
    def percent(lines: str) -> float | None:
        return Dnf().progress(up("a"), "", lines)[2]

    assert percent("(1/4): a-1.rpm  1.0 MB/s | 6 kB 00:00\n") == 25.0
    assert percent("[1/4] a-0:1.1-1.noarch 100% | 3.1 MiB/s | 6.3 KiB | 00m00s\n") == 25.0
    assert percent("") is None


@both
def test_whoever_waits_names_the_holder(case: Path) -> None:
    found = Dnf().holder(text(case, "lock-wait"))
    assert found is not None
    assert found.pid


@both
def test_a_holder_of_the_past_is_none(case: Path) -> None:
    waited = text(case, "lock-wait") + "Transaction check succeeded.\n" + "Running transaction\n"
    assert Dnf().holder(waited) is None
    assert Dnf().holder(text(case, "apply-good")) is None


def test_a_refused_lock_names_program_and_process() -> None:
    found = Dnf().holder("RPMDB already locked by 16409\n  The application with PID 16409 is: dnf\n")
    assert found is not None
    assert (found.pid, found.command) == (16409, "dnf")


@both
def test_the_holder_is_read_from_the_kernel_as_well(case: Path) -> None:
    locks = captured(case, "proc-locks").stdout.decode()
    inode, pid = _writer(locks)
    table = said(f"inode {inode}\n{locks}")
    asked = host(case, {"sh /var/lib/rpm/.rpm.lock": table})
    asked.answers["ps"] = said("   77 dnf\n")
    found = dnf_lock.read(asked, 1000.0)
    assert found is not None
    assert (found.pid, found.command, found.since) == (pid, "dnf", 923.0)


@both
def test_a_refresh_with_every_mirror_is_good(case: Path) -> None:
    assert Dnf().judge_refresh(captured(case, "makecache")) == ()


@both
@pytest.mark.parametrize("name", ["dead-makecache", "dead-makecache-strict"])
def test_a_dead_mirror_is_told_also_with_status_0(case: Path, name: str) -> None:
    found = Dnf().judge_refresh(captured(case, name))
    assert len(found) == 1
    assert found[0].startswith("repository dead cannot be read: ")


@given(st.text(max_size=300), st.integers(0, 255) | st.none())
def test_any_text_is_judged(output: str, status: int | None) -> None:
    assert isinstance(dnf_output.troubles(output), tuple)
    assert isinstance(dnf_output.scriptlets(output), dict)
    assert isinstance(dnf_output.saved(output), tuple)
    assert isinstance(dnf_refresh.judge(output, status), tuple)
    dnf_lock.from_text(output)
    done, _, percent = dnf_progress.measure(up("a"), output)
    assert 0 <= done <= 1
    assert percent is None or 0 <= percent <= 100


def test_holding_is_locking_the_version() -> None:
    assert Dnf().hold_argv(["kernel", "nvidia-driver"], True)[-4:] == ("versionlock", "add", "kernel", "nvidia-driver")
    assert Dnf().hold_argv(["kernel"], False)[-2:] == ("delete", "kernel")


def _writer(locks: str) -> tuple[str, int]:
    """Inode and process of a write lock by a known process."""
    rows = [line.split() for line in locks.splitlines()]
    row = next(row for row in rows if row[1] == "POSIX" and row[3] == "WRITE" and int(row[4]) > 0)
    return row[5].split(":")[2], int(row[4])
