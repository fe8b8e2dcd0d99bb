"""The counters of every interval, from /proc files that are kept open and never block."""

import os
import time

from kit_devices import real_disks, real_nics
from kit_text import name_text

MEMORY = (
    b"MemTotal MemFree MemAvailable Buffers Cached SwapTotal SwapFree Dirty SReclaimable HugePages_Total HugePages_Free"
).split()  # in the kernel's order, so that one pass finds them
DEVICE_SECONDS = 60.0  # how often the list of disks is looked up again when the kernel's list did not change
PAGE = os.sysconf("SC_PAGE_SIZE")


class Kept(object):
    """A file kept open and read from its start each time.

    One pread of a multi-record /proc file gives at most about a page (of /proc/net/dev with 80 interfaces 4,013 of
    10,163 bytes), so it is read until empty.
    """

    __slots__ = ("fd", "path")

    def __init__(self, path):
        self.path = path
        self.fd = -1

    def read(self):
        if self.fd < 0:
            self.fd = os.open(self.path, os.O_RDONLY)
        data = os.pread(self.fd, 65536, 0)
        if not data:
            return data
        pieces = [data]
        size = len(data)
        while True:
            data = os.pread(self.fd, 65536, size)
            if not data:
                return pieces[0] if len(pieces) == 1 else b"".join(pieces)
            pieces.append(data)
            size += len(data)

    def close(self):
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def number_after(raw, key):
    """The integer that follows `key` in a /proc text, or None."""
    start = raw.find(key)
    if start < 0:
        return None
    start += len(key)
    end = raw.find(b"\n", start)
    return int(raw[start : end if end >= 0 else len(raw)].split(None, 1)[0])


def pressure(raw):
    """[some10, some60, full10, full60] of one /proc/pressure file."""
    values = []
    for line in raw.splitlines()[:2]:
        fields = line.split()
        values.append(float(fields[1][6:]))
        values.append(float(fields[2][6:]))
    return values + [None] * (4 - len(values))


