"""Services get their new code: only those that may, each proven by its invocation, whatever happens in between."""

from __future__ import annotations

from pathlib import Path

import pytest

from backends.errors import BadInput, SkipHost
from backends.states import Severity
from backends.updates import restart
from backends.updates.needs import MANAGER
from backends.updates.restart import RestartRecord, Restarts, chosen, services, unit_name
from tests.unit.updates.fleet import BriefClock
from tests.unit.updates.restart_host import RestartHost, RestartJobs, Unit
from tests.unit.updates.test_runs import until


class Engine:
    """One life of an engine over the hosts and the records of `folder`."""

    def __init__(self, folder: Path, *hosts: RestartHost):
        self.hosts = {host.name: host for host in hosts}
        self.told: list[tuple[str, str, Severity]] = []
        self.bugs: list[Exception] = []
        self.done: list[str] = []
        self.clock = BriefClock()
        self.restarts = Restarts(
            folder,
            self.hosts.__getitem__,
            lambda name: self.hosts[name].facts(),
            lambda name: RestartJobs(self.hosts[name]),
            self.clock,
            tell=lambda kind, text, host, who, severity: self.told.append((host, f"{who}: {text}", severity)),
            on_bug=lambda host, error: self.bugs.append(error),
            on_done=self.done.append,
        )

    def ended(self) -> dict[str, RestartRecord]:
        until(lambda: not self.restarts.chores.busy())
        assert not self.bugs
        return {record.host: record for record in self.restarts.chores.newest(100)}


def test_without_names_only_what_may_be_restarted_without_asking_is(tmp_path: Path) -> None:
    host = RestartHost("a", ssh=Unit(), cron=Unit(), docker=Unit(), trainer=Unit())
    before = {name: unit.invocation for name, unit in host.units.items()}
    engine = Engine(tmp_path, host)
    engine.restarts.start(["a"], (), "anna")
    record = engine.ended()["a"]
    assert (record.stage, record.good, record.units) == ("done", True, ("cron.service", "ssh.service"))
    assert [(each.unit, each.good, each.text) for each in record.results] == [
        ("cron.service", True, "restarted, active"),
        ("ssh.service", True, "restarted, active"),
    ]
    changed = {name for name, unit in host.units.items() if unit.invocation != before[name]}
    assert changed == {"cron.service", "ssh.service"}
    assert host.forgotten == [record.id] and engine.done == ["a"]
    assert engine.told[0] == ("a", "anna: restart cron.service, ssh.service", Severity.OK)


def test_deferred_ones_are_restarted_when_they_are_named(tmp_path: Path) -> None:
    host = RestartHost("a", ssh=Unit(), docker=Unit())
    engine = Engine(tmp_path, host)
    engine.restarts.start(["a"], ("docker",), "anna")
    record = engine.ended()["a"]
    assert record.units == ("docker.service",) and record.good


def test_the_first_process_is_renewed_first_and_judged_by_its_command(tmp_path: Path) -> None:
    host = RestartHost("a", ssh=Unit())
    host.old = ("ssh.service", MANAGER)
    engine = Engine(tmp_path, host)
    engine.restarts.start(["a"], (), "anna")
    record = engine.ended()["a"]
    assert record.units == (MANAGER, "ssh.service") and record.good
    assert host.job is not None and host.job.steps[0].argv == ("systemctl", "daemon-reexec")


@pytest.mark.parametrize(
    ("unit", "says"),
    [
        (Unit(crashes=True), "crashes: systemd has started it 3 times since"),
        (Unit(fails=True), "systemctl restart ended with 1; it is failed"),
        (Unit(ignores=True), "was not restarted: it is the same run as before"),
    ],
)
def test_a_service_that_does_not_live_with_its_new_code_is_told_and_keeps_no_other_from_being_restarted(
    tmp_path: Path, unit: Unit, says: str
) -> None:
    host = RestartHost("a", cron=unit, ssh=Unit())
    engine = Engine(tmp_path, host)
    engine.restarts.start(["a"], (), "anna")
    record = engine.ended()["a"]
    assert (record.stage, record.good) == ("failed", False)
    assert record.text.startswith(f"cron.service {says}")
    assert [each.good for each in record.results] == [False, True]
    assert engine.told[-1][2] is Severity.WARNING


