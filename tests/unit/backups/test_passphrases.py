"""Where a passphrase comes from, and that it goes nowhere else."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.backups.model import Repository
from backends.backups.passphrases import LIMIT_BYTES, Passphrases, Said, command_of
from backends.errors import AskOperator, BadInput
from tests.unit.backups.borgfield import gone, until

VAULT = Repository(name="vault", host="gpu01", location="/srv/borg/gpu01")
SECRETS = msgspec.structs.replace(VAULT, secrets=True)


def asking(command: str, said: Said | Exception = (0, b"", b"")) -> tuple[Repository, Passphrases, list[list[str]]]:
    """A repository whose passphrase_command answers `said`."""
    asked: list[list[str]] = []

    def run(argv: object, seconds: float) -> Said:
        asked.append(list(argv))  # type: ignore[call-overload]
        if isinstance(said, Exception):
            raise said
        return said

    return msgspec.structs.replace(VAULT, passphrase_command=command), Passphrases(Path("/nowhere"), run), asked


def test_one_is_made_up_once_and_kept_privately(tmp_path: Path) -> None:
    kept = Passphrases(tmp_path / "p")
    first = kept.of(VAULT)
    assert len(first) >= 43
    assert Passphrases(tmp_path / "p").of(VAULT) == first
    file = kept.file(VAULT)
    assert file == tmp_path / "p" / "vault" / "gpu01.pass"
    assert file.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "p").stat().st_mode & 0o777 == 0o700
    assert [each.name for each in file.parent.iterdir()] == ["gpu01.pass"]


def test_hosts_places_and_secrets_have_passphrases_of_their_own(tmp_path: Path) -> None:
    kept = Passphrases(tmp_path)
    others = [VAULT, SECRETS, msgspec.structs.replace(VAULT, host="gpu02"), msgspec.structs.replace(VAULT, name="off")]
    assert len({kept.of(each) for each in others}) == 4


@pytest.mark.parametrize("host", ["../../etc/x", "a/b", "..", "name with space", "ünï", "a%2Fb"])
def test_a_hosts_name_leads_nowhere_else(tmp_path: Path, host: str) -> None:
    kept = Passphrases(tmp_path / "p")
    file = kept.file(msgspec.structs.replace(VAULT, host=host))
    assert file.parent == tmp_path / "p" / "vault"
    assert "/" not in file.name and file.name.endswith(".pass")


def test_whoever_comes_at_the_same_time_gets_the_same(tmp_path: Path) -> None:
    found: list[bytes] = []
    start = threading.Barrier(8)

    def get() -> None:
        start.wait()
        found.append(Passphrases(tmp_path).of(VAULT))

    threads = [threading.Thread(target=get) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8 and len(set(found)) == 1


def test_an_imported_one_is_kept_and_never_replaced(tmp_path: Path) -> None:
    kept = Passphrases(tmp_path)
    kept.set(VAULT, b"correct horse\n")
    kept.set(VAULT, b"correct horse")
    assert kept.of(VAULT) == b"correct horse"
    with pytest.raises(BadInput, match="another passphrase is kept"):
        kept.set(VAULT, b"battery staple")
    assert kept.of(VAULT) == b"correct horse"


@pytest.mark.parametrize("given", [b"", b"\n", b"a\0b", b"\xff\xfe", b"x" * (LIMIT_BYTES + 1)])
def test_what_borg_could_not_take_is_refused(tmp_path: Path, given: bytes) -> None:
    with pytest.raises(BadInput):
        Passphrases(tmp_path).set(VAULT, given)


def test_a_damaged_file_is_not_replaced(tmp_path: Path) -> None:
    kept = Passphrases(tmp_path)
    kept.of(VAULT)
    kept.file(VAULT).write_bytes(b"")
    with pytest.raises(AskOperator, match="is empty"):
        kept.of(VAULT)


def test_a_folder_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    (tmp_path / "p").write_text("a file")
    with pytest.raises(AskOperator) as refused:
        Passphrases(tmp_path / "p").of(VAULT)
    assert str(tmp_path) in refused.value.message


def test_a_command_is_asked_without_a_shell() -> None:
    repository, kept, asked = asking("pass show 'borg/{host}/my {repository}' $HOME;", (0, b"secret word\n", b"noise"))
    assert kept.of(repository) == b"secret word"
    assert asked == [["pass", "show", "borg/gpu01/my vault", "$HOME;"]]


def test_the_repository_of_secrets_can_have_another_one() -> None:
    repository = msgspec.structs.replace(SECRETS, passphrase_command="show {repository}/{host}")
    assert command_of(repository) == ("show", "vault+secrets/gpu01")


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ((1, b"hunter2", b"gpg: no \x1b[31msecret key\n"), "ended with 1: gpg: no secret key"),
        ((0, b"\n", b"oops"), "printed nothing"),
        ((-9, b"", b""), "ended with -9"),
        (subprocess.TimeoutExpired("pass", 60, output=b"hunter2"), "did not end within 60 s"),
        (FileNotFoundError(2, "No such file or directory"), "cannot be started: No such file"),
        ((0, b"\xff\xff", b""), "is no text"),
    ],
)
def test_a_failing_command_asks_for_an_operator_and_never_tells_its_output(said: Said | Exception, why: str) -> None:
    repository, kept, _ = asking("pass show borg/{host}", said)
    with pytest.raises(AskOperator) as refused:
        kept.of(repository)
    assert why in refused.value.message
    shown = f"{refused.value} {refused.value!r} {refused.value.__cause__!r} {kept!r}"
    assert "hunter2" not in shown and "\x1b" not in shown


def test_an_open_quote_is_bad_input() -> None:
    repository, kept, _ = asking("pass show 'borg")
    with pytest.raises(BadInput, match="cannot be taken apart"):
        kept.of(repository)


def test_a_real_command_that_hangs_is_killed_with_its_children(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backends.backups.passphrases.COMMAND_SECONDS", 0.3)
    pid = tmp_path / "pid"
    command = f"/bin/sh -c 'sleep 60 & echo $! >{pid}; wait'"
    with pytest.raises(AskOperator, match="did not end"):
        Passphrases(tmp_path).of(msgspec.structs.replace(VAULT, passphrase_command=command))
    until(lambda: gone(pid.read_text().strip()))


def test_a_real_command(tmp_path: Path) -> None:
    command = "printf '%s\\n' {host}-{repository}"
    assert Passphrases(tmp_path).of(msgspec.structs.replace(VAULT, passphrase_command=command)) == b"gpu01-vault"
    assert os.listdir(tmp_path) == []


@given(st.text(min_size=1, max_size=60), st.text(min_size=1, max_size=30))
def test_any_command_is_taken_apart_or_refused(command: str, host: str) -> None:
    repository = msgspec.structs.replace(VAULT, passphrase_command=command, host=host)
    with contextlib.suppress(BadInput):
        assert command_of(repository)
