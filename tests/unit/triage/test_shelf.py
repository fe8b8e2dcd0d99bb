"""Kept bundles: found again, bounded, the last good one of a host never thrown away, a damaged file no crash."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import msgspec
import pytest

from backends.errors import BadInput, RetryLater, Stop
from backends.triage import shelf
from backends.triage.model import Bundle, StepState
from backends.triage.shelf import Shelf
from tests.unit.triage.samples import NOW, bundle, section

ILL = bundle({"space": "/dev/sda1 ext4 100 100 0 100% /\n"})
WELL = bundle()


def _at(made: Bundle, time: float, host: str = "gpu07") -> Bundle:
    return msgspec.structs.replace(made, time=time, host=host)


def test_what_was_put_is_found_again_newest_first(tmp_path: Path) -> None:
    kept = Shelf(tmp_path / "triage.sqlite")
    first, second = kept.put(_at(WELL, NOW)), kept.put(_at(ILL, NOW + 1))
    kept.put(_at(WELL, NOW + 2, "other"))
    assert [(each.id, each.state) for each in kept.list("gpu07")] == [(second, StepState.FAIL), (first, StepState.OK)]
    assert len(kept.list()) == 3
    assert kept.get(second) == _at(ILL, NOW + 1)
    kept.close()
    again = Shelf(tmp_path / "triage.sqlite")
    assert again.get(first) == _at(WELL, NOW)
    again.close()


def test_the_last_good_one_stays_however_many_bad_ones_come(tmp_path: Path) -> None:
    kept = Shelf(tmp_path / "triage.sqlite")
    kept.put(_at(WELL, NOW))
    for number in range(shelf.KEPT_PER_HOST + 5):
        kept.put(_at(ILL, NOW + 1 + number))
    assert len(kept.list("gpu07")) == shelf.KEPT_PER_HOST + 1
    assert kept.last_good("gpu07") == _at(WELL, NOW)
    assert kept.last_good("gpu07", before=NOW) is None
    assert kept.last_good("other") is None
    kept.close()


def test_what_could_not_be_seen_without_root_makes_a_bundle_no_bad_one(tmp_path: Path) -> None:
    kept = Shelf(tmp_path / "triage.sqlite")
    blind = bundle({"kernel.log": section("kernel.log", kind="noperm")})
    stuck = bundle({"space": section("space", kind="stuck", note="no answer")})
    assert str(blind.strip.severity) == "unknown"
    first = kept.put(_at(blind, NOW))
    kept.put(_at(stuck, NOW + 1))
    kept.put(_at(ILL, NOW + 2))
    found = kept.good("gpu07")
    assert found is not None and found.id == first and found.good
    assert [row.good for row in kept.list("gpu07")] == [False, False, True], "the list says the same"
    kept.close()


def test_the_newest_stays_also_when_the_clock_was_set_back(tmp_path: Path) -> None:
    kept = Shelf(tmp_path / "triage.sqlite")
    for number in range(shelf.KEPT_PER_HOST):
        kept.put(_at(ILL, NOW + number))
    newest = kept.put(_at(ILL, NOW - 86_400))
    assert kept.get(newest) == _at(ILL, NOW - 86_400)
    kept.close()


def test_all_hosts_together_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf, "KEPT_IN_ALL", 3)
    kept = Shelf(tmp_path / "triage.sqlite")
    for number in range(6):
        kept.put(_at(ILL, NOW + number, f"h{number}"))
    assert [each.host for each in kept.list()] == ["h5", "h4", "h3"]
    kept.close()


def test_a_bundle_that_is_not_there_is_an_error_that_says_so(tmp_path: Path) -> None:
    kept = Shelf(tmp_path / "triage.sqlite")
    with pytest.raises(BadInput, match="no triage bundle 7"):
        kept.get(7)
    kept.close()


def test_a_damaged_file_is_moved_aside_and_a_new_one_begun(tmp_path: Path) -> None:
    file = tmp_path / "triage.sqlite"
    file.write_bytes(b"this is no database at all" * 400)
    kept = Shelf(file)
    assert kept.aside is not None and kept.aside.exists()
    assert kept.put(WELL) == 1
    kept.close()


def test_damage_while_it_is_open_is_told_and_then_it_works_again(tmp_path: Path) -> None:
    kept = Shelf(tmp_path / "triage.sqlite")
    kept._connection.close()
    kept._connection = _Broken()  # type: ignore[assignment]  # a connection that meets damage
    with pytest.raises(RetryLater, match="damaged"):
        kept.put(WELL)
    assert kept.put(WELL) == 1
    kept.close()


def test_a_disk_that_refuses_is_an_error_with_the_next_step(tmp_path: Path) -> None:
    kept = Shelf(tmp_path / "triage.sqlite")
    kept.close()
    with pytest.raises(Stop, match="cannot be kept or read") as refused:
        kept.put(WELL)
    assert "df -h" in (refused.value.hint or "")


def test_a_file_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "triage.sqlite"
    other = sqlite3.connect(file)
    other.execute("PRAGMA user_version = 99")
    other.close()
    with pytest.raises(Stop, match="newer version"):
        Shelf(file)


class _Broken:
    def execute(self, *_: object) -> None:
        raise sqlite3.DatabaseError("database disk image is malformed")

    def close(self) -> None:
        pass
