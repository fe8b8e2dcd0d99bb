"""Changes and plans in lines: nothing that an operator must know before approving is lost at 80 columns."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from rich.cells import cell_len

from backends.updates.model import Change
from swarm_tui.present.line import plain, width
from swarm_tui.present.update_changes import (
    caution_lines,
    change_lines,
    command_lines,
    flag,
    plan_rows,
    question,
    versions,
)
from tests.unit.present.update_data import (
    DIRTY,
    DRIVER,
    KERNEL,
    LIBC,
    OLD_LISTS,
    PHASED,
    SSH,
    VIM,
    change,
    host_plan,
    plan,
)


@pytest.mark.parametrize(
    ("given_", "cells", "said"),
    [
        (SSH, 60, "1:9.6p1-3ubuntu13.5 → 1:9.6p1-3ubuntu13.8"),
        (SSH, 30, "1:9.6p1-3ubuntu13.5 → …13.8"),
        (change("a", "2.39-0ubuntu8.3", "2.39-0ubuntu8.4"), 28, "2.39-0ubuntu8.3 → …8.4"),
        (change("a", "3.2.7-1ubuntu1", "3.2.7-1ubuntu1.1"), 28, "3.2.7-1ubuntu1 → …1.1"),
        (change("a", "3.0.14-1~deb12u2", "3.0.15-1~deb12u1"), 30, "3.0.14 → 3.0.15"),
        (change("a", "550.90.07-0ubuntu0.24.04.1", "550.127.05-0ubuntu0.24.04.1"), 40, "550.90.07 → 550.127.05"),
        (KERNEL, 5, "new 6.8.0-49.49"),
    ],
)
def test_versions_are_shortened_where_they_are_equal_never_where_they_differ(
    given_: Change, cells: int, said: str
) -> None:
    assert versions(given_, cells) == said


@given(st.text(min_size=1, max_size=30), st.text(min_size=1, max_size=30))
@settings(max_examples=100)
def test_a_shortened_version_is_the_end_of_the_new_one(old: str, new: str) -> None:
    said = versions(change("a", old, new), 0)
    end = said.rpartition("→ ")[2].removeprefix("…")
    assert new.endswith(end) or new.partition(":")[2].startswith(end) or new.startswith(end)


@pytest.mark.parametrize(
    ("given_", "letter"), [(LIBC, "S"), (VIM, " "), (change("x", security=None), "?"), (DRIVER, "H"), (PHASED, "K")]
)
def test_one_letter_says_what_matters_most(given_: Change, letter: str) -> None:
    assert flag(given_).text == letter


def test_on_a_narrow_terminal_words_give_way_whole_except_why_something_stays() -> None:
    narrow = [plain(row) for row in change_lines((SSH, PHASED), 66)]
    assert narrow[0] == "  S openssh-server 1:9.6p1-3ubuntu13.5 → 1:9.6p1-3ubuntu13.8"
    assert "phased" in narrow[1]
    assert "CVE-2026-3  access" in plain(change_lines((SSH,), 140)[0])


def test_what_blocks_comes_first_with_its_cure() -> None:
    rows = [plain(row) for row in caution_lines((OLD_LISTS, DIRTY), 100)]
    assert rows[0] == "✖ blocks: openssh-server is half-configured (repair: apt-configure)"
    assert rows[1].startswith("▲ the package lists are 19d old")


def test_a_plan_shows_every_fact_of_the_contract() -> None:
    shown = "\n".join(plain(row) for row in plan_rows(plan(), 79))
    for words in (
        "by anna",
        "dgx4 is not part of it: openssh-server is half-configured",
        "dgx[1-2]  2 hosts, 2 changes, 2.0M to fetch each, reboot",
        "closes CVE-2026-1, CVE-2026-2",
        "reboot for linux-image-6.8.0-49-generic (kernel)",
        "left out",
        "nvidia-driver-550-server",
        "the package lists are 19d old",
        "$ env LC_ALL=C.UTF-8 apt-get -y install libc6=2.36-9+deb12u10",
        "nothing to do on web1",
    ):
        assert words in shown


def test_the_last_question_names_hosts_reboot_command_hash_and_who_stays_out() -> None:
    made = plan()
    shown = "\n".join(plain(row) for row in question(made, 70))
    for words in ("dgx[1-2]: 2 hosts", "reboot", "$ env LC_ALL", "not part of it: dgx4", made.hash[:12]):
        assert words in shown


def test_a_long_command_is_cut_by_lines_and_says_so() -> None:
    long = host_plan("a", *(change(f"package-{number}") for number in range(60)))
    rows = command_lines(long, 60, 4)
    assert len(rows) == 4
    assert "more lines, all in the plan" in plain(rows[-1])
    assert len(command_lines(long, 60)) > 20


def test_a_command_is_quoted_as_a_shell_would_need_it() -> None:
    odd = replace(host_plan("a", VIM), command=("apt-get", "install", "a b;rm=1"))
    assert "'a b;rm=1'" in plain(command_lines(odd, 79)[0])


@given(st.text(max_size=80), st.text(max_size=80), st.text(max_size=200), st.integers(30, 200))
@settings(max_examples=80, deadline=None)
def test_nothing_that_a_host_writes_makes_a_line_too_long(name: str, version: str, said: str, cells: int) -> None:
    odd = change(name, version, said[:40], security=True, cves=(said,), kept_back=said)
    made = plan(
        host_plan(
            "a", odd, left_out=(odd,), warnings=(replace(DIRTY, text=said),), reboot=True, reboot_reasons=(said,)
        ),
        host_plan("b", error=said),
    )
    for row in (*plan_rows(made, cells), *question(made, cells), *change_lines((odd, LIBC), cells)):
        assert width(row) <= cells
    assert all(cell_len(plain(row)) <= cells for row in caution_lines((replace(DIRTY, text=said),), cells))
