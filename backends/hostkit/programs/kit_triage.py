"""Runs the pieces of a triage side by side, none of which can hold the answer up.

Every piece is a process of its own session whose output goes to files that have no name any more: nobody waits at the end of a
pipe for a process that is stuck in the kernel, and nothing stays on the host. What does not answer in its time is killed,
told as stuck with the state that it was in, and never tried again. Python 3.6, standard library only.
"""

import os
import shutil
import signal
import tempfile
import time

from kit_ask import ENVIRONMENT, find
from kit_text import line_text, name_text
from kit_triage_process import members

CAP = 64 << 10  # bytes of output of a piece that travel
ERROR_CAP = 2 << 10
FILE_LIMIT = 8 << 20  # bytes that a piece can write at all
PROBE_BYTES = 1 << 17  # a place with less room than that is no place for output
GRACE = 0.3  # for dying of SIGKILL; what lives longer cannot die
COMMAND = 1000  # characters of a command line that travel; the columns of a table of GPUs stand in one
NAP = 0.01
ABSENT, DENIED, FAILED = 66, 77, 70  # exit statuses of functions: sysexits.h, without 64
PLACES = ("/run/user/%d" % os.getuid(), "/run", "/dev/shm", "/tmp", "/var/tmp")


class Absent(Exception):
    """This host has no such thing. args: sentence."""


class Stuck(object):
    """What a plan says instead of a command where an earlier one is still stuck."""

    def __init__(self, reason):
        self.reason = reason


class Piece(object):
    """One thing to ask.

    step: number of the step; name: of the section; what: argv, or a function that returns text, or with `plan` a function of
    the sections so far that returns one of these, a sentence why not, or Stuck; seconds: for its answer; tail: keep the end, not the beginning;
    lines: most lines that are kept.
    """

    def __init__(self, step, name, what, seconds, tail=False, plan=False, lines=0):
        self.step, self.name, self.what, self.seconds = step, name, what, seconds
        self.tail, self.plan, self.lines = tail, plan, lines


def folder():
    """A private directory on the first place that takes output: the disks may be full."""
    refused = []
    for place in os.environ.get("TRIAGEPLACES", ":".join(PLACES)).split(":"):
        try:
            found = tempfile.mkdtemp(prefix="swarm-triage-", dir=place)
        except OSError as error:
            refused.append("%s: %s" % (place, error.strerror))
            continue
        try:
            handle = nameless(found)
            try:
                os.write(handle, b"\0" * PROBE_BYTES)
            finally:
                os.close(handle)
            return found
        except OSError as error:
            refused.append("%s: %s" % (place, error.strerror))
            shutil.rmtree(found, ignore_errors=True)
    raise OSError("no place for output: " + "; ".join(refused))


def nameless(place):
    """A file that only its handle knows."""
    handle, path = tempfile.mkstemp(dir=place)
    os.unlink(path)
    return handle


def limit_files():
    try:
        import resource
    except ImportError:  # python3-minimal
        return
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_LIMIT, FILE_LIMIT))


def child(what, out, err):
    """The life of a piece, up to exec or its end. Never returns."""
    os.setsid()
    os.chdir("/")
    null = os.open(os.devnull, os.O_RDONLY)
    for theirs, ours in ((null, 0), (out, 1), (err, 2)):
        os.dup2(theirs, ours)
    os.closerange(3, 4096)
    for number in (signal.SIGXFSZ, signal.SIGPIPE):  # Python ignores these, and that would be inherited
        signal.signal(number, signal.SIG_DFL)
    limit_files()
    if callable(what):
        os._exit(told(what))
    path = find(what[0])
    environment = dict(ENVIRONMENT, PATH=os.environ.get("ASKPATH", ENVIRONMENT["PATH"]) + ":/usr/bin:/bin")
    os.execve(path, list(what), environment)


def told(function):
    """Writes what a function says; its exit status."""
    try:
        data, status = function().encode("utf-8", "replace"), 0
    except Absent as error:
        data, status = str(error).encode("utf-8", "replace"), ABSENT
    except PermissionError as error:
        data, status = ("permission denied: %s" % error.filename).encode("utf-8", "replace"), DENIED
    except Exception as error:
        data, status = ("%s: %s" % (type(error).__name__, error)).encode("utf-8", "replace"), FAILED
    handle = 2 if status else 1
    while data:
        data = data[os.write(handle, data) :]
    return status


