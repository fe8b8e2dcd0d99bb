"""Updates in words, as the console and the subcommands share them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from backends.updates import pivots
from backends.updates.model import Change, Stage
from swarm_tui.present import update_text as text
from tests.unit.present.update_data import (
    AWAY,
    DRIVER,
    ENTRY,
    FAILED,
    KERNEL,
    LIBC,
    LOCKED,
    NEEDY,
    PHASED,
    board,
    change,
    ended,
    host_plan,
    plan,
    running,
)


@pytest.mark.parametrize(
    ("given_", "said"),
    [
        (LIBC, "2.36-9+deb12u9 → 2.36-9+deb12u10"),
        (KERNEL, "new 6.8.0-49.49"),
        (change("x", "1", "", kind="remove"), "1 removed"),
    ],
)
def test_versions_say_what_happens(given_: Change, said: str) -> None:
    assert text.versions(given_) == said


def test_marks_tell_security_from_unknown_security() -> None:
    assert text.marks(LIBC) == "security, CVE-2026-1 CVE-2026-2"
    assert text.marks(change("x", security=None)) == "security unknown"
    assert text.marks(change("x")) == ""


def test_a_held_package_is_not_said_to_be_kept_back_as_well() -> None:
    assert text.marks(DRIVER) == "held"
    assert text.marks(PHASED) == "kept back: phased (20% of hosts so far)"


def test_what_is_not_known_is_never_a_number() -> None:
    assert (text.count(None), text.count(0), text.reboot(None)) == ("?", "0", "reboot unknown")


def test_a_host_in_words_is_its_problems_with_the_next_step_then_its_needs() -> None:
    assert text.host_words(pivots.summary(AWAY)) == "not connected: timeout · R on the Fleet screen tries again"
    assert text.host_words(pivots.summary(NEEDY)) == (
        "openssh-server is half-configured · reboot needed · 2 services run old code"
    )


def test_a_plan_reads_hosts_changes_warnings_and_who_cannot_be_planned() -> None:
    lines = text.plan_lines(plan())
    assert lines[0].endswith("by anna")
    assert "dgx[1-2] (2): 2 changes, 2.0M to fetch, reboot" in lines
    assert any(line.startswith("  libc6") and "CVE-2026-1" in line for line in lines)
    assert "  ! the package lists are 19d old: refresh them first" in lines
    assert "web1: nothing to do" in lines
    assert lines[-1] == "dgx4: cannot be planned: openssh-server is half-configured"


def test_what_is_left_out_says_why() -> None:
    lines = text.left_out_lines(host_plan("a", left_out=(DRIVER, change("x"))))
    assert lines[0].endswith("[held]")
    assert lines[1].endswith("[not selected]")


def test_progress_counts_packages_and_names_who_holds_the_lock() -> None:
    assert text.progress_words(running("a")) == "applying  1 of 4  libc6"
    assert text.progress_words(LOCKED) == "waiting for lock  lock held by unattended-upgr (2217)"
    fetching = running("a", Stage.PREFETCHING, download_percent=71.4, current="")
    assert text.progress_words(fetching) == "prefetching  71%"


def test_an_outcome_tells_what_was_applied_and_everything_that_was_not() -> None:
    assert FAILED.outcome is not None
    lines = text.outcome_lines(FAILED.outcome)
    assert lines[0] == "partial: 1 of 2 applied — openssh-server: the post-installation script failed"
    assert "half-configured" in lines[1]
    assert lines[2:] == [
        "  kept, look at: /etc/ssh/sshd_config.dpkg-dist",
        "  repair offered: apt-configure",
    ]


def test_a_run_in_one_line_counts_what_is_left() -> None:
    assert text.board_words(board()).endswith("by anna: 1 done, 1 not, 3 to go")
    assert text.board_words(board(ended("a"))).endswith(": 1 done")


def test_a_transaction_says_who_and_whether_it_failed() -> None:
    assert text.entry_words(ENTRY).endswith("by anna (1000)")
    assert text.entry_words(replace(ENTRY, ok=False, error="dpkg returned 1")).endswith("FAILED: dpkg returned 1")
    many = replace(ENTRY, changes=(LIBC,) * 9)
    assert "+6" in text.entry_words(many)


@given(st.lists(st.text(max_size=12), max_size=9), st.integers(0, 5))
@settings(max_examples=50)
def test_some_names_and_how_many_more(names: list[str], most: int) -> None:
    said = text.some(names, most)
    assert said.endswith(f" +{len(names) - most}") is (len(names) > most)
