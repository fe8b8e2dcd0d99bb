"""Reads that may block for ever, done by a forked worker with a deadline: filesystems, links, InfiniBand, temperatures, names.

The worker says `>item` before each risky step and `<` when a round is done; lines that start with `[` are frames for the
console. An item that does not come back within the deadline is skipped from then on (tried again after a minute, then
less often); the stuck worker is killed but never waited for, since a process in the kernel's D state cannot die.
"""

import os
import select
import time

DEADLINE_SECONDS = 2.0
RETRY_SECONDS = 60.0
MAX_STUCK = 2  # workers that could not be killed; more would only pile up
PAGE = os.sysconf("SC_PAGE_SIZE")
NEVER = float("inf")


def work(requests, answers, proc, sys, skip):
    """The worker's life: one request a line, until the parent is gone."""
    from kit_rounds import Rounds

    rounds = Rounds(answers, proc, sys, skip)
    inbox = b""
    while True:
        data = os.read(requests, 4096)
        if not data:
            return
        inbox += data
        while b"\n" in inbox:
            line, inbox = inbox.split(b"\n", 1)
            rounds.answer(line)


class Slow(object):
    """The parent's side: starts the worker, forwards its frames, notices when it hangs."""

    def __init__(self, proc, sys, poller, send):
        self.proc = proc
        self.sys = sys
        self.poller = poller
        self.send = send
        self.pid = 0
        self.requests = self.answers = -1
        self.inbox = b""
        self.item = None
        self.deadline = NEVER
        self.queued = []
        self.skip = {}  # item -> (monotonic time of the next try, times it hung)
        self.stuck = []
        self.absent = {}
        self.spent = 0

    def ask(self, request):
        """Queue one request; False while the same one is still going on (a round is skipped, not piled up)."""
        if request in self.queued:
            return False
        if len(self.queued) < 64:
            self.queued.append(request)
        if len(self.queued) == 1:
            self.next()
        return True

    def next(self):
        if not self.queued:
            return
        if not self.pid and not self.start():
            self.queued = []
            return
        self.deadline = time.monotonic() + DEADLINE_SECONDS
        self.item = None
        try:
            os.write(self.requests, self.queued[0] + b"\n")
        except OSError:
            self.lost()

    def start(self):
        self.reap()
        if len(self.stuck) >= MAX_STUCK:
            self.absent["slow"] = "%d reads never came back: %s" % (len(self.stuck), ", ".join(sorted(self.skip))[:200])
            return False
        self.absent.pop("slow", None)
        theirs, self.requests = os.pipe()
        self.answers, theirs_out = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                os.dup2(os.open(os.devnull, os.O_RDWR), 0)
                os.dup2(0, 1)  # the channel must be able to close although a worker is stuck
                os.dup2(0, 2)
                keep = sorted((theirs, theirs_out))
                os.closerange(3, keep[0])
                os.closerange(keep[0] + 1, keep[1])
                os.closerange(keep[1] + 1, 4096)
                work(theirs, theirs_out, self.proc, self.sys, self.skip)
            except BaseException:
                pass
            os._exit(0)
        os.close(theirs)
        os.close(theirs_out)
        self.pid = pid
        self.inbox = b""
        self.poller.register(self.answers, select.POLLIN)
        return True

    def readable(self, descriptor):
        """True when the descriptor was ours."""
        if descriptor != self.answers:
            return False
        data = os.read(descriptor, 65536)
        if not data:
            self.lost()
            return True
        lines = (self.inbox + data).split(b"\n")
        self.inbox = lines.pop()
        for line in lines:
            kind = line[:1]
            if kind == b"[":
                self.send(line)
            elif kind == b">":
                self.item = line[1:].decode("utf-8", "replace")
            elif kind == b"<":
                self.spent = int(line[1:] or 0)
                self.deadline = NEVER
                if self.queued:
                    self.queued.pop(0)
                self.next()
                return True
            self.deadline = time.monotonic() + DEADLINE_SECONDS
        return True

    def due(self):
        return self.deadline

    def check(self, now):
        """Give up on an item whose deadline has passed; the same round starts again without it."""
        if now < self.deadline:
            return
        if self.item is not None:
            times = self.skip.get(self.item, (0, 0))[1] + 1
            self.skip[self.item] = (now + min(600.0, RETRY_SECONDS * 2 ** (times - 1)), times)
        else:
            self.queued = self.queued[1:]
        self.abandon()
        self.deadline = NEVER
        self.next()

    def lost(self):
        """The worker ended by itself: drop what it was doing."""
        self.abandon()
        self.queued = []
        self.deadline = NEVER

    def abandon(self):
        if not self.pid:
            return
        self.poller.unregister(self.answers)
        os.close(self.requests)
        os.close(self.answers)
        self.requests = self.answers = -1
        self.kill()
        self.stuck.append(self.pid)
        self.pid = 0
        self.reap()

    def reap(self):
        """Collect those that did end, without waiting for those that cannot."""
        left = []
        for pid in self.stuck:
            try:
                if os.waitpid(pid, os.WNOHANG)[0] == 0:
                    left.append(pid)
            except OSError:
                pass
        self.stuck = left

    def kill(self):
        if self.pid:
            try:
                os.kill(self.pid, 9)
            except OSError:
                pass

    def cost(self):
        """(CPU nanoseconds, private resident bytes) as the worker said last; its pages are mostly shared with ours."""
        return self.spent, 0
