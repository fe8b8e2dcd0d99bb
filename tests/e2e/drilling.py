"""A drill: every fault of `drill_faults` is done to real hosts at once, then undone, and what everybody was told is kept.

Nothing is judged in here but by the waits, which end when what is awaited has come, or never comes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from backends.alerts.views import AlertRow, AlertView
from backends.states import HostState
from tests.e2e.backing import Keeper
from tests.e2e.drill_faults import (
    FAULTS,
    GPUS,
    GREETING,
    HOSTS,
    HUNG,
    LOUD,
    LOUD_ONES,
    REBOOT,
    SERVICES,
    WITH_KERNEL,
    Fault,
    flood,
    forge,
)
from tests.e2e.watching import Watch
from tests.lab import attach, gpus, kernel
from tests.lab.fleet import Lab, until
from tests.lab.pace import slowness
from tests.unit.alerts.receivers import Web

TOLD_SECONDS, OVER_SECONDS, QUIET_SECONDS = 180.0, 180.0, 4.0
SOON_SECONDS = 90.0
"""For what comes within seconds where nothing else is going on."""
"""The longest wait of a rule is a minute; the longest keep, 15 minutes, is 18 s here, and a driver that
hung is asked again after a minute."""
SETTINGS = """
[checks]
light_seconds = 5
[alerts]
test_day = "none"
off = ["check.h22", "cpu.*"]
[alerts.policy]
group_wait_seconds = 0
group_wait_critical_seconds = 0
group_interval_seconds = 0
dependency_wait_seconds = 0
keep_factor = 0.02
[[alerts.targets]]
name = "receiver"
url = "{url}"
"""
"""Off is what a host has from this machine and no fault of the table touches: limits of a session, the load. Of the rest all
waits before an alert are as they are; `keep_factor` is for its end alone."""
EXPECTED = {SERVICES: 'nics = ["data0"]', GPUS: "gpus = 8", HUNG: "gpus = 8"}


@dataclass
class Drill:
    """What happened. Bodies of notices are as the receiver got them: title, message, type."""

    lab: Lab
    keeper: Keeper
    watch: Watch
    web: Web
    before: tuple[str, ...] = ()
    """What fired before anything was done."""
    height: tuple[AlertRow, ...] = ()
    """While everything was wrong and every host had been looked at in full."""
    listed: str = ""
    """The same as the command line prints it."""
    after: tuple[AlertRow, ...] = ()
    told_at_height: int = 0
    """Notices up to then."""
    flooding: float = 0.0
    """Seconds that the flood took."""
    xid_seconds: float = 0.0
    """From the kernel's line to the receiver, while another host floods."""
    slowness: float = 1.0
    """Of the machine at that time."""
    failures: list[str] = field(default_factory=list)
    """What did not come in its time."""

    def rows(self, firing: bool = True) -> tuple[AlertRow, ...]:
        """What fires now, as `alerts list --json` tells it; else everything that it holds."""
        said = self.keeper.does("alerts", "list", "--json", *(() if firing else ("--all",)))
        view: AlertView = said.json(AlertView)
        assert not view.problem, view.problem
        return view.alerts or ()

    def notices(self, row: Fault | str, *, ended: bool | None = None) -> list[dict[str, str]]:
        """What the receiver was told of one alert."""
        rule, _, place = (row.name if isinstance(row, Fault) else row).partition("@")
        told = [body for _, _, body in self.web.asked if _place(body) == (rule, place.replace(":", " ", 1))]
        return [body for body in told if ended is None or body["title"].startswith("RESOLVED") == ended]

    def run(self) -> None:
        """Everything, in about two minutes."""
        self.before = tuple(name_of(row) for row in self.rows())
        self._await("the kernel logs", self._follows, SOON_SECONDS)
        loud = threading.Thread(target=self._be_loud, name="loud", daemon=True)
        loud.start()
        for fault in FAULTS:
            fault.cause(self.lab.host(fault.host))
            if fault.rule == "gpu.xid":
                began = time.monotonic()
                self._await("the XID", lambda: bool(self.notices(FAULTS[6])), SOON_SECONDS)
                self.xid_seconds = time.monotonic() - began
                self.slowness = slowness()
        with self.keeper.client() as client:
            begun = client.checks.run("")
        for fault in FAULTS:
            self._await(fault.name, lambda fault=fault: bool(self.notices(fault)), TOLD_SECONDS)  # type: ignore[misc]
        for name in LOUD_ONES:
            self._await(name, lambda name=name: bool(self.notices(name)), SOON_SECONDS)  # type: ignore[misc]
        self._await("full looks", lambda: not self._looking(begun), TOLD_SECONDS)
        loud.join(SOON_SECONDS)
        time.sleep(QUIET_SECONDS)
        self.height, self.told_at_height = self.rows(), len(self.web.asked)
        self.listed = self.keeper.does("alerts").out
        self._undo()

    def _undo(self) -> None:
        for fault in FAULTS:
            if fault.cure is not None:
                fault.cure(self.lab.host(fault.host))
        self._await(REBOOT, lambda: bool(self.notices(REBOOT)), TOLD_SECONDS)
        for name in (REBOOT, *LOUD_ONES, *(fault.name for fault in FAULTS if fault.cure is None)):
            self.keeper.well("alerts", "resolve", name)
        for name in (*(fault.name for fault in FAULTS), REBOOT, *LOUD_ONES):
            self._await(f"the end of {name}", lambda name=name: bool(self.notices(name, ended=True)), OVER_SECONDS)  # type: ignore[misc]
        time.sleep(QUIET_SECONDS)
        self.after = self.rows(firing=False)

    def _follows(self) -> bool:
        """Whether what the kernels say now is told: what they said before is history, and one line."""
        with self.keeper.engine.client() as client:
            events = client.call("events.list", limit=1000)["events"]
        told = {event["host"] for event in events if GREETING in event["text"] and event.get("host")}
        for name in set(WITH_KERNEL) - told:
            kernel.say(self.lab.host(name), GREETING, priority=6)
        return told >= set(WITH_KERNEL)

    def _be_loud(self) -> None:
        host = self.lab.host(LOUD)
        forge(host)
        began = time.monotonic()
        flood(host)
        self.flooding = time.monotonic() - began

    def _looking(self, hosts: tuple[str, ...]) -> bool:
        with self.keeper.client() as client:
            rows = client.checks.view().hosts
        return any(row.busy for row in rows if row.host in hosts)

    def _await(self, what: str, condition: Callable[[], bool], seconds: float) -> None:
        if not until(condition, seconds):
            self.failures.append(f"{what}: not within {seconds:.0f} s")


