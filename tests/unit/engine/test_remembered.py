"""What is known of hosts over engines: reboots that nobody saw, and reboots that are owed."""

from __future__ import annotations

from pathlib import Path

from backends.clock import ManualClock
from backends.engine.remembered import KEPT_SECONDS, MOST_BOOTS, Remembered


class Scene:
    def __init__(self, file: Path | None):
        self.file, self.clock = file, ManualClock()
        self.planned, self.problems = False, list[str]()
        self.memory = self.again()

    def again(self) -> Remembered:
        self.memory = Remembered(self.file, self.clock, lambda host: self.planned, self.problems.append)
        return self.memory


def test_the_first_boot_id_is_no_reboot_and_another_one_is(tmp_path: Path) -> None:
    scene = Scene(tmp_path / "boots.json")
    scene.memory.booted("a", "1", 500.0)
    assert scene.memory.boots("a") == ()
    scene.memory.booted("a", "1", 600.0)
    scene.memory.booted("a", "2", 30.0)
    (boot,) = scene.memory.boots("a")
    assert (boot.boot_id, boot.planned, boot.time) == ("2", False, scene.clock.now() - 30.0)


def test_a_reboot_while_no_engine_ran_is_found_by_the_next_one(tmp_path: Path) -> None:
    scene = Scene(tmp_path / "boots.json")
    scene.memory.booted("a", "1", 500.0)
    scene.again()
    scene.clock.advance(3600)
    scene.memory.booted("a", "2", 1800.0)
    (boot,) = scene.again().boots("a")
    assert boot.noticed == scene.clock.now() and boot.time == scene.clock.now() - 1800.0


def test_a_reboot_that_was_ordered_is_planned() -> None:
    scene = Scene(None)
    scene.memory.booted("a", "1", None)
    scene.planned = True
    scene.memory.booted("a", "2", None)
    assert scene.memory.boots("a")[0].planned


def test_boots_are_bounded_and_forgotten_after_a_day() -> None:
    scene = Scene(None)
    for number in range(MOST_BOOTS + 10):
        scene.memory.booted("a", str(number), 1.0)
    assert len(scene.memory.boots("a")) == MOST_BOOTS
    scene.clock.advance(KEPT_SECONDS + 1)
    assert scene.memory.boots("a") == ()


def test_a_reboot_is_owed_since_it_was_first_needed(tmp_path: Path) -> None:
    scene = Scene(tmp_path / "boots.json")
    first = scene.clock.now()
    assert scene.memory.owed("a", False) is None
    assert scene.memory.owed("a", True) == first
    scene.clock.advance(100)
    assert scene.again().owed("a", True) == first
    assert scene.memory.owed("a", None) == first
    assert scene.memory.owed("a", False) is None


def test_a_damaged_file_invents_no_reboot(tmp_path: Path) -> None:
    file = tmp_path / "boots.json"
    file.write_text("{nonsense")
    scene = Scene(file)
    scene.memory.booted("a", "2", 1.0)
    assert scene.memory.boots("a") == ()


def test_a_disk_that_takes_nothing_is_told_once(tmp_path: Path) -> None:
    scene = Scene(tmp_path / "nowhere" / "boots.json")
    scene.memory.booted("a", "1", 1.0)
    scene.memory.booted("a", "2", 1.0)
    assert len(scene.problems) == 1 and "survive" in scene.problems[0]
    assert len(scene.memory.boots("a")) == 1


def test_hosts_that_are_gone_are_forgotten(tmp_path: Path) -> None:
    scene = Scene(tmp_path / "boots.json")
    scene.memory.booted("a", "1", 1.0)
    scene.memory.booted("a", "2", 1.0)
    scene.memory.keep(["b"])
    assert scene.again().boots("a") == ()
