"""The simulated NVML as pytest fixtures: the library's directory, and eight GPUs whose state a test sets."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.nvml import build


class SimulatedGpus:
    """What a program needs to see simulated GPUs, and the file that controls them."""

    def __init__(self, library: Path, control: Path):
        self.library = library
        self.control = control
        self.environment = {
            "LD_LIBRARY_PATH": str(library),
            "SIMULATED_NVML_CONTROL": str(control),
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        }
        self.set()

    def set(self, *lines: str) -> None:
        """The whole state from now on ("3 lost 1"); no lines: everything healthy. In force after 20 ms at most."""
        fresh = self.control.with_suffix(".new")
        fresh.write_text("".join(f"{line}\n" for line in lines))
        stamp = time.time_ns()
        os.utime(fresh, ns=(stamp, stamp))  # two changes within one kernel tick must differ
        fresh.rename(self.control)


@pytest.fixture(scope="session")
def nvml_library() -> Path:
    """The directory of the simulated libnvidia-ml.so.1; the test is skipped where no C compiler is."""
    if build.compiler() is None:
        pytest.skip("no C compiler: install gcc to simulate GPUs")
    return build.build()


@pytest.fixture
def simulated_gpus(nvml_library: Path, tmp_path: Path) -> Iterator[SimulatedGpus]:
    """Eight healthy GPUs for one test."""
    yield SimulatedGpus(nvml_library, tmp_path / "gpus.control")
