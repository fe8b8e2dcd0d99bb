"""Who we can be: agent keys, key files and certificates, loaded once and shared by all connections.

A file that cannot be used never hides the others; why it cannot be used is said when no other was accepted.
"""

from __future__ import annotations

import base64
import hashlib
import os
import threading
import time
from pathlib import Path

import paramiko
from cryptography.exceptions import UnsupportedAlgorithm

from backends import paths
from backends.metrics.sample import Record
from backends.ssh.agent import SharedAgent
from backends.ssh.target import Target
from backends.text import clean

Stamp = tuple[int, int, int]
AGENT_FRESH_SECONDS = 5.0
"""The agent's list of keys is read again when it is older than this, so that `ssh-add` helps the next attempt."""


class Identity:
    """One key that can be offered, with the name that a person knows it by."""

    def __init__(self, key: paramiko.PKey, label: str):
        self.key = key
        self.label = label


class Unusable(Record, frozen=True, kw_only=True):
    """A key that could not be offered, why, and what to do."""

    path: str
    why: str
    hint: str = ""


class Offer(Record, frozen=True, kw_only=True):
    """What to try for one host, best first, and what had to be left out."""

    identities: tuple[Identity, ...] = ()
    unusable: tuple[Unusable, ...] = ()


def fingerprint(blob: bytes) -> str:
    """ "SHA256:…" of a public key blob, as ssh-keygen shows it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def short_kind(name: str) -> str:
    """ "ED25519", "RSA", "ECDSA", "ED25519-CERT" from an algorithm name."""
    cert = "-CERT" if "-cert-v01" in name else ""
    for kind in ("ed25519", "ecdsa", "rsa", "dss"):
        if kind in name:
            return kind.upper() + ("-SK" if name.startswith("sk-") else "") + cert
    return clean(name, 40)


def pretty(path: str) -> str:
    """The path with the home directory as ~."""
    home = str(Path.home())
    return "~" + path[len(home) :] if path.startswith(home + "/") else path


class Identities:
    """Loads and remembers keys; safe to use from many connecting threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._files: dict[tuple[str, str], tuple[object, Identity | Unusable | None]] = {}
        self._agents: dict[str, _AgentKeys] = {}
        self._worked: dict[str, str] = {}

    def offer(self, target: Target) -> Offer:
        """The identities for `target`: what worked last time, then as OpenSSH orders them."""
        found: list[Identity] = []
        unusable: list[Unusable] = []
        for path, certificate in _pairs(target):
            loaded = self._file(path, certificate)
            if isinstance(loaded, Unusable):
                unusable.append(loaded)
            elif loaded is not None:
                found.append(loaded)
        agent, trouble = self._agent(target.identity_agent)
        unusable += trouble
        ordered = _ordered(target, found, agent)
        unusable = [item for item in unusable if not _in_agent(item, agent)]
        first = self._worked.get(target.name)
        ordered.sort(key=lambda identity: identity.label != first)
        return Offer(identities=tuple(ordered), unusable=tuple(unusable))

    def worked(self, target: Target, identity: Identity) -> None:
        """Remember what `target` accepted: it is tried first from now on."""
        self._worked[target.name] = identity.label

    def close(self) -> None:
        """Give the agent's sockets back."""
        for agent in self._agents.values():
            agent.agent.close()

    def _file(self, path: str, certificate: str) -> Identity | Unusable | None:
        now = (stamp(path), stamp(certificate))
        with self._lock:
            cached = self._files.get((path, certificate))
        if cached and cached[0] == now:
            return cached[1]
        loaded = load_file(path, certificate)
        with self._lock:
            self._files[path, certificate] = (now, loaded)
        return loaded

    def _agent(self, path: str) -> tuple[list[Identity], list[Unusable]]:
        if not path:
            return [], []
        with self._lock:
            keys = self._agents.setdefault(path, _AgentKeys(path))
        return keys.current()


class _AgentKeys:
    """The keys of one agent, read again when they are old."""

    def __init__(self, path: str):
        self.agent = SharedAgent(path)
        self._lock = threading.Lock()
        self._read = float("-inf")
        self._keys: list[Identity] = []
        self._trouble: list[Unusable] = []

    def current(self) -> tuple[list[Identity], list[Unusable]]:
        with self._lock:
            if time.monotonic() - self._read > AGENT_FRESH_SECONDS:
                self._refresh()
                self._read = time.monotonic()
            return list(self._keys), list(self._trouble)

    def _refresh(self) -> None:
        try:
            keys = self.agent.load()
        except (OSError, paramiko.SSHException) as error:
            why = getattr(error, "strerror", None) or clean(str(error), 100) or "no answer"
            hint = "start one: eval $(ssh-agent); ssh-add"
            self._keys = []
            self._trouble = [Unusable(path=f"agent {pretty(self.agent.path)}", why=why, hint=hint)]
            return
        self._trouble = []
        self._keys = [Identity(key, f"agent {short_kind(key.get_name())} {fingerprint(key.blob)}") for key in keys]


