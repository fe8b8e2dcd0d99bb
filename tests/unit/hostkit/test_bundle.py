"""Packing programs for hosts: what arrives is what was packed, and arguments arrive as data."""

from __future__ import annotations

import ast
import math
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.hostkit.bundle import PARTS, pack, source, version
from tests.unit.hostkit.hostile import NASTY

PROGRAMS = Path(__file__).parents[3] / "backends/hostkit/programs"
ECHO = "import os\nos.write(1, repr(ARGUMENTS).encode())\n"

plain = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(),
        st.sampled_from([*NASTY, "'''", '"""', "\\", "'); import os; ('", "{x}", "%s", "\n# coding: rot13\n"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.tuples(inner, inner), st.dictionaries(st.text(), inner, max_size=3)
    ),
    max_leaves=8,
)


def unpacked(payload: bytes) -> str:
    return zlib.decompress(payload).decode()


@given(plain)
def test_any_plain_arguments_arrive_as_the_same_data(arguments: Any) -> None:
    first, _, rest = unpacked(pack("process", ("kit_text",), arguments)).partition("\n")
    assert ast.literal_eval(first.removeprefix("ARGUMENTS = ")) == arguments
    assert rest.startswith("import sys\n"), "nothing of them got behind the first line"


@pytest.mark.parametrize("value", [object(), b"bytes", {1, 2}, lambda: 0, math.inf, -math.inf, math.nan, 1j])
def test_what_is_no_plain_data_does_not_travel(value: object) -> None:
    for arguments in (value, [value], {"key": (1, value)}, {"deep": [{"er": value}]}):
        with pytest.raises(TypeError, match="cannot travel"):
            pack("process", ("kit_text",), arguments)


def test_a_key_is_checked_as_well() -> None:
    with pytest.raises(TypeError, match="bytes"):
        pack("process", ("kit_text",), {b"key": 1})


def test_every_part_of_the_probe_finds_what_it_imports() -> None:
    """They are executed in the order in which they are packed."""
    seen: set[str] = set()
    for name in PARTS:
        imported = {
            node.module for node in ast.parse(source(name)).body if isinstance(node, ast.ImportFrom) and node.module
        }
        assert {module for module in imported if module.startswith("kit_")} <= seen, name
        seen.add(name)


def test_a_packed_program_runs_with_its_parts_and_nothing_installed() -> None:
    payload = pack("process", ("kit_text",), {"pid": 1, "start_ticks": 0, "signal": 15})
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", "import sys,zlib;exec(zlib.decompress(sys.stdin.buffer.read()))"],
        input=payload,
        capture_output=True,
        check=True,
    )
    assert done.stdout.startswith(b"\nswarm-kit 1 answer\n{")
    assert done.stderr == b""


def test_the_version_tells_kits_apart_and_is_the_same_every_time() -> None:
    assert version("probe", PARTS) == version("probe", PARTS)
    assert len({version("probe", PARTS), version("process", ("kit_text",)), version("process", ())}) == 3
    assert len(version("probe", PARTS)) == 8 and int(version("probe", PARTS), 16) >= 0


def test_the_probe_is_small_on_the_line() -> None:
    """It goes to every host at every connection."""
    assert len(pack("probe", PARTS, {"interval": 1.0})) < 20_000


def test_the_source_is_the_file() -> None:
    assert source("process") == (PROGRAMS / "process.py").read_text()
