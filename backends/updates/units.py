"""Units of systemd as `systemctl show` tells them, and whether a restart did what it should. Pure: argv, parser, judgement.

A restart is proven as a reboot is: by a new invocation id. systemctl's exit status says that a unit was started; that it
stays up says only a later look (a unit that crashes is started again by systemd, and counted).
"""

from __future__ import annotations

from collections.abc import Sequence

from backends.execution import ExecResult
from backends.metrics.sample import Record
from backends.text import clean
from backends.updates.base import ENVIRONMENT
from backends.updates.needs import MANAGER

_PROPERTIES = ("Id", "LoadState", "ActiveState", "SubState", "Result", "NRestarts", "InvocationID")
TEXT = 100
MOST_BYTES = 1 << 20


class UnitState(Record, frozen=True, kw_only=True):
    """One unit now."""

    unit: str
    """As it was asked for; an alias keeps its name."""
    load: str = ""
    """ "loaded", "not-found", "masked" …"""
    active: str = ""
    """ "active", "inactive", "failed", "activating" …"""
    sub: str = ""
    result: str = ""
    """How its last run ended: "success", "exit-code", "timeout" …"""
    restarts: int | None = None
    """How often systemd has started it again by itself since somebody did; None where it does not count (sockets)."""
    invocation: str = ""
    """Differs for every start."""


class UnitResult(Record, frozen=True, kw_only=True):
    """What became of one unit."""

    unit: str
    good: bool
    text: str
    state: UnitState | None = None
    """Afterwards; None where it has none (the first process itself)."""


def show_argv(units: Sequence[str]) -> tuple[str, ...]:
    """Asks for these units' states, in one go."""
    return (*ENVIRONMENT, "systemctl", "show", f"--property={','.join(_PROPERTIES)}", "--", *units)


def parse_show(result: ExecResult, units: Sequence[str]) -> dict[str, UnitState]:
    """Unit → state, one block for each unit in the order in which they were asked for. Units without a block are absent."""
    text = result.stdout[:MOST_BYTES].decode("utf-8", "replace").strip("\n")
    blocks = [_block(part) for part in text.split("\n\n")] if text else []
    if len(blocks) == len(units):
        return {unit: _state(unit, block) for unit, block in zip(units, blocks, strict=True)}
    by_id = {block.get("Id", ""): block for block in blocks}
    return {unit: _state(unit, by_id[unit]) for unit in units if unit in by_id}


def judge(unit: str, exit_status: int | None, before: UnitState | None, after: UnitState | None) -> UnitResult:
    """Whether `unit` runs its new code now. `exit_status`: of its restart; None when that was never tried."""
    if exit_status is None:
        return UnitResult(unit=unit, good=False, text="was not restarted", state=after)
    if unit == MANAGER:
        text = "renewed itself" if exit_status == 0 else f"systemctl daemon-reexec ended with {exit_status}"
        return UnitResult(unit=unit, good=exit_status == 0, text=text)
    if after is None:
        return UnitResult(unit=unit, good=False, text="its state afterwards is not known")
    wrong = _wrong(exit_status, before, after)
    return UnitResult(unit=unit, good=not wrong, text=wrong or f"restarted, {after.active}", state=after)


def _wrong(exit_status: int, before: UnitState | None, after: UnitState) -> str:
    """What is not as it should be; "" when all is well."""
    if after.load not in ("loaded", ""):
        return f"there is no such unit ({after.load})" if after.load == "not-found" else f"it is {after.load}"
    if after.restarts:
        return f"crashes: systemd has started it {after.restarts} times since ({after.result or after.active})"
    if exit_status != 0:
        return f"systemctl restart ended with {exit_status}; it is {after.active} ({after.result or after.sub})"
    if after.active != "active" and not _rests(before, after):
        return f"is {after.active or 'in an unknown state'} ({after.sub}, {after.result})"
    if before is not None and before.invocation and after.invocation == before.invocation:
        return "was not restarted: it is the same run as before"
    return ""


def _rests(before: UnitState | None, after: UnitState) -> bool:
    """It was not running before either, and did its work."""
    return before is not None and before.active == after.active == "inactive" and after.result == "success"


def _block(text: str) -> dict[str, str]:
    pairs = (line.partition("=") for line in text.split("\n"))
    return {name: clean(value, TEXT) for name, sign, value in pairs if sign and name in _PROPERTIES}


def _state(unit: str, block: dict[str, str]) -> UnitState:
    count = block.get("NRestarts", "")
    return UnitState(
        unit=unit,
        load=block.get("LoadState", ""),
        active=block.get("ActiveState", ""),
        sub=block.get("SubState", ""),
        result=block.get("Result", ""),
        restarts=int(count) if count.isascii() and count.isdecimal() and len(count) < 10 else None,
        invocation=block.get("InvocationID", ""),
    )
