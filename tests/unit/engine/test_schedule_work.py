"""Schedules through the services of an engine: what is begun, what is not begun twice, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from backends.backups.model import Archive, BackupSet, Job, JobKind, JobState, Repository, Task
from backends.checks.health_views import HostHealth
from backends.config.schema import Config, ScheduleConfig
from backends.engine.engine import Engine
from backends.engine.schedule_work import NO_ANSWER, EngineWork
from backends.errors import AskOperator, BadInput, RetryLater
from backends.schedule.book import Claim, Occurrence
from backends.schedule.schedule import Schedule, read
from backends.states import HostState
from backends.updates.inventories import HostUpdates
from backends.updates.model import HostPlan, Inventory, Selection
from backends.updates.plan import build

T = 1_800_000_000.0
ONE = Occurrence(name="it", time=T, began=T)


def made(action: str, hosts: str = "") -> Schedule:
    return read(ScheduleConfig(name="it", action=action, cron="0 4 * * *", hosts=hosts))


class Services:
    """Of an engine: each remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.rows: dict[str, HostHealth] = {"a": HostHealth(host="a"), "b": HostHealth(host="b")}
        self.inventories: dict[str, HostUpdates] = {}
        self.jobs: list[Job] = []
        self.archives: dict[str, float] = {}
        self.busy = False
        self.held: list[str] = []
        self.read_only = False
        repositories = {
            host: Repository(name="vault", host=host, location="/r", passphrase_command="") for host in "ab"
        }
        sets = [("a", "config"), ("a", "models"), ("b", "config")]
        self.tasks = tuple(Task(set=BackupSet(name=name), repository=repositories[host]) for host, name in sets)
        self.work = EngineWork(cast("Engine", self._engine()), lambda name, who: f"run of {name} by {who}")

    def _engine(self) -> SimpleNamespace:
        return SimpleNamespace(
            config=Config(),
            has_backups=True,
            has_maintenance=True,
            maintenance=SimpleNamespace(held=lambda: [SimpleNamespace(host=host) for host in self.held]),
            read_only=self.read_only,
            select=lambda text: ["a", "b"] if not text else [text],
            fleet=SimpleNamespace(states=lambda: {"a": HostState.UP, "b": HostState.CONNECTING}),
            duty=SimpleNamespace(
                health=SimpleNamespace(
                    look=lambda hosts: self.asked.append(("look", *hosts)),
                    view=lambda since, hosts: SimpleNamespace(hosts=[self.rows[host] for host in hosts]),
                )
            ),
            updates=SimpleNamespace(
                refresh=lambda hosts, lists: self.asked.append(("refresh", *hosts, lists)),
                inventories=SimpleNamespace(
                    all=lambda hosts: [self.inventories.get(host, HostUpdates(host=host)) for host in hosts]
                ),
                make_plan=self._plan,
            ),
            backups=SimpleNamespace(
                tasks=SimpleNamespace(all=lambda: self.tasks),
                start=self._start,
                board=SimpleNamespace(jobs=lambda limit: self.jobs),
                depot=SimpleNamespace(statuses=SimpleNamespace(series=self._series)),
            ),
            actions=SimpleNamespace(refuse_when_read_only=self._refuse),
            timeline=SimpleNamespace(add=lambda kind, text, **more: self.asked.append((kind, text))),
        )

    def _refuse(self, what: str) -> None:
        if self.read_only:
            raise AskOperator(f"read-only: {what}")

    def _plan(self, hosts: Sequence[str], selection: Selection, who: str) -> object:
        return build("p1", T, who, selection, [HostPlan(host=host, manager="apt") for host in hosts])

    def _start(self, action: str, hosts: Any, sets: Any, places: Any, level: str, who: str) -> None:
        if self.busy:
            raise RetryLater("it runs already")
        self.asked.append((action, *hosts, *sets, *places, who))

    def _series(self, task: Task) -> tuple[Archive, ...]:
        start = self.archives.get(task.set.name)
        key = task.repository.key
        made = Archive(id="1", repository=key, name="x", set=task.set.name, host=task.host, start=start or 0.0)
        return () if start is None else (made,)


@pytest.fixture
def services() -> Services:
    return Services()


def claims(*hosts: str) -> dict[str, Claim]:
    return {host: Claim(host=host, owner="1-x", began=T + 60) for host in hosts}


