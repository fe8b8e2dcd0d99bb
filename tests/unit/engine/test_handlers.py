"""The API as a client meets it: a real engine on its real socket, every method, right and wrong."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backends.engine.handlers import TABLE
from backends.engine.methods import Dispatcher
from backends.engine.session import Session
from backends.engine.wire import API_VERSION, EngineInfo, FleetView, History, HostDetail
from backends.execution import ExecResult
from backends.metrics.sample import HostFacts
from backends.sources.base import LinkInfo, OfferedKey, StateChange
from backends.states import HostState
from tests.e2e.enginerun import Client
from tests.unit.engine.desk import Desk
from tests.unit.engine.parts import FakeExec, sample
from tests.unit.engine.test_session import FakeLink
from tests.unit.hostkit.kit import eventually

T = TypeVar("T")
BAD_PARAMS, REFUSED = -32602, -32000
CHANGING = ("host.signal", "host.renice", "hosts.accept_key", "exec.start")
"""What a read-only engine must refuse."""


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    one = Desk(tmp_path, monkeypatch)
    yield one
    one.engine.stop()


@pytest.fixture
def client(desk: Desk) -> Iterator[Client]:
    with desk.client() as one:
        yield one


def refused(client: Client, method: str, **params: object) -> tuple[str, str]:
    """Kind and message of the engine's refusal."""
    error = client.ask(method, **params)["error"]
    assert error["code"] == REFUSED, error
    return error["data"]["kind"], error["message"]


def typed(kind: type[T], value: object) -> T:
    """The result as a client decodes it."""
    return msgspec.convert(value, kind)


# greeting and the engine itself


def test_a_greeting_is_answered_with_who_the_engine_is(desk: Desk, client: Client) -> None:
    info = typed(EngineInfo, client.call("hello", client="10.0.0.7", api_version=API_VERSION))
    assert (info.api_version, info.pid, info.hosts, info.label) == (API_VERSION, os.getpid(), 2, "")
    assert (info.fleet_name, info.config_path, info.config_error) == ("Basement", str(desk.file), "")
    assert info == typed(EngineInfo, client.call("engine.info"))


def test_a_client_of_another_version_is_told_what_to_do(client: Client) -> None:
    kind, message = refused(client, "hello", api_version=API_VERSION + 1)
    assert kind == "BadInput" and f"the client {API_VERSION + 1}" in message
    assert "result" in client.ask("hello")  # a script that does not say is welcome


def test_where_a_person_sits_goes_into_the_audit_and_cannot_deceive(desk: Desk, client: Client) -> None:
    client.call("hello", client="10.0.0.7\x1b[2J\u202e")
    client.call("engine.set_interval", seconds=2)
    ((_, actor),) = desk.events("action")
    assert actor.endswith("from 10.0.0.7\ufffd")


def test_stopping_is_answered_first_and_audited(desk: Desk, client: Client) -> None:
    assert client.call("engine.stop") == {}
    assert desk.engine.stopping.wait(5)
    assert desk.events("engine")[-1][0] == "engine stopped on request"


def test_a_reload_takes_a_right_configuration_and_refuses_a_wrong_one(desk: Desk, client: Client) -> None:
    desk.file.write_text(desk.file.read_text() + "[hosts.c]\n")
    assert client.call("engine.reload")["hosts"] == 3
    assert desk.source.names == ["a", "b", "c"]
    desk.file.write_text("[hosts.a]\nprot = 1\n")
    info = client.call("engine.reload")
    assert "prot" in info["config_error"] and info["hosts"] == 3
    assert len(desk.events("config-error")) == 1


def test_a_reload_takes_over_which_python_environments_a_host_has(desk: Desk, client: Client) -> None:
    before = desk.file.read_text()
    for hosts, python in (("b", {"b": ("/srv/x",)}), ("", {"a": ("/srv/x",), "b": ("/srv/x",)})):
        table = f'[updates]\npython_environments = [{{ path = "/srv/x", hosts = "{hosts}" }}]\n'
        desk.file.write_text(before + table)
        assert not client.call("engine.reload").get("config_error")
        assert desk.engine.python == python
    desk.file.write_text(before + '[updates]\npython_environments = [{ path = "/srv/x", hosts = "nobody" }]\n')
    assert "nobody" in client.call("engine.reload")["config_error"]
    assert set(desk.engine.python) == {"a", "b"}


