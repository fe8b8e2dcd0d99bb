"""`check`: the worst of all is the exit status; one host with everything, many in a table; taking in hand, comparing."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from backends.checks.health_views import HealthView
from backends.engine.wire import FleetView, HostRow
from backends.errors import AskOperator
from backends.states import HostState
from swarm_tui.cli import check as module
from tests.unit import check_calls as data
from tests.unit.cli.conftest import Run, Serve
from tests.unit.fake_engine import FakeEngine

UP = FleetView(version=1, now=1e9, full=True, rows=(HostRow(name="gpu01", state=HostState.UP),))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "POLL_SECONDS", 0.001)


def engine_with(serve: Serve, **answers: Any) -> FakeEngine:
    given = {name.replace(".", "__"): answer for name, answer in data.ANSWERS.items()}
    defaults = {"fleet__view": UP, "hosts__select": {"hosts": ["gpu01"]}}
    return serve(**given | defaults | answers)


def only(*rows: Any) -> HealthView:
    return HealthView(version=4, full=True, hosts=rows)


def test_many_hosts_are_a_table_worst_first_with_the_status_of_the_worst(run: Run, serve: Serve) -> None:
    engine_with(serve)
    ran = run("check")
    assert ran.status == 2
    head, first, second, third, summary = ran.out.splitlines()
    assert head.split() == ["HOST", "STATE", "CRIT", "WARN", "UNKNOWN", "AGE", "WORST"]
    assert first.split()[:5] == ["gpu01", "critical", "1", "1", "1"] and "XID 79" in first
    assert "not checked" in second + third
    assert summary == "1 critical, 1 unknown, 1 ok: critical on gpu01"


@pytest.mark.parametrize(
    ("rows", "status"),
    [
        ((data.WELL,), 0),
        ((data.WELL, data.NEVER), 3),
        ((data.NEVER, replace(data.ILL, severity="warning")), 1),
        ((), 3),
    ],
)
def test_unknown_counts_only_when_nothing_is_worse(run: Run, serve: Serve, rows: tuple[Any, ...], status: int) -> None:
    engine_with(serve, checks__view=only(*rows))
    assert run("check").status == status


def test_one_host_is_shown_with_evidence_and_the_next_step(run: Run, serve: Serve) -> None:
    engine_with(serve, checks__view=only(data.ILL))
    ran = run("check", "gpu01")
    first = ran.out.splitlines()[0]
    assert first.startswith("gpu01: critical, 1 critical, 1 warning, 1 unknown, looked at ")
    assert first.endswith(" ago as root")
    for part in ("XID 79 on GPU 3", "→ drain, then power-cycle", "status=1", "and 1 more", "ok       H10", "N01"):
        assert part in ran.out
    assert "H10" not in run("check", "gpu01", "--problems").out


def test_json_holds_every_finding(run: Run, serve: Serve) -> None:
    engine_with(serve, checks__view=only(data.ILL))
    (host,) = run("check", "gpu01", "--json").json()
    assert [each["check"] for each in host["result"]["findings"]] == ["XID", "H20", "H18", "H10"]


def test_now_looks_and_waits_until_every_host_answered(run: Run, serve: Serve) -> None:
    rows = iter([data.ILL, replace(data.ILL, busy=True), replace(data.ILL, tried=data.NOW)])
    last = [data.ILL]

    def view(params: object) -> HealthView:
        last[0] = next(rows, last[0])
        return only(last[0])

    engine = engine_with(serve, checks__view=view)
    assert run("check", "--now", "--no-slow").status == 2
    assert engine.params_of("checks.run") == [{"select": "", "slow": False}]
    assert len(engine.params_of("checks.view")) >= 4


def test_a_finding_is_named_by_its_check_where_there_is_one_only(run: Run, serve: Serve) -> None:
    engine = engine_with(serve)
    ran = run("check", "gpu01", "--ack", "h20", "--note", "known")
    assert (ran.status, ran.out) == (0, "gpu01: H20 backup.service is acknowledged\n")
    assert engine.params_of("checks.ack")[-1]["object"] == "backup.service"
    assert run("check", "gpu01", "--clear", "H20:backup.service").status == 0
    assert engine.params_of("checks.clear")


def test_a_finding_that_is_not_there_is_refused_with_what_is(run: Run, serve: Serve) -> None:
    engine = engine_with(serve)
    ran = run("check", "gpu01", "--ack", "H20:other.service")
    assert ran.status != 0 and "H20:backup.service" in ran.err
    assert not engine.params_of("checks.ack")


def test_acts_are_for_one_host(run: Run, serve: Serve) -> None:
    engine_with(serve, hosts__select={"hosts": ["a", "b"]})
    ran = run("check", "*", "--ack", "H20")
    assert ran.status == 64 and "one host, not 2" in ran.err


def test_read_only_takes_nothing_in_hand(run: Run, serve: Serve) -> None:
    engine = engine_with(serve)
    assert run("--read-only", "check", "gpu01", "--ack", "H20").status != 0
    assert not engine.params_of("checks.ack")


def test_the_difference_is_the_gate(run: Run, serve: Serve) -> None:
    engine = engine_with(serve)
    ran = run("check", "gpu01", "--difference", "last")
    assert ran.status == 2 and "worse" in ran.out and "XID 79" in ran.out
    assert "before" not in engine.params_of("checks.difference")[-1]
    assert run("check", "gpu01", "--difference", "soon").status == 64
    engine.handlers["checks.difference"] = replace(data.WORSE, passes=True, difference=type(data.WORSE.difference)())
    ran = run("check", "gpu01", "--difference", "600")
    assert ran.status == 0 and "may be given back" in ran.out


def test_hardware_is_loaded_only_when_the_engine_agrees(run: Run, serve: Serve) -> None:
    def refuse(params: object) -> None:
        raise AskOperator("it would disturb what runs there", hint="drain the host")

    engine_with(serve, checks__active=refuse)
    ran = run("check", "gpu01", "--active", "diagnostics-1")
    assert ran.status != 0 and "disturb" in ran.err


def test_the_catalogue(run: Run, serve: Serve) -> None:
    engine_with(serve)
    assert "errors that the GPU driver reports" in run("check", "--list").out


def test_options_that_exclude_each_other(run: Run, serve: Serve) -> None:
    engine_with(serve)
    assert run("check", "gpu01", "--ack", "H20", "--clear", "H20").status == 64
