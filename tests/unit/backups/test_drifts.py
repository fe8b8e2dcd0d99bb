"""Drift as it is asked for: who is asked how often, what is said when somebody cannot be."""

from __future__ import annotations

import threading

import msgspec
import pytest

from backends.backups.drift_matrix import UNKNOWN
from backends.backups.drifts import KEEP_SECONDS, MOST_HELD, PINNED, Drifts, Held
from backends.backups.model import Archive
from backends.backups.snapshot_model import Snapshot
from backends.clock import ManualClock
from backends.errors import RetryLater, SkipHost
from tests.unit.backups.snapshot_case import snapshot

TIME = 1_790_000_000.0


def archive(name: str, host: str = "gpu01", kind: str = "config", start: float = TIME) -> Archive:
    return Archive(id=f"{name} {host}", repository=f"vault/{host}", name=name, set=kind, host=host, start=start)


class Fleet:
    """Hosts, archives and a catalog, all in memory."""

    def __init__(self) -> None:
        self.now: dict[tuple[str, str], Snapshot | Exception] = {}
        self.kept: dict[str, Snapshot | Exception] = {}
        self.shelf: list[Archive] = []
        self.pins: dict[str, Archive] = {}
        self.asked: list[str] = []
        self.fetched: list[str] = []
        self.gate: threading.Event | None = None
        self.clock = ManualClock()
        self.drifts = Drifts(self.take, self.stored, self, self.clock)

    def take(self, host: str, kind: str) -> Snapshot:
        self.asked.append(host)
        if self.gate is not None:
            assert self.gate.wait(10)
        return self._answer(self.now.get((host, kind), RetryLater("not connected", hint="see the host")))

    def stored(self, wanted: Archive) -> Snapshot:
        self.fetched.append(wanted.name)
        return self._answer(self.kept[wanted.id])

    def _answer(self, found: Snapshot | Exception) -> Snapshot:
        if isinstance(found, Exception):
            raise found
        return found

    def archives(self, repository: str = "", set: str = "", host: str = "", gone: bool = False) -> tuple[Archive, ...]:
        return tuple(each for each in self.shelf if each.set == set and each.host == host)

    def pinned(self, host: str) -> Archive | None:
        return self.pins.get(host)

    def keep(self, name: str, motd: str, *, kind: str = "config") -> Archive:
        made = archive(name, kind=kind)
        self.shelf.append(made)
        self.kept[made.id] = snapshot(files={"etc/motd": motd}, kind="secrets" if kind == "secrets" else "config")
        return made


@pytest.fixture
def fleet() -> Fleet:
    made = Fleet()
    for host in ("gpu01", "gpu02"):
        made.now[host, "config"] = snapshot(host, {"etc/motd": "now\n"})
    return made


def test_since_one_snapshot_a_newer_one_does_not_count(fleet: Fleet) -> None:
    old = fleet.keep("config.1", "old\n")
    fleet.shelf.insert(0, fleet.keep("config.2", "now\n"))
    report = fleet.drifts.since("gpu01", old)
    assert [each.path for each in report.entries] == ["etc/motd"] and report.problem == ""


def test_since_a_snapshot_that_cannot_be_read_nothing_is_said(fleet: Fleet) -> None:
    old = fleet.keep("config.1", "old\n")
    fleet.kept[old.id] = RetryLater("the repository is locked")
    with pytest.raises(RetryLater, match="locked"):
        fleet.drifts.since("gpu01", old)


def test_against_the_newest_snapshot(fleet: Fleet) -> None:
    fleet.keep("config.3.checkpoint", "half\n")
    fleet.keep("config.2", "old\n")
    fleet.keep("config.1", "now\n")
    found = fleet.drifts.report("gpu01")
    assert found.against == "the snapshot of 2026-09-21 14:13 UTC" and found.time == fleet.clock.now()
    assert [each.path for each in found.entries] == ["etc/motd"] and found.problem == ""
    assert fleet.fetched == ["config.2"]
    assert fleet.drifts.diff("gpu01", "etc/motd").splitlines()[2:] == ["@@ -1 +1 @@", "-old", "+now"]


def test_against_the_pinned_baseline(fleet: Fleet) -> None:
    fleet.keep("config.2", "old\n")
    fleet.pins["gpu01"] = fleet.keep("config.1", "now\n")
    found = fleet.drifts.report("gpu01", PINNED)
    assert found.against == "the pinned baseline of 2026-09-21 14:13 UTC" and found.entries == () and found.same == 1


def test_against_another_host(fleet: Fleet) -> None:
    fleet.now["gpu02", "config"] = snapshot("gpu02", {"etc/motd": "other\n", "etc/hostname": "gpu02\n"})
    found = fleet.drifts.report("gpu01", "gpu02")
    assert found.against.startswith("gpu02 2027-") and [each.path for each in found.entries] == ["etc/motd"]


def test_secrets_against_secrets(fleet: Fleet) -> None:
    fleet.keep("secrets.1", "a", kind="secrets")
    fleet.now["gpu01", "secrets"] = snapshot(files={"etc/motd": "b"}, kind="secrets")
    (found,) = fleet.drifts.report("gpu01", kind="secrets").entries
    assert found.secret and not found.text


