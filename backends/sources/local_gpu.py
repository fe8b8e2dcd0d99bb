"""This machine's GPUs through the same GPU program that runs on hosts, as a child of its own with a deadline.

NVML blocks in the kernel when the driver is wedged; in a child that costs one stuck process, in the engine it would cost
a thread that nothing can end.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import subprocess
import sys
import threading

import msgspec

from backends import decoding
from backends.clock import Clock
from backends.errors import SwarmError
from backends.hostkit.facts import driverless_gpus, gpu_vendors
from backends.hostkit.gpu_bundle import gpu_child_argv, gpu_payload
from backends.hostkit.gpu_frames import GpuFrames
from backends.metrics.sample import Gpu, GpuStatus
from backends.sources.local_facts import kit_facts
from backends.text import decode

FIRST_SECONDS = 15.0
LINE_SECONDS = 5.0
RETRY_SECONDS = 60.0
MAX_LINE_BYTES = 1 << 18
LINUX = sys.platform.startswith("linux")


class LocalGpu:
    """Owns the thread that owns the child."""

    def __init__(self, clock: Clock, interval_seconds: float):
        self.status: GpuStatus | None = None
        self.gpus: tuple[Gpu, ...] = ()
        self._clock = clock
        self._interval = interval_seconds
        self._frames = GpuFrames()
        self._child: subprocess.Popen[bytes] | None = None
        self._stuck: subprocess.Popen[bytes] | None = None
        self._stopped = threading.Event()

    def start(self) -> None:
        """Look for a GPU; without one nothing is started."""
        facts = kit_facts() if LINUX else {}
        vendors = gpu_vendors(facts)
        if vendors:
            argument = vendors[0]
            threading.Thread(target=self._run, args=(argument,), name="local gpu", daemon=True).start()
            return
        lonely = driverless_gpus(facts)
        reason = f"{lonely} NVIDIA device(s) on the PCI bus, but the driver is not loaded" if lonely else None
        self.status = GpuStatus(reason=reason)

    def stop(self) -> None:
        """End the child; one that is stuck in the kernel is not waited for. Its thread sees the end and closes the pipes."""
        self._stopped.set()
        child = self._child
        if child is not None:
            child.kill()

    def set_interval(self, seconds: float) -> None:
        """Change the child's interval."""
        self._interval = seconds
        self._tell(b"interval %.3f\n" % seconds)

    def poll(self) -> None:
        """Sample now."""
        self._tell(b"poll\n")

    def _tell(self, line: bytes) -> None:
        child = self._child
        if child is not None and child.stdin is not None:
            with contextlib.suppress(OSError, ValueError):  # it has ended; the thread will see
                os.write(child.stdin.fileno(), line)

    def _run(self, vendor: str) -> None:
        while not self._stopped.is_set():
            if self._stuck is None or self._stuck.poll() is not None:
                self._stuck = None
                self._watch(vendor)
            self._clock.wait(self._stopped, RETRY_SECONDS)

    def _watch(self, vendor: str) -> None:
        """One child's life."""
        try:
            payload = gpu_payload("amd" if vendor == "amd" else "nvidia", self._interval)
            child = subprocess.Popen(
                gpu_child_argv(payload, sys.executable),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                bufsize=0,
            )
        except (OSError, SwarmError) as error:
            self._ended(f"the GPU reader cannot be started: {error}")
            return
        self._child = child
        with contextlib.suppress(OSError):
            _write_all(child, payload)
        self._read(child)
        self._drop()

    def _read(self, child: subprocess.Popen[bytes]) -> None:
        """Lines until the child ends or is silent for too long."""
        if child.stdout is None or child.stderr is None:
            return
        left, said, wait = b"", b"", FIRST_SECONDS
        with selectors.DefaultSelector() as selector:  # an engine with a thousand connections is beyond select(2)
            out = selector.register(child.stdout, selectors.EVENT_READ).fd
            selector.register(child.stderr, selectors.EVENT_READ)
            while not self._stopped.is_set() and out in selector.get_map():
                ready = selector.select(wait)
                if not ready:
                    self._hung()
                    return
                for key, _ in ready:
                    data = os.read(key.fd, 65536)
                    if not data:
                        selector.unregister(key.fileobj)
                    if key.fd != out:
                        said = (said + data)[-600:]
                        continue
                    lines = (left + data).split(b"\n")
                    left = lines.pop()[:MAX_LINE_BYTES]
                    self._lines(lines)
                    wait = self._interval + LINE_SECONDS
        if not self._stopped.is_set():
            text = decode(said, 300).strip()
            self._ended(f"the GPU reader ended: {text}" if text else "the GPU reader ended without a word")

    def _lines(self, lines: list[bytes]) -> None:
        for line in lines:
            if line[:1] != b"{":
                continue
            with contextlib.suppress(msgspec.MsgspecError):  # a torn line; the next is a second away
                self.status, self.gpus = self._frames.feed(decoding.json(line, type=object))

    def _hung(self) -> None:
        self.status, self.gpus = self._frames.stalled("the GPU driver does not answer")

    def _ended(self, reason: str) -> None:
        self.status, self.gpus = self._frames.feed({"reason": reason})

    def _drop(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        child.kill()
        try:
            child.wait(0.1)
        except subprocess.TimeoutExpired:
            self._stuck = child
        for pipe in (child.stdin, child.stdout, child.stderr):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


def _write_all(child: subprocess.Popen[bytes], data: bytes) -> None:
    if child.stdin is not None:
        view = memoryview(data)
        while view:
            view = view[os.write(child.stdin.fileno(), view) :]
