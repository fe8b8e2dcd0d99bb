"""What a placement did, written before each deed, so that one that was killed can be finished, and any one undone.

One record a line: KIND FIELD …, every field in per cent notation.
made PATH                          a directory that was not there
put PATH INODE SIZE MTIME          a file, link or device that went to a free place
tree PATH TIME FILES BYTES         a whole directory that went to a free place at that time
swap PATH SAVED INODE SIZE MTIME   it took the place of one that is now SAVED
aside PATH SAVED                   something was renamed to make room for a directory
meta PATH MODE UID GID MTIME       a directory that was there, as it was before anything in it was changed
want PATH MTIME                    the time that a directory shall have in the end; nothing is done yet
"""

import os
import stat
import time

from kit_place_ground import below, look, open_real, remove

PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._/-+@,:=~")
MOST_TOLD = 50


def field(value):
    data = os.fsencode(value) if isinstance(value, str) else b"%d" % value
    return b"".join(bytes([letter]) if letter in PLAIN else b"%%%02X" % letter for letter in bytearray(data))


def unfield(data):
    first, *rest = data.split(b"%")
    return os.fsdecode(first + b"".join(bytes([int(each[:2], 16)]) + each[2:] for each in rest))


class Journal(object):
    """The file of records of one run."""

    def __init__(self, path):
        self.path = path
        self.handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        with open(path, "rb") as file:
            found = file.read()
        if not found.endswith(b"\n"):  # torn by a crash: the next record must not grow out of the half one
            os.ftruncate(self.handle, found.rfind(b"\n") + 1)

    def write(self, kind, *fields):
        line = b" ".join([kind.encode("ascii")] + [field(each) for each in fields]) + b"\n"
        if os.write(self.handle, line) != len(line):
            raise OSError(28, "the journal cannot be written")

    def keep(self):
        os.fsync(self.handle)

    def close(self):
        os.close(self.handle)


def records(path):
    """Every whole record: [[kind, field …]], the oldest first. A line that was torn by a kill is none."""
    try:
        with open(path, "rb") as file:
            whole = file.read().rpartition(b"\n")[0]
    except FileNotFoundError:
        return []
    return [[unfield(each) for each in line.split(b" ")] for line in whole.split(b"\n") if line]


def done_before(path):
    """(files, bytes, {directory: time that it shall have}) of an earlier, killed try."""
    found = records(path)
    if found and not acted(found[-1]):
        found.pop()
    deeds = {}  # by path: a try that was killed before a deed left a record of it, and the next one another
    for record in found:
        if record[0] == "tree":
            deeds[record[1]] = int(record[3]), int(record[4])
        elif record[0] in ("put", "swap"):
            deeds[record[1]] = 1, int(record[-2])
    files, size = sum(each[0] for each in deeds.values()), sum(each[1] for each in deeds.values())
    return files, size, {each[1]: int(each[2]) for each in reversed(found) if each[0] == "want"}


def acted(record):
    """Whether the deed of the last record was done before the kill."""
    if record[0] in ("put", "swap"):
        return is_ours(os.lstat(record[1]), record[-3:]) if os.path.lexists(record[1]) else False
    return os.path.lexists(record[1])


def is_ours(info, fields):
    return [info.st_ino, info.st_size, info.st_mtime_ns] == [int(each) for each in fields]


class Undo(object):
    """Takes back what a journal tells, the last deed first. What was changed since stays, under a name that says so."""

    def __init__(self, stamp):
        self.stamp = stamp
        self.counts = {"removed": 0, "restored": 0, "stayed": 0, "failed": 0}
        self.told = []
        self.where, self.handle = None, None

    def run(self, path):
        for record in reversed(records(path)):
            try:
                self.one(record)
            except (OSError, ValueError, IndexError) as error:
                self.counts["failed"] += 1
                self.tell(record[1] if len(record) > 1 else "", str(error))
        self.leave()

    def one(self, record):
        kind, path = record[0], record[1]
        folder, _, name = path.rpartition("/")
        try:
            self.enter(folder or "/")
        except (FileNotFoundError, NotADirectoryError):
            return  # somebody removed the whole directory; there is nothing to take back
        getattr(self, "un_" + kind)(path, name, record[2:])

    def enter(self, folder):
        if self.where != folder:
            self.leave()
            self.handle, self.where = open_real(folder), folder

    def leave(self):
        if self.handle is not None:
            os.close(self.handle)
        self.where = self.handle = None

    def tell(self, path, text):
        if len(self.told) < MOST_TOLD:
            self.told.append((path, text))

    def un_made(self, path, name, fields):
        try:
            os.rmdir(name, dir_fd=self.handle)
        except OSError:
            pass  # somebody uses it: that is no failure
        self.leave()

    def un_want(self, path, name, fields):
        pass

    def un_put(self, path, name, fields):
        info = look(name, self.handle)
        if info is None:
            return
        if not is_ours(info, fields):
            self.counts["stayed"] += 1
            self.tell(path, "was changed since; it stays")
            return
        os.unlink(name, dir_fd=self.handle)
        self.counts["removed"] += 1

    def un_tree(self, path, name, fields):
        if look(name, self.handle) is None:
            return
        gone, stayed = remove(name, self.handle, int(fields[0]))
        self.counts["removed"] += gone
        if stayed:
            self.counts["stayed"] += stayed
            self.tell(path, "%d files in it were changed since; they stay" % stayed)

    def un_swap(self, path, name, fields):
        saved = fields[0].rpartition("/")[2]
        there, kept = look(name, self.handle), look(saved, self.handle)
        if kept is None:
            return
        if there is not None and os.path.samestat(there, kept):  # killed before it was replaced
            os.unlink(saved, dir_fd=self.handle)
            return
        if there is not None and not is_ours(there, fields[1:]):
            self.set_aside(path, name)
        os.rename(saved, name, src_dir_fd=self.handle, dst_dir_fd=self.handle)
        self.counts["restored"] += 1

    def un_aside(self, path, name, fields):
        saved = fields[0].rpartition("/")[2]
        if look(saved, self.handle) is None:
            return
        if look(name, self.handle) is not None:
            self.set_aside(path, name)
        os.rename(saved, name, src_dir_fd=self.handle, dst_dir_fd=self.handle)
        self.counts["restored"] += 1

    def un_meta(self, path, name, fields):
        mode, uid, gid, mtime = [int(each) for each in fields]
        handle = below(self.handle, name) if name else os.dup(self.handle)
        try:
            os.fchown(handle, uid, gid)
            os.fchmod(handle, mode)
            os.utime(handle, ns=(mtime, mtime))
        finally:
            os.close(handle)

    def set_aside(self, path, name):
        """What came after us is nobody's to delete."""
        other = spare(name + ".swarm-undone-" + self.stamp, self.handle)
        os.rename(name, other, src_dir_fd=self.handle, dst_dir_fd=self.handle)
        self.counts["stayed"] += 1
        self.tell(path, "was changed since; it is kept as %s" % other)


def spare(name, handle):
    """`name`, or the first of NAME-2, NAME-3 … that is free in a directory."""
    if look(name, handle) is None:
        return name
    for count in range(2, 10000):
        other = "%s-%d" % (name, count)
        if look(other, handle) is None:
            return other
    raise OSError(17, "no free name for %s" % name)


def now():
    """Nanoseconds; file systems stamp with a clock that may lag behind it, and never leads."""
    return int(time.time() * 1e9)


def meta_of(info):
    return stat.S_IMODE(info.st_mode), info.st_uid, info.st_gid, info.st_mtime_ns
