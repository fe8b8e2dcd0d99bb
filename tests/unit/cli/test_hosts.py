"""`hosts` lists the inventory without connecting, and trusts a key only by its fingerprint."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from backends import paths
from backends.engine.wire import FleetView, HostRow
from backends.sources.base import OfferedKey
from backends.states import HostState
from swarm_tui.cli import hosts
from tests.unit.cli.conftest import Run, Serve
from tests.unit.fake_engine import FakeEngine

NEW = OfferedKey(host="gpu01", address="10.0.0.1:22", kind="ssh-ed25519", fingerprint="SHA256:new")
CHANGED = OfferedKey(
    host="gpu02",
    address="10.0.0.2:22",
    kind="ssh-ed25519",
    fingerprint="SHA256:other",
    changed=True,
    known_fingerprint="SHA256:old",
    known_place="known_hosts:3",
)


def engine_with(serve: Serve, *keys: OfferedKey, state: HostState = HostState.HOST_KEY_UNKNOWN) -> FakeEngine:
    rows = tuple(HostRow(name=name, state=state) for name in ("gpu01", "gpu02"))

    def view(params: dict[str, Any]) -> FleetView:
        names = {"": {"gpu01", "gpu02"}}.get(params.get("select", ""), {params.get("select")})
        return FleetView(version=1, now=0, full=True, rows=tuple(row for row in rows if row.name in names))

    return serve(fleet__view=view, hosts__keys={"keys": list(keys)}, hosts__accept_key={})


@pytest.fixture
def config() -> Path:
    file = paths.config_file()
    file.parent.mkdir()
    file.write_text(
        '[groups.dgx]\nnodes = "gpu[01-02]"\ntags = ["a100"]\n[hosts.login]\naddress = "10.0.0.9"\nport = 2222\n'
    )
    return file


def test_the_inventory_is_listed_without_an_engine(config: Path, run: Run) -> None:
    ran = run("hosts", "list")
    assert ran.status == 0
    assert [line.split()[:3] for line in ran.out.splitlines()[1:]] == [
        ["login", "—", "10.0.0.9:2222"],
        ["gpu01", "—", "gpu01"],
        ["gpu02", "—", "gpu02"],
    ]
    assert not paths.socket_file().exists()


def test_a_running_engine_adds_the_states(config: Path, run: Run, serve: Serve) -> None:
    engine_with(serve)
    entries = run("hosts", "list", "tag:a100&state:host-key-unknown", "--json").json()
    assert [(entry["name"], entry["state"], entry["groups"]) for entry in entries] == [
        ("gpu01", "host-key-unknown", ["dgx"]),
        ("gpu02", "host-key-unknown", ["dgx"]),
    ]


def test_a_wrong_selector_is_told(config: Path, run: Run) -> None:
    assert run("hosts", "list", "gpu03").status == 64


def test_the_right_fingerprint_is_accepted_without_asking(run: Run, serve: Serve) -> None:
    engine = engine_with(serve, NEW, CHANGED)
    ran = run("hosts", "accept", "gpu01", "--fingerprint", "SHA256:new")
    assert (ran.status, ran.out) == (0, "gpu01: accepted SHA256:new\n")
    assert engine.params_of("hosts.accept_key") == [{"host": "gpu01", "fingerprint": "SHA256:new"}]


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["gpu01", "--fingerprint", "SHA256:wrong"], 64, "offers another key: SHA256:new"),
        (["--fingerprint", "SHA256:new"], 64, "for one host"),
        (["gpu02", "--fingerprint", "SHA256:other"], 2, "CHANGED: on record is SHA256:old (known_hosts:3)"),
        (["gpu01"], 2, "asks a person"),
    ],
)
def test_what_is_not_clear_is_not_accepted(words: list[str], status: int, said: str, run: Run, serve: Serve) -> None:
    engine = engine_with(serve, NEW, CHANGED)
    ran = run("hosts", "accept", *words)
    assert ran.status == status
    assert said in ran.err
    assert engine.params_of("hosts.accept_key") == []


def test_a_changed_key_needs_one_word_more(run: Run, serve: Serve) -> None:
    engine = engine_with(serve, CHANGED)
    ran = run("hosts", "accept", "gpu02", "--fingerprint", "SHA256:other", "--replace", "--json")
    assert ran.json() == [
        {
            "host": "gpu02",
            "address": "10.0.0.2:22",
            "kind": "ssh-ed25519",
            "fingerprint": "SHA256:other",
            "changed": True,
            "accepted": True,
        }
    ]
    assert len(engine.params_of("hosts.accept_key")) == 1


@pytest.mark.parametrize(
    ("key", "typed", "accepted"),
    [
        (NEW, "y\n", True),
        (NEW, "\n", False),
        (CHANGED, "y\n", False),
        (CHANGED, "gpu02\n", True),
        (CHANGED, "\n", False),
    ],
)
def test_a_person_is_asked_and_types_the_name_of_a_changed_host(
    key: OfferedKey, typed: str, accepted: bool, run: Run, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = engine_with(serve, key)
    answers = iter(typed.splitlines() or [""])
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda prompt: next(answers))
    ran = run("hosts", "accept")
    assert key.fingerprint in ran.err
    assert ran.status == (0 if accepted else 1)
    assert bool(engine.params_of("hosts.accept_key")) == accepted
    if key.changed:
        assert "ANOTHER KEY IS ON RECORD" in ran.err
        assert "SHA256:old in known_hosts:3" in ran.err


def test_hosts_without_an_open_question_are_told(run: Run, serve: Serve) -> None:
    engine_with(serve, state=HostState.UP)
    ran = run("hosts", "accept", "gpu01", "--fingerprint", "x")
    assert ran.status == 64
    assert "(up)" in ran.err


def test_read_only_accepts_nothing(run: Run) -> None:
    assert run("--read-only", "hosts", "accept", "gpu01", "--fingerprint", "x").status == 64


def test_a_private_fleet_is_listed_from_its_engine() -> None:
    rows = {"a": HostRow(name="a", state=HostState.UP, tags=("t",))}
    from swarm_tui.options import ConsoleOptions

    assert [host.name for host in hosts._inventory(ConsoleOptions(demo=3), rows)] == ["a"]
