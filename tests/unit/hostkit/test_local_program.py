"""The kit's facts of this machine, read by the very code that runs on hosts."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from backends.hostkit.facts import driverless_gpus, gpu_vendors, host_facts
from backends.hostkit.local_program import load_facts
from tests.unit.hostkit.parts import OUTPUTS, part, plant

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the kit reads /proc")


def test_this_machine_is_described() -> None:
    facts = host_facts(load_facts())
    assert facts.hostname == os.uname().nodename
    assert facts.memory_total_bytes == int(Path("/proc/meminfo").read_text().split()[1]) * 1024
    assert facts.architecture == os.uname().machine
    assert facts.kit_version == "local"


def test_another_tree_is_described_as_it_stands() -> None:
    facts = host_facts(load_facts(str(OUTPUTS / "proc/vm-2cpu"), "/nonexistent"))
    assert (facts.hostname, facts.cpu_count) == ("testhost", 2)
    assert facts.boot_id == (OUTPUTS / "proc/vm-2cpu/sys/kernel/random/boot_id").read_text().strip()


@pytest.mark.parametrize("other", [None, ModuleType("kit_text")], ids=["none", "another of that name"])
def test_the_short_names_of_the_parts_do_not_stay(other: ModuleType | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "kit_text", raising=False)
    if other:
        monkeypatch.setitem(sys.modules, "kit_text", other)
    load_facts()
    assert sys.modules.get("kit_text") is other
    assert "kit_facts" not in sys.modules


def test_it_works_in_a_process_that_has_loaded_nothing_else() -> None:
    program = "from backends.hostkit.local_program import load_facts as f; print(f()['kernel'])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=20)
    assert done.stdout.strip() == os.uname().release


class TestGpus:
    """Which vendor's program to send."""

    @pytest.fixture(autouse=True)
    def _no_devices(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("DEVROOT", str(tmp_path / "dev"))

    def vendors(self, root: Path) -> tuple[tuple[str, ...], int]:
        values = load_facts(str(root / "proc"), str(root / "sys"))
        return gpu_vendors(values), driverless_gpus(values)

    def pci(self, bus: str, vendor: str, kind: str = "0x030200") -> dict[str, str | bytes]:
        folder = f"sys/bus/pci/devices/{bus}/"
        return {folder + "vendor": vendor + "\n", folder + "class": kind + "\n"}

    def test_none(self, tmp_path: Path) -> None:
        assert self.vendors(tmp_path) == ((), 0)

    @pytest.mark.parametrize(
        "sign", ["dev/nvidiactl", "dev/nvidia0", "proc/driver/nvidia/gpus/0000:1b:00.0/information"]
    )
    def test_nvidia_with_its_driver(self, sign: str, tmp_path: Path) -> None:
        plant(tmp_path, {sign: "", **self.pci("0000:1b:00.0", "0x10de")})
        assert self.vendors(tmp_path) == (("nvidia",), 0)

    def test_nvidia_without(self, tmp_path: Path) -> None:
        audio, gpus = self.pci("0000:1b:00.1", "0x10de", "0x040300"), self.pci("0000:1b:00.0", "0x10de")
        plant(tmp_path, {**audio, **gpus, **self.pci("0000:3b:00.0", "0x10de", "0x030000")})
        assert self.vendors(tmp_path) == ((), 2)

    def test_amd(self, tmp_path: Path) -> None:
        plant(tmp_path, {"sys/class/drm/card0/device/vendor": "0x8086", "sys/class/drm/card1/device/vendor": "0x1002"})
        plant(tmp_path, {"sys/class/drm/card1-DP-1/device/vendor": "0x1002"})
        assert self.vendors(tmp_path) == (("amd",), 0)


@pytest.mark.parametrize(
    ("vendor", "product", "shown"),
    [
        ("QEMU", "Standard PC", "kvm"),
        ("Amazon EC2", "p5.48xlarge", "amazon"),
        ("Amazon EC2", "p4d.metal", ""),
        ("Microsoft Corporation", "Virtual Machine", "hyper-v"),
        ("Dell Inc.", "PowerEdge XE9680", ""),
    ],
)
def test_virtual_machines_are_told_by_their_firmware(vendor: str, product: str, shown: str, tmp_path: Path) -> None:
    plant(tmp_path, {"class/dmi/id/sys_vendor": vendor, "class/dmi/id/product_name": product})
    assert part("kit_facts").hypervisor(str(tmp_path), "flags : fpu sse") == shown


@pytest.mark.parametrize(("flags", "shown"), [("flags : fpu hypervisor sse", "vm"), ("flags : fpu", ""), ("", "")])
def test_or_else_by_the_processor(flags: str, shown: str, tmp_path: Path) -> None:
    assert part("kit_facts").hypervisor(str(tmp_path), flags) == shown


def test_many_threads_get_the_same_facts_and_leave_no_module_behind() -> None:
    found: list[dict[str, Any]] = []
    start = threading.Barrier(8)

    def ask() -> None:
        start.wait()
        found.extend(load_facts() for _ in range(5))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 40
    assert len({each["boot_id"] for each in found}) == 1
    assert "kit_text" not in sys.modules
