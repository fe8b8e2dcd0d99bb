"""One configuration file comes back, on this machine as the host: judged first, a copy kept, taken back by itself.

The real /etc is never touched: what is known about its files is told of a directory of the test.
"""

from __future__ import annotations

import os
import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.backups import config_plan, validators
from backends.backups.config_plan import MOST_BYTES, FilePlan, fetch, mode_bits, parse_problem
from backends.backups.config_restore import JOB, ConfigRestore
from backends.backups.looks import Look
from backends.backups.model import BrowseEntry, JobState, Outcome
from backends.backups.names import escaped
from backends.backups.rollbacks import Rollbacks
from backends.clock import SystemClock
from backends.errors import BadInput, RetryLater
from backends.hostkit.job_plan import Job, JobStep
from backends.hostkit.jobs import Jobs
from tests.unit.backups import borgfield
from tests.unit.backups.restorehost import ROOT, Field, restore_field, sleepers, texts
from tests.unit.hostkit.kit import eventually

__all__ = ["restore_field"]

needs_root = pytest.mark.skipif(not ROOT, reason="owners need root")
GOOD, BROKEN = b"Port 22\nPermitRootLogin no\n", b"Port 22\nPermitRotLogin no\n"


class House:
    """A directory that stands for /etc, with an sshd_config that is known as one."""

    def __init__(self, field: Field):
        self.field = field
        self.etc = field.there
        self.file = self.etc / "sshd_config"
        self.file.write_text("Port 2222\n")
        self.clock = SystemClock()
        self.rollbacks = Rollbacks(field.folder / "rollbacks", lambda host: field.placing, self.clock)
        self.config = ConfigRestore(field.way, "none", self.clock, self.rollbacks)
        self.count = 0

    def plan(self, name: str = "sshd_config", *, seconds: float = 600.0, **more: object) -> FilePlan:
        self.count += 1
        entry = BrowseEntry(path=escaped(f"{self.etc}/{name}").lstrip("/"), type="-", mode="-rw-r-----", mtime=1.7e9)
        entry = msgspec.structs.replace(entry, user="root", group="root", **more)
        return self.config.plan(entry, "config.x", f"c{self.count}", rollback_seconds=seconds)

    def run(self, plan: FilePlan, content: bytes = GOOD, *, reload: bool = False) -> Outcome:
        return self.config.run(plan, content, who="eve", reload=reload)

    def logs_in(self, how: str | Exception = "by key") -> None:
        def log_in(host: str) -> str:
            if isinstance(how, Exception):
                raise how
            return how

        folder = self.field.folder / "rollbacks"
        self.rollbacks = Rollbacks(folder, lambda host: self.field.placing, self.clock, log_in=log_in)
        self.config = ConfigRestore(self.field.way, "none", self.clock, self.rollbacks)


