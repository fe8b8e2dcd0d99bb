"""Looks at a Borg repository on the machine that keeps it, and does there what Borg itself does not offer.

ARGUMENTS: {"do": "look" | "prepare" | "shelve" | "mark" | "rollback" | "aside" | "forget" | "break" | "process" | "scratch" |
"unscratch" | "client" | "speed", "path": …, …}. Python 3.6, standard library only. Answers one line after the magic:
{"ok": true, …} or {"ok": false, "kind": why, "text": sentence}.
"""

import os
import time

import kit_roster as lock
import kit_segments as store
from kit_text import encode

MAGIC = b"\nswarm-kit 1 answer\n"
Refused = store.Refused
LEFT_BY_BORG = ("README", "config", "data", "hints", "index", "integrity", "lock", "nonce", "transactions")


def look(arguments):
    path = arguments["path"]
    answer = {"host_id": lock.host_id(), "now": time.time(), "made": os.path.isfile(os.path.join(path, "config"))}
    answer["free"], answer["total"] = store.space(existing(path))
    if not answer["made"]:
        answer["there"] = os.path.lexists(path) and not is_empty(path)
        return answer
    store.demand(path)
    known = store.segments(path)
    last = store.transaction(known)
    answer["settings"], answer["has_key"] = store.settings(path)
    answer["data_bytes"], answer["other_bytes"] = store.taken(path, known)
    answer["segments"], answer["transaction"] = len(known), last
    answer["digest"] = store.digest(known, last) if last is not None else ""
    answer["exclusive"] = lock.exclusive(path)
    answer["roster"], answer["roster_time"] = lock.roster(path)
    answer["logged"] = store.logged(path)
    return answer


def existing(path):
    """The nearest directory above that is there."""
    while not os.path.isdir(path) and path != os.path.dirname(path):
        path = os.path.dirname(path)
    return path


def is_empty(path):
    return os.path.isdir(path) and not os.listdir(path)


def prepare(arguments):
    """Make the directory that the repository will be in, for this user only; nothing is made where others decide."""
    parent = os.path.dirname(arguments["path"].rstrip("/"))
    ground = existing(parent)
    if not os.access(ground, os.W_OK | os.X_OK):
        raise Refused("permission", "%s is not ours: nothing can be made there" % ground)
    if ground != parent:
        before = os.umask(0o077)
        try:
            os.makedirs(parent, exist_ok=True)  # another repository may be made in the same place right now
        finally:
            os.umask(before)
    return {"made": ground != parent}


def shelve(arguments):
    """Move aside what a making that was cut off has left; refused where anything was ever committed, or is not Borg's."""
    path = arguments["path"].rstrip("/")
    if any(lock.process(each["pid"])["there"] for each in lock.exclusive(path) if each["pid"]):
        raise Refused("busy", "a Borg works on %s" % path)
    foreign = sorted(name for name in os.listdir(path) if name.partition(".")[0] not in LEFT_BY_BORG)
    if foreign:
        raise Refused("exists", "%s has something in it that Borg does not make: %s" % (path, foreign[0]))
    if os.path.isdir(os.path.join(path, "data")) and store.transaction(store.segments(path)) is not None:
        raise Refused("exists", "%s has something stored in it" % path)
    place = "%s.interrupted-%d" % (path, time.time())
    os.rename(path, place)
    return {"place": place}


def client(arguments):
    """Let Borg of this machine forget how new a repository was when it saw it last; its nonce stays."""
    import shutil

    identity, done = arguments["id"], []
    if len(identity) != 64 or identity.strip("0123456789abcdef"):
        raise Refused("failed", "not the id of a repository")
    for base in map(os.path.expanduser, arguments["bases"]):
        stamp = os.path.join(base, ".config/borg/security", identity, "manifest-timestamp")
        cache = os.path.join(base, ".cache/borg", identity)
        if os.path.isfile(stamp):
            os.unlink(stamp)
            done.append(stamp)
        if os.path.isdir(cache) and not os.path.islink(cache):
            shutil.rmtree(cache)
            done.append(cache)
    return {"done": done}


def speed(arguments):
    """Bytes a second of the two ways in which Borg can authenticate, each over about `seconds`."""
    import hashlib
    import hmac

    key, block = b"k" * 32, os.urandom(1 << 20)
    ways = {
        "sha256": lambda: hmac.new(key, block, hashlib.sha256).digest(),
        "blake2b": lambda: hashlib.blake2b(block, key=key, digest_size=32).digest(),
    }
    return {name: throughput(way, len(block), float(arguments["seconds"])) for name, way in ways.items()}


def throughput(way, size, seconds):
    count, began = 0, time.perf_counter()
    while True:
        way()
        count += 1
        passed = time.perf_counter() - began
        if passed >= seconds:
            return count * size / passed


def moving(name):
    """The rarer half, imported only when it is wanted."""
    import kit_rollback

    return getattr(kit_rollback, name)


DEEDS = {
    "look": look,
    "prepare": prepare,
    "shelve": shelve,
    "client": client,
    "speed": speed,
    "mark": lambda a: moving("mark")(a["path"]),
    "rollback": lambda a: moving("rollback")(a["path"], a["keep"], a["expected"], a["digest"]),
    "aside": lambda a: moving("aside")(a["path"], a["keep"], a["digest"]),
    "forget": lambda a: moving("forget")(a["path"]),
    "scratch": lambda a: moving("scratch")(a["path"]),
    "unscratch": lambda a: moving("remove_scratch")(a["path"], a["place"]),
    "process": lambda a: dict(lock.process(a["pid"]), host_id=lock.host_id(), now=time.time()),
    "break": lambda a: lock.break_lock(a["path"], a["names"], a["entries"]) or {},
}


def answer(arguments):
    try:
        return dict(DEEDS[arguments["do"]](arguments), ok=True)
    except Refused as error:
        return {"ok": False, "kind": error.kind, "text": str(error)}
    except PermissionError as error:
        return {"ok": False, "kind": "permission", "text": "not permitted: %s" % error.filename}
    except FileNotFoundError as error:
        return {"ok": False, "kind": "missing", "text": "not there: %s" % error.filename}
    except OSError as error:
        return {"ok": False, "kind": "space" if error.errno in (28, 122) else "failed", "text": str(error)}
    except Exception as error:
        return {"ok": False, "kind": "failed", "text": "%s: %s" % (type(error).__name__, error)}


def main(arguments):
    data = MAGIC + encode(answer(arguments)) + b"\n"
    while data:
        data = data[os.write(1, data) :]


if __name__ == "__main__":
    main(ARGUMENTS)  # noqa: F821 (set by the bundle)
