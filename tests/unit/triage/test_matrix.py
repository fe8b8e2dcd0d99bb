"""Several hosts × nine steps: the odd ones first."""

from __future__ import annotations

from backends.triage.matrix import matrix
from backends.triage.model import StepState
from tests.unit.triage.samples import bundle, output, section

FULL = {"space": "/dev/sda1 ext4 100 100 0 100% /\n"}


def test_the_host_that_is_unlike_the_others_comes_first() -> None:
    alike = [bundle({"boot": "reboot-required x\n"}, host=f"gpu{number:02d}") for number in range(5)]
    odd = bundle({"kernel.log": output("kernel-xid79.txt"), "boot": "reboot-required x\n"}, host="gpu99")
    found = matrix([*alike, odd])
    assert [row.host for row in found.rows] == ["gpu99", "gpu00", "gpu01", "gpu02", "gpu03", "gpu04"]
    assert found.rows[0].states[1] is StepState.FAIL
    assert found.rows[1].oddness < found.rows[0].oddness
    assert found.columns[:2] == (2, 9)
    assert set(found.columns) == set(range(1, 10))


def test_what_all_have_in_common_makes_nobody_odd() -> None:
    found = matrix([bundle(FULL, host=name) for name in "abc"])
    assert {row.oddness for row in found.rows} == {0.0}


def test_ill_hosts_come_before_a_well_one_even_where_most_are_ill() -> None:
    found = matrix([bundle(host="a"), *(bundle(FULL, host=name) for name in "bcd")])
    assert [row.host for row in found.rows] == ["b", "c", "d", "a"]
    assert 0 < found.rows[-1].oddness < found.rows[0].oddness


def test_a_stuck_step_is_odder_than_a_failed_one() -> None:
    hosts = [bundle(host="a"), bundle(FULL, host="b"), bundle({"space": section("space", kind="stuck")}, host="c")]
    assert [row.host for row in matrix(hosts).rows] == ["c", "b", "a"]


def test_hosts_that_gave_no_bundle_stand_before_all_with_the_reason() -> None:
    found = matrix([bundle(host="a")], {"z": "link lost"})
    assert [(row.host, row.reason) for row in found.rows] == [("z", "link lost"), ("a", "")]
    assert found.rows[0].states == (None,) * 9


def test_no_host_at_all_is_an_empty_matrix() -> None:
    assert matrix([]).rows == ()
