"""A dnf host through a real engine: security by advisory, the truth about a failed scriptlet, the way back by our own undo.

The host is a Debian with dnf, rpm and the lab's own repository (tests.lab.rpmrepo), which calls itself a Rocky Linux.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from subprocess import CompletedProcess

import pytest

from backends.states import HostState
from backends.updates.model import Caution, Change, HistoryEntry, Inventory, Plan, Selection, Stage
from backends.updates.runs import BoardHost
from swarm_tui.client import EngineClient
from tests.conftest import standing
from tests.e2e.enginerun import EngineRun
from tests.lab import faults, rpmrepo
from tests.lab.fleet import until, wait_until_answering
from tests.lab.host import LabHost

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1200)]

HOST = "lab1"
OLD, NEW = (f"{version}-{rpmrepo.RELEASE}" for version in rpmrepo.VERSIONS.values())
NAMES = [rpm.name for rpm in rpmrepo.lab_packages("v1") if rpm.name != rpmrepo.SHELL_OWNER]
CONF = "etc/labr.conf"
SECURITY = Selection(security_only=True)
EVERYTHING = Selection()
AT_FIRST = {name: [OLD] for name in NAMES}
HOLD = "/run/lab-hold"
"""As long as it is there, the slow package's scriptlet does not end."""
SLOW = f"%post\nwhile [ -e {HOLD} ]; do sleep 0.2; done"
BY_HAND = "by-hand"
"""The unit of a dnf that is not ours."""
RUN_SECONDS = 300.0
SOON_SECONDS = 120.0
"""For what a quiet machine does in a few seconds."""


@pytest.fixture(scope="module")
def place() -> Iterator[LabHost]:
    """A host with every package at its first version, which the second one waits for, and booted since."""
    with standing(1, layer="rpm") as lab:
        host = lab.host(HOST)
        rpmrepo.install(host.root)
        rpmrepo.build(host.root, "v2", [held(rpm) for rpm in rpmrepo.lab_packages("v2")])
        dnf(host, "install", rpmrepo.SHELL_OWNER, *(f"{name}-{OLD}" for name in NAMES))
        reboot(host)
        yield host


@pytest.fixture(scope="module")
def engine(place: LabHost, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineRun]:
    with EngineRun(tmp_path_factory.mktemp("engine"), "--config", str(place.ground.config)) as running:
        yield running.until_ready()


@pytest.fixture
def client(place: LabHost, engine: EngineRun) -> Iterator[EngineClient]:
    """A console's link to the engine; the host is live and as `place` says."""
    link = EngineClient.connect(engine.socket)
    try:
        assert until(lambda: [row.state for row in link.fleet_view(None).rows] == [HostState.UP], SOON_SECONDS)
        assert until(lambda: not link.updates.host(HOST).busy, RUN_SECONDS)  # the engine looks anew after every run
        as_before(place)
        yield link
    finally:
        link.close()


def inside(host: LabHost, *argv: str, seconds: float = 60.0) -> CompletedProcess[str]:
    """What `argv` did on the host; a failure fails the test."""
    done = host.inside(argv, timeout_seconds=seconds)
    assert done.returncode == 0, (argv, done.stdout, done.stderr)
    return done


def held(rpm: rpmrepo.Rpm) -> rpmrepo.Rpm:
    """The slow package waits for the test instead of twenty seconds."""
    return replace(rpm, sections=SLOW) if rpmrepo.SLOW in rpm.sections else rpm


def dnf(host: LabHost, *words: str) -> None:
    """dnf by hand, as root on the host."""
    inside(host, "dnf", "-y", "-q", *words, seconds=RUN_SECONDS)


def reboot(host: LabHost) -> None:
    before = host.boot_id()
    faults.reboot(host)
    assert until(lambda: host.boot_id() not in (None, before), SOON_SECONDS)
    wait_until_answering([host], SOON_SECONDS)
    host.settle()


def as_before(host: LabHost) -> None:
    """Every package at its first version again, the kernel without a new time of installation."""
    inside(host, "rm", "-f", HOLD, "/etc/dnf/plugins/versionlock.list")
    inside(host, "touch", "/etc/dnf/plugins/versionlock.list")
    others = [name for name in NAMES if name != "kernel"]
    dnf(host, "remove", f"kernel-{NEW}", *others)
    for path in host.root.glob(f"{CONF}*"):
        path.unlink()
    dnf(host, "install", *(f"{name}-{OLD}" for name in others))
    assert versions(host) == AT_FIRST


def versions(host: LabHost) -> dict[str, list[str]]:
    """What rpm itself has recorded: name → versions, oldest first."""
    text = inside(host, "rpm", "-qa", "--qf", "%{NAME} %{VERSION}-%{RELEASE}\n").stdout
    rows = sorted(line.split() for line in text.splitlines())
    return {name: [version for each, version in rows if each == name] for name in NAMES}


