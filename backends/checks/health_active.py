"""Tests that load the hardware: only when asked for, and only on a drained host. G30, G31. Limits: monitoring §2b."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from backends import decoding
from backends.checks.health_finding import Action, Finding, critical, ok, unknown, warning
from backends.errors import AskOperator, BadInput
from backends.execution import Exec, ExecResult
from backends.text import clean, decode

Test = Literal["diagnostics-1", "diagnostics-2", "diagnostics-3", "bandwidth", "all-reduce"]
SECONDS: dict[Test, float] = {
    "diagnostics-1": 120.0,
    "diagnostics-2": 600.0,
    "diagnostics-3": 2400.0,
    "bandwidth": 600.0,
    "all-reduce": 900.0,
}
"""Most that each takes (DCGM: seconds, 2 and 15 minutes)."""
HOST_COPY = {"H100": 48.0, "H200": 48.0, "A100": 21.0, "MI300X": 48.0}
"""GB/s from and to the host, by model (azurehpc)."""
PEER_COPY = {"H100": 335.0, "H200": 335.0, "A100": 238.0, "MI300X": 44.0}
ALL_REDUCE = {"H100": 460.0, "H200": 431.0, "A100": 228.0, "MI300X": 314.0}
NEAR = 1.05
"""Below the limit times this it is told before it fails (azurehpc)."""
OUTPUT_BYTES = 1 << 20
_SUM = re.compile(r"^\s*SUM (\S{1,60}) ([0-9.]{1,12})\s*$", re.MULTILINE)
_AVERAGE = re.compile(r"Avg bus bandwidth\s*:\s*([0-9.]{1,12})")


def argv(test: Test, gpus: int) -> list[str]:
    """The command of a test. Raises BadInput for an unknown one."""
    if test.startswith("diagnostics-") and test in SECONDS:
        return ["dcgmi", "diag", "-r", test[-1], "-j"]
    if test == "bandwidth":
        copies = ["host_to_device_memcpy_ce", "device_to_host_memcpy_ce", "device_to_device_memcpy_read_ce"]
        return ["nvbandwidth", "-t", *copies]
    if test == "all-reduce":
        return ["all_reduce_perf", "-b", "16G", "-e", "16G", "-f", "2", "-g", str(max(1, min(gpus, 64)))]
    raise BadInput(f"no such test: {test!r}", hint=f"one of {', '.join(SECONDS)}")


def run(host: Exec, test: Test, *, model: str, gpus: int, drained: bool, mig: bool = False) -> tuple[Finding, ...]:
    """Carry a test out and judge it.

    Args:
        host: where.
        test: which.
        model: name of its GPUs, for the limits.
        gpus: how many it has.
        drained: nothing else runs there.
        mig: MIG is on, with which DCGM's diagnostics cannot be run.

    Raises:
        AskOperator: the host is not drained, or MIG is on.
        BadInput: there is no such test.
        RetryLater: the link is down or it took too long.
    """
    command = argv(test, gpus)
    if not drained:
        hint = "drain it first: the test takes every GPU to its limit"
        raise AskOperator(f"{test} would disturb what runs", host=host.host, action=f"run {test}", hint=hint)
    if mig and test.startswith("diagnostics-"):
        raise AskOperator(
            "diagnostics cannot be run with MIG on", host=host.host, action=f"run {test}", hint="nvidia-smi -mig 0"
        )
    result = host.run(command, timeout_seconds=SECONDS[test], limit_bytes=OUTPUT_BYTES)
    return tuple(judge(test, result, model))


def judge(test: Test, result: ExecResult, model: str) -> Iterator[Finding]:
    """What a test's output says; UNKNOWN when that cannot be read."""
    check = "G30" if test.startswith("diagnostics-") else "G31"
    if result.exit_status == 127:
        yield unknown(check, f"{test}: its program is not installed", test)
    elif check == "G30":
        yield from _diagnostics(test, result)
    else:
        yield from _bandwidths(test, result, model)


def _diagnostics(test: str, result: ExecResult) -> Iterator[Finding]:
    found = list(_outcomes(result.stdout))
    failed = [words for words, status in found if status == "fail"]
    warned = [words for words, status in found if status in ("warn", "warning")]
    if failed:
        text = f"diagnostics failed: {failed[0]}"
        yield critical(
            "G30", text, test, evidence=tuple(failed[:8]), action=Action.INSPECT, advice="dcgmi diag -r 3 -j"
        )
    elif warned:
        yield warning("G30", f"diagnostics warn: {warned[0]}", test, evidence=tuple(warned[:8]), action=Action.INSPECT)
    elif any(status == "pass" for _, status in found) and result.exit_status == 0:
        yield ok("G30", f"{len(found)} diagnostics passed or did not apply", test)
    else:
        said = decode(result.stderr or result.stdout, 160)
        yield unknown("G30", f"diagnostics gave no result: {said or f'status {result.exit_status}'}", test)


def _outcomes(output: bytes) -> Iterator[tuple[str, str]]:
    """(test and its reason, status in lower case) of `dcgmi diag -j`, whatever its version nests around them."""
    start = output.find(b"{")
    try:
        value = decoding.json(output[start:], type=object) if start >= 0 else None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return
    waiting: list[tuple[str, Any, int]] = [("", value, 0)]
    seen = 0
    while waiting and seen < 20000:
        name, one, depth = waiting.pop()
        seen += 1
        if isinstance(one, dict):
            name = one["name"] if isinstance(one.get("name"), str) else name
            status = one.get("status")
            if isinstance(status, str):
                yield clean(f"{name}: {_reason(one)}" if _reason(one) else name, 200), status.lower()
            waiting += [(name, each, depth + 1) for each in one.values() if depth < 12]
        elif isinstance(one, list):
            waiting += [(name, each, depth + 1) for each in one if depth < 12]


def _reason(one: dict[str, Any]) -> str:
    for key in ("warnings", "warning", "info"):
        found = one.get(key)
        first = found[0] if isinstance(found, list) and found else found
        text = first.get("warning") if isinstance(first, dict) else first
        if isinstance(text, str) and text:
            return text
    return ""


def _bandwidths(test: str, result: ExecResult, model: str) -> Iterator[Finding]:
    text = result.stdout[:OUTPUT_BYTES].decode("utf-8", "replace")
    if test == "all-reduce":
        average = _AVERAGE.search(text)
        rows = [("all-reduce", average[1], ALL_REDUCE)] if average else []
    else:
        rows = [
            (match[1], match[2], PEER_COPY if "device_to_device" in match[1] else HOST_COPY)
            for match in _SUM.finditer(text)
        ]
    for name, number, limits in rows[:16]:
        yield _bandwidth(clean(name, 60), number, next((v for k, v in limits.items() if k in model), None))
    if not rows:
        yield unknown("G31", f"{test} gave no numbers: {decode(result.stderr or result.stdout, 160)}", test)


def _bandwidth(name: str, number: str, limit: float | None) -> Finding:
    try:
        value = float(number)
    except ValueError:
        return unknown("G31", f"{name}: not a number", name)
    text = f"{name}: {value:.0f} GB/s" + (f" (limit {limit:.0f})" if limit else "")
    if limit is None:
        return unknown("G31", f"{text}; no limit is known for this model", name)
    if value < limit:
        return critical(
            "G31", text, name, action=Action.INSPECT, value=value, advice="compare PCIe links and topology with a peer"
        )
    if value < NEAR * limit:
        return warning("G31", text, name, value=value)
    return ok("G31", text, name)
