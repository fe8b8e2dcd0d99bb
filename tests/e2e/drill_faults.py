"""What goes wrong with real hosts in a drill, how it is undone, and the one alert that each fault must become."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.lab import disks, faults, gpus, kernel
from tests.lab.fleet import Lab, until
from tests.lab.host import LabHost

DISKS, SERVICES, AWAY, GPUS, HUNG, LOUD = (f"lab{number}" for number in range(1, 7))
HOSTS = (DISKS, SERVICES, AWAY, GPUS, HUNG, LOUD)
WITH_KERNEL = (SERVICES, GPUS, LOUD)
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
    host.does("systemctl", "kill", "--signal=KILL", "worker")


def start_the_worker(host: LabHost) -> None:
    host.does("systemctl", "start", "worker")


def eat_all_memory(host: LabHost) -> None:
    """The kill is real; that it happened is passed on to the host whose process it was."""
    log = kernel.MachineLog()
    faults.memory(host, 300)
    try:
        (host.root / "root/glutton.py").write_text(GLUTTON)
        host.ssh("python3", "/root/glutton.py", timeout_seconds=120)
        group = f"/swarm-{host.ground.name}/{host.name}".encode()
        said = log.lines()
    finally:
        faults.memory(host, 0)
        log.close()
    killed = [line for line in said if line.startswith(b"oom-kill:") and group in line]
    victims = [line.rpartition(b"pid=")[2].split(b",")[0] for line in killed]
    ours = [line for line in said if line in killed or any(b"Killed process %s " % pid in line for pid in victims)]
    assert len(ours) == 2, said
    kernel.count_kill(host)
    kernel.say(host, *ours)


def lose_a_gpu(host: LabHost) -> None:
    """As a real one goes: an XID, a line without a number, and a driver that has lost it; another one cannot be repaired."""
    kernel.say(host, XID, f"NVRM: GPU {BUS}.0: GPU has fallen off the bus.")
    gpus.set_state(host, "3 lost 1", "5 remap_failed 1", "5 remap_uncorrected 9")


def mend_gpus(host: LabHost) -> None:
    gpus.set_state(host)
    before = host.boot_id()
    faults.reboot(host)
    assert until(lambda: host.boot_id() not in (before, None), 120.0)


def hang_the_driver(host: LabHost) -> None:
    program = host.root / "usr/bin/nvidia-smi"
    program.write_text(STUCK)
    program.chmod(0o755)
    gpus.set_state(host, "* hang 1")


def free_the_driver(host: LabHost) -> None:
    (host.root / "usr/bin/nvidia-smi").unlink()
    gpus.set_state(host)
    host.inside(["pkill", "-KILL", "-f", "nvidia-smi"])


GREETING = "e1000e 0000:01:00.0 spare0: NIC Link is Up"
"""What concerns nobody, but is told."""


def pull(host: LabHost) -> None:
    """The far end of its second cable; a driver would say this."""
    host.does("ip", "link", "set", "wire0", "down")
    kernel.say(host, "e1000e 0000:01:00.0 data0: NIC Link is Down", priority=6)


def plug(host: LabHost) -> None:
    host.does("ip", "link", "set", "wire0", "up")


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
        SERVICES, "unit.failed", "worker.service", "worker.service failed", "its result: signal", "journalctl -b -n 50 -u worker.service",
        kill_the_worker, start_the_worker,
    ),
    Fault(
        SERVICES, "net.link", "data0", "the link of data0 is down", "NIC Link is Down", "ethtool",
        pull, plug,
    ),
    Fault(
        SERVICES, "memory.oom", "", "killed a process for want of memory", "Xid 79) total-vm", "limit the job's memory",
        eat_all_memory, None,
    ),
    Fault(
        AWAY, "host.down", "", "unreachable", "last seen at", "management controller", faults.cut, faults.join,
    ),
    Fault(
        GPUS, "gpu.xid", UUID, f"XID 79 on GPU {BUS}", "GPU has fallen off the bus", "", lose_a_gpu, mend_gpus,
    ),
    Fault(
        GPUS, "gpu.remap", WORN, "GPU 5 could not remap a row", "9 rows remapped", "replacement",
        lambda host: None, lambda host: None,  # with the one before
    ),
    Fault(
        HUNG, "gpu.driver", "", "the GPU driver hangs", "driver 580.95.05, read through nvml", "Never start nvidia-smi again", hang_the_driver, free_the_driver,
    ),
)  # fmt: skip
REBOOT = f"host.reboot@{GPUS}"
"""What the cure of the lost GPU is itself: nobody announced it."""
FLOOD = 3000
FLOOD_LINE = "I/O error, dev sdx, sector {} op 0x0:(READ) flags 0x0 phys_seg 1 prio class 2"
AMID = "EXT4-fs error (device sdy1): ext4_find_entry:1683: inode #2: comm ls: reading directory lblock 0"
LOUD_ONES = (f"disk.io_error@{LOUD}:sdx", f"disk.fs_error@{LOUD}:sdy1")
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
    host.does("logger", "-p", "kern.crit", f"{FORGED}\x1b[31m")
    host.does("python3", "-c", FORGERY)


def flood(host: LabHost) -> None:
    """More than anybody wants to read, and one line in its midst that matters."""
    lines = [FLOOD_LINE.format(number) for number in range(FLOOD)]
    kernel.say(host, *lines[: FLOOD // 2], AMID, *lines[FLOOD // 2 :])


def prepare(lab: Lab) -> None:
    """What the hosts need before the engine sees them."""
    for name in WITH_KERNEL:
        kernel.say(lab.host(name), "Linux version 6.1.0-lab", priority=5)
    for name in HOSTS:
        kernel.keep_counters(lab.host(name))
    for place in (FULL, FIXED):
        disks.attach(lab.host(DISKS), place, 32)
    host = lab.host(SERVICES)
    host.does("ip", "link", "add", "data0", "type", "veth", "peer", "name", "wire0")
    for end in ("data0", "wire0"):
        host.does("ip", "link", "set", end, "up")
    unit = host.root / "etc/systemd/system/worker.service"
    unit.write_text("[Service]\nType=exec\nExecStart=/bin/sleep infinity\n")
    host.does("systemctl", "daemon-reload")
    host.does("systemctl", "start", "worker")
