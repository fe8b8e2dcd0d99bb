"""The program that samples a host: sent over stdin, runs until stdin ends, writes one JSON array a line on stdout.

Python 3.6 syntax and the standard library only, started as `python3 -I -S -c LOADER` (see `backends/hostkit/travel.py`);
json, ctypes and resource may be missing (python3-minimal). It shares its files with `kit_*.py`, which the bundle puts in
front of it as modules. Everything that may block for ever (statvfs on a dead NFS server, a sick HCA, LDAP look-ups, the
GPU driver) happens in children with deadlines, never in this loop.

stdin, after the N bytes of program that the loader ate, is lines:

    interval SECONDS | poll | focus 1 | focus 0 | ping TOKEN | stop
    gpu NBYTES            followed by exactly NBYTES of GPU payload (zlib'd source), see below

stdout is an empty line, the magic line `swarm-kit 1 ready`, then frames; the first item names the kind:

    ["h", facts]                    hello, once: dict of facts, devices found
    ["n", "disks"|"nics", names]    names of the rows below, sent when they change
    ["s", ...]                      counters, once an interval (positions: backends/hostkit/frames.py)
    ["t", ...]                      the process table
    ["f"|"l"|"i"|"x"|"q"|"u", ...]  filesystems, links, InfiniBand, temperatures, frequency, user names
    ["a", {group: reason}]          what is absent and why, sent when it changes
    ["p", token, wall]              pong
    ["g", LINE]                     one line of the GPU child, as it came
    ["G", state, text]              "hung" | "ended": the GPU child
    ["e", text]                     a traceback, or a control line that was not understood

The GPU child contract. `gpu NBYTES` starts `python3 -I -S -c LOADER(NBYTES)` with pipes: stdin carries the payload, then
control lines (`interval SECONDS`, `poll`), and its end means: exit at once. Every line on the child's stdout is one compact JSON
object (no newline inside, at most 256 KiB): first a hello within 15 s, then one a sample, never 5 s apart (at slower
intervals: interval + 5 s), else the driver counts as hung: the child is killed and, as it may be unkillable, never waited for; a new one starts 60 s
later, unless the old one is still there. An object may hold `"pids":[1,2]` or, a list a GPU,
`"p":[[[pid,memory,kind],…],…]` (compact, numbers only): those processes are then always in the process table. stderr is kept (its tail) as the reason shown when the child ends.
"""

import os
import select
import sys
import time

from kit_counters import Counters
from kit_facts import facts
from kit_gpu import GpuChild
from kit_processes import Processes
from kit_slow import Slow
from kit_text import encode, line_text

MAGIC = b"\nswarm-kit 1 ready\n"
SCAN_SECONDS = 5.0  # processes; 2 s while somebody looks
FOCUS_SCAN_SECONDS = 2.0
SLOW_SECONDS = 5.0  # links, InfiniBand, temperatures
FILESYSTEM_SECONDS = 10.0
FIRST_RATES_SECONDS = 0.5  # the second sample comes early: only then are there rates to show
SCAN_BUDGET = 0.004  # share of one core that scanning may take; with the rest this stays under 0.5 %
MAX_CONTROL = 1 << 16  # longest control line; more is not from our console
MAX_PAYLOAD = 1 << 22


class Finished(Exception):
    """The console is gone or said stop."""


