"""Hosts × facts: who stands apart is seen first."""

from __future__ import annotations

from backends.backups.drift_matrix import UNKNOWN, matrix, values
from backends.backups.views import FactRow
from tests.unit.backups.snapshot_case import snapshot

GPUS = "0, NVIDIA H100 80GB HBM3, {driver}, 96.00.89.00.01, Enabled, 700.00 W, Enabled, Default, Disabled\n"


def host(name: str, driver: str = "550.90.07", kernel: str = "6.8.0-45", **files: str) -> dict[str, str]:
    facts = {
        "kernel": f"Linux {kernel}-generic #45 SMP x86_64\n",
        "gpu-versions": GPUS.format(driver=driver) * 2,
        "packages": f"hosts-file {name}\nlibc6 2.36\n",
        "block-ids": f"/dev/vda: {name}\n",
    }
    return values(snapshot(name, {"etc/slurm/slurm.conf": "ClusterName=lab\n"} | files, facts))


def test_values_are_short_and_say_what_they_are() -> None:
    found = host("gpu01")
    assert found["distribution"] == "Debian GNU/Linux 12" and found["kernel"] == "6.8.0-45-generic"
    assert (found["driver"], found["VBIOS"], found["MIG"]) == ("550.90.07", "96.00.89.00.01", "Disabled")
    assert found["GPUs"] == "2× NVIDIA H100 80GB HBM3" and found["power limit"] == "700.00 W"
    assert found["packages"].startswith("2 lines ") and len(found["slurm.conf"]) == 8
    assert "block-ids" not in found, "disks are different ones everywhere"


def test_mixed_drivers_on_one_host_are_both_named() -> None:
    text = GPUS.format(driver="550.90.07") + GPUS.format(driver="535.1")
    assert values(snapshot(facts={"gpu-versions": text}))["driver"] == "535.1, 550.90.07"


def test_what_differs_comes_first_and_a_single_odd_host_before_a_split_fleet() -> None:
    names = ("gpu01", "gpu02", "gpu03", "gpu04")
    found = matrix({name: host(name, driver="535.1" if name == "gpu03" else "550.90.07", kernel="6.8.0-45" if name < "gpu03" else "6.5.0-1") for name in names})  # fmt: skip
    assert found.hosts == names
    assert [row.fact for row in found.rows][:2] == ["driver", "kernel"]
    assert found.rows[0] == FactRow(
        fact="driver", values=("550.90.07", "550.90.07", "535.1", "550.90.07"), usual="550.90.07"
    )
    assert all(len(set(row.values)) == 1 for row in found.rows[2:])


def test_a_hosts_own_name_makes_no_difference() -> None:
    found = matrix({name: host(name) for name in ("gpu01", "gpu02")})
    assert all(len(set(row.values)) == 1 for row in found.rows)


def test_a_file_that_is_not_there_is_empty_and_a_silent_host_unknown() -> None:
    bare = values(snapshot("gpu02", facts={"packages": "libc6 2.36\n"}, failed={"sysctl": "no answer within 20 s"}))
    full = values(snapshot("gpu01", {"etc/slurm/slurm.conf": "x"}, {"packages": "libc6 2.36\n", "sysctl": "a = 1\n"}))
    found = matrix({"gpu01": full, "gpu02": bare, "gpu03": "not connected"})
    rows = {row.fact: row for row in found.rows}
    assert rows["slurm.conf"].values[1:] == ("", UNKNOWN)
    assert rows["sysctl"].values == ("a = 1", UNKNOWN, UNKNOWN) and rows["sysctl"].usual == "a = 1"
    assert found.rows[0].fact == "slurm.conf", "unknown is not odd"
    assert found.problems == ("gpu03: not connected",)


def test_no_host_at_all() -> None:
    assert matrix({}).rows == () and matrix({"gpu01": "down"}).rows == ()
