"""Decodes what the GPU program prints into `Gpu` records. The lines come from a host, so nothing in them is trusted.

Slow values, names and reasons are sent rarely; `GpuFrames` keeps them and adds each frame's fast values.
"""

from __future__ import annotations

import itertools
import math
from typing import Any, Literal, cast

import msgspec

from backends.hostkit.programs import gpu_fields
from backends.metrics.sample import Gpu, GpuProcess, GpuStatus, MigInstance
from backends.text import clean

Way = Literal["none", "nvml", "nvidia-smi", "amd-sysfs"]
Values = dict[str, Any]

FAST: tuple[str, ...] = gpu_fields.FAST
SLOW: tuple[str, ...] = gpu_fields.SLOW

_WAYS = ("none", "nvml", "nvidia-smi", "amd-sysfs")
_LIMIT = float(1 << 63)
_MALFORMED = "malformed value"
_LOST = "GPU is lost"
_NAMES = frozenset(FAST) | frozenset(SLOW) | {"processes"}
_INTEGERS = frozenset(
    name for name, kind in Gpu.__annotations__.items() if str(kind).startswith("int |") and name in _NAMES
)
_FLAGS = frozenset(name for name, kind in Gpu.__annotations__.items() if str(kind).startswith("bool |"))
_SIGNED = frozenset({"temperature_celsius", "temperature_margin_celsius", "memory_temperature_celsius"})
_FAST_KINDS = tuple((name, name in _INTEGERS, name in _SIGNED) for name in FAST)
_FAST_NONE: Values = dict.fromkeys(FAST)
_FAST_LOST = dict.fromkeys((*FAST, "processes"), _LOST)


class _Seat:
    """What is known of one GPU between frames."""

    __slots__ = ("base", "lost", "missing", "static")

    def __init__(self, static: Gpu):
        self.static = static
        self.base = static
        """With the newest slow values, processes and reasons."""
        self.missing: dict[str, str] = {}
        self.lost = False


class GpuFrames:
    """The decoder of one host's GPU lines. `feed` never raises, whatever it is given."""

    def __init__(self) -> None:
        self.status = GpuStatus()
        self.gpus: tuple[Gpu, ...] = ()
        self.cpu_seconds: float | None = None
        """CPU time that the GPU program used since it started."""
        self._seats: list[_Seat] = []

    def feed(self, parsed: object) -> tuple[GpuStatus, tuple[Gpu, ...]]:
        """Take one parsed line; the newest status and GPUs."""
        if not isinstance(parsed, dict):
            return self.status, self.gpus
        if "hello" in parsed:
            self._hello(parsed)
            return self.status, self.gpus
        self.cpu_seconds = _number(parsed.get("c"), False, False)
        if parsed.get("hung") == 1:
            return self.stalled(_text(parsed.get("reason"), 200) or "the GPU driver does not answer")
        if "reason" in parsed:
            self.status = GpuStatus(way="none", driver=self.status.driver, reason=_text(parsed["reason"], 300) or None)
            self.gpus = ()
        elif "f" in parsed and self._seats:
            self._frame(parsed)
        return self.status, self.gpus

    def stalled(self, reason: str) -> tuple[GpuStatus, tuple[Gpu, ...]]:
        """No line came within the deadline: the driver hangs. The GPUs stay as they were last seen."""
        self.status = msgspec.structs.replace(self.status, hung=True, reason=reason)
        return self.status, self.gpus

    def _hello(self, parsed: dict[str, Any]) -> None:
        way = parsed.get("way")
        self.status = GpuStatus(
            way=cast("Way", way) if isinstance(way, str) and way in _WAYS else "none",
            driver=_text(parsed.get("driver"), 64),
            cuda=_text(parsed.get("cuda"), 32),
            reason=_text(parsed.get("reason"), 300) or None,
        )
        rows = parsed.get("gpus")
        statics = _distinct([_static(row, place) for place, row in enumerate(_list(rows)[: gpu_fields.MAX_GPUS])])
        if [seat.static for seat in self._seats] != statics:
            self._seats = [_Seat(static) for static in statics]
            self.gpus = tuple(statics)

    def _frame(self, parsed: dict[str, Any]) -> None:
        status = self.status
        if status.hung:
            self.status = msgspec.structs.replace(status, hung=False, reason=None)
        rare = "s" in parsed or "p" in parsed or "m" in parsed
        if rare:
            self._rare(parsed)
        lost = parsed.get("l")
        places = {place for place in lost if isinstance(place, int)} if isinstance(lost, list) else ()
        rows = _list(parsed["f"])
        self.gpus = tuple(
            _gpu(seat, rows[place] if place < len(rows) else None, place in places)
            for place, seat in enumerate(self._seats)
        )

    def _rare(self, parsed: dict[str, Any]) -> None:
        """Slow values, processes and reasons into each seat's base."""
        slow, processes, reasons = (_list(parsed.get(key)) for key in ("s", "p", "m"))
        for place, seat in enumerate(self._seats):
            changes: Values = {}
            bad: dict[str, str] = {}
            if place < len(slow):
                _slow(slow[place], changes, bad)
            if place < len(processes):
                changes["processes"] = _processes(processes[place])
            if place < len(reasons):
                seat.missing = _reasons(reasons[place])
            seat.missing = {**seat.missing, **bad} if bad else seat.missing
            seat.base = msgspec.structs.replace(seat.base, missing=seat.missing, **changes)


