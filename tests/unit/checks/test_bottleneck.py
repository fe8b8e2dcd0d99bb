"""The verdicts as a whole: order, hung drivers, the simulated fleet, and any numbers whatsoever."""

from __future__ import annotations

import math
import re
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.checks.bottleneck import judge
from backends.checks.verdict import Verdict
from backends.engine.verdicts import headline
from backends.metrics.sample import Cpu, Gpu, GpuStatus, Memory, Nic, Sample
from backends.metrics.throttle import HW_THERMAL
from backends.sources import demo_fleet, demo_motion
from backends.states import Severity
from tests.unit.checks.windows import COUNT, STEP, Fields, cpu, host, kinds, memory, nic, rank, sample, the, training


def test_the_weightiest_comes_first() -> None:
    window = training(one=(1, {"throttle_bits": HW_THERMAL, "sm_clock_mhz": 900.0}), sampled={"memory": None})
    told = [(verdict.subject, verdict.kind) for verdict in judge(window, None)]
    assert told == [("gpu 1", "throttled"), ("job 4711", "straggler"), ("host", "unknown")]


def test_a_hung_driver_leaves_its_gpus_unknown_and_the_host_judged() -> None:
    hung = GpuStatus(way="nvml", hung=True, reason="no answer within 3 s")
    window = training(sampled={"gpu_status": hung})
    assert kinds(window, "job 4711") == []
    assert the(window, "unknown").subject == "gpu 0-3"
    assert the(window, "unknown").text == "GPUs not judged: no answer within 3 s"
    assert kinds(window, "host") == ["ok"]


def test_gpus_that_should_be_there_and_are_not_read_are_unknown() -> None:
    window = host(gpu_status=GpuStatus(way="none", reason="released for the update"))
    assert the(window, "unknown").text == "GPUs not judged: released for the update"


def test_a_job_that_works_well_is_surely_fine_and_one_with_room_only_maybe() -> None:
    well, room = the(training(), "ok", "job 4711"), the(training(utilisation_percent=69.0), "ok", "job 4711")
    assert (well.text, well.confidence) == ("its GPUs work and nothing holds them back", "high")
    assert well.evidence == ("gpus 0-3 92% used", "draws 91% of the power limit")
    assert (room.text, room.confidence) == ("no bottleneck found, though its GPUs have room", "low")


def test_every_verdict_that_says_something_has_numbers_and_a_next_command() -> None:
    for story in ("data-loader", "throttled", "idle-allocated", "storage-bound", "memory-full"):
        for verdict in judge(simulated(story), None):
            assert verdict.text
            if verdict.kind not in ("ok", "unknown"):
                assert any(re.search(r"\d", words) for words in verdict.evidence), verdict
                assert verdict.next_step, verdict


# -- the simulated fleet


def simulated(story: str, time: float = 0.0) -> list[Sample]:
    one = next(host for host in demo_fleet.build(40) if host.story == story)
    return [demo_motion.sample(one, 7, time + 5.0 * step, 1.0, 1e9 + time + 5.0 * step) for step in range(COUNT)]


@pytest.mark.parametrize("time", [0.0, 70.0, 400.0, 3000.0])
@pytest.mark.parametrize(
    ("story", "row"),
    [
        ("training", ""),
        ("data-loader", "data-loader (job 4700)"),
        ("throttled", "throttled (gpu 5)"),
        ("idle-allocated", "idle-allocated (job 4704)"),
        ("idle", ""),
        ("users", ""),
        ("storage-bound", "storage"),
        ("memory-full", "memory-pressure"),
        ("lost-gpu", ""),
        ("driver-hung", ""),
    ],
)
def test_the_simulated_fleet_shows_the_verdict_of_its_story(story: str, row: str, time: float) -> None:
    assert headline(judge(simulated(story, time), None)) == row


# -- any numbers

numbers = st.one_of(
    st.none(),
    st.floats(),
    st.sampled_from([0.0, 4.0, 50.0, 100.0, math.nan, math.inf, -math.inf, -1.0, 1e300, 1e-300]),
)
whole = st.one_of(st.none(), st.sampled_from([0, 1, -1, 5, 16, 80 << 30, 1 << 63, 10**400]), st.integers())


