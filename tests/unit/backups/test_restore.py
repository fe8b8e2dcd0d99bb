"""Restores of real archives by the real Borg on this machine: what comes back is what was backed up, and nothing else moves."""

from __future__ import annotations

import io
import os
import shutil
import tarfile
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import msgspec
import pytest

from backends.backups import looks
from backends.backups.borg import list_files
from backends.backups.catalog import Catalog
from backends.backups.hosted import Place
from backends.backups.model import Archive, BrowseEntry, JobState, Outcome, Progress, Repository, Transport
from backends.backups.names import escaped
from backends.backups.relay import RelayRunner
from backends.backups.restore import Restore
from backends.backups.restore_plan import plan as make_plan
from backends.backups.rollbacks import Rollbacks
from backends.backups.runner import Cancel, Runner
from backends.backups.vault import Vaults, plain_ssh
from backends.backups.views import Conflict, RestorePlan, RestoreRequest
from backends.clock import SystemClock
from backends.errors import RetryLater, SkipHost
from backends.execution import ExecResult
from backends.sources.local_channels import LocalChannels
from tests.unit.backups import borgfield
from tests.unit.backups.restorehost import ROOT, Counting, Field, facts, plant, restore_field, texts

__all__ = ["restore_field"]

pytestmark = [
    borgfield.needs_borg,
    pytest.mark.skipif(not ROOT, reason="owners and devices need root"),
]


class World:
    """One tree in one archive, and a host (this machine) to restore it to."""

    def __init__(self, field: Field, borg: borgfield.Field):
        self.field, self.borg = field, borg
        self.there = field.there
        self.way = Counting()
        self.clock = SystemClock()
        self.rollbacks = Rollbacks(field.folder / "rollbacks", lambda host: field.placing, self.clock)
        self.progress: list[Progress] = []
        self.cancel = Cancel()
        self.runner: Runner | None = None

    def archive(self, name: str = "models.20261126T020000Z", host: str = "gpu01") -> Archive:
        return Archive(
            id="a" * 64, repository=self.borg.repository.key, name=name, set=name.partition(".")[0], host=host, start=0
        )

    def entries(self, archive: str, paths: tuple[str, ...] = ()) -> Iterator[BrowseEntry]:
        for entry in listed(self.borg, archive):
            if not paths or any(entry.path == path or entry.path.startswith(f"{path}/") for path in paths):
                yield entry

    def plan(
        self,
        *,
        directory: str = "",
        paths: tuple[str, ...] = (),
        conflict: Conflict = "rename",
        way: Transport = Transport.LOCAL,
        archive: Archive | None = None,
    ) -> RestorePlan:
        known = archive or self.archive()
        request = RestoreRequest(
            repository=self.borg.repository.key,
            archive=known.name,
            paths=paths,
            directory=directory,
            conflict=conflict,
        )
        return make_plan(
            request,
            known,
            self.entries(known.name, paths),
            lambda asked, where: looks.ask(self.way, "none", asked, directory=where),
            way=way,
        )

    def restore(self) -> Restore:
        return Restore(
            self.way,
            "none",
            self.runner or self.borg.local(),
            self.clock,
            channels=LocalChannels("here"),
            rollbacks=self.rollbacks,
        )

    def run(self, plan: RestorePlan, *, repository: Repository | None = None) -> Outcome:
        return self.restore().run(
            plan,
            repository or self.borg.repository,
            who="eve",
            tell=self.progress.append,
            cancel=self.cancel,
            walk=lambda: self.entries(plan.request.archive, plan.request.paths),
        )

    def leftovers(self) -> list[Path]:
        return [path for path in self.field.folder.rglob(".swarm-restore-*") if path.exists()]


@lru_cache(maxsize=8)
def listed(borg: borgfield.Field, archive: str) -> tuple[BrowseEntry, ...]:
    """What the catalog would know of an archive."""
    argv = list_files.argv(borgfield.dialect(), str(borg.place), archive)[1:]
    found = (list_files.decode(line.encode()) for line in borg.by_hand(*argv).splitlines())
    return tuple(entry for entry in found if entry is not None)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> tuple[borgfield.Field, Path]:
    """The repository with its archive, made once; and the tree that is in it."""
    folder = tmp_path_factory.mktemp("restore") / "field"
    folder.mkdir()
    borg = borgfield.Field(folder)
    make_tree(folder / "srv")
    borg.by_hand("create", f"{borg.place}::models.20261126T020000Z", "srv")
    return borg, folder


