"""Asking the fleet: side by side, each host its own matter, the last good answer kept."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from backends.errors import RetryLater, SkipHost
from backends.execution import Exec, ExecResult
from backends.updates import registry
from backends.updates.base import Manager
from backends.updates.inventories import FirstSeen, Inventories
from backends.updates.model import Change, Inventory
from backends.updates.workers import Workers, gather, wait
from tests.unit.updates.fleet import BriefClock, Machine, MachineExec, MachineManager, fleet_of


class Asked:
    """Inventories over machines, with what they told."""

    def __init__(self, machines: dict[str, Machine], folder: Path | None = None):
        self.machines = machines
        self.told: list[str] = []
        self.bugs: list[Exception] = []
        self.clock = BriefClock()
        self.known = Inventories(
            lambda host: MachineExec(machines[host]),
            self._find,
            self.clock,
            folder=folder,
            on_change=self.told.append,
            on_bug=lambda host, error: self.bugs.append(error),
            add=lambda host, inventory: inventory,
        )

    def _find(self, host: Exec) -> Manager:
        return MachineManager(self.machines)

    def refresh(self, *hosts: str, lists: bool = False) -> None:
        ends = self.known.refresh(hosts or tuple(self.machines), lists=lists)
        wait(ends, 10)
        assert all(end.is_set() for end in ends)


def test_every_host_is_asked_and_what_waits_is_known() -> None:
    asked = Asked(fleet_of("a", "b"))
    before = asked.known.version
    asked.refresh()
    found = asked.known.of("a").inventory
    assert found is not None and [change.name for change in found.changes] == ["bash", "libc6"]
    assert asked.known.version > before and set(asked.told) == {"a", "b"}
    assert asked.known.busy() == ()


def test_a_host_that_cannot_be_reached_keeps_its_last_answer_and_says_why() -> None:
    asked = Asked(fleet_of("a", "b"))
    asked.refresh()
    asked.machines["a"].reachable = False
    asked.refresh()
    assert asked.known.of("a").error == "not connected" and asked.known.of("a").inventory is not None
    assert asked.known.of("b").error == ""


def test_a_bug_with_one_host_is_told_and_stops_no_other() -> None:
    asked = Asked(fleet_of("a", "b"))
    asked.machines["a"].installed = {}  # the fake trips over it
    asked.refresh()
    assert len(asked.bugs) == 1 and asked.known.of("a").error.startswith("internal error")
    assert asked.known.of("b").inventory is not None


def test_a_host_that_is_being_asked_is_not_asked_twice() -> None:
    asked = Asked(fleet_of("a"))
    gate, entered, asks = threading.Event(), threading.Event(), []

    def slow(host: Exec) -> Manager:
        asks.append(host.host)
        entered.set()
        gate.wait(10)
        return MachineManager(asked.machines)

    asked.known._find = slow
    first = asked.known.refresh(["a"], lists=False)
    assert entered.wait(10)
    second = asked.known.refresh(["a"], lists=False)
    assert asked.known.busy() == ("a",)
    gate.set()
    wait([*first, *second], 10)
    assert asks == ["a"]


def test_a_host_that_changed_while_it_was_asked_is_asked_once_more() -> None:
    asked = Asked(fleet_of("a"))
    gate, entered = threading.Event(), threading.Event()

    def slow(host: Exec) -> Manager:
        entered.set()
        gate.wait(10)
        return MachineManager(asked.machines)

    asked.known._find = slow
    first = asked.known.refresh(["a"], lists=False)
    assert entered.wait(10)
    entered.clear()
    asked.known.renew("a")
    asked.known.renew("a")
    gate.set()
    wait(first, 10)
    assert entered.wait(10)
    asked.refresh("a")
    assert not asked.known.of("a").busy and not asked.known._again


def test_removed_hosts_are_forgotten() -> None:
    asked = Asked(fleet_of("a", "b"))
    asked.refresh()
    asked.known.keep(["b"])
    assert asked.known.of("a").inventory is None and asked.known.of("b").inventory is not None


def test_a_candidate_keeps_the_time_at_which_it_was_first_seen_over_engines(tmp_path: Path) -> None:
    asked = Asked(fleet_of("a"), tmp_path)
    asked.refresh()
    first = _seen(asked)
    again = Asked(fleet_of("a"), tmp_path)
    again.clock.advance(86_400)
    again.machines["a"].offered["bash"] = "5.2-9"
    again.refresh()
    later = _seen(again)
    assert later["libc6"] == first["libc6"] and later["bash"] == first["bash"]  # the fake names fixed candidates


def _seen(asked: Asked) -> dict[str, float | None]:
    found = asked.known.of("a").inventory
    assert found is not None
    return {change.name: change.first_seen for change in found.changes}


def test_a_damaged_record_of_first_sightings_only_makes_things_look_new(tmp_path: Path) -> None:
    (tmp_path / "first-seen.json").write_text("{nonsense")
    seen = FirstSeen(tmp_path / "first-seen.json")
    inventory, change = Inventory(host="a", manager="apt"), Change(name="x", candidate="2")
    assert seen.of(inventory, change, 100.0) == 100.0
    assert seen.of(inventory, change, 200.0) == 100.0
    seen.save()
    assert FirstSeen(tmp_path / "first-seen.json").of(inventory, change, 300.0) == 100.0


def test_a_crew_works_side_by_side_but_never_with_more_than_its_size() -> None:
    workers, barrier = Workers(3, "test"), threading.Barrier(3, timeout=10)
    done = gather(workers, {str(n): lambda: barrier.wait() for n in range(3)}, 10, lambda host, error: None)
    assert sorted(value for value in done.values() if isinstance(value, int)) == [0, 1, 2]
    running, most, lock = [], [0], threading.Lock()

    def work() -> int:
        with lock:
            running.append(1)
            most[0] = max(most[0], len(running))
        threading.Event().wait(0.002)
        with lock:
            running.pop()
        return 1

    assert len(gather(workers, {str(n): work for n in range(30)}, 10, lambda host, error: None)) == 30
    assert most[0] <= 3


def test_errors_come_back_as_answers_and_bugs_are_told() -> None:
    bugs: list[str] = []

    def refused() -> int:
        raise SkipHost("no")

    def broken() -> int:
        raise ZeroDivisionError

    found = gather(
        Workers(2, "test"), {"a": refused, "b": broken, "c": lambda: 3}, 10, lambda host, e: bugs.append(host)
    )
    assert str(found["a"]) == "no" and "internal error" in str(found["b"]) and found["c"] == 3
    assert bugs == ["b"]


def test_who_does_not_answer_in_time_is_late_not_waited_for() -> None:
    gate = threading.Event()
    found = gather(Workers(2, "test"), {"a": lambda: gate.wait(10), "b": lambda: True}, 0.05, lambda host, error: None)
    assert isinstance(found["a"], RetryLater) and found["b"] is True
    gate.set()


@pytest.mark.parametrize(
    ("tools", "system", "manager"),
    [
        ("apt-get", "debian", "apt"),
        ("apt-get dnf", "ubuntu debian", "apt"),
        ("apt-get dnf", "rocky rhel centos fedora", "dnf"),
        ("dnf5", "fedora", "dnf"),
        ("zypper dnf", "opensuse-leap suse opensuse", "zypper"),
        ("pacman", "arch", "pacman"),
        ("dnf", "", "dnf"),
        ("", "debian", None),
        ("", "", None),
    ],
)
def test_the_manager_that_owns_the_system_is_chosen(tools: str, system: str, manager: str | None) -> None:
    assert registry.choose(tools, system) == manager


def test_a_host_without_a_known_manager_is_skipped_with_what_is_known() -> None:
    with pytest.raises(SkipHost, match="apt, dnf, zypper, pacman"):
        registry.find(MachineExec(Machine("a")), {})


def test_new_lists_that_are_wanted_during_a_plain_answer_are_fetched_after_it() -> None:
    asked = Asked(fleet_of("a"))
    gate, entered, refreshed = threading.Event(), threading.Event(), []

    class Slow(MachineManager):
        def inventory(self, host: Exec, now: float) -> Inventory:
            entered.set()
            gate.wait(10)
            return super().inventory(host, now)

        def judge_refresh(self, result: ExecResult) -> tuple[str, ...]:
            refreshed.append(result)
            return ()

    asked.known._find = lambda host: Slow(asked.machines)
    first = asked.known.refresh(["a"], lists=False)
    assert entered.wait(10)
    twice = [*asked.known.refresh(["a"], lists=True), *asked.known.refresh(["a"], lists=True)]
    gate.set()
    wait([*first, *twice], 10)
    assert all(end.is_set() for end in (*first, *twice)) and len(refreshed) == 1
