"""Collects facts side by side, each in a forked worker with its own deadline: one that hangs costs nobody else anything.

A fact is a function without arguments that returns plain data, or None where the host has no such thing. What it raises
becomes that fact's error. Workers are leaders of their own process group, so a deadline also ends the commands they ran.
"""

import os
import select
import signal
import subprocess
import time

from kit_text import encode, line_text

AT_ONCE = 6
RESULT_LIMIT = 256 << 10
OUTPUT_LIMIT = 256 << 10
MOST_LINES = 2000
ENVIRONMENT = {
    "LC_ALL": "C.UTF-8",
    "LANG": "C.UTF-8",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "TERM": "dumb",
    "DEBIAN_FRONTEND": "noninteractive",
    "SYSTEMD_PAGER": "",
}


def find(program):
    """The path of a program, or None. `ASKPATH` replaces the directories, for tests."""
    for folder in os.environ.get("ASKPATH", ENVIRONMENT["PATH"]).split(":"):
        path = os.path.join(folder, program)
        if os.access(path, os.X_OK) and not os.path.isdir(path):
            return path
    return None


def run(argv):
    """(exit status, stdout, stderr) as text, bounded; None when there is no such program."""
    path = find(argv[0])
    if path is None:
        return None
    environment = dict(ENVIRONMENT, PATH=os.environ.get("ASKPATH", ENVIRONMENT["PATH"]) + ":/usr/bin:/bin")
    process = subprocess.Popen(
        [path, *argv[1:]],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        cwd="/",
    )
    poller = select.poll()
    parts = {process.stdout.fileno(): bytearray(), process.stderr.fileno(): bytearray()}
    for handle in parts:
        poller.register(handle, select.POLLIN | select.POLLHUP)
    left = set(parts)
    while left:
        for handle, _ in poller.poll():
            data = os.read(handle, 65536)
            if not data:
                poller.unregister(handle)
                left.discard(handle)
            parts[handle] += data[: max(0, OUTPUT_LIMIT - len(parts[handle]))]
    out, err = (bytes(part).decode("utf-8", "replace") for part in parts.values())
    return process.wait(), out, err


def lines(text, width=300):
    """Lines of text, bounded in number and length, none of them empty."""
    return [line[:width] for line in text.split("\n") if line.strip()][:MOST_LINES]


def answer_of(argv):
    """{"status", "lines", "error"} of a command, or None when there is no such program."""
    done = run(argv)
    if done is None:
        return None
    return {"status": done[0], "lines": lines(done[1]), "error": " ".join(done[2].split())[:300]}


def content(path, limit=65536):
    """A file's text, bounded; None when there is none."""
    try:
        with open(path, "rb") as file:
            return line_text(file.read(limit), limit)
    except IOError as error:
        if error.errno in (2, 20):
            return None
        raise


def work(function, handle):
    """A worker's life: one fact, written as JSON to `handle`."""
    started = time.monotonic()
    try:
        answer = {"value": function()}
    except BaseException as error:
        answer = {"error": "%s: %s" % (type(error).__name__, error)}
    answer["seconds"] = round(time.monotonic() - started, 3)
    data = encode(answer)
    if len(data) > RESULT_LIMIT:
        data = encode({"error": "%d bytes are too many" % len(data)})
    while data:
        data = data[os.write(handle, data) :]


class Worker(object):
    """One fact on its way."""

    def __init__(self, name, function, seconds):
        self.name = name
        self.deadline = time.monotonic() + seconds
        self.seconds = seconds
        self.data = bytearray()
        self.handle, theirs = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.setsid()
                null = os.open(os.devnull, os.O_RDWR)
                for handle in (0, 1, 2):  # the channel must be able to close although a worker is stuck
                    os.dup2(null, handle)
                os.closerange(3, theirs)
                os.closerange(theirs + 1, 4096)
                work(function, theirs)
            finally:
                os._exit(0)
        os.close(theirs)

    def end(self):
        """Give up waiting; a process stuck in the kernel is left behind, since it cannot die."""
        os.close(self.handle)
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except OSError:
            pass
        os.waitpid(self.pid, os.WNOHANG)

    def result(self):
        if self.data:
            return bytes(self.data)
        return encode({"error": "its reader died"})


def gather(tasks):
    """JSON of {name: {"value", "seconds"} or {"error"}} for [(name, function, seconds)]."""
    waiting = list(tasks)
    running = {}
    found = {}
    poller = select.poll()
    while waiting or running:
        while waiting and len(running) < AT_ONCE:
            name, function, seconds = waiting.pop(0)
            worker = Worker(name, function, seconds)
            running[worker.handle] = worker
            poller.register(worker.handle, select.POLLIN | select.POLLHUP)
        nearest = min(worker.deadline for worker in running.values())
        events = poller.poll(max(0.0, nearest - time.monotonic()) * 1000 + 1)
        for handle, _ in events:
            worker = running[handle]
            data = os.read(handle, 65536)
            worker.data += data
            if not data:
                found[worker.name] = worker.result()
                close(worker, running, poller)
        for worker in [each for each in running.values() if each.deadline <= time.monotonic()]:
            found[worker.name] = encode({"error": "no answer within %g s" % worker.seconds})
            close(worker, running, poller)
    return b"{" + b",".join(encode(name) + b":" + found[name] for name, _, _ in tasks) + b"}"


def close(worker, running, poller):
    poller.unregister(worker.handle)
    del running[worker.handle]
    worker.end()
