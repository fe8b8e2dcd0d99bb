"""Engines that are killed between an alert and its delivery: the receiver gets it, and a second time never."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.alertdesk import AlertDesk, hears, target
from tests.e2e.enginerun import until
from tests.unit.alerts.receivers import Web, web_server

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


@pytest.fixture
def web() -> Iterator[Web]:
    with web_server() as server:
        yield server


def test_killed_between_firing_and_delivery_and_again_before_the_retry_it_is_told_once(
    tmp_path: Path, web: Web
) -> None:
    with AlertDesk(tmp_path / "desk", target("oncall", web.url("ok/hook"))) as desk:
        web.moods.extend(["e500"])  # the first attempt fails
        desk.becomes("a", "bad")
        until(lambda: len(web.asked) == 1, what="the attempt that fails")
        until(lambda: any(row.state == "retry" for row in desk.outbox().rows), what="the retry to be written down")
        desk.kill()
        desk.start()
        until(lambda: len(web.asked) == 2, 90, "the second engine's attempt")
        until(lambda: any(row.state == "sent" for row in desk.outbox().rows), what="it to be written down")
        desk.kill()
        desk.start()
        desk.rests(3)
        assert len(web.asked) == 2, web.titles
        desk.becomes("a")
        hears(web, "RESOLVED a: it is bad")
        desk.rests(1)
        assert len(web.asked) == 3, web.titles


def test_killed_while_the_receiver_hangs_it_is_told_by_the_next_engine(tmp_path: Path, web: Web) -> None:
    with AlertDesk(tmp_path / "desk", target("oncall", web.url("ok/hook"))) as desk:
        web.moods.extend(["hang"])
        desk.becomes("a", "bad")
        until(lambda: len(web.asked) == 1, what="the attempt that hangs")
        assert [row.state for row in desk.outbox().rows] == ["leased"]
        desk.kill()
        web.released.set()
        desk.start()
        hears(web, "CRITICAL a: it is bad", times=2, seconds=90)  # nobody can know whether the first arrived
        desk.becomes("a")
        hears(web, "RESOLVED a: it is bad")
