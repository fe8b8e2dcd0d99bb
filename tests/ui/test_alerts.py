"""Journeys through the Alerts screen: look, take in hand, silence, escalate, end, hand over; and the screens beside it."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from backends.alerts.model import Phase
from backends.errors import BadInput, RetryLater
from swarm_tui.screens.alert_handover import HandoverScreen
from swarm_tui.screens.alert_outbox import OutboxScreen
from swarm_tui.screens.alert_page import AlertScreen
from swarm_tui.screens.alert_silences import SilencesScreen
from swarm_tui.screens.alerts import AlertsScreen
from swarm_tui.screens.fleet import FleetScreen
from swarm_tui.screens.health import HealthScreen
from swarm_tui.screens.host import HostScreen
from swarm_tui.screens.triage import TriageScreen
from tests.ui import golden
from tests.ui.alerts_engine import (
    ALERTS,
    CPU,
    DISK,
    HELD,
    HIDDEN,
    INFO,
    MARKDOWN,
    OVER,
    SILENT,
    XID,
    AlertsSeat,
    at_alerts,
)
from tests.ui.host_console import journey
from tests.ui.memory_engine import MemoryEngine
from tests.unit.cli import alert_answers as data
from tests.unit.cli.alert_answers import NOW, row
from tests.unit.present.fleet_rows import row as host_row


@pytest.fixture(autouse=True)
def _no_type_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("swarm_tui.screens.dialog.TYPE_AHEAD_SECONDS", 0.0)


def screen(seat: AlertsSeat) -> AlertsScreen:
    assert isinstance(seat.app.screen, AlertsScreen), seat.app.screen
    return seat.app.screen


def listed(seat: AlertsSeat) -> list[str]:
    """The rules in the list, from the top."""
    return [each.alert.rule for each in screen(seat).rows.values()]


async def down_to(seat: AlertsSeat, wanted: str) -> None:
    """Put the cursor on the first alert of a rule."""
    screen(seat).list.move_to(next(each.key for each in screen(seat).rows.values() if each.alert.rule == wanted))
    await seat.look()


# Looking ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (140, 40)])
@journey
async def test_golden(columns: int, rows: int) -> None:
    async with at_alerts(size=(columns, rows)) as seat:
        golden.check(f"alerts-{columns}x{rows}", await seat.look())


@pytest.mark.parametrize(
    ("name", "keys"), [("one", ("enter",)), ("silences", ("S",)), ("outbox", ("o",)), ("handover", ("H",))]
)
@journey
async def test_golden_of_what_lies_behind(name: str, keys: tuple[str, ...]) -> None:
    async with at_alerts() as seat:
        await seat.press(*keys)
        golden.check(f"alerts-{name}-80x24", await seat.later(0))


@journey
async def test_the_worst_comes_first_and_what_is_over_or_only_noted_is_in_the_second_view() -> None:
    async with at_alerts() as seat:
        assert listed(seat) == [each.rule for each in ALERTS if each not in (OVER, INFO)]
        text = "\n".join(await seat.press("right_square_bracket"))
        assert listed(seat) == [each.rule for each in ALERTS]
        assert "resolved" in text
        assert "· info" in text
        seen = []
        for _ in range(3):
            await seat.press("right_square_bracket")
            seen.append(screen(seat).side)
        assert seen == ["rules", "hosts", "open"]
        await seat.press("left_square_bracket")
        assert screen(seat).side == "hosts"


@journey
async def test_severity_state_and_who_has_it_are_words_even_at_eighty_columns() -> None:
    async with at_alerts() as seat:
        lines = await seat.look()
        assert any("✖ critical firing" in line and "gpu01" in line and "/srv is 97 % full" in line for line in lines)
        assert any("acked anna" in line and "[flapping]" in line for line in lines)
        assert any("[escalated 2] [not told]" in line for line in lines)
        assert any("silenced" in line and "gpu06" in line for line in lines)
        assert any("explained" in line and "gpu07" in line for line in lines)


@journey
async def test_an_unchanged_list_costs_a_version_and_a_new_alert_is_there_within_a_second() -> None:
    async with at_alerts() as seat:
        await seat.later()
        assert seat.asked("view")[-1] == {"since": 1}
        seat.desk.show(row("cpu.temperature", "gpu09", text="102 °C"), *ALERTS)
        assert "102 °C" in "\n".join(await seat.later(1.0))


@journey
async def test_a_frozen_picture_is_not_asked_for() -> None:
    async with at_alerts() as seat:
        await seat.press("p")
        before = len(seat.asked("view"))
        await seat.later()
        assert len(seat.asked("view")) == before


@journey
async def test_details_stand_beside_the_list_and_follow_the_cursor() -> None:
    async with at_alerts(size=(140, 40)) as seat:
        text = await seat.text()
        for words in (
            "3.1G of 120G are free",
            "→ free space",
            "warn >90/<80 %",
            "6m40s before",
            "oncall sent",
            "disk ordered",
        ):
            assert words in text
        text = "\n".join(await seat.press("j"))
        assert "no answer" in text
        assert "3.1G of 120G" not in text
        assert seat.asked("get")[-1] == {"fingerprint": SILENT.fingerprint}


@journey
async def test_details_stand_below_the_list_where_there_is_room_and_leave_it_to_a_long_one() -> None:
    async with at_alerts(size=(90, 40)) as seat:
        assert "→ free space" in await seat.text()
    async with at_alerts() as seat:
        assert "→ free space" in await seat.text()
        seat.desk.show(*(row("cpu.busy", f"gpu{number:02}", text="busy", advice="look") for number in range(20)))
        assert "→ look" not in "\n".join(await seat.later())


@journey
async def test_details_that_the_engine_does_not_give_say_why() -> None:
    async with at_alerts(mode="1", size=(140, 40)) as seat:
        seat.engine.refuse["alerts.get"] = BadInput("no such alert now")
        await seat.press("2")
        assert "no such alert now" in "\n".join(await seat.later())
        del seat.engine.refuse["alerts.get"]
        assert "no such alert now" not in "\n".join(await seat.later(6.0))


@journey
async def test_enter_shows_everything_on_a_page_and_escape_leads_back() -> None:
    async with at_alerts() as seat:
        lines = await seat.press("enter")
        assert isinstance(seat.app.screen, AlertScreen)
        assert lines[1].rstrip().endswith("disk.space@gpu01:/srv")
        await seat.press("y")
        assert "copied the alert: ### CRITICAL gpu01 /srv: Filesystem is full" in seat.toasts()[-1]
        await seat.press("escape")
        assert screen(seat)


@journey
async def test_a_page_goes_on_to_show_what_is_over_meanwhile() -> None:
    async with at_alerts() as seat:
        await seat.press("enter")
        seat.desk.show(replace(DISK, phase=Phase.RESOLVED, resolved=NOW))
        assert "resolved" in "\n".join(await seat.later())
        seat.engine.refuse["alerts.get"] = BadInput("no such alert now")
        text = "\n".join(await seat.later())
        assert "no such alert now" in text
        assert "/srv is 97 % full" in text


@journey
async def test_the_filter_is_live_takes_words_away_and_escape_forgets_it() -> None:
    async with at_alerts() as seat:
        await seat.press("slash", *"gpu01")
        assert listed(seat) == ["disk.space", "mem.used"]
        await seat.press("space", *"!pending", "enter")
        assert listed(seat) == ["disk.space"]
        text = "\n".join(await seat.press("slash", "space", *"zz", "enter"))
        assert "Nothing matches /gpu01 !pending zz" in text
        await seat.press("escape")
        assert len(listed(seat)) == 8


@journey
async def test_what_the_engine_itself_is_like_stands_above_the_list() -> None:
    async with at_alerts(size=(140, 40)) as seat:
        line = (await seat.look())[2]
        assert line.rstrip().endswith("1 given up  1 on the way  evaluated 2s ago")
        assert "2 hidden  1 silence  1 maintenance" in (await seat.look())[-2]
        seat.desk.more["quiet"] = True
        assert "quiet hours" in "\n".join(await seat.later())


@journey
async def test_an_engine_that_evaluates_nothing_any_more_is_doubted() -> None:
    async with at_alerts() as seat:
        seat.desk.stuck = True
        text = "\n".join(await seat.later(45.0))
        assert "evaluated 50s ago" in text
        assert "nothing was evaluated for 50s: what is shown is the past" in text


@journey
async def test_a_problem_and_a_hint_are_said() -> None:
    async with at_alerts(size=(140, 40)) as seat:
        seat.desk.more["hints"] = ("silence s1 matches nothing for 2 h",)
        assert "silence s1 matches nothing for 2 h" in "\n".join(await seat.later())
        seat.desk.more["problem"] = "the disk is full"
        assert "the disk is full" in "\n".join(await seat.later())


@journey
async def test_nothing_wrong_not_evaluated_yet_and_no_answer_are_three_things() -> None:
    async with at_alerts(OVER) as seat:
        assert "Nothing is wrong: 3 rules over 9 hosts, evaluated 2s ago." in await seat.text()
        seat.desk.completed = None
        seat.desk.stuck = True
        assert "Nothing was evaluated yet." in "\n".join(await seat.later())
    async with at_alerts() as seat:
        seat.engine.refuse["alerts.view"] = RetryLater("the engine is busy", hint="wait")
        text = "\n".join(await seat.later())
        assert "the engine is busy" in text
        assert "/srv is 97 % full" in text


@journey
async def test_an_engine_that_never_answered_says_why() -> None:
    async with at_alerts(mode="1") as seat:
        seat.engine.refuse["alerts.view"] = RetryLater("the engine is busy", hint="wait for it")
        text = "\n".join(await seat.press("2"))
        assert "the engine is busy" in text
        assert "wait for it" in text


# In hand ----------------------------------------------------------------------------------------------------------


@journey
async def test_one_key_takes_in_hand_and_u_gives_back() -> None:
    async with at_alerts() as seat:
        text = "\n".join(await seat.press("a"))
        assert seat.asked("ack") == [{"fingerprints": (DISK.fingerprint,)}]
        assert seat.toasts()[-1] == "acknowledged gpu01 /srv: Filesystem is full for 4h; u gives it back"
        assert "acked ops" in text
        await seat.press("u")
        assert seat.asked("unack") == [{"fingerprints": (DISK.fingerprint,)}]
        assert "acked ops" not in await seat.text()


@journey
async def test_u_gives_back_what_was_taken_last_even_from_another_row() -> None:
    async with at_alerts() as seat:
        await seat.press("a", "j", "u")
        assert seat.asked("unack") == [{"fingerprints": (DISK.fingerprint,)}]
        await seat.press("u")
        assert seat.toasts()[-1] == "undo: nobody has it in hand, and nothing hides it"


@journey
async def test_marked_alerts_are_taken_in_hand_together() -> None:
    async with at_alerts() as seat:
        await seat.press("space", "j", "space")
        assert "2 marked" in await seat.text()
        await seat.press("a")
        assert set(seat.asked("ack")[0]["fingerprints"]) == {DISK.fingerprint, CPU.fingerprint}
        assert seat.toasts()[-1].startswith("acknowledged 2 alerts for 4h")
        await seat.press("escape")
        assert not screen(seat).marks


@journey
async def test_a_range_and_all() -> None:
    async with at_alerts() as seat:
        assert "v marks up to here" in "\n".join(await seat.press("v"))
        await seat.press("j", "j", "v")
        assert screen(seat).marks == {DISK.fingerprint, SILENT.fingerprint, CPU.fingerprint}
        await seat.press("asterisk")
        assert len(screen(seat).marks) == 8
        seat.desk.show(DISK)
        await seat.later()
        assert screen(seat).marks == {DISK.fingerprint}


@journey
async def test_a_note_is_asked_for() -> None:
    async with at_alerts() as seat:
        await seat.press("A")
        assert seat.dialog == "Acknowledge with a note"
        await seat.press(*"disk", "enter")
        assert seat.asked("ack") == [{"fingerprints": (DISK.fingerprint,), "note": "disk"}]


@journey
async def test_snoozing_takes_one_of_some_times() -> None:
    async with at_alerts() as seat:
        seat.engine.now -= 3600.0  # 07:00, and the morning's hour is to come
        await seat.later(1.0)
        await seat.press("z", "m")
        assert seat.asked("ack")[-1]["seconds"] == 3596.0
        for key, seconds in (("1", 3600.0), ("4", 14400.0), ("8", 28800.0), ("3", 259200.0)):
            await seat.press("z", key)
            asked = {"fingerprints": (DISK.fingerprint,), "seconds": seconds, "snooze": True}
            assert seat.asked("ack")[-1] == asked
        assert seat.toasts()[-1].startswith("snoozed gpu01 /srv: Filesystem is full for 3d")
        assert "snoozed ops" in await seat.text()


@journey
async def test_what_is_over_cannot_be_taken_in_hand() -> None:
    async with at_alerts(OVER) as seat:
        await seat.press("right_square_bracket", "a", "e", "z")
        assert {each.split(": ")[1] for each in seat.toasts()} == {"it is over"}
        assert not seat.asked("ack")


@journey
async def test_an_engine_that_refuses_says_why() -> None:
    async with at_alerts() as seat:
        seat.engine.refuse["alerts.ack"] = BadInput("no such alert now", hint="look again")
        await seat.press("a")
        assert seat.toasts()[-1] == "no such alert now — look again"


# Silencing --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("turns", "rule", "select", "thing"),
    [
        (0, "disk.space", "gpu01", "/srv"),
        (1, "disk.space", "gpu01", ""),
        (2, "disk.space", "", ""),
        (3, "", "gpu01", ""),
    ],
)
@journey
async def test_a_silence_shows_all_the_while_what_it_hides(turns: int, rule: str, select: str, thing: str) -> None:
    async with at_alerts() as seat:
        await seat.press("s", *["right"] * turns)
        wanted = {"rule": rule, "select": select, "object": thing, "seconds": 14400.0}
        assert seat.asked("silence_preview")[-1] == wanted
        assert len(seat.asked("silence_preview")) == turns + 1
        assert "hides 3 now, 14 in the last 7 days" in await seat.text()
        await seat.press(*"why", "enter")
        assert seat.asked("silence") == [{**wanted, "with_alert": False, "comment": "why"}]
        assert seat.toasts()[-1].startswith("silenced for 4h: ")
        assert seat.dialog == ""


@journey
async def test_up_and_down_choose_what_left_and_right_change() -> None:
    async with at_alerts() as seat:
        text = "\n".join(await seat.press("s", "down", "right", "down", "right"))
        assert "[8h]" in text
        assert "[with the alert, if that is sooner]" in text
        await seat.press(*"left", "up", "up", "up", "left", "left", "left")
        assert "[this alert]" in await seat.text(), "on the line of text the cursor moves"
        await seat.press("X", "enter")
        (params,) = seat.asked("silence")
        assert (params["with_alert"], params["seconds"], params["comment"]) == (True, 28800.0, "lXeft")


@journey
async def test_a_silence_without_a_reason_is_not_begun() -> None:
    async with at_alerts() as seat:
        await seat.press("s", "space", "enter")
        assert seat.toasts() == ["who finds it next must know why"]
        assert seat.dialog == "Silence"
        await seat.press("escape")
        assert not seat.asked("silence")


@journey
async def test_what_a_silence_hides_is_known_before_it_begins() -> None:
    async with at_alerts() as seat:
        seat.engine.refuse["alerts.silence_preview"] = BadInput("no host is called gpu01")
        text = "\n".join(await seat.press("s", *"why", "enter"))
        assert "no host is called gpu01" in text
        assert seat.toasts() == ["no host is called gpu01"]
        del seat.engine.refuse["alerts.silence_preview"]
        await seat.press("right", "enter")
        assert len(seat.asked("silence")) == 1


@journey
async def test_an_object_is_matched_as_it_is_written() -> None:
    async with at_alerts(row("unit.failed", "gpu01", "getty@[1]*.service", text="failed")) as seat:
        await seat.press("s")
        assert seat.asked("silence_preview")[0]["object"] == "getty@[[]1][*].service"


@journey
async def test_what_several_alerts_do_not_share_says_so_and_is_not_taken() -> None:
    async with at_alerts() as seat:
        await seat.press("space", "j", "space", "s")
        assert "[everything here]" in await seat.text()
        assert seat.asked("silence_preview")[0]["select"] == "gpu01,gpu02"
        text = "\n".join(await seat.press("left"))
        assert "rule everywhere: they are of several rules" in text
        await seat.press(*"why", "enter")
        assert seat.toasts()[-1] == "they are of several rules"
        assert not seat.asked("silence")
    async with at_alerts(row("own.link", "", text="the console's own link is down")) as seat:
        assert "[rule everywhere]" in "\n".join(await seat.press("s"))


@journey
async def test_u_ends_at_once_what_was_just_begun_here() -> None:
    async with at_alerts() as seat:
        text = "\n".join(await seat.press("s", *"why", "enter"))
        assert "▲ warning  silenced     gpu06" in text
        assert "✖ critical silenced     gpu01" in text
        await seat.press("u")
        assert seat.asked("unsilence") == [{"id": "s2"}]
        assert seat.toasts()[-1] == "ended: disk.space on gpu01 (by anna: why)"
        await seat.press("M", *"fan", "enter", "u")
        assert seat.asked("end_mute") == [{"id": "m2"}]
        assert seat.dialog == ""


@journey
async def test_u_on_what_somebody_else_hides_shows_whose_it_is_first() -> None:
    async with at_alerts() as seat:
        await seat.go_to("gpu06")
        text = "\n".join(await seat.press("u"))
        assert seat.dialog == "End what hides it?"
        assert "disk.* on gpu07 (by anna: disk ordered), hides 1 now" in text
        await seat.press("enter")
        assert not seat.asked("unsilence")
        await seat.press("u", "y")
        assert seat.asked("unsilence") == [{"id": "s1"}]
        seat.desk.show(replace(CPU, muted="m1"))
        await seat.later()
        text = "\n".join(await seat.press("u"))
        assert "maintenance of gpu[01-03] (by anna: cooling), hides 1 now" in text
        await seat.press("y")
        assert seat.asked("end_mute") == [{"id": "m1"}]


@journey
async def test_silences_and_maintenances_are_listed_and_ended_early() -> None:
    async with at_alerts() as seat:
        text = "\n".join(await seat.press("S"))
        assert isinstance(seat.app.screen, SilencesScreen)
        assert "disk.* on gpu07" in text
        assert "gpu[01-03] (3)" in text
        await seat.press("x", "enter")
        assert not seat.asked("unsilence")
        await seat.press("x", "y")
        assert seat.asked("unsilence") == [{"id": "s1"}]
        assert seat.toasts()[-1] == "ended: disk.* on gpu07: disk ordered"
        await seat.press("x", "y")
        assert seat.asked("end_mute") == [{"id": "m1"}]
        assert "Nothing is silenced, and no host is in maintenance." in "\n".join(await seat.later())


@journey
async def test_a_maintenance_wants_a_time_and_a_reason() -> None:
    async with at_alerts() as seat:
        await seat.press("M", "right", *"fan", "enter")
        assert seat.asked("mute") == [{"select": "gpu01", "seconds": 28800.0, "comment": "fan"}]
        assert seat.toasts()[-1] == "maintenance of gpu01 for 8h; u ends it"


# Escalating, ending -----------------------------------------------------------------------------------------------


@journey
async def test_escalating_wants_y() -> None:
    async with at_alerts() as seat:
        for key in ("enter", "n", "escape"):
            await seat.press("e", key)
        assert not seat.asked("escalate")
        await seat.press("e", "y")
        assert seat.asked("escalate") == [{"fingerprints": [DISK.fingerprint]}]
        assert seat.toasts()[-1] == "escalated: gpu01 /srv: Filesystem is full"


@journey
async def test_only_what_happened_once_is_ended_by_hand() -> None:
    async with at_alerts() as seat:
        await seat.press("r")
        assert "it ends by itself once it is well" in seat.toasts()[-1]
        await down_to(seat, "gpu.xid")
        await seat.press("r", "enter")
        assert not seat.asked("resolve")
        await seat.press("r", "y")
        assert seat.asked("resolve") == [{"fingerprint": XID.fingerprint}]
        assert "gpu.xid" not in listed(seat)


@journey
async def test_several_events_are_ended_one_after_the_other() -> None:
    other = replace(XID, fingerprint="f" * 16, host="gpu04")
    async with at_alerts(XID, other, CPU) as seat:
        await seat.press("asterisk", "r", "y")
        assert [each["fingerprint"] for each in seat.asked("resolve")] == [XID.fingerprint, other.fingerprint]
        assert seat.toasts()[-1] == "ended by hand: 2 alerts"


@journey
async def test_where_only_looking_is_allowed_nothing_is_changed() -> None:
    async with at_alerts(read_only=True) as seat:
        for key in ("a", "A", "z", "s", "e", "M", "u"):
            await seat.press(key)
            assert seat.toasts()[-1].endswith("read-only"), key
        await seat.press("o", "T", "r")
        assert seat.toasts()[-1].endswith("read-only")
        await seat.press("escape", "S", "x")
        assert seat.toasts()[-1].endswith("read-only")
        await seat.press("escape", "H", "E")
        assert seat.toasts()[-1].endswith("read-only")
        assert not any(
            seat.asked(name) for name in ("ack", "silence", "escalate", "mute", "again", "test", "unsilence")
        )


# Elsewhere --------------------------------------------------------------------------------------------------------


@journey
async def test_the_host_and_its_triage_are_one_key_away() -> None:
    async with at_alerts() as seat:
        await seat.press("h")
        assert isinstance(seat.app.screen, HostScreen)
        assert seat.app.screen.host == "gpu01"
        await seat.press("escape", "E")
        assert isinstance(seat.app.screen, HostScreen)
        assert seat.app.screen.choice.tab == "events"
        await seat.press("escape", "t")
        assert isinstance(seat.app.screen, TriageScreen)
        await seat.press("escape", "b")
        assert isinstance(seat.app.screen, TriageScreen)
        assert seat.app.screen.number == DISK.bundle
        await seat.press("escape", "j", "b")
        assert "no triage was made when it fired" in seat.toasts()[-1]


@journey
async def test_what_is_about_no_host_leads_to_none() -> None:
    async with at_alerts(row("own.link", "", text="down")) as seat:
        await seat.press("h", "E", "t", "M")
        assert {each.split(": ")[1] for each in seat.toasts()} == {"it is about no host"}


@journey
async def test_the_health_matrix_is_one_key_away() -> None:
    async with at_alerts() as seat:
        await seat.press("m")
        assert isinstance(seat.app.screen, HealthScreen)
        await seat.press("escape")
        assert screen(seat)


@pytest.mark.parametrize(
    ("word", "kind"), [("outbox", OutboxScreen), ("silences", SilencesScreen), ("handover", HandoverScreen)]
)
@journey
async def test_the_command_line_leads_there_and_escape_to_the_alerts(word: str, kind: type) -> None:
    async with at_alerts(mode="1") as seat:
        await seat.press("colon", *word, "enter")
        assert isinstance(seat.app.screen, kind)
        await seat.press("escape")
        assert screen(seat)


@journey
async def test_the_command_line_filters_silences_and_mutes() -> None:
    async with at_alerts(mode="1") as seat:
        await seat.press("colon", *"alerts gpu01 critical", "enter")
        assert listed(seat) == ["disk.space"]
        await seat.press("1", "colon", *"silence tag:rack1 disk.*", "enter")
        assert "disk.* on tag:rack1" in await seat.text()
        assert seat.asked("silence_preview")[-1]["select"] == "tag:rack1"
        await seat.press("escape", "1", "colon", *"mute gpu02", "enter", *"fan", "enter")
        assert seat.asked("mute")[-1]["select"] == "gpu02"
        await seat.press("colon", *"silence", "enter")
        assert "disk.space /srv on gpu01" in await seat.text()
        await seat.press("escape", "colon", *"mute a b", "enter")
        assert seat.toasts()[-1].startswith("usage: mute SELECTOR")
        await seat.press("colon", *"silence a b c", "enter")
        assert seat.toasts()[-1].startswith("usage: silence SELECTOR [RULE]")


@journey
async def test_on_the_fleet_the_words_mean_its_hosts_and_nothing_where_only_looking_is_allowed() -> None:
    async with at_alerts(mode="1") as seat:
        await seat.press("space", "space", "colon", *"silence", "enter")
        assert "everything on gpu01,gpu02" in await seat.text()
    async with at_alerts(mode="1", read_only=True) as seat:
        await seat.press("colon", *"silence gpu01", "enter", "colon", *"mute gpu01", "enter")
        assert seat.toasts() == ["read-only", "read-only"]
        assert isinstance(seat.app.screen, FleetScreen)


# By rule, by host -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", ["rules", "hosts"])
@journey
async def test_golden_of_the_groups(side: str) -> None:
    async with at_alerts() as seat:
        await seat.press("right_square_bracket", "right_square_bracket", *["right_square_bracket"] * (side == "hosts"))
        golden.check(f"alerts-{side}-80x24", await seat.later(0))


@journey
async def test_an_action_on_a_rule_or_host_means_all_alerts_behind_the_line() -> None:
    async with at_alerts() as seat:
        await seat.press("left_square_bracket")
        assert "gpu01" in await seat.go_to("gpu01")
        await seat.press("a")
        assert set(seat.asked("ack")[-1]["fingerprints"]) == {DISK.fingerprint, data.WAITING.fingerprint}
        await seat.press("space")
        assert screen(seat).marks == {DISK.fingerprint, data.WAITING.fingerprint}
        await seat.go_to("gpu01")
        await seat.press("space")
        assert not screen(seat).marks
        await seat.press("g", "v", "j", "v")
        assert screen(seat).marks == {DISK.fingerprint, data.WAITING.fingerprint, SILENT.fingerprint}


@journey
async def test_enter_on_a_rule_or_host_lists_its_alerts_and_escape_all_of_them() -> None:
    async with at_alerts() as seat:
        await seat.press("left_square_bracket", "enter")
        assert screen(seat).side == "open"
        assert listed(seat) == ["disk.space", "mem.used"]
        assert "/host:gpu01" in await seat.text()
        await seat.press("escape")
        assert len(listed(seat)) == 8


@journey
async def test_how_many_fire_stands_behind_the_mode_everywhere() -> None:
    engine = MemoryEngine((host_row("gpu01", alerts=2), host_row("gpu02", alerts=1), host_row("gpu03")))
    async with at_alerts(mode="1", engine=engine) as seat:
        assert " 2 Alerts 3  3 Updates" in (await seat.look())[1]


@journey
async def test_nothing_wrong_says_how_much_was_looked_at() -> None:
    async with at_alerts(OVER) as seat:
        assert "Nothing is wrong: 3 rules over 9 hosts, evaluated 2s ago." in await seat.text()
        await seat.later()
        assert len(seat.asked("rules")) == 1


@journey
async def test_alerts_are_copied_as_markdown() -> None:
    async with at_alerts() as seat:
        await seat.press("y")
        assert seat.app.clipboard.startswith("- **CRITICAL gpu01 /srv: Filesystem is full** — /srv is 97 % full")
        await seat.press("space", "j", "space", "y")
        assert seat.app.clipboard.count("- **") == 2
        assert seat.toasts()[-1].startswith("copied 2 alerts: ")


# The outbox -------------------------------------------------------------------------------------------------------


@journey
async def test_the_outbox_shows_what_was_not_told_and_why_and_sends_it_again() -> None:
    async with at_alerts() as seat:
        text = "\n".join(await seat.press("o"))
        assert "given up" in text
        assert "oncall" not in text.split("fails for")[0]
        text = "\n".join(await seat.press("enter"))
        for words in ("answered 500", "9, the last took 300 ms", "gpu[01-03]"):
            assert words in text
        await seat.press("escape", "r")
        assert seat.asked("again") == [{"number": data.DEAD.number}]
        assert seat.toasts()[-1] == "it is sent to chat again"


@journey
async def test_a_notice_that_is_tried_again_says_when() -> None:
    async with at_alerts(size=(140, 40)) as seat:
        seat.desk.deliver(replace(data.DEAD, state="retry", due=NOW + 63.0, attempts=2), data.SENT)
        text = "\n".join(await seat.press("o"))
        assert "retrying in 1m" in text
        assert "1 retrying" in text
        await seat.press("right_square_bracket", "j", "r")
        assert seat.toasts()[-1] == "send again: it was sent"


@journey
async def test_targets_are_shown_with_their_health_and_tested() -> None:
    async with at_alerts() as seat:
        text = "\n".join(await seat.press("o"))
        assert "✖ chat    fails for 15m" in text
        assert "● oncall  ok  last sent 1h ago  took 210 ms" in text
        await seat.press("T", "b")
        assert seat.asked("test") == [{"target": "chat"}]
        assert seat.toasts()[-1] == "a test is on its way to chat; it shows up here"


@journey
async def test_no_target_at_all_is_a_warning() -> None:
    async with at_alerts() as seat:
        seat.desk.outbox = replace(seat.desk.outbox, rows=(), targets=())
        text = "\n".join(await seat.press("o"))
        assert "No target is configured" in text
        assert "Nobody is told of anything." in text
        assert "verything was told" not in text
        await seat.press("T")
        assert seat.toasts()[-1] == "test: no target is configured"


@journey
async def test_the_outbox_of_one_alert_and_the_filter() -> None:
    async with at_alerts() as seat:
        seat.desk.deliver(replace(data.SENT, fingerprints=(DISK.fingerprint,)), data.DEAD)
        text = "\n".join(await seat.press("enter", "o"))
        assert "97 % full" in text
        assert "3 alert" not in text
        await seat.press("escape")
        assert "3 alert" in await seat.text()
        await seat.press("slash", *"500", "enter")
        assert "97 % full" not in await seat.text()


# The hand-over ----------------------------------------------------------------------------------------------------


@journey
async def test_the_handover_is_shown_copied_made_for_another_time_and_sent() -> None:
    async with at_alerts() as seat:
        text = "\n".join(await seat.press("H"))
        assert "- [/x] nothing else" in text
        await seat.press("y")
        assert seat.app.clipboard == MARKDOWN
        await seat.press("w", "d")
        assert seat.asked("handover")[-1] == {"seconds": 86400.0}
        await seat.press("E", "b")
        assert seat.asked("handover")[-1] == {"seconds": 86400.0, "target": "chat"}
        assert seat.toasts()[-1].startswith("the hand-over is on its way to chat")


@journey
async def test_a_handover_that_cannot_be_written_says_why() -> None:
    async with at_alerts() as seat:
        seat.engine.refuse["alerts.handover"] = RetryLater("the disk is full", hint="free some")
        text = "\n".join(await seat.press("H"))
        assert "the disk is full" in text
        await seat.press("y")
        assert seat.toasts()[-1] == "copy: it is not written yet"


# The toast --------------------------------------------------------------------------------------------------------


async def fires(seat: AlertsSeat, number: int, **more: object) -> None:
    event = {"id": number, "time": NOW, "kind": "alert.fired", "text": "disk.space /: full", "host": "gpu01"}
    await seat.push("event", **{**event, "severity": "critical", **more})


@journey
async def test_a_critical_alert_is_said_elsewhere_once_and_not_where_alerts_are_shown() -> None:
    async with at_alerts(mode="1") as seat:
        assert isinstance(seat.app.screen, FleetScreen)
        await fires(seat, 1)
        await fires(seat, 1)
        assert seat.toasts() == ["CRITICAL  gpu01: disk.space /: full  (2 shows it)"]
        await fires(seat, 2, severity="warning")
        await fires(seat, 3, kind="alert.resolved")
        await seat.press("2")
        await seat.later(10.0)
        await fires(seat, 4)
        assert len(seat.toasts()) == 1


@journey
async def test_held_alerts_keep_their_place_in_the_details() -> None:
    async with at_alerts(HELD, HIDDEN, size=(140, 40)) as seat:
        text = await seat.text()
        assert "acked by anna, 2h" in text
        assert "cable ordered" in text
        text = "\n".join(await seat.press("j"))
        assert "s1 of anna" in text
