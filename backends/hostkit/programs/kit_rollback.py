"""Back to an earlier transaction of a repository, and copies that share its segments.

Segments are only ever added until a compaction, so an earlier state is the repository without the later ones. What is
taken away is moved into `swarm-undo/`, not deleted: a rollback can itself be taken back by hand until the next compaction.
"""

import os
import shutil
import time

from kit_roster import Held
from kit_segments import (
    AUXILIARY,
    OURS,
    Refused,
    auxiliary,
    demand,
    digest,
    holds_manifest,
    is_committed,
    segments,
    transaction,
)

MOST_MARKS = 8


def mark(path):
    """Remember the repository as it is: {"transaction", "digest"}. Its index is kept, so that going back takes no replay."""
    demand(path)
    known = segments(path)
    last = transaction(known)
    if last is None:
        raise Refused("damaged", "no transaction in this repository is complete")
    place = os.path.join(path, OURS, "mark-%d" % last)
    names = [prefix + str(last) for prefix in AUXILIARY]
    if all(os.path.isfile(os.path.join(path, name)) for name in names) and not os.path.isdir(place):
        private(os.path.join(path, OURS))
        made = private(place + ".tmp-%d" % os.getpid())
        for name in names:
            share(os.path.join(path, name), os.path.join(made, name))
        os.rename(made, place)
        spare(os.path.join(path, OURS))
    return {"transaction": last, "digest": digest(known, last)}


def spare(place):
    """Keep the newest marks only: each holds an index, which may be large."""
    names = [name for name in os.listdir(place) if name.startswith("mark-") and name[5:].isdigit()]
    for name in sorted(names, key=lambda each: int(each[5:]))[:-MOST_MARKS]:
        shutil.rmtree(os.path.join(place, name))


def rollback(path, keep, expected, sign):
    """Back to transaction `keep`, if `expected` is still the last one and all up to `keep` is as `sign` says.

    Every state in between is a whole repository as of some transaction: being killed here loses nothing.
    """
    demand(path)
    with Held(path):
        known = checked(path, keep, sign)
        last = transaction(known)
        if last != expected:
            raise Refused("changed", "the repository is at transaction %s now, not at %d" % (last, expected))
        later = [(number, file) for number, file in known if number > keep]
        if not later:
            raise Refused("nothing", "the repository is at that transaction already")
        private(os.path.join(path, OURS))
        place = private(os.path.join(path, OURS, "undone-%d-%d-%d" % (keep, last, time.time())))
        for name in (
            "config",
            "nonce",
        ):  # copies: both nonces must stay where they are, or counters would be used twice
            if os.path.isfile(os.path.join(path, name)):
                shutil.copy2(os.path.join(path, name), os.path.join(place, name))
        for name in auxiliary(path):
            os.rename(os.path.join(path, name), os.path.join(place, name))
        size = 0
        for number, file in reversed(later):
            size += os.stat(file).st_size
            os.rename(file, os.path.join(place, str(number)))
        with_index = give_index(path, keep, path)
        for folder in {os.path.dirname(file) for _, file in later} | {path, place}:
            sync(folder)
    return {"segments": len(later), "bytes": size, "place": place, "index": with_index}


def aside(path, keep, sign):
    """A second repository beside this one, as of transaction `keep`, only to be read: its segments are shared."""
    demand(path)
    place = "%s.before-%d" % (path.rstrip("/"), keep + 1)
    if os.path.exists(place):
        raise Refused("exists", "%s is there already" % place)
    with Held(path, readers=True):
        known = [(number, file) for number, file in checked(path, keep, sign) if number <= keep]
        copy(path, place, known, own_id=True)
        give_index(path, keep, place)
    return {"place": place}


def scratch(path):
    """A copy without the key and with only what Borg must find to know what it is; for testing an exported key."""
    demand(path)
    known = segments(path)
    last = transaction(known)
    since = next((number for number, file in reversed(known) if number <= (last or 0) and holds_manifest(file)), None)
    if since is None or last is None:
        raise Refused("damaged", "no manifest in this repository")
    place = "%s.escrow-%d-%d" % (path.rstrip("/"), os.getpid(), time.time())
    copy(path, place, [(number, file) for number, file in known if since <= number <= last], own_id=False)
    return {"place": place}


def remove_scratch(path, place):
    """Remove what `scratch` made, and nothing else."""
    head = path.rstrip("/") + ".escrow-"
    if not place.startswith(head) or not place[len(head) :].replace("-", "").isdigit() or os.path.islink(place):
        raise Refused("failed", "not a scratch copy of this repository")
    shutil.rmtree(place)
    return {}


def forget(path):
    """Nothing can be undone any more: free what is kept for it. Bytes on disk that were freed, by and large."""
    place = os.path.join(path, OURS)
    freed = 0
    for folder, _, files in os.walk(place):
        freed += sum(os.lstat(os.path.join(folder, name)).st_blocks * 512 for name in files)
    if os.path.isdir(place):
        shutil.rmtree(place)
    return {"freed": freed}


def checked(path, keep, sign):
    known = segments(path)
    if digest(known, keep) != sign:
        raise Refused("compacted", "what was there at transaction %d has been compacted or repaired since" % keep)
    files = dict(known)
    if keep not in files or not is_committed(files[keep]):
        raise Refused("compacted", "transaction %d is not there any more" % keep)
    return known


def give_index(path, keep, target):
    """Put the remembered index of a transaction in place; without it Borg reads all segments once to make it."""
    place = os.path.join(path, OURS, "mark-%d" % keep)
    names = [prefix + str(keep) for prefix in AUXILIARY]
    if not all(os.path.isfile(os.path.join(place, name)) for name in names):
        return False
    for name in names:
        share(os.path.join(place, name), os.path.join(target, name))
    return True


def copy(path, place, known, own_id):
    made = private("%s.tmp-%d" % (place, os.getpid()))
    try:
        for number, file in known:
            folder = os.path.join(made, "data", os.path.basename(os.path.dirname(file)))
            if not os.path.isdir(folder):
                os.makedirs(folder, 0o700)
            share(file, os.path.join(folder, str(number)))
        shutil.copy2(os.path.join(path, "README"), os.path.join(made, "README"))
        if own_id and os.path.isfile(os.path.join(path, "nonce")):
            shutil.copy2(os.path.join(path, "nonce"), os.path.join(made, "nonce"))
        write_config(path, made, own_id)
        os.rename(made, place)
    except BaseException:
        shutil.rmtree(made, True)
        raise


def write_config(path, made, own_id):
    """The configuration with another id and the key (two repositories of one id confuse Borg), or with the id and no key."""
    from configparser import ConfigParser

    parser = ConfigParser(interpolation=None)
    with open(os.path.join(path, "config"), "rb") as file:
        parser.read_string(file.read(1 << 20).decode("utf-8"))
    if own_id:
        parser.set("repository", "id", os.urandom(32).hex())
        parser.set("repository", "append_only", "1")
    else:
        parser.remove_option("repository", "key")
    with os.fdopen(os.open(os.path.join(made, "config"), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        parser.write(file)


def private(place):
    if not os.path.isdir(place):
        os.mkdir(place, 0o700)
    return place


def share(file, target):
    """A hard link, or a copy where the filesystem has none."""
    try:
        os.link(file, target)
    except (IOError, OSError):
        shutil.copy2(file, target)


def sync(folder):
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
