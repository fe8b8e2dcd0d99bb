"""Sections as programs print them become numbers and names; what is not understood is absent."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.triage.facts import facts
from tests.unit.triage.samples import BUSES, STEP_OF, answer, gpu_row, output, section


def test_a_healthy_host_is_read_whole() -> None:
    seen = facts(answer())
    assert (seen.uptime_seconds, seen.boot_id, seen.kernel) == (864000.0, "b-1", "5.15.0-106-generic")
    assert (len(seen.gpu_devices), seen.driver) == (8, "550.90.07")
    assert seen.gpus is not None
    assert [row.bus for row in seen.gpus] == [f"0000:{bus}:00" for bus in BUSES]
    assert seen.memory_percent == 80.0
    assert [(each.mount, each.percent, each.free_bytes) for each in seen.space] == [("/", 40.0, 600000 * 1024)]
    assert seen.wanted == ("/", "/data")
    assert seen.links == {"eth0": "up 100000 Mb/s"}
    assert (seen.failed_units, seen.orderly, seen.reboot_required) == ((), None, False)


def test_units_that_are_not_installed_are_left_out_and_restarts_counted() -> None:
    seen = facts(answer({"units": output("units.txt")}))
    assert seen.units == {"docker.service": "active/running", "nvidia-persistenced.service": "active/running"}
    assert seen.restarts == {"nvidia-persistenced.service": 9}


@pytest.mark.parametrize(
    ("boots", "before", "orderly"),
    [
        ("reboot   system boot  6.1\nshutdown system down  6.1\n", None, True),
        ("reboot   system boot  6.1\nreboot   system boot  6.1\n", None, False),
        ("reboot   system boot  6.1\n\nwtmp begins", None, None),
        ("reboot   system boot\nshutdown system down", "2026-05-11T08:00:00 h app[1]: working\n", False),
        ("reboot   system boot\nreboot   system boot", "2026-05-11T08:00:00 h systemd-shutdown[1]: Syncing\n", True),
        ("reboot   x\nreboot   x", "-- No entries --\n", False),
    ],
)
def test_whether_the_last_boot_ended_as_it_should(boots: str, before: str | None, orderly: bool | None) -> None:
    assert facts(answer({"boots": boots, "kernel.before": before})).orderly is orderly


def test_infiniband_ports_disks_and_clock() -> None:
    seen = facts(
        answer(
            {
                "infiniband": "mlx5_0/1 state=4:ACTIVE phys=5:LinkUp rate=400Gb/sec(4XNDR) downed=0 layer=InfiniBand\n"
                "mlx5_1/1 state=1:DOWN phys=2:Polling rate=400Gb/sec(4XNDR) downed=3 layer=InfiniBand\n",
                "inodes": "Filesystem Inodes IUsed IFree IUse% Mounted on\n/dev/sda1 100 98 2 98% /\n/dev/sdc1 0 0 0 - /btrfs\n",
                "clock": "Reference ID    : 0A000001 (10.0.0.1)\nSystem time     : 0.250000000 seconds slow of NTP time\n",
                "waiting": "812 1 D 400 nvidia_ctl nvidia-smi\n9 2 Z 3 - a b\nnonsense\n1 1 D x y z\n",
                "mounts": "mounted /dev/sda1 / ext4 ro,relatime 0 0\nmounted filer:/x /my\\040home nfs4 rw 0 0\n",
            }
        )
    )
    assert seen.links["mlx5_0/1"] == "up 400Gb/sec(4XNDR)"
    assert seen.links["mlx5_1/1"] == "down"
    assert [(each.mount, each.percent) for each in seen.inodes] == [("/", 98.0)]
    assert seen.clock_offset_seconds == -0.25
    assert [(each.pid, each.state, each.where, each.name) for each in seen.waiting] == [
        (812, "D", "nvidia_ctl", "nvidia-smi"),
        (9, "Z", "-", "a b"),
    ]
    assert [(each.mount, each.read_only) for each in seen.mounts] == [("/", True), ("/my home", False)]


def test_a_gpu_that_says_nothing_of_itself_is_lost_and_a_failed_query_is_no_table() -> None:
    row = gpu_row(3, temperature="[GPU is lost]", memory="[GPU is lost]")
    seen = facts(answer({"gpu": f"{gpu_row(0)}\n{row}\nnot a row\n"}))
    assert seen.gpus is not None
    assert [row.lost for row in seen.gpus] == [False, True]
    assert facts(answer({"gpu": section("gpu", "Failed to initialize NVML", status=18)})).gpus is None
    assert facts(answer({"gpu": section("gpu", kind="stuck")})).gpus is None


def test_packages_changed_together_are_one_change_the_driver_and_the_kernel_by_name() -> None:
    seen = facts(answer({"package.log": output("dpkg.log")}))
    assert [(each.kind, each.text) for each in seen.changes] == [
        ("driver", "upgrade nvidia-driver-550 550.90.07-0ubuntu1, libnvidia-compute-550 550.90.07-0ubuntu1"),
        ("kernel", "install linux-image-5.15.0-107-generic 5.15.0-107.117"),
        ("package", "upgrade bash 5.1-7, tar 1.34-2, sed 4.8-2 and 1 more"),
    ]
    assert seen.changes[0].ref == "nvidia-driver-550 550.90.07-0ubuntu1"


def test_times_of_packages_are_local_to_the_host() -> None:
    there = facts(answer({"package.log": output("dpkg.log"), "system": "uptime 9\nzone +0200\n"}))
    utc = facts(answer({"package.log": output("dpkg.log")}))
    assert [each.time for each in there.changes] == [each.time - 7200 for each in utc.changes]


def test_other_families_tell_their_changes_too() -> None:
    pacman = facts(answer({"package.log": output("pacman.log")})).changes
    assert [(each.kind, each.text) for each in pacman] == [
        ("kernel", "upgrade linux 6.9.0.arch1-1"),
        ("package", "installed htop 3.3.0-1".replace("installed", "install")),
    ]
    zypper = facts(answer({"package.log": output("zypp-history")})).changes
    assert [(each.kind, each.text) for each in zypper] == [("kernel", "install kernel-default 6.4.0-150600.21.2")]


def test_files_of_etc_and_commands_of_people_are_changes() -> None:
    seen = facts(
        answer(
            {
                "changed.files": "1778490000 /etc/fstab\n1778489990 /etc/hosts\n1778400000 /etc/motd\n# none\n",
                "sudo": "2026-05-11T09:00:00+0000 h sudo[12]:    alice : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/sbin/reboot\n",
            }
        )
    )
    assert [(each.kind, each.text) for each in seen.changes] == [
        ("config", "/etc/motd written"),
        ("config", "/etc/hosts, /etc/fstab written"),
        ("command", "alice ran /sbin/reboot"),
    ]


LINES = st.lists(
    st.text(alphabet=st.characters(codec="utf-8"), max_size=60)
    | st.from_regex(r"\A(?:mounted|fstab|[0-9]{1,30}|Id=x|eth0) [ -~]{0,60}\Z")
    | st.from_regex(r"\A/dev/[a-z]{1,3} +ext4 +[0-9]{1,30} +[0-9]{1,30} +[0-9]{1,30} +[0-9]{1,30}% /[a-z]{0,5}\Z")
    | st.from_regex(
        r"\A[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2} (upgrade|install) [!-~]{1,9} [!-~]{1,9} [!-~]{1,9}\Z"
    )
    | st.from_regex(r"\A[0-9]{1,9} [0-9]{1,9} [DZ] [0-9]{1,30} [a-z]{1,5} .{1,9}\Z"),
    max_size=8,
)


@settings(max_examples=20)
@given(st.dictionaries(st.sampled_from(sorted(STEP_OF)), LINES, max_size=6))
def test_no_text_of_a_host_makes_reading_fail(other: dict[str, list[str]]) -> None:
    facts(answer({name: "\n".join(lines) for name, lines in other.items()}))
