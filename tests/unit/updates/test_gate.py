"""The boot gate: "will it boot, and will it have its GPUs?" Every way of not doing so, one spoiled fact at a time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from backends.errors import AskOperator
from backends.hostkit.job_report import JobSummary
from backends.states import Severity
from backends.updates.gate import Gate, default_entry, judge, require
from backends.updates.gate_driver import versions
from backends.updates.preflight import decode
from backends.updates.preflight_model import Devices, Link, Loaded, Loader, Preflight
from tests.unit.updates.hosts import DRIVER, NEW, OLD, entry, host, kernel, modules, said

OUTPUTS = Path(__file__).parents[2] / "outputs"
OTHER = "575.57.08"


def red(preflight: Preflight) -> list[str]:
    return [finding.kind for finding in judge(preflight).red]


def amber(preflight: Preflight) -> list[str]:
    """Kinds that are neither good nor forbid anything."""
    return [each.kind for each in judge(preflight).findings if not each.blocks and each.severity is not Severity.OK]


def test_a_sound_host_passes_with_its_evidence() -> None:
    gate = judge(host())
    assert (gate.red, gate.severity, gate.next_kernel) == ((), Severity.OK, NEW)
    assert {finding.kind for finding in gate.findings} == {"initrd", "module", "family", "boot-entry"}


def test_a_captured_debian_passes() -> None:
    said = json.loads((OUTPUTS / "preflight/debian12-two-kernels.json").read_text())
    gate = judge(decode(json.dumps(said).encode(), "deb", 0.0, 1.0))
    assert gate.severity is Severity.OK
    assert gate.next_kernel == "6.1.0-56-cloud-amd64"


@pytest.mark.parametrize(
    ("spoiled", "kind"),
    [
        (host(kernels=(kernel(OLD), kernel(NEW, initrd_bytes=None))), "initrd"),
        (host(kernels=(kernel(OLD), kernel(NEW, initrd_bytes=0))), "initrd"),
        (host(kernels=(kernel(OLD), kernel(NEW, initrd_bytes=45_000_000))), "initrd"),
        (host(kernels=(kernel(OLD), kernel(NEW, image_bytes=None))), "kernel"),
        (host(kernels=(kernel(OLD), kernel(NEW, image_bytes=0))), "kernel"),
        (host(kernels=(kernel(OLD), kernel(NEW, modules=False))), "kernel"),
        (host(modules=(*modules(OLD, "nvidia", "mlx5_core"), *modules(NEW, "mlx5_core"))), "module"),
        (host(modules=(*modules(OLD, "nvidia", "mlx5_core"), *modules(NEW, "nvidia"))), "module"),
        (host(modules=modules(NEW, "nvidia", "mlx5_core"), loaded=Loaded(modules=("zfs",))), "module"),
        (host(loader=Loader(kind="grub", entries=(entry(NEW, linux_exists=False),))), "boot-entry"),
        (host(loader=Loader(kind="grub", entries=(entry(NEW, initrds_exist=(False,)),))), "boot-entry"),
        (host(dpkg_rows=(("linux-image-5.15.0-204-generic", "iF"),)), "packages"),
        (host(dpkg_rows=(("initramfs-tools", "iU"),)), "packages"),
        (host(dpkg_updates=("0001",)), "packages"),
        (host(jobs={"swarm-pkg": JobSummary(state="running")}), "job"),
        (host(kernels=None, missing={"kernels": "no answer within 5 s"}), "unknown"),
        (host(next_kernel="", missing={"next_kernel": "PermissionError"}), "unknown"),
    ],
)
def test_what_forbids_the_reboot(spoiled: Preflight, kind: str) -> None:
    assert red(spoiled) == [kind]


def test_the_measured_case_a_kernel_without_initrd_says_why_with_evidence() -> None:
    gate = judge(host(kernels=(kernel(OLD), kernel(NEW, initrd_bytes=44_000_000))))
    (finding,) = gate.red
    assert finding.text == f"the initrd of kernel {NEW} is less than half as big as the old one"
    assert finding.evidence == f"44000000 bytes, 90000000 for {OLD}"
    assert gate.severity is Severity.CRITICAL


def test_just_over_half_is_enough() -> None:
    assert red(host(kernels=(kernel(OLD), kernel(NEW, initrd_bytes=45_000_001)))) == []


def test_without_a_newer_kernel_the_running_one_is_compared_with_the_one_before() -> None:
    current = host(next_kernel=OLD, kernels=(kernel("5.15.0-20-generic"), kernel(OLD, initrd_bytes=1_000)))
    assert "initrd" in red(replace(current, loader=Loader(kind="grub", entries=(entry(OLD),))))


def test_a_host_whose_kernels_need_no_initrd_passes() -> None:
    plain = (kernel(OLD, initrd_bytes=None), kernel(NEW, initrd_bytes=None))
    assert red(host(kernels=plain)) == []


def test_a_module_in_use_counts_even_when_modinfo_does_not_list_it_for_the_running_kernel() -> None:
    assert red(host(modules=modules(NEW, "nvidia"))) == ["module"]


def test_an_in_tree_module_without_its_device_does_not_count() -> None:
    no_card = host(
        loaded=Loaded(modules=("nvidia",), nvidia=DRIVER),
        devices=Devices(nvidia=8),
        modules=(*modules(OLD, "nvidia", "mlx5_core"), *modules(NEW, "nvidia")),
    )
    assert red(no_card) == []


def test_gpus_without_any_driver_are_told() -> None:
    bare = host(loaded=Loaded(), modules=(*modules(OLD, "mlx5_core"), *modules(NEW, "mlx5_core")), family=())
    assert (red(bare), amber(bare)) == ([], ["module"])


def test_modules_that_could_not_be_looked_for_forbid_it_where_one_is_in_use() -> None:
    unread = host(modules=None, missing={"modules": "no answer within 15 s"})
    assert red(unread) == ["module"]
    assert red(replace(unread, loaded=Loaded())) == []


@pytest.mark.parametrize("state", ["added", "built", None])
def test_dkms_that_is_not_done_for_the_next_kernel(state: str | None) -> None:
    lines = [f"nvidia/{DRIVER}, {OLD}, x86_64: installed", "zfs/2.1.5, 5.4.0-1-generic, x86_64: installed"]
    if state:
        lines.append(f"nvidia/{DRIVER}, {NEW}, x86_64: {state}")
    assert red(host(dkms=said(*lines))) == ["dkms"]


@pytest.mark.parametrize(
    "line",
    [
        f"nvidia/{DRIVER}, {NEW}, x86_64: installed",
        f"nvidia/{DRIVER}, {NEW}, x86_64: installed (WARNING! Diff between built and installed module!)",
        f"nvidia, {DRIVER}, {NEW}, x86_64: installed",
    ],
)
def test_dkms_that_is_done_in_every_version_of_its_words(line: str) -> None:
    old = line.replace(NEW, OLD)
    assert red(host(dkms=said(old, line))) == []


def family(*rows: tuple[str, str]) -> Preflight:
    return host(family=tuple((name, version, "ii") for name, version in rows))


def test_libraries_of_another_version_than_the_next_module() -> None:
    assert red(family(("libnvidia-compute-575:amd64", f"{OTHER}-0ubuntu1"))) == ["family"]


def test_a_split_family_is_told_with_its_packages() -> None:
    gate = judge(family(("nvidia-utils-580", f"{DRIVER}-1"), ("libnvidia-compute-575:amd64", f"1:{OTHER}-1")))
    (finding,) = gate.red
    assert finding.kind == "family"
    assert finding.evidence == f"{OTHER}: libnvidia-compute-575; {DRIVER}: nvidia-utils-580"


@pytest.mark.parametrize(
    "row",
    [
        ("nvidia-cuda-toolkit", "11.8.89~11.8.0-5~deb12u1"),
        ("libnvidia-container1:amd64", "1.17.8-1"),
        ("nvidia-container-toolkit", "1.17.8-1"),
        ("linux-modules-nvidia-580-generic", "5.15.0-204.214"),
        ("nvidia-settings", f"{OTHER}-1"),
        ("nvidia-kernel-common", "20220217+3~deb12u1"),
        ("cuda-drivers", f"{OTHER}-1"),
    ],
)
def test_packages_that_are_numbered_on_their_own_split_nothing(row: tuple[str, str]) -> None:
    assert red(family(("nvidia-utils-580", f"{DRIVER}-1"), row)) == []


def test_what_is_only_half_removed_does_not_count() -> None:
    rows = (("nvidia-utils-580", f"{DRIVER}-1", "ii"), ("nvidia-utils-575", f"{OTHER}-1", "rc"))
    assert red(host(family=rows)) == []


SWITCHES = Devices(nvidia=8, nvswitch=6, mellanox=2)


@pytest.mark.parametrize(
    ("devices", "version", "expected"),
    [
        (SWITCHES, DRIVER, []),
        (SWITCHES, "580.95.06", ["fabric-manager"]),
        (SWITCHES, None, ["fabric-manager"]),
        (Devices(nvidia=8, mellanox=2), "580.95.06", []),
        (Devices(nvidia=8, mellanox=2), None, []),
    ],
)
def test_the_fabric_manager_equals_the_driver_exactly(
    devices: Devices, version: str | None, expected: list[str]
) -> None:
    answer = said(f"Fabric Manager version is : {version}") if version else None
    assert red(host(devices=devices, fabric_manager=answer)) == expected


def test_the_package_tells_the_fabric_managers_version_where_the_program_does_not() -> None:
    rows = (("nvidia-fabricmanager-580", "580.95.06-1", "ii"),)
    assert red(host(devices=SWITCHES, family=rows)) == ["fabric-manager"]


def test_an_entry_for_another_kernel_is_told_but_boots() -> None:
    other = host(loader=Loader(kind="grub", default="1>1", entries=(entry(NEW), entry(OLD, place="1>1"))))
    assert (red(other), amber(other)) == ([], ["boot-entry"])


@pytest.mark.parametrize(
    ("loader", "title"),
    [
        (Loader(kind="grub", default="0"), f"Linux {NEW}"),
        (Loader(kind="grub", default="1>1"), f"Linux {OLD}"),
        (Loader(kind="grub", default=f"Linux {OLD}"), f"Linux {OLD}"),
        (Loader(kind="grub", default=f"advanced>gnulinux-{OLD}"), f"Linux {OLD}"),
        (Loader(kind="grub", default="0", once=f"gnulinux-{OLD}"), f"Linux {OLD}"),
        (Loader(kind="systemd-boot", default="gnulinux-*-25-generic.conf"), f"Linux {OLD}"),
        (Loader(kind="systemd-boot", default=f"gnulinux-{OLD}.conf"), f"Linux {OLD}"),
        (Loader(kind="grub", default="9"), None),
        (Loader(kind="grub", default="something else"), None),
    ],
)
def test_which_entry_boots(loader: Loader, title: str | None) -> None:
    chosen = default_entry(replace(loader, entries=(entry(NEW), entry(OLD, place="1>1"))))
    assert (chosen.title if chosen else None) == title


def test_what_could_not_be_told_is_unknown_and_never_good() -> None:
    unknown = host(loader=Loader(kind="grub", default="9", entries=(entry(NEW),)))
    assert (red(unknown), amber(unknown)) == ([], ["boot-entry"])
    assert judge(unknown).severity is Severity.UNKNOWN
    assert judge(host(kernels=(), next_kernel="", loader=None)).severity is Severity.UNKNOWN
    assert Gate().severity is Severity.UNKNOWN


def test_a_kernel_of_no_known_kind_is_unknown() -> None:
    assert "kernel" in amber(host(next_kernel=""))


def test_a_link_that_leads_nowhere_and_a_harmless_half_done_package_are_told() -> None:
    loose = host(links=(Link(path="/initrd.img", target="boot/initrd.img-x"),), dpkg_rows=(("vim", "iF"),))
    assert (red(loose), amber(loose)) == ([], ["boot-entry", "packages"])


def test_a_red_gate_stops_without_a_typed_reason_and_records_one() -> None:
    gate = judge(host(kernels=(kernel(OLD), kernel(NEW, initrd_bytes=None))))
    for reason in ("", "   ", "ok", "----------------"):
        with pytest.raises(AskOperator, match="very likely panic"):
            require(gate, "gpu01", reason)
    sentence = require(gate, "gpu01", " console is attached, will pick the old kernel ")
    assert sentence.startswith("gate overridden: console is attached, will pick the old kernel (was red: kernel")


def test_a_gate_that_is_not_red_needs_no_reason() -> None:
    assert require(judge(host()), "gpu01") == "gate passed (ok)"


def test_the_versions_that_must_agree_are_listed_each_with_its_source() -> None:
    found = {each.part: each for each in versions(host())}
    assert found["libraries"].version == DRIVER
    assert found["next boot"].version == DRIVER
    assert set(found) >= {"loaded driver", "NVML"}
    assert all(each.version or each.reason for each in found.values())


def test_a_host_without_the_driver_has_no_versions() -> None:
    bare = host(family=(), loaded=Loaded(), modules=(), nvml=None, fabric_manager=None)
    assert versions(bare) == ()
