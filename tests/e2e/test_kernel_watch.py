"""Kernel logs over a real sshd and on this machine, by the real program: nothing is lost or told twice."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from backends.clock import SystemClock
from backends.engine.kernel_watch import KernelWatch
from backends.execution import Channels
from backends.hostkit.kernel_message import KernelEvent as Message
from backends.sources.base import StateChange
from backends.sources.local_channels import LocalChannels
from backends.sources.ssh import SshSource
from backends.ssh.session import WORK_CHANNELS
from backends.states import HostState
from tests.e2e.enginerun import until
from tests.e2e.sshwatch import Watcher
from tests.lab.userlab import Fleet, UserHost
from tests.unit.hostkit.journal import make

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

BOOT = "a" * 32


class Journal:
    """A host's journal: a file with a JSON object a line, and a journalctl that follows it."""

    def __init__(self, host: UserHost):
        root = host.home / "machine"
        self._lines = make(root, BOOT)
        host.login_shell(
            f'HEALTHROOT={root} ASKPATH={root}/bin; export HEALTHROOT ASKPATH; exec /bin/sh -c "$SSH_ORIGINAL_COMMAND"'
        )
        self.said: list[str] = []

    def say(self, *codes: int) -> None:
        """XIDs, in one writing."""
        rows = []
        for code in codes:
            self.said.append(f"NVRM: Xid (PCI:0000:05:00): {code}, x")
            place = len(self.said)
            entry = {"_TRANSPORT": "kernel", "SYSLOG_FACILITY": "0", "_BOOT_ID": BOOT, "MESSAGE": self.said[-1]}
            times = {
                "_SOURCE_MONOTONIC_TIMESTAMP": str(place * 1000),
                "__REALTIME_TIMESTAMP": str(time.time_ns() // 1000),
            }
            rows.append(json.dumps({"__CURSOR": f"s={place}", **entry, **times}, separators=(",", ":")) + "\n")
        with self._lines.open("a") as file:
            file.write("".join(rows))


class Ears(Watcher):
    """A sink that passes on states, and what the kernel watch said."""

    def __init__(self) -> None:
        super().__init__()
        self.watch: KernelWatch | None = None
        self.heard: dict[str, list[str]] = {}
        self.lines: list[tuple[str, str, str]] = []
        self.bugs: list[Exception] = []

    def state(self, host: str, change: StateChange) -> None:
        super().state(host, change)
        if self.watch is not None:
            self.watch.state(host, change.state)

    def new(self, host: str, messages: tuple[Message, ...]) -> None:
        with self._news:
            self.heard.setdefault(host, []).extend(message.text for message in messages)
            self._news.notify_all()

    @contextlib.contextmanager
    def watching(
        self, folder: Path | None, hosts: Sequence[str], channels: Callable[[str], Channels]
    ) -> Iterator[KernelWatch]:
        """One life of an engine."""
        watch = KernelWatch(
            folder,
            channels,
            lambda host: "none",
            SystemClock(),
            on_new=self.new,
            tell=lambda kind, text, host, actor, severity: self.lines.append((kind, text, host)),
            on_bug=lambda host, error: self.bugs.append(error),
        )
        watch.keep(hosts)
        watch.start()
        self.watch = watch
        try:
            yield watch
        finally:
            self.watch = None
            watch.stop()
            assert self.bugs == []

    def until_heard(self, host: str, texts: Sequence[str], seconds: float = 60.0) -> None:
        """Wait until exactly these were told, in this order."""
        self.until(lambda: len(self.heard.get(host, ())) >= len(texts), seconds, f"{len(texts)} messages of {host}")
        assert self.heard[host] == list(texts)


@contextlib.contextmanager
def engine(fleet: Fleet, ears: Ears, folder: Path) -> Iterator[tuple[KernelWatch, SshSource]]:
    """Connections and a kernel watch over them."""
    source = SshSource(fleet.inventory(), fleet.ssh(silence_seconds=1.0), interval_seconds=0.5)
    try:
        with ears.watching(folder, source.hosts(), lambda host: held(source, host)) as watch:
            source.start(ears)
            yield watch, source
    finally:
        source.stop()


def held(source: SshSource, host: str) -> Channels:
    channels = source.channels(host)
    assert channels is not None
    return channels


def test_over_lost_links_and_a_new_engine_each_message_is_told_once(fleet: Fleet, tmp_path: Path) -> None:
    host, ears = fleet["h1"], Ears()
    journal = Journal(host)
    journal.say(31)
    with engine(fleet, ears, tmp_path) as (watch, _):
        ears.until_heard("h1", journal.said)
        assert watch.trouble("h1") == ""
        journal.say(79, 48)
        ears.until_heard("h1", journal.said)
        host.crash()
        ears.until(lambda: watch.trouble("h1") == "not read: unreachable", what="the loss of the link")
        journal.say(13)
        host.start()
        ears.until_heard("h1", journal.said, 90.0)
        journal.say(45)
        ears.until_heard("h1", journal.said)
    journal.say(62)
    with engine(fleet, ears, tmp_path) as (watch, _):
        ears.until_heard("h1", journal.said)
        assert [event.code for event in watch.events("h1")] == [31, 79, 48, 13, 45, 62]
    assert [text for kind, text, _ in ears.lines if kind == "xid"] == journal.said[1:]  # the first was history


def test_the_program_ends_with_the_watch_and_holds_one_place(fleet: Fleet, tmp_path: Path) -> None:
    host, ears = fleet["h1"], Ears()
    Journal(host)
    with engine(fleet, ears, tmp_path) as (watch, source):
        ears.until(lambda: watch.trouble("h1") == "", what="reading")
        session = source._links["h1"].session
        assert session is not None and session._used == 1 < WORK_CHANNELS
        until(lambda: following(host) == 1, what="its journal to be followed")
    until(lambda: following(host) == 0, what="nobody to follow it")


def following(host: UserHost) -> int:
    """How many journals are being followed for clients of the host."""
    lines = str(host.home / "machine/lines")
    found = 0
    for process in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            found += process.name.isdigit() and lines.encode() in (process / "cmdline").read_bytes()
    return found


def test_this_machines_own_log_is_followed_or_its_refusal_is_told(tmp_path: Path) -> None:
    ears = Ears()
    with ears.watching(tmp_path, ["here"], LocalChannels) as watch:
        watch.state("here", HostState.UP)
        ears.until(lambda: watch.trouble("here") not in ("not read: connecting", "not read yet"), what="an answer")
        assert watch.trouble("here") in ("", "no permission: dmesg") or "neither" in watch.trouble("here")
