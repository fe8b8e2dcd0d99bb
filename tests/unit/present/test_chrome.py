"""The frame: whose fleet, how it is, where one is, and which keys help, at every width."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarm_tui import keymap
from swarm_tui.glyphs import UNICODE, Glyphs
from swarm_tui.keymap import Key, Keymap
from swarm_tui.present import chrome
from swarm_tui.present.chrome import HeaderState
from swarm_tui.present.line import plain, width
from tests.unit.present.any_row import glyph_sets

BAD_DAY = HeaderState(
    fleet_name="frankfurt", user="anna", connected=True, up=200, total=214, critical=5, warning=12, unknown=3,
    clock="08:00", age_seconds=0.4,
)  # fmt: skip


def lines(state: HeaderState, cells: int, mode: str = "fleet", crumbs: tuple[str, ...] = ()) -> list[str]:
    return [plain(line) for line in chrome.header(state, mode, crumbs, cells, UNICODE)]


def test_a_wide_header_says_everything() -> None:
    first, second = lines(BAD_DAY, 120)
    assert first.startswith(" swarm frankfurt  anna ")
    assert first.endswith("200/214 up  ✖ 5 critical  ▲ 12 warning  ? 3 unknown  every 1s  08:00 ")
    assert second.split() == ["1", "Fleet", "2", "Alerts", "3", "Updates", "4", "Backups", "5", "Runs", "6", "Events"]


def test_the_user_goes_first_then_the_words_and_never_a_badge() -> None:
    assert "anna" not in lines(BAD_DAY, 90)[0]
    assert "✖ 5 critical" in lines(BAD_DAY, 90)[0]
    state = BAD_DAY._replace(read_only=True, label="DEMO")
    narrow = lines(state, 80)[0]
    assert " DEMO " in narrow
    assert " READ-ONLY " in narrow
    assert "✖ 5  ▲ 12  ? 3" in narrow
    assert " READ-ONLY " in lines(BAD_DAY._replace(read_only=True), 60)[0]


def test_all_is_well_only_when_every_host_is_known_to_be() -> None:
    well = HeaderState(up=2, total=2)
    assert "● all ok" in lines(well, 100)[0]
    assert "all ok" not in lines(well._replace(unknown=1), 100)[0]
    firing = lines(well._replace(alerts=2), 100)[0]
    assert "all ok" not in firing and "2 alerts" in firing
    assert "all ok" not in lines(HeaderState(), 100)[0]


@pytest.mark.parametrize(
    ("age", "interval", "said", "role"),
    [
        (None, 1.0, "no data yet", "dim"),
        (0.5, 1.0, "every 1s", "dim"),
        (3.0, 1.0, "every 1s", "dim"),
        (3.1, 1.0, "3s old", "warn"),
        (20.0, 10.0, "every 10s", "dim"),
        (25.1, 10.0, "25s old", "warn"),
        (0.1, 0.5, "every 0.5s", "dim"),
    ],
)
def test_the_age_is_told_when_it_no_longer_keeps_up(age: float | None, interval: float, said: str, role: str) -> None:
    assert chrome.poll_age(HeaderState(age_seconds=age, interval_seconds=interval)) == (said, role)


def test_the_place_is_told_where_the_mode_does_not_tell_it() -> None:
    assert lines(BAD_DAY, 100, crumbs=("fleet",))[1].strip().endswith("6 Events")
    assert lines(BAD_DAY, 100, crumbs=("fleet", "gpu7", "GPU"))[1].endswith("fleet › gpu7 › GPU ")


def tabs(cells: int) -> list[str]:
    """What is shown of the six modes, beside a place of 31 cells."""
    second = chrome.header(BAD_DAY, "fleet", ("fleet", "heat map", "utilisation"), cells, UNICODE)[1]
    return [text.strip() for text, role in second if role in ("tab", "tab-on", "faint") and text.strip() != "›"]


def test_tabs_give_way_to_the_place_but_never_the_present_one() -> None:
    named = [f"{number} {mode.capitalize()}" for number, mode in enumerate(chrome.MODES, start=1)]
    assert tabs(120) == named
    assert tabs(62) == ["1 Fleet", "2", "3", "4", "5", "6"]


def test_the_mode_that_one_is_in_is_marked_beyond_its_colour() -> None:
    roles = dict(chrome.header(BAD_DAY, "events", (), 100, UNICODE)[1])
    assert roles[" 6 Events "] == "tab-on"
    assert roles[" 1 Fleet "] == "tab"
    assert roles[" 2 Alerts "] == "tab"
    assert roles[" 5 Runs "] == "tab"


def test_how_many_alerts_fire_stands_behind_their_mode_however_narrow() -> None:
    busy = BAD_DAY._replace(alerts=7)
    assert " 2 Alerts 7  3 Updates" in lines(busy, 100)[1]
    assert " 2 7  3 " in lines(busy, 62, crumbs=("fleet", "heat map", "utilisation"))[1]
    assert "9999" in lines(BAD_DAY._replace(alerts=10**6), 100)[1]
    assert " 2 Alerts  3 Updates" in lines(BAD_DAY, 100)[1]


FOOTER = keymap.footer(keymap.for_scopes(("fleet", "list", "app")))


def entries(reason: str = "") -> list[tuple[Key, str]]:
    return [(key, reason) for key in FOOTER]


def test_the_footer_has_at_most_eight_keys_and_always_help_and_quit() -> None:
    assert len(FOOTER) == 8
    for cells in (60, 80, 200):
        text = plain(chrome.footer(entries(), Keymap(), cells))
        assert text.rstrip().endswith("? help  q quit")
        assert len(text.rstrip()) <= cells


def test_a_key_that_does_nothing_now_is_greyed_and_one_without_a_key_left_out() -> None:
    assert {role for _, role in chrome.footer(entries("read-only"), Keymap(), 80)} == {"text", "faint"}
    assert "filter" not in plain(chrome.footer(entries(), Keymap({"fleet.filter": ""}), 80))


def test_too_small_is_one_sentence_however_small() -> None:
    said = chrome.too_small(20, 5, 60, 16)
    assert "".join(plain(line) for line in said) == "This terminal is 20x5; swarm-tui needs 60x16."
    assert all(width(line) <= 20 for line in said)
    assert chrome.too_small(0, 0, 60, 16)


@given(
    st.builds(
        HeaderState,
        fleet_name=st.text(max_size=60),
        label=st.text(max_size=60),
        user=st.text(max_size=60),
        read_only=st.booleans(),
        up=st.integers(0, 10**6),
        total=st.integers(0, 10**6),
        critical=st.integers(0, 10**6),
        warning=st.integers(0, 10**6),
        unknown=st.integers(0, 10**6),
        clock=st.just("08:00"),
        age_seconds=st.none() | st.floats(0, 1e9),
    ),
    st.sampled_from(chrome.MODES),
    st.lists(st.text(max_size=30), max_size=4).map(tuple),
    st.integers(60, 250),
    glyph_sets,
)
@settings(max_examples=100)
def test_any_header_fills_its_lines_exactly(
    state: HeaderState, mode: str, crumbs: tuple[str, ...], cells: int, glyphs: Glyphs
) -> None:
    assert [width(line) for line in chrome.header(state, mode, crumbs, cells, glyphs)] == [cells, cells]


@given(st.text(max_size=200), st.integers(1, 200))
@settings(max_examples=50)
def test_a_banner_fills_its_line(text: str, cells: int) -> None:
    assert width(chrome.banner(text, "banner-bad", cells)) == cells