def test_a_unit_that_is_not_there_is_told(tmp_path: Path) -> None:
    engine = Engine(tmp_path, RestartHost("a"))
    engine.restarts.start(["a"], ("nope",), "anna")
    assert "nope.service there is no such unit" in engine.ended()["a"].text


def test_a_host_with_nothing_to_restart_is_left_alone(tmp_path: Path) -> None:
    host = RestartHost("a", docker=Unit())
    engine = Engine(tmp_path, host)
    engine.restarts.start(["a"], (), "anna")
    record = engine.ended()["a"]
    assert (record.stage, record.good, host.starts) == ("done", True, 0)
    assert engine.done == []


def test_where_nobody_could_look_nothing_is_guessed(tmp_path: Path) -> None:
    host = RestartHost("a", ssh=Unit())
    host.needrestart = None
    engine = Engine(tmp_path, host)
    engine.restarts.start(["a"], (), "anna")
    record = engine.ended()["a"]
    assert record.stage == "refused" and "stale: permission denied" in record.text
    assert host.starts == 0


def test_nothing_is_restarted_under_a_package_change(tmp_path: Path) -> None:
    host = RestartHost("a", ssh=Unit())
    host.updating = True
    engine = Engine(tmp_path, host)
    engine.restarts.start(["a"], (), "anna")
    assert "packages are being changed: update 3 packages" in engine.ended()["a"].text
    assert host.starts == 0


def test_a_host_that_somebody_else_holds_is_refused_with_who_it_is(tmp_path: Path) -> None:
    host = RestartHost("a", ssh=Unit())
    host.busy_with = "berta"
    engine = Engine(tmp_path, host)
    engine.restarts.start(["a"], (), "anna")
    record = engine.ended()["a"]
    assert record.stage == "refused" and "started by berta" in record.text


def test_a_lost_link_is_waited_for_and_nothing_is_started_twice(tmp_path: Path) -> None:
    host = RestartHost("a", ssh=Unit())
    host.reads_left = 10**9
    engine = Engine(tmp_path, host)
    engine.restarts.start(["a"], (), "anna")
    until(lambda: host.starts == 1)
    host.connected = False
    until(lambda: "waiting for the host" in engine.restarts.chores.newest(1)[0].text)
    host.connected, host.reads_left = True, 1
    assert engine.ended()["a"].good
    assert host.starts == 1


def test_the_next_engine_goes_on_where_this_one_ended(tmp_path: Path) -> None:
    host = RestartHost("a", ssh=Unit())
    host.reads_left = 10**9
    first = Engine(tmp_path, host)
    first.restarts.start(["a"], (), "anna")
    until(lambda: host.starts == 1)
    first.restarts.chores.stop()
    host.reads_left = 1
    second = Engine(tmp_path, host)
    second.restarts.chores.resume()
    assert second.ended()["a"].good and host.starts == 1


@pytest.mark.parametrize("word", ["", "-x", "a b", "ssh.service; reboot", "--force.service", "x\n.service", "a.device"])
def test_what_is_no_units_name_reaches_no_host(tmp_path: Path, word: str) -> None:
    engine = Engine(tmp_path, RestartHost("a"))
    with pytest.raises(BadInput):
        engine.restarts.start(["a"], (word,), "anna")
    assert engine.restarts.chores.newest(9) == ()


def test_names_are_completed_as_systemctl_does() -> None:
    assert [unit_name(word) for word in ("cron", "dbus.socket", MANAGER)] == ["cron.service", "dbus.socket", MANAGER]


def test_an_empty_list_counts_only_from_somebody_who_looked() -> None:
    host = RestartHost("a")
    assert services(host.facts(), 1.0).unknown == ""
    host.needrestart = None
    found = services(host.facts(), 1.0)
    assert (found.services, found.unknown) == ((), "stale: permission denied")
    with pytest.raises(SkipHost):
        chosen(found, ())
    assert chosen(found, ("cron",)) == ("cron.service",)


def test_a_job_has_a_bounded_number_of_steps() -> None:
    names = [f"u{number}" for number in range(restart.MOST_UNITS + 1)]
    with pytest.raises(BadInput, match="at most"):
        chosen(services(RestartHost("a").facts(), 1.0), names)
