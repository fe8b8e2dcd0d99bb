"""Real deliveries through apprise to real receivers on loopback, and everything that can go wrong on the way."""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from backends.alerts.bounded import LEFT_BEHIND, Bounded
from backends.alerts.channel import Sent, bounded
from backends.alerts.redact import Secret
from backends.alerts.sending import Sender
from backends.clock import SystemClock
from backends.errors import RetryLater
from backends.states import Severity
from tests.unit.alerts.receivers import Web, eventually, free_port, mail_server, target, web_server

CLOCK = SystemClock()


@pytest.fixture
def web() -> Iterator[Web]:
    with web_server() as server:
        yield server


def sender(url: str, **more: Any) -> Sender:
    seconds = more.pop("seconds", 10.0)
    return Sender(target(url, **more), CLOCK, seconds=seconds)


def send(url: str, **more: Any) -> Sent:
    return sender(url, **more).send("/ is full", "97 %\ndf -h", Severity.CRITICAL)


def test_a_notice_arrives_as_it_is(web: Web) -> None:
    by = sender(web.url("ok/T0KEN"))
    assert by.place == ""
    assert by.send("/ is full", "97 % <b>of</b> ${HOME} \\n :smile:\ndf -h", Severity.CRITICAL).ok
    (asked,) = web.asked
    assert asked[:2] == ("POST", "/ok/T0KEN")
    assert (asked[2]["title"], asked[2]["type"]) == ("/ is full", "failure")
    assert asked[2]["message"] == "97 % <b>of</b> ${HOME} \\n :smile:\ndf -h"
    assert by.place == f"json://127.0.0.1:{web.port}"


@pytest.mark.parametrize(
    ("severity", "action", "kind"),
    [
        (Severity.CRITICAL, "", "failure"),
        (Severity.WARNING, "", "warning"),
        (Severity.UNKNOWN, "", "warning"),
        (Severity.OK, "", "success"),
        (Severity.CRITICAL, "resolve", "success"),
    ],
)
def test_severity_is_told_in_apprises_words(web: Web, severity: Severity, action: Any, kind: str) -> None:
    sender(web.url("ok/x")).send("a", "b", severity, "key", action)
    assert web.asked[0][2]["type"] == kind


@pytest.mark.parametrize(
    ("mood", "reason"), [("e500", "error=500"), ("e429", "error=429"), ("e302", "error=302"), ("e404", "error=404")]
)
def test_only_success_counts_as_delivered(web: Web, mood: str, reason: str) -> None:
    """A redirect above all: what a captive portal answers is no delivery, whatever the URL says."""
    sent = send(web.url(f"{mood}/T0KEN", query="redirect=yes&retry=3&wait=5&optional=yes"))
    assert not sent.ok and reason in sent.reason and "T0KEN" not in sent.reason
    assert [path for _, path, _ in web.asked] == [f"/{mood}/T0KEN"]


def test_nobody_there_is_told_at_once() -> None:
    sent = send(f"json://127.0.0.1:{free_port()}/T0KEN")
    assert not sent.ok and "127.0.0.1" in sent.reason and "T0KEN" not in sent.reason
    assert sent.seconds < 5


def test_a_peer_that_hangs_is_left_after_the_time_outs(web: Web) -> None:
    sent = send(web.url("hang/T0KEN", query="rto=600&cto=600"), timeout_seconds=0.3)
    assert not sent.ok and 0.2 < sent.seconds < 5


def test_a_peer_that_trickles_for_ever_is_left_too_and_delays_nobody(web: Web) -> None:
    """Each byte restarts the time-out of the socket, so only the Sender's own end counts."""
    slow = sender(web.url("drip/T0KEN"), seconds=0.6)
    late: list[Sent] = []
    sent = slow.send("a", "b", Severity.CRITICAL, late=late.append)
    assert not sent.ok and sent.reason == "no answer within 0.6 s"
    assert late == []
    web.moods.append("ok")
    assert slow.send("c", "d", Severity.CRITICAL).ok
    web.released.set()
    eventually(lambda: late)


def test_twelve_that_hang_do_not_delay_the_thirteenth(web: Web) -> None:
    send(web.url("ok/warm"))
    hanging = [sender(web.url(f"hang/{number}"), name=f"t{number}", timeout_seconds=12.0) for number in range(12)]
    for each in hanging:
        threading.Thread(target=each.send, args=("a", "b", Severity.CRITICAL), daemon=True).start()
    eventually(lambda: sum("hang" in path for _, path, _ in web.asked) == 12)
    sent = send(web.url("ok/13"))
    assert sent.ok and sent.seconds < 2


