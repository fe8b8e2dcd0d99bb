"""Whatever a host, or an engine that one is attached to, calls itself: the console lives, and its terminal stays its own."""

from __future__ import annotations

import unicodedata
from typing import Any

import msgspec
import pytest

from backends.checks.verdict import Verdict
from backends.engine.wire import HostDetail, HostRow
from backends.errors import SkipHost
from backends.metrics.sample import Filesystem, ProcessTable
from backends.states import HostState, Severity
from tests.ui.fleet_console import Seat, opened
from tests.ui.host_console import journey
from tests.ui.memory_engine import INFO, MemoryEngine
from tests.unit.present.fleet_rows import away, cell, gpu_row, row
from tests.unit.present.host_samples import OFFERED, detail, event, process, sample

NASTY = {
    "markup": "[/x][bold red]kworker[0][@click=app.quit]x[/]\\[",
    "escapes": "a\x1b]52;c;cm0gLXJmIC8=\x07b\x1b]0;title\x1b\\c\x1b[2J\x1b[1;1H\x9b31mred\x0e\x0f\x00\x7f\x85\r\n\t\x0b\x08x",
    "bidi": "\u202egpj.exe\u2066\u200f\u200b\ufeff\u2003\u00a0",
    "wide": "日本語ホスト名Z\u0351\u036b\u0343a\u0301\u0302\u0303👩‍👩‍👧‍👦🏳️‍🌈🇨🇭👍🏽\u3000" * 3,
    "endless": "x" * 10_000,
}
TOUR = (
    (), ("j",), ("d",), ("escape", "h"), ("right", "n"), ("escape", "x"), ("escape", "y"), ("h",), ("y", "s"), ("y", "r"),
    ("y", "j"), ("asterisk", "x"), ("e", *"ls", "enter"), ("y",), ("escape", "escape", "slash", *"a"),
    ("escape", "colon", *"host "), ("tab",), ("escape", "R"), ("6",), ("d",), ("escape", "enter"),
    *(("right_square_bracket",),) * 12, ("d",), ("escape", "y", "r"), ("1", "g", "enter", "A"), ("escape", "1", "q"),
)  # fmt: skip
"""Keys that lead through every place where such a text can stand."""


def rows(text: str) -> list[HostRow]:
    words: dict[str, Any] = {"worst": text, "verdict": text, "tags": (text, text), "gpu_model": text, "kernel": text}
    words |= {"system": text, "disk_mount": text, "severity": Severity.CRITICAL}
    return [
        away(text, HostState.HOST_KEY_UNKNOWN, text, text, retry_at=2e9, tags=(text,)),
        away(f"{text}2", HostState.UNREACHABLE, text, text),
        gpu_row(f"{text}3", cell(flag=text), cell(flag="lost"), state=HostState.DRIVER_HUNG, **words),
        row(f"{text}4", reason=text, **words),
    ]


def details(text: str) -> HostDetail:
    table = ProcessTable(
        top=tuple(process(pid, name=text, command=text, user=text, container=text) for pid in range(3))
    )
    verdict = Verdict(
        subject=text, kind="x", text=text, evidence=(text,), confidence="low", next_step=text, severity=Severity.WARNING
    )
    disks = (Filesystem(mount=text, device=text, kind=text, total_bytes=1, used_bytes=1, reason=text),)
    measured = sample(processes=table, filesystems=disks, missing={text: text, "cpu": text})
    offered = msgspec.structs.replace(OFFERED, fingerprint=text, kind=text, address=text)
    return detail(sample=measured, verdicts=(verdict,), offered_key=offered, row_reason=text, row_hint=text)


def engine(text: str) -> MemoryEngine:
    found = MemoryEngine(rows(text))
    found.info = msgspec.structs.replace(
        INFO, fleet_name=text, user=text, label=text, config_error=text, in_flight=(text,)
    )
    for name in found.rows:
        found.details[name] = msgspec.structs.replace(details(text), row=found.rows[name])
    found.events = tuple(event(number, text=text, kind=text, actor=text, host=f"{text}4") for number in range(3))
    found.handlers["exec.start"] = lambda params: {"id": 1, "hosts": [f"{text}3", f"{text}4"]}
    found.handlers["fleet.poll"] = lambda params: refuse(text)
    return found


def refuse(text: str) -> object:
    raise SkipHost(text, host=text, hint=text)


def assert_safe(seat: Seat, place: object) -> None:
    """Every row is exactly as wide as the terminal, and holds nothing that a terminal would act on."""
    width = seat.app.size.width
    for strip in seat.app.screen._compositor.render_strips():
        assert strip.cell_length == width, (place, strip.text)
        for letter in strip.text:
            assert unicodedata.category(letter) not in ("Cc", "Cs", "Zl", "Zp"), (place, strip.text)
            assert letter not in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069", (place, strip.text)


@pytest.mark.parametrize("name", sorted(NASTY))
@journey
async def test_every_place_shows_it_safely(name: str) -> None:
    text = NASTY[name]
    async with opened(engine=engine(text), toasts=True) as seat:
        for keys in TOUR:
            await seat.press(*keys)
            assert_safe(seat, keys)
            if keys and keys[-1] == "y" and type(seat.app.screen).__name__ == "ExecScreen":
                await seat.push("exec.output", id=1, host=f"{text}3", stream="out", text=text)
                await seat.push("exec.done", id=1, host=f"{text}3", error=text)
                assert_safe(seat, "exec")
        assert seat.app.return_value is None
        assert seat.app._exception is None


@pytest.mark.parametrize("size", [(60, 16), (101, 30), (200, 50)])
@journey
async def test_at_every_width_rows_stay_exact(size: tuple[int, int]) -> None:
    hosts = [each for text in NASTY.values() for each in rows(text)]
    async with opened(hosts, size=size) as seat:
        for keys in ((), ("w",), ("w", "j"), ("o",), ("escape", "h"), ("m",), ("escape", "x")):
            await seat.press(*keys)
            assert_safe(seat, keys)
