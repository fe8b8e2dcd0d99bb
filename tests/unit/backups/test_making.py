"""One backup: hooks, canaries, the archive, its databases, and that a finished archive is never lost to what comes after."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from backends.backups.board import Board, Handle
from backends.backups.borg.dialect import Dialect
from backends.backups.catalog import Catalog
from backends.backups.catalog_model import Figures
from backends.backups.fs_snapshot import Held
from backends.backups.fs_snapshot_plan import MARK
from backends.backups.making import Making
from backends.backups.model import (
    BackupSet,
    BorgResult,
    Dump,
    Job,
    JobKind,
    JobState,
    Outcome,
    Repository,
    Task,
    Transport,
)
from backends.backups.runner import Build, Cancel, OnEvent, Runner, Source
from backends.backups.tarstream import NOTE, TarSource, tar_launch
from backends.backups.trust import said
from backends.clock import ManualClock
from backends.errors import AskOperator, RetryLater, SkipHost, SwarmError
from backends.execution import Exec, ExecResult, OnOutput
from tests.unit.backups.borg import captured
from tests.unit.backups.fakehost import FakeDuplex, FakeHost
from tests.unit.backups.scripted import Said, Scripted

VAULT = Repository(name="vault", host="gpu01", location="/r/gpu01")
MODELS = BackupSet(name="models", paths=("/srv",), before=(("lvcreate", "-s"),), after=(("lvremove", "-f"),))
PLAIN = replace(MODELS, before=(), after=())
DUMPS = (Dump(name="app", command=("pg_dump", "app")), Dump(name="log", command=("pg_dump", "log")))
GREETING = b"\nswarm-kit 1 tar\n"


def borg(case: str, stdout: str = "", **more: object) -> Said:
    """What a real Borg said."""
    result = captured.result("1.2.4", case)
    out = captured.out("1.2.4", stdout or case)
    return Said(stderr=captured.err("1.2.4", case), stdout=out, result=replace(result, **more))


CREATED, CHANGED, DUMPED = borg("create", seconds=4.0), borg("file-changed"), borg("dump")
FULL, DUMP_FAILED = borg("no-space"), borg("dump-failed")
CANCELLED = Said(result=BorgResult(exit_status=None, cancelled=True, seconds=12.4))


class Host:
    """A host that runs hooks. Implements `Exec`."""

    def __init__(self) -> None:
        self.host = "gpu01"
        self.ran: list[tuple[str, ...]] = []
        self.answers: dict[str, ExecResult | SwarmError] = {}
        self.seconds: set[float] = set()

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        timeout_seconds: float = 60.0,
        limit_bytes: int = 1 << 20,
        become: bool = True,
        on_output: OnOutput | None = None,
    ) -> ExecResult:
        self.ran.append(tuple(argv))
        self.seconds.add(timeout_seconds)
        answer = self.answers.get(argv[0], ExecResult(exit_status=0))
        if isinstance(answer, SwarmError):
            raise answer
        return answer


class Fed(Scripted):
    """Reads its stdin as Borg does."""

    def __init__(self, answers: Sequence[Said]):
        super().__init__(answers)
        self.read = b""

    def run(
        self,
        repository: Repository,
        build: Build,
        *,
        on_event: OnEvent | None = None,
        on_stdout: Callable[[bytes], None] | None = None,
        stdin: Source | None = None,
        cancel: Cancel | None = None,
        confirm: Mapping[str, str] = {},
        timeout_seconds: float | None = None,
        directory: str = "",
    ) -> BorgResult:
        assert stdin is not None
        self.read = b"".join(iter(stdin, b""))
        return super().run(repository, build, on_event=on_event)


class Broken(Runner):
    """A host whose link is down after the first run."""

    def __init__(self, first: Runner):
        self._first, self._runs = first, 0

    @property
    def dialect(self) -> Dialect:
        return Dialect()

    def run(self, repository: Repository, build: Build, **more: object) -> BorgResult:
        self._runs += 1
        if self._runs > 1:
            raise RetryLater("the link is down", host="gpu01")
        return self._first.run(repository, build)


class Ground:
    """Implements `making.Ground`."""

    def __init__(self, runner: Runner, transport: Transport):
        self.host, self._runner, self._transport = Host(), runner, transport
        self.send: Callable[[FakeDuplex], None] = lambda duplex: duplex.end(1)
        self.upload = 0
        self.advised = 0
        self.held = Held()
        self.left = ""
        """What is found out only when the snapshots are removed."""
        self.prefixes: list[tuple[str, ...]] = []
        self.snapped: list[str] = []

    def way(self, host: str) -> Exec:
        return self.host

    def runner(self, task: Task, transport: Transport, prefix: tuple[str, ...] = ()) -> Runner:
        assert transport is self._transport
        self.prefixes.append(prefix)
        return self._runner

    @contextmanager
    def snapshots(self, task: Task, transport: Transport) -> Iterator[Held]:
        self.snapped.append(f"taken after {len(self.host.ran)} commands")
        try:
            yield self.held
        finally:
            self.snapped.append(f"removed after {len(self.host.ran)} commands")
            self.held.warnings += [self.left] if self.left else []

    def source(self, task: Task, on_err: Callable[[bytes], None]) -> TarSource:
        return TarSource(FakeHost(self.send), tar_launch(task.set.paths), on_err=on_err)

    def transport(self, task: Task) -> Transport:
        return self._transport

    def upload_kib(self, task: Task) -> int:
        return self.upload

    def compression(self, task: Task) -> str:
        self.advised += 1
        return "zstd,3"


class Case:
    """Makes backups in memory."""

    def __init__(self, folder: Path):
        self.clock = ManualClock()
        self.catalog = Catalog(folder / "catalog.db", self.clock)
        self.board = Board(folder / "jobs", self.clock, on_edge=lambda _: None, on_bug=self._bug)
        self.figures: list[Figures] = []
        self.order: list[str] = []
        self.troubles: dict[str, SwarmError] = {}
        self.canary, self.odd, self.vanished = "", (), ()  # type: tuple[str, tuple[str, ...], tuple[str, ...]]

    def _bug(self, name: str, error: Exception) -> None:
        raise AssertionError(name) from error

    def _step(self, name: str) -> None:
        self.order.append(name)
        if name in self.troubles:
            raise self.troubles[name]

    def _ensure(self, task: Task, handle: Handle) -> Sequence[str]:
        self._step("ensure")
        return ("the repository was made",)

    def _watch(self, task: Task) -> str:
        self._step("watch")
        return self.canary

    def _learn(self, task: Task, figures: Figures) -> Sequence[str]:
        self._step("learn")
        self.figures.append(figures)
        return self.odd

    def _settle(self, task: Task) -> Sequence[str]:
        self._step("settle")
        return self.vanished

    def making(self, ground: Ground) -> Making:
        return Making(
            ground,
            self.catalog,
            self.clock,
            ensure=self._ensure,
            watch=self._watch,
            learn=self._learn,
            settle=self._settle,
        )

    def make(self, ground: Ground, made: BackupSet = PLAIN, *, cancel: bool = False) -> Job:
        """The whole job."""
        making, task = self.making(ground), Task(set=made, repository=VAULT)

        def work(handle: Handle) -> Outcome:
            if cancel:
                handle.cancel.ask("ann")
            return making.make(task, handle)

        job = self.board.add(Job(id="", kind=JobKind.BACKUP, host="gpu01", repository=VAULT.key), work, holds=())
        return self.board.wait(job.id, 20.0)


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Case]:
    one = Case(tmp_path)
    yield one
    one.board.stop()
    one.catalog.close()


def on(*answers: Said, transport: Transport = Transport.LOCAL) -> Ground:
    return Ground(Scripted(answers), transport)


def outcome(job: Job) -> Outcome:
    assert job.outcome is not None
    return job.outcome


def code(job: Job) -> str:
    cause = outcome(job).cause
    return cause.code if cause else ""


# The archive ---------------------------------------------------------------------------------------------------------


def test_a_backup_is_in_the_catalog_and_its_figures_are_learned(case: Case) -> None:
    job = case.make(on(CREATED))
    assert job.state is JobState.DONE
    archive = outcome(job).archive
    assert archive is not None and case.catalog.archives(repository=VAULT.key) == (archive,)
    assert case.order == ["ensure", "watch", "learn", "settle"]
    (figures,) = case.figures
    assert (figures.archive, figures.files, figures.seconds) == (archive.id, archive.files, 4.0)
    assert (figures.added, figures.modified) == (16, 0)
    assert outcome(job).notes[0] == "the repository was made"
    assert outcome(job).notes[1].startswith(f"archive {archive.name}, {archive.files} files")


def test_the_board_shows_way_trust_and_the_exact_line(case: Case) -> None:
    ground = on(CREATED)
    job = case.make(ground)
    assert (job.transport, job.trust) == (Transport.LOCAL, said(Transport.LOCAL))
    assert job.command.startswith("borg --log-json --progress create ")
    assert "/r/gpu01::models.20270115T080000Z" in job.command and job.command.endswith("-- /srv")
    assert (
        "--comment=swarm-tui models of gpu01" in job.command or "'--comment=swarm-tui models of gpu01'" in job.command
    )


@pytest.mark.parametrize(
    ("transport", "limited"), [(Transport.LOCAL, True), (Transport.PUSH, True), (Transport.RELAY, False)]
)
def test_a_relay_is_slowed_by_the_engine_and_not_by_borg(case: Case, transport: Transport, limited: bool) -> None:
    ground = on(CREATED, transport=transport)
    ground.upload = 500
    job = case.make(ground)
    assert ("--upload-ratelimit 500" in job.command) == limited


def test_warnings_of_borg_are_told_and_the_archive_is_kept(case: Case) -> None:
    job = case.make(on(CHANGED))
    assert (job.state, code(job)) == (JobState.WARNING, "file-changed")
    assert outcome(job).archive is not None
    assert any("changed while" in text for text in outcome(job).warnings)


def test_a_failure_has_its_cause_and_leaves_no_archive(case: Case) -> None:
    job = case.make(on(FULL))
    assert (job.state, code(job)) == (JobState.FAILED, "no-space")
    assert case.catalog.archives() == ()
    assert case.order == ["ensure", "watch"]


def test_a_passphrase_that_opened_it_before_is_a_changed_one(case: Case) -> None:
    assert code(case.make(on(borg("wrong-passphrase")))) == "wrong-passphrase"
    case.catalog.set_note(VAULT.key, "id", "f" * 64)
    assert code(case.make(on(borg("wrong-passphrase")))) == "changed-passphrase"


def test_cancelled_says_who_and_that_the_next_one_goes_on_from_there(case: Case) -> None:
    job = case.make(on(CANCELLED), cancel=True)
    assert job.state is JobState.CANCELLED
    assert job.text == "the repository was made; cancelled by ann after 12 s; what is in a checkpoint is not sent again"


def test_where_the_repository_cannot_be_had_nothing_is_begun(case: Case) -> None:
    case.troubles["ensure"] = SkipHost("no room", host="gpu01", hint="make room")
    ground = on()
    job = case.make(ground, MODELS)
    assert (job.state, job.text) == (JobState.FAILED, "no room")
    assert ground.host.ran == []


# Snapshots -----------------------------------------------------------------------------------------------------------


def test_borg_is_run_where_it_sees_the_snapshots_between_the_hooks(case: Case) -> None:
    ground = on(CREATED)
    ground.held.prefix = ("unshare", "-m", "--")
    ground.held.notes.append("read from a btrfs snapshot of /srv")
    job = case.make(ground, MODELS)
    assert job.state is JobState.DONE
    assert ground.prefixes == [("unshare", "-m", "--")]
    assert ground.snapped == ["taken after 1 commands", "removed after 1 commands"]
    assert "read from a btrfs snapshot of /srv" in outcome(job).notes
    assert job.command.startswith("borg "), "the line for doing it by hand needs no snapshot"


def test_what_went_wrong_with_a_snapshot_is_told_of_an_archive_that_is_kept(case: Case) -> None:
    ground = on(borg("create", text=f"{MARK} 0"))
    ground.held.prefix = ("unshare",)
    ground.left = "/srv/.swarm-snapshot-x could not be removed"
    job = case.make(ground)
    assert (job.state, code(job)) == (JobState.WARNING, "odd")
    assert outcome(job).archive is not None
    assert outcome(job).warnings == ("not every snapshot was to be seen: a part was read as it is", ground.left)


def test_a_dump_reads_no_snapshot(case: Case) -> None:
    ground = on(CREATED, DUMPED)
    ground.held.prefix = ("unshare",)
    case.make(ground, replace(PLAIN, dumps=DUMPS[:1]))
    assert ground.prefixes == [("unshare",), ()]


def test_the_places_of_snapshots_are_no_files_of_the_host(case: Case) -> None:
    (only,) = lines(case, on(), PLAIN)
    assert "--exclude=sh:**/.swarm-snapshot-*" in only.replace("'", "")


# A stream ------------------------------------------------------------------------------------------------------------


def sending(*errors: bytes) -> Callable[[FakeDuplex], None]:
    def act(duplex: FakeDuplex) -> None:
        duplex.out(GREETING + b"tar ")
        for each in errors:
            duplex.err(each)
        duplex.out(b"stream")
        duplex.end(0)

    return act


def test_a_stream_of_a_host_becomes_an_archive(case: Case) -> None:
    runner = Fed([CREATED])
    ground = Ground(runner, Transport.TAR)
    ground.send = sending()
    job = case.make(ground)
    assert job.state is JobState.DONE and runner.read == b"tar stream"
    assert " import-tar " in job.command
    assert NOTE in outcome(job).notes
    assert case.figures[0].added is None, "a stream does not tell what is new"


def test_what_a_host_could_not_send_is_a_warning_of_the_archive(case: Case) -> None:
    told = {"type": "log_message", "levelname": "WARNING", "name": "tar", "message": "/srv/x: Permission denied"}
    ground = Ground(Fed([CREATED]), Transport.TAR)
    ground.send = sending(msgspec.json.encode(told) + b"\n")
    job = case.make(ground)
    assert (job.state, code(job)) == (JobState.WARNING, "not-sent-whole")
    assert outcome(job).archive is not None
    assert "warning: /srv/x: Permission denied" in case.board.log(job.id)


def test_a_stream_that_breaks_makes_no_archive(case: Case) -> None:
    ground = Ground(Fed([CREATED]), Transport.TAR)

    def cut(duplex: FakeDuplex) -> None:
        duplex.out(GREETING + b"ta")
        duplex.end(None)

    ground.send = cut
    job = case.make(ground, MODELS)
    assert (job.state, code(job)) == (JobState.FAILED, "RetryLater")
    assert case.catalog.archives() == ()
    assert ground.host.ran == [("lvcreate", "-s"), ("lvremove", "-f")], "the hooks afterwards run all the same"


# Databases -----------------------------------------------------------------------------------------------------------


def test_each_dump_is_an_archive_of_its_own(case: Case) -> None:
    runner = Scripted([CREATED, DUMPED, DUMPED])
    job = case.make(Ground(runner, Transport.RELAY), replace(PLAIN, dumps=DUMPS))
    assert job.state is JobState.DONE and len(outcome(job).notes) == 4
    words = [line[line.index("--stdin-name=app.dump") :] for line in runner.lines if "--stdin-name=app.dump" in line]
    assert words[0][-4:] == ("/r/gpu01::models+app.20270115T080000Z", "--", "pg_dump", "app")
    assert len(case.figures) == 1, "only the files have a band"
    archive = outcome(job).archive
    assert archive is not None and archive == case.catalog.archive(VAULT.key, archive.name)


def test_a_set_of_dumps_alone_reads_no_files(case: Case) -> None:
    runner = Scripted([DUMPED])
    job = case.make(Ground(runner, Transport.RELAY), BackupSet(name="db", dumps=DUMPS[:1]))
    assert job.state is JobState.DONE and len(runner.lines) == 1


def test_a_dump_that_fails_fails_the_job_and_the_others_are_made(case: Case) -> None:
    runner = Scripted([CREATED, DUMP_FAILED, DUMPED])
    job = case.make(Ground(runner, Transport.RELAY), replace(PLAIN, dumps=DUMPS))
    assert (job.state, code(job)) == (JobState.FAILED, "dump-failed")
    assert len(runner.lines) == 3
    assert outcome(job).archive is not None, "the archive of the files is there, and is indexed"


def test_a_link_that_is_lost_between_two_archives_loses_none(case: Case) -> None:
    job = case.make(Ground(Broken(Scripted([CREATED])), Transport.RELAY), replace(PLAIN, dumps=DUMPS))
    assert (job.state, job.text) == (JobState.FAILED, "the link is down")
    assert outcome(job).archive is not None and len(case.catalog.archives()) == 1


def test_after_a_cancel_no_dump_begins(case: Case) -> None:
    runner = Scripted([CANCELLED])
    assert case.make(Ground(runner, Transport.RELAY), replace(PLAIN, dumps=DUMPS)).state is JobState.CANCELLED
    assert len(runner.lines) == 1


def test_without_borg_on_the_host_a_dump_says_what_to_do(case: Case) -> None:
    ground = Ground(Fed([CREATED]), Transport.TAR)
    ground.send = sending()
    job = case.make(ground, replace(PLAIN, dumps=DUMPS[:1]))
    assert (job.state, code(job)) == (JobState.FAILED, "dump-needs-borg")
    assert "gpu01" in job.text


# Hooks ---------------------------------------------------------------------------------------------------------------


def test_hooks_run_around_it_within_their_time(case: Case) -> None:
    ground = on(CREATED)
    assert case.make(ground, replace(MODELS, hook_seconds=7.0)).state is JobState.DONE
    assert ground.host.ran == [("lvcreate", "-s"), ("lvremove", "-f")] and ground.host.seconds == {7.0}


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (ExecResult(exit_status=5, stderr=b"no space in VG\x1b[31m"), "exit 5: no space in VG"),
        (ExecResult(exit_status=1), "exit 1"),
        (ExecResult(exit_status=None), "ended by a signal"),
        (RetryLater("not connected", host="gpu01"), "not connected"),
        (AskOperator("sudo wants a password", host="gpu01"), "sudo wants a password"),
    ],
)
def test_a_hook_that_fails_beforehand_ends_it_and_those_afterwards_still_run(
    case: Case, answer: ExecResult | SwarmError, why: str
) -> None:
    ground = on()
    ground.host.answers["lvcreate"] = answer
    job = case.make(ground, MODELS)
    assert (job.state, code(job)) == (JobState.FAILED, "hook-failed")
    assert why in job.text and "\x1b" not in job.text
    cause = outcome(job).cause
    assert cause is not None and cause.evidence == ("lvcreate -s",) and "nothing was backed up" in cause.next_step
    assert ground.host.ran[-1] == ("lvremove", "-f")
    assert f"hook failed: {why}" in case.board.log(job.id)


def test_the_first_hook_that_fails_is_the_last_one(case: Case) -> None:
    ground = on()
    ground.host.answers["a"] = ExecResult(exit_status=1)
    case.make(ground, replace(PLAIN, before=(("a",), ("b",))))
    assert ground.host.ran == [("a",)]


def test_a_hook_that_fails_afterwards_is_a_warning_and_the_archive_is_kept(case: Case) -> None:
    ground = on(CREATED)
    ground.host.answers["lvremove"] = ExecResult(exit_status=5, stderr=b"in use")
    job = case.make(ground, MODELS)
    assert job.state is JobState.WARNING and outcome(job).archive is not None
    cause = outcome(job).cause
    assert cause is not None and "lvremove" in cause.text and "in use" in cause.text
    assert "archive is kept" in cause.next_step and "nothing was backed up" not in cause.next_step


def test_a_hook_that_fails_after_a_failure_hides_nothing(case: Case) -> None:
    ground = on(FULL)
    ground.host.answers["lvremove"] = ExecResult(exit_status=5, stderr=b"in use")
    job = case.make(ground, MODELS)
    assert (job.state, code(job)) == (JobState.FAILED, "no-space")
    assert any("in use" in text for text in outcome(job).warnings)


def test_cancelled_with_a_failing_hook_promises_no_archive(case: Case) -> None:
    ground = on(CANCELLED)
    ground.host.answers["lvremove"] = ExecResult(exit_status=5)
    job = case.make(ground, MODELS, cancel=True)
    assert (job.state, outcome(job).cause) == (JobState.CANCELLED, None)
    assert "cancelled by ann" in job.text and outcome(job).warnings


# Canaries, and what is learned ---------------------------------------------------------------------------------------


def test_a_canary_that_changed_is_told_and_the_backup_is_made(case: Case) -> None:
    case.canary = "canary of models on gpu01: /srv/.canary was changed"
    job = case.make(on(CREATED))
    assert (job.state, job.text) == (JobState.WARNING, case.canary)
    assert outcome(job).archive is not None


def test_canaries_that_cannot_be_looked_at_stop_nothing(case: Case) -> None:
    case.troubles["watch"] = RetryLater("not connected", host="gpu01")
    job = case.make(on(CREATED))
    assert job.state is JobState.WARNING
    assert job.text == "the canaries could not be looked at: not connected"


@pytest.mark.parametrize("step", ["learn", "settle"])
def test_an_archive_outlives_what_fails_after_it(case: Case, step: str) -> None:
    case.troubles[step] = RetryLater("the vault is not connected")
    job = case.make(on(CREATED))
    assert job.state is JobState.WARNING
    assert job.text == "after the backup: the vault is not connected"
    archive = outcome(job).archive
    assert archive is not None and case.catalog.archives() == (archive,)


def test_what_is_odd_and_what_vanished_is_told(case: Case) -> None:
    case.odd, case.vanished = ("new bytes 5G, usual are 1M",), ("models.x was removed by nobody here",)
    job = case.make(on(CREATED))
    assert job.state is JobState.WARNING
    assert outcome(job).warnings == (*case.odd, *case.vanished)
    assert code(job) == "odd"


# The lines -----------------------------------------------------------------------------------------------------------


def lines(case: Case, ground: Ground, made: BackupSet) -> tuple[str, ...]:
    return case.making(ground).lines(Task(set=made, repository=VAULT))


def test_the_lines_for_doing_it_by_hand(case: Case) -> None:
    first, second, third = lines(case, on(), replace(PLAIN, dumps=DUMPS))
    assert "/r/gpu01::models.STAMP" in first and first.endswith("-- /srv")
    assert "/r/gpu01::models+app.STAMP" in second and second.endswith("-- pg_dump app")
    assert "/r/gpu01::models+log.STAMP" in third
    assert len(lines(case, on(), BackupSet(name="db", dumps=DUMPS))) == 2


def test_the_line_of_a_stream_has_no_dump_that_would_not_be_made(case: Case) -> None:
    (only,) = lines(case, on(transport=Transport.TAR), replace(PLAIN, dumps=DUMPS))
    assert " import-tar " in only


def test_a_built_in_set_has_no_paths_of_its_own(case: Case) -> None:
    (only,) = lines(case, on(transport=Transport.TAR), BackupSet(name="config", kind="config"))
    assert "/r/gpu01::config.STAMP" in only


def test_a_host_is_asked_once_for_what_compresses_well(case: Case) -> None:
    ground = on(DUMPED)
    case.make(ground, BackupSet(name="db", dumps=DUMPS[:1]))
    assert ground.advised == 1