def _gpu(seat: _Seat, row: object, lost: bool) -> Gpu:
    if lost:
        return msgspec.structs.replace(seat.static, lost=True, missing=_FAST_LOST)
    if not isinstance(row, list) or len(row) != len(FAST):
        why = {**seat.base.missing, **dict.fromkeys(FAST, _MALFORMED)}
        return msgspec.structs.replace(seat.base, missing=why, **_FAST_NONE)
    values: Values = {}
    bad: dict[str, str] | None = None
    for (name, integer, signed), raw in zip(_FAST_KINDS, row, strict=True):
        value = raw if raw is None else _number(raw, integer, signed)
        values[name] = value
        if value is None and (raw is not None or name not in seat.missing):
            bad = bad or dict(seat.missing)
            bad[name] = "no reason given" if raw is None else _MALFORMED
    if bad is not None:
        values["missing"] = bad
    return msgspec.structs.replace(seat.base, **values)


def _number(raw: object, integer: bool, signed: bool) -> Any:
    """A finite number in a sane range, whole where asked for; None for anything else."""
    kind = type(raw)
    if kind is int:
        number = cast("int", raw)
        if (number < 0 and not (signed and number > -300)) or number >= _LIMIT:
            return None
        return number if integer else float(number)
    if kind is float:
        real = cast("float", raw)
        if not math.isfinite(real) or real >= _LIMIT or (real < 0 and not (signed and real > -300)):
            return None
        return int(real) if integer else real
    return None


def _slow(row: object, values: Values, bad: dict[str, str]) -> None:
    if not isinstance(row, list) or len(row) != len(SLOW):
        values.update(dict.fromkeys(SLOW[:-1]), mig=())
        bad.update(dict.fromkeys(SLOW, _MALFORMED))
        return
    for name, raw in zip(SLOW, row, strict=True):
        if name == "mig":
            values[name] = tuple(_mig(one) for one in _list(raw)[: gpu_fields.MAX_MIG])
            continue
        value = raw if name in _FLAGS and isinstance(raw, bool) else None
        if name not in _FLAGS:
            value = _number(raw, name in _INTEGERS, name in _SIGNED)
        values[name] = value
        if value is None and raw is not None:
            bad[name] = _MALFORMED


def _static(row: object, place: int) -> Gpu:
    cells = [*_list(row), None, None, None, None, None][:5]
    index = _number(cells[0], True, False)
    return Gpu(
        index=index if index is not None and index < 1 << 16 else place,
        vendor="amd" if cells[1] == "amd" else "nvidia",
        uuid=_text(cells[2], 96),
        name=_text(cells[3], 96),
        bus_id=_text(cells[4], 32),
    )


def _distinct(gpus: list[Gpu]) -> list[Gpu]:
    """The same with an index for each: where two claim one, the second gets the lowest that nobody claims."""
    claimed = {gpu.index for gpu in gpus}
    free = (number for number in itertools.count() if number not in claimed)
    taken: set[int] = set()
    distinct = []
    for gpu in gpus:
        distinct.append(msgspec.structs.replace(gpu, index=next(free)) if gpu.index in taken else gpu)
        taken.add(gpu.index)
    return distinct


def _processes(raw: object) -> tuple[GpuProcess, ...] | None:
    if not isinstance(raw, list):
        return None
    found = []
    for item in raw[: gpu_fields.MAX_PROCESSES]:
        if not isinstance(item, list) or len(item) != 3:
            continue
        pid = _number(item[0], True, False)
        if pid is not None and 0 < pid < 1 << 31:
            kind: Literal["compute", "graphics"] = "graphics" if item[2] == gpu_fields.GRAPHICS else "compute"
            found.append(GpuProcess(pid=pid, memory_bytes=_number(item[1], True, False), kind=kind))
    return tuple(found)


def _mig(raw: object) -> MigInstance:
    cells = [*_list(raw), None, None, None, None][:4]
    return MigInstance(
        uuid=_text(cells[0], 96),
        name=_text(cells[1], 96),
        memory_used_bytes=_number(cells[2], True, False),
        memory_total_bytes=_number(cells[3], True, False),
    )


def _reasons(raw: object) -> dict[str, str]:
    if not isinstance(raw, dict):
        return {}
    return {name: _text(reason, 120) or "no reason given" for name, reason in raw.items() if name in _NAMES}


def _list(raw: object) -> list[Any]:
    return raw if isinstance(raw, list) else []


def _text(raw: object, limit: int) -> str:
    return clean(raw, limit) if isinstance(raw, str) else ""
