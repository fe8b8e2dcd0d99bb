"""`triage HOST`: the verdict is the exit status; several hosts are a matrix; what goes wrong afterwards loses no bundle."""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from backends.engine.wire import FleetView, HostRow
from backends.errors import BadInput, RetryLater
from backends.states import HostState, Severity
from backends.triage.views import Outcome
from swarm_tui.cli import triage as module
from tests.unit import triage_samples as data
from tests.unit.cli.conftest import Run, Serve
from tests.unit.fake_engine import FakeEngine
from tests.unit.triage.samples import bundle

UP = FleetView(version=1, now=1e9, full=True, rows=(HostRow(name="gpu1", state=HostState.UP),))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "POLL_SECONDS", 0.001)


def engine_with(serve: Serve, *outcomes: Outcome, **answers: Any) -> FakeEngine:
    bundles = {data.NUMBER: data.ILL, data.PEER_NUMBER: data.WELL}
    going = tuple(replace(data.ASKING, host=each.host) for each in outcomes)
    defaults: dict[str, Any] = {
        "fleet__view": UP,
        "hosts__select": lambda params: {"hosts": params["select"].split(",")},
        "triage__start": data.round_(*going),
        "triage__round": data.round_(*outcomes),
        "triage__get": lambda params: bundles[params["number"]],
        "triage__list": {"bundles": data.KEPT},
        "triage__difference": data.COMPARED,
    }
    return serve(**defaults | answers)


def refusing(error: Exception) -> Callable[[object], None]:
    def refuse(params: object) -> None:
        raise error

    return refuse


def test_a_sick_host_is_a_verdict_with_the_next_step_and_status_2(run: Run, serve: Serve) -> None:
    engine = engine_with(serve, data.DONE)
    ran = run("triage", "gpu1")
    assert (ran.status, ran.err) == (2, "")
    first, then, *rest = ran.out.splitlines()
    assert first.startswith("gpu1  CRITICAL  XID 79") and "power-cycle" in then
    assert (
        "  4 GPUs        STUCK   gpu.fields: nvidia-smi (pid 4711) waits since 93 s, state=D; not asked again" in rest
    )
    assert "bundle 42" in rest[-1]
    assert engine.params_of("triage.start") == [{"select": "gpu1", "reason": "asked"}]


@pytest.mark.parametrize(
    ("severity", "status"),
    [(Severity.OK, 0), (Severity.WARNING, 1), (Severity.CRITICAL, 2), (Severity.UNKNOWN, 3)],
)
def test_the_exit_status_is_the_verdicts(run: Run, serve: Serve, severity: Severity, status: int) -> None:
    made = replace(data.WELL, strip=replace(data.WELL.strip, severity=severity))
    engine_with(serve, data.FINE, triage__get=made)
    assert run("triage", "gpu2").status == status


def test_a_host_that_cannot_be_asked_is_unknown_with_why_and_what_helps(run: Run, serve: Serve) -> None:
    engine_with(serve, data.LOST)
    ran = run("triage", "gpu3")
    assert ran.status == 3
    assert ran.out.splitlines() == [
        "gpu3  UNKNOWN  no triage: not connected: no answer to TCP connect within 8 s",
        "  next: check power and network of the host",
    ]
    assert run("triage", "gpu3", "--json").json()["error"] == data.LOST.error


def test_several_hosts_are_a_matrix_the_odd_ones_first_and_the_worst_is_the_status(run: Run, serve: Serve) -> None:
    engine_with(serve, data.DONE, data.FINE, data.LOST)
    ran = run("triage", "gpu1,gpu2,gpu3")
    assert ran.status == 2
    head, *rows = ran.out.splitlines()
    assert head.split()[:3] == ["HOST", "alive", "kernel"]
    assert [row.split()[0] for row in rows] == ["gpu3", "gpu1", "gpu2"]
    assert "STUCK" in rows[1] and "not connected" in rows[0]
    told = run("triage", "gpu1,gpu2,gpu3", "--json").json()
    assert [row["host"] for row in told["matrix"]["rows"]] == ["gpu3", "gpu1", "gpu2"]
    assert run("triage", "gpu1,gpu2,gpu3", "--markdown").out.startswith("| host | alive |")


def test_json_holds_the_whole_bundle(run: Run, serve: Serve) -> None:
    engine_with(serve, data.DONE)
    told = run("triage", "gpu1", "--json").json()
    assert (told["host"], told["number"], told["difference"], told["saved"]) == ("gpu1", 42, None, "")
    assert told["bundle"]["strip"]["severity"] == "critical" and told["bundle"]["sections"]


