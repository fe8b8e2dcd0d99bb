"""An archive as a directory, by the real Borg and FUSE of this machine where they are; and why not, where they are not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.backups.borg.dialect import Dialect
from backends.backups.model import Repository
from backends.backups.mounts import Mounted, Mounts, mount_points
from backends.backups.names import escaped
from backends.errors import BadInput, RetryLater, SkipHost
from backends.sources.local_exec import LocalExec
from tests.unit.backups import borgfield

HERE = LocalExec("here")


class NoBorg:
    """Only says what it is."""

    def __init__(self, fuse: bool | None):
        self.dialect = Dialect(fuse=fuse)

    def run(self, *ignored: object, **more: object) -> None:
        raise AssertionError("must not be asked")


@pytest.fixture
def borg(tmp_path: Path) -> borgfield.Field:
    (tmp_path / "field").mkdir()
    field = borgfield.Field(tmp_path / "field")
    (field.folder / "srv").mkdir()
    (field.folder / "srv/x").write_text("kept\n")
    field.by_hand("create", f"{field.place}::models.20261126T020000Z", "srv")
    return field


@pytest.fixture
def mounts(tmp_path: Path, borg: borgfield.Field) -> Iterator[Mounts]:
    made = Mounts(tmp_path / "mounts", borg.local(), HERE)
    yield made
    made.clear()


def mounted(mounts: Mounts, borg: borgfield.Field) -> Mounted:
    """The archive as a directory; the test is skipped where this Borg was built without FUSE."""
    try:
        return mounts.mount(borg.repository, "models.20261126T020000Z")
    except RetryLater as error:
        if "without FUSE" in error.message:
            pytest.skip("this Borg has no FUSE (package python3-llfuse)")
        raise


@borgfield.needs_borg
@pytest.mark.skipif(not os.access("/dev/fuse", os.R_OK | os.W_OK), reason="no FUSE here")
def test_an_archive_is_a_directory_until_it_is_taken_off(mounts: Mounts, borg: borgfield.Field, tmp_path: Path) -> None:
    assert mounts.problem() == ""
    made = mounted(mounts, borg)
    assert (Path(made.directory) / "srv/x").read_text() == "kept\n"
    assert (made.repository, made.archive) == ("vault/gpu01", "models.20261126T020000Z")
    assert mounts.mount(borg.repository, "models.20261126T020000Z") == made, "not twice"
    assert mounts.mounted() == (made,)
    with pytest.raises(BadInput, match="not mounted"):
        mounts.umount("/")
    with open(Path(made.directory) / "srv/x"), pytest.raises(RetryLater, match=r"busy|in use"):
        mounts.umount(made.directory)
    mounts.umount(made.directory)
    assert mounts.mounted() == () and not Path(made.directory).exists()
    borgfield.until(lambda: not borgfield.processes(str(borg.place)))
    assert borg.locks() == [], "the repository is free again"


@borgfield.needs_borg
@pytest.mark.skipif(not os.access("/dev/fuse", os.R_OK | os.W_OK), reason="no FUSE here")
def test_what_an_engine_left_mounted_is_known_to_the_next_one_and_taken_off(
    mounts: Mounts, borg: borgfield.Field, tmp_path: Path
) -> None:
    left = mounted(mounts, borg)
    later = Mounts(tmp_path / "mounts", borg.local(), HERE)
    assert [each.directory for each in later.mounted()] == [left.directory]
    assert later.clear() == ()
    assert later.mounted() == () and list((tmp_path / "mounts").iterdir()) == []


@borgfield.needs_borg
def test_an_archive_that_is_not_there_is_told_and_leaves_no_directory(
    mounts: Mounts, borg: borgfield.Field, tmp_path: Path
) -> None:
    if mounts.problem():
        pytest.skip(mounts.problem())
    with pytest.raises(RetryLater):
        mounts.mount(borg.repository, "gone")
    assert mounts.mounted() == () and list((tmp_path / "mounts").iterdir()) == []


def test_why_it_cannot_is_said(tmp_path: Path) -> None:
    without = Mounts(tmp_path / "a", NoBorg(fuse=False), HERE)  # type: ignore[arg-type]
    assert without.problem() == "this Borg was built without FUSE"
    nowhere = Mounts(tmp_path / "b", NoBorg(fuse=True), HERE, fuse=tmp_path / "fuse")  # type: ignore[arg-type]
    assert nowhere.problem() == f"this machine has no {tmp_path}/fuse"

    with pytest.raises(SkipHost, match="no "):
        nowhere.mount(Repository(name="v", host="h", location="/x"), "a")


def test_only_what_is_below_its_own_directory_is_its_own(tmp_path: Path) -> None:
    folder = (tmp_path / "mine").resolve()
    table = tmp_path / "mountinfo"
    spaced = os.fsencode(f"{folder}/a b").replace(b" ", rb"\040")
    rows = (
        b"1 1 0:1 / / rw - ext4 /dev/x rw",
        b"2 1 0:2 / " + spaced + b" ro - fuse borgfs ro",
        b"3 1 0:3 / /mine/x ro -",
    )
    table.write_bytes(b"\n".join(rows) + b"\n")
    mounts = Mounts(folder, NoBorg(fuse=True), HERE, table=table)  # type: ignore[arg-type]
    assert [each.directory for each in mounts.mounted()] == [escaped(f"{folder}/a b")]


@given(table=st.binary(max_size=200))
def test_any_table_is_read(table: bytes) -> None:
    assert all(isinstance(place, str) for place in mount_points(table))
