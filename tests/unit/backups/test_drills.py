"""Restore drills: what counts as proof, and what does not."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.backups.borg import import_tar
from backends.backups.catalog import Catalog
from backends.backups.drill_compare import MANIFEST, Restored, compare, manifest, same_time
from backends.backups.drill_sample import Bounds, Reservoir, within
from backends.backups.drills import Drills
from backends.backups.model import Archive, BackupSet, BorgResult, BrowseEntry, JobState, Repository, Task
from backends.clock import ManualClock
from backends.errors import BadInput
from tests.unit.backups.pair import BIG, DIALECT, SECOND, Host, Pair, Seen, flip
from tests.unit.backups.scripted import Said, Scripted
from tests.unit.backups.snapshot_case import tar_of

SHA = "a" * 64
ENTRY = BrowseEntry(path="srv/x", type="-", size=3, mtime=1000.123456)


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    made = Pair(tmp_path)
    yield made
    made.catalog.close()


# Real Borg -----------------------------------------------------------------------------------------------------------


def test_files_that_are_as_on_the_host_prove_it_with_a_speed(pair: Pair) -> None:
    drill = pair.drills.run(pair.task)
    assert drill.outcome.state is JobState.DONE, drill.outcome
    assert drill.proof is not None
    assert (drill.proof.ok, drill.proof.files, drill.proof.against_live, drill.proof.skipped) == (True, 9, 8, 1)
    assert drill.proof.archive == "models.20261102T020000Z"
    assert drill.proof.bytes > 420_000
    assert drill.proof.bytes_per_second is not None
    assert pair.catalog.proof("first/gpu01", "models") == drill.proof
    assert pair.scratch() == []
    assert (pair.folder / "scratch").stat().st_mode & 0o777 == 0o700


def test_a_repository_that_lost_bytes_fails_and_says_which_file(pair: Pair) -> None:
    flip(pair.folder / "first")
    drill = pair.drills.run(pair.task)
    assert drill.outcome.state is JobState.FAILED
    assert drill.outcome.cause is not None
    assert drill.outcome.cause.code == "drill-failed"
    assert drill.proof is not None
    assert not drill.proof.ok
    assert any(problem.startswith(f"{BIG}: ") for problem in drill.proof.problems)
    assert pair.scratch() == []


def test_bytes_that_differ_although_size_and_time_are_the_same_are_found(pair: Pair) -> None:
    file = pair.host.file(SECOND)
    info = file.stat()
    file.write_bytes(b"r" * info.st_size)
    os.utime(file, ns=(info.st_atime_ns, info.st_mtime_ns))
    drill = pair.drills.run(pair.task)
    assert drill.proof is not None
    assert drill.proof.problems == (
        f"{SECOND}: differs from the host's file, whose size and time have not changed since",
    )


def test_hashes_recorded_at_the_backup_prove_what_the_host_has_changed_since(pair: Pair) -> None:
    archive = pair.catalog.archive("first/gpu01", "models.20261102T020000Z")
    pair.index(archive)
    archive = pair.catalog.archive("first/gpu01", archive.name)
    assert archive.indexed
    assert pair.recording.remember(pair.task, archive) == 8, "one has changed already"
    for file in (pair.host.root / "srv").rglob("*"):
        if file.is_file():
            file.write_text("everything is new")
    drill = pair.drills.run(pair.task, seed=3)
    assert drill.proof is not None
    assert (drill.proof.ok, drill.proof.against_live, drill.proof.against_record) == (True, 0, 8)


def test_when_nothing_can_be_compared_nothing_is_proven(pair: Pair) -> None:
    pair.host.down = True
    drill = pair.drills.run(pair.task)
    assert drill.proof is not None
    assert (drill.proof.ok, drill.proof.skipped) == (False, 9)
    assert "nothing could be compared" in drill.proof.problems[0]


def test_a_drill_stays_within_its_bounds(pair: Pair) -> None:
    drill = pair.with_bounds(Bounds(files=4, bytes=150_000)).run(pair.task, seed=1)
    assert drill.proof is not None
    assert drill.proof.files <= 4
    assert drill.proof.bytes <= 150_000


# A configuration's snapshot ------------------------------------------------------------------------------------------

CONFIG = Task(set=BackupSet(name="config", kind="config"), repository=Repository(name="v", host="gpu01", location="/b"))
FILES = {
    "etc/passwd": b"root:x:0:0:root:/root:/bin/bash\n",
    "etc/app.json": b'{"port": 80,}',
    "etc/cron.daily/x": b"#!/bin/sh\nif true; then echo; fi\n",
    "swarm/facts/uname.txt": b"Linux\n",
}


def snapshot(tmp_path: Path, files: dict[str, bytes]) -> tuple[bytes, tuple[BrowseEntry, ...]]:
    """What Borg would stream of an archive, and what it would list."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for path, content in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    entries = tuple(BrowseEntry(path=path, type="-", size=len(content), mtime=5.0) for path, content in files.items())
    return out.getvalue(), entries


