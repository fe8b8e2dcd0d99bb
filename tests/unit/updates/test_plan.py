"""A plan is a contract: grouped, hashed, compared, and refused when somebody touched it."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.errors import BadInput
from backends.updates import plan as plans
from backends.updates.model import Caution, Change, HostPlan, Plan, Selection

LIBC = Change(name="libc6", installed="2.36-9", candidate="2.36-9+deb12u9", security=True)
BASH = Change(name="bash", installed="5.2-1", candidate="5.2-2")


def host_plan(name: str, *changes: Change, **more: object) -> HostPlan:
    arguments = tuple(f"{change.name}={change.candidate}" for change in changes)
    plan = HostPlan(host=name, manager="apt", changes=changes, arguments=arguments, command=("apt-get", *arguments))
    return msgspec.structs.replace(plan, **more)


def plan_of(*hosts: HostPlan) -> Plan:
    return plans.build("p1", 1_800_000_000.0, "anna", Selection(), hosts)


def test_hosts_with_the_same_changes_stand_in_one_group_the_largest_first() -> None:
    plan = plan_of(host_plan("a3", LIBC), host_plan("a1", LIBC, BASH), host_plan("a2", BASH, LIBC), host_plan("a4"))
    assert [(group.hosts, len(group.changes)) for group in plans.groups(plan)] == [(("a1", "a2"), 2), (("a3",), 1)]


def test_other_versions_or_another_package_manager_are_another_group() -> None:
    newer = msgspec.structs.replace(LIBC, candidate="2.36-9+deb12u10")
    plan = plan_of(host_plan("a", LIBC), host_plan("b", newer), host_plan("c", LIBC, manager="dnf"))
    assert [group.hosts for group in plans.groups(plan)] == [("a",), ("b",), ("c",)]


def test_a_host_that_cannot_be_planned_is_in_no_group() -> None:
    assert plans.groups(plan_of(host_plan("a", LIBC, error="dead mirror"))) == ()


def test_a_reboot_that_is_not_known_of_every_host_is_unknown_never_no() -> None:
    def reboot(*known: bool | None) -> bool | None:
        hosts = [host_plan(f"h{number}", LIBC, reboot=value) for number, value in enumerate(known)]
        return plans.groups(plan_of(*hosts))[0].reboot

    assert (reboot(False, False), reboot(False, None), reboot(None, True)) == (False, None, True)


def test_the_hash_names_what_is_done_where_and_not_who_asked_or_when() -> None:
    hosts = (host_plan("a", LIBC), host_plan("b", LIBC))
    plan = plan_of(*hosts)
    assert plans.build("p2", 5.0, "berta", Selection(), reversed(hosts)).hash == plan.hash
    assert plan_of(host_plan("a", LIBC)).hash != plan.hash
    assert plan_of(host_plan("a", LIBC, command=("apt-get", "-y", "remove", "x")), hosts[1]).hash != plan.hash


def test_a_plan_comes_back_from_its_file_as_it_was() -> None:
    plan = plan_of(host_plan("a", LIBC, BASH, warnings=(Caution(kind="held", text="linux is held"),)))
    assert plans.decode(plans.encode(plan), "p1.json") == plan


def test_a_plan_that_was_edited_is_refused() -> None:
    data = plans.encode(plan_of(host_plan("a", LIBC))).replace(b"deb12u9", b"deb12u8")
    with pytest.raises(BadInput, match="changed after it was made"):
        plans.decode(data, "p1.json")


@given(st.binary(max_size=200))
def test_anything_else_is_refused_with_its_place(data: bytes) -> None:
    with pytest.raises(BadInput, match=r"p1\.json"):
        plans.decode(data, "p1.json")


def test_a_plan_of_another_format_is_refused_and_never_guessed_at() -> None:
    data = plans.encode(plan_of(host_plan("a", LIBC))).replace(b'"format": 1', b'"format": 9')
    with pytest.raises(BadInput, match="format 9"):
        plans.decode(data, "p1.json")


def test_the_same_simulation_again_is_no_difference() -> None:
    assert not plans.difference(host_plan("a", LIBC, BASH), host_plan("a", BASH, LIBC))


def test_what_came_went_or_moved_since_the_plan_is_told_by_name() -> None:
    newer = msgspec.structs.replace(LIBC, candidate="2.36-9+deb12u10")
    vim = Change(name="vim", installed="9.0", candidate="9.1")
    found = plans.difference(host_plan("a", LIBC, BASH), host_plan("a", newer, vim))
    assert found.sentence() == (
        "1 more (vim), 1 gone (bash), 1 other version (libc6 2.36-9+deb12u10 instead of 2.36-9+deb12u9)"
    )


def test_a_removal_instead_of_an_upgrade_is_a_difference() -> None:
    gone = msgspec.structs.replace(BASH, kind="remove", candidate="")
    assert "bash removed instead of 5.2-2" in plans.difference(host_plan("a", BASH), host_plan("a", gone)).sentence()


def test_a_new_error_or_a_blocking_warning_refuses_as_well() -> None:
    full = Caution(kind="boot-space", text="/boot is full", blocks=True)
    assert plans.difference(host_plan("a", LIBC), host_plan("a", LIBC, warnings=(full,))).sentence() == "/boot is full"
    assert plans.difference(host_plan("a", LIBC), host_plan("a", LIBC, error="dead mirror"))


def test_long_lists_are_cut_but_counted() -> None:
    many = [Change(name=f"p{number}", installed="1", candidate="2") for number in range(20)]
    sentence = plans.difference(host_plan("a"), host_plan("a", *many)).sentence()
    assert sentence.startswith("20 more (p0, ") and sentence.endswith("… 14 more)")
