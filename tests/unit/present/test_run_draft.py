"""A run while it is composed: only what somebody chose is sent, and nothing that cannot be meant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.maintenance.views import NamedRun
from swarm_tui.present import run_draft
from swarm_tui.present.line import plain, width
from swarm_tui.present.run_draft import BY_NAME, FIELDS, fresh, named

MONTHLY = NamedRun(name="monthly", selector="tag:a100", hosts=2, steps=("drain", "update", "resume"))
NOW = 1_795_700_000.0


def test_a_fresh_run_sends_its_hosts_and_steps_and_no_limit_that_nobody_chose() -> None:
    assert fresh("gpu[1-2]").params(NOW) == {
        "select": "gpu[1-2]",
        "steps": ["drain", "snapshot", "update", "reboot-if-needed", "check", "resume"],
    }


def test_a_named_run_is_as_the_configuration_says_but_for_what_was_changed() -> None:
    draft = named(MONTHLY).with_value("max_failed", 3)
    assert draft.params(NOW) == {"name": "monthly", "max_failed": 3}
    assert draft.value("batches") is None


def test_a_window_is_counted_from_the_moment_of_the_dry_run() -> None:
    draft = fresh("a").with_value("window", 3600.0)
    assert draft.params(NOW)["window_end"] == NOW + 3600
    assert "window_end" not in draft.with_value("window", 0.0).params(NOW)


def test_presets_go_round_both_ways_and_a_typed_value_goes_to_the_first() -> None:
    draft = fresh("a").turned("max_failed", 1)
    assert draft.value("max_failed") == 2
    assert draft.turned("max_failed", -1).turned("max_failed", -1).value("max_failed") == 5
    assert fresh("a").with_value("max_failed", 77).turned("max_failed", 1).value("max_failed") == 1


def test_steps_are_put_in_left_out_moved_renamed_and_added() -> None:
    draft = fresh("a").toggled(1)
    assert draft.params(NOW)["steps"][1] == "update"
    assert draft.moved(0, 1).opened()[1].text == "drain"
    assert draft.moved(0, -1) is draft
    assert draft.renamed(2, "backup:models").opened()[2] == ("backup:models", True)
    assert draft.inserted(0, "command:stop").opened()[1].text == "command:stop"


def test_an_update_turns_into_security_only_and_back_and_other_steps_go_in_and_out() -> None:
    draft = fresh("a")
    assert draft.turned_step(4, 1).opened()[4].text == "update:security"
    assert draft.turned_step(4, 1).turned_step(4, 1).opened()[4].text == "update"
    assert not draft.turned_step(0, 1).opened()[0].on


def test_what_cannot_be_worked_out_says_why() -> None:
    assert fresh("").against() == "no host is meant: Enter on hosts"
    assert named(MONTHLY).against() == ""
    nothing = fresh("a")
    for at, each in enumerate(nothing.opened()):
        nothing = nothing.toggled(at) if each.on else nothing
    assert nothing.against() == "no step is in it: Space puts one in"


@pytest.mark.parametrize(
    ("field", "text"),
    [("batches", "one"), ("batches", ""), ("max_unavailable", "-1"), ("max_failed", "0"), ("approvals", "10"),
     ("soak_seconds", "soon"), ("window", "tonight"), ("promote", "me"), ("canary", "maybe")],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_with_what_can(field: str, text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        BY_NAME[field].parse(text)


def test_every_preset_is_read_back_as_it_is_shown() -> None:
    for field in FIELDS:
        for preset in field.presets:
            shown = field.show(preset).removesuffix(" from now")
            assert field.parse({"no limit": "none", "no end": "none"}.get(shown, shown)) == preset, field.name


@given(st.sampled_from(FIELDS), st.text(max_size=30))
def test_any_text_is_a_value_or_is_refused(field: run_draft.Field, text: str) -> None:
    try:
        value = field.parse(text)
    except ValueError:
        return
    assert isinstance(field.show(value), str)


@pytest.mark.parametrize("cells", [60, 80, 140])
def test_the_rows_show_steps_with_their_numbers_and_every_limit(cells: int) -> None:
    rows = run_draft.rows(fresh("gpu[1-2]"), cells, ("gpu1", "gpu2"))
    text = "\n".join(plain(row.text) for row in rows)
    assert all(width(row.text) <= cells for row in rows)
    assert "[x] 1. drain" in text
    assert "[ ]    backup:config" in text
    assert "[x] 3. update" in text
    assert all(field.label in text for field in FIELDS)


def test_a_named_run_shows_that_it_is_as_it_says() -> None:
    text = "\n".join(plain(row.text) for row in run_draft.rows(named(MONTHLY), 100))
    assert "monthly" in text
    assert text.count("as it says") == 2 + len(FIELDS)
