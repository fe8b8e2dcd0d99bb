"""A drill: every fault of the table below is done to real hosts at once, then undone, and what everybody was told is kept.

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
from tests.e2e.watching import Watch
from tests.lab import attach, disks, faults, gpus, kernel
from tests.lab.fleet import Lab
from tests.lab.host import LabHost
from tests.unit.alerts.receivers import Web

DISKS, SERVICES, AWAY, GPUS, HUNG, LOUD = (f"lab{number}" for number in range(1, 7))
HOSTS = (DISKS, SERVICES, AWAY, GPUS, HUNG, LOUD)
WITH_KERNEL = (SERVICES, GPUS, LOUD)
TOLD_SECONDS, OVER_SECONDS, QUIET_SECONDS = 110.0, 75.0, 4.0
"""The longest wait of a rule is a minute; the longest keep, 15 minutes, is 18 s here."""
BUS, UUID = "0000:42:00", "GPU-5afe0003-0000-4000-8000-000000000003"
WORN = "GPU-5afe0005-0000-4000-8000-000000000005"
"""GPUs 3 and 5 of a simulated eight."""
STUCK = """#!/usr/bin/python3 -IS
import ctypes, time
ctypes.CDLL(None).vfork() or time.sleep(900)
"""
"""A parent of vfork waits in the kernel (state D) until its child ends."""
GLUTTON = r"""
open("/proc/self/comm", "w").write("\x1b[31mXid 79")
kept = []
while True: kept.append(b"x" * (8 << 20))
"""
"""Its name is chosen to look like something else, and to colour it, wherever the kernel's line is shown."""
XID = f"NVRM: Xid (PCI:{BUS}): 79, pid=1234, name=\\x1b]0;owned\\x07train, GPU has fallen off the bus."
SETTINGS = """
[checks]
light_seconds = 5
[alerts]
test_day = "none"
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
EXPECTED = {SERVICES: 'nics = ["data0"]', GPUS: "gpus = 8", HUNG: "gpus = 8"}


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong on one host, and the one alert that it must become."""

    host: str
    rule: str
    object: str
    says: str
    """What its text, and so the notice, must hold."""
    evidence: str
    advice: str
    cause: Callable[[LabHost], None]
    cure: Callable[[LabHost], None] | None
    """None: it is ended by hand."""

    @property
    def name(self) -> str:
        return f"{self.rule}@{self.host}" + (f":{self.object}" if self.object else "")


def kill_the_worker(host: LabHost) -> None:
    host.ssh("systemctl", "kill", "--signal=KILL", "worker")


def start_the_worker(host: LabHost) -> None:
    host.ssh("systemctl", "start", "worker")


def eat_all_memory(host: LabHost) -> None:
    """The kill is real; its lines are passed on to the host whose process it was."""
    log = kernel.MachineLog()
    faults.memory(host, 300)
    try:
        (host.root / "root/glutton.py").write_text(GLUTTON)
        host.ssh("python3", "/root/glutton.py", timeout_seconds=60)
        group = f"/swarm-{host.ground.name}/{host.name}".encode()
        said = log.lines()
    finally:
        faults.memory(host, 0)
        log.close()
    killed = [line for line in said if line.startswith(b"oom-kill:") and group in line]
    victims = [line.rpartition(b"pid=")[2].split(b",")[0] for line in killed]
    ours = [line for line in said if line in killed or any(b"Killed process %s " % pid in line for pid in victims)]
    assert len(ours) == 2, said
    kernel.say(host, *ours)


def lose_a_gpu(host: LabHost) -> None:
    """As a real one goes: an XID, a line without a number, and a driver that has lost it; another one cannot be repaired."""
    kernel.say(host, XID, f"NVRM: GPU {BUS}.0: GPU has fallen off the bus.")
    gpus.set_state(host, "3 lost 1", "5 remap_failed 1", "5 remap_uncorrected 9")


