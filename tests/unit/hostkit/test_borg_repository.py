"""The program on the repository's machine: what it reads from files, whom it lets in, and how it goes back."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.hostkit.answer import answer_line
from backends.hostkit.travel import program_launch
from tests.unit.hostkit.repository_program import PARTS, parts, run

MANIFEST = b"\0" * 32


def run_there(do: str, **arguments: Any) -> dict[str, Any]:
    """As on a host: through the launch command and its loader."""
    launch = program_launch("borg_repository", {"do": do, **arguments}, parts=PARTS)
    done = subprocess.run(
        ["/bin/sh", "-c", launch.command], input=launch.payload, capture_output=True, timeout=20, check=False
    )
    answer: dict[str, Any] = json.loads(answer_line(done.stdout))
    return answer


def entry(tag: int, key: bytes, data: bytes = b"") -> bytes:
    size = 9 + len(key) + len(data)
    return struct.pack("<IIB", 0, size, tag) + key + data


def segment(*entries: bytes, committed: bool = True) -> bytes:
    commit: bytes = parts()["kit_segments"].COMMIT
    return b"BORG_SEG" + b"".join(entries) + (commit if committed else b"")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A repository of four segments: 0, 1 and 3 end transactions, 2 was cut short; the manifest is in 1."""
    path = tmp_path / "vault" / "gpu01"
    data = path / "data" / "0"
    data.mkdir(parents=True)
    (path / "README").write_text("This is a Borg Backup repository.\n")
    (path / "config").write_text(
        f"[repository]\nversion = 1\nappend_only = 1\nid = {'ab' * 32}\nkey = SECRET\n\tSECRET2\n"
    )
    (path / "nonce").write_text("0000000000000010")
    (path / "transactions").write_text(
        "transaction 1, UTC time 2026-11-01T02:00:00.000000\nrubbish\ntransaction 3, UTC time 2026-11-02T02:00:00.000000\n"
    )
    (data / "0").write_bytes(segment(entry(0, b"k" * 32, b"one")))
    (data / "1").write_bytes(segment(entry(0, MANIFEST, b"two")))
    (data / "2").write_bytes(segment(entry(0, b"l" * 32, b"three"), committed=False))
    (data / "3").write_bytes(segment(entry(1, b"k" * 32)))
    for prefix in ("index", "hints", "integrity"):
        (path / f"{prefix}.3").write_text(f"{prefix} of 3")
    return path


def content(path: Path) -> dict[str, bytes]:
    return {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*") if file.is_file()}


class TestLooking:
    def test_it_tells_what_the_repository_is_but_never_its_key(self, place: Path) -> None:
        answer = run("look", path=str(place))
        assert answer["ok"] and answer["made"] and answer["has_key"]
        assert (answer["segments"], answer["transaction"]) == (4, 3)
        assert answer["settings"]["append_only"] == "1" and answer["settings"]["id"] == "ab" * 32
        assert answer["logged"] == [[1, "2026-11-01T02:00:00.000000"], [3, "2026-11-02T02:00:00.000000"]]
        assert 0 < answer["free"] <= answer["total"]
        assert "SECRET" not in json.dumps(answer)

    def test_it_travels(self, place: Path) -> None:
        told, here = run_there("look", path=str(place)), run("look", path=str(place))
        assert {**told, "now": 0, "free": 0} == {**here, "now": 0, "free": 0}
        assert run_there("mark", path=str(place))["transaction"] == 3

    def test_a_transaction_ends_only_with_a_whole_commit(self, place: Path) -> None:
        (place / "data/0/3").write_bytes(segment(entry(1, b"k" * 32))[:-1])
        assert run("look", path=str(place))["transaction"] == 1

    def test_where_nothing_is_yet_the_room_is_told_all_the_same(self, tmp_path: Path) -> None:
        answer = run("look", path=str(tmp_path / "not" / "yet"))
        assert (answer["ok"], answer["made"], answer["there"]) == (True, False, False)
        assert answer["free"] > 0

    def test_something_else_at_its_place_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "photos").mkdir()
        (tmp_path / "photos" / "a.jpg").write_text("x")
        assert run("look", path=str(tmp_path / "photos"))["there"] is True

    def test_a_config_that_is_none_is_damage_in_words(self, place: Path) -> None:
        (place / "config").write_bytes(b"\xff\xfe[repository")
        answer = run("look", path=str(place))
        assert (answer["ok"], answer["kind"]) == (False, "damaged")

    def test_the_digest_names_the_segments_up_to_a_transaction(self, place: Path) -> None:
        store = parts()["kit_segments"]
        before = store.digest(store.segments(str(place)), 1)
        (place / "data/0/4").write_bytes(segment())
        assert store.digest(store.segments(str(place)), 1) == before
        (place / "data/0/0").unlink()
        assert store.digest(store.segments(str(place)), 1) != before


