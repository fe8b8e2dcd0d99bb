"""Turns a wish into a target by asking OpenSSH itself (`ssh -G`), with a cache; the library's reader is the fallback."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from backends import decoding, paths
from backends.errors import BadInput
from backends.metrics.sample import Record
from backends.paths import write_atomic
from backends.ssh import configfiles
from backends.ssh.answers import LENIENT, NOT_HONOURED, Options, ask_openssh, fallback, first
from backends.ssh.target import Target, Wish
from backends.ssh.tokens import expand, local_user, path
from backends.text import clean

PARALLEL = 4
"""`ssh -G` processes at a time: 8 ms of CPU each, while connecting wants the cores too."""
MAX_HOPS = 8

DEFAULT_KEYS = ("id_ed25519", "id_ecdsa", "id_rsa")
"""Tried when nothing names a key; the order of OpenSSH, newest kind first."""


class Cached(Record, frozen=True, kw_only=True):
    """The cache file: answers that hold as long as the stamps do."""

    stamps: tuple[configfiles.Stamp, ...]
    answers: dict[str, Options]


class Resolver:
    """Resolves wishes; safe to use from many connecting threads, which share answers."""

    def __init__(
        self,
        *,
        config_file: str | None = None,
        known_hosts_files: Sequence[str] = (),
        identity_files: Sequence[str] = (),
        cache_file: Path | None = None,
        program: str | None = "ssh",
    ):
        self._config_file = config_file if config_file != "" else None
        self._known_hosts_files = tuple(str(paths.expanded(file)) for file in known_hosts_files)
        self._identity_files = tuple(identity_files)
        self._cache_file = cache_file
        self._program = shutil.which(program) if program else None
        self._turns = threading.BoundedSemaphore(PARALLEL)
        self._lock = threading.Lock()
        self._pending: dict[str, threading.Lock] = {}
        self._scan = configfiles.Scan()
        self._answers: dict[str, Options] = {}
        self._loaded = False
        self._dirty = 0

    def resolve(self, wish: Wish) -> Target:
        """The target for `wish`. Raises BadInput when ssh refuses the configuration or the hops go in circles."""
        return self._target(wish, 0, None)

    def reload(self) -> None:
        """Look at the configuration files again; answers that still hold are kept."""
        with self._lock:
            self._loaded = False

    def save(self) -> None:
        """Write the cache, when something new was learned. A cache that cannot be written is only slow."""
        with self._lock:
            if not self._dirty or self._cache_file is None or self._scan.volatile:
                return
            self._dirty = 0
            data = msgspec.json.encode(Cached(stamps=self._scan.stamps, answers=self._answers))
        try:
            write_atomic(self._cache_file, data)
        except OSError:
            self._cache_file = None

    def _target(self, wish: Wish, depth: int, jump: Target | None) -> Target:
        if depth > MAX_HOPS:
            raise BadInput(
                "ProxyJump goes in circles",
                host=wish.name,
                action="read the SSH configuration",
                hint=f"ssh -G {wish.name} | grep -i proxyjump",
            )
        options = self._options(wish)
        files = (*wish.identity_files, *self._identity_files)  # for jump hosts too
        wish = msgspec.structs.replace(wish, identity_files=files)
        target = build(wish, options, self._known_hosts_files, self._warnings(options))
        hops = first(options, "proxyjump")
        if jump is None and hops and hops != "none":
            for hop in expand(hops, target).split(","):
                jump = self._target(parse_hop(hop), depth + 1, jump)
        return msgspec.structs.replace(target, jump=jump) if jump else target

    def _warnings(self, options: Options) -> tuple[str, ...]:
        said = [f"{name} is not honoured" for name in NOT_HONOURED if first(options, name) not in ("", "none")]
        strict = first(options, "stricthostkeychecking").lower()
        if strict in LENIENT:
            said.append(f"stricthostkeychecking {strict} is not honoured: host keys are always checked")
        if self._program is None:
            said += [f"not honoured without OpenSSH's ssh: {line}" for line in self._scan.fallback_ignored]
        return tuple(said)

    def _options(self, wish: Wish) -> Options:
        key = self._key(wish)
        with self._lock:
            known = self._answers.get(key)
            turn = self._pending.setdefault(key, threading.Lock())
        if known is None:
            with turn:
                known = self._answers.get(key)
                if known is None:
                    known = self._ask(wish)
                    with self._lock:
                        self._answers[key] = known
                        self._dirty += 1
        return known if key.startswith("=") else _personal(known, wish.name)

    def _key(self, wish: Wish) -> str:
        """Hosts with one key share one answer; "=" marks an answer that is for one host alone."""
        with self._lock:
            if not self._loaded:
                self._load()
        if self._scan.personal or self._program is None:
            return f"={wish.name}|{wish.address or ''}|{wish.port or ''}|{wish.user or ''}"
        return "~" + ",".join(map(str, self._scan.alike(wish.name)))

    def _load(self) -> None:
        scan = configfiles.scan(_file_for_home(self._config_file))
        if scan.stamps != self._scan.stamps or not scan.stamps:
            self._answers = {}
            self._pending = {}
        self._scan = scan
        self._loaded = True
        if self._cache_file is None or self._answers or scan.volatile:
            return
        try:
            cached = decoding.json(self._cache_file.read_bytes(), type=Cached)
        except (OSError, msgspec.DecodeError):
            return
        if cached.stamps == scan.stamps:
            self._answers = dict(cached.answers)

    def _ask(self, wish: Wish) -> Options:
        if self._program is None:
            return fallback(_file_for_home(self._config_file), wish)
        shared = not self._scan.personal
        asked = Wish(name=wish.name) if shared else wish
        with self._turns:
            options = ask_openssh(self._program, _file_for_home(self._config_file), asked)
        if shared and options.get("hostname") == [wish.name.lower()]:
            options["hostname"] = [SHARED]
        return options


def build(
    wish: Wish, options: Mapping[str, list[str]], known_hosts: tuple[str, ...], warnings: tuple[str, ...]
) -> Target:
    """The target for `wish` given OpenSSH's options; what the inventory says wins."""
    base = Target(
        name=wish.name,
        address=wish.address or first(options, "hostname") or wish.name,
        port=wish.port or _port(first(options, "port")),
        user=wish.user or first(options, "user") or local_user(),
        become=wish.become,
        warnings=warnings,
    )

    def paths(name: str) -> list[str]:
        return [path(value, base) for value in options.get(name, ()) if value and value.lower() != "none"]

    files = [path(file, base) for file in wish.identity_files]
    files += paths("identityfile") or [path(f"~/.ssh/{name}", base) for name in DEFAULT_KEYS]
    alias = first(options, "hostkeyalias")
    command = first(options, "proxycommand")
    return msgspec.structs.replace(
        base,
        identity_files=tuple(dict.fromkeys(files)),
        certificate_files=tuple(paths("certificatefile")),
        identity_agent=_agent(first(options, "identityagent"), base),
        identities_only=first(options, "identitiesonly") in ("yes", "true"),
        host_key_alias="" if alias == "none" else expand(alias, base),
        known_hosts_files=known_hosts or _known_hosts(options, "userknownhostsfile", "~/.ssh/known_hosts", base),
        system_known_hosts_files=_known_hosts(options, "globalknownhostsfile", "/etc/ssh/ssh_known_hosts", base),
        hash_known_hosts=first(options, "hashknownhosts") in ("yes", "true"),
        proxy_command="" if command == "none" else expand(command, base, quoted=True),
    )