def make_tree(srv: Path) -> None:
    plant(srv, {"a.txt": "one\n", "deep/er/b.bin": "\x00" * 70_000 + "end", "deep/link": "-> ../a.txt", "empty/": ""})
    plant(srv, {"dangling": "-> /nowhere/at all", "mine": "secret"})
    os.link(srv / "a.txt", srv / "deep/same.txt")
    with open(srv / "sparse", "wb") as file:
        file.seek(8 << 20)
        file.write(b"tail")
    (srv / os.fsdecode(b"n\xffa\nme")).write_bytes(b"any bytes")
    os.setxattr(srv / "a.txt", "user.note", b"kept")
    os.chown(srv / "mine", 1234, 4321)
    (srv / "mine").chmod(0o4750)
    (srv / "deep").chmod(0o2775)
    os.mkfifo(srv / "pipe")
    for path in (srv / "a.txt", srv / "sparse", srv / "deep/er", srv / "deep", srv / "empty", srv):
        os.utime(path, ns=(1, 1_700_000_000_123_456_000))


@pytest.fixture
def world(field: Field, template: tuple[borgfield.Field, Path], tmp_path: Path) -> World:
    return World(field, template[0])


@pytest.fixture
def source(template: tuple[borgfield.Field, Path]) -> Path:
    return template[1]


def test_everything_comes_back_in_another_directory_as_it_was(world: World, source: Path) -> None:
    plan = world.plan(directory=f"{world.there}/made/here")
    outcome = world.run(plan)
    assert outcome.state is JobState.DONE, outcome
    assert facts(world.there / "made/here/srv") == facts(source / "srv")
    assert (world.there / "made/here/srv/sparse").stat().st_size == (8 << 20) + 4
    assert outcome.notes == (f"{plan.files} files (8.1M) are in place at {world.there}/made/here on gpu01",)
    assert world.leftovers() == []
    phases = [each.phase for each in world.progress]
    assert [
        phase for phase in dict.fromkeys(phases) if phase in ("preparing", "extracting", "counting", "placing")
    ] == [
        "preparing",
        "extracting",
        "counting",
        "placing",
    ]


