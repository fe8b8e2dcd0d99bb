"""Opening the engine's file: its settings, damage, other versions, odd places, and what cannot be used at all."""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from backends.errors import AskOperator, Stop
from backends.store import database
from backends.store.database import connect, is_damage, move_aside, open_or_replace
from backends.store.migrations import STEPS, Layout, migrate


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "history.db"


@pytest.fixture
def opened(file: Path) -> Iterator[sqlite3.Connection]:
    connection, aside = open_or_replace(file)
    assert aside is None
    with closing(connection):
        yield connection


def asked(connection: sqlite3.Connection, pragma: str) -> object:
    return connection.execute(f"PRAGMA {pragma}").fetchone()[0]


def filled(file: Path, rows: int = 2000) -> None:
    """A closed database with `rows` events."""
    with closing(open_or_replace(file)[0]) as connection:
        connection.execute("BEGIN")
        for number in range(rows):
            connection.execute("INSERT INTO events VALUES (?, 0, 'k', '', '', 'ok', ?)", (number, "x" * 300))
        connection.execute("COMMIT")


def test_a_new_file_has_the_newest_layout_and_is_private(file: Path, opened: sqlite3.Connection) -> None:
    assert asked(opened, "user_version") == len(STEPS)
    assert (asked(opened, "journal_mode"), asked(opened, "auto_vacuum")) == ("wal", 2)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    tables = {row[0] for row in opened.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert {"events", "hosts", "layouts", "rollups"} <= tables


def test_making_a_file_leaves_the_mask_of_the_process_alone(file: Path) -> None:
    before = os.umask(0o027)
    try:
        open_or_replace(file)[0].close()
    finally:
        after = os.umask(before)
    assert after == 0o027


def test_a_file_that_is_opened_again_keeps_what_it_holds(file: Path) -> None:
    filled(file, 10)
    with closing(open_or_replace(file)[0]) as again:
        assert again.execute("SELECT count(*) FROM events").fetchone() == (10,)


@pytest.mark.parametrize("name", ["a b.db", "100%.db", "what?.db", "#1.db", "grüße.db", "?mode=memory.db"])
def test_a_file_may_be_called_anything(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    filled(file, 3)
    assert file.exists()
    with closing(connect(file, read_only=True)) as reader:
        assert reader.execute("SELECT count(*) FROM events").fetchone() == (3,)


def test_a_reader_cannot_write_and_makes_no_file(file: Path) -> None:
    with pytest.raises(sqlite3.OperationalError), closing(connect(file, read_only=True)) as nothing:
        nothing.execute("SELECT 1 FROM events")
    assert not file.exists()
    filled(file, 1)
    with closing(connect(file, read_only=True)) as reader, pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.execute("DELETE FROM events")


def test_a_writer_does_not_block_readers(file: Path, opened: sqlite3.Connection) -> None:
    opened.execute("BEGIN IMMEDIATE")
    opened.execute("INSERT INTO events VALUES (1, 0, 'k', '', '', 'ok', 't')")
    with closing(connect(file, read_only=True)) as reader:
        assert reader.execute("SELECT count(*) FROM events").fetchone() == (0,)
    opened.execute("ROLLBACK")


# damage


def test_a_file_that_is_no_database_is_moved_aside(file: Path) -> None:
    file.write_bytes(b"not at all\n" * 500)
    connection, aside = open_or_replace(file)
    with closing(connection):
        assert aside == file.with_name("history.db.damaged-1")
        assert aside.read_bytes().startswith(b"not at all")
        assert asked(connection, "user_version") == len(STEPS)


def test_damage_in_the_middle_is_found_when_the_file_was_not_closed_cleanly(file: Path) -> None:
    filled(file)
    data = bytearray(file.read_bytes())
    data[8192:-4096] = b"\xa5" * (len(data) - 12288)
    file.write_bytes(data)
    with closing(open_or_replace(file)[0]) as trusting:  # closed cleanly: opening must not read it all
        assert asked(trusting, "user_version") == len(STEPS)
    file.with_name("history.db-wal").touch()
    connection, aside = open_or_replace(file)
    with closing(connection):
        assert aside is not None and aside.stat().st_size == len(data)
        assert connection.execute("SELECT count(*) FROM events").fetchone() == (0,)


def test_a_large_file_is_not_checked_as_a_whole(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(file, 10)
    file.with_name("history.db-wal").touch()
    monkeypatch.setattr(database, "CHECKED_BYTES", 10)
    monkeypatch.setattr(database, "_check", lambda connection: pytest.fail("checked"))
    connection, aside = open_or_replace(file)
    connection.close()
    assert aside is None


def test_a_file_that_is_known_to_be_damaged_is_replaced_however_well_it_opens(file: Path) -> None:
    filled(file, 3)
    connection, aside = open_or_replace(file, damaged=True)
    with closing(connection):
        assert aside is not None and aside.exists()
        assert connection.execute("SELECT count(*) FROM events").fetchone() == (0,)


def test_what_belongs_to_the_damaged_file_moves_with_it(file: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        file.with_name(file.name + suffix).write_text(suffix)
    assert move_aside(file) == file.with_name("history.db.damaged-1")
    assert sorted(path.name for path in file.parent.iterdir()) == [
        "history.db.damaged-1",
        "history.db.damaged-1-shm",
        "history.db.damaged-1-wal",
    ]
    file.write_text("second")
    assert move_aside(file).name == "history.db.damaged-2"


@pytest.mark.parametrize(
    ("text", "damage"),
    [
        ("database disk image is malformed", True),
        ("file is not a database", True),
        ("malformed: row 3 missing from index", True),
        ("database or disk is full", False),
        ("database is locked", False),
        ("attempt to write a readonly database", False),
        ("unable to open database file", False),
        ("disk I/O error", False),
    ],
)
def test_only_what_says_that_the_file_is_broken_is_damage(text: str, damage: bool) -> None:
    assert is_damage(sqlite3.OperationalError(text)) is damage


# what cannot be used


def test_a_directory_that_is_not_there_is_for_a_person_to_settle(tmp_path: Path) -> None:
    with pytest.raises(AskOperator, match="the history cannot be used: unable to open") as caught:
        open_or_replace(tmp_path / "none" / "history.db")
    assert caught.value.hint is not None and "df -h" in caught.value.hint


def test_a_file_that_is_locked_is_not_taken_for_damaged(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(file, 3)

    def locked(connection: sqlite3.Connection, layout: Layout) -> None:
        raise sqlite3.OperationalError("database is locked")

    monkeypatch.setattr(database, "migrate", locked)
    with pytest.raises(AskOperator, match="locked"):
        open_or_replace(file)
    assert [path.name for path in file.parent.iterdir() if "damaged" in path.name] == []


def test_a_damaged_file_that_cannot_be_moved_is_told(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> Path:
        raise PermissionError(13, "Permission denied")

    file.write_bytes(b"junk" * 1000)
    monkeypatch.setattr(database, "move_aside", refuse)
    with pytest.raises(AskOperator, match="Permission denied"):
        open_or_replace(file)


def test_a_newer_versions_file_is_left_alone(file: Path) -> None:
    with closing(sqlite3.connect(file)) as newer:
        newer.execute(f"PRAGMA user_version = {len(STEPS) + 1}")
    with pytest.raises(Stop, match="newer version"):
        open_or_replace(file)
    with closing(sqlite3.connect(file)) as again:
        assert asked(again, "user_version") == len(STEPS) + 1


# migrations


def test_a_step_that_fails_changes_nothing(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(file, 3)
    broken = (*STEPS, "CREATE TABLE extra (id INTEGER); CREATE TABLE events (id INTEGER);")
    monkeypatch.setattr("backends.store.migrations.STEPS", broken)
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        with pytest.raises(sqlite3.OperationalError, match="already exists"):
            migrate(connection)
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        assert asked(connection, "user_version") == len(STEPS)
        assert connection.execute("SELECT name FROM sqlite_master WHERE name = 'extra'").fetchone() is None


def test_each_step_is_taken_once_in_order(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(file, 3)
    monkeypatch.setattr("backends.store.migrations.STEPS", (*STEPS, "ALTER TABLE events ADD COLUMN extra TEXT;"))
    for _ in range(2):
        with closing(open_or_replace(file)[0]) as connection:
            assert asked(connection, "user_version") == len(STEPS) + 1
            assert connection.execute("SELECT count(*), max(extra) FROM events").fetchone() == (3, None)


def test_those_who_open_a_file_at_the_same_time_take_each_step_once(tmp_path: Path) -> None:
    steps = tuple(
        f"CREATE TABLE t{number} (x TEXT DEFAULT ';'); INSERT INTO t{number} VALUES (1);" for number in range(9)
    )
    layout = Layout(steps=steps, written="", action="", hint="")
    file, wrong = tmp_path / "new.db", list[Exception]()
    connect(file).close()

    def take() -> None:
        try:
            with closing(connect(file)) as db:
                migrate(db, layout)
        except Exception as error:  # noqa: BLE001 - asserted below
            wrong.append(error)

    threads = [threading.Thread(target=take) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    with closing(connect(file)) as db:
        assert [db.execute(f"SELECT count(*) FROM t{number}").fetchone()[0] for number in range(9)] == [1] * 9
    assert not wrong
