"""Whose process it is, from cgroup paths as Docker, Podman, Kubernetes, LXC, systemd and Slurm make them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.hostkit.cgroups import owner
from backends.text import clean
from tests.unit.hostkit.hostile import texts

ID = "3f1d2c4b5a69788796a5b4c3d2e1f00112233445566778899aabbccddeeff001"
POD = "1a2b3c4d-5e6f-7081-92a3-b4c5d6e7f809"
POD_ = POD.replace("-", "_")

CONTAINERS = {
    f"/docker/{ID}": "docker 3f1d2c4b5a69",
    f"/system.slice/docker-{ID}.scope": "docker 3f1d2c4b5a69",
    f"/machine.slice/libpod-{ID}.scope/container": "podman 3f1d2c4b5a69",
    f"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{ID}.scope": "podman 3f1d2c4b5a69",
    f"/system.slice/crio-{ID}.scope": "crio 3f1d2c4b5a69",
    f"/default/{ID}": "container 3f1d2c4b5a69",
    f"/kubepods/besteffort/pod{POD}/{ID}": "pod 1a2b3c4d",
    f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{POD_}.slice/cri-containerd-{ID}.scope": "pod 1a2b3c4d",
    f"/kubepods/burstable/pod{'0123456789abcdef' * 2}/{ID}": "pod 01234567",
    "/lxc/web01": "lxc web01",
    "/lxc.payload.web01/system.slice/cron.service": "lxc web01",
    "/lxc.payload/web01": "lxc web01",
    "/machine.slice/systemd-nspawn@lab1.service/payload/init.scope": "machine lab1",
    "/machine.slice/machine-qemu\\x2d1\\x2dvm.scope/libvirt/emulator": "machine qemu-1-vm",
}
JOBS = {
    "/slurm/uid_1000/job_1234/step_0/task_0": "1234",
    "/slurm_gpu01/uid_0/job_7/step_batch": "7",
    "/system.slice/slurmstepd.scope/job_991/step_extern/user/task_special": "991",
    "/system.slice/gpu01_slurmstepd.scope/job_5/step_0": None,
    "/slurm/uid_1000/job_12x/step_0": None,
    f"/slurm/uid_1000/job_{'9' * 300}/step_0": None,
}
NOBODY = (
    "",
    "/",
    "/user.slice/user-1000.slice/session-3.scope",
    "/system.slice/docker.service",
    "/system.slice/slurmd.service",
    f"/docker/{ID[:40]}",
    "/job_12",
)


@pytest.mark.parametrize(("path", "name"), CONTAINERS.items(), ids=CONTAINERS.values())
def test_a_container_is_named_by_its_engine_and_short_id(path: str, name: str) -> None:
    assert owner(path) == (name, None)


@pytest.mark.parametrize(("path", "job"), JOBS.items(), ids=lambda value: str(value)[:40])
def test_a_slurm_job_is_found_in_both_versions_of_cgroups(path: str, job: str | None) -> None:
    assert owner(path)[1] == job


@pytest.mark.parametrize("path", NOBODY)
def test_what_runs_on_the_host_itself_has_no_owner(path: str) -> None:
    assert owner(path) == (None, None)


def test_a_container_inside_a_job_has_both() -> None:
    assert owner(f"/slurm/uid_1000/job_12/step_0/docker-{ID}.scope") == ("docker 3f1d2c4b5a69", "12")


def test_escaped_bytes_in_a_machines_name_do_not_become_terminal_codes() -> None:
    container, _ = owner("/machine.slice/machine-\\x1b\\x5b31mred\\x00.scope")
    assert container is not None
    assert clean(container) == container
    assert "red" in container


pieces = st.one_of(
    texts,
    st.sampled_from(
        ["/", "/slurm", "/job_", "/lxc", "/machine-", ".scope", "systemd-nspawn@", "\\x1b", "\\x9b", ID, "pod"]
    ),
    st.integers(0, 10**30).map(str),
)


@given(st.lists(pieces, max_size=12).map("".join))
def test_any_path_gives_short_clean_names(path: str) -> None:
    for name in owner(clean(path, 400)):
        assert name is None or (0 < len(name) <= 64 and clean(name) == name)
