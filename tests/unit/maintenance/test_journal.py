"""The journal is on the disk before anything is acted on, and what is damaged in it is named, never guessed."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.errors import Stop
from backends.maintenance.journal import Journal, read
from backends.maintenance.model import Edge, EdgeKind


def edges(count: int) -> list[Edge]:
    return [Edge(time=float(at), kind=EdgeKind.NOTE, text=f"note {at} ü") for at in range(count)]


def written(folder: Path, count: int) -> Path:
    journal = Journal(folder / "r-1.jsonl")
    for edge in edges(count):
        journal.append(edge)
    return journal.file


def test_what_was_written_is_read_again_and_goes_on(tmp_path: Path) -> None:
    file = written(tmp_path, 3)
    told = read(file)
    assert (list(told.edges), told.damage) == (edges(3), "")
    told.journal.append(*edges(5)[3:])
    assert list(read(file).edges) == edges(5)


def test_it_is_nobody_elses_to_read(tmp_path: Path) -> None:
    assert stat.S_IMODE(written(tmp_path, 1).stat().st_mode) == 0o600


def test_a_torn_last_line_is_left_out_and_overwritten(tmp_path: Path) -> None:
    file = written(tmp_path, 3)
    whole = file.read_bytes()
    for cut in (1, 20, len(whole.split(b"\n")[2])):
        file.write_bytes(whole[:-cut])
        told = read(file)
        assert (list(told.edges), told.damage) == (edges(2), "")
        told.journal.append(edges(3)[2])
        assert file.read_bytes() == whole


def test_zeros_after_a_power_cut_are_a_torn_line(tmp_path: Path) -> None:
    file = written(tmp_path, 2)
    file.write_bytes(file.read_bytes() + b"\0" * 4096)
    assert (list(read(file).edges), read(file).damage) == (edges(2), "")


def test_damage_in_the_middle_is_named_by_its_line(tmp_path: Path) -> None:
    file = written(tmp_path, 4)
    lines = file.read_bytes().split(b"\n")
    file.write_bytes(b"\n".join([lines[0], b"{rubbish", *lines[2:]]))
    told = read(file)
    assert (len(told.edges), told.damage) == (1, "line 2 of r-1.jsonl is not readable")


def test_a_changed_or_missing_line_breaks_the_chain(tmp_path: Path) -> None:
    file = written(tmp_path, 4)
    whole = file.read_bytes()
    file.write_bytes(whole.replace(b"note 1", b"nota 1"))
    assert read(file).damage == "line 3 of r-1.jsonl does not follow on the line before it"
    lines = whole.split(b"\n")
    file.write_bytes(b"\n".join([lines[0], *lines[2:]]))
    assert read(file).damage == "line 2 of r-1.jsonl does not follow on the line before it"


@given(st.binary(max_size=400))
def test_rubbish_is_damage_and_no_crash(tmp_path_factory: pytest.TempPathFactory, rubbish: bytes) -> None:
    file = tmp_path_factory.mktemp("journal") / "r-1.jsonl"
    file.write_bytes(rubbish)
    told = read(file)
    assert told.edges == ()
    assert told.damage


def test_a_full_disk_leaves_nothing_of_what_it_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = written(tmp_path, 2)
    journal = read(file).journal
    real = os.pwrite

    def half(handle: int, data: bytes, at: int) -> int:
        real(handle, bytes(data)[: len(data) // 2], at)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", half)
    with pytest.raises(Stop, match="No space left on device"):
        journal.append(edges(3)[2])
    assert list(read(file).edges) == edges(2)
    monkeypatch.setattr(os, "pwrite", real)
    journal.append(edges(3)[2])
    assert list(read(file).edges) == edges(3)


def test_a_journal_that_somebody_cut_meanwhile_is_not_written(tmp_path: Path) -> None:
    file = written(tmp_path, 2)
    journal = read(file).journal
    file.write_bytes(b"")
    with pytest.raises(Stop, match="shorter than it was"):
        journal.append(edges(1)[0])


def test_half_a_line_that_is_longer_than_the_next_one_leaves_nothing_behind(tmp_path: Path) -> None:
    file = written(tmp_path, 2)
    with file.open("ab") as handle:
        handle.write(b'{"former":"' + b"x" * 4000)
    read(file).journal.append(edges(3)[2])
    told = read(file)
    assert (list(told.edges), told.damage) == (edges(3), "")
    assert file.read_bytes().endswith(b"}\n")
