"""Sends files of a host as a tar stream on stdout, for hosts without Borg. Python 3.6, standard library only.

ARGUMENTS: {"paths": absolute ones, "exclude": Borg patterns, "one_file_system"}. After the greeting comes the stream (pax, no sparse
files, no extended attributes). The exit status is 0 only when it is whole: what could not be read is left out, or filled up
when it shrank meanwhile, and told on stderr like Borg does, one JSON object a line.
"""

import errno
import os
import re
import stat
import sys

from kit_text import encode

BLOCK = 512
PIECE = 256 << 10
CACHE_TAG = b"Signature: 8a477f597d28d172789f06886806bc55"
MARKER = ".nobackup"


class Gone(Exception):
    """Nobody reads any more."""


class Out(object):
    """Collects small pieces, so that many small files do not make many small writes."""

    def __init__(self):
        self.rest = bytearray()

    def write(self, data):
        self.rest += data
        if len(self.rest) >= PIECE:
            self.flush()

    def flush(self):
        rest, self.rest = memoryview(bytes(self.rest)), bytearray()
        while rest:
            try:
                rest = rest[os.write(1, rest) :]
            except OSError as error:
                if error.errno in (errno.EPIPE, errno.ECONNRESET):
                    raise Gone()
                raise


def tell(**what):
    try:
        os.write(2, encode(what) + b"\n")
    except OSError:
        raise Gone()


def warn(path, status, why):
    tell(type="file_status", status=status, path=path)
    tell(type="log_message", levelname="WARNING", name="tar", message="%s: %s" % (path, why), msgid="")


# patterns, as Borg understands them


def glob(body, cross):
    """A regular expression for a shell pattern; `cross`: a star goes over slashes."""
    out, place = [], 0
    while place < len(body):
        char = body[place]
        place += 1
        if char == "*" and not cross and body[place : place + 2] == "*/":
            out.append("(?:[^/]*/)*")
            place += 2
        elif char == "*":
            out.append(".*" if cross else "[^/]*")
        elif char == "?":
            out.append("." if cross else "[^/]")
        elif char == "[" and body.find("]", place + 1) > 0:
            end = body.find("]", place + 1)
            inner = body[place:end].replace("\\", "\\\\")
            out.append("[^%s]" % inner[1:] if inner[0] == "!" else "[%s]" % inner)
            place = end + 1
        else:
            out.append(re.escape(char))
    return "".join(out)


def pattern(text):
    """A function that says whether a path (without its first slash) is excluded."""
    style, colon, body = text.partition(":")
    if not colon or style not in ("fm", "sh", "pp", "pf", "re"):
        style, body = "fm", text
    if style == "re":
        return re.compile(body).search
    inside = body.endswith("/")
    body = os.path.normpath(body).lstrip("/")
    if style == "pf":
        return lambda path: path == body
    if style == "pp":
        return lambda path: path == body or path.startswith(body + "/")
    tail = "/.+" if inside else "(?:/.*)?"
    return re.compile("(?:%s)%s\\Z" % (glob(body, style == "fm"), tail), re.DOTALL).match


# the stream


