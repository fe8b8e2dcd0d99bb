"""How a kit program gets to a host: one command for the SSH channel and the bytes that follow on its stdin.

The command must survive every login shell (sh, bash, dash, zsh, csh, tcsh, fish): it is `exec /bin/sh -c '…'` with nothing
inside the quotes that any of them treats specially (no quote, exclamation mark, backslash or newline). The script finds a
python3 that is new enough, becomes root when asked, and says in one magic line why it cannot.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from backends.hostkit.bundle import PARTS, pack, version

Become = Literal["none", "sudo"]

MAGIC = b"swarm-kit 1 "
"""Starts every line with which the kit itself speaks before frames begin; anything else comes from a login shell."""

_LOADER = (
    "import os,sys,zlib;b=bytearray();"
    "[b.extend(os.read(0,{size}-len(b))or sys.exit(3))for _ in iter(lambda:len(b)<{size},False)];"
    "exec(zlib.decompress(b))"
)
"""Reads exactly `size` bytes unbuffered, so that stdin stays usable for control lines."""

_SCRIPT = (
    "PATH=$PATH:/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin; export PATH; o=; b=; s=; "
    'for p in python3 /usr/libexec/platform-python {names}; do q=$(command -v "$p") || continue; '
    'v=$("$q" -V 2>&1) || {{ b="$b $q: $v;"; continue; }}; '
    'case $v in "Python 3."[6-9]*|"Python 3."[1-9][0-9]*) ;; *) o="$o $q is $v;"; continue;; esac; '
    "{become}"
    'exec $s "$q" -I -S -c "{loader}"{errors}; done; echo; '
    'if [ -n "$o" ]; then echo "{magic}OLDPYTHON$o"; else echo "{magic}NOPYTHON$b"; fi; exit 86'
)
_SUDO = (
    'if [ "$(id -u)" -ne 0 ]; then '
    'e=$(sudo -n -- "$q" -V 2>&1 </dev/null) || {{ echo; echo "{magic}NOSUDO" $e; exit 87; }}; s="sudo -n --"; fi; '
)
_NAMES = " ".join(f"python3.{minor}" for minor in range(15, 5, -1))


class Launch(msgspec.Struct, frozen=True):
    """What starts a program on a host."""

    command: str
    """For the SSH channel's exec request; a shell string without anything from a host or a configuration in it."""
    payload: bytes
    """To be written to the channel's stdin first."""


def command(size: int, become: Become, *, apart: bool = False) -> str:
    """The shell command that loads and runs `size` bytes of payload from stdin.

    Args:
        size: of the payload.
        become: how to get root first.
        apart: leave stderr a stream of its own; otherwise it goes where stdout goes.
    """
    magic = MAGIC.decode()
    root = _SUDO.format(magic=magic) if become == "sudo" else ""
    errors = "" if apart else " 2>&1"
    script = _SCRIPT.format(names=_NAMES, become=root, loader=_LOADER.format(size=size), magic=magic, errors=errors)
    return f"exec /bin/sh -c '{script}'"


def probe_launch(*, interval_seconds: float, become: Become = "none") -> Launch:
    """The sampling probe; read its output with `backends.hostkit.reader.KitReader`."""
    arguments = {"interval": interval_seconds, "version": version("probe", PARTS)}
    payload = pack("probe", PARTS, arguments)
    return Launch(command(len(payload), become), payload)


def program_launch(
    program: str,
    arguments: object,
    become: Become = "none",
    parts: tuple[str, ...] = ("kit_text",),
    *,
    apart: bool = False,
) -> Launch:
    """A program that answers once and ends ("process"); read its output with `backends.hostkit.answer`.

    Args:
        program: a module in `backends/hostkit/programs`.
        arguments: plain data, given to it as `ARGUMENTS`.
        become: how to get root first.
        parts: the modules that it imports from there, each after those that it needs itself.
        apart: its stderr is a stream of its own: stdout carries something that is no text (a tar stream, Borg's RPC).
    """
    payload = pack(program, parts, arguments)
    return Launch(command(len(payload), become, apart=apart), payload)
