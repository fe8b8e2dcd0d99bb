"""What paths of a host are: kind, mode, owner, size, time, and, when asked for, the hash of their bytes.

ARGUMENTS: {"hashes": bool, "bytes": most to read in all, "seconds": for reading, "space": directory or ""}; the absolute
paths, each ended by NUL, from stdin. Python 3.6, standard library only. Answers after the magic a line {"ok": true}, a line
a path that exists [index, kind, mode, uid, gid, size, mtime in ns, device, hash or "", note], and a last line {"end": …}.
Changes nothing, not even the time of last access where that can be helped.
"""

import os
import stat
import sys
import time

from kit_text import encode

MAGIC = b"\nswarm-kit 1 answer\n"
PIECE = 1 << 20
MOST_INPUT = 64 << 20
MOST_PATHS = 100000
BATCH = 1 << 16
KINDS = ((stat.S_ISREG, "-"), (stat.S_ISDIR, "d"), (stat.S_ISLNK, "l"), (stat.S_ISFIFO, "p"), (stat.S_ISCHR, "c"))


class TooMuch(Exception):
    """args: sentence."""


def sha256():
    try:
        from hashlib import sha256
    except ImportError:  # python3-minimal
        from _sha256 import sha256
    return sha256()


class Reader(object):
    """Hashes files until its bytes or its seconds are used up."""

    def __init__(self, arguments):
        self.wanted = arguments["hashes"]
        self.left = int(arguments["bytes"])
        self.deadline = time.monotonic() + float(arguments["seconds"])

    def hash(self, path, info):
        """(hash, note): exactly one of them is set, for a regular file."""
        if not self.wanted or not stat.S_ISREG(info.st_mode):
            return "", ""
        if info.st_size > self.left:
            return "", "too large"
        if time.monotonic() > self.deadline:
            return "", "no time left"
        handle = opened(path)
        try:
            return self.read(handle, info)
        finally:
            os.close(handle)

    def read(self, handle, info):
        if not os.path.samestat(os.fstat(handle), info):
            return "", "changed while it was read"
        digest, size = sha256(), 0
        while True:
            piece = os.read(handle, PIECE)
            if not piece:
                break
            digest.update(piece)
            size += len(piece)
            if size > info.st_size or time.monotonic() > self.deadline:
                return "", "changed while it was read" if size > info.st_size else "no time left"
        self.left -= size
        after = os.fstat(handle)
        if (after.st_size, after.st_mtime_ns) != (info.st_size, info.st_mtime_ns) or size != info.st_size:
            return "", "changed while it was read"
        return digest.hexdigest(), ""


def opened(path):
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        return os.open(path, flags | os.O_NOATIME)
    except PermissionError:  # only its owner and root may
        return os.open(path, flags)


def row(index, path, reader):
    """What is at a path, or None when nothing is."""
    try:
        info = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        return [index, "?", 0, 0, 0, 0, 0, 0, "", error.strerror]
    kind = next((letter for test, letter in KINDS if test(info.st_mode)), "s" if stat.S_ISSOCK(info.st_mode) else "b")
    try:
        digest, note = reader.hash(path, info)
        if kind == "l":
            note = os.readlink(path).decode("latin-1")
    except OSError as error:
        digest, note = "", error.strerror
    mode = stat.S_IMODE(info.st_mode)
    return [
        index,
        kind,
        mode,
        info.st_uid,
        info.st_gid,
        info.st_size,
        info.st_mtime_ns,
        info.st_dev,
        digest,
        note,
    ]


def given():
    data = bytearray()
    while True:
        piece = os.read(0, PIECE)
        if not piece:
            break
        data += piece
        if len(data) > MOST_INPUT:
            raise TooMuch("more than %d bytes of paths" % MOST_INPUT)
    paths = bytes(data).split(b"\0")
    if paths.pop():
        raise TooMuch("the link was lost before every path was here")
    if len(paths) > MOST_PATHS:
        raise TooMuch("more than %d paths at once" % MOST_PATHS)
    return paths


def names(found, module, ask):
    """{number: name} as far as this host knows them."""
    known = {}
    for number in found:
        try:
            known[str(number)] = getattr(__import__(module), ask)(number)[0]
        except (KeyError, ImportError, OverflowError):
            pass
    return known


def space(directory):
    """The nearest directory that exists: where it really is, its free bytes, its device. None when none was asked for."""
    if not directory:
        return None
    there = os.fsdecode(directory.encode("utf-8", "surrogateescape"))
    while not os.path.isdir(there) and there not in ("/", ""):
        there = os.path.dirname(there)
    there = os.path.realpath(there or "/")
    left = os.statvfs(there)
    return {
        "directory": os.fsencode(there).decode("latin-1"),
        "free": left.f_bavail * left.f_frsize,
        "free_files": left.f_favail if left.f_files else None,
        "device": os.stat(there).st_dev,
        "read_only": bool(left.f_flag & os.ST_RDONLY),
    }


def write(data):
    while data:
        data = data[os.write(1, data) :]


def tell(paths, arguments):
    reader, users, groups = Reader(arguments), set(), set()
    lines = [MAGIC + encode({"ok": True})]
    size = 0
    for index, path in enumerate(paths):
        found = row(index, path, reader)
        if found is None:
            continue
        users.add(found[3])
        groups.add(found[4])
        lines.append(encode(found))
        size += len(lines[-1])
        if size > BATCH:
            write(b"\n".join(lines) + b"\n")
            lines, size = [], 0
    end = {
        "paths": len(paths),
        "users": names(users, "pwd", "getpwuid"),
        "groups": names(groups, "grp", "getgrgid"),
        "space": space(arguments["space"]),
        "machine": os.uname().machine,
        "root": os.geteuid() == 0,
    }
    lines.append(encode({"end": end}))
    write(b"\n".join(lines) + b"\n")


def main(arguments):
    try:
        tell(given(), arguments)
    except TooMuch as error:
        write(MAGIC + encode({"ok": False, "kind": "failed", "text": str(error)}) + b"\n")
        sys.exit(1)


if __name__ == "__main__":
    main(ARGUMENTS)  # noqa: F821 (set by the bundle)
