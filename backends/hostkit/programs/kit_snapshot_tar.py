"""Writes a pax tar to a file descriptor as it goes. The standard library's own module is not there on every host."""

import os

BLOCK = 512
RECORD = 20 * BLOCK
MOST_ID = 0o7777777


def record(key, value):
    """One pax record: its own length in decimal, a space, key=value, a line break."""
    tail = b" " + key + b"=" + value + b"\n"
    size = len(tail) + 1
    while len(b"%d" % size) + len(tail) != size:
        size = len(b"%d" % size) + len(tail)
    return b"%d" % size + tail


def plain(data):
    """Whether every reader understands these bytes in a header."""
    return all(32 <= byte < 127 for byte in data)


def is_text(data):
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def number(value, width):
    return b"%0*o\0" % (width - 1, value)


def header(name, kind, mode, uid, gid, user, group, size, mtime, link):
    """One ustar header."""
    fields = [name[:100].ljust(100, b"\0"), number(mode, 8), number(uid, 8), number(gid, 8), number(size, 12)]
    fields += [number(mtime, 12), b" " * 8, kind, link[:100].ljust(100, b"\0"), b"ustar\x0000"]
    fields += [user[:32].ljust(32, b"\0"), group[:32].ljust(32, b"\0"), number(0, 8), number(0, 8)]
    block = b"".join(fields).ljust(BLOCK, b"\0")
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


def padded(data):
    return data + b"\0" * (-len(data) % BLOCK)


def member(name, kind, mode, uid, gid, user, group, mtime, link=b"", data=b""):
    """A whole member: headers and content.

    `name` without a leading slash, bytes of any value but NUL; `kind` b"0" file, b"5" directory, b"2" link.
    """
    if kind == b"5":
        name += b"/"
    records = []
    for key, value, width in (
        (b"path", name, 100),
        (b"linkpath", link, 100),
        (b"uname", user, 32),
        (b"gname", group, 32),
    ):
        if len(value) > width or not plain(value):
            records.append((key, value))
    for key, value in ((b"uid", uid), (b"gid", gid)):
        if value > MOST_ID:
            records.append((key, b"%d" % value))
    if not 0 <= mtime < 1 << 33:
        records.append((b"mtime", b"%d" % mtime))
        mtime = 0
    if not all(is_text(value) for _, value in records):
        records.insert(0, (b"hdrcharset", b"BINARY"))
    uid, gid = [value if value <= MOST_ID else 0 for value in (uid, gid)]
    own = header(name, kind, mode, uid, gid, user, group, len(data), mtime, link) + padded(data)
    if not records:
        return own
    more = b"".join(record(key, value) for key, value in records)
    return header(b"pax", b"x", 0o644, 0, 0, b"", b"", len(more), 0, b"") + padded(more) + own


class Tar(object):
    """The stream. Raises OSError when nobody reads it any more."""

    def __init__(self, handle):
        self.handle = handle
        self.written = 0

    def add(self, *arguments, **named):
        """As `member`."""
        self.write(member(*arguments, **named))

    def write(self, data):
        self.written += len(data)
        view = memoryview(data)
        while view:
            view = view[os.write(self.handle, view) :]

    def end(self):
        """The end of the archive: what ends before this is known to be cut off."""
        self.write(b"\0" * (2 * BLOCK))
        self.write(b"\0" * (-self.written % RECORD))
