"""The machine that a repository is on: commands there, what serves the repository, how Borg itself gets there.

A repository on this machine is reached directly. Any other one is reached through the OpenSSH client, with the operator's own
configuration, agent and known hosts; a host key that is not known is never accepted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from backends.backups.borg import serve as serving
from backends.backups.model import Repository
from backends.errors import AskOperator, BadInput, RetryLater
from backends.execution import Exec, ExecResult, OnOutput
from backends.metrics.sample import Record
from backends.ssh.exec import command_line
from backends.text import decode

SshArgv = Callable[[str, str, int | None], Sequence[str]]
"""User ("": as configured), host and port (None: as configured) → "ssh" and its options, without the address."""

STRICT = (
    *("-o", "BatchMode=yes"),
    *("-o", "StrictHostKeyChecking=yes"),
    *("-o", "ConnectTimeout=15"),
    *("-o", "ServerAliveInterval=15"),
    *("-o", "ServerAliveCountMax=4"),
)
"""The first value of an option counts in OpenSSH, so these stand before everything else."""
_LOCATION = re.compile(
    r"ssh://(?:(?P<user>[^/@\s]+)@)?(?P<host>[^/@:\s]+)(?::(?P<port>\d{1,5}))?(?P<path>/\S.*)", re.DOTALL
)
SSH_FAILED = 255
RELAY_HOST = "swarm"
"""Stands for the repository's machine in what a host is told: it learns neither name nor address."""


class Location(Record, frozen=True, kw_only=True):
    """The parts of ssh://USER@HOST:PORT/PATH."""

    user: str = ""
    host: str
    port: int | None = None
    path: str
    """As Borg writes it: absolute, or "/./x" and "/~/x" relative to the account's home."""

    @property
    def place(self) -> str:
        """The path for programs there: absolute, or relative to the home where they start."""
        for relative in ("/./", "/~/"):
            if self.path.startswith(relative):
                return self.path[len(relative) :] or "."
        return self.path


class Account(Record, frozen=True, kw_only=True):
    """Whom the OpenSSH client logs in as, where: its configuration taken into account."""

    user: str
    host: str
    port: int

    @property
    def text(self) -> str:
        return f"{self.user}@{self.host}:{self.port}"


def parse(location: str) -> Location:
    """The parts of an ssh:// location.

    Raises:
        BadInput: it is none, or a part could be taken for an option.
    """
    found = _LOCATION.fullmatch(location)
    port = int(found["port"]) if found and found["port"] else None
    if found is None or (port is not None and not 1 <= port <= 65535):
        raise BadInput(f"not a location: {location!r}", hint='"ssh://USER@HOST/PATH"')
    user, host, path = found["user"] or "", found["host"], found["path"]
    if user.startswith("-") or host.startswith("-") or any(char < " " or char == "\x7f" for char in location):
        raise BadInput(f"not a location: {location!r}", hint="a part begins with a dash or holds a control character")
    return Location(user=user, host=host, port=port, path=path)


def relayed(repository: Repository) -> str:
    """The location of `repository` for a Borg whose RPC is carried: the same path on no machine in particular."""
    path = parse(repository.location).path if repository.remote else repository.location
    return f"ssh://{RELAY_HOST}{path}"


def plain_ssh(user: str, host: str, port: int | None) -> tuple[str, ...]:
    """The OpenSSH client as the operator uses it."""
    return ("ssh", *(("-l", user) if user else ()), *(("-p", str(port)) if port else ()))


