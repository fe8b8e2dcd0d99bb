"""What every command line has in common, and how a line is shown."""

from __future__ import annotations

import os
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.backups.borg import line
from backends.backups.names import escaped
from backends.errors import BadInput

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=30)


def test_every_command_logs_json_and_options_stand_before_it() -> None:
    assert line.borg("list") == ("borg", "--log-json", "list")
    assert line.borg("key", "export", progress=True, info=True, lock_wait=5) == (
        *("borg", "--log-json", "--progress", "--info", "--lock-wait", "5"),
        *("key", "export"),
    )


def test_borg_replaces_no_placeholder_in_what_we_give_it() -> None:
    assert line.archive_of("/srv/{now}", "a{pid}") == "/srv/{{now}}::a{{pid}}"


@pytest.mark.parametrize("location", ["", "-x", "/srv/a::b"])
def test_what_would_be_read_as_something_else_is_no_repository(location: str) -> None:
    with pytest.raises(BadInput):
        line.repository(location)


@pytest.mark.parametrize("name", ["", "a/b", "a::b", "x" * 300, "bad\\q"])
def test_what_is_no_name_of_an_archive_is_refused(name: str) -> None:
    with pytest.raises(BadInput):
        line.archive_of("/srv/repo", name)


def test_an_escaped_name_is_given_to_borg_as_it_is() -> None:
    assert line.archive_of("/srv/repo", "caf\\xe9\\x0a") == "/srv/repo::caf\udce9\n"


def test_a_line_is_shown_so_that_it_can_be_pasted() -> None:
    assert line.shown(("borg", "list", "/srv/repo::a b")) == "borg list '/srv/repo::a b'"
    assert line.shown(("borg", "a\nb\x1b[31m", "it's")) == "borg $'a\\nb\\x1b[31m' 'it'\"'\"'s'"
    assert line.shown(("caf\udce9", "back\\slash")) == "$'caf\\xe9' 'back\\slash'"


@given(NAMES)
def test_no_line_shown_can_drive_a_terminal(name: str) -> None:
    shown = line.shown((name,))
    assert escaped(shown).replace("\\\\", "\\") == shown


HOSTILE = (
    "a\nb",
    "\x1b]52;c;x\x07",
    "$(reboot)",
    "`x`",
    "it's",
    'q"',
    "back\\slash",
    "caf\udce9",
    "\u202e",
    "ü",
    "a\tb",
    "!1",
)


def test_bash_reads_it_back_as_the_very_same_words() -> None:
    script = f"printf '%s\\0' {line.shown(HOSTILE)}"
    found = subprocess.run(["bash", "-c", script], capture_output=True, check=True).stdout
    assert found.split(b"\0")[:-1] == [os.fsencode(each) for each in HOSTILE]
