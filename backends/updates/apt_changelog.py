"""Reads which CVEs an update fixes out of the changelog inside its downloaded .deb: no tracker and no network needed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from backends.execution import Exec
from backends.updates.apt_ask import ask
from backends.updates.apt_state import Package
from backends.updates.debian_version import compare, is_newer
from backends.updates.model import Change

ARCHIVES = "/var/cache/apt/archives"
DOWNLOADED = ("find", ARCHIVES, "-maxdepth", "1", "-type", "f", "-name", "*.deb")
FILES_AT_ONCE = 100
"""Packages whose changelogs are read in one go."""
HEAD_LINES = 1500
"""Of one changelog; the stanzas since the installed version stand first."""
LINE_LENGTH = 400
MOST_CVES = 200
"""Of one package."""
MARK = "=== "

SCRIPT = f"""
for deb in "$@"; do
  echo "{MARK}$deb"
  dpkg-deb --fsys-tarfile "$deb" 2>/dev/null |
    tar -xO --wildcards './usr/share/doc/*/changelog.Debian.gz' './usr/share/doc/*/changelog.gz' 2>/dev/null |
    zcat 2>/dev/null | head -n {HEAD_LINES} |
    LC_ALL=C grep -aE '^[a-z0-9][a-z0-9+.-]* \\([^)]*\\) .*;|CVE-' | cut -c -{LINE_LENGTH}
done
:
"""
"""Constant; the files are its arguments. Only first lines of stanzas and lines with a CVE travel; a package without a
changelog leaves an empty section."""

_STANZA = re.compile(r"[a-z0-9][a-z0-9+.-]* \(([0-9A-Za-z.+:~-]+)\) .*;.*")
_CVE = re.compile(r"\bCVE-\d{4}-\d{4,7}\b")
_REBUILD = re.compile(r"\+b\d+$")


def fixed(changelog: str, installed: str) -> tuple[str, ...]:
    """The CVEs named in the stanzas that are newer than `installed`, in order of appearance.

    Reading ends at the first stanza that the host already has: what was fixed before is not an update's merit.
    """
    base = _REBUILD.sub("", installed)
    found: dict[str, None] = {}
    inside = False
    for line in changelog.splitlines():
        if stanza := _STANZA.fullmatch(line):
            if compare(stanza[1], base) <= 0:
                break
            inside = True
        elif inside:
            found |= dict.fromkeys(_CVE.findall(line))
    return tuple(found)[:MOST_CVES]


def sections(text: str) -> dict[str, str]:
    """File → changelog, from the output of `SCRIPT`."""
    found: dict[str, list[str]] = {}
    current: list[str] = []
    for line in text.splitlines():
        if line.startswith(f"{MARK}{ARCHIVES}/"):
            current = found.setdefault(line.removeprefix(MARK), [])
        else:
            current.append(line)
    return {name: "\n".join(lines) for name, lines in found.items()}


def read_cves(
    host: Exec, changes: Sequence[Change], installed: Mapping[tuple[str, str], Package]
) -> dict[str, tuple[str, ...]]:
    """Package → CVEs that its pending update fixes, for those whose .deb has been fetched. Raises SwarmError."""
    files = _wanted(ask(host, DOWNLOADED).text.split(), changes)
    names = tuple(files)
    texts: dict[str, str] = {}
    for start in range(0, len(names), FILES_AT_ONCE):
        texts |= sections(ask(host, ("sh", "-c", SCRIPT, "sh", *names[start : start + FILES_AT_ONCE])).text)
    own = {change.name: texts.get(file, "") for file, change in files.items()}
    return {change.name: fixed(_log(change, own, installed), _have(change, installed)) for change in files.values()}


def file_name(change: Change) -> str:
    """What apt calls the download of a change: the colon of an epoch is encoded."""
    return f"{change.name}_{change.candidate.replace(':', '%3a')}_{change.architecture}.deb"


def _wanted(found: Iterable[str], changes: Sequence[Change]) -> dict[str, Change]:
    there = set(found)
    pairs = ((f"{ARCHIVES}/{file_name(change)}", change) for change in changes if change.candidate and change.installed)
    return {file: change for file, change in pairs if file in there}


def _log(change: Change, own: Mapping[str, str], installed: Mapping[tuple[str, str], Package]) -> str:
    """Its own changelog or, where that is only a link to a sibling's, one of another package of the same source."""
    if own.get(change.name):
        return own[change.name]
    sources = {package.name: package.source for package in installed.values()}
    source = sources.get(change.name)
    return next((text for name, text in own.items() if text and source and sources.get(name) == source), "")


def _have(change: Change, installed: Mapping[tuple[str, str], Package]) -> str:
    """The installed version as the changelog counts: the source's."""
    package = installed.get((change.name, change.architecture))
    version = package.source_version if package else ""
    return version if version and not is_newer(version, change.candidate) else change.installed
