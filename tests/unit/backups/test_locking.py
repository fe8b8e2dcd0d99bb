"""Locks: who holds one, what proves the holder dead, and that nothing else is ever broken."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.backups.locking import Holding, Locks, holdings, judge
from backends.backups.model import JobState
from backends.backups.onsite import Look, Process
from tests.borgs import BORG_12
from tests.unit.backups.vaults import PASSPHRASE, Unreachable, Vault
from tests.unit.hostkit.kit import eventually, is_alive

HELD = Holding(text="vm@1.512-0", host="vm@1", pid=512, since=1000.0)


def process(*, there: bool = True, started: float | None = 990.0, borg: bool | None = True) -> Process:
    return Process(host_id="vm@1", now=2000.0, there=there, command="borg serve", started=started, borg=borg)


class TestJudging:
    def test_a_process_that_has_ended_is_dead(self) -> None:
        verdict = judge(HELD, process(there=False), "vault")
        assert (verdict.dead, verdict.evidence) == (True, "process 512 on vault has ended")

    def test_one_from_before_the_lock_lives_whatever_it_is_called(self) -> None:
        assert judge(HELD, process(borg=True), "vault").dead is False
        assert judge(HELD, process(borg=False), "vault").dead is False

    def test_a_number_used_again_by_another_program_is_no_holder(self) -> None:
        verdict = judge(HELD, process(started=1500.0, borg=False), "vault")
        assert verdict.dead is True
        assert "another program, begun after the lock was taken" in verdict.evidence

    def test_a_later_borg_with_the_same_number_proves_nothing(self) -> None:
        assert judge(HELD, process(started=1500.0, borg=True), "vault").dead is None

    def test_without_a_start_time_nothing_that_runs_is_dead(self) -> None:
        assert judge(HELD, process(started=None, borg=None), "vault").dead is None
        assert judge(HELD, process(started=None, borg=False), "vault").dead is False

    @given(st.booleans(), st.none() | st.floats(0, 3000), st.none() | st.booleans())
    def test_what_began_before_the_lock_is_never_dead(
        self, there: bool, started: float | None, borg: bool | None
    ) -> None:
        verdict = judge(HELD, process(there=there, started=started, borg=borg), "vault")
        if there and (started is None or started <= 1000.0 or borg is not False):
            assert verdict.dead is not True


def test_files_and_the_roster_name_each_holder_once() -> None:
    look = Look(
        host_id="vm@1",
        now=0.0,
        made=True,
        free=1,
        total=1,
        exclusive=(),
        roster={"exclusive": (("vm@1", 5, 0),), "shared": (("vm@1", 5, 0), ("b\x1b[31m@2", 6, 0))},
        roster_time=9.0,
    )
    first, second = holdings(look)
    assert (first.text, first.pid, first.shared) == ("vm@1.5-0", 5, False)
    assert "\x1b" not in second.text and second.shared


@contextmanager
def with_lock(vault: Vault) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A Borg of somebody else that holds the lock; and what it runs meanwhile."""
    environment = {
        "PATH": os.environ["PATH"],
        "BORG_BASE_DIR": str(vault.folder / "other"),
        "BORG_PASSPHRASE": PASSPHRASE,
    }
    (vault.folder / "other").mkdir()
    argv = [BORG_12, "with-lock", str(vault.place), "sleep", "60"]
    with subprocess.Popen(argv, env=environment, start_new_session=True, stderr=subprocess.DEVNULL) as holder:
        try:
            assert eventually(lambda: (vault.place / "lock.exclusive").exists() and _sleeps(holder.pid), 20)
            yield holder, holder.pid
        finally:
            if holder.poll() is None:
                os.killpg(holder.pid, signal.SIGKILL)


def _sleeps(pid: int) -> bool:
    return bool(Path(f"/proc/{pid}/task/{pid}/children").read_text().strip())