def test_the_interval_goes_to_the_sources_and_the_header(desk: Desk, client: Client) -> None:
    assert client.call("engine.set_interval", seconds=5) == {}
    assert desk.source.interval == 5.0
    assert client.call("fleet.view")["summary"]["interval_seconds"] == 5.0
    for seconds in (0.1, 3601, "5", None):
        assert client.ask("engine.set_interval", seconds=seconds)["error"]["code"] == BAD_PARAMS
    assert desk.source.interval == 5.0


# the fleet


def test_views_are_whole_and_then_only_what_changed(desk: Desk, client: Client) -> None:
    first = typed(FleetView, client.call("fleet.view"))
    assert first.full and [row.name for row in first.rows] == ["a", "b"]
    desk.sink.sample("b", sample())
    later = typed(FleetView, client.call("fleet.view", since=first.version))
    assert not later.full and [row.name for row in later.rows] == ["b"]
    assert later.rows[0].state is HostState.UP


def test_a_view_can_be_of_selected_hosts(desk: Desk, client: Client) -> None:
    desk.sink.sample("b", sample())
    assert [row["name"] for row in client.call("fleet.view", select="tag:gpu")["rows"]] == ["a"]
    assert [row["name"] for row in client.call("fleet.view", select="state:up")["rows"]] == ["b"]
    assert client.call("hosts.select", select="b,a") == {"hosts": ["a", "b"]}
    assert refused(client, "fleet.view", select="tag:nope")[0] == "BadInput"


def test_polling_asks_some_hosts_or_all(desk: Desk, client: Client) -> None:
    client.call("fleet.poll", hosts=["b"])
    client.call("fleet.poll")
    assert desk.source.polled == ["b", "a", "b"]
    assert refused(client, "fleet.poll", hosts=["ghost"])[0] == "BadInput"


def test_a_host_is_told_with_everything_that_is_known(desk: Desk, client: Client) -> None:
    desk.sink.facts("a", HostFacts(kernel="6.8", cpu_count=64))
    desk.sink.link("a", LinkInfo(user="root", via=("bastion",)))
    desk.sink.sample("a", sample(desk.engine.clock.now()))
    key = OfferedKey(host="a", address="a:22", kind="ssh-ed25519", fingerprint="SHA256:x")
    desk.source.keys = [key, msgspec.structs.replace(key, host="b")]
    detail = typed(HostDetail, client.call("host.get", host="a"))
    assert (detail.row.name, detail.row.kernel, detail.row.cpu_count) == ("a", "6.8", 64)
    assert detail.facts == HostFacts(kernel="6.8", cpu_count=64)
    assert detail.link == LinkInfo(user="root", via=("bastion",))
    assert detail.sample is not None and detail.sample.cpu is not None
    assert detail.offered_key == key
    assert "cpu.busy_percent" in detail.series
    assert detail.now == pytest.approx(desk.engine.clock.now(), abs=60)


def test_a_host_of_which_nothing_is_known_is_told_as_such(client: Client) -> None:
    detail = typed(HostDetail, client.call("host.get", host="b"))
    assert (detail.facts, detail.sample, detail.link, detail.offered_key, detail.series) == (None,) * 4 + ((),)
    assert detail.row.state is HostState.CONNECTING
    assert refused(client, "host.get", host="ghost")[0] == "BadInput"


def test_looking_at_a_host_reads_its_processes_more_often(desk: Desk, client: Client) -> None:
    client.call("host.get", host="a")
    assert desk.source.focused == []
    for _ in range(2):
        client.call("host.get", host="a", watch=True)
    assert desk.source.focused == [("a", True)]
    refused(client, "host.get", host="ghost", watch=True)
    assert desk.source.focused == [("a", True)]


def test_history_has_the_series_in_the_order_asked_for(desk: Desk, client: Client) -> None:
    now = desk.engine.clock.now()
    for back in range(10, 0, -1):
        desk.sink.sample("a", sample(now - back, busy=50.0))
    names = ["memory.used_bytes", "cpu.busy_percent", "no.such_percent"]
    found = typed(History, client.call("host.history", host="a", series=names, seconds=10, points=5))
    assert [series.name for series in found.series] == names
    assert [series.unit for series in found.series] == ["bytes", "percent", "percent"]
    assert 50.0 in found.series[1].points and set(found.series[2].points) == {None}
    assert {len(series.points) for series in found.series} == {5}
    assert refused(client, "host.history", host="ghost", series=[], seconds=10)[0] == "BadInput"