class Vaults:
    """Safe to use from many threads.

    Args:
        ssh_argv: the OpenSSH client for an account.
        local: commands on this machine; also runs the client.
    """

    def __init__(self, ssh_argv: SshArgv, local: Exec):
        self._ssh_argv, self._local = ssh_argv, local

    def way(self, repository: Repository) -> Exec:
        """Commands on the repository's machine, as the account that owns it (never as root by sudo). Raises BadInput."""
        if not repository.remote:
            return self._local
        location = parse(repository.location)
        return ClientExec(self._local, self._client(location), location.host)

    def path(self, repository: Repository) -> str:
        """Of the repository on its machine. Raises BadInput."""
        return parse(repository.location).place if repository.remote else repository.location

    def rsh(self, repository: Repository) -> tuple[str, ...]:
        """BORG_RSH for a Borg beside the engine: it puts port, account and machine behind it. () when it needs none."""
        if not repository.remote:
            return ()
        location = parse(repository.location)
        return self._strict(location)

    def serve(self, repository: Repository, append_only: bool = True) -> tuple[str, ...]:
        """The argv, run beside the engine, that serves exactly this repository on its stdin and stdout. Raises BadInput."""
        argv = serving.argv(
            None,
            self.path(repository),
            program=repository.borg,
            append_only=append_only,
            quota_bytes=repository.quota_bytes,
        )
        if not repository.remote:
            return tuple(argv)
        # without "exec": where the account is bound to `borg serve`, that one reads this line as its client's wish
        return (*self._client(parse(repository.location)), command_line(argv).removeprefix("exec "))

    def host_keys(self, repository: Repository) -> tuple[str, ...]:
        """The keys ("ssh-ed25519 AAAA…") that this machine trusts the repository's machine by.

        Raises:
            AskOperator: there are none.
            BadInput: it is on this machine.
        """
        location = parse(repository.location)
        settings = self._settings(location)
        name = settings.get("hostkeyalias", [settings.get("hostname", [location.host])[0]])[0]
        port = settings.get("port", ["22"])[0]
        wanted = name if port == "22" or "hostkeyalias" in settings else f"[{name}]:{port}"
        files = [*settings.get("userknownhostsfile", []), *settings.get("globalknownhostsfile", [])]
        found: dict[str, None] = {}
        for file in " ".join(files).split():
            result = self._local.run(["ssh-keygen", "-F", wanted, "-f", file], timeout_seconds=15.0)
            found |= dict.fromkeys(_keys(result.stdout.decode("utf-8", "replace")))
        if not found:
            raise AskOperator(
                f"no host key of {wanted} is known",
                host=location.host,
                action="look up its host key",
                hint=f"log in once by hand: ssh {location.host}",
            )
        return tuple(found)

    def account(self, repository: Repository) -> Account:
        """Of the repository's machine, as another machine must address it. Raises BadInput."""
        location = parse(repository.location)
        settings = self._settings(location)
        user, host, port = (settings.get(name, [""])[0] for name in ("user", "hostname", "port"))
        if not (user and host and port.isdigit()) or user.startswith("-") or host.startswith("-"):
            raise BadInput(
                f"the OpenSSH client cannot tell how {location.host} is reached",
                host=location.host,
                hint=f"look at: ssh -G {location.host}",
            )
        return Account(user=user, host=host, port=int(port))

    def _settings(self, location: Location) -> dict[str, list[str]]:
        result = self._local.run([*self._strict(location), "-G", "--", location.host], timeout_seconds=15.0)
        found: dict[str, list[str]] = {}
        for line in result.stdout.decode("utf-8", "replace").splitlines():
            name, _, value = line.partition(" ")
            found.setdefault(name, []).append(value)
        return found

    def _strict(self, location: Location) -> tuple[str, ...]:
        program, *options = self._ssh_argv(location.user, location.host, location.port)
        return (program, *STRICT, *options)

    def _client(self, location: Location) -> tuple[str, ...]:
        return (*self._strict(location), "--", location.host)


def _keys(text: str) -> list[str]:
    """Kind and base64 of every plain line of `ssh-keygen -F`; no comments, no authorities, nothing revoked."""
    lines = [line.split() for line in text.splitlines() if not line.startswith(("#", "@"))]
    return [f"{words[1]} {words[2]}" for words in lines if len(words) >= 3]


class ClientExec:
    """Implements `Exec` through an ssh client that runs beside the engine."""

    def __init__(self, local: Exec, client: Sequence[str], host: str):
        self._local, self._client, self._host = local, tuple(client), host

    @property
    def host(self) -> str:
        """The machine's name in the repository's location."""
        return self._host

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        timeout_seconds: float = 60.0,
        limit_bytes: int = 1 << 20,
        become: bool = True,
        on_output: OnOutput | None = None,
    ) -> ExecResult:
        """See `backends.execution.Exec.run`; `become` is not used. Raises AskOperator when the login is refused."""
        result = self._local.run(
            [*self._client, command_line(argv)],
            stdin=stdin,
            timeout_seconds=timeout_seconds,
            limit_bytes=limit_bytes,
            become=False,
            on_output=on_output,
        )
        if result.exit_status == SSH_FAILED:
            raise self._unreachable(decode(result.stderr.strip()[-300:], 300), argv)
        return result

    def _unreachable(self, said: str, argv: Sequence[str]) -> AskOperator | RetryLater:
        action = f"run {argv[0]}" if argv else "run a command"
        refused = ("Permission denied", "Host key verification failed", "HOST IDENTIFICATION")
        if any(word in said for word in refused):
            hint = f"log in once by hand: ssh {self._host}"
            return AskOperator(f"ssh was refused: {said}", host=self._host, action=action, hint=hint)
        return RetryLater(f"ssh failed: {said or 'no reason given'}", host=self._host, action=action)
