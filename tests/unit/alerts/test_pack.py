"""Every rule of the pack: what fires it and at which level, what lasts by hysteresis, what ends it, what is no data."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from backends.alerts.check_rules import CHECKS
from backends.alerts.model import Truth
from backends.alerts.pack import pack, rules
from backends.alerts.rules import judge
from backends.alerts.subjects import (
    NOT_HELD,
    Boot,
    Clock,
    Concern,
    Delivery,
    Expected,
    Held,
    KernelEvent,
    Look,
    Pending,
    Recent,
    StuckProcess,
    Subject,
    Trend,
)
from backends.metrics.sample import GpuStatus, Pressure, ProcessTable
from backends.metrics.throttle import HW_THERMAL, IDLE
from backends.states import HostState, Severity
from tests.unit.alerts.rule_subjects import (
    BUS,
    GIB,
    GRAVE,
    NOW,
    PACK,
    UUID,
    WARNED,
    WELL,
    cpu,
    disk,
    gpu,
    health,
    memory,
    mount,
    nic,
    on,
    port,
    read,
    sample,
    subject,
    told,
    used,
)

OK, WARNING, CRITICAL = Severity.OK, Severity.WARNING, Severity.CRITICAL
DAY = 86_400.0


class Case(NamedTuple):
    """One rule on one subject."""

    rule: str
    about: Subject
    severity: Severity
    """That it fires at; OK: it does not."""
    thing: str = ""
    held: Held = NOT_HELD


def _event(kind: str, **more: Any) -> KernelEvent:
    fields: dict[str, Any] = {"time": NOW - 30, "kind": kind, "text": f"a line about {kind}"}
    return KernelEvent(**fields | more)


def _events(*events: KernelEvent, **more: Any) -> Subject:
    return subject(events=events, **more)


def _xid(code: int, ago: float = 30.0, **more: Any) -> KernelEvent:
    text = f"NVRM: Xid (PCI:{BUS}): {code}, pid=1, name=python"
    fields: dict[str, Any] = {"time": NOW - ago, "kind": "xid", "code": code, "object": BUS, "text": text}
    return KernelEvent(**fields | more)


def _state(state: HostState, **more: Any) -> Subject:
    return subject(state=state, reason="because", **more)


def _stale(seconds: float) -> Subject:
    return subject(sample=sample(time=NOW - seconds))


def _busy(percent: float) -> Subject:
    return subject(sample=sample(gpus=()), recent={"cpu_busy_percent": percent})


def _space(percent: float, free: float) -> Subject:
    return on(filesystems=(mount(used_percent=percent, available_bytes=int(free * GIB)),))


def _trend(hours: float | None) -> Subject:
    seconds = hours * 3600 if hours is not None else None
    return subject(recent={"trends": {"/data": Trend(full_in_seconds=seconds, bytes_per_second=1e6)}})


def _gpu(**different: Any) -> Subject:
    return on(gpus=(gpu(**different),))


def _slowed(short: float, long: float, since: float = 7200) -> Subject:
    return subject(recent={"slowed": {UUID: (short, long)}, "slowed_from": NOW - since})


def _stuck(*names: str, checks: int = 5) -> Subject:
    stuck = tuple(StuckProcess(pid=index, name=name, checks=checks) for index, name in enumerate(names))
    return subject(health=health(stuck=stuck))


def _offset(seconds: float) -> Subject:
    return subject(health=health(clock=Clock(synchronised=True, offset_seconds=seconds)))


def _pending(**fields: Any) -> Subject:
    return subject(pending=Pending(**{"security": 0} | fields))


FIRES = [
    Case("host.down", _state(HostState.UNREACHABLE), CRITICAL),
    Case("host.down", _state(HostState.UNREACHABLE, misses=3), CRITICAL),
    Case("host.auth", _state(HostState.AUTH_FAILED), WARNING),
    Case("host.key", _state(HostState.HOST_KEY_CHANGED), CRITICAL),
    Case("host.key", _state(HostState.HOST_KEY_UNKNOWN), WARNING),
    Case("collector.stale", _stale(16), WARNING),
    Case("collector.stale", _stale(61), CRITICAL),
    Case("collector.stale", _state(HostState.NO_PYTHON), WARNING),
    Case("cpu.busy", _busy(86), WARNING),
    Case("cpu.busy", _busy(96), CRITICAL),
    Case("cpu.busy_gpu_node", subject(recent={"cpu_busy_percent": 96.0}), CRITICAL),
    Case("cpu.iowait", subject(recent={"iowait_percent": 41.0}), WARNING),
    Case("cpu.load", on(cpu=cpu(load_15=16.1)), WARNING),
    Case("cpu.steal", on(cpu=cpu(steal_percent=11.0)), WARNING),
    Case("memory.used", on(memory=used(91)), WARNING),
    Case("memory.used", on(memory=used(98.5)), CRITICAL),
    Case("memory.used", on(memory=memory(available_bytes=99 << 20)), CRITICAL),
    Case("memory.swap", on(memory=memory(swap_used_bytes=int(9.1 * GIB))), WARNING),
    Case("memory.swap", on(memory=memory(swap_used_bytes=int(9.9 * GIB))), CRITICAL),
    Case("memory.pressure", on(memory=memory(pressure=Pressure(some_avg60_percent=21.0))), WARNING),
    Case("memory.pressure", on(memory=memory(pressure=Pressure(some_avg60_percent=41.0))), CRITICAL),
    Case("process.zombies", on(processes=ProcessTable(zombies=1001)), WARNING),
    Case("process.zombies", on(processes=ProcessTable(zombies=2001)), CRITICAL),
    Case("disk.space", _space(91, 20), WARNING, "/data"),
    Case("disk.space", _space(98.5, 20), WARNING, "/data"),
    Case("disk.space", _space(98.5, 4), CRITICAL, "/data"),
    Case("disk.inodes", on(filesystems=(mount(inodes_used_percent=91.0),)), WARNING, "/data"),
    Case("disk.inodes", on(filesystems=(mount(inodes_used_percent=99.0),)), CRITICAL, "/data"),
    Case("disk.forecast", _trend(7.9), WARNING, "/data"),
    Case("disk.forecast", _trend(1.9), CRITICAL, "/data"),
    Case("disk.readonly", on(filesystems=(mount(read_only=True),)), CRITICAL, "/data"),
    Case("disk.latency", on(disks=(disk(latency_seconds=0.2, busy_percent=99.0),)), WARNING, "sda"),
    Case("disk.array", subject(health=health(arrays={"md0": "degraded [U_]"})), CRITICAL, "md0"),
    Case("disk.smart", subject(health=health(disks={"sda": "critical warning 1"})), CRITICAL, "sda"),
    Case("net.use", on(nics=(nic(rx_bytes_per_second=0.91e9),)), WARNING, "eth0"),
    Case("net.drops", subject(recent={"drops_percent": {"eth0": 2.0}}), WARNING, "eth0"),
    Case("net.errors", subject(recent={"errors_percent": {"eth0": 1.0}}), WARNING, "eth0"),
    Case(
        "net.link", subject(sample=sample(nics=(nic(up=False),)), expected=Expected(nics=("eth0",))), CRITICAL, "eth0"
    ),
    Case("net.infiniband", on(infiniband=(port(state="1: DOWN"),)), WARNING),
    Case("net.infiniband", subject(expected=Expected(infiniband_ports=2)), CRITICAL),
    Case("net.infiniband", subject(expected=Expected(infiniband_ports=1, infiniband_bits_per_second=8e11)), CRITICAL),
    Case("unit.failed", subject(health=health(failed_units=("backup.service",))), WARNING, "backup.service"),
    Case("unit.failed", subject(health=health(failed_units=("slurmd.service",))), CRITICAL, "slurmd.service"),
    Case(
        "unit.failed",
        subject(health=health(failed_units=("site.service",)), expected=Expected(key_units=("site*",))),
        CRITICAL,
        "site.service",
    ),
    Case(
        "gpu.fabric",
        subject(health=health(unit_states={"nvidia-fabricmanager.service": "inactive"})),
        CRITICAL,
        "nvidia-fabricmanager.service",
    ),
    Case("process.stuck", _stuck("nvidia-persiste"), WARNING),
    Case("process.stuck", _stuck("nvidia-smi"), CRITICAL),
    Case("process.stuck", _stuck("a", "b", "c"), CRITICAL),
    Case("clock.sync", subject(health=health(clock=Clock(synchronised=False))), WARNING),
    Case("clock.sync", _offset(-1.1), CRITICAL),
    Case("gpu.driver", on(gpu_status=GpuStatus(way="nvml", hung=True)), CRITICAL),
    Case("gpu.driver", on(gpus=(), gpu_status=GpuStatus(reason="driver not loaded")), CRITICAL),
    Case("gpu.ecc", _gpu(ecc_uncorrected_volatile=1), CRITICAL, UUID),
    Case("gpu.remap", _gpu(remap_pending=True), WARNING, UUID),
    Case("gpu.remap", _gpu(remap_failed=True, remap_pending=True), CRITICAL, UUID),
    Case("gpu.remap", _gpu(remapped_rows_uncorrected=512), WARNING, UUID),
    Case("gpu.temperature", _gpu(temperature_celsius=86.0), WARNING, UUID),
    Case("gpu.temperature", _gpu(temperature_margin_celsius=5.0), WARNING, UUID),
    Case("gpu.temperature", _gpu(memory_temperature_celsius=96.0), CRITICAL, UUID),
    Case("gpu.temperature", _gpu(temperature_margin_celsius=0.0, throttle_bits=HW_THERMAL), CRITICAL, UUID),
    Case("gpu.temperature", _gpu(temperature_celsius=96.0, temperature_margin_celsius=None), CRITICAL, UUID),
    Case("gpu.slowdown", _slowed(0.6, 0.2), WARNING, UUID),
    Case("gpu.slowdown", _slowed(0.9, 0.6), CRITICAL, UUID),
    Case("gpu.nvlink", _gpu(nvlinks_up=17), WARNING, UUID),
    Case("gpu.nvlink", subject(expected=Expected(nvlinks=24)), WARNING, UUID),
    Case("gpu.pcie", _gpu(pcie_width=8), WARNING, UUID),
    Case("gpu.pcie", _gpu(pcie_generation=3), WARNING, UUID),
    Case("gpu.idle_held", _gpu(utilisation_percent=0.0), WARNING, UUID),
    Case("gpu.count", subject(expected=Expected(gpus=2)), CRITICAL),
    Case("gpu.count", subject(health=health(pci_gpus=2)), CRITICAL),
    Case("gpu.lost", _gpu(lost=True), CRITICAL, UUID),
    Case("gpu.xid", _events(_xid(79)), CRITICAL, UUID),
    Case("gpu.xid_app", _events(*(_xid(31, ago) for ago in (3000, 2000, 1000))), WARNING, UUID),
    Case("gpu.xid_app", _events(*(_xid(13, ago, job=f"{ago}") for ago in (80_000, 40_000, 10))), CRITICAL, UUID),
    Case("memory.oom", _events(_event("oom")), WARNING),
    Case("memory.oom", subject(recent={"oom_times": (NOW - 20, NOW - 10, NOW - 10)}), CRITICAL),
    Case("host.reboot", subject(boots=(Boot(time=NOW - 60, boot_id="b", planned=False),)), CRITICAL),
    Case("disk.fs_error", _events(_event("filesystem", object="sdb1")), CRITICAL, "sdb1"),
    Case("disk.io_error", _events(_event("nvme", object="nvme0")), CRITICAL, "nvme0"),
    Case("kernel.lockup", _events(_event("hung-task")), WARNING),
    Case("kernel.oops", _events(_event("panic")), CRITICAL),
    Case("hardware.error", _events(*[_event("machine-check", grade="corrected")] * 10), WARNING),
    Case("hardware.error", _events(_event("machine-check", grade="uncorrected")), CRITICAL),
    Case("hardware.pcie", _events(_event("pcie", grade="fatal")), CRITICAL),
    Case("nfs.silent", _events(_event("nfs", object="vault", grade="silent")), WARNING, "vault"),
    Case("gpu.sxid", _events(_event("sxid", object=BUS, grade="fatal")), CRITICAL, BUS),
    Case("gpu.sxid", _events(_event("sxid", object=BUS)), WARNING, BUS),
    Case("net.hca", _events(_event("mlx5")), WARNING),
    Case("updates.reboot", _pending(reboot_since=NOW - 31 * DAY), WARNING),
    Case("updates.reboot_soon", _pending(reboot_since=NOW - 8 * DAY), WARNING),
    Case("updates.security", _pending(security=3, security_since=NOW - 31 * DAY), WARNING),
    Case("updates.security_soon", _pending(security=3, security_since=NOW - 8 * DAY), WARNING),
    Case(
        "delivery.target",
        Subject(host="", now=NOW, deliveries=(Delivery(target="oncall", failing_since=NOW - 600, reason="refused"),)),
        CRITICAL,
        "oncall",
    ),
    Case("backup.overdue", subject(concerns=(Concern(code="overdue", severity=WARNING, text="old"),)), WARNING),
    Case("check.g11", subject(looks=(Look(check="G11", severity=CRITICAL, text="many", time=NOW),)), CRITICAL),
]


def _name(case: Case) -> str:
    return f"{case.rule}-{case.severity}"


@pytest.mark.parametrize("case", FIRES, ids=_name)
def test_it_fires_at_its_level_with_a_sentence_and_advice(case: Case) -> None:
    found = read(case.rule, case.about, case.thing)
    assert (found.truth, found.severity) == (Truth.TRUE, case.severity), found
    assert found.text
    assert found.advice or case.rule.startswith("own.")
    assert found.time <= NOW


@pytest.mark.parametrize("case", FIRES, ids=_name)
def test_the_pass_finds_by_its_cheap_looks_what_the_rule_says_in_full(case: Case) -> None:
    readings = [each for each in PACK.evaluate([case.about], {}) if each.truth is Truth.TRUE]
    assert (case.rule, case.thing, case.severity) in {(each.rule, each.object, each.severity) for each in readings}


def test_a_host_that_is_well_costs_no_reading() -> None:
    assert PACK.evaluate([WELL], {}) == []


def test_every_rule_of_the_table_is_tried() -> None:
    tried = {case.rule for case in FIRES} | {"gpu.xid_note"}
    families = ("backup.", "check.")
    assert {rule.id for rule in pack() if not rule.id.startswith(families)} <= tried


ENDS_BY_EVIDENCE = {
    "gpu.xid", "gpu.xid_app", "memory.oom", "host.reboot", "disk.fs_error", "disk.io_error", "kernel.lockup",
    "kernel.oops", "hardware.error", "hardware.pcie", "nfs.silent", "gpu.sxid", "net.hca",
}  # fmt: skip


@pytest.mark.parametrize(
    "case", [case for case in FIRES if case.rule not in ENDS_BY_EVIDENCE and case.rule != "check.g11"], ids=_name
)
def test_a_host_that_is_well_again_ends_it(case: Case) -> None:
    well = Subject(host="", now=NOW, deliveries=(Delivery(target="oncall"),)) if not case.about.host else WELL
    if case.rule == "disk.forecast":
        well = _trend(None)
    if case.rule == "cpu.busy":
        well = _busy(20)
    if case.rule == "cpu.iowait":
        well = subject(recent={"iowait_percent": 1.0})
    found = read(case.rule, well, case.thing, GRAVE if case.severity is CRITICAL else WARNED)
    assert found.truth is Truth.FALSE, found


LASTS = [
    Case("cpu.busy", _busy(76), WARNING, held=WARNED),
    Case("cpu.busy", _busy(86), CRITICAL, held=GRAVE),
    Case("cpu.busy", _busy(84), WARNING, held=GRAVE),
    Case("cpu.busy", _busy(75), OK, held=GRAVE),
    Case("cpu.iowait", subject(recent={"iowait_percent": 21.0}), WARNING, held=WARNED),
    Case("cpu.load", on(cpu=cpu(load_15=14.1)), WARNING, held=WARNED),
    Case("cpu.load", on(cpu=cpu(load_15=14.0)), OK, held=WARNED),
    Case("memory.used", on(memory=used(81)), WARNING, held=WARNED),
    Case("memory.used", on(memory=used(91)), CRITICAL, held=GRAVE),
    Case("memory.used", on(memory=used(89)), WARNING, held=GRAVE),
    Case("memory.swap", on(memory=memory(swap_used_bytes=int(8.1 * GIB))), WARNING, held=WARNED),
    Case("disk.space", _space(81, 20), WARNING, "/data", WARNED),
    Case("disk.space", _space(91, 9), CRITICAL, "/data", GRAVE),
    Case("disk.space", _space(79, 4), OK, "/data", GRAVE),
    Case("disk.forecast", _trend(47), WARNING, "/data", WARNED),
    Case("disk.forecast", _trend(23), CRITICAL, "/data", GRAVE),
    Case("disk.forecast", _trend(49), OK, "/data", GRAVE),
    Case("net.use", on(nics=(nic(rx_bytes_per_second=0.86e9),)), WARNING, "eth0", WARNED),
    Case("net.drops", subject(recent={"drops_percent": {"eth0": 1.5}}), WARNING, "eth0", WARNED),
    Case("clock.sync", _offset(0.6), CRITICAL, held=GRAVE),
    Case("gpu.temperature", _gpu(temperature_celsius=81.0), WARNING, UUID, WARNED),
    Case("gpu.temperature", _gpu(temperature_celsius=80.0), OK, UUID, WARNED),
    Case("gpu.temperature", _gpu(temperature_margin_celsius=9.0), WARNING, UUID, WARNED),
    Case("gpu.temperature", _gpu(memory_temperature_celsius=91.0), CRITICAL, UUID, GRAVE),
    Case("gpu.slowdown", _slowed(0.4, 0.2), WARNING, UUID, WARNED),
    Case("process.zombies", on(processes=ProcessTable(zombies=950)), WARNING, held=WARNED),
]


@pytest.mark.parametrize("case", LASTS, ids=_name)
def test_while_it_fires_the_clear_value_counts(case: Case) -> None:
    assert read(case.rule, case.about, case.thing, case.held).severity is case.severity
    if case.severity is not OK:
        before = read(case.rule, case.about, case.thing)
        assert before.severity.rank < case.severity.rank or before.truth is Truth.FALSE


NO_DATA = [
    Case("cpu.busy", subject(sample=sample(cpu=None, gpus=()), recent=None), OK),
    Case("cpu.busy", subject(sample=None), OK),
    Case("cpu.load", subject(facts=None), OK),
    Case("memory.used", on(memory=None), OK),
    Case("memory.swap", on(memory=memory(swap_total_bytes=0)), OK),
    Case("disk.space", on(filesystems=()), OK, "/data"),
    Case("disk.space", on(filesystems=(mount(used_percent=None, reason="no answer within 2 s"),)), OK, "/data"),
    Case("disk.inodes", on(filesystems=(mount(inodes_used_percent=None),)), OK, "/data"),
    Case("disk.readonly", on(filesystems=(mount(read_only=None),)), OK, "/data"),
    Case("disk.forecast", subject(recent={"trends": {"/data": Trend(reason="too short")}}), OK, "/data"),
    Case("disk.latency", on(disks=(disk(latency_seconds=None),)), OK, "sda"),
    Case("net.use", on(nics=(nic(speed_bits_per_second=None),)), OK, "eth0"),
    Case("net.drops", subject(recent={"drops_percent": {}}), OK, "eth0"),
    Case("net.link", on(nics=(nic(up=None),)), OK, "eth0"),
    Case("net.infiniband", on(infiniband=()), OK),
    Case("disk.array", subject(health=health(arrays=None, missing={"arrays": "no permission"})), OK, "md0"),
    Case("disk.smart", subject(health=None), OK, "sda"),
    Case("unit.failed", subject(health=health(failed_units=None)), OK, "a.service"),
    Case("unit.failed", subject(health=health(time=NOW - 7300)), OK, "a.service"),
    Case("gpu.fabric", subject(health=health(unit_states=None)), OK, "nvidia-fabricmanager.service"),
    Case("process.stuck", subject(health=health(stuck=None)), OK),
    Case("clock.sync", subject(sample=sample(clock_offset_seconds=None), health=None), OK),
    Case("gpu.driver", on(gpu_status=None), OK),
    Case(
        "gpu.ecc", _gpu(ecc_uncorrected_volatile=None, missing={"ecc_uncorrected_volatile": "not supported"}), OK, UUID
    ),
    Case("gpu.ecc", on(gpus=()), OK, UUID),
    Case("gpu.remap", _gpu(remap_failed=None, remap_pending=None, remapped_rows_uncorrected=None), OK, UUID),
    Case("gpu.temperature", _gpu(temperature_celsius=None, memory_temperature_celsius=None), OK, UUID),
    Case("gpu.temperature", on(gpu_status=GpuStatus(way="nvml", hung=True)), OK, UUID),
    Case("gpu.slowdown", _slowed(0.9, 0.9, since=500), OK, UUID),
    Case("gpu.nvlink", _gpu(nvlinks_up=None), OK, UUID),
    Case("gpu.pcie", _gpu(pcie_width=None, pcie_generation=None), OK, UUID),
    Case("gpu.idle_held", _gpu(utilisation_percent=None), OK, UUID),
    Case("gpu.count", subject(health=None), OK),
    Case("host.down", _state(HostState.CONNECTING), OK),
    Case("host.auth", _state(HostState.UNREACHABLE), OK),
    Case("host.key", _state(HostState.UNREACHABLE), OK),
    Case("collector.stale", _state(HostState.UNREACHABLE), OK),
    Case("updates.security", _pending(security=None, reason="no answer"), OK),
    Case("backup.overdue", subject(concerns=None), OK),
    Case("check.g11", subject(looks=()), OK),
    Case("check.g11", subject(looks=(Look(check="G11", severity=Severity.UNKNOWN, time=NOW),)), OK),
    Case("check.g11", subject(looks=(Look(check="G11", severity=OK, time=NOW - 7300),)), OK),
]


@pytest.mark.parametrize("case", NO_DATA, ids=_name)
def test_what_was_not_measured_is_no_data_with_a_reason_and_ends_nothing(case: Case) -> None:
    for held in (NOT_HELD, WARNED, GRAVE):
        found = read(case.rule, case.about, case.thing, held)
        assert found.truth is Truth.NODATA, found
        assert found.text
    assert case.rule not in told(case.about)


@pytest.mark.parametrize("state", [HostState.UNREACHABLE, HostState.AUTH_FAILED, HostState.CONNECTING])
def test_of_a_host_that_is_not_reached_no_sample_counts(state: HostState) -> None:
    gone = _state(state)
    for rule in pack():
        if rule.needs == "sample":
            assert judge(gone, rule, UUID, WARNED).truth is Truth.NODATA
    assert told(gone) <= {"host.down", "host.auth"}


def test_fewer_than_three_misses_are_no_outage_yet() -> None:
    assert read("host.down", _state(HostState.UNREACHABLE, misses=2)).truth is Truth.FALSE
    assert read("host.down", _state(HostState.UNREACHABLE, misses=2), "", GRAVE).truth is Truth.TRUE


@pytest.mark.parametrize(
    ("rule", "wait", "keep"),
    [
        ("host.down", 45, 60), ("cpu.busy", 600, 900), ("cpu.iowait", 600, 1800), ("cpu.load", 300, 900),
        ("memory.used", 300, 900), ("memory.swap", 300, 900), ("disk.space", 60, 900), ("disk.inodes", 60, 900),
        ("disk.forecast", 600, 0), ("disk.readonly", 0, 0), ("net.use", 60, 3600), ("unit.failed", 30, 300),
        ("clock.sync", 300, 300), ("gpu.temperature", 120, 600), ("gpu.nvlink", 240, 600), ("gpu.idle_held", 7200, 0),
    ],
)  # fmt: skip
def test_waits_are_those_of_the_reference(rule: str, wait: float, keep: float) -> None:
    times = PACK.times[rule]
    assert (times.for_seconds, times.keep_seconds) == (wait, keep)


@pytest.mark.parametrize("rule", ["cpu.busy_gpu_node", "gpu.idle_held", "gpu.xid_note", "updates.reboot_soon"])
def test_what_is_worth_a_line_only_is_for_information(rule: str) -> None:
    assert PACK.times[rule].info


def test_gpu_nodes_are_busy_for_information_only() -> None:
    assert "cpu.busy" not in told(subject(recent={"cpu_busy_percent": 99.0}))
    assert "cpu.busy_gpu_node" not in told(_busy(99))


def test_a_note_about_what_waits_ends_where_the_warning_begins() -> None:
    late = _pending(reboot_since=NOW - 31 * DAY)
    assert told(late) == {"updates.reboot"}


def test_enough_free_space_takes_a_large_disk_down_to_a_warning() -> None:
    assert read("disk.space", _space(91, 11), "/data", GRAVE).severity is WARNING


def test_images_are_always_full_and_no_alert() -> None:
    image = mount(mount="/snap/core", kind="squashfs", used_percent=100.0, inodes_used_percent=100.0, read_only=True)
    assert told(on(filesystems=(image,))) == set()


def test_a_mount_that_fstab_wants_read_only_may_be_so() -> None:
    about = subject(sample=sample(filesystems=(mount(read_only=True),)), health=health(read_only_mounts=("/data",)))
    assert told(about) == set()


def test_an_idle_link_may_shift_down_but_a_narrow_one_may_not() -> None:
    idle = {"utilisation_percent": 0.0, "memory_used_bytes": 0, "throttle_bits": IDLE}
    assert told(_gpu(pcie_generation=1, **idle)) == set()
    assert told(_gpu(pcie_width=8, **idle)) == {"gpu.pcie"}
    assert read("gpu.pcie", _gpu(pcie_generation=1, **idle), UUID, WARNED).truth is Truth.NODATA


def test_a_margin_of_nothing_without_a_slowdown_is_unreliable() -> None:
    assert read("gpu.temperature", _gpu(temperature_margin_celsius=-3.0), UUID).truth is Truth.FALSE


def test_a_clock_may_need_a_while_after_a_boot() -> None:
    loose = health(clock=Clock(synchronised=False, offset_seconds=0.0))
    assert told(subject(sample=sample(uptime_seconds=900.0), health=loose)) == set()
    assert told(subject(sample=sample(uptime_seconds=1100.0), health=loose)) == {"clock.sync"}


def test_one_fault_is_one_alert() -> None:
    fallen = _xid(79)
    lost = subject(sample=sample(gpus=(gpu(lost=True),)), events=(fallen,))
    gone = subject(sample=sample(gpus=()), events=(fallen,), expected=Expected(gpus=1))
    memory = subject(sample=sample(gpus=(gpu(ecc_uncorrected_volatile=2),)), events=(_xid(48),))
    assert told(lost) == told(gone) == told(memory) == {"gpu.xid"}
    hung = subject(sample=sample(gpu_status=GpuStatus(way="nvml", hung=True)), health=_stuck("nvidia-smi").health)
    assert told(hung) == {"gpu.driver"}
    error = _event("filesystem", object="sda1", time=NOW - 5)
    assert told(subject(sample=sample(filesystems=(mount(read_only=True),)), events=(error,))) == {"disk.fs_error"}
    failed = health(
        failed_units=("nvidia-fabricmanager.service",), unit_states={"nvidia-fabricmanager.service": "failed"}
    )
    assert told(subject(health=failed)) == {"unit.failed"}


def test_more_gpus_missing_than_xids_explain_are_told() -> None:
    assert "gpu.count" in told(subject(sample=sample(gpus=()), events=(_xid(79),), expected=Expected(gpus=2)))


@pytest.mark.parametrize("check", ["G05", "H10", "XID", "N06"])
def test_checks_that_the_pack_sees_itself_are_not_told_twice(check: str) -> None:
    assert told(subject(looks=(Look(check=check, severity=CRITICAL, time=NOW),))) == set()


def test_checks_of_slow_facts_count_while_these_facts_are_missing() -> None:
    look = Look(check="H13", severity=CRITICAL, text="worn", time=NOW)
    assert told(subject(looks=(look,))) == set()
    assert told(subject(looks=(look,), health=None)) == {"check.h13"}


def test_a_check_of_the_site_has_an_alert_of_its_own() -> None:
    look = Look(check="site:raid", object="ctrl0", severity=CRITICAL, text="broken", time=NOW)
    (found,) = PACK.evaluate([subject(looks=(look,))], {})
    assert (found.rule, found.object, found.text) == ("check.other", "site:raid ctrl0", "broken")


def test_every_check_has_a_rule() -> None:
    assert {f"check.{check.lower()}" for check in CHECKS} <= set(PACK.times)


@pytest.mark.parametrize(
    ("code", "rule"), [("backup-failed", "backup.failed"), ("canary", "backup.canary"), ("new-code", "backup.other")]
)
def test_concerns_of_the_backups_become_alerts_with_their_next_step(code: str, rule: str) -> None:
    concern = Concern(
        code=code, severity=CRITICAL, object="vault models", text="it failed", since=NOW - 7200, next_step="look there"
    )
    (found,) = PACK.evaluate([subject(concerns=(concern,))], {})
    assert (found.rule, found.severity, found.advice) == (rule, CRITICAL, "look there")
    assert found.evidence == ("for 2h",)
    held = {"gpu01": {(found.rule, found.object): GRAVE}}
    assert [each.truth for each in PACK.evaluate([WELL], held)] == [Truth.FALSE]


def test_a_unit_with_a_strange_name_is_quoted_in_what_is_to_be_typed() -> None:
    found = read("unit.failed", subject(health=health(failed_units=("a$(reboot).service",))), "a$(reboot).service")
    assert "-u 'a$(reboot).service'" in found.advice


def test_a_site_can_leave_rules_out() -> None:
    kept = {rule.id for rule in rules(off=["cpu.*", "gpu.temperature"])}
    assert not {"cpu.busy", "cpu.load", "gpu.temperature"} & kept
    assert "gpu.ecc" in kept


def test_slow_sources_have_longer_intervals() -> None:
    assert rules(interval_seconds=30.0).times["cpu.busy"].interval_seconds == 30.0


def test_nothing_is_said_of_recent_things_that_are_not_known() -> None:
    assert told(subject(recent=Recent())) == set()


def test_that_a_host_was_rebooted_is_told_by_one_rule_only() -> None:
    """Of the rest of the same check there is no other."""
    rebooted = Look(check="H21", object="reboot", severity=Severity.WARNING, text="up for 25s only", time=NOW)
    fan = Look(check="H21", object="FAN1", severity=Severity.WARNING, text="FAN1 stands still", time=NOW)
    assert {reading.object for reading in PACK.evaluate([subject(looks=(rebooted, fan))], {})} == {"FAN1"}


EVIDENCE = [
    ("host.down", "", subject(state=HostState.UNREACHABLE, misses=3), ("last seen at 08:00:00 UTC",)),
    ("unit.failed", "a.service", subject(health=health(failed_units=("a.service",), unit_results={"a.service": "signal"})),
     ("its result: signal",)),
    ("net.link", "eth0", subject(
        sample=sample(nics=(nic(up=False),)),
        expected=Expected(nics=("eth0",)),
        events=(KernelEvent(time=NOW - 1, kind="link", object="eth0", text="eth0: Link is Down"),
                KernelEvent(time=NOW - 1, kind="link", object="eth1", text="eth1: Link is Down")),
     ), ("it must be up by the inventory", "eth0: Link is Down")),
    ("gpu.driver", "", subject(
        sample=sample(gpu_status=GpuStatus(way="nvml", driver="550", hung=True)),
        health=health(stuck=(StuckProcess(pid=7, name="nvidia-smi", checks=1), StuckProcess(pid=8, name="dd", checks=9))),
     ), ("driver 550, read through nvml", "nvidia-smi (pid 7) cannot be interrupted")),
]  # fmt: skip
"""Rule, object, host → what is shown besides the sentence."""


@pytest.mark.parametrize(("rule", "thing", "about", "evidence"), EVIDENCE, ids=[case[0] for case in EVIDENCE])
def test_what_a_rule_saw_stands_beside_what_it_says(
    rule: str, thing: str, about: Subject, evidence: tuple[str, ...]
) -> None:
    found = read(rule, about, thing)
    assert (found.truth, found.evidence) == (Truth.TRUE, evidence)