class TestARealLock:
    def test_nobody_holds_one_that_is_free(self, tmp_path: Path) -> None:
        vault = Vault(tmp_path)
        report = vault.locks.report(vault.repository)
        assert (report.holder, report.dead, report.token) == ("", None, "")
        assert vault.locks.break_lock(vault.repository, "", "root").cause is not None

    def test_a_living_borg_is_shown_and_not_broken_and_a_killed_one_is(self, tmp_path: Path) -> None:
        vault = Vault(tmp_path)
        with with_lock(vault) as (holder, pid):
            report = vault.locks.report(vault.repository)
            assert (report.pid, report.dead) == (pid, False)
            assert "borg" in report.evidence[0] and f"process {pid} on vault runs since" in report.evidence[0]
            refused = vault.locks.break_lock(vault.repository, report.token, "root")
            assert refused.cause is not None and refused.cause.code == "lock-held"
            os.killpg(pid, signal.SIGKILL)
            holder.wait(10)
        assert (vault.place / "lock.exclusive").exists() and not is_alive(pid)
        stale = vault.locks.break_lock(vault.repository, report.token, "root")
        assert stale.cause is not None and stale.cause.code == "changed"  # the evidence is another one now
        again = vault.locks.report(vault.repository)
        assert (again.dead, again.evidence) == (True, (f"process {pid} on vault has ended",))
        done = vault.locks.break_lock(vault.repository, again.token, "root")
        assert done.state == JobState.DONE and done.notes[0].endswith("was broken by root.")
        assert not (vault.place / "lock.exclusive").exists() and not (vault.place / "lock.roster").exists()
        assert len(vault.names()) == 5

    def test_whoever_takes_the_lock_meanwhile_keeps_it(self, tmp_path: Path) -> None:
        vault = Vault(tmp_path)
        host = vault.onsite.look(vault.repository).host_id
        hold(vault, f"{host}.4194303-0")
        report = vault.locks.report(vault.repository)
        assert report.dead is True
        (vault.place / f"lock.exclusive/{host}.4194303-0").rename(vault.place / f"lock.exclusive/{host}.4194302-0")
        refused = vault.locks.break_lock(vault.repository, report.token, "root")
        assert refused.cause is not None and refused.cause.code == "changed"
        assert (vault.place / f"lock.exclusive/{host}.4194302-0").exists()

    def test_a_holder_on_a_machine_that_is_not_known_proves_nothing(self, tmp_path: Path) -> None:
        vault = Vault(tmp_path)
        hold(vault, "laptop@99.77-0")
        report = vault.locks.report(vault.repository)
        assert report.dead is None
        assert report.evidence == ("laptop@99.77-0: laptop@99 is not known here; look there: ps -p 77",)
        assert vault.locks.break_lock(vault.repository, report.token, "root").state == JobState.FAILED

    def test_a_machine_that_cannot_be_asked_proves_nothing(self, tmp_path: Path) -> None:
        vault = Vault(tmp_path)
        hold(vault, "gpu01@5.77-0")
        locks = Locks(vault.onsite, lambda _: Unreachable(), lambda _: "")
        report = locks.report(vault.repository)
        assert report.dead is None and "could not be asked: link down" in report.evidence[0]

    def test_a_job_of_our_own_is_never_broken(self, tmp_path: Path) -> None:
        vault = Vault(tmp_path)
        hold(vault, f"{vault.onsite.look(vault.repository).host_id}.4194303-0")
        locks = Locks(vault.onsite, lambda _: None, lambda _: "backup of models, started by root")
        report = locks.report(vault.repository)
        assert report.dead is False
        assert report.evidence[0] == "our own engine works on it: backup of models, started by root"

    @pytest.mark.parametrize("name", ["", "nonsense", "a.b-c", "\x1b]0;x\x07@1.5-0"])
    def test_a_name_that_borg_would_not_write_is_shown_and_left_alone(self, tmp_path: Path, name: str) -> None:
        vault = Vault(tmp_path)
        hold(vault, name or "x")
        report = vault.locks.report(vault.repository)
        assert report.dead is None and "\x1b" not in str(report)


def hold(vault: Vault, name: str) -> None:
    (vault.place / "lock.exclusive").mkdir()
    (vault.place / "lock.exclusive" / name).touch()
