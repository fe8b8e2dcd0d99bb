"""The next command of a verdict: something that a person can paste on the host. Names from a host enter it only when plain."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from backends.checks.window import GpuWindow

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:,-]{0,199}")
_PATH = re.compile(r"(/[A-Za-z0-9_.:-]{1,64}){1,16}|/")
_PIDS = 16
"""As many as a line can take."""
PROFILE = "dcgmi dmon -e 1002,1004,1005,1009,1010 -c 10"
"""SM, tensor and DRAM activity, PCIe sent and received (DCGM's profiling fields)."""
LINKS = (
    "nvidia-smi --query-gpu=index,pcie.link.gen.current,pcie.link.gen.max,pcie.link.width.current,pcie.link.width.max"
    " --format=csv"
)


def plain(name: str) -> str:
    """`name` when it is safe unquoted and cannot be taken for an option; else ""."""
    return name if _PLAIN.fullmatch(name) else ""


def with_name(command: str, name: str, otherwise: str) -> str:
    """`command` followed by `name`, or `otherwise` when the name is not plain."""
    return f"{command} {name}" if plain(name) else otherwise


def with_path(command: str, path: str, otherwise: str) -> str:
    """The same for a path."""
    return f"{command} {path}" if _PATH.fullmatch(path) else otherwise


def pids(numbers: Iterable[int]) -> str:
    """ "4711,4712", of pids that can be one; "" when none can."""
    return ",".join(str(pid) for pid in sorted(numbers)[:_PIDS] if 0 < pid < 1 << 31)


def first_pid(numbers: Iterable[int]) -> str:
    """The lowest, which is mostly the parent; "" when none can be one."""
    return pids(numbers).partition(",")[0]


def indices(gpus: Iterable[GpuWindow]) -> str:
    """ "0,1,2" for `-i`."""
    return ",".join(str(gpu.index) for gpu in gpus)


def folded(numbers: Sequence[int]) -> str:
    """ "0-3,7" of ascending numbers."""
    parts: list[list[int]] = []
    for value in numbers:
        if parts and value == parts[-1][-1] + 1:
            parts[-1][1:] = [value]
        else:
            parts.append([value])
    return ",".join("-".join(map(str, part)) for part in parts)


def gpu_look(gpus: Sequence[GpuWindow], nvidia: str) -> str:
    """`nvidia` for these GPUs, or what AMD has in its place."""
    if any(gpu.newest.vendor == "amd" for gpu in gpus):
        return f"amd-smi metric -g {' '.join(str(gpu.index) for gpu in gpus)}"
    return f"{nvidia} -i {indices(gpus)}"
