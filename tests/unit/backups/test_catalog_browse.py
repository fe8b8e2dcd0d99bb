"""Reading an archive's files: pages in natural order, trees, samples."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.backups import catalog_browse
from backends.backups.catalog import Catalog
from backends.backups.catalog_browse import natural
from backends.clock import ManualClock
from backends.errors import BadInput, RetryLater
from tests.unit.backups.catalog_case import archive, directory, file

A, B = archive("a"), archive("b")


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    one = Catalog(tmp_path / "catalog.db", ManualClock())
    one.put_archives("vault/gpu1", [A, B])
    yield one
    one.close()


def names(catalog: Catalog, path: str = "", offset: int = 0, limit: int = 200) -> list[str]:
    return [entry.path for entry in catalog.browse(A, path, offset, limit).entries]


def test_directories_come_first_and_numbers_count_by_value(catalog: Catalog) -> None:
    catalog.index(A, [file("run10"), file("run9"), file("Run1"), file("z/x"), file("b"), file("a007"), file("a07")])
    assert names(catalog) == ["z", "a007", "a07", "b", "Run1", "run9", "run10"]


@given(st.lists(st.text(max_size=8)))
def test_natural_order_is_a_total_order_of_any_names(found: list[str]) -> None:
    backwards = found[::-1]
    assert sorted(found, key=natural) == sorted(backwards, key=natural)


def test_a_name_of_nothing_but_digits_is_no_problem() -> None:
    assert natural("9" * 5000) < natural("1" + "0" * 5000)
    assert natural("7") < natural("07") < natural("8") or natural("07") < natural("7") < natural("8")


def test_a_directory_comes_page_by_page(catalog: Catalog) -> None:
    catalog.index(A, [file(f"d/f{number}") for number in range(25)])
    first = catalog.browse(A, "d", 0, 10)
    assert (first.total, first.offset, len(first.entries)) == (25, 0, 10)
    pages = [path for offset in (0, 10, 20, 30) for path in names(catalog, "d", offset, 10)]
    assert pages == [f"d/f{number}" for number in range(25)]
    assert names(catalog, "d", -5, 2) == ["d/f0", "d/f1"]
    assert names(catalog, "d", 0, -3) == []


def test_a_page_is_never_stale(catalog: Catalog) -> None:
    catalog.index(A, [file("d/a")])
    assert names(catalog, "d") == ["d/a"]
    catalog.index(A, [file("d/a"), file("d/b")])
    assert names(catalog, "d") == ["d/a", "d/b"]


def test_only_the_last_orders_are_remembered(catalog: Catalog) -> None:
    catalog.index(A, [file(f"d{number}/f") for number in range(20)])
    for number in range(20):
        assert names(catalog, f"d{number}") == [f"d{number}/f"]
    assert len(catalog._orders._kept) == catalog_browse._KEPT_ORDERS


def test_slashes_around_a_path_do_not_matter(catalog: Catalog) -> None:
    catalog.index(A, [file("etc/ssh/x")])
    assert names(catalog, "/etc/ssh/") == ["etc/ssh/x"]
    assert catalog.entry(A, "/etc/ssh") is not None


def test_what_is_no_directory_is_told_apart_from_what_is_not_there(catalog: Catalog) -> None:
    catalog.index(A, [file("etc/fstab")])
    catalog.index(B, [file("elsewhere/x")])
    with pytest.raises(BadInput, match="is no directory"):
        catalog.browse(A, "etc/fstab")
    for path in ("nowhere", "elsewhere", "etc/fstab/x"):
        with pytest.raises(BadInput, match="is not in it"):
            catalog.browse(A, path)
        assert catalog.entry(A, path) is None
        assert list(catalog.walk(A, path)) == []
    assert catalog.entry(A, "") is None


def test_an_archive_that_is_not_indexed_says_so(catalog: Catalog) -> None:
    for ask in (
        lambda: catalog.browse(A, ""),
        lambda: catalog.entry(A, "x"),
        lambda: list(catalog.walk(A, "")),
        lambda: catalog.sample(A, 1, 1),
    ):
        with pytest.raises(RetryLater, match="not indexed yet"):
            ask()
    with pytest.raises(BadInput, match="not known"):
        catalog.browse(archive("z"), "")


def test_an_empty_archive_is_indexed_and_empty(catalog: Catalog) -> None:
    catalog.index(A, [])
    assert catalog.browse(A, "").total == 0
    assert catalog.browse(A, "").archive.indexed


def test_a_walk_begins_with_the_path_itself(catalog: Catalog) -> None:
    catalog.index(A, [directory("a"), file("a/b/c"), file("a/d"), file("e")])
    assert [entry.path for entry in catalog.walk(A, "a")] == ["a", "a/b", "a/d", "a/b/c"]
    assert [entry.path for entry in catalog.walk(A, "a/d")] == ["a/d"]


def test_a_walk_goes_on_while_others_write_and_ends_when_the_list_changes(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog_browse, "_BATCH", 2)
    catalog.index(A, [file(f"d{number}/x") for number in range(5)])
    walk = catalog.walk(A, "")
    next(walk)
    catalog.set_note("vault/gpu1", "x", "y")
    for _ in range(5):
        next(walk)
    catalog.index(A, [file("other")])
    with pytest.raises(RetryLater, match="indexed again"):
        list(walk)


def test_a_sample_has_files_of_every_size_and_is_the_same_for_a_seed(catalog: Catalog) -> None:
    small = [file(f"small/{number}", number % 9 + 1) for number in range(200)]
    huge = [file(f"huge/{number}", 10**9 + number) for number in range(3)]
    catalog.index(A, [*small, *huge, file("empty", 0), directory("dir")])
    sample = catalog.sample(A, 6, 42)
    assert sorted(len(str(entry.size)) for entry in sample) == [1, 1, 1, 10, 10, 10]
    assert sample == catalog.sample(A, 6, 42)
    others = {catalog.sample(A, 6, seed) for seed in range(5)}
    assert len(others) > 1
    assert len(catalog.sample(A, 500, 1)) == 203
    assert catalog.sample(A, 0, 1) == catalog.sample(A, -1, 1) == ()
