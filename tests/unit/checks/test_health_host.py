"""Host, storage and log checks H01–H22, XID and SXID, on both sides of each threshold."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.checks import health_host as host
from backends.checks import health_log as log
from backends.checks import health_storage as storage
from backends.checks import health_system as system
from backends.checks.health_finding import Action
from backends.checks.health_history import History, clear
from backends.checks.health_look import Expected, XidNote
from backends.hostkit.health_model import (
    Board,
    Boot,
    ClockFacts,
    DeadParent,
    Extras,
    Fan,
    HealthFacts,
    Limits,
    MemoryErrors,
    MemoryFacts,
    Mounted,
    Mounts,
    PciDevice,
    Processes,
    Raid,
    Said,
    Smart,
    Unit,
    Waiting,
    Wanted,
)
from backends.metrics.sample import Cpu, Disk, Filesystem, HostFacts, Memory, Pressure
from backends.states import Severity
from tests.unit.checks.health_cases import (
    NOW,
    OTHER,
    OUTPUTS,
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
BARE = HostFacts(cpu_count=64)


# the kernel log


def policy(code: int) -> XidNote | None:
    known = {
        79: XidNote(Severity.CRITICAL, Action.REBOOT, "fallen off the bus"),
        43: XidNote(Severity.OK, Action.NONE, "stopped by the job"),
        94: XidNote(Severity.WARNING, Action.RESTART_APP, "contained ECC error"),
    }
    return known.get(code)


def xid(code: int, **fields: Any) -> Any:
    return event("xid", code=code, device="0000:05:00", **fields)


@pytest.mark.parametrize(
    ("events", "verdict"),
    [
        ([xid(79)], (CRIT, "reboot")),
        ([xid(79, boot=OTHER)], (OK, "none")),
        ([xid(94, boot=OTHER)], (WARN, "restart app")),
        ([xid(43)], (OK, "none")),
        ([xid(777)], (WARN, "check app")),
        ([event("gpu-lost", device="0000:05:00")], (CRIT, "reboot")),
        ([xid(79, ago=4 * 86400.0)], (OK, "none")),
    ],
)
def test_an_xid_is_judged_by_the_policy_and_settled_by_a_reboot(events: list[Any], verdict: tuple[str, str]) -> None:
    assert told(log.xids(look(gpu(), events=tuple(events), policy=policy))) == [verdict]


def test_repeats_within_five_minutes_are_one() -> None:
    burst = tuple(xid(94, ago=ago) for ago in (900.0, 899.0, 898.0, 100.0))
    found = list(log.xids(look(gpu(), events=burst, policy=policy)))
    assert found[0].evidence[1].startswith("2 times")


def test_somebody_may_settle_it() -> None:
    settled = clear(History(), "XID", "0000:05:00 79", NOW)
    assert told(log.xids(look(gpu(), events=(xid(79),), policy=policy, history=settled))) == [(OK, "none")]


@pytest.mark.parametrize("check", [log.xids, log.kills, log.hung, log.machine_checks, log.disks])
def test_a_log_that_cannot_be_read_is_never_clean(check: Any) -> None:
    found = list(check(look(gpu(), log_trouble="no permission: dmesg")))
    assert UNKNOWN in {finding.severity.value for finding in found}


def test_an_nvswitch_says_itself_what_is_fatal() -> None:
    events = (
        event("sxid", code=20034, device="a", grade="fatal"),
        event("sxid", code=22013, device="b", grade="nonfatal"),
    )
    assert told(log.sxids(look(events=events))) == [(CRIT, "reboot"), (WARN, "none")]


@pytest.mark.parametrize(
    ("kills", "ago", "severity"), [(0, 60.0, OK), (1, 60.0, WARN), (3, 60.0, CRIT), (3, 1900.0, OK)]
)
def test_h01_kills_in_half_an_hour(kills: int, ago: float, severity: str) -> None:
    events = tuple(event("oom", ago=ago + n, process="python", pid=n, group="/slurm/job_1") for n in range(kills))
    found = list(log.kills(look(events=events)))
    assert worst(found) == severity
    assert not found[0].bad or "/slurm/job_1" in found[0].evidence[0]


def test_h01_the_kernels_count_stands_in_for_a_log_that_cannot_be_read() -> None:
    def counted(n: int) -> dict[str, Any]:
        return {"memory": MemoryFacts(events={"oom_kill": n})}

    two = look(before=facts(at=NOW - 60, **counted(1)), facts=facts(**counted(3)), log_trouble="no permission")
    assert told(log.kills(two)) == [(WARN, "check app")]


@pytest.mark.parametrize(
    ("events", "severity"),
    [
        ((), OK),
        ((event("hung-task", process="dd"),), WARN),
        ((event("hung-task", process="nvidia-smi"),), CRIT),
        ((event("lockup"),), CRIT),
        ((event("hung-task", process="dd", boot=OTHER),), OK),
    ],
)
def test_h02_hung_tasks(events: tuple[Any, ...], severity: str) -> None:
    assert worst(log.hung(look(events=events))) == severity


@pytest.mark.parametrize(("corrected", "uncorrected", "severity"), [(9, 0, OK), (10, 0, WARN), (0, 1, CRIT)])
def test_h05_machine_checks(corrected: int, uncorrected: int, severity: str) -> None:
    grades = ["corrected"] * corrected + ["uncorrected"] * uncorrected
    assert worst(log.machine_checks(look(events=tuple(event("machine-check", grade=g) for g in grades)))) == severity


def test_h12_h14_h16_storage_in_the_log() -> None:
    events = (
        event("filesystem", device="sda1", grade="read-only"),
        event("disk", device="sdb", ago=13 * 86400.0),
        event("disk", device="sdc", ago=15 * 86400.0),
        event("nfs", device="nas1", grade="silent", ago=400.0),
        event("nfs", device="nas2", grade="silent", ago=400.0),
        event("nfs", device="nas2", grade="ok", ago=300.0),
    )
    one = look(events=events)
    assert [finding.object for finding in log.filesystem_errors(one)] == ["log sda1"]
    assert [finding.object for finding in log.disks(one)] == ["sdb"]
    assert [(finding.object, finding.severity.value) for finding in log.servers(one)] == [("nas1", CRIT)]


def test_pci_errors_that_were_corrected_are_no_finding() -> None:
    events = (event("pcie", device="a", grade="corrected"), event("pcie", device="b", grade="fatal"))
    assert [finding.object for finding in log.pci_errors(look(events=events))] == ["log b fatal"]


# processes, memory, processors


def test_h03_a_process_that_waits_is_told_at_the_fifth_look_and_nvidias_at_the_first() -> None:
    def verdicts(name: str) -> list[str]:
        history, found = History(), []
        seen = facts(processes=Processes(waiting=(Waiting(pid=7, ticks=9, name=name),), waiting_total=1))
        for _ in range(5):
            history = host.count_waiting(history, seen)
            found.append(worst(host.waiting(look(facts=seen, history=history))))
        return found

    assert verdicts("dd") == [OK, OK, OK, OK, WARN]
    assert verdicts("nvidia-smi") == [WARN, CRIT, CRIT, CRIT, CRIT]


@pytest.mark.parametrize(
    ("dead", "oldest", "severity"), [(11, 10.0, OK), (11, 400.0, WARN), (1000, 1.0, WARN), (2000, 1.0, CRIT)]
)
def test_h04_dead_processes(dead: int, oldest: float, severity: str) -> None:
    found = Processes(dead=dead, parents=(DeadParent(pid=5, count=dead, oldest=oldest, name="bad"),))
    assert worst(host.dead(look(facts=facts(processes=found)))) == severity


@pytest.mark.parametrize(("now", "severity"), [((5, 0), WARN), ((3, 0), OK), ((3, 1), CRIT)])
def test_h06_memory_modules(now: tuple[int, int], severity: str) -> None:
    old = (MemoryErrors(name="DIMM_A1", corrected=3, uncorrected=0, module=True),)
    new = (MemoryErrors(name="DIMM_A1", corrected=now[0], uncorrected=now[1], module=True),)
    found = list(host.modules(look(before=facts(at=NOW - 60, edac=old), facts=facts(edac=new))))
    assert worst(found) == severity
    assert severity == OK or found[0].object == "DIMM_A1"


def test_h06_memory_that_is_missing_and_hosts_that_do_not_count() -> None:
    small = HostFacts(memory_total_bytes=94 << 30)
    found = list(host.modules(look(identity=small, expected=Expected(memory_bytes=100 << 30))))
    assert [finding.severity.value for finding in found] == [CRIT, UNKNOWN]
    assert not list(host.modules(look(identity=HostFacts(virtualisation="kvm"))))


@pytest.mark.parametrize(("left", "severity"), [(11, OK), (9, WARN), (1, CRIT)])
def test_h07_memory_left(left: int, severity: str) -> None:
    memory = Memory(total_bytes=100 << 30, available_bytes=left << 30)
    assert worst(host.memory(look(samples=(sample(memory=memory),)))) == severity


def test_h07_memory_that_was_not_read_is_unknown() -> None:
    assert worst(host.memory(look(samples=(sample(),)))) == UNKNOWN


@pytest.mark.parametrize(("some", "severity"), [(19.0, OK), (20.0, WARN), (40.0, CRIT), (None, UNKNOWN)])
def test_h08_pressure(some: float | None, severity: str) -> None:
    memory = Memory(pressure=Pressure(some_avg60_percent=some))
    found = host.stalls(look(samples=(sample(memory=memory, io_pressure=Pressure(some_avg60_percent=0.0)),)))
    assert [finding.severity.value for finding in found] == [severity, OK]


@pytest.mark.parametrize(
    ("fields", "severity"),
    [
        ({"load_15": 128.0}, OK),
        ({"load_15": 129.0}, WARN),
        ({"steal_percent": 11.0}, WARN),
        ({"iowait_percent": 41.0}, WARN),
    ],
)
def test_h09_processors(fields: dict[str, Any], severity: str) -> None:
    rows = samples(lambda n: sample(cpu=Cpu(**fields)))
    assert worst(host.processors(look(samples=rows, identity=BARE))) == severity


def test_h09_a_governor_that_saves_power_slows_gpu_jobs() -> None:
    one = look(samples=(sample(gpu(), cpu=Cpu()),), facts=facts(governors={"powersave": 64}))
    assert worst(host.processors(one)) == WARN


# storage


@pytest.mark.parametrize(("used", "severity"), [(94.0, OK), (95.0, WARN), (97.0, CRIT)])
def test_h10_h11_room_and_inodes(used: float, severity: str) -> None:
    disk = Filesystem(mount="/srv", used_percent=used, inodes_used_percent=used, available_bytes=1 << 40)
    one = look(samples=(sample(filesystems=(disk,)),))
    assert (worst(storage.space(one)), worst(storage.inodes(one))) == (severity, severity)


def test_h10_an_image_is_always_full() -> None:
    assert not list(
        storage.space(
            look(samples=(sample(filesystems=(Filesystem(mount="/x", used_percent=100.0, read_only=True),)),))
        )
    )


@pytest.mark.parametrize(
    ("mount", "options", "read_only", "severity"),
    [
        ("/", "defaults", True, CRIT),
        ("/", "ro", True, OK),
        ("/usr", "", True, OK),
        ("/", "defaults", False, OK),
    ],
)
def test_h12_read_only_against_fstab(mount: str, options: str, read_only: bool, severity: str) -> None:
    wanted = (Wanted(mount=mount, options=options, mounted=True),) if options else ()
    found = Mounts(mounted=(Mounted(device="/dev/sda1", mount=mount, read_only=read_only),), wanted=wanted)
    assert worst(storage.mounts(look(facts=facts(mounts=found)))) == severity


@pytest.mark.parametrize(("options", "severity"), [("rw", CRIT), ("rw,nofail", OK), ("noauto", OK)])
def test_h12_what_fstab_wants_and_is_not_there(options: str, severity: str) -> None:
    found = Mounts(wanted=(Wanted(mount="/data", options=options),))
    assert worst(storage.mounts(look(facts=facts(mounts=found)))) == severity


@pytest.mark.parametrize(
    ("file", "tool", "severity"),
    [
        ("smart-nvme-well.json", "smartctl", OK),
        ("smart-nvme-worn.json", "smartctl", CRIT),
        ("smart-ata-failed.json", "smartctl", CRIT),
        ("nvme-log.json", "nvme", CRIT),
    ],
)
def test_h13_disks_about_themselves(file: str, tool: str, severity: str) -> None:
    """The last one has 345 K, which is 72 °C."""
    smart = Smart(tool=tool, text=(OUTPUTS / file).read_text())
    assert worst(storage.disks(look(facts=facts(smart={"sda": smart})))) == severity


def test_h13_what_cannot_be_read_is_unknown_and_what_is_missing_critical() -> None:
    one = look(
        facts=facts(missing={"smart sdb": "no permission: /dev/sdb"}, pci=(PciDevice(address="a", kind="nvme"),)),
        expected=Expected(nvme_disks=2),
    )
    assert [finding.severity.value for finding in storage.disks(one)] == [UNKNOWN, CRIT]


@settings(max_examples=60, deadline=None)
@given(st.one_of(st.text(max_size=60), st.sampled_from(['{"temperature":1e400}', '{"smart_status":[]}', "[]", "{}"])))
def test_h13_any_text_is_judged(text: str) -> None:
    for tool in ("smartctl", "nvme"):
        assert list(storage.disks(look(facts=facts(smart={"sda": Smart(tool=tool, text=text)}))))


def test_h15_arrays() -> None:
    raid = Raid(lines=said("mdstat-degraded.txt").lines, mismatches={"md1": 1025})
    found = {finding.object: finding.severity.value for finding in storage.arrays(look(facts=facts(raid=raid)))}
    assert found == {"md0": CRIT, "md1": WARN, "md2": CRIT}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=50), max_size=8))
def test_h15_any_mdstat_is_read(lines: list[str]) -> None:
    storage.read_arrays(Raid(lines=("md0 : active raid1 sda1[0]", *lines)))


@pytest.mark.parametrize(
    ("fields", "severity"),
    [
        ({"latency_seconds": 0.11, "busy_percent": 10.0}, WARN),
        ({"latency_seconds": 0.09, "busy_percent": 99.0, "queue_length": 5.0}, OK),
        ({"latency_seconds": 0.09, "busy_percent": 99.0, "queue_length": 11.0}, WARN),
    ],
)
def test_h17_latency(fields: dict[str, float], severity: str) -> None:
    rows = samples(lambda n: sample(disks=(Disk(name="sda", **fields),)))
    assert worst(storage.latency(look(samples=rows))) == severity


# the system


def chrony(**change: str) -> ClockFacts:
    text = (OUTPUTS / "chrony.csv").read_text().strip()
    for old, new in change.items():
        text = text.replace({"offset": "0.000123456", "leap": "Normal"}[old], new)
    return ClockFacts(chrony=Said(status=0, lines=(text,)), uptime=9e4)


@pytest.mark.parametrize(
    ("clock", "severity"),
    [
        (chrony(), OK),
        (chrony(offset="-0.06"), WARN),
        (chrony(offset="2.0"), CRIT),
        (chrony(offset="nan"), UNKNOWN),
        (chrony(leap="Not synchronised"), WARN),
        (ClockFacts(systemd=Said(status=0, lines=("NTPSynchronized=yes",))), OK),
        (ClockFacts(systemd=Said(status=0, lines=("NTPSynchronized=no",)), uptime=9e4), WARN),
        (ClockFacts(systemd=Said(status=0, lines=("NTPSynchronized=no",)), uptime=60.0), UNKNOWN),
        (None, UNKNOWN),
    ],
)
def test_h18_clock(clock: ClockFacts | None, severity: str) -> None:
    assert worst(system.clock(look(facts=facts(clock=clock)))) == severity


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=80))
def test_h18_any_answer_of_chrony_is_judged(text: str) -> None:
    odd = ClockFacts(chrony=Said(status=0, lines=(text + "," * 13,)))
    assert list(system.clock(look(facts=facts(clock=odd))))


@pytest.mark.parametrize(("files", "severity"), [(79, OK), (80, WARN), (95, CRIT), (None, UNKNOWN)])
def test_h19_limits(files: int | None, severity: str) -> None:
    found = Limits(files=files, files_max=100, tasks=1, pid_max=100, threads_max=100)
    assert worst(system.limits(look(facts=facts(limits=found)))) == severity


@pytest.mark.parametrize(
    ("unit", "severity"),
    [
        (Unit(unit="x.service", active="failed", age=60.0), WARN),
        (Unit(unit="slurmd.service", active="failed", age=60.0), CRIT),
        (Unit(unit="x.service", active="failed", age=5.0), UNKNOWN),
        (Unit(unit="x.service", active="active", restarts=9), WARN),
        (Unit(unit="x.service", active="active", restarts=2), OK),
    ],
)
def test_h20_units(unit: Unit, severity: str) -> None:
    old = (Unit(unit="x.service", restarts=0),)
    assert worst(system.units(look(before=facts(at=NOW - 3600, units=old), facts=facts(units=(unit,))))) == severity


def test_h21_a_reboot_is_seen_by_its_boot_id_and_a_panic_by_what_it_left() -> None:
    assert worst(system.boot(look())) == OK
    assert worst(system.boot(look(history=History(boot=OTHER)))) == WARN
    panic = HealthFacts(time=NOW, boot=Boot(boot_id="1", uptime=9e4, panics=("dmesg-efi-1",)))
    assert told(system.boot(look(facts=panic))) == [(WARN, "hardware inspection")]
    unseen = HealthFacts(time=NOW, boot=Boot(boot_id="1", uptime=9e4, panics=None))
    assert UNKNOWN in {finding.severity.value for finding in system.boot(look(facts=unseen))}


def test_h21_fans_and_supplies() -> None:
    board = Board(
        fans=Said(status=0, lines=("FAN1 | 41h | cr | 29.1 | 0 RPM", "FAN2 | 42h | ok | 29.2 | 9000 RPM")),
        supplies=Said(status=0, lines=("PS1 Status | C8h | ok | 10.1 | Presence detected, Failure detected",)),
    )
    fans = (Fan(name="a", rpm=0, low=500), Fan(name="empty", rpm=0, low=0))
    found = {finding.object for finding in system.boot(look(facts=facts(board=board, fans=fans)))}
    assert found == {"fan a", "board fan", "board supply"}


@pytest.mark.parametrize(
    ("fields", "severity"),
    [
        ({"shm_total": 64 << 20}, WARN),
        ({"shm_total": 64 << 30, "shm_free": 1 << 30}, WARN),
        ({"open_files": 1024}, WARN),
        ({"shm_total": 64 << 30, "shm_free": 64 << 30}, OK),
    ],
)
def test_h22_what_gpu_jobs_need(fields: dict[str, Any], severity: str) -> None:
    assert worst(system.extras(look(gpu(), facts=facts(extras=Extras(**fields))))) == severity


def test_h22_a_runtime_that_does_not_answer() -> None:
    missing = {"runtime docker.sock": "no answer within 10 s"}
    assert worst(system.extras(look(gpu(), facts=facts(extras=Extras(), missing=missing)))) == CRIT


def test_h21_a_board_that_is_well_says_nothing() -> None:
    well = Board(
        fans=Said(status=0, lines=("FAN1 | 41h | ok | 29.1 | 9000 RPM", "FAN2 | 42h | ns | 29.2 | No Reading")),
        supplies=Said(status=0, lines=("PS1 Status | C8h | ok | 10.1 | Presence detected",)),
    )
    assert told(system.boot(look(facts=facts(board=well)))) == [(OK, "none")]


def test_h18_chrony_without_a_source_is_forgiven_right_after_boot() -> None:
    def lost(uptime: float | None) -> str:
        clock = chrony(leap="Not synchronised")
        return worst(system.clock(look(facts=facts(clock=ClockFacts(chrony=clock.chrony, uptime=uptime)))))

    assert (lost(60.0), lost(9e4), lost(None)) == (UNKNOWN, WARN, WARN)


def test_h16_mounts_that_gave_no_numbers() -> None:
    mounts = (Filesystem(mount="/"), Filesystem(mount="/data", reason="no answer within 2 s"))
    found = list(log.servers(look(samples=(sample(filesystems=mounts),))))
    assert [(finding.object, finding.severity.value) for finding in found] == [("/data", WARN)]
    assert worst(log.servers(look(samples=(sample(filesystems=mounts[:1]),)))) == OK
