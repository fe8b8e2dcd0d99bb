"""What OpenSSH, or without it the library's reader, says about one host: option name → values."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

import paramiko

from backends.errors import BadInput
from backends.ssh.target import Wish
from backends.text import clean

Options = dict[str, list[str]]
"""Option name (lower case) → its values in order."""

ASK_SECONDS = 10.0
NOT_HONOURED = ("knownhostscommand", "pkcs11provider", "revokedhostkeys", "bindaddress", "bindinterface")
LENIENT = frozenset({"no", "off", "false", "accept-new"})
WANTED = frozenset(
    {
        "hostname",
        "user",
        "port",
        "identityfile",
        "certificatefile",
        "identityagent",
        "identitiesonly",
        "hostkeyalias",
        "userknownhostsfile",
        "globalknownhostsfile",
        "hashknownhosts",
        "proxycommand",
        "proxyjump",
        "stricthostkeychecking",
        *NOT_HONOURED,
    }
)


def first(options: Mapping[str, list[str]], name: str) -> str:
    """The first value of an option; "" when it is not set."""
    values = options.get(name)
    return values[0] if values else ""


def ask_openssh(program: str, config_file: str | None, wish: Wish) -> Options:
    """The options as `ssh -G` prints them. Raises BadInput with what ssh says."""
    argv = [program, "-G", *(["-F", config_file] if config_file else [])]
    argv += ["-o", f"HostName={wish.address.replace('%', '%%')}"] if wish.address else []
    argv += ["-p", str(wish.port)] if wish.port else []
    argv += ["-l", wish.user] if wish.user else []
    try:
        done = subprocess.run(
            [*argv, "--", wish.name], stdin=subprocess.DEVNULL, capture_output=True, timeout=ASK_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BadInput(
            f"ssh -G does not answer: {error}", host=wish.name, action="read the SSH configuration"
        ) from error
    if done.returncode != 0:
        lines = [line for line in done.stderr.decode("utf-8", "replace").splitlines() if "Pseudo-terminal" not in line]
        raise BadInput(
            f"SSH configuration: {clean(lines[0] if lines else f'ssh -G failed ({done.returncode})', 200)}",
            host=wish.name,
            action="read the SSH configuration",
            hint=f"ssh -G {wish.name}",
        )
    return parse_answer(done.stdout.decode("utf-8", "surrogateescape"))


def parse_answer(text: str) -> Options:
    """`ssh -G` output: one option a line, repeated options in order; only those of interest."""
    options: Options = {}
    for line in text.splitlines():
        name, _, value = line.partition(" ")
        if name.lower() in WANTED:
            options.setdefault(name.lower(), []).append(value.strip())
    return options


def fallback(config_file: str | None, wish: Wish) -> Options:
    """The options as the library's reader sees them. Raises BadInput when it cannot read the file."""
    path = Path(config_file) if config_file else Path.home() / ".ssh/config"
    if config_file == "none" or not path.exists():
        return {}
    try:
        found = paramiko.SSHConfig.from_path(str(path)).lookup(wish.name)
    except (OSError, paramiko.SSHException, ValueError) as error:
        raise BadInput(
            f"{path}: {clean(str(error), 200)}", host=wish.name, action="read the SSH configuration"
        ) from error
    options: Options = {}
    for name, value in found.items():
        if name in WANTED:
            options[name] = [str(item) for item in value] if isinstance(value, list) else [str(value)]
    return options
