"""Whose GPUs they are: by Slurm job, container or pod, else by process."""

from __future__ import annotations

from typing import Any

import pytest

from backends.checks.jobs import jobs_of
from backends.checks.window import Window
from backends.metrics.sample import Gpu, GpuProcess, Process, Sample
from tests.unit.checks.windows import COUNT, DAY, FACTS, GIB, gpu, kinds, rank, sample, the

FREE: dict[str, Any] = {"processes": (), "utilisation_percent": 0.0, "memory_used_bytes": GIB // 2}


def window(gpus: list[Gpu], table: list[Process]) -> list[Sample]:
    return [sample(step, gpus, table) for step in range(COUNT)]


def found(gpus: list[Gpu], *table: Process) -> dict[str, tuple[int, ...]]:
    jobs = jobs_of(Window(window(gpus, list(table)), FACTS))
    return {job.subject: tuple(one.index for one in job.gpus) for job in jobs}


@pytest.mark.parametrize(
    ("owner", "subject"),
    [
        ({"slurm_job": "4711", "container": "docker 3f2a9c01d2e3"}, "job 4711"),
        ({"slurm_job": None, "container": "docker 3f2a9c01d2e3"}, "container 3f2a9c01d2e3"),
        ({"slurm_job": None, "container": "pod 1a2b3c4d"}, "pod 1a2b3c4d"),
        ({"slurm_job": None, "container": "lxc web"}, "container web"),
    ],
)
def test_processes_of_one_owner_are_one_job(owner: dict[str, Any], subject: str) -> None:
    assert found([gpu(0), gpu(1)], rank(0, **owner), rank(1, **owner)) == {subject: (0, 1)}


def test_processes_without_an_owner_stand_for_themselves() -> None:
    assert found([gpu(0), gpu(1)], rank(0, slurm_job=None)) == {"pid 4100": (0,), "pid 4101": (1,)}


def test_two_jobs_on_a_host_are_judged_apart() -> None:
    table = [rank(0, slurm_job="1"), rank(1, slurm_job="2")]
    told = window([gpu(0), gpu(1, utilisation_percent=0.0)], table)
    assert kinds(told, "job 1") == ["ok"]
    assert kinds(told, "job 2") == ["idle-allocated"]


def test_a_gpu_that_jobs_share_is_judged_as_itself() -> None:
    shared = gpu(0, processes=(GpuProcess(pid=4100), GpuProcess(pid=4101)))
    assert found([shared, gpu(1)], rank(0, slurm_job="1"), rank(1, slurm_job="2")) == {"gpu 0": (0,), "job 2": (1,)}


def test_a_display_server_is_no_job() -> None:
    assert found([gpu(0, **FREE | {"processes": (GpuProcess(pid=9, kind="graphics"),)})]) == {}


def test_a_free_gpu_is_no_job_and_needs_no_verdict() -> None:
    free = window([gpu(0, **FREE)], [])
    assert kinds(free, "gpu 0") == []
    assert kinds(free, "host") == ["ok"]


def test_a_gpu_that_works_for_nobody_known_is_judged_all_the_same() -> None:
    assert kinds(window([gpu(0, processes=())], []), "gpu 0") == ["ok"]


def test_a_held_gpu_without_a_process_list_may_be_idle_or_not() -> None:
    told = window([gpu(0, processes=None, utilisation_percent=0.0)], [])
    assert kinds(told, "gpu 0") == ["unknown"]
    assert "idle-allocated; missing: processes" in the(told, "unknown").text


def test_a_free_gpu_without_utilisation_is_not_called_free() -> None:
    assert kinds(window([gpu(0, **FREE | {"utilisation_percent": None})], []), "gpu 0") == ["unknown"]


def test_a_lost_gpu_leaves_its_job_unknown() -> None:
    lost = Gpu(index=1, name="NVIDIA H100 80GB HBM3", lost=True)
    told = window([gpu(0), lost], [rank(0), rank(1)])
    assert kinds(told) == ["unknown"]
    assert the(told, "unknown").text == "not judged: gpu 1; missing: everything (GPU is lost)"


def test_a_job_is_as_old_as_its_oldest_process_on_a_gpu() -> None:
    (job,) = jobs_of(
        Window(
            window([gpu(0), gpu(1)], [rank(0), rank(1, start_ticks=int(2 * DAY * 100)), rank(9, start_ticks=1)]), FACTS
        )
    )
    assert job.age_seconds() == pytest.approx(2 * DAY, abs=100)


@pytest.mark.parametrize("ticks", [0, -5, int(30 * DAY * 100)], ids=["unset", "negative", "after now"])
def test_an_impossible_start_gives_no_age(ticks: int) -> None:
    (job,) = jobs_of(Window(window([gpu(0)], [rank(0, start_ticks=ticks)]), FACTS))
    assert job.age_seconds() is None


def test_the_first_minutes_of_a_job_prove_nothing() -> None:
    young = rank(0, start_ticks=int((3 * DAY - 60) * 100))
    told = window([gpu(0, utilisation_percent=0.0)], [young])
    assert kinds(told) == ["unknown"]
    assert the(told, "unknown").text == "too young to judge (128 of 180 s)"


def test_a_name_that_is_no_plain_word_never_enters_a_command() -> None:
    nasty = rank(0, slurm_job="1; rm -rf /")
    told = window([gpu(0, utilisation_percent=0.0)], [nasty])
    assert the(told, "idle-allocated").next_step == "ps -o pid,user,etime,args -p 4100"


@pytest.mark.parametrize(("busy", "told"), [(9.5, []), (10.5, ["ok"])])
def test_from_some_utilisation_on_a_gpu_works_for_somebody(busy: float, told: list[str]) -> None:
    steady = gpu(0, processes=(), utilisation_percent=busy, memory_used_bytes=60 * GIB)
    assert kinds(window([steady], []), "gpu 0") == told


@pytest.mark.parametrize(("share", "told"), [(0.045, []), (0.055, ["unknown"])])
def test_from_some_memory_on_a_gpu_may_be_held(share: float, told: list[str]) -> None:
    quiet = gpu(0, processes=None, utilisation_percent=0.0, memory_used_bytes=int(share * 80 * GIB))
    assert kinds(window([quiet], []), "gpu 0") == told