class TestGoingBack:
    def mark(self, place: Path, transaction: int) -> dict[str, Any]:
        store = parts()["kit_segments"]
        return {"keep": transaction, "digest": store.digest(store.segments(str(place)), transaction)}

    def test_later_segments_and_the_index_are_moved_away_and_the_nonce_stays(self, place: Path) -> None:
        before = content(place)
        answer = run("rollback", path=str(place), expected=3, **self.mark(place, 1))
        assert answer["ok"] and answer["segments"] == 2 and answer["index"] is False
        after = content(place)
        kept = {name for name in after if not name.startswith("swarm-undo/")}
        assert kept == {"README", "config", "nonce", "transactions", "data/0/0", "data/0/1"}
        assert all(after[name] == before[name] for name in kept)
        aside = Path(answer["place"])
        assert (aside / "3").read_bytes() == before["data/0/3"]
        assert (aside / "index.3").read_bytes() == before["index.3"]
        assert not (place / "lock.exclusive").exists()

    def test_a_remembered_index_comes_back_so_that_nothing_must_be_read_again(self, place: Path) -> None:
        marked = run("mark", path=str(place))
        (place / "data/0/4").write_bytes(segment(entry(0, MANIFEST, b"later")))
        for prefix in ("index", "hints", "integrity"):
            (place / f"{prefix}.3").unlink()
            (place / f"{prefix}.4").write_text("later")
        answer = run("rollback", path=str(place), keep=marked["transaction"], digest=marked["digest"], expected=4)
        assert answer["ok"] and answer["index"] is True
        assert (place / "index.3").read_text() == "index of 3" and not (place / "index.4").exists()

    def test_only_the_newest_indexes_are_kept_for_it(self, place: Path) -> None:
        for number in range(3, 14):
            (place / f"data/0/{number}").write_bytes(segment())
            for prefix in ("index", "hints", "integrity"):
                (place / f"{prefix}.{number}").write_text("x")
            assert run("mark", path=str(place))["transaction"] == number
        assert sorted(each.name for each in (place / "swarm-undo").iterdir()) == sorted(
            f"mark-{n}" for n in range(6, 14)
        )

    @pytest.mark.parametrize(
        ("expected", "spoil", "kind"),
        [
            (4, lambda place: None, "changed"),
            (3, lambda place: (place / "data/0/0").unlink(), "compacted"),
            (3, lambda place: (place / "lock.exclusive").mkdir() or (place / "lock.exclusive/x@1.2-0").touch(), "busy"),
        ],
    )
    def test_it_refuses_what_is_not_as_it_was_and_touches_nothing(
        self, place: Path, expected: int, spoil: Any, kind: str
    ) -> None:
        mark = self.mark(place, 1)
        spoil(place)
        before = content(place)
        answer = run("rollback", path=str(place), expected=expected, **mark)
        assert (answer["ok"], answer["kind"]) == (False, kind)
        assert content(place) == before

    @pytest.mark.parametrize("steps", range(1, 6))
    def test_being_ended_in_the_middle_leaves_a_whole_repository_and_it_can_be_done_again(
        self, place: Path, steps: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        mark, real, left = self.mark(place, 1), os.rename, [steps]

        def rename(old: str, new: str) -> None:
            left[0] -= 1
            if left[0] < 0:
                raise OSError(5, "Input/output error")
            real(old, new)

        monkeypatch.setattr(os, "rename", rename)
        assert run("rollback", path=str(place), expected=3, **mark)["ok"] is False
        monkeypatch.undo()
        look = run("look", path=str(place))
        assert look["transaction"] in (1, 3) and look["exclusive"] == []
        again = run("rollback", path=str(place), expected=look["transaction"], **mark)
        assert again["ok"] or again["kind"] == "nothing"
        assert sorted(each.name for each in (place / "data/0").iterdir()) == ["0", "1"]
        everything = {file.name for file in (place / "swarm-undo").rglob("*") if file.is_file()}
        assert {"2", "3", "index.3", "hints.3", "integrity.3"} <= everything

    def test_a_reader_that_lives_is_waited_for_and_a_dead_one_is_not(self, place: Path) -> None:
        host = run("look", path=str(place))["host_id"]
        mark = self.mark(place, 1)
        (place / "lock.roster").write_text(json.dumps({"shared": [[host, os.getpid(), 0]]}))
        assert run("rollback", path=str(place), expected=3, **mark)["kind"] == "busy"
        (place / "lock.roster").write_text(json.dumps({"shared": [[host, 4_194_303, 0]]}))
        assert run("rollback", path=str(place), expected=3, **mark)["ok"]

    def test_going_to_the_state_that_is_there_is_refused(self, place: Path) -> None:
        assert run("rollback", path=str(place), expected=3, **self.mark(place, 3))["kind"] == "nothing"

    def test_a_transaction_without_a_commit_is_none(self, place: Path) -> None:
        assert run("rollback", path=str(place), expected=3, **self.mark(place, 2))["kind"] == "compacted"

    def test_an_earlier_state_beside_it_shares_the_segments_and_has_an_id_of_its_own(self, place: Path) -> None:
        before = content(place)
        answer = run("aside", path=str(place), **self.mark(place, 1))
        beside = Path(answer["place"])
        assert beside == place.with_name("gpu01.before-2")
        assert (beside / "data/0/1").stat().st_ino == (place / "data/0/1").stat().st_ino
        assert not (beside / "data/0/3").exists()
        assert "ab" * 32 not in (beside / "config").read_text() and "SECRET" in (beside / "config").read_text()
        assert content(place) == before
        assert run("aside", path=str(place), **self.mark(place, 1))["kind"] == "exists"

    def test_what_is_kept_for_it_goes_when_it_is_final(self, place: Path) -> None:
        run("mark", path=str(place))
        assert (place / "swarm-undo").is_dir()
        assert run("forget", path=str(place))["freed"] > 0
        assert not (place / "swarm-undo").exists()
        assert run("forget", path=str(place))["freed"] == 0


class TestScratch:
    def test_it_has_the_manifest_and_neither_key_nor_data(self, place: Path) -> None:
        scratch = Path(run("scratch", path=str(place))["place"])
        assert "SECRET" not in (scratch / "config").read_text()
        assert sorted(file.name for file in (scratch / "data/0").iterdir()) == ["1", "2", "3"]
        assert run("unscratch", path=str(place), place=str(scratch))["ok"]
        assert not scratch.exists() and place.exists()

    @pytest.mark.parametrize("suffix", ["", "/data", ".escrow-", ".escrow-1/../..", ".before-2"])
    def test_nothing_else_is_ever_removed_as_one(self, place: Path, suffix: str) -> None:
        assert run("unscratch", path=str(place), place=f"{place}{suffix}")["kind"] == "failed"
        assert place.exists()


class TestLocks:
    @pytest.fixture
    def sleeper(self) -> Iterator[int]:
        with subprocess.Popen(["sleep", "60"]) as child:
            words, end = Path(f"/proc/{child.pid}/cmdline"), time.monotonic() + 10
            while not words.read_bytes() and time.monotonic() < end:  # it has no words yet right after it was started
                time.sleep(0.001)
            yield child.pid
            child.kill()

    def hold(self, place: Path, name: str) -> None:
        (place / "lock.exclusive").mkdir(exist_ok=True)
        (place / "lock.exclusive" / name).touch()

    def test_a_process_is_told_with_its_start_and_what_it_is(self, sleeper: int) -> None:
        answer = run("process", pid=sleeper)
        assert (answer["there"], answer["command"], answer["borg"]) == (True, "sleep 60", False)
        assert abs(answer["started"] - time.time()) < 30
        assert run("process", pid=os.getpid())["borg"] is True  # a Python may be a Borg
        assert run("process", pid=4_194_303)["there"] is False

    def test_exactly_the_named_holders_are_removed(self, place: Path) -> None:
        self.hold(place, "vm@1.77-0")
        (place / "lock.roster").write_text(json.dumps({"exclusive": [["vm@1", 77, 0]], "shared": [["other@2", 5, 0]]}))
        refused = run("break", path=str(place), names=["vm@1.78-0"], entries=[])
        assert refused["kind"] == "changed" and (place / "lock.exclusive/vm@1.77-0").exists()
        assert run("break", path=str(place), names=["vm@1.77-0"], entries=[["vm@1", 77, 0]])["ok"]
        assert not (place / "lock.exclusive").exists()
        assert json.loads((place / "lock.roster").read_text()) == {"shared": [["other@2", 5, 0]]}

    @pytest.mark.parametrize(
        "text", ["", "[]", "{", '{"shared": 5}', '{"shared": [["a"], ["b", true, 0], ["c", -1, 0]]}']
    )
    def test_a_roster_that_makes_no_sense_names_nobody(self, place: Path, text: str) -> None:
        (place / "lock.roster").write_text(text)
        answer = run("look", path=str(place))
        assert answer["ok"] and not any(answer["roster"].values())

    @given(st.text(max_size=60))
    def test_any_name_of_a_lock_is_taken_apart_or_told_as_none(self, name: str) -> None:
        found = parts()["kit_roster"].split(name)
        assert found is None or (isinstance(found[0], str) and 0 <= found[1] < 10**10)


class TestOther:
    def test_the_directory_is_made_for_this_user_alone(self, tmp_path: Path) -> None:
        assert run("prepare", path=str(tmp_path / "srv/borg/gpu01"))["made"] is True
        assert (tmp_path / "srv/borg").stat().st_mode & 0o777 == 0o700
        assert (tmp_path / "srv").stat().st_mode & 0o777 == 0o700
        assert not (tmp_path / "srv/borg/gpu01").exists()

    def test_another_repository_that_is_made_there_at_the_same_time_is_no_trouble(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(parts()["borg_repository"], "existing", lambda path: str(tmp_path))  # it was not there yet
        (tmp_path / "srv/borg").mkdir(parents=True)
        assert run("prepare", path=str(tmp_path / "srv/borg/gpu01"))["made"] is True

    def test_a_client_forgets_how_new_the_repository_was_but_not_its_nonce(self, tmp_path: Path) -> None:
        identity = "ab" * 32
        memory, cache = tmp_path / ".config/borg/security" / identity, tmp_path / ".cache/borg" / identity
        memory.mkdir(parents=True)
        cache.mkdir(parents=True)
        for name in ("nonce", "location", "manifest-timestamp"):
            (memory / name).touch()
        answer = run("client", id=identity, bases=[str(tmp_path), str(tmp_path / "none")])
        assert len(answer["done"]) == 2
        assert sorted(file.name for file in memory.iterdir()) == ["location", "nonce"] and not cache.exists()

    @pytest.mark.parametrize("identity", ["", "..", "a" * 63 + "/", "A" * 64])
    def test_what_is_no_id_never_becomes_a_path(self, tmp_path: Path, identity: str) -> None:
        assert run("client", id=identity, bases=[str(tmp_path)])["kind"] == "failed"

    def test_the_two_ways_of_hashing_are_measured(self) -> None:
        answer = run("speed", seconds=0.01)
        assert answer["sha256"] > 1e6 and answer["blake2b"] > 1e6

    @pytest.mark.parametrize("arguments", [{"do": "nothing"}, {"do": "look"}, {"do": "mark", "path": "/nonexistent"}])
    def test_what_makes_no_sense_fails_in_words(self, arguments: dict[str, Any]) -> None:
        answer = run(**arguments)
        assert answer["ok"] is False and answer["text"]


@given(st.binary(max_size=200))
def test_any_bytes_as_a_segment_are_read_to_an_end(data: bytes) -> None:
    file = Path(f"/tmp/segment-{os.getpid()}")
    file.write_bytes(data)
    try:
        parts()["kit_segments"].holds_manifest(str(file))
        parts()["kit_segments"].is_committed(str(file))
    finally:
        file.unlink()
