"""The lab controls its hosts on cgroup v1, v2 and a hybrid: tried on directories shaped like the kernel's."""

from __future__ import annotations

from pathlib import Path

import pytest

from backends.errors import SkipHost
from tests.lab.cgroups import Groups, Mounts, mounts

HYBRID = """\
30 25 0:26 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
31 25 0:27 / /sys/fs/cgroup/freezer rw,relatime - cgroup cgroup rw,freezer
32 25 0:28 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,name=systemd
33 25 0:29 / {unified} rw,relatime - cgroup2 cgroup2 rw
34 25 0:30 / /tmp rw,relatime - tmpfs tmpfs rw
"""


def test_each_control_is_found_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("hugetlb memory\n")
    found = mounts(HYBRID.format(unified=tmp_path))
    assert found.v1 == {
        "cpu": Path("/sys/fs/cgroup/cpu,cpuacct"),
        "cpuacct": Path("/sys/fs/cgroup/cpu,cpuacct"),
        "freezer": Path("/sys/fs/cgroup/freezer"),
        "name=systemd": Path("/sys/fs/cgroup/systemd"),
    }
    assert found.unified == tmp_path
    assert found.unified_controllers == {"hugetlb", "memory"}


def test_lines_that_are_no_mounts_are_passed_over() -> None:
    assert mounts("garbage\n\n- cgroup2\n") == Mounts({}, None)


@pytest.fixture
def v2(tmp_path: Path) -> Groups:
    """A host on a machine that has cgroup v2 alone."""
    return Groups(Mounts({}, tmp_path, frozenset({"cpu", "memory", "io"})), "x", "lab1")


def test_on_v2_the_controls_are_handed_down_and_the_group_is_made(v2: Groups, tmp_path: Path) -> None:
    assert v2.create() == [tmp_path / "swarm-x/lab1/cgroup.procs"]
    assert (tmp_path / "cgroup.subtree_control").read_text() == "+memory"  # one write a controller: the last stays
    assert (tmp_path / "swarm-x/cgroup.subtree_control").read_text() == "+memory"


def test_on_v2_the_bounds_are_written_as_v2_wants_them(v2: Groups, tmp_path: Path) -> None:
    v2.create()
    place = tmp_path / "swarm-x/lab1"
    v2.limit_cpu(5)
    assert (place / "cpu.max").read_text() == "5000 100000\n"
    v2.limit_cpu(None)
    assert (place / "cpu.max").read_text() == "max 100000\n"
    v2.limit_memory(64)
    assert (place / "memory.max").read_text() == "67108864\n"
    v2.limit_memory(None)
    assert (place / "memory.max").read_text() == "max\n"


def test_on_v2_freezing_waits_until_the_kernel_says_so(v2: Groups, tmp_path: Path) -> None:
    v2.create()
    place = tmp_path / "swarm-x/lab1"
    (place / "cgroup.events").write_text("populated 1\nfrozen 1\n")
    v2.freeze()
    assert (place / "cgroup.freeze").read_text() == "1\n"
    (place / "cgroup.events").write_text("populated 1\nfrozen 0\n")
    v2.thaw()
    assert (place / "cgroup.freeze").read_text() == "0\n"


def test_on_v2_the_accounts_are_read(v2: Groups, tmp_path: Path) -> None:
    v2.create()
    place = tmp_path / "swarm-x/lab1"
    assert (v2.memory_bytes(), v2.cpu_seconds()) == (None, None)
    (place / "memory.current").write_text("4096\n")
    (place / "cpu.stat").write_text("usage_usec 2500000\nuser_usec 1\n")
    assert (v2.memory_bytes(), v2.cpu_seconds()) == (4096, 2.5)


def test_a_control_the_machine_does_not_have_is_said(tmp_path: Path) -> None:
    groups = Groups(Mounts({}, tmp_path, frozenset({"io"})), "x", "lab1")
    groups.create()
    with pytest.raises(SkipHost, match="no control over cpu"):
        groups.limit_cpu(5)


def test_on_v1_the_bounds_are_written_as_v1_wants_them(tmp_path: Path) -> None:
    roots = {name: tmp_path / name for name in ("cpu", "memory", "freezer")}
    groups = Groups(Mounts(roots, None), "x", "lab1")
    assert groups.create() == [tmp_path / name / "swarm-x/lab1/cgroup.procs" for name in roots]
    groups.limit_cpu(50)
    groups.limit_memory(None)
    groups.freeze()
    assert (roots["cpu"] / "swarm-x/lab1/cpu.cfs_quota_us").read_text() == "50000\n"
    assert (roots["memory"] / "swarm-x/lab1/memory.limit_in_bytes").read_text() == "-1\n"
    assert (roots["freezer"] / "swarm-x/lab1/freezer.state").read_text() == "FROZEN\n"


def test_removing_takes_the_groups_and_the_labs_own_when_it_was_the_last(tmp_path: Path) -> None:
    one, two = (Groups(Mounts({"cpu": tmp_path}, None), "x", name) for name in ("lab1", "lab2"))
    one.create(), two.create()
    (tmp_path / "swarm-x/lab1/system.slice/ssh.service").mkdir(parents=True)
    one.remove()
    assert [path.name for path in (tmp_path / "swarm-x").iterdir()] == ["lab2"]
    two.remove()
    assert list(tmp_path.iterdir()) == []
