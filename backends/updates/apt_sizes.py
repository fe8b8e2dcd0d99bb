"""Reads how much would be fetched and how much disk it takes, from `apt-get --print-uris`."""

from __future__ import annotations

import re
from decimal import Decimal
from urllib.parse import unquote

from backends.metrics.sample import Record

_URI = re.compile(r"'[^']*' (\S+) (\d{1,15})(?: .*)?")
_DISK = re.compile(
    r"After this operation, ([0-9][0-9,]{0,14}(?:\.[0-9]{1,3})?) ?([kMGT]?)B (?:of additional )?disk space will be (used|freed)\."
)
_SCALE = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
"""apt counts in thousands."""


class Sizes(Record, frozen=True, kw_only=True):
    """What a change costs."""

    files: dict[tuple[str, str], int] = {}
    """(package, version) → bytes to fetch; what is in the cache already is not listed."""
    disk_bytes: int | None = None
    """More disk used afterwards; negative when less; None when apt did not say."""

    @property
    def download_bytes(self) -> int:
        return sum(self.files.values())


def parse(text: str) -> Sizes:
    """The sizes in the output of `apt-get --print-uris -y …`."""
    files: dict[tuple[str, str], int] = {}
    for line in text.splitlines():
        if found := _URI.fullmatch(line):
            files[_package(found[1])] = int(found[2])
    return Sizes(files=files, disk_bytes=_disk(text))


def _package(file: str) -> tuple[str, str]:
    """ "libfoo_1%3a2.0-1_amd64.deb" → ("libfoo", "1:2.0-1")."""
    name, _, rest = file.partition("_")
    return name, unquote(rest.rpartition("_")[0])


def _disk(text: str) -> int | None:
    found = _DISK.search(text)
    if found is None:
        return None
    amount = int(Decimal(found[1].replace(",", "")) * _SCALE[found[2]])
    return amount if found[3] == "used" else -amount
