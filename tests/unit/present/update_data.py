"""Updates of a small fleet as the engine would report them, for every test of the Updates screen; nothing in it is random."""

from __future__ import annotations

from typing import Any

from backends.states import Severity
from backends.updates import pivots
from backends.updates import plan as plans
from backends.updates.classes import classify
from backends.updates.inventories import HostUpdates
from backends.updates.model import (
    Caution,
    Change,
    FamilyVersion,
    HistoryEntry,
    Holder,
    HostPlan,
    Inventory,
    Outcome,
    PackageResult,
    Plan,
    Progress,
    RebootNeed,
    Selection,
    ServiceNeed,
    Stage,
)
from backends.updates.runs import Board, BoardHost
from backends.updates.service import View

NOW = 1_800_000_000.0


def change(name: str, installed: str = "1.0-1", candidate: str = "1.0-2", **fields: Any) -> Change:
    """An upgrade that is no security fix."""
    values: dict[str, Any] = {"security": False, "size_bytes": 1 << 20, "package_class": classify(name)}
    return Change(name=name, installed=installed, candidate=candidate, **(values | fields))


LIBC = change("libc6", "2.36-9+deb12u9", "2.36-9+deb12u10", security=True, cves=("CVE-2026-1", "CVE-2026-2"))
SSH = change("openssh-server", "1:9.6p1-3ubuntu13.5", "1:9.6p1-3ubuntu13.8", security=True, cves=("CVE-2026-3",))
KERNEL = change("linux-image-6.8.0-49-generic", "", "6.8.0-49.49", kind="install", security=True)
VIM = change("vim", "2:9.1.0016-1", "2:9.1.0016-2")
DRIVER = change("nvidia-driver-550-server", "550.90.07-0u1", "550.127.05-0u1", held=True, kept_back="held")
PHASED = change("tzdata", kept_back="phased (20% of hosts so far)")
DIRTY = Caution(
    kind="dirty-dpkg",
    text="openssh-server is half-configured",
    severity=Severity.CRITICAL,
    blocks=True,
    repair="apt-configure",
)
OLD_LISTS = Caution(kind="stale-lists", text="the package lists are 19d old: refresh them first")


def inventory(host: str, *changes: Change, **fields: Any) -> Inventory:
    """What was found on a host ten minutes ago."""
    values: dict[str, Any] = {
        "system": "Ubuntu 24.04.1 LTS",
        "taken": NOW - 600.0,
        "lists_age_seconds": 9 * 3600.0,
        "holds": tuple(each.name for each in changes if each.held),
        "reboot": RebootNeed(needed=False, running_kernel="6.8.0-45-generic", source="needrestart"),
    }
    return Inventory(host=host, manager="apt", changes=changes, **(values | fields))


def known(host: str, *changes: Change, **fields: Any) -> HostUpdates:
    """A host that was asked."""
    return HostUpdates(host=host, inventory=inventory(host, *changes, **fields), tried=NOW - 600.0)


AWAY = HostUpdates(host="away1", error="not connected: timeout", hint="R on the Fleet screen tries again")
FAMILY = (
    FamilyVersion(part="loaded driver", version="550.90.07"),
    FamilyVersion(part="libraries", version="550.127.05"),
    FamilyVersion(part="NVML", reason="nvidia-smi gave none"),
)
NEEDY = known(
    "dgx4",
    DRIVER,
    SSH,
    reboot=RebootNeed(
        needed=True,
        reasons=("kernel 6.8.0-49-generic is installed, 6.8.0-45-generic runs",),
        running_kernel="6.8.0-45-generic",
        expected_kernel="6.8.0-49-generic",
        source="needrestart",
    ),
    services=(ServiceNeed(unit="ssh.service"), ServiceNeed(unit="dbus.service", deferred=True)),
    family=FAMILY,
    family_packages=("nvidia-driver-550-server",),
    warnings=(DIRTY, OLD_LISTS),
    missing={"fabric_manager": "nv-fabricmanager was not found"},
)


def states() -> tuple[HostUpdates, ...]:
    """Seven hosts: two alike, one to reboot, one blocked, one clean, one without security data, one away."""
    unknown = change("glibc", security=None)
    return (
        known("dgx1", LIBC, SSH, KERNEL, DRIVER, VIM),
        known("dgx2", LIBC, SSH, KERNEL, DRIVER, VIM),
        known("dgx3", VIM, PHASED, reboot=RebootNeed(needed=True)),
        NEEDY,
        known("web1"),
        known("rocky1", unknown, security_known=False),
        AWAY,
    )


