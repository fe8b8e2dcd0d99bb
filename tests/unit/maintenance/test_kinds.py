"""Hosts that a change meets in the same way are of one kind; a patch of the kernel or the driver makes no other kind."""

from __future__ import annotations

import pytest

from backends.maintenance.fleet import FleetHost
from backends.maintenance.kinds import kind_of, model, system
from backends.metrics.sample import HostFacts
from tests.unit.maintenance.planning import KIND, host


def test_a_kind_is_gpus_system_kernel_and_driver() -> None:
    assert kind_of(host("gpu1")) == KIND


def test_a_host_of_which_nothing_is_known_has_its_own_kind() -> None:
    assert kind_of(FleetHost(host="x")) == "unknown"


def test_patches_make_no_other_kind_and_another_series_does() -> None:
    def kind(kernel: str, driver: str) -> str:
        facts = HostFacts(system="Debian GNU/Linux 12 (bookworm)", kernel=kernel)
        return kind_of(host("gpu1", facts=facts, driver=driver))

    assert kind("6.1.0-21-amd64", "550.90.07") == KIND
    assert kind("6.12.1", "550.1") != KIND
    assert kind("6.1.0", "570.1") != KIND


def test_mixed_gpus_and_no_gpus() -> None:
    assert kind_of(host("gpu1", gpus=("NVIDIA A100", "NVIDIA H100", "NVIDIA A100"))).startswith("2×A100 + 1×H100 · ")
    assert kind_of(host("login1", gpus=())) == "no GPU · Debian 12 · 6.1"
    assert kind_of(host("gpu1", gpus=None)) == "Debian 12 · 6.1"


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("Debian GNU/Linux 12 (bookworm)", "Debian 12"),
        ("Ubuntu 22.04.3 LTS", "Ubuntu 22.04"),
        ("Red Hat Enterprise Linux 9.4 (Plow)", "RHEL 9.4"),
        ("Rocky Linux 9.3 (Blue Onyx)", "Rocky 9.3"),
        ("SUSE Linux Enterprise Server 15 SP5", "SLES 15"),
        ("openSUSE Leap 15.6", "openSUSE 15.6"),
        ("Arch Linux", "Arch"),
        ("", ""),
    ],
)
def test_systems_have_short_names(name: str, short: str) -> None:
    assert system(name) == short


def test_a_model_has_no_maker() -> None:
    assert model("NVIDIA H100 80GB HBM3") == "H100 80GB HBM3"
    assert model("Tesla V100-SXM2-32GB") == "V100-SXM2-32GB"