def test_keys_are_offered_and_trusted_by_their_fingerprint(desk: Desk, client: Client) -> None:
    key = OfferedKey(host="a", address="a:22", kind="ssh-ed25519", fingerprint="SHA256:x", changed=True)
    desk.source.keys = [key]
    (offered,) = client.call("hosts.keys")["keys"]
    assert typed(OfferedKey, offered) == key
    client.call("hosts.accept_key", host="a", fingerprint="SHA256:x")
    assert desk.source.accepted == [("a", "SHA256:x")]
    assert desk.events("key-accepted")[0][0] == "accepted host key SHA256:x"


def test_a_signal_goes_to_the_host_and_its_answer_comes_back(desk: Desk, client: Client) -> None:
    way = desk.source.execs["a"]
    assert isinstance(way, FakeExec)
    way.result = ExecResult(exit_status=1, stdout=b"nonsense")
    error = client.ask("host.signal", host="a", pid=4711, start_ticks=5, signal="TERM")["error"]
    assert error["code"] == REFUSED and error["data"]["host"] == "a"
    assert len(way.asked) == 1
    assert "failed" in desk.events("action")[-1][0]
    assert refused(client, "host.renice", host="a", pid=1, start_ticks=0, nice=99)[0] == "BadInput"
    assert len(way.asked) == 1


# events


def test_events_are_listed_newest_first_and_by_host(desk: Desk, client: Client) -> None:
    desk.sink.note("a", "reconnected", "back after 3 s")
    desk.sink.note("b", "reboot", "rebooted")
    texts = [event["text"] for event in client.call("events.list")["events"]]
    assert texts[:2] == ["rebooted", "back after 3 s"] and "engine started, 2 hosts" in texts
    assert [event["text"] for event in client.call("events.list", host="a")["events"]] == ["back after 3 s"]
    newest = client.call("events.list", limit=1)["events"][0]["id"]
    assert client.call("events.list", since_id=newest)["events"] == []
    assert client.call("events.list", before_id=newest, limit=1)["events"][0]["id"] == newest - 1


@pytest.mark.parametrize("wrong", [{"since_id": -(1 << 70)}, {"before_id": 1 << 70}, {"limit": 0}, {"limit": 10_001}])
def test_a_page_that_cannot_be_is_refused(client: Client, wrong: dict[str, int]) -> None:
    assert client.ask("events.list", **wrong)["error"]["code"] == BAD_PARAMS


def test_only_who_subscribed_is_pushed_events(desk: Desk, client: Client) -> None:
    with desk.client() as other:
        client.call("events.subscribe")
        desk.sink.state("a", StateChange(state=HostState.AUTH_FAILED, reason="no key was accepted"))
        (event,) = client.until_notified("event")
        assert (event["host"], event["severity"], event["kind"]) == ("a", "critical", "state")
        other.call("engine.info")
        assert other.notified == []


# commands on hosts


def test_a_command_runs_on_the_selected_hosts_and_its_output_is_pushed(desk: Desk, client: Client) -> None:
    for name in ("a", "b"):
        way = desk.source.execs[name]
        assert isinstance(way, FakeExec)
        way.output = (("out", f"{name}\x1b[31m\n".encode()),)
    started = client.call("exec.start", select="all", argv=["uname", "-r"], become=False)
    assert started["hosts"] == ["a", "b"]
    done = client.until_notified("exec.done", 2)
    assert {(one["host"], one["exit_status"]) for one in done} == {("a", 0), ("b", 0)}
    assert done[-1].get("left", 0) == 0
    output = {one["host"]: one["text"] for one in client.until_notified("exec.output", 2)}
    assert output == {"a": "a\n", "b": "b\n"}
    assert desk.events("exec")[-1][0] == "ran on 2 hosts (all): uname -r"
    assert refused(client, "exec.cancel", id=4711)[0] == "BadInput"


