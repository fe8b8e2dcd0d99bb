"""The client speaks every method of the API, keeps overlapping calls apart, and says clearly what went wrong."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from backends import paths
from backends.engine.wire import (
    API_VERSION,
    METHODS,
    EngineInfo,
    Event,
    ExecStarted,
    FleetView,
    History,
    HostDetail,
    HostRow,
    ReplayPosition,
)
from backends.errors import AskOperator, BadInput, RetryLater, SkipHost, Stop, SwarmError
from backends.sources.base import OfferedKey
from backends.states import HostState, Severity
from backends.updates.aftercare import HostGate
from backends.updates.inventories import HostUpdates
from backends.updates.model import HistoryEntry, HostPlan, Repair, Selection
from backends.updates.plan import build
from backends.updates.reboots import RebootRecord
from backends.updates.repairs import RepairRun
from backends.updates.restart import RestartRecord, Services
from backends.updates.runs import Board
from backends.updates.service import View
from swarm_tui import launch
from swarm_tui.client import EngineClient, ensure_engine, open_engine
from swarm_tui.options import ConsoleOptions
from swarm_tui.rpc import Notification
from tests.unit import alert_calls, backup_samples, check_calls, run_calls, schedule_calls, triage_samples
from tests.unit.fake_engine import INFO, SILENCE, FakeEngine

ROW = HostRow(name="gpu01", state=HostState.UP)
KEY = OfferedKey(host="gpu01", address="gpu01:22", kind="ssh-ed25519", fingerprint="SHA256:x")
PLAN = build("p1", 1.0, "anna", Selection(), [HostPlan(host="gpu01", manager="apt")])
BOARD = Board(
    id="r1", title="", plan_id="p1", plan_hash=PLAN.hash, who="anna", created=1.0, finished=True, version=2, hosts=()
)
ENTRY = HistoryEntry(host="gpu01", id="7", time=1.0)
REPAIR = Repair(id="x", text="", command=("true",))
REPAIRING = RepairRun(host="gpu01", repair="x", run="r2")
SERVICES = Services(host="gpu01", taken=1.0)
GATE = HostGate(host="gpu01", taken=1.0, severity=Severity.OK, red=False)
RESTART = RestartRecord(id="r3-0", batch="r3", host="gpu01", who="anna", created=1.0)
REBOOT = RebootRecord(id="r4-0", batch="r4", host="gpu01", who="anna", created=1.0)
EVENT = Event(id=7, time=1.0, kind="state", text="up")


def double(**handlers: Any) -> FakeEngine:
    return FakeEngine(paths.socket_file(), {name.replace("__", "."): answer for name, answer in handlers.items()})


@pytest.fixture
def engine() -> Iterator[FakeEngine]:
    with double(
        engine__stop=None,
        engine__reload=INFO,
        engine__set_interval=None,
        fleet__view=FleetView(version=3, now=1.0, full=True, rows=(ROW,)),
        fleet__poll=None,
        host__get=lambda params: HostDetail(row=HostRow(name=params["host"], state=HostState.UP), now=1.0),
        host__history=History(host="gpu01", start=0, interval_seconds=1),
        host__signal={"text": "sent"},
        host__renice={"text": "done"},
        hosts__select={"hosts": ["gpu01"]},
        hosts__keys={"keys": [KEY]},
        hosts__accept_key=None,
        events__list={"events": [EVENT]},
        events__subscribe={},
        exec__start=ExecStarted(id=4, hosts=("gpu01",)),
        exec__cancel={},
        record__start={},
        record__stop={"path": "/x", "frames": 3},
        **{name.replace(".", "__"): answer for name, answer in backup_samples.ANSWERS.items()},
        **{name.replace(".", "__"): answer for name, answer in triage_samples.ANSWERS.items()},
        **{name.replace(".", "__"): answer for name, answer in alert_calls.ANSWERS.items()},
        **{name.replace(".", "__"): answer for name, answer in check_calls.ANSWERS.items()},
        **{name.replace(".", "__"): answer for name, answer in schedule_calls.ANSWERS.items()},
        **{name.replace(".", "__"): answer for name, answer in run_calls.ANSWERS.items()},
        updates__view=View(version=4),
        updates__host=HostUpdates(host="gpu01"),
        updates__refresh={"hosts": ["gpu01"]},
        updates__plan=PLAN,
        updates__get_plan=PLAN,
        updates__start=BOARD,
        updates__runs={"runs": [BOARD]},
        updates__run=BOARD,
        updates__log={"text": "Setting up bash"},
        updates__cancel={"hosts": {"gpu01": "ended"}},
        updates__hold={"hosts": {"gpu01": "held bash"}},
        updates__history={"entries": [ENTRY]},
        updates__rollback=PLAN,
        updates__repairs={"repairs": [REPAIR]},
        updates__repair=REPAIRING,
        updates__repaired=REPAIRING,
        updates__services=SERVICES,
        updates__restart={"restarts": [RESTART]},
        updates__restarts={"restarts": [RESTART]},
        updates__gate=GATE,
        updates__reboot={"reboots": [REBOOT]},
        updates__reboots={"reboots": [REBOOT]},
        replay__seek=ReplayPosition(start=0, end=9, position=5, speed=1, paused=False),
    ) as double_:
        yield double_


@pytest.fixture
def client(engine: FakeEngine) -> Iterator[EngineClient]:
    with EngineClient.connect(engine.path) as connected:
        yield connected


CALLS: dict[str, tuple[Callable[[EngineClient], Any], Any, dict[str, Any]]] = {
    "engine.info": (lambda c: c.info(), INFO, {}),
    "engine.stop": (lambda c: c.stop(), None, {}),
    "engine.reload": (lambda c: c.reload(), INFO, {}),
    "engine.set_interval": (lambda c: c.set_interval(2.0), None, {"seconds": 2.0}),
    "fleet.view": (lambda c: c.fleet_view(2, "tag:x").rows, (ROW,), {"since": 2, "select": "tag:x"}),
    "fleet.poll": (lambda c: c.poll(["gpu01"]), None, {"hosts": ["gpu01"]}),
    "host.get": (lambda c: c.host("gpu01", watch=True).row, ROW, {"host": "gpu01", "watch": True}),
    "host.history": (
        lambda c: c.history("gpu01", ["cpu.busy_percent"], 60, 30).host,
        "gpu01",
        {"host": "gpu01", "series": ["cpu.busy_percent"], "seconds": 60, "points": 30},
    ),
    "host.signal": (
        lambda c: c.signal("gpu01", 5, 99, "TERM"),
        "sent",
        {"host": "gpu01", "pid": 5, "start_ticks": 99, "signal": "TERM"},
    ),
    "host.renice": (
        lambda c: c.renice("gpu01", 5, 99, 10),
        "done",
        {"host": "gpu01", "pid": 5, "start_ticks": 99, "nice": 10},
    ),
    "hosts.select": (lambda c: c.select("*"), ("gpu01",), {"select": "*"}),
    "hosts.keys": (lambda c: c.offered_keys(), (KEY,), {}),
    "hosts.accept_key": (
        lambda c: c.accept_key("gpu01", "SHA256:x"),
        None,
        {"host": "gpu01", "fingerprint": "SHA256:x"},
    ),
    "events.list": (lambda c: c.events(host="gpu01", limit=5), (EVENT,), {"host": "gpu01", "limit": 5}),
    "events.subscribe": (lambda c: c.subscribe_events(), None, {}),
    "exec.start": (
        lambda c: c.exec_start("*", ["true"], 5.0).id,
        4,
        {"select": "*", "argv": ["true"], "timeout_seconds": 5.0},
    ),
    "exec.cancel": (lambda c: c.exec_cancel(4), None, {"id": 4}),
    "record.start": (lambda c: c.record_start("/x"), None, {"path": "/x"}),
    "record.stop": (lambda c: c.record_stop().frames, 3, {}),
    "updates.view": (lambda c: c.updates.view("tag:x", 3).version, 4, {"select": "tag:x", "since": 3}),
    "updates.host": (lambda c: c.updates.host("gpu01").host, "gpu01", {"host": "gpu01"}),
    "updates.refresh": (
        lambda c: c.updates.refresh("gpu01", lists=True, wait_seconds=5.0),
        ("gpu01",),
        {"select": "gpu01", "lists": True, "wait_seconds": 5.0},
    ),
    "updates.plan": (
        lambda c: c.updates.plan("gpu01", Selection(security_only=True)),
        PLAN,
        {"select": "gpu01", "selection": {"security_only": True}},
    ),
    "updates.get_plan": (lambda c: c.updates.get_plan("p1"), PLAN, {"plan": "p1"}),
    "updates.start": (lambda c: c.updates.start("p1", "f" * 64), BOARD, {"plan": "p1", "hash": "f" * 64}),
    "updates.runs": (lambda c: c.updates.runs(5), (BOARD,), {"limit": 5}),
    "updates.run": (lambda c: c.updates.run("r1"), BOARD, {"run": "r1"}),
    "updates.log": (lambda c: c.updates.log("r1", "gpu01"), "Setting up bash", {"run": "r1", "host": "gpu01"}),
    "updates.cancel": (
        lambda c: c.updates.cancel("r1", ["gpu01"]),
        {"gpu01": "ended"},
        {"run": "r1", "hosts": ["gpu01"]},
    ),
    "updates.hold": (
        lambda c: c.updates.hold("gpu01", ["bash"], True),
        {"gpu01": "held bash"},
        {"select": "gpu01", "packages": ["bash"], "hold": True},
    ),
    "updates.history": (lambda c: c.updates.history("gpu01", 5), (ENTRY,), {"host": "gpu01", "limit": 5}),
    "updates.rollback": (
        lambda c: c.updates.rollback("gpu01", "7", ["bash"]),
        PLAN,
        {"host": "gpu01", "entry": "7", "packages": ["bash"]},
    ),
    "updates.repairs": (lambda c: c.updates.repairs("gpu01"), (REPAIR,), {"host": "gpu01"}),
    "updates.repair": (lambda c: c.updates.repair("gpu01", "x"), REPAIRING, {"host": "gpu01", "repair": "x"}),
    "updates.repaired": (lambda c: c.updates.repaired("r2"), REPAIRING, {"run": "r2"}),
    "updates.services": (lambda c: c.updates.services("gpu01"), SERVICES, {"host": "gpu01"}),
    "updates.restart": (
        lambda c: c.updates.restart("gpu01", ["cron"]),
        (RESTART,),
        {"select": "gpu01", "units": ["cron"]},
    ),
    "updates.restarts": (lambda c: c.updates.restarts(5), (RESTART,), {"limit": 5}),
    "updates.gate": (lambda c: c.updates.gate("gpu01"), GATE, {"host": "gpu01"}),
    "updates.reboot": (
        lambda c: c.updates.reboot("gpu01", "the vendor said so", 60.0),
        (REBOOT,),
        {"select": "gpu01", "override": "the vendor said so", "soak_seconds": 60.0},
    ),
    "updates.reboots": (lambda c: c.updates.reboots(5), (REBOOT,), {"limit": 5}),
    "replay.seek": (lambda c: c.replay_seek(position=5.0).position, 5.0, {"position": 5.0}),
    **backup_samples.CALLS,
    **triage_samples.CALLS,
    **alert_calls.CALLS,
    **check_calls.CALLS,
    **schedule_calls.CALLS,
    **run_calls.CALLS,
}


def test_every_method_of_the_api_has_a_call() -> None:
    assert {*CALLS, "hello"} == set(METHODS)


@pytest.mark.parametrize("method", CALLS)
def test_a_call_sends_its_parameters_and_reads_its_answer(
    engine: FakeEngine, client: EngineClient, method: str
) -> None:
    call, result, params = CALLS[method]
    assert call(client) == result
    assert engine.params_of(method)[-1] == params


def test_answers_find_their_callers_in_any_order(engine: FakeEngine, client: EngineClient) -> None:
    replies = [client.host_later(f"gpu{number:02d}") for number in range(50)]
    assert [reply.result().row.name for reply in reversed(replies)] == [
        f"gpu{number:02d}" for number in range(49, -1, -1)
    ]


def test_many_threads_share_one_connection(client: EngineClient) -> None:
    wrong: list[str] = []

    def ask(name: str) -> None:
        wrong.extend(name for _ in range(20) if client.host(name).row.name != name)

    threads = [threading.Thread(target=ask, args=(f"h{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize("branch", [RetryLater, AskOperator, SkipHost, BadInput, Stop])
def test_an_error_of_the_engine_keeps_its_branch_and_its_texts(branch: type[SwarmError]) -> None:
    def refuse(params: object) -> None:
        raise branch("no \x1b[2J way", host="gpu01", action="look", hint="try again")

    with double(fleet__poll=refuse) as engine, EngineClient.connect(engine.path) as client:
        with pytest.raises(branch) as caught:
            client.poll()
    assert type(caught.value) is branch
    assert (caught.value.message, caught.value.host, caught.value.action, caught.value.hint) == (
        "no  way",
        "gpu01",
        "look",
        "try again",
    )


def test_an_error_of_an_unknown_branch_is_still_an_error_of_ours() -> None:
    with double() as engine, EngineClient.connect(engine.path) as client:
        reply = client.submit("fleet.poll", {}, msgspec.Raw)
        engine.raw(b'{"id":2,"error":{"code":-32000,"message":"odd","data":{"kind":"Exception"}}}\n')
        with pytest.raises(SwarmError):
            reply.result()


def test_a_method_that_the_engine_does_not_know_is_a_matter_of_versions() -> None:
    with double() as engine, EngineClient.connect(engine.path) as client, pytest.raises(Stop, match="does not know"):
        client.record_start("/x")


def test_an_answer_of_the_wrong_shape_is_told() -> None:
    with double(fleet__view={"nothing": 1}) as engine, EngineClient.connect(engine.path) as client:
        with pytest.raises(Stop, match="not understood"):
            client.fleet_view()


def test_another_api_version_is_refused_unless_it_does_not_matter() -> None:
    newer = EngineInfo(api_version=API_VERSION + 1, version="9", pid=1, started=0.0)
    with double(hello=newer, engine__stop=None) as engine:
        with pytest.raises(AskOperator, match="newer than this program") as caught:
            EngineClient.connect(engine.path)
        assert "engine stop" in (caught.value.hint or "")
        with EngineClient.connect(engine.path, check_version=False) as client:
            client.stop()


def test_an_engine_that_knows_no_greeting_is_too_old() -> None:
    with double() as engine:
        del engine.handlers["hello"]
        with pytest.raises(AskOperator, match="older than this program"):
            EngineClient.connect(engine.path)


def test_the_greeting_tells_where_the_person_sits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_CONNECTION", "192.0.2.7 50022 10.0.0.1 22")
    with double() as engine, EngineClient.connect(engine.path):
        assert engine.params_of("hello") == [{"client": "192.0.2.7"}]


def test_nothing_there_says_how_to_start_it() -> None:
    with pytest.raises(RetryLater, match="no engine answers") as caught:
        EngineClient.connect(paths.socket_file())
    assert caught.value.hint == "start one: swarm-tui engine"


def test_an_impossible_socket_path_is_told() -> None:
    with pytest.raises(RetryLater, match="too long"):
        EngineClient.connect("/tmp/" + "x" * 200)


def test_an_engine_that_does_not_answer_is_given_up() -> None:
    with double(fleet__poll=lambda params: SILENCE) as engine, EngineClient.connect(engine.path) as client:
        with pytest.raises(RetryLater, match=r"did not answer within 0\.05 s"):
            client.call("fleet.poll", {}, msgspec.Raw, 0.05)


def test_the_end_of_the_engine_ends_waiting_calls_and_is_told_once() -> None:
    ends: list[str] = []
    with double(fleet__poll=lambda params: SILENCE) as engine:
        client = EngineClient.connect(engine.path, on_close=ends.append)
        reply = client.submit("fleet.poll", {}, msgspec.Raw)
        engine.close()
        with pytest.raises(RetryLater, match="has ended"):
            reply.result()
        assert client.notifications.get(timeout=2.0) is None
        with pytest.raises(RetryLater):
            client.poll()
        client.close()
    assert ends == [""]
    assert not client.is_open


def test_closing_it_ourselves_is_no_loss(engine: FakeEngine) -> None:
    ends: list[str] = []
    client = EngineClient.connect(engine.path, on_close=ends.append)
    client.close()
    client.close()
    assert ends == []
    with pytest.raises(RetryLater):
        client.info()


def test_notifications_queue_up_or_go_to_the_callback(engine: FakeEngine, client: EngineClient) -> None:
    heard: list[Notification] = []
    arrived = threading.Event()

    def hear(note: Notification) -> None:
        heard.append(note)
        arrived.set()

    with EngineClient.connect(engine.path, on_notification=hear):
        engine.push("event", EVENT)
        note = client.notifications.get(timeout=2.0)
        assert note is not None
        assert (note.method, note.read(Event)) == ("event", EVENT)
        assert arrived.wait(2.0)
    assert heard[0].read(Event) == EVENT


def test_what_is_no_message_is_passed_over(engine: FakeEngine, client: EngineClient) -> None:
    engine.raw(b'Welcome to bastion!\n\n{"id":99,"result":1}\n')
    assert client.info() == INFO


@pytest.mark.parametrize("garbage", [b"{nonsense\n", b'{"id":"text"}\n'])
def test_a_broken_message_ends_the_connection_with_the_reason(
    engine: FakeEngine, client: EngineClient, garbage: bytes
) -> None:
    engine.raw(garbage)
    assert client.notifications.get(timeout=2.0) is None
    with pytest.raises(RetryLater, match="has ended: "):
        client.info()


ECHO = """
import json, sys
print("Last login: yesterday", flush=True)
for line in sys.stdin:
    request = json.loads(line)
    result = {"api_version": %d, "version": "1", "pid": 1, "started": 0}
    print(json.dumps({"id": request["id"], "result": result}), flush=True)
