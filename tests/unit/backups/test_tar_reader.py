"""Tar streams from anybody: what other programs write is read as they mean it, and nothing else gets through."""

from __future__ import annotations

import itertools
import tarfile
import time
from contextlib import suppress
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.backups.tar_reader import MOST_NAME_BYTES, TarReader
from backends.errors import RetryLater
from tests.unit.backups.snapshot_case import pieces
from tests.unit.hostkit.parts import program

LIMIT = 64 << 20
names = st.one_of(
    st.binary(min_size=1, max_size=30).filter(lambda name: b"\0" not in name),
    st.text(min_size=1, max_size=200)
    .map(lambda name: name.encode("utf-8", "replace"))
    .filter(lambda name: b"\0" not in name),
).map(lambda name: b"d/" + name.strip(b"/") + b"x")
Row = tuple[bytes, bytes, int, int, int, bytes, int]
rows = st.tuples(
    names,
    st.binary(max_size=1500),
    st.integers(0, 0o7777),
    st.one_of(st.integers(0, 70_000), st.sampled_from([0o7777777, 0o10000000, 1_000_000_001, 4_294_967_294])),
    st.integers(0, 70_000),
    st.sampled_from([b"root", b"", "jürgen".encode(), b"u" * 40]),
    st.integers(0, 1 << 33),
)


def read(data: bytes, size: int = 777, limit: int = LIMIT) -> list[tuple[bytes, str, int, int, int, bytes, int, bytes]]:
    reader = TarReader(pieces(data, size), limit)
    return [
        (
            each.name,
            each.type,
            each.mode,
            each.uid,
            each.gid,
            each.user,
            int(each.mtime),
            b"".join(reader.take(each.size)),
        )
        for each in reader.members()
    ]


def written(members: list[Row]) -> bytes:
    """By the program that runs on hosts."""
    kit = program("kit_snapshot_tar")
    parts = [kit.member(name, b"0", mode, uid, gid, user, user, mtime, data=data) for name, data, mode, uid, gid, user, mtime in members]  # fmt: skip
    return b"".join(parts) + b"\0" * 1024


@given(st.lists(rows, max_size=4), st.integers(1, 2000))
def test_what_the_program_writes_is_read_as_it_was(members: list[Row], size: int) -> None:
    expected = [(name, "-", mode, uid, gid, user, mtime, data) for name, data, mode, uid, gid, user, mtime in members]
    assert read(written(members), size) == expected


@given(st.lists(rows, min_size=1, max_size=4))
def test_the_standard_librarys_reader_agrees_with_what_the_program_writes(members: list[Row]) -> None:
    with tarfile.open(fileobj=BytesIO(written(members)), errors="surrogateescape", encoding="utf-8") as tar:
        found = [
            (each.name.encode("utf-8", "surrogateescape"), each.mode, each.uid, each.mtime, content_of(tar, each))
            for each in tar
        ]
    assert found == [(name, mode, uid, mtime, data) for name, data, mode, uid, _, _, mtime in members]