def test_a_command_for_nobody_is_refused(client: Client) -> None:
    assert refused(client, "exec.start", select="ghost", argv=["true"])[0] == "BadInput"
    wrongs: list[dict[str, object]] = [{"argv": []}, {"argv": ["a"], "timeout_seconds": 0}, {"argv": "true"}]
    for wrong in wrongs:
        assert client.ask("exec.start", select="all", **wrong)["error"]["code"] == BAD_PARAMS


def test_a_read_only_engine_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: dict[str, dict[str, object]] = {
        "host.signal": {"host": "a", "pid": 4711, "start_ticks": 1},
        "host.renice": {"host": "a", "pid": 4711, "start_ticks": 1, "nice": 5},
        "hosts.accept_key": {"host": "a", "fingerprint": "SHA256:x"},
        "exec.start": {"select": "a", "argv": ["true"]},
    }
    desk = Desk(tmp_path, monkeypatch, read_only=True)
    try:
        with desk.client() as client:
            for method in CHANGING:
                assert refused(client, method, **calls[method]) == ("AskOperator", "the engine is read-only")
            assert client.call("engine.info")["read_only"] is True
        way = desk.source.execs["a"]
        assert isinstance(way, FakeExec) and way.asked == []
        assert desk.source.accepted == []
    finally:
        desk.engine.stop()


# recordings and replays


def test_a_recording_is_begun_and_ended_and_shown_as_in_flight(desk: Desk, client: Client, tmp_path: Path) -> None:
    path = str(tmp_path / "fleet.swarm")
    assert client.call("record.start", path=path) == {}
    info = client.call("engine.info")
    assert info["recording"] == path and f"recording to {path}" in info["in_flight"]
    assert client.call("record.stop") == {"path": path, "frames": 1}
    assert "recording" not in client.call("engine.info")
    assert refused(client, "record.stop")[0] == "BadInput"
    assert refused(client, "record.start", path="relative")[0] == "BadInput"


def test_a_recording_ends_with_its_client(desk: Desk, tmp_path: Path) -> None:
    with desk.client() as client:
        client.call("record.start", path=str(tmp_path / "fleet.swarm"))
    assert eventually(lambda: desk.engine.recordings.path == "")


def test_only_a_replay_can_be_steered(client: Client) -> None:
    kind, message = refused(client, "replay.seek", position=5.0)
    assert kind == "BadInput" and "plays no recording" in message


# whatever a client sends


@pytest.mark.parametrize("name", sorted(TABLE.methods))
def test_a_misspelt_parameter_is_an_error_and_not_silence(client: Client, name: str) -> None:
    error = client.ask(name, no_such_parameter=1)["error"]
    assert error["code"] == BAD_PARAMS


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
PLAUSIBLE = st.sampled_from(
    ["a", "b", "all", "tag:gpu", "", 0, 1, -1, 5.0, 1 << 70, -(1 << 70), True, ["a"], ["true"], "TERM"]
)
NOT_AT_RANDOM = {"engine.stop", "record.start"}  # these would end the engine, or write files anywhere


class Hearing(Session):
    """A session whose answers are kept."""

    def __init__(self, desk: Desk):
        super().__init__(
            FakeLink(), number=1, user="eve", log=desk.engine.log, on_line=lambda *_: None, on_end=lambda _: None
        )
        self.answers: list[dict[str, Any]] = []

    def send(self, line: bytes) -> None:
        self.answers.append(json.loads(line))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_request_meets_a_bug(desk: Desk, data: st.DataObject) -> None:
    method = TABLE.methods[data.draw(st.sampled_from(sorted(set(TABLE.methods) - NOT_AT_RANDOM)))]
    params = {
        field.name: data.draw(PLAUSIBLE | JSON)
        for field in msgspec.structs.fields(method.params)
        if field.required or data.draw(st.booleans())
    }
    session = Hearing(desk)
    line = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method.name, "params": params}).encode()
    Dispatcher(TABLE, desk.engine, desk.engine.log)(session, line)
    assert eventually(lambda: [one for one in session.answers if one.get("id") == 1])
    (answer,) = [one for one in session.answers if one.get("id") == 1]
    assert "result" in answer or answer["error"]["code"] in (BAD_PARAMS, REFUSED), answer
