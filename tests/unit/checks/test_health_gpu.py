"""GPU checks G01–G29 on both sides of each threshold."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.checks import health_gpu_driver as driver
from backends.checks import health_gpu_memory as memory
from backends.checks import health_gpu_pace as pace
from backends.checks import health_smi
from backends.checks.health_look import Expected
from backends.hostkit.health_model import Above, AccessControl, Driver, Extras, Holder, IbDevice, PciDevice, Said, Unit
from backends.metrics.sample import GpuStatus, HostFacts
from tests.unit.checks.health_cases import (
    FIRST,
    OUTPUTS,
    SECOND,
    event,
    facts,
    gpu,
    look,
    said,
    sample,
    samples,
    told,
    worst,
)

OK, WARN, CRIT, UNKNOWN = "ok", "warning", "critical", "unknown"
SMI = facts(smi=said("smi-q-h100.txt"))


def pci(kind: str = "display", maker: str = "nvidia", address: str = "0000:01:00.0", **fields: Any) -> PciDevice:
    return PciDevice(address=address, kind=kind, maker=maker, **fields)


def test_g01_says_what_the_driver_asks_for() -> None:
    found = list(driver.recovery(look(facts=SMI)))
    assert told(found) == [(OK, "none"), (CRIT, "reset GPU")]
    assert found[1].object == SECOND


@pytest.mark.parametrize(
    ("gpus", "bus", "expected", "verdict"),
    [
        ([gpu(0), gpu(1)], 2, 2, (OK, "none")),
        ([gpu(0), gpu(1)], None, None, (OK, "none")),
        ([gpu(0)], 2, None, (CRIT, "reboot")),
        ([gpu(0)], 1, 2, (CRIT, "reboot")),
        ([gpu(0), gpu(1, lost=True)], 2, 2, (CRIT, "reboot")),
        ([gpu(0), gpu(1)], 2, 1, (WARN, "none")),
    ],
)
def test_g02_counts(gpus: list[Any], bus: int | None, expected: int | None, verdict: tuple[str, str]) -> None:
    devices = None if bus is None else tuple(pci(address=f"0000:0{n}:00.0") for n in range(bus))
    found = driver.count(look(*gpus, facts=facts(pci=devices), expected=Expected(gpus=expected)))
    assert told(found)[0] == verdict


@pytest.mark.parametrize(
    ("smi", "status", "verdict"),
    [
        (Said(status=0), GpuStatus(way="nvml"), (OK, "none")),
        (Said(status=None, stuck="no answer within 25 s, state D"), GpuStatus(way="nvml"), (CRIT, "reboot")),
        (None, GpuStatus(way="nvml", hung=True), (CRIT, "reboot")),
        (Said(status=15), GpuStatus(way="nvml"), (CRIT, "reboot")),
        (Said(status=14), GpuStatus(way="nvml"), (CRIT, "hardware inspection")),
        (Said(status=77, lines=("odd",)), GpuStatus(way="nvml"), (CRIT, "none")),
    ],
)
def test_g03_a_driver_that_hangs_or_refuses(smi: Said | None, status: GpuStatus, verdict: tuple[str, str]) -> None:
    found = driver.reachable(look(samples=(sample(gpu(), gpu_status=status),), facts=facts(smi=smi)))
    assert told(found) == [verdict]


@pytest.mark.parametrize(
    ("module", "library", "manager", "severity"),
    [
        ("570.1.2", "570.1.2", "", OK),
        ("570.1.2", "575.3.4", "", CRIT),
        ("570.1.2", "570.1.2", "Fabric Manager version is : 570.1.2", OK),
        ("570.1.2", "570.1.2", "Fabric Manager version is : 565.0.1", CRIT),
        ("570.1.2", "", "", UNKNOWN),
    ],
)
def test_g04_versions_fit(module: str, library: str, manager: str, severity: str) -> None:
    spoken = Said(status=0, lines=(manager,)) if manager else None
    found = driver.versions(look(facts=facts(driver=Driver(module=module, library=library, fabric_manager=spoken))))
    assert worst(found) == severity


FLAGS = [
    (memory.remap_failed, {"remap_failed": True}, (CRIT, "hardware inspection")),
    (memory.remap_failed, {}, (OK, "none")),
    (memory.remap_failed, {"remap_failed": None}, (UNKNOWN, "none")),
    (memory.remap_pending, {"remap_pending": True}, (CRIT, "reset GPU")),
    (memory.remapped, {"remapped_rows_uncorrected": 511}, (OK, "none")),
    (memory.remapped, {"remapped_rows_uncorrected": 512}, (WARN, "hardware inspection")),
    (memory.uncorrected, {"ecc_uncorrected_volatile": 1}, (CRIT, "reset GPU")),
    (
        memory.uncorrected,
        {"ecc_uncorrected_volatile": None, "missing": {"ecc_uncorrected_volatile": "no permission"}},
        (UNKNOWN, "none"),
    ),
    (memory.corrected, {"ecc_corrected_volatile": 50_000_001}, (CRIT, "hardware inspection")),
    (pace.heat, {"temperature_margin_celsius": 10.0}, (WARN, "none")),
    (pace.heat, {"temperature_margin_celsius": 11.0}, (OK, "none")),
    (pace.heat, {"temperature_margin_celsius": -2.0, "temperature_celsius": 86.0}, (WARN, "none")),
    (pace.heat, {"temperature_celsius": 95.0}, (CRIT, "none")),
    (pace.heat, {"temperature_celsius": None}, (UNKNOWN, "none")),
    (pace.slowdown, {"throttle_bits": None}, (UNKNOWN, "none")),
    (pace.memory_heat, {"memory_temperature_celsius": 84.0}, (OK, "none")),
    (pace.memory_heat, {"memory_temperature_celsius": 85.0}, (WARN, "none")),
    (pace.memory_heat, {"memory_temperature_celsius": 95.0}, (CRIT, "none")),
    (pace.power, {"power_watts": None, "missing": {"power_watts": "unknown driver error"}}, (WARN, "none")),
    (pace.link, {"pcie_width": 8}, (WARN, "hardware inspection")),
    (pace.link, {"pcie_generation": 1}, (WARN, "hardware inspection")),
    (pace.link, {"pcie_generation": 1, "utilisation_percent": 0.0}, (OK, "none")),
    (pace.link, {"pcie_width": None}, (UNKNOWN, "none")),
    (pace.nvlink, {"nvlinks_up": 17}, (CRIT, "reset GPU")),
    (pace.nvlink, {}, (OK, "none")),
    (driver.persistence, {"persistence": False}, (WARN, "none")),
]


@pytest.mark.parametrize(("check", "fields", "verdict"), FLAGS)
def test_one_gpu_is_judged(check: Any, fields: dict[str, Any], verdict: tuple[str, str]) -> None:
    assert told(check(look(gpu(**fields)))) == [verdict]


def test_what_a_gpu_does_not_have_says_nothing() -> None:
    odd = gpu(
        remap_failed=None, power_watts=None, missing={"remap_failed": "not supported", "power_watts": "not supported"}
    )
    assert not list(memory.remap_failed(look(odd)))
    assert not list(pace.power(look(odd)))
    assert not list(pace.slowdown(look(gpu(vendor="amd", throttle_bits=None))))


def test_g03_nvidia_smi_on_a_host_without_gpus_is_no_fault() -> None:
    assert not list(driver.reachable(look(samples=(sample(),), facts=facts(smi=Said(status=9), pci=()))))
    lost = look(samples=(sample(),), facts=facts(smi=Said(status=9), pci=(pci(),)))
    assert told(driver.reachable(lost)) == [(CRIT, "reboot")]


@pytest.mark.parametrize(("text", "severity"), [("60 3", CRIT), ("10 3", OK)])
def test_g08_retired_pages(text: str, severity: str) -> None:
    single, double = text.split()
    lines = (OUTPUTS / "smi-q-v100.txt").read_text().replace(": 60", f": {single}").replace(": 3\n", f": {double}\n")
    assert worst(memory.retired(look(facts=facts(smi=Said(status=0, lines=tuple(lines.split("\n"))))))) == severity


def test_g10_sram_is_told_by_its_life_and_by_now() -> None:
    assert told(memory.static_memory(look(facts=SMI))) == [(OK, "none"), (CRIT, "hardware inspection")]


def test_g11_the_rate_warns_long_before_the_total() -> None:
    rising = samples(lambda n: sample(gpu(ecc_corrected_volatile=n * 5000)))
    assert told(memory.corrected(look(samples=rising))) == [(WARN, "hardware inspection")]


@pytest.mark.parametrize(
    ("bits", "share", "count", "verdict"),
    [
        (0x4, 1.0, 16, (OK, "none")),
        (0x20, 1.0, 16, (WARN, "none")),
        (0x48, 1.0, 16, (CRIT, "hardware inspection")),
        (0x80, 0.7, 16, (CRIT, "hardware inspection")),
        (0x40, 0.3, 16, (OK, "none")),
        (0x40, 1.0, 3, (UNKNOWN, "none")),
    ],
)
def test_g12_slowdown_is_judged_bit_by_bit_and_over_time(
    bits: int, share: float, count: int, verdict: tuple[str, str]
) -> None:
    rows = samples(lambda n: sample(gpu(throttle_bits=bits if n < share * count else 0)), count)
    assert told(pace.slowdown(look(samples=rows))) == [verdict]


def test_g13_time_slowed_down_survives_gaps() -> None:
    before = said("smi-q-h100.txt")
    lines = tuple(line.replace("1000000 us", "61000000 us") for line in before.lines)
    two = look(before=facts(at=1_799_999_400.0, smi=before), facts=facts(smi=Said(status=0, lines=lines)))
    found = list(pace.throttle_time(two))
    assert told(found) == [(WARN, "none"), (OK, "none")]
    assert found[0].value == pytest.approx(10.0)


def test_g17_a_crawl_in_p0_is_stuck() -> None:
    slow = samples(lambda n: sample(gpu(sm_clock_mhz=345.0)))
    idle = samples(lambda n: sample(gpu(sm_clock_mhz=345.0, utilisation_percent=0.0)))
    assert told(pace.stuck_clock(look(samples=slow))) == [(CRIT, "reset GPU")]
    assert not list(pace.stuck_clock(look(samples=idle)))


def test_g18_the_riser_counts_too() -> None:
    narrow = PciDevice(address="0000:01:00.0", above=Above(width_max=8))
    assert told(pace.link(look(gpu(pcie_width=8), facts=facts(pci=(narrow,))))) == [(OK, "none")]


@pytest.mark.parametrize(("per_minute", "severity"), [(31, OK), (32, WARN)])
def test_g19_replays_against_lane_and_generation(per_minute: int, severity: str) -> None:
    """PCIe 5 x16: 31 a minute."""
    rows = samples(lambda n: sample(gpu(pcie_replays=n * per_minute)))
    assert worst(pace.replays(look(samples=rows))) == severity


def test_g19_a_counter_that_was_set_back_is_unknown() -> None:
    rows = samples(lambda n: sample(gpu(pcie_replays=100 - n)))
    assert worst(pace.replays(look(samples=rows))) == UNKNOWN


def test_g20_nvidia_smi_tells_where_nvml_does_not() -> None:
    odd = gpu(uuid=FIRST, nvlinks_up=None, nvlinks_total=None)
    found = list(pace.nvlink(look(odd, facts=facts(nvlink=said("nvlink-s.txt")))))
    assert (found[0].severity.value, found[0].text) == (CRIT, "GPU 0: 1 of 2 NVLinks are down")


@pytest.mark.parametrize(
    ("change", "severity"),
    [("", OK), ("CRC Errors: 70", WARN), ("CRC Errors: 90000", CRIT), ("Replay Errors: 1", CRIT)],
)
def test_g21_errors_that_rose(change: str, severity: str) -> None:
    before = said("nvlink-e.txt")
    start = change.split(":")[0]
    lines = [
        f"{line.split(start)[0]}{change}" if start and start in line and "Link 0" in line else line
        for line in before.lines
    ]
    two = look(
        before=facts(at=1_799_999_400.0, nvlink_errors=before),
        facts=facts(nvlink_errors=Said(status=0, lines=tuple(lines))),
    )
    assert worst(pace.nvlink_errors(two)) == severity


@pytest.mark.parametrize(("active", "severity"), [("active", OK), ("failed", CRIT), (None, CRIT)])
def test_g22_switches_need_their_manager(active: str | None, severity: str) -> None:
    units = (Unit(unit="nvidia-fabricmanager.service", active=active),) if active else ()
    found = list(driver.fabric(look(facts=facts(pci=(pci("bridge"),), units=units))))
    assert found[0].severity.value == severity


def test_g22_a_gpu_that_is_not_in_the_fabric() -> None:
    assert told(driver.fabric(look(facts=SMI))) == [(OK, "none"), (CRIT, "restart app")]


@pytest.mark.parametrize(
    ("status", "text", "severity"), [(0, "Domain State: UP", OK), (0, "Domain State: DEGRADED", CRIT), (1, "", UNKNOWN)]
)
def test_g23_imex(status: int, text: str, severity: str) -> None:
    assert worst(driver.imex(look(facts=facts(imex=Said(status=status, lines=(text,)))))) == severity


def test_g25_peer_memory_matters_with_gpu_and_infiniband() -> None:
    adapters = (IbDevice(device="mlx5_0"),)
    assert worst(driver.peer_memory(look(gpu(), facts=facts(modules={}, infiniband=adapters)))) == WARN
    assert (
        worst(driver.peer_memory(look(gpu(), facts=facts(modules={"nvidia_peermem": ""}, infiniband=adapters)))) == OK
    )
    assert not list(driver.peer_memory(look(gpu(), facts=facts(modules={}))))
    invalid = look(gpu(), facts=facts(modules={"nvidia_peermem": ""}, infiniband=adapters), events=(event("peermem"),))
    assert told(driver.peer_memory(invalid)) == [(WARN, "restart app")]


@pytest.mark.parametrize(
    ("access", "virtual", "severity"),
    [
        (AccessControl(redirecting=("0000:00:01.0",)), "", WARN),
        (AccessControl(translation=("DMA",)), "", WARN),
        (AccessControl(unread=4), "", UNKNOWN),
        (AccessControl(translation=("identity",)), "", OK),
        (AccessControl(redirecting=("0000:00:01.0",)), "kvm", ""),
    ],
)
def test_g26_matters_on_bare_metal(access: AccessControl, virtual: str, severity: str) -> None:
    identity = HostFacts(virtualisation=virtual)
    found = driver.access_control(look(gpu(0), gpu(1), facts=facts(access_control=access), identity=identity))
    assert worst(found) == severity


def test_g28_what_is_set_up_badly_is_named() -> None:
    odd = facts(
        smi=said("smi-q-h100.txt"), extras=Extras(variables=("CUDA_PROFILE",)), modules={"nouveau": "", "nvidia": ""}
    )
    found = list(driver.setup(look(gpu(0), gpu(1, ecc_enabled=False), facts=odd)))
    assert [finding.object for finding in found] == ["ecc", f"{SECOND} ECC", "nouveau", "environment"]
    assert {finding.severity.value for finding in found} == {WARN}


@pytest.mark.parametrize(
    ("holders", "fields", "severity"),
    [
        ((Holder(pid=7, uuid="GPU-0", mebibytes=99, alive=False),), {}, WARN),
        ((Holder(pid=7, uuid="GPU-0", mebibytes=99),), {}, OK),
        ((), {}, WARN),
        ((), {"memory_used_bytes": 0, "utilisation_percent": 0.0}, OK),
    ],
)
def test_g29_memory_without_an_owner(holders: tuple[Holder, ...], fields: dict[str, Any], severity: str) -> None:
    assert worst(driver.held(look(gpu(**fields), facts=facts(holders=holders)))) == severity


@given(st.lists(st.text(max_size=60), max_size=20))
def test_any_output_of_nvidia_smi_is_read(lines: list[str]) -> None:
    text = ["GPU 00000000:18:00.0", *lines]
    health_smi.parse(text)
    health_smi.nvlink_errors(["GPU 0: x (UUID: GPU-1)", *lines])
    health_smi.inactive_links(["GPU 0: x (UUID: GPU-1)", *lines])
    odd = look(gpu(), facts=facts(smi=Said(status=0, lines=tuple(text)), nvlink=Said(status=0, lines=tuple(lines))))
    for check in (driver.recovery, driver.fabric, driver.setup, memory.static_memory, memory.retired, pace.nvlink):
        list(check(odd))


def test_g24_what_is_not_told_is_not_judged() -> None:
    assert not list(driver.persistence(look(gpu(persistence=None))))
    assert told(driver.persistence(look(gpu()))) == [(OK, "none")]


@pytest.mark.parametrize(("used", "severity"), [(20.0, OK), (21.0, WARN)])
def test_g29_work_without_a_process(used: float, severity: str) -> None:
    odd = gpu(memory_used_bytes=0, utilisation_percent=used)
    assert worst(driver.held(look(odd, facts=facts(holders=())))) == severity


def test_a_gpu_that_is_lost_is_not_told_once_more_for_its_power() -> None:
    lost = gpu(power_watts=None, lost=True, missing={"power_watts": "GPU is lost"})
    assert not list(pace.power(look(lost)))