def mend_gpus(host: LabHost) -> None:
    gpus.set_state(host)
    before = host.boot_id()
    faults.reboot(host)
    _until(lambda: host.boot_id() not in (before, None), 30.0)


def hang_the_driver(host: LabHost) -> None:
    program = host.root / "usr/bin/nvidia-smi"
    program.write_text(STUCK)
    program.chmod(0o755)
    gpus.set_state(host, "* hang 1")


def free_the_driver(host: LabHost) -> None:
    (host.root / "usr/bin/nvidia-smi").unlink()
    gpus.set_state(host)
    host.inside(["pkill", "-9", "-f", "vfork"])
    host.inside(["pkill", "-9", "-f", "nvidia-smi"])


def link(host: LabHost, word: str) -> None:
    host.inside(["ip", "link", "set", "wire0", word])


FULL, FIXED = "/srv/full", "/srv/fixed"
FAULTS = (
    Fault(
        DISKS, "disk.space", FULL, f"{FULL} is 100% full", "/dev/loop", "du -xh",
        lambda host: faults.fill(host, FULL), lambda host: faults.unfill(host, FULL),
    ),
    Fault(
        DISKS, "disk.readonly", FIXED, f"{FIXED} is read-only", "/dev/loop", "dmesg",
        lambda host: disks.read_only(host, FIXED), lambda host: disks.read_only(host, FIXED, False),
    ),
    Fault(
        SERVICES, "unit.failed", "worker.service", "worker.service failed", "", "journalctl -b -n 50 -u worker.service",
        kill_the_worker, start_the_worker,
    ),
    Fault(
        SERVICES, "net.link", "data0", "the link of data0 is down", "", "ethtool",
        lambda host: link(host, "down"), lambda host: link(host, "up"),
    ),
    Fault(
        SERVICES, "memory.oom", "", "killed a process for want of memory", "Xid 79) total-vm", "limit the job's memory",
        eat_all_memory, None,
    ),
    Fault(
        AWAY, "host.down", "", "unreachable", "", "management controller", faults.cut, faults.join,
    ),
    Fault(
        GPUS, "gpu.xid", UUID, f"XID 79 on GPU {BUS}", "GPU has fallen off the bus", "", lose_a_gpu, mend_gpus,
    ),
    Fault(
        GPUS, "gpu.remap", WORN, "GPU 5 could not remap a row", "9 rows remapped", "replacement",
        lambda host: None, lambda host: None,  # with the one before
    ),
    Fault(
        HUNG, "gpu.driver", "", "the GPU driver hangs", "", "Never start nvidia-smi again", hang_the_driver, free_the_driver,
    ),
)  # fmt: skip
REBOOT = f"host.reboot@{GPUS}"
"""What the cure of the lost GPU is itself: nobody announced it."""
FLOOD = 3000
FLOOD_LINE = "I/O error, dev sdx, sector {} op 0x0:(READ) flags 0x0 phys_seg 1 prio class 2"
AMID = "NVRM: Xid (PCI:0000:0a:00): 48, pid=7, name=x, DBE (double bit error)"
LOUD_ONES = (f"disk.io_error@{LOUD}:sdx", f"gpu.xid@{LOUD}:0000:0a:00")
"""What the flood becomes, and what comes in the midst of it."""
FORGED = "NVRM: Xid (PCI:0000:1b:00): 79, pid=1, name=forged, GPU has fallen off the bus."
FORGERY = r"""
import socket
line = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
line.connect("/run/systemd/journal/socket")
fields = {"MESSAGE": "FORGED\x1b[31m", "PRIORITY": "2", "SYSLOG_FACILITY": "0", "_TRANSPORT": "kernel"}
line.send("".join(f"{key}={value}\n" for key, value in fields.items()).encode())
""".replace("FORGED", FORGED)


