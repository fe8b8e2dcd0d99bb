"""Whether an engine lives is whether its process does."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from backends.schedule.owners import Processes


def test_each_life_is_another_one() -> None:
    first, second = Processes(), Processes()
    assert first.me != second.me and first.lives(first.me)
    assert not first.lives(second.me)  # the same number, another life


def test_another_process_lives_until_it_ends() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        assert Processes().lives(f"{other.pid}-abc")
        other.communicate(b"\n", timeout=30)
    assert not Processes().lives(f"{other.pid}-abc")


@pytest.mark.parametrize("owner", ["", "x", "-7", f"{10**30}-abc", "own"])
def test_what_names_no_other_process_does_not_live(owner: str) -> None:
    assert not Processes().lives(f"{os.getpid()}-abc" if owner == "own" else owner)
