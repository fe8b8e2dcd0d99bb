"""Borg's lock on a repository: who is written down as its holder, what process that is, and taking it as Borg does.

`lock.exclusive/` holds one file "HOST@MAC.PID-THREAD"; `lock.roster` is JSON with lists "shared" and "exclusive" of
[host, pid, thread]. Whoever changes the roster holds `lock.exclusive` meanwhile.
"""

import os
import tempfile

from kit_segments import Refused

MOST = 50
LOOKS_LIKE_PYTHON = (b"python", b"platform-python")


def proc():
    return os.environ.get("PROCROOT", "/proc")


def host_id():
    """What Borg on this machine, as this user, writes as its host."""
    import socket
    import uuid

    given = os.environ.get("BORG_HOST_ID")
    if given:
        return given
    name = socket.gethostname()
    try:
        for each in socket.getaddrinfo(name, None, 0, socket.SOCK_DGRAM, 0, socket.AI_CANONNAME):
            if each[3]:
                name = each[3]
                break
    except (IOError, OSError):
        pass
    return "%s@%s" % (name, uuid.getnode())


def split(name):
    """(host, pid) of a lock's name; None for what is none."""
    head, dash, thread = name.rpartition("-")
    host, dot, pid = head.rpartition(".")
    if not dash or not dot or not pid.isdigit() or len(pid) > 10:
        return None
    try:
        int(thread, 16)
    except ValueError:
        return None
    return host, int(pid)


def exclusive(path):
    """[{"name", "host", "pid", "time"}] of the files in `lock.exclusive`."""
    place = os.path.join(path, "lock.exclusive")
    found = []
    try:
        names = sorted(os.listdir(place))[:MOST]
    except (IOError, OSError):
        return []
    for name in names:
        known = split(name)
        try:
            since = os.lstat(os.path.join(place, name)).st_mtime
        except (IOError, OSError):
            continue
        text = name.encode("utf-8", "replace").decode("utf-8")
        found.append({"name": text, "host": known and known[0], "pid": known and known[1], "time": since})
    return found


def roster(path):
    """({"shared": [[host, pid, thread]], "exclusive": …}, time of its last change); empty when there is none."""
    import json

    try:
        with open(os.path.join(path, "lock.roster"), "rb") as file:
            read = json.loads(file.read(1 << 20).decode("utf-8"))
            since = os.fstat(file.fileno()).st_mtime
    except (IOError, OSError, ValueError, RecursionError):
        return {}, None
    if not isinstance(read, dict):
        return {}, None
    lists = {kind: read.get(kind) for kind in ("shared", "exclusive")}
    known = {kind: each if isinstance(each, list) else [] for kind, each in lists.items()}
    return {kind: [each for each in entries if is_entry(each)][:MOST] for kind, entries in known.items()}, since


def is_entry(each):
    return isinstance(each, list) and len(each) == 3 and isinstance(each[0], str) and all(map(is_number, each[1:]))


def is_number(each):
    return type(each) is int and 0 <= each < 1 << 63


def process(pid):
    """What has this number here: {"there": False}, or its command, its start (epoch seconds) and whether it can be a Borg."""
    place = "%s/%d" % (proc(), pid)
    try:
        with open(place + "/stat", "rb") as file:
            fields = file.read(1024).rpartition(b")")[2].split()
        with open(place + "/cmdline", "rb") as file:
            words = file.read(4096).split(b"\0")
        with open(proc() + "/stat", "rb") as file:
            booted = next(int(line.split()[1]) for line in file if line.startswith(b"btime "))
    except (IOError, OSError, StopIteration, ValueError):
        return without_proc(pid)
    if not fields or fields[0] in (b"Z", b"X"):
        return {"there": False}
    program = os.path.basename(words[0])
    borg = any(b"borg" in os.path.basename(word) for word in words[:4]) or program.startswith(LOOKS_LIKE_PYTHON)
    text = b" ".join(words[:6]).decode("utf-8", "replace")[:200].strip()
    started = booted + int(fields[19]) / float(os.sysconf("SC_CLK_TCK"))
    return {"there": True, "command": text, "started": started, "borg": borg}


def without_proc(pid):
    """Where there is no /proc, or the process went away while it was read: only whether the number is taken."""
    if pid <= 0:
        return {"there": False}
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return {"there": False}
    except (OSError, OverflowError):
        pass
    return {"there": True, "command": "", "started": None, "borg": None}


class Held(object):
    """The exclusive lock, taken at once or not at all; stale locks are left to whoever can prove them dead.

    readers: whether others may be reading meanwhile (for the roster itself).
    """

    def __init__(self, path, readers=False):
        self.path, self.place, self.readers = path, os.path.join(path, "lock.exclusive"), readers
        self.name = "%s.%d-0" % (host_id(), os.getpid())

    def __enter__(self):
        made = tempfile.mkdtemp(".tmp", "lock.exclusive.", self.path)
        own = os.path.join(made, self.name)
        open(own, "wb").close()
        try:
            os.rename(made, self.place)
        except (IOError, OSError):
            os.unlink(own)
            os.rmdir(made)
            raise Refused("busy", "the repository is locked by %s" % self.others())
        reader = None if self.readers else self.reader()
        if reader:
            self.__exit__(None, None, None)
            raise Refused("busy", "the repository is being read by %s, process %d" % (reader[0][:100], reader[1]))
        return self

    def __exit__(self, kind, error, trace):
        os.unlink(os.path.join(self.place, self.name))
        try:
            os.rmdir(self.place)
        except (IOError, OSError):
            pass  # somebody was faster: it is theirs now

    def others(self):
        return ", ".join(each["name"][:100] for each in exclusive(self.path)[:3]) or "somebody"

    def reader(self):
        """The first reader that may live; one of this machine without a process does not."""
        for entry in roster(self.path)[0].get("shared", []):
            if entry[0] != host_id() or process(entry[1])["there"]:
                return entry
        return None


def break_lock(path, names, entries):
    """Remove exactly these holders: names in `lock.exclusive`, entries of the roster. Refused when others are there now."""
    import json

    if [each["name"] for each in exclusive(path)] != sorted(names):
        raise Refused("changed", "the lock is held by somebody else now")
    place = os.path.join(path, "lock.exclusive")
    for name in names:
        os.unlink(os.path.join(place, name))
    if names:
        os.rmdir(place)
    if not entries:
        return
    with Held(path, readers=True):
        kept = {
            kind: [each for each in each_kind if each not in entries] for kind, each_kind in roster(path)[0].items()
        }
        file = os.path.join(path, "lock.roster")
        if any(kept.values()):
            with open(file + ".tmp", "w") as handle:
                json.dump({kind: each for kind, each in kept.items() if each}, handle)
            os.rename(file + ".tmp", file)
        else:
            os.unlink(file)
