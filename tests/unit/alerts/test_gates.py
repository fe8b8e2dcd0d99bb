"""The cheap looks that spare the rules their work never hide anything that a rule would say."""

from __future__ import annotations

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from backends.alerts.model import Truth
from backends.alerts.rules import judge
from backends.alerts.subjects import Boot, Clock, Expected, KernelEvent, Pending, Recent, StuckProcess, Subject, Trend
from backends.metrics.sample import GpuStatus, Pressure, ProcessTable
from backends.states import HostState
from tests.unit.alerts.rule_subjects import (
    BUS,
    GIB,
    NOW,
    PACK,
    UUID,
    cpu,
    disk,
    gpu,
    health,
    memory,
    mount,
    nic,
    port,
    sample,
    subject,
)

OBJECTS = ("", "/data", UUID, "0", BUS, "eth0", "sda", "md0", "mlx5_0/1", "a.service", "nvidia-fabricmanager.service")


def maybe(*values: object) -> st.SearchStrategy[object]:
    return st.sampled_from((None, *values))


GPUS = st.builds(
    gpu,
    uuid=st.sampled_from([UUID, ""]),
    utilisation_percent=maybe(0.0, 5.0, 50.0),
    memory_used_bytes=maybe(0, 2 * GIB),
    temperature_celsius=maybe(60.0, 85.5, 96.0),
    temperature_margin_celsius=maybe(-2.0, 0.0, 5.0, 20.0),
    memory_temperature_celsius=maybe(70.0, 95.5),
    throttle_bits=maybe(0, 1, 0x40),
    ecc_uncorrected_volatile=maybe(0, 2),
    remapped_rows_uncorrected=maybe(0, 512),
    remap_failed=maybe(True, False),
    remap_pending=maybe(True, False),
    pcie_generation=maybe(1, 5),
    pcie_width=maybe(8, 16),
    nvlinks_up=maybe(0, 17, 18),
    nvlinks_total=maybe(18),
    lost=st.booleans(),
)
SAMPLES = st.builds(
    sample,
    time=st.sampled_from([NOW, NOW - 20, NOW - 90]),
    uptime_seconds=maybe(500.0, 100_000.0),
    clock_offset_seconds=maybe(0.0, -2.0),
    cpu=st.one_of(
        st.none(),
        st.builds(
            cpu,
            busy_percent=maybe(20.0, 86.0),
            iowait_percent=maybe(1.0, 41.0),
            steal_percent=maybe(0.0, 11.0),
            load_15=maybe(1.0, 17.0),
        ),
    ),
    memory=st.one_of(
        st.none(),
        st.builds(
            memory,
            available_bytes=maybe(1 << 20, GIB, 50 * GIB),
            swap_total_bytes=maybe(0, GIB),
            swap_used_bytes=maybe(0, int(0.95 * GIB)),
            pressure=st.sampled_from([None, Pressure(), Pressure(some_avg60_percent=30.0)]),
        ),
    ),
    filesystems=st.lists(
        st.builds(
            mount,
            used_percent=maybe(50.0, 90.5, 99.0),
            inodes_used_percent=maybe(1.0, 95.0),
            read_only=maybe(True, False),
            available_bytes=maybe(GIB, 50 * GIB),
        ),
        max_size=1,
    ).map(tuple),
    disks=st.lists(st.builds(disk, latency_seconds=maybe(0.01, 0.3), busy_percent=maybe(10.0, 99.0)), max_size=1).map(
        tuple
    ),
    nics=st.lists(
        st.builds(
            nic,
            up=maybe(True, False),
            speed_bits_per_second=maybe(0.0, 8e9),
            rx_bytes_per_second=maybe(0.0, 0.95e9),
            tx_bytes_per_second=maybe(0.0, 0.95e9),
        ),
        max_size=1,
    ).map(tuple),
    infiniband=st.lists(
        st.builds(
            port,
            state=st.sampled_from(["", "4: ACTIVE", "1: DOWN", "active"]),
            physical_state=st.sampled_from(["", "5: LinkUp"]),
            rate_bits_per_second=maybe(1e11, 4e11),
        ),
        max_size=1,
    ).map(tuple),
    processes=st.sampled_from([None, ProcessTable(), ProcessTable(zombies=5000)]),
    gpus=st.lists(GPUS, max_size=1).map(tuple),
    gpu_status=st.sampled_from([None, GpuStatus(), GpuStatus(way="nvml", hung=True), GpuStatus(reason="no driver")]),
)
HEALTHS = st.builds(
    health,
    failed_units=maybe((), ("a.service",)),
    unit_states=maybe({}, {"nvidia-fabricmanager.service": "inactive"}),
    arrays=maybe({}, {"md0": ""}, {"md0": "degraded"}),
    disks=maybe({}, {"sda": "worn"}),
    clock=maybe(Clock(), Clock(synchronised=False), Clock(offset_seconds=3.0)),
    stuck=maybe((), (StuckProcess(pid=1, name="nvidia-smi", checks=5),)),
    pci_gpus=maybe(0, 1, 2),
    nvswitch=maybe(True, False),
)
RECENTS = st.builds(
    Recent,
    cpu_busy_percent=maybe(10.0, 97.0),
    iowait_percent=maybe(1.0, 50.0),
    drops_percent=st.sampled_from([{}, {"eth0": 3.0}]),
    errors_percent=st.sampled_from([{}, {"eth0": 3.0}]),
    slowed=st.sampled_from([{}, {UUID: (0.7, 0.7)}]),
    slowed_from=st.just(NOW - 7200),
    oom_times=st.sampled_from([(), (NOW - 5,)]),
    trends=st.sampled_from([{}, {"/data": Trend(full_in_seconds=60.0)}, {"/data": Trend(reason="short")}]),
)
EVENTS = st.lists(
    st.builds(
        KernelEvent,
        time=st.sampled_from([NOW - 4000, NOW - 10]),
        kind=st.sampled_from(["xid", "oom", "panic", "nfs", "disk", "filesystem", "other"]),
        code=st.sampled_from([79, 31, 45, 63]),
        object=st.sampled_from(["", BUS, "sda"]),
    ),
    max_size=4,
).map(tuple)
SUBJECTS = st.builds(
    subject,
    state=st.sampled_from(HostState),
    misses=maybe(0, 3),
    sample=st.one_of(st.none(), SAMPLES),
    expected=st.builds(
        Expected,
        gpus=maybe(0, 1, 4),
        nics=st.sampled_from([(), ("eth0",)]),
        infiniband_ports=maybe(0, 1, 2),
        infiniband_bits_per_second=maybe(2e11),
        nvlinks=maybe(18),
    ),
    health=st.one_of(st.none(), HEALTHS),
    recent=st.one_of(st.none(), RECENTS),
    events=EVENTS,
    boots=st.sampled_from([(), (Boot(time=NOW - 60, boot_id="b", planned=False),)]),
    pending=maybe(Pending(), Pending(security=1, security_since=NOW - 1e7), Pending(reboot_since=NOW - 1e6)),
)


