"""The API of maintenance runs as a client meets it, on hosts in memory: a gate is the only step that asks no host."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from backends.updates.retention import Needs
from tests.e2e.enginerun import Client, until
from tests.unit.engine.desk import Desk
from tests.unit.engine.parts import sample

GATE = {"steps": ["gate:are the fans fine?"], "batches": ["1"], "canary": False, "soak_seconds": 0, "max_failed": 2}
RUNS = """
[[runs]]
name = "quiet"
hosts = "a"
steps = ["gate:go on?"]
max_unavailable = "1"
"""

SCHEDULE = """
[[schedules]]
name = "soon"
action = "run:quiet"
cron = "0 3 * * *"
"""


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    one = Desk(tmp_path, monkeypatch)
    for host in ("a", "b"):
        one.sink.sample(host, sample())
    yield one
    one.engine.stop()


@pytest.fixture
def client(desk: Desk) -> Iterator[Client]:
    with desk.client() as one:
        yield one


def refusal(client: Client, method: str, **params: object) -> dict[str, Any]:
    """What the engine refuses with."""
    found: dict[str, Any] = client.ask(method, **params)["error"]["data"]
    return found


def composed(client: Client, select: str = "a", **wanted: object) -> dict[str, Any]:
    made: dict[str, Any] = client.call("runs.compose", select=select, max_unavailable="1", **{**GATE, **wanted})
    return made


def begun(client: Client, select: str = "a", **wanted: object) -> str:
    """A run that goes on and asks its question on host a."""
    made = composed(client, select, **wanted)
    run: str = client.call("runs.create", hash=made["plan"]["hash"])["plan"]["id"]
    client.call("runs.start", run=run, hash=made["plan"]["hash"])
    until(lambda: stage(client, run) == "needs-operator")
    return run


def stage(client: Client, run: str, host: str = "a") -> str:
    found: str = client.call("runs.view", run=run)["hosts"][host].get("stage", "queued")
    return found


def row(client: Client, host: str) -> dict[str, Any]:
    return next(each for each in client.call("fleet.view")["rows"] if each["name"] == host)


def status(client: Client, run: str) -> str:
    found: str = client.call("runs.view", run=run)["status"]
    return found


def test_a_plan_is_composed_created_started_answered_and_reported(desk: Desk, client: Client) -> None:
    run = begun(client)
    client.call("runs.note", run=run, text="fans look fine")
    client.call("runs.answer", run=run, host="a", text="they turn")
    until(lambda: status(client, run) == "ended")
    assert stage(client, run) == "done"
    report = client.call("runs.report", run=run)["text"]
    assert "they turn" in report and "fans look fine" in report
    assert client.call("runs.report", run=run, format="jsonl")["text"].startswith("{")
    (row,) = client.call("runs.list")["runs"]
    assert row["run"] == run and row["stages"] == {"done": 1} and row["status"] == "ended"
    assert any("started" in text for text, _ in desk.events("run"))


def test_nothing_is_started_without_the_hash_of_the_plan(client: Client) -> None:
    made = composed(client)
    assert refusal(client, "runs.create", hash="0" * 12)["kind"] == "BadInput"
    run = client.call("runs.create", hash=made["plan"]["hash"][:12])["plan"]["id"]
    assert "is named" in refusal(client, "runs.start", run=run, hash="0" * 12)["message"]
    assert status(client, run) == "waiting"


def test_a_red_plan_does_not_become_a_run(client: Client) -> None:
    made = composed(client, steps=["command:nobody"])
    assert any(each["severity"] == "critical" for each in made["findings"])
    assert "may not start" in refusal(client, "runs.create", hash=made["plan"]["hash"])["message"]
    assert "runs" not in client.call("runs.list")


def test_what_did_not_change_is_not_sent_again(client: Client) -> None:
    run = begun(client)
    version = client.call("runs.view", run=run)["version"]
    again = client.call("runs.view", run=run, since=version)
    assert again.get("plan") is None and again.get("hosts") is None and again["version"] == version


def test_hosts_in_work_are_muted_and_a_digest_follows(desk: Desk, client: Client) -> None:
    run = begun(client)
    (mute,) = client.call("alerts.mutes")["mutes"]
    assert mute["id"] == f"run {run}" and mute["hosts"] == ["a"]
    client.call("runs.skip", run=run, host="a", text="never mind")
    until(lambda: status(client, run) == "ended")
    until(lambda: client.call("alerts.mutes")["mutes"][0]["end"] <= desk.engine.fleet.now())


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("updates.reboot", {"select": "a"}),
        ("updates.restart", {"select": "a"}),
        ("updates.repair", {"host": "a", "repair": "configure"}),
    ],
)
def test_another_operator_is_refused_the_same_host(client: Client, method: str, params: dict[str, Any]) -> None:
    run = begun(client)
    found = refusal(client, method, **params)
    assert run in found["message"] and found["host"] == "a" and run in found["hint"]
    assert [(each["host"], each["run"]) for each in client.call("runs.held")["held"]] == [("a", run)]


def test_every_row_of_the_fleet_says_which_run_has_its_host(client: Client) -> None:
    run = begun(client)
    until(lambda: row(client, "a").get("run_stage") == "asks")
    assert row(client, "a")["run"] == run and "run" not in row(client, "b")
    client.call("runs.skip", run=run, host="a", text="never mind")
    until(lambda: "run" not in row(client, "a"))


def test_what_a_run_needs_of_updates_is_known_before_anything_of_them_is_forgotten(desk: Desk, client: Client) -> None:
    run = begun(client)
    needs = desk.engine.maintenance.needed_updates()
    assert needs == Needs(groups=frozenset({run})) and needs.has(f"{run}-a-1-0") and not needs.has("r-0-a-1-0")
    assert desk.engine._needed_updates() == needs
    made, desk.engine.parts.maintenance.made = desk.engine.parts.maintenance.made, None
    assert desk.engine._needed_updates() is None
    desk.engine.parts.maintenance.made = made


def test_another_run_is_refused_the_same_host(client: Client) -> None:
    run = begun(client)
    made = composed(client)
    assert run in str(refusal(client, "runs.create", hash=made["plan"]["hash"]))


def test_pause_resume_and_abort(client: Client) -> None:
    run = begun(client, select="a,b")
    client.call("runs.pause", run=run, text="lunch")
    client.call("runs.answer", run=run, host="a", text="fine")
    assert status(client, run) == "paused" and client.call("runs.view", run=run)["why"]
    client.call("runs.resume", run=run)
    until(lambda: stage(client, run, "b") == "needs-operator")
    client.call("runs.abort", run=run, text="enough")
    assert status(client, run) == "aborted"


def test_the_author_cannot_approve(client: Client) -> None:
    made = composed(client, approvals=1)
    run = client.call("runs.create", hash=made["plan"]["hash"])["plan"]["id"]
    assert refusal(client, "runs.approve", run=run, hash=made["plan"]["hash"])["kind"] == "BadInput"
    assert refusal(client, "runs.start", run=run, hash=made["plan"]["hash"])["kind"] in ("BadInput", "AskOperator")


def test_a_run_of_the_configuration_starts_by_its_name(desk: Desk, client: Client) -> None:
    desk.file.write_text(desk.file.read_text() + RUNS)
    client.call("engine.reload")
    made = client.call("runs.compose", name="quiet", soak_seconds=1)
    assert made["plan"]["name"] == "quiet" and made["plan"]["soak_seconds"] == 1
    assert refusal(client, "runs.compose", name="loud")["kind"] == "BadInput"


def test_the_runs_of_the_configuration_are_named_with_the_hosts_that_they_mean(desk: Desk, client: Client) -> None:
    desk.file.write_text(desk.file.read_text() + RUNS + RUNS.replace("quiet", "lost").replace('"a"', '"state:stale"'))
    client.call("engine.reload")
    quiet, lost = client.call("runs.names")["runs"]
    assert quiet == {"name": "quiet", "selector": "a", "hosts": 1, "steps": ["gate:go on?"]}
    assert lost["selector"] == "state:stale" and "hosts" not in lost


def test_a_schedule_starts_a_run_by_name_and_is_refused_while_somebody_has_its_hosts(
    desk: Desk, client: Client
) -> None:
    desk.file.write_text(desk.file.read_text() + RUNS)
    client.call("engine.reload")
    run = desk.engine.maintenance.start_named("quiet", "schedule quiet")
    until(lambda: stage(client, run) == "needs-operator")
    assert client.call("runs.view", run=run)["plan"]["scheduled"]
    with pytest.raises(ValueError, match=run):
        desk.engine.maintenance.start_named("quiet", "schedule quiet")
    assert any("does not start" in text and actor == "schedule quiet" for text, actor in desk.events("run"))


def test_the_engine_says_what_goes_on(client: Client) -> None:
    run = begun(client)
    assert any(run in text for text in client.call("engine.info")["in_flight"])


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("runs.create", {"hash": "0" * 12}),
        ("runs.start", {"run": "r", "hash": "0" * 12}),
        ("runs.approve", {"run": "r", "hash": "0" * 12}),
        *((f"runs.{what}", {"run": "r"}) for what in ("pause", "resume", "abort", "promote")),
        *((f"runs.{what}", {"run": "r", "host": "a"}) for what in ("skip", "retry")),
        ("runs.answer", {"run": "r", "host": "a", "text": "x"}),
        ("runs.note", {"run": "r", "text": "x"}),
    ],
)
def test_a_read_only_engine_refuses_every_act(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str, params: dict[str, Any]
) -> None:
    desk = Desk(tmp_path, monkeypatch, read_only=True)
    try:
        with desk.client() as client:
            assert "read-only" in refusal(client, method, **params)["message"]
    finally:
        desk.engine.stop()


def test_runs_go_on_in_the_next_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Desk(tmp_path, monkeypatch)
    first.sink.sample("a", sample())
    with first.client() as client:
        run = begun(client)
    first.engine.stop()
    second = Desk(tmp_path, monkeypatch)
    try:
        second.sink.sample("a", sample())
        with second.client() as client:
            assert stage(client, run) == "needs-operator"
            client.call("runs.answer", run=run, host="a", text="they turn")
            until(lambda: status(client, run) == "ended")
    finally:
        second.engine.stop()


def test_a_scheduled_run_is_announced_once_before_it_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(tmp_path, monkeypatch)
    try:
        text = RUNS + SCHEDULE
        desk.file.write_text(desk.file.read_text() + text)
        desk.engine.reload()
        assert not desk.engine.config_error
        told: list[str] = []
        monkeypatch.setattr(desk.engine.duty.alerting.delivering, "put", lambda notice: told.append(notice.title))
        for _ in range(3):
            desk.engine.maintenance.step()
        assert len(told) == 1 and told[0].startswith("maintenance quiet begins in")
    finally:
        desk.engine.stop()
