"""The process table by a rotating scan: what used the CPU lately is read every time, the idle rest in turns.

Reading /proc/PID/stat costs 11 µs in the kernel, so a full scan of 1,000 processes each time would alone break the
budget. Names, command lines and cgroups are read and sent only when a process enters the table.
"""

import os
import time

from kit_text import line_text

HZ = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
TOP = 10  # by CPU, and as many by memory
MAX_ROWS = 64
FULL_EVERY = 12  # tables until names are sent again, in case the console lost a line
IDLE_AFTER = 2  # unchanged reads after which a process counts as idle
TURNS = 8  # an idle process is read every 8th scan; more where there are thousands


class Processes(object):
    def __init__(self, proc):
        self.proc = proc
        self.known = {}  # pid text -> [ticks, start, resident pages, state, idle reads, read at, nice, comm, percent]
        self.scans = 0
        self.shown = {}  # (pid, start) that the console knows the names of
        self.users = set()
        self.unknown_users = []

    def table(self, wanted):
        """A frame ["t", monotonic, total, running, blocked, zombies, rows]."""
        if self.scans % FULL_EVERY == 0:
            self.shown = {}
        self.read_all(frozenset(str(pid) for pid in wanted))
        self.scans += 1
        counts = {b"R": 0, b"D": 0, b"Z": 0}
        for entry in self.known.values():
            if entry[3] in counts:
                counts[entry[3]] += 1
        shown = {}
        rows = []
        for pid in self.pick(wanted):
            row = self.row(pid, shown)
            if row:
                rows.append(row)
        self.shown = shown
        return ["t", round(time.monotonic(), 3), len(self.known), counts[b"R"], counts[b"D"], counts[b"Z"], rows]

    def read_all(self, wanted):
        before = self.known
        after = {}
        turns = max(TURNS, len(before) // 60)
        turn = self.scans % turns
        proc = self.proc + "/"
        clock = time.monotonic
        os_open, os_read, os_close, flags = os.open, os.read, os.close, os.O_RDONLY
        for pid in os.listdir(self.proc):
            if not "0" <= pid[0] <= "9":
                continue
            entry = before.get(pid)
            if entry is not None and entry[4] >= IDLE_AFTER and int(pid) % turns != turn and pid not in wanted:
                after[pid] = entry
                continue
            try:
                handle = os_open(proc + pid + "/stat", flags)
                try:
                    raw = os_read(handle, 1024)
                finally:
                    os_close(handle)
                after[pid] = self.entry(entry, raw, clock())
            except (OSError, ValueError, IndexError):
                continue  # it ended meanwhile
        self.known = after

    def entry(self, entry, raw, now):
        close = raw.rindex(b")")
        fields = raw[close + 2 :].split(None, 22)
        state = fields[0]
        ticks = int(fields[11]) + int(fields[12])
        start = fields[19]
        idle = 0
        percent = None
        if entry is not None and entry[1] == start:
            spent = ticks - entry[0]
            percent = max(0.0, 100.0 * spent / HZ / max(0.01, now - entry[5]))
            if not spent and state != b"D":
                idle = entry[4] + 1
        name = raw[raw.index(b"(") + 1 : close]
        return (ticks, start, int(fields[21]), state, idle, now, int(fields[16]), name, percent)

    def pick(self, wanted):
        """Pids (text) of the top by CPU, the top by memory, all in state D, and the wanted ones."""
        known = self.known
        busy = sorted([(entry[8], pid) for pid, entry in known.items() if entry[8]], reverse=True)
        picked = [pid for _, pid in busy[:TOP]]
        sizes = sorted([entry[2] for entry in known.values()], reverse=True)
        floor = max(1, sizes[min(TOP, len(sizes)) - 1]) if sizes else 1
        large = sorted([(entry[2], pid) for pid, entry in known.items() if entry[2] >= floor], reverse=True)
        picked += [pid for _, pid in large[:TOP]]
        picked += [str(pid) for pid in wanted][:MAX_ROWS]
        picked += [pid for pid, entry in known.items() if entry[3] == b"D"][:TOP]
        unique = dict.fromkeys(pid for pid in picked if pid in known)
        return list(unique)[:MAX_ROWS]

    def row(self, pid, shown):
        """[pid, start, state, percent, resident, nice, names or 0]."""
        _, start, pages, state, _, _, nice, name, percent = self.known[pid]
        key = (pid, start)
        names = 0
        if key not in self.shown:
            try:
                names = self.names(pid, name)
            except OSError:
                return None
        shown[key] = True
        percent = None if percent is None else round(percent, 1)
        return [int(pid), int(start), line_text(state, 1), percent, pages * PAGE, nice, names]

    def names(self, pid, name):
        """[uid, name, command line, cgroup path]. The owner of /proc/PID is root for undumpable ones, so not that."""
        folder = self.proc + "/" + pid
        uid = None
        for line in small(folder + "/status", 2048).split(b"\n"):
            if line[:4] == b"Uid:":
                uid = number(line.split()[2:3])
                break
        if uid is not None and uid not in self.users and len(self.users) < 1000:
            self.users.add(uid)
            self.unknown_users.append(uid)
        command = small(folder + "/cmdline", 512).replace(b"\0", b" ").strip()
        return [uid, line_text(name, 64), line_text(command, 512), self.cgroup(folder)]

    def cgroup(self, folder):
        """One path for all: a Slurm job's if there is one, else the longest; on cgroup v1 controllers differ."""
        try:
            lines = small(folder + "/cgroup", 4096).splitlines()
        except OSError:
            return ""
        paths = [line.split(b":", 2)[2] for line in lines if line.count(b":") >= 2]
        return line_text(max(paths, key=lambda path: (b"/job_" in path, len(path))), 400) if paths else ""

    def new_users(self):
        """User ids that nobody has looked up yet."""
        users, self.unknown_users = self.unknown_users, []
        if self.scans % 120 == 0:
            self.users = set()  # the console may have missed one
        return users


def number(words):
    """The first word as a number, or None."""
    return int(words[0]) if words and words[0].isdigit() else None


def small(path, size):
    handle = os.open(path, os.O_RDONLY)
    try:
        return os.read(handle, size)
    finally:
        os.close(handle)