@pytest.fixture
def house(field: Field, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    here = (f"{field.there}/sshd_config",)
    sshd = validators.validator("/etc/ssh/sshd_config")
    assert sshd is not None
    reload = validators.Reload(paths=here, commands=(("touch", f"{field.folder}/reloaded"),), says="reads it again")
    monkeypatch.setattr(validators, "VALIDATORS", (msgspec.structs.replace(sshd, paths=here),))
    monkeypatch.setattr(validators, "RELOADS", (reload,))
    monkeypatch.setattr(validators, "ACCESS", (("access", here),))
    yield House(field)
    for pid in sleepers(field):
        os.kill(int(pid), signal.SIGKILL)


def test_what_it_would_do_is_told_before(house: House) -> None:
    plan = house.plan()
    assert plan.path == str(house.file) and plan.there
    assert plan.validator == f"sshd -t -f {house.file}"
    assert plan.reload_says == "reads it again"
    assert plan.rollback_seconds == 600.0
    assert "can lock everybody out (access)" in plan.warnings[0]
    other = house.plan("motd")
    assert (other.there, other.validator, other.rollback_seconds) == (False, "", None)
    assert other.warnings == ("nothing is known that could check this file before it goes into place",)


@needs_root
def test_a_good_file_goes_into_place_with_a_copy_of_the_old_one_and_a_login_confirms_it(house: House) -> None:
    house.logs_in()
    outcome = house.run(house.plan(), reload=True)
    assert outcome.state is JobState.DONE, outcome
    info = house.file.stat()
    assert house.file.read_bytes() == GOOD
    assert (stat.S_IMODE(info.st_mode), info.st_uid, info.st_mtime) == (0o640, 0, 1.7e9)
    (saved,) = (name for name in texts(house.etc) if name.startswith("sshd_config.swarm-"))
    assert texts(house.etc)[saved] == "Port 2222\n"
    assert f"sshd -t -f {house.file} accepts it: sshd accepts every option and can read its keys" in outcome.notes
    assert f"the file that was there is {saved}" in outcome.notes
    assert "confirmed by the engine: a new login works (by key)" in outcome.notes
    assert (house.field.folder / "reloaded").exists()
    assert not list(house.etc.glob(".swarm-restore-*"))
    assert house.rollbacks.waiting() == ()


@needs_root
def test_a_broken_file_is_refused_by_its_program_and_the_live_one_is_not_touched(house: House) -> None:
    before = house.file.stat()
    outcome = house.run(house.plan(), BROKEN, reload=True)
    assert outcome.state is JobState.FAILED
    assert outcome.cause is not None
    assert "was not touched" in outcome.cause.text
    assert "PermitRotLogin" in outcome.cause.evidence[0]
    assert house.file.stat() == before
    assert texts(house.etc) == {"sshd_config": "Port 2222\n"}
    assert not (house.field.folder / "reloaded").exists()
    assert house.rollbacks.waiting() == (), "no timer runs for a change that was not made"
    assert not list(house.etc.glob(".swarm-restore-*"))


@needs_root
def test_unless_somebody_confirms_the_old_file_comes_back_by_itself_and_is_reloaded(house: House) -> None:
    house.logs_in(RetryLater("connection refused"))
    house.clock.wait = lambda event, seconds: event.wait(min(seconds, 0.1))  # type: ignore[method-assign]
    plan = house.plan(seconds=4.0)
    outcome = house.run(plan, reload=True)
    assert outcome.state is JobState.WARNING
    assert outcome.cause is not None
    assert outcome.cause.text.startswith("A NEW LOGIN FAILS: connection refused; it is put back by itself at ")
    assert house.file.read_bytes() == GOOD
    (house.field.folder / "reloaded").unlink()
    assert eventually(lambda: house.file.read_text() == "Port 2222\n", 30)
    assert eventually(lambda: (house.field.folder / "reloaded").exists(), 10)
    assert eventually(lambda: house.rollbacks.refresh() or not house.rollbacks.waiting(), 20)
    assert house.rollbacks.of(plan.id).state == "undone"
    assert texts(house.etc) == {"sshd_config": "Port 2222\n"}


@needs_root
def test_a_login_proves_nothing_before_the_service_has_read_the_file(house: House) -> None:
    house.logs_in()
    plan = house.plan()
    outcome = house.run(plan, reload=False)
    assert outcome.cause is not None and "not in use yet" in outcome.cause.text
    assert any(note.startswith("to take effect: touch ") for note in outcome.notes)
    again = Rollbacks(house.field.folder / "rollbacks", lambda host: house.field.placing, house.clock)
    assert [each.run for each in again.waiting()] == [plan.id], "an engine that is started anew knows about it"
    assert again.confirm(plan.id, "eve").text == "confirmed by eve"
    assert house.file.read_bytes() == GOOD
    assert again.waiting() == ()


@needs_root
def test_a_file_that_endangers_nobody_needs_no_confirmation_and_can_be_undone(house: House) -> None:
    plan = house.plan("motd")
    outcome = house.run(plan, b"hello\n")
    assert (outcome.state, outcome.cause) == (JobState.DONE, None)
    assert (house.etc / "motd").read_bytes() == b"hello\n"
    house.field.placing.undo(plan.id, "eve")
    assert texts(house.etc) == {"sshd_config": "Port 2222\n"}


@needs_root
def test_a_link_comes_back_as_a_link(house: House) -> None:
    outcome = house.run(house.plan("localtime", type="l", target="/usr/share/zoneinfo/UTC"), b"")
    assert outcome.state is JobState.DONE, outcome
    assert os.readlink(house.etc / "localtime") == "/usr/share/zoneinfo/UTC"


@needs_root
def test_two_operators_never_restore_on_a_host_at_once(house: House) -> None:
    jobs = Jobs(house.field.way, "none")
    gate = house.field.folder / "gate"
    os.mkfifo(gate)
    step = JobStep(id="wait", argv=("cat", str(gate)))
    jobs.start(Job(name=JOB, title="restore /etc/x", who="mallory", run="other", steps=(step,)))
    with pytest.raises(RetryLater, match="started by mallory"):
        house.run(house.plan("motd"), b"hello\n")
    gate.write_text("go\n")
    assert eventually(lambda: jobs.read(JOB, run="other").state != "running", 20)
    assert "motd" not in texts(house.etc)


def test_what_is_no_file_or_too_large_is_refused(house: House) -> None:
    for kind in ("d", "p", "c"):
        with pytest.raises(BadInput, match="neither a file nor a link"):
            house.plan("x", type=kind)
    with pytest.raises(BadInput, match="larger than 8 MiB"):
        house.plan("x", size=MOST_BYTES + 1)
    entry = BrowseEntry(path="etc/x", type="-")
    live = Look(type="d", mode=0o755, uid=0, gid=0)
    with pytest.raises(BadInput, match="a directory is there"):
        config_plan.plan(entry, "a", "here", "r", live)


def test_a_file_that_is_not_what_its_name_says_is_refused_before_it_is_sent(house: House) -> None:
    outcome = house.run(house.plan("daemon.json"), b'{"a": 1,}')
    assert outcome.state is JobState.FAILED
    assert outcome.cause is not None and "cannot be read as what it is" in outcome.cause.evidence[0]
    assert not (house.field.folder / "restores").exists()


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("a.json", b'{"a":1}', b'{"a":1'),
        ("a.toml", b"a = 1\n", b"a = \n"),
        ("a.yaml", b"a: [1, 2]\n", b"a: [1, 2\n"),
        ("a.yml", b"--- 1\n--- 2\n", b"a: b: c\n"),
        ("a.conf", b"anything", b""),
    ],
)
def test_what_can_be_read_as_what_it_is(name: str, good: bytes, bad: bytes) -> None:
    assert parse_problem(name, good) == ""
    assert bool(parse_problem(name, bad)) is not name.endswith(".conf")


