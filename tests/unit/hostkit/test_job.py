"""Detached jobs, with real processes on this machine: without systemd, so a session of its own and a lock file."""

from __future__ import annotations

import contextlib
import importlib
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backends.errors import RetryLater, SkipHost
from backends.hostkit.job_follow import JobFollower
from backends.hostkit.job_plan import PACKAGES, Job, JobStep, arguments_of
from backends.hostkit.job_report import JobReport
from backends.hostkit.jobs import CHUNK_BYTES, Jobs
from backends.sources.local_exec import LocalExec
from tests.unit.hostkit.kit import eventually, is_alive

pytestmark = pytest.mark.skipif(shutil.which("setsid") is None, reason="no setsid (util-linux)")

ANY_BYTES = bytes(range(1, 256)).decode("utf-8", "surrogateescape")
"""Every byte that an argument can hold."""


class Place:
    """The jobs of this machine, in a directory of the test."""

    def __init__(self, root: Path, outside: Path):
        self.root, self.outside = root, outside
        self.jobs = Jobs(LocalExec("here"), "none")

    @property
    def directory(self) -> Path:
        return self.root / PACKAGES

    def gate(self) -> Path:
        """A pipe; a step that reads it goes on when `open_gate` is called."""
        path = self.outside / "gate"
        os.mkfifo(path)
        return path

    def ended(self, run: str = "r1") -> JobReport:
        """The job once it does not run any more."""
        assert eventually(lambda: self.jobs.read(PACKAGES, run=run).state != "running", 20)
        return self.jobs.read(PACKAGES, run=run)

    def script_pid(self) -> int:
        return int((self.directory / "steps").read_text().split()[3])

    def step_pid(self) -> int:
        begun = [line for line in (self.directory / "steps").read_text().splitlines() if line.startswith("begin")]
        return int(begun[-1].split()[3])


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.setenv("JOBROOT", str(tmp_path / "jobs"))
    monkeypatch.setenv("SYSTEMDROOT", "/nonexistent")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")  # the python3 of these tests
    outside = tmp_path / "outside"
    outside.mkdir()
    place = Place(tmp_path / "jobs", outside)
    yield place
    for file in place.root.glob("*/steps"):
        for line in file.read_text().splitlines():
            words = line.split()
            if words[0] in ("start", "begin") and is_alive(int(words[3])):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(words[3]), signal.SIGKILL)


def open_gate(gate: Path) -> None:
    gate.write_text("go\n")


def shell(text: str, *arguments: str) -> tuple[str, ...]:
    return ("sh", "-c", text, "sh", *arguments)


def step(
    name: str, *argv: str, always: bool = False, cancellable: bool = False, allow: tuple[int, ...] = ()
) -> JobStep:
    return JobStep(id=name, argv=argv, always=always, cancellable=cancellable, allow_exit=allow)


def job(*steps: JobStep, run: str = "r1", title: str = "update 3 packages") -> Job:
    return Job(name=PACKAGES, title=title, who="eve from 10.0.0.7", run=run, steps=steps)


def waiting(gate: Path, *, cancellable: bool = False) -> JobStep:
    return step("wait", "cat", str(gate), cancellable=cancellable)


def test_steps_run_in_order_and_leave_output_status_and_result(place: Place) -> None:
    place.jobs.start(
        job(
            JobStep(id="one", argv=shell('echo "$WHAT"; echo half >&9'), environment={"WHAT": "first 'thing'"}),
            step("two", *shell("echo second >&2; pwd; cat; echo full >&9")),
        )
    )
    report = place.ended()
    assert (report.state, report.result, report.exit_status) == ("finished", "done", 0)
    assert report.out == b"first 'thing'\nsecond\n/\n"
    assert report.status == b"half\nfull\n"
    assert [(each.id, each.state, each.exit_status) for each in report.steps] == [
        ("one", "done", 0),
        ("two", "done", 0),
    ]
    assert report.meta is not None
    assert (report.meta.title, report.meta.who, report.meta.run) == ("update 3 packages", "eve from 10.0.0.7", "r1")
    assert report.meta.launcher == "setsid"
    assert report.ended is not None and report.meta.started <= report.ended <= report.now + 1


