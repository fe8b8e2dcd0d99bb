"""Whoever writes it down first does it: threads, engines, an engine after a crash."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from backends.errors import RetryLater
from backends.schedule.book import KEPT, WHOLE, Book, Occurrence, State
from backends.schedule.book_tables import LAYOUT
from backends.store.migrations import migrate

T = 1_800_000_000.0


def test_a_new_schedule_begins_now_and_a_changed_one_anew(tmp_path: Path) -> None:
    book = Book(tmp_path / "s.db")
    assert book.since("nightly", "a", T) == T and book.since("nightly", "a", T + 99) == T
    assert book.open(Occurrence(name="nightly", time=T + 50, began=T + 51))
    assert book.since("nightly", "a", T + 99) == T + 50
    assert book.since("nightly", "b", T + 99) == T + 99
    book.stop()


def test_one_that_somebody_asked_for_settles_nothing_of_the_plan(tmp_path: Path) -> None:
    book = Book(tmp_path / "s.db")
    book.since("nightly", "a", T)
    assert book.open(Occurrence(name="nightly", time=T + 50, began=T + 50, manual=True))
    assert book.since("nightly", "a", T + 99) == T
    book.stop()


def test_two_engines_on_one_file_share_out_every_host_once(tmp_path: Path) -> None:
    books = [Book(tmp_path / "s.db") for _ in range(3)]
    hosts = [f"gpu{n}" for n in range(60)]
    won: list[str] = []
    opened: list[bool] = []

    def work(book: Book, owner: str) -> None:
        opened.append(book.open(Occurrence(name="nightly", time=T, began=T)))
        won.extend(host for host in hosts if book.claim("nightly", T, host, owner, T))

    threads = [threading.Thread(target=work, args=(book, str(n))) for n, book in enumerate(books)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(opened) == [False, False, True] and sorted(won) == sorted(hosts)
    assert set(books[0].claims("nightly", T)) == set(hosts)
    for book in books:
        book.stop()


def test_what_goes_on_is_found_again_by_the_next_engine(tmp_path: Path) -> None:
    book = Book(tmp_path / "s.db")
    one = Occurrence(name="plans", time=T, missed=2, began=T + 3)
    assert book.open(one) and book.claim("plans", T, WHOLE, "7-x", T + 4)
    book.stop()
    again = Book(tmp_path / "s.db")
    assert again.going_on() == (one,) and again.claims("plans", T)[WHOLE].owner == "7-x"
    assert again.close("plans", T, State.DONE, T + 9, "plan p1") and not again.close("plans", T, State.FAILED, T, "")
    assert again.going_on() == ()
    (last,) = again.newest("plans")
    assert (last.state, last.ended, last.text) == (State.DONE, T + 9, "plan p1")
    again.stop()


def test_old_ones_are_forgotten_with_their_hosts(tmp_path: Path) -> None:
    book = Book(tmp_path / "s.db")
    for n in range(KEPT + 10):
        book.open(Occurrence(name="c", time=T + n, began=T + n, state=State.DONE))
        book.claim("c", T + n, "gpu1", "o", T + n)
    assert len(book.newest("c", 1000)) == KEPT and not book.claims("c", T)
    book.stop()


def test_without_a_folder_it_lives_in_memory() -> None:
    book = Book(None)
    assert book.since("c", "a", T) == T and book.open(Occurrence(name="c", time=T, began=T))
    assert not book.open(Occurrence(name="c", time=T, began=T))
    book.stop()


def test_a_damaged_file_is_moved_aside_and_everything_begins_anew(tmp_path: Path) -> None:
    file = tmp_path / "s.db"
    file.write_bytes(b"no database at all" * 100)
    book = Book(file)
    with pytest.raises(RetryLater):
        book.since("c", "a", T)
    assert book.aside is not None and book.since("c", "a", T) == T
    assert file.stat().st_mode & 0o077 == 0
    book.stop()


def test_what_became_of_a_host_is_written_down_once(tmp_path: Path) -> None:
    book = Book(tmp_path / "s.db")
    assert book.claim("lists", T, "a", "7-x", T + 1) and book.claim("lists", T, "b", "7-x", T + 1)
    book.settle("lists", T, {"a": "no answer", "b": ""}, T + 9)
    book.settle("lists", T, {"a": "", "b": "later", "c": "never begun"}, T + 99)
    found = book.claims("lists", T)
    assert {host: (claim.ended, claim.error) for host, claim in found.items()} == {
        "a": (T + 9, "no answer"),
        "b": (T + 9, ""),
    }
    book.stop()


def test_one_engine_takes_over_a_host_whose_engine_died_and_none_one_that_is_over(tmp_path: Path) -> None:
    book = Book(tmp_path / "s.db")
    assert book.claim("lists", T, "a", "7-x", T) and book.claim("lists", T, "b", "7-x", T)
    book.settle("lists", T, {"b": ""}, T + 1)
    lost = book.claims("lists", T)
    assert book.reclaim("lists", T, lost["a"], "8-y", T + 60)
    assert not book.reclaim("lists", T, lost["a"], "9-z", T + 60)
    assert not book.reclaim("lists", T, lost["b"], "8-y", T + 60)
    taken = book.claims("lists", T)["a"]
    assert (taken.owner, taken.began, taken.ended) == ("8-y", T + 60, None)
    book.stop()


def test_a_book_from_before_is_read_on(tmp_path: Path) -> None:
    file = tmp_path / "s.db"
    with closing(sqlite3.connect(file)) as db:
        migrate(db, replace(LAYOUT, steps=LAYOUT.steps[:1]))
        db.execute("INSERT INTO hosts VALUES ('lists', ?, 'a', '7-x', ?)", (T, T))
        db.commit()
    book = Book(file)
    claim = book.claims("lists", T)["a"]
    assert (claim.owner, claim.ended, claim.error) == ("7-x", None, "")
    book.stop()