class Probe(object):
    def __init__(self, arguments):
        self.interval = max(0.2, float(arguments.get("interval", 1.0)))
        self.proc = arguments.get("proc") or os.environ.get("PROCROOT", "/proc")
        self.sys = arguments.get("sys") or os.environ.get("SYSROOT", "/sys")
        self.version = arguments.get("version", "")
        self.focus = False
        self.poller = select.poll()
        self.poller.register(0, select.POLLIN)
        self.inbox = b""
        self.payload_left = 0
        self.payload = []
        self.counters = Counters(self.proc, self.sys)
        self.processes = Processes(self.proc)
        self.slow = Slow(self.proc, self.sys, self.poller, self.send)
        self.gpu = GpuChild(self.proc, self.poller, self.send)
        self.absent = {}
        self.sequence = 0
        self.scan_cost = 0.0
        self.scans = 0

    # output

    def send(self, *lines):
        """Write whole lines; a console that is gone ends the program."""
        data = b"\n".join(lines) + b"\n"
        try:
            while data:
                data = data[os.write(1, data) :]
        except OSError:
            raise Finished()

    # time

    def run(self):
        now = time.monotonic()
        self.send(MAGIC[:-1], encode(["h", facts(self.proc, self.sys, self.version, self.interval)]))
        self.next_sample = self.next_scan = now
        self.next_slow = self.next_filesystems = now
        self.tick(now)
        self.next_sample = now + min(self.interval, FIRST_RATES_SECONDS)
        while True:
            self.turn()

    def turn(self):
        now = time.monotonic()
        wait = min(self.next_sample, self.slow.due(), self.gpu.due()) - now
        if wait > 0:
            for descriptor, _ in self.poller.poll(int(wait * 1000) + 1):
                self.readable(descriptor)
            now = time.monotonic()
        self.slow.check(now)
        self.gpu.check(now)
        if now >= self.next_sample:
            self.next_sample += self.interval
            if self.next_sample <= now:  # stopped, suspended or overloaded: no burst to catch up
                self.next_sample = now + self.interval
            self.tick(now)

    def tick(self, now):
        lines = []
        if now >= self.next_scan - 0.05:
            self.scan(now, lines)
        self.sequence += 1
        for frame in self.counters.names_changed():
            lines.append(encode(frame))
        lines.append(encode(self.counters.sample(self.sequence, self.children_cost())))
        absent = dict(self.counters.absent)
        absent.update(self.slow.absent)
        if absent != self.absent:
            self.absent = absent
            lines.append(encode(["a", absent]))
        self.send(*lines)
        if now >= self.next_filesystems - 0.05 and self.slow.ask(b"f"):
            self.next_filesystems = now + FILESYSTEM_SECONDS
        if now >= self.next_slow - 0.05 and self.slow.ask(b"s"):
            self.next_slow = now + SLOW_SECONDS

    def scan(self, now, lines):
        started = time.process_time()
        try:
            lines.append(encode(self.processes.table(self.gpu.pids)))
            for uid in self.processes.new_users():
                self.slow.ask(b"u%d" % uid)
        except OSError as error:
            self.counters.absent["processes"] = error.strerror or str(error)
        cost = time.process_time() - started
        self.scan_cost = cost if not self.scans else self.scan_cost * 0.7 + cost * 0.3
        self.scans += 1
        base = FOCUS_SCAN_SECONDS if self.focus or self.scans < 2 else SCAN_SECONDS
        self.next_scan = now + min(60.0, max(base, self.scan_cost / SCAN_BUDGET))

    def children_cost(self):
        """CPU nanoseconds and resident bytes of the children that are alive."""
        return self.slow.cost(), self.gpu.cost()

    # input

    def readable(self, descriptor):
        if descriptor == 0:
            data = os.read(0, 65536)
            if not data:
                raise Finished()
            self.receive(data)
        elif not self.slow.readable(descriptor):
            self.gpu.readable(descriptor)

    def receive(self, data):
        """Cut control lines and GPU payloads out of what came on stdin."""
        self.inbox += data
        while True:
            if self.payload_left:
                piece = self.inbox[: self.payload_left]
                self.inbox = self.inbox[len(piece) :]
                self.payload.append(piece)
                self.payload_left -= len(piece)
                if self.payload_left:
                    return
                self.gpu.load(b"".join(self.payload), self.interval)
                self.payload = []
            line, newline, rest = self.inbox.partition(b"\n")
            if not newline:
                if len(self.inbox) > MAX_CONTROL:
                    raise Finished()
                return
            self.inbox = rest
            try:
                self.control(line.split())
            except (ValueError, IndexError):
                self.send(encode(["e", "control line not understood: " + line_text(line, 80)]))

    def control(self, words):
        if not words:
            return
        verb = words[0]
        if verb == b"ping":
            self.send(encode(["p", int(words[1]), time.time()]))
        elif verb == b"interval":
            self.interval = min(3600.0, max(0.2, float(words[1])))
            self.next_sample = min(self.next_sample, time.monotonic() + self.interval)
            self.gpu.set_interval(self.interval)
        elif verb == b"poll":
            self.next_sample = self.next_scan = time.monotonic()
            self.gpu.poll()
        elif verb == b"focus":
            self.focus = words[1] == b"1"
            if self.focus:
                self.next_scan = min(self.next_scan, time.monotonic() + FOCUS_SCAN_SECONDS)
        elif verb == b"gpu":
            self.payload_left = int(words[1])
            if not 0 < self.payload_left <= MAX_PAYLOAD:
                raise Finished()
        elif verb == b"stop":
            raise Finished()
        else:
            raise ValueError(verb)


def main(arguments):
    try:
        os.nice(10)
    except OSError:
        pass
    probe = Probe(arguments)
    try:
        probe.run()
    except Finished:
        pass
    except Exception:
        import traceback

        try:
            probe.send(encode(["e", traceback.format_exc()[-4000:]]))
        except Finished:
            pass
    finally:
        probe.slow.kill()
        probe.gpu.kill()
        os._exit(0)  # nothing left to flush; a stuck child must not hold us


if __name__ == "__main__":
    main(globals().get("ARGUMENTS") or {"interval": sys.argv[1] if len(sys.argv) > 1 else 1.0})
