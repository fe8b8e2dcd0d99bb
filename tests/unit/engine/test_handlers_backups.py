"""The API of backups as a client meets it: who may, what is refused, what is answered."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from backends.backups.model import ENDED
from backends.engine.handlers_table import TABLE
from backends.engine.wire import METHODS
from tests.e2e.enginerun import Client, until
from tests.unit.backup_samples import CALLS
from tests.unit.engine.desk import Desk

BAD_PARAMS = -32602
KEY, HASH = "local/a", "f" * 64
SERIES = {"repository": KEY, "set": "config"}
REQUEST = {"request": {"repository": KEY, "archive": "x", "paths": ["etc"]}}
CHANGING: list[tuple[str, dict[str, Any]]] = [
    ("backups.start", {"action": "backup", "select": "a"}),
    ("backups.init", {"select": "a"}),
    ("backups.prune", {**SERIES, "token": "t"}),
    ("backups.undo", {"repository": KEY}),
    ("backups.compact", {"repository": KEY, "token": "t"}),
    ("backups.restore", {"plan": "p", "hash": HASH}),
    ("backups.restore_confirm", {"job": "j"}),
    ("backups.restore_undo", {"job": "j"}),
    ("backups.heal", {"plan": "p", "hash": HASH}),
    ("backups.break_lock", {"repository": KEY, "token": "t"}),
    ("backups.escrow", {"repository": KEY}),
    ("backups.release", {"repository": KEY}),
    ("backups.pin", {"host": "a"}),
]
"""What a read-only engine must refuse."""
OF_REPOSITORY: list[tuple[str, dict[str, Any]]] = [
    ("backups.files", {"archive": "x"}),
    ("backups.diff", {"a": "x", "b": "y"}),
    ("backups.file_diff", {"a": "x", "b": "y", "path": "z"}),
    ("backups.line", {"action": "list"}),
    ("backups.prune_preview", {"set": "config"}),
    ("backups.prune", {"set": "config", "token": "t"}),
    ("backups.undo", {}),
    ("backups.compact_preview", {}),
    ("backups.compact", {"token": "t"}),
    ("backups.heal_plan", {}),
    ("backups.lock", {}),
    ("backups.break_lock", {"token": "t"}),
    ("backups.key_export", {}),
    ("backups.escrow", {}),
    ("backups.release", {}),
    ("backups.mount", {"archive": "x"}),
]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    one = Desk(tmp_path, monkeypatch)
    yield one
    one.engine.stop()
    if (made := one.engine.parts.backups.made) is not None:
        made.depot.close()


@pytest.fixture
def client(desk: Desk) -> Iterator[Client]:
    with desk.client() as one:
        yield one


def refused(client: Client, method: str, **params: object) -> tuple[str, str]:
    """Kind and message of the engine's refusal."""
    answer = client.ask(method, **params)
    assert "error" in answer, answer
    return answer["error"].get("data", {}).get("kind", ""), answer["error"]["message"]


def test_every_method_is_documented_and_has_a_client() -> None:
    offered = {name for name in TABLE.methods if name.startswith("backups.")}
    assert offered == {name for name in METHODS if name.startswith("backups.")} == set(CALLS)


def test_a_read_only_engine_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(tmp_path, monkeypatch, read_only=True)
    try:
        with desk.client() as client:
            for method, params in CHANGING:
                assert refused(client, method, **params) == ("AskOperator", "the engine is read-only"), method
            assert "jobs" not in client.call("backups.view")
    finally:
        desk.engine.stop()
        desk.engine.backups.depot.close()


def test_a_repository_that_is_not_there_is_told_what_there_is(client: Client) -> None:
    for method, params in OF_REPOSITORY:
        error = client.ask(method, repository="vault/x", **params)["error"]
        assert error["data"]["kind"] == "BadInput", (method, error)
        assert error["message"] == "no repository 'vault/x'", method
        assert error["data"]["hint"] == "there are: local/a, local/b, local/a+secrets, local/b+secrets", method


