"""Like against like: who differs, and by how much; over a host and over a group."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from backends.checks.health_look import Look
from backends.checks.health_peers import group, inside, interfaces
from backends.hostkit.health_model import IbDevice, IbPortFacts, NicFacts
from backends.metrics.sample import Gpu, GpuStatus, HostFacts
from tests.unit.checks.health_cases import facts, gpu, look, said, sample, worst


def eight(**odd: Any) -> list[Gpu]:
    return [gpu(n, **(odd if n == 3 else {})) for n in range(8)]


@pytest.mark.parametrize(
    ("odd", "words"),
    [
        ({"sm_clock_mhz": 1700.0}, "SM clock 1700 MHz, peers 1900 (-11%)"),
        ({"power_watts": 700.0}, "power 700 W, peers 600 (+17%)"),
        ({"temperature_celsius": 69.0}, "temperature 69 °C, peers 60 (+15%)"),
        ({"pcie_width": 8}, "PCIe width 8 lanes, peers 16 (-50%)"),
        ({"power_limit_watts": 500.0}, "power limit 500 W, peers 700 (-29%)"),
    ],
)
def test_the_outlier_is_named_with_its_numbers(odd: dict[str, Any], words: str) -> None:
    found = list(inside(look(*eight(**odd))))
    assert [(finding.object, finding.evidence) for finding in found] == [("GPU-3", (words,))]


@pytest.mark.parametrize(
    "odd",
    [
        {"sm_clock_mhz": 1720.0},
        {"sm_clock_mhz": 2200.0},
        {"temperature_celsius": 45.0},
        {"sm_clock_mhz": 300.0, "utilisation_percent": 0.0},
        {"sm_clock_mhz": 1700.0, "utilisation_percent": 60.0},
        {"sm_clock_mhz": 1700.0, "name": "NVIDIA A100"},
        {"sm_clock_mhz": None},
    ],
)
def test_what_is_within_ten_per_cent_or_does_something_else_is_no_outlier(odd: dict[str, Any]) -> None:
    assert worst(inside(look(*eight(**odd)))) == "ok"


def test_with_one_peer_nobody_knows_which_is_odd() -> None:
    assert not list(inside(look(gpu(0), gpu(1, sm_clock_mhz=900.0))))


def test_interfaces_of_one_kind() -> None:
    nics = tuple(
        NicFacts(name=f"eth{n}", state="up", driver="mlx5_core", mtu=9000, speed=100_000 if n else 25_000)
        for n in range(4)
    )
    port = IbPortFacts(port="1", state="4: ACTIVE", rate="400 Gb/sec (4X NDR)")
    slow = msgspec.structs.replace(port, rate="200 Gb/sec (4X HDR)")
    adapters = tuple(IbDevice(device=f"mlx5_{n}", board="x", ports=(slow if n == 2 else port,)) for n in range(4))
    found = list(interfaces(look(facts=facts(nics=nics, infiniband=adapters))))
    assert [finding.object for finding in found] == ["eth0", "mlx5_2/1"]
    assert "200 Gb/sec" in found[1].text and "3 of 4 peers" in found[1].text


def member(name: str, driver: str = "570.1", kernel: str = "6.8.0", count: int = 2, **odd: Any) -> Look:
    status = GpuStatus(way="nvml", driver=driver)
    one = look(samples=(sample(*[gpu(n, uuid=f"{name}-{n}", **odd) for n in range(count)], gpu_status=status),))
    return msgspec.structs.replace(one, host=name, facts=None, identity=HostFacts(kernel=kernel))


def test_a_group_names_the_host_that_differs() -> None:
    found = group([member("a"), member("b"), member("c", driver="565.9"), member("d", kernel="6.5.0", count=1)])
    assert {host: [finding.object for finding in findings] for host, findings in found.items()} == {
        "a": [],
        "b": [],
        "c": ["driver"],
        "d": ["kernel", "GPU count"],
    }
    assert found["c"][0].text == "driver is 565.9, 3 of 4 peers is 570.1"


def test_a_group_compares_gpus_over_hosts() -> None:
    found = group([member("a"), member("b"), member("c", sm_clock_mhz=1200.0)])
    assert [finding.object for finding in found["c"]] == ["c-0", "c-1"]


def test_a_group_without_a_majority_says_nothing() -> None:
    assert not any(group([member("a", driver="1"), member("b", driver="2"), member("c", driver="3")]).values())


def test_a_group_compares_vbios() -> None:
    smi = facts(smi=said("smi-q-h100.txt"))
    hosts = [msgspec.structs.replace(member(name), facts=smi) for name in "abc"]
    other = smi.smi and msgspec.structs.replace(
        smi.smi, lines=tuple(x.replace("96.00.99", "96.00.61") for x in smi.smi.lines)
    )
    hosts.append(msgspec.structs.replace(member("d"), facts=msgspec.structs.replace(smi, smi=other)))
    assert [finding.object for finding in group(hosts)["d"]] == ["VBIOS"]


def test_half_is_no_majority() -> None:
    hosts = [member(name, driver=version) for name, version in (("a", "1"), ("b", "1"), ("c", "2"), ("d", "3"))]
    assert not any(group(hosts).values())
