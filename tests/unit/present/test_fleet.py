"""What is said around the list: everything that hides hosts is named, and an empty list says what helps."""

from __future__ import annotations

import pytest

from backends.engine.wire import FleetSummary
from backends.states import HostState
from swarm_tui.glyphs import UNICODE
from swarm_tui.present import columns, fleet
from swarm_tui.present.line import plain
from swarm_tui.present.order import Sort
from tests.unit.present.fleet_rows import away, cell, gpu_row, row


def chips(**values: object) -> str:
    given: dict[str, object] = {"sort": Sort(), "filter_text": "", "problems": False, "marks": 0, "hidden": 0}
    return plain(fleet.chips(**(given | values), glyphs=UNICODE))  # type: ignore[arg-type]


def test_chips_say_everything_that_shapes_the_list() -> None:
    assert chips() == "worst first"
    assert chips(sort=Sort("cpu", False)) == "by CPU% ▴"
    assert chips(sort=Sort(descending=False)) == "by worst ▴"
    assert chips(problems=True, filter_text="gpu>80", marks=3, hidden=2) == (
        "worst first  ·  ! problems only  ·  / gpu>80  ·  ◆ 3 marked (2 hidden)"
    )


def test_the_place_in_the_list_counts_what_is_hidden() -> None:
    assert plain(fleet.place(0, 40, 40)) == "1/40"
    assert plain(fleet.place(2, 12, 40)) == "3/12 of 40"
    assert plain(fleet.place(0, 0, 40)) == "0 of 40"


def test_what_a_second_key_may_be() -> None:
    shown = [column for column in columns.COLUMNS if column.id in ("host", "gpus", "cpu")]
    assert plain(fleet.sort_choices(shown)) == "sort by n HOST  c CPU%  "
    assert plain(fleet.copy_choices(1)).startswith("copy h host")
    assert plain(fleet.copy_choices(7)).startswith("copy of 7 hosts: h host")
    assert plain(fleet.range_hint(3)) == "range of 3 v marks it  Esc forgets it"


def test_letters_of_the_columns_are_their_own() -> None:
    letters = [column.letter for column in columns.COLUMNS if column.letter]
    assert len(set(letters)) == len(letters)


def test_a_dialog_names_hosts_and_counts_the_rest() -> None:
    names = [f"n{number}" for number in range(20)]
    said = [plain(line) for line in fleet.named(names)]
    assert said[:2] == ["  n0", "  n1"]
    assert said[-1] == "  and 8 more"
    assert len(fleet.named(names[:12])) == 12


def test_a_row_as_text_does_not_say_its_state_twice() -> None:
    assert fleet.row_text(away("a", HostState.UNREACHABLE, "timeout", worst="unreachable")) == "a  unreachable  timeout"
    assert fleet.row_text(row("b", worst="disk full")) == "b  up  disk full"


def test_totals_leave_out_what_is_not_known() -> None:
    assert plain(fleet.totals(FleetSummary())) == ""
    assert plain(fleet.totals(FleetSummary(gpus=8))) == "8 GPUs"
    assert plain(fleet.totals(FleetSummary(gpus=8, gpu_percent=49.6, gpu_power_watts=5200.0))) == "8 GPUs 50% 5.2kW"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ((9, "gpu>80", False, True, "", ""), "0 of 9 hosts match gpu>80 — Esc shows all"),
        ((9, "", True, True, "", ""), "0 of 9 hosts have a problem — Esc shows all"),
        ((0, "gpu>80", False, True, "", ""), "No hosts are configured."),
        ((0, "", False, False, "", ""), "starting the engine…"),
        ((0, "", False, False, "no engine answers", ""), "no engine answers"),
        ((0, "", False, True, "", "hosts.a.port: got 0"), "The configuration cannot be used: hosts.a.port: got 0"),
    ],
)
def test_an_empty_list_says_why(values: tuple[int, str, bool, bool, str, str], said: str) -> None:
    assert plain(fleet.empty(*values)[0]).strip() == said


def test_the_heat_strip_is_as_wide_as_the_largest_host_up_to_sixteen() -> None:
    assert fleet.gpu_cells([]) == 0
    assert fleet.gpu_cells([row("a"), gpu_row("b", cell(), cell())]) == 2
    assert fleet.gpu_cells([gpu_row("a", *(cell(),) * 40)]) == 16
