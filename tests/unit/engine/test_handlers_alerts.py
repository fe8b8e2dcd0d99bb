"""The API of alerts as a client meets it: who may, what is refused, what is answered."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from backends.alerts.model import EdgeKind, Reading, Truth
from backends.engine.handlers_table import TABLE
from backends.engine.wire import METHODS
from backends.states import Severity
from tests.e2e.enginerun import Client
from tests.unit.engine.desk import Desk

NAME = "f" * 16
CHANGING: list[tuple[str, dict[str, Any]]] = [
    ("alerts.ack", {"fingerprints": [NAME]}),
    ("alerts.unack", {"fingerprints": [NAME]}),
    ("alerts.escalate", {"fingerprints": [NAME]}),
    ("alerts.resolve", {"fingerprint": NAME}),
    ("alerts.silence", {"rule": "x", "seconds": 60, "comment": "c"}),
    ("alerts.unsilence", {"id": "s"}),
    ("alerts.mute", {"select": "a", "seconds": 60}),
    ("alerts.end_mute", {"id": "m"}),
    ("alerts.test", {"target": "t"}),
    ("alerts.again", {"number": 1}),
    ("alerts.handover", {"target": "t"}),
]
"""What a read-only engine must refuse."""


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    one = Desk(tmp_path, monkeypatch)
    yield one
    one.engine.stop()


def fire(desk: Desk, rule: str = "gpu.xid", host: str = "a") -> str:
    """Something happened on a host."""
    reading = Reading(
        rule=rule,
        host=host,
        truth=Truth.TRUE,
        severity=Severity.CRITICAL,
        text="XID 79",
        time=desk.engine.fleet.now(),
    )
    desk.engine.duty.alerting.act(lambda alerts, now: alerts.step([reading], now))
    return reading.fingerprint


def refused(client: Client, method: str, **params: Any) -> str:
    """Why the engine does not do it."""
    error = client.ask(method, **params)["error"]
    return f"{error['message']} {(error.get('data') or {}).get('hint', '')}"


def test_every_method_is_in_the_table_and_documented() -> None:
    assert {name for name in TABLE.methods if name.startswith("alerts.")} == {
        name for name in METHODS if name.startswith("alerts.")
    }


@pytest.mark.parametrize(("method", "params"), CHANGING)
def test_a_read_only_engine_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str, params: dict[str, Any]
) -> None:
    desk = Desk(tmp_path, monkeypatch, read_only=True)
    with desk.client() as client:
        assert "read-only" in refused(client, method, **params)
    desk.engine.stop()


def test_an_alert_is_seen_acknowledged_and_given_back_by_whoever_asked(desk: Desk) -> None:
    name = fire(desk)
    with desk.client() as client:
        view = client.call("alerts.view")
        (row,) = [each for each in view["alerts"] if each["fingerprint"] == name]
        assert (row["host"], row["phase"], row["severity"]) == ("a", "firing", "critical")
        assert client.call("alerts.view", since=view["version"]).get("alerts") is None
        client.call("alerts.ack", fingerprints=[name[:8]], note="mine", seconds=600)
        detail = client.call("alerts.get", fingerprint=name)
        assert detail["row"]["ack"]["note"] == "mine"
        assert detail["history"][0]["kind"] == EdgeKind.ACKED
        assert detail["around"]["host"] == "a"
        client.call("alerts.unack", fingerprints=[name])
        assert client.call("alerts.get", fingerprint=name)["row"].get("ack") is None
        audit = client.call("alerts.history", audit=True)["edges"]
        assert [each["kind"] for each in audit][:2] == [EdgeKind.ACK_ENDED, EdgeKind.ACKED]
        assert all(each["by"] for each in audit)


def test_a_silence_tells_first_what_it_would_hide(desk: Desk) -> None:
    fire(desk)
    with desk.client() as client:
        preview = client.call("alerts.silence_preview", rule="gpu.*", select="a")
        assert (preview["now"], preview["past"]) == (1, 1)
        assert "everything" in refused(client, "alerts.silence", seconds=60, comment="c")
        assert "comment" in refused(client, "alerts.silence", rule="x", seconds=60, comment="")
        assert "unknown host" in refused(client, "alerts.silence", select="nowhere", seconds=60, comment="c")
        made = client.call("alerts.silence", rule="gpu.*", seconds=600, comment="known")
        assert [each["id"] for each in client.call("alerts.silences")["silences"]] == [made["id"]]
        client.call("alerts.unsilence", id=made["id"])
        assert client.call("alerts.silences")["silences"] == []


def test_a_maintenance_is_begun_and_ended(desk: Desk) -> None:
    with desk.client() as client:
        made = client.call("alerts.mute", select="a,b", seconds=600, comment="cooling")
        assert made["hosts"] == ["a", "b"]
        assert [each["id"] for each in client.call("alerts.mutes")["mutes"]] == [made["id"]]
        client.call("alerts.end_mute", id=made["id"])
        assert "no such maintenance" in refused(client, "alerts.end_mute", id="m-0")


def test_what_is_not_there_is_refused_with_what_is(desk: Desk) -> None:
    with desk.client() as client:
        assert "no such alert" in refused(client, "alerts.ack", fingerprints=[NAME])
        assert "no target" in refused(client, "alerts.test", target="nobody")
        assert "no target" in refused(client, "alerts.handover", target="nobody")
        assert "number 5" in refused(client, "alerts.again", number=5)
        assert "disk.space" in refused(client, "alerts.backtest", rule="disk.spce")


def test_rules_outbox_targets_and_handover_answer(desk: Desk) -> None:
    fire(desk)
    with desk.client() as client:
        rules = {each["id"]: each for each in client.call("alerts.rules")["rules"]}
        assert rules["disk.space"]["limits"].startswith("warn >90/<80")
        assert client.call("alerts.outbox")["rows"] == []
        assert client.call("alerts.targets")["targets"] == []
        assert "XID 79" in client.call("alerts.handover")["markdown"]


def test_the_fleet_shows_how_many_alerts_a_host_has(desk: Desk) -> None:
    fire(desk)
    rows = {row.name: row.alerts for row in desk.engine.fleet.rows()}
    assert rows == {"a": 1, "b": 0}