def inventory(client: EngineClient, *, lists: bool = False) -> Inventory:
    """Taken now."""
    client.updates.refresh(HOST, lists, wait_seconds=300)
    found = client.updates.host(HOST)
    assert (found.error, found.problems) == ("", ())
    assert found.inventory is not None
    return found.inventory


def planned(client: EngineClient, selection: Selection) -> Plan:
    """Of what stands there now."""
    inventory(client)
    plan = client.updates.plan(HOST, selection)
    assert [host.error for host in plan.hosts] == [""]
    return plan


def applied(client: EngineClient, plan: Plan) -> tuple[str, BoardHost]:
    """The run's id, and the host at its end."""
    board = client.updates.start(plan.id, plan.hash)
    assert until(lambda: client.updates.run(board.id).finished, RUN_SECONDS), client.updates.log(board.id, HOST)
    return board.id, client.updates.run(board.id).hosts[0]


def blocking(client: EngineClient) -> list[Caution]:
    """What forbids a change now."""
    return [each for each in inventory(client).warnings if each.blocks]


def scriptlet_runs(host: LabHost) -> bool:
    """Whether rpm is in the middle of a package's scriptlet."""
    return host.inside(["pgrep", "-f", "rpm-tmp"]).returncode == 0


def entry_of(client: EngineClient, run: str) -> HistoryEntry:
    """Our transaction in the host's own history."""
    [found] = [each for each in client.updates.history(HOST) if each.plan == run]
    return found


def moves(changes: Sequence[Change]) -> dict[str, tuple[str, str]]:
    return {each.name: (each.installed, each.candidate) for each in changes}


def test_security_is_told_by_advisory_with_its_cves(client: EngineClient) -> None:
    found = inventory(client, lists=True)
    assert (found.manager, found.system) == ("dnf", "Rocky Linux 9.4 (lab)")
    assert moves(found.changes) == dict.fromkeys(NAMES, (OLD, NEW))
    assert {each.name: (each.advisories, each.cves) for each in found.changes if each.security} == {
        "labr-lib": (("RLSA-2026:0001",), ("CVE-2026-0001", "CVE-2026-0002")),
        "kernel": (("RLSA-2026:0003",), ("CVE-2026-0003",)),
    }
    assert {each.security for each in found.changes if each.name not in ("labr-lib", "kernel")} == {False}
    assert "nothing provides labr-nothere >= 9" in next(c.kept_back for c in found.changes if c.name == "labr-needy")
    assert found.lists_age_seconds is not None and found.lists_age_seconds < 60  # nothing new was fetched, but asked
    assert found.reboot.needed is False
    [row] = client.updates.view().hosts or ()
    assert (row.security, row.reboot, row.problems) == (2, False, ())


def test_only_security_is_applied_and_our_own_transaction_undone(client: EngineClient, place: LabHost) -> None:
    plan = planned(client, SECURITY)
    assert moves(plan.hosts[0].changes) == dict.fromkeys(("kernel", "labr-lib"), (OLD, NEW))
    assert plan.hosts[0].reboot_reasons == ("kernel (kernel)",)
    run, host = applied(client, plan)
    assert host.outcome is not None
    assert (host.stage, host.outcome.problems) == (Stage.DONE, ())
    assert {each.name: each.outcome for each in host.outcome.results} == {"kernel": "applied", "labr-lib": "applied"}
    there = versions(place)
    assert (there.pop("kernel"), there.pop("labr-lib")) == ([OLD, NEW], [NEW])
    assert set(map(tuple, there.values())) == {(OLD,)}

    after = inventory(client)
    assert not any(each.security for each in after.changes)
    assert (after.reboot.needed, after.reboot.reasons) == (True, ("kernel",))
    assert after.reboot.source == "dnf needs-restarting"

    entry = entry_of(client, run)
    operator = client.updates.run(run).who  # to dnf a unit is nobody
    assert (entry.ok, entry.error, entry.actor) == (True, "", operator)
    assert moves(entry.changes) == {"kernel": ("", NEW), "labr-lib": (OLD, NEW)}
    back = client.updates.rollback(HOST, entry.id)
    assert back.hosts[0].command[-3:] == ("history", "undo", entry.id)
    assert {each.name: each.kind for each in back.hosts[0].changes} == {"kernel": "remove", "labr-lib": "downgrade"}
    _, host = applied(client, back)
    assert host.stage is Stage.DONE
    assert versions(place) == AT_FIRST
    assert inventory(client).reboot.needed is False


