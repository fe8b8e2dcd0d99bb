"""The index of files against a naive one: whatever order things come in, each archive shows exactly its own list."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.backups import catalog_index, catalog_intake
from backends.backups.catalog import Catalog
from backends.backups.model import Archive, BrowseEntry
from backends.clock import ManualClock
from backends.errors import BadInput, RetryLater
from tests.unit.backups.catalog_case import archive, directory, file, link, lists, tree

A, B, C = archive("a"), archive("b"), archive("c")


@pytest.fixture(autouse=True, scope="module")
def small_chunks() -> Iterator[None]:
    """Every boundary is met with a handful of entries."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalog_index, "CHUNK", 3)
        patch.setattr(catalog_intake, "CHUNK", 3)
        yield


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    one = Catalog(tmp_path / "catalog.db", ManualClock())
    one.put_archives("vault/gpu1", [A, B, C])
    yield one
    one.close()


def held(catalog: Catalog, one: Archive) -> dict[str, BrowseEntry]:
    """Everything that the catalog says of an archive, with every way of asking agreeing."""
    walked = list(catalog.walk(one, ""))
    found = {entry.path: entry for entry in walked}
    assert len(found) == len(walked)
    for path, entry in found.items():
        assert catalog.entry(one, path) == entry
        parent = path.rpartition("/")[0]
        assert not parent or walked.index(found[parent]) < walked.index(entry)
    for path in ["", *(path for path, entry in found.items() if entry.type == "d")]:
        listing = catalog.browse(one, path)
        below = {entry.path: entry for entry in listing.entries}
        assert below == {each: found[each] for each in found if each.rpartition("/")[0] == path}
        assert listing.total == len(below)
        assert not path or found[path].children == len(below)
    return found


def rows(catalog: Catalog, table: str) -> int:
    count: int = catalog._store.read(lambda db: db.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
    return count


LETTERS = "abcd"
steps = st.lists(
    st.one_of(
        st.tuples(st.just("index"), st.sampled_from(LETTERS), st.sampled_from(["models", "config"]), lists),
        st.tuples(st.just("break"), st.sampled_from(LETTERS), st.sampled_from(["models", "config"]), lists),
        st.tuples(st.just("forget"), st.sampled_from(LETTERS), st.sampled_from(["models", "config"]), st.just([])),
        st.tuples(st.just("tidy"), st.just("a"), st.just("models"), st.just([])),
    ),
    max_size=9,
)


@settings(max_examples=60, deadline=None)
@given(steps)
def test_after_any_sequence_of_steps_each_archive_shows_its_own_files(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str, str, list[BrowseEntry]]]
) -> None:
    catalog = Catalog(tmp_path_factory.mktemp("c") / "catalog.db", ManualClock())
    model: dict[str, dict[str, BrowseEntry]] = {}
    there: dict[str, Archive] = {}
    for step, letter, set_name, entries in steps:
        one = archive(letter, set_name=set_name, id=f"{set_name}-{letter}")
        if step == "forget":
            there.pop(one.id, None)
            model.pop(one.id, None)
            catalog.put_archives("vault/gpu1", list(there.values()))
            catalog.forget_gone("vault/gpu1")
        elif step == "tidy":
            catalog.tidy()
        else:
            there[one.id] = one
            catalog.add(one)
            if step == "index":
                assert catalog.index(one, entries).entries == len(tree(entries))
                model[one.id] = tree(entries)
            else:
                with pytest.raises(ZeroDivisionError):
                    catalog.index(one, broken(entries))
        for key, wanted in model.items():
            assert held(catalog, there[key]) == wanted
    catalog.put_archives("vault/gpu1", [])
    catalog.forget_gone("vault/gpu1")
    catalog.tidy()
    assert (rows(catalog, "versions"), rows(catalog, "paths")) == (0, 1)
    catalog.close()


def broken(entries: list[BrowseEntry]) -> Iterator[BrowseEntry]:
    """A list that breaks off at its end."""
    yield from entries
    raise ZeroDivisionError


def test_directories_that_borg_did_not_list_are_made_and_counted(catalog: Catalog) -> None:
    catalog.index(A, [file("srv/models/a.bin"), file("srv/models/b.bin"), file("top")])
    assert catalog.entry(A, "srv") == BrowseEntry(path="srv", type="d", children=1)
    assert catalog.entry(A, "srv/models") == BrowseEntry(path="srv/models", type="d", children=2)


def test_a_directory_may_be_listed_after_what_is_in_it(catalog: Catalog) -> None:
    listed = directory("srv")
    catalog.index(A, [*(file(f"srv/{number}") for number in range(7)), listed])
    found = catalog.entry(A, "srv")
    assert found is not None
    assert (found.mode, found.children) == (listed.mode, 7)


