"""Foresees which configuration files will be kept as they are, because somebody has changed them on the host.

dpkg knows the sum of every configuration file as it was delivered. Where the file on the disk differs and the package brings a
new one, the host's own is kept and the new one laid beside it: work for afterwards that is better known before.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from backends.execution import Exec
from backends.states import Severity
from backends.updates.apt_ask import ask
from backends.updates.caution import listed
from backends.updates.model import Caution, Change

QUERY = ("dpkg-query", "-W", "-f=${Conffiles}\\n")
SUMS = ("md5sum", "--")
_DELIVERED = re.compile(r" (/\S+) ([0-9a-f]{32})")
"""Obsolete ones have a word behind the sum: no package brings them any more."""
_ON_DISK = re.compile(r"([0-9a-f]{32})  (/\S+)")
MOST_FILES = 2000
"""In one command line."""


def delivered(text: str) -> dict[str, str]:
    """File → sum as delivered, from the output of `QUERY`."""
    return {found[1]: found[2] for line in text.splitlines() if (found := _DELIVERED.fullmatch(line))}


def changed(known: dict[str, str], sums: str) -> tuple[str, ...]:
    """The files whose sum on the disk (from the output of `SUMS`) is another one; a file that is gone is not kept."""
    found = (_ON_DISK.fullmatch(line) for line in sums.splitlines())
    return tuple(sorted(each[2] for each in found if each and known.get(each[2], each[1]) != each[1]))


def foresee(host: Exec, changes: Iterable[Change]) -> tuple[Caution, ...]:
    """A warning that names the changed configuration files of packages that would be upgraded. Raises SwarmError."""
    names = [f"{each.name}:{each.architecture}" for each in changes if each.installed and each.kind != "remove"]
    known = delivered(ask(host, (*QUERY, *names)).text) if names else {}
    if not known:
        return ()
    files = changed(known, ask(host, (*SUMS, *list(known)[:MOST_FILES]), become=True).text)
    if not files:
        return ()
    text = f"changed on this host, so a new version will not be taken: {listed(files)}"
    return (Caution(kind="conffiles", text=text, severity=Severity.WARNING),)
