"""`events` shows the timeline oldest first and goes on with what happens."""

from __future__ import annotations

import msgspec
import pytest

from backends.engine.wire import Event
from backends.states import Severity
from tests.unit.cli.conftest import Run, Serve

FIRST = Event(id=1, time=1_800_000_000.0, kind="state", host="gpu01", text="up → stale", severity=Severity.WARNING)
SECOND = Event(id=2, time=1_800_000_005.0, kind="exec", text="true on 3 hosts", actor="ops from 10.0.0.7")


def test_the_oldest_comes_first_with_who_did_it(run: Run, serve: Serve) -> None:
    engine = serve(events__list={"events": [SECOND, FIRST]})
    ran = run("events", "-n", "2", "--host", "gpu01")
    assert engine.params_of("events.list") == [{"host": "gpu01", "limit": 2}]
    first, second = ran.out.splitlines()
    assert first.endswith("state        gpu01: up → stale")
    assert second.endswith("true on 3 hosts (ops from 10.0.0.7)")


def test_json_is_a_list(run: Run, serve: Serve) -> None:
    serve(events__list={"events": [SECOND, FIRST]})
    assert [event["id"] for event in run("events", "--json").json()] == [1, 2]


@pytest.mark.parametrize("host", [None, "gpu01"])
def test_following_shows_each_event_once_until_the_engine_ends(host: str | None, run: Run, serve: Serve) -> None:
    third = Event(id=3, time=1_800_000_009.0, kind="state", host="gpu01", text="up")
    other = Event(id=4, time=1_800_000_010.0, kind="state", host="gpu09", text="up")

    def listed(params: object) -> dict[str, list[Event]]:
        for event in (SECOND, third, other):  # while the list is being read
            engine.push("event", event)
        engine.push("noise", {})
        engine.close_soon()
        return {"events": [SECOND, FIRST]}

    engine = serve(events__subscribe={}, events__list=listed)
    ran = run("events", "--follow", "--json", *(["--host", host] if host else []))
    ids = [msgspec.json.decode(line)["id"] for line in ran.out.splitlines()]
    assert ids == ([1, 2, 3] if host else [1, 2, 3, 4])
    assert ran.status == 3
    assert "the engine has ended" in ran.err
