"""The % tokens and ~ of OpenSSH's configuration values."""

from __future__ import annotations

import getpass
import hashlib
import os
import shlex
from collections.abc import Callable
from pathlib import Path

from backends import paths
from backends.ssh.target import Target


def path(value: str, target: Target) -> str:
    text = expand(value.strip('"'), target)
    return str(paths.expanded(text)) if text.startswith("~") else text


def expand(text: str, target: Target, *, quoted: bool = False) -> str:
    """OpenSSH's % tokens that a client can know; with `quoted` each value is quoted for sh where it needs it."""
    if "%" not in text:
        return text
    values: dict[str, Callable[[], str]] = {
        "%": lambda: "%",
        "h": lambda: target.address,
        "n": lambda: target.name,
        "k": lambda: target.host_key_alias or target.address,
        "p": lambda: str(target.port),
        "r": lambda: target.user,
        "d": lambda: str(Path.home()),
        "u": local_user,
        "i": lambda: str(os.getuid()),
        "l": lambda: os.uname().nodename,
        "L": lambda: os.uname().nodename.split(".")[0],
        "C": lambda: _connection_hash(target),
    }
    out, at = [], 0
    while at < len(text):
        if text[at] == "%" and at + 1 < len(text) and text[at + 1] in values:
            value = values[text[at + 1]]()
            out.append(shlex.quote(value) if quoted and text[at + 1] != "%" else value)
            at += 2
        else:
            out.append(text[at])
            at += 1
    return "".join(out)


def _connection_hash(target: Target) -> str:
    parts = f"{os.uname().nodename}{target.address}{target.port}{target.user}"
    return hashlib.sha1(parts.encode(), usedforsecurity=False).hexdigest()


def local_user() -> str:
    """Who runs this program."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
