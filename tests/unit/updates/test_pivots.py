"""Pending updates from four sides; what is not known is never counted as none."""

from __future__ import annotations

import msgspec

from backends.updates import pivots
from backends.updates.extras_model import FirmwareUpdate, Outdated, PythonEnvironment, Vulnerability
from backends.updates.inventories import HostUpdates
from backends.updates.model import Caution, Change, Inventory, PackageClass, RebootNeed, ServiceNeed

LIBC = Change(
    name="libc6", installed="1", candidate="2", security=True, cves=("CVE-2026-1", "CVE-2026-2"), size_bytes=10
)
BASH = Change(name="bash", installed="1", candidate="2", security=False, size_bytes=5)
HELD = Change(name="linux", installed="1", candidate="2", security=False, held=True, package_class=PackageClass.KERNEL)


def state(host: str, *changes: Change, **more: object) -> HostUpdates:
    inventory = Inventory(host=host, manager="apt", changes=changes, taken=5.0)
    return HostUpdates(host=host, inventory=msgspec.structs.replace(inventory, **more))


def test_a_host_in_numbers_held_ones_apart() -> None:
    row = pivots.summary(
        state("a", LIBC, BASH, HELD, reboot=RebootNeed(needed=True), services=(ServiceNeed(unit="x"),))
    )
    assert (row.pending, row.security, row.held, row.download_bytes) == (2, 1, 1, 15)
    assert (row.reboot, row.services) == (True, 1)


def test_what_was_never_asked_has_no_numbers() -> None:
    row = pivots.summary(HostUpdates(host="a", error="not connected", hint="wait"))
    assert (row.pending, row.security, row.held, row.download_bytes, row.reboot) == (None,) * 5
    assert row.problems == ("not connected",)


def test_firmware_and_python_packages_are_counted_only_where_all_of_them_are_known() -> None:
    device = FirmwareUpdate(device="0" * 40, name="BIOS")
    flaws = tuple(Vulnerability(package="idna", installed="3.4", id=each) for each in ("GHSA-1", "GHSA-2"))
    known = PythonEnvironment(
        path="/a", packages=9, outdated=(Outdated(name="idna", installed="3.4", candidate="3.7"),), vulnerable=flaws
    )
    row = pivots.summary(state("a", firmware=(device,), python=(known,)))
    assert (row.firmware, row.python_environments, row.python_outdated, row.python_vulnerable) == (1, 1, 1, 1)
    row = pivots.summary(state("a", firmware=(), python=(known, PythonEnvironment(path="/b"))))
    assert (row.firmware, row.python_environments, row.python_outdated, row.python_vulnerable) == (0, 2, None, None)
    row = pivots.summary(state("a"))
    assert (row.firmware, row.python_environments, row.python_outdated) == (None, 0, None)


def test_sources_that_do_not_tell_security_give_unknown_not_zero() -> None:
    assert pivots.summary(state("a", BASH, security_known=False)).security is None


def test_an_unknown_size_makes_the_sum_unknown() -> None:
    assert pivots.summary(state("a", LIBC, Change(name="x", candidate="1"))).download_bytes is None


def test_a_blocking_warning_and_dead_mirrors_stand_with_the_host() -> None:
    blocked = state("a", LIBC, warnings=(Caution(kind="dirty-dpkg", text="dpkg was interrupted", blocks=True),))
    row = pivots.summary(msgspec.structs.replace(blocked, problems=("mirror x is dead",)))
    assert row.problems == ("mirror x is dead", "dpkg was interrupted")


def test_hosts_with_the_same_changes_are_one_set_and_up_to_date_ones_none() -> None:
    groups = pivots.sets(
        [state("a", LIBC, BASH), state("b"), state("c", BASH, LIBC), state("d", LIBC), HostUpdates(host="e")]
    )
    assert [(group.hosts, len(group.changes)) for group in groups] == [(("a", "c"), 2), (("d",), 1)]


def test_a_blocked_host_is_a_set_of_its_own_and_other_warnings_are_those_of_all() -> None:
    blocked = Caution(kind="dirty-dpkg", text="dpkg was interrupted", blocks=True)
    old, held = Caution(kind="stale-lists", text="old lists"), Caution(kind="held", text="held: x")
    groups = pivots.sets(
        [
            state("a", LIBC, warnings=(old,)),
            state("b", LIBC, warnings=(blocked,)),
            state("c", LIBC, warnings=(old, held)),
        ]
    )
    assert [(group.hosts, group.warnings) for group in groups] == [(("a", "c"), (old, held)), (("b",), (blocked,))]


def test_packages_over_the_fleet_security_first() -> None:
    newer = msgspec.structs.replace(BASH, candidate="3")
    rows = pivots.packages(pivots.sets([state("a", BASH), state("b", newer), state("c", LIBC)]))
    assert [(row.name, row.hosts, row.candidates) for row in rows] == [
        ("libc6", ("c",), ("2",)),
        ("bash", ("a", "b"), ("2", "3")),
    ]


def test_a_package_that_is_a_fix_somewhere_is_a_fix_and_unknown_elsewhere_is_not_no() -> None:
    unknown = msgspec.structs.replace(BASH, security=None)
    (row,) = pivots.packages(pivots.sets([state("a", BASH), state("b", unknown)]))
    assert row.security is None
    fix = msgspec.structs.replace(BASH, security=True)
    (row,) = pivots.packages(pivots.sets([state("a", fix), state("b", unknown)]))
    assert row.security is True


def test_a_cve_names_the_hosts_where_the_fix_is_not_applied() -> None:
    rows = pivots.cves(pivots.sets([state("a", LIBC), state("b", LIBC, BASH)]))
    assert [(row.cve, row.packages, set(row.hosts)) for row in rows] == [
        ("CVE-2026-1", ("libc6",), {"a", "b"}),
        ("CVE-2026-2", ("libc6",), {"a", "b"}),
    ]


def test_what_the_package_manager_keeps_back_does_not_wait_to_be_applied() -> None:
    phased = Change(name="snapd", installed="1", candidate="2", security=False, kept_back="phased")
    row = pivots.summary(state("a", BASH, phased, HELD))
    assert (row.pending, row.kept_back, row.held) == (1, 1, 1)