@pytest.mark.parametrize("error", [RetryLater("link lost"), SkipHost("no python3")])
def test_why_it_cannot_be_compared_is_in_the_answer(error: Exception, fleet: Fleet) -> None:
    fleet.keep("config.1", "now\n")
    fleet.now["gpu01", "config"] = error
    found = fleet.drifts.report("gpu01")
    assert (found.entries, found.problem) == ((), str(error))
    assert fleet.drifts.report("gpu01", PINNED).problem
    with pytest.raises(type(error)):
        fleet.drifts.diff("gpu01", "etc/motd")


def test_without_a_snapshot_or_a_baseline_it_says_what_to_do(fleet: Fleet) -> None:
    assert (
        fleet.drifts.report("gpu01").problem
        == "no snapshot of config is in a repository yet; back up the set config first"
    )
    assert "pin a snapshot" in fleet.drifts.report("gpu01", PINNED).problem


def test_an_archive_that_cannot_be_read_is_told_and_tried_again(fleet: Fleet) -> None:
    made = fleet.keep("config.1", "now\n")
    good, fleet.kept[made.id] = fleet.kept[made.id], RetryLater("vault unreachable")
    assert fleet.drifts.report("gpu01").problem == "vault unreachable"
    fleet.kept[made.id] = good
    assert fleet.drifts.report("gpu01").problem == ""


def test_a_host_is_asked_once_in_a_while_and_an_archive_once(fleet: Fleet) -> None:
    fleet.keep("config.1", "now\n")
    fleet.drifts.report("gpu01")
    fleet.clock.advance(KEEP_SECONDS - 1)
    assert fleet.drifts.report("gpu01").time == fleet.clock.now() - KEEP_SECONDS + 1
    assert fleet.asked == ["gpu01"]
    fleet.clock.advance(2)
    fleet.drifts.report("gpu01")
    fleet.clock.advance(1)
    fleet.drifts.report("gpu01", fresh=True)
    fleet.drifts.forget("gpu01")
    fleet.drifts.report("gpu01")
    assert fleet.asked == ["gpu01"] * 4 and fleet.fetched == ["config.1"]


def test_those_who_ask_at_the_same_time_get_the_same_answer(fleet: Fleet) -> None:
    fleet.keep("config.1", "now\n")
    fleet.gate = threading.Event()
    threads = [threading.Thread(target=fleet.drifts.report, args=("gpu01",)) for _ in range(5)]
    for thread in threads:
        thread.start()
    fleet.gate.set()
    for thread in threads:
        thread.join(10)
    assert fleet.asked == ["gpu01"]


def test_a_fleet_side_by_side_with_those_who_do_not_answer(fleet: Fleet) -> None:
    fleet.now["gpu01", "config"] = snapshot("gpu01", facts={"kernel": "Linux 6.8.0 x"})
    fleet.now["gpu02", "config"] = snapshot("gpu02", facts={"kernel": "Linux 6.5.0 x"})
    fleet.now["gpu04", "config"] = ValueError("a bug")
    found = fleet.drifts.matrix(["gpu01", "gpu02", "gpu03", "gpu04", "gpu01"])
    assert found.hosts == ("gpu01", "gpu02", "gpu03", "gpu04")
    assert found.rows[0].fact == "kernel" and found.rows[0].values == ("6.8.0", "6.5.0", UNKNOWN, UNKNOWN)
    assert found.problems == ("gpu03: not connected", "gpu04: internal error: ValueError('a bug')")
    assert fleet.drifts.matrix([]).hosts == ()


def test_who_hangs_is_told_as_unknown(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backends.backups.drifts.MATRIX_SECONDS", 0.05)
    fleet.gate = threading.Event()
    try:
        assert fleet.drifts.matrix(["gpu01"]).problems == ("gpu01: no answer in time",)
    finally:
        fleet.gate.set()


def test_only_so_many_snapshots_and_bytes_are_held(monkeypatch: pytest.MonkeyPatch) -> None:
    held: Held[int] = Held()
    for number in range(MOST_HELD + 3):
        held.put(number, snapshot(files={"x": "y" * 10}), 0.0)
    assert held.get(2) is None and held.get(3) is not None
    monkeypatch.setattr("backends.backups.drifts.MOST_BYTES", 25)
    held.put(99, snapshot(files={"x": "y" * 10}), 0.0)
    assert held.get(MOST_HELD + 2) is not None and held.get(MOST_HELD + 1) is None
    held.put(100, snapshot(files={"x": "y" * 1000}), 0.0)
    assert held.get(100) is not None and held.get(99) is None, "the newest one is held whatever its size"


def test_a_repository_that_cannot_be_read_gives_way_to_another(fleet: Fleet) -> None:
    newest, older = fleet.keep("config.2", "old\n"), fleet.keep("config.1", "now\n")
    fleet.shelf[0] = msgspec.structs.replace(newest, repository="away/gpu01", start=TIME + 86400)
    fleet.kept[newest.id] = RetryLater("vault unreachable")
    found = fleet.drifts.report("gpu01")
    assert (found.problem, found.against) == ("", "the snapshot of 2026-09-21 14:13 UTC")
    fleet.kept[older.id] = RetryLater("the other one as well")
    fleet.drifts = Drifts(fleet.take, fleet.stored, fleet, fleet.clock)
    assert fleet.drifts.report("gpu01").problem == "the other one as well"
