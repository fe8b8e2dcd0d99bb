"""The timeline: order, paging, safety, and life without a store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from backends.clock import ManualClock
from backends.engine.timeline import KEPT_IN_MEMORY, Timeline
from backends.engine.wire import Event
from backends.states import Severity
from backends.store.events import Events
from backends.store.writer import Writer


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    one = Writer(tmp_path / "h.db", clock=ManualClock(), on_problem=lambda *_: None)
    one.open()
    yield one
    one._close()


def test_newest_first_and_paged_both_ways() -> None:
    timeline = Timeline(ManualClock())
    for number in range(10):
        timeline.add("k", f"t{number}", host="a" if number % 2 else "b")
    assert [event.text for event in timeline.page(limit=3)] == ["t9", "t8", "t7"]
    assert [event.text for event in timeline.page(before_id=3)] == ["t1", "t0"]
    assert [event.text for event in timeline.page(since_id=8)] == ["t9", "t8"]
    assert [event.text for event in timeline.page(host="a", limit=2)] == ["t9", "t7"]


def test_text_is_made_safe_and_short() -> None:
    event = Timeline(ManualClock()).add("k", "\x1b]0;title\x07boom" + "x" * 1000, actor="eve\x1b[2J")
    assert "\x1b" not in event.text + event.actor
    assert len(event.text) <= 500


def test_every_event_is_pushed() -> None:
    seen: list[Event] = []
    timeline = Timeline(ManualClock(), push=seen.append)
    timeline.add("k", "t", severity=Severity.WARNING)
    assert [(event.id, event.severity) for event in seen] == [(1, Severity.WARNING)]


def test_ids_go_on_and_old_events_are_found_after_a_restart(writer: Writer) -> None:
    first = Timeline(ManualClock(), store=Events(writer))
    for number in range(5):
        first.add("k", f"old {number}", host="a")
    writer.step()
    second = Timeline(ManualClock(), store=Events(writer))
    assert second.add("k", "new").id == 6
    assert [event.text for event in second.page(limit=3)] == ["new", "old 4", "old 3"]
    assert [event.text for event in second.page(since_id=4)] == ["new", "old 4"]
    assert [event.text for event in second.page(host="a", before_id=3)] == ["old 1", "old 0"]


def test_what_memory_has_let_go_comes_from_the_store_without_gap_or_repeat(writer: Writer) -> None:
    timeline = Timeline(ManualClock(), store=Events(writer))
    count = KEPT_IN_MEMORY + 50
    for number in range(count):
        timeline.add("k", str(number))
    while writer.step():
        pass
    assert [event.id for event in timeline.page(limit=10_000)] == list(range(count, 0, -1))


@pytest.mark.parametrize("stored", [True, False])
def test_what_happened_between_two_moments_is_found_in_memory_and_behind_it(writer: Writer, stored: bool) -> None:
    clock = ManualClock(1000.0)
    timeline = Timeline(clock, store=Events(writer) if stored else None)
    for number in range(KEPT_IN_MEMORY + 50):
        timeline.add("odd" if number % 2 else "even", str(number), host="a" if number % 3 else "")
        clock.advance(1.0)
    while writer.step():
        pass
    lowest = 0 if stored else 50
    found = [int(event.text) for event in timeline.between(1000.0, 1100.0)]
    assert found == list(range(lowest, 101))
    assert [event.text for event in timeline.between(1040.0, 1060.0, limit=2)] == ["59", "60"]
    oldest = [event.text for event in timeline.between(1040.0, 1060.0, newest=False, limit=2)]
    assert oldest == (["40", "41"] if stored else ["50", "51"])
    some = timeline.between(1060.0, 1066.0, hosts=("",), kinds=("even",))
    assert [event.text for event in some] == ["60", "66"]


def test_a_store_that_cannot_be_read_costs_only_the_old_events(writer: Writer) -> None:
    timeline = Timeline(ManualClock(), store=Events(writer))
    timeline.add("k", "kept in memory")
    writer.file.unlink()
    assert [event.text for event in timeline.page()] == ["kept in memory"]
    assert [event.text for event in timeline.between(0.0, 4e9)] == ["kept in memory"]