def rows(files: dict[str, bytes]) -> bytes:
    """The snapshot's own list."""
    listed = [{"path": path, "sha256": hashlib.sha256(content).hexdigest()} for path, content in files.items()]
    return b"".join(json.dumps(row).encode() + b"\n" for row in listed)


class Config:
    def __init__(self, folder: Path, stored: dict[str, bytes], listed: dict[str, bytes]):
        stream, entries = snapshot(folder, {**stored, MANIFEST: rows(listed)})
        self.catalog = Catalog(folder / "catalog.db", ManualClock())
        archive = Archive(
            id="c" * 64, repository=CONFIG.repository.key, name="config.20261101T020000Z", set="config", host="gpu01",
            start=1.0,
        )  # fmt: skip
        self.catalog.put_archives(CONFIG.repository.key, [archive])
        self.catalog.index(archive, entries)
        self.runner = Scripted([Said(stdout=stream, result=BorgResult(exit_status=0, seconds=2.0))])
        host = Host(folder / "host")
        self.drills = Drills(self.runner, self.catalog, host.look, ManualClock(), scratch=folder / "scratch")


def test_a_snapshot_is_proven_by_its_own_list_and_read_by_parsers(tmp_path: Path) -> None:
    ground = Config(tmp_path, FILES, FILES)
    drill = ground.drills.run(CONFIG)
    assert drill.proof is not None
    assert (drill.proof.ok, drill.proof.against_record, drill.proof.skipped) == (True, 4, 0)
    assert "etc/passwd (passwd format)" in drill.proof.validated
    assert "etc/cron.daily/x (sh)" in drill.proof.validated
    assert drill.outcome.warnings[0].startswith("etc/app.json: json says: ")
    assert drill.proof.bytes_per_second == drill.proof.bytes / 2.0
    ground.catalog.close()


def test_a_snapshot_that_is_not_what_its_list_says_fails(tmp_path: Path) -> None:
    ground = Config(tmp_path, {**FILES, "etc/passwd": b"root::0:0:root:/root:/bin/sh\n....."[:32]}, FILES)
    drill = ground.drills.run(CONFIG)
    assert drill.proof is not None
    assert drill.proof.problems == (
        "etc/passwd: is not what was saved: its hash was recorded when the backup was made",
    )
    ground.catalog.close()


def test_a_real_snapshot_in_a_real_repository_is_proven_by_host_and_list(pair: Pair) -> None:
    for path, content in FILES.items():
        if not path.startswith("swarm/"):
            pair.host.file(path).parent.mkdir(parents=True, exist_ok=True)
            pair.host.file(path).write_bytes(content)
    stream = iter([tar_of("config", top=str(pair.host.root)), b""])
    result = pair.runner.run(
        pair.first,
        lambda place: import_tar.argv(DIALECT, place, "config.20261103T020000Z"),
        stdin=lambda: next(stream),
    )
    assert result.exit_status == 0, result
    pair.catalog.put_archives(pair.first.key, pair.archives(pair.first))
    pair.host.file("etc/passwd").write_bytes(b"changed since")
    drill = pair.drills.run(msgspec.structs.replace(CONFIG, repository=pair.first))
    assert drill.proof is not None
    assert drill.proof.problems == ()
    assert drill.proof.against_live == 2
    assert drill.proof.against_record == 2, "what has changed since, and what is the snapshot's own"
    assert "etc/passwd (passwd format)" in drill.proof.validated


# What proves nothing either way --------------------------------------------------------------------------------------


def locked() -> BorgResult:
    message = {"levelname": "ERROR", "msgid": "LockTimeout", "message": "Failed to create/acquire the lock"}
    return BorgResult(exit_status=2, messages=(message,))


def test_a_lock_is_no_failed_drill(tmp_path: Path) -> None:
    ground = Config(tmp_path, FILES, FILES)
    runner = Scripted([Said(result=locked())])
    drills = Drills(runner, ground.catalog, Host(tmp_path).look, ManualClock(), scratch=tmp_path / "scratch")
    drill = drills.run(CONFIG)
    assert drill.proof is None
    assert drill.outcome.cause is not None
    assert drill.outcome.cause.code == "lock-held"
    assert ground.catalog.proof(CONFIG.repository.key, "config") is None
    ground.catalog.close()


