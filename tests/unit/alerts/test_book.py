"""The alerts' own file: everything outlives the engine, whenever it ends (rules 5 and 14)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from backends.alerts.book import Book
from backends.alerts.memory import Changes
from backends.alerts.model import Edge, EdgeKind, Mute, NoticeKind, Phase, Silence, Truth
from backends.errors import RetryLater, Stop
from tests.unit.alerts.desk import BEGIN, C, Desk, W

K = NoticeKind


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(file=tmp_path / "alerts" / "alerts.sqlite")
    yield made
    made.close()


def test_the_next_engine_knows_all_that_this_one_knew(desk: Desk) -> None:
    desk.hold(C, 30)
    desk.alerts.ack([desk.name()], desk.now, by="anna", note="mine")
    desk.alerts.silence(Silence(id="s", rule="x", by="b", comment="c", start=BEGIN, end=BEGIN + 9999), desk.now)
    desk.alerts.mute(Mute(id="m", hosts=("b",), by="b", start=BEGIN, end=BEGIN + 9999), desk.now)
    before = desk.alerts.all(), desk.alerts.silences(), desk.alerts.mutes()
    desk.restart()
    assert (desk.alerts.all(), desk.alerts.silences(), desk.alerts.mutes()) == before
    assert desk.hold(C, 600) == []
    desk.say(Truth.FALSE)
    desk.restart()
    assert [(notice.kind, notice.only) for notice in desk.rest(20)] == [(K.RESOLVED, ("mail",))]


def test_a_wait_goes_on_over_a_short_break_and_begins_again_after_a_long_one(desk: Desk) -> None:
    desk.hold(W, 40, rule="disk.space")
    desk.restart()
    desk.hold(W, 30, rule="disk.space")
    assert desk.phase("disk.space") is Phase.FIRING
    desk.hold(W, 40, rule="disk.space", host="b")
    desk.restart()
    desk.now += 3600
    desk.say(W, rule="disk.space", host="b")
    assert desk.phase("disk.space", "b") is Phase.PENDING


def test_an_event_that_is_read_after_the_break_keeps_its_own_time(desk: Desk) -> None:
    desk.restart()
    desk.now += 3600
    from tests.unit.alerts.desk import reading

    desk.step(reading(C, BEGIN + 5, rule="gpu.xid"))
    assert desk.alert("gpu.xid").fired == BEGIN + 5 and desk.phase("gpu.xid") is Phase.FIRING


def test_a_notice_stays_until_the_outbox_has_it(tmp_path: Path) -> None:
    file = tmp_path / "alerts.sqlite"
    desk = Desk(file=file)
    assert desk.book is not None
    desk.say(C)
    desk.now += 10
    turn = desk.alerts.step([], desk.now)
    desk.book.keep(desk.alerts.changes())
    desk.book.close()  # killed before the outbox was asked
    desk.book = Book(file)
    desk.alerts = desk._alerts()
    assert desk.book.pending() == turn.notices
    desk.hand_over(())
    assert desk.book.pending() == () and [notice.key for notice in desk.said] == [turn.notices[0].key]
    assert desk.alert().notified == ("mail",)
    desk.close()


def test_killed_between_the_outbox_and_its_receipt_the_same_key_is_handed_again(tmp_path: Path) -> None:
    file = tmp_path / "alerts.sqlite"
    desk = Desk(file=file)
    assert desk.book is not None
    desk.say(C)
    desk.now += 10
    (notice,) = desk.alerts.step([], desk.now).notices
    desk.book.keep(desk.alerts.changes())
    desk.alerts.told(notice, ["mail"])  # in the outbox, and killed
    desk.book.close()
    desk.book = Book(file)
    desk.alerts = desk._alerts()
    assert [each.key for each in desk.book.pending()] == [notice.key]
    desk.hand_over(())
    desk.say(Truth.FALSE)
    assert [each.kind for each in desk.rest(20)] == [K.RESOLVED]
    desk.close()


def test_history_and_audit_tell_what_happened_who_did_it_and_from_where(desk: Desk) -> None:
    desk.hold(C, 30)
    desk.hand_over(desk.alerts.ack([desk.name()], desk.now, by="anna", origin="10.0.0.9", note="mine").notices)
    desk.hand_over(desk.alerts.record(EdgeKind.TESTED, desk.now, "target mail", by="berta", origin="tty").notices)
    assert desk.book is not None
    assert [edge.kind for edge in desk.book.history(fingerprint=desk.name())] == [EdgeKind.ACKED, EdgeKind.FIRED]
    assert [(edge.by, edge.origin, edge.text) for edge in desk.book.history(audit=True)] == [
        ("berta", "tty", "target mail"),
        ("anna", "10.0.0.9", "mine"),
    ]
    assert desk.book.history(since=desk.now + 1) == () and desk.book.history(host="b") == ()


def test_the_history_is_append_only_and_only_what_nobody_did_grows_old(desk: Desk) -> None:
    assert desk.book is not None
    old = [Edge(time=1.0, kind=EdgeKind.FIRED), Edge(time=1.0, kind=EdgeKind.ACKED, by="anna")]
    desk.book.keep(Changes(edges=old))
    desk.book.prune(BEGIN)
    assert desk.book.history() == (old[1],)
    with pytest.raises(RetryLater, match="append-only"):
        desk.book._run(lambda db: db.execute("DELETE FROM edges"))
    with pytest.raises(RetryLater, match="append-only"):
        desk.book._run(lambda db: db.execute("UPDATE edges SET actor = 'nobody'"))


def test_a_full_disk_is_said_and_nothing_is_lost_once_there_is_room(desk: Desk) -> None:
    assert desk.book is not None
    pages = desk.book._db.execute("PRAGMA page_count").fetchone()[0]
    desk.book._db.execute(f"PRAGMA max_page_count = {pages}")
    desk.now += 10
    many = [desk_reading(number, desk.now) for number in range(300)]
    desk.alerts.step(many, desk.now)
    with pytest.raises(RetryLater, match="cannot be written down"):
        desk.book.keep(desk.alerts.changes())
    assert [notice.kind for notice in desk.book.pending()] == [K.STORM]  # told all the same
    desk.book._db.execute("PRAGMA max_page_count = 100000")
    desk.hand_over(())
    assert desk.kinds() == [K.STORM] and desk.book.pending() == ()
    held = desk.alerts.all()
    desk.restart()
    assert desk.alerts.all() == held


def desk_reading(number: int, now: float):  # type: ignore[no-untyped-def]
    from tests.unit.alerts.desk import reading

    return reading(C, now, host=f"h{number}", text="x" * 150)


def test_a_damaged_file_is_moved_aside_and_another_begun(tmp_path: Path) -> None:
    file = tmp_path / "alerts.sqlite"
    file.write_bytes(b"not a database at all" * 100)
    book = Book(file)
    assert book.aside is not None and book.aside.exists() and book.load() == {}
    book.close()


def test_one_that_breaks_while_it_is_open_takes_everything_anew(tmp_path: Path) -> None:
    file = tmp_path / "alerts.sqlite"
    desk = Desk(file=file)
    assert desk.book is not None
    desk.hold(C, 30)
    desk.book._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    desk.book._db.close()
    for part in (file, file.with_name(file.name + "-wal")):
        if part.exists():
            part.write_bytes(b"\xff" * 8192)
    desk.book._db = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    desk.say(C)
    assert desk.book.begun_anew
    desk.book.keep(desk.alerts.everything())
    held = desk.alerts.all()
    desk.restart()
    assert desk.alerts.all() == held
    desk.close()


def test_a_row_that_is_not_understood_is_named_and_passed_over(desk: Desk) -> None:
    assert desk.book is not None
    desk.hold(C, 30)
    desk.book._run(lambda db: db.execute("INSERT INTO rows VALUES ('alert', 'x', '{}'), ('future', 'y', '{}')"))
    assert len(desk.book.load()) > 1
    assert desk.book.damaged == ("alert x", "future y")


def test_a_file_of_a_newer_version_is_not_touched(tmp_path: Path) -> None:
    file = tmp_path / "alerts.sqlite"
    Book(file).close()
    with sqlite3.connect(file) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(Stop, match="newer version"):
        Book(file)


def test_what_only_a_sample_changed_is_written_each_half_minute(desk: Desk) -> None:
    desk.hold(C, 30)
    written = []
    for second in range(60):
        desk.now += 1
        from tests.unit.alerts.desk import reading

        desk.alerts.step([reading(C, desk.now, text=f"{second} % full")], desk.now)
        written.append(sum(kind == "alert" for kind, _ in desk.alerts.changes().rows))
    assert 1 <= sum(written) <= 3
    assert desk.alerts.last_changes().rows
