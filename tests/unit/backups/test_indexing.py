"""Reading a list out of a repository into the catalog, with a Borg that is played and with a real one."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from backends.backups import indexing
from backends.backups.borg.dialect import Dialect
from backends.backups.catalog import Catalog
from backends.backups.indexing import Indexing
from backends.backups.model import Archive, BorgResult, JobState, Repository
from backends.backups.runner import Build, Cancel, OnEvent, Source
from backends.clock import ManualClock
from backends.errors import SkipHost, Stop
from tests.unit.backups.catalog_case import archive

VAULT = Repository(name="vault", host="gpu1", location="/vault/gpu1")
A = archive("a")


def line(path: str, size: int = 1) -> bytes:
    """As `borg list` prints it in our format."""
    return f"-rw-r--r-- {size} 2026-11-26T01:02:03.000000 healthy 'root'\t'root'\t''\t{path!a}\n".encode()


class Played:
    """A runner whose Borg lists what it is told to, in pieces, and ends as it is told to."""

    dialect = Dialect()

    def __init__(self, pieces: list[bytes], result: BorgResult | None = None):
        self.pieces, self.result = pieces, result or BorgResult(exit_status=0)
        self.argv: tuple[str, ...] = ()
        self.between: Callable[[], None] = lambda: None
        self.error: Exception | None = None

    def run(
        self,
        repository: Repository,
        build: Build,
        *,
        on_event: OnEvent | None = None,
        on_stdout: Callable[[bytes], None] | None = None,
        stdin: Source | None = None,
        cancel: Cancel | None = None,
        confirm: Mapping[str, str] = {},
        timeout_seconds: float | None = None,
        directory: str = "",
    ) -> BorgResult:
        self.argv = build(repository.location)
        assert on_stdout is not None
        assert cancel is not None
        if self.error is not None:
            raise self.error
        for piece in self.pieces:
            if cancel.forced.is_set():
                return BorgResult(exit_status=None, cancelled=True)
            on_stdout(piece)
            self.between()
        return self.result


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    one = Catalog(tmp_path / "catalog.db", ManualClock())
    one.put_archives(VAULT.key, [A])
    yield one
    one.close()


def paths(catalog: Catalog, one: Archive = A) -> list[str]:
    return [entry.path for entry in catalog.walk(one, "")]


def test_a_list_becomes_an_index(catalog: Catalog) -> None:
    text = b"".join(line(f"srv/{number}", number) for number in range(5000))
    runner = Played([text[start : start + 777] for start in range(0, len(text), 777)])
    told: list[int] = []
    outcome = Indexing(runner, catalog).index(VAULT, A, progress=told.append)
    assert outcome.state is JobState.DONE
    assert outcome.notes == ("5,001 entries indexed, 5,001 of them new or changed.",)
    assert told[-1] == 5001
    assert catalog.entry(A, "srv/4999") is not None
    assert runner.argv[:1] == ("borg",)
    assert f"{VAULT.location}::{A.name}" in runner.argv


def test_the_last_line_needs_no_end(catalog: Catalog) -> None:
    Indexing(Played([line("a") + line("b").rstrip(b"\n")]), catalog).index(VAULT, A)
    assert paths(catalog) == ["a", "b"]


def test_what_is_no_entry_is_told(catalog: Catalog) -> None:
    outcome = Indexing(Played([line("a"), b"Warning: something\n", line("b")]), catalog).index(VAULT, A)
    assert outcome.notes[-1] == "1 entries could not be indexed: no real path, or no entry."
    assert paths(catalog) == ["a", "b"]


@pytest.mark.parametrize(
    "result",
    [
        BorgResult(exit_status=2, messages=({"levelname": "ERROR", "msgid": "LockTimeout", "message": "locked"},)),
        BorgResult(exit_status=None, lost="the link was lost"),
        BorgResult(exit_status=-9),
    ],
)
def test_half_a_list_is_not_taken_for_the_whole(catalog: Catalog, result: BorgResult) -> None:
    Indexing(Played([line("old")]), catalog).index(VAULT, A)
    outcome = Indexing(Played([line("new")], result), catalog).index(VAULT, A)
    assert outcome.state is JobState.FAILED
    assert outcome.cause is not None
    assert paths(catalog) == ["old"]


def test_an_error_of_the_runner_is_passed_on(catalog: Catalog) -> None:
    runner = Played([])
    runner.error = SkipHost("there is no borg here")
    with pytest.raises(SkipHost, match="no borg"):
        Indexing(runner, catalog).index(VAULT, A)
    assert not catalog.archives()[0].indexed


def test_cancelling_keeps_what_was_known(catalog: Catalog) -> None:
    cancel = Cancel()
    runner = Played([line(f"{number}") for number in range(100)])
    runner.between = lambda: cancel.ask("root")
    outcome = Indexing(runner, catalog).index(VAULT, A, cancel=cancel)
    assert outcome.state is JobState.CANCELLED
    assert not catalog.archives()[0].indexed


def test_a_catalog_that_fails_ends_borg_however_much_it_still_lists(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "_BATCH", 1)
    runner = Played([line(f"{number}") for number in range(100_000)])
    before = threading.active_count()

    def full(count: int) -> None:
        raise Stop("the disk is full")

    monkeypatch.setattr("backends.backups.catalog_intake.CHUNK", 2)
    with pytest.raises(Stop, match="full"):
        Indexing(runner, catalog).index(VAULT, A, progress=full)
    assert threading.active_count() == before, "the thread that lists has ended"


def test_what_was_compacted_away_leaves_the_index_with_the_next_run(catalog: Catalog) -> None:
    b = archive("b")
    catalog.add(b)
    Indexing(Played([line("only-in-a")]), catalog).index(VAULT, A)
    catalog.put_archives(VAULT.key, [b])
    catalog.forget_gone(VAULT.key)
    Indexing(Played([line("b")]), catalog).index(VAULT, b)
    assert catalog.tidy() == 0
    assert paths(catalog, b) == ["b"]


def test_what_is_missing_is_known_newest_first(catalog: Catalog) -> None:
    half = archive("d", name="models.d.checkpoint")
    catalog.put_archives(VAULT.key, [A, archive("b"), archive("c"), half])
    catalog.index(archive("b"), [])
    assert [each.name for each in Indexing(Played([]), catalog).missing(VAULT)] == ["models.c", "models.a"]


class Real:
    """Runs Borg as it is installed here, on an unencrypted repository."""

    dialect = Dialect()

    def __init__(self, folder: Path):
        self.environment = {**os.environ, "BORG_BASE_DIR": str(folder), "TZ": "UTC"}
        self.environment["BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK"] = "yes"

    def borg(self, *argv: str, cwd: Path) -> bytes:
        ended = subprocess.run(["borg", *argv], cwd=cwd, env=self.environment, capture_output=True, check=True)
        return ended.stdout

    def run(
        self,
        repository: Repository,
        build: Build,
        *,
        on_event: OnEvent | None = None,
        on_stdout: Callable[[bytes], None] | None = None,
        stdin: Source | None = None,
        cancel: Cancel | None = None,
        confirm: Mapping[str, str] = {},
        timeout_seconds: float | None = None,
        directory: str = "",
    ) -> BorgResult:
        argv = build(repository.location)
        ended = subprocess.run(argv, env=self.environment, capture_output=True, timeout=timeout_seconds, check=False)
        assert on_stdout is not None
        on_stdout(ended.stdout)
        return BorgResult(exit_status=ended.returncode, text=ended.stderr.decode())


@pytest.mark.skipif(shutil.which("borg") is None, reason="needs borg")
def test_a_real_list_with_the_worst_names_is_indexed_and_found(tmp_path: Path) -> None:
    data = tmp_path / "data"
    names = [
        b"a\nb",
        b"\x1b[31mred",
        b"caf\xe9",
        "käse".encode(),
        b"-rf",
        b"back\\slash",
        b"dir/run10",
        b"dir/run9",
        b"q'\"u",
    ]
    for name in names:
        path = os.path.join(os.fsencode(data), name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as handle:
            handle.write(b"x" * len(name))
    os.symlink(b"dir/run\n9", os.path.join(os.fsencode(data), b"link"))
    os.link(os.path.join(os.fsencode(data), b"dir/run9"), os.path.join(os.fsencode(data), b"hard"))
    runner = Real(tmp_path / "base")
    runner.borg("init", "-e", "none", str(tmp_path / "repo"), cwd=data)
    runner.borg("create", f"{tmp_path / 'repo'}::models.a", ".", cwd=data)
    catalog = Catalog(tmp_path / "catalog.db", ManualClock())
    catalog.add(A)
    place = Repository(name="vault", host="gpu1", location=str(tmp_path / "repo"))

    outcome = Indexing(runner, catalog).index(place, A)

    assert outcome.state is JobState.DONE
    assert outcome.notes == ("12 entries indexed, 12 of them new or changed.",)
    shown = [entry.path for entry in catalog.browse(A, "").entries]
    assert shown[0] == "dir"
    assert set(shown[1:]) == {
        "a\\x0ab",
        "\\x1b[31mred",
        "caf\\xe9",
        "käse",
        "-rf",
        "back\\\\slash",
        "q'\"u",
        "link",
        "hard",
    }
    assert [entry.path for entry in catalog.browse(A, "dir").entries] == ["dir/run9", "dir/run10"]
    found = catalog.entry(A, "link")
    assert found is not None
    assert (found.type, found.target) == ("l", "dir/run\\x0a9")
    size = catalog.entry(A, "a\\x0ab")
    assert size is not None
    assert (size.size, size.mode, size.healthy) == (3, "-rw-r--r--", True)
    assert [hit.path for hit in catalog.search("KÄSE")] == ["käse"]
    catalog.close()
