"""What differs between two archives."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.backups.borg.dialect import Dialect
from backends.backups.borg.diff import argv, decode
from backends.backups.views import Change
from tests.unit.backups.borg.captured import VERSIONS, out


def changes(version: str, case: str) -> dict[str, Change]:
    found = [decode(line) for line in out(version, case).splitlines()]
    return {each.path: each for each in found if each}


def test_the_line() -> None:
    assert argv(Dialect(), "/srv/repo", "a", "b", ("etc/{x}",)) == (
        *("borg", "--log-json", "diff", "--json-lines", "--content-only", "--"),
        *("/srv/repo::a", "b", "pp:etc/{x}"),
    )
    assert "--content-only" not in argv(Dialect(), "/srv/repo", "a", "b", content_only=False)


@pytest.mark.parametrize("version", VERSIONS)
def test_contents(version: str) -> None:
    found = changes(version, "diff")
    assert found["srv/data/added"] == Change(path="srv/data/added", kinds=("added",), added_bytes=4)
    assert found["srv/data/-dash"] == Change(path="srv/data/-dash", kinds=("removed",), removed_bytes=5)
    model = found["srv/data/models/opt.bin"]
    assert model.kinds == ("modified",) and model.added_bytes and model.removed_bytes
    assert len(found) == 3


@pytest.mark.parametrize("version", VERSIONS)
def test_modes_without_the_false_modification_of_1_2(version: str) -> None:
    plain = changes(version, "diff-all")["srv/data/plain"]
    assert plain.kinds == ("mode", "ctime") and (plain.before, plain.after) == ("-rw-r--r--", "-rw-------")


def test_owners_and_links() -> None:
    owner = {"type": "owner", "old_user": "root", "old_group": "root", "new_user": "jane", "new_group": "ai"}
    found = decode(json.dumps({"path": "a", "changes": [owner, {"type": "changed link"}]}).encode())
    assert found == Change(path="a", kinds=("owner", "link"), before="root:root", after="jane:ai")


def test_a_mere_chmod_of_1_2_with_contents_only_is_no_change() -> None:
    assert decode(b'{"path": "a", "changes": [{"type": "modified", "added": 0, "removed": 0}]}') is None


@pytest.mark.parametrize("line", [b"", b"x", b"[]", b'{"path": "a"}', b'{"path": 7, "changes": [{"type": "added"}]}'])
def test_what_is_no_change_is_nothing(line: bytes) -> None:
    assert decode(line) is None


def test_names_are_escaped() -> None:
    found = decode(b'{"path": "a\\nb\\udcff", "changes": [{"type": "added", "size": 1}]}')
    assert found is not None and found.path == "a\\x0ab\\xff"


VALUES = st.none() | st.integers() | st.text(max_size=9) | st.sampled_from(["added", "modified", "mode", "owner"])
KEYS = st.sampled_from(
    ["type", "added", "removed", "size", "old_mode", "new_mode", "old_user", "new_user", "old_group"]
)


@given(st.text(max_size=20), st.lists(st.dictionaries(KEYS, VALUES), max_size=4))
def test_any_change_is_safe(path: str, found: list[dict[str, object]]) -> None:
    change = decode(json.dumps({"path": path, "changes": found}).encode())
    if change is not None:
        assert "\x1b" not in change.path + change.before + change.after and all(change.kinds)


@given(st.binary(max_size=200))
def test_any_line_is_a_change_or_nothing(line: bytes) -> None:
    decode(line)
