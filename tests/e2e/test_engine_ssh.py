"""The engine over real SSH: a fleet that hangs, crashes and comes back, while the rest goes on."""

from __future__ import annotations

import getpass
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.enginerun import Client, EngineRun, until
from tests.lab.pace import slowness
from tests.lab.userlab import Fleet, available

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not available(), reason="no sshd: install openssh-server"),
]


def written(lab: Fleet, file: Path, names: tuple[str, ...], extra: str = "") -> Path:
    hosts = "".join(
        f'[hosts.{host.name}]\naddress = "{host.address}"\nport = {host.port}\n'
        for host in lab.hosts
        if host.name in names
    )
    file.write_text(
        f'[ssh]\nuser = "{getpass.getuser()}"\nconfig_file = "none"\nidentity_files = ["{lab.key}"]\n'
        f'known_hosts_files = ["{lab.known_hosts}"]\nsilence_seconds = 3.0\n{hosts}{extra}'
    )
    return file


def rows(client: Client) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in client.call("fleet.view")["rows"]}


def states(client: Client) -> dict[str, str]:
    return {name: row["state"] for name, row in rows(client).items()}


@pytest.fixture
def lab() -> Iterator[Fleet]:
    with Fleet.up(3) as fleet:
        yield fleet


def test_a_fleet_comes_up_and_one_hung_host_disturbs_nobody(lab: Fleet, tmp_path: Path) -> None:
    file = written(lab, tmp_path / "fleet.toml", ("h1", "h2", "h3"))
    with EngineRun(tmp_path, "--config", str(file)).until_ready() as engine, engine.client() as client:
        until(lambda: all(row.get("cpu_percent") is not None for row in rows(client).values()), what="samples")
        until(lambda: set(states(client).values()) == {"up"}, what="all to be up")
        lab["h2"].hang()
        until(lambda: states(client)["h2"] in ("stale", "unreachable"), what="the hang to be noticed")
        before = rows(client)["h1"]["sample_time"]
        until(lambda: rows(client)["h1"]["sample_time"] > before + 1, what="h1 to go on")
        until(lambda: states(client)["h1"] == states(client)["h3"] == "up", what="the others to be up")
        assert engine.stop(signal.SIGTERM) < 1.5 * slowness()  # with a host that hangs
        lab["h2"].wake()


def test_a_reload_keeps_the_connection_of_hosts_that_stay(lab: Fleet, tmp_path: Path) -> None:
    file = written(lab, tmp_path / "fleet.toml", ("h1", "h2"))
    with EngineRun(tmp_path, "--config", str(file)).until_ready() as engine, engine.client() as client:
        until(lambda: set(states(client).values()) == {"up"})
        logins = lab["h1"].log.count("Accepted publickey")
        written(lab, file, ("h1", "h3"))
        engine.process.send_signal(signal.SIGHUP)
        until(lambda: states(client) == {"h1": "up", "h3": "up"})
        assert lab["h1"].log.count("Accepted publickey") == logins
        until(lambda: not lab["h2"].sessions(), what="h2 to be left alone")
        written(lab, file, ("h1", "h3"), "[hosts.broken\n")
        engine.process.send_signal(signal.SIGHUP)
        until(lambda: "config_error" in client.call("engine.info"))
        until(lambda: states(client) == {"h1": "up", "h3": "up"})
        assert lab["h1"].log.count("Accepted publickey") == logins


def test_a_crashed_host_recovers_by_itself_and_the_timeline_tells(lab: Fleet, tmp_path: Path) -> None:
    file = written(lab, tmp_path / "fleet.toml", ("h1",))
    with EngineRun(tmp_path, "--config", str(file)).until_ready() as engine, engine.client() as client:
        until(lambda: states(client)["h1"] == "up" and rows(client)["h1"].get("cpu_percent") is not None)
        lab["h1"].crash()
        until(lambda: states(client)["h1"] == "unreachable")
        lab["h1"].start()
        until(lambda: states(client)["h1"] == "up", 90)
        assert any("unreachable: connection" in text for text in engine.events("state"))


def test_an_unknown_key_is_accepted_through_the_api(lab: Fleet, tmp_path: Path) -> None:
    lab.known_hosts.write_text("")
    file = written(lab, tmp_path / "fleet.toml", ("h1",))
    with EngineRun(tmp_path, "--config", str(file)).until_ready() as engine, engine.client() as client:
        until(lambda: states(client)["h1"] == "host-key-unknown")
        (key,) = client.call("hosts.keys")["keys"]
        assert client.call("host.get", host="h1")["offered_key"]["fingerprint"] == key["fingerprint"]
        wrong = client.ask("hosts.accept_key", host="h1", fingerprint="SHA256:wrong")
        assert wrong["error"]["data"]["kind"] == "BadInput"
        client.call("hosts.accept_key", host="h1", fingerprint=key["fingerprint"])
        until(lambda: states(client)["h1"] == "up")
        assert engine.events("key-accepted") == [f"accepted host key {key['fingerprint']}"]


def test_exec_and_signals_reach_a_host(lab: Fleet, tmp_path: Path) -> None:
    file = written(lab, tmp_path / "fleet.toml", ("h1", "h2", "h3"))
    with EngineRun(tmp_path, "--config", str(file)).until_ready() as engine, engine.client() as client:
        until(lambda: set(states(client).values()) == {"up"})
        began = time.monotonic()
        client.call("exec.start", select="h[1-3]", argv=["sh", "-c", "echo $LAB_HOST"], become=False)
        done = client.until_notified("exec.done", 3)
        assert time.monotonic() - began < 20
        assert {one["exit_status"] for one in done} == {0}
        told = [one["params"] for one in client.notified if one["method"] == "exec.output"]
        assert {(one["host"], one["text"]) for one in told} == {(name, f"{name}\n") for name in ("h1", "h2", "h3")}
        with subprocess.Popen(["sleep", "60"]) as victim:
            ticks = int(Path(f"/proc/{victim.pid}/stat").read_text().rpartition(")")[2].split()[19])
            answer = client.call("host.signal", host="h1", pid=victim.pid, start_ticks=ticks)
            assert "sent signal 15" in answer["text"]
            assert victim.wait(30) == -signal.SIGTERM
