"""States in words: every one has a glyph and a word, and what stands in place of numbers says why and what helps."""

from __future__ import annotations

import pytest

from backends.states import STATE_SEVERITY, HostState, Severity
from swarm_tui.glyphs import UNICODE
from swarm_tui.present import states
from swarm_tui.present.line import plain, width
from tests.unit.present.fleet_rows import NOW, away, row


@pytest.mark.parametrize("state", HostState)
def test_every_state_fits_its_column_in_its_longest_form(state: HostState) -> None:
    shown = states.state_cell(row("a", state, since=0.0, sample_time=0.0), 99 * 86400.0, UNICODE)
    assert width((shown,)) <= states.STATE_CELLS
    assert shown[1] == states.LOOKS[state].role


def test_no_state_that_is_not_up_looks_like_up() -> None:
    up = states.LOOKS[HostState.UP]
    for state, look in states.LOOKS.items():
        assert state is HostState.UP or (look.glyph != up.glyph and look.role != up.role)


def test_the_worse_the_state_the_stronger_its_role() -> None:
    roles = {Severity.OK: {"ok"}, Severity.UNKNOWN: {"dim"}, Severity.WARNING: {"warn"}, Severity.CRITICAL: {"bad"}}
    for state, look in states.LOOKS.items():
        assert look.role in roles[STATE_SEVERITY[state]]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0s"),
        (0.9, "0s"),
        (59.9, "59s"),
        (60, "1m"),
        (3599, "59m"),
        (3600, "1h"),
        (86399, "23h"),
        (86400 * 400, "400d"),
    ],
)
def test_ages_in_one_unit(seconds: float, text: str) -> None:
    assert states.coarse(seconds) == text


def test_stale_counts_from_the_last_sample_and_down_from_the_change() -> None:
    assert states.state_cell(row("a", HostState.STALE, sample_time=NOW - 9), NOW, UNICODE)[0] == "◐ stale 9s"
    assert states.state_cell(row("a", HostState.UNREACHABLE, since=NOW - 60), NOW, UNICODE)[0] == "✖ down 1m"


def test_in_place_of_numbers_stand_reason_retry_and_hint() -> None:
    host = away("a", HostState.AUTH_FAILED, "no key was accepted", "ssh-add", retry_at=NOW + 30)
    assert plain(states.message(host, NOW, UNICODE)) == "no key was accepted · retry 30s · ssh-add"
    assert plain(states.message(host, NOW + 30, UNICODE)) == "no key was accepted · retrying · ssh-add"
    assert plain(states.message(away("a", HostState.UNREACHABLE, ""), NOW, UNICODE)) == "no data yet"


def test_connecting_says_for_how_long() -> None:
    host = away("a", HostState.CONNECTING, "", since=NOW - 3)
    assert plain(states.message(host, NOW, UNICODE)) == "connecting… 3s"


def test_last_known_numbers_are_dimmed_and_missing_ones_replaced() -> None:
    assert states.is_dimmed(row("a", HostState.STALE))
    assert not states.is_silent(row("a", HostState.STALE))
    assert states.is_silent(row("a", HostState.UNREACHABLE))
    assert states.is_silent(row("a", sample_time=None))
    assert not states.is_silent(row("a", HostState.DRIVER_HUNG))
