"""Brings a directory tree into place: renamed where that is possible, never through a link, every deed journalled first.

A name that is there already stays ("keep"), gets company ("rename": NAME.restored-TIME) or is replaced ("replace": a copy of
it is kept as NAME.swarm-TIME). Directories are merged. A directory in the way of something else is never moved.
"""

import errno
import os
import stat

from kit_place_ground import (
    FILE,
    PIECE,
    Refused,
    below,
    copy,
    joined,
    labels,
    lend_labels,
    look,
    open_real,
    own,
    parts,
    put_labels,
    remove,
    tally,
)
from kit_place_journal import meta_of, now, spare

NO_LINKS = (errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, errno.EMLINK, errno.EINVAL)
MOST_TOLD = 50
COUNTED = ("placed", "bytes", "same", "kept", "renamed", "replaced", "merged", "made", "failed")
CROWDED = ("logrotate.d", "sites-enabled", "modules-enabled", "incron.d")
"""Directories whose programs read every file: a copy in there must have a name that they pass over."""


class Stopped(Exception):
    """Somebody asked for the end."""


class Placement(object):
    """One placement. `pulse` is called before each entry with this object; it tells progress and may raise Stopped."""

    def __init__(self, choice, stamp, lend, journal, pulse):
        self.choice, self.stamp, self.lend, self.journal, self.pulse = choice, stamp, lend, journal, pulse
        self.counts = dict.fromkeys(COUNTED, 0)
        self.examples = []
        self.errors = []
        self.linked = {}
        self.wanted = {}  # directories that get the archive's mode, owner and time: path → time

    def fail(self, path, error):
        self.counts["failed"] += 1
        if len(self.errors) < MOST_TOLD:
            self.errors.append((path, getattr(error, "strerror", None) or str(error)))

    def tell(self, path, other):
        if len(self.examples) < MOST_TOLD:
            self.examples.append((path, other))

    def root(self, root, tree, ground):
        """Bring ROOT (relative) of the directory `tree` to the same place below the path `ground` (real, absolute)."""
        opened = []
        try:
            names = parts(root)
            source = os.dup(tree)
            opened.append(source)
            for name in names[:-1]:
                source = below(source, name)
                opened.append(source)
            if not names or look(names[-1], source) is None:
                return
            target, where = self.reach(names[:-1], ground)
            opened.append(target)
            self.entry(names[-1], source, target, where)
        except (OSError, Refused) as error:
            if isinstance(error, FileNotFoundError):
                return  # an earlier try has brought it into place
            self.fail(joined(ground, root), error.args[1] if isinstance(error, Refused) else error)
        finally:
            for handle in opened:
                os.close(handle)

    def reach(self, names, ground):
        """(handle, real path) of the directory at `names` below `ground`; what is missing is made, as root would."""
        handle, where = open_real(ground), ground
        try:
            for name in names:
                info = look(name, handle)
                if info is None:
                    self.journal.write("made", joined(where, name))
                    os.mkdir(name, 0o755, dir_fd=handle)
                    self.counts["made"] += 1
                elif stat.S_ISLNK(info.st_mode):
                    where, old = self.trusted(name, info, handle, where, ground), handle
                    handle = open_real(where)
                    os.close(old)
                    continue
                old, handle = handle, below(handle, name)
                os.close(old)
                where = joined(where, name)
        except BaseException:
            os.close(handle)
            raise
        return handle, where

    def trusted(self, name, info, handle, where, ground):
        """Where a link above the restored tree leads to: followed only at the original place, and only one of ours."""
        folder = os.fstat(handle)
        open_to_all = folder.st_mode & 0o022 and not folder.st_mode & stat.S_ISVTX
        if ground != "/" or info.st_uid not in (0, os.geteuid()) or open_to_all:
            raise Refused("failed", "a link is in the way: %s" % joined(where, name))
        return os.path.realpath(joined(where, name))

    def entry(self, name, source, target, where):
        """One name of the directory `source` into the directory `target`, which is at the path `where`."""
        self.pulse(self)
        try:
            self.settle(name, source, target, where)
        except (OSError, RecursionError) as error:
            self.fail(joined(where, name), error)

    def settle(self, name, source, target, where):
        new, old = look(name, source), look(name, target)
        path = joined(where, name)
        if new is None:
            return
        if old is None:
            self.put(name, source, target, where, name)
        elif os.path.samestat(new, old) and not stat.S_ISDIR(new.st_mode):
            os.unlink(name, dir_fd=source)  # a try before was killed between linking and unlinking
        elif stat.S_ISDIR(new.st_mode) and stat.S_ISDIR(old.st_mode):
            self.merge(name, source, target, where)
        elif equal(name, new, source, old, target):
            self.counts["same"] += 1
            os.unlink(name, dir_fd=source)
        elif self.choice == "keep":
            self.counts["kept"] += tally(name, source)[0]
            self.tell(path, "")
            remove(name, source)
        elif self.choice == "rename":
            other = spare(beside(name, where, ".restored-" + self.stamp), target)
            self.put(name, source, target, where, other)
            self.counts["renamed"] += 1
            self.tell(path, other)
        else:
            self.replace(name, source, target, where, old)

    def merge(self, name, source, target, where):
        inside, there = below(source, name), below(target, name)
        path = joined(where, name)
        try:
            info, old = os.fstat(inside), os.fstat(there)
            self.journal.write("meta", path, *meta_of(old))
            if self.choice == "replace" or path in self.wanted:
                self.want(path, info)
            for each in sorted(os.listdir(inside)):
                self.entry(each, inside, there, path)
            self.counts["merged"] += 1
            if path in self.wanted:
                dress(there, info, labels(inside), self.wanted[path])
        finally:
            os.close(inside)
            os.close(there)
        if look(name, source) is not None:
            self.drop_empty(name, source)

    def want(self, path, info):
        """Note a directory's time before its entries leave it: after a kill it would not be known any more."""
        if path not in self.wanted:
            self.wanted[path] = info.st_mtime_ns
            self.journal.write("want", path, info.st_mtime_ns)

    def drop_empty(self, name, source):
        try:
            os.rmdir(name, dir_fd=source)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise

    def put(self, name, source, target, where, other):
        """Bring something to a free place, as `other`."""
        path = joined(where, other)
        info = look(name, source)
        if stat.S_ISDIR(info.st_mode):
            self.put_tree(name, source, target, where, other)
            return
        if not self.moved(name, source, target, other, path, info):
            self.copied(name, source, target, other, path, info)
        self.counts["placed"] += 1
        self.counts["bytes"] += info.st_size if stat.S_ISREG(info.st_mode) else 0

    def moved(self, name, source, target, other, path, info):
        """Link, then unlink: unlike a rename this never overwrites what came a moment ago. False across filesystems."""
        self.journal.write("put", path, info.st_ino, info.st_size, info.st_mtime_ns)
        try:
            os.link(name, other, src_dir_fd=source, dst_dir_fd=target, follow_symlinks=False)
            os.unlink(name, dir_fd=source)
        except OSError as error:
            if error.errno == errno.EXDEV:
                return False
            if error.errno not in NO_LINKS or look(other, target) is not None:
                raise
            os.rename(name, other, src_dir_fd=source, dst_dir_fd=target)
        return True

    def copied(self, name, source, target, other, path, info):
        known = self.linked.get((info.st_dev, info.st_ino))
        if known is not None:  # another name of it was copied before
            self.link_again(known, other, target)
            self.journal.write("put", path, *ours(look(other, target)))
        else:
            temporary = self.bring(name, source, target, info)
            self.journal.write("put", path, *ours(look(temporary, target)))
            os.rename(temporary, other, src_dir_fd=target, dst_dir_fd=target)
            if info.st_nlink > 1:
                self.linked[(info.st_dev, info.st_ino)] = path
        os.unlink(name, dir_fd=source)

    def link_again(self, path, name, target):
        folder, _, known = path.rpartition("/")
        handle = open_real(folder or "/")
        try:
            os.link(known, name, src_dir_fd=handle, dst_dir_fd=target, follow_symlinks=False)
        finally:
            os.close(handle)

    def bring(self, name, source, target, info):
        """A copy on the other filesystem, complete before anybody sees its name."""
        temporary = ".swarm-part-" + self.stamp
        remove(temporary, target)
        copy(name, source, temporary, target, info)
        return temporary

    def put_tree(self, name, source, target, where, other):
        path = joined(where, other)
        files, size = tally(name, source)
        if os.fstat(source).st_dev == os.fstat(target).st_dev:
            self.journal.write("tree", path, now(), files, size)
            try:
                os.rename(name, other, src_dir_fd=source, dst_dir_fd=target)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
            else:
                self.counts["placed"] += files
                self.counts["bytes"] += size
                return
        self.journal.write("made", path)
        os.mkdir(other, 0o700, dir_fd=target)
        inside, there = below(source, name), below(target, other)
        try:
            self.want(path, os.fstat(inside))
            for each in sorted(os.listdir(inside)):
                self.entry(each, inside, there, path)
            dress(there, os.fstat(inside), labels(inside), self.wanted[path])
        finally:
            os.close(inside)
            os.close(there)
        self.drop_empty(name, source)

    def replace(self, name, source, target, where, old):
        new = look(name, source)
        path = joined(where, name)
        if stat.S_ISDIR(old.st_mode):
            raise OSError(errno.EISDIR, "a directory is in the way; it is never moved")
        if stat.S_ISDIR(new.st_mode):
            if stat.S_ISLNK(old.st_mode) and leads_to_directory(name, target):
                raise OSError(errno.ELOOP, "a link to a directory is in the way; it is neither followed nor moved")
            saved = spare(beside(name, where, ".swarm-" + self.stamp), target)
            self.journal.write("aside", path, joined(where, saved))
            os.rename(name, saved, src_dir_fd=target, dst_dir_fd=target)
            self.put(name, source, target, where, name)
        else:
            saved = self.swap(name, source, target, where, new)
        self.counts["replaced"] += 1
        self.tell(path, saved)

    def swap(self, name, source, target, where, new):
        """The old one gets a second name, then the new one takes its place in one step: the name is never missing."""
        path = joined(where, name)
        if self.lend and stat.S_ISREG(new.st_mode):
            lend_labels(name, source, target)
        here, brought = source, name
        if os.fstat(source).st_dev != os.fstat(target).st_dev:
            here, brought = target, self.bring(name, source, target, new)
        saved = self.saved_name(name, where, target)
        self.journal.write("swap", path, joined(where, saved), *ours(look(brought, here)))
        self.keep(name, saved, target)
        os.rename(brought, name, src_dir_fd=here, dst_dir_fd=target)
        if here is target:
            os.unlink(name, dir_fd=source)
        self.counts["placed"] += 1
        self.counts["bytes"] += new.st_size if stat.S_ISREG(new.st_mode) else 0
        return saved

    def saved_name(self, name, where, target):
        wanted = beside(name, where, ".swarm-" + self.stamp)
        there = look(wanted, target)
        if there is not None and os.path.samestat(there, look(name, target)):
            return wanted  # a try before was killed after it had been saved
        return spare(wanted, target)

    def keep(self, name, saved, target):
        if look(saved, target) is not None:
            return
        try:
            os.link(name, saved, src_dir_fd=target, dst_dir_fd=target, follow_symlinks=False)
        except OSError as error:
            if error.errno not in NO_LINKS:
                raise
            os.rename(name, saved, src_dir_fd=target, dst_dir_fd=target)


