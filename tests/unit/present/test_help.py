"""`?` and the README's table come from the key table, so that neither can drift."""

from __future__ import annotations

from typing import get_args

from swarm_tui import keymap
from swarm_tui.keymap import Key, Keymap
from swarm_tui.present import help as help_lines
from swarm_tui.present.line import plain


def shown(search: str = "", keys: Keymap | None = None, reason: str = "") -> list[str]:
    def why(key: Key) -> str:
        return reason if key.scope == "fleet" else ""

    return [plain(line) for line in help_lines.key_lines(("fleet", "list", "app"), keys or Keymap(), why, search)]


def test_this_place_comes_first_and_every_key_is_there() -> None:
    lines = shown()
    titles = [line for line in lines if line in help_lines.TITLES.values()]
    assert titles == ["Fleet", "In every list", "Everywhere"]
    assert len(lines) == len(keymap.for_scopes(("fleet", "list", "app"))) + 2 * len(titles)


def test_words_narrow_it_down_wherever_they_stand() -> None:
    assert shown("gpu picture") == ["Fleet", "  h           heat map        Every GPU of the fleet in one picture.", ""]
    assert shown("FLEET.HEATMAP")[1:-1] == shown("gpu picture")[1:-1]
    assert shown("no such thing") == ["No key matches."]


def test_a_reason_takes_the_place_of_the_explanation() -> None:
    assert shown("heatmap", reason="no GPU here")[1] == "  h           heat map        no GPU here"


def test_every_scope_has_a_title() -> None:
    assert set(help_lines.TITLES) == set(get_args(keymap.Scope))


def test_ones_own_keys_are_shown_and_found() -> None:
    assert shown("f8", Keymap({"fleet.heatmap": "f8"}))[1].startswith("  F8          heat map")


def test_the_readme_table_has_every_key_and_no_broken_cell() -> None:
    table = help_lines.markdown()
    rows = [line for line in table.splitlines() if line.startswith("| ") and "what it does" not in line]
    assert len(rows) == len(keymap.KEYS)
    assert all(row.replace(r"\|", "").count("|") == 4 for row in rows)
    assert "`` ` ``" in table
