"""Anomalies: what is usual is learned, what is odd freezes pruning, and somebody may say that it is well."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.backups.alarms import Alarm, Alarms
from backends.backups.anomalies import FEWEST, Anomalies, judge
from backends.backups.borg import create, init
from backends.backups.borg.events import Event, FileStatus
from backends.backups.catalog import Catalog
from backends.backups.catalog_model import Figures
from backends.backups.model import BackupSet, Repository, Task
from backends.backups.passphrases import Passphrases
from backends.backups.process import LocalRunner
from backends.clock import ManualClock, SystemClock
from backends.errors import BadInput, Stop
from tests.unit.backups.pair import DIALECT

TASK = Task(set=BackupSet(name="models"), repository=Repository(name="vault", host="gpu01", location="/srv/borg"))
KEY = TASK.repository.key
MIB = 1 << 20


def day(number: int, **values: object) -> Figures:
    """A usual day: of 1,000 files and 100 MiB some ten change; a third is saved by compression."""
    usual = {
        "time": 86400.0 * number,
        "files": 1000 + number,
        "original_bytes": 100 * MIB,
        "compressed_bytes": 66 * MIB,
        "deduplicated_bytes": (2 + number % 3) * MIB,
        "added": 1 + number % 4,
        "modified": 8 + number % 5,
        "removed": 0,
        "ratio": 1.5 + 0.01 * (number % 4),
    }
    return Figures(**{**usual, **values})  # type: ignore[arg-type]


HISTORY = [day(number) for number in range(10)]
ENCRYPTED = day(11, modified=1010, deduplicated_bytes=100 * MIB, compressed_bytes=100 * MIB, ratio=1.0)


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    found = Catalog(tmp_path / "catalog.db", ManualClock())
    yield found
    found.close()


@pytest.fixture
def alarms(catalog: Catalog) -> Alarms:
    return Alarms(catalog, ManualClock())


@pytest.fixture
def anomalies(catalog: Catalog, alarms: Alarms) -> Anomalies:
    return Anomalies(catalog, alarms, ManualClock())


def test_a_day_like_the_others_is_no_anomaly() -> None:
    assert judge(HISTORY, day(10)) == ()


def test_an_encrypted_tree_is_odd_in_every_way() -> None:
    found = judge(HISTORY, ENCRYPTED)
    assert [each.measure for each in found] == ["new bytes", "files changed", "compressibility"]
    changed = found[1]
    assert changed.value == 1010
    assert changed.band.usual == 10
    assert changed.text.startswith("files changed 1,010, usual are 0 to ")
    assert changed.text.endswith("by the 10 backups before")


def test_one_wild_day_among_the_ten_does_not_widen_the_band() -> None:
    assert judge([*HISTORY[:9], ENCRYPTED], ENCRYPTED)


def test_nothing_is_learned_from_too_few() -> None:
    assert judge(HISTORY[: FEWEST - 1], ENCRYPTED) == ()
    assert judge(HISTORY[:FEWEST], ENCRYPTED)


def test_a_set_that_never_changes_does_not_alarm_at_the_first_edit() -> None:
    still = [day(number, modified=0, added=0, deduplicated_bytes=0, files=1000, ratio=1.5) for number in range(10)]
    assert judge(still, day(10, modified=40, added=3, deduplicated_bytes=5 * MIB, files=1003, ratio=1.48)) == ()


def test_files_that_are_gone_are_odd_and_fewer_new_bytes_are_not() -> None:
    assert [each.measure for each in judge(HISTORY, day(10, files=100, deduplicated_bytes=0))] == ["files"]
    assert judge(HISTORY, day(10, ratio=4.0, deduplicated_bytes=0, modified=0)) == ()


def test_what_is_not_known_is_not_judged() -> None:
    assert judge([Figures(time=1.0)] * 10, ENCRYPTED) == ()
    assert judge(HISTORY, Figures(time=1.0)) == ()


def test_an_odd_backup_freezes_pruning_and_says_why(catalog: Catalog, alarms: Alarms, anomalies: Anomalies) -> None:
    for figures in HISTORY:
        assert anomalies.seen(TASK, figures) == ()
    assert catalog.note(KEY, "frozen") == ""
    anomalies.seen(TASK, ENCRYPTED)
    assert catalog.note(KEY, "frozen").startswith("models of gpu01: new bytes 100M, usual are ")
    (alarm,) = alarms.of(KEY)
    assert (alarm.code, alarm.set, alarm.since) == ("anomaly", "models", ENCRYPTED.time)


def test_what_somebody_released_is_usual_from_then_on(catalog: Catalog, anomalies: Anomalies) -> None:
    for figures in [*HISTORY, ENCRYPTED]:
        anomalies.seen(TASK, figures)
    (released,) = anomalies.release(KEY, "root")
    assert released.set == "models"
    assert catalog.note(KEY, "frozen") == ""
    assert anomalies.seen(TASK, day(12, modified=1010, deduplicated_bytes=100 * MIB, ratio=1.0)) == ()
    assert anomalies.seen(TASK, day(13, modified=1010, deduplicated_bytes=300 * MIB, ratio=1.0))


def test_there_is_nothing_to_release(anomalies: Anomalies) -> None:
    with pytest.raises(BadInput, match="nothing is frozen in vault/gpu01"):
        anomalies.release(KEY, "root")


def test_a_later_alarm_of_the_same_kind_keeps_the_first_time(alarms: Alarms) -> None:
    alarms.freeze(KEY, [Alarm(code="canary", set="models", text="first", since=1.0)])
    alarms.freeze(KEY, [Alarm(code="canary", set="models", text="second", since=2.0)])
    assert [(each.text, each.since) for each in alarms.of(KEY)] == [("second", 1.0)]


def test_alarms_that_cannot_be_read_stop_pruning(catalog: Catalog, alarms: Alarms) -> None:
    catalog.set_note(KEY, "alarms", "not json")
    with pytest.raises(Stop, match="cannot be read"):
        alarms.of(KEY)


@pytest.mark.timeout(120)
def test_a_tree_that_is_really_encrypted_is_told_by_what_borg_says_of_it(
    tmp_path: Path, catalog: Catalog, anomalies: Anomalies
) -> None:
    tree = tmp_path / "srv"
    tree.mkdir()
    for number in range(60):
        (tree / f"{number}.json").write_text(json.dumps({"number": number, "text": "all of it compresses well " * 800}))
    place = str(tmp_path / "repository")
    passphrases = Passphrases(tmp_path / "passphrases")
    passphrases.set(TASK.repository, b"x")
    runner = LocalRunner(passphrases, tmp_path / "borg", lambda _: (), lambda: DIALECT, SystemClock())
    repository = msgspec.structs.replace(TASK.repository, location=place)
    assert runner.run(repository, lambda where: init.argv(DIALECT, where, encryption="repokey")).exit_status == 0

    for number in range(FEWEST + 1):
        (tree / f"{number}.json").write_text(json.dumps({"number": number, "text": f"day {number} " * 1500}))
        assert anomalies.seen(TASK, backed_up(runner, repository, tree, number)) == ()
    random = Random(1)
    for file in tree.iterdir():
        file.write_bytes(random.randbytes(file.stat().st_size))
    found = anomalies.seen(TASK, backed_up(runner, repository, tree, 9))
    assert [each.measure for each in found] == ["new bytes", "files changed", "compressibility"]
    assert catalog.note(KEY, "frozen")


def backed_up(runner: LocalRunner, repository: Repository, tree: Path, number: int) -> Figures:
    """A real backup in numbers."""
    counts = Counter[str]()

    def count(event: Event) -> None:
        if isinstance(event, FileStatus):
            counts[event.status] += 1

    name = f"models.2026110{number}T020000Z"
    result = runner.run(
        repository,
        lambda where: create.argv(DIALECT, where, name, [tree.name], compression="zstd,3"),
        on_event=count,
        directory=str(tree.parent),
    )
    facts = create.parse(result.stdout).facts
    assert facts.original_bytes
    assert facts.compressed_bytes
    return Figures(
        time=float(number),
        files=facts.files,
        original_bytes=facts.original_bytes,
        deduplicated_bytes=facts.deduplicated_bytes,
        added=counts["A"],
        modified=counts["M"],
        ratio=facts.original_bytes / facts.compressed_bytes,
    )


@given(
    st.lists(st.integers(0, 1 << 50), min_size=FEWEST, max_size=30),
    st.integers(0, 1 << 50),
)
def test_a_value_between_the_least_and_the_most_so_far_is_judged_without_fail(values: list[int], now: int) -> None:
    history = [Figures(time=float(at), modified=value, files=value) for at, value in enumerate(values)]
    for anomaly in judge(history, Figures(time=99.0, modified=now, files=now)):
        assert anomaly.band.low <= anomaly.band.usual <= anomaly.band.high
        assert not anomaly.band.low <= anomaly.value <= anomaly.band.high
