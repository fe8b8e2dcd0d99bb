"""`alerts list`: what stands, the worst first, and an exit status that a script can trust."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from backends.alerts.deadman import Pulse
from backends.alerts.views import AlertRow, AlertView
from swarm_tui.cli import alerts
from tests.unit.cli.alert_answers import CPU, DISK, EVERY, INFO, NOW, OVER, VIEW, WAITING, XID, engine_but
from tests.unit.cli.conftest import Run, Serve
from tests.unit.fake_engine import FakeEngine


@pytest.fixture
def engine(serve: Serve) -> FakeEngine:
    return engine_but(serve)


def listed(out: str) -> list[str]:
    """The rules in the table, in their order."""
    return [line.split()[5] for line in out.splitlines()[1:-1]]


def test_without_a_subcommand_it_lists(run: Run, engine: FakeEngine) -> None:
    ran = run("alerts")
    assert (ran.status, ran.out) == (2, run("alerts", "list").out)
    assert engine.params_of("alerts.view")[0] == {}


def test_what_stands_is_listed_with_state_age_and_sentence(run: Run, engine: FakeEngine) -> None:
    ran = run("alerts", "list", "tag:h100")
    first = ran.out.splitlines()[1].split()
    assert first[:5] == [DISK.fingerprint[:8], "critical", "firing", "1h", "gpu01"]
    assert listed(ran.out) == ["disk.space", "cpu.busy", "gpu.xid"]
    assert "/srv is 97 % full" in ran.out
    assert engine.params_of("alerts.view") == [{"select": "tag:h100"}]


def test_the_last_line_tells_what_a_person_must_know_besides(run: Run, engine: FakeEngine) -> None:
    ran = run("alerts", "list")
    last = ran.out.splitlines()[-1]
    assert last.startswith("1 critical, 2 warning · evaluated 2s ago · 1 notice on the way · 2 notices given up")
    assert "silence s1 matches nothing" in ran.err


@pytest.mark.parametrize(
    ("words", "rows"),
    [
        ((), (DISK, CPU, XID)),
        (("--all",), EVERY),
        (("--rule", "disk.*"), (DISK,)),
        (("--rule", "disk.*", "--all"), (DISK, OVER)),
        (("--severity", "warning"), (CPU, XID)),
        (("--severity", "info"), (INFO,)),
        (("--severity", "critical", "--severity", "info"), (DISK, INFO)),
        (("--severity", "warning", "--all"), (CPU, XID, WAITING, OVER)),
        (("--rule", "nothing"), ()),
    ],
)
def test_what_is_asked_for_is_listed(
    words: tuple[str, ...], rows: tuple[AlertRow, ...], run: Run, engine: FakeEngine
) -> None:
    found = run("alerts", "list", *words, "--json").json()
    assert [each["fingerprint"] for each in found["alerts"]] == [each.fingerprint for each in rows]


@pytest.mark.parametrize(
    ("rows", "status"),
    [((), 0), ((WAITING, OVER, INFO), 0), ((CPU, INFO), 1), ((CPU, DISK), 2), ((replace(CPU, unknown=True),), 1)],
)
@pytest.mark.parametrize("words", [(), ("--all",), ("--json",)])
def test_the_status_is_that_of_the_worst_that_stands(
    rows: tuple[AlertRow, ...], status: int, words: tuple[str, ...], run: Run, serve: Serve
) -> None:
    engine_but(serve, alerts__view=replace(VIEW, alerts=rows))
    assert run("alerts", "list", *words).status == status


NEVER = AlertView(version=0, now=NOW, alerts=())
OLD = replace(VIEW, pulse=Pulse(completed=NOW - 300))
BROKEN = replace(VIEW, problem="the disk is full")


@pytest.mark.parametrize(
    ("view", "said"),
    [(NEVER, "nothing was evaluated yet"), (OLD, "nothing was evaluated for 5m"), (BROKEN, "the disk is full")],
)
@pytest.mark.parametrize(("rows", "status"), [((), 3), ((CPU,), 3), ((CPU, DISK), 2)])
def test_an_engine_that_does_not_evaluate_makes_nothing_well(
    view: AlertView,
    said: str,
    rows: tuple[AlertRow, ...],
    status: int,
    run: Run,
    serve: Serve,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(alerts, "WAIT_SECONDS", 0.0)
    engine_but(serve, alerts__view=replace(view, alerts=rows))
    ran = run("alerts", "list")
    assert (ran.status, f"not to be trusted: {said}" in ran.err) == (status, True)


def test_a_fresh_engine_may_look_at_everything_once(run: Run, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alerts, "POLL_SECONDS", 0.0)
    views = [NEVER, NEVER, VIEW]
    engine_but(serve, alerts__view=lambda params: views.pop(0))
    assert run("alerts", "list").status == 2
    assert views == []


def test_where_nothing_fires_it_says_so(run: Run, serve: Serve) -> None:
    engine_but(serve, alerts__view=replace(VIEW, alerts=(), waiting=0, dead=0, quiet=True))
    assert run("alerts").out == "nothing fires · evaluated 2s ago · quiet hours\n"


def test_a_severity_that_is_none_is_refused(run: Run) -> None:
    ran = run("alerts", "list", "--severity", "bad")
    assert ran.status == 64 and "critical" in ran.err


@pytest.mark.parametrize("name", sorted(alerts.command.commands))
def test_every_subcommand_explains_itself(name: str, run: Run) -> None:
    ran = run("alerts", name, "--help")
    assert ran.status == 0 and f"Usage: swarm-tui alerts {name}" in ran.out


@pytest.mark.parametrize("name", sorted(alerts.command.commands))
def test_every_subcommand_answers_programs_too(name: str, run: Run) -> None:
    assert "--json" in run("alerts", name, "--help").out
