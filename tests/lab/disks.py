"""Gives a running host another file system of its own: ext4 on a loop device of this machine, gone with the host's mounts."""

from __future__ import annotations

from tests.lab.commands import run
from tests.lab.host import LabHost

LOOP_MAJOR = 7


def attach(host: LabHost, directory: str, mebibytes: int) -> None:
    """Mount a new, empty file system at `directory`, until the host reboots."""
    image = host.place / f"disk{directory.replace('/', '-')}.img"
    with image.open("wb") as file:
        file.truncate(mebibytes << 20)
    run(["mkfs.ext4", "-q", "-F", str(image)])
    device = run(["losetup", "--find", "--show", str(image)]).stdout.strip()
    try:
        host.does("mknod", device, "b", str(LOOP_MAJOR), device.removeprefix("/dev/loop"))
        host.does("mkdir", "-p", directory)
        host.does("mount", device, directory)
    finally:
        run(["losetup", "--detach", device])  # the kernel keeps it for as long as it is mounted


def read_only(host: LabHost, directory: str, wanted: bool = True) -> None:
    """Remount it so that nothing can be written, or so that it can again."""
    host.does("mount", "-o", f"remount,{'ro' if wanted else 'rw'}", directory)
