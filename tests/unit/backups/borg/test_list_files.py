"""The files of an archive, with their very names."""

from __future__ import annotations

import hashlib
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.backups.borg.dialect import Dialect
from backends.backups.borg.list_files import argv, decode, decode_hashed
from backends.backups.model import BrowseEntry
from backends.backups.names import escaped, unescaped
from tests.unit.backups.borg.captured import VERSIONS, out

NAMES = (
    *("added", "zhard", "plain", "new\nline", "esc\x1b[31m", "q'uo\"te", "back\\slash", "bad\udcff\udcfe", "x" * 255),
    *(
        "*glob?[a]",
        "ünï",
        "sp ace",
        "pp:odd",
        "{now}",
        "tab\t",
        "\u202egnp.exe",
        "models",
        "models/opt.bin",
        "link",
        "fifo",
    ),
)


def row(path: str, **fields: str) -> bytes:
    """A line as Borg writes it."""
    values = {"mode": "-rw-r--r--", "size": "5", "time": "2026-11-26T02:00:00.5", "health": "healthy", "source": ""}
    values |= fields
    return (
        f"{values['mode']} {values['size']} {values['time']} {values['health']} 'root'\t'wheel'\t"
        f"{values['source']!a}\t{path!a}\n"
    ).encode()


def test_the_line() -> None:
    found = argv(Dialect(), "/srv/repo", "a", ("srv/-x",), hashes=True)
    assert found[:4] == ("borg", "--log-json", "list", "--format")
    assert found[4].endswith("\t{sha256}{LF}") and found[5:] == ("/srv/repo::a", "pp:srv/-x")


@pytest.mark.parametrize("version", VERSIONS)
def test_every_name_of_a_real_archive_is_exact(version: str) -> None:
    entries = [decode(line) for line in out(version, "list-files").splitlines()]
    assert None not in entries
    found = {unescaped(each.path): each for each in entries if each}
    assert set(found) == {"srv/data", *(f"srv/data/{name}" for name in NAMES)}
    assert found["srv/data"].type == "d" and found["srv/data/fifo"].type == "p"
    link = found["srv/data/link"]
    assert (link.type, link.target, link.mode) == ("l", "models/opt.bin", "lrwxrwxrwx")
    model = found["srv/data/models/opt.bin"]
    assert (model.size, model.user, model.healthy) == (6_000_005, "root", True)
    assert model.mtime is not None and 1_795_650_000 < model.mtime < 1_795_700_000
    hard = found["srv/data/plain"]
    assert (hard.type, hard.target, hard.mode) == ("h", "srv/data/zhard", "-rw-------")


@pytest.mark.parametrize("version", VERSIONS)
def test_hashes(version: str) -> None:
    found = {row[0].path: row[1] for line in out(version, "list-hashes").splitlines() if (row := decode_hashed(line))}
    assert found["srv/data/sp ace"] == hashlib.sha256(b"sp ace").hexdigest()
    assert found["srv/data"] == "" and found["srv/data/link"] == ""
    assert len({digest for digest in found.values() if digest}) > 10


@pytest.mark.parametrize("version", VERSIONS)
def test_a_file_that_lost_data_says_so(version: str) -> None:
    found = [decode(line) for line in out(version, "list-broken").splitlines()]
    assert [(each.path, each.healthy) for each in found if each] == [
        ("srv/data/models", True),
        ("srv/data/models/opt.bin", False),
    ]


def test_a_user_without_a_name_is_a_number() -> None:
    line = b"-rw-r--r-- 1 2026-11-26T02:00:00 healthy 1000\t1001\t''\t'a'\n"
    found = decode(line)
    assert found is not None and (found.user, found.group) == ("1000", "1001")


def test_an_owner_with_spaces_and_quotes() -> None:
    line = b"-rw-r--r-- 1 2026-11-26T02:00:00 healthy 'DOMAIN\\\\jane doe'\t\"it's\"\t''\t'a'"
    found = decode(line)
    assert found is not None and (found.user, found.group) == ("DOMAIN\\jane doe", "it's")


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"borg: error",
        row("a").replace(b"-rw", b"?rw"),
        row("a", mode="-rw"),
        row("a").replace(b"'a'", b"a"),
        row("a").replace(b"'a'", b"'\\"),
        row("a").replace(b"'a'", b"__import__('os')\\n"),
        row("a").replace(b"'a'", b"['a']\\"),
        row(""),
        row("x" * 70_000),
        row("a") + row("b"),
        b"\xff\t\xff\t\xff\t\xff",
    ],
)
def test_what_is_no_row_is_nothing(line: bytes) -> None:
    assert decode(line) is None


def test_odd_numbers_are_missing() -> None:
    found = decode(row("a", size="-7", time="yesterday"))
    assert found == BrowseEntry(path="a", type="-", mode="-rw-r--r--", user="root", group="wheel")


@given(st.binary(min_size=1, max_size=200).filter(lambda name: b"\0" not in name and name.strip(b"/")))
def test_any_name_comes_back_byte_for_byte(name: bytes) -> None:
    found = decode(row(os.fsdecode(name).strip("/")))
    assert found is not None
    assert os.fsencode(unescaped(found.path)) == name.strip(b"/")


@given(st.binary(max_size=300))
def test_any_line_is_a_row_or_nothing(line: bytes) -> None:
    decode(line)


@given(st.integers(0, 120), st.binary(max_size=4))
def test_any_damaged_row_is_safe(at: int, damage: bytes) -> None:
    whole = row("srv/da\nta", source="\x1b[2J")
    found = decode(whole[:at] + damage + whole[at + 1 :])
    if found is not None:
        assert escaped(found.path).replace("\\\\", "\\") == found.path
