"""Restores on real systemd hosts: the rollback is a timer of systemd, sshd judges its own file, python3-minimal is enough."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from backends.backups import looks
from backends.backups.config_plan import FilePlan
from backends.backups.config_restore import JOB, ConfigRestore
from backends.backups.model import BrowseEntry, JobState
from backends.backups.placing import Placing
from backends.backups.rollbacks import Rollbacks
from backends.clock import SystemClock
from backends.errors import RetryLater
from tests.conftest import POOR_HOST
from tests.e2e.test_lab_jobs import OpenSsh
from tests.lab import faults
from tests.lab.fleet import Lab, until, wait_until_answering
from tests.lab.host import LabHost

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]

HOST = "lab5"
SSHD = "etc/ssh/sshd_config"
STAMP = "20261126T020000Z"
ANSWER_SECONDS = 120.0
ROLLBACK_SECONDS = 45.0
"""Within which everything that comes before it must be done, on a loaded machine too."""


class House:
    """One host with its sshd_config, and what restores it."""

    def __init__(self, place: LabHost, folder: Path):
        self.place, self.folder = place, folder
        wait_until_answering([place], ANSWER_SECONDS)  # the test before this one had its sshd read its file again
        self.way = OpenSsh(place)
        self.placing = Placing(self.way, "none")
        self.before = self.read()
        self.count = 0

    def read(self) -> bytes:
        return self.way.run(["cat", f"/{SSHD}"]).stdout

    def rollbacks(self, *, login: bool) -> Rollbacks:
        def log_in(host: str) -> str:
            if not login:
                raise RetryLater("nobody tries")
            OpenSsh(self.place).run(["true"])
            return "a new connection"

        return Rollbacks(self.folder / "rollbacks", lambda host: self.placing, SystemClock(), log_in=log_in)

    def config(self, *, login: bool) -> ConfigRestore:
        return ConfigRestore(self.way, "none", SystemClock(), self.rollbacks(login=login))

    def plan(self, seconds: float) -> FilePlan:
        self.count += 1
        run = f"e2e{self.count}-{time.time_ns()}"
        entry = BrowseEntry(path=SSHD, type="-", mode="-rw-r--r--", user="root", group="root", mtime=1.7e9)
        return self.config(login=False).plan(entry, "config.x", run, rollback_seconds=seconds)

    def timers(self) -> str:
        return self.place.inside(["systemctl", "list-timers", "--all", "--no-legend", "swarm-rollback-*"]).stdout


@pytest.fixture
def house(lab: Lab, tmp_path: Path) -> Iterator[House]:
    place = lab.host(HOST)
    made = House(place, tmp_path)
    yield made
    faults.join(place)
    (place.root / SSHD).write_bytes(made.before)
    place.does("sh", "-c", f"rm -f /{SSHD}.swarm-*; systemctl reload ssh")


def test_sshd_takes_its_restored_file_and_a_new_login_confirms_it(house: House) -> None:
    content = house.before + b"\n# restored\nLoginGraceTime 91\n"
    plan = house.plan(300.0)
    assert plan.validator == f"sshd -t -f /{SSHD}" and plan.rollback_seconds == 300.0
    outcome = house.config(login=True).run(plan, content, who="eve", reload=True)
    assert outcome.state is JobState.DONE, outcome
    assert house.read() == content
    assert "confirmed by the engine: a new login works (a new connection)" in outcome.notes
    assert any(note.startswith("systemctl reload ssh") for note in outcome.notes), outcome.notes
    assert "swarm-rollback" not in house.timers()
    told = house.place.inside(["sshd", "-T"]).stdout
    assert "logingracetime 91" in told


def test_a_broken_file_never_gets_there(house: House) -> None:
    outcome = house.config(login=True).run(house.plan(300.0), b"Prot 22\n", who="eve", reload=True)
    assert outcome.state is JobState.FAILED
    assert outcome.cause is not None and "Prot" in outcome.cause.evidence[0]
    assert house.read() == house.before
    assert "swarm-rollback" not in house.timers()


def test_systemd_puts_it_back_when_nobody_confirms_although_the_link_is_gone(house: House) -> None:
    plan = house.plan(ROLLBACK_SECONDS)
    outcome = house.config(login=False).run(plan, house.before + b"# worse\n", who="eve", reload=True)
    assert outcome.state is JobState.WARNING
    assert outcome.cause is not None and "put back by itself" in outcome.cause.text
    assert f"swarm-rollback-{plan.id}" in house.timers()
    faults.cut(house.place)
    assert until(lambda: (house.place.root / SSHD).read_bytes() == house.before, ROLLBACK_SECONDS + 90)
    faults.join(house.place)
    wait_until_answering([house.place], ANSWER_SECONDS)
    rollbacks = house.rollbacks(login=False)
    assert until(lambda: bool(rollbacks.refresh()) or not rollbacks.waiting(), 120)
    assert rollbacks.of(plan.id).text == "put back by the timer"
    assert house.placing.status(plan.id)[0].undone
    assert JOB in house.place.inside(["ls", "/var/lib/swarm-tui/jobs"]).stdout


def test_python3_minimal_is_enough(lab: Lab, tmp_path: Path) -> None:
    way = OpenSsh(lab.host(POOR_HOST))
    placing = Placing(way, "none")
    run = f"poor{time.time_ns()}"
    scratch = placing.prepare(run, ground="/srv/restored/here", base="/srv/restored/here", make=True)
    placing.write(run, "etc/x", b"text\n", mode=0o640, mtime=1.7e9)
    assert placing.count(run) == (1, 5)
    assert placing.place(run, ["etc"], choice="replace", stamp=STAMP).counts.placed == 1
    found = looks.look(way, "none", ["/srv/restored/here/etc/x"], hashes=True)
    assert found["/srv/restored/here/etc/x"].sha256 == hashlib.sha256(b"text\n").hexdigest()
    assert placing.undo(run, "eve").removed == 1
    assert looks.look(way, "none", ["/srv/restored", scratch.tree]) == {}
