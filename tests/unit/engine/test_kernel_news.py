"""Kernel events on the timeline: few lines, and the important ones among them."""

from __future__ import annotations

import pytest

from backends.alerts.kernel_events import taken
from backends.clock import ManualClock
from backends.engine.kernel_news import MOST_A_MINUTE, KernelNews, severity_of
from backends.hostkit.kernel_message import KernelEvent as Message
from backends.hostkit.kernel_message import Messages
from backends.states import Severity


class Desk:
    def __init__(self) -> None:
        self.clock = ManualClock()
        self.told: list[tuple[str, str, str, Severity]] = []
        self.news = KernelNews(
            self.clock, lambda kind, text, host, actor, severity: self.told.append((kind, text, host, severity))
        )

    def say(self, kind: str, count: int = 1, *, host: str = "h1", ago: float = 0.0, history_until: float = 0.0) -> None:
        time = self.clock.now() - ago
        messages = [Message(kind=kind, time=time, text=f"{kind} {number}") for number in range(count)]
        self.news.take(host, messages, [taken(message) for message in messages], history_until)

    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.news.step()

    def texts(self) -> list[str]:
        return [text for _, text, _, _ in self.told]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_each_kind_has_its_own_on_the_timeline(desk: Desk) -> None:
    for kind in ("xid", "sxid", "gpu-lost", "oom", "disk", "nfs"):
        desk.say(kind)
    assert [kind for kind, _, _, _ in desk.told] == ["xid", "xid", "xid", "oom", "kernel-log", "kernel-log"]


def test_a_flood_is_some_lines_and_a_number_and_hides_no_xid(desk: Desk) -> None:
    desk.say("disk", 500)
    desk.say("xid", 4)
    assert [kind for kind, _, _, _ in desk.told].count("xid") == 4
    assert len(desk.told) <= MOST_A_MINUTE
    before = len(desk.told)
    desk.wait(30.0)
    assert len(desk.told) == before
    desk.wait(31.0)
    assert desk.texts()[before:] == [f"and {504 - before} more kernel messages: {504 - before} disk"]


def test_never_more_than_twenty_a_minute(desk: Desk) -> None:
    desk.say("xid", 100)
    assert len(desk.told) == MOST_A_MINUTE
    desk.wait(61.0)
    desk.say("xid", 100)
    assert len(desk.told) == 2 * MOST_A_MINUTE + 1


def test_one_host_takes_no_lines_from_another(desk: Desk) -> None:
    desk.say("disk", 100)
    desk.say("disk", 3, host="h2")
    assert [host for _, _, host, _ in desk.told].count("h2") == 3


def test_what_a_host_threw_away_is_one_line_a_burst(desk: Desk) -> None:
    for _ in range(60):
        desk.news.dropped("h1", {"disk": 80, "overwritten": 1})
        desk.wait(4.0)
    assert desk.told == []
    desk.wait(61.0)
    assert desk.texts() == ["too many kernel messages came, 4860 were left out: 4800 disk, 60 overwritten"]
    desk.news.dropped("h1", {})
    desk.wait(400.0)
    assert len(desk.told) == 1


def test_many_kinds_are_summed_up(desk: Desk) -> None:
    desk.news.dropped("h1", {f"kind{number}": 20 - number for number in range(10)})
    desk.wait(400.0)
    assert desk.texts()[0].endswith(": 20 kind0, 19 kind1, 18 kind2, 17 kind3, 16 kind4, 15 kind5, 50 others")


def test_history_is_one_line_and_what_happens_meanwhile_its_own(desk: Desk) -> None:
    now = desk.clock.now()
    desk.say("oom", 30, ago=5000.0, history_until=now - 1.0)
    desk.say("xid", history_until=now - 1.0)
    assert desk.texts() == ["xid 0"]
    desk.wait(11.0)
    assert desk.texts()[1:] == ["30 kernel messages of the last days: 30 oom"]


def test_at_the_end_nothing_that_was_counted_is_kept_back(desk: Desk) -> None:
    desk.say("disk", 30)
    desk.news.dropped("h1", {"disk": 5})
    desk.news.step(last=True)
    assert [text.split(":")[0] for text in desk.texts()[-2:]] == [
        "and 16 more kernel messages",
        "too many kernel messages came, 5 were left out",
    ]


CASES = {
    "NVRM: Xid (PCI:0000:05:00): 79, pid=1, GPU has fallen off the bus.": Severity.CRITICAL,
    "NVRM: Xid (PCI:0000:05:00): 43, pid=1, Ch 1": Severity.OK,
    "NVRM: Xid (PCI:0000:05:00): 31, pid=1, x": Severity.WARNING,
    "NVRM: Xid (PCI:0000:9a:00): 145, RLW_CTRL Nonfatal XC0 i0 Link 03 (0x00000089 0x00000000)": Severity.WARNING,
    "NVRM: GPU at PCI:0000:c1:00: GPU-1 has fallen off the bus.": Severity.CRITICAL,
    "nvidia-nvswitch3: SXid (PCI:0000:86:00.0): 20034, Fatal, Link 30 LTSSM Fault Up": Severity.CRITICAL,
    "Out of memory: Killed process 812 (python) total-vm:1kB": Severity.WARNING,
    "EXT4-fs (sda1): Remounting filesystem read-only": Severity.CRITICAL,
    "EDAC MC0: 1 CE memory read error (channel:0 slot:0)": Severity.OK,
    "mlx5_core 0000:05:00.0 eth0: Link down": Severity.WARNING,
    "mlx5_core 0000:05:00.0 eth0: Link up": Severity.OK,
    "Kernel panic - not syncing: Fatal exception": Severity.CRITICAL,
}


@pytest.mark.parametrize("text", CASES)
def test_a_line_is_coloured_by_what_it_says(text: str) -> None:
    message = Messages().event(text, "", 1.0, "", 1.0)
    assert message is not None
    assert severity_of(message) is CASES[text]
