"""Which Borg it is, whether it can be worked with, and what is known against it."""

from __future__ import annotations

import re

from backends.backups.borg.dialect import Dialect
from backends.errors import SkipHost
from backends.metrics.sample import Record
from backends.text import clean, decode

OLDEST, NEXT_MAJOR = (1, 2, 0), 2
_VERSION = re.compile(r"^borg(?:\.exe)? (\d{1,4})\.(\d{1,4})(?:\.(\d{1,4}))?", re.MULTILINE)
_FUSE = re.compile(r"\bfuse: (\S+)")


class Vulnerability(Record, frozen=True, kw_only=True):
    """Something that is known against versions before `fixed`."""

    id: str
    fixed: tuple[int, int, int]
    text: str


VULNERABILITIES = (
    Vulnerability(
        id="CVE-2023-36811",
        fixed=(1, 2, 5),
        text="whoever can write into a repository can make archives look genuine that are not",
    ),
    Vulnerability(
        id="CVE-2026-62268",
        fixed=(1, 4, 5),
        text="an archive made on purpose can write outside the directory that it is extracted into",
    ),
)


def parse(stdout: bytes) -> Dialect:
    """What `borg --version` printed.

    Raises:
        SkipHost: it is no Borg, or one that is not known (older than 1.2, or Borg 2).
    """
    text = decode(stdout, 400)
    match = _VERSION.search(stdout[:4096].decode("utf-8", "replace"))
    if match is None:
        raise SkipHost(
            f"not Borg: {clean(text, 80)!r}", action="ask for Borg's version", hint="install borgbackup 1.2 or 1.4"
        )
    found = Dialect(major=int(match[1]), minor=int(match[2]), patch=int(match[3] or 0))
    if not found.at_least(*OLDEST) or found.major >= NEXT_MAJOR:
        raise SkipHost(
            f"Borg {found.text} is not supported", action="ask for Borg's version", hint="install borgbackup 1.2 or 1.4"
        )
    return found


def has_fuse(stdout: bytes) -> bool | None:
    """Whether that Borg can mount, from `borg debug info`; None when it does not say."""
    match = _FUSE.search(stdout[:16384].decode("utf-8", "replace"))
    return match[1] != "None" if match else None


def problems(dialect: Dialect) -> tuple[str, ...]:
    """What is known against it, one sentence each."""
    return tuple(
        f"{each.id}: {each.text} (fixed in {'.'.join(map(str, each.fixed))})"
        for each in VULNERABILITIES
        if not dialect.at_least(*each.fixed)
    )