def test_markdown_is_for_a_ticket(run: Run, serve: Serve) -> None:
    engine_with(serve, data.DONE)
    assert run("triage", "gpu1", "--markdown").out.startswith("## Triage of gpu1, ")
    with_peer = run("triage", "gpu1", "--markdown", "--diff", "peer").out
    assert "### Different from gpu2" in with_peer


def test_a_kept_bundle_is_shown_without_asking_a_host(run: Run, serve: Serve) -> None:
    engine = engine_with(serve, data.DONE)
    ran = run("triage", "--show", "42", "--diff", "last-good")
    assert ran.status == 2 and "against gpu2" in ran.out
    assert engine.params_of("triage.start") == []
    assert engine.params_of("triage.difference") == [{"number": 42, "against": "last-good"}]


def test_the_list_of_bundles(run: Run, serve: Serve) -> None:
    engine = engine_with(serve)
    ran = run("triage", "--list")
    assert ran.status == 0 and len(ran.out.splitlines()) == 1 + len(data.KEPT)
    assert engine.params_of("triage.list") == [{"host": "", "limit": 100}]
    assert [each["id"] for each in run("triage", "gpu1", "--list", "--json").json()] == [42, 39, 31]


def test_an_empty_list_says_how_to_make_one(run: Run, serve: Serve) -> None:
    engine_with(serve, triage__list={"bundles": ()})
    ran = run("triage", "--list")
    assert (ran.status, ran.out) == (0, "") and "swarm-tui triage HOST" in ran.err


def test_a_tar_is_saved_without_secrets_and_nothing_is_overwritten(run: Run, serve: Serve, tmp_path: Path) -> None:
    secret = "hf_abcdefghijklmnopqrstuv"
    leaky = bundle({"processes": f"1 0 root S serve --token={secret}\n"}, host="gpu1")
    engine_with(serve, data.DONE, triage__get=leaky)
    ran = run("triage", "gpu1", "--save", str(tmp_path))
    (file,) = tmp_path.iterdir()
    assert f"saved {file}" in ran.err and file.stat().st_mode & 0o777 == 0o600
    with tarfile.open(file) as archive:
        members = [archive.extractfile(name) for name in archive.getnames()]
        everything = b"".join(member.read() for member in members if member is not None)
    assert secret.encode() not in everything and b"[masked]" in everything
    again = run("triage", "gpu1", "--save", str(file))
    assert again.status == 64 and "is there already" in again.err
    assert again.out, "the verdict is told all the same"


@pytest.mark.parametrize(
    ("error", "status"), [(BadInput("no other host is of the same kind"), 64), (RetryLater("no peer is well now"), 3)]
)
def test_what_cannot_be_compared_loses_no_verdict(run: Run, serve: Serve, error: Exception, status: int) -> None:
    engine_with(serve, data.DONE, triage__difference=refusing(error))
    ran = run("triage", "gpu1", "--diff", "peer")
    assert ran.status == status and ran.out.startswith("gpu1  CRITICAL") and str(error) in ran.err


def test_several_hosts_are_saved_into_a_directory(run: Run, serve: Serve, tmp_path: Path) -> None:
    engine_with(serve, data.DONE, data.FINE, data.LOST)
    run("triage", "gpu1,gpu2,gpu3", "--save", str(tmp_path))
    assert sorted(path.name.split("-")[1] for path in tmp_path.iterdir()) == ["gpu1", "gpu2"]
    refused = run("triage", "gpu1,gpu2,gpu3", "--save", str(tmp_path / "x.tar.gz"))
    assert refused.status == 64 and "no directory" in refused.err


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--list", "--show", "1"),
        ("gpu1", "--show", "1"),
        ("gpu1", "--markdown", "--json"),
        ("--show", "0"),
        ("gpu1,gpu2", "--diff", "peer"),
    ],
)
def test_what_cannot_go_together_is_usage(run: Run, serve: Serve, words: tuple[str, ...]) -> None:
    engine_with(serve, data.DONE, data.FINE)
    assert run("triage", *words).status == 64


def test_a_fresh_engine_is_given_time_to_reach_its_hosts(run: Run, serve: Serve) -> None:
    looks = iter([HostState.CONNECTING, HostState.CONNECTING])

    def view(params: object) -> FleetView:
        return FleetView(version=1, now=1.0, full=True, rows=(HostRow(name="gpu1", state=next(looks, HostState.UP)),))

    engine = engine_with(serve, data.DONE, fleet__view=view)
    assert run("triage", "gpu1").status == 2
    assert len(engine.params_of("fleet.view")) == 3
