"""The kernel log out of the journal, which outlives reboots. Lines go on as journalctl wrote them. Contract: kernel_log.py.

`-k` is not used, since it means this boot only: what was said just before a crash would be lost.
"""

import os
import re
import subprocess

from kit_ask import ENVIRONMENT, find
from kit_log_sieve import kind_of

JOURNALS = ("/run/log/journal", "/var/log/journal")
CURSOR = re.compile(rb'"__CURSOR" ?: ?"([^"\\]{1,512})"')
WHEN = re.compile(rb'"__REALTIME_TIMESTAMP" ?: ?"([0-9]{1,18})"')
OURS = re.compile(rb'"SYSLOG_FACILITY" ?: ?"0"')  # user space may write to /dev/kmsg, but never as facility 0
FIELDS = "MESSAGE,PRIORITY,SYSLOG_FACILITY,_TRANSPORT,_BOOT_ID,_SOURCE_MONOTONIC_TIMESTAMP"
LINE_LIMIT = 65536


def readable():
    """True when the system's journal can be read, False when it is there but not for us, None without one."""
    seen = None
    for root in [os.environ.get("HEALTHROOT", "") + folder for folder in JOURNALS]:
        try:
            machines = os.listdir(root)
        except OSError as error:
            seen = False if error.errno == 13 else seen
            continue
        for machine in machines:
            path = "%s/%s/system.journal" % (root, machine)
            if os.access(path, os.R_OK):
                return True
            seen = False if os.path.exists(path) or not os.access("%s/%s" % (root, machine), os.X_OK) else seen
    return seen


def arguments(after, back_seconds, follow):
    argv = ["journalctl", "--no-pager", "-q", "-o", "json", "--output-fields=" + FIELDS, "-n", "all"]
    if after:
        argv.append("--after-cursor=" + after)
    else:
        argv.append("--since=-%ds" % back_seconds)
    return argv + (["-f"] if follow else []) + ["_TRANSPORT=kernel"]


def start(argv):
    return subprocess.Popen(
        [find(argv[0]), *argv[1:]],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,  # what is no JSON is what it complains of
        env=ENVIRONMENT,
        cwd="/",
    )


def holds_kernel():
    """Whether the kernel's messages are in it at all: in a container they are not, and then it must not pass for a clean log."""
    child = start(["journalctl", "-q", "--no-pager", "-n", "1", "-o", "json", "_TRANSPORT=kernel"])
    try:
        out = child.communicate(timeout=10.0)[0]
    except subprocess.TimeoutExpired:
        child.kill()
        child.communicate()
        return True  # it is slow, not empty
    return out.startswith(b"{")


def knows(cursor):
    """Whether the journal can go on from there; it says so at once when it cannot even read the cursor."""
    child = start(["journalctl", "-q", "--no-pager", "-n", "0", "--after-cursor=" + cursor])
    try:
        child.communicate(timeout=10.0)
    except subprocess.TimeoutExpired:
        child.kill()
        child.communicate()
        return True  # it is slow, not wrong
    return child.returncode == 0


class Journal(object):
    """Reads on from a cursor. `position` is where the next one goes on."""

    way = "journal"

    def __init__(self, after, back_seconds, follow):
        self.position = after
        self.resumed = bool(after)
        self.rest = b""
        self.said = ""
        self.ended = False
        self.child = start(arguments(after, back_seconds, follow))

    def handle(self):
        return self.child.stdout.fileno()

    def read(self):
        """[(kind, bytes of a JSON object, seconds)] of what came; sets `ended`."""
        data = os.read(self.handle(), 65536)
        if not data:
            self.ended = True
            if self.child.wait() != 0:
                self.said = self.said or "journalctl ended with status %d" % self.child.returncode
            return []
        lines = (self.rest + data).split(b"\n")
        self.rest = lines.pop()
        if len(self.rest) > LINE_LIMIT * 4:
            self.rest = b""  # no journal entry is that long: the next line break is waited for
        return [found for found in map(self.line, lines) if found]

    def line(self, line):
        cursor = CURSOR.search(line)
        if cursor is None:
            self.said = line[:200].decode("utf-8", "replace") or self.said
            return None
        self.position = cursor.group(1).decode("ascii", "replace")
        if len(line) > LINE_LIMIT or not OURS.search(line):
            return None
        kind = kind_of(line)
        when = WHEN.search(line)
        return (kind, line, int(when.group(1)) / 1e6 if when else 0.0) if kind else None

    def close(self):
        if not self.ended:
            self.child.kill()
            self.child.wait()
        self.child.stdout.close()