def parse_hop(text: str) -> Wish:
    """One hop of ProxyJump: [user@]host[:port] or ssh://…, IPv6 in brackets. Raises BadInput."""
    rest = text.strip().removeprefix("ssh://").rstrip("/")
    user, _, place = rest.rpartition("@")
    if place.startswith("["):
        name, _, port = place[1:].partition("]")
        port = port.removeprefix(":")
    else:
        name, _, port = place.partition(":")
    if not name or (port and not re.fullmatch("[0-9]{1,5}", port)):
        raise BadInput(f"not a jump host: {clean(text, 80)!r}", action="read ProxyJump", hint="[user@]host[:port]")
    return Wish(name=name, user=user or None, port=int(port) if port else None)


def _personal(options: Options, name: str) -> Options:
    """A shared answer as it is for `name`: without HostName, OpenSSH takes the name that was asked for."""
    if options.get("hostname") != [SHARED]:
        return options
    return {**options, "hostname": [name]}


SHARED = "\0name"
"""Stands in a shared answer where OpenSSH repeated the name that it was asked for."""


def _port(text: str) -> int:
    return int(text) if re.fullmatch("[0-9]{1,5}", text) else 22


def _known_hosts(options: Mapping[str, list[str]], name: str, default: str, target: Target) -> tuple[str, ...]:
    files = [file for value in options.get(name, ()) for file in value.split() if file != "none"]
    home, real = str(Path.home()), pwd.getpwuid(os.getuid()).pw_dir
    found = [path(file, target) for file in files or [default]]
    # OpenSSH takes the home directory from the password file; everything else here follows $HOME
    return tuple(
        home + file[len(real) :] if home != real and file.startswith(f"{real}/.ssh/known") else file for file in found
    )


def _file_for_home(config_file: str | None) -> str | None:
    """With $HOME pointing elsewhere, its ~/.ssh/config is meant."""
    if config_file is not None:
        return config_file if config_file == "none" else str(paths.expanded(config_file))
    if str(Path.home()) == pwd.getpwuid(os.getuid()).pw_dir:
        return None
    own = Path.home() / ".ssh/config"
    return str(own) if own.exists() else "none"


def _agent(value: str, target: Target) -> str:
    if value.lower() == "none":
        return ""
    if not value or value == "SSH_AUTH_SOCK":
        return os.environ.get("SSH_AUTH_SOCK", "")
    if value.startswith("$"):
        return os.environ.get(value[1:].strip("{}"), "")
    return path(value, target)
