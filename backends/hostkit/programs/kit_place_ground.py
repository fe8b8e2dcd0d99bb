"""Directories by handle: no name is looked up through a link that somebody put in the way. Python 3.6, no json, no shutil."""

import errno
import os
import stat

DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
PIECE = 1 << 20
LABELS = ("security.selinux", "system.posix_acl_access", "user.")  # what a file keeps when only its bytes are replaced


class Refused(Exception):
    """args: kind, text."""


def native(text):
    """A path as this Python calls it, from the text that the console sent; whatever the locale here."""
    return os.fsdecode(text.encode("utf-8", "surrogateescape"))


def told(path):
    """A path's very bytes as text that JSON can hold: one letter a byte."""
    return os.fsencode(path).decode("latin-1")


def parts(path):
    """The names of a path. Raises Refused for "..": nobody who means well sends it."""
    found = [name for name in path.split("/") if name not in ("", ".")]
    if ".." in found:
        raise Refused("failed", 'a path with ".." in it')
    return found


def joined(where, name):
    return where.rstrip("/") + "/" + name


def look(name, handle):
    """lstat of a name in a directory; None when it is not there."""
    try:
        return os.stat(name, dir_fd=handle, follow_symlinks=False)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            return None
        raise


def below(handle, name):
    """The directory `name` in the directory `handle`, which stays open. A link is an error."""
    return os.open(name, DIRECTORY, dir_fd=handle)


def descend(handle, names):
    """The directory that many names below `handle`, which is closed."""
    for name in names:
        try:
            next_one = below(handle, name)
        finally:
            os.close(handle)
        handle = next_one
    return handle


def open_real(path):
    """The directory at an absolute path without any link in it."""
    return descend(os.open("/", DIRECTORY), parts(path))


def tally(name, handle):
    """(files, bytes) of a name in a directory, everything below counted; directories are no files."""
    info = look(name, handle)
    if info is None:
        return 0, 0
    if not stat.S_ISDIR(info.st_mode):
        return 1, info.st_size if stat.S_ISREG(info.st_mode) else 0
    files = size = 0
    inside = below(handle, name)
    try:
        for each in os.listdir(inside):
            more, bytes_more = tally(each, inside)
            files, size = files + more, size + bytes_more
    finally:
        os.close(inside)
    return files, size


def remove(name, handle, until=None):
    """Delete a name of a directory and everything below. Returns (files deleted, files that stayed).

    `until`: what was changed after that time (epoch nanoseconds) stays, and the directories that lead to it.
    """
    info = look(name, handle)
    if info is None:
        return 0, 0
    if not stat.S_ISDIR(info.st_mode):
        if until is not None and info.st_ctime_ns > until:
            return 0, 1
        os.unlink(name, dir_fd=handle)
        return 1, 0
    gone = stayed = 0
    inside = below(handle, name)
    try:
        for each in os.listdir(inside):
            found = remove(each, inside, until)
            gone, stayed = gone + found[0], stayed + found[1]
    finally:
        os.close(inside)
    if stayed == 0:
        os.rmdir(name, dir_fd=handle)
    return gone, stayed


def labels(handle):
    """{name: value} of an open file's extended attributes; {} where there are none to be had."""
    try:
        return {name: os.getxattr(handle, name) for name in os.listxattr(handle)}
    except OSError:
        return {}


def put_labels(handle, wanted):
    """Set extended attributes, as far as this filesystem and this user may. Returns the names that could not be set."""
    missed = []
    for name in sorted(wanted):
        try:
            os.setxattr(handle, name, wanted[name])
        except OSError:
            missed.append(name)
    return missed


def lend_labels(name, source, target):
    """Give the new file what belongs to the place of the one it replaces and what no tar stream carries."""
    try:
        old = os.open(name, FILE, dir_fd=target)
    except OSError:
        return
    try:
        new = os.open(name, FILE, dir_fd=source)
        try:
            has = labels(new)
            place = labels(old)
            put_labels(new, {key: place[key] for key in place if key.startswith(LABELS) and key not in has})
        finally:
            os.close(new)
    finally:
        os.close(old)


def own(handle, info):
    """Owner and mode of an open file, in the order that keeps set-id bits."""
    try:
        os.fchown(handle, info.st_uid, info.st_gid)
    except OSError:
        if os.geteuid() == 0:
            raise
    os.fchmod(handle, stat.S_IMODE(info.st_mode))


def copy_data(old, new, size):
    """The bytes of an open file into another one, its holes kept."""
    place = 0
    while place < size:
        try:
            place = os.lseek(old, place, os.SEEK_DATA)
            end = os.lseek(old, place, os.SEEK_HOLE)
        except OSError as error:
            if error.errno == errno.ENXIO:  # nothing but a hole is left
                break
            if error.errno != errno.EINVAL:
                raise
            end = size  # a filesystem that knows no holes
        os.lseek(old, place, os.SEEK_SET)
        os.lseek(new, place, os.SEEK_SET)
        while place < end:
            piece = os.read(old, min(PIECE, end - place))
            if not piece:
                break
            place += len(piece)
            while piece:
                piece = piece[os.write(new, piece) :]
        else:
            continue
        break
    os.ftruncate(new, size)


def copy(name, source, temporary, target, info):
    """Copy one file, link or device as `temporary` into another filesystem, with all that belongs to it."""
    if stat.S_ISREG(info.st_mode):
        old = os.open(name, FILE, dir_fd=source)
        try:
            new = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=target)
            try:
                copy_data(old, new, info.st_size)
                own(new, info)
                put_labels(new, labels(old))
                os.utime(new, ns=(info.st_atime_ns, info.st_mtime_ns))
                os.fsync(new)
            finally:
                os.close(new)
        finally:
            os.close(old)
        return
    if stat.S_ISLNK(info.st_mode):
        os.symlink(os.readlink(name, dir_fd=source), temporary, dir_fd=target)
    else:
        os.mknod(temporary, info.st_mode, info.st_rdev, dir_fd=target)
        os.chmod(temporary, stat.S_IMODE(info.st_mode), dir_fd=target)
    if os.geteuid() == 0:
        os.chown(temporary, info.st_uid, info.st_gid, dir_fd=target, follow_symlinks=False)
    os.utime(temporary, ns=(info.st_atime_ns, info.st_mtime_ns), dir_fd=target, follow_symlinks=False)