def load_file(path: str, certificate: str = "") -> Identity | Unusable | None:
    """The key in `path` with its certificate, if any; None when there is no such file. Never asks for a passphrase."""
    shown = pretty(path)
    try:
        key = paramiko.PKey.from_path(Path(path))
    except FileNotFoundError:
        return None
    except (paramiko.PasswordRequiredException, TypeError):
        hint = f"load it into the agent: ssh-add {shown}"
        return Unusable(path=shown, why="needs its passphrase and no agent holds it", hint=hint)
    except OSError as error:
        hint = f"chmod 600 {shown}, and check its owner"
        return Unusable(path=shown, why=f"cannot be read: {error.strerror}", hint=hint)
    except (paramiko.SSHException, ValueError, UnsupportedAlgorithm, IndexError) as error:
        why = "not a private key" if isinstance(error, ValueError) else clean(str(error), 80)
        return Unusable(path=shown, why=why, hint=f"check it: ssh-keygen -y -f {shown}")
    return _certified(key, path, certificate)


def _certified(key: paramiko.PKey, path: str, certificate: str) -> Identity | Unusable:
    blob = getattr(key, "public_blob", None)
    if not certificate:
        if not blob:
            return Identity(key, pretty(path))
        return Identity(key, f"{pretty(path)} with certificate")
    try:
        key.load_certificate(certificate)
    except (OSError, ValueError, UnicodeDecodeError, paramiko.SSHException) as error:
        why = f"does not certify {pretty(path)}" if "incompatible" in str(error) else "not a certificate"
        return Unusable(path=pretty(certificate), why=why, hint=f"check it: ssh-keygen -L -f {pretty(certificate)}")
    return Identity(key, f"{pretty(path)} with {pretty(certificate)}")


def public_blob(path: str) -> bytes | None:
    """The public key that belongs to a private key file, read from PATH.pub; None when there is none."""
    try:
        fields = Path(path + ("" if path.endswith(".pub") else ".pub")).read_text("utf-8", "replace").split()
        return base64.b64decode(fields[1], validate=True)
    except (OSError, IndexError, ValueError):
        return None


def _pairs(target: Target) -> list[tuple[str, str]]:
    """(key file, certificate): each explicit certificate with each key it certifies, then the keys alone."""
    pairs: list[tuple[str, str]] = []
    for certificate in target.certificate_files:
        stem = certificate.removesuffix("-cert.pub")
        keys = [path for path in target.identity_files if path == stem] or list(target.identity_files)
        pairs += [(path, certificate) for path in keys if Path(certificate).exists()]
    return pairs + [(path, "") for path in target.identity_files if not path.endswith(".pub")]


def _ordered(target: Target, files: list[Identity], agent: list[Identity]) -> list[Identity]:
    """Agent keys that the configuration names, other agent keys, then files that the agent does not hold."""
    if not agent:
        return _certified_first(files)
    wanted = {blob for path in target.identity_files if (blob := public_blob(path))}
    wanted |= {identity.key.asbytes() for identity in files}
    named = [identity for identity in agent if _blob(identity) in wanted]
    others = [] if target.identities_only else [identity for identity in agent if _blob(identity) not in wanted]
    held = {_blob(identity) for identity in agent}
    rest = [identity for identity in files if _certificate(identity) or _blob(identity) not in held]
    certified = [identity for identity in rest if _certificate(identity)]
    return certified + named + [identity for identity in rest if not _certificate(identity)] + others


def _certified_first(files: list[Identity]) -> list[Identity]:
    return sorted(files, key=lambda identity: not _certificate(identity))


def _certificate(identity: Identity) -> object:
    return getattr(identity.key, "public_blob", None)


def _blob(identity: Identity) -> bytes:
    key = identity.key
    return key.blob if isinstance(key, paramiko.AgentKey) else key.asbytes()


def _in_agent(item: Unusable, agent: list[Identity]) -> bool:
    """A passphrase does not matter when the agent holds the key."""
    if not agent:
        return False
    blob = public_blob(str(paths.expanded(item.path)))
    return blob is not None and any(_blob(identity) == blob for identity in agent)


def stamp(path: str) -> Stamp | None:
    """When the file was last changed; None when there is none."""
    if not path:
        return None
    try:
        info = os.stat(path)  # noqa: PTH116 - a thousand hosts ask for a dozen files each
    except OSError:
        return None
    return info.st_mtime_ns, info.st_size, info.st_ino