def of(kind: type[Any], **fixed: Any) -> st.SearchStrategy[Any]:
    """Records of this kind with any number in every field that holds one."""
    fields: dict[str, Any] = {}
    for field in msgspec.structs.fields(kind):
        if field.type == (float | None):
            fields[field.name] = numbers
        elif field.type == (int | None):
            fields[field.name] = whole
    return st.builds(kind, **(fields | {name: st.just(value) for name, value in fixed.items()}))


@st.composite
def anything(draw: st.DrawFn) -> Sample:
    gpus = tuple(draw(of(Gpu, index=index)) for index in range(draw(st.integers(0, 2))))
    values: Fields = {
        "cpu": draw(st.none() | of(Cpu, cores=(100.0, math.nan, None))),
        "memory": draw(st.none() | of(Memory)),
        "nics": tuple(draw(st.lists(of(Nic, name="eno1"), max_size=1))),
        "interval_seconds": draw(numbers),
        "uptime_seconds": draw(numbers),
    }
    return sample(0, gpus, [rank(0, start_ticks=draw(whole) or 0, cpu_percent=draw(numbers))], **values)


def spread(samples: list[Sample], times: list[float]) -> list[Sample]:
    """Some samples in turn, at these times."""
    return [msgspec.structs.replace(samples[place % len(samples)], time=time) for place, time in enumerate(times)]


@settings(max_examples=150, deadline=None)
@given(st.lists(anything(), min_size=1, max_size=4))
def test_no_number_breaks_the_judge(samples: list[Sample]) -> None:
    regular = spread(samples, [1e9 + STEP * step for step in range(COUNT)])
    for verdict in judge(regular, None):
        assert isinstance(verdict, Verdict)
        assert verdict.text
        assert "nan" not in verdict.text + "".join(verdict.evidence)


@settings(max_examples=50, deadline=None)
@given(anything(), st.lists(st.floats(), max_size=COUNT))
def test_no_time_breaks_the_judge(one: Sample, times: list[float]) -> None:
    assert judge(spread([one], times), None)


nothing = st.sampled_from([None, math.nan, math.inf, -math.inf, -1.0, 1e300])
NEEDED_OF_HOST = ("busy_percent", "total_bytes", "available_bytes", "rx_bytes_per_second", "tx_bytes_per_second")
NEEDED_OF_GPU = ("utilisation_percent", "power_watts", "memory_used_bytes", "memory_total_bytes", "sm_clock_mhz")


@given(st.sampled_from(NEEDED_OF_HOST), nothing)
def test_a_host_without_a_number_that_matters_is_never_called_fine(field: str, value: float | None) -> None:
    window = host(
        cpu=cpu(**{field: value}) if field in Cpu.__struct_fields__ else cpu(),
        memory=memory(**{field: value}) if field in Memory.__struct_fields__ else memory(),
        nics=(nic(**{field: value}) if field in Nic.__struct_fields__ else nic(),),
    )
    assert kinds(window, "host") == ["unknown"]


@given(st.sampled_from(NEEDED_OF_GPU), nothing)
def test_a_job_without_a_number_that_matters_is_never_called_fine(field: str, value: float | None) -> None:
    different: Fields = {field: value}
    told = kinds(training(one=(1, different)))
    assert "ok" not in told
    assert "unknown" in told


@given(st.dictionaries(st.sampled_from(Gpu.__struct_fields__[5:28]), nothing, min_size=1))
def test_missing_numbers_never_become_a_finding(fields: Fields) -> None:
    """What is not measured may hide a fault, but must not look like one."""
    numeric = {name: value for name, value in fields.items() if name not in ("persistence", "ecc_enabled")}
    for verdict in judge(training(**numeric), None):
        assert verdict.kind in ("ok", "unknown"), verdict
        assert verdict.severity in (Severity.OK, Severity.UNKNOWN)
