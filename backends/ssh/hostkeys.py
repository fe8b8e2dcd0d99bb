"""Known host keys: one tolerant pass over the files, verdicts about shown keys, and writing down what was accepted.

The library's reader loses a whole file over one marker or bad line, misses wildcards and hashes every line for every
host (reference: SSH transport, §6); this index does each file once and each name once.
"""

from __future__ import annotations

import base64
import binascii
import fnmatch
import hmac
import threading
from pathlib import Path
from typing import Literal

from backends.metrics.sample import Record
from backends.ssh import hostcert
from backends.ssh.identities import Stamp, pretty, stamp

MAX_FILE_BYTES = 64 << 20


class Entry(Record, frozen=True, kw_only=True):
    """One line of a known_hosts file."""

    patterns: tuple[str, ...]
    kind: str
    blob: bytes
    file: str
    line: int
    marker: Literal["", "@revoked", "@cert-authority"] = ""

    @property
    def place(self) -> str:
        """file:line."""
        return f"{pretty(self.file)}:{self.line}"


class Verdict(Record, frozen=True, kw_only=True):
    """What the records say about a shown key."""

    kind: Literal["known", "unknown", "changed", "revoked"]
    entry: Entry | None = None
    """The line that says so."""
    why: str = ""
    """Why a certificate was not accepted."""


class Index:
    """The entries of one file."""

    def __init__(self, path: str, text: str):
        self.path = path
        self.warnings: list[str] = []
        self._plain: dict[str, list[Entry]] = {}
        self._hashed: list[tuple[bytes, bytes, Entry]] = []
        self._wild: list[Entry] = []
        for number, line in enumerate(text.split("\n"), 1):
            self._add(line.strip(), number)

    def find(self, name: str) -> list[Entry]:
        """Every entry for `name` (lower case; [address]:port when the port is not 22), in no particular order."""
        found = list(self._plain.get(name, ()))
        found += [entry for entry in self._wild if matches(entry.patterns, name)]
        data = name.encode()
        found += [entry for salt, digest, entry in self._hashed if hmac.digest(salt, data, "sha1") == digest]
        return found

    def _add(self, line: str, number: int) -> None:
        if not line or line.startswith("#"):
            return
        entry = parse_line(line, self.path, number)
        if isinstance(entry, str):
            self.warnings.append(f"{pretty(self.path)}:{number}: {entry}")
            return
        if entry.patterns[0].startswith("|1|"):
            self._add_hashed(entry)
        elif any(char in pattern for pattern in entry.patterns for char in "*?!"):
            self._wild.append(entry)
        else:
            for name in entry.patterns:
                self._plain.setdefault(name, []).append(entry)

    def _add_hashed(self, entry: Entry) -> None:
        try:
            _, _, salt, digest = entry.patterns[0].split("|")
            self._hashed.append((base64.b64decode(salt, validate=True), base64.b64decode(digest, validate=True), entry))
        except ValueError:
            self.warnings.append(f"{entry.place}: damaged hashed name, ignored")


def parse_line(line: str, file: str, number: int) -> Entry | str:
    """One non-empty, non-comment line; a sentence saying what is wrong when it cannot be used."""
    fields = line.split()
    marker: Literal["", "@revoked", "@cert-authority"] = ""
    if fields[0].startswith("@"):
        match fields.pop(0):
            case "@revoked":
                marker = "@revoked"
            case "@cert-authority":
                marker = "@cert-authority"
            case other:
                return f"unknown marker {other[:30]!r}, ignored"
    if len(fields) < 3:
        return "fewer than three fields, ignored"
    if fields[1].isdigit():
        return "an SSH-1 key, ignored"
    try:
        blob = base64.b64decode(fields[2], validate=True)
    except (binascii.Error, ValueError):
        return "the key is not valid base64, ignored"
    length = int.from_bytes(blob[:4], "big")
    if blob[4 : 4 + length] != fields[1].encode():
        return f"the key is not of the kind {fields[1][:40]!r} that it says, ignored"
    names = fields[0] if fields[0].startswith("|1|") else fields[0].lower()
    patterns = tuple(name for name in names.split(",") if name)
    if not patterns:
        return "no host name, ignored"
    return Entry(patterns=patterns, kind=fields[1], blob=blob, file=file, line=number, marker=marker)


