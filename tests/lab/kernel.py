"""Gives a host the voice of a kernel of its own: a log that its journald reads, and a count of its out-of-memory kills.

The hosts share this machine's kernel. Its log none of them may read, as in every container; its counters all of them do. A
host with a log of its own has a named pipe where /dev/kmsg would be. Its journald reads that as it reads the kernel's ring,
one record at a time, so everything from there on is what it is on a machine. Who may write there is not as on a machine:
a test must give user space's lines the facility that the kernel would give them.
"""

from __future__ import annotations

import array
import fcntl
import os
import termios
import time
from pathlib import Path

from backends.errors import RetryLater, Stop
from tests.lab.host import LabHost

USER = 1
"""The facility of whatever user space writes to /dev/kmsg; the kernel's own is 0."""
COUNTERS = "etc/lab-vmstat"
UNIT = "lab-kernel.service"
READ_SECONDS = 60.0
SERVICE = f"""[Unit]
DefaultDependencies=no
Before=systemd-journald.service systemd-journald.socket systemd-journald-dev-log.socket
[Service]
StandardOutput=null
StandardError=null
ExecStartPre=-/bin/sh -c "test -e /{COUNTERS} && mount --bind /{COUNTERS} /proc/vmstat"
ExecStartPre=/bin/mknod /dev/kmsg p
ExecStart=/bin/sh -c "exec sleep infinity 3<>/dev/kmsg"
"""
"""Somebody must hold the pipe open: systemd and journald write to it themselves, and would wait for a reader for ever."""


def give(host: LabHost) -> None:
    """From its next power-on the host has a kernel log of its own, and a journal that outlives reboots."""
    upper = host.place / "upper"
    units, wanted = upper / "etc/systemd/system", upper / "etc/systemd/system/sysinit.target.wants"
    for folder in (wanted, upper / "var/log/journal"):
        folder.mkdir(parents=True, exist_ok=True)
    (units / UNIT).write_text(SERVICE)
    (wanted / UNIT).unlink(missing_ok=True)
    (wanted / UNIT).symlink_to(f"/etc/systemd/system/{UNIT}")


def keep_counters(host: LabHost) -> None:
    """What other hosts do to this machine's /proc/vmstat concerns the host no longer; also after a reboot, where it has a
    log of its own."""
    (host.root / COUNTERS).write_text(Path("/proc/vmstat").read_text())
    host.does("mount", "--bind", f"/{COUNTERS}", "/proc/vmstat")


def count_kill(host: LabHost) -> None:
    """One more process of the host was killed for want of memory, by the counters that it has for itself."""
    file = host.root / COUNTERS
    rows = [line.split() for line in file.read_text().splitlines()]
    with file.open("r+") as counters:  # in place: it is mounted
        for name, value in rows:
            counters.write(f"{name} {int(value) + (name == 'oom_kill')}\n")


def say(host: LabHost, *texts: str | bytes, priority: int = 3, facility: int = 0) -> None:
    """Let the kernel of a running host say something; returns once journald has read it.

    Args:
        texts: messages. What is no printable text must be written as the kernel does it, as \\x1b.
        priority: 0 emergency … 7 debug.
        facility: 0, or USER for what user space wrote.
    """
    leader = host.leader()
    if leader is None:
        raise RetryLater("is down", host=host.name, action="say something as its kernel")
    handle = os.open(f"/proc/{leader}/root/dev/kmsg", os.O_RDWR | os.O_NONBLOCK)
    try:
        for text in texts:
            words = text.encode() if isinstance(text, str) else text
            since = _since_boot(leader)
            os.write(handle, b"%d,%d,%d,-;%s\n" % (facility << 3 | priority, _next(host), since * 1e6, words))
            _await_read(host, handle)
    finally:
        os.close(handle)


def _await_read(host: LabHost, handle: int) -> None:
    """One record a read, as the kernel gives them: the next one must wait."""
    deadline = time.monotonic() + READ_SECONDS
    left = array.array("i", [0])
    while not fcntl.ioctl(handle, termios.FIONREAD, left) and left[0]:
        if time.monotonic() > deadline:
            raise Stop("its journald does not read the kernel log", host=host.name)
        time.sleep(0.0002)


def _next(host: LabHost) -> int:
    """Every message has the next number: journald tells of those that it misses."""
    file = host.place / "kmsg.next"
    number = int(file.read_text()) if file.exists() else 0
    file.write_text(str(number + 1))
    return number


def _since_boot(leader: int) -> float:
    """Seconds since the host's first process was started."""
    fields = Path(f"/proc/{leader}/stat").read_text().rpartition(")")[2].split()
    return time.clock_gettime(time.CLOCK_BOOTTIME) - int(fields[19]) / os.sysconf("SC_CLK_TCK")


class MachineLog:
    """What this machine's own kernel says from now on."""

    def __init__(self) -> None:
        self._handle = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
        os.lseek(self._handle, 0, os.SEEK_END)

    def lines(self) -> list[bytes]:
        """Its messages since the last call, as it writes them: what is not printable is \\x1b."""
        found: list[bytes] = []
        while True:
            try:
                head, _, rest = os.read(self._handle, 8192).partition(b";")
            except BlockingIOError:
                return found
            except BrokenPipeError:  # overwritten before it was read
                continue
            if head and int(head.split(b",")[0]) >> 3 == 0:
                found.append(rest.split(b"\n")[0])

    def close(self) -> None:
        os.close(self._handle)
