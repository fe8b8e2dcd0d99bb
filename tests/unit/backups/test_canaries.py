"""Canary files: recorded once, looked at before each backup."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from backends.backups.alarms import Alarms
from backends.backups.canaries import Canaries
from backends.backups.catalog import Catalog
from backends.backups.model import BackupSet, Repository, Task
from backends.clock import ManualClock
from backends.errors import RetryLater
from tests.unit.backups.pair import Host

TASK = Task(
    set=BackupSet(name="models", canaries=("/srv/.canary", "/srv/odd\nname")),
    repository=Repository(name="vault", host="gpu01", location="/srv/borg"),
)
KEY = TASK.repository.key


class Ground:
    def __init__(self, folder: Path):
        self.clock = ManualClock()
        self.catalog = Catalog(folder / "catalog.db", self.clock)
        self.host = Host(folder / "host")
        for path in TASK.set.canaries:
            file = self.host.root / path.lstrip("/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("tweet")
        self.alarms = Alarms(self.catalog, self.clock)
        self.canaries = Canaries(self.catalog, self.alarms, self.host.look, self.clock)


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    made = Ground(tmp_path)
    yield made
    made.catalog.close()


def test_the_first_look_records_them_and_later_ones_find_them_as_they_were(ground: Ground) -> None:
    assert ground.canaries.watch(TASK) == ""
    assert hashlib.sha256(b"tweet").hexdigest() in ground.catalog.note(KEY, "canaries models")
    assert ground.canaries.watch(TASK) == ""
    assert ground.alarms.of(KEY) == ()


def test_a_changed_canary_freezes_pruning(ground: Ground) -> None:
    ground.canaries.watch(TASK)
    (ground.host.root / "srv/.canary").write_text("encrypted")
    said = ground.canaries.watch(TASK)
    assert said == "canary of models on gpu01: /srv/.canary was changed"
    assert ground.catalog.note(KEY, "frozen") == said
    assert [alarm.code for alarm in ground.alarms.of(KEY)] == ["canary"]


def test_it_goes_on_being_wrong_until_somebody_accepts_it(ground: Ground) -> None:
    ground.canaries.watch(TASK)
    (ground.host.root / "srv/.canary").write_text("rewritten by its owner")
    assert ground.canaries.watch(TASK)
    assert ground.canaries.watch(TASK)
    ground.canaries.accept(TASK)
    assert ground.canaries.watch(TASK) == ""


def test_one_that_is_gone_is_told_by_a_name_that_is_safe_to_show(ground: Ground) -> None:
    ground.canaries.watch(TASK)
    (ground.host.root / "srv/odd\nname").unlink()
    assert ground.canaries.watch(TASK) == r"canary of models on gpu01: /srv/odd\x0aname is gone"


def test_one_that_was_never_there_is_told_at_the_first_look(ground: Ground) -> None:
    (ground.host.root / "srv/.canary").unlink()
    assert "/srv/.canary is gone" in ground.canaries.watch(TASK)


def test_a_host_that_does_not_answer_is_no_verdict(ground: Ground) -> None:
    ground.host.down = True
    with pytest.raises(RetryLater):
        ground.canaries.watch(TASK)
    assert ground.alarms.of(KEY) == ()


def test_a_set_without_canaries_is_not_looked_at(ground: Ground) -> None:
    ground.host.down = True
    assert ground.canaries.watch(Task(set=BackupSet(name="plain"), repository=TASK.repository)) == ""
