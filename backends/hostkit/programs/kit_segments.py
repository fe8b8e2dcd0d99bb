"""A Borg repository as files: its segments, which of them end a transaction, its configuration, what it takes.

Segments are numbered from 0 and never change once they are closed; one that ends with COMMIT ends a transaction, whose
number is the segment's. `index.N`, `hints.N` and `integrity.N` describe the repository as of transaction N. Reads only.
"""

import hashlib
import os
import struct
import zlib

AUXILIARY = ("index.", "hints.", "integrity.")
OURS = "swarm-undo"
"""A directory in the repository that Borg does not look at: what an undo needs, and what one took away."""
MAGIC = b"BORG_SEG"
_COMMIT = struct.pack("<IB", 9, 2)
COMMIT = struct.pack("<I", zlib.crc32(_COMMIT) & 0xFFFFFFFF) + _COMMIT
MANIFEST = b"\0" * 32
CONFIG_LIMIT = 65536


class Refused(Exception):
    """Not done, for a reason that has a name."""

    def __init__(self, kind, text):
        Exception.__init__(self, text)
        self.kind = kind


def demand(path):
    """Refuse what is no repository."""
    if not os.path.isdir(os.path.join(path, "data")) or not os.path.isfile(os.path.join(path, "config")):
        raise Refused("missing", "there is no Borg repository at this path")


def segments(path):
    """[(number, file)] in order."""
    found = []
    top = os.path.join(path, "data")
    for name in os.listdir(top):
        if name.isdigit():
            folder = os.path.join(top, name)
            found += [(int(each), os.path.join(folder, each)) for each in os.listdir(folder) if each.isdigit()]
    return sorted(found)


def is_committed(file):
    """Whether a segment ends a transaction."""
    with open(file, "rb") as handle:
        size = os.fstat(handle.fileno()).st_size
        if size < len(MAGIC) + len(COMMIT):
            return False
        handle.seek(size - len(COMMIT))
        return handle.read(len(COMMIT)) == COMMIT


def transaction(known):
    """Number of the last transaction that is complete among `segments`; None: there is none."""
    for number, file in reversed(known):
        if is_committed(file):
            return number
    return None


def digest(known, last):
    """Names exactly the segments up to `last` (numbers and sizes): a compaction or a repair changes it."""
    made = hashlib.sha256()
    for number, file in known:
        if number <= last:
            made.update(b"%d %d\n" % (number, os.stat(file).st_size))
    return made.hexdigest()[:32]


def holds_manifest(file):
    """Whether a segment holds the manifest, which says what archives there are."""
    with open(file, "rb") as handle:
        size = os.fstat(handle.fileno()).st_size
        place = len(MAGIC)
        while place + 9 <= size:
            handle.seek(place)
            head = handle.read(41)
            length, tag = struct.unpack("<IB", head[4:9])
            if tag == 0 and head[9:41] == MANIFEST:
                return True
            if length < 9:
                return False
            place += length
    return False


def auxiliary(path):
    """Names of the index, hints and integrity files."""
    return sorted(name for name in os.listdir(path) if name.startswith(AUXILIARY))


def settings(path):
    """Section "repository" of the configuration, without the key: {name: text}, and whether a key is in there."""
    from configparser import ConfigParser, Error

    parser = ConfigParser(interpolation=None)
    try:
        with open(os.path.join(path, "config"), "rb") as file:
            parser.read_string(file.read(CONFIG_LIMIT).decode("utf-8"))
        section = dict(parser.items("repository"))
    except (Error, UnicodeDecodeError) as error:
        raise Refused("damaged", "the repository's config cannot be read: %s" % type(error).__name__)
    has_key = bool(section.pop("key", "").strip())
    return {name: text[:200] for name, text in section.items()}, has_key


def taken(path, known):
    """Bytes on disk: of the segments, and of all the rest with what is kept for an undo."""
    data = sum(os.lstat(file).st_blocks * 512 for _, file in known)
    rest = 0
    for folder, folders, files in os.walk(path):
        if folder == path:
            folders[:] = [each for each in folders if each != "data"]
        rest += sum(os.lstat(os.path.join(folder, name)).st_blocks * 512 for name in files)
    return data, rest


def space(path):
    """(free for whoever asks, in all) of the filesystem, bytes."""
    found = os.statvfs(path)
    return found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize


def logged(path, most=200):
    """The newest entries of the transaction log: [[number, "2026-11-26T02:00:00.000000"]]."""
    try:
        with open(os.path.join(path, "transactions"), "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - 100 * most))
            lines = file.read(100 * most).decode("ascii", "replace").split("\n")
    except (IOError, OSError):
        return []
    found = []
    for line in lines:
        words = line.replace(",", " ").split()
        if len(words) == 5 and words[0] == "transaction" and words[1].isdigit() and len(words[1]) < 12:
            found.append([int(words[1]), words[4][:40]])
    return found[-most:]
