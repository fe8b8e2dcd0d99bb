"""The proof of a reboot, as a pure state machine: fed with observations, it says where the host stands.

requested → going-down → (back) soak → done, or failed. Proof is a boot id that has the shape of one, that differs from the
old one, and an uptime shorter than the time since the request: Ansible was fooled by error text in place of a boot id and by
hosts that still answered while they shut down (reference: patching §3).
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Literal

from msgspec.structs import replace

from backends.metrics.sample import Record

LATE_SECONDS = (300.0, 600.0, 1200.0)
"""When a host that is not back is talked about again."""
SOAK_SECONDS = 300.0
_BOOT_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


class Phase(StrEnum):
    """Where a reboot stands."""

    REQUESTED = "requested"
    """The old boot still answers."""
    GOING_DOWN = "going-down"
    """It does not answer any more."""
    SOAK = "soak"
    """Back; must stay up with the same boot id."""
    DONE = "done"
    FAILED = "failed"


class Request(Record, frozen=True, kw_only=True):
    """What was asked for. Times are monotonic seconds of our own clock."""

    boot_id: str
    """Of the boot that is to end."""
    asked: float
    expected_kernel: str = ""
    """What must run afterwards; "": any."""
    soak_seconds: float = SOAK_SECONDS


class Observation(Record, frozen=True, kw_only=True):
    """One look at the host."""

    time: float
    """Our monotonic clock, when the answer came."""
    boot_id: str = ""
    """"" when it did not answer; whatever it said otherwise."""
    uptime_seconds: float | None = None
    kernel: str = ""
    error: str = ""
    """Why it did not answer."""


class Note(Record, frozen=True, kw_only=True):
    """Something to tell, once."""

    kind: Literal["going-down", "still-up", "not-back", "back", "wrong-kernel", "boot-loop", "done"]
    text: str


class Reboot(Record, frozen=True, kw_only=True):
    """The state so far."""

    request: Request
    phase: Phase = Phase.REQUESTED
    boot_id: str = ""
    """Of the new boot."""
    kernel: str = ""
    back: float | None = None
    """When the new boot was first seen."""
    down: float | None = None
    told: int = 0
    """How many of LATE_SECONDS have been talked about."""
    failure: str = ""
    notes: tuple[Note, ...] = ()
    """What the last observation brought."""

    @property
    def over(self) -> bool:
        """Nothing more is to be observed."""
        return self.phase in (Phase.DONE, Phase.FAILED)


def begin(request: Request) -> Reboot:
    """The state right after the request. Raises ValueError when the old boot id is none: nothing could be proven."""
    if not is_boot_id(request.boot_id):
        raise ValueError(f"not a boot id: {request.boot_id!r}")
    return Reboot(request=request)


def is_boot_id(text: str) -> bool:
    """Whether this is the shape of /proc/sys/kernel/random/boot_id, and not some error text."""
    return _BOOT_ID.fullmatch(text) is not None


def observe(reboot: Reboot, seen: Observation) -> Reboot:
    """The state after one more look; `notes` are what that look brought."""
    reboot = replace(reboot, notes=())
    if reboot.over:
        return reboot
    if reboot.phase is Phase.SOAK:
        return _soak(reboot, seen)
    if _is_back(reboot.request, seen):
        return _back(reboot, seen)
    return _late(_wait(reboot, seen), seen)


def _is_back(request: Request, seen: Observation) -> bool:
    """All three: a boot id, another one, and an uptime that fits."""
    elapsed = seen.time - request.asked
    different = is_boot_id(seen.boot_id) and seen.boot_id != request.boot_id
    return different and seen.uptime_seconds is not None and seen.uptime_seconds < elapsed


def _wait(reboot: Reboot, seen: Observation) -> Reboot:
    if seen.boot_id == reboot.request.boot_id:
        return reboot
    if reboot.phase is Phase.GOING_DOWN or is_boot_id(seen.boot_id):
        return reboot
    text = f"does not answer any more: {seen.error or 'no boot id'}"
    return replace(
        reboot, phase=Phase.GOING_DOWN, down=seen.time, notes=(*reboot.notes, Note(kind="going-down", text=text))
    )


def _late(reboot: Reboot, seen: Observation) -> Reboot:
    """Say that it is late, once for each mark that has passed since the last look."""
    elapsed = seen.time - reboot.request.asked
    passed = sum(1 for mark in LATE_SECONDS if elapsed >= mark)
    if passed <= reboot.told:
        return reboot
    minutes = int(LATE_SECONDS[passed - 1] // 60)
    still_up = seen.boot_id == reboot.request.boot_id
    if still_up:
        note = Note(kind="still-up", text=f"has not gone down {minutes} min after the request")
    elif is_boot_id(seen.boot_id):
        text = f"has another boot id {minutes} min after the request, but claims to be up for longer than that"
        note = Note(kind="not-back", text=text)
    else:
        note = Note(kind="not-back", text=f"is not back {minutes} min after the request")
    return replace(reboot, told=passed, notes=(*reboot.notes, note))


def _back(reboot: Reboot, seen: Observation) -> Reboot:
    known = replace(reboot, boot_id=seen.boot_id, kernel=seen.kernel, back=seen.time)
    planned = reboot.request.expected_kernel
    if planned and seen.kernel != planned:
        text = f"came back with kernel {seen.kernel or 'unknown'} instead of {planned}"
        return _fail(known, "wrong-kernel", text)
    took = int(seen.time - reboot.request.asked)
    note = Note(kind="back", text=f"back after {took} s with kernel {seen.kernel or 'unknown'}")
    soaking = replace(known, phase=Phase.SOAK, notes=(note,))
    return _finish(soaking, seen) if reboot.request.soak_seconds <= 0 else soaking


def _soak(reboot: Reboot, seen: Observation) -> Reboot:
    """A lost link proves nothing; another boot id proves a loop; only the same boot id at the end proves the soak."""
    if not is_boot_id(seen.boot_id):
        return reboot
    if seen.boot_id != reboot.boot_id:
        after = int(seen.time - (reboot.back or seen.time))
        return _fail(reboot, "boot-loop", f"rebooted again by itself {after} s after it was back")
    if seen.time - (reboot.back or seen.time) >= reboot.request.soak_seconds:
        return _finish(reboot, seen)
    return reboot


def _finish(reboot: Reboot, seen: Observation) -> Reboot:
    stayed = int(seen.time - (reboot.back or seen.time))
    note = Note(kind="done", text=f"up for {stayed} s with the same boot id")
    return replace(reboot, phase=Phase.DONE, notes=(*reboot.notes, note))


def _fail(reboot: Reboot, kind: Literal["wrong-kernel", "boot-loop"], text: str) -> Reboot:
    return replace(reboot, phase=Phase.FAILED, failure=text, notes=(*reboot.notes, Note(kind=kind, text=text)))