def test_a_repository_that_sends_more_than_it_listed_is_cut_off(tmp_path: Path) -> None:
    ground = Config(tmp_path, FILES, FILES)
    runner = Scripted([Said(stdout=b"\0" * (4 << 20), result=BorgResult(exit_status=143, cancelled=True))])
    drills = Drills(runner, ground.catalog, Host(tmp_path).look, ManualClock(), scratch=tmp_path / "scratch")
    drill = drills.run(CONFIG)
    assert drill.outcome.state is JobState.FAILED
    assert drill.outcome.cause is not None
    assert "more data came back than the archive says it has" in drill.outcome.cause.evidence
    assert list((tmp_path / "scratch").rglob("*")) == []
    ground.catalog.close()


def test_without_an_archive_there_is_nothing_to_drill(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path / "catalog.db", ManualClock())
    drills = Drills(Scripted([]), catalog, Host(tmp_path).look, ManualClock(), scratch=tmp_path / "scratch")
    with pytest.raises(BadInput, match="no archive of config in v/gpu01"):
        drills.run(CONFIG)
    catalog.close()


# Comparing -----------------------------------------------------------------------------------------------------------


def verdict(
    restored: Restored | None, live: Seen | None = None, record: tuple[int | None, float | None, str] | None = None
) -> tuple[int, int, int, int]:
    found = compare(
        {"srv/x": ENTRY},
        {"srv/x": restored} if restored else {},
        {"srv/x": live} if live else {},
        {"srv/x": record} if record else {},
    )
    return found.against_live, found.against_record, found.skipped, len(found.problems)


GOOD = Restored(size=3, sha256=SHA)
SAME = Seen(size=3, mtime=1000.123456, sha256=SHA)


@pytest.mark.parametrize(
    ("restored", "live", "record", "expected"),
    [
        (GOOD, SAME, None, (1, 0, 0, 0)),
        (GOOD, msgspec.structs.replace(SAME, mtime=1001.0), None, (0, 0, 1, 0)),
        (GOOD, msgspec.structs.replace(SAME, size=4), None, (0, 0, 1, 0)),
        (GOOD, msgspec.structs.replace(SAME, sha256="b" * 64), None, (0, 0, 0, 1)),
        (GOOD, msgspec.structs.replace(SAME, sha256=None), None, (0, 0, 1, 0)),
        (GOOD, None, (3, 1000.123456, SHA), (0, 1, 0, 0)),
        (GOOD, None, (None, None, SHA), (0, 1, 0, 0)),
        (GOOD, None, (3, 1000.123456, "b" * 64), (0, 0, 0, 1)),
        (GOOD, None, (3, 2000.0, "b" * 64), (0, 0, 1, 0)),
        (Restored(size=2, sha256=SHA), SAME, None, (0, 0, 0, 1)),
        (None, SAME, None, (0, 0, 0, 1)),
        (GOOD, None, None, (0, 0, 1, 0)),
    ],
)
def test_what_counts(
    restored: Restored | None,
    live: Seen | None,
    record: tuple[int | None, float | None, str] | None,
    expected: tuple[int, int, int, int],
) -> None:
    assert verdict(restored, live, record) == expected


def test_a_file_with_zeros_in_it_is_a_problem_whatever_its_hash() -> None:
    hurt = msgspec.structs.replace(ENTRY, healthy=False)
    assert compare({"srv/x": hurt}, {"srv/x": GOOD}, {"srv/x": SAME}, {}).problems


def test_times_are_equal_to_the_microsecond_or_to_what_a_tar_kept() -> None:
    assert same_time(1000.123456, 1000.1234561)
    assert same_time(1000.0, 1000.9)
    assert not same_time(1000.5, 1000.9)
    assert not same_time(None, 1000.0)


@given(st.binary(max_size=500))
def test_a_hostile_list_of_hashes_is_read_without_fail(content: bytes) -> None:
    assert isinstance(manifest(content), dict)


# Choosing ------------------------------------------------------------------------------------------------------------


@given(st.integers(0, 200), st.integers(1, 20), st.integers())
def test_a_sample_of_a_stream_has_what_there_is_up_to_its_size(length: int, count: int, seed: int) -> None:
    reservoir = Reservoir(count, seed)
    for at in range(length):
        reservoir.take(BrowseEntry(path=str(at), type="-"))
    assert len({entry.path for entry in reservoir.kept}) == min(length, count)


def test_links_and_paths_that_lead_out_are_never_asked_for() -> None:
    entries = [
        BrowseEntry(path="../etc/shadow", type="-", size=1),
        BrowseEntry(path="a/../../b", type="-", size=1),
        BrowseEntry(path="link", type="l"),
        BrowseEntry(path="good", type="-", size=1),
        BrowseEntry(path="too/large", type="-", size=1 << 40),
    ]
    assert list(within(entries, Bounds())) == ["good"]
