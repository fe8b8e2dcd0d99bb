"""The engine's log: one safe line an event, bounded, and never a reason to fail."""

from __future__ import annotations

from pathlib import Path

from backends.clock import ManualClock
from backends.engine.log import Log


def test_an_event_is_one_line_of_pairs(tmp_path: Path) -> None:
    Log(ManualClock(), tmp_path / "log").event("state", host="a", reason="no route to host", empty="", none=None)
    assert (tmp_path / "log").read_text() == '2027-01-15T08:00:00.000+00:00 state host=a reason="no route to host"\n'


def test_text_from_a_host_cannot_forge_a_line(tmp_path: Path) -> None:
    Log(ManualClock(), tmp_path / "log").event("e", text='x"\n2027 forged \x1b[2J')
    text = (tmp_path / "log").read_text()
    assert text.count("\n") == 1
    assert "\x1b" not in text


def test_the_file_is_bounded_and_the_one_before_is_kept(tmp_path: Path) -> None:
    log = Log(ManualClock(), tmp_path / "log", max_bytes=2000)
    for number in range(200):
        log.event("e", number=number)
    sizes = {file.name: file.stat().st_size for file in tmp_path.iterdir()}
    assert set(sizes) == {"log", "log.1"}
    assert max(sizes.values()) <= 2000
    assert "number=199" in (tmp_path / "log").read_text()


def test_a_disk_that_takes_nothing_costs_lines_only(tmp_path: Path) -> None:
    log = Log(ManualClock(), tmp_path / "missing" / "log")
    log.event("e")
    assert log.dropped == 1


def test_a_failure_carries_its_traceback_on_the_same_line(tmp_path: Path) -> None:
    log = Log(ManualClock(), tmp_path / "log")
    try:
        raise ValueError("odd")
    except ValueError as error:
        log.failure("failed", error, host="a")
    (line,) = (tmp_path / "log").read_text().splitlines()
    assert "ValueError" in line and "test_log.py" in line
