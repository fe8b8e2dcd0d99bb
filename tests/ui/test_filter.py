"""Journeys through the live filter: what it shows while somebody types, what it says, and that it never leaks a key."""

from __future__ import annotations

from tests.ui.fleet_console import Seat, opened
from tests.ui.host_console import journey
from tests.unit.present.fleet_rows import gpu_row, row


def caret(rows: list[str]) -> int:
    """The column of the caret in the prompt's last line."""
    return rows[-1].index("^")


@journey
async def test_the_list_narrows_with_every_letter() -> None:
    async with opened() as seat:
        await seat.press("slash", "d")
        assert {"dgx1", "dgx2", "dgx10", "hung1"} <= set(seat.hosts)
        await seat.press(*"gx1")
        assert seat.hosts == ["dgx10", "dgx1"]
        await seat.press("backspace", "backspace", "backspace", "backspace")
        assert len(seat.hosts) == 14


@journey
async def test_words_numbers_and_both() -> None:
    async with opened() as seat:
        await seat.press("slash", *"gpu>40 & tag:h100 & !dgx2")
        assert seat.hosts == ["dgx1"]
        await seat.press("ctrl+u", *"state:unreach,state:stale")
        assert seat.hosts == ["away1", "lag1"]


@journey
async def test_what_is_wrong_stands_below_its_letter_and_the_last_good_filter_stays() -> None:
    async with opened() as seat:
        rows = await seat.press("slash", *"dgx,cpu>q")
        assert caret(rows) == rows[-2].index("q")
        assert '"q" is no' in rows[-1]
        assert seat.hosts == ["dgx10", "dgx2", "dgx1"]
        await seat.press("enter")
        assert seat.toasts()[-1].startswith('filter: "q" is no')
        assert seat.toasts()[-1].endswith("stays in force")
        assert seat.hosts == ["dgx10", "dgx2", "dgx1"]


@journey
async def test_enter_keeps_it_as_a_chip_and_escape_clears_it_later() -> None:
    async with opened() as seat:
        rows = await seat.press("slash", *"web", "enter")
        assert "/ web" in rows[-2]
        assert "1/2 of 14" in rows[-2]
        rows = await seat.press("escape")
        assert "/ web" not in rows[-2]
        assert len(seat.hosts) == 14


@journey
async def test_escape_in_the_prompt_takes_back_what_was_typed_and_keeps_what_was_before() -> None:
    async with opened() as seat:
        await seat.press("slash", *"web", "enter", "slash", *"2")
        assert seat.hosts == ["web2"]
        rows = await seat.press("escape")
        assert seat.hosts == ["web2", "web1"]
        assert "/ web" in rows[-2]


@journey
async def test_nothing_matches_says_how_to_come_back() -> None:
    async with opened() as seat:
        rows = await seat.press("slash", *"zebra", "enter")
        assert "0 of 14 hosts match zebra — Esc shows all" in "\n".join(rows)
        assert "0 of 14" in rows[-2]
        await seat.press("enter", "space", "x")
        assert (seat.dialog, seat.table.marks) == ("", set())
        await seat.press("escape")
        assert seat.table.cursor == "key2"


async def assert_only_filtered(seat: Seat, text: str) -> None:
    prompt = seat.fleet.open_prompt
    assert prompt is not None
    assert prompt._field.value == text
    assert (seat.table.marks, seat.fleet.problems, seat.app.frozen_since) == (set(), False, None)
    assert not seat.engine.asked("fleet.poll")
    assert seat.app.return_value is None
    assert seat.toasts() == []


@journey
async def test_keys_typed_right_behind_the_slash_trigger_nothing() -> None:
    """One keystroke meant for a filter must never be an action; these letters are all actions of the list."""
    async with opened() as seat:
        await seat.burst("slash", *"qxRp*!vshOa16")
        await assert_only_filtered(seat, "qxRp*!vshOa16")


@journey
async def test_no_printable_key_leaks_out_of_the_prompt() -> None:
    letters = "".join(chr(code) for code in range(33, 127))
    async with opened() as seat:
        await seat.press("slash", *letters)
        await assert_only_filtered(seat, letters)


@journey
async def test_a_whole_filter_with_its_enter_can_arrive_at_once() -> None:
    async with opened() as seat:
        await seat.burst("slash", *"web", "enter")
        assert seat.hosts == ["web2", "web1"]
        await seat.press("j")
        assert seat.table.cursor == "web1"


@journey
async def test_the_text_can_be_edited_in_the_middle() -> None:
    async with opened() as seat:
        await seat.press("slash", *"b2", "home", *"we", "end", "backspace", *"1")
        assert seat.hosts == ["web1"]
        await seat.press("left", "delete", "left", "left", "left", "delete", *"w")
        assert seat.hosts == ["web2", "web1"]


@journey
async def test_brackets_in_a_filter_are_plain_text() -> None:
    async with opened([row("a", reason="kworker[0]")]) as seat:
        await seat.press("slash", *"worker[0", "enter")
        rows = await seat.look()
        assert seat.hosts == ["a"]
        assert "/ worker[0" in rows[-2]


@journey
async def test_the_filter_follows_the_numbers() -> None:
    async with opened([gpu_row("a", gpu_percent=10.0), gpu_row("b", gpu_percent=90.0)]) as seat:
        await seat.press("slash", *"gpu>80", "enter")
        assert seat.hosts == ["b"]
        await seat.put(gpu_row("a", gpu_percent=95.0), gpu_row("b", gpu_percent=5.0))
        assert seat.hosts == ["a"]


@journey
async def test_filter_marks_and_order_survive_a_look_at_another_place() -> None:
    async with opened() as seat:
        await seat.press("slash", *"web", "enter", "space", "o", "n")
        await seat.press("6", "1")
        assert seat.hosts == ["web1", "web2"]
        assert seat.table.marks == {"web2"}


@journey
async def test_filter_and_problems_work_together_and_are_taken_back_one_by_one() -> None:
    async with opened() as seat:
        await seat.press("exclamation_mark", "slash", *"web", "enter")
        assert seat.hosts == ["web2"]
        await seat.press("escape")
        assert len(seat.hosts) == 12
        await seat.press("escape")
        assert len(seat.hosts) == 14
