"""The kernel log out of the journal, which outlives reboots. Lines go on as journalctl wrote them. Contract: kernel_log.py.

`-k` is not used, since it means this boot only: what was said just before a crash would be lost. From systemd 251 on `-f` means
that too, so what is there is read to its end first, and followed from there. `--after-cursor` is not used either: it skips a
message whenever that of the cursor is gone, or of another boot (systemd issue 38912). Here the cursor's own message is asked for,
and left out.
"""

import os
import re
import subprocess

from kit_ask import ENVIRONMENT, content, find
from kit_log_sieve import kind_of

JOURNALS = ("/run/log/journal", "/var/log/journal")
CURSOR = re.compile(rb'"__CURSOR" ?: ?"([^"\\]{1,512})"')
WHEN = re.compile(rb'"__REALTIME_TIMESTAMP" ?: ?"([0-9]{1,18})"')
SAME = re.compile(r"b=[^;]*;m=[^;]*;t=[^;]*")  # of a cursor: the same message, also when it was moved to another file
OURS = re.compile(rb'"SYSLOG_FACILITY" ?: ?"0"')  # user space may write to /dev/kmsg, but never as facility 0
BYTES = re.compile(
    rb'"MESSAGE" ?: ?\[([0-9, ]+)\]'
)  # how journalctl writes what is not printable: a name with an escape is enough
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


def arguments(at, back_seconds, follow):
    """To read from a cursor on: what there is of all boots, or, when following, what comes in this one."""
    argv = ["journalctl", "--no-pager", "-q", "-o", "json", "--output-fields=" + FIELDS, "-n", "all"]
    argv.append("--cursor=" + at if at else "--since=-%ds" % back_seconds)
    return argv + (["-f", "_BOOT_ID=" + boot_id()] if follow else []) + ["_TRANSPORT=kernel"]


def boot_id():
    path = os.environ.get("HEALTHROOT", "") + "/proc/sys/kernel/random/boot_id"
    return (content(path, 64) or "").strip().replace("-", "")


def words(line):
    """The JSON of an entry, or its message where that is a list of bytes."""
    match = BYTES.search(line)
    return bytes(bytearray(int(each) & 255 for each in match.group(1).split(b",") if each.strip())) if match else line


def same(cursor):
    """What tells a message from others."""
    match = SAME.search(cursor)
    return match.group(0) if match else cursor


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
        self.back_seconds = back_seconds
        self.to_follow = follow
        self.rest = b""
        self.said = ""
        self.ended = False
        self.descriptor = None
        self.begin(False)

    def begin(self, follow):
        """Read with a new journalctl, by the same handle."""
        self.known = same(self.position)
        self.child = start(arguments(self.position, self.back_seconds, follow))
        if self.descriptor is None:
            self.descriptor = os.dup(self.child.stdout.fileno())
        else:
            os.dup2(self.child.stdout.fileno(), self.descriptor, inheritable=False)
        self.child.stdout.close()

    def handle(self):
        return self.descriptor

    def read(self):
        """[(kind, bytes of a JSON object, seconds)] of what came; sets `ended`."""
        data = os.read(self.descriptor, 65536)
        if not data:
            self.over(self.child.wait())
            return []
        lines = (self.rest + data).split(b"\n")
        self.rest = lines.pop()
        if len(self.rest) > LINE_LIMIT * 4:
            self.rest = b""  # no journal entry is that long: the next line break is waited for
        return [found for found in map(self.line, lines) if found]

    def over(self, status):
        """One journalctl has ended: what was there is read, or following is over."""
        if status == 0 and self.to_follow:
            self.to_follow = False
            self.begin(True)
            return
        self.ended = True
        if status != 0:
            self.said = self.said or "journalctl ended with status %d" % status

    def line(self, line):
        cursor = CURSOR.search(line)
        if cursor is None:
            self.said = line[:200].decode("utf-8", "replace") or self.said
            return None
        self.position = cursor.group(1).decode("ascii", "replace")
        known, self.known = self.known, ""
        if known and known == same(self.position):
            return None
        if len(line) > LINE_LIMIT or not OURS.search(line):
            return None
        kind = kind_of(words(line))
        when = WHEN.search(line)
        return (kind, line, int(when.group(1)) / 1e6 if when else 0.0) if kind else None

    def close(self):
        if not self.ended:
            self.child.kill()
            self.child.wait()
        os.close(self.descriptor)
