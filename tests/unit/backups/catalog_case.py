"""Archives, trees and a naive catalog that is surely right, for the tests of the real one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hypothesis import strategies as st

from backends.backups.model import Archive, BrowseEntry

HOUR = 3600.0
NOON = 1_800_000_000.0


def archive(letter: str, repository: str = "vault/gpu1", set_name: str = "models", **more: Any) -> Archive:
    """An archive that is `letter` hours old in the alphabet: "b" is an hour younger than "a"."""
    host = repository.partition("/")[2].removesuffix("+secrets")
    start = NOON + (ord(letter[0]) - ord("a")) * HOUR
    values = {"id": (letter * 64)[:64], "name": f"{set_name}.{letter}", "set": set_name, "host": host, "start": start}
    return Archive(**{"repository": repository, **values, **more})


def file(path: str, size: int = 1, **more: Any) -> BrowseEntry:
    values = {"mode": "-rw-r--r--", "user": "root", "group": "root", "mtime": 1.5}
    return BrowseEntry(path=path, type="-", size=size, **{**values, **more})


def directory(path: str, **more: Any) -> BrowseEntry:
    return BrowseEntry(path=path, type="d", mode="drwxr-xr-x", user="root", group="root", size=0, mtime=2.5, **more)


def link(path: str, target: str) -> BrowseEntry:
    return BrowseEntry(path=path, type="l", mode="lrwxrwxrwx", user="root", group="root", size=0, target=target)


def tree(entries: Iterable[BrowseEntry]) -> dict[str, BrowseEntry]:
    """What a catalog must know of a list: the last of each path, directories that were not listed, and counted children."""
    found: dict[str, BrowseEntry] = {}
    for entry in entries:
        known = found.get(entry.path)
        if known is None or known.type != "d" or entry.type == "d":
            found[entry.path] = entry
    for path in list(found):
        while path := path.rpartition("/")[0]:
            if path not in found or found[path].type != "d":
                found[path] = BrowseEntry(path=path, type="d")
    parents = [path.rpartition("/")[0] for path in found]
    return {path: _counted(entry, parents.count(path)) for path, entry in found.items()}


def _counted(entry: BrowseEntry, children: int) -> BrowseEntry:
    fields = {name: getattr(entry, name) for name in entry.__struct_fields__}
    return BrowseEntry(**{**fields, "children": children if entry.type == "d" else None})


paths = st.lists(st.sampled_from(["a", "b", "c9", "c10", "é"]), min_size=1, max_size=3).map("/".join)
entries = st.one_of(
    st.builds(file, paths, st.integers(0, 2)),
    st.builds(directory, paths),
    st.builds(link, paths, st.sampled_from(["", "a", "../b"])),
)
lists = st.lists(entries, max_size=14)
