"""Which files of a host belong to packages that an update has changed.

dpkg is asked for the owners of the files, which is a short answer; rpm and pacman tell only the owners of one file at a time,
so they are asked for the files of the packages.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from backends.execution import Exec
from backends.updates import apt_ask, dnf_ask

MOST = 1000
"""Files, or packages, in one command line."""
_OWNER = re.compile(r"(?P<names>[^\s/:][^/]*): (?P<path>/.*)")
"""libc6:amd64, libc6:i386: /etc/ld.so.conf.d"""
_MERGED = ("/usr/lib/", "/usr/bin/", "/usr/sbin/")
"""A package may name them without /usr."""


def owned(host: Exec, manager: str, packages: Collection[str], paths: Collection[str]) -> frozenset[str]:
    """Those of `paths` that belong to one of these packages; what nobody could tell is not among them.

    Args:
        host: is asked.
        manager: as `HostPlan.manager`.
        packages: names, with or without an architecture.
        paths: absolute ones.

    Raises:
        SkipHost: no such program, or an answer that is too long.
        RetryLater, AskOperator: as `Exec.run`.
    """
    names = sorted({_bare(each) for each in packages if _plain(each)})[:MOST]
    wanted = sorted(each for each in paths if each.startswith("/") and _plain(each))[:MOST]
    if not names or not wanted:
        return frozenset()
    if manager == "apt":
        said = apt_ask.ask(host, ("dpkg-query", "-S", "--", *dict.fromkeys(_asked(wanted))))
        return by_dpkg(said.text, names, wanted)
    argv = ("pacman", "-Qlq", "--") if manager == "pacman" else ("rpm", "-q", "--qf", r"[%{FILENAMES}\n]", "--")
    return by_files(dnf_ask.ask(host, (*argv, *names)).text, wanted)


def by_dpkg(text: str, packages: Collection[str], paths: Collection[str]) -> frozenset[str]:
    """From `dpkg-query -S`: a line for each file that has owners; others are told on stderr."""
    known, found = set(packages), set[str]()
    for line in text.splitlines():
        match = _OWNER.fullmatch(line)
        if match is not None and known & {_bare(each.strip()) for each in match["names"].split(",")}:
            found |= {match["path"], f"/usr{match['path']}"}
    return frozenset(found & set(paths))


def by_files(text: str, paths: Collection[str]) -> frozenset[str]:
    """From a list of files, one a line; pacman's folders end in a slash."""
    return frozenset({line.rstrip("/") for line in text.splitlines()} & set(paths))


def _asked(paths: Sequence[str]) -> Iterator[str]:
    """Each file, and what it was called before /usr was merged. dpkg takes * ? [ and \\ for patterns."""
    for path in paths:
        escaped = re.sub(r"([*?\[\]\\])", r"\\\1", path)
        yield escaped
        if path.startswith(_MERGED):
            yield escaped.removeprefix("/usr")


def _bare(name: str) -> str:
    """Without its architecture."""
    return name.partition(":")[0]


def _plain(text: str) -> bool:
    """Names come from hosts: nothing that could be an option, or more than one argument."""
    return bool(text) and not text.startswith("-") and text.isprintable()
