"""Streams a host's configuration as one pax tar: files, then facts, then what was left out and why, then a manifest.

ARGUMENTS: {"kind": "config" or "secrets", "paths", "exclude", "secret", "public", "contents": [pattern],
"token_files", "tokens": [pattern], "facts": [fact], "lists": {name: list}, "file_limit", "total_limit",
"fact_seconds", "facts_seconds", "top": "/"}. Python 3.6, standard library only. Travels with stderr apart. After the magic
line nothing but the tar: whoever else would write there writes to nowhere. A stream without a manifest was cut off.
"""

import hashlib
import os
import re
import stat
import time

from kit_ask import content
from kit_snapshot_facts import Gathering
from kit_snapshot_lists import listed
from kit_snapshot_tar import Tar
from kit_snapshot_walk import FOLDER, Walk, any_of, escaped, raw_of, text_of
from kit_text import encode

MAGIC = b"\nswarm-kit 1 tar\n"
MOST_NOTES = 1000
MOST_XATTR = 1024
READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def names_by_id(path):
    """{id: name} of a passwd or group file; the network's directories are not asked, since they may hang."""
    rows = [line.split(":") for line in (content(path, 4 << 20) or "").split("\n")]
    return {int(row[2]): row[0] for row in reversed(rows) if len(row) > 2 and row[2].isdigit()}


def xattrs(handle):
    """{name: hexadecimal value}, but for the labels that the security policy gives by itself."""
    try:
        names = [name for name in os.listxattr(handle) if name != "security.selinux"]
        return {escaped(name): os.getxattr(handle, name)[:MOST_XATTR].hex() for name in sorted(names)}
    except (OSError, AttributeError):
        return {}


class Notes(object):
    """What was left out, and why, bounded."""

    def __init__(self):
        self.rows, self.more = [], 0

    def __call__(self, path, why):
        if len(self.rows) < MOST_NOTES:
            self.rows.append([escaped(path), why])
        else:
            self.more += 1


class Files(object):
    """Writes what a walk finds, where it belongs to the wanted kind: a file is in exactly one of the two."""

    def __init__(self, arguments, tar, notes):
        self.tar, self.notes = tar, notes
        self.secrets = arguments["kind"] == "secrets"
        self.file_limit, self.left = arguments["file_limit"], arguments["total_limit"]
        self.secret, self.public = any_of(arguments["secret"]), any_of(arguments["public"])
        self.token_file = any_of(arguments["token_files"])
        self.contents = [re.compile(each.encode()).search for each in arguments["contents"]]
        self.tokens = [re.compile(each.encode()).search for each in arguments["tokens"]]
        self.users, self.groups = names_by_id("/etc/passwd"), names_by_id("/etc/group")
        self.manifest = []

    def visit(self, handle, name, path, found):
        if stat.S_ISREG(found.st_mode):
            self.file(handle, name, path, found)
        elif stat.S_ISLNK(found.st_mode):
            if not self.secrets:
                target = text_of(os.readlink(name, dir_fd=handle))
                self.put(path, "l", found, link=raw_of(target), target=escaped(target))
        elif stat.S_ISDIR(found.st_mode):
            if not self.secrets:
                self.folder(handle, name, path, found)
        else:
            self.notes(path, "neither file, directory nor link")

    def folder(self, handle, name, path, found):
        opened = os.open(name, FOLDER | os.O_NOFOLLOW, dir_fd=handle)
        try:
            self.put(path, "d", found, xattrs=xattrs(opened))
        finally:
            os.close(opened)

    def file(self, handle, name, path, found):
        if found.st_size > self.file_limit:
            self.notes(path, "%d bytes are more than %d" % (found.st_size, self.file_limit))
            return
        opened = os.open(name, READ, dir_fd=handle)
        try:
            before = os.fstat(opened)
            data = self.read(opened)
            after = os.fstat(opened)
            more = xattrs(opened)
        finally:
            os.close(opened)
        if not stat.S_ISREG(before.st_mode) or len(data) > self.file_limit:
            self.notes(path, "it became something else while it was read")
        elif self.is_secret(path, data) == self.secrets:
            if (before.st_mtime, before.st_size) != (after.st_mtime, after.st_size) or len(data) != after.st_size:
                self.notes(path, "it changed while it was read")
            self.store(path, before, data, more)

    def read(self, handle):
        data = bytearray()
        while len(data) <= self.file_limit:
            piece = os.read(handle, 1 << 20)
            if not piece:
                break
            data += piece
        return bytes(data)

    def is_secret(self, path, data):
        if self.public(path):
            return False
        if self.secret(path) or any(search(data) for search in self.contents):
            return True
        return bool(self.token_file(path)) and any(search(data) for search in self.tokens)

    def store(self, path, found, data, more):
        if len(data) > self.left:
            self.notes(path, "the snapshot would be too large")
            return
        self.left -= len(data)
        self.put(path, "-", found, data=data, xattrs=more)

    def put(self, path, kind, found, link=b"", data=b"", **more):
        user, group = self.users.get(found.st_uid, ""), self.groups.get(found.st_gid, "")
        mode, mtime = stat.S_IMODE(found.st_mode), int(found.st_mtime)
        letter = {"-": b"0", "d": b"5", "l": b"2"}[kind]
        owner = (found.st_uid, found.st_gid, raw_of(user), raw_of(group))
        self.tar.add(raw_of(path)[1:], letter, mode, *owner, mtime, link=link, data=data)
        row = {"path": escaped(path[1:]), "type": kind, "mode": mode, "uid": found.st_uid, "gid": found.st_gid}
        row.update({"user": escaped(user), "group": escaped(group), "mtime": mtime})
        if kind == "-":
            row.update({"size": len(data), "sha256": hashlib.sha256(data).hexdigest()})
        row.update({key: value for key, value in more.items() if value})
        self.manifest.append(row)


