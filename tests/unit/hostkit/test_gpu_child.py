"""The probe's GPU child: started from a payload, forwarded line by line, given up on when silent."""

from __future__ import annotations

import os
import subprocess
import zlib

from backends.hostkit.events import Trouble
from backends.metrics.sample import HostFacts, Sample
from tests.unit.hostkit.kit import RunningKit, children_of, eventually, is_alive

HELLO = """{"hello":1,"way":"nvml","driver":"550.1","cuda":"12.4","gpus":[[0,"nvidia","GPU-x","Fake H100","0000:01:00.0"]]}"""


def payload(body: str) -> bytes:
    return zlib.compress(f"import sys,os,time\ndef say(x): os.write(1,(x+'\\n').encode())\n{body}".encode())


def start(kit: RunningKit, body: str) -> None:
    kit.until(HostFacts)
    kit.write(kit.reader.gpu(payload(body)))


def test_its_lines_become_gpus_of_the_samples() -> None:
    with RunningKit() as kit:
        start(kit, f"say('{HELLO}')\nsys.stdin.read()")
        sample = kit.until(Sample, lambda one: one.gpus)
        assert sample.gpus[0].name == "Fake H100"
        assert sample.gpu_status is not None and sample.gpu_status.driver == "550.1"


def test_control_lines_right_behind_the_payload_are_not_eaten() -> None:
    with RunningKit(interval_seconds=60) as kit:
        kit.until(HostFacts)
        kit.write(kit.reader.gpu(payload("sys.stdin.read()")) + kit.reader.interval(0.2))
        count = sum(isinstance(event, Sample) for event in kit.events)
        assert eventually(lambda: kit.pump(0.1) and sum(isinstance(e, Sample) for e in kit.events) > count + 2)


def test_its_processes_are_always_in_the_process_table() -> None:
    """The GPU's user may be idle on the CPU: PID of a sleeping child of ours."""
    sleeper = subprocess.Popen(["sleep", "30"])
    try:
        with RunningKit() as kit:
            start(kit, f"say('{HELLO}')\nsay('{{\"f\":[],\"p\":[[[{sleeper.pid},1048576,0]]]}}')\nsys.stdin.read()")
            sample = kit.until(
                Sample, lambda one: one.processes and any(p.pid == sleeper.pid and p.gpus for p in one.processes.top)
            )
            assert sample.processes is not None
            row = next(process for process in sample.processes.top if process.pid == sleeper.pid)
            assert row.name == "sleep"
            assert row.gpus == (0,)
            assert row.gpu_memory_bytes == 1048576
    finally:
        sleeper.kill()
        sleeper.wait()


def test_a_silent_child_is_a_hung_driver_and_everything_else_goes_on() -> None:
    with RunningKit() as kit:
        start(kit, f"say('{HELLO}')\ntime.sleep(600)")
        trouble = kit.until(Trouble, lambda one: one.kind == "gpu-hung")
        assert "does not answer" in trouble.text
        sample = kit.until(Sample, lambda one: one.gpu_status is not None and one.gpu_status.hung)
        assert sample.gpus, "the GPUs stay as they were last seen"
        assert sample.cpu is not None
        assert sum(isinstance(event, Sample) for event in kit.events) > 20
        assert kit.end_input() < 1


def test_a_child_that_ends_says_why() -> None:
    with RunningKit() as kit:
        start(kit, "sys.stderr.write('libnvidia-ml.so.1: cannot open\\x1b[31m shared object')\nsys.exit(1)")
        trouble = kit.until(Trouble, lambda one: one.kind == "gpu-ended")
        assert "cannot open shared object" in trouble.text
        sample = kit.until(Sample, lambda one: one.gpu_status is not None and one.gpu_status.reason)
        assert sample.gpu_status is not None and not sample.gpu_status.hung


def test_an_endless_line_ends_the_child_not_the_probe() -> None:
    with RunningKit() as kit:
        start(kit, "while True: os.write(1, b'x' * 65536)")
        trouble = kit.until(Trouble, lambda one: one.kind == "gpu-ended")
        assert "endless" in trouble.text


def test_it_is_told_the_interval_and_dies_with_the_probe() -> None:
    with RunningKit(interval_seconds=0.5) as kit:
        start(
            kit,
            f"say('{HELLO}')\nx=sys.stdin.readline().strip()\nsay('{{\"reason\":\"told '+x+'\"}}')\ntime.sleep(600)",
        )
        sample = kit.until(Sample, lambda one: one.gpu_status is not None and one.gpu_status.reason)
        assert sample.gpu_status is not None and sample.gpu_status.reason == "told interval 0.500"
        children = children_of(kit.process.pid)
        assert len(children) == 2
        assert kit.end_input() < 1
        assert eventually(lambda: not any(map(is_alive, children)))


def test_it_counts_into_the_cost_of_the_probe() -> None:
    with RunningKit() as kit:
        start(kit, f"say('{HELLO}')\nx=bytearray(40<<20)\nsys.stdin.read()")
        sample = kit.until(
            Sample, lambda one: one.probe and one.probe.resident_bytes and one.probe.resident_bytes > 40 << 20
        )
        assert sample.probe is not None
        assert os.getpid() > 0