def test_only_its_owner_may_look_and_steps_keep_the_usual_umask(place: Place) -> None:
    made = place.outside / "made"
    place.jobs.start(job(step("one", "touch", str(made))))
    assert place.ended().result == "done"
    assert made.stat().st_mode & 0o777 == 0o644
    assert place.directory.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o077 for path in place.directory.iterdir()} == {0}


def test_after_a_failure_only_what_must_always_run_still_runs(place: Place) -> None:
    place.jobs.start(
        job(
            step("apply", *shell("exit 7")),
            step("restart", "echo", "never"),
            step("timers", "echo", "given back", always=True),
        )
    )
    report = place.ended()
    assert (report.result, report.exit_status, report.out) == ("failed", 7, b"given back\n")
    assert [(each.id, each.state, each.reason) for each in report.steps] == [
        ("apply", "failed", ""),
        ("restart", "skipped", "failed"),
        ("timers", "done", ""),
    ]


def test_the_first_failure_is_the_result_even_when_a_later_step_fails_differently(place: Place) -> None:
    place.jobs.start(job(step("apply", *shell("exit 7")), step("timers", *shell("exit 9"), always=True)))
    assert place.ended().exit_status == 7


def test_an_allowed_exit_status_is_recorded_but_is_no_failure(place: Place) -> None:
    place.jobs.start(job(step("apply", *shell("exit 102"), allow=(102, 103)), step("after", "echo", "on")))
    report = place.ended()
    assert (report.result, report.exit_status, report.out) == ("done", 0, b"on\n")
    assert (report.steps[0].state, report.steps[0].exit_status) == ("done", 102)


def test_a_program_that_is_not_there_fails_with_its_name(place: Place) -> None:
    place.jobs.start(job(step("apply", "no-such-program-here", "x")))
    report = place.ended()
    assert (report.result, report.exit_status) == ("failed", 127)
    assert b"no-such-program-here" in report.out


def test_every_byte_but_nul_arrives_as_it_is(place: Place) -> None:
    place.jobs.start(
        job(
            JobStep(
                id="x", argv=("printf", "%s", ANY_BYTES, "'; touch x; '", "$HOME `id`\\"), environment={"A": ANY_BYTES}
            ),
            step("y", "printf", "%s", "-n"),
        )
    )
    assert place.ended().out == ANY_BYTES.encode("utf-8", "surrogateescape") + b"'; touch x; '$HOME `id`\\-n"


def test_it_belongs_to_nobody_who_could_take_it_along(place: Place) -> None:
    gate = place.gate()
    place.jobs.start(job(waiting(gate)))
    pid = place.script_pid()
    assert os.getsid(pid) != os.getsid(0)
    assert int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]) != os.getpid()
    os.kill(pid, signal.SIGHUP)
    assert place.jobs.read(PACKAGES).state == "running"
    open_gate(gate)
    assert place.ended().result == "done"


def test_a_second_start_is_refused_with_who_what_and_since_when(place: Place) -> None:
    gate = place.gate()
    place.jobs.start(job(waiting(gate)))
    with pytest.raises(
        RetryLater, match=r"update 3 packages .*eve from 10\.0\.0\.7 20\d\d-\d\d-\d\d \d\d:\d\d UTC, run r1"
    ):
        place.jobs.start(job(step("other", "echo", "no"), run="r2"))
    open_gate(gate)
    assert place.ended().out == b"go\n"


