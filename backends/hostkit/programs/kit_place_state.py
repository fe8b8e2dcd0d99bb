"""What a host remembers of restores, and their scratch directories.

RESTORES/RUN/   facts  journal  result  stop  confirmed  undone  deadline  reload  PROGRAM…
facts           scratch, ground, inode and device of the scratch directory, boot id, time; one `key value` a line
"""

import fcntl
import os
import time

from kit_job import boot_id, content
from kit_place_ground import Refused, descend, joined, look, native, open_real, parts, remove
from kit_place_journal import Journal, field, unfield

PREFIX = ".swarm-restore-"
STALE_SECONDS = 3600.0  # a scratch directory that is older and that nobody works in was left by a dead run
KEPT = 20  # ended restores of which the record stays
LOCK_SECONDS = 60.0
FACTS_LIMIT = 131072


def restores_root():
    """Where they live: of root for the whole host, of anybody else in the own state directory."""
    chosen = os.environ.get("RESTOREROOT")
    if chosen:
        return chosen
    if os.geteuid() == 0:
        return "/var/lib/swarm-tui/restores"
    state = os.environ.get("XDG_STATE_HOME") or os.path.join(os.path.expanduser("~"), ".local/state")
    return os.path.join(state, "swarm-tui/restores")


def write(path, data):
    """A file, whole or not at all."""
    new = path + ".new"
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    try:
        while data:
            data = data[os.write(handle, data) :]
        os.fsync(handle)
    finally:
        os.close(handle)
    os.rename(new, path)


