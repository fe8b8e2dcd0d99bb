"""Facts of this machine: the same the kit tells of a host, from the kit's own code on Linux."""

from __future__ import annotations

import getpass
import os
import platform
import sys
from functools import lru_cache
from pathlib import Path

import psutil

from backends.hostkit.facts import host_facts
from backends.hostkit.local_program import load_facts
from backends.metrics.sample import HostFacts

LINUX = sys.platform.startswith("linux")


def boot_id() -> str:
    """The kernel's boot id; elsewhere the boot time, which changes as well with each boot."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return f"boot-{int(psutil.boot_time())}"


def read_facts() -> HostFacts:
    """This machine's facts."""
    if LINUX:
        return host_facts(kit_facts())
    return host_facts(
        {
            "hostname": platform.node(),
            "boot_id": boot_id(),
            "kernel": platform.release(),
            "system": f"macOS {platform.mac_ver()[0]}" if sys.platform == "darwin" else platform.platform(),
            "architecture": platform.machine(),
            "cpu_model": platform.processor(),
            "cpu_count": os.cpu_count(),
            "memory_total_bytes": psutil.virtual_memory().total,
            "python": platform.python_version(),
            "user": getpass.getuser(),
            "kit_version": "local",
        }
    )


@lru_cache(maxsize=1)
def kit_facts() -> dict[str, object]:
    """The kit's hello as it would be on this machine, with the GPU vendors that it finds. Linux only."""
    return load_facts()