def view(*given: HostUpdates, busy: int = 0, version: int = 1) -> View:
    """As `updates.view` answers."""
    found = given or states()
    return View(version=version, hosts=tuple(map(pivots.summary, found)), sets=pivots.sets(found), busy=busy)


def host_plan(host: str, *changes: Change, **fields: Any) -> HostPlan:
    """What would be done on a host."""
    arguments = tuple(f"{each.name}={each.candidate}" for each in changes)
    values: dict[str, Any] = {
        "arguments": arguments,
        "command": ("env", "LC_ALL=C.UTF-8", "apt-get", "-y", "install", *arguments),
        "download_bytes": sum(each.size_bytes or 0 for each in changes),
        "reboot": False,
    }
    return HostPlan(host=host, manager="apt", changes=changes, **(values | fields))


def plan(*hosts: HostPlan) -> Plan:
    """One plan of two alike hosts and one that cannot be planned, unless other hosts are given."""
    reboot: dict[str, Any] = {"reboot": True, "reboot_reasons": ("linux-image-6.8.0-49-generic (kernel)",)}
    made = hosts or (
        host_plan("dgx1", LIBC, KERNEL, left_out=(DRIVER,), warnings=(OLD_LISTS,), **reboot),
        host_plan("dgx2", LIBC, KERNEL, left_out=(DRIVER,), warnings=(OLD_LISTS,), **reboot),
        host_plan("dgx4", error="openssh-server is half-configured"),
        host_plan("web1"),
    )
    return plans.build("20270115-080000-abc123", NOW, "anna", Selection(), made)


def result(each: Change, outcome: str = "applied", **fields: Any) -> PackageResult:
    """What became of a change."""
    found = each.candidate if outcome == "applied" else each.installed
    values: dict[str, Any] = {"name": each.name, "planned": each.candidate, "found": found, "outcome": outcome}
    return PackageResult(**(values | fields))


def running(host: str, stage: Stage = Stage.APPLYING, **fields: Any) -> BoardHost:
    """A host at work."""
    values: dict[str, Any] = {"planned": 4, "done": 1, "current": "libc6"}
    text = fields.pop("text", "")
    progress = Progress(host=host, stage=stage, **(values | fields))
    return BoardHost(host=host, stage=stage, progress=progress, began=NOW - 30.0, text=text)


def ended(host: str, stage: Stage = Stage.DONE, *results: PackageResult, **fields: Any) -> BoardHost:
    """A host at its end."""
    outcome = Outcome(host=host, stage=stage, results=results or (result(LIBC), result(SSH)), **fields)
    progress = Progress(host=host, stage=stage, planned=len(outcome.results), done=outcome.applied)
    return BoardHost(host=host, stage=stage, progress=progress, outcome=outcome, began=NOW - 60.0, ended=NOW)


FAILED = ended(
    "dgx4",
    Stage.PARTIAL,
    result(LIBC),
    result(SSH, "half-configured", reason="half-configured"),
    problems=("openssh-server: the post-installation script failed",),
    leftovers=("/etc/ssh/sshd_config.dpkg-dist",),
    repairs=("apt-configure",),
)
LOCKED = running("dgx3", Stage.WAITING_FOR_LOCK, done=0, current="", holder=Holder(pid=2217, command="unattended-upgr"))


def board(*hosts: BoardHost, **fields: Any) -> Board:
    """One run; all kinds of hosts unless others are given."""
    shown = hosts or (ended("dgx1"), running("dgx2"), LOCKED, FAILED, running("dgx5", Stage.QUEUED, done=0, current=""))
    values: dict[str, Any] = {
        "id": "20270115-080100-def456",
        "title": "10 changes on 5 hosts",
        "plan_id": "20270115-080000-abc123",
        "plan_hash": "f" * 64,
        "who": "anna",
        "created": NOW - 60.0,
        "finished": all(host.ended is not None for host in shown),
        "version": 1,
        "hosts": shown,
    }
    return Board(**(values | fields))


ENTRY = HistoryEntry(
    host="dgx1",
    id="2027-01-14 03:10:44",
    time=NOW - 86_400.0,
    changes=(LIBC, SSH),
    actor="anna (1000)",
    ok=True,
    rollback=True,
)
