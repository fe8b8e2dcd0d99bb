"""Toasts of critical alerts: each event once, only elsewhere, and a storm as a number."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from swarm_tui.alarm import PAUSE_SECONDS, Alarm
from swarm_tui.rpc import Notification


class Teller:
    def __init__(self) -> None:
        self.now = 100.0
        self.said: list[str] = []
        self.watched = False
        self.alarm = Alarm(self, lambda: self.watched, lambda: "2")

    def monotonic(self) -> float:
        return self.now

    def say(self, text: str, severity: str = "information") -> None:
        assert severity == "error"
        self.said.append(text)

    def hear(self, number: int, **more: Any) -> None:
        event = {"id": number, "time": 1.0, "kind": "alert.fired", "text": "full", "host": "a", "severity": "critical"}
        self.alarm.heard(Notification("event", msgspec.Raw(msgspec.json.encode({**event, **more}))))

    def later(self, seconds: float = PAUSE_SECONDS) -> None:
        self.now += seconds
        self.alarm.tick()


def test_one_is_said_at_once_and_never_again() -> None:
    teller = Teller()
    teller.hear(7)
    teller.hear(7)
    teller.hear(6)
    teller.later()
    assert teller.said == ["CRITICAL  a: full  (2 shows it)"]


def test_a_storm_is_one_toast_and_a_number() -> None:
    teller = Teller()
    for number in range(1, 500):
        teller.hear(number)
    assert len(teller.said) == 1
    teller.later(PAUSE_SECONDS / 2)
    assert len(teller.said) == 1
    teller.later(PAUSE_SECONDS / 2)
    assert teller.said[1:] == ["CRITICAL  498 critical alerts  (2 shows it)"]


def test_what_grows_critical_is_said_and_what_belongs_to_no_host_too() -> None:
    teller = Teller()
    teller.hear(1, kind="alert.worse", host="")
    assert teller.said == ["CRITICAL  full  (2 shows it)"]


@pytest.mark.parametrize(
    "more", [{"severity": "warning"}, {"kind": "alert.resolved"}, {"kind": "xid"}, {"id": "seven"}]
)
def test_everything_else_is_not(more: dict[str, Any]) -> None:
    teller = Teller()
    teller.hear(1, **more)
    teller.alarm.heard(Notification("exec.output", msgspec.Raw(b"{}")))
    assert teller.said == []


def test_nothing_is_said_where_alerts_are_shown_nor_afterwards() -> None:
    teller = Teller()
    teller.watched = True
    teller.hear(1)
    teller.watched = False
    teller.later()
    assert teller.said == []
    teller.hear(2)
    teller.hear(3)
    teller.watched = True
    teller.later()
    assert len(teller.said) == 1