"""


def test_a_command_can_speak_the_api_on_its_pipes() -> None:
    with EngineClient.connect([sys.executable, "-S", "-c", ECHO % API_VERSION]) as client:
        assert client.info().version == "1"


def test_a_command_that_fails_is_told_with_its_last_words() -> None:
    script = "import sys; sys.stderr.write('debug\\nops@bastion: Permission denied (publickey).\\n'); sys.exit(255)"
    with pytest.raises(RetryLater, match="Permission denied"):
        EngineClient.connect([sys.executable, "-S", "-c", script])


def test_a_command_that_is_not_there_is_told() -> None:
    with pytest.raises(BadInput, match="cannot run no-such-program"):
        EngineClient.connect(["no-such-program"])
    with pytest.raises(BadInput, match="empty command"):
        EngineClient.connect([])


# -- starting an engine in the background

ENGINE = """
import json, os, socket, sys
path = sys.argv[sys.argv.index("--socket") + 1]
with open(os.environ["STARTS"], "a") as starts:
    starts.write("x")
listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
listener.listen()
while True:
    connection, _ = listener.accept()
    for line in connection.makefile():
        request = json.loads(line)
        info = {"api_version": %d, "version": "1", "pid": os.getpid(), "started": 0, "config_path": "/etc/fleet.toml"}
        connection.sendall((json.dumps({"id": request["id"], "result": info}) + "\\n").encode())
        if request["method"] == "engine.stop":
            os.unlink(path)
            sys.exit()
