"""Records of what is done to hosts: durable before it is acted on, each host alone, damaged files harm nothing."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from backends import paths
from backends.errors import BadInput, RetryLater, Stop
from backends.updates import chores as module
from backends.updates.book import Book, Chore
from backends.updates.chores import Chores, Task
from backends.updates.retention import NONE, Ask, Needs
from tests.unit.updates.fleet import BriefClock
from tests.unit.updates.test_runs import until


class Desk:
    """Chores whose work is told by the test."""

    def __init__(self, folder: Path, needed: Ask = lambda: NONE, **works: object):
        self.works = works
        self.ended: list[Chore] = []
        self.bugs: list[str] = []
        self.book = Book(folder, Chore)
        self.clock = BriefClock()
        self.chores = Chores(
            self.book,
            self._work,
            self.clock,
            name="dusting",
            on_end=self.ended.append,
            on_bug=lambda host, error: self.bugs.append(host),
            needed=needed,
        )

    def _work(self, task: Task[Chore]) -> None:
        work = self.works.get(task.record.host)
        if isinstance(work, Exception):
            raise work
        if callable(work):
            work(task)
        task.end(True, "dusted")

    def record(self, host: str, number: int = 0, batch: str = "b") -> Chore:
        now = self.clock.now()
        return Chore(id=f"b-{host}-{number}", batch=batch, host=host, who="anna", created=now)

    def begin(self, *hosts: str, batch: str = "b") -> None:
        self.chores.begin([self.record(host, batch=batch) for host in hosts])

    def all_over(self) -> dict[str, Chore]:
        until(lambda: not self.chores.busy())
        return {chore.host: chore for chore in self.chores.newest(99)}


def test_one_hosts_trouble_is_no_other_hosts(tmp_path: Path) -> None:
    desk = Desk(tmp_path, a=RetryLater("not connected", hint="look at its cable"), b=ZeroDivisionError("x"))
    desk.begin("a", "b", "c")
    over = desk.all_over()
    assert {host: (chore.good, chore.text) for host, chore in over.items()} == {
        "a": (False, "not connected — look at its cable"),
        "b": (False, "internal error: ZeroDivisionError('x')"),
        "c": (True, "dusted"),
    }
    assert desk.bugs == ["b"]
    until(lambda: len(desk.ended) == 3)
    assert desk.book.all() == tuple(sorted(over.values(), key=lambda chore: chore.created))


def test_a_host_is_worked_on_once_at_a_time(tmp_path: Path) -> None:
    gate = threading.Event()
    desk = Desk(tmp_path, a=lambda task: gate.wait(10))
    desk.begin("a")
    with pytest.raises(BadInput, match="dusting goes on already, asked for by anna"):
        desk.chores.begin([desk.record("b"), desk.record("a", 2)])
    gate.set()
    assert set(desk.all_over()) == {"a"}


def test_nothing_is_begun_when_not_everything_can_be_written_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(tmp_path)
    write = paths.write_atomic

    def full(path: Path, data: bytes) -> None:
        if "b-b" in path.name:
            raise OSError(28, "No space left on device")
        write(path, data)

    monkeypatch.setattr(paths, "write_atomic", full)
    with pytest.raises(Stop, match="No space left on device"):
        desk.begin("a", "b")
    assert (desk.chores.newest(9), list(tmp_path.glob("*.json"))) == ((), [])


def test_what_has_happened_is_told_even_when_the_disk_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fill(task: Task[Chore]) -> None:
        def full(path: Path, data: bytes) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(paths, "write_atomic", full)

    desk = Desk(tmp_path, a=fill)
    desk.begin("a")
    chore = desk.all_over()["a"]
    assert chore.good and chore.text == "dusted (it cannot be written down: No space left on device)"
    assert desk.book.all()[0].ended is None, "the next engine looks again"


def test_an_engine_that_ends_leaves_the_record_open(tmp_path: Path) -> None:
    begun = threading.Event()

    def wait(task: Task[Chore]) -> None:
        begun.set()
        while True:
            task.wait(1.0)

    desk = Desk(tmp_path, a=wait)
    desk.begin("a")
    assert begun.wait(10)
    desk.chores.stop()
    second = Desk(tmp_path)
    assert [chore.host for chore in second.chores.resume()] == ["a"]
    assert second.all_over()["a"].good
    assert desk.ended == []


def test_patience_is_bounded_where_it_is_said(tmp_path: Path) -> None:
    tries: list[float] = []

    def ask() -> None:
        tries.append(desk.clock.monotonic())
        raise RetryLater("not connected")

    desk = Desk(tmp_path, a=lambda task: task.patiently(ask, 60.0), b=lambda task: task.reach(ask))
    desk.begin("a")
    assert desk.all_over()["a"].text == "not connected"
    assert 60 <= tries[-1] - tries[0] < 120 and len(tries) > 5
    tries.clear()
    desk.begin("b")
    desk.all_over()
    assert len(tries) == 1


def test_damaged_and_foreign_files_are_named_and_harm_nothing(tmp_path: Path) -> None:
    Desk(tmp_path).begin("a")
    (tmp_path / "x.json").write_text("{")
    (tmp_path / "y.json").write_text('{"format": 9, "id": "y", "batch": "", "host": "", "who": "", "created": 0}')
    (tmp_path / "z.json").write_text('{"id": "../z", "batch": "", "host": "", "who": "", "created": 0}')
    book = Book(tmp_path, Chore)
    assert [chore.host for chore in book.all()] == ["a"]
    assert book.damaged() == ("x.json", "y.json", "z.json")


@pytest.mark.parametrize("name", ["", "../x", "a/b", "x\0"])
def test_ids_that_are_no_ids_reach_no_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput):
        Book(tmp_path, Chore).forget(name)


@pytest.mark.parametrize(("needed", "kept"), [(Needs(frozenset({"b"})), "bcd"), (NONE, "cd"), (None, "abcd")])
def test_what_a_maintenance_run_needs_stays_and_everything_while_that_is_not_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, needed: Needs | None, kept: str
) -> None:
    monkeypatch.setattr(module, "MOST_CHORES", 1)
    desk = Desk(tmp_path, needed=lambda: needed)
    for host in ("a", "b", "c", "d"):
        desk.begin(host, batch=f"{host}-1")
        desk.all_over()
        desk.clock.advance(1)
    assert "".join(chore.host for chore in desk.book.all()) == kept
    assert [chore.host for chore in desk.chores.batch("d-1")] == ["d"] and not desk.chores.batch("x")


def test_the_oldest_finished_ones_go_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_CHORES", 2)
    desk = Desk(tmp_path)
    for host in ("a", "b", "c", "d"):
        desk.begin(host)
        desk.all_over()
        desk.clock.advance(1)
    assert [chore.host for chore in desk.book.all()] == ["b", "c", "d"]