def ours(info):
    return info.st_ino, info.st_size, info.st_mtime_ns


def beside(name, where, suffix):
    """NAME and suffix; hidden and with a tilde where programs would read such a file as well."""
    if where.rpartition("/")[2] in CROWDED:
        return ".%s%s~" % (name, suffix)
    return name + suffix


def leads_to_directory(name, handle):
    try:
        return stat.S_ISDIR(os.stat(name, dir_fd=handle).st_mode)
    except OSError:
        return False


def dress(handle, info, wanted, mtime):
    """A directory's owner, mode, attributes and, last, its times."""
    own(handle, info)
    put_labels(handle, wanted)
    os.utime(handle, ns=(info.st_atime_ns, mtime))


def equal(name, new, source, old, target):
    """Whether both are the same kind of thing with the same content, owner, mode and time."""
    if stat.S_IFMT(new.st_mode) != stat.S_IFMT(old.st_mode) or meta_of(new)[:3] != meta_of(old)[:3]:
        return False
    if stat.S_ISLNK(new.st_mode):
        return os.readlink(name, dir_fd=source) == os.readlink(name, dir_fd=target)
    if not stat.S_ISREG(new.st_mode):
        return new.st_rdev == old.st_rdev
    if (new.st_size, new.st_mtime_ns) != (old.st_size, old.st_mtime_ns):
        return False
    return same_bytes(name, source, target)


def same_bytes(name, source, target):
    one = os.open(name, FILE, dir_fd=source)
    try:
        other = os.open(name, FILE, dir_fd=target)
        try:
            while True:
                piece = os.read(one, PIECE)
                if piece != os.read(other, PIECE):
                    return False
                if not piece:
                    return True
        finally:
            os.close(other)
    finally:
        os.close(one)
