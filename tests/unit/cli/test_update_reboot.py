"""`updates services|restart|gate|reboot`: nothing is changed before a word was typed, and the end is the hosts' own."""

from __future__ import annotations

import sys
from typing import Any

import msgspec
import pytest

from backends.errors import RetryLater
from backends.states import Severity
from backends.updates.aftercare import HostGate
from backends.updates.gate_finding import good, red
from backends.updates.model import ServiceNeed
from backends.updates.reboots import RebootRecord
from backends.updates.restart import RestartRecord, Services
from backends.updates.units import UnitResult
from swarm_tui.cli import update_reboot
from tests.unit.cli.conftest import Run, Serve
from tests.unit.fake_engine import FakeEngine

FINE = HostGate(host="gpu01", taken=1.0, severity=Severity.OK, red=False, findings=(good("initrd", "there"),))
RED = HostGate(
    host="gpu02", taken=1.0, severity=Severity.CRITICAL, red=True, findings=(red("initrd", "kernel 9 has no initrd"),)
)
GOING = RebootRecord(id="b-0", batch="b", host="gpu01", who="anna", created=1.0, stage="going-down", text="away")
DONE = msgspec.structs.replace(GOING, stage="done", text="back after 60 s", ended=9.0, good=True)
REFUSED = msgspec.structs.replace(GOING, stage="refused", text="must not be rebooted", ended=9.0, good=False)
RESTARTED = RestartRecord(
    id="c-0",
    batch="c",
    host="gpu01",
    who="anna",
    created=1.0,
    stage="failed",
    text="cron.service crashes",
    ended=5.0,
    good=False,
    results=(UnitResult(unit="cron.service", good=False, text="crashes"),),
)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(update_reboot, "POLL_SECONDS", 0.001)


def engine_with(serve: Serve, hosts: tuple[str, ...] = ("gpu01",), **answers: Any) -> FakeEngine:
    gates = {"gpu01": FINE, "gpu02": RED}
    defaults: dict[str, Any] = {
        "hosts__select": {"hosts": hosts},
        "updates__gate": lambda params: gates[params["host"]],
        "updates__reboot": {"reboots": [GOING]},
        "updates__reboots": {"reboots": [DONE]},
        "updates__restart": {"restarts": [RESTARTED]},
    }
    return serve(**defaults | answers)


def types(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    """A person at a terminal."""
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda prompt: answer)


def test_a_script_says_yes_and_follows_to_the_end(run: Run, serve: Serve) -> None:
    engine = engine_with(serve)
    ran = run("updates", "reboot", "gpu01", "--yes", "--soak", "1m", "--override", "the vendor said so")
    assert (ran.status, ran.out) == (0, "gpu01: done: back after 60 s\n")
    assert ran.err.splitlines() == ["gpu01: away: away", "gpu01: done: back after 60 s"]
    assert engine.params_of("updates.reboot") == [
        {"select": "gpu01", "override": "the vendor said so", "soak_seconds": 60.0}
    ]
    assert engine.params_of("updates.gate") == []


@pytest.mark.parametrize(("typed", "status", "calls"), [("gpu01", 0, 1), ("gpu1", 2, 0), ("", 2, 0), ("yes", 2, 0)])
def test_a_person_sees_the_gate_and_types_the_hosts_name(
    run: Run, serve: Serve, monkeypatch: pytest.MonkeyPatch, typed: str, status: int, calls: int
) -> None:
    engine = engine_with(serve)
    types(monkeypatch, typed)
    ran = run("updates", "reboot", "gpu01")
    assert "gpu01: may be rebooted" in ran.err
    assert (ran.status, len(engine.params_of("updates.reboot"))) == (status, calls)


