"""The real Borg as a child of the engine: what it is given, how it is ended, what is left of it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tarfile
import textwrap
import threading
import time
from io import BytesIO
from pathlib import Path

import msgspec
import pytest

from backends.backups.borg.events import ArchiveProgress, Event, FileStatus, MessageProgress
from backends.backups.passphrases import Passphrases
from backends.backups.process import LocalRunner
from backends.backups.runner import Cancel
from backends.clock import SystemClock
from backends.errors import AskOperator, RetryLater, SkipHost
from tests.unit.backups.borgfield import PASSPHRASE, Field, command, create, dialect, gone, needs_borg, processes, until

pytestmark = needs_borg
MIB = 1 << 20
SLOW = ("--compression", "zlib,9")
"""Some MB/s: there is time to act in the middle of a small file."""


@pytest.fixture
def field(tmp_path: Path) -> Field:
    return Field(tmp_path)


def shell(folder: Path, script: str, passphrases: Passphrases | None = None) -> LocalRunner:
    """A runner whose Borg is a shell script: for what the real one does not do on demand."""
    program = folder / "fake-borg"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    kept = passphrases or Passphrases(folder / "passphrases")
    return LocalRunner(kept, folder / "borg", lambda _: (), dialect, SystemClock(), program=str(program))


def big_file(field: Field, mib: int) -> Path:
    """Random data, so that nothing is deduplicated."""
    path = field.folder / "data" / "big"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(os.urandom(mib * MIB))
    return path


def test_a_backup_and_what_is_heard_of_it(field: Field) -> None:
    data = field.folder / "data"
    data.mkdir()
    (data / "a\nb\x1b[31m").write_text("hostile name")
    (data / "plain").write_text("x" * 1000)
    events: list[Event] = []
    result = field.local().run(field.repository, create("one", data), on_event=events.append)
    assert (result.exit_status, result.cancelled, result.lost) == (0, False, "")
    assert json.loads(result.stdout)["archive"]["stats"]["nfiles"] == 2
    paths = [event.path for event in events if isinstance(event, FileStatus) and event.status == "A"]
    assert len(paths) == 2 and not any("\n" in path or "\x1b" in path for path in paths)
    assert isinstance([event for event in events if isinstance(event, ArchiveProgress)][-1], ArchiveProgress)
    assert field.archives() == ["one"]
    assert field.locks() == []


def test_output_can_be_taken_as_it_comes(field: Field) -> None:
    path = big_file(field, 3)
    field.by_hand("create", f"{field.place}::one", str(path))
    pieces: list[bytes] = []
    result = field.local().run(field.repository, command("extract", "--stdout", archive="one"), on_stdout=pieces.append)
    assert result.exit_status == 0 and result.stdout == b""
    assert b"".join(pieces) == path.read_bytes() and len(pieces) > 3


def test_it_works_where_it_is_told_to(field: Field) -> None:
    path = big_file(field, 1)
    field.by_hand("create", f"{field.place}::one", "data")
    target = field.folder / "target"
    target.mkdir()
    field.local().run(field.repository, command("extract", archive="one"), directory=str(target))
    assert (target / "data" / "big").read_bytes() == path.read_bytes()


def test_a_wrong_passphrase_is_told_by_borg_and_asked_of_nobody(field: Field) -> None:
    file = field.passphrases.file(field.repository)
    file.write_bytes(b"another one\n")
    result = field.local().run(field.repository, command("list"))
    assert result.exit_status not in (0, None)
    assert any(each["msgid"] == "PassphraseWrong" for each in result.messages)


def test_a_question_is_declined_unless_it_was_confirmed_for_this_run(field: Field) -> None:
    field.local().run(field.repository, command("list"))
    moved = field.place.with_name("moved")
    field.place.rename(moved)
    there = msgspec.structs.replace(field.repository, location=str(moved))
    declined = field.local().run(there, command("list"))
    assert declined.exit_status not in (0, None)
    assert "BORG_RELOCATED_REPO_ACCESS_IS_OK" in {each["msgid"] for each in declined.messages}
    confirmed = field.local().run(there, command("list"), confirm={"BORG_RELOCATED_REPO_ACCESS_IS_OK": "yes"})
    assert confirmed.exit_status == 0


def test_the_passphrase_is_nowhere_but_in_a_pipe(tmp_path: Path) -> None:
    kept = Passphrases(tmp_path / "passphrases")
    repository = Field(tmp_path).repository
    script = 'cat /proc/self/environ | tr "\\0" "\\n"; tr "\\0" " " </proc/$$/cmdline; echo; cat /proc/self/fd/$BORG_PASSPHRASE_FD'
    result = shell(tmp_path, script, kept).run(repository, lambda location: ("borg", location))
    said, _, last = result.stdout.rpartition(b"\n")
    assert last == PASSPHRASE
    assert PASSPHRASE not in said and PASSPHRASE not in repr(result.messages).encode()
    assert b"BORG_HOST_ID=" in said


def test_its_stdin_is_empty_and_its_group_its_own(tmp_path: Path) -> None:
    repository = Field(tmp_path).repository
    result = shell(tmp_path, "cat; ps -o pgid= -p $$ | tr -d ' '; echo $$").run(repository, lambda _: ("borg",))
    group, pid = result.stdout.split()
    assert group == pid


def test_nothing_of_its_group_outlives_it(tmp_path: Path) -> None:
    repository = Field(tmp_path).repository
    mark = f"MARK={tmp_path.name}-{os.getpid()}"
    began = time.monotonic()
    result = shell(tmp_path, f"{mark} sleep 60 & exit 3").run(repository, lambda _: ("borg",))
    assert result.exit_status == 3
    assert time.monotonic() - began < 10
    assert processes(mark) == []


def test_the_checkpoint_is_kept_and_the_next_run_goes_on_from_it(field: Field) -> None:
    path = big_file(field, 40)
    cancel = Cancel()
    began: list[float] = []
    seen: list[Event] = []

    def hear(event: Event) -> None:
        seen.append(event)
        if isinstance(event, ArchiveProgress) and (event.original_bytes or 0) > MIB and not cancel.asked.is_set():
            began.append(time.monotonic())
            cancel.ask("root")

    result = field.local().run(field.repository, create("one", path, options=SLOW), on_event=hear, cancel=cancel)
    took = time.monotonic() - began[0]
    assert result.cancelled and result.lost == ""
    assert any(isinstance(event, MessageProgress) and event.msgid == "cache.commit" for event in seen)
    assert field.archives("--consider-checkpoints") == ["one.checkpoint"]
    assert field.locks() == []
    again = field.local().run(field.repository, create("one", path))
    stats = json.loads(again.stdout)["archive"]["stats"]
    assert stats["deduplicated_size"] < stats["compressed_size"] - MIB
    assert took < 5


def test_forced_ends_at_once_and_gives_the_locks_back(field: Field) -> None:
    path = big_file(field, 40)
    cancel = Cancel()

    def hear(event: Event) -> None:
        if isinstance(event, ArchiveProgress) and (event.original_bytes or 0) > 0:
            cancel.ask("root", force=True)

    result = field.local().run(field.repository, create("one", path, options=SLOW), on_event=hear, cancel=cancel)
    assert result.cancelled
    assert field.archives("--consider-checkpoints") == []
    assert field.locks() == []


def test_one_that_does_not_listen_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backends.backups.stages.TERMINATE_SECONDS", 0.3)
    repository = Field(tmp_path).repository
    cancel = Cancel()
    cancel.ask("root", force=True)
    result = shell(tmp_path, "trap '' TERM INT; while :; do sleep 0.1; done").run(
        repository, lambda _: ("borg",), cancel=cancel
    )
    assert result.exit_status is None and result.cancelled


def test_a_time_limit_ends_it(tmp_path: Path) -> None:
    repository = Field(tmp_path).repository
    result = shell(tmp_path, "exec sleep 60").run(repository, lambda _: ("borg",), timeout_seconds=0.3)
    assert result.cancelled and result.lost == "it did not end in time"


def test_one_that_was_killed_by_others_is_lost(tmp_path: Path) -> None:
    result = shell(tmp_path, "kill -9 $$").run(Field(tmp_path).repository, lambda _: ("borg",))
    assert (result.exit_status, result.cancelled, result.lost) == (None, False, "it was killed by signal 9")


def test_a_flood_of_output_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backends.backups.process.KEPT_BYTES", 1 << 20)
    result = shell(tmp_path, "exec yes").run(Field(tmp_path).repository, lambda _: ("borg",))
    assert result.lost == "it printed more than 1 MiB" and result.stdout == b""


def test_what_a_callback_raises_ends_borg_and_comes_out(tmp_path: Path) -> None:
    def refuse(data: bytes) -> None:
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        shell(tmp_path, "echo x; exec sleep 60").run(Field(tmp_path).repository, lambda _: ("borg",), on_stdout=refuse)


def test_a_slow_taker_gets_everything(tmp_path: Path) -> None:
    taken: list[bytes] = []

    def slowly(data: bytes) -> None:
        time.sleep(0.3)
        taken.append(data)

    shell(tmp_path, "head -c 300000 /dev/zero").run(Field(tmp_path).repository, lambda _: ("borg",), on_stdout=slowly)
    assert sum(map(len, taken)) == 300_000


def test_no_borg_is_a_host_to_skip(tmp_path: Path) -> None:
    field = Field(tmp_path)
    runner = LocalRunner(field.passphrases, tmp_path / "b", lambda _: (), dialect, SystemClock(), program="/no/borg")
    with pytest.raises(SkipHost, match="cannot start '/no/borg'"):
        runner.run(field.repository, command("list"))


def test_no_passphrase_asks_for_an_operator_before_borg_is_started(field: Field) -> None:
    asking = msgspec.structs.replace(field.repository, passphrase_command="false")
    with pytest.raises(AskOperator, match="passphrase_command"):
        field.local().run(asking, command("list"))


# what is fed to it


def tar_of(names: list[str]) -> bytes:
    """A tar stream without its end."""
    buffer = BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = 5000
            tar.addfile(info, BytesIO(name.encode().ljust(5000, b".")))
        end = buffer.tell()
    return buffer.getvalue()[:end]


def feeding(field: Field, pieces: list[bytes | Exception]) -> tuple[list[str], str, int | None]:
    """import-tar of what a source gives: archives, why it was lost, exit status."""
    left = iter(pieces)

    def source() -> bytes:
        piece = next(left, b"")
        if isinstance(piece, Exception):
            time.sleep(0.5)  # Borg has taken everything and waits for more
            raise piece
        return piece

    build = command("import-tar", "--json", archive="one", after=["-"])
    result = field.local().run(field.repository, build, stdin=source)
    return field.archives("--consider-checkpoints"), result.lost, result.exit_status


def test_a_whole_stream_becomes_an_archive(field: Field) -> None:
    stream = tar_of(["a", "b"]) + bytes(1024)
    archives, lost, status = feeding(field, [stream[:700], stream[700:]])
    assert (archives, lost, status) == (["one"], "", 0)
    assert field.by_hand("list", "--short", f"{field.place}::one").split() == ["a", "b"]


def test_borg_itself_takes_a_stream_that_broke_between_two_files_for_a_whole_one(field: Field) -> None:
    """Why a source raises and is not simply at its end."""
    archives, _, status = feeding(field, [tar_of(["a", "b"])])
    assert (archives, status) == (["one"], 0)


@pytest.mark.parametrize("cut", [0, 300, 512, 5632, 5900, 11264])
def test_a_stream_that_broke_never_becomes_an_archive(field: Field, cut: int) -> None:
    broken = RetryLater("the link was lost")
    archives, lost, status = feeding(field, [tar_of(["a", "b", "c"])[:cut], broken] if cut else [broken])
    assert archives == [] and status is None
    assert lost == "what was to be archived broke off: the link was lost"
    assert field.locks() == []


def test_a_bug_in_a_source_comes_out(field: Field) -> None:
    with pytest.raises(ZeroDivisionError):
        feeding(field, [ZeroDivisionError()])
    assert field.archives() == []


# the engine ends


ENGINE = """
import sys
from pathlib import Path
sys.path.insert(0, {top!r})
from tests.unit.backups.test_process import shell
from backends.backups.model import Repository
shell(Path({folder!r}), {script!r}).run(Repository(name="vault", host="gpu01", location="/x"), lambda _: ("borg",))
"""


@pytest.mark.parametrize("deaf", [False, True])
def test_an_engine_that_is_killed_leaves_no_borg(tmp_path: Path, checkout: Path, deaf: bool) -> None:
    (tmp_path / "passphrases" / "vault").mkdir(parents=True, mode=0o700)
    file = tmp_path / "passphrases" / "vault" / "gpu01.pass"
    file.write_bytes(PASSPHRASE)
    trap = "" if deaf else f"echo asked >{tmp_path}/asked; exit"
    script = f"trap '{trap}' TERM; echo $$ >{tmp_path}/pid; while :; do sleep 0.05; done"
    code = textwrap.dedent(ENGINE.format(top=str(checkout), folder=str(tmp_path), script=script))
    engine = subprocess.Popen([sys.executable, "-c", code], cwd=checkout, start_new_session=True)
    try:
        until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip(), 20)
        pid = (tmp_path / "pid").read_text().strip()
    finally:
        engine.send_signal(signal.SIGKILL)
        engine.wait()
    try:
        until(lambda: gone(pid), 40)
    finally:
        with contextlib.suppress(OSError):  # as it should be
            os.killpg(int(pid), signal.SIGKILL)
    assert (tmp_path / "asked").exists() is not deaf


def test_many_at_a_time(tmp_path: Path) -> None:
    repository = Field(tmp_path).repository
    runner = shell(tmp_path, "echo $$")
    found: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: found.append(runner.run(repository, lambda _: ("borg",)).stdout))
        for _ in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(set(found)) == 12
