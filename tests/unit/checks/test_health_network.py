"""Network checks N01–N10: ports with memory, counters between two looks."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.checks import health_infiniband as fabric
from backends.checks import health_network as network
from backends.checks.health_history import History, acknowledge, clear
from backends.checks.health_look import Expected, Look
from backends.hostkit.health_model import Gateway, IbDevice, IbPortFacts, NicFacts, PciDevice, Resolved, Said, Sockets
from backends.metrics.sample import InfinibandPort, Nic
from tests.unit.checks.health_cases import NOW, event, facts, look, said, sample, samples, told, worst

OK, WARN, CRIT, UNKNOWN = "ok", "warning", "critical", "unknown"


def port(up: bool = True, name: str = "mlx5_0/1", **fields: Any) -> InfinibandPort:
    state, physical = ("ACTIVE", "LinkUp") if up else ("DOWN", "Polling")
    values = {
        "rate_bits_per_second": 4e11,
        "link_downed": 0,
        "symbol_errors": 0,
        "receive_errors": 0,
        "link_error_recovery": 0,
    }
    return InfinibandPort(name=name, state=state, physical_state=physical, **{**values, **fields})


def watched(*ups: bool, step: float = 30.0, history: History | None = None) -> History:
    """The history after looks at one port, the last of them now."""
    found = history or History()
    for n, up in enumerate(ups):
        found = fabric.watch(found, [port(up)], NOW - step * (len(ups) - 1 - n))
    return found


def seen(history: History, up: bool = True, now: float = NOW, **fields: Any) -> Look:
    return look(samples=(sample(infiniband=(port(up),)),), history=history, now=now, **fields)


@pytest.mark.parametrize(
    ("ports", "expected", "severity"),
    [
        ([port()], Expected(infiniband_ports=1), OK),
        ([port(False)], Expected(infiniband_ports=1), CRIT),
        ([], Expected(infiniband_ports=8), CRIT),
        ([port(rate_bits_per_second=2e11)], Expected(infiniband_bits_per_second=4e11), CRIT),
        ([port(False)], Expected(), OK),
    ],
)
def test_n01_ports_against_the_inventory(ports: list[InfinibandPort], expected: Expected, severity: str) -> None:
    assert worst(fabric.ports(look(samples=(sample(infiniband=tuple(ports)),), expected=expected))) == severity


@pytest.mark.parametrize(("looks", "severity"), [(8, OK), (9, CRIT)])
def test_n02_a_drop_is_four_minutes_long(looks: int, severity: str) -> None:
    assert worst(fabric.drops(seen(watched(True, *[False] * looks), up=False))) == severity


@pytest.mark.parametrize(("after", "severity"), [(599.0, WARN), (601.0, OK)])
def test_n02_it_is_told_for_ten_minutes_more(after: float, severity: str) -> None:
    history = watched(True, *[False] * 10, True)
    assert worst(fabric.drops(seen(history, now=NOW - 30.0 + after))) == severity


def test_n02_a_port_without_a_cable_is_no_drop() -> None:
    assert not list(fabric.drops(seen(watched(*[False] * 20), up=False)))


@pytest.mark.parametrize(("flaps", "severity"), [(2, OK), (3, WARN), (4, WARN), (5, CRIT)])
def test_n03_a_port_that_comes_and_goes(flaps: int, severity: str) -> None:
    assert worst(fabric.flaps(seen(watched(True, *[False, True] * flaps)))) == severity


def test_n03_short_dips_are_none() -> None:
    assert worst(fabric.flaps(seen(watched(True, *[False, True] * 9, step=20.0)))) == OK


def test_n03_it_sticks_until_it_is_acknowledged() -> None:
    history = watched(True, *[False, True] * 3)
    assert worst(fabric.flaps(seen(history, now=NOW + 30 * 86400))) == WARN
    acked = acknowledge(history, "N03", "mlx5_0/1", "anna", NOW + 1)
    assert worst(fabric.flaps(seen(acked, now=NOW + 2))) == OK
    again = fabric.watch(fabric.watch(acked, [port(False)], NOW + 100), [port()], NOW + 200)
    assert worst(fabric.flaps(seen(again, now=NOW + 300))) == OK, "one flap after that is one"


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.floats(0.1, 400)), max_size=40))
def test_n03_flaps_are_counted_as_written(looks: list[tuple[bool, float]]) -> None:
    """Down for 25 s or longer and then up again, by the looks that were had."""
    history, now, down, expected = History(), NOW, None, 0
    for up, seconds in looks:
        now += seconds
        history = fabric.watch(history, [port(up)], now)
        if not up:
            down = now if down is None else down
        elif down is not None:
            expected += now - down >= fabric.FLAP_SECONDS
            down = None
    assert len(history.ports["mlx5_0/1"].flaps if looks else ()) == min(expected, fabric.MOST_FLAPS)


@pytest.mark.parametrize(
    ("last", "severity"),
    [
        ({}, OK),
        ({"link_downed": 1}, CRIT),
        ({"symbol_errors": 4}, WARN),
        ({"link_downed": None}, UNKNOWN),
    ],
)
def test_n04_counters_that_rise(last: dict[str, Any], severity: str) -> None:
    rows = samples(lambda n: sample(infiniband=(port(**(last if n else {})),)), 2)
    assert worst(fabric.counters(look(samples=rows))) == severity


def test_n05_adapters_of_one_board_are_alike() -> None:
    def adapter(name: str, firmware: str, *keys: str) -> IbDevice:
        ports = (IbPortFacts(port="1", keys=keys),)
        return IbDevice(device=name, firmware=firmware, board="MT_0838", address=f"{name}.0", ports=ports)

    like = facts(infiniband=(adapter("a", "28.1", "0xffff"), adapter("b", "28.1", "0xffff")))
    odd = facts(
        infiniband=(adapter("a", "28.1", "0xffff"), adapter("b", "28.2", "0x8001")),
        pci=(PciDevice(address="a.0", read_request=512),),
    )
    assert told(fabric.adapters(look(facts=like))) == [(OK, "none")]
    assert [finding.object for finding in fabric.adapters(look(facts=odd))] == ["a", "firmware", "keys"]


def test_n06_the_log_of_the_adapters_until_it_is_settled() -> None:
    hot = event("mlx5", device="0000:05:00.0", text="mlx5_core 0000:05:00.0: High Temperature")
    assert worst(fabric.log(look(events=(hot,)))) == WARN
    assert not list(fabric.log(look(events=(hot,), history=clear(History(), "N06", "0000:05:00.0", NOW))))


@pytest.mark.parametrize(("degrees", "severity"), [("60.0", WARN), ("67.50", WARN), ("75.0", CRIT)])
def test_n07_optics(degrees: str, severity: str) -> None:
    """The alarm that is on warns by itself."""
    lines = tuple(line.replace("67.50", degrees) for line in said("optics.txt").lines)
    assert worst(fabric.optics(look(facts=facts(optics={"eth0": Said(status=0, lines=lines)})))) == severity


def nic(**fields: Any) -> NicFacts:
    values: dict[str, Any] = dict.fromkeys(
        (
            "rx_packets",
            "tx_packets",
            "rx_errors",
            "tx_errors",
            "rx_dropped",
            "tx_dropped",
            "rx_fifo_errors",
            "tx_fifo_errors",
        ),
        0,
    )
    return NicFacts(**{"name": "eth0", "state": "up", **values, **fields})


def between(old: Any, new: Any, field: str, seconds: float = 600.0) -> Look:
    return look(before=facts(at=NOW - seconds, **{field: old}), facts=facts(**{field: new}))


@pytest.mark.parametrize(
    ("fields", "severity"),
    [
        ({"rx_packets": 1000, "rx_errors": 10}, OK),
        ({"rx_packets": 1000, "rx_errors": 11}, WARN),
        ({"rx_packets": 10, "rx_errors": 4}, OK),
        ({"rx_packets": 1000, "rx_dropped": 21}, WARN),
        ({"rx_packets": 1000, "rx_fifo_errors": 1}, WARN),
        ({"rx_packets": None}, UNKNOWN),
    ],
)
def test_n08_errors_and_drops(fields: dict[str, Any], severity: str) -> None:
    assert worst(network.nics(between((nic(),), (nic(**fields),), "nics"))) == severity


def test_n08_a_link_that_is_full_for_a_minute() -> None:
    def full(share: float) -> Look:
        card = Nic(name="eth0", rx_bytes_per_second=share * 1.25e9, tx_bytes_per_second=0.0, speed_bits_per_second=1e10)
        return look(samples=samples(lambda n: sample(nics=(card,))), facts=facts(nics=(nic(),)))

    assert (worst(network.nics(full(0.95))), worst(network.nics(full(0.85)))) == (WARN, OK)


@pytest.mark.parametrize(("overflows", "severity"), [(500, OK), (601, WARN), (3100, CRIT)])
def test_n09_listen_queues(overflows: int, severity: str) -> None:
    old, new = (
        Sockets(listen_overflows=1, backlog_dropped=0),
        Sockets(listen_overflows=1 + overflows, backlog_dropped=0),
    )
    assert worst(network.sockets(between(old, new, "sockets"))) == severity


def test_n09_after_a_reboot_counters_are_not_compared() -> None:
    two = look(before=facts(at=NOW - 60, boot="x", sockets=Sockets(listen_overflows=0)), facts=facts(sockets=Sockets()))
    assert not list(network.sockets(two))


@pytest.mark.parametrize(("tracked", "severity"), [(79, OK), (80, WARN), (90, CRIT)])
def test_n10_connection_tracking(tracked: int, severity: str) -> None:
    assert worst(network.tracking(look(facts=facts(sockets=Sockets(tracked=tracked, tracked_max=100))))) == severity


@pytest.mark.parametrize(("states", "severity"), [(("up", "up"), OK), (("up", "down"), WARN), (("down", "down"), CRIT)])
def test_n10_bonds(states: tuple[str, str], severity: str) -> None:
    lines = ["MII Status: up"]
    for n, state in enumerate(states):
        lines += [f"Slave Interface: eth{n}", f"MII Status: {state}"]
    assert worst(network.bonds(look(facts=facts(bonds={"bond0": tuple(lines)})))) == severity


def test_n10_gateway_and_names() -> None:
    slow = {"a": Resolved(found=True, seconds=3.0), "b": Resolved(found=False), "c": Resolved(found=True)}
    missing = {"name d": "no answer within 4 s"}
    found = network.reach(
        look(facts=facts(gateway=Gateway(address="10.0.0.1", answers=False), names=slow, missing=missing))
    )
    assert [finding.severity.value for finding in found] == [WARN, WARN, WARN, OK, WARN]


@pytest.mark.parametrize(("seconds", "flaps"), [(24.9, 0), (25.0, 1)])
def test_n03_a_dip_of_25_seconds_is_a_flap(seconds: float, flaps: int) -> None:
    history = fabric.watch(fabric.watch(History(), [port(False)], NOW), [port()], NOW + seconds)
    assert len(history.ports["mlx5_0/1"].flaps) == flaps


def test_n07_an_alarm_counts_without_a_temperature() -> None:
    dark = Said(status=0, lines=("Laser rx power low alarm : On",))
    assert worst(fabric.optics(look(facts=facts(optics={"eth0": dark})))) == WARN


def test_n06_an_event_at_the_moment_of_settling_is_settled() -> None:
    hot = event("mlx5", ago=0.0, device="a", text="mlx5_core a: High Temperature")
    assert not list(fabric.log(look(events=(hot,), history=clear(History(), "N06", "a", NOW))))
