"""Who loses the least work goes first, who is unwell last, and neighbours take turns."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from backends.maintenance.fleet import FleetHost
from backends.maintenance.order import ordered
from backends.states import HostState
from tests.unit.maintenance.planning import fleet, host


def test_idle_hosts_go_before_busy_ones_and_long_jobs_last() -> None:
    hosts = fleet(host("a", jobs=1, wait=86400.0), host("b", jobs=2, wait=300.0), host("c"), host("d", jobs=None))
    assert ordered(hosts, hosts) == ("c", "b", "a", "d")


def test_unhealthy_hosts_go_after_all_that_are_well_and_absent_ones_last() -> None:
    hosts = fleet(
        host("a", state=HostState.UNREACHABLE), host("b", alerts=1), host("c", ill=True), host("d", jobs=1, wait=1e6)
    )
    assert ordered(hosts, hosts) == ("d", "b", "c", "a")


def test_hosts_of_one_rack_take_turns_with_those_of_another() -> None:
    hosts = fleet(*(host(f"a{at}", parents=("rack1",)) for at in (1, 2, 3)), host("b1", parents=("rack2",)))
    assert ordered(hosts, hosts) == ("a1", "b1", "a2", "a3")


def test_names_are_counted_as_people_do() -> None:
    hosts = fleet(host("gpu10"), host("gpu2"), host("gpu1"))
    assert ordered(hosts, hosts) == ("gpu1", "gpu2", "gpu10")


_HOSTS = st.lists(
    st.builds(
        host,
        st.from_regex(r"[a-c][0-9]{1,2}", fullmatch=True),
        jobs=st.sampled_from([None, 0, 3]),
        wait=st.sampled_from([None, 0.0, 1000.0]),
        alerts=st.integers(0, 1),
        parents=st.sampled_from([(), ("r1",), ("r2",), ("r1", "s1")]),
    ),
    max_size=30,
)


@given(_HOSTS, st.randoms(use_true_random=False))
def test_everybody_once_and_always_in_the_same_order(hosts: list[FleetHost], random: Random) -> None:
    known = {each.host: each for each in hosts}
    names = list(known)
    random.shuffle(names)
    found = ordered(names, known)
    assert sorted(found) == sorted(known)
    assert found == ordered(sorted(names), known)
    health = [bool(known[name].alerts) for name in found]
    assert health == sorted(health)