"""


@pytest.fixture
def starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Lets a tiny engine be started instead of the real one; the file holds an x for every start."""
    real = launch.argv
    monkeypatch.setenv("STARTS", str(tmp_path / "starts"))
    monkeypatch.setattr(
        launch, "argv", lambda options: [sys.executable, "-S", "-c", ENGINE % API_VERSION, *real(options)[3:]]
    )
    return tmp_path / "starts"


def test_an_engine_is_started_when_none_answers(starts: Path) -> None:
    with open_engine(ConsoleOptions()) as client:
        pid = client.info().pid
        assert os.getsid(pid) == pid != os.getsid(0)
        client.stop()
    assert starts.read_text() == "x"


def test_two_consoles_start_one_engine(starts: Path) -> None:
    pids: list[int] = []

    def console() -> None:
        with open_engine(ConsoleOptions()) as client:
            pids.append(client.info().pid)

    threads = [threading.Thread(target=console) for _ in range(4)]
    for thread in threads:
        thread.start()
        if thread is threads[0]:
            thread.join(0.01)
    # The tiny engine serves one connection after the other, so they all get their turn.
    for thread in threads:
        thread.join()
    assert len(pids) == 4
    assert len(set(pids)) == 1
    assert starts.read_text() == "x"
    with ensure_engine() as client:
        client.stop()