def test_through_tar_everything_but_attributes_comes_back(world: World, source: Path) -> None:
    outcome = world.run(world.plan(directory=str(world.there), way=Transport.TAR))
    assert outcome.state is JobState.DONE, outcome
    found, wanted = facts(world.there / "srv"), facts(source / "srv")
    assert {name: (*each[:4], *each[5:7], each[8]) for name, each in found.items()} == {
        name: (*each[:4], *each[5:7], each[8]) for name, each in wanted.items()
    }
    seconds = {name: int(str(each[4])) // 10**9 for name, each in wanted.items()}
    assert {name: int(str(each[4])) / 10**9 for name, each in found.items()} == seconds
    assert (found["a.txt"][7], wanted["a.txt"][7]) == ((), (("user.note", b"kept"),))
    assert any("extended attributes" in note for note in outcome.notes)
    assert world.plan(directory=str(world.there)).same == world.plan(directory=str(world.there)).files
    assert world.leftovers() == []


def test_by_the_hosts_own_borg_through_the_relay_everything_comes_back(
    world: World, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = world.field.folder / "host"
    for name, variable in (("run", "XDG_RUNTIME_DIR"), ("cache", "XDG_CACHE_HOME")):
        (host / name).mkdir(parents=True)
        monkeypatch.setenv(variable, str(host / name))
    monkeypatch.setenv("BORGROOT", str(host))
    (host / "var/cache").mkdir(parents=True)
    place = Place(host="here", channels=LocalChannels("here"), way=world.way, become="none", program=borgfield.BORG)
    vaults = Vaults(plain_ssh, world.way)
    world.runner = RelayRunner(
        place, vaults.serve, world.borg.passphrases, borgfield.dialect, world.field.folder / "serve", world.clock
    )
    outcome = world.run(world.plan(directory=str(world.there), way=Transport.RELAY))
    assert outcome.state is JobState.DONE, outcome
    assert facts(world.there / "srv") == facts(source / "srv")
    assert world.leftovers() == []


def test_a_part_comes_back_alone_with_parents_that_everybody_may_enter(world: World, source: Path) -> None:
    outcome = world.run(world.plan(directory=str(world.there), paths=("srv/deep/er", "srv/mine")))
    assert outcome.state is JobState.DONE, outcome
    assert sorted(texts(world.there)) == ["srv/deep/er/b.bin", "srv/mine"]
    assert (world.there / "srv").stat().st_mode & 0o777 == 0o755
    assert facts(world.there / "srv/deep/er") == facts(source / "srv/deep/er")


@pytest.mark.parametrize(
    ("conflict", "left", "note"),
    [
        ("keep", {"srv/a.txt": "live"}, "1 were not placed"),
        ("rename", {"srv/a.txt": "live", "+": "one\n"}, "1 got another name"),
        ("replace", {"srv/a.txt": "one\n", "+": "live"}, "1 were replaced"),
    ],
)
def test_each_choice_for_what_is_there(world: World, conflict: Conflict, left: dict[str, str], note: str) -> None:
    plant(world.there, {"srv/a.txt": "live"})
    plan = world.plan(directory=str(world.there), paths=("srv/a.txt",), conflict=conflict)
    assert (plan.there, plan.same, plan.examples) == (1, 0, (f"{world.there}/srv/a.txt",))
    outcome = world.run(plan)
    assert outcome.state is JobState.DONE
    assert any(each.startswith(note) for each in outcome.notes), outcome.notes
    found = texts(world.there)
    assert {name if name == "srv/a.txt" else "+": text for name, text in found.items()} == left


def test_restored_twice_the_second_time_everything_is_the_same(world: World) -> None:
    world.run(world.plan(directory=str(world.there)))
    before = facts(world.there / "srv")
    plan = world.plan(directory=str(world.there), conflict="replace")
    assert plan.same == plan.there == plan.files
    outcome = world.run(plan)
    assert outcome.state is JobState.DONE
    assert facts(world.there / "srv") == before
    assert any("the same in every byte" in note for note in outcome.notes)


def test_it_can_be_undone_afterwards(world: World) -> None:
    plant(world.there, {"srv/a.txt": "live", "srv/other": "untouched"})
    before = facts(world.there)
    plan = world.plan(directory=str(world.there), conflict="replace")
    world.run(plan)
    assert (world.there / "srv/mine").exists()
    undone = world.field.placing.undo(plan.id, "eve")
    assert (undone.restored, undone.stayed, undone.failed) == (1, 0, 0)
    assert {name: each for name, each in facts(world.there).items() if name != "."} == {
        name: each for name, each in before.items() if name != "."
    }


def test_links_that_an_archive_brings_lead_nowhere_on_the_way_of_tar(world: World) -> None:
    """Borg 1.2.4 itself writes through them, so another host's archive never goes through it (restore_plan.transport)."""
    outside = world.field.folder / "outside"
    outside.mkdir()
    name = "evil.20261126T020000Z"
    if name not in world.borg.archives():
        world.borg.by_hand("import-tar", f"{world.borg.place}::{name}", "-", stdin=evil_tar(outside))
    archive = world.archive(name)
    with pytest.raises(SkipHost, match="not to be trusted"):
        world.plan(directory=str(world.there), archive=archive, way=Transport.TAR)
    harmless = world.plan(directory=str(world.there), archive=archive, paths=("safe",), way=Transport.TAR)
    whole = msgspec.structs.replace(
        harmless, roots=("door", "safe"), request=msgspec.structs.replace(harmless.request, paths=())
    )
    with pytest.raises(SkipHost, match="tar ended with 2"):
        world.run(whole)  # as if the catalog had been deceived
    assert os.listdir(outside) == []
    assert texts(world.there) == {}
    assert world.leftovers() == []


def evil_tar(outside: Path) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.PAX_FORMAT) as tar:
        door = tarfile.TarInfo("door")
        door.type, door.linkname = tarfile.SYMTYPE, str(outside)
        tar.addfile(door)
        for name in ("door/planted", "safe"):
            info = tarfile.TarInfo(name)
            info.size = 4
            tar.addfile(info, io.BytesIO(b"evil"))
    return made.getvalue()


def test_a_cancelled_restore_changes_nothing_and_leaves_nothing(world: World) -> None:
    plan = world.plan(directory=str(world.there))
    world.cancel.ask("mallory")
    outcome = world.run(plan)
    assert outcome.state is JobState.CANCELLED
    assert outcome.cause is not None and outcome.cause.text == "cancelled by mallory; nothing was changed"
    assert texts(world.there) == {} and world.leftovers() == []


@pytest.mark.parametrize("way", [Transport.LOCAL, Transport.TAR])
def test_what_borg_cannot_give_is_a_cause_and_nothing_is_changed(world: World, way: Transport) -> None:
    plan = world.plan(directory=str(world.there), way=way)
    gone = msgspec.structs.replace(plan, request=msgspec.structs.replace(plan.request, archive="gone"))
    outcome = world.restore().run(
        gone, world.borg.repository, who="eve", tell=world.progress.append, cancel=world.cancel
    )
    assert outcome.state is JobState.FAILED
    assert outcome.cause is not None and outcome.cause.text
    assert texts(world.there) == {} and world.leftovers() == []


def test_files_that_borg_did_not_bring_are_named(world: World) -> None:
    """The catalog knows more than the archive: as with a damaged repository."""
    plan = world.plan(directory=str(world.there), paths=("srv/a.txt",))
    lost = BrowseEntry(path="srv/lo\\x0ast", type="-", size=1)
    outcome = world.restore().run(
        msgspec.structs.replace(plan, files=plan.files + 1),
        world.borg.repository,
        who="eve",
        tell=world.progress.append,
        cancel=world.cancel,
        walk=lambda: iter((*world.entries(plan.request.archive, ("srv/a.txt",)), lost)),
    )
    assert outcome.state is JobState.WARNING
    assert outcome.cause is not None
    assert (outcome.cause.code, outcome.cause.evidence) == ("missing", ("srv/lo\\x0ast",))
    assert (world.there / "srv/a.txt").read_text() == "one\n"


def test_a_plan_that_is_refused_is_not_begun(world: World) -> None:
    plan = msgspec.structs.replace(world.plan(directory=str(world.there)), refused="no space")
    before = world.way.asked
    with pytest.raises(SkipHost, match="no space"):
        world.run(plan)
    assert world.way.asked == before


# the original place, and what can lock everybody out


def original(world: World, files: dict[str, str]) -> tuple[Path, Archive]:
    """An archive of files of this machine, below the test's directory, by their real paths."""
    place = world.field.folder / "live"
    shutil.rmtree(place, ignore_errors=True)
    plant(place, files)
    name = f"live.{world.field.folder.name.replace('_', '-')}"
    world.borg.by_hand("create", f"{world.borg.place}::{name}", str(place))
    return place, world.archive(name)


def test_files_go_back_to_the_place_that_they_came_from(world: World) -> None:
    place, archive = original(world, {"conf/a": "1", "conf/sub/b": "2"})
    plant(place, {"conf/a": "changed"})
    (place / "conf/sub/b").unlink()
    inside = escaped(str(place / "conf")).lstrip("/")
    outcome = world.run(world.plan(archive=archive, paths=(inside,), conflict="replace"))
    assert outcome.state is JobState.DONE, outcome
    found = texts(place)
    assert (found["conf/a"], found["conf/sub/b"]) == ("1", "2")
    assert "changed" in found.values(), "a copy of the replaced one is beside it"
    assert world.leftovers() == []


def test_planned_from_the_catalog_directories_above_keep_their_mode(world: World) -> None:
    place, archive = original(world, {"conf/a": "1"})
    catalog = Catalog(world.field.folder / "catalog.sqlite", world.clock)
    try:
        catalog.put_archives(archive.repository, [archive])
        catalog.index(archive, world.entries(archive.name))
        known = catalog.archive(archive.repository, archive.name)
        plan = make_plan(
            RestoreRequest(repository=archive.repository, archive=archive.name, directory=str(world.there)),
            known,
            catalog.walk(known, ""),
            lambda asked, where: looks.ask(world.way, "none", asked, directory=where),
            way=Transport.LOCAL,
        )
    finally:
        catalog.close()
    above = world.there / str(place.parent).lstrip("/")
    above.parent.mkdir(parents=True)
    above.parent.chmod(0o751)
    outcome = world.run(
        msgspec.structs.replace(plan, request=msgspec.structs.replace(plan.request, conflict="replace"))
    )
    assert outcome.state is JobState.DONE, outcome
    assert above.parent.stat().st_mode & 0o777 == 0o751, "was there"
    assert above.stat().st_mode & 0o777 == 0o755, "was made for it, for everybody to enter"
    assert facts(above / place.name) == facts(place)


def locked(world: World, seconds: float) -> tuple[Path, RestorePlan]:
    """A plan with a rollback, as for access files: those are below /etc, where no test writes."""
    place, archive = original(world, {"conf/a": "good"})
    plant(place, {"conf/a": "live"})
    inside = escaped(str(place / "conf/a")).lstrip("/")
    plan = world.plan(archive=archive, paths=(inside,), conflict="replace")
    return place, msgspec.structs.replace(plan, rollback_seconds=seconds)


def test_without_a_login_the_restore_waits_for_a_person_and_is_put_back_by_itself(world: World) -> None:
    place, plan = locked(world, 3.0)
    outcome = world.run(plan)
    assert (place / "conf/a").read_text() == "good"
    assert outcome.state is JobState.WARNING
    assert outcome.cause is not None and outcome.cause.code == "confirm"
    assert outcome.cause.next_step == f"swarm-tui backup confirm {plan.id}"
    (waiting,) = world.rollbacks.waiting()
    assert (waiting.run, waiting.host, waiting.state) == (plan.id, "gpu01", "armed")
    borgfield.until(lambda: (place / "conf/a").read_text() == "live", 30)
    again = Rollbacks(world.field.folder / "rollbacks", lambda host: world.field.placing, world.clock)
    borgfield.until(lambda: again.refresh() or not again.waiting(), 30)
    assert again.of(plan.id).state == "undone"
    assert again.of(plan.id).text == "put back by the timer"


def test_with_a_new_login_the_engine_confirms_by_itself(world: World) -> None:
    place, plan = locked(world, 600.0)
    world.rollbacks = Rollbacks(
        world.field.folder / "rollbacks", lambda host: world.field.placing, world.clock, log_in=lambda host: "by key"
    )
    outcome = world.run(plan)
    assert outcome.state is JobState.DONE, outcome
    assert "confirmed by the engine: a new login works (by key)" in outcome.notes
    assert world.rollbacks.waiting() == ()
    assert (place / "conf/a").read_text() == "good"


def test_with_a_login_that_fails_nobody_confirms_and_a_person_can_undo_at_once(world: World) -> None:
    place, plan = locked(world, 600.0)

    def refused(host: str) -> str:
        raise RetryLater("connection refused")

    world.rollbacks = Rollbacks(
        world.field.folder / "rollbacks", lambda host: world.field.placing, QuickClock(), log_in=refused
    )
    world.clock = QuickClock()
    outcome = world.run(plan)
    assert outcome.cause is not None and "A NEW LOGIN FAILS: connection refused" in outcome.cause.text
    assert world.rollbacks.undo(plan.id, "eve").restored == 1
    assert (place / "conf/a").read_text() == "live"
    assert world.rollbacks.of(plan.id).state == "undone"


class QuickClock(SystemClock):
    """Waits for a hundredth of the time: what is real here is another process."""

    def wait(self, event: object, seconds: float) -> bool:
        return super().wait(event, seconds / 100)  # type: ignore[arg-type]


# a host that goes away


class Flaky(Counting):
    """The link is lost after the host has done what was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.losing = 0

    def run(self, argv, **more):  # type: ignore[no-untyped-def]
        result = super().run(argv, **more)
        if self.losing and b"counts" in result.stdout and b'"placed"' in result.stdout:
            self.losing -= 1
            return ExecResult(exit_status=None)
        return result


def test_a_link_that_is_lost_while_files_are_placed_loses_nothing(world: World, source: Path) -> None:
    plan = world.plan(directory=str(world.there))
    flaky = Flaky()
    flaky.losing = 2
    world.way, world.clock = flaky, QuickClock()
    outcome = world.run(plan)
    assert outcome.state is JobState.DONE, outcome
    assert facts(world.there / "srv") == facts(source / "srv")
    assert any("goes on by itself" in each.phase for each in world.progress)
