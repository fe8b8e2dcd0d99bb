"""Follows the kernel log from where it was last read: nothing is lost or told twice over reconnects and reboots.

ARGUMENTS: {"way", "after": where the last one stopped, or "", "back": seconds to look back without it, "follow": bool}.
Python 3.6, standard library only. Answers after the magic, one JSON value a line:
    {"ok": true, "way", "boot", "now", "uptime", "resumed", "gap"}
        resumed: it goes on where the last one stopped; gap: why something may be missing, or ""
    ["e", kind, {a journal entry}]
    ["p", position, {kind: number that was thrown away}]   after every batch, and every 15 s as a sign of life
    ["end", reason]
With "follow" it goes on until its stdin ends. A message counts only when the kernel itself said it.
"""

import os
import select
import time

import kit_log_journal as journal
import kit_log_ring as ring
from kit_ask import content, find
from kit_log_sieve import Sieve
from kit_text import encode

MAGIC = b"\nswarm-kit 1 answer\n"
ALIVE_SECONDS = 15.0
ONCE_SECONDS = 20.0
ONCE_ROWS = 2000
POLL_MILLISECONDS = 1000


def write(data):
    data += b"\n"
    while data:
        data = data[os.write(1, data) :]


def open_log(arguments):
    """(source, why something may be missing): the journal where it can be, since only it outlives a reboot."""
    way, after = arguments["way"], arguments["after"]
    seen = journal.readable()
    if seen and find("journalctl") and journal.holds_kernel():
        cursor = after if way == "journal" else ""
        lost = cursor and not journal.knows(cursor)
        gap = "the journal no longer knows where it was read last" if lost else ""
        return journal.Journal("" if lost else cursor, arguments["back"], arguments["follow"]), gap
    gap = "no permission: the journal, so only this boot is seen" if seen is False else ""
    try:
        source = ring.Ring(after if way == "kmsg" else "", arguments["follow"])
        return source, gap or ("it was rebooted: what was said just before is lost" if source.rebooted else "")
    except (IOError, OSError) as error:
        if error.errno not in (1, 2, 6, 13):
            raise
    return ring.Text(after if way == "dmesg" else ""), gap


class Follower(object):
    def __init__(self, source, follow):
        self.source = source
        self.follow = follow
        self.sieve = Sieve()
        self.told = 0.0
        self.lost = self.sent = 0

    def batch(self):
        rows = self.source.read()
        for kind, line, when in rows:
            if self.sieve.passes(kind, when):
                self.sent += 1
                write(b'["e",' + encode(kind) + b"," + line + b"]")
        if rows or time.monotonic() - self.told > ALIVE_SECONDS:
            self.place()

    def place(self):
        losses = self.sieve.losses()
        overwritten = getattr(self.source, "overwritten", 0)
        if overwritten > self.lost:
            losses["overwritten"] = overwritten - self.lost
            self.lost = overwritten
        write(encode(["p", self.source.position, losses]))
        self.told = time.monotonic()

    def run(self):
        """Until the log ends, or, when following, the console is gone."""
        poller = select.poll()
        end = time.monotonic() + ONCE_SECONDS
        if self.source.handle() is not None:
            poller.register(self.source.handle(), select.POLLIN)
        if self.follow:
            poller.register(0, select.POLLIN | select.POLLHUP)
        while not self.source.ended:
            ready = [handle for handle, _ in poller.poll(POLL_MILLISECONDS)] if self.source.handle() is not None else []
            if 0 in ready and not os.read(0, 4096):
                break
            if not self.follow and (time.monotonic() > end or self.sent > ONCE_ROWS):
                break  # the rest is read next time, from where we are
            if self.source.handle() is None or self.source.handle() in ready:
                self.batch()
            elif not self.follow and self.source.way == "kmsg":
                break
            elif time.monotonic() - self.told > ALIVE_SECONDS:
                self.place()
        self.place()


def hello(source, gap):
    up = float((content(ring.ROOT + "/proc/uptime", 64) or "0").split()[0])
    head = {"ok": True, "way": source.way, "boot": ring.boot_id(), "resumed": source.resumed, "gap": gap}
    head.update(now=time.time(), uptime=up)
    write(MAGIC + encode(head))


def main(arguments):
    try:
        source, gap = open_log(arguments)
    except Exception as error:
        write(MAGIC + encode({"ok": False, "text": str(error)}))
        return
    try:
        hello(source, gap)
        Follower(source, arguments["follow"]).run()
        write(encode(["end", source.said]))
    finally:
        source.close()


if __name__ == "__main__":
    main(ARGUMENTS)  # noqa: F821 (set by the bundle)
