"""The board of a run: how far it is, what needs a person first, and the truth about each host."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.updates.model import Stage
from backends.updates.runs import BoardHost
from swarm_tui.glyphs import ASCII, UNICODE
from swarm_tui.present.line import plain, width
from swarm_tui.present.update_board import board_row, head, ordered, result_lines
from tests.unit.present.update_data import FAILED, LOCKED, NOW, board, ended, running


def row(host: BoardHost, cells: int = 139) -> str:
    return plain(board_row(host, cells, UNICODE).text)


def test_what_needs_a_person_stands_above_what_goes_on_and_what_is_over() -> None:
    assert [host.host for host in ordered(board())] == ["dgx4", "dgx3", "dgx2", "dgx5", "dgx1"]


def test_the_head_counts_hosts_and_shares_packages() -> None:
    first, titles = head(board(), NOW, 139, UNICODE)
    assert plain(first).split()[1:] == ["25%", "1", "done", "1", "partial", "3", "to", "go", "for", "1m"]
    assert plain(titles).split() == ["host", "stage", "packages", "what"]


def test_a_finished_run_says_how_long_it_took_whenever_one_looks() -> None:
    assert plain(head(board(ended("a")), NOW + 9e6, 139, UNICODE)[0]).endswith("took 1m")


@pytest.mark.parametrize(
    ("host", "said"),
    [
        (running("a"), ["a", "applying", "1/4", "libc6"]),
        (running("a", Stage.PREFETCHING, done=0, current="", download_percent=42.0), ["a", "fetching", "42%", "0/4"]),
        (running("a", Stage.DETACHED, text="not connected; the host goes on by itself"), ["a", "detached", "1/4"]),
        (LOCKED, ["dgx3", "waits", "for", "lock", "0/4", "unattended-upgr", "(2217)", "has", "it"]),
        (ended("a"), ["a", "done", "2/2"]),
        (FAILED, ["dgx4", "partial", "1/2", "openssh-server:", "the", "post-installation", "script", "failed"]),
    ],
)
def test_a_row_says_stage_count_and_what_it_works_on(host: BoardHost, said: list[str]) -> None:
    words = [word for word in row(host).split() if not set(word) & set("━─·╸")]
    assert words[: len(said)] == said


def test_no_bar_is_drawn_for_what_cannot_be_counted_yet() -> None:
    assert "━" not in row(running("a", Stage.CHECKING, done=0))
    assert "·" in row(running("a", Stage.QUEUED, done=0))
    assert "━" in row(running("a"))


def test_below_the_list_stands_everything_about_a_host() -> None:
    shown = "\n".join(plain(line) for line in result_lines(FAILED, 79))
    for words in ("1 of 2 applied", "half-configured", "sshd_config.dpkg-dist", "repair offered: apt-configure"):
        assert words in shown
    assert "lock held by unattended-upgr" in " ".join(plain(line) for line in result_lines(LOCKED, 79))


@given(st.text(max_size=80), st.text(max_size=200), st.integers(40, 200), st.sampled_from(Stage))
@settings(max_examples=80, deadline=None)
def test_any_host_at_any_width(name: str, said: str, cells: int, stage: Stage) -> None:
    hosts = (running(name, stage, current=said, text=said), ended(name, stage, problems=(said,), leftovers=(said,)))
    for host in hosts:
        for glyphs in (UNICODE, ASCII):
            assert width(board_row(host, cells, glyphs).text) <= cells
        assert all(width(line) <= cells for line in result_lines(host, cells))
    assert all(width(line) <= cells for line in head(board(*hosts), NOW, cells, UNICODE))
