"""What a host still has to do: reboot, restart services; from captured outputs and from own detection."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.errors import BadInput
from backends.updates.model import RebootNeed
from backends.updates.needs import (
    MANAGER,
    parse_dnf_reboot,
    parse_needrestart,
    parse_units,
    parse_zypper_reboot,
    reboot_need,
    restart_argv,
    service_needs,
)
from backends.updates.preflight_model import CommandAnswer, Loaded, Module, Preflight, RebootFiles, Stale, StaleUnit
from tests.unit.updates.hosts import DRIVER, NEW, OLD, host, modules, said

OUTPUTS = Path(__file__).parents[2] / "outputs"


def captured(path: str, status: int) -> CommandAnswer:
    return said(*(OUTPUTS / path).read_text().splitlines(), status=status)


NEEDRESTART = captured("needrestart/debian12-services.txt", 0)
DNF_YES = captured("needs-restarting/debian12-dnf4.14.txt", 1)
DNF_NO = said("No core libraries or services have been updated since boot-up.", "Reboot should not be necessary.")


def settled(**changes: object) -> Preflight:
    """A host that runs its newest kernel and asked nobody."""
    return host(next_kernel=OLD, **changes)


def test_needrestarts_batch_output() -> None:
    found = parse_needrestart(NEEDRESTART.text)
    assert found is not None
    assert (found.running, found.expected, found.kernel_state, found.microcode_state) == (OLD, NEW, 3, 1)
    assert found.services == ("ssh.service", "systemd-manager")
    assert found.sessions == ("metabase @ user manager service", "root @ session #28017")
    assert found.containers == ("LXC web1",)


def test_needrestart_without_microcode() -> None:
    found = parse_needrestart((OUTPUTS / "needrestart/debian12-foreign-kernel.txt").read_text())
    assert found is not None
    assert (found.expected, found.kernel_state, found.microcode_state, found.services) == (
        "6.1.0-56-cloud-amd64",
        3,
        1,
        (),
    )


@pytest.mark.parametrize("text", ["", "readline() on closed filehandle", "NEEDRESTART", "\n\n"])
def test_what_is_not_needrestarts_is_nothing(text: str) -> None:
    assert parse_needrestart(text) is None


@pytest.mark.parametrize("path", ["needs-restarting/debian12-dnf4.14.txt", "needs-restarting/sid-dnf5.4.txt"])
def test_dnf_says_yes_in_words(path: str) -> None:
    witness = parse_dnf_reboot(captured(path, 1))
    assert (witness.needed, witness.reasons) == (True, ("kernel",))


@pytest.mark.parametrize(
    ("answer", "needed"),
    [
        (DNF_NO, False),
        (said("Error: Failed to download metadata", status=1), None),
        (said("", status=0), None),
        (said(status=1, error="No such command: needs-restarting."), None),
    ],
)
def test_dnfs_status_alone_proves_nothing(answer: CommandAnswer, needed: bool | None) -> None:
    assert parse_dnf_reboot(answer).needed is needed


@pytest.mark.parametrize(("status", "needed"), [(102, True), (0, False), (1, None), (7, None), (None, None)])
def test_zypper_says_it_by_status(status: int | None, needed: bool | None) -> None:
    assert parse_zypper_reboot(said(status=status)).needed is needed


@pytest.mark.parametrize(
    ("answer", "units"),
    [
        (said("sshd.service", "crond.service", "sshd.service"), ("sshd.service", "crond.service")),
        (said("sshd", "dbus-broker"), ("sshd.service", "dbus-broker.service")),
        (said("sshd.service", status=1), ("sshd.service",)),
        (said("Error: something is wrong", status=1), None),
        (said("Error: lsof is missing", status=4), None),
        (said("Last metadata expiration check: 0:01:02 ago.", "sshd.service"), ("sshd.service",)),
        (said("$(reboot).service", "-f.service", "a/../b.service"), ()),
        (said(), ()),
    ],
)
def test_lists_of_units(answer: CommandAnswer, units: tuple[str, ...] | None) -> None:
    assert parse_units(answer) == units


def test_the_absence_of_the_notice_proves_nothing() -> None:
    nobody = host(next_kernel="", modules=None)
    assert reboot_need(nobody).needed is None


def test_ubuntus_notice_names_its_packages() -> None:
    need = reboot_need(settled(reboot_files=RebootFiles(path="/run/reboot-required", packages=("libc6", "linux-base"))))
    assert (need.needed, need.reasons, need.source) == (True, ("libc6", "linux-base"), "/run/reboot-required")


def test_a_newer_kernel_of_the_same_kind_is_own_detection() -> None:
    assert reboot_need(host()) == RebootNeed(
        needed=True,
        reasons=(f"kernel {NEW} is installed, {OLD} runs",),
        running_kernel=OLD,
        expected_kernel=NEW,
        source="own detection",
        loaded_driver=DRIVER,
        installed_driver=DRIVER,
    )


def test_who_looked_and_found_nothing_makes_it_a_no() -> None:
    need = reboot_need(settled())
    assert (need.needed, need.reasons, need.source) == (False, (), "own detection")


def test_one_yes_outweighs_every_no() -> None:
    need = reboot_need(settled(dnf_reboot=DNF_YES))
    assert (need.needed, need.reasons, need.source) == (True, ("kernel",), "dnf needs-restarting")


def test_reasons_of_several_witnesses_are_told_once() -> None:
    need = reboot_need(host(needrestart=NEEDRESTART))
    assert need.reasons == (f"kernel {NEW} is installed, {OLD} runs",)
    assert need.source == "needrestart, own detection"


def test_waiting_microcode_asks_for_a_reboot() -> None:
    lines = ("NEEDRESTART-KSTA: 1", "NEEDRESTART-UCSTA: 2")
    assert reboot_need(settled(needrestart=said(*lines))).reasons == ("newer microcode waits",)


def test_a_driver_that_was_replaced_while_loaded_asks_for_a_reboot() -> None:
    newer = Module(kernel=OLD, name="nvidia", present=True, version="580.126.09")
    need = reboot_need(settled(modules=(newer, *modules(OLD, "mlx5_core")[1:]), loaded=Loaded(nvidia=DRIVER)))
    assert need.reasons == (f"NVIDIA driver 580.126.09 is installed, {DRIVER} is loaded",)
    assert (need.loaded_driver, need.installed_driver) == (DRIVER, "580.126.09")


def test_arch_removes_the_modules_of_the_running_kernel() -> None:
    need = reboot_need(settled(module_tree_gone=True))
    assert need.reasons == (f"the modules of kernel {OLD} were removed",)


def test_services_are_restarted_deferred_or_asked_about() -> None:
    lines = [
        f"NEEDRESTART-SVC: {unit}" for unit in ("ssh.service", MANAGER, "docker.service", "nvidia-persistenced.service")
    ]
    needs = service_needs(host(needrestart=said(*lines, "NEEDRESTART-SVC: training-api.service")))
    assert [(need.unit, need.deferred) for need in needs] == [
        ("ssh.service", False),
        (MANAGER, False),
        ("docker.service", True),
        ("nvidia-persistenced.service", True),
        ("training-api.service", True),
    ]
    reasons = {need.unit: need.reason for need in needs}
    assert reasons["docker.service"] == "needrestart; deferred: its containers may end"
    assert reasons["training-api.service"].endswith("not on the list of those that are restarted without asking")


@pytest.mark.parametrize(
    "unit",
    [
        "dbus.service",
        "dbus-broker.service",
        "containerd.service",
        "NetworkManager.service",
        "slurmd.service",
        "nvidia-fabricmanager.service",
        "kubelet.service",
        "user@1000.service",
    ],
)
def test_what_is_never_restarted_by_itself(unit: str) -> None:
    (need,) = service_needs(host(needrestart=said(f"NEEDRESTART-SVC: {unit}")))
    assert need.deferred and "deferred:" in need.reason


STALE = Stale(
    units=(
        StaleUnit(unit="cron.service", path="/usr/lib/libssl.so.3"),
        StaleUnit(unit=MANAGER, path="/usr/lib/systemd/libsystemd-shared.so"),
        StaleUnit(unit="session", path="/usr/bin/bash"),
        StaleUnit(unit="container", path="/usr/lib/libc.so"),
    )
)


def test_own_detection_names_units_only_where_nobody_else_looked() -> None:
    assert [need.unit for need in service_needs(host(stale=STALE))] == ["cron.service", MANAGER]
    assert service_needs(host(stale=STALE))[0].reason == "runs replaced code: /usr/lib/libssl.so.3"
    assert service_needs(host(stale=STALE, needrestart=said("NEEDRESTART-KSTA: 1"))) == ()
    assert service_needs(host(stale=STALE, dnf_services=said())) == ()
    assert len(service_needs(host(stale=STALE, zypper_services=said(status=4)))) == 2


def test_how_each_is_restarted() -> None:
    assert restart_argv("ssh.service") == ("systemctl", "restart", "--", "ssh.service")
    assert restart_argv(MANAGER) == ("systemctl", "daemon-reexec")


@pytest.mark.parametrize(
    "unit", ["", "-f.service", "a b.service", "x;reboot", "a.service\n", "../a.service", "ssh", "a.scope"]
)
def test_what_is_no_unit_is_never_restarted(unit: str) -> None:
    with pytest.raises(BadInput):
        restart_argv(unit)


HOSTILE = st.text() | st.lists(
    st.sampled_from(
        ["NEEDRESTART-SVC: ", "NEEDRESTART-KSTA: ", "x.service", "\n", "\x1b[31m", "-f.service", ";", "9", "٣"]
    )
).map("".join)


@given(text=HOSTILE, status=st.integers(0, 255) | st.none())
def test_no_output_breaks_a_parser_and_every_unit_can_be_restarted(text: str, status: int | None) -> None:
    answer = said(*text.splitlines(), status=status)
    spoiled = host(
        needrestart=answer, dnf_reboot=answer, dnf_services=answer, zypper_reboot=answer, zypper_services=answer
    )
    reboot_need(spoiled)
    for need in service_needs(spoiled):
        assert restart_argv(need.unit)[0] == "systemctl"
