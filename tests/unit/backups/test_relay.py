"""Borg on a host whose RPC is carried by the engine: the real Borg at both ends, this machine as the host."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from backends.backups.borg.events import ArchiveProgress, Event, FileStatus
from backends.backups.hosted import Place
from backends.backups.model import Repository
from backends.backups.relay import RelayRunner, rate
from backends.backups.runner import Cancel
from backends.backups.vault import Vaults, plain_ssh
from backends.clock import SystemClock
from backends.errors import BadInput, SkipHost
from backends.sources.local_channels import LocalChannels
from backends.sources.local_exec import LocalExec
from tests.unit.backups.borgfield import (
    BORG,
    PASSPHRASE,
    Field,
    command,
    create,
    dialect,
    gone,
    needs_borg,
    processes,
    until,
)
from tests.unit.backups.test_process import SLOW, big_file

pytestmark = needs_borg
MIB = 1 << 20


@pytest.fixture
def field(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Field]:
    """The host's own directories are below `tmp_path/host`; nothing of a run is left there but Borg's caches."""
    host = tmp_path / "host"
    (host / "run").mkdir(parents=True)
    (host / "var" / "cache").mkdir(parents=True)
    monkeypatch.setenv("BORGROOT", str(host))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(host / "run"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(host / "var" / "cache"))
    field = Field(tmp_path)
    yield field
    until(lambda: not list((host / "run").iterdir()))
    until(lambda: not processes(str(host)))
    until(lambda: not field.locks())
    for path in (host / "var").rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert PASSPHRASE not in data and b"BORG_KEY" not in data, path
    made = host / "var" / "cache" / "swarm-tui"
    assert not made.exists() or made.stat().st_mode & 0o777 == 0o700


def relay(field: Field, *, program: str = BORG, serve: tuple[str, ...] = ()) -> RelayRunner:
    local = LocalExec("gpu01")
    place = Place(host="gpu01", channels=LocalChannels("gpu01"), way=local, become="none", program=program)
    vaults = Vaults(plain_ssh, local)
    return RelayRunner(
        place,
        lambda repository: serve or vaults.serve(repository),
        field.passphrases,
        dialect,
        field.folder / "serve",
        SystemClock(),
    )


def test_a_backup_goes_through_and_is_heard_as_if_it_ran_here(field: Field) -> None:
    path = big_file(field, 4)
    events: list[Event] = []
    result = relay(field).run(field.repository, create("one", path), on_event=events.append)
    assert (result.exit_status, result.lost, result.cancelled) == (0, "", False)
    assert json.loads(result.stdout)["archive"]["stats"]["nfiles"] == 1
    assert [event.status for event in events if isinstance(event, FileStatus)] == ["A"]
    assert any(isinstance(event, ArchiveProgress) for event in events)
    assert field.archives() == ["one"]


def test_a_restore_writes_on_the_host(field: Field) -> None:
    path = big_file(field, 4)
    field.by_hand("create", f"{field.place}::one", "data")
    target = field.folder / "target"
    target.mkdir()
    result = relay(field).run(field.repository, command("extract", archive="one"), directory=str(target))
    assert result.exit_status == 0
    assert (target / "data" / "big").read_bytes() == path.read_bytes()


def test_output_is_taken_as_it_comes(field: Field) -> None:
    path = big_file(field, 2)
    field.by_hand("create", f"{field.place}::one", str(path))
    pieces: list[bytes] = []
    result = relay(field).run(field.repository, command("extract", "--stdout", archive="one"), on_stdout=pieces.append)
    assert result.exit_status == 0
    assert b"".join(pieces) == path.read_bytes()


def test_the_host_can_reach_no_other_repository(field: Field) -> None:
    other = field.place.with_name("gpu02")
    result = relay(field).run(
        field.repository, lambda location: ("borg", "--log-json", "list", location.replace("gpu01", "gpu02"))
    )
    assert not other.exists()
    assert result.exit_status not in (0, None)
    assert "PathNotAllowed" in {each["msgid"] for each in result.messages}


def test_the_host_can_free_nothing(field: Field) -> None:
    field.by_hand("create", f"{field.place}::one", str(big_file(field, 2)))
    before = sum(path.stat().st_size for path in (field.place / "data").rglob("*") if path.is_file())
    relay(field).run(field.repository, command("delete", archive="one"))
    relay(field).run(field.repository, command("compact"))
    after = sum(path.stat().st_size for path in (field.place / "data").rglob("*") if path.is_file())
    assert after >= before


def test_the_checkpoint_is_kept_on_cancel(field: Field) -> None:
    path = big_file(field, 40)
    cancel = Cancel()

    def hear(event: Event) -> None:
        if isinstance(event, ArchiveProgress) and (event.original_bytes or 0) > MIB:
            cancel.ask("root")

    result = relay(field).run(field.repository, create("one", path, options=SLOW), on_event=hear, cancel=cancel)
    assert result.cancelled and result.lost == ""
    assert field.archives("--consider-checkpoints") == ["one.checkpoint"]


def test_forced_is_at_once(field: Field) -> None:
    path = big_file(field, 40)
    cancel = Cancel()

    def hear(event: Event) -> None:
        if isinstance(event, ArchiveProgress):
            cancel.ask("root", force=True)

    result = relay(field).run(field.repository, create("one", path, options=SLOW), on_event=hear, cancel=cancel)
    assert result.cancelled
    assert field.archives("--consider-checkpoints") == []


def test_a_wrong_passphrase_is_told_by_borg(field: Field) -> None:
    field.passphrases.file(field.repository).write_bytes(b"another one\n")
    result = relay(field).run(field.repository, command("list"))
    assert "PassphraseWrong" in {each["msgid"] for each in result.messages}


def test_a_host_without_borg_is_skipped(field: Field) -> None:
    with pytest.raises(SkipHost, match="cannot start borg-nowhere"):
        relay(field, program="borg-nowhere").run(field.repository, command("list"))


def test_nothing_can_be_fed(field: Field) -> None:
    relay(field).run(field.repository, command("list"))
    with pytest.raises(BadInput):
        relay(field).run(field.repository, command("list"), stdin=lambda: b"")


def test_a_repositorys_end_that_closes_is_told_with_its_last_words(field: Field) -> None:
    runner = relay(field, serve=("/bin/sh", "-c", "echo 'Host key verification failed.' >&2; exit 255"))
    result = runner.run(field.repository, command("list"))
    assert result.exit_status is None
    assert result.lost == ("the repository's end closed the connection (status 255): Host key verification failed.")


def test_no_such_serving_program(field: Field) -> None:
    relay(field).run(field.repository, command("list"))
    with pytest.raises(SkipHost, match="cannot start '/no/ssh'"):
        relay(field, serve=("/no/ssh",)).run(field.repository, command("list"))


def test_a_borg_that_is_killed_on_the_host_is_lost(field: Field) -> None:
    path = big_file(field, 40)

    def kill(event: Event) -> None:
        if isinstance(event, ArchiveProgress) and (event.original_bytes or 0) > 0:
            for pid in processes(f"BORGROOT={field.folder / 'host'}"):
                if b"create" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    os.kill(pid, signal.SIGKILL)

    result = relay(field).run(field.repository, create("one", path, options=SLOW), on_event=kill)
    assert result.exit_status is None and result.lost == "it was killed by signal 9"
    assert relay(field).run(field.repository, command("list")).exit_status == 0  # removes the lock of the dead one


def test_the_launcher_that_is_killed_takes_borg_along(field: Field) -> None:
    """SIGTERM, as at shutdown; what is killed outright cannot clean up, and its Borg ends with its connection."""
    path = big_file(field, 40)
    borgs: list[int] = []

    def end(event: Event) -> None:
        if isinstance(event, ArchiveProgress) and (event.original_bytes or 0) > 0 and not borgs:
            for pid in processes(f"BORGROOT={field.folder / 'host'}"):
                words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                if b"create" in words:
                    borgs.append(pid)
                elif b"-c" in words and any(b"zlib" in word for word in words):
                    os.kill(pid, signal.SIGTERM)

    result = relay(field).run(field.repository, create("one", path, options=SLOW), on_event=end)
    assert result.exit_status is None and result.lost
    until(lambda: all(gone(str(pid)) for pid in borgs))


def test_two_repositories_of_one_host_at_the_same_time(field: Field) -> None:
    second = field.folder / "vault" / "second"
    field.by_hand("init", "-e", "repokey", str(second))
    other = msgspec.structs.replace(field.repository, name="second", location=str(second))
    field.passphrases.set(other, PASSPHRASE)
    path = big_file(field, 8)
    results: list[int | None] = []

    def back_up(repository: Repository) -> None:
        results.append(relay(field).run(repository, create("one", path)).exit_status)

    threads = [threading.Thread(target=back_up, args=(each,)) for each in (field.repository, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(50)
    assert results == [0, 0]


def test_the_upload_is_held_to_its_limit(field: Field) -> None:
    path = big_file(field, 3)
    slow = msgspec.structs.replace(field.repository, upload_kib_per_second=1024)
    began = time.monotonic()
    result = relay(field).run(slow, create("one", path))
    assert result.exit_status == 0
    assert time.monotonic() - began > 2.0


def test_the_limit_counts_in_its_hours_only() -> None:
    now = time.time()
    local = time.localtime(now)  # the hours are those of this machine's own zone
    inside = f"{(local.tm_hour - 1) % 24:02}:00-{(local.tm_hour + 2) % 24:02}:00"
    outside = f"{(local.tm_hour + 2) % 24:02}:00-{(local.tm_hour - 1) % 24:02}:00"
    limited = Repository(name="vault", host="gpu01", location="/x", upload_kib_per_second=100)
    assert rate(limited, now) == 102_400
    assert rate(msgspec.structs.replace(limited, quiet_hours=inside), now) == 102_400
    assert rate(msgspec.structs.replace(limited, quiet_hours=outside), now) == 0
    assert rate(msgspec.structs.replace(limited, upload_kib_per_second=0), now) == 0
