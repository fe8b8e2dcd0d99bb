"""Making archives: of paths, of a stream, of what a command prints."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.backups.borg import create, import_tar
from backends.backups.borg.dialect import Dialect
from backends.backups.model import Archive, Repository
from backends.errors import BadInput, SkipHost
from tests.unit.backups.borg.captured import VERSIONS, out

DIALECT = Dialect()
LOCATION, NAME = "ssh://backup@vault/srv/gpu01", "models.20261126T020000Z"
REPOSITORY = Repository(name="vault", host="gpu01", location=LOCATION)


def test_the_line_of_a_backup_of_paths() -> None:
    argv = create.argv(
        DIALECT, LOCATION, NAME, ("/srv/models", "/srv/-x"), exclude=("*.bak",), comment="MW-42 {now}", upload_kib=4000
    )
    assert argv[:7] == ("borg", "--log-json", "--progress", "create", "--json", "--list", "--filter")
    assert argv[-4:] == (f"{LOCATION}::{NAME}", "--", "/srv/models", "/srv/-x")
    assert "--comment=MW-42 {{now}}" in argv and "--exclude=*.bak" in argv and "--one-file-system" in argv
    for option, value in (
        ("--compression", "zstd,3"),
        ("--checkpoint-interval", "300"),
        ("--upload-ratelimit", "4000"),
        ("--files-cache", "ctime,size,inode"),
        ("--exclude-if-present", ".nobackup"),
    ):
        assert argv[argv.index(option) + 1] == value
    assert "--exclude-caches" in argv and "--exclude=sh:**/*.partial" in argv


def test_the_line_of_a_dump() -> None:
    command = ("pg_dump", "--format=plain", "app")
    argv = create.argv(DIALECT, LOCATION, NAME, stdin_name="app.dump", command=command, listing=False)
    assert argv[-5:] == (f"{LOCATION}::{NAME}", "--", *command)
    assert "--stdin-name=app.dump" in argv and "--content-from-command" in argv
    assert not any(word.startswith("--exclude") or word == "--list" for word in argv)


def test_the_line_of_a_stream() -> None:
    assert create.argv(DIALECT, LOCATION, NAME, stdin_name="facts.json")[-2:] == (f"{LOCATION}::{NAME}", "-")
    assert import_tar.argv(DIALECT, LOCATION, NAME, comment="snapshot") == (
        *("borg", "--log-json", "--progress", "import-tar", "--json", "--compression", "zstd,3"),
        *("--checkpoint-interval", "300", "--comment=snapshot", f"{LOCATION}::{NAME}", "-"),
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"paths": ()},
        {"paths": ("",)},
        {"paths": ("/a\0b",)},
        {"compression": "zstd,3 --rsh=x"},
        {"files_cache": "everything"},
        {"stdin_name": "../etc/passwd"},
        {"stdin_name": "/etc/passwd"},
    ],
)
def test_what_borg_would_misread_is_refused(wrong: dict[str, object]) -> None:
    arguments: dict[str, object] = {"paths": ("/srv",), **wrong}
    with pytest.raises(BadInput):
        create.argv(DIALECT, LOCATION, NAME, **arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("version", VERSIONS)
def test_what_became_of_a_backup(version: str) -> None:
    made = create.parse(out(version, "create-again"))
    assert made.encryption == "repokey-blake2" and len(made.repository_id) == 64
    assert made.total_bytes and made.stored_bytes and 0 < made.stored_bytes < made.total_bytes and made.chunks
    archive = made.archive(REPOSITORY, "window MW-42")
    assert archive == Archive(
        id=made.facts.id,
        repository="vault/gpu01",
        name="models.20261102T020000Z",
        set="models",
        host="gpu01",
        start=made.facts.start,
        end=made.facts.end,
        files=archive.files,
        original_bytes=archive.original_bytes,
        compressed_bytes=archive.compressed_bytes,
        deduplicated_bytes=archive.deduplicated_bytes,
        comment="window MW-42",
    )
    assert archive.files == 16 and archive.original_bytes and archive.original_bytes > 6_000_000
    assert archive.deduplicated_bytes and archive.deduplicated_bytes < 3_000_000
    assert archive.end is not None and 0 <= archive.end - archive.start < 60
    assert 1_795_650_000 < archive.start < 1_795_700_000  # UTC


@pytest.mark.parametrize("wrong", [b"", b"{}", b'{"archive": {"id": "x", "name": "a"}}', b"\xff", b'{"archive": 7}'])
def test_what_is_no_result_is_said_so(wrong: bytes) -> None:
    with pytest.raises(SkipHost):
        create.parse(wrong)


@given(st.integers(0, 3000), st.binary(max_size=3))
def test_a_damaged_result_is_read_or_refused(at: int, damage: bytes) -> None:
    data = out("1.4.5", "create")
    with contextlib.suppress(SkipHost):
        create.parse(data[:at] + damage + data[at + 1 :])