def content_of(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(member)
    assert file is not None
    return file.read()


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
@given(members=st.lists(rows, max_size=4))
def test_the_formats_of_other_writers_are_read(form: int, members: list[Row]) -> None:
    out = BytesIO()
    expected = []
    with tarfile.open(fileobj=out, mode="w", format=form, encoding="utf-8", errors="surrogateescape") as tar:
        for name, data, mode, uid, gid, user, mtime in members:
            info = tarfile.TarInfo(name.decode("utf-8", "surrogateescape"))
            info.mode, info.uid, info.gid, info.size, info.mtime = mode, uid, gid, len(data), mtime
            info.uname = user.decode()
            try:
                tar.addfile(info, BytesIO(data))
            except ValueError:
                continue  # more than this format can say
            shown = user if form == tarfile.PAX_FORMAT else user[:32]
            expected.append((name, "-", mode, uid, gid, shown, mtime, data))
    assert [row[:5] + row[6:] for row in read(out.getvalue())] == [row[:5] + row[6:] for row in expected]


def test_directories_links_and_devices_are_told_apart() -> None:
    out = BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, kind, link in (
            ("./etc/", tarfile.DIRTYPE, ""),
            ("./etc/link", tarfile.SYMTYPE, "/x" * 90),
            ("/etc/hard", tarfile.LNKTYPE, "etc/a"),
            ("etc/null", tarfile.CHRTYPE, ""),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, link
            tar.addfile(info)
    found = list(TarReader([out.getvalue()], LIMIT).members())
    assert [(each.name, each.type) for each in found] == [
        (b"etc", "d"),
        (b"etc/link", "l"),
        (b"etc/hard", "h"),
        (b"etc/null", "?"),
    ]
    assert found[1].link == b"/x" * 90


def test_content_that_is_not_taken_is_passed_over() -> None:
    data = written([(b"a", b"1" * 3000, 0o644, 0, 0, b"", 0), (b"b", b"2", 0o644, 0, 0, b"", 0)])
    assert [each.name for each in TarReader(pieces(data, 100), LIMIT).members()] == [b"a", b"b"]


@given(st.integers(0, 3583))
def test_one_that_is_cut_off_anywhere_is_no_tar(place: int) -> None:
    data = written([(b"a", b"1" * 600, 0o644, 0, 0, b"", 0), (b"n" * 150, b"2", 0o644, 0, 0, b"", 0)])
    end = len(data) - 1024
    with pytest.raises(RetryLater, match="cut off"):
        read(data[: min(place, end)])


@given(st.binary(max_size=3000))
def test_anything_else_is_refused_in_words(data: bytes) -> None:
    try:
        read(data)
    except RetryLater as error:
        assert "not a whole tar stream" in error.message and error.hint


@given(st.data())
def test_a_damaged_one_is_refused_or_read_within_bounds(data: st.DataObject) -> None:
    whole = bytearray(written([(b"a", b"1" * 60, 0o644, 0, 0, b"", 0), ("ü".encode() * 60, b"2", 0o644, 0, 0, b"", 0)]))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    with suppress(RetryLater):
        assert len(read(bytes(whole))) <= 4


def header(name: bytes, kind: bytes, size: int) -> bytes:
    found: bytes = program("kit_snapshot_tar").header(name, kind, 0o644, 0, 0, b"", b"", 0, 0, b"")
    field = b"\x80" + size.to_bytes(11, "big")
    block = found[:124] + field + found[136:148] + b" " * 8 + found[156:]
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


@pytest.mark.parametrize("kind", [b"x", b"g", b"L", b"K"])
def test_a_name_that_claims_to_be_huge_is_not_waited_for(kind: bytes) -> None:
    with pytest.raises(RetryLater, match="a name of"):
        read(header(b"x", kind, MOST_NAME_BYTES + 1) + b"\0" * 4096)


def test_a_file_larger_than_may_be_is_not_taken_in() -> None:
    endless = itertools.chain([header(b"x", b"0", 1 << 40)], itertools.repeat(b"\0" * 65536))
    with pytest.raises(RetryLater, match="larger than it may be"):
        list(TarReader(endless, 1 << 20).members())


def test_very_many_records_cost_no_more_than_their_bytes() -> None:
    records = b"6 a=b\n" * (MOST_NAME_BYTES // 6)
    padded = records + b"\0" * (-len(records) % 512)
    last = program("kit_snapshot_tar").member(b"a", b"0", 0, 0, 0, b"", b"", 0)
    began = time.monotonic()
    assert len(read(header(b"x", b"x", len(records)) + padded + last + b"\0" * 1024, 65536)) == 1
    assert time.monotonic() - began < 5


def test_headers_without_an_end_are_refused() -> None:
    with pytest.raises(RetryLater, match="headers without a file"):
        read(header(b"x", b"g", 0) * 100)


@pytest.mark.parametrize(
    "records", [b"5 a=b\n", b"99999 path=x\n", b"x path=x\n", b"10 path=xy", b"11 size=-1\n", b"12 uid=99x9\n"]
)
def test_records_that_make_no_sense_are_refused(records: bytes) -> None:
    padded = records + b"\0" * (512 - len(records))
    last = program("kit_snapshot_tar").member(b"a", b"0", 0, 0, 0, b"", b"", 0)
    with pytest.raises(RetryLater):
        read(header(b"x", b"x", len(records)) + padded + last + b"\0" * 1024)
