"""The GPU program's payload: it boots alone, leaves what comes behind it in the pipe, and brings pynvml along."""

from __future__ import annotations

import json
import subprocess
import sys
import zlib
from importlib import metadata
from pathlib import Path

import pynvml
import pytest

from backends.errors import Stop
from backends.hostkit import gpu_bundle
from backends.hostkit.gpu_bundle import Vendor, gpu_child_argv, gpu_payload, pynvml_source


def run(payload: bytes, behind: bytes = b"", **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        gpu_child_argv(payload, sys.executable),
        input=payload + behind,
        capture_output=True,
        env={"PATH": "/nonexistent", **environment},
        timeout=20,
        check=False,
    )


@pytest.mark.parametrize("vendor", ["nvidia", "amd"])
def test_it_boots_where_nothing_is_installed_and_ends_with_its_input(vendor: Vendor, tmp_path: Path) -> None:
    done = run(gpu_payload(vendor), SYSROOT=str(tmp_path), LD_LIBRARY_PATH=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert done.stderr == b""


def test_control_lines_right_behind_the_payload_are_left_for_the_program() -> None:
    payload = zlib.compress(b"import os\nos.write(1, os.read(0, 100))")
    assert run(payload, b"interval 2.000\npoll\n").stdout == b"interval 2.000\npoll\n"


def test_a_payload_that_breaks_off_is_not_run() -> None:
    payload = zlib.compress(b"import os\nos.write(1, b'ran')")
    done = subprocess.run(
        gpu_child_argv(payload, sys.executable), input=payload[:-1], capture_output=True, timeout=20, check=False
    )
    assert done.stdout == b""


def test_nvidias_binding_comes_along_as_it_is_installed() -> None:
    text = zlib.decompress(gpu_payload("nvidia")).decode()
    assert repr(pynvml_source()) in text
    assert pynvml_source() == Path(pynvml.__file__).read_text()


def test_amd_needs_no_binding_and_stays_small() -> None:
    assert "nvmlInit" not in zlib.decompress(gpu_payload("amd")).decode()
    assert len(gpu_payload("amd")) < 12_000
    assert len(gpu_payload("nvidia")) < 80_000


def test_it_is_packed_once() -> None:
    assert gpu_payload("nvidia", 1.0) is gpu_payload("nvidia", 1.0)
    assert gpu_payload("nvidia", 2.0) is not gpu_payload("nvidia", 1.0)


def test_the_first_line_says_why_there_are_no_gpus(tmp_path: Path) -> None:
    argv = gpu_child_argv(gpu_payload("amd"), sys.executable)
    child = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={"SYSROOT": str(tmp_path)})
    assert child.stdin is not None and child.stdout is not None
    with child:
        child.stdin.write(gpu_payload("amd"))
        child.stdin.flush()
        hello = json.loads(child.stdout.readline())
        child.stdin.close()
    assert (hello["hello"], hello["way"], hello["gpus"]) == (1, "none", [])
    assert "no AMD GPU" in hello["reason"]


class TestBrokenInstallation:
    """nvidia-ml-py is a dependency; whatever happened to it, the error says what to do."""

    @pytest.fixture(autouse=True)
    def _unpacked(self) -> None:
        gpu_payload.cache_clear()
        pynvml_source.cache_clear()

    def test_it_is_not_installed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def missing(name: str) -> None:
            raise metadata.PackageNotFoundError(name)

        monkeypatch.setattr("backends.hostkit.gpu_bundle.metadata.distribution", missing)
        with pytest.raises(Stop, match="cannot be read") as raised:
            gpu_payload("nvidia")
        assert raised.value.hint is not None and "nvidia-ml-py" in raised.value.hint
        pynvml_source.cache_clear()

    def test_it_is_absurdly_large(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(gpu_bundle, "_MAX_PAYLOAD_BYTES", 1000)
        with pytest.raises(Stop, match="bytes, more than 1000"):
            gpu_payload("nvidia")
