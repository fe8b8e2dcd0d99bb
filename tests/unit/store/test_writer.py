"""The writer: batches, a full disk, damage, and files of other versions."""

from __future__ import annotations

import shutil
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from backends.clock import ManualClock
from backends.errors import RetryLater
from backends.states import Severity
from backends.store import writer as writers
from backends.store.events import Events, StoredEvent
from backends.store.migrations import STEPS
from backends.store.writer import Writer

OPEN: list[Writer] = []
"""Writers of the running test; closed after it."""


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    while OPEN:
        OPEN.pop()._close()


class Scene:
    def __init__(self, file: Path):
        self.problems: list[tuple[str, str, Severity]] = []
        self.writer = Writer(file, clock=ManualClock(), on_problem=lambda *told: self.problems.append(told))
        OPEN.append(self.writer)
        self.events = Events(self.writer)

    @property
    def kinds(self) -> list[str]:
        return [kind for kind, _, _ in self.problems]

    def add(self, *numbers: int, text: str = "t") -> None:
        for number in numbers:
            self.events.add(StoredEvent(id=number, time=float(number), kind="k", text=text))

    def ids(self) -> list[int]:
        return [event.id for event in self.events.page(since_id=0, before_id=1 << 60, host="", limit=10_000)]


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    one = Scene(tmp_path / "history.db")
    one.writer.open()
    return one


def test_what_is_submitted_is_found_after_the_next_batch(scene: Scene) -> None:
    scene.add(1, 2, 3)
    assert scene.ids() == []
    assert scene.writer.step()
    assert scene.ids() == [3, 2, 1]
    assert not scene.writer.step()


def test_the_file_is_for_this_user_only(scene: Scene) -> None:
    assert stat.S_IMODE(scene.writer.file.stat().st_mode) == 0o600


def test_an_event_comes_back_whole(scene: Scene) -> None:
    event = StoredEvent(id=9, time=1.5, kind="state", text="ü", host="a", actor="eve", severity=Severity.CRITICAL)
    scene.events.add(event)
    scene.writer.step()
    assert scene.events.page(since_id=0, before_id=100, host="a", limit=1) == [event]
    assert scene.events.last_id() == 9


def test_only_the_newest_events_are_kept(scene: Scene) -> None:
    scene.add(*range(1, 101))
    scene.events.prune(10)
    while scene.writer.step():
        pass
    assert scene.ids() == list(range(100, 90, -1))
    assert scene.events.last_id() == 100


def full(connection: sqlite3.Connection) -> None:
    raise sqlite3.OperationalError("database or disk is full")


def test_a_full_disk_is_told_once_and_everything_is_written_when_it_has_room(scene: Scene) -> None:
    state = {"full": True}

    def maybe(connection: sqlite3.Connection) -> None:
        if state["full"]:
            full(connection)

    scene.writer.submit(maybe)
    scene.add(1, 2)
    for _ in range(3):
        assert not scene.writer.step()
    assert scene.kinds == ["store-failed"]
    assert "full" in scene.writer.failing
    state["full"] = False
    assert scene.writer.step()
    assert scene.ids() == [2, 1]
    assert scene.kinds == ["store-failed", "store-recovered"]


def test_what_waits_for_the_disk_is_bounded_and_the_loss_is_counted(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writers, "MAX_WEIGHT", 10)
    state = {"full": True}
    scene.writer.submit(lambda db: full(db) if state["full"] else None)
    assert not scene.writer.step()
    scene.add(*range(1, 31))
    state["full"] = False
    while scene.writer.step():
        pass
    assert len(scene.ids()) == 9
    assert "21 records were lost" in scene.problems[-1][1]


def test_an_operation_that_is_wrong_in_itself_does_not_take_the_others_with_it(scene: Scene) -> None:
    def wrong(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO events (id) VALUES (77)")  # NOT NULL is violated

    scene.add(1)
    scene.writer.submit(wrong)
    scene.add(2)
    scene.writer.step()
    assert scene.ids() == [2, 1]
    assert scene.kinds == ["store-refused"]


def test_a_file_that_is_no_database_is_moved_aside(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    file.write_bytes(b"this was never a database\n" * 1000)
    scene = Scene(file)
    scene.writer.open()
    assert scene.kinds == ["store-damaged"]
    assert (tmp_path / "history.db.damaged-1").read_bytes().startswith(b"this was never")
    scene.add(1)
    scene.writer.step()
    assert scene.ids() == [1]


def test_damage_that_shows_while_running_begins_a_new_file_and_keeps_what_waits(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    first = Scene(file)
    first.writer.open()
    first.add(*range(1, 3000), text="x" * 300)
    while first.writer.step():
        pass
    first.writer.stop()
    first.writer._close()
    data = bytearray(file.read_bytes())
    data[4096 : len(data) - 4096] = b"\xa5" * (len(data) - 8192)
    file.write_bytes(data)
    second = Scene(file)
    second.writer.open()
    with pytest.raises(RetryLater, match="malformed"):
        second.ids()  # whoever meets the damage first lets the writer know
    second.add(5000)
    for _ in range(3):
        second.writer.step()
    assert second.kinds == ["store-damaged"]
    assert second.ids() == [5000]


def test_a_second_damage_does_not_overwrite_the_first(tmp_path: Path) -> None:
    for _ in range(2):
        (tmp_path / "history.db").write_bytes(b"junk" * 1000)
        scene = Scene(tmp_path / "history.db")
        scene.writer.open()
        scene.writer._close()
        (tmp_path / "history.db").unlink()
    assert {file.name for file in tmp_path.glob("*.damaged-?")} == {"history.db.damaged-1", "history.db.damaged-2"}


def test_a_newer_versions_file_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    with sqlite3.connect(file) as newer:
        newer.execute(f"PRAGMA user_version = {len(STEPS) + 1}")
    newer.close()
    scene = Scene(file)
    scene.writer.open()
    assert scene.kinds == ["store-failed"]
    assert "newer version" in scene.problems[0][1]
    scene.add(1)
    assert not scene.writer.step()


def test_a_directory_that_cannot_be_written_costs_only_history(tmp_path: Path) -> None:
    scene = Scene(tmp_path / "missing" / "history.db")
    scene.writer.open()
    scene.add(1)
    assert not scene.writer.step()
    assert scene.kinds == ["store-failed"]
    with pytest.raises(RetryLater):
        scene.events.last_id()
    (tmp_path / "missing").mkdir()
    assert scene.writer.step()
    assert scene.ids() == [1]


def test_reading_what_is_not_there_says_so(tmp_path: Path) -> None:
    scene = Scene(tmp_path / "none.db")
    with pytest.raises(RetryLater):
        scene.ids()


def test_stopping_writes_what_waits(tmp_path: Path) -> None:
    scene = Scene(tmp_path / "history.db")
    scene.writer.open()
    scene.writer.start()
    scene.add(1, 2, 3)
    scene.writer.stop(5)
    assert scene.ids() == [3, 2, 1]


def test_a_crash_loses_at_most_what_was_not_written(tmp_path: Path) -> None:
    scene = Scene(tmp_path / "history.db")
    scene.writer.open()
    scene.add(1)
    scene.writer.step()
    copy = tmp_path / "crashed"
    copy.mkdir()
    for file in tmp_path.glob("history.db*"):  # as kill -9 leaves it: with a WAL that nobody closed
        shutil.copy(file, copy / file.name)
    again = Scene(copy / "history.db")
    again.writer.open()
    assert again.ids() == [1]
    assert again.kinds == []
