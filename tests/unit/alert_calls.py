"""Every call about alerts, with what it sends and what it gives back; the answers are those of the subcommands' tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from swarm_tui.client import EngineClient
from tests.unit.cli import alert_answers as data

NAME = data.DISK.fingerprint
ANSWERS: dict[str, Any] = {
    "alerts.test": {"text": "a test is on its way"},
    "alerts.again": {"text": "it is sent again"},
    **{name: answer for name, answer in data.ANSWERS.items() if name.startswith("alerts.")},
}
_SCOPE = {"rule": "disk.*", "select": "gpu07", "object": "/srv"}
Call = tuple[Callable[[EngineClient], Any], Any, dict[str, Any]]


def _answered(method: str, name: str) -> Any:
    answer = ANSWERS[method]
    return answer[name] if isinstance(answer, dict) else getattr(answer, name)


CALLS: dict[str, Call] = {
    "alerts.view": (lambda c: c.alerts.view("tag:x", 3).version, 4, {"select": "tag:x", "since": 3}),
    "alerts.get": (lambda c: c.alerts.get(NAME).row, data.DISK, {"fingerprint": NAME}),
    "alerts.history": (
        lambda c: c.alerts.history(seconds=60.0, host="gpu01", kind="fired", audit=True, limit=5),
        data.EDGES,
        {"seconds": 60.0, "host": "gpu01", "fingerprint": "", "kind": "fired", "audit": True, "limit": 5},
    ),
    "alerts.rules": (lambda c: c.alerts.rules(), data.RULES, {}),
    "alerts.outbox": (
        lambda c: c.alerts.outbox("oncall", 5, finished=False).rows,
        (data.SENT, data.DEAD),
        {"target": "oncall", "limit": 5, "finished": False},
    ),
    "alerts.targets": (lambda c: c.alerts.targets(), data.TARGETS, {}),
    "alerts.ack": (
        lambda c: c.alerts.ack([NAME], seconds=60.0, note="mine", snooze=True),
        None,
        {"fingerprints": [NAME], "seconds": 60.0, "note": "mine", "snooze": True},
    ),
    "alerts.unack": (lambda c: c.alerts.unack([NAME]), None, {"fingerprints": [NAME]}),
    "alerts.escalate": (lambda c: c.alerts.escalate([NAME]), None, {"fingerprints": [NAME]}),
    "alerts.resolve": (lambda c: c.alerts.resolve(NAME), None, {"fingerprint": NAME}),
    "alerts.silence_preview": (
        lambda c: c.alerts.preview(**_SCOPE, seconds=60.0).past,
        14,
        {**_SCOPE, "seconds": 60.0},
    ),
    "alerts.silence": (
        lambda c: c.alerts.silence(**_SCOPE, seconds=60.0, comment="why", with_alert=True),
        data.SILENCE,
        {**_SCOPE, "seconds": 60.0, "comment": "why", "with_alert": True},
    ),
    "alerts.unsilence": (lambda c: c.alerts.unsilence("s1"), None, {"id": "s1"}),
    "alerts.silences": (lambda c: c.alerts.silences()[0], (data.SILENCE,), {}),
    "alerts.mute": (
        lambda c: c.alerts.mute("gpu[01-03]", 60.0, "cooling"),
        data.MUTE,
        {"select": "gpu[01-03]", "seconds": 60.0, "comment": "cooling"},
    ),
    "alerts.end_mute": (lambda c: c.alerts.end_mute("m1"), None, {"id": "m1"}),
    "alerts.mutes": (lambda c: c.alerts.mutes(), (data.MUTE,), {}),
    "alerts.test": (lambda c: c.alerts.test("oncall"), _answered("alerts.test", "text"), {"target": "oncall"}),
    "alerts.again": (lambda c: c.alerts.again(7), _answered("alerts.again", "text"), {"number": 7}),
    "alerts.backtest": (
        lambda c: c.alerts.backtest(expression="gpu>80", for_seconds=60.0, select="gpu01", seconds=600.0).trial.count,
        3,
        {
            "rule": "",
            "expression": "gpu>80",
            "for_seconds": 60.0,
            "select": "gpu01",
            "seconds": 600.0,
            "recording": "",
        },
    ),
    "alerts.handover": (
        lambda c: c.alerts.handover(60.0, "oncall").markdown,
        _answered("alerts.handover", "markdown"),
        {"seconds": 60.0, "target": "oncall"},
    ),
}
