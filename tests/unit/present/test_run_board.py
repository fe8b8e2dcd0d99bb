"""The board of a run: one row a host in lanes, what needs a person first, readable at 80 columns."""

from __future__ import annotations

from typing import Any

import pytest

from backends.maintenance.model import Stage, StepKind
from swarm_tui.glyphs import ASCII, UNICODE
from swarm_tui.present import run_board
from swarm_tui.present.line import plain, width
from swarm_tui.present.run_board import Scene
from swarm_tui.present.run_text import SHORT
from tests.unit.present.run_data import HOSTS, LOOKS, NOW, many, over, plan


def scene(cells: int = 80, **given: Any) -> Scene:
    fields: dict[str, Any] = {"plan": plan(), "hosts": HOSTS, "looks": LOOKS, "batch": 1, "now": NOW}
    return Scene(**(fields | {"width": cells, "glyphs": UNICODE} | given))


def texts(shown: Scene) -> list[str]:
    return [plain(row.text).rstrip() for row in run_board.rows(shown)]


def row_of(shown: Scene, name: str) -> str:
    return next(plain(row.text) for row in run_board.rows(shown) if row.hosts == (name,))


def test_lanes_are_the_batches_with_the_canaries_first() -> None:
    titles = [text.split("  ")[0] for text in texts(scene()) if "host" in text]
    assert titles == ["Canaries", "Batch 2", "Batch 3"]


def test_every_kind_of_step_has_a_column() -> None:
    assert set(SHORT) == set(StepKind) and len(set(SHORT.values())) == len(SHORT)


def test_a_lane_counts_its_hosts_by_where_they_stand_and_says_when_it_did_not_begin() -> None:
    text = "\n".join(texts(scene()))
    assert "2 hosts: 1 FAILED, 1 in work" in text
    assert "2 hosts: 1 asks you, 1 queued  not yet" in text


def test_what_needs_a_person_is_first_in_its_lane_whatever_the_order_of_the_plan() -> None:
    keys = [row.hosts[0] for row in run_board.rows(scene(hosts={**HOSTS, "gpu02": over("gpu02")})) if row.hosts]
    assert keys == ["gpu01", "gpu03", "gpu02", "gpu04", "gpu05"]


def test_a_host_in_work_tells_state_share_time_and_sentence() -> None:
    text = row_of(scene(), "gpu03")
    assert "applying" in text
    assert "70%" in text
    assert "1m35s" in text
    assert "12 of 17 libc6" in text


def test_steps_have_a_glyph_each_that_tells_them_apart_without_colour() -> None:
    assert "●●◐···" in row_of(scene(), "gpu03")
    assert "●●●●✖·" in row_of(scene(), "gpu02")
    assert "?·····" in row_of(scene(), "gpu04")
    assert "●●●●●●" in row_of(scene(), "gpu01")


def test_a_failed_host_names_its_step_and_the_reason() -> None:
    assert "check: 7 of 8 GPUs came" in row_of(scene(), "gpu02")


def test_a_wide_terminal_names_the_steps_and_a_narrow_one_their_first_letters() -> None:
    assert "DSURCR" in plain(run_board.head(scene(80)))
    wide = plain(run_board.head(scene(140)))
    assert all(name in wide for name in ("drain", "snap", "update", "reboot?", "check", "resume"))


@pytest.mark.parametrize("cells", [60, 80, 100, 140, 220])
def test_no_row_is_wider_than_its_room(cells: int) -> None:
    shown = scene(cells)
    assert all(width(row.text) <= cells for row in run_board.rows(shown))
    assert width(run_board.head(shown)) <= cells


def test_the_titles_stand_above_their_columns() -> None:
    for cells in (80, 140):
        shown = scene(cells)
        head, row = plain(run_board.head(shown)), row_of(shown, "gpu03")
        assert head.index("state") == row.index("applying")
        assert head.index("done") + 4 == row.index("70%") + 3


def test_a_lane_of_many_quiet_hosts_is_one_line_until_it_is_opened() -> None:
    shown, hosts = many(200)
    closed = run_board.rows(scene(plan=shown, hosts=hosts, looks={}, batch=0))
    assert len(closed) == 1
    assert closed[0].key == ("lane", 0)
    assert "Enter shows n[000-199]" in plain(closed[0].text)
    opened = run_board.rows(scene(plan=shown, hosts=hosts, looks={}, batch=0, open_lanes=frozenset({0})))
    assert len(opened) == 201


def test_what_needs_a_person_is_never_folded_away() -> None:
    shown, hosts = many(200)
    hosts["n111"] = over("n111", stage=Stage.FAILED)
    rows = run_board.rows(scene(plan=shown, hosts=hosts, looks={}, batch=0))
    assert [row.hosts for row in rows[1:]] == [("n111",)]


def test_the_next_that_needs_a_person_goes_by_the_order_of_the_board() -> None:
    assert run_board.attention(scene()) == ["gpu02", "gpu04"]


def test_all_about_a_host_has_the_reason_the_hint_and_each_step_newest_first() -> None:
    lines = [plain(line) for line in run_board.about(scene(), "gpu02", 100)]
    assert lines[0].startswith("gpu02  8×H100 · Debian 12  in rack1")
    assert lines[1] == "check: 7 of 8 GPUs came back"
    assert lines[2] == "→ look at the missing one: dmesg | grep Xid"
    assert "reboot-if-needed" in lines[3]
    assert run_board.about(scene(), "nobody", 100) == []


def test_facts_of_a_step_are_shown_with_how_much_more_there_is() -> None:
    lines = [plain(line) for line in run_board.about(scene(), "gpu01", 100)]
    assert "    packages: 17 packages" in lines


def test_the_copy_has_a_line_a_host() -> None:
    assert run_board.plain_lines(scene())[1] == "gpu02: FAILED  check: 7 of 8 GPUs came back"


def test_plain_glyphs_only_where_nothing_else_can_be_drawn() -> None:
    shown = scene(glyphs=ASCII)
    assert "++~..." in row_of(shown, "gpu03")