def forge(host: LabHost) -> None:
    """Every way in which user space may try to speak as the kernel, with an escape sequence in each."""
    kernel.say(host, f"{FORGED}\\x1b[31m", priority=2, facility=kernel.USER)  # echo … > /dev/kmsg
    host.inside(["logger", "-p", "kern.crit", f"{FORGED}\x1b[31m"])
    host.inside(["python3", "-c", FORGERY])


def flood(host: LabHost) -> None:
    """More than anybody wants to read, and one line in its midst that matters."""
    lines = [FLOOD_LINE.format(number) for number in range(FLOOD)]
    kernel.say(host, *lines[: FLOOD // 2], AMID, *lines[FLOOD // 2 :])


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
        loud = threading.Thread(target=self._be_loud, name="loud", daemon=True)
        loud.start()
        for fault in FAULTS:
            fault.cause(self.lab.host(fault.host))
            if fault.rule == "gpu.xid":
                began = time.monotonic()
                self._await("the XID", lambda: bool(self.notices(FAULTS[6])), 20.0)
                self.xid_seconds = time.monotonic() - began
        with self.keeper.client() as client:
            begun = client.checks.run("")
        for fault in FAULTS:
            self._await(fault.name, lambda fault=fault: bool(self.notices(fault)), TOLD_SECONDS)  # type: ignore[misc]
        for name in LOUD_ONES:
            self._await(name, lambda name=name: bool(self.notices(name)), 10.0)  # type: ignore[misc]
        self._await("full looks", lambda: not self._looking(begun), 60.0)
        loud.join(60.0)
        time.sleep(QUIET_SECONDS)
        self.height, self.told_at_height = self.rows(), len(self.web.asked)
        self.listed = self.keeper.does("alerts").out
        self._undo()

    def _undo(self) -> None:
        for fault in FAULTS:
            if fault.cure is not None:
                fault.cure(self.lab.host(fault.host))
        self._await(REBOOT, lambda: bool(self.notices(REBOOT)), 40.0)
        for name in (REBOOT, *LOUD_ONES, *(fault.name for fault in FAULTS if fault.cure is None)):
            self.keeper.well("alerts", "resolve", name)
        for name in (*(fault.name for fault in FAULTS), REBOOT, *LOUD_ONES):
            self._await(f"the end of {name}", lambda name=name: bool(self.notices(name, ended=True)), OVER_SECONDS)  # type: ignore[misc]
        time.sleep(QUIET_SECONDS)
        self.after = self.rows(firing=False)

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
        if not _until(condition, seconds):
            self.failures.append(f"{what}: not within {seconds:.0f} s")


def prepare(lab: Lab) -> None:
    """What the hosts need before the engine sees them."""
    for name in WITH_KERNEL:
        kernel.say(lab.host(name), "Linux version 6.1.0-lab", priority=5)
    for name in HOSTS:
        if name != SERVICES:
            kernel.keep_counters(lab.host(name))
    for place in (FULL, FIXED):
        disks.attach(lab.host(DISKS), place, 32)
    host = lab.host(SERVICES)
    host.inside(["ip", "link", "add", "data0", "type", "veth", "peer", "name", "wire0"])
    for end in ("data0", "wire0"):
        host.inside(["ip", "link", "set", end, "up"])
    unit = host.root / "etc/systemd/system/worker.service"
    unit.write_text("[Service]\nExecStart=/bin/sleep infinity\n")
    host.ssh("systemctl", "daemon-reload", "&&", "systemctl", "start", "worker")


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
    known = {row for fault in FAULTS for row in [fault.rule]} | {"host.reboot", "disk.io_error"}
    rule = next(iter(rules & known), "")
    return rule, head.partition(": ")[0]


def _until(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def is_up(watch: Watch) -> bool:
    """Whether every host is live, with all its GPUs."""
    live = all(watch.is_live(name) and watch.state(name) is HostState.UP for name in HOSTS)
    return live and all(len(watch.sample(name).gpus) == gpus.COUNT for name in (GPUS, HUNG))