@given(content=st.binary(max_size=200), name=st.sampled_from(["a.json", "a.toml", "a.yaml"]))
def test_any_bytes_are_read_or_have_a_problem_in_safe_words(content: bytes, name: str) -> None:
    problem = parse_problem(name, content)
    assert problem == escaped(problem.replace("\\\\", "\\")) or problem.isprintable()


@given(bits=st.integers(0, 0o7777))
def test_a_mode_is_what_it_says(bits: int) -> None:
    assert mode_bits(stat.filemode(stat.S_IFREG | bits)) == bits


def test_a_mode_that_is_none_is_an_ordinary_one() -> None:
    assert mode_bits("") == mode_bits("rw") == 0o644


@borgfield.needs_borg
def test_the_bytes_of_one_file_come_out_of_an_archive(tmp_path: Path) -> None:
    (tmp_path / "field").mkdir()
    borg = borgfield.Field(tmp_path / "field")
    name = os.fsdecode(b"re:a\xff")
    (borg.folder / "etc").mkdir()
    (borg.folder / "etc" / name).write_bytes(b"\x00very\xffbytes")
    borg.by_hand("create", f"{borg.place}::a", "etc")
    assert fetch(borg.local(), borg.repository, "a", escaped(f"etc/{name}")) == b"\x00very\xffbytes"
    with pytest.raises(RetryLater):
        fetch(borg.local(), borg.repository, "gone", "etc/x")
    with pytest.raises(RetryLater):
        fetch(borg.local(), borg.repository, "a", "etc/not-there")
