"""What differs from a healthy peer or from the last good bundle of the same host."""

from __future__ import annotations

from backends.triage.difference import ABSENT, differences
from tests.unit.triage.samples import bundle, gpu_row, pci_text, section, texts


def _pairs(
    here: dict[str, str], there: dict[str, str] | None = None, host: str = "gpu08"
) -> list[tuple[str, str, str]]:
    found = differences(bundle(dict(here)), bundle(dict(there or {}), host=host))
    return [(each.subject, each.here, each.there) for each in found]


def test_two_hosts_that_are_alike_do_not_differ() -> None:
    assert _pairs({}) == []


def test_versions_counts_links_units_mounts_and_kernel_are_compared() -> None:
    here = {
        "system": texts()["system"].replace("5.15.0-106", "5.15.0-107"),
        "pci": pci_text(("1b", "43")),
        "gpu": f"{gpu_row(0, width='8')}\n{gpu_row(1, gen='4')}\n",
        "units.failed": "backup.service loaded failed failed Backup\n",
        "mounts": "mounted /dev/sda1 / ext4 ro 0 0\n",
        "nics": "eth0 operstate=up carrier=1 speed=10000 carrier_down_count=1 rx_errors=0 tx_errors=0\n",
        "versions": "linux-image-5.15.0-107-generic 5.15.0-107.117\nnvidia-driver-550 550.54.15-0ubuntu1\n",
    }
    there = {"gpu": f"{gpu_row(0)}\n{gpu_row(1)}\n"}
    assert _pairs(here, there) == [
        ("GPU 0 PCIe width", "8", "16"),
        ("GPU 1 PCIe generation", "4", "5"),
        ("GPU count on the bus", "2", "8"),
        ("kernel", "5.15.0-107-generic", "5.15.0-106-generic"),
        ("failed unit backup.service", "failed", ABSENT),
        ("mount /", "ext4 ro", "ext4 rw"),
        ("mount /data", ABSENT, "xfs rw"),
        ("link eth0", "up 10000 Mb/s", "up 100000 Mb/s"),
        ("package linux-image-5.15.0-106-generic", ABSENT, "5.15.0-106.116"),
        ("package linux-image-5.15.0-107-generic", "5.15.0-107.117", ABSENT),
        ("package nvidia-driver-550", "550.54.15-0ubuntu1", "550.90.07-0ubuntu1"),
    ]


def test_boot_ids_are_compared_on_the_same_host_only() -> None:
    other = {"system": texts()["system"].replace("b-1", "b-2")}
    assert _pairs(other) == []
    assert _pairs(other, host="gpu07") == [("reboot: boot id", "b-2", "b-1")]


def test_packages_that_were_not_told_are_not_missing() -> None:
    stuck = section("versions", kind="stuck")
    assert differences(bundle({"versions": stuck}), bundle(host="gpu08")) == ()


def test_what_was_not_seen_on_one_side_is_absent_not_zero() -> None:
    stuck = section("gpu", kind="stuck", note="no answer")
    found = differences(bundle({"gpu": stuck}), bundle(host="gpu08"))
    assert ("GPU count in nvidia-smi", ABSENT, "8") in [(each.subject, each.here, each.there) for each in found]


def test_where_one_side_could_not_ask_its_gpus_they_are_compared_by_their_slots() -> None:
    here = bundle({"gpu": section("gpu", kind="stuck", note="no answer"), "pci": pci_text(("1b", "43"))})
    found = {each.subject: (each.here, each.there) for each in differences(here, bundle(host="gpu08"))}
    assert found == {
        "GPU count on the bus": ("2", "8"),
        "GPU PCIe widths": ("2 × x16", "8 × x16"),
        "GPU count in nvidia-smi": (ABSENT, "8"),
    }


def test_what_one_side_may_not_tell_is_not_missing_there() -> None:
    blind = {name: section(name, kind="stuck") for name in ("mounts", "units", "units.failed", "nics", "pci", "boot")}
    assert differences(bundle(blind), bundle(host="gpu08")) == ()
