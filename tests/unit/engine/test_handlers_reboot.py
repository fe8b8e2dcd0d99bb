"""The API of services and reboots as a client meets it: who may, what is refused, what is remembered."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from backends.errors import SkipHost
from tests.e2e.enginerun import Client, until
from tests.unit.engine.desk import Desk

CHANGING = [("updates.reboot", {"select": "a"}), ("updates.restart", {"select": "a"})]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    one = Desk(tmp_path, monkeypatch)
    yield one
    one.engine.stop()


@pytest.fixture
def client(desk: Desk) -> Iterator[Client]:
    with desk.client() as one:
        yield one


def kind(client: Client, method: str, **params: object) -> str:
    """The branch of the engine's refusal."""
    found: str = client.ask(method, **params)["error"]["data"]["kind"]
    return found


@pytest.mark.parametrize(("method", "params"), CHANGING)
def test_a_read_only_engine_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str, params: dict[str, str]
) -> None:
    desk = Desk(tmp_path, monkeypatch, read_only=True)
    try:
        with desk.client() as client:
            assert kind(client, method, **params) == "AskOperator"
            assert client.call("updates.reboots") == {"reboots": []}
    finally:
        desk.engine.stop()


def test_a_host_that_does_not_answer_as_it_should_is_refused_and_remembered_with_who_asked(
    desk: Desk, client: Client
) -> None:
    """The host in memory answers nothing to the preflight."""
    client.call("hello", client="10.0.0.7")
    (begun,) = client.call("updates.reboot", select="a")["reboots"]
    assert begun["host"] == "a" and "ended" not in begun
    until(lambda: "ended" in client.call("updates.reboots")["reboots"][0])
    (record,) = client.call("updates.reboots", limit=5)["reboots"]
    assert (record["id"], record["stage"], record["good"]) == (begun["id"], "refused", False)
    assert "10.0.0.7" in record["who"]
    ((text, actor),) = desk.events("reboot-over")
    assert text.startswith("reboot refused: ") and actor == record["who"]
    assert (desk.file.parent / "state" / "updates" / "reboots" / f"{record['id']}.json").exists()


def test_a_restart_is_remembered_too(desk: Desk, client: Client) -> None:
    client.call("updates.restart", select="a,b", units=["cron"])
    until(lambda: all("ended" in each for each in client.call("updates.restarts")["restarts"]))
    records = client.call("updates.restarts")["restarts"]
    assert sorted(each["host"] for each in records) == ["a", "b"]
    assert {each["stage"] for each in records} == {"refused"}


@pytest.mark.parametrize("method", ["updates.gate", "updates.services"])
def test_looking_at_a_host_that_is_not_there_or_cannot_be_asked(desk: Desk, client: Client, method: str) -> None:
    assert kind(client, method, host="nobody") == "BadInput"
    desk.source.execs["a"].result = SkipHost("no python3", host="a")  # type: ignore[attr-defined]
    assert kind(client, method, host="a") == "SkipHost"


@pytest.mark.parametrize(
    "params",
    [
        {"select": "a", "override": "x" * 301},
        {"select": "a", "soak_seconds": -1},
        {"select": "a", "soak_seconds": 1e9},
        {"select": 1},
        {"select": "a", "force": True},
        {},
    ],
)
def test_what_is_no_reboot_request_is_refused(client: Client, params: dict[str, object]) -> None:
    assert client.ask("updates.reboot", **params)["error"]["code"] == -32602


def test_units_that_are_none_reach_no_host(desk: Desk, client: Client) -> None:
    assert kind(client, "updates.restart", select="a", units=["ssh.service; reboot"]) == "BadInput"
    assert kind(client, "updates.restart", select="tag:none", units=["cron"]) == "BadInput"
    assert client.call("updates.restarts") == {"restarts": []}
