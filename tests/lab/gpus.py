"""Gives a host eight simulated GPUs: the simulated NVML library where the driver's would be, and device files.

The GPUs' state is a file on the host (see tests/nvml/simulated_nvml.c); logins over SSH learn of it by environment.
"""

from __future__ import annotations

import os
import platform
import stat
from pathlib import Path

from backends.errors import SkipHost
from tests.lab.host import LabHost
from tests.nvml import build

COUNT = 8
MAJOR = 195
"""The character device major number of NVIDIA's driver."""
CONTROL_MINOR = 255
LIBRARY = f"/usr/lib/{platform.machine()}-linux-gnu/{build.NAME}"
STATE = "/var/lib/lab-gpus"


def library(cache: Path) -> Path:
    """The compiled library. Raises SkipHost where nothing can compile it."""
    if build.compiler() is None:
        raise SkipHost(
            "no C compiler to build the simulated GPUs", action="give a host GPUs", hint="apt-get install gcc"
        )
    return build.build(cache) / build.NAME


def give(host: LabHost, compiled: Path) -> None:
    """From the host's next power-on it has GPUs. Opening a device file fails, as the driver is not there."""
    host.bind(compiled, LIBRARY)
    for name, minor in (*((f"nvidia{index}", index) for index in range(COUNT)), ("nvidiactl", CONTROL_MINOR)):
        node = host.place / name
        if not node.exists():
            os.mknod(node, stat.S_IFCHR | 0o666, os.makedev(MAJOR, minor))
        host.bind(node, f"/dev/{name}", writable=True)
    settings = host.place / "upper/etc/ssh/sshd_config.d/gpus.conf"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(f"SetEnv SIMULATED_NVML_CONTROL={STATE}\n")
    state = host.place / "upper" / STATE.lstrip("/")
    state.parent.mkdir(parents=True, exist_ok=True)
    state.touch()


def set_state(host: LabHost, *lines: str) -> None:
    """The whole state of a running host's GPUs from now on ("3 throttle 64"); no lines: everything healthy."""
    place = host.root / STATE.lstrip("/")
    fresh = place.with_suffix(".new")
    fresh.write_text("".join(f"{line}\n" for line in lines))
    fresh.rename(place)
