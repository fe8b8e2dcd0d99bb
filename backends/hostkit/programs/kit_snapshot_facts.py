"""Runs the commands whose outputs are facts: a few at a time, each with its own deadline, all of them within one.

A fact is {"name", "steps": [[word]], "first": bool, "feed": bool, "each": pattern, "file": path, "rules": {}}:
`first` takes the first command that is there, else all of them run in turn; `each` repeats them for every path that the
pattern finds ("{name}" is its last part); `feed` appends the lines that the first step prints to the second one.
A fact comes back as {"rc", "seconds", "text"} or {"error", "seconds"}; None where there is no such program.
"""

import os
import select
import signal
import subprocess
import time
from fnmatch import fnmatchcase

from kit_ask import ENVIRONMENT, content, find
from kit_normalise import normalised
from kit_text import line_text

AT_ONCE = 4
OUTPUT_LIMIT = 4 << 20
MOST_REPEATS = 64
MOST_FED = 256


def environment():
    folders = os.environ.get("ASKPATH")
    path = folders + ":/usr/bin:/bin" if folders else ENVIRONMENT["PATH"]
    return dict(ENVIRONMENT, PATH=path, TZ="UTC", LC_ALL="C.UTF-8", COLUMNS="400", SYSTEMD_COLORS="0")


def matches(pattern):
    """Paths whose last part matches, sorted; the directory before it may hold a wildcard as well."""
    folders = [""]
    for part in pattern.split("/")[1:]:
        found = []
        for folder in folders:
            try:
                names = [part] if "*" not in part else sorted(os.listdir(folder or "/"))
            except OSError:
                continue
            found += [folder + "/" + name for name in names if fnmatchcase(name, part)]
        folders = [each for each in found if os.path.lexists(each)]
    return folders[:MOST_REPEATS]


def commands(fact, host):
    """The argvs of a fact, programs as found paths; [] where there is none."""
    steps = fact.get("steps", ())
    if fact.get("first"):
        steps = [step for step in steps if find(step[0])][:1]
    found = []
    for place in matches(fact["each"]) if "each" in fact else [""]:
        words = {"{name}": os.path.basename(os.path.dirname(place) if fact.get("parent") else place), "{host}": host}
        found += [[words.get(word, word) for word in step] for step in steps]
    return [[find(step[0]), *step[1:]] for step in found if find(step[0])]


class Running(object):
    """One fact on its way: its commands one after the other."""

    def __init__(self, fact, argvs, seconds):
        self.fact, self.argvs = fact, argvs
        self.heads = not fact.get("feed") and not fact.get("first") and ("each" in fact or len(fact["steps"]) > 1)
        self.began = time.monotonic()
        self.deadline = self.began + seconds
        self.text, self.errors = bytearray(), bytearray()
        self.process, self.rc = None, 0
        self.fed = []
        self.next()

    def next(self):
        """Starts the next command; False when that was the last one."""
        if not self.argvs:
            return False
        argv = self.argvs.pop(0)
        if self.heads:
            self.text += ("# %s\n" % " ".join([os.path.basename(argv[0]), *argv[1:]])).encode("utf-8", "replace")
        self.process = subprocess.Popen(
            argv + self.fed,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(),
            cwd="/",
            start_new_session=True,
        )
        self.handles = {self.process.stdout.fileno(): self.text, self.process.stderr.fileno(): self.errors}
        return True

    def read(self, handle):
        """Takes what has come; False at the end of that stream."""
        data = os.read(handle, 65536)
        kept = self.handles[handle]
        kept += data[: max(0, OUTPUT_LIMIT - len(kept))]
        return bool(data)

    def ended(self):
        """A command has closed its streams; whether the whole fact is there."""
        self.close()
        try:
            self.rc = self.process.wait(max(0.1, self.deadline - time.monotonic())) or self.rc
        except subprocess.TimeoutExpired:  # it closed its streams and lives on
            self.kill()
            self.rc = -signal.SIGKILL
        if self.fact.get("feed") and self.argvs:
            self.fed = line_text(bytes(self.text), OUTPUT_LIMIT).split()[:MOST_FED]
            del self.text[:]
            if not self.fed:
                self.argvs = []
        return not self.next()

    def close(self):
        self.process.stdout.close()
        self.process.stderr.close()

    def kill(self):
        """Ends the command and all that it began; one stuck in the kernel is left behind, since it cannot die."""
        self.close()
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except OSError:
            pass
        self.process.poll()

    def seconds(self):
        return round(time.monotonic() - self.began, 2)

    def result(self):
        return finished(self.fact, bytes(self.text), bytes(self.errors), self.rc, self.seconds())


