"""Drift of a run: compared with the archive that the run made, and explained by what the run has done there."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from msgspec.structs import replace

from backends.backups.views import DriftEntry, DriftReport
from backends.config.schema import MaintenanceConfig
from backends.engine.engine import Engine
from backends.engine.run_drift import drift
from backends.errors import RetryLater, SwarmError
from backends.execution import ExecResult
from backends.maintenance import facts
from backends.maintenance.model import RunState, Stage, StepResult
from backends.maintenance.steps_text import steps
from backends.updates.model import HostPlan
from tests.unit.engine.parts import FakeExec
from tests.unit.engine.test_run_muting import run

ENTRIES = (
    DriftEntry(path="etc/ssl/openssl.cnf", kind="content"),
    DriftEntry(path="etc/fstab", kind="content"),
    DriftEntry(path="fact:kernel", kind="content"),
)
ARCHIVES = facts.written([("vault/a", "config-1", 10), ("cellar/a", "config-1", 10)])


def state(*told: dict[str, str]) -> RunState:
    """A run that has done snapshot, update and reboot on host a, as far as these facts go."""
    one = run(a=Stage.WORKING)
    plan = replace(one.plan, steps=steps(("snapshot", "update", "reboot", "check")), update_plan="p-1")
    results = tuple(StepResult(step=at, good=True, facts=each) for at, each in enumerate(told))
    return replace(one, plan=plan, hosts={"a": replace(one.hosts["a"], results=results)})


class Site:
    """Of an engine what drift needs: backups, updates, a host, and the configuration."""

    def __init__(self, **config: Any) -> None:
        self.exec = FakeExec("a", ExecResult(exit_status=1, stdout=b"openssl: /etc/ssl/openssl.cnf\n"))
        self.asked: list[tuple[str, str, str]] = []
        self.errors: dict[str, SwarmError] = {}
        self.config = SimpleNamespace(maintenance=MaintenanceConfig(**config))
        self.backups = SimpleNamespace(drifting=self)
        self.sources = SimpleNamespace(exec=lambda host: self.exec)
        made = SimpleNamespace(hosts=[HostPlan(host="a", manager="apt")])
        self.updates = SimpleNamespace(plans=SimpleNamespace(of=lambda plan: made))

    def since(self, host: str, repository: str, archive: str) -> DriftReport:
        self.asked.append((host, repository, archive))
        if repository in self.errors:
            raise self.errors[repository]
        return DriftReport(host=host, against="it", time=0.0, entries=ENTRIES)

    def drift(self, made: RunState) -> Any:
        return drift(cast("Engine", self), made, "a")


SNAPSHOT = {facts.ARCHIVE: ARCHIVES}
UPDATE = {facts.PACKAGES: facts.written([("openssl", "1", "2", "applied"), ("bash", "1", "1", "failed")])}
REBOOT = {facts.REBOOTED: "yes"}


def test_each_file_is_explained_by_what_the_run_has_done() -> None:
    found = Site().drift(state(SNAPSHOT, UPDATE, REBOOT))
    assert [each.why for each in found.changes] == ["of an updated package", "", "by the reboot"]
    assert not found.ask


def test_only_files_are_asked_for_and_only_packages_that_were_applied_explain() -> None:
    site = Site()
    site.exec.result = ExecResult(exit_status=0, stdout=b"bash: /etc/fstab\n")
    assert site.drift(state(SNAPSHOT, UPDATE)).explained == ()
    assert site.exec.asked[0][0][-2:] == ["/etc/fstab", "/etc/ssl/openssl.cnf"]


def test_it_is_compared_with_the_runs_own_archive_in_the_first_place_that_can_be_read() -> None:
    site = Site()
    site.errors["cellar/a"] = RetryLater("the repository is locked")
    site.drift(state(SNAPSHOT))
    assert site.asked == [("a", "cellar/a", "config-1"), ("a", "vault/a", "config-1")]


def test_without_a_readable_archive_it_is_not_known() -> None:
    site = Site()
    assert site.drift(state({})).problem == "its snapshot is not known"
    site.errors = {place: RetryLater("locked") for place in ("vault/a", "cellar/a")}
    assert site.drift(state(SNAPSHOT)).problem == "locked"


def test_a_host_that_cannot_be_asked_for_owners_makes_it_unknown() -> None:
    site = Site(drift="ask")
    site.exec.result = RetryLater("link lost")
    found = site.drift(state(SNAPSHOT, UPDATE))
    assert (found.problem, found.changes, found.ask) == ("link lost", (), True)


def test_the_configuration_allows_and_asks() -> None:
    found = Site(drift="ask", drift_allowed=("/etc/fstab",)).drift(state(SNAPSHOT))
    assert found.ask and [each.path for each in found.explained] == ["etc/fstab"]
