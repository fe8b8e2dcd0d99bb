"""`status` shows the worst host first, ends with its severity, and its JSON is a public contract."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from backends.engine.wire import FleetView, GpuCell, HostDetail, HostRow
from backends.metrics.sample import Cpu, Sample
from backends.states import HostState, Severity
from tests.unit.cli.conftest import Run, Serve
from tests.unit.fake_engine import INFO

NOW = 1000.0
GOOD = HostRow(
    name="b-good", state=HostState.UP, severity=Severity.OK, sample_time=NOW - 1, cpu_percent=12.4, memory_percent=0.0
)
GPUS = HostRow(
    name="a-gpus", state=HostState.UP, severity=Severity.OK, sample_time=NOW - 1, gpus=(GpuCell(),), gpu_percent=87
)
WARM = HostRow(name="warm", state=HostState.UP, severity=Severity.WARNING, sample_time=NOW - 1, worst="GPU 3 thermal")
UNREAD = HostRow(name="unread", state=HostState.UP, severity=Severity.UNKNOWN, sample_time=NOW - 1)
DEAD = HostRow(
    name="dead", state=HostState.UNREACHABLE, severity=Severity.OK, reason="timeout (ssh)", hint="key R retries"
)
STARTING = HostRow(name="new", state=HostState.CONNECTING)


def view(*rows: HostRow) -> FleetView:
    return FleetView(version=1, now=NOW, full=True, rows=rows)


def test_the_worst_host_comes_first(run: Run, serve: Serve) -> None:
    serve(fleet__view=view(GOOD, GPUS, WARM, UNREAD, DEAD))
    ran = run("status")
    assert [line.split()[0] for line in ran.out.splitlines()] == ["HOST", "dead", "warm", "unread", "a-gpus", "b-good"]
    assert "timeout (ssh) · key R retries" in ran.out


@pytest.mark.parametrize(
    ("rows", "status"),
    [((), 0), ((GOOD,), 0), ((GOOD, UNREAD), 3), ((UNREAD, WARM), 1), ((WARM, DEAD), 2), ((STARTING,), 3)],
)
def test_the_exit_status_is_that_of_the_worst_host(
    rows: tuple[HostRow, ...], status: int, run: Run, serve: Serve
) -> None:
    serve(fleet__view=view(*rows))
    assert run("status", "--wait", "0").status == status


def test_a_value_that_is_not_known_is_not_zero(run: Run, serve: Serve) -> None:
    serve(fleet__view=view(GOOD))
    line = run("status").out.splitlines()[1].split()
    assert line[:5] == ["b-good", "up", "12%", "0%", "n/a"]


def test_a_host_that_a_run_has_says_so(run: Run, serve: Serve) -> None:
    serve(fleet__view=view(replace(GOOD, run="r-20261126-1 monthly", run_stage="drain"), WARM))
    good, warm = sorted(run("status", "--wait", "0").out.splitlines()[1:])
    assert "in run r-20261126-1 monthly: drain" in good
    assert "in run" not in warm


def test_the_selector_goes_to_the_engine(run: Run, serve: Serve) -> None:
    engine = serve(fleet__view=view())
    run("status", "tag:a100")
    assert engine.params_of("fleet.view") == [{"select": "tag:a100"}]


def test_json_has_exactly_the_public_fields(run: Run, serve: Serve) -> None:
    sample = Sample(time=NOW - 1, cpu=Cpu(busy_percent=0.0))
    rows = {row.name: row for row in (GOOD, DEAD)}
    serve(
        fleet__view=view(GOOD, DEAD),
        host__get=lambda params: HostDetail(
            row=rows[params["host"]], now=NOW, sample=sample if params["host"] == "b-good" else None
        ),
    )
    ran = run("status", "--json")
    dead, good = ran.json()
    assert dead == {
        "name": "dead",
        "state": "unreachable",
        "reason": "timeout (ssh)",
        "age_seconds": None,
        "sample": None,
        "run": "",
        "run_stage": "",
    }
    assert list(good) == ["name", "state", "reason", "age_seconds", "sample", "run", "run_stage"]
    assert good["age_seconds"] == 1.0
    assert good["sample"]["cpu"]["busy_percent"] == 0.0
    assert good["sample"]["memory"] is None
    assert (ran.status, ran.err) == (2, "")


def test_a_fresh_engine_gets_time_for_its_first_samples(run: Run, serve: Serve) -> None:
    views = iter([view(STARTING), view(STARTING), view(GOOD)])
    serve(fleet__view=lambda params: next(views), engine__info=INFO_YOUNG)
    ran = run("status")
    assert ran.status == 0
    assert "b-good" in ran.out


def test_an_old_engine_answers_at_once(run: Run, serve: Serve) -> None:
    engine = serve(fleet__view=view(STARTING))
    assert run("status", "--wait", "60").status == 3
    assert len(engine.params_of("fleet.view")) == 1


INFO_YOUNG = type(INFO)(api_version=INFO.api_version, version="1", pid=1, started=NOW - 1)
