"""Paths of the catalog become arguments that mean exactly these."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.backups.borg.paths import LIMIT_BYTES, batches, outermost, prefixes
from backends.errors import BadInput


def test_a_path_is_taken_literally_whatever_it_looks_like() -> None:
    assert prefixes(["-dash", "*glob?", "re:x", "a\\x0ab"]) == ("pp:*glob?", "pp:-dash", "pp:a\nb", "pp:re:x")


def test_what_is_below_another_one_is_in_it_already() -> None:
    assert prefixes(["srv/data/a", "srv/data", "srv/data.old"]) == ("pp:srv/data", "pp:srv/data.old")


@pytest.mark.parametrize("path", ["", "/", "..", "a/../b", "./a", "a//b", "a\\x00", "bad\\q"])
def test_what_cannot_be_in_an_archive_is_refused(path: str) -> None:
    with pytest.raises(BadInput):
        prefixes([path])


def test_nothing_means_everything() -> None:
    assert prefixes([]) == () and batches([]) == ()


def test_more_than_one_command_takes_is_refused_and_can_be_cut() -> None:
    many = [f"srv/data/{number:06}" for number in range(20_000)]
    with pytest.raises(BadInput, match="too many"):
        prefixes(many)
    pieces = batches(many)
    assert len(pieces) > 1 and [path for piece in pieces for path in piece] == many
    for piece in pieces:
        assert len(prefixes(piece)) == len(piece)


def test_one_long_path_makes_a_piece_of_its_own() -> None:
    long = "/".join(["x" * 200] * (LIMIT_BYTES // 300))
    assert batches([long, "a"]) == (("a", long),)


PARTS = st.text("ab-.", min_size=1, max_size=3).filter(lambda part: part not in (".", ".."))


@given(st.lists(st.lists(PARTS, min_size=1, max_size=4).map("/".join), max_size=12))
def test_outermost_paths_cover_all_and_never_each_other(paths: list[str]) -> None:
    kept = outermost(paths)
    assert all(any((path + "/").startswith(each + "/") for each in kept) for path in paths)
    assert not any(a != b and (a + "/").startswith(b + "/") for a in kept for b in kept)
