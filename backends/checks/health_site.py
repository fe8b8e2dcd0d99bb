"""Checks of a site: any command with Nagios' exit codes (0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN) and its line of numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from backends.checks.health_finding import Finding
from backends.errors import BadInput, SwarmError
from backends.execution import Exec, ExecResult
from backends.metrics.sample import Record
from backends.states import Severity
from backends.text import decode

OUTPUT_BYTES = 16384
TEXT = 300
MOST_NUMBERS = 64
MOST_LINES = 20
LONGEST_SECONDS = 300.0
_STATUS = {0: Severity.OK, 1: Severity.WARNING, 2: Severity.CRITICAL, 3: Severity.UNKNOWN}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,63}")
_NUMBER = re.compile(
    r"(?:'(?P<quoted>(?:[^']|'')+)'|(?P<plain>[^\s'=;]+))=(?P<value>-?[0-9][0-9.]{0,30}|U)(?P<unit>[A-Za-zµ%]{0,4})"
    r"(?P<rest>(?:;[^;\s]{0,40}){0,4})(?=\s|$)"
)


class SiteCheck(Record, frozen=True, kw_only=True):
    """One command of the site."""

    name: str
    argv: tuple[str, ...]
    timeout_seconds: float = 30.0
    become: bool = False


class Number(Record, frozen=True, kw_only=True):
    """One number of a plugin's performance data."""

    label: str
    value: float | None
    """None: the plugin could not tell (U)."""
    unit: str = ""
    limits: tuple[str, ...] = ()
    """Warning, critical, least and most, as written."""


class SiteResult(Record, frozen=True, kw_only=True):
    finding: Finding
    numbers: tuple[Number, ...] = ()


def checked(check: SiteCheck) -> SiteCheck:
    """The check, when it can be run. Raises BadInput."""
    if not _NAME.fullmatch(check.name):
        raise BadInput(f"not a name of a check: {check.name[:80]!r}", hint="letters, digits, - _ . (at most 64)")
    if not check.argv or not check.argv[0] or any("\0" in word for word in check.argv):
        raise BadInput(
            f"check {check.name} has no command", hint='argv = ["/usr/lib/nagios/plugins/check_x", "-w", "1"]'
        )
    if not 0 < check.timeout_seconds <= LONGEST_SECONDS:
        raise BadInput(f"check {check.name}: a timeout is more than 0 and at most {LONGEST_SECONDS:.0f} s")
    return check


def ask(host: Exec, check: SiteCheck) -> SiteResult:
    """Run it there. What goes wrong on the way is UNKNOWN with its reason; raises BadInput as `checked`."""
    ready = checked(check)
    try:
        result = host.run(
            list(ready.argv), timeout_seconds=ready.timeout_seconds, limit_bytes=OUTPUT_BYTES, become=ready.become
        )
    except SwarmError as error:
        name = f"site:{ready.name}"
        return SiteResult(finding=Finding(check=name, severity=Severity.UNKNOWN, text=error.message[:TEXT]))
    return judge(ready.name, result)


def judge(name: str, result: ExecResult) -> SiteResult:
    """What a plugin's exit status and output say. Text is bounded and sanitised."""
    lines, numbers = _split(result.stdout or result.stderr)
    severity = _STATUS.get(result.exit_status, Severity.UNKNOWN) if result.exit_status is not None else Severity.UNKNOWN
    text = lines[0] if lines else ""
    if result.exit_status not in _STATUS:
        status = f"signal {result.signal}" if result.exit_status is None else f"status {result.exit_status}"
        why = {126: "it may not be run", 127: "there is no such command"}.get(result.exit_status or 0, text)
        text = f"ended with {status}{f': {why}' if why else ''}"
    found = Finding(
        check=f"site:{name}", severity=severity, text=text or "it said nothing", evidence=tuple(lines[1:MOST_LINES])
    )
    return SiteResult(finding=found, numbers=numbers)


def _split(output: bytes) -> tuple[list[str], tuple[Number, ...]]:
    """(lines of text, numbers): numbers follow the first bar of the first line, and the first bar of a later one."""
    texts: list[str] = []
    data: list[str] = []
    behind = False
    for index, raw in enumerate(output[:OUTPUT_BYTES].split(b"\n")[:200]):
        line = decode(raw, 4096)
        head, bar, tail = line.partition("|")
        if behind:
            data.append(line)
            continue
        data.append(tail)
        behind = bool(bar) and index > 0
        if head.strip():
            texts.append(head.strip()[:TEXT])
    return texts, numbers(data)


def numbers(texts: Sequence[str]) -> tuple[Number, ...]:
    """Performance data: 'label'=value[unit];[warn];[crit];[min];[max], apart by blanks; what is none is left out."""
    found: list[Number] = []
    for text in texts:
        for match in _NUMBER.finditer(text[:4096]):
            if len(found) >= MOST_NUMBERS:
                return tuple(found)
            label = (match["quoted"] or match["plain"]).replace("''", "'")[:80]
            limits = tuple(match["rest"].split(";")[1:])
            found.append(Number(label=label, value=_value(match["value"]), unit=match["unit"], limits=limits))
    return tuple(found)


def _value(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
