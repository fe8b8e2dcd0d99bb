"""Borg on a host that connects to the repository's machine itself, for bulk data: with a key that is made for one run.

The key never is in a file: the engine makes it in memory, the host's program keeps it in memory. What the vault's account gets is
one line of authorized_keys that allows `borg serve --append-only` on exactly this repository, nothing else, until a time that is
written into it. The line is removed when the run ends; lines of runs that could not do so are removed by the next one.
"""

from __future__ import annotations

import hashlib
import secrets
import shlex
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from backends.backups.borg import serve as serving
from backends.backups.borg.dialect import Dialect
from backends.backups.environment import host_id
from backends.backups.hosted import Hosted, Place
from backends.backups.listening import Listener
from backends.backups.model import BorgResult, Repository
from backends.backups.passphrases import Passphrases
from backends.backups.relay import borg_launch
from backends.backups.runner import Build, Cancel, OnEvent, Source
from backends.backups.stages import Stages
from backends.backups.vault import RELAY_HOST, Account, Vaults, relayed
from backends.clock import Clock, utc
from backends.errors import AskOperator, BadInput, SwarmError
from backends.execution import Exec
from backends.text import decode

KEY_SECONDS = 12 * 3600.0
"""A key that nobody could take back ends by itself after this; a run that takes longer goes on, it only cannot connect anew."""
SCRIPT_SECONDS = 30.0
AUTHORIZED_KEYS = ".ssh/authorized_keys"

_SCRIPT = """\
set -eu
umask 077
file=$1 engine=$2 live=$3 ends=$4 line=$5
case $file in */*) mkdir -p "${file%/*}";; esac
[ -e "$file" ] || : >>"$file"
[ ! -L "$file" ] || file=$(readlink -f "$file")
lock=$file.swarm-lock n=0
while ! mkdir "$lock" 2>/dev/null; do
  n=$((n+1))
  [ -z "$(find "$lock" -maxdepth 0 -mmin +1 2>/dev/null)" ] || rm -rf "$lock"
  [ $n -lt 20 ] || { echo "somebody else works on $file" >&2; exit 9; }
  sleep 1
done
trap 'rm -rf "$lock"' EXIT
now=$(date +%s)
awk -v now="$now" -v engine="$engine" -v live=" $live " '
  { n = split($NF, p, "/")
    if (n == 4 && p[1] == "swarm-tui" && (p[4] + 0 < now + 0 || (p[2] == engine && !index(live, " " p[3] " ")))) next
    print }' "$file" >"$lock/new"
if [ -n "$line" ]; then
  when=$(date -d "@$ends" +%Y%m%d%H%M 2>/dev/null || date -r "$ends" +%Y%m%d%H%M)
  printf 'restrict,expiry-time="%s",%s\\n' "$when" "$line" >>"$lock/new"
fi
cmp -s "$lock/new" "$file" || mv "$lock/new" "$file"
"""
"""Everything that varies comes as an argument. The file is replaced whole or not at all; who else is in it stays in it."""


class Keys:
    """The lines of one engine in the authorized_keys of vaults."""

    def __init__(self, clock: Clock, *, file: str = AUTHORIZED_KEYS):
        self._clock, self._file = clock, file
        self._engine = hashlib.sha256(host_id().encode()).hexdigest()[:12]
        self._live: dict[str, set[str]] = {}
        self._lock = threading.Lock()

    @contextmanager
    def lent(self, way: Exec, vault: str, public: str, command: str) -> Iterator[list[str]]:
        """While this is held, `public` may run `command` on the vault, and nothing else. Gives a list that says afterwards why
        the line could not be removed; it ends by itself then, and the next run removes it.

        Args:
            way: commands as the account of the vault.
            vault: names the account.
            public: "ssh-ed25519 AAAA…".
            command: what the account's shell runs instead of whatever is asked for.

        Raises:
            AskOperator: the account cannot be given a key.
            RetryLater: it is not reached.
        """
        if any(char in command for char in '"\\\n\r\0'):
            raise BadInput(f"a key cannot be bound to this command: {command[:200]!r}", action="lend a key")
        run = secrets.token_hex(6)
        ends = int(self._clock.now() + KEY_SECONDS)
        line = f'command="{command}" {public} swarm-tui/{self._engine}/{run}/{ends}'
        left: list[str] = []
        self._change(vault, run, present=True)
        try:
            self._write(way, vault, line, ends)
            yield left
        finally:
            self._change(vault, run, present=False)
            try:
                self._write(way, vault, "", ends)
            except SwarmError as error:
                left.append(
                    f"the key of this run could not be removed, it ends at {utc(ends):%H:%M} UTC: {error.message}"
                )

    def _change(self, vault: str, run: str, *, present: bool) -> None:
        with self._lock:
            live = self._live.setdefault(vault, set())
            (live.add if present else live.discard)(run)

    def _write(self, way: Exec, vault: str, line: str, ends: int) -> None:
        with self._lock:
            live = " ".join(sorted(self._live.get(vault, ())))
        argv = ["/bin/sh", "-c", _SCRIPT, "sh", self._file, self._engine, live, str(ends), line]
        result = way.run(argv, timeout_seconds=SCRIPT_SECONDS, become=False)
        if result.exit_status != 0:
            said = decode(result.stderr.strip()[-300:], 300) or decode(result.stdout.strip()[-300:], 300)
            raise AskOperator(
                f"the account cannot be given a key for this run: {said or 'no reason given'}",
                host=way.host,
                action=f"change {self._file}",
                hint='choose transport = "relay" for this repository, or give its account a shell',
            )