def test_a_burst_is_not_throttled_by_apprise(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    """5.5 s between two calls is what 115 of its plugins wait; the rate is ours to keep."""
    import apprise.plugins.pagerduty as plugin

    monkeypatch.setitem(plugin.PAGERDUTY_API_LOOKUP, "us", f"http://127.0.0.1:{web.port}/ok")
    by = sender("pagerduty://integration@apikey")
    began = time.monotonic()
    assert all(by.send("a", "b", Severity.CRITICAL, "k", "trigger").ok for _ in range(4))
    assert time.monotonic() - began < 5


def test_an_incident_is_opened_and_closed_by_one_key(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    import apprise.plugins.pagerduty as plugin

    monkeypatch.setitem(plugin.PAGERDUTY_API_LOOKUP, "us", f"http://127.0.0.1:{web.port}/ok")
    by = sender("pagerduty://integration@apikey?dedup=theirs")
    by.send("/ is full", "97 %", Severity.CRITICAL, "f00-1", "trigger")
    by.send("/ is full", "99 %", Severity.WARNING, "f00-1", "trigger")
    by.send("/ is fine", "50 %", Severity.WARNING, "f00-1", "resolve")
    told = [body for _, _, body in web.asked]
    assert [each["event_action"] for each in told] == ["trigger", "trigger", "resolve"]
    assert {each["dedup_key"] for each in told} == {"f00-1"}
    assert told[0]["payload"]["summary"] == "/ is full\n97 %"
    assert [each["payload"]["severity"] for each in told[:2]] == ["critical", "warning"]


def test_opsgenie_closes_over_a_restart_what_it_opened_before(
    web: Web, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import apprise.plugins.opsgenie as plugin

    monkeypatch.setitem(plugin.OPSGENIE_API_LOOKUP, "us", f"http://127.0.0.1:{web.port}/ok")
    monkeypatch.setattr(plugin, "loads", lambda raw: {"requestId": "r1"})
    where = target("opsgenie://apikey", name="duty")
    assert Sender(where, CLOCK, storage=tmp_path).send("a", "b", Severity.CRITICAL, "f00-1", "trigger").ok
    assert Sender(where, CLOCK, storage=tmp_path).send("a", "b", Severity.CRITICAL, "f00-1", "resolve").ok
    assert [path.partition("?")[0] for _, path, _ in web.asked] == ["/ok", "/ok/r1/close"]
    nothing = Sender(where, CLOCK).send("a", "b", Severity.CRITICAL, "other-1", "resolve")
    assert nothing.ok and "nothing to close" in nothing.reason


def test_a_mail_arrives_as_plain_text() -> None:
    with mail_server() as (port, mails):
        url = f"mailto://127.0.0.1:{port}?smtp=127.0.0.1&from=swarm@x.org&to=ops@x.org&mode=insecure"
        assert send(url).ok
        (mail,) = mails
        assert b"Subject: / is full" in mail and b"97 %" in mail
        assert b"text/plain" in mail and b"text/html" not in mail


def test_a_refused_mail_is_no_success_and_the_address_stays_private() -> None:
    with mail_server() as (port, mails):
        sent = send(f"mailto://127.0.0.1:{port}?smtp=127.0.0.1&from=swarm@x.org&to=bad.person@x.org&mode=insecure")
    assert not sent.ok and mails == []
    assert "bad.person" not in sent.reason


def test_syslog_gets_one_datagram_of_a_size_that_arrives() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(5)
        by = sender(f"rsyslog://127.0.0.1:{receiver.getsockname()[1]}")
        assert by.send("/ is full", "x\n" * 5000, Severity.CRITICAL).ok
        data = receiver.recv(65536).decode()
    assert data.startswith("<") and "/ is full: x" in data and "more" in data[-20:]
    assert len(data) <= 2048


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("nosuch://gate/T0KEN", "no service takes its nosuch:// URL"),
        ("slack://T0KEN", "its URL is not right"),
        ("pagerduty://@", "its URL is not right"),
        ("json://", "cannot read its json:// URL"),
        ("mailto://u:T0KEN@x.org?to=a@x.org,b@x.org", "names 2 recipients"),
        ("mailto://u:T0KEN@x.org?to=a@x.org&cc=b@x.org", "names 2 recipients"),
        ("mailto://u:T0KEN@x.org?to=a@x.org&bcc=b@x.org,c@x.org", "names 3 recipients"),
    ],
)
def test_a_bad_url_is_an_error_that_names_the_target_and_not_the_url(url: str, why: str) -> None:
    for said in (send(url).reason, sender(url).examine()):
        assert why in said and "'oncall'" in said
        assert "T0KEN" not in said


def test_examining_sends_nothing(web: Web) -> None:
    assert sender(web.url("ok/x")).examine() == ""
    assert web.asked == []


def test_an_incident_of_another_service_is_refused() -> None:
    assert "incident is 'pagerduty'" in send("json://127.0.0.1/x", incident="pagerduty").reason


def test_a_token_that_was_replaced_is_read_again(web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backends.alerts.sending.REOPEN_SECONDS", 0.0)
    file = tmp_path / "url"
    file.touch(mode=0o600)
    file.write_text(web.url("e404/old"))
    by = sender(str(file), way="url_file")
    assert not by.send("a", "b", Severity.OK).ok
    file.write_text(web.url("ok/new"))
    assert by.send("a", "b", Severity.OK).ok


def test_no_log_of_any_level_holds_a_secret(web: Web, caplog: pytest.LogCaptureFixture) -> None:
    url = f"json://user:hunter2@127.0.0.1:{web.port}/{{}}/T0KEN?+X-Token=abc123"
    with caplog.at_level(1), caplog.at_level(1, logger="apprise"), caplog.at_level(1, logger="urllib3"):
        sent = [send(url.format(mood)) for mood in ("ok", "e500", "e302")]
        sent.append(send("json://user:hunter2@127.0.0.1:1/T0KEN?+X-Token=abc123"))
        sent.append(send("jsons://user:hunter2@127.0.0.1:99999999/T0KEN?+X-Token=abc123"))
    assert [each.ok for each in sent] == [True, False, False, False, False]
    told = caplog.text + repr(sent)
    assert not any(secret in told for secret in ("hunter2", "T0KEN", "abc123"))


def test_a_plugin_that_stumbles_ends_nothing(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    by = sender(web.url("ok/x"))
    monkeypatch.setattr("backends.alerts.channel.bodies.fit", lambda *_, **__: 1 / 0)
    assert by.send("a", "b", Severity.OK).reason == "apprise failed: ZeroDivisionError"
    monkeypatch.undo()
    assert by.send("a", "b", Severity.OK).ok


def test_our_time_outs_replace_longer_ones_and_what_would_defeat_the_outbox() -> None:
    def of(url: str) -> str:
        return bounded(Secret(url), 4.0).reveal()

    assert of("json://a/b") == "json://a/b?cto=4&rto=4&redirect=no"
    assert of("json://a/b?x=%20&RTO=60&cto=1.5&retry=5&optional=yes") == "json://a/b?x=%20&cto=1.5&rto=4&redirect=no"
    assert of("json://a?rto=nonsense&cto=-1").endswith("cto=4&rto=4&redirect=no")
    assert of("json://a?rto=nan").endswith("rto=4&redirect=no")


def test_apprise_is_not_loaded_before_somebody_is_told() -> None:
    program = (
        "import sys, backends.alerts.couriers, backends.alerts.deadman\n"
        "print([n for n in ('apprise', 'requests') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr


def test_quitting_does_not_wait_for_who_hangs(web: Web) -> None:
    program = (
        "import sys, threading, time\n"
        "from backends.alerts.sending import Sender\n"
        "from backends.alerts.targets import Target\n"
        "from backends.alerts.redact import Secret\n"
        "from backends.clock import SystemClock\n"
        "from backends.states import Severity\n"
        "by = Sender(Target(name='a', source=Secret(sys.argv[1]), timeout_seconds=12.0), SystemClock())\n"
        "threading.Thread(target=by.send, args=('a', 'b', Severity.OK), daemon=True).start()\n"
        "sys.stdin.readline()\n"
    )
    child = subprocess.Popen([sys.executable, "-c", program, web.url("hang/x")], stdin=subprocess.PIPE)
    assert child.stdin is not None
    eventually(lambda: web.asked)
    began = time.monotonic()
    child.stdin.close()
    assert child.wait(10) == 0
    assert time.monotonic() - began < 5


def test_work_that_hangs_is_left_behind_but_not_without_end() -> None:
    work: Bounded[int] = Bounded("alert-send x", CLOCK)
    release = threading.Event()
    late: list[int] = []
    for _ in range(LEFT_BEHIND):
        with pytest.raises(RetryLater, match=r"no answer within 0\.02 s"):
            work.run(lambda: 1 if release.wait(20) else 0, 0.02, late.append)
    with pytest.raises(RetryLater, match="3 earlier attempts still hang"):
        work.run(lambda: 2, 5.0)
    release.set()
    eventually(lambda: work.hanging == 0)
    eventually(lambda: late == [1, 1, 1])
    assert work.run(lambda: 2, 5.0) == 2


def test_an_error_comes_out_where_the_work_was_wanted() -> None:
    work: Bounded[float] = Bounded("x", CLOCK)
    with pytest.raises(ZeroDivisionError):
        work.run(lambda: 1 / 0, 5.0)
    logging.getLogger("apprise").info("nothing of it")
