"""Simulated GPUs for the tests of the GPU program: the library is compiled once a run, for these tests alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.nvml import build
from tests.nvml.fixture import simulated_gpus

__all__ = ["simulated_gpus"]


@pytest.fixture(scope="session")
def nvml_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of the simulated libnvidia-ml.so.1."""
    if build.compiler() is None:
        pytest.skip("no C compiler: install gcc to simulate GPUs")
    return build.build(tmp_path_factory.mktemp("nvml"))
