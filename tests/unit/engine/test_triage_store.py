"""Bundles outlive the engine; a disk that refuses is said once, and what is made meanwhile is not lost while it runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from backends.engine.triage_store import FILE, IN_MEMORY, TriageStore
from backends.errors import BadInput, Stop
from tests.unit.engine.triage_bench import ILL, WELL
from tests.unit.triage.samples import NOW


def test_what_was_kept_is_there_after_a_restart(tmp_path: Path) -> None:
    told: list[str] = []
    store = TriageStore(tmp_path, told.append)
    first, _ = store.put(replace(WELL, time=NOW))
    second, why = store.put(replace(ILL, time=NOW + 1))
    store.close()
    again = TriageStore(tmp_path, told.append)
    assert [row.id for row in again.list("gpu07")] == [second, first]
    assert again.newest("gpu07") == (NOW + 1, second)
    good = again.good("gpu07")
    assert good is not None and good.id == first
    assert (why, told) == ("", [])
    again.close()


def test_without_a_folder_the_newest_are_kept_in_memory() -> None:
    store = TriageStore(None, lambda text: None)
    number, why = store.put(WELL)
    assert (number, why) == (1, "")
    assert store.get(number) == WELL
    with pytest.raises(BadInput):
        store.get(2)


def test_a_folder_that_cannot_be_used_is_said_and_memory_takes_its_place(tmp_path: Path) -> None:
    told: list[str] = []
    (tmp_path / "file").write_text("")
    store = TriageStore(tmp_path / "file", told.append)
    number, why = store.put(WELL)
    assert number == IN_MEMORY and why and store.get(number) == WELL
    assert len(told) == 1 and told[0].startswith("triage bundles are kept in memory alone")


def test_a_disk_that_refuses_is_said_once_and_nothing_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    store = TriageStore(tmp_path, told.append)
    kept, _ = store.put(WELL)

    def full(*_: object) -> int:
        raise Stop("the triage bundles cannot be kept or read: database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr("backends.triage.shelf.Shelf.put", full)
        numbers = [store.put(replace(ILL, time=NOW + at))[0] for at in (1, 2)]
    assert numbers == [IN_MEMORY, IN_MEMORY + 1]
    assert len(told) == 1 and "disk is full" in told[0]
    assert store.get(numbers[0]).time == NOW + 1
    assert [row.id for row in store.list()] == [IN_MEMORY + 1, IN_MEMORY, kept], "one list, the newest first"
    assert store.put(replace(WELL, time=NOW + 3))[0] == kept + 1, "it is tried again"
    store.close()


def test_a_damaged_file_is_said(tmp_path: Path) -> None:
    told: list[str] = []
    (tmp_path / FILE).write_bytes(b"this is no database at all" * 400)
    store = TriageStore(tmp_path, told.append)
    assert "begun anew" in told[0]
    store.close()