def test_of_many_who_start_at_once_exactly_one_does(place: Place) -> None:
    gate = place.gate()
    outcomes: list[str] = []

    def begin(number: int) -> None:
        try:
            Jobs(LocalExec("here"), "none").start(job(waiting(gate), run=f"r{number}"))
            outcomes.append("started")
        except RetryLater:
            outcomes.append("refused")

    threads = [threading.Thread(target=begin, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["refused"] * 5 + ["started"]
    open_gate(gate)
    assert place.ended(run="").out == b"go\n"


def test_a_daemon_that_a_step_leaves_behind_does_not_keep_the_name_taken(place: Place) -> None:
    gate = place.gate()
    place.jobs.start(job(step("restart", *shell('(cat "$1" >/dev/null) & echo left', str(gate)))))
    assert place.ended().result == "done"
    place.jobs.start(job(step("next", "echo", "free"), run="r2"))
    assert place.ended("r2").out == b"free\n"
    open_gate(gate)


def test_a_finished_job_is_archived_by_the_next_and_still_found_by_its_run(place: Place) -> None:
    place.jobs.start(job(step("one", "echo", "first")))
    place.ended()
    place.jobs.start(job(step("one", "echo", "second"), run="r2"))
    assert place.ended("r2").out == b"second\n"
    old = place.jobs.read(PACKAGES, run="r1")
    assert (old.state, old.out) == ("finished", b"first\n")
    assert place.jobs.read(PACKAGES, run="r3").state == "none"


def test_the_last_ten_are_kept(place: Place) -> None:
    place.jobs.start(job(step("one", "true"), run="r0"))
    place.ended("r0")
    for number in range(1, 13):
        old = place.root / f"{PACKAGES}.{number}"
        shutil.copytree(place.directory, old)
        (old / "facts").write_text(f"boot x\nstarted {number}\nrun old{number}\n")
    place.jobs.start(job(step("one", "true"), run="r1"))
    place.ended("r1")
    kept = [path.name for path in place.root.iterdir() if path.name.startswith(f"{PACKAGES}.") and path.is_dir()]
    assert len(kept) == 10
    assert place.jobs.read(PACKAGES, run="r0").state == "finished"
    assert [place.jobs.read(PACKAGES, run=f"old{number}").state for number in (3, 4)] == ["none", "finished"]


def test_forgetting_puts_away_what_has_ended_and_only_that_run(place: Place) -> None:
    gate = place.gate()
    place.jobs.start(job(waiting(gate)))
    with pytest.raises(RetryLater, match="running"):
        place.jobs.forget(PACKAGES, "r1")
    open_gate(gate)
    place.ended()
    with pytest.raises(SkipHost, match="no such job"):
        place.jobs.forget(PACKAGES, "r2")
    place.jobs.forget(PACKAGES, "r1")
    assert place.jobs.read(PACKAGES).state == "none"
    assert place.jobs.read(PACKAGES, run="r1").result == "done"


def test_a_step_that_may_be_ended_is_and_the_rest_is_skipped(place: Place) -> None:
    place.jobs.start(
        job(
            waiting(place.gate(), cancellable=True),
            step("apply", "echo", "no"),
            step("timers", "echo", "yes", always=True),
        )
    )
    assert eventually(lambda: place.jobs.read(PACKAGES).can_cancel)
    assert place.jobs.cancel(PACKAGES, "r1", "bob from 10.0.0.8") == "told step wait to end"
    report = place.ended()
    assert report.result == "cancelled"
    assert report.out.splitlines()[-1:] == [b"yes"]  # the shell may say "Terminated" before
    assert report.cancelled_by == "bob from 10.0.0.8"
    assert [each.state for each in report.steps] == ["failed", "skipped", "done"]
    assert report.steps[1].reason == "cancelled"


def test_a_step_that_does_not_listen_is_killed_with_all_that_it_started(place: Place) -> None:
    deaf = shell("trap '' TERM; cat \"$1\" & wait", str(place.gate()))
    place.jobs.start(job(step("wait", *deaf, cancellable=True)))
    assert eventually(lambda: place.jobs.read(PACKAGES).can_cancel)
    group = place.step_pid()
    place.jobs.cancel(PACKAGES, "r1", "bob")
    assert place.jobs.read(PACKAGES).state == "running"
    place.jobs.cancel(PACKAGES, "r1", "bob", force=True)
    assert place.ended().exit_status == 128 + signal.SIGKILL
    assert eventually(lambda: not group_exists(group))


def group_exists(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_step_that_must_not_be_interrupted_is_not(place: Place) -> None:
    gate = place.gate()
    place.jobs.start(job(waiting(gate)))
    assert eventually(lambda: place.jobs.read(PACKAGES).current is not None)
    assert not place.jobs.read(PACKAGES).can_cancel
    with pytest.raises(RetryLater, match="step wait must not be interrupted"):
        place.jobs.cancel(PACKAGES, "r1", "bob")
    with pytest.raises(SkipHost, match="not running"):
        place.jobs.cancel(PACKAGES, "r0", "bob")
    open_gate(gate)
    assert place.ended().result == "done"
    with pytest.raises(SkipHost, match="not running"):
        place.jobs.cancel(PACKAGES, "r1", "bob")


def test_asked_to_end_by_the_system_it_finishes_the_step_and_then_only_what_must_always_run(place: Place) -> None:
    gate = place.gate()
    place.jobs.start(job(waiting(gate), step("apply", "echo", "no"), step("timers", "echo", "yes", always=True)))
    assert eventually(lambda: place.jobs.read(PACKAGES).current is not None)
    os.kill(place.script_pid(), signal.SIGTERM)
    open_gate(gate)
    report = place.ended()
    assert (report.result, report.out) == ("cancelled", b"go\nyes\n")


def test_a_killed_script_whose_step_goes_on_still_keeps_the_name(place: Place) -> None:
    gate = place.gate()
    place.jobs.start(job(waiting(gate)))
    assert eventually(lambda: place.jobs.read(PACKAGES).current is not None)
    os.kill(place.script_pid(), signal.SIGKILL)
    assert eventually(lambda: "script was killed" in place.jobs.read(PACKAGES).reason)
    assert place.jobs.read(PACKAGES).state == "running"
    with pytest.raises(RetryLater, match="step wait goes on"):
        place.jobs.start(job(step("other", "true"), run="r2"))
    open_gate(gate)
    report = place.ended()
    assert (report.state, report.reason, report.exit_status) == (
        "vanished",
        "its script was killed during step wait",
        None,
    )
    assert report.steps[0].state == "failed"
    place.jobs.start(job(step("other", "true"), run="r2"))
    assert place.ended("r2").result == "done"


def test_a_reboot_in_the_middle_is_named(place: Place) -> None:
    place.jobs.start(job(waiting(place.gate())))
    facts = place.directory / "facts"
    text = facts.read_text()
    boot = text.split()[1]
    facts.write_text(text.replace(boot, "00000000-0000-4000-8000-000000000000"))
    report = place.jobs.read(PACKAGES)
    assert (report.state, report.reason) == ("vanished", "interrupted by a reboot")
    facts.write_text(text)


def test_a_reused_process_number_is_not_taken_for_the_job(place: Place) -> None:
    place.jobs.start(job(waiting(place.gate())))
    steps = place.directory / "steps"
    assert eventually(lambda: "begin" in steps.read_text())
    lines = [line.split() for line in steps.read_text().splitlines()]
    for words in lines:
        words[4] = str(int(words[4]) - 1)
    kept = steps.read_text()
    steps.write_text("".join(" ".join(words) + "\n" for words in lines))
    assert place.jobs.read(PACKAGES).state == "vanished"
    steps.write_text(kept)
    assert place.jobs.read(PACKAGES).state == "running"


def test_a_full_disk_does_not_hide_the_result(place: Place) -> None:
    """`steps` cannot take a line; the result goes over blocks that are there already."""
    gate = place.gate()
    place.jobs.start(job(waiting(gate), step("fail", *shell("exit 3"))))
    assert eventually(lambda: place.jobs.read(PACKAGES).current is not None)
    steps = place.directory / "steps"
    steps.rename(place.directory / "steps.was")
    steps.symlink_to("/dev/full")
    open_gate(gate)
    assert eventually(lambda: (place.directory / "rc").exists())
    steps.unlink()
    (place.directory / "steps.was").rename(steps)
    report = place.ended()
    assert (report.result, report.exit_status) == ("failed", 3)
    assert (place.directory / "rc").stat().st_size == 64


def test_reading_goes_on_where_it_stopped_and_is_bounded(place: Place) -> None:
    size = 2 * CHUNK_BYTES + 1000
    place.jobs.start(job(step("much", *shell('head -c "$1" /dev/zero; echo end >&9', str(size)))))
    place.ended()
    first = place.jobs.read(PACKAGES, run="r1")
    assert (len(first.out), first.out_size) == (CHUNK_BYTES, size)
    last = place.jobs.read(PACKAGES, run="r1", out=size - 10, status=2)
    assert (last.out, last.status) == (b"\0" * 10, b"d\n")
    assert place.jobs.read(PACKAGES, run="r1", out=size + 5).out == b""


def test_a_follower_has_the_whole_and_shows_it_safely(place: Place) -> None:
    gate = place.gate()
    place.jobs.start(
        job(
            step("say", *shell("printf 'a\\033]0;owned\\007b\\nc'; echo s >&9")),
            waiting(gate),
            step("end", "echo", "ü"),
        )
    )
    follower = JobFollower(place.jobs, PACKAGES, "r1")
    assert eventually(lambda: follower.read().current is not None and follower.output == "ab\nc")
    follower.read()
    open_gate(gate)
    assert eventually(lambda: follower.read().state == "finished")
    assert follower.output == "ab\ncgo\nü\n"
    assert follower.status == "s\n"


def test_another_console_reads_the_same(place: Place) -> None:
    place.jobs.start(job(step("one", "echo", "hello")))
    place.ended()
    assert JobFollower(Jobs(LocalExec("here"), "none"), PACKAGES, "r1").read().out == b"hello\n"


@pytest.mark.parametrize("version", ["python3.6", "python3.8", "python3.13"])
def test_old_and_new_pythons_start_and_read_it(version: str, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    found = shutil.which(version)
    if found is None or subprocess.run([found, "-V"], capture_output=True).returncode != 0:
        pytest.skip(f"{version} is not installed")
    real = subprocess.run([found, "-c", "import sys; print(sys.executable)"], capture_output=True, text=True).stdout
    (place.outside / "python3").symlink_to(real.strip())
    monkeypatch.setenv("PATH", f"{place.outside}:{os.environ['PATH']}")
    monkeypatch.setenv("LC_ALL", "C")
    place.jobs.start(job(step("one", "printf", "%s", ANY_BYTES), title="grüße"))
    report = place.ended()
    assert report.out == ANY_BYTES.encode("utf-8", "surrogateescape")
    assert report.meta is not None and report.meta.title == "grüße"


def test_nothing_is_there_before_the_first(place: Place) -> None:
    report = place.jobs.read(PACKAGES)
    assert (report.state, report.meta, report.steps, report.exit_status) == ("none", None, (), None)


WORDS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20) | st.binary(
    max_size=20
).map(lambda data: data.replace(b"\0", b"").decode("utf-8", "surrogateescape"))


@given(words=st.lists(WORDS, max_size=5), shell_name=st.sampled_from(["dash", "bash"]))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_script_means_what_the_plan_says_in_every_shell(words: list[str], shell_name: str, tmp_path: Path) -> None:
    kit_script: Any = importlib.import_module("backends.hostkit.programs.kit_script")
    path = shutil.which(shell_name)
    if path is None:
        pytest.skip(f"{shell_name} is not installed")
    place = tmp_path / f"it's {shell_name} $HOME"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    (place / "rc.new").write_bytes(b" " * 63 + b"\n")
    plan = arguments_of(job(step("x", "printf", "%s\\0", "|", *words)))
    (place / "script").write_bytes(kit_script.script(str(place), "/root", plan["steps"]))
    subprocess.run([path, str(place / "script")], check=True, timeout=20)
    assert (place / "rc").read_text().split()[0] == "0"
    sent = b"".join(word.encode("utf-8", "surrogateescape") + b"\0" for word in ("|", *words))
    assert (place / "out").read_bytes() == sent
