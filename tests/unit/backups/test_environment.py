"""What Borg finds in its environment: all of it decided here."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from backends.backups.environment import answers, environment, host_id, serve_environment
from backends.backups.model import Repository
from backends.errors import BadInput

HERE = Repository(name="vault", host="gpu01", location="/srv/borg/gpu01")
THERE = msgspec.structs.replace(HERE, location="ssh://backup@vault:2222/srv/borg/gpu01", borg="/opt/borg/bin/borg")
OWN = {
    "PATH": "/usr/bin",
    "HOME": "/root",
    "SSH_AUTH_SOCK": "/run/agent",
    "BORG_PASSPHRASE": "leak",
    "BORG_REPO": "/other",
    "BORG_CHECK_I_KNOW_WHAT_I_AM_DOING": "YES",
    "PYTHONPATH": "/venv",
    "LC_TIME": "de_DE",
    "LANGUAGE": "de",
    "TZ": "Europe/Zurich",
}


def test_nothing_of_borgs_and_no_time_zone_is_inherited() -> None:
    found = environment(HERE, OWN, base=Path("/b"), passphrase_fd=7)
    assert found["TZ"] == "UTC" and found["LC_ALL"] == "C.UTF-8"
    assert found["BORG_EXIT_CODES"] == "modern"
    assert found["BORG_SELFTEST"] == "disabled" and found["BORG_SHOW_SYSINFO"] == "no"
    assert found["BORG_PASSPHRASE_FD"] == "7" and found["BORG_BASE_DIR"] == "/b"
    assert found["PATH"] == "/usr/bin" and found["SSH_AUTH_SOCK"] == "/run/agent"
    for name in (
        "BORG_PASSPHRASE",
        "BORG_REPO",
        "BORG_CHECK_I_KNOW_WHAT_I_AM_DOING",
        "PYTHONPATH",
        "LC_TIME",
        "LANGUAGE",
    ):
        assert name not in found
    assert "BORG_RSH" not in found


def test_a_repository_elsewhere_is_reached_by_the_given_shell_with_the_given_borg() -> None:
    found = environment(THERE, OWN, base=Path("/b"), passphrase_fd=7, rsh=("ssh", "-o", "ProxyCommand=a b"))
    assert found["BORG_RSH"] == "ssh -o 'ProxyCommand=a b'"
    assert found["BORG_REMOTE_PATH"] == "/opt/borg/bin/borg"


def test_only_borgs_own_questions_are_answered() -> None:
    yes = {"BORG_RELOCATED_REPO_ACCESS_IS_OK": "yes", "BORG_CHECK_I_KNOW_WHAT_I_AM_DOING": "YES"}
    assert environment(HERE, {}, base=Path("/b"), passphrase_fd=7, confirm=yes).items() >= yes.items()
    for wrong in ({"BORG_PASSPHRASE": "x"}, {"LD_PRELOAD": "x"}, {"BORG_DELETE_I_KNOW_WHAT_I_AM_DOING": "yes"}):
        with pytest.raises(BadInput):
            answers(wrong)


def test_what_serves_knows_no_passphrase() -> None:
    found = serve_environment(OWN, Path("/b"))
    assert not [name for name in found if "PASS" in name]
    assert found["BORG_BASE_DIR"] == "/b" and found["BORG_HOST_ID"] == host_id()


def test_this_machines_id_can_stand_in_a_locks_name_and_stays() -> None:
    assert re.fullmatch(r"[A-Za-z0-9._-]+@[0-9a-f]+", host_id())
    assert host_id() == host_id()
