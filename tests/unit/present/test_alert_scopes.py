"""What a silence may hide, from the narrowest to the widest, and how long things may last."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from backends.alerts.silences import LONGEST_SECONDS, Preview
from swarm_tui.present import alert_scopes as scopes
from swarm_tui.present.line import plain
from tests.unit.cli.alert_answers import CPU, DISK, NOW, row


@pytest.fixture(autouse=True)
def _in_zurich(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Zurich")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_from_one_alert_the_alert_its_rule_and_its_host_can_be_hidden() -> None:
    found = scopes.scopes([DISK])
    assert [each.words for each in found] == [
        "disk.space /srv on gpu01",
        "disk.space on gpu01",
        "disk.space on every host",
        "everything on gpu01",
    ]
    assert [each.params for each in found] == [
        {"rule": "disk.space", "select": "gpu01", "object": "/srv"},
        {"rule": "disk.space", "select": "gpu01", "object": ""},
        {"rule": "disk.space", "select": "", "object": ""},
        {"rule": "", "select": "gpu01", "object": ""},
    ]
    assert not any(each.refusal for each in found)


def test_what_is_in_an_object_is_taken_as_it_stands() -> None:
    found = scopes.scopes([row("unit.failed", "gpu01", "getty@[1]*.service")])
    assert found[0].object == "getty@[[]1][*].service"


def test_several_alerts_are_hidden_by_what_they_have_in_common() -> None:
    found = scopes.scopes([DISK, CPU])
    assert [each.refusal for each in found] == [
        "that is for one alert",
        "they are of several rules",
        "they are of several rules",
        "",
    ]
    assert (found[3].select, found[3].words) == ("gpu01,gpu02", "everything on gpu[01-02]")


def test_what_is_about_no_host_can_be_hidden_by_its_rule_alone() -> None:
    assert [bool(each.refusal) for each in scopes.scopes([row("own.link", "")])] == [True, True, False, True]


def test_no_time_is_longer_than_a_silence_may_last() -> None:
    found = scopes.lastings(NOW)
    assert [each.words for each in found] == ["1h", "2h", "4h", "8h", "until 08:00", "1d", "3d", "7d"]
    assert max(each.seconds for each in found) == LONGEST_SECONDS


@pytest.mark.parametrize(
    ("now", "hours"),
    [
        ("2026-11-26T06:00", 1.0),  # 07:00 there
        ("2026-11-26T07:00", 24.0),  # 08:00 there: tomorrow's is meant
        ("2026-11-26T21:30", 9.5),
        ("2026-10-24T20:00", 11.0),  # 22:00 there; the clock goes back in the night
        ("2026-03-28T21:00", 9.0),  # 22:00 there; the clock goes forward
    ],
)
def test_until_the_morning_is_by_the_clock_on_the_wall(now: str, hours: float) -> None:
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC).timestamp()
    assert scopes.until(moment, 8) == hours * 3600.0


def test_a_preview_says_how_much_and_names_the_first() -> None:
    examples = tuple(f"disk.space gpu{number:02} /" for number in range(9))
    lines = [plain(each) for each in scopes.preview_lines(Preview(now=12, past=40, examples=examples), 60)]
    assert lines[0] == "hides 12 now, 40 in the last 7 days"
    assert lines[1] == "· disk.space gpu00 /"
    assert lines[-1] == "  and 8 more"
    assert len(scopes.preview_lines(Preview(now=0, past=0), 60)) == 1


def test_what_is_written_is_what_is_hidden() -> None:
    assert scopes.named_scope("tag:rack1", "disk.*").words == "disk.* on tag:rack1"
    assert scopes.named_scope("gpu01").params == {"rule": "", "select": "gpu01", "object": ""}
