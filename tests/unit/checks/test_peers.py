"""One GPU of a job against the others: stragglers and imbalance."""

from __future__ import annotations

import pytest

from backends.metrics.throttle import SW_POWER_CAP
from tests.unit.checks.windows import Fields, kinds, teeth, the, training

SPINS: Fields = {"utilisation_percent": 100.0, "memory_utilisation_percent": 4.0, "power_watts": 280.0}


def test_a_gpu_with_a_lower_clock_holds_the_others_back() -> None:
    verdict = the(training(one=(2, {"sm_clock_mhz": 1700.0})), "straggler")
    assert verdict.text == "gpu 2 holds back the other 3"
    assert verdict.evidence == ("SM clock 1700 MHz, its peers 1980",)
    assert (verdict.confidence, verdict.next_step) == ("high", "nvidia-smi -q -d CLOCK,PERFORMANCE -i 2")


@pytest.mark.parametrize(
    "different",
    [
        {"sm_clock_mhz": 1800.0},
        {"sm_clock_mhz": 1500.0, "name": "another model"},
        {"sm_clock_mhz": lambda step: 300.0 if step == 5 else 1980.0},
    ],
    ids=["within 10 %", "another model", "for a moment"],
)
def test_a_clock_that_is_no_sign_of_a_straggler(different: Fields) -> None:
    assert "straggler" not in kinds(training(one=(2, different)))


def test_a_clock_is_not_compared_while_its_gpu_rests() -> None:
    window = training(one=(2, {"sm_clock_mhz": 345.0, "utilisation_percent": 20.0}))
    assert "straggler" not in kinds(window)


@pytest.mark.parametrize(("clock", "told"), [(1760.0, True), (1800.0, False)])
def test_a_tenth_off_the_peers_is_too_much(clock: float, told: bool) -> None:
    assert ("straggler" in kinds(training(one=(2, {"sm_clock_mhz": clock})))) is told


@pytest.mark.parametrize(("busy", "told"), [(52.0, True), (48.0, False)])
def test_clocks_count_while_a_gpu_is_used_by_half(busy: float, told: bool) -> None:
    window = training(one=(2, {"sm_clock_mhz": 1000.0, "utilisation_percent": busy}))
    assert ("straggler" in kinds(window)) is told


@pytest.mark.parametrize(("watts", "told"), [(340.0, True), (360.0, False)])
def test_peers_that_draw_half_of_their_limit_work(watts: float, told: bool) -> None:
    window = training(one=(1, {"power_watts": 650.0}), **(SPINS | {"power_watts": watts}))
    assert ("straggler" in kinds(window)) is told


def test_a_lower_clock_at_the_power_limit_is_a_weak_sign() -> None:
    verdict = the(training(one=(1, {"sm_clock_mhz": 1700.0, "throttle_bits": SW_POWER_CAP})), "straggler")
    assert verdict.confidence == "low"
    assert "at its power limit" in verdict.evidence[0]


@pytest.mark.parametrize("different", [{"pcie_width": 8}, {"pcie_generation": 4}])
def test_a_gpu_with_a_slower_link_holds_the_others_back(different: Fields) -> None:
    verdict = the(training(one=(3, different)), "straggler")
    assert verdict.text == "gpu 3 holds back the other 3"
    assert "50% less than its peers" in verdict.evidence[0]
    assert "pcie.link.gen.current" in verdict.next_step


def test_a_link_that_shifts_down_at_idle_is_no_straggler() -> None:
    window = training(one=(3, {"utilisation_percent": 20.0, "pcie_generation": 1}))
    assert "straggler" not in kinds(window)
    window = training(utilisation_percent=teeth(95.0, 60.0), one=(3, {"pcie_generation": teeth(5, 1)}))
    assert "straggler" not in kinds(window), "the fastest generation that was seen counts"


def test_the_gpu_that_works_while_the_others_spin_is_the_slow_one() -> None:
    verdict = the(training(one=(1, {"power_watts": 600.0}), **SPINS), "straggler")
    assert verdict.text == "gpu 1 holds back the other 3"
    assert verdict.evidence == ("draws 86% of its power limit, its peers 40% at full use",)
    assert verdict.confidence == "medium"


@pytest.mark.parametrize(
    ("one", "fields"),
    [
        ({"power_watts": 300.0}, {}),
        ({"power_watts": 600.0}, {"memory_utilisation_percent": 40.0}),
        ({"power_watts": 600.0}, {"utilisation_percent": 80.0}),
        ({"power_watts": 690.0}, {"power_watts": 500.0}),
    ],
    ids=["within 10 %", "the others work", "the others are not fully used", "the others draw much"],
)
def test_higher_power_alone_is_no_straggler(one: Fields, fields: Fields) -> None:
    assert "straggler" not in kinds(training(one=(1, one), **(SPINS | fields)))


def test_two_gpus_cannot_tell_which_one_is_waited_for() -> None:
    assert "straggler" not in kinds(training(gpus=2, one=(1, {"power_watts": 600.0}), **SPINS))


@pytest.mark.parametrize("field", ["sm_clock_mhz", "pcie_width", "pcie_generation", "power_watts"])
def test_peers_are_not_compared_without_the_number(field: str) -> None:
    told = the(training(one=(0, {field: None})), "unknown").text
    assert "straggler" in told
    assert field in told


def test_a_single_gpu_has_no_peers() -> None:
    assert kinds(training(gpus=1, sm_clock_mhz=1900.0)) == ["ok"]


def test_a_gpu_that_works_much_less_is_an_imbalance() -> None:
    verdict = the(training(one=(0, {"utilisation_percent": 40.0})), "imbalance")
    assert verdict.text == "gpu 0 works less than the other 3"
    assert verdict.evidence == ("gpu 0 40% used, the others 92%",)


def test_a_gpu_that_works_much_more_is_one_too() -> None:
    window = training(utilisation_percent=30.0, one=(0, {"utilisation_percent": 95.0}))
    assert the(window, "imbalance").text == "gpu 0 works more than the other 3"


@pytest.mark.parametrize("own", [79.0, 75.0, teeth(92.0, 60.0, period=2)], ids=["next bin", "less", "sometimes"])
def test_a_small_difference_is_no_imbalance(own: object) -> None:
    assert "imbalance" not in kinds(training(one=(0, {"utilisation_percent": own})))


@pytest.mark.parametrize(("own", "told"), [(71.0, True), (73.0, False)])
def test_twenty_points_apart_is_too_much(own: float, told: bool) -> None:
    assert ("imbalance" in kinds(training(one=(0, {"utilisation_percent": own})))) is told


@pytest.mark.parametrize(("samples", "told"), [(9, True), (7, False)])
def test_half_of_the_time_apart_is_too_much(samples: int, told: bool) -> None:
    window = training(one=(0, {"utilisation_percent": lambda step: 30.0 if step < samples else 92.0}))
    assert ("imbalance" in kinds(window)) is told


def test_the_same_saw_tooth_on_all_is_no_imbalance() -> None:
    assert "imbalance" not in kinds(training(utilisation_percent=teeth(95.0, 5.0)))


def test_no_balance_is_claimed_of_a_gpu_that_does_not_tell() -> None:
    window = training(one=(3, {"utilisation_percent": None}))
    assert kinds(window) == ["unknown"]
    assert "imbalance" in the(window, "unknown").text
