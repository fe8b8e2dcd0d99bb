"""Reads dpkg's own records: what is installed, in which version, and whether dpkg was interrupted.

`apt-get check`, `apt-get -s` and `dpkg --audit` all end with 0 on an interrupted host: only these records tell.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from backends.execution import Exec
from backends.metrics.sample import Record
from backends.updates.apt_ask import ask

QUERY = (
    "dpkg-query",
    "-W",
    "-f=${Package}|${Architecture}|${Version}|${source:Package}|${source:Version}|${db:Status-Abbrev}\\n",
)
JOURNAL = "/var/lib/dpkg/updates"
"""dpkg's journal; files of digits alone in it are steps that were never finished."""
UNFINISHED = ("find", JOURNAL, "-maxdepth", "1", "-type", "f", "-name", "[0-9]*")
_STEP = re.compile(r".*/[0-9]+")

_STATES = {
    "H": "half-installed",
    "U": "unpacked, not configured",
    "F": "half-configured",
    "W": "waits for triggers",
    "t": "triggers pending",
}


class Package(Record, frozen=True, kw_only=True):
    """One row of dpkg."""

    name: str
    architecture: str
    version: str
    source: str = ""
    source_version: str = ""
    status: str = "ii "
    """Want, state, error: dpkg's own three letters."""

    @property
    def installed(self) -> bool:
        """Files of it are on the disk, configured or not."""
        return self.status[1:2] not in ("n", "c")

    @property
    def trouble(self) -> str:
        """What is unfinished about it; "" when nothing is."""
        if self.status[2:3] == "R":
            return "must be installed again"
        return _STATES.get(self.status[1:2], "")


def parse(text: str) -> tuple[Package, ...]:
    """The packages in the output of `QUERY`; lines of another shape are passed over."""
    return tuple(package for package in map(_package, text.splitlines()) if package is not None)


def by_key(packages: Iterable[Package]) -> dict[tuple[str, str], Package]:
    """(name, architecture) → the package, installed ones only."""
    return {(each.name, each.architecture): each for each in packages if each.installed}


def troubles(packages: Iterable[Package]) -> tuple[str, ...]:
    """One sentence for each package that dpkg has not finished with."""
    return tuple(f"{each.name} is {each.trouble}" for each in packages if each.trouble)


def unfinished(text: str) -> tuple[str, ...]:
    """The steps in dpkg's journal, from the output of `UNFINISHED`."""
    return tuple(line for line in text.split() if _STEP.fullmatch(line))


def read_packages(host: Exec) -> tuple[Package, ...]:
    """What dpkg has on a host. Raises SwarmError."""
    return parse(ask(host, QUERY).text)


def read_troubles(host: Exec, packages: Iterable[Package]) -> tuple[str, ...]:
    """Why no change may start on this host before dpkg is repaired; nothing when it is sound. Raises SwarmError."""
    steps = unfinished(ask(host, UNFINISHED).text)
    journal = (f"dpkg was interrupted ({len(steps)} unfinished steps in {JOURNAL})",) if steps else ()
    return (*troubles(packages), *journal)


def _package(line: str) -> Package | None:
    parts = line.split("|")
    if len(parts) != 6 or not parts[0] or len(parts[5]) < 2:
        return None
    name, architecture, version, source, source_version, status = parts
    return Package(
        name=name,
        architecture=architecture,
        version=version,
        source=source,
        source_version=source_version,
        status=status,
    )