class Running(object):
    """A piece on its way."""

    def __init__(self, piece, what, place, deadline):
        self.piece, self.what = piece, what
        self.began = time.monotonic()
        self.deadline = min(deadline, self.began + piece.seconds)
        self.killed, self.state, self.status, self.left = None, "", None, []
        self.out, self.err = nameless(place), nameless(place)
        self.pid = os.fork()
        if self.pid == 0:
            try:
                child(what, self.out, self.err)
            except BaseException as error:  # exec failed; told where the piece's errors are read
                os.write(2, str(error).encode("utf-8", "replace")[:200])
            finally:
                os._exit(FAILED)

    def over(self):
        """Whether it has ended or was given up."""
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if pid:
            self.status = os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)
        now = time.monotonic()
        if self.killed is not None:
            if self.status is not None or now - self.killed > GRACE:
                self.left = members(self.pid)
                return self.status is None or not self.left or now - self.killed > GRACE
            return False
        if self.status is None and now >= self.deadline:
            self.kill(now)
        return self.status is not None

    def kill(self, now):
        states = [state for _, state in members(self.pid)]
        self.state = "D" if "D" in states else (states[0] if states else "?")
        self.killed = now
        for kill, target in ((os.killpg, self.pid), (os.kill, self.pid)):  # it may not lead a group of its own yet
            try:
                kill(target, signal.SIGKILL)
            except OSError:  # it has just ended
                pass

    def section(self):
        """What it came to, as plain data."""
        found = blank(self.piece, command(self.what))
        found["seconds"] = round(time.monotonic() - self.began, 3)
        found["text"], found["cut"] = kept(self.out, self.piece)
        found["error"] = line_text(os.pread(self.err, ERROR_CAP, 0), ERROR_CAP)
        os.close(self.out)
        os.close(self.err)
        if self.killed is not None:
            found["kind"], found["note"] = "stuck", self.plight()
        elif callable(self.what):
            found["kind"] = {0: "done", ABSENT: "absent", DENIED: "noperm"}.get(self.status, "failed")
        else:
            found["kind"], found["status"] = "done", self.status
        return found

    def plight(self):
        waited = "no answer within %g s, state=%s" % (round(self.killed - self.began, 1), self.state)
        if self.left:
            waited += ", cannot be killed (pid %s)" % ", ".join(str(pid) for pid, _ in self.left[:5])
        return waited


def kept(handle, piece):
    """(text, whether something is missing): the beginning or the end of a piece's output."""
    size = os.fstat(handle).st_size
    start = max(0, size - CAP) if piece.tail else 0
    text = line_text(os.pread(handle, CAP, start), CAP)
    cut = size > CAP
    if piece.lines:
        lines = text.split("\n")
        cut = cut or len(lines) > piece.lines + 1
        text = "\n".join(lines[-piece.lines - 1 :] if piece.tail else lines[: piece.lines])
    return text, cut


def command(what):
    return " ".join(what)[:COMMAND] if isinstance(what, (list, tuple)) else ""


def blank(piece, asked="", kind="", note=""):
    return {
        "step": piece.step,
        "name": piece.name,
        "command": asked,
        "kind": kind,
        "status": 0,
        "text": "",
        "error": "",
        "cut": False,
        "seconds": 0.0,
        "note": note,
    }


class Lane(object):
    """The pieces of one step, one after another."""

    def __init__(self, pieces, seconds, place, found, fragile):
        self.waiting, self.deadline = list(pieces), time.monotonic() + seconds
        self.place, self.found, self.fragile = place, found, fragile
        self.running, self.stuck = None, ""

    def busy(self):
        """One look; False when everything has been asked."""
        if self.running is not None:
            if not self.running.over():
                return True
            section = self.running.section()
            self.found.append(section)
            if section["kind"] == "stuck" and self.fragile:
                self.stuck = "not asked: %s is stuck" % section["name"]
            self.running = None
        if self.waiting:
            self.begin(self.waiting.pop(0))
        return self.running is not None or bool(self.waiting)

    def begin(self, piece):
        if self.stuck or time.monotonic() >= self.deadline:
            self.found.append(blank(piece, "", "skipped", self.stuck or "not asked: no time left for this step"))
            return
        what = piece.what
        if piece.plan:
            what = what({each["name"]: each for each in self.found})
        if isinstance(what, str):  # a reason not to ask
            self.found.append(blank(piece, "", "skipped", what))
        elif isinstance(what, Stuck):
            self.found.append(blank(piece, "", "stuck", what.reason))
            self.stuck = "not asked: " + what.reason
        elif not callable(what) and find(what[0]) is None:
            self.found.append(blank(piece, command(what), "absent", "no %s" % what[0]))
        else:
            self.start(piece, what)

    def start(self, piece, what):
        try:
            self.running = Running(piece, what, self.place, self.deadline)
        except OSError as error:  # no room for output, no process to be had: the others may still work
            self.found.append(blank(piece, command(what), "failed", "cannot be started: %s" % error.strerror))


def gather(pieces, seconds, fragile):
    """Sections of all `pieces`; `seconds`: {step: for the whole of it}; `fragile`: steps of which nothing more is asked after
    one piece is stuck."""
    place, found = folder(), []
    try:
        lanes = [
            Lane([each for each in pieces if each.step == step], seconds[step], place, found, step in fragile)
            for step in sorted(seconds)
        ]
        while lanes:
            lanes = [lane for lane in lanes if lane.busy()]
            time.sleep(NAP)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    order = {name: index for index, name in enumerate((each.step, each.name) for each in pieces)}
    return sorted(found, key=lambda each: order[(each["step"], each["name"])])


def names(path):
    """Sorted names in a directory; none where there is no such directory. Raises OSError."""
    try:
        return sorted(name_text(name) for name in os.listdir(path))
    except OSError as error:
        if error.errno in (2, 20):
            return []
        raise
