"""The API of triage as a client meets it, over hosts in memory: who asked is kept, what is wrong is an error with its branch."""

from __future__ import annotations

import json
import queue
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from backends.clock import ManualClock
from backends.engine.handlers_triage import TABLE
from backends.engine.log import Log
from backends.engine.methods import Dispatcher
from backends.engine.wire import METHODS
from tests.unit import triage_samples
from tests.unit.engine.desk import Desk
from tests.unit.engine.triage_bench import HOSTS, ILL, LOST, Bench, bench


class Client:
    """One session, as far as handlers know it."""

    actor = "alice from 10.0.0.7"

    def __init__(self, on: Bench):
        duty = SimpleNamespace(triages=on.triages)
        engine = SimpleNamespace(duty=duty, select=lambda text: [host for host in HOSTS if host in text.split(",")])
        self._dispatch = Dispatcher(TABLE, engine, Log(ManualClock()))
        self._sent: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def send(self, line: bytes) -> None:
        self._sent.put(line)

    def pending(self, change: int) -> None:
        """Slow calls are counted; there is nothing to do."""

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        self._dispatch(self, json.dumps(request).encode())  # type: ignore[arg-type]  # a session, as far as handlers know
        found: dict[str, Any] = json.loads(self._sent.get(timeout=10.0))
        return found

    def call(self, method: str, **params: Any) -> Any:
        answer = self.ask(method, **params)
        assert "result" in answer, answer
        return answer["result"]


@pytest.fixture
def on() -> Iterator[Bench]:
    with bench() as made:
        yield made


@pytest.fixture
def client(on: Bench) -> Client:
    return Client(on)


def test_every_method_is_documented_and_has_a_call() -> None:
    offered = {name for name in TABLE.methods if name.startswith("triage.")}
    assert offered == {name for name in METHODS if name.startswith("triage.")} == set(triage_samples.CALLS)


def test_a_round_is_begun_at_once_and_followed_by_its_number(on: Bench, client: Client) -> None:
    release = on.hold("gpu1")
    begun = client.call("triage.start", select="gpu1,gpu2", reason="drill\x1b[2J")
    assert begun["reason"] == "drill" and begun["actor"] == Client.actor
    on.until_asked(2)
    assert client.call("triage.round", id=begun["id"])["outcomes"][0]["standing"] == "asking"
    release()
    on.until_quiet()
    outcomes = client.call("triage.round", id=begun["id"])["outcomes"]
    assert [each["standing"] for each in outcomes] == ["done", "done"]
    assert ("gpu1", "drill") in on.asked
    assert {actor for _, _, actor, _ in on.told} <= {Client.actor}


def test_who_waits_gets_all_of_it(on: Bench, client: Client) -> None:
    on.answers = {"gpu1": ILL, "gpu2": LOST}
    ill, lost = client.call("triage.run", select="gpu1,gpu2")["outcomes"]
    assert ill["bundle"]["strip"]["severity"] == "critical" and "sections" not in ill["bundle"]
    assert lost["error"] == LOST.message
    assert client.call("triage.get", number=ill["number"])["sections"]
    assert [row["host"] for row in client.call("triage.list")["bundles"]] == ["gpu1"]
    assert client.call("triage.list", host="gpu2")["bundles"] == []


def test_a_difference_is_told(on: Bench, client: Client) -> None:
    on.made("gpu2")
    number = on.made("gpu1", ILL)
    found = client.call("triage.difference", number=number)
    assert found["other_host"] == "gpu2" and found["why"].startswith("a host of the same kind")


@pytest.mark.parametrize(
    ("method", "params", "kind"),
    [
        ("triage.start", {"select": "nobody"}, "BadInput"),
        ("triage.round", {"id": 9}, "BadInput"),
        ("triage.get", {"number": 9}, "BadInput"),
        ("triage.difference", {"number": 9}, "BadInput"),
    ],
)
def test_what_is_not_there_is_an_error(client: Client, method: str, params: dict[str, Any], kind: str) -> None:
    assert client.ask(method, **params)["error"]["data"]["kind"] == kind


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("triage.get", {"number": 0}),
        ("triage.get", {"number": -1}),
        ("triage.list", {"limit": 100_000}),
        ("triage.start", {"select": "gpu1", "reason": "x" * 201}),
        ("triage.start", {"select": "gpu1", "raeson": "x"}),
        ("triage.difference", {"number": 1, "against": "x" * 300}),
    ],
)
def test_bad_parameters_are_refused(client: Client, method: str, params: dict[str, Any]) -> None:
    assert client.ask(method, **params)["error"]["code"] == -32602


def test_a_whole_engine_answers_too_and_keeps_who_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The host in memory answers nothing that is a triage."""
    desk = Desk(tmp_path, monkeypatch, read_only=True)
    try:
        with desk.client() as client:
            client.call("hello", client="10.0.0.7")
            (outcome,) = client.call("triage.run", select="a")["outcomes"]
            assert (outcome["host"], outcome["standing"]) == ("a", "failed") and outcome["error"]
            assert client.call("triage.list") == {"bundles": []}
        ((text, actor),) = desk.events("triage")
        assert text.startswith("no triage: ") and "10.0.0.7" in actor
    finally:
        desk.engine.stop()
