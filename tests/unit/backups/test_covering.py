"""Few paths for many files, and lines out of a stream."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from backends.backups.covering import BATCH_CHARACTERS, askable, batches, cover
from backends.backups.lines import Lines

FILES = ["srv/a/1", "srv/a/2", "srv/b/1", "srv/b/c/2", "srv/x"]


def test_everything_needs_no_path() -> None:
    assert cover(FILES, FILES) == ()


def test_a_whole_directory_is_one_path_and_the_outermost_one() -> None:
    assert cover(FILES, ["srv/b/1", "srv/b/c/2", "srv/a/2"]) == ("srv/a/2", "srv/b")


def test_of_what_is_left_behind_a_broken_file_few_paths_are_enough() -> None:
    files = [f"data/{folder}/{number}" for folder in range(50) for number in range(20)]
    left = files[5:]
    assert cover(files, left) == (
        *(f"data/0/{number}" for number in range(5, 20)),
        *(f"data/{n}" for n in range(1, 50)),
    )


paths = st.lists(st.text(alphabet="ab/", min_size=1, max_size=8).filter(askable), unique=True, max_size=30)


@given(paths, st.data())
def test_the_paths_stand_for_exactly_what_is_wanted(candidates: list[str], data: st.DataObject) -> None:
    files = [path for path in candidates if not any(other.startswith(path + "/") for other in candidates)]
    wanted = data.draw(st.lists(st.sampled_from(files), unique=True) if files else st.just([]))
    roots = cover(files, wanted)
    covered = [path for path in files if any(path == root or path.startswith(root + "/") for root in roots)]
    if len(wanted) == len(files):
        assert roots == ()
    else:
        assert sorted(covered) == sorted(wanted)


@given(st.lists(st.text(min_size=1, max_size=3000), max_size=100))
def test_a_batch_fits_on_a_command_line_and_nothing_is_lost(many: list[str]) -> None:
    groups = batches(many)
    assert [path for group in groups for path in group] == many
    for group in groups:
        assert len(group) <= 1 or sum(len(path.encode("utf-8", "surrogateescape")) for path in group) < BATCH_CHARACTERS


def test_paths_that_lead_out_cannot_be_asked_for() -> None:
    assert [path for path in ("a/b", "../a", "a/..", "/a", "a//b", "", ".") if askable(path)] == ["a/b"]


@given(st.lists(st.binary(max_size=20), max_size=20), st.integers(1, 7))
def test_lines_come_whole_however_they_are_cut(lines: list[bytes], step: int) -> None:
    clean = [line.replace(b"\n", b"") for line in lines]
    stream = b"".join(line + b"\n" for line in clean)
    found: list[bytes] = []
    reader = Lines(found.append)
    for at in range(0, len(stream), step):
        reader.feed(stream[at : at + step])
    assert found == [line for line in clean if line]


def test_a_line_without_end_fills_no_memory() -> None:
    found: list[bytes] = []
    reader = Lines(found.append, longest=10)
    for _ in range(100):
        reader.feed(b"xxxxx")
    reader.feed(b"x\ngood\n")
    assert found == [b"good"]