class Stream(object):
    def __init__(self, arguments):
        import tarfile  # not part of python3-minimal

        self.tar = tarfile
        self.out = Out()
        self.excluded = [pattern(text) for text in arguments["exclude"]]
        self.one_file_system = arguments["one_file_system"]
        self.links = {}
        self.names = {}
        self.files = self.size = self.problems = 0

    def problem(self, path, status, why):
        self.problems += 1
        warn(path, status, why)

    def send(self, path):
        """One path and what is below it."""
        try:
            device = os.lstat(path).st_dev
        except OSError as error:
            return self.problem(path, "E", error.strerror)
        stack = [path]
        while stack:
            here = stack.pop()
            if any(excluded(here.lstrip("/")) for excluded in self.excluded):
                continue
            try:
                found = os.lstat(here)
                children = self.children(here, found, device)
                if children is not None:
                    self.entry(here, found)
                    stack.extend(children)
            except OSError as error:
                self.problem(here, "E", error.strerror)

    def children(self, path, found, device):
        """What is in a directory, the last first; () for all else; None when it is not wanted at all."""
        if not stat.S_ISDIR(found.st_mode):
            return ()
        if self.one_file_system and found.st_dev != device:
            return ()
        names = sorted(os.listdir(path), reverse=True)
        if MARKER in names or ("CACHEDIR.TAG" in names and self.is_cache(path)):
            return None
        return [os.path.join(path, name) for name in names]

    def is_cache(self, path):
        try:
            with open(os.path.join(path, "CACHEDIR.TAG"), "rb") as file:
                return file.read(len(CACHE_TAG)) == CACHE_TAG
        except OSError:
            return False

    def entry(self, path, found):
        mode, tar = found.st_mode, self.tar
        if stat.S_ISREG(mode):
            return self.regular(path, found)
        info = self.info(path, found)
        if stat.S_ISDIR(mode):
            info.type = tar.DIRTYPE
        elif stat.S_ISLNK(mode):
            info.type, info.linkname = tar.SYMTYPE, os.readlink(path)
        elif stat.S_ISFIFO(mode):
            info.type = tar.FIFOTYPE
        elif stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
            info.type = tar.CHRTYPE if stat.S_ISCHR(mode) else tar.BLKTYPE
            info.devmajor, info.devminor = os.major(found.st_rdev), os.minor(found.st_rdev)
        else:
            return  # a socket
        self.head(info)

    def regular(self, path, found):
        first = self.links.get((found.st_dev, found.st_ino)) if found.st_nlink > 1 else None
        if first is not None:
            info = self.info(path, found)
            info.type, info.linkname = self.tar.LNKTYPE, first
            return self.head(info)
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            found = os.fstat(handle)
            if not stat.S_ISREG(found.st_mode):
                raise OSError(errno.EAGAIN, "it was replaced while it was looked at")
            info = self.info(path, found)
            info.size = found.st_size
            self.head(info)
            self.content(handle, found, path)
        finally:
            os.close(handle)
        if found.st_nlink > 1:
            self.links[(found.st_dev, found.st_ino)] = info.name
        self.files += 1
        self.size += found.st_size

    def content(self, handle, found, path):
        """Exactly as many bytes as were announced, whatever becomes of the file meanwhile."""
        left, why = found.st_size, ""
        while left:
            try:
                data = os.read(handle, min(PIECE, left))
            except OSError as error:
                why, data = error.strerror, b""
            if not data:
                break
            self.out.write(data)
            left -= len(data)
        status = "E" if why else "C"
        if left:
            why = "%s: %d bytes are missing and were filled up" % (why or "it shrank while it was read", left)
        elif changed(found, os.fstat(handle)):
            why = "it changed while it was read"
        while left:
            piece = min(PIECE, left)
            self.out.write(bytes(piece))
            left -= piece
        self.out.write(bytes(-found.st_size % BLOCK))
        if why:
            self.problem(path, status, why)

    def info(self, path, found):
        info = self.tar.TarInfo(path.lstrip("/") or ".")
        info.mode = stat.S_IMODE(found.st_mode)
        info.uid, info.gid = found.st_uid, found.st_gid
        info.uname, info.gname = self.name("pwd", found.st_uid), self.name("grp", found.st_gid)
        info.mtime = found.st_mtime
        return info

    def name(self, kind, number):
        """Of a user or group; "" when it has none."""
        key = kind, number
        if key not in self.names:
            try:
                database = __import__(kind)
                entry = database.getpwuid(number) if kind == "pwd" else database.getgrgid(number)
                self.names[key] = entry[0]
            except (KeyError, ImportError):
                self.names[key] = ""
        return self.names[key]

    def head(self, info):
        self.out.write(info.tobuf(self.tar.PAX_FORMAT, "utf-8", "surrogateescape"))

    def end(self):
        self.out.write(bytes(2 * BLOCK))
        self.out.flush()


def changed(before, after):
    return (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns)


def main(arguments):
    try:
        stream = Stream(arguments)
    except (ImportError, re.error) as error:
        sys.stderr.write("%s\n" % error)
        return 70
    try:
        stream.out.write(b"\nswarm-kit 1 tar\n")
        stream.out.flush()
        for path in arguments["paths"]:
            stream.send(path)
        stream.end()
        tell(
            type="log_message",
            levelname="INFO",
            name="tar",
            message="%d files, %d bytes, %d problems" % (stream.files, stream.size, stream.problems),
            msgid="",
        )
    except Gone:
        return 75
    return 0


if __name__ == "__main__":
    sys.exit(main(ARGUMENTS))  # noqa: F821 (set by the bundle)
