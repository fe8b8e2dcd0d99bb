"""Finding a path over archives, repositories and hosts, and its history."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.backups import catalog_search
from backends.backups.catalog import Catalog
from backends.backups.catalog_search import Pattern
from backends.backups.model import BrowseEntry
from backends.clock import ManualClock
from backends.errors import BadInput
from tests.unit.backups.catalog_case import archive, directory, entries, file, tree

A, B, C = archive("a"), archive("b"), archive("c")
OFFSITE = archive("b", "offsite/gpu1", id="o" * 64)
OTHER = archive("a", "vault/gpu2", id="p" * 64)


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    one = Catalog(tmp_path / "catalog.db", ManualClock())
    for each in (A, B, C, OFFSITE, OTHER):
        one.add(each)
    yield one
    one.close()


def found(catalog: Catalog, text: str, **more: object) -> list[str]:
    return [hit.path for hit in catalog.search(text, **more)]  # type: ignore[arg-type]


@pytest.fixture
def etc(catalog: Catalog) -> Catalog:
    paths = ("etc/fstab", "etc/ssh/sshd_config", "srv/sshd/x.safetensors", "srv/Ärger", "srv/É[x]^*")
    catalog.index(A, map(file, paths))
    return catalog


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("FSTAB", ["etc/fstab"]),
        ("ssh", ["etc/ssh", "srv/sshd", "etc/ssh/sshd_config"]),
        ("ssh/ss", ["etc/ssh/sshd_config"]),
        ("/etc/ss", ["etc/ssh"]),
        ("/ssh", []),
        ("*.safetensors", ["srv/sshd/x.safetensors"]),
        ("*.safe", []),
        ("fsta?", ["etc/fstab"]),
        ("s*v/*/x*", ["srv/sshd/x.safetensors"]),
        ("etc/", ["etc"]),
        ("ärg", ["srv/Ärger"]),
        ("Ä*R", ["srv/Ärger"]),
        ("é[x]^", ["srv/É[x]^*"]),
        ("100%_[", []),
        ("d_config", ["etc/ssh/sshd_config"]),
        ("dXconfig", []),
    ],
)
def test_parts_of_names_globs_and_slashes(etc: Catalog, text: str, paths: list[str]) -> None:
    assert found(etc, text) == paths


def test_a_name_that_is_everywhere_is_found_by_the_directories_above_it(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog_search, "_CANDIDATES", 2)
    everywhere = [file(f"cache/m{number}/v/config.json") for number in range(20)]
    catalog.index(A, [*everywhere, file("models/opt/v/config.json")])
    assert found(catalog, "models/*/*/config.json") == ["models/opt/v/config.json"]
    assert found(catalog, "opt/v/conf") == ["models/opt/v/config.json"]
    assert found(catalog, "models/opt/v/config") == ["models/opt/v/config.json"]


@pytest.mark.parametrize("text", ["", "  ", "*", "*/?*", "///"])
def test_a_search_for_everything_is_refused(catalog: Catalog, text: str) -> None:
    with pytest.raises(BadInput, match="nothing to search for"):
        catalog.search(text)


def test_a_hit_is_a_path_of_a_host_with_its_newest_version(catalog: Catalog) -> None:
    catalog.index(A, [file("x/model", 1)])
    catalog.index(B, [file("x/model", 2)])
    catalog.index(OFFSITE, [file("x/model", 2)])
    catalog.index(OTHER, [file("x/model", 9)])
    first, second = catalog.search("model")
    assert (first.host, first.archives, first.newest.entry.size, first.newest.change) == ("gpu1", 3, 2, "changed")
    assert (second.host, second.archives, second.newest.archive) == ("gpu2", 1, catalog.archives(host="gpu2")[0])
    assert [hit.host for hit in catalog.search("model", hosts=("gpu2", "gpu3"))] == ["gpu2"]
    assert [hit.host for hit in catalog.search("model", limit=1)] == ["gpu1"]


def test_what_is_gone_or_was_never_published_is_not_found(catalog: Catalog) -> None:
    catalog.index(A, [file("x/secret-plan")])
    with pytest.raises(ZeroDivisionError):
        catalog.index(OTHER, breaking())
    assert found(catalog, "half") == []
    catalog.put_archives("vault/gpu1", [B])
    assert found(catalog, "secret") == []


def breaking() -> Iterator[BrowseEntry]:
    yield from (file(f"half/{number}") for number in range(5))
    raise ZeroDivisionError


def test_a_file_that_is_not_in_the_newest_archive_is_found_as_it_last_was(catalog: Catalog) -> None:
    catalog.index(A, [file("x", 5)])
    catalog.index(B, [file("y")])
    (hit,) = catalog.search("x")
    assert (hit.archives, hit.newest.archive.name, hit.newest.change) == (1, A.name, "new")


def test_the_history_of_a_path_tells_what_changed_against_the_archive_before(catalog: Catalog) -> None:
    catalog.add(archive("d"))
    catalog.index(A, [file("x", 1)])
    catalog.index(B, [file("x", 1)])
    catalog.index(C, [file("y")])
    catalog.index(archive("d"), [file("x", 2)])
    told = [(version.archive.name[-1], version.change, version.entry.size) for version in catalog.history("gpu1", "x")]
    assert told == [("d", "new", 2), ("c", "gone", 1), ("b", "same", 1), ("a", "new", 1)]


def test_a_history_goes_by_the_time_of_the_archives_not_by_when_they_were_indexed(catalog: Catalog) -> None:
    for letter, size in (("e", 3), ("d", 3), ("a", 1)):
        one = archive(letter)
        catalog.add(one)
        catalog.index(one, [file("x", size)])
    told = [(version.archive.name[-1], version.change) for version in catalog.history("gpu1", "/x")]
    assert told == [("e", "same"), ("d", "changed"), ("a", "new")]


def test_a_history_is_over_repositories_each_with_its_own_before(catalog: Catalog) -> None:
    catalog.index(A, [file("x", 1)])
    catalog.index(OFFSITE, [file("x", 2)])
    told = [(version.archive.repository, version.change) for version in catalog.history("gpu1", "x")]
    assert told == [("offsite/gpu1", "new"), ("vault/gpu1", "new")]
    assert catalog.history("gpu2", "x") == catalog.history("gpu1", "nothing") == catalog.history("gpu1", "") == ()


def test_a_directory_has_a_history_too(catalog: Catalog) -> None:
    catalog.index(A, [directory("d"), file("d/a")])
    catalog.index(B, [directory("d"), file("d/a"), file("d/b")])
    told = [(version.change, version.entry.children) for version in catalog.history("gpu1", "d")]
    assert told == [("changed", 2), ("new", 1)]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(entries, max_size=8), min_size=3, max_size=3), st.permutations([A, B, C]))
def test_a_history_agrees_with_the_lists(
    tmp_path_factory: pytest.TempPathFactory, given_lists: list[list[BrowseEntry]], order: list[object]
) -> None:
    catalog = Catalog(tmp_path_factory.mktemp("c") / "catalog.db", ManualClock())
    content = {}
    for one, listed in zip((A, B, C), given_lists, strict=True):
        catalog.add(one)
        content[one.id] = tree(listed)
    for one, listed in sorted(zip((A, B, C), given_lists, strict=True), key=lambda pair: order.index(pair[0])):
        catalog.index(one, listed)
    for path in {path for each in content.values() for path in each}:
        told = catalog.history("gpu1", path)[::-1]
        there = {version.archive.id: version.entry for version in told if version.change != "gone"}
        assert there == {key: each[path] for key, each in content.items() if path in each}
        (hit,) = (hit for hit in catalog.search(f"/{path}", limit=1000) if hit.path == path)
        assert hit.archives == len(there)
    catalog.close()


names = st.text(st.sampled_from("aAbB.é*?[]^%_!"), min_size=1, max_size=6)


@settings(deadline=None)
@given(names, st.text(st.sampled_from("aAbB.é[]^%_!"), min_size=1, max_size=6))
def test_a_glob_matches_as_a_shell_does(pattern: str, name: str) -> None:
    if not pattern.strip("*?") or not ({"*", "?"} & set(pattern)):
        return
    literal = pattern.replace("[", "[[]")
    assert Pattern(pattern).fits([name]) == fnmatch.fnmatchcase(name.lower(), literal.lower())


def test_no_pattern_is_slow(catalog: Catalog) -> None:
    catalog.index(A, [file("a" * 255)])
    assert found(catalog, "*a" * 200 + "b") == []
    assert not Pattern("*a" * 30 + "b").fits(["a" * 255])
