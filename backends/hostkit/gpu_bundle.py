"""Packs the GPU program for travelling: its modules, and for NVIDIA the source of pynvml, as one compressed script.

A payload is what `exec(zlib.decompress(payload))` runs in `python3 -I -S`: it puts the modules where they import each
other from and calls the program. The same payload serves a host behind SSH and this machine.
"""

from __future__ import annotations

import zlib
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Literal

from backends.errors import Stop

Vendor = Literal["nvidia", "amd"]

_PACKAGE = "backends.hostkit.programs"
_MODULES: dict[str, tuple[str, ...]] = {
    "nvidia": ("gpu_fields", "gpu_nvml", "gpu_smi", "gpu"),
    "amd": ("gpu_fields", "gpu_amd", "gpu"),
}
_MAX_PAYLOAD_BYTES = 256 << 10
"""Far above what it needs (about 60 KiB); something is wrong with the installed pynvml beyond it."""

LOADER = (
    "import os,zlib\nn=%d\nb=b''\n"
    "while len(b)<n:\n c=os.read(0,n-len(b))\n if not c:raise SystemExit\n b+=c\n"
    "exec(zlib.decompress(b))"
)
"""Reads exactly the payload, so that control lines behind it stay in the pipe."""

_BOOT = """
import sys
from types import ModuleType
def put(name, source):
    module = sys.modules[name] = ModuleType(name)
    parent, _, leaf = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], leaf, module)
    exec(compile(source, name, "exec", 0, True, 2), module.__dict__)
for name in ("backends", "backends.hostkit", "{package}"):
    put(name, "")
for name, source in SOURCES:
    put("{package}." + name, source)
"""


@lru_cache(maxsize=4)
def gpu_payload(vendor: Vendor, interval_seconds: float = 1.0) -> bytes:
    """The GPU program for `vendor`, compressed; the loader runs `exec(zlib.decompress(payload))`.

    Raises:
        Stop: the installed pynvml cannot be found or is absurdly large.
    """
    sources = [
        (name, (Path(__file__).parent / "programs" / f"{name}.py").read_text("utf-8")) for name in _MODULES[vendor]
    ]
    parts = [f"SOURCES = {sources!r}", _BOOT.replace("{package}", _PACKAGE), "del SOURCES, source"]
    if vendor == "nvidia":
        parts.append(f"sys.modules['{_PACKAGE}.gpu_nvml'].SHIPPED = {pynvml_source()!r}")
    parts.append(f"sys.modules['{_PACKAGE}.gpu'].main({vendor!r}, {float(interval_seconds)!r})")
    payload = zlib.compress("\n".join(parts).encode("utf-8"), 9)
    if len(payload) > _MAX_PAYLOAD_BYTES:
        raise Stop(
            f"the GPU program is {len(payload)} bytes, more than {_MAX_PAYLOAD_BYTES}",
            action="pack the GPU program",
            hint="reinstall nvidia-ml-py; what is installed is not NVIDIA's binding",
        )
    return payload


@lru_cache(maxsize=1)
def pynvml_source() -> str:
    """The source of the installed nvidia-ml-py, without importing it.

    Raises:
        Stop: nvidia-ml-py is not installed as source.
    """
    try:
        located = metadata.distribution("nvidia-ml-py").locate_file("pynvml.py")
        return Path(str(located)).read_text("utf-8")
    except (metadata.PackageNotFoundError, OSError) as error:
        raise Stop(
            "the source of pynvml cannot be read",
            action="pack the GPU program",
            hint="install it again: pip install --force-reinstall nvidia-ml-py",
        ) from error


def gpu_child_argv(payload: bytes, python: str = "python3") -> list[str]:
    """The argv that runs `payload`, which is then written to its stdin; control lines may follow it."""
    return [python, "-I", "-S", "-c", LOADER % len(payload)]
