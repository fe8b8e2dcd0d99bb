"""Runs the GPU program for real, as the probe would: packed, through its loader, with control lines behind the payload."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

from backends.hostkit.gpu_bundle import Vendor, gpu_child_argv, gpu_payload
from backends.hostkit.gpu_frames import GpuFrames
from backends.metrics.sample import Gpu, GpuStatus

PATIENCE_SECONDS = 20.0
Seen = tuple[GpuStatus, tuple[Gpu, ...]]


class RunningGpu:
    """A GPU program on this machine and what its lines mean so far."""

    def __init__(
        self,
        vendor: Vendor,
        environment: dict[str, str],
        *,
        interval_seconds: float = 0.2,
        python: str = sys.executable,
    ):
        payload = gpu_payload(vendor)
        self.process = subprocess.Popen(
            gpu_child_argv(payload, python),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            env={"PATH": "/nonexistent", **environment},
        )
        self.frames = GpuFrames()
        self.lines: list[dict[str, Any]] = []
        self._rest = b""
        self.write(payload + b"interval %.3f\n" % interval_seconds)

    def write(self, data: bytes) -> None:
        assert self.process.stdin is not None
        view = memoryview(data)
        while view:
            view = view[os.write(self.process.stdin.fileno(), view) :]

    def pump(self, seconds: float) -> bool:
        """Read what has come; False at the end."""
        assert self.process.stdout is not None
        handle = self.process.stdout.fileno()
        if not select.select([handle], [], [], seconds)[0]:
            return True
        data = os.read(handle, 65536)
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self.lines.append(json.loads(line))
            self.frames.feed(self.lines[-1])
        return bool(data)

    def until(self, accept: Callable[[GpuStatus, tuple[Gpu, ...]], object], seconds: float = PATIENCE_SECONDS) -> Seen:
        """Status and GPUs as soon as `accept` likes them."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if accept(self.frames.status, self.frames.gpus):
                return self.frames.status, self.frames.gpus
            if not self.pump(0.2):
                break
        raise AssertionError(f"it never came to that; last lines: {self.lines[-3:]}; stderr: {self.errors()}")

    def gpus(
        self, accept: Callable[[tuple[Gpu, ...]], object] = lambda gpus: gpus[0].processes is not None
    ) -> tuple[Gpu, ...]:
        """The GPUs as soon as there are some and `accept` likes them."""
        return self.until(lambda status, gpus: gpus and accept(gpus))[1]

    def errors(self) -> str:
        assert self.process.stderr is not None
        ready = select.select([self.process.stderr], [], [], 0)[0]
        return os.read(self.process.stderr.fileno(), 4096).decode() if ready else ""

    def end_input(self) -> float:
        """Close stdin and wait for the end; seconds that it took."""
        assert self.process.stdin is not None
        began = time.monotonic()
        self.process.stdin.close()
        self.process.wait(10)
        return time.monotonic() - began

    def __enter__(self) -> RunningGpu:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()
