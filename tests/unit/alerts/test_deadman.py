"""Somebody else hears that evaluations are completed; the engine never waits for that, and stops saying so when they are not."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from backends.alerts.deadman import Deadman, ask
from backends.alerts.redact import Secret
from backends.clock import ManualClock, SystemClock
from backends.errors import BadInput, RetryLater
from tests.unit.alerts.receivers import Web, eventually, free_port, web_server

URL = Secret("https://watch.example/ping/3f1c-secret")


class Receiver:
    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answer: int | Exception = 200

    def get(self, url: str) -> int:
        self.asked.append(url)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Waiting(ManualClock):
    """Waits for real for what another thread does."""

    def wait(self, event: object, seconds: float) -> bool:
        return SystemClock().wait(event, 5.0)  # type: ignore[arg-type]


@pytest.fixture
def web() -> Iterator[Web]:
    with web_server() as server:
        yield server


def test_a_completed_evaluation_is_told_with_its_id_and_duration() -> None:
    there, clock = Receiver(), Waiting()
    deadman = Deadman(URL, clock, get=there.get)
    assert not deadman.step(), "nothing was completed yet"
    deadman.completed("r-1", 0.25)
    assert deadman.step()
    assert there.asked == ["https://watch.example/ping/3f1c-secret?rid=r-1&duration_ms=250"]
    pulse = deadman.pulse
    assert (pulse.completed, pulse.pinged, pulse.count, pulse.seconds) == (clock.now(), clock.now(), 1, 0.25)


def test_pings_are_no_more_often_than_wanted_and_tell_the_newest() -> None:
    there, clock = Receiver(), Waiting()
    deadman = Deadman(URL, clock, every=60.0, get=there.get)
    for number in range(120):
        deadman.completed(f"r-{number}", 0.1)
        deadman.step()
        clock.advance(1)
    assert len(there.asked) == 2
    assert "rid=r-60" in there.asked[1]


def test_without_a_new_evaluation_nothing_is_told_however_long() -> None:
    there, clock = Receiver(), Waiting()
    deadman = Deadman(URL, clock, get=there.get)
    there.answer = 500
    deadman.completed("r-1", 0.1)
    deadman.step()
    for _ in range(10):
        clock.advance(600)
        assert not deadman.step()
    assert len(there.asked) == 1


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (302, "answered 302"),
        (500, "answered 500"),
        (RetryLater("https://watch.example/ping/3f1c-secret refused"), "https://watch.example refused"),
        (OSError(5, "Input/output error"), "Input/output error"),
    ],
)
def test_failures_are_told_once_and_without_the_url(
    answer: int | Exception, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    there, clock = Receiver(), Waiting()
    there.answer = answer
    deadman = Deadman(URL, clock, every=1.0, get=there.get)
    for number in range(3):
        deadman.completed(f"r-{number}", 0.1)
        assert deadman.step()
        clock.advance(1)
    assert deadman.pulse.reason == why
    assert deadman.pulse.failing_since == clock.now() - 3
    assert len(caplog.records) == 1
    assert "3f1c" not in caplog.text + repr(deadman.pulse) + repr(deadman)
    there.answer = 200
    deadman.completed("r-9", 0.1)
    deadman.step()
    assert deadman.pulse.failing_since is None and deadman.pulse.reason == ""


def test_without_an_url_evaluations_are_remembered_all_the_same() -> None:
    deadman = Deadman(Secret(""), ManualClock())
    deadman.start()
    deadman.completed("r-1", 0.1)
    assert not deadman.step() and deadman.pulse.run == "r-1"


def test_what_is_no_web_address_is_refused_without_telling_it() -> None:
    with pytest.raises(BadInput, match=r"no http:// or https://") as refused:
        Deadman(Secret("ftp://me:hunter2@x/y"), ManualClock())
    assert "hunter2" not in str(refused.value)


def test_a_real_receiver_hears_it(web: Web) -> None:
    deadman = Deadman(Secret(web.url("ok/3f1c", "http", "a=b")), SystemClock(), every=0.01)
    deadman.start()
    deadman.completed("r-1", 0.1)
    eventually(lambda: web.asked)
    assert web.asked[0][:2] == ("GET", "/ok/3f1c?a=b&rid=r-1&duration_ms=100")
    deadman.stop()


def test_a_receiver_that_hangs_holds_up_nobody(web: Web) -> None:
    deadman = Deadman(Secret(web.url("drip/3f1c", "http")), SystemClock(), every=0.01)
    deadman.start()
    deadman.completed("r-1", 0.1)
    eventually(lambda: web.asked)
    began = time.monotonic()
    for number in range(1000):
        deadman.completed(f"r-{number}", 0.1)
    deadman.stop()
    assert time.monotonic() - began < 1


def test_asking_follows_no_redirect_and_tells_no_url(web: Web, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(1), caplog.at_level(1, logger="urllib3"):
        assert ask(web.url("e302/3f1c", "http")) == 302
        assert [path for _, path, _ in web.asked] == ["/e302/3f1c"]
        with pytest.raises(RetryLater, match="connection error") as refused:
            ask(f"http://127.0.0.1:{free_port()}/3f1c")
    assert "3f1c" not in caplog.text + str(refused.value)
