"""Clocks event reasons bit by bit, and the one worst thing about a GPU."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.metrics import throttle
from backends.metrics.sample import Gpu
from backends.metrics.throttle import decode, link_degraded, worst_flag
from backends.states import Severity

BITS = {
    0x1: ("idle", Severity.OK),
    0x2: ("app-clocks", Severity.OK),
    0x4: ("power-cap", Severity.OK),
    0x8: ("hw-slowdown", Severity.WARNING),
    0x10: ("sync-boost", Severity.OK),
    0x20: ("sw-thermal", Severity.WARNING),
    0x40: ("hw-thermal", Severity.CRITICAL),
    0x80: ("power-brake", Severity.CRITICAL),
    0x100: ("display", Severity.OK),
}
"""nvml.h, and which of them DCGM's diagnostics fail."""
masks = st.integers(0, (1 << 64) - 1)


def gpu(**fields: object) -> Gpu:
    return Gpu(index=0, **fields)  # type: ignore[arg-type]  # tests name fields


@pytest.mark.parametrize("bit", BITS)
def test_each_bit_has_its_word_and_its_weight(bit: int) -> None:
    (reason,) = decode(bit)
    assert (reason.bit, reason.name, reason.severity) == (bit, *BITS[bit])
    assert reason.meaning.endswith(".")


def test_a_mask_of_several_bits_is_all_of_them_worst_first() -> None:
    """As a hot H100 at its power limit says it: 0x6c."""
    assert [reason.name for reason in decode(0x6C)] == ["hw-thermal", "hw-slowdown", "sw-thermal", "power-cap"]


def test_no_bit_is_no_reason() -> None:
    assert decode(0) == ()
    assert decode(-1) == ()


def test_bits_that_no_driver_documents_are_told_together_and_last() -> None:
    names = [reason.name for reason in decode(0x1 | 0x4000 | 1 << 40)]
    assert names == ["idle", "unknown-0x10000004000"]
    assert decode(0x4000)[0].severity is Severity.UNKNOWN


@given(masks)
def test_no_bit_is_lost_and_none_is_invented(mask: int) -> None:
    total = 0
    for reason in decode(mask):
        assert total & reason.bit == 0
        total |= reason.bit
    assert total == mask


@given(masks)
def test_known_reasons_come_worst_first(mask: int) -> None:
    ranks = [reason.severity.rank for reason in decode(mask) if reason.severity is not Severity.UNKNOWN]
    assert ranks == sorted(ranks, reverse=True)


def test_what_is_harmless_and_what_slows_down_is_everything_known() -> None:
    assert sum(BITS) == throttle.HARMLESS | throttle.SLOWED
    assert throttle.HARMLESS & throttle.SLOWED == 0


# the worst thing


WORST_FIRST: list[tuple[str, dict[str, object]]] = [
    ("lost", {"lost": True}),
    ("ecc", {"ecc_uncorrected_volatile": 1}),
    ("remap", {"remap_failed": True}),
    ("nvlink", {"nvlinks_up": 17, "nvlinks_total": 18}),
    ("thermal", {"throttle_bits": 0x48}),
    ("pcie", {"pcie_width": 8, "pcie_width_max": 16}),
]


@pytest.mark.parametrize("place", range(len(WORST_FIRST)))
def test_the_worst_of_everything_that_is_wrong_is_shown(place: int) -> None:
    wrong: dict[str, object] = {}
    for _, fields in WORST_FIRST[place:]:
        wrong |= fields
    assert worst_flag(gpu(**wrong)) == WORST_FIRST[place][0]


def test_a_driver_that_does_not_answer_hides_all_but_a_lost_gpu() -> None:
    assert worst_flag(gpu(ecc_uncorrected_volatile=5), hung=True) == "hung"
    assert worst_flag(gpu(lost=True), hung=True) == "lost"


def test_a_healthy_gpu_has_no_flag_and_neither_has_one_that_tells_nothing() -> None:
    assert worst_flag(gpu()) == ""
    busy = gpu(utilisation_percent=100.0, throttle_bits=0x4, ecc_uncorrected_volatile=0, remapped_rows_uncorrected=2)
    assert worst_flag(busy) == ""


@pytest.mark.parametrize(
    "fields", [{"remap_failed": True}, {"remap_pending": True}, {"remapped_rows_uncorrected": 512}]
)
def test_row_remapping_that_needs_a_hand_is_flagged(fields: dict[str, object]) -> None:
    assert worst_flag(gpu(**fields)) == "remap"


def test_rows_remapped_below_the_limit_are_how_the_memory_heals_itself() -> None:
    assert worst_flag(gpu(remapped_rows_uncorrected=511, remap_failed=False)) == ""


@pytest.mark.parametrize(
    ("bits", "flag"),
    [
        (0x8, "hw-slow"),
        (0x48, "thermal"),
        (0x88, "power-brake"),
        (0xC8, "thermal"),
        (0x20, "thermal"),
        (0x28, "hw-slow"),
        (0xA0, "power-brake"),  # braking is critical, the driver's own thermal limit is a warning
        (0x80, "power-brake"),
        (0x157 & ~0xE8, ""),
        (-1, ""),
    ],
)
def test_a_slowdown_is_named_by_its_worst_cause(bits: int, flag: str) -> None:
    assert worst_flag(gpu(throttle_bits=bits)) == flag


@given(masks)
def test_only_bits_that_slow_down_make_a_flag(mask: int) -> None:
    assert (worst_flag(gpu(throttle_bits=mask)) == "") == (mask & throttle.SLOWED == 0)


@pytest.mark.parametrize(
    ("fields", "degraded"),
    [
        ({"pcie_width": 8, "pcie_width_max": 16}, True),
        ({"pcie_width": 16, "pcie_width_max": 16}, False),
        ({"pcie_generation": 1, "pcie_generation_max": 5}, False),  # nothing known of its work
        ({"pcie_generation": 1, "pcie_generation_max": 5, "utilisation_percent": 0.0}, False),
        ({"pcie_generation": 1, "pcie_generation_max": 5, "utilisation_percent": 9.9}, False),
        ({"pcie_generation": 4, "pcie_generation_max": 5, "utilisation_percent": 10.0}, True),
        ({"pcie_generation": 4, "pcie_generation_max": 5, "utilisation_percent": 50.0, "throttle_bits": 1}, False),
        ({"pcie_width": None, "pcie_width_max": 16}, False),
    ],
)
def test_a_link_is_degraded_when_it_is_narrow_or_slow_at_work(fields: dict[str, object], degraded: bool) -> None:
    assert link_degraded(gpu(**fields)) is degraded
