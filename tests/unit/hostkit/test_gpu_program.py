"""The GPU program's own encoder and its loop: what it prints is JSON whatever it holds."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.hostkit.gpu_frames import FAST, GpuFrames
from backends.metrics.sample import GpuStatus
from tests.unit.hostkit.parts import part, program

gpu = program("gpu")


class Reader:
    """Reads one GPU until told to break."""

    paced = False

    def __init__(self) -> None:
        self.broken: str | None = None

    def hello(self) -> dict[str, Any]:
        return {"way": "nvidia-smi", "driver": "1", "cuda": "", "gpus": [[0, "nvidia", "GPU-1", "H100", ""]]}

    def frame(self, now: float, control: object) -> dict[str, Any]:
        return {"f": [[50] + [None] * (len(FAST) - 1)]}

    def close(self) -> None:
        self.broken = "closed"


class Running:
    """A loop whose driver a test plays, and what its lines mean."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        self.frames = GpuFrames()
        self.reader: Reader | None = Reader()
        self.reason: str | None = None
        monkeypatch.setattr(gpu, "write", lambda line: self.frames.feed(json.loads(gpu.encode(line))))
        monkeypatch.setattr(gpu, "open_reader", lambda vendor, beat: (self.reader, self.reason))
        self.loop = gpu.Loop("nvidia", gpu.Control())

    def step(self) -> tuple[GpuStatus, int]:
        self.loop.step()
        return self.frames.status, len(self.frames.gpus)

    def breaks(self, reason: str, then: str) -> None:
        """The driver breaks, and opening it again fails as well."""
        assert self.reader is not None
        self.reader.broken = reason
        self.step()
        self.reader, self.reason = None, then

    def opens_again(self) -> None:
        self.loop.open_at = 0.0


class TestLoop:
    """Opens the driver, reads, and opens it again when it breaks."""

    def test_a_driver_that_is_gone_takes_its_gpus_along(self, monkeypatch: pytest.MonkeyPatch) -> None:
        running = Running(monkeypatch)
        assert running.step() == (GpuStatus(way="nvidia-smi", driver="1"), 1)
        running.breaks("driver not loaded", "driver not loaded")
        assert running.step() == (GpuStatus(driver="1", reason="driver not loaded"), 0)
        running.opens_again()
        assert running.step() == (GpuStatus(reason="driver not loaded"), 0)

    def test_a_driver_that_hangs_is_hung_for_as_long_as_it_does_and_its_gpus_stay(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        running = Running(monkeypatch)
        running.step()
        running.breaks("nvidia-smi does not answer", "no ctypes; nvidia-smi does not answer within 30 s")
        for _ in range(3):
            status, count = running.step()
            assert status.hung and count == 1
            running.opens_again()
        assert status.reason == "no ctypes; nvidia-smi does not answer within 30 s"
        running.reader, running.reason = Reader(), None
        assert running.step() == (GpuStatus(way="nvidia-smi", driver="1"), 1)

    def test_one_that_hung_from_the_start_is_hung_too(self, monkeypatch: pytest.MonkeyPatch) -> None:
        running = Running(monkeypatch)
        running.reader, running.reason = None, "nvidia-smi does not answer within 30 s"
        assert running.step()[0].hung


finite = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(-1e299, 1e299), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(), inner, max_size=3)),
    max_leaves=8,
)


@given(finite)
def test_what_is_encoded_by_hand_is_the_json_of_it(value: Any) -> None:
    assert json.loads(gpu.encode(value)) == value
    assert gpu.encode(value).isascii() and "\n" not in gpu.encode(value)


@given(finite)
def test_the_probes_encoders_agree(value: Any) -> None:
    text = part("kit_text")
    assert json.loads(text.encode_by_hand(value)) == value
    assert json.loads(text.encode(value)) == value


@given(st.sampled_from([math.nan, math.inf, -math.inf, 1e300]))
def test_what_is_no_number_is_null(value: float) -> None:
    assert gpu.encode({"f": [value]}) == '{"f":[null]}'


@given(st.text(st.characters(categories=["Cs", "Lu"]), min_size=1))
def test_broken_text_of_a_driver_is_still_json(text: str) -> None:
    assert len(json.loads(gpu.encode(text))) == len(text)