def matches(patterns: tuple[str, ...], name: str) -> bool:
    """OpenSSH's pattern list: any match, unless a negated pattern matches too."""
    hit = False
    for pattern in patterns:
        if pattern.startswith("!"):
            if _glob(pattern[1:], name):
                return False
        elif _glob(pattern, name):
            hit = True
    return hit


def _glob(pattern: str, name: str) -> bool:
    return pattern == name or fnmatch.fnmatchcase(name, pattern.replace("[", "[[]"))


class HostKeys:
    """The records of several files, read again when they change; safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._indexes: dict[str, tuple[Stamp | None, Index]] = {}
        self._found: dict[tuple[str, int, str], list[Entry]] = {}

    def entries(self, files: tuple[str, ...], name: str) -> list[Entry]:
        """What the files record under `name`, hashed names included."""
        found: list[Entry] = []
        for file in files:
            index = self._index(file)
            key = (file, id(index), name)
            cached = self._found.get(key)
            if cached is None:
                cached = self._found[key] = index.find(name)
            found += cached
        return found

    def warnings(self, files: tuple[str, ...]) -> tuple[str, ...]:
        """Lines that could not be used, with file and line number."""
        return tuple(text for file in files for text in self._index(file).warnings)

    def forget(self, file: str) -> None:
        """`file` was rewritten."""
        with self._lock:
            self._indexes.pop(file, None)

    def _index(self, file: str) -> Index:
        now = stamp(file)
        with self._lock:
            cached = self._indexes.get(file)
            if cached and cached[0] == now:
                return cached[1]
            index = _read(file) if now else Index(file, "")
            self._indexes[file] = (now, index)
            self._found = {key: value for key, value in self._found.items() if key[0] != file}
            return index


def _read(file: str) -> Index:
    try:
        with Path(file).open("rb") as stream:
            text = stream.read(MAX_FILE_BYTES).decode("utf-8", "replace")
    except OSError as error:
        index = Index(file, "")
        index.warnings.append(f"{pretty(file)}: cannot be read: {error.strerror}")
        return index
    return Index(file, text)


def blob_kind(blob: bytes) -> str:
    """The kind that a public key blob names ("ssh-ed25519", "ssh-rsa", "…-cert-v01@openssh.com")."""
    return blob[4 : 4 + int.from_bytes(blob[:4], "big")][:80].decode("ascii", "replace")


def judge(entries: list[Entry], name: str, blob: bytes, now: float) -> Verdict:
    """What `entries` (those of `name`) say about a shown key or host certificate.

    A host that shows another kind of key than the one on record counts as changed: an attacker would do just that.
    """
    kind = blob_kind(blob)
    cert = hostcert.parse(kind, blob) if "-cert-v01@" in kind else None
    plain = cert.key_blob if cert else blob
    for entry in entries:
        if entry.marker == "@revoked" and entry.blob in (blob, plain, cert.authority_blob if cert else b""):
            return Verdict(kind="revoked", entry=entry)
    for entry in entries:
        if not entry.marker and entry.blob == plain:
            return Verdict(kind="known", entry=entry)
    why = ""
    if cert:
        authorities = [entry for entry in entries if entry.marker == "@cert-authority"]
        for entry in authorities:
            if entry.blob == cert.authority_blob:
                why = cert.fault(name, now)
                if not why:
                    return Verdict(kind="known", entry=entry)
        why = why or ("signed by an authority that is not on record" if authorities else "")
    others = [entry for entry in entries if not entry.marker]
    if others:
        same = [entry for entry in others if entry.kind == kind.split("-cert-v01")[0]]
        return Verdict(kind="changed", entry=(same or others)[0], why=why)
    return Verdict(kind="unknown", why=why)


def preferred_kinds(entries: list[Entry]) -> tuple[str, ...]:
    """The host key algorithms that a host on record should be asked for first."""
    kinds: list[str] = []
    for entry in entries:
        if entry.marker == "@cert-authority":
            kinds += [f"{kind}-cert-v01@openssh.com" for kind in _ALGORITHMS]
    for entry in entries:
        if not entry.marker:
            kinds += ["rsa-sha2-512", "rsa-sha2-256"] if entry.kind == "ssh-rsa" else [entry.kind]
    return tuple(kind for kind in dict.fromkeys(kinds) if kind.split("-cert-v01")[0] in _ALGORITHMS)


_ALGORITHMS = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
)