def own(tar, manifest, path, text):
    """A file of the snapshot's own; without a time of its own, so that equal content is an equal member."""
    data = text if isinstance(text, bytes) else text.encode("utf-8", "replace")
    tar.add(path.encode(), b"0", 0o600, 0, 0, b"root", b"root", 0, data=data)
    row = {"path": path, "type": "-", "mode": 0o600, "uid": 0, "gid": 0, "user": "root", "group": "root", "mtime": 0}
    manifest.append(dict(row, size=len(data), sha256=hashlib.sha256(data).hexdigest()))


def gather(arguments, host, notes, out):
    """{name: result or None} of every fact."""
    seconds = arguments["fact_seconds"], arguments["facts_seconds"]
    found = Gathering(arguments["facts"], host, *seconds, out).run()
    for name, wanted in arguments["lists"].items():
        found[name] = listed(wanted, notes, arguments.get("top", "/"))
    return found


def system():
    text = content("/etc/os-release") or content("/usr/lib/os-release") or ""
    match = re.search(r"^PRETTY_NAME=\"?([^\"\n]*)", text, re.MULTILINE)
    return match.group(1)[:200] if match else ""


def meta(arguments, host, began, facts, notes):
    """What is to be known about the snapshot itself."""
    kept = {name: {key: value for key, value in each.items() if key != "text"} for name, each in facts.items() if each}
    return {
        "kind": arguments["kind"],
        "host": host,
        "time": began,
        "seconds": round(time.time() - began, 2),
        "boot_id": (content("/proc/sys/kernel/random/boot_id", 64) or "").strip(),
        "distribution": system(),
        "root": os.geteuid() == 0,
        "facts": kept,
        "absent": sorted(name for name, each in facts.items() if each is None),
        "left_out": notes.rows,
        "left_out_more": notes.more,
    }


def main(arguments, out):
    began = time.time()
    tar, notes, host = Tar(out), Notes(), os.uname().nodename
    files = Files(arguments, tar, notes)
    Walk(files.visit, notes, arguments["exclude"], arguments.get("top", "/")).run(arguments["paths"])
    facts = gather(arguments, host, notes, out)
    for name in sorted(facts):
        if facts[name] and "text" in facts[name]:
            own(tar, files.manifest, "swarm/facts/%s.txt" % name, facts[name]["text"])
    own(tar, files.manifest, "swarm/meta.json", encode(meta(arguments, host, began, facts, notes)) + b"\n")
    rows = b"".join(encode(row) + b"\n" for row in files.manifest)
    own(tar, [], "swarm/manifest.jsonl", rows)
    tar.end()


if __name__ == "__main__":
    OUT = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_RDWR), 1)
    os.write(OUT, MAGIC)
    main(ARGUMENTS, OUT)  # noqa: F821 (set by the bundle)
