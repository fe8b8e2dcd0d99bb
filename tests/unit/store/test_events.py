"""The stored timeline: what was written is found again, by page, by host, whole, and never beyond its bound."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.clock import ManualClock
from backends.engine.timeline import Timeline
from backends.errors import RetryLater
from backends.states import Severity
from backends.store import migrations
from backends.store.events import Events, StoredEvent
from backends.store.writer import Writer


class Scene:
    """Events in a file that a test writes when it wants to."""

    def __init__(self, file: Path):
        self.problems: list[str] = []
        self.writer = Writer(
            file, clock=ManualClock(), on_problem=lambda kind, text, severity: self.problems.append(kind)
        )
        self.writer.open()
        self.events = Events(self.writer)

    def add(self, *numbers: int, host: str = "", text: str = "t", severity: Severity = Severity.OK) -> None:
        for number in numbers:
            event = StoredEvent(id=number, time=float(number), kind="k", text=text, host=host, severity=severity)
            self.events.add(event)
        self.written()

    def written(self) -> None:
        while self.writer.step():
            pass

    def ids(self, since: int = 0, before: int = 1 << 60, host: str = "", limit: int = 100) -> list[int]:
        return [event.id for event in self.events.page(since_id=since, before_id=before, host=host, limit=limit)]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    one = Scene(tmp_path / "history.db")
    yield one
    one.writer._close()


def test_an_empty_timeline_has_no_newest_event(scene: Scene) -> None:
    assert scene.events.last_id() == 0
    assert scene.ids() == []


def test_a_page_is_newest_first_and_ends_at_both_edges(scene: Scene) -> None:
    scene.add(*range(1, 11))
    assert scene.ids(since=3, before=8) == [7, 6, 5, 4]
    assert scene.ids(limit=2) == [10, 9]
    assert scene.events.last_id() == 10


def test_a_host_has_its_own_timeline(scene: Scene) -> None:
    scene.add(1, 3, host="a")
    scene.add(2, host="b")
    assert scene.ids(host="a") == [3, 1]
    assert scene.ids(host="c") == []
    assert scene.ids(host="a' OR '1'='1") == []


def between(scene: Scene, start: float, end: float, **wanted: Any) -> list[int]:
    return [event.id for event in scene.events.between(start, end, **{"limit": 100, **wanted})]


def test_what_happened_between_two_moments_is_found_oldest_first(scene: Scene) -> None:
    scene.add(*range(1, 11))
    assert between(scene, 3, 6) == [3, 4, 5, 6]
    assert between(scene, 3, 6, before_id=5) == [3, 4]
    assert between(scene, 3, 6, limit=2) == [5, 6]
    assert between(scene, 3, 6, limit=2, newest=False) == [3, 4]
    assert between(scene, 6, 3) == []


def test_between_two_moments_hosts_and_kinds_can_be_asked_for(scene: Scene) -> None:
    for number, (host, kind) in enumerate([("a", "xid"), ("", "exec"), ("b", "xid"), ("b", "ack"), ("b' OR 1", "k")]):
        scene.events.add(StoredEvent(id=number, time=1.0, kind=kind, text="t", host=host))
    scene.written()
    assert between(scene, 0, 2, hosts=("a", "")) == [0, 1]
    assert between(scene, 0, 2, kinds=("xid",)) == [0, 2]
    assert between(scene, 0, 2, hosts=("b",), kinds=("xid", "exec")) == [2]
    assert between(scene, 0, 2, hosts=("b' OR 1",)) == [4]


def test_events_of_a_file_from_before_there_was_an_index_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as earlier:
        earlier.setattr("backends.store.migrations.STEPS", migrations.STEPS[:1])
        old = Scene(tmp_path / "h.db")
        old.add(1, 2, 3)
        old.writer._close()
    scene = Scene(tmp_path / "h.db")
    assert between(scene, 2, 9) == [2, 3]
    scene.writer._close()


@given(
    st.lists(st.tuples(st.floats(0, 9), st.sampled_from("ab"), st.sampled_from("xy")), max_size=20),
    st.floats(0, 9),
    st.floats(0, 9),
    st.booleans(),
    st.integers(1, 5),
)
def test_between_is_a_filter_an_order_and_a_bound(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[float, str, str]],
    start: float,
    end: float,
    newest: bool,
    limit: int,
) -> None:
    scene = Scene(tmp_path_factory.mktemp("e") / "h.db")
    for number, (time, host, kind) in enumerate(rows):
        scene.events.add(StoredEvent(id=number, time=time, kind=kind, text="t", host=host))
    scene.written()
    expected = sorted(
        (time, number) for number, (time, host, _) in enumerate(rows) if start <= time <= end and host == "a"
    )
    found = [(each.time, each.id) for each in scene.events.between(start, end, hosts="a", newest=newest, limit=limit)]
    assert found == (expected[-limit:] if newest else expected[:limit])
    scene.writer._close()


@settings(max_examples=40, deadline=None)
@given(
    st.text(max_size=60).filter(lambda text: not any("\ud800" <= letter <= "\udfff" for letter in text)),
    st.sampled_from(list(Severity)),
    st.floats(0, 4e9),
)
def test_an_event_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, text: str, severity: Severity, time: float
) -> None:
    scene = Scene(tmp_path_factory.mktemp("e") / "h.db")
    event = StoredEvent(id=7, time=time, kind="state", text=text, host="ü", actor=text, severity=severity)
    scene.events.add(event)
    scene.written()
    assert scene.events.page(since_id=0, before_id=8, host="", limit=1) == [event]
    scene.writer._close()


def test_a_weight_that_this_version_does_not_know_is_unknown_not_harmless(scene: Scene) -> None:
    query = "INSERT INTO events (id, time, kind, host, actor, severity, text) VALUES (1, 0, 'k', '', '', 'fatal', 't')"
    scene.writer.submit(lambda db: (db.execute(query), None)[1])
    scene.written()
    (event,) = scene.events.page(since_id=0, before_id=2, host="", limit=1)
    assert event.severity is Severity.UNKNOWN


@pytest.mark.parametrize(("keep", "left"), [(4, [20, 19, 18, 17]), (100, list(range(20, 0, -1))), (0, [])])
def test_only_the_newest_are_kept(scene: Scene, keep: int, left: list[int]) -> None:
    scene.add(*range(1, 21))
    scene.events.prune(keep)
    scene.written()
    assert scene.ids() == left


def test_pruning_counts_events_and_not_the_gaps_between_their_ids(scene: Scene) -> None:
    scene.add(1, 1000, 2_000_000, 3_000_000)
    scene.events.prune(3)
    scene.written()
    assert scene.ids() == [3_000_000, 2_000_000, 1000]


def test_a_store_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    scene = Scene(tmp_path / "missing" / "h.db")
    assert scene.problems == ["store-failed"]
    for ask in (scene.events.last_id, scene.ids, lambda: between(scene, 0, 1)):
        with pytest.raises(RetryLater):
            ask()


def test_an_engine_that_could_not_read_its_store_overwrites_nothing_in_it(tmp_path: Path) -> None:
    """The state directory comes back after the engine has begun, with the events of the last run in it."""
    away, home = tmp_path / "away", tmp_path / "home"
    away.mkdir()
    earlier = Scene(away / "h.db")
    earlier.add(1, 2, 3, text="the audit of the last run")
    earlier.writer._close()
    late = Scene(home / "h.db")
    timeline = Timeline(ManualClock(), store=late.events)
    timeline.add("engine", "engine started")
    away.rename(home)
    late.written()
    assert [event.text for event in timeline.page()] == ["engine started", *["the audit of the last run"] * 3]
    late.writer._close()