def configuration(lab: Lab, web: Web, place: Path) -> Path:
    """The six hosts, what is expected of them, and the receiver."""
    text = attach.configuration(lab.ground, [lab.host(name) for name in HOSTS])
    for name, words in EXPECTED.items():
        text = text.replace(f"[hosts.{name}]\n", f"[hosts.{name}]\nexpect = {{ {words} }}\n")
    file = place / "drill.toml"
    file.write_text(text + SETTINGS.format(url=web.url("ok/drill")))
    return file


def name_of(row: AlertRow) -> str:
    """As operators name it: rule@host[:object]."""
    return f"{row.rule}@{row.host}" + (f":{row.object}" if row.object else "")


def _place(body: dict[str, str]) -> tuple[str, str]:
    """Rule, and host and object, of a notice about one alert."""
    head = body["title"].partition(" ")[2]
    rules = {line.partition(" · ")[0] for line in body["message"].split("\n")}
    known = {fault.rule for fault in FAULTS} | {"host.reboot", "disk.io_error", "disk.fs_error"}
    rule = next(iter(rules & known), "")
    return rule, head.partition(": ")[0]


def is_up(watch: Watch) -> bool:
    """Whether every host is live, with all its GPUs."""
    live = all(watch.is_live(name) and watch.state(name) is HostState.UP for name in HOSTS)
    return live and all(len(watch.sample(name).gpus) == gpus.COUNT for name in (GPUS, HUNG))
