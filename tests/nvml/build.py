"""Compiles the simulated NVML once for each version of its source, into a cache directory."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

SOURCE = Path(__file__).with_name("simulated_nvml.c")
NAME = "libnvidia-ml.so.1"


def compiler() -> str | None:
    """The C compiler's path, or None."""
    return shutil.which("gcc") or shutil.which("cc")


def build(cache: Path | None = None) -> Path:
    """The directory that holds the compiled library; give it to a program as LD_LIBRARY_PATH."""
    base = cache or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "swarm-tui-tests"
    place = base / f"nvml-{hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:16]}"
    if (place / NAME).exists():
        return place
    tool = compiler()
    if tool is None:
        raise RuntimeError("no C compiler: install gcc to simulate GPUs")
    place.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place) as directory:
        made = Path(directory) / NAME
        flags = ["-O2", "-Wall", "-Wextra", "-fPIC", "-shared", "-fvisibility=hidden", f"-Wl,-soname,{NAME}"]
        subprocess.run([tool, *flags, "-o", str(made), str(SOURCE), "-lpthread"], check=True)
        made.rename(place / NAME)  # in one step: two test workers may build at the same time
    return place


if __name__ == "__main__":
    print(build())