def test_nothing_is_started_when_nobody_wants_it(starts: Path) -> None:
    with pytest.raises(RetryLater):
        open_engine(ConsoleOptions(), start=False)
    assert not starts.exists()


def test_an_engine_that_dies_is_told_with_its_last_words(monkeypatch: pytest.MonkeyPatch) -> None:
    script = "import sys; sys.exit('boom \\x1b[2J')"
    monkeypatch.setattr(launch, "argv", lambda options: [sys.executable, "-S", "-c", script])
    with pytest.raises(RetryLater, match="the engine ended with 1:\nboom") as caught:
        open_engine(ConsoleOptions())
    assert "engine-start.log" in (caught.value.hint or "")
    assert "\x1b" not in caught.value.message


def test_another_configuration_than_the_running_one_is_refused(starts: Path) -> None:
    with pytest.raises(BadInput, match=r"uses /etc/fleet\.toml, not /etc/other\.toml"):
        open_engine(ConsoleOptions(config_path="/etc/other.toml"))
    with open_engine(ConsoleOptions(config_path="/etc/fleet.toml")) as client:
        client.stop()


def test_demo_and_replay_have_engines_of_their_own() -> None:
    sockets = {
        options.engine_socket
        for options in (
            ConsoleOptions(),
            ConsoleOptions(demo=40),
            ConsoleOptions(demo=41),
            ConsoleOptions(replay="/a"),
            ConsoleOptions(replay="/b"),
        )
    }
    assert len(sockets) == 5
    assert ConsoleOptions(demo=1, socket_path="/x").engine_socket == Path("/x")


def test_the_started_engine_gets_the_options_as_absolute_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    argv = launch.argv(ConsoleOptions(config_path="c.toml", demo=7, replay="r", read_only=True))
    assert argv[argv.index("--config") + 1] == str(tmp_path / "c.toml")
    assert argv[argv.index("--replay") + 1] == str(tmp_path / "r")
    assert argv[argv.index("--demo-hosts") + 1] == "7"
    assert argv[-3:] == ["--read-only", "engine", "--foreground"]