def test_what_has_not_changed_is_not_written_again(catalog: Catalog) -> None:
    files = [file(f"srv/{number}") for number in range(50)]
    catalog.index(A, files)
    size = rows(catalog, "versions")
    again = catalog.index(B, files)
    assert (again.entries, again.written) == (51, 0)
    changed = catalog.index(C, [*files[:-1], file("srv/49", 77)])
    assert changed.written == 1
    assert rows(catalog, "versions") == size + 1


@pytest.mark.parametrize(
    "change",
    [
        {"type": "p"},
        {"mode": "-rwx------"},
        {"user": "käthe"},
        {"group": "wheel"},
        {"size": None},
        {"size": 2},
        {"mtime": 1.500001},
        {"mtime": None},
        {"target": "y"},
        {"healthy": False},
    ],
)
def test_whatever_changes_each_archive_shows_its_own(catalog: Catalog, change: dict[str, Any]) -> None:
    before = file("x")
    after = msgspec.structs.replace(before, **change)
    for one, entry in ((A, before), (B, after), (C, after)):
        catalog.index(one, [entry])
    assert [catalog.entry(one, "x") for one in (A, B, C)] == [before, after, after]
    assert rows(catalog, "versions") == 2


def test_one_set_does_not_end_the_files_of_another(catalog: Catalog) -> None:
    other = archive("d", set_name="config")
    catalog.add(other)
    catalog.index(A, [file("a")])
    catalog.index(other, [file("b")])
    assert list(held(catalog, A)) == ["a"]
    assert list(held(catalog, other)) == ["b"]


def test_every_attribute_comes_back_as_it_was(catalog: Catalog) -> None:
    entries = [
        link("l", "../x\\x1b"),
        BrowseEntry(path="p", type="p", mode="prw-------", user="", group="käthe", size=None, mtime=None),
        file("big", (1 << 63) - 1, healthy=False),
        BrowseEntry(path="old", type="-", size=0, mtime=-1e9 - 0.125),
        BrowseEntry(path="h", type="h", target="p", size=0),
    ]
    catalog.index(A, entries)
    assert held(catalog, A) == {entry.path: entry for entry in entries}


def test_a_size_beyond_everything_is_unknown_and_no_error(catalog: Catalog) -> None:
    catalog.index(A, [file("a", 1 << 63), file("b", -1), BrowseEntry(path="c", type="-", mtime=float("nan"))])
    assert [entry.size for entry in catalog.walk(A, "")] == [None, None, None]
    nan = catalog.entry(A, "c")
    assert nan is not None
    assert nan.mtime is None


def test_paths_longer_or_deeper_than_real_ones_are_left_out_and_counted(catalog: Catalog) -> None:
    deep = "/".join("d" * 1100)
    found = catalog.index(A, [file("x" * 20_000), file(deep), file("ok")])
    assert (found.left_out, list(held(catalog, A))) == (2, ["ok"])


def test_the_top_itself_is_no_entry(catalog: Catalog) -> None:
    found = catalog.index(A, [directory("."), directory(""), file("ok")])
    assert (found.entries, found.left_out, list(held(catalog, A))) == (1, 0, ["ok"])


def test_a_deep_tree_is_no_problem(catalog: Catalog) -> None:
    deep = "/".join("d" * 1000)
    assert catalog.index(A, [file(deep)]).entries == 1000
    assert sum(1 for _ in catalog.walk(A, "d/d/d")) == 998


def test_directories_are_found_again_when_too_many_are_known_to_remember(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog_index, "_KNOWN_CHARACTERS", 10)
    monkeypatch.setattr(catalog_index, "_LOOKS", 1)
    entries = [file(f"srv/d{number % 4}/{number}", user=f"u{number % 3}") for number in range(40)]
    entries += [directory(f"srv/d{number}") for number in range(4)]
    catalog.index(A, entries)
    assert held(catalog, A) == tree(entries)


def test_stopping_leaves_what_was_known_before(catalog: Catalog) -> None:
    catalog.index(A, [file("a"), file("b")])
    stop = threading.Event()
    entries = (file(f"new/{number}") for number in range(100))
    found = catalog.index(A, entries, lambda count: stop.set(), stop)
    assert not found.complete
    assert list(held(catalog, A)) == ["a", "b"]
    assert next(entries, None) is not None, "it went on reading"


@pytest.mark.parametrize("point", [0, 1, 2, 3, 4])
def test_stopping_at_the_very_end_leaves_nothing_half(catalog: Catalog, point: int) -> None:
    before = [file(f"old/{number}") for number in range(9)]
    catalog.index(A, before)
    stop = StopAt(point)
    found = catalog.index(B, [file(f"new/d{number}/x") for number in range(5)], stop=stop)
    if found.complete:
        assert len(held(catalog, B)) == 11
    else:
        with pytest.raises(RetryLater, match="not indexed"):
            catalog.browse(B, "")
    assert held(catalog, A) == tree(before)