class Counters(object):
    def __init__(self, proc, sys):
        self.proc = proc
        self.sys = sys
        self.files = {}
        self.absent = {}
        self.core_before = {}
        self.disk_names = self.nic_names = None
        self.disk_seen = self.nic_seen = None
        self.disk_checked = 0.0
        self.changed = []

    def file(self, name):
        kept = self.files.get(name)
        if kept is None:
            kept = self.files[name] = Kept(self.proc + "/" + name)
        return kept.read()

    def group(self, name, read):
        """One group, or None with the reason noted: a missing file never takes the others along."""
        try:
            value = read()
        except (OSError, ValueError, IndexError, KeyError) as error:
            reason = getattr(error, "strerror", None) or "not understood: %s" % error
            self.absent[name] = reason
            return None
        if name in self.absent:
            del self.absent[name]
        return value

    def names_changed(self):
        """Frames with the names of disks and NICs, when they changed."""
        self.disk_rows = self.group("disk", self.disks)
        self.nic_rows = self.group("network", self.nics)
        changed, self.changed = self.changed, []
        return changed

    def sample(self, sequence, children):
        now = time.monotonic()
        cpu = self.group("cpu", self.cpu) or (None, None, None, None)
        vm = self.group("vmstat", self.vm) or (None, None, None)
        return [
            "s",
            sequence,
            round(now, 4),
            round(time.time(), 3),
            self.group("uptime", self.uptime),
            self.group("cost", lambda: self.cost(children)),
            cpu[0],
            cpu[1],
            cpu[2],
            cpu[3],
            self.group("load", self.load),
            self.group("psi cpu", lambda: pressure(self.file("pressure/cpu"))),
            self.group("psi memory", lambda: pressure(self.file("pressure/memory"))),
            self.group("psi io", lambda: pressure(self.file("pressure/io"))),
            self.group("memory", self.memory),
            vm,
            self.disk_rows,
            self.nic_rows,
        ]

    def uptime(self):
        return float(self.file("uptime").split(None, 1)[0])

    def cost(self, children):
        """[CPU seconds so far, resident bytes] of this program and its children."""
        resident = int(self.file("self/statm").split(None, 2)[1]) * PAGE
        return [
            round(time.process_time() + sum(child[0] for child in children) / 1e9, 5),
            resident + sum(child[1] for child in children),
        ]

    def cpu(self):
        raw = self.file("stat")
        end = raw.find(b"\nintr ")  # that line may be tens of kilobytes
        lines = raw[: end if end >= 0 else len(raw)].split(b"\n")
        total = [int(value) for value in lines[0].split()[1:9]]
        if len(total) < 4:
            raise ValueError("no cpu line")
        before = self.core_before
        after = {}
        cores = []
        for line in lines[1:]:
            if line[:3] != b"cpu":
                break
            fields = line.split(None, 9)
            values = list(map(int, fields[1:9]))
            spent = sum(values)
            idle = values[3] + values[4]
            after[fields[0]] = (spent, idle)
            known = before.get(fields[0])
            if known is None or spent <= known[0]:
                cores.append(None)
            else:
                busy = 100.0 - 100.0 * (idle - known[1]) / (spent - known[0])
                cores.append(int(min(100.0, max(0.0, busy)) + 0.5))
        self.core_before = after
        tail = raw[end:] if end >= 0 else raw
        return total, cores, number_after(tail, b"\nprocs_running "), number_after(tail, b"\nprocs_blocked ")

    def load(self):
        return [float(value) for value in self.file("loadavg").split(None, 3)[:3]]

    def memory(self):
        raw = self.file("meminfo")
        values = []
        start = 0
        for key in MEMORY:
            place = raw.find(key + b":", start)
            if place < 0:
                values.append(None)
                continue
            start = place + len(key) + 1
            values.append(int(raw[start : raw.find(b"\n", start)].split(None, 1)[0]))
        return values

    def vm(self):
        raw = self.file("vmstat")
        return number_after(raw, b"\npswpin "), number_after(raw, b"\npswpout "), number_after(raw, b"\noom_kill ")

    def disks(self):
        lines = self.file("diskstats").splitlines()
        now = time.monotonic()
        if len(lines) != self.disk_seen or now - self.disk_checked > DEVICE_SECONDS:
            self.disk_seen = len(lines)
            self.disk_checked = now
            names = [line.split(None, 3)[2].decode("ascii", "replace") for line in lines if line.strip()]
            self.rename("disks", real_disks(self.whole(names), self.sys))
        rows = dict.fromkeys(self.disk_names)
        for line in lines:
            fields = line.split(None, 14)
            name = fields[2].decode("ascii", "replace")
            if name in rows:
                f = fields
                rows[name] = [int(f[i]) for i in (3, 5, 6, 7, 9, 10, 11, 12, 13)]
        return [rows[name] for name in self.disk_names]

    def whole(self, names):
        """Without partitions, which have no folder of their own in /sys/block; all when there is no sysfs."""
        found = [name for name in names if os.path.exists(self.sys + "/block/" + name.replace("/", "!"))]
        return found or names

    def nics(self):
        lines = self.file("net/dev").split(b"\n")[2:]
        found = {}
        for line in lines:
            name, colon, rest = line.partition(b":")
            if colon:
                found[name.strip()] = rest
        seen = tuple(found)
        if seen != self.nic_seen:
            self.nic_seen = seen
            names = [name.decode("utf-8", "surrogateescape") for name in seen]
            self.nic_keys = [name.encode("utf-8", "surrogateescape") for name in real_nics(names, self.sys)]
            self.rename("nics", [name_text(key.decode("utf-8", "replace")) for key in self.nic_keys])
        rows = []
        for key in self.nic_keys:
            f = found[key].split(None, 13)
            rows.append([int(f[i]) for i in (0, 1, 2, 3, 8, 9, 10, 11)])
        return rows

    def rename(self, kind, names):
        if kind == "disks":
            if names == self.disk_names:
                return
            self.disk_names = names
        else:
            self.nic_names = names
        self.changed.append(["n", kind, names])