def finished(fact, output, errors, rc, seconds):
    text = line_text(output, OUTPUT_LIMIT)
    said = " ".join(line_text(errors, 2000).split())[:300]
    if rc != 0 and not text.strip():
        return {"rc": rc, "seconds": seconds, "error": said or "it ended with %d and said nothing" % rc}
    try:
        text = normalised(text, fact.get("rules", {}))
    except (ValueError, ImportError) as error:
        return {"rc": rc, "seconds": seconds, "error": "not understood: %s" % error}
    answer = {"rc": rc, "seconds": seconds, "text": text}
    if len(output) >= OUTPUT_LIMIT:
        answer["note"] = "cut off at %d bytes" % OUTPUT_LIMIT
    return answer


def of_file(fact):
    try:
        text = content(fact["file"], OUTPUT_LIMIT)
    except OSError as error:
        return {"rc": 1, "seconds": 0.0, "error": error.strerror}
    return None if text is None else finished(fact, text.encode("utf-8"), b"", 0, 0.0)


class Gathering(object):
    """Runs facts side by side. `reader` is a handle on whose other end somebody reads; when nobody does, all ends."""

    def __init__(self, facts, host, each_seconds, all_seconds, reader):
        self.host, self.each_seconds, self.reader = host, each_seconds, reader
        self.end = time.monotonic() + all_seconds
        self.waiting = [fact for fact in facts if "file" not in fact]
        self.found = {fact["name"]: of_file(fact) for fact in facts if "file" in fact}
        self.poller = select.poll()
        self.poller.register(reader, 0)  # its end alone is told
        self.running = {}  # handle → Running

    def run(self):
        """{name: result or None}."""
        while self.waiting or self.running:
            while self.waiting and len(set(self.running.values())) < AT_ONCE:
                self.start(self.waiting.pop(0))
            if self.running:
                self.turn()
        return self.found

    def start(self, fact):
        argvs = commands(fact, self.host)
        if not argvs:
            self.found[fact["name"]] = None
            return
        left = self.end - time.monotonic()
        if left <= 0:
            self.found[fact["name"]] = {"rc": None, "seconds": 0.0, "error": "no time was left for it"}
            return
        try:
            self.listen(Running(fact, argvs, min(self.each_seconds, left)))
        except OSError as error:
            self.found[fact["name"]] = {"rc": None, "seconds": 0.0, "error": error.strerror or str(error)}

    def listen(self, running):
        for handle in running.handles:
            self.poller.register(handle, select.POLLIN | select.POLLHUP)
            self.running[handle] = running

    def deaf(self, handle):
        self.poller.unregister(handle)
        del self.running[handle]

    def turn(self):
        nearest = min(running.deadline for running in self.running.values())
        for handle, _ in self.poller.poll(max(0.0, nearest - time.monotonic()) * 1000 + 1):
            if handle == self.reader:
                self.give_up()
            running = self.running[handle]
            if not running.read(handle):
                self.deaf(handle)
                if running not in self.running.values():
                    self.ended(running)
        for running in {each for each in self.running.values() if each.deadline <= time.monotonic()}:
            self.late(running)

    def ended(self, running):
        try:
            if running.ended():
                self.found[running.fact["name"]] = running.result()
            else:
                self.listen(running)
        except OSError as error:
            self.found[running.fact["name"]] = {"rc": None, "seconds": running.seconds(), "error": str(error)}

    def give_up(self):
        """Nobody reads any more. Raises OSError."""
        for running in set(self.running.values()):
            running.kill()
        raise OSError(32, "nobody reads")

    def late(self, running):
        for handle in [handle for handle, each in self.running.items() if each is running]:
            self.deaf(handle)
        running.kill()
        seconds = running.seconds()
        self.found[running.fact["name"]] = {
            "rc": None,
            "seconds": seconds,
            "error": "no answer within %d s" % round(running.deadline - running.began),
        }