def test_a_failed_scriptlet_is_told_although_dnf_calls_it_success(client: EngineClient, place: LabHost) -> None:
    (place.root / CONF).write_text("setting=ours\n")
    plan = planned(client, EVERYTHING)
    assert "labr-needy" in {each.name for each in plan.hosts[0].left_out}
    assert {each.name for each in plan.hosts[0].changes} == {*NAMES} - {"labr-needy"}
    run, host = applied(client, plan)
    outcome = host.outcome
    assert outcome is not None
    assert (host.stage, outcome.exit_status) == (Stage.PARTIAL, 0)
    assert outcome.problems == ("labr-post: its %post scriptlet failed",)
    assert {each.name: each.outcome for each in outcome.results} == {
        **{each.name: "applied" for each in plan.hosts[0].changes},
        "labr-post": "half-configured",
    }
    assert outcome.leftovers == (f"/{CONF}.rpmnew",)
    assert "post fails on purpose" in client.updates.log(run, HOST)
    assert versions(place)["labr-post"] == [NEW]
    assert any("its %post scriptlet failed" in event.text for event in client.events(host=HOST))

    entry = entry_of(client, run)
    assert entry.ok is False
    assert "labr-post" in entry.error
    _, host = applied(client, client.updates.rollback(HOST, entry.id))
    assert host.outcome is not None
    assert (host.stage, host.outcome.problems) == (Stage.DONE, ())
    assert versions(place) == AT_FIRST
    assert (place.root / CONF).read_text() == "setting=ours\n"


def test_who_holds_the_package_manager_is_shown_and_waited_for(client: EngineClient, place: LabHost) -> None:
    plan = planned(client, SECURITY)
    inside(place, "touch", HOLD)
    inside(place, "systemd-run", "--quiet", f"--unit={BY_HAND}", "dnf", "-y", "upgrade", "labr-slow")
    assert until(lambda: scriptlet_runs(place), SOON_SECONDS)
    pid = inside(place, "systemctl", "show", "--value", "-p", "MainPID", BY_HAND).stdout.strip()
    told = [each.text for each in inventory(client).warnings if each.kind == "lock-held"]
    assert any(f"dnf (process {pid})" in text for text in told), told

    board = client.updates.start(plan.id, plan.hash)
    assert until(lambda: client.updates.run(board.id).hosts[0].stage is Stage.WAITING_FOR_LOCK, SOON_SECONDS)
    holder = client.updates.run(board.id).hosts[0].progress.holder
    assert holder is not None
    assert str(holder.pid) == pid
    inside(place, "rm", HOLD)
    assert until(lambda: client.updates.run(board.id).finished, RUN_SECONDS)
    assert client.updates.run(board.id).hosts[0].stage is Stage.DONE
    assert versions(place)["labr-lib"] == versions(place)["labr-slow"] == [NEW]


def test_an_interrupted_transaction_is_told_and_repaired(client: EngineClient, place: LabHost) -> None:
    plan = planned(client, Selection(packages=("labr-slow",)))
    inside(place, "touch", HOLD)
    board = client.updates.start(plan.id, plan.hash)
    assert until(lambda: scriptlet_runs(place), SOON_SECONDS)
    inside(place, "pkill", "-KILL", "-x", "dnf")
    inside(place, "rm", HOLD)
    assert until(lambda: client.updates.run(board.id).finished, RUN_SECONDS)
    [host] = client.updates.run(board.id).hosts
    assert host.outcome is not None
    assert (host.stage, host.outcome.repairs) == (Stage.FAILED, ("dnf-duplicates",))
    assert versions(place)["labr-slow"] == [OLD, NEW]
    assert entry_of(client, board.id).error == "it did not come to its end"
    assert ("duplicates", "dnf-duplicates") in {(each.kind, each.repair) for each in blocking(client)}
    assert "two versions of labr-slow" in client.updates.plan(HOST, EVERYTHING).hosts[0].error

    repair = client.updates.repair(HOST, "dnf-duplicates")
    assert until(lambda: client.updates.repaired(repair.run).state == "done", RUN_SECONDS)
    assert versions(place)["labr-slow"] == [NEW]
    assert blocking(client) == []


def test_a_held_package_stays_and_is_said_to(client: EngineClient, place: LabHost) -> None:
    assert client.updates.hold(HOST, ["labr-lib"], True) == {HOST: "held labr-lib"}
    plan = planned(client, SECURITY)
    assert moves(plan.hosts[0].changes) == {"kernel": (OLD, NEW)}
    assert [(each.name, each.held) for each in plan.hosts[0].left_out] == [("labr-lib", True)]
    assert "held, stays as it is: labr-lib (a security fix)" in {each.text for each in plan.hosts[0].warnings}
    assert client.updates.hold(HOST, ["labr-lib"], False) == {HOST: "released labr-lib"}
    assert "labr-lib" in moves(planned(client, SECURITY).hosts[0].changes)


def test_a_host_that_changed_since_its_approval_is_refused(client: EngineClient, place: LabHost) -> None:
    plan = planned(client, SECURITY)
    dnf(place, "upgrade", "labr-lib")
    _, host = applied(client, plan)
    assert host.stage is Stage.REFUSED
    assert "labr-lib" in host.text
    assert versions(place)["kernel"] == [OLD]
