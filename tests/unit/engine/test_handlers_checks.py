"""The API of health checks as a client meets it: who may, what is refused, what is told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.enginerun import Client, until
from tests.unit.engine.desk import Desk

OF = {"host": "a", "check": "H20", "object": "b.service"}


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    one = Desk(tmp_path, monkeypatch)
    yield one
    one.engine.stop()


@pytest.fixture
def client(desk: Desk) -> Iterator[Client]:
    with desk.client() as one:
        yield one


def refusal(client: Client, method: str, **params: object) -> str:
    """The branch of the engine's refusal."""
    found: str = client.ask(method, **params)["error"]["data"]["kind"]
    return found


def test_before_the_first_look_every_host_is_unknown(client: Client) -> None:
    view = client.call("checks.view")
    assert [row["host"] for row in view["hosts"]] == ["a", "b"] and view["full"]
    assert {row.get("severity", "unknown") for row in view["hosts"]} == {"unknown"}
    assert client.call("checks.host", host="a").get("result") is None
    assert refusal(client, "checks.difference", host="a") == "BadInput"


def test_a_host_that_does_not_answer_as_it_should_says_why(desk: Desk, client: Client) -> None:
    """The host in memory answers nothing."""
    client.call("hello", client="10.0.0.7")
    version = client.call("checks.view")["version"]
    assert client.call("checks.run", select="a") == {"hosts": ["a"]}
    until(lambda: "tried" in client.call("checks.host", host="a")["health"])
    (row,) = client.call("checks.view", since=version)["hosts"]
    assert row["host"] == "a" and row["error"] and not row.get("busy")
    ((text, actor),) = desk.events("check")
    assert text == "health check" and "10.0.0.7" in actor


def test_the_catalogue_is_that_of_the_matrix(client: Client) -> None:
    rows = client.call("checks.catalogue")["checks"]
    assert {"id": "G05", "title": "row remapping failed", "group": "gpu"} in rows


def test_a_selector_narrows_the_view(client: Client) -> None:
    assert [row["host"] for row in client.call("checks.view", select="tag:gpu")["hosts"]] == ["a"]


@pytest.mark.parametrize("method", ["checks.ack", "checks.clear"])
def test_a_finding_that_is_not_there_cannot_be_acted_on(client: Client, method: str) -> None:
    assert refusal(client, method, **OF) == "BadInput"
    assert refusal(client, method, **{**OF, "host": "nobody"}) == "BadInput"


def test_hardware_is_loaded_only_when_the_hosts_name_is_said_again(desk: Desk, client: Client) -> None:
    assert refusal(client, "checks.active", host="a", test="bandwidth", drained="b") == "AskOperator"
    assert client.ask("checks.active", host="a", test="bandwidth")["error"]["code"] == -32602
    assert client.ask("checks.active", host="a", test="burn", drained="a")["error"]["code"] == -32602
    assert desk.source.execs["a"].asked == []  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("method", "params"),
    [("checks.ack", OF), ("checks.clear", OF), ("checks.active", {"host": "a", "test": "bandwidth", "drained": "a"})],
)
def test_a_read_only_engine_looks_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str, params: dict[str, str]
) -> None:
    desk = Desk(tmp_path, monkeypatch, read_only=True)
    try:
        with desk.client() as client:
            assert refusal(client, method, **params) == "AskOperator"
            assert client.call("checks.run", select="a") == {"hosts": ["a"]}
    finally:
        desk.engine.stop()


@pytest.mark.parametrize(
    "params", [{"host": "a"}, {"host": "a", "check": ""}, {**OF, "note": "x" * 301}, {**OF, "force": True}]
)
def test_what_names_no_finding_is_refused(client: Client, params: dict[str, object]) -> None:
    assert client.ask("checks.ack", **params)["error"]["code"] == -32602
