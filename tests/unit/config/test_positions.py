"""Lines of keys are found through tables, arrays of tables, dotted and quoted keys and values of many lines."""

from __future__ import annotations

import tomllib

from hypothesis import given, settings
from hypothesis import strategies as st

from backends.config.positions import find_lines, line_of

TEXT = '''\
top = 1
[ssh]            # a comment with [brackets]
user = "a # b"
identity_files = [
  "one", # ]
  "two",
]
config_file = """
[not.a.table]
x = 1
"""
[hosts."gpu.1"]
a.b = 2
[[runs]]
name = "first"
[[runs]]
name = "second"
[runs.keep]
daily = 1
'''


def test_keys_are_found_where_they_stand() -> None:
    tomllib.loads(TEXT)  # the text is what it claims to be
    found = find_lines(TEXT)
    assert found[("top",)] == 1
    assert found[("ssh",)] == 2
    assert found[("ssh", "user")] == 3
    assert found[("ssh", "identity_files")] == 4
    assert found[("ssh", "config_file")] == 8
    assert found[("hosts", "gpu.1")] == 12
    assert found[("hosts", "gpu.1", "a", "b")] == 13
    assert found[("runs", "0", "name")] == 15
    assert found[("runs", "1", "name")] == 17
    assert found[("runs", "1", "keep", "daily")] == 19


def test_what_stands_in_a_text_is_no_key() -> None:
    assert ("not", "a", "table") not in find_lines(TEXT)


def test_an_unknown_place_is_that_of_the_table_around_it() -> None:
    found = find_lines("[hosts]\na = { port = 1 }\n")
    assert line_of(found, ("hosts", "a", "port")) == 2
    assert line_of(found, ("nowhere",)) is None


@settings(max_examples=100)
@given(st.text(alphabet="ab.[]{}=\"'#\n \\,1", max_size=80))
def test_any_text_is_read_without_an_error(text: str) -> None:
    assert all(1 <= line <= text.count("\n") + 1 for line in find_lines(text).values())
