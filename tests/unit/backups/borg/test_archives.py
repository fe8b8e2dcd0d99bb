"""Lists of archives, and what Borg tells of a repository and of one archive."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.backups.borg import info, list_archives
from backends.backups.borg.archive_facts import is_checkpoint, set_of
from backends.backups.borg.dialect import Dialect
from backends.backups.model import Repository
from backends.errors import SkipHost
from tests.unit.backups.borg.captured import VERSIONS, out

DIALECT = Dialect()
REPOSITORY = Repository(name="vault", host="gpu01", location="/srv/repo")


def test_the_lines() -> None:
    assert list_archives.argv(DIALECT, "/srv/repo", details=False) == (
        "borg",
        "--log-json",
        "list",
        "--json",
        "/srv/repo",
    )
    argv = list_archives.argv(DIALECT, "/srv/repo", pattern="models.*", checkpoints=True, lock_wait=9)
    assert "--glob-archives=models.*" in argv and "--consider-checkpoints" in argv and argv[-1] == "/srv/repo"
    assert info.argv(DIALECT, "/srv/repo") == ("borg", "--log-json", "info", "--json", "/srv/repo")
    assert info.argv(DIALECT, "/srv/repo", "a")[-1] == "/srv/repo::a"


@pytest.mark.parametrize("version", VERSIONS)
def test_a_real_list(version: str) -> None:
    older, newer = list_archives.parse(out(version, "list-archives"), REPOSITORY)
    assert (older.name, newer.name) == ("models.20261101T020000Z", "models.20261102T020000Z")
    assert newer.comment == "window MW-42" and newer.set == "models" and newer.repository == "vault/gpu01"
    assert newer.end is not None and newer.end >= newer.start >= older.start
    assert len(newer.id) == 64 and len(list_archives.repository_id(out(version, "list-archives"))) == 64


@pytest.mark.parametrize("version", VERSIONS)
def test_a_repository(version: str) -> None:
    found = info.parse(out(version, "info"))
    assert found.encryption == "repokey-blake2" and found.location == "/tmp/repo" and len(found.repository_id) == 64
    assert found.original_bytes == 12_000_700
    assert found.stored_bytes and found.stored_bytes < 9_000_000 and found.chunks and found.last_modified
    assert found.archives == ()


@pytest.mark.parametrize("version", VERSIONS)
def test_an_archive(version: str) -> None:
    (found,) = info.parse(out(version, "info-archive")).archives
    assert found.comment == "window MW-42" and found.hostname == "gpu01" and found.username == "root"
    assert found.chunker == ("buzhash", "19", "23", "21", "4095") and found.command_line[0] == "/usr/bin/borg"
    assert found.files == 16 and found.duration_seconds is not None


def test_an_archive_with_a_hostile_name_can_be_addressed_and_is_none_of_ours() -> None:
    row = {
        "id": "a" * 64,
        "name": "models.20261101T020000Z\x1b[2J",
        "start": "2026-11-01T02:00:00",
        "comment": "\x1b[2J",
    }
    (found,) = list_archives.parse(json.dumps({"archives": [row]}).encode(), REPOSITORY)
    assert found.name == "models.20261101T020000Z\\x1b[2J" and found.set == "" and found.comment == ""
    assert info.argv(DIALECT, "/srv/repo", found.name)[-1].endswith("Z\x1b[2J")


def test_rows_without_id_or_name_are_left_out() -> None:
    rows = [{"name": "a"}, {"id": "b" * 64}, {"id": "B" * 64, "name": "c"}, 7, {"id": "c" * 64, "name": "x" * 500}]
    assert list_archives.parse(json.dumps({"archives": rows}).encode(), REPOSITORY) == ()


def test_the_set_is_read_off_the_name() -> None:
    assert set_of("models.20261126T020000Z") == set_of("models.20261126T020000Z.checkpoint") == "models"
    assert set_of("models.2026") == set_of("Models.20261126T020000Z") == set_of("x/y.20261126T020000Z") == ""
    assert is_checkpoint("models.20261126T020000Z.checkpoint.1") and not is_checkpoint("models.20261126T020000Z")


@given(
    st.recursive(
        st.none() | st.text(max_size=9) | st.integers(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(
                    ["archives", "id", "name", "start", "stats", "cache", "repository", "encryption", "mode"]
                ),
                inner,
            )
        ),
        max_leaves=12,
    )
)
def test_any_json_is_read_or_refused(document: object) -> None:
    data = json.dumps(document).encode()
    for parse in (lambda: list_archives.parse(data, REPOSITORY), lambda: info.parse(data)):
        with contextlib.suppress(SkipHost):
            parse()


def test_files_of_a_tar_stream_are_counted_once() -> None:
    """Borg counts each of them twice."""
    row = {
        "id": "a" * 64,
        "name": "a",
        "stats": {"nfiles": 8},
        "command_line": ["borg", "--log-json", "import-tar", "-"],
    }
    (found,) = info.parse(json.dumps({"archives": [row]}).encode()).archives
    assert found.files == 4
    (odd,) = info.parse(json.dumps({"archives": [{**row, "stats": {"nfiles": 7}}]}).encode()).archives
    assert odd.files == 7
