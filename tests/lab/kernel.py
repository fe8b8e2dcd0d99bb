"""Lets the kernel of a lab host say something, as far as one kernel for all hosts allows.

A container hears nothing of the machine's kernel, and user space cannot speak as the kernel: what it writes to /dev/kmsg gets
another facility. So the host's /dev/kmsg becomes a FIFO, and records in the kernel's own format are written to it. From there on
everything is real: journald reads them as it reads the kernel, keeps them in its journal over reboots, journalctl follows it.
"""

from __future__ import annotations

import time

from backends.errors import Stop
from tests.lab.host import LabHost

_GIVE = """
[ -p /dev/kmsg ] && exit 0
umount /dev/kmsg 2> /dev/null
set -e
rm -f /dev/kmsg
mkfifo -m 600 /dev/kmsg
systemd-run --quiet --unit=lab-kernel sh -c 'exec 3<> /dev/kmsg; exec sleep infinity'
mkdir -p /var/log/journal
systemctl restart systemd-journald
"""
"""Something holds the FIFO open, or whoever logs to the kernel while journald is away would wait for it for ever."""
_SAY = """
number=$(($(cat /run/lab-kernel 2> /dev/null || echo 0) + 1))
echo $number > /run/lab-kernel
printf '3,%d,%d,-;%s\\n' $number "$1" "$2" > /dev/kmsg
"""
PAUSE_SECONDS = 0.1
"""journald takes one record a reading, as the kernel gives it."""


def give(host: LabHost) -> None:
    """From now until the host's next boot `say` works there."""
    _run(host, "sh", "-c", _GIVE)


def say(host: LabHost, *texts: str) -> None:
    """The kernel says each of these, an error of facility 0."""
    for text in texts:
        _run(host, "timeout", "5", "sh", "-c", _SAY, "sh", str(time.monotonic_ns() // 1000), text)
        time.sleep(PAUSE_SECONDS)


def _run(host: LabHost, *argv: str) -> None:
    done = host.inside(argv)
    if done.returncode != 0:
        raise Stop(done.stderr.strip() or f"{argv[0]}: status {done.returncode}", host=host.name, action="speak")