def test_of_many_hosts_their_number_is_typed_and_each_gate_is_one_line(
    run: Run, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = engine_with(serve, ("gpu01", "gpu02"))
    types(monkeypatch, "2")
    ran = run("updates", "reboot", "gpu[01-02]")
    assert "gpu02: must not be rebooted: kernel 9 has no initrd" in ran.err
    assert len(engine.params_of("updates.reboot")) == 1


def test_a_gate_that_cannot_be_asked_is_told_before_the_question(
    run: Run, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(params: object) -> None:
        raise RetryLater("not connected", host="gpu01")

    engine_with(serve, updates__gate=silent)
    types(monkeypatch, "")
    assert "gpu01: cannot be asked: not connected" in run("updates", "reboot", "gpu01").err


@pytest.mark.parametrize("words", [("reboot", "gpu01"), ("restart", "gpu01")])
def test_without_a_terminal_nobody_is_asked_and_nothing_is_done(
    run: Run, serve: Serve, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    engine = engine_with(serve)
    ran = run("updates", *words)
    assert ran.status == 2 and "--yes" in ran.err
    assert not [method for method, _ in engine.calls if method in ("updates.reboot", "updates.restart")]


@pytest.mark.parametrize("words", [("reboot", "gpu01", "--yes"), ("restart", "gpu01", "--yes")])
def test_a_read_only_console_changes_nothing(run: Run, serve: Serve, words: tuple[str, ...]) -> None:
    engine = engine_with(serve)
    assert run("--read-only", "updates", *words).status == 64
    assert engine.calls == []


def test_a_selector_without_hosts_is_told(run: Run, serve: Serve) -> None:
    engine_with(serve, ())
    ran = run("updates", "reboot", "tag:none", "--yes")
    assert ran.status == 64 and "no host matches" in ran.err


def test_a_refused_reboot_is_a_failure(run: Run, serve: Serve) -> None:
    engine_with(serve, updates__reboot={"reboots": [REFUSED]})
    ran = run("updates", "reboot", "gpu01", "--yes", "--json")
    assert ran.status == 2
    assert [(each["host"], each["stage"], each["good"]) for each in ran.json()] == [("gpu01", "refused", False)]


def test_detached_it_returns_at_once(run: Run, serve: Serve) -> None:
    engine = engine_with(serve)
    assert run("updates", "reboot", "gpu01", "--yes", "--detach").status == 0
    assert engine.params_of("updates.reboots") == []


def test_a_wrong_soak_is_usage(run: Run, serve: Serve) -> None:
    assert run("updates", "reboot", "gpu01", "--yes", "--soak", "soon").status == 64


def test_a_restart_tells_each_unit(run: Run, serve: Serve) -> None:
    engine = engine_with(serve)
    ran = run("updates", "restart", "gpu01", "cron", "--yes")
    assert ran.status == 2
    assert ran.out.splitlines() == ["gpu01: failed: cron.service crashes", "  BAD  cron.service: crashes"]
    assert engine.params_of("updates.restart") == [{"select": "gpu01", "units": ["cron"]}]


@pytest.mark.parametrize(("host", "status", "says"), [("gpu01", 0, "may be rebooted"), ("gpu02", 2, "RED   kernel 9")])
def test_the_gate_answers_with_its_exit_status(run: Run, serve: Serve, host: str, status: int, says: str) -> None:
    engine_with(serve)
    ran = run("updates", "gate", host)
    assert ran.status == status and says in ran.out


@pytest.mark.parametrize(
    ("found", "status", "says"),
    [
        (Services(host="gpu01", taken=1.0), 0, "no service runs old code"),
        (Services(host="gpu01", taken=1.0, unknown="stale: permission denied"), 3, "is not known"),
        (
            Services(
                host="gpu01",
                taken=1.0,
                services=(ServiceNeed(unit="ssh.service", reason="needrestart"), ServiceNeed(unit="x", deferred=True)),
            ),
            1,
            "restart     ssh.service  (needrestart)",
        ),
    ],
)
def test_services_that_run_old_code(run: Run, serve: Serve, found: Services, status: int, says: str) -> None:
    serve(updates__services=found)
    ran = run("updates", "services", "gpu01")
    assert ran.status == status and says in ran.out
    assert run("updates", "services", "gpu01", "--json").json()["host"] == "gpu01"