class PushRunner:
    """Implements `backends.backups.runner.Runner` on one host, for repositories on another machine.

    Args:
        place: the host.
        vaults: how the repository's machine is reached, and which keys it is known by.
        keys: of this engine, shared by all its runners.
        passphrases: where each repository's passphrase comes from.
        finder: finds Borg on the host. Raises SkipHost.
        clock: injected time.
    """

    def __init__(
        self,
        place: Place,
        vaults: Vaults,
        keys: Keys,
        passphrases: Passphrases,
        finder: Callable[[], Dialect],
        clock: Clock,
    ):
        self._place, self._vaults, self._keys = place, vaults, keys
        self._passphrases, self._finder, self._clock = passphrases, finder, clock
        self._found: Dialect | None = None

    @property
    def dialect(self) -> Dialect:
        """Of the Borg on the host; asked for once. Raises SkipHost, RetryLater."""
        if self._found is None:
            self._found = self._finder()
        return self._found

    def run(
        self,
        repository: Repository,
        build: Build,
        *,
        on_event: OnEvent | None = None,
        on_stdout: Callable[[bytes], None] | None = None,
        stdin: Source | None = None,
        cancel: Cancel | None = None,
        confirm: Mapping[str, str] = {},
        timeout_seconds: float | None = None,
        directory: str = "",
    ) -> BorgResult:
        """See `backends.backups.runner.Runner.run`; `directory` is one of the host's.

        Raises:
            BadInput: `stdin`, or a repository on the engine's own machine.
            AskOperator: the vault's account cannot be given a key, or its host key is not known.
        """
        if stdin is not None or not repository.remote:
            raise BadInput("a host can only push what it has itself, to another machine", host=self._place.host)
        began = self._clock.monotonic()
        secret = self._passphrases.of(repository)
        account = self._vaults.account(repository)
        private, public = key_pair()
        hosted = Hosted(self._place, Listener(on_event, self._clock), on_stdout, _nothing, self._clock)
        launch = borg_launch(
            "borg_push",
            [*self._place.prefix, self._place.program, *build(relayed(repository))[1:]],
            self._place,
            hosted.token,
            confirm,
            directory,
            ssh=_options(account),
            known="".join(f"{RELAY_HOST} {key}\n" for key in self._vaults.host_keys(repository)),
        )
        stages = Stages(cancel, None if timeout_seconds is None else began + timeout_seconds)
        way, command = self._vaults.way(repository), _command(repository, self._vaults)
        with self._keys.lent(way, account.text, public, command) as left:
            try:
                hosted.begin(launch, secret, private)
                hosted.supervise(stages)
            finally:
                if not hosted.exited:
                    hosted.leave()
        return hosted.result(stages, self._clock.monotonic() - began, "\n".join(left))


def _command(repository: Repository, vaults: Vaults) -> str:
    argv = serving.argv(
        None, vaults.path(repository), program=repository.borg, append_only=True, quota_bytes=repository.quota_bytes
    )
    return shlex.join(argv)


def key_pair() -> tuple[bytes, str]:
    """A new private key as OpenSSH reads it, and its public half as authorized_keys has it."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    return private, key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode("ascii")


def _options(account: Account) -> list[str]:
    """ssh's options on the host: this account with this key, checked against this host key, and nothing of the host's own."""
    settings = {
        "HostName": account.host,
        "Port": str(account.port),
        "User": account.user,
        "HostKeyAlias": RELAY_HOST,
        "GlobalKnownHostsFile": "/dev/null",
        "StrictHostKeyChecking": "yes",
        "BatchMode": "yes",
        "IdentitiesOnly": "yes",
        "IdentityAgent": "none",
        "ControlPath": "none",
        "UpdateHostKeys": "no",
        "ConnectTimeout": "15",
        "ServerAliveInterval": "15",
        "ServerAliveCountMax": "4",
    }
    return [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]


def _nothing(data: bytes) -> None:
    """Nothing goes back over its stdout."""