@given(SUBJECTS)
@settings(
    max_examples=150, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate]
)  # shrinking takes minutes
def test_no_gate_and_no_scan_hides_what_a_rule_says(about: Subject) -> None:
    told = {(each.rule, each.object) for each in PACK.evaluate([about], {}) if each.truth is Truth.TRUE}
    full = {
        (rule.id, thing)
        for rule in PACK
        for thing in OBJECTS
        if judge(about, rule, thing).truth is Truth.TRUE and _is_host_wide(rule.id) == (thing == "")
    }
    assert {pair for pair in told if _is_host_wide(pair[0]) == (pair[1] == "")} == full


_BY_OBJECT = ("disk.", "net.use", "net.drops", "net.errors", "net.link", "unit.", "gpu.fabric", "nfs.", "hardware.")
_BY_GPU = frozenset({"gpu.ecc", "gpu.remap", "gpu.temperature", "gpu.slowdown", "gpu.nvlink", "gpu.pcie"})
_MORE = frozenset({"gpu.lost", "gpu.idle_held", "gpu.xid", "gpu.xid_app", "gpu.xid_note", "gpu.sxid", "kernel.oops"})


def _is_host_wide(rule: str) -> bool:
    return not rule.startswith(_BY_OBJECT) and rule not in _BY_GPU | _MORE
