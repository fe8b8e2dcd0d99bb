"""What the kernels said is kept for three days, whatever happens to the disk and to the engine."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from backends.alerts.subjects import MOST_EVENTS
from backends.clock import ManualClock
from backends.engine import kernel_book, kernel_tables
from backends.engine.kernel_book import KernelBook
from backends.hostkit.kernel_log import Batch, Position
from backends.hostkit.kernel_message import KernelEvent as Message
from backends.states import Severity

DAY = 86_400.0


class Shelf:
    """A book, what it told, and its successors in the same folder."""

    def __init__(self, folder: Path | None):
        self.clock = ManualClock()
        self.folder = folder
        self.told: list[tuple[str, str, Severity]] = []
        self.books: list[KernelBook] = []
        self.book = self.opened()

    def opened(self) -> KernelBook:
        self.book = KernelBook(
            self.folder, self.clock, lambda kind, text, host, actor, severity: self.told.append((kind, text, severity))
        )
        self.books.append(self.book)
        self.book.keep(["h1", "h2"])
        self.book.open()
        return self.book

    def say(self, *numbers: int, host: str = "h1", long: str = "") -> None:
        """A batch of messages, each said just now."""
        events = tuple(self.message(number, long) for number in numbers)
        self.book.take(host, Batch(Position(way="journal", after=f"s={max(numbers, default=0)}"), events), 0.0)

    def message(self, number: int, long: str = "") -> Message:
        text = f"NVRM: Xid (PCI:0000:05:00): {number}, x{long}"
        return Message(kind="xid", time=self.clock.now(), monotonic=float(number), text=text, code=number)

    def codes(self, host: str = "h1") -> list[int | None]:
        assert [event.code for event in self.book.events(host)] == [event.code for event in self.book.raw(host)]
        return [event.code for event in self.book.events(host)]

    def full(self, full: bool = True) -> None:
        """The disk takes nothing more, as sqlite sees it; or it does again."""
        db = self.book._db
        assert db is not None
        pages = db.execute("PRAGMA page_count").fetchone()[0] if full else 1_000_000
        db.execute(f"PRAGMA max_page_count = {pages}")

    def fill(self) -> list[int]:
        """Messages beyond the room that is left."""
        self.full()
        numbers = list(range(100, 160))
        for number in numbers:
            self.say(number, long="x" * 400)
        return numbers


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    made = Shelf(tmp_path / "state")
    yield made
    for book in made.books:
        book.close()


def test_the_next_engine_knows_what_this_one_knew(shelf: Shelf) -> None:
    shelf.say(79, 48)
    shelf.say(31, host="h2")
    before = shelf.book.events("h1"), shelf.book.raw("h1"), shelf.book.position("h1")
    shelf.opened()  # the old one was killed: it closed nothing
    assert (shelf.book.events("h1"), shelf.book.raw("h1"), shelf.book.position("h1")) == before
    assert shelf.codes("h2") == [31] and shelf.told == []


def test_only_its_owner_can_read_the_file(shelf: Shelf) -> None:
    shelf.say(79)
    assert shelf.folder is not None
    modes = {path.stat().st_mode & 0o777 for path in shelf.folder.iterdir()}
    assert modes == {0o600} and shelf.folder.stat().st_mode & 0o777 == 0o700


def test_it_is_the_same_object_until_something_changes(shelf: Shelf) -> None:
    shelf.say(79)
    first = shelf.book.events("h1")
    shelf.say()
    shelf.clock.advance(DAY)
    shelf.book.step()
    assert shelf.book.events("h1") is first
    shelf.say(48)
    assert shelf.book.events("h1") is not first


def test_a_position_without_events_is_written_within_a_minute(shelf: Shelf) -> None:
    shelf.book.take("h1", Batch(Position(way="journal", after="s=7")), 0.0)
    assert shelf.opened().position("h1") == Position()
    shelf.books[0].step()
    shelf.clock.advance(61.0)
    shelf.books[0].step()
    assert shelf.opened().position("h1").after == "s=7"


def test_it_forgets_after_three_days(shelf: Shelf) -> None:
    shelf.say(79)
    shelf.clock.advance(2.9 * DAY)
    shelf.say(48)
    assert shelf.codes() == [79, 48]
    shelf.clock.advance(0.2 * DAY)
    assert shelf.codes() == [48]
    shelf.book.step()
    assert shelf.book._db is not None
    assert shelf.book._db.execute("SELECT count(*) FROM events").fetchone() == (1,)


def test_positions_of_hosts_that_left_the_fleet_are_forgotten_later(shelf: Shelf) -> None:
    shelf.say(1)
    shelf.say(2, host="h2")
    shelf.book.keep(["h2"])
    shelf.clock.advance(2 * DAY)
    shelf.book.step()
    assert shelf.opened().position("h1").after == "s=1"
    shelf.book.keep(["h2"])
    shelf.clock.advance(1.1 * DAY)
    shelf.book.step()
    shelf.opened()
    assert (shelf.book.position("h1").after, shelf.book.position("h2").after) == ("", "s=2")


def test_the_newest_thousand_of_a_host_are_kept(shelf: Shelf) -> None:
    for start in range(0, MOST_EVENTS + 300, 100):
        shelf.clock.advance(1.0)
        shelf.say(*range(start, start + 100))
    assert shelf.codes() == list(range(300, MOST_EVENTS + 300))
    shelf.opened()
    assert shelf.codes() == list(range(300, MOST_EVENTS + 300))


def test_they_are_in_the_order_of_their_times(shelf: Shelf) -> None:
    late = shelf.message(1)
    shelf.clock.advance(50.0)
    shelf.say(2)
    shelf.book.take("h1", Batch(Position(way="journal", after="s=3"), (late,)), 0.0)
    assert shelf.codes() == [1, 2]


def test_a_full_disk_is_told_once_and_nothing_is_missing_once_there_is_room(shelf: Shelf) -> None:
    shelf.say(1)
    numbers = shelf.fill()
    shelf.clock.advance(6.0)
    shelf.book.step()
    assert [(kind, severity) for kind, _, severity in shelf.told] == [("store-failed", Severity.WARNING)]
    assert "full" in shelf.told[0][1]
    assert shelf.codes() == [1, *numbers]
    shelf.full(False)
    shelf.clock.advance(6.0)
    shelf.book.step()
    assert [kind for kind, _, _ in shelf.told] == ["store-failed", "store-recovered"]
    shelf.opened()
    assert shelf.codes() == [1, *numbers] and shelf.book.position("h1").after == "s=159"


def test_killed_while_the_disk_is_full_it_goes_on_from_what_is_written(shelf: Shelf) -> None:
    """Position and events are whole together: what is not written is read from the host again."""
    shelf.say(1)
    shelf.fill()
    shelf.opened()
    codes, position = shelf.codes(), shelf.book.position("h1")
    assert position.after == f"s={codes[-1]}"
    assert codes == [1, *range(100, 100 + len(codes) - 1)]


def test_a_file_that_cannot_be_written_at_the_start_is_read_and_caught_up_with(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.say(1, 2)
    with monkeypatch.context() as patch:
        patch.setattr(kernel_tables, "open_file", full_disk)
        shelf.opened()
        assert shelf.codes() == [1, 2]
        shelf.say(3)
    assert [kind for kind, _, _ in shelf.told] == ["store-failed"]
    shelf.clock.advance(6.0)
    shelf.book.step()
    assert [kind for kind, _, _ in shelf.told] == ["store-failed", "store-recovered"]
    shelf.opened()
    assert shelf.codes() == [1, 2, 3] and shelf.book.position("h1").after == "s=3"


def full_disk(*_: object, **__: object) -> sqlite3.Connection:
    raise sqlite3.OperationalError("database or disk is full")


def test_without_even_reading_it_events_are_kept_and_joined_later(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.say(1, 2)
    with monkeypatch.context() as patch:
        patch.setattr(kernel_tables, "open_file", full_disk)
        patch.setattr(kernel_book, "connect", full_disk)
        shelf.opened()
        assert shelf.codes() == []
        old = tuple(Message(kind="xid", time=shelf.clock.now(), monotonic=float(n), code=n, text=t) for n, t in texts())
        shelf.book.take("h1", Batch(Position(way="journal", after="s=3"), old), 0.0)
    shelf.clock.advance(6.0)
    shelf.book.step()
    assert shelf.codes() == [1, 2, 3]
    shelf.opened()
    assert shelf.codes() == [1, 2, 3]


def texts() -> list[tuple[int, str]]:
    return [(number, f"NVRM: Xid (PCI:0000:05:00): {number}, x") for number in (1, 2, 3)]


def test_a_damaged_file_is_moved_aside_and_told(tmp_path: Path) -> None:
    (tmp_path / "kernel.db").write_bytes(b"not a database at all" * 100)
    shelf = Shelf(tmp_path)
    assert [kind for kind, _, _ in shelf.told] == ["store-damaged"]
    assert (tmp_path / "kernel.db.damaged-1").exists()
    shelf.say(79)
    shelf.opened()
    assert shelf.codes() == [79]
    for book in shelf.books:
        book.close()


def test_a_file_that_breaks_while_it_is_open_is_replaced_with_all_that_is_known(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.say(1)
    shelf.say(5, host="h2")
    real, broken = kernel_tables.write, [True]

    def write(*args: object) -> None:
        if broken.pop() if broken else False:
            raise sqlite3.DatabaseError("database disk image is malformed")
        real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(kernel_tables, "write", write)
    shelf.say(2)
    assert [kind for kind, _, _ in shelf.told] == ["store-damaged"]
    shelf.opened()
    assert (shelf.codes(), shelf.codes("h2")) == ([1, 2], [5])
    assert (shelf.book.position("h1").after, shelf.book.position("h2").after) == ("s=2", "s=5")


def test_rows_that_are_not_understood_are_left_out_and_counted(shelf: Shelf) -> None:
    shelf.say(1, 2)
    db = shelf.book._db
    assert db is not None
    db.execute("UPDATE events SET data = '{' WHERE number = 1")
    db.execute("UPDATE places SET data = '[]'")
    shelf.opened()
    assert shelf.codes() == [2]
    assert shelf.told[0][1].startswith("2 rows")


def test_a_file_of_a_newer_version_is_left_as_it_is(shelf: Shelf) -> None:
    shelf.say(1)
    db = shelf.book._db
    assert db is not None
    db.execute("PRAGMA user_version = 99")
    shelf.opened()
    shelf.say(2)
    assert "newer version" in shelf.told[0][1] and len(shelf.told) == 1
    assert db.execute("SELECT count(*) FROM events").fetchone() == (1,)


def test_after_the_end_nothing_counts(shelf: Shelf) -> None:
    shelf.say(1)
    shelf.book.close()
    assert shelf.book.take("h1", Batch(Position(way="journal", after="s=9"), (shelf.message(9),)), 0.0) is None
    assert shelf.opened().position("h1").after == "s=1"


def test_without_a_folder_nothing_is_written() -> None:
    shelf = Shelf(None)
    shelf.say(1)
    shelf.clock.advance(61.0)
    shelf.book.step()
    assert shelf.codes() == [1] and shelf.told == []
    shelf.book.close()
