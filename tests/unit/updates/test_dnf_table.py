"""dnf's transaction table says what would change, what is left out and why; its status says nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.updates.dnf_table import Simulation, parse
from tests.unit.updates.captured_host import OUTPUTS, captured

CASES = [OUTPUTS / "dnf" / name for name in ("debian12-dnf4.14", "sid-dnf5.4")]
LONG = "labr-a-package-with-a-name-that-is-longer-than-any-column-of-a-table-could-hold"
pytestmark = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def simulation(case: Path, name: str) -> Simulation:
    found = captured(case, name)
    return parse(found.stdout.decode(), found.stderr.decode())


def test_everything_that_dnf_would_do_is_read(case: Path) -> None:
    found = simulation(case, "simulate-all")
    assert {row.name: row.kind for row in found.rows} == {
        **dict.fromkeys(("kernel", "labr-new", "labr-pulled"), "install"),
        **dict.fromkeys(("glibc", LONG, "labr-app", "labr-conf", "labr-hold", "labr-lib", "labr-lua"), "upgrade"),
        **dict.fromkeys(("labr-post", "labr-pre", "labr-puller", "labr-slow", "nvidia-driver"), "upgrade"),
    }
    assert next(row.version for row in found.rows if row.name == "nvidia-driver") == "3:560.35.03-1.el9"
    assert {row.name: row.replaces for row in found.rows if row.replaces} == {"labr-new": ("labr-old",)}
    assert found.understood
    assert found.errors == ()


def test_what_is_left_out_says_why(case: Path) -> None:
    found = simulation(case, "simulate-all")
    assert [row.name for row in found.skipped] == ["labr-needy"]
    assert "nothing provides labr-nothere >= 9" in found.reason("labr-needy")


def test_with_best_the_same_is_a_refusal(case: Path) -> None:
    found = simulation(case, "simulate-needy")
    assert found.rows == ()
    assert "labr-needy-1.1-1.el9" in found.problems[0]
    assert not found.understood


def test_a_vanished_version_is_told(case: Path) -> None:
    assert simulation(case, "simulate-vanished").missing == ("labr-app-0:9.9-1.el9.noarch",)


def test_without_lists_nothing_to_do_is_no_news(case: Path) -> None:
    found = simulation(case, "no-cache-simulate")
    assert found.rows == ()
    assert found.understood  # which is why the inventory asks for the lists themselves


def test_a_missing_repository_is_an_error(case: Path) -> None:
    assert any("no cache for" in each for each in simulation(case, "dead-simulate").errors)


def test_an_undo_goes_down_and_away(case: Path) -> None:
    kinds = {row.name: row.kind for row in simulation(case, "undo-simulate").rows}
    assert kinds["labr-app"] == kinds["nvidia-driver"] == "downgrade"
    assert kinds["kernel"] == kinds["labr-new"] == kinds["labr-pulled"] == "remove"
    assert kinds["labr-old"] == "install"


@given(st.data())
def test_any_text_is_read(case: Path, data: st.DataObject) -> None:
    line = st.sampled_from(
        ["Upgrading:", "Installing:", " a x86_64 1-1 r 5 k", "   replacing b", "  more", "Problem 1: x", "  - y"]
    )
    text = "\n".join(data.draw(st.lists(st.one_of(line, st.text(max_size=30)), max_size=12)))
    found = parse(text, text)
    assert all(row.name and row.version for row in found.rows)


@given(st.data())
def test_a_cut_table_never_invents_a_package(case: Path, data: st.DataObject) -> None:
    text = captured(case, "simulate-all").stdout.decode()
    whole = {row.name for row in parse(text, "").rows}
    cut = text[: data.draw(st.integers(0, len(text)))]
    assert {row.name for row in parse(cut, "").rows} <= whole | {"labr-needy"}
