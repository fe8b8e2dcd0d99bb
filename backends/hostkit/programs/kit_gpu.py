"""The GPU child: an own process, since a wedged driver blocks in the kernel and cannot be killed. Contract: probe.py."""

import os
import select
import sys
import time

from kit_text import encode, line_text

FIRST_SECONDS = 15.0  # initialising NVML without persistence mode may take that long
LINE_SECONDS = 5.0
RETRY_SECONDS = 60.0
MAX_LINE = 1 << 18
NEVER = float("inf")
PAGE = os.sysconf("SC_PAGE_SIZE")
LOADER = (
    "import os,sys,zlib;b=bytearray();"
    "[b.extend(os.read(0,%d-len(b))or sys.exit(3))for _ in iter(lambda:len(b)<%d,False)];"
    "exec(zlib.decompress(b))"
)


def pids_in(line):
    """Pids in a line without a JSON parser: `"pids":[1,2]`, or the first number of each list in `"p":[[[pid,…],…],…]`."""
    start = line.find(b'"pids":[')
    if start < 0:
        start = line.find(b'"p":[')
    if start < 0:
        return None
    start = line.index(b"[", start)
    end = line.find(b'"', start)  # there are only numbers inside
    found = set()
    flat = line[start - 2 : start] == b's"' or line[start - 3 : start] == b's":'
    for piece in line[start : end if end >= 0 else len(line)].split(b"["):
        words = piece.replace(b"]", b"").split(b",")
        found.update(int(word) for word in (words if flat else words[:1]) if word.strip().isdigit())
    return sorted(found)[:256]


class GpuChild(object):
    def __init__(self, proc, poller, send):
        self.proc = proc
        self.poller = poller
        self.send = send
        self.payload = None
        self.interval = 1.0
        self.pid = 0
        self.input = self.output = self.errors = -1
        self.inbox = b""
        self.tail = b""
        self.unsent = b""
        self.deadline = NEVER
        self.retry = NEVER
        self.stuck = 0
        self.pids = []

    def load(self, payload, interval):
        """The console sent a (new) program: start it."""
        self.payload = payload
        self.interval = interval
        self.drop()
        self.start()

    def set_interval(self, seconds):
        self.interval = seconds
        if self.pid:
            self.unsent += b"interval %.3f\n" % seconds
            self.deadline = max(self.deadline, time.monotonic() + seconds + LINE_SECONDS)
            self.feed()

    def poll(self):
        if self.pid:
            self.unsent += b"poll\n"
            self.feed()

    def start(self):
        self.retry = NEVER
        if self.still_stuck():
            self.retry = time.monotonic() + RETRY_SECONDS
            return
        theirs_in, self.input = os.pipe()
        self.output, theirs_out = os.pipe()
        self.errors, theirs_err = os.pipe()
        size = len(self.payload)
        pid = os.fork()
        if pid == 0:
            try:
                for place, descriptor in enumerate([os.dup(theirs_in), os.dup(theirs_out), os.dup(theirs_err)]):
                    os.dup2(descriptor, place)
                os.execv(sys.executable, [sys.executable, "-I", "-S", "-c", LOADER % (size, size)])
            except BaseException:
                pass
            os._exit(127)
        for descriptor in (theirs_in, theirs_out, theirs_err):
            os.close(descriptor)
        self.pid = pid
        self.inbox = self.tail = b""
        self.unsent = self.payload + b"interval %.3f\n" % self.interval
        os.set_blocking(self.input, False)
        self.poller.register(self.output, select.POLLIN)
        self.poller.register(self.errors, select.POLLIN)
        self.deadline = time.monotonic() + FIRST_SECONDS
        self.feed()

    def feed(self):
        """Write what fits; the pipe may hold less than the program."""
        try:
            while self.unsent:
                self.unsent = self.unsent[os.write(self.input, self.unsent) :]
            self.watch_input(False)
        except BlockingIOError:
            self.watch_input(True)
        except OSError:
            self.unsent = b""
            self.watch_input(False)

    def watch_input(self, wanted):
        try:
            if wanted:
                self.poller.register(self.input, select.POLLOUT)
            else:
                self.poller.unregister(self.input)
        except KeyError:
            pass

    def readable(self, descriptor):
        if descriptor == self.input:
            self.feed()
        elif descriptor == self.errors:
            data = os.read(descriptor, 4096)
            self.tail = (self.tail + data)[-600:]
            if not data:
                self.poller.unregister(descriptor)
        elif descriptor == self.output:
            data = os.read(descriptor, 65536)
            if data:
                self.lines(data)
            else:
                self.ended()

    def lines(self, data):
        lines = (self.inbox + data).split(b"\n")
        self.inbox = lines.pop()
        if len(self.inbox) > MAX_LINE:
            self.tail = b"the GPU reader wrote an endless line"
            self.ended()
            return
        for line in lines:
            if line[:1] != b"{":
                continue
            pids = pids_in(line)
            if pids is not None:
                self.pids = pids
            self.deadline = time.monotonic() + self.interval + LINE_SECONDS
            self.send(b'["g",' + line + b"]")

    def due(self):
        return min(self.deadline, self.retry)

    def check(self, now):
        if now >= self.deadline:
            self.drop()
            self.retry = now + RETRY_SECONDS
            self.send(encode(["G", "hung", "the GPU driver does not answer"]))
        elif now >= self.retry:
            self.start()

    def ended(self):
        """It closed its output: say why, try again later."""
        try:
            self.tail = (self.tail + os.read(self.errors, 4096))[-600:] if self.errors_ready() else self.tail
        except OSError:
            pass
        text = line_text(self.tail.strip(), 600)
        self.drop()
        self.retry = time.monotonic() + RETRY_SECONDS
        self.send(encode(["G", "ended", text]))

    def errors_ready(self):
        return bool(select.select([self.errors], [], [], 0)[0])

    def drop(self):
        """Forget the child; it is killed, but may be stuck in the kernel."""
        self.deadline = NEVER
        self.pids = []
        if not self.pid:
            return
        for descriptor in (self.input, self.output, self.errors):
            try:
                self.poller.unregister(descriptor)
            except KeyError:
                pass
            os.close(descriptor)
        self.input = self.output = self.errors = -1
        self.kill()
        self.stuck = self.pid
        self.pid = 0
        self.still_stuck()

    def still_stuck(self):
        if self.stuck:
            try:
                if os.waitpid(self.stuck, os.WNOHANG)[0]:
                    self.stuck = 0
            except OSError:
                self.stuck = 0
        return self.stuck

    def kill(self):
        if self.pid:
            try:
                os.kill(self.pid, 9)
            except OSError:
                pass

    def cost(self):
        """(CPU nanoseconds, resident bytes) of the child, (0, 0) without one."""
        if not self.pid:
            return 0, 0
        try:
            with open("%s/%d/schedstat" % (self.proc, self.pid), "rb") as file:
                spent = int(file.read(64).split()[0])
            with open("%s/%d/statm" % (self.proc, self.pid), "rb") as file:
                return spent, int(file.read(64).split()[1]) * PAGE
        except (OSError, ValueError, IndexError):
            return 0, 0
