"""The environment that Borg runs in beside the engine: everything of Borg's is decided here, nothing is inherited."""

from __future__ import annotations

import re
import shlex
import socket
import uuid
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from backends.backups.model import Repository
from backends.errors import BadInput

ANSWERS: Mapping[str, frozenset[str]] = {
    "BORG_RELOCATED_REPO_ACCESS_IS_OK": frozenset({"yes", "no"}),
    "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": frozenset({"yes", "no"}),
    "BORG_CHECK_I_KNOW_WHAT_I_AM_DOING": frozenset({"YES", "NO"}),
    "BORG_DELETE_I_KNOW_WHAT_I_AM_DOING": frozenset({"YES", "NO"}),
}
"""Borg's questions and what can be answered; each only for the one run that a person confirmed."""

FIXED = {
    "TZ": "UTC",  # times in Borg's JSON are naive local time, and prune counts days by it
    "LC_ALL": "C.UTF-8",
    "BORG_EXIT_CODES": "modern",  # 1.4; older ones ignore it
    "BORG_SELFTEST": "disabled",
    "BORG_SHOW_SYSINFO": "no",
    "BORG_FILES_CACHE_TTL": "200",  # each series of archives ages every other one's entries (reference: §6)
}
_FOREIGN = ("BORG_", "PYTHON", "LC_")
_HOST_ID = re.compile(r"[^A-Za-z0-9._-]+")


def answers(confirm: Mapping[str, str]) -> dict[str, str]:
    """`confirm`, checked. Raises BadInput for anything that is no question of Borg's, or no answer to it."""
    for name, answer in confirm.items():
        if answer not in ANSWERS.get(name, frozenset()):
            raise BadInput(f"Borg asks no such question, or takes no such answer: {name}={answer!r}")
    return dict(confirm)


def inherited(environment: Mapping[str, str]) -> dict[str, str]:
    """What of the engine's own environment Borg may see (PATH, HOME, SSH_AUTH_SOCK …)."""
    return {name: value for name, value in environment.items() if not name.startswith(_FOREIGN) and name != "LANGUAGE"}


def environment(
    repository: Repository,
    own: Mapping[str, str],
    *,
    base: Path,
    passphrase_fd: int,
    rsh: Sequence[str] = (),
    confirm: Mapping[str, str] = {},
) -> dict[str, str]:
    """Everything that Borg finds in its environment.

    Args:
        repository: what it works on.
        own: the engine's environment.
        base: keeps Borg's caches and its memory of this repository; private.
        passphrase_fd: where it reads the passphrase.
        rsh: how it reaches another machine.
        confirm: answers to its questions.

    Raises:
        BadInput: an answer to no question.
    """
    found = inherited(own) | FIXED | answers(confirm)
    found["BORG_BASE_DIR"] = str(base)
    found["BORG_HOST_ID"] = host_id()
    found["BORG_PASSPHRASE_FD"] = str(passphrase_fd)
    if repository.remote:
        found["BORG_RSH"] = shlex.join(rsh or ("ssh",))
        if repository.borg != "borg":
            found["BORG_REMOTE_PATH"] = repository.borg
    return found


def serve_environment(own: Mapping[str, str], base: Path) -> dict[str, str]:
    """For `borg serve` beside the engine: it has the repository and knows nothing else."""
    found = inherited(own) | FIXED
    return found | {"BORG_BASE_DIR": str(base), "BORG_HOST_ID": host_id()}


@lru_cache(maxsize=1)
def host_id() -> str:
    """Names this machine in Borg's locks: a name that does not change, also where network cards do or are cloned."""
    return f"{_HOST_ID.sub('-', socket.gethostname()) or 'host'}@{_machine_id()}"


def _machine_id() -> str:
    for path in ("/etc/machine-id", "/var/lib/dbus/machine-id"):
        try:
            text = Path(path).read_text("ascii").strip()
        except (OSError, UnicodeDecodeError):
            continue
        if re.fullmatch(r"[0-9a-f]{32}", text):
            return text
    return f"{uuid.getnode():x}"
