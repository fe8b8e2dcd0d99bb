"""From the outbox to real receivers: each target for itself, at most so fast, over engines that die."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from backends.alerts.channel import Sent
from backends.alerts.couriers import Courier, Couriers
from backends.alerts.model import Notice, NoticeKind
from backends.alerts.outbox import Outbox
from backends.alerts.outbox_store import OutboxStore
from backends.alerts.sending import Sender
from backends.alerts.targets import Target
from backends.clock import ManualClock, SystemClock
from backends.states import Severity
from tests.unit.alerts.receivers import Web, eventually, notice, target, web_server


class Fake:
    """A sender that takes everything, or fails as it is told to."""

    place = "fake://gate"

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, Severity, str, str]] = []
        self.failing = ""

    def send(
        self,
        title: str,
        body: str,
        severity: Severity,
        dedup: str = "",
        action: str = "",
        late: Callable[[Sent], None] | None = None,
    ) -> Sent:
        if self.failing:
            return Sent(ok=False, reason=self.failing, seconds=4.0)
        self.sent.append((title, body, severity, dedup, action))
        return Sent(ok=True, seconds=0.1)


class Desk:
    def __init__(self, folder: Path, to: Target):
        self.clock, self.sender = ManualClock(), Fake()
        self.outbox = Outbox(OutboxStore(folder / "outbox.sqlite"), self.clock)
        self.courier = Courier(to, self.sender, self.outbox, self.clock)

    def add(self, *notices: Notice, **more: Any) -> None:
        for each in notices:
            self.outbox.add(each, (self.courier.target.name,), **more)

    def run(self) -> float:
        """Until there is nothing more to do at the moment; seconds until there may be."""
        while (wait := self.courier.step()) == 0:
            pass
        return wait


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    there = Desk(tmp_path, target())
    yield there
    there.outbox.close()


def flood(count: int) -> list[Notice]:
    return [notice(f"n{number}", thing=str(number), severity=Severity.WARNING) for number in range(count)]


def test_a_notice_is_told_with_its_incident(desk: Desk) -> None:
    desk.add(notice())
    desk.run()
    (told,) = desk.sender.sent
    assert told[0] == "CRITICAL gpu01: / is 97 % full"
    assert told[2:] == (Severity.CRITICAL, f"{notice().fingerprints[0]}-1", "trigger")
    assert desk.outbox.rows() == ()


def test_a_flood_becomes_a_digest_and_nothing_is_dropped(desk: Desk) -> None:
    desk.add(*flood(100), notice("worst", thing="worst", title="the worst"))
    assert desk.run() == 5.0
    assert len(desk.sender.sent) == 20
    assert "the worst" in desk.sender.sent[0][0]
    assert desk.sender.sent[-1][0].startswith("82 notices at once")
    assert desk.outbox.rows() == ()
    desk.add(*[notice(f"m{number}", thing=f"m{number}") for number in range(3)])
    assert desk.run() == pytest.approx(6.0)
    desk.clock.advance(6)
    desk.run()
    assert desk.sender.sent[-1][0].startswith("3 notices at once")


def test_a_flood_of_more_than_a_digest_holds_goes_on_with_the_next_token(desk: Desk) -> None:
    desk.add(*flood(250))
    assert 0 < desk.run() <= 6.0
    assert len(desk.outbox.rows()) == 250 - 19 - 200
    desk.clock.advance(6)
    desk.run()
    assert desk.outbox.rows() == ()


def test_incidents_are_never_mixed(tmp_path: Path) -> None:
    desk = Desk(tmp_path, target("pagerduty://a@b"))
    desk.add(*flood(25))
    desk.run()
    assert len(desk.sender.sent) == 20
    for _ in range(5):
        desk.clock.advance(6)
        desk.run()
    assert len({dedup for _, _, _, dedup, _ in desk.sender.sent}) == 25
    desk.outbox.close()


def test_what_fails_is_retried_and_seen(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.sender.failing = "error=500"
    desk.add(notice())
    assert desk.run() == 5.0
    state = desk.courier.state
    assert (state.reason, state.failing_since, state.waiting) == ("error=500", desk.clock.now(), 1)
    assert "oncall: 1 not delivered: error=500" in caplog.text
    desk.clock.advance(5)
    desk.sender.failing = ""
    desk.run()
    state = desk.courier.state
    assert (state.failing_since, state.last_ok, state.waiting) == (None, desk.clock.now(), 0)


def test_what_failed_before_the_engine_was_started_fails_still(desk: Desk) -> None:
    desk.sender.failing = "error=500"
    desk.add(notice())
    desk.run()
    began = desk.clock.now()
    desk.clock.advance(1000)
    again = Courier(desk.courier.target, desk.sender, desk.outbox, desk.clock)
    assert again.state.failing_since == began


# real threads, a real receiver


CLOCK = SystemClock()


@pytest.fixture
def web() -> Iterator[Web]:
    with web_server() as server:
        yield server


class Engine:
    def __init__(self, folder: Path, *targets: Target):
        self.outbox = Outbox(OutboxStore(folder / "outbox.sqlite"), CLOCK)
        self.couriers = Couriers(targets, self.outbox, CLOCK)
        self.couriers.start()

    def end(self) -> None:
        self.couriers.stop()
        self.outbox.close()


def test_an_alert_is_at_the_receiver_soon_and_twelve_that_hang_delay_nobody(web: Web, tmp_path: Path) -> None:
    hanging = [target(web.url(f"hang/{number}"), name=f"h{number}", timeout_seconds=12.0) for number in range(12)]
    engine = Engine(tmp_path, *hanging, target(web.url("ok/x")))
    names = [each.name for each in hanging]
    engine.outbox.add(notice("warm"), ("oncall",))
    eventually(lambda: web.titles)
    engine.outbox.add(notice(), names)
    eventually(lambda: sum("hang" in path for _, path, _ in web.asked) == 12)
    began = time.monotonic()
    engine.outbox.add(notice("n2", thing="/b", title="soon"), ("oncall",))
    eventually(lambda: any("soon" in title for title in web.titles))
    assert time.monotonic() - began < 2
    began = time.monotonic()
    engine.end()
    assert time.monotonic() - began < 1


def test_killed_between_firing_and_delivery_the_next_engine_delivers(web: Web, tmp_path: Path) -> None:
    program = (
        "import os, pathlib, signal, sys\n"
        "from backends.alerts.outbox import Outbox\n"
        "from backends.alerts.outbox_store import OutboxStore\n"
        "from backends.clock import SystemClock\n"
        "from tests.unit.alerts.receivers import notice\n"
        "Outbox(OutboxStore(pathlib.Path(sys.argv[1])), SystemClock()).add(notice(), ('oncall',))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    top = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path / "outbox.sqlite")], cwd=top, timeout=60)
    assert done.returncode == -signal.SIGKILL
    engine = Engine(tmp_path, target(web.url("ok/x")))
    eventually(lambda: not engine.outbox.rows())
    assert len(web.asked) == 1
    engine.end()


def test_killed_between_retry_and_success_it_arrives_once(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backends.alerts.outbox_rules.RETRY_SECONDS", (0.2, 0.2, 0.2))
    web.moods += ["e500", "e429"]
    engine = Engine(tmp_path, target(web.url("ok/x")))
    engine.outbox.add(notice(), ("oncall",))
    eventually(lambda: len(web.asked) == 2)
    eventually(lambda: engine.outbox.rows()[0].state == "retry")
    engine.end()
    after = Engine(tmp_path, target(web.url("ok/x")))
    eventually(lambda: not after.outbox.rows())
    assert len(web.asked) == 3
    (row,) = after.outbox.history()
    assert (row.state, row.attempts) == ("sent", 3)
    after.end()


def test_no_row_and_no_state_holds_a_secret(web: Web, tmp_path: Path) -> None:
    url = f"json://user:hunter2@127.0.0.1:{web.port}/e500/T0KEN?+X-Token=abc123"
    engine = Engine(tmp_path, target(url))
    engine.outbox.add(notice(), ("oncall",))
    eventually(lambda: engine.outbox.rows()[0].reason)
    told = repr((engine.outbox.rows(), engine.couriers.states()))
    engine.end()
    for file in tmp_path.iterdir():
        told += file.read_bytes().decode("latin-1")
    assert "error=500" in told
    assert not any(secret in told for secret in ("hunter2", "T0KEN", "abc123"))


def test_news_that_come_late_end_the_retries(web: Web, tmp_path: Path) -> None:
    """The receiver took it, but was slower than anybody waits: it is not told again."""
    to = target(web.url("ok/x"))
    release = threading.Event()

    class Slow(Sender):
        def send(self, *args: Any, **more: Any) -> Sent:
            def find(wanted: Target, environment: object) -> Any:
                release.wait(20)
                return wanted.source

            self._find = find
            return super().send(*args, **more)

    outbox = Outbox(OutboxStore(tmp_path / "outbox.sqlite"), CLOCK)
    courier = Courier(to, Slow(to, CLOCK, seconds=0.05), outbox, CLOCK)
    outbox.add(notice(), ("oncall",))
    assert courier.step() == 0
    assert outbox.rows()[0].state == "retry"
    release.set()
    eventually(lambda: not outbox.rows())
    assert outbox.history()[0].state == "sent"
    outbox.close()


def test_a_bug_with_one_notice_does_not_silence_a_target(
    web: Web, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backends.alerts.couriers.IDLE_SECONDS", 0.05)
    real = Courier.step
    stumbles = [True]

    def step(self: Courier) -> float:
        if stumbles and stumbles.pop():
            raise ZeroDivisionError
        return real(self)

    monkeypatch.setattr(Courier, "step", step)
    engine = Engine(tmp_path, target(web.url("ok/x")))
    engine.outbox.add(notice(), ("oncall",))
    eventually(lambda: web.asked)
    assert "the courier stumbled" in caplog.text
    engine.end()


def test_a_weekly_test_goes_the_real_way(web: Web, tmp_path: Path) -> None:
    engine = Engine(tmp_path, target(web.url("ok/x")))
    engine.outbox.add(
        notice("test/oncall/1", NoticeKind.TEST, fingerprints=(), hosts=(), severity=Severity.OK), ("oncall",)
    )
    eventually(lambda: web.asked)
    assert web.titles == ["TEST / is 97 % full"]
    assert web.asked[0][2]["type"] == "success"
    engine.end()