def test_a_host_or_a_selector_that_is_not_there(client: Client) -> None:
    for method, params in (
        ("backups.history", {"host": "nobody", "path": "x"}),
        ("backups.drift_diff", {"host": "nobody", "path": "x"}),
        ("backups.pin", {"host": "nobody"}),
        ("backups.restore_file", {"host": "nobody", "path": "x"}),
        ("backups.view", {"select": "@nothing"}),
        ("backups.start", {"action": "backup", "select": "@nothing"}),
        ("backups.start", {"action": "backup", "sets": ["nothing"]}),
        ("backups.job", {"job": "j"}),
        ("backups.log", {"job": "j"}),
        ("backups.cancel", {"job": "j"}),
        ("backups.restore_plan", {"request": {"repository": KEY, "archive": "x", "paths": ["etc"]}}),
        ("backups.restore", {"plan": "p", "hash": HASH}),
        ("backups.heal", {"plan": "p", "hash": HASH}),
        ("backups.restore_confirm", {"job": "j"}),
        ("backups.umount", {"directory": "/nowhere"}),
    ):
        assert refused(client, method, **params)[0] == "BadInput", method


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("backups.start", {"action": "delete"}),
        ("backups.start", {"action": "check", "level": "deep"}),
        ("backups.restore", {"plan": "p", "hash": "f"}),
        ("backups.heal", {"plan": "p", "hash": ""}),
        ("backups.files", {"repository": KEY, "archive": "x", "limit": 0}),
        ("backups.files", {"repository": KEY, "archive": "x", "offset": -1}),
        ("backups.search", {"text": ""}),
        ("backups.key_export", {"repository": KEY, "form": "json"}),
        ("backups.undo", {"repository": KEY, "unknown": 1}),
        ("backups.init", {"confirm": ["a", "b", "c"]}),
    ],
)
def test_what_has_no_meaning_is_refused_before_anything_happens(
    client: Client, method: str, params: dict[str, object]
) -> None:
    assert client.ask(method, **params)["error"]["code"] == BAD_PARAMS


def test_the_view_is_that_of_the_hosts_that_are_meant(client: Client) -> None:
    view = client.call("backups.view", select="a")
    assert {(each["set"], each["repository"]) for each in view["sets"]} == {
        ("config", "local/a"),
        ("secrets", "local/a+secrets"),
    }
    assert len(client.call("backups.view")["sets"]) == 4
    assert len(client.call("backups.view", select="tag:gpu")["sets"]) == 2


def test_what_nobody_has_is_empty(client: Client) -> None:
    assert client.call("backups.archives") == {"archives": []}
    assert client.call("backups.search", text="x") == {"hits": []}
    assert client.call("backups.history", host="a", path="etc/hosts") == {"versions": []}
    assert client.call("backups.mounts")["mounts"] == []
    assert client.call("backups.start", action="check") == {"jobs": []}


def test_a_host_that_cannot_be_compared_says_why(client: Client) -> None:
    (report,) = client.call("backups.drift", select="a")["reports"]
    assert report["host"] == "a" and report["problem"]
    assert refused(client, "backups.pin", host="a") == ("BadInput", "no configuration archive yet")


def test_a_backup_is_followed_to_its_end_and_remembered_with_who_asked(desk: Desk, client: Client) -> None:
    """The host in memory sends no files."""
    client.call("hello", client="10.0.0.7")
    (begun,) = client.call("backups.start", action="backup", select="a", sets=["config"])["jobs"]
    assert begun["host"] == "a" and "10.0.0.7" in begun["who"]
    until(lambda: client.call("backups.job", job=begun["id"])["state"] in set(ENDED), 60)
    job = client.call("backups.job", job=begun["id"])
    assert job["state"] == "failed" and job["outcome"]["cause"]["text"]
    assert "text" in client.call("backups.log", job=begun["id"])
    assert refused(client, "backups.cancel", job=begun["id"])[0] == "BadInput"
    until(lambda: len(desk.events("backup")) >= 2)
    assert all(actor == begun["who"] for _, actor in desk.events("backup"))


def test_the_exact_line_is_told_without_doing_anything(client: Client) -> None:
    (line,) = client.call("backups.line", action="check", repository=KEY)["lines"]
    assert line.startswith("borg ") and "/backups/repositories/a" in line
    assert refused(client, "backups.line", action="fly", repository=KEY)[0] == "BadInput"
