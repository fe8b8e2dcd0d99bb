"""What kernels say reaches the timeline once, over real journals, lost links, killed engines and reboots.

How a kernel is made to speak on a lab host, and what of it is real, is told in tests/lab/kernel.py.
"""

from __future__ import annotations

import contextlib
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from backends.errors import SkipHost
from backends.sources.local_channels import LocalChannels
from backends.states import HostState
from tests.conftest import standing
from tests.e2e.drill_faults import GREETING
from tests.e2e.enginerun import EngineRun
from tests.e2e.test_kernel_watch import Ears
from tests.lab import attach, faults, kernel
from tests.lab.fleet import Lab, until, wait_until_answering
from tests.lab.host import LabHost

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]

HOST = "lab1"


def xid(code: int) -> str:
    return f"NVRM: Xid (PCI:0000:05:00): {code}, pid=4711, name=python, x"


def words_of(text: str) -> str:
    """What the kernel said, of an event's text."""
    return text[text.index("NVRM") :]


class Site:
    """An engine that watches one host, and its successors."""

    def __init__(self, lab: Lab, folder: Path):
        self.host: LabHost = lab.host(HOST)
        self._folder = folder
        self._config = folder / "kernel.toml"
        self._config.write_text(attach.configuration(lab.ground, [self.host]))
        self._engines: list[EngineRun] = []
        self.engine = self.started()

    def started(self) -> EngineRun:
        self.engine = EngineRun(self._folder / "engine", "--config", str(self._config)).until_ready()
        self._engines.append(self.engine)
        return self.engine

    def close(self) -> None:
        for engine in self._engines:
            engine.__exit__()

    def state(self) -> str:
        with self.engine.client() as client:
            return str(client.call("host.get", host=HOST)["row"]["state"])

    def xids(self) -> list[str]:
        """What the timeline says of XIDs, oldest first, without the times of late ones."""
        with self.engine.client() as client:
            page = client.call("events.list", host=HOST, limit=500)["events"]
        found = sorted((event["id"], event["text"]) for event in page if event["kind"] == "xid")
        return [words_of(text) for _, text in found]

    def stored(self) -> list[str]:
        """The same, as far as it would outlive the engine."""
        file = self.engine.state / "swarm-tui" / "history.db"
        with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as db:
            rows = db.execute("SELECT text FROM events WHERE kind = 'xid' ORDER BY id").fetchall()
        return [words_of(text) for (text,) in rows]

    def follows(self) -> bool:
        """Whether the kernel's log is followed, and not only looked back at: a greeting is told. Says one if not."""
        with self.engine.client() as client:
            events = client.call("events.list", host=HOST, limit=500)["events"]
        told = any(GREETING in event["text"] for event in events)
        if not told:
            kernel.say(self.host, GREETING, priority=6)
        return told

    def wait(self, what: str, condition: Callable[[], bool], seconds: float = 120.0) -> None:
        assert until(condition, seconds), f"not within {seconds:g} s: {what}; state {self.state()}, told {self.xids()}"


@pytest.fixture(scope="module")
def speaking() -> Iterator[Lab]:
    """One host that has had a kernel log of its own since it was started."""
    with standing(1, with_kernel=[HOST]) as fleet:
        yield fleet


@pytest.fixture
def site(speaking: Lab, tmp_path: Path) -> Iterator[Site]:
    kernel.say(
        speaking.host(HOST), "usb 1-1: new device"
    )  # a journal without a word of the kernel is not taken for its log
    made = Site(speaking, tmp_path)
    try:
        made.wait("the host", lambda: made.state() == "up")
        made.wait("what is said now to be told", made.follows)  # what was said before is history
        yield made
    finally:
        made.close()


def test_an_xid_is_told_once_over_a_cut_link_a_killed_engine_and_a_reboot(site: Site) -> None:
    told: list[str] = []

    def said(*codes: int) -> None:
        kernel.say(site.host, *map(xid, codes))
        told.extend(map(xid, codes))

    said(31, 79)
    site.wait("two XIDs", lambda: site.xids() == told)

    faults.cut(site.host)
    site.wait("the cut", lambda: site.state() == "unreachable")
    said(48)
    faults.join(site.host)
    site.wait("what was said meanwhile", lambda: site.xids() == told)

    site.wait("the timeline to be on disk", lambda: site.stored() == told)  # it is written once a second
    site.engine.stop(signal.SIGKILL)
    said(13, 45)
    site.started()
    site.wait("what the next engine reads on", lambda: site.xids() == told)

    before = site.host.boot_id()
    said(62)
    faults.reboot(site.host)
    assert until(lambda: site.host.boot_id() not in (None, before), 120.0)
    wait_until_answering([site.host], 120.0)
    said(95)
    site.wait("what was said before and after the reboot", lambda: site.xids() == told, 240.0)
    time.sleep(3.0)
    assert site.xids() == told


def test_what_user_space_writes_to_the_journal_is_no_kernel(site: Site) -> None:
    site.host.inside(["logger", "-p", "kern.err", xid(79)])
    site.host.inside(["sh", "-c", f"printf '%s\\n' '_TRANSPORT=kernel' 'MESSAGE={xid(79)}' | logger --journald"])
    kernel.say(site.host, xid(31))
    site.wait("the real one", lambda: bool(site.xids()))
    assert site.xids() == [xid(31)]


def test_a_kill_by_this_machines_real_kernel_is_heard(speaking: Lab, tmp_path: Path) -> None:
    """The lab's hosts share this machine's kernel: what it does to one of them, it says in this machine's own log."""
    host, ears = speaking.host(HOST), Ears()
    with ears.watching(tmp_path, ["here"], LocalChannels) as watch:
        watch.state("here", HostState.UP)
        ears.until(lambda: watch.trouble("here") not in ("not read: connecting", "not read yet"), what="an answer")
        if watch.trouble("here"):
            pytest.skip(watch.trouble("here"))
        try:
            faults.memory(host, 64)
        except SkipHost as error:
            pytest.skip(error.message)
        try:
            host.ssh("python3 -c 'b = bytearray(200 << 20); print(len(b))'")
        finally:
            faults.memory(host, 0)
        ears.until(lambda: any(kind == "oom" for kind, _, _ in ears.lines), what="the kill")
        event = next(each for each in reversed(watch.raw("here")) if each.kind == "oom")
        assert event.process == "python3" and event.pid and abs(event.time - time.time()) < 60.0
