"""The kernel log out of its own ring, where there is no journal: this boot only. Contract: kernel_log.py.

A position is "BOOT SEQUENCE" for /dev/kmsg and "BOOT MICROSECONDS" for dmesg's text. Records that were overwritten before they
were read are counted by their sequence numbers.
"""

import os
import re
import stat
import subprocess

from kit_ask import ENVIRONMENT, find
from kit_log_journal import boot_id
from kit_log_sieve import kind_of
from kit_text import encode, line_text

ROOT = os.environ.get("HEALTHROOT", "")
RECORD = 8192
AT_ONCE = 500
TEXT_LIMIT = 4 << 20
RAW = re.compile(r"<(\d{1,4})>\[ *(\d+)\.(\d+)\] (.*)")


def known(after, boot):
    """The number behind a position of this boot, -1 of any other."""
    words = after.split()
    return int(words[1]) if len(words) == 2 and words[0] == boot and words[1].isdigit() else -1


def entry(boot, microseconds, priority, text):
    """A message in the words of the journal."""
    return encode(
        {
            "_BOOT_ID": boot,
            "_TRANSPORT": "kernel",
            "SYSLOG_FACILITY": "0",
            "PRIORITY": str(priority & 7),
            "_SOURCE_MONOTONIC_TIMESTAMP": str(microseconds),
            "MESSAGE": text,
        }
    )


def opened():
    """The ring. Raises OSError where it is something else under that name, as in containers."""
    path = os.environ.get("KMSG", "/dev/kmsg")
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    info = os.fstat(handle)
    if not stat.S_ISCHR(info.st_mode) or info.st_rdev != os.makedev(1, 11):
        os.close(handle)
        raise OSError(6, "not the kernel's log", path)
    return handle


class Ring(object):
    """/dev/kmsg, from the record after the last one that was seen."""

    way = "kmsg"

    def __init__(self, after, follow):
        self.boot = boot_id()
        self.last = known(after, self.boot)
        self.resumed = bool(after)
        self.said = ""
        self.overwritten = 0
        self.rebooted = bool(after) and self.last < 0
        self.follow = follow
        self.ended = False
        self.descriptor = opened()

    @property
    def position(self):
        return "%s %d" % (self.boot, self.last)

    def handle(self):
        return self.descriptor

    def read(self):
        found = []
        for _ in range(AT_ONCE):
            try:
                data = os.read(self.descriptor, RECORD)
            except BlockingIOError:
                self.ended = not self.follow
                break
            except OSError as error:
                if error.errno == 32:  # overwritten under our feet: the next read gives the oldest that is left
                    continue
                if error.errno == 22:  # a record that does not fit is skipped by reading on
                    continue
                raise
            if not data:
                self.ended = True
                break
            found.append(self.record(data))
        return [each for each in found if each]

    def record(self, data):
        head, _, rest = data.partition(b";")
        fields = head.split(b",")
        if len(fields) < 3 or not all(field.isdigit() for field in fields[:3]):
            return None
        priority, number, microseconds = (int(field) for field in fields[:3])
        if number <= self.last:
            return None
        self.overwritten += number - self.last - 1 if self.last >= 0 else 0
        self.last = number
        text = rest.split(b"\n")[0]
        kind = kind_of(text) if priority >> 3 == 0 else ""  # user space may write here, but never as facility 0
        if not kind:
            return None
        return kind, entry(self.boot, microseconds, priority, line_text(text, 4096)), microseconds / 1e6

    def close(self):
        os.close(self.descriptor)


def dmesg():
    """All that dmesg prints. Raises RuntimeError with the reason."""
    path = find("dmesg")
    if path is None:
        raise RuntimeError("neither the journal nor /dev/kmsg nor dmesg is there")
    pipe = subprocess.PIPE
    child = subprocess.Popen([path, "-r"], stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, env=ENVIRONMENT, cwd="/")
    out, err = child.communicate(timeout=10.0)
    if child.returncode != 0:
        said = " ".join(err.decode("utf-8", "replace").split())[:200]
        denied = "not permitted" in said or "ermission" in said
        raise RuntimeError("no permission: dmesg" if denied else said or "dmesg: status %d" % child.returncode)
    return out[-TEXT_LIMIT:].decode("utf-8", "replace")


class Text(object):
    """What dmesg prints, read once: for kernels and containers that do not show /dev/kmsg."""

    way = "dmesg"
    overwritten = 0
    said = ""

    def __init__(self, after):
        self.boot = boot_id()
        self.last = known(after, self.boot)
        self.resumed = bool(after)
        self.ended = False
        self.text = dmesg()

    @property
    def position(self):
        return "%s %d" % (self.boot, self.last)

    def handle(self):
        return None

    def read(self):
        self.ended = True
        found, newest = [], self.last
        for line in self.text.split("\n"):
            match = RAW.match(line[:4200])
            if not match or int(match.group(1)) >> 3:
                continue
            microseconds = int(match.group(2)) * 1000000 + int(match.group(3)[:6].ljust(6, "0"))
            if microseconds <= self.last:
                continue
            newest = max(newest, microseconds)
            text = match.group(4)
            kind = kind_of(text.encode("utf-8", "replace"))
            if kind:
                found.append((kind, entry(self.boot, microseconds, int(match.group(1)), text), microseconds / 1e6))
        self.last = newest
        return found

    def close(self):
        pass
