"""Hosts with the same GPUs: versions and numbers of one against those of the others."""

from __future__ import annotations

from msgspec.structs import replace

from backends.checks.health_finding import Finding
from backends.checks.health_look import Look
from backends.engine.health_group import FRESH_SECONDS, NEIGHBOURS, Groups
from backends.metrics.sample import Gpu, GpuStatus, Sample
from backends.states import Severity
from tests.unit.checks import health_cases as cases


class Fleet:
    """Hosts with two GPUs each; a look at one puts it into its group."""

    def __init__(self, count: int = 5):
        self.samples: dict[str, Sample] = {f"h{number}": cases.sample(*self.gpus(number)) for number in range(count)}
        self.groups = Groups(self.samples.get)

    def gpus(self, number: int) -> list[Gpu]:
        return [cases.gpu(index, uuid=f"GPU-{number}-{index}") for index in range(2)]

    def differs(self, host: str, **fields: object) -> None:
        """Both of its GPUs."""
        sample = self.samples[host]
        self.samples[host] = replace(sample, gpus=tuple(replace(gpu, **fields) for gpu in sample.gpus))

    def look(self, host: str) -> Look:
        return cases.look(host=host, samples=(self.samples[host],))

    def round(self) -> dict[str, tuple[Finding, ...]]:
        """Everybody once, then what is found of each."""
        for host in self.samples:
            self.groups.findings(self.look(host))
        return {host: self.groups.findings(self.look(host)) for host in self.samples}


def bad(found: dict[str, tuple[Finding, ...]]) -> list[tuple[str, str, str]]:
    return [(host, one.check, one.object) for host, told in found.items() for one in told if one.bad]


def test_hosts_that_are_alike_are_said_to_be() -> None:
    found = Fleet().round()
    assert bad(found) == []
    assert [(one.check, one.severity) for one in found["h0"]] == [("P03", Severity.OK)]


def test_the_host_with_another_driver_is_named() -> None:
    fleet = Fleet()
    fleet.samples["h3"] = replace(fleet.samples["h3"], gpu_status=GpuStatus(way="nvml", driver="560.35.03"))
    assert bad(fleet.round()) == [("h3", "P03", "driver")]


def test_two_hosts_are_no_group() -> None:
    fleet = Fleet(2)
    fleet.differs("h1", power_limit_watts=300.0)
    assert fleet.round() == {"h0": (), "h1": ()}


def test_gpus_that_are_all_odd_within_their_host_are_found_against_the_others() -> None:
    fleet = Fleet()
    fleet.differs("h2", power_limit_watts=500.0)
    assert bad(fleet.round()) == [("h2", "P01", "GPU-2-0"), ("h2", "P01", "GPU-2-1")]


def test_another_model_is_another_group() -> None:
    fleet = Fleet(6)
    for host in ("h3", "h4", "h5"):
        fleet.differs(host, name="NVIDIA A100-SXM4-80GB", power_limit_watts=400.0)
    assert bad(fleet.round()) == []


def test_samples_of_before_say_nothing_about_now() -> None:
    fleet = Fleet()
    fleet.differs("h2", power_limit_watts=500.0)
    for host in ("h0", "h1", "h3", "h4"):
        fleet.samples[host] = replace(fleet.samples[host], time=cases.NOW - FRESH_SECONDS - 1)
    found = fleet.groups.findings(fleet.look("h2"))
    assert not [one for one in found if one.check == "P01"]


def test_in_a_large_fleet_numbers_are_compared_with_some_neighbours_only() -> None:
    asked: list[str] = []
    fleet = Fleet(60)
    fleet.groups = Groups(lambda host: asked.append(host) or fleet.samples[host])  # type: ignore[func-returns-value]
    fleet.round()
    asked.clear()
    fleet.groups.findings(fleet.look("h7"))
    assert len(asked) == NEIGHBOURS and "h7" not in asked


def test_a_host_without_gpus_or_out_of_the_fleet_is_in_no_group() -> None:
    fleet = Fleet()
    fleet.round()
    assert fleet.groups.findings(cases.look(host="web1", samples=(Sample(time=cases.NOW),))) == ()
    fleet.groups.keep(["h0", "h1"])
    assert fleet.groups.findings(fleet.look("h0")) == ()
