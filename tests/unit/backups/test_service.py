"""An engine's backups as a whole: what one backup brings about, what begins by itself, and what goes wrong around it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from backends.backups.model import BackupSet, Dump, Job, JobKind, JobState, Repository, Task, Transport
from backends.backups.routine import SCHEDULE
from backends.backups.service import Backups
from backends.clock import ManualClock
from backends.errors import BadInput, RetryLater
from backends.states import Severity
from tests.borgs import borg_12
from tests.unit.backups.service_case import DAY, GPU, HERE, KEY, Borgless, Case, copied

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Case]:
    borg_12()
    one = copied(tmp_path)
    yield one
    one.close()


@pytest.fixture(scope="module")
def shelf() -> Iterator[list[Case]]:
    """The one case that is only looked at."""
    found: list[Case] = []
    yield found
    for each in found:
        each.close()


@pytest.fixture
def still(shelf: list[Case], tmp_path_factory: pytest.TempPathFactory) -> Case:
    """For tests that change nothing."""
    borg_12()
    if not shelf:
        shelf.append(copied(tmp_path_factory.mktemp("still")))
    return shelf[0]


@pytest.fixture
def borgless(tmp_path: Path) -> Iterator[Case]:
    """An engine on a machine without Borg, which has backed up nothing yet."""
    one = Case(tmp_path / "state", tmp_path, local=Borgless("engine"))
    yield one
    one.close()


def start(case: Case, action: Any = "backup", *, sets: tuple[str, ...] = (), places: tuple[str, ...] = ()) -> list[Job]:
    return list(case.backups.start(action, [HERE], sets, places, "quick", "ann"))


# What one backup brings about ----------------------------------------------------------------------------------------


def test_a_backup_is_on_the_board_in_the_catalog_and_in_the_timeline(still: Case) -> None:
    jobs = [job for job in still.backups.board.jobs() if job.kind is JobKind.BACKUP]
    assert [job.state for job in jobs] == [JobState.DONE, JobState.DONE]
    newest, first = jobs
    assert newest.outcome is not None and newest.outcome.archive is not None
    assert still.archives()[0] == newest.outcome.archive.name
    assert (newest.transport, newest.who, newest.host) == (Transport.LOCAL, "ann", HERE)
    assert first.outcome is not None and any("key export" in note for note in first.outcome.notes)
    texts = [text for _, text, *_ in still.before]
    assert texts[0] == f"backup data {KEY} began"
    assert any(text.startswith(f"backup data {KEY} done: ") and newest.outcome.archive.name in text for text in texts)


def test_after_a_backup_its_files_are_indexed_and_some_are_hashed(still: Case) -> None:
    catalog = still.backups.depot.catalog
    newest, older = catalog.archives(repository=KEY)
    assert newest.indexed and older.indexed
    assert set(catalog.hashes(newest)) == {
        still.inside(name) for name in ("notes/today.txt", "weights.bin", "odd\\x0aname")
    }
    (index, _) = [job for job in still.backups.board.jobs() if job.kind is JobKind.INDEX]
    assert index.outcome is not None and "3 hashes recorded for drills" in index.outcome.notes


def test_what_a_backup_taught_is_in_the_view(still: Case) -> None:
    view = still.backups.view([HERE], None)
    assert view.sets is not None and view.borg == "1.2.4"
    (status,) = view.sets
    assert status.last is not None and (status.last.name, status.archives) == (still.archives()[0], 2)
    assert not status.overdue and status.proof is None and status.problem is None
    (repository,) = view.repositories
    assert (repository.made, repository.archives, repository.encryption) == (True, 2, "repokey")
    assert repository.stored_bytes and repository.free_bytes and repository.escrow is None
    assert {each.code for each in view.concerns} >= {"no-escrow", "proof-stale"}
    assert {job.kind for job in view.jobs} == {JobKind.BACKUP, JobKind.INDEX}
    assert {each.code for each in still.backups.concerns([HERE])} == {each.code for each in view.concerns}


def test_a_view_is_sent_again_when_something_changed_or_time_went_on(case: Case) -> None:
    """A set becomes overdue without anything happening."""
    first = case.backups.view([HERE], None)
    case.clock.by -= case.clock.monotonic() % 60  # the beginning of a minute
    version = case.backups.version
    assert case.backups.view([HERE], version).sets is None
    case.backups.depot.catalog.set_note(KEY, "x", "y")
    again = case.backups.view([HERE], version)
    assert again.sets is not None and again.version > version
    case.clock.advance(61)
    assert case.backups.view([HERE], again.version).sets is not None
    case.clock.advance(2 * DAY)
    later = case.backups.view([HERE], first.version)
    assert later.sets is not None and later.sets[0].overdue


def test_hosts_that_are_not_asked_for_are_not_shown(still: Case) -> None:
    view = still.backups.view([], None)
    assert (view.sets, view.repositories) == ((), ())
    assert {each.code for each in view.concerns} <= {"borg-vulnerable"}


# By itself -----------------------------------------------------------------------------------------------------------


def test_what_is_due_is_done_by_itself_until_nothing_is(case: Case) -> None:
    backups, catalog = case.backups, case.backups.depot.catalog
    case.every = case.every[:1]
    older = case.archives()[1]
    first = {(each.kind, each.set) for each in backups.round()}
    assert first == {(JobKind.DRILL, "data"), (JobKind.PRUNE, "data"), (JobKind.CHECK, "")}
    assert backups.round() == (), "what goes on is not begun again"
    jobs = [job for job in case.settle() if job.who == SCHEDULE]
    assert {job.state for job in jobs} == {JobState.DONE}, jobs
    proof = catalog.proof(KEY, "data")
    assert proof is not None and proof.ok and proof.against_live == 3
    check = catalog.last_check(KEY)
    assert check is not None and check.ok and check.level == "quick"
    assert older not in case.archives(), "of one day, one archive is kept"
    assert backups.round() == (), "everything is fresh, and the compaction is held"
    case.clock.advance(1.01 * DAY)
    begun = {(each.kind, each.level) for each in backups.round()}
    assert begun == {(JobKind.BACKUP, "quick"), (JobKind.CHECK, "data"), (JobKind.COMPACT, "quick")}
    assert {job.state for job in case.settle() if job.who == SCHEDULE} == {JobState.DONE}
    assert len(case.archives()) == 2 and catalog.gone(KEY) == ()
    verified = catalog.last_check(KEY, ("data",))
    assert verified is not None and verified.ok


def test_an_engine_without_borg_says_so_and_waits_longer_each_time(borgless: Case) -> None:
    assert (borgless.backups.view([HERE], None).borg, borgless.backups.concerns([HERE])[0].code) == ("", "never")
    borgless.read_only = True
    assert borgless.backups.round() == (), "an engine that may change nothing begins no backup by itself"
    borgless.read_only = False
    assert [each.kind for each in borgless.backups.round()] == [JobKind.BACKUP, JobKind.BACKUP]
    jobs = borgless.settle()
    assert {job.state for job in jobs} == {JobState.FAILED}
    assert "there is no borg" in jobs[-1].text or "not connected" in jobs[-1].text
    (status, *_) = borgless.backups.view([HERE], None).sets or ()
    assert status.problem is not None and "there is no borg" in status.problem.text
    assert borgless.backups.round() == ()
    borgless.clock.advance(901)
    assert len(borgless.backups.round()) == 2
    borgless.settle()
    assert [each.code for each in borgless.backups.concerns([HERE])] == ["backup-failed", "never"]


class Loop(ManualClock):
    """Ends a loop after some waits."""

    def __init__(self, rounds: int):
        super().__init__()
        self.waits: list[float] = []
        self._rounds = rounds

    def wait(self, event: threading.Event, seconds: float) -> bool:
        self.waits.append(seconds)
        if len(self.waits) > self._rounds:
            event.set()
        return super().wait(event, seconds)


def test_the_loop_outlives_a_bad_configuration_and_a_bug(borgless: Case) -> None:
    clock = Loop(3)
    borgless.clock = clock  # type: ignore[assignment]
    backups = borgless.backups
    backups.routine._clock = clock
    troubles = [None, BadInput("backups.sets: no such repository"), ZeroDivisionError()]

    def tasks() -> tuple[Task, ...]:
        trouble = troubles.pop(0) if troubles else None
        if trouble is not None:
            raise trouble
        return ()

    backups.tasks._tasks = tasks
    backups.loop()
    assert clock.waits == [0.0, 600.0, 60.0, 60.0]
    assert borgless.told("nothing was begun by itself: backups.sets: no such repository")
    assert [type(each) for each in borgless.bugs] == [ZeroDivisionError]
    borgless.bugs.clear()


# What goes wrong around it -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sets", "places", "message"), [(("modles",), (), "no set 'modles'"), ((), ("valut",), "no repository 'valut'")]
)
def test_a_name_that_nobody_has_begins_nothing(
    still: Case, sets: tuple[str, ...], places: tuple[str, ...], message: str
) -> None:
    before = len(still.backups.board.jobs())
    with pytest.raises(BadInput, match=message):
        start(still, sets=sets, places=places)
    assert len(still.backups.board.jobs()) == before


def test_where_there_is_nothing_to_do_nothing_begins(case: Case) -> None:
    assert start(case, "index") == [], "all archives are indexed"
    case.every = [replace(each, repository=replace(each.repository, name="fresh")) for each in case.every]
    assert start(case, "check") == [], "the repository was not made yet"
    assert case.backups.start("backup", [], (), (), "quick", "ann") == ()


def test_the_same_backup_is_not_begun_twice(case: Case) -> None:
    with case.backups.queue.alone(case.repository):
        (job,) = start(case)
        with pytest.raises(RetryLater, match="backup of data local/here is queued already") as told:
            start(case)
        assert told.value.hint == f"job {job.id}, started by ann"
        assert case.backups.in_flight() == (f"backup data {KEY}",)
        cancelled = case.backups.cancel(job.id, "bob", force=False)
    assert (cancelled.state, cancelled.text) == (JobState.CANCELLED, "cancelled by bob before it began")
    assert case.told(f"cancel backup data {KEY} (job {job.id})")
    with pytest.raises(BadInput, match="has ended"):
        case.backups.cancel(job.id, "bob", force=False)


def test_a_backup_that_runs_is_cancelled_and_leaves_no_archive(case: Case) -> None:
    before = case.archives()
    case.every[0] = Task(
        set=BackupSet(name="db", dumps=(Dump(name="slow", command=("sleep", "40")),)), repository=case.repository
    )
    (job,) = start(case, sets=("db",))
    while case.backups.board.job(job.id).progress.phase != "dumping slow":
        threading.Event().wait(0.02)
    assert case.backups.queue.busy(case.repository) == f"job {job.id} of this engine: backup db"
    case.backups.cancel(job.id, "bob", force=True)
    ended = case.wait(job)
    assert ended.state is JobState.CANCELLED and "cancelled by bob" in ended.text
    case.backups.depot.listings.take(case.repository)
    assert case.archives() == before


def test_a_host_that_is_not_connected_is_tried_later_and_others_go_on(case: Case) -> None:
    data = replace(case.every[0], repository=replace(case.gpu, location=str(case.folder / "other")))
    case.every[1] = data
    (job,) = case.backups.start("backup", [GPU], (), (), "quick", "ann")
    ended = case.wait(job)
    assert (ended.state, ended.text) == (JobState.FAILED, "not connected")
    assert case.events[-1][-1] is Severity.CRITICAL


def test_an_archive_that_vanished_is_told_and_stops_the_pruning(case: Case) -> None:
    newest, older = case.archives()
    case.borg("delete", f"{case.repository.location}::{older}")
    job = case.back_up()
    assert job.state is JobState.WARNING and job.text == f"{older} was removed by nobody here"
    assert job.outcome is not None and job.outcome.archive is not None
    assert "vanished" in {each.code for each in case.backups.concerns([HERE])}
    (prune,) = [case.backups.keeping.prune_by_rule(KEY, "data", SCHEDULE)]
    ended = case.wait(prune)
    assert ended.state is JobState.DONE and ended.text.startswith("nothing is pruned: 1 archive was removed by nobody")
    assert newest in case.archives()
    assert case.backups.depot.catalog.note(KEY, "pruned data") == "", "it is still due"


def test_a_hook_a_canary_and_a_dump_on_this_machine(case: Case, tmp_path: Path) -> None:
    canary, mark = tmp_path / "canary", tmp_path / "mark"
    canary.write_text("nobody touches this")
    case.set_data(canaries=(str(canary),), after=(("touch", str(mark)),), dumps=(Dump(name="app", command=("false",)),))
    assert case.backups.depot.canaries.watch(case.every[0]) == ""
    canary.write_text("encrypted")
    job = case.back_up()
    assert mark.exists() and len(case.archives()) == 3, "the files are backed up, the dump is not"
    assert job.state is JobState.FAILED and job.outcome is not None and job.outcome.cause is not None
    assert job.outcome.cause.code == "dump-failed"
    assert any("canary was changed" in text for text in job.outcome.warnings)
    assert case.backups.depot.catalog.archives(repository=KEY)[0].indexed
    codes = {each.code for each in case.backups.concerns([HERE])}
    assert {"canary", "backup-failed"} <= codes


def test_a_repository_that_cannot_be_asked_is_told_and_the_others_are_asked(case: Case) -> None:
    catalog = case.backups.depot.catalog
    broken = Repository(name="broken", host=HERE, location=str(case.folder / "nowhere"))
    case.every = [Task(set=case.set, repository=broken), *case.every]
    catalog.set_note(broken.key, "id", "f" * 64)
    version = catalog.version
    case.backups.refresh()
    (told,) = case.told("was not asked")
    assert told.startswith("broken/here was not asked: broken/here: ")
    assert catalog.version > version, "the other one was measured"


def test_a_repository_that_a_job_works_on_for_long_is_not_asked(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backends.backups.standing.REFRESH_SECONDS", 0.0)
    begun, go = threading.Event(), threading.Event()
    archive = case.backups.depot.catalog.archives(repository=KEY)[0]

    def work(handle: object) -> Any:
        begun.set()
        go.wait(20)
        raise RetryLater("enough")

    job = case.backups.queue.add(JobKind.INDEX, case.repository, work, "ann", set_name=archive.set)
    assert begun.wait(20)
    case.backups.refresh()
    go.set()
    case.wait(job)
    (told,) = case.told("was not asked")
    assert "is busy" in told


def test_nothing_is_settled_that_was_not_restored(still: Case) -> None:
    (index, *_) = [job for job in still.backups.board.jobs() if job.kind is JobKind.INDEX]
    with pytest.raises(BadInput, match="restored nothing"):
        still.backups.settled(index.id, "ann", keep=True)
    with pytest.raises(BadInput):
        still.backups.settled("r-unknown", "ann", keep=False)


def test_an_engine_that_ends_begins_nothing_more(case: Case) -> None:
    case.backups.stop()
    with pytest.raises(RetryLater, match="the engine is ending"):
        start(case)
    case.backups.refresh()


def test_making_repositories_answers_what_borg_asks_once(case: Case) -> None:
    with pytest.raises(BadInput, match="no repository 'valut'"):
        case.backups.init([HERE], ["valut"], (), "ann")
    (job,) = case.backups.init([HERE], ["local"], ("NO_SUCH_QUESTION",), "ann")
    assert case.wait(job).state is JobState.FAILED
    (job,) = case.backups.init([HERE], (), (), "ann")
    ended = case.wait(job)
    assert ended.state in (JobState.DONE, JobState.WARNING), ended


# The lines -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "words"),
    [
        ("backup", ("create", "::data.STAMP")),
        ("init", ("init", "--encryption", "repokey", "--append-only")),
        ("list", ("list", "--json")),
        ("files", ("list", "--format")),
        ("info", ("info", "--json")),
        ("prune", ("prune", "--keep-daily=1", "--glob-archives=data.*")),
        ("compact", ("compact",)),
        ("check", ("check", "--repository-only")),
        ("verify", ("check", "--verify-data")),
        ("restore", ("extract",)),
        ("diff", ("diff", "OTHER")),
        ("key", ("key", "export", "--paper")),
    ],
)
def test_every_action_has_its_exact_line(still: Case, action: str, words: tuple[str, ...]) -> None:
    (line,) = still.backups.lines(action, KEY, "")
    assert line.startswith("borg ") and still.repository.location in line
    for word in words:
        assert word in line


def test_lines_name_the_newest_archive_or_say_where_its_name_goes(still: Case) -> None:
    assert f"::{still.archives()[0]}" in still.backups.lines("restore", KEY, "")[0]
    assert "::ARCHIVE" in still.backups.lines("restore", "local/gpu01", "")[0]


def test_lines_of_what_is_not_there(still: Case) -> None:
    for ask in (("fly", KEY, ""), ("backup", "vault/x", ""), ("prune", KEY, "modles")):
        with pytest.raises(BadInput):
            still.backups.lines(*ask)


def test_no_secret_is_in_what_is_shown(still: Case) -> None:
    passphrase = still.backups.depot.passphrases.of(still.repository).decode()
    shown = [*still.backups.lines("backup", KEY, ""), *(job.command for job in still.backups.board.jobs())]
    assert not any(passphrase in text for text in [*shown, *(text for _, text, *_ in still.before)])
    assert isinstance(still.backups, Backups)
