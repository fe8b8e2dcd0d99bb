"""The passphrase of each repository: what a command prints, or one that was made up here and is kept in a private file."""

from __future__ import annotations

import os
import secrets
import shlex
import signal
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import quote

from backends.backups.model import Repository
from backends.errors import AskOperator, BadInput
from backends.paths import private_dir
from backends.text import decode

COMMAND_SECONDS = 60.0
"""Somebody may have to touch a token or type a PIN."""
LIMIT_BYTES = 4096
"""More than that would not fit into a pipe that nobody reads yet."""
RANDOM_BYTES = 32
ACTION = "get its passphrase"

Said = tuple[int, bytes, bytes]
"""Exit status (negative: the signal), stdout, stderr."""
Run = Callable[[Sequence[str], float], Said]
"""Runs an argv for at most so many seconds. Raises OSError, subprocess.TimeoutExpired."""


def ask(argv: Sequence[str], seconds: float) -> Said:
    """Run `argv` as this user, without a shell and without input. Raises OSError, subprocess.TimeoutExpired."""
    process = subprocess.Popen(
        list(argv),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    with process:
        try:
            out, err = process.communicate(timeout=seconds)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return process.returncode, out, err


class Passphrases:
    """Safe to use from many threads. A passphrase is never kept in memory here.

    Args:
        folder: for those that were made up; made private (0700).
        run: runs a passphrase_command.
    """

    def __init__(self, folder: Path, run: Run = ask):
        self._folder, self._run = folder, run

    def __repr__(self) -> str:
        return f"Passphrases({str(self._folder)!r})"

    def of(self, repository: Repository) -> bytes:
        """The passphrase, without a line break at its end.

        Raises:
            AskOperator: the command fails or prints nothing, or the file cannot be used.
            BadInput: the command cannot be taken apart into words.
        """
        if repository.passphrase_command:
            return self._asked(repository)
        return self._kept(repository)

    def set(self, repository: Repository, passphrase: bytes) -> None:
        """Keep the passphrase of a repository that was made elsewhere.

        Raises:
            BadInput: it is none, or another one is kept already.
            AskOperator: the file cannot be written.
        """
        wanted = _checked(passphrase, repository, BadInput)
        if repository.passphrase_command:
            raise BadInput(
                f"the passphrase of {repository.key} comes from its passphrase_command",
                host=repository.host,
                action="keep a passphrase",
                hint="remove passphrase_command from the configuration first",
            )
        if self._kept(repository, wanted) != wanted:
            raise BadInput(
                f"another passphrase is kept for {repository.key}",
                host=repository.host,
                action="keep a passphrase",
                hint=f"if it is of no use any more, remove {self.file(repository)}",
            )

    def file(self, repository: Repository) -> Path:
        """Where a passphrase that was made up is kept."""
        name, _, rest = repository.key.partition("/")
        return self._folder / quote(name, safe="") / f"{quote(rest, safe='+')}.pass"

    # made up and kept

    def _kept(self, repository: Repository, wanted: bytes = b"") -> bytes:
        path = self.file(repository)
        try:
            found = _read(path)
            if found is None:
                private_dir(self._folder)
                private_dir(path.parent)
                _create(path, wanted or secrets.token_urlsafe(RANDOM_BYTES).encode())
                found = _read(path)
        except OSError as error:
            raise AskOperator(
                f"cannot use {path}: {error.strerror}",
                host=repository.host,
                action=ACTION,
                hint="check its owner, its mode and the space on its disk",
            ) from error
        return _checked(found or b"", repository, AskOperator)

    # what a command prints

    def _asked(self, repository: Repository) -> bytes:
        argv = command_of(repository)
        try:
            status, out, err = self._run(argv, COMMAND_SECONDS)
        except subprocess.TimeoutExpired:
            raise _failed(repository, argv, f"did not end within {COMMAND_SECONDS:g} s") from None
        except OSError as error:
            raise _failed(repository, argv, f"cannot be started: {error.strerror}") from error
        if status != 0:
            said = decode(err.strip()[-300:], 300)  # never its stdout: that may be the passphrase
            raise _failed(repository, argv, f"ended with {status}{': ' if said else ''}{said}")
        if not out.rstrip(b"\r\n"):
            raise _failed(repository, argv, "printed nothing")
        return _checked(out, repository, AskOperator)


def command_of(repository: Repository) -> tuple[str, ...]:
    """The words of its passphrase_command; {host} and {repository} are replaced in each of them.

    {repository} is the place's name, "NAME+secrets" for the repository of secrets, so that it can have another passphrase.

    Raises:
        BadInput: it cannot be taken apart.
    """
    try:
        words = shlex.split(repository.passphrase_command)
    except ValueError as error:
        raise BadInput(
            f"passphrase_command of {repository.name!r} cannot be taken apart: {error}", hint="close every quote"
        ) from error
    if not words:
        raise BadInput(f"passphrase_command of {repository.name!r} is empty")
    name = f"{repository.name}+secrets" if repository.secrets else repository.name
    return tuple(word.replace("{host}", repository.host).replace("{repository}", name) for word in words)


def _failed(repository: Repository, argv: Sequence[str], why: str) -> AskOperator:
    return AskOperator(
        f"the passphrase_command ({argv[0]}) {why}",
        host=repository.host,
        action=ACTION,
        hint=f"run it by hand: {shlex.join(argv)}",
    )


def _checked(found: bytes, repository: Repository, error: type[AskOperator] | type[BadInput]) -> bytes:
    """`found` without its line break, when Borg can take it from a pipe."""
    passphrase = found.rstrip(b"\r\n")
    problem = ""
    if not passphrase:
        problem = "is empty"
    elif len(passphrase) > LIMIT_BYTES:
        problem = f"is longer than {LIMIT_BYTES} bytes"
    elif b"\0" in passphrase or not _is_text(passphrase):
        problem = "is no text (UTF-8)"
    if problem:
        raise error(f"the passphrase of {repository.key} {problem}", host=repository.host, action=ACTION)
    return passphrase


def _is_text(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _read(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            return file.read(LIMIT_BYTES + 2)
    except FileNotFoundError:
        return None


def _create(path: Path, data: bytes) -> None:
    """Whole, durable, 0600, and never in the place of one that is there: two engines may come here at once."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data + b"\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(name, path)
        except FileExistsError:
            return  # somebody was faster; theirs is the one
        _sync_folder(path.parent)
    finally:
        Path(name).unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