def test_a_check_looks_at_hosts_that_were_not_looked_at_since_its_time(services: Services) -> None:
    services.rows["b"] = HostHealth(host="b", tried=T + 5)
    services.work.begin(made("check"), ONE, ("a", "b"))
    assert services.asked == [("look", "a")]
    stands = services.work.standing(made("check"), ONE, claims("a", "b"))
    assert stands.working == () and stands.failed == {"a": NO_ANSWER}
    services.rows["a"] = HostHealth(host="a", busy=True)
    assert services.work.standing(made("check"), ONE, claims("a", "b")).working == ("a",)
    services.rows["a"] = HostHealth(host="a", tried=T + 70, error="timed out")
    assert services.work.standing(made("check"), ONE, claims("a", "b")).failed == {"a": "timed out"}


def test_lists_are_renewed_and_the_security_updates_are_counted(services: Services) -> None:
    services.work.begin(made("security"), ONE, ("a",))
    assert services.asked == [("refresh", "a", True)]
    assert services.work.standing(made("security"), ONE, claims("a")).failed == {"a": NO_ANSWER}
    inventory = Inventory(host="a", manager="apt", taken=T + 61, changes=())
    services.inventories["a"] = HostUpdates(host="a", tried=T + 61, inventory=inventory)
    assert services.work.standing(made("security"), ONE, claims("a")).failed == {}
    assert services.work.ended(made("security"), ("a",), "x") == "0 security updates wait on 0 hosts"
    several = services.work.ended(made("security"), tuple("abcdefg"), "x")
    assert several == "0 security updates wait on 0 hosts, not known of b, c, d, e, f and 1 more"
    assert services.work.ended(made("updates-refresh"), ("a",), "x") == ""


def test_a_backup_is_queued_for_each_set_unless_there_is_a_newer_archive(services: Services) -> None:
    assert services.work.hosts(made("backup:models")) == ("a",)
    services.archives = {"config": T + 10}
    services.work.begin(made("backup:config"), ONE, ("a",))
    assert services.asked == []
    services.archives = {"config": T - 10}
    services.work.begin(made("backup:config"), ONE, ("a", "b"))
    assert services.asked == [("backup", host, "config", "vault", "schedule it") for host in "ab"]


def test_an_engine_that_may_change_nothing_backs_nothing_up(services: Services) -> None:
    services.read_only = True
    with pytest.raises(AskOperator, match="back up"):
        services.work.begin(made("backup:config"), ONE, ("a",))
    services.work.begin(made("drill:config"), ONE, ("a",))
    assert [each[0] for each in services.asked] == ["drill"]


def test_a_backup_that_waits_already_is_the_one_that_is_wanted(services: Services) -> None:
    services.busy = True
    services.work.begin(made("backup:config"), ONE, ("a",))
    assert services.asked == []


def test_how_backups_went_is_read_from_their_jobs(services: Services) -> None:
    job = Job(id="1", kind=JobKind.BACKUP, host="a", repository="vault/a", set="config", created=T + 61)
    services.jobs = [job]
    assert services.work.standing(made("backup:config"), ONE, claims("a")).working == ("a",)
    services.jobs = [Job(id="1", kind=JobKind.BACKUP, host="a", repository="vault/a", set="config", created=T + 61,
                         ended=T + 70, state=JobState.FAILED, text="disk full")]  # fmt: skip
    assert services.work.standing(made("backup:config"), ONE, claims("a")).failed == {"a": "config: disk full"}
    services.jobs = [Job(id="0", kind=JobKind.BACKUP, host="a", repository="vault/a", set="config", created=T - 900,
                         ended=T - 800, state=JobState.FAILED)]  # fmt: skip
    assert services.work.standing(made("backup:config"), ONE, claims("a")).failed == {}


def test_a_drill_is_queued_however_new_the_archives_are(services: Services) -> None:
    services.archives = {"config": T + 10}
    services.work.begin(made("drill:config"), ONE, ("b",))
    assert services.asked == [("drill", "b", "config", "vault", "schedule it")]


def test_a_plan_is_one_for_all_and_a_run_is_begun_by_its_name(services: Services) -> None:
    assert services.work.whole(made("updates-plan"), ("a", "b"), "x").endswith("for 0 of 2 hosts")
    assert services.work.hosts(made("run:monthly")) == ()
    assert services.work.whole(made("run:monthly"), (), "schedule it") == "run of monthly by schedule it"


def test_an_engine_without_runs_refuses_them() -> None:
    work = EngineWork(cast("Engine", Services()._engine()))
    with pytest.raises(BadInput, match="no maintenance runs"):
        work.whole(made("run:monthly"), (), "x")


def test_hosts_that_are_being_connected_are_not_yet_reachable(services: Services) -> None:
    assert services.work.reachable(("a", "b")) == {"a"}
    assert services.work.connecting(("a", "b")) and not services.work.connecting(("a",))


def test_a_host_that_a_maintenance_run_has_is_left_alone(services: Services) -> None:
    services.held = ["a"]
    assert services.work.reachable(("a", "b")) == set()
