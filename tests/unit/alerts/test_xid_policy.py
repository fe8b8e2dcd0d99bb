"""XIDs: the table, its overrides, the lines of the kernel log, forged ones included, and the alerts that come of them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from backends.alerts import state
from backends.alerts.evaluation import held_of
from backends.alerts.kernel_events import taken
from backends.alerts.model import Phase, Truth
from backends.alerts.pack import rules
from backends.alerts.rules import judge
from backends.alerts.subjects import NOT_HELD, Held, KernelEvent, Subject
from backends.alerts.xid_lines import MOST_CODE, Xid, bus_of, read
from backends.alerts.xid_policy import TABLE, Override, Policies
from backends.hostkit.kernel_message import KernelEvent as Message
from backends.hostkit.kernel_message import Messages
from backends.metrics.sample import HostFacts, Sample
from backends.states import HostState, Severity
from tests.unit.alerts.rule_subjects import BOOT_ID, BUS, GRAVE, NOW, PACK, UUID, gpu, sample, subject
from tests.unit.alerts.rule_subjects import read as ask

CRITICAL, WARNING = Severity.CRITICAL, Severity.WARNING
ODD = ("", "\x1b[2J", "\x1b]0;title\x07", "\u202e", "%s", "\x00", "é", "🦊", "'; rm -rf /", "\n")


@pytest.mark.parametrize(
    ("codes", "kind", "action", "severity"),
    [
        ([79], "fatal", "reboot", CRITICAL),
        ([151, 54], "fatal", None, CRITICAL),
        ([46, 62, 64, 95, 109, 110, 119, 120, 136, 140, 143, 155, 156, 158], "reset", "reset GPU", CRITICAL),
        ([48, 74, *range(144, 151)], "workflow", "reset GPU", CRITICAL),
        ([45], "workflow", "check app", WARNING),
        ([13, 31, 32, 39, 40, 41, 68, 69, 70, 71, 72, 94], "app", "restart app", WARNING),
        ([37, 38, 43, 44, 63, 66, 67, 92, 93], "ignore", "none", Severity.OK),
    ],
)
def test_the_table_is_that_of_the_reference(
    codes: list[int], kind: str, action: str | None, severity: Severity
) -> None:
    for code in codes:
        policy = TABLE[code]
        assert (policy.kind, policy.severity) == (kind, severity), code
        assert action is None or policy.action == action
        assert policy.meaning


def test_an_unknown_number_is_a_warning_to_be_looked_up() -> None:
    policy = Policies().of(4242)
    assert (policy.kind, policy.severity) == ("unknown", WARNING)
    assert "catalogue" in policy.advice


def test_a_site_can_say_otherwise() -> None:
    policies = Policies(
        (
            Override(code=43, severity=WARNING),
            Override(code=79, action="hardware inspection"),
            Override(code=900, kind="ignore"),
        )
    )
    assert policies.of(43).kind == "workflow"
    assert (policies.of(79).action, policies.of(79).kind) == ("hardware inspection", "fatal")
    assert policies.of(900).kind == "ignore"
    assert TABLE[43].kind == "ignore"


def test_another_kind_brings_what_is_usual_for_it_and_a_higher_severity_is_told() -> None:
    changed = Policies(
        (Override(code=63, kind="fatal"), Override(code=31, severity=CRITICAL), Override(code=79, kind="app"))
    )
    assert (changed.of(63).severity, changed.of(63).action, changed.of(63).cured_by_reset) == (
        CRITICAL,
        "reboot",
        False,
    )
    assert (changed.of(31).kind, changed.of(31).action) == ("workflow", TABLE[31].action)
    assert (changed.of(79).severity, changed.of(79).cured_by_reset) == (WARNING, True)


def test_what_is_said_goes_before_what_is_usual() -> None:
    (own,) = [Policies((Override(code=63, kind="reset", severity=WARNING, action="check app", note=False),)).of(63)]
    assert (own.kind, own.severity, own.action, own.note) == ("reset", WARNING, "check app", False)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("NVRM: Xid (PCI:0000:05:00): 79, pid=4711, name=python, GPU has fallen off the bus.", Xid(79, BUS, "", "4711", "python")),
        ("kernel: NVRM: Xid (PCI:0000:05:00): 31, pid='12', name=a b, Ch 00000008", Xid(31, BUS, "", "12", "a b")),
        ("NVRM: Xid (0000:05:00): 13", Xid(13, BUS)),
        ("NVRM: Xid (PCI:0000:05:00): 145, RLW_REMAP Nonfatal XC0 i0", Xid(145, BUS, "nonfatal")),
        ("NVRM: Xid (PCI:0000:05:00): 149, NETIR_LINK_EVT Fatal XC0", Xid(149, BUS, "fatal")),
        ("NVRM: Xid (PCI:0000:05:00): 48, Fatal is only a word here", Xid(48, BUS)),
        ("NVRM: GPU 0000:05:00.0: GPU has fallen off the bus.", Xid(79, BUS)),
        ("NVRM: The NVIDIA GPU 0000:05:00.0 (PCI ID: 10de:2330) has fallen off the bus and is not responding.", Xid(79, BUS)),
        ("NVRM: Xid (PCI:0000:05:00): 123456789", None),
        ("NVRM: Xid (PCI:0000:05:00): 99999", None),
        ("NVRM: Xid (PCI:0000:05:00): 0", None),
        ("NVRM: loading NVIDIA UNIX module", None),
        ("", None),
    ],
)  # fmt: skip
def test_lines_of_the_log(line: str, expected: Xid | None) -> None:
    assert read(line) == expected


@pytest.mark.parametrize("text", ["0000:05:00", "00000000:05:00.0", "PCI:0000:05:00", "05:00.0", "0000:05:00.0"])
def test_an_address_has_one_spelling(text: str) -> None:
    assert bus_of(text) == BUS


@given(st.lists(st.sampled_from((*ODD, "NVRM: ", "Xid (PCI:", "0000:05:00", "): ", "79", ", pid=", "Fatal", "9" * 30))))
@settings(max_examples=150)
def test_forged_lines_are_harmless(parts: list[str]) -> None:
    found = read("".join(parts))
    if found is not None:
        assert 0 < found.code <= MOST_CODE
        assert found.bus in ("", bus_of(found.bus))
        assert "\x1b" not in found.name + found.pid


@given(st.text(max_size=60))
def test_an_address_is_one_or_nothing(text: str) -> None:
    found = bus_of(text)
    assert found == "" or bus_of(found) == found


def xid(
    code: int, ago: float = 60.0, *, boot: str = BOOT_ID, bus: str = BUS, job: str = "", grade: str = ""
) -> KernelEvent:
    text = f"NVRM: Xid (PCI:{bus}): {code}"
    return KernelEvent(time=NOW - ago, kind="xid", boot_id=boot, code=code, object=bus, text=text, job=job, grade=grade)


def about(*events: KernelEvent, **more: Any) -> Subject:
    return subject(events=events, **more)


@given(
    st.lists(
        st.builds(
            KernelEvent,
            time=st.floats(NOW - 1e6, NOW + 1e4),
            kind=st.just("xid"),
            object=st.one_of(st.text(max_size=20), st.integers(0, 255).map(lambda bus: f"0000:{bus:02x}:00")),
            code=st.one_of(st.none(), st.integers(-5, 10**6)),
            text=st.sampled_from(ODD).map(lambda odd: f"NVRM: Xid (PCI:0000:05:00): 79 {odd}"),
            job=st.sampled_from(("", "1", "2", "3")),
        ),
        max_size=60,
    )
)
@settings(max_examples=60, deadline=None)
def test_a_flood_of_forged_events_makes_few_alerts_and_safe_text(events: list[KernelEvent]) -> None:
    readings = PACK.evaluate([about(*events)], {})
    assert len(readings) <= 3 * 11
    for reading in readings:
        assert "\x1b" not in reading.text + "".join(reading.evidence)
        assert "\u202e" not in "".join(reading.evidence)


def test_the_worst_xid_names_the_alert_and_the_others_are_evidence() -> None:
    found = ask("gpu.xid", about(xid(119, 50), xid(79, 40), xid(31, 30)), UUID)
    assert (found.severity, found.text) == (CRITICAL, f"XID 79 on GPU {BUS}: the GPU has fallen off the bus")
    assert found.advice == "Drain the host and power-cycle it; do not reset the GPU."
    assert found.evidence == (f"NVRM: Xid (PCI:{BUS}): 79", f"NVRM: Xid (PCI:{BUS}): 119")
    assert found.time == NOW - 40


def test_a_gpu_falls_off_the_bus_once() -> None:
    """The driver tells it with a number and a process, and again without either: the first line says more."""
    text = f"NVRM: Xid (PCI:{BUS}): 79, pid=4711, name=python, GPU has fallen off the bus."
    again = replace(xid(79, 59), text=f"NVRM: GPU {BUS}.0: GPU has fallen off the bus.")
    assert ask("gpu.xid", about(replace(xid(79, 60), text=text), again), UUID).evidence == (text,)


def test_a_clean_up_follows_another_xid_and_is_no_alert_of_its_own() -> None:
    floods = [xid(45, 50 - index) for index in range(20)]
    assert PACK.evaluate([about(xid(43, 60), *floods)], {}) == []
    assert ask("gpu.xid", about(xid(45)), UUID).severity is WARNING


def test_an_nvlink_error_says_itself_whether_it_is_fatal() -> None:
    assert ask("gpu.xid", about(xid(145, grade="nonfatal")), UUID).severity is WARNING
    assert ask("gpu.xid", about(xid(145, grade="fatal")), UUID).severity is CRITICAL


def test_ignored_ones_are_history_and_two_of_them_a_note() -> None:
    assert PACK.evaluate([about(xid(43), xid(44), xid(66))], {}) == []
    (found,) = PACK.evaluate([about(xid(63))], {})
    assert (found.rule, found.truth, found.severity) == ("gpu.xid_note", Truth.TRUE, Severity.OK)


@pytest.mark.parametrize(
    ("agos", "fires"),
    [((3500, 1800, 10), True), ((3700, 1800, 10), False), ((1000, 900, 800), False), ((1800, 10), False)],
    ids=["three in an hour", "one is older", "the driver repeats itself", "two"],
)
def test_three_application_faults_in_an_hour(agos: tuple[float, ...], fires: bool) -> None:
    found = ask("gpu.xid_app", about(*(xid(31, ago) for ago in agos)), UUID)
    assert (found.truth is Truth.TRUE) is fires


def test_the_same_xid_on_three_jobs_is_not_the_application() -> None:
    jobs = [xid(13, 90_000 - 20_000 * index, job=str(index)) for index in range(3)]
    found = ask("gpu.xid_app", about(*jobs), UUID)
    assert (found.severity, found.text) == (CRITICAL, f"XID 13 hit 3 different jobs on GPU {BUS}")
    same = [xid(13, 90_000 - 20_000 * index, job="1") for index in range(3)]
    assert ask("gpu.xid_app", about(*same), UUID).truth is Truth.NODATA


def test_silence_of_the_log_resolves_nothing() -> None:
    assert ask("gpu.xid", subject(), UUID, GRAVE).truth is Truth.NODATA


HELD = Held(level=CRITICAL, since=NOW - 5000)


def test_a_reboot_resolves_it() -> None:
    rebooted = about(xid(79, 5000, boot="old"), sample=_up(1000))
    found = ask("gpu.xid", rebooted, UUID, HELD)
    assert (found.truth, found.time) == (Truth.FALSE, NOW - 1000)
    assert ask("gpu.xid", subject(sample=_up(1000)), UUID, HELD).truth is Truth.FALSE


def test_a_clock_that_was_set_does_not_make_a_reboot() -> None:
    assert ask("gpu.xid", about(xid(79, 5000), sample=_up(1000)), UUID, HELD).truth is Truth.TRUE


def test_a_reset_resolves_what_a_reset_cures() -> None:
    reset = {UUID: NOW - 100}
    assert ask("gpu.xid", about(xid(119, 5000), resets=reset), UUID, HELD).truth is Truth.FALSE
    assert ask("gpu.xid", about(xid(79, 5000), resets=reset), UUID, HELD).truth is Truth.TRUE
    assert ask("gpu.xid", about(xid(119, 5000), resets={"GPU-other": NOW}), UUID, HELD).truth is Truth.TRUE


def test_what_was_settled_by_hand_does_not_come_back_until_it_happens_again() -> None:
    old = xid(48, 5000)
    for done in (about(old, settled={("gpu.xid", UUID): NOW - 10}), about(old)):
        held = NOT_HELD if done.settled else Held(settled=NOW - 10)
        assert ask("gpu.xid", done, UUID, held).truth is Truth.NODATA
    assert ask("gpu.xid", about(old, xid(48, 1)), UUID, Held(settled=NOW - 10)).truth is Truth.TRUE


def test_the_same_after_two_reboots_is_for_the_hardware_people() -> None:
    twice = [xid(119, 9000, boot="one"), xid(119, 6000, boot="two")]
    thrice = [*twice, xid(119, 60)]
    assert "inspected" not in ask("gpu.xid", about(*twice, xid(120)), UUID).advice
    found = ask("gpu.xid", about(*thrice, sample=_up(3000)), UUID)
    assert found.advice == "Take the host out of service and have the GPU inspected."
    assert found.text.endswith("it came back after 2 reboots")
    later = about(*thrice, sample=_up(10), facts=None)
    assert ask("gpu.xid", later, UUID, GRAVE).truth is Truth.TRUE, "another reboot is no cure"


def test_a_gpu_keeps_its_name_after_it_fell_off_the_bus() -> None:
    (found,) = PACK.evaluate([subject(events=(xid(79),), sample=_up(50_000, gpus=()))], {})
    assert found.object == UUID
    strange = PACK.evaluate([subject(events=(xid(79, bus="0000:99:00"),))], {})
    assert [each.object for each in strange] == ["0000:99:00"]


def test_events_of_a_host_that_is_gone_are_told_all_the_same() -> None:
    gone = about(xid(79), state=HostState.UNREACHABLE)
    assert {each.rule for each in PACK.evaluate([gone], {})} == {"gpu.xid", "host.down"}


def test_the_table_of_the_site_decides() -> None:
    own = rules(overrides=[Override(code=79, severity=WARNING), Override(code=31, kind="workflow")])
    rule = own.get("gpu.xid")
    assert rule is not None
    assert judge(about(xid(79)), rule, UUID).severity is WARNING
    assert judge(about(xid(31)), rule, UUID).truth is Truth.TRUE


def test_messages_of_the_hosts_reader_are_taken() -> None:
    lost = Message(kind="gpu-lost", time=NOW - 5, boot="b" * 32, device="0000:05:00.0", text="NVRM: GPU is lost")
    event = taken(lost, clock_offset_seconds=2.0)
    assert (event.kind, event.code, event.object, event.time) == ("xid", 79, BUS, NOW - 7)
    killed = Message(kind="oom", time=NOW, text="Killed process 1 (python)", group="/slurm/job_7")
    assert taken(killed).text == "Killed process 1 (python) [/slurm/job_7]"
    disk = taken(Message(kind="filesystem", time=NOW, device="sda1", grade="read-only", text="x"), job="7")
    assert (disk.object, disk.grade, disk.job) == ("sda1", "read-only", "7")


def test_lines_as_the_kernel_writes_them_become_one_alert_that_a_reboot_ends() -> None:
    line = "NVRM: Xid (PCI:0000:05:00): 79, pid=4711, name=python, GPU has fallen off the bus."
    message = Messages().event(line, "xid", NOW - 5, BOOT_ID.replace("-", ""), 10.0)
    assert message is not None
    alert, phases = None, []
    for seconds in range(0, 300, 10):
        sick = seconds < 150
        now = NOW + seconds
        events = (taken(message),)
        here = subject(
            now=now,
            events=events,
            sample=sample(time=now, uptime_seconds=1e5 if sick else 20.0, gpus=(gpu(lost=True),) if sick else (gpu(),)),
            facts=HostFacts(boot_id=BOOT_ID if sick else "another"),
        )
        for reading in PACK.evaluate([here], held_of([alert] if alert else [])):
            assert reading.rule == "gpu.xid"
            alert, _ = state.step(alert or state.fresh(reading), reading, PACK.times["gpu.xid"], now)
        phases.append(alert.phase if alert else None)
    assert phases == [Phase.FIRING] * 15 + [Phase.RESOLVED] * 15
    assert alert is not None
    assert alert.episode == 1


def _up(seconds: float, **more: Any) -> Sample:
    return sample(uptime_seconds=seconds, **more)


def test_boot_ids_compare_with_and_without_dashes() -> None:
    assert (
        ask("gpu.xid", about(xid(79, 5000, boot=BOOT_ID.replace("-", "")), sample=_up(1000)), UUID, HELD).truth
        is Truth.TRUE
    )
