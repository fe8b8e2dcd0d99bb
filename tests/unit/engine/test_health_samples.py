"""The last quarter of an hour: one sample a minute, packed small, the newest as it came."""

from __future__ import annotations

from msgspec.structs import replace

from backends.engine.health_samples import KEPT, Windows
from backends.metrics.sample import Cpu, Gpu, GpuProcess, Process, ProcessTable, Sample
from tests.unit.checks import health_cases as cases

NOW = cases.NOW


def full(at: float, gpus: int = 8) -> Sample:
    """Everything that a big host measures."""
    top = tuple(Process(pid=number, start_ticks=1, command="python train.py " * 10) for number in range(40))
    holds = (GpuProcess(pid=4711),)
    things = tuple(
        replace(cases.gpu(n), processes=holds, missing={"fan_percent": "not supported"}) for n in range(gpus)
    )
    return cases.sample(
        *things, at=at, cpu=Cpu(busy_percent=50.0, cores=(50.0,) * 128), processes=ProcessTable(top=top)
    )


def fed(seconds: int, step: int = 1) -> Windows:
    windows = Windows()
    for at in range(0, seconds + 1, step):
        windows.sample("h", full(NOW + at))
    return windows


def test_there_is_one_a_minute_and_the_newest() -> None:
    window = fed(300).of("h")
    assert [sample.time - NOW for sample in window] == [0.0, 60.0, 120.0, 180.0, 240.0, 300.0]


def test_what_is_older_than_a_quarter_of_an_hour_is_gone() -> None:
    window = fed(3600, step=10).of("h")
    assert len(window) <= KEPT + 1
    assert NOW + 3600 - window[0].time <= 900.0 and window[-1].time == NOW + 3600


def test_kept_samples_are_without_what_only_the_newest_is_judged_by() -> None:
    old, *_, newest = fed(120).of("h")
    assert newest.processes is not None and newest.gpus[0].processes and newest.gpus[0].missing
    assert old.processes is None and old.gpus[0].processes is None and not old.gpus[0].missing
    assert old.cpu is not None and old.cpu.busy_percent == 50.0 and old.gpus[0].sm_clock_mhz == 1900.0


def test_a_thousand_hosts_with_eight_gpus_stay_below_30_megabytes() -> None:
    kept = fed(1200, step=60)._kept["h"]
    assert len(kept) == KEPT
    assert 1000 * sum(len(data) + 80 for _, data in kept) < 30e6


def test_a_clock_that_goes_back_begins_a_new_window() -> None:
    windows = fed(300)
    windows.sample("h", full(NOW - 3600))
    assert [sample.time for sample in windows.of("h")] == [NOW - 3600]


def test_hosts_that_are_not_kept_are_forgotten_and_unknown_ones_have_nothing() -> None:
    windows = fed(60)
    windows.keep(["other"])
    assert windows.of("h") == () and windows.newest("h") is None


def test_a_sample_of_a_host_without_anything_is_kept_as_well() -> None:
    windows = Windows()
    bare = (Sample(time=NOW), Sample(time=NOW + 60, gpus=(Gpu(index=0),)))
    for sample in bare:
        windows.sample("h", sample)
    assert windows.of("h") == bare