class Run(object):
    """One restore of this host."""

    def __init__(self, name):
        if not name or not all(letter.isalnum() or letter in "-_" for letter in name) or len(name) > 64:
            raise Refused("failed", "not a run id")
        self.name = name
        self.place = os.path.join(restores_root(), name)
        self.lock = None

    def path(self, name):
        return os.path.join(self.place, name)

    def has(self, name):
        return os.path.lexists(self.path(name))

    def facts(self):
        """Raises Refused when there is no such restore here."""
        lines = [line.split(b" ", 1) for line in content(self.path("facts"), FACTS_LIMIT).split(b"\n")]
        found = {words[0].decode("ascii"): unfield(words[1]) for words in lines if len(words) == 2}
        if "scratch" not in found:
            raise Refused("gone", "no restore %s is known here" % self.name)
        return found

    def take(self, seconds=LOCK_SECONDS):
        """Hold the run for as long as this process lives: nobody places, undoes and confirms at once."""
        self.facts()
        self.lock = os.open(self.path("lock"), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        deadline = time.monotonic() + seconds
        while True:
            try:
                fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except OSError:
                if time.monotonic() > deadline:
                    raise Refused("busy", "restore %s is being worked on" % self.name)
            time.sleep(0.05)

    def tree(self):
        """Handle of the directory that was extracted into, checked to be the very one that was made for it."""
        facts = self.facts()
        handle = open_real(facts["scratch"])
        info = os.fstat(handle)
        if [str(info.st_ino), str(info.st_dev)] != [facts["inode"], facts["device"]] or info.st_uid != os.geteuid():
            os.close(handle)
            raise Refused("failed", "%s is not the scratch directory that was made" % facts["scratch"])
        return descend(handle, ["tree"])

    def drop_scratch(self):
        """Delete the scratch directory. Returns whether it is gone."""
        scratch = self.facts()["scratch"]
        folder, _, name = scratch.rpartition("/")
        if not name.startswith(PREFIX):
            raise Refused("failed", "not a scratch directory: %s" % scratch)
        try:
            handle = open_real(folder or "/")
        except FileNotFoundError:
            return True
        try:
            remove(name, handle)
            return look(name, handle) is None
        finally:
            os.close(handle)

    def unfinished(self):
        """Something was brought into place, but not to the end, and the rest is still there."""
        ended = self.has("result") or self.has("undone") or not os.path.isdir(self.facts()["scratch"])
        return self.has("journal") and not ended

    def armed(self):
        """Seconds until it is put back by itself; None when nothing is armed."""
        if not self.has("deadline") or self.has("confirmed") or self.has("undone"):
            return None
        return self.deadline()[0] - time.time()

    def deadline(self):
        """(epoch seconds, seconds that there are to confirm)."""
        words = content(self.path("deadline"), 64).split()
        return (float(words[0]), float(words[1])) if len(words) == 2 else (0.0, 0.0)

    def set_deadline(self, seconds):
        write(self.path("deadline"), b"%.3f %.3f\n" % (time.time() + seconds, seconds))


def runs():
    try:
        names = os.listdir(restores_root())
    except OSError:
        return []
    found = [Run(name) for name in names if os.path.isfile(os.path.join(restores_root(), name, "facts"))]
    return sorted(found, key=lambda run: os.stat(run.path("facts")).st_mtime)


def ground_of(wanted, make):
    """(real path, directories made) of the directory to restore below. Raises Refused."""
    if not wanted.startswith("/"):
        raise Refused("failed", "not an absolute directory: %s" % wanted)
    parts(wanted)
    made, there = [], wanted.rstrip("/") or "/"
    while not os.path.isdir(there):
        if os.path.lexists(there):
            raise Refused("failed", "%s is there and is no directory" % there)
        made.append(os.path.basename(there))
        there = os.path.dirname(there)
    real = os.path.realpath(there)
    if not make:
        return real, []
    paths = []
    for name in reversed(made):
        real = joined(real, name)
        paths.append(real)
    return real, paths


def prepare(arguments):
    """Make the scratch directory beside the place, and the record. Cleans up after dead runs first."""
    cleaned, left = clean_stale(arguments.get("keep", ()))
    run = Run(arguments["run"])
    if run.has("facts"):
        raise Refused("busy", "restore %s is there already" % run.name)
    ground, made = ground_of(native(arguments["ground"]), arguments["make"])
    base = ground if made else ground_of(native(arguments["base"]), False)[0]
    os.makedirs(run.place, 0o700, exist_ok=True)
    journal_made(run, made)
    scratch = joined(base, PREFIX + run.name)
    os.mkdir(scratch, 0o700)
    info = os.lstat(scratch)
    facts = {"scratch": scratch, "ground": ground, "inode": info.st_ino, "device": info.st_dev, "boot": boot_id()}
    facts.update({"who": native(arguments.get("who", "")), "title": native(arguments.get("title", ""))})
    lines = [key.encode("ascii") + b" " + field(value) + b"\n" for key, value in sorted(facts.items())]
    write(run.path("facts"), b"".join(lines))
    os.mkdir(joined(scratch, "tree"), 0o700)
    space = os.statvfs(scratch)
    return {
        "scratch": scratch,
        "tree": joined(scratch, "tree"),
        "ground": ground,
        "free": space.f_bavail * space.f_frsize,
        "cleaned": cleaned,
        "left": left,
    }


def journal_made(run, made):
    """Directories that are made for it are the first that an undo takes away again; journalled before they are made."""
    if not made:
        return
    journal = Journal(run.path("made"))
    for path in made:
        journal.write("made", path)
        os.mkdir(path, 0o755)
    journal.close()


def in_use(scratch):
    """Whether a process works in a directory (Borg or tar that extracts)."""
    proc = os.environ.get("PROCROOT", "/proc")
    for name in os.listdir(proc):
        if name.isdigit():
            try:
                where = os.readlink("%s/%s/cwd" % (proc, name))
            except OSError:
                continue
            if where == scratch or where.startswith(scratch + "/"):
                return True
    return False


def clean_stale(keep):
    """([runs whose scratch was removed], [runs that were killed while placing and wait for somebody's decision])."""
    cleaned, left = [], []
    for run in runs():
        scratch = run.facts()["scratch"]
        old = time.time() - os.stat(run.path("facts")).st_mtime > STALE_SECONDS
        if run.name in keep or not old or not os.path.isdir(scratch) or in_use(scratch):
            continue
        if run.unfinished():
            left.append(run.name)
        elif run.armed() is None and run.drop_scratch():
            cleaned.append(run.name)
    forget_old()
    return cleaned, left


def forget_old():
    """Keep the records of the newest restores; one that is unfinished or armed is never forgotten."""
    ended = [run for run in runs() if run.armed() is None and not run.unfinished()]
    for run in ended[: max(0, len(ended) - KEPT)]:
        if not os.path.isdir(run.facts()["scratch"]):
            forget(run)


def forget(run):
    handle = open_real(os.path.realpath(restores_root()))
    try:
        remove(run.name, handle)
    finally:
        os.close(handle)
