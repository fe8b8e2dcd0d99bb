"""The engine as a process: lives through whatever its clients, its disk and its operator do, and ends when told."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.e2e.enginerun import EngineRun, until
from tests.lab.pace import slowness

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


def config(directory: Path, text: str) -> Path:
    file = directory / "fleet.toml"
    file.write_text(text)
    return file


def test_a_first_start_without_any_configuration_shows_this_machine(tmp_path: Path) -> None:
    with EngineRun(tmp_path).until_ready() as engine, engine.client() as client:
        until(lambda: client.call("fleet.view")["rows"][0].get("cpu_percent") is not None)
        (row,) = client.call("fleet.view")["rows"]
        assert row["name"] == socket.gethostname().split(".")[0]
        assert row["memory_total_bytes"] == pytest.approx(
            os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), rel=0.01
        )
        detail = client.call("host.get", host=row["name"], watch=True)
        assert detail["sample"]["processes"]["total"] > 0

        def newest() -> float:
            asked = {"series": ["memory.used_bytes"], "seconds": 10, "points": 5}
            points = client.call("host.history", host=row["name"], **asked)["series"][0]["points"]
            return points[-1] or 0.0  # None: no sample fell into the last two seconds

        until(lambda: newest() > 0, what="its memory in the history")


def test_a_demo_is_labelled_and_keeps_its_numbers_out_of_the_history(tmp_path: Path) -> None:
    with EngineRun(tmp_path, "--demo", "40").until_ready() as engine, engine.client() as client:
        assert client.call("engine.info")["label"] == "DEMO"
        view = client.call("fleet.view")
        assert len(view["rows"]) == 40
        until(lambda: len(client.call("fleet.view", since=view["version"])["rows"]) > 20)
        assert client.call("hosts.select", select="tag:h100 & !state:up")["hosts"]
        error = client.ask("hosts.select", select="tag:nope")["error"]
        assert error["data"]["kind"] == "BadInput"
        started = client.call("exec.start", select="dgx01", argv=["uname"])
        (done,) = client.until_notified("exec.done")
        assert done["id"] == started["id"] and "simulated" in done["error"]
        assert not (engine.state / "swarm-tui" / "history.db").exists()


def test_a_console_that_is_killed_leaves_the_engine_and_another_one_attaches(tmp_path: Path) -> None:
    code = (
        "import socket,sys,time;s=socket.socket(socket.AF_UNIX);s.connect(sys.argv[1]);"
        's.sendall(b\'{"jsonrpc":"2.0","id":1,"method":"events.subscribe","params":{}}\\n\');s.recv(100);'
        "print('ready',flush=True);time.sleep(60)"
    )
    with EngineRun(tmp_path, "--demo", "10").until_ready() as engine:
        console = subprocess.Popen([sys.executable, "-c", code, str(engine.socket)], stdout=subprocess.PIPE)
        assert console.stdout is not None and console.stdout.readline() == b"ready\n"
        console.kill()
        console.communicate()
        with engine.client() as one, engine.client() as two:
            assert one.call("engine.info") == two.call("engine.info")


def test_a_console_that_stops_reading_does_not_stop_the_fleet(tmp_path: Path) -> None:
    with EngineRun(tmp_path, "--demo", "200").until_ready() as engine:
        with engine.client() as stuck, engine.client() as good:
            request = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "fleet.view", "params": {}}).encode() + b"\n"
            stuck.socket.settimeout(0.5)
            try:
                for _ in range(2000):
                    stuck.socket.sendall(request)
            except OSError:
                pass  # disconnected, or its own buffer is full: both are its own trouble
            version = good.call("fleet.view")["version"]
            until(lambda: len(good.call("fleet.view", since=version)["rows"]) > 100)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_within_a_second_and_leaves_nothing(tmp_path: Path, number: int) -> None:
    with EngineRun(tmp_path, "--demo", "100").until_ready() as engine:
        with engine.client() as client:
            client.call("fleet.view")
            assert engine.stop(number) < 1.5 * slowness()
        assert engine.process.returncode == 0
        assert list((tmp_path / "run").iterdir()) == []


def test_stopping_by_request_answers_first(tmp_path: Path) -> None:
    with EngineRun(tmp_path, "--demo", "5").until_ready() as engine, engine.client() as client:
        assert client.call("engine.stop") == {}
        assert engine.process.wait(30) == 0


def test_a_second_engine_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    with EngineRun(tmp_path, "--demo", "5").until_ready() as first:
        with EngineRun(tmp_path, "--demo", "5") as second:
            assert second.process.wait(60) == 2
            assert "already runs" in second.said()
        with first.client() as client:
            assert client.call("engine.info")["pid"] == first.process.pid


def test_a_killed_engine_leaves_a_socket_that_the_next_one_replaces(tmp_path: Path) -> None:
    with EngineRun(tmp_path).until_ready() as first:
        first.stop(signal.SIGKILL)
    with EngineRun(tmp_path).until_ready() as second:
        assert len(second.events("engine")) >= 1


def test_a_wrong_configuration_ends_the_start_with_its_place(tmp_path: Path) -> None:
    file = config(tmp_path, "[hosts.a]\nprot = 22\n")
    with EngineRun(tmp_path, "--config", str(file)) as engine:
        assert engine.process.wait(60) == 2
        text = engine.said()
        assert "fleet.toml:2" in text and "port" in text and "Traceback" not in text


def test_a_reload_takes_the_new_and_keeps_the_old_when_the_new_is_wrong(tmp_path: Path) -> None:
    file = config(tmp_path, '[hosts.me]\nsource = "local"\n')
    with EngineRun(tmp_path, "--config", str(file)).until_ready() as engine, engine.client() as client:
        until(lambda: client.call("fleet.view")["summary"].get("up") == 1)
        version = client.call("fleet.view")["version"]
        config(tmp_path, '[hosts.me]\nsource = "local"\ntags = ["new"]\n[hosts.me2]\nsource = "local"\n')
        engine.process.send_signal(signal.SIGHUP)
        until(lambda: client.call("engine.info")["hosts"] == 2, what="SIGHUP")
        rows = {row["name"]: row for row in client.call("fleet.view", since=version)["rows"]}
        assert rows["me"]["tags"] == ["new"] and rows["me"]["state"] == "up"
        config(tmp_path, "[hosts.me\n")
        until(lambda: "config_error" in client.call("engine.info"), what="the change to be noticed by itself")
        info = client.call("engine.info")
        assert "fleet.toml" in info["config_error"] and info["hosts"] == 2
        config(tmp_path, '[hosts.me2]\nsource = "local"\n')
        assert "config_error" not in client.call("engine.reload")
        assert client.call("fleet.view", since=version)["removed"] == ["me"]


def test_read_only_refuses_what_changes_a_host(tmp_path: Path) -> None:
    with EngineRun(tmp_path, "--read-only").until_ready() as engine, engine.client() as client:
        (name,) = client.call("hosts.select", select="all")["hosts"]
        for method, params in (
            ("host.signal", {"host": name, "pid": 4711, "start_ticks": 1}),
            ("exec.start", {"select": name, "argv": ["true"]}),
        ):
            error = client.ask(method, **params)["error"]
            assert (error["data"]["kind"], error["message"]) == ("AskOperator", "the engine is read-only")


def test_a_process_of_this_machine_is_signalled_only_while_it_is_the_same(tmp_path: Path) -> None:
    with EngineRun(tmp_path).until_ready() as engine, engine.client() as client:
        client.call("hello", client="10.9.8.7 51234 22")
        (name,) = client.call("hosts.select", select="all")["hosts"]
        with subprocess.Popen(["sleep", "60"]) as victim:
            stat = Path(f"/proc/{victim.pid}/stat").read_text()
            ticks = int(stat.rpartition(")")[2].split()[19])
            wrong = client.ask("host.signal", host=name, pid=victim.pid, start_ticks=ticks + 1)
            assert wrong["error"]["data"]["kind"] == "SkipHost"
            assert victim.poll() is None
            client.call("host.renice", host=name, pid=victim.pid, start_ticks=ticks, nice=5)
            assert os.getpriority(os.PRIO_PROCESS, victim.pid) == 5
            client.call("host.signal", host=name, pid=victim.pid, start_ticks=ticks, signal="TERM")
            assert victim.wait(30) == -signal.SIGTERM
        events = [event for event in client.call("events.list")["events"] if event["kind"] == "action"]
        assert len(events) == 3
        assert all("10.9.8.7" in event["actor"] for event in events)


def test_exec_brings_each_line_and_the_exit_status(tmp_path: Path) -> None:
    with EngineRun(tmp_path).until_ready() as engine, engine.client() as client:
        script = "echo one; echo two >&2; printf '\\033[2Jthree'; exit 7"
        client.call("exec.start", select="all", argv=["sh", "-c", script], become=False)
        (done,) = client.until_notified("exec.done")
        assert done["exit_status"] == 7 and done.get("left", 0) == 0
        pieces = [one["params"] for one in client.notified if one["method"] == "exec.output"]
        assert "".join(piece["text"] for piece in pieces if piece["stream"] == "out") == "one\nthree\n"
        assert "".join(piece["text"] for piece in pieces if piece["stream"] == "err") == "two\n"


def test_events_are_pushed_to_who_asked(tmp_path: Path) -> None:
    with EngineRun(tmp_path, "--demo", "5").until_ready() as engine, engine.client() as client:
        client.call("events.subscribe")
        client.call("engine.set_interval", seconds=2.0)
        found = client.until_notified("event")
        assert "every 2 s" in found[0]["text"]


def test_record_then_replay_then_seek(tmp_path: Path) -> None:
    film = tmp_path / "film.swarm"
    with EngineRun(tmp_path / "one", "--demo", "12").until_ready() as engine, engine.client() as client:
        began = time.monotonic()
        client.call("record.start", path=str(film))
        assert client.call("engine.info")["in_flight"] == [f"recording to {film}"]
        time.sleep(3.0)
        assert client.call("record.stop") == {"path": str(film), "frames": 1}
        lasted = time.monotonic() - began
    with EngineRun(tmp_path / "two", "--replay", str(film)).until_ready() as engine, engine.client() as client:
        assert client.call("engine.info")["label"] == "REPLAY film.swarm"
        at = client.call("replay.seek", paused=True, position=0)
        assert 2.5 < at["end"] - at["start"] < lasted + 2
        client.call("replay.seek", position=at["end"])
        view = client.call("fleet.view")
        assert len(view["rows"]) == 12
        assert view["now"] == at["end"]
        up = [row for row in view["rows"] if row["state"] == "up"]
        assert up and all(at["start"] - 1 <= row["sample_time"] <= at["end"] for row in up)
        error = client.ask("host.signal", host=up[0]["name"], pid=2, start_ticks=1)["error"]
        assert error["data"]["kind"] == "SkipHost"


def test_a_recording_ends_with_the_client_that_asked_for_it(tmp_path: Path) -> None:
    film = tmp_path / "film.swarm"
    with EngineRun(tmp_path / "one", "--demo", "3").until_ready() as engine, engine.client() as watching:
        with engine.client() as recording:
            recording.call("record.start", path=str(film))
        until(lambda: not watching.call("engine.info").get("in_flight"))
        kinds = [event["text"] for event in watching.call("events.list")["events"] if event["kind"] == "record"]
        assert any(text.startswith(f"recorded {film}") for text in kinds)


def test_stdio_speaks_the_same_and_ends_with_stdin(tmp_path: Path) -> None:
    request = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "engine.info", "params": {}}).encode() + b"\n"
    with EngineRun(tmp_path, "--demo", "5", "--stdio") as engine:
        assert engine.process.stdin is not None and engine.process.stdout is not None
        engine.process.stdin.write(request)
        engine.process.stdin.flush()
        answer = json.loads(engine.process.stdout.readline())
        assert answer["result"]["label"] == "DEMO"
        engine.process.stdin.close()
        engine.process.stdin = None
        assert engine.process.wait(30) == 0


def test_stdio_relays_an_engine_that_runs_already(tmp_path: Path) -> None:
    request = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "engine.info", "params": {}}).encode() + b"\n"
    with EngineRun(tmp_path).until_ready() as engine, EngineRun(tmp_path, "--stdio") as bridge:
        out, _ = bridge.process.communicate(request, timeout=60)
        assert json.loads(out)["result"]["pid"] == engine.process.pid


def test_idle_exit_waits_for_the_last_client(tmp_path: Path) -> None:
    with EngineRun(tmp_path, "--demo", "5", "--idle-exit-minutes", "0.08").until_ready() as engine:
        with engine.client() as client:
            time.sleep(7.0)
            assert client.call("engine.info")["hosts"] == 5
        assert engine.process.wait(60) == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a tiny file system needs root")
def test_a_full_disk_costs_history_only_and_is_told(tmp_path: Path) -> None:
    state = tmp_path / "small"
    state.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(state)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip(f"cannot mount a tmpfs here: {mounted.stderr.decode()}")
    try:
        with EngineRun(tmp_path, state=state).until_ready() as engine, engine.client() as client:
            ballast = state / "ballast"
            with ballast.open("wb", buffering=0) as file:
                try:
                    while True:
                        file.write(b"x" * 4096)
                except OSError:
                    pass  # full: that is what was wanted
            until(
                lambda: _told(engine, client.call("engine.set_interval", seconds=1.0)), 90, "the full disk to be told"
            )
            assert client.call("fleet.view")["summary"]["total"] == 1
            ballast.unlink()
            until(lambda: bool(engine.events("store-recovered")), 90, "the store to recover")
    finally:
        subprocess.run(["umount", "-l", str(state)], check=True)


def _told(engine: EngineRun, _: object) -> bool:
    return bool(engine.events("store-failed"))
