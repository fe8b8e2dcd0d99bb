"""What this machine must be able to do before the lab can stand on it, and what is missing, each with a reason."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from backends.errors import AskOperator
from tests.lab.commands import attempt

TOOLS = {
    "mmdebstrap": "mmdebstrap",
    "systemd-nspawn": "systemd-container",
    "ip": "iproute2",
    "tc": "iproute2",
    "nft": "nftables",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "nsenter": "util-linux",
    "unshare": "util-linux",
    "mkfs.ext4": "e2fsprogs",
}
"""Programs and the Debian packages that bring them."""

INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")
INOTIFY_NEEDED = 1024
"""Each host takes about seven; the kernel's default of 128 lets host 19 hang at boot."""


@dataclass(frozen=True)
class Missing:
    """One thing in the way."""

    what: str
    package: str = ""
    """The package that cures it; "" when nothing that can be installed does."""


def missing() -> list[Missing]:
    """Everything that is in the way of a lab on this machine; empty when it can stand."""
    tools = [Missing(f"{tool} is not installed", package) for tool, package in TOOLS.items() if not which(tool)]
    if os.geteuid() != 0:
        return [Missing("the lab needs root (namespaces, overlay mounts, cgroups)"), *tools]
    return tools or _incapable()


def require() -> None:
    """Raise AskOperator with everything that is missing and what to do about it."""
    gaps = missing()
    if not gaps:
        return
    packages = sorted({gap.package for gap in gaps if gap.package})
    hint = (
        f"apt-get install {' '.join(packages)}" if packages else "run it as root on a machine, not in a plain container"
    )
    raise AskOperator("; ".join(gap.what for gap in gaps), action="start the lab", hint=hint)


def which(tool: str) -> str | None:
    """Where a program is; /usr/sbin counts even when an ordinary user's PATH leaves it out."""
    return shutil.which(tool) or shutil.which(tool, path="/usr/sbin:/sbin")


def allow_inotify() -> None:
    """Raise the machine's limit of inotify instances when it is too small for a fleet."""
    if int(INOTIFY.read_text()) < INOTIFY_NEEDED:
        INOTIFY.write_text(f"{INOTIFY_NEEDED * 4}\n")


def _incapable() -> list[Missing]:
    gaps = []
    if attempt(["unshare", "--mount", "--net", "true"]).returncode != 0:
        gaps.append(Missing("this root may not create namespaces (a container without privileges?)"))
    if not Path("/proc/self/ns/time").exists():
        gaps.append(Missing("the kernel has no time namespaces (needs Linux 5.6)"))
    if not _knows_filesystem("overlay"):
        gaps.append(Missing("the kernel has no overlayfs"))
    if not Path("/dev/loop-control").exists():
        gaps.append(Missing("there are no loop devices"))
    return gaps


def _knows_filesystem(kind: str) -> bool:
    listed = kind in Path("/proc/filesystems").read_text().split()
    return listed or (which("modprobe") is not None and attempt(["modprobe", kind]).returncode == 0)
