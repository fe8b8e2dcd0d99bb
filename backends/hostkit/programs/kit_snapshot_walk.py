"""Walks the paths that count as configuration: sorted, never through a link, never into another file system.

Everything goes through directory handles, so that nobody can put a link in the way between a look and an open. A link to
a directory is followed only on the way to a starting path, and only out of directories that root alone can change.
"""

import os
import re
import stat
from fnmatch import fnmatchcase, translate

DEEPEST = 32
MOST_ENTRIES = 200000
REMOTE = re.compile(
    r"(?:nfs\d?|cifs|smb3?|smbfs|lustre|gpfs|beegfs|ceph|glusterfs|afs|9p|autofs|fuse\..*|fuse|davfs|panfs|wekafs|pvfs2)$"
)
PSEUDO = ("/proc", "/sys", "/dev")
UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\\\\\u00ad\u061c\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2060\u2066-\u2069\ufeff\ud800-\udfff]"
)
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


def text_of(name):
    """A name as text, the same under every locale: what is no UTF-8 becomes surrogates."""
    return os.fsencode(name).decode("utf-8", "surrogateescape")


def raw_of(text):
    return text.encode("utf-8", "surrogateescape")


def escape(match):
    letter = match.group()
    code = ord(letter)
    if letter == "\\":
        return "\\\\"
    if 0xDC80 <= code <= 0xDCFF:
        return "\\x%02x" % (code - 0xDC00)
    return ("\\x%02x" if code < 0x80 else "\\u%04x" if code < 0x10000 else "\\U%08x") % code


def escaped(text):
    """A name as the console writes it (backends.backups.names): safe, and still exactly that name."""
    return UNSAFE.sub(escape, text)


def any_of(patterns):
    """A function: does a path match one of the patterns? "*" stands for anything, slashes as well."""
    return re.compile("|".join(translate(each) for each in patterns) or r"(?!)").match


def mount_points(text):
    """{mount point: type of the file system} of /proc/self/mountinfo; of several on one place, the uppermost."""
    found = {}
    for line in text.split("\n"):
        head, _, tail = line.partition(" - ")
        words = head.split(" ")
        if len(words) > 4 and tail:
            place = re.sub(r"\\([0-7]{3})", lambda match: chr(int(match.group(1), 8)), words[4])
            found[place] = tail.split(" ")[0]
    return found


def mounts():
    try:
        with open("/proc/self/mountinfo", "rb") as file:
            return mount_points(file.read(4 << 20).decode("utf-8", "surrogateescape"))
    except OSError:
        return {}


def names_of(handle):
    return sorted(os.listdir(handle), key=os.fsencode)


def enter(handle, name):
    """A handle for a directory below `handle`; a link is followed only where root alone could have put it."""
    try:
        return os.open(name, FOLDER | os.O_NOFOLLOW, dir_fd=handle)
    except OSError:
        if not stat.S_ISLNK(os.stat(name, dir_fd=handle, follow_symlinks=False).st_mode):
            raise
    folder = os.fstat(handle)
    if folder.st_uid not in (0, os.geteuid()) or folder.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise OSError(40, "a link that others can change")
    return os.open(name, FOLDER, dir_fd=handle)


class Walk(object):
    """Calls `visit(handle of the directory, name, path, stat)` for everything that the patterns find, once.

    `notes` is called with (path, why) for what was left out. Not `deep`: only what the patterns name, not what is in it.
    """

    def __init__(self, visit, notes, exclude=(), top="/", deep=True):
        self.visit, self.notes, self.top, self.deep = visit, notes, top, deep
        self.excluded = any_of(exclude)
        self.mounts = mounts()
        self.seen = set()

    def run(self, patterns):
        handle = os.open(self.top, FOLDER)
        try:
            for pattern in sorted(patterns):
                if any(pattern == place or pattern.startswith(place + "/") for place in PSEUDO):
                    self.notes(pattern, "no file there is stored")
                    continue
                self.find(handle, "", [part for part in pattern.split("/") if part])
        finally:
            os.close(handle)

    def find(self, handle, path, parts):
        """Goes down to what the rest of a pattern means."""
        if not parts:
            return
        for name in self.candidates(handle, parts[0]):
            place = path + "/" + text_of(name)
            if REMOTE.match(self.mounts.get(place, "")):
                self.notes(place, "another machine's file system")
            elif len(parts) == 1:
                self.guarded(place, self.begin, handle, name, place)
            else:
                self.guarded(place, self.deeper, handle, name, place, parts[1:])

    def candidates(self, handle, part):
        if not re.search(r"[*?\[]", part):
            return [part]
        try:
            found = names_of(handle)
        except OSError:
            return []
        return [name for name in found if fnmatchcase(name, part) and (name[0] != "." or part[0] == ".")]

    def guarded(self, path, function, *arguments):
        """What is not there is no news; what cannot be read is told."""
        try:
            function(*arguments)
        except OSError as error:
            if error.errno not in (2, 20):
                self.notes(path, error.strerror or str(error))

    def deeper(self, handle, name, path, parts):
        below = enter(handle, name)
        try:
            self.find(below, path, parts)
        finally:
            os.close(below)

    def begin(self, handle, name, path):
        self.one(handle, name, path, None, 0)

    def one(self, handle, name, path, device, depth):
        if path in self.seen or self.excluded(path):
            return
        if len(self.seen) >= MOST_ENTRIES:
            self.notes(path, "more than %d files" % MOST_ENTRIES)
            return
        self.seen.add(path)
        if device is not None and REMOTE.match(self.mounts.get(path, "")):
            self.notes(path, "another machine's file system")
            return
        found = os.stat(name, dir_fd=handle, follow_symlinks=False)
        folder = stat.S_ISDIR(found.st_mode)
        if folder and device not in (None, found.st_dev):
            self.notes(path, "another file system")
            return
        self.visit(handle, name, path, found)
        if folder and self.deep:
            self.folder(handle, name, path, found.st_dev, depth + 1)

    def folder(self, handle, name, path, device, depth):
        if depth > DEEPEST:
            self.notes(path, "deeper than %d directories" % DEEPEST)
            return
        below = os.open(name, FOLDER | os.O_NOFOLLOW, dir_fd=handle)
        try:
            for each in names_of(below):
                place = path + "/" + text_of(each)
                self.guarded(place, self.one, below, each, place, device, depth)
        finally:
            os.close(below)