class StopAt(threading.Event):
    """Is set after it was looked at so many times more than there are chunks."""

    def __init__(self, point: int):
        super().__init__()
        self._left = 2 + point

    def is_set(self) -> bool:
        self._left -= 1
        return self._left < 0


def test_progress_is_told(catalog: Catalog) -> None:
    told: list[int] = []
    catalog.index(A, [file(f"{number}") for number in range(7)], told.append)
    assert told == [3, 6, 7]


def test_the_same_archive_may_be_indexed_again(catalog: Catalog) -> None:
    catalog.index(A, [file("a")])
    catalog.index(B, [file("a"), file("b")])
    catalog.index(A, [file("c")])
    assert list(held(catalog, A)) == ["c"]
    assert list(held(catalog, B)) == ["a", "b"]
    assert catalog.tidy() == 0, "B still has what A had"
    catalog.index(A, [file("d")])
    assert catalog.tidy() == 2, "c and its path"
    assert list(held(catalog, A)) == ["d"]
    assert list(held(catalog, B)) == ["a", "b"]


def test_a_series_is_indexed_by_one_at_a_time(catalog: Catalog) -> None:
    def entries() -> Iterator[BrowseEntry]:
        yield file("a")
        with pytest.raises(RetryLater, match="being indexed"):
            catalog.index(B, [])
        assert catalog.tidy() == 0
        assert catalog.archives()[0] == C, "others may read and write meanwhile"
        catalog.set_note("vault/gpu1", "id", "x")
        yield file("b")

    assert catalog.index(A, entries()).complete


def test_tidying_takes_no_path_away_from_a_run(catalog: Catalog) -> None:
    other = archive("d", set_name="config")
    catalog.add(other)
    catalog.index(other, [file("shared/old")])

    def entries() -> Iterator[BrowseEntry]:
        yield from (directory("e"), directory("e/f"), directory("e/f/g"))
        yield from (file(f"shared/{number}") for number in range(4))
        catalog.put_archives("vault/gpu1", [A])
        catalog.forget_gone("vault/gpu1")
        assert catalog.tidy() > 0
        yield file("shared/4")

    catalog.index(A, entries())
    empty = [directory("e"), directory("e/f"), directory("e/f/g")]
    assert held(catalog, A) == tree([*empty, *(file(f"shared/{number}") for number in range(5))])
    catalog.index(A, [])
    catalog.tidy()
    assert rows(catalog, "paths") == 1


def test_an_archive_that_vanishes_while_it_is_indexed_leaves_nothing(catalog: Catalog) -> None:
    def entries() -> Iterator[BrowseEntry]:
        yield file("a")
        catalog.put_archives("vault/gpu1", [])
        catalog.forget_gone("vault/gpu1")

    with pytest.raises(BadInput, match="not known any more"):
        catalog.index(A, entries())
    assert catalog.tidy() > 0
    assert rows(catalog, "versions") == 0


def test_what_was_compacted_away_leaves_the_index_chunk_by_chunk(catalog: Catalog) -> None:
    catalog.index(A, [file(f"only-a/{number}") for number in range(8)] + [file("both")])
    catalog.index(B, [file("both")])
    catalog.put_archives("vault/gpu1", [B, C])
    catalog.forget_gone("vault/gpu1")
    stop = threading.Event()
    stop.set()
    assert catalog.tidy(stop) == 0
    assert catalog.tidy() == 9 + 9, "nine versions and nine paths"
    assert catalog.tidy() == 0
    assert list(held(catalog, B)) == ["both"]
    assert rows(catalog, "paths") == 2


def test_a_gone_archive_can_be_browsed_until_it_is_compacted_away(catalog: Catalog) -> None:
    catalog.index(A, [file("a")])
    catalog.put_archives("vault/gpu1", [B])
    catalog.tidy()
    assert list(held(catalog, A)) == ["a"]


def test_a_directory_of_which_something_is_left_is_not_thrown_away(catalog: Catalog) -> None:
    catalog.index(A, [file("x/y/z"), file("other")])
    catalog._store.write(
        lambda db: db.execute("DELETE FROM versions WHERE path IN (SELECT id FROM paths WHERE name IN ('x', 'y'))")
    )
    catalog._store.write(lambda db: db.execute("UPDATE series SET untidy = 1"))
    assert catalog.tidy() == 0
    assert [hit.path for hit in catalog.search("z")] == ["x/y/z"]


def test_a_path_that_leads_nowhere_is_damage_and_not_the_end_of_the_engine(catalog: Catalog) -> None:
    catalog.index(A, [file("x/y")])
    catalog._store.write(lambda db: db.execute("DELETE FROM paths WHERE name = 'x'"))
    assert catalog.search("y") == ()
    assert catalog.aside is not None
