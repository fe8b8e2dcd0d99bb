"""Facts out of a hello: what is of the right type is kept and cleaned, everything else stays unknown."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.hostkit.facts import driverless_gpus, gpu_vendors, host_facts
from backends.metrics.sample import HostFacts
from tests.unit.hostkit.hostile import assert_calm, junk, texts
from tests.unit.hostkit.lines import HELLO

VALUES: dict[str, Any] = HELLO[1]
names = st.one_of(st.sampled_from([*VALUES, "unheard_of"]), texts)


def test_a_hello_becomes_facts() -> None:
    facts = host_facts(VALUES)
    assert (facts.hostname, facts.kernel, facts.cpu_count) == ("gpu01", "6.8.0-45-generic", 2)
    assert facts.memory_total_bytes == 16 << 30


def test_nothing_known_is_nothing_said() -> None:
    assert host_facts({}) == HostFacts()


@pytest.mark.parametrize("value", [None, 7, ["x"], {"x": 1}, True])
def test_a_fact_of_the_wrong_type_stays_unknown_and_the_others_are_kept(value: object) -> None:
    facts = host_facts({**VALUES, "kernel": value})
    assert facts.kernel == ""
    assert facts.hostname == "gpu01"


@pytest.mark.parametrize("value", [0, -1, 2.0, True, "8", 1 << 21, None])
def test_a_number_of_processors_that_cannot_be_is_unknown(value: object) -> None:
    assert host_facts({"cpu_count": value}).cpu_count is None


@pytest.mark.parametrize(
    ("found", "vendors"),
    [
        (["nvidia"], ("nvidia",)),
        (["amd", "nvidia"], ("nvidia", "amd")),
        (["intel", 5, None, ["nvidia"]], ()),
        ("nvidia", ()),
        (None, ()),
    ],
)
def test_only_vendors_that_can_be_read_count(found: object, vendors: tuple[str, ...]) -> None:
    assert gpu_vendors({"gpus": found}) == vendors


@pytest.mark.parametrize(
    ("values", "lonely"),
    [
        ({"gpus": [], "nvidia_pci": 8}, 8),
        ({"gpus": ["nvidia"], "nvidia_pci": 8}, 0),
        ({"gpus": ["amd"], "nvidia_pci": 1}, 1),
        ({"nvidia_pci": -3}, 0),
        ({"nvidia_pci": "8"}, 0),
        ({}, 0),
    ],
)
def test_gpus_on_the_bus_without_a_driver_are_counted(values: dict[str, Any], lonely: int) -> None:
    assert driverless_gpus(values) == lonely


@given(st.dictionaries(names, junk, max_size=12))
def test_any_hello_gives_calm_facts(values: dict[str, Any]) -> None:
    assert_calm(host_facts(values))
    assert set(gpu_vendors(values)) <= {"nvidia", "amd"}
    assert 0 <= driverless_gpus(values) <= 1024
