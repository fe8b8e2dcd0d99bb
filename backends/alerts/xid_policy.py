"""What an XID of the NVIDIA driver means and asks for, as a versioned table that a site can override. Pure.

Sources disagree (reference monitoring §2a), so this is data: NVIDIA's catalogue as gpud ships it decides, in the grouping
of the default rule pack. A line of the kernel log looks like

    NVRM: Xid (PCI:0000:05:00): 79, pid=4711, name=python, GPU has fallen off the bus.

and a GPU that falls off the bus may also say so without any number.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from backends.metrics.sample import Record
from backends.states import Severity

VERSION = 1
"""Of this table."""

Action = Literal["none", "check app", "restart app", "reset GPU", "reboot", "hardware inspection"]
Kind = Literal["fatal", "reset", "workflow", "app", "ignore", "unknown"]
"""The classes of the default rule pack."""

REPEATS, REPEAT_SECONDS = 3, 3600.0
"""An application's fault that repeats so often within an hour on one GPU may be the GPU's."""
JOBS = 3
"""The same XID on so many jobs is not the application."""
REBOOTS = 2
"""After so many reboots without cure, hardware inspection (gpud)."""
SAME_SECONDS = 300.0
"""The same XID of one GPU within so long is told once (reference: bucket of five minutes)."""


class Policy(Record, frozen=True, kw_only=True):
    """What one XID means."""

    code: int
    kind: Kind
    meaning: str
    action: Action
    severity: Severity
    """OK: history only."""
    note: bool = False
    """Of the ignored ones: worth a line for information."""
    cured_by_reset: bool = True
    """A reset of the GPU resolves it; otherwise only a reboot does."""
    advice: str = ""
    """Instead of that of the action."""


class Override(Record, frozen=True, kw_only=True):
    """What a site says of one XID instead; "" and None keep the table's."""

    code: int
    kind: Kind | Literal[""] = ""
    action: Action | Literal[""] = ""
    severity: Severity | None = None
    note: bool | None = None


ADVICE: Mapping[Action, str] = {
    "none": "Nothing to do.",
    "check app": "Look at the job: the application most likely made it.",
    "restart app": "Restart the job; if it comes again on this GPU, suspect the GPU.",
    "reset GPU": "Drain the GPU, then: nvidia-smi --gpu-reset -i INDEX; reboot when that fails.",
    "reboot": "Drain the host and power-cycle it; do not reset the GPU.",
    "hardware inspection": "Take the host out of service and have the GPU inspected.",
}


def _many(kind: Kind, action: Action, severity: Severity, meanings: Mapping[int, str], **more: object) -> list[Policy]:
    return [
        Policy(code=code, kind=kind, action=action, severity=severity, meaning=meaning, **more)  # type: ignore[arg-type]
        for code, meaning in meanings.items()
    ]


_CRITICAL, _WARNING, _OK = Severity.CRITICAL, Severity.WARNING, Severity.OK

_FATAL = [
    Policy(
        code=79, kind="fatal", meaning="the GPU has fallen off the bus", action="reboot", severity=_CRITICAL,
        cured_by_reset=False,
    ),
    Policy(
        code=151, kind="fatal", meaning="key rotation error", action="reboot", severity=_CRITICAL, cured_by_reset=False,
        advice="Restart the virtual machine.",
    ),
    Policy(
        code=54, kind="fatal", meaning="auxiliary power is not connected", action="hardware inspection",
        severity=_CRITICAL, cured_by_reset=False, advice="Check power cables and the mechanics of the GPU.",
    ),
]  # fmt: skip
_RESET = _many(
    "reset",
    "reset GPU",
    _CRITICAL,
    {
        46: "the GPU stopped processing", 62: "internal micro-controller halt", 64: "row remapping failed",
        95: "uncontained memory error", 109: "context switch timeout", 110: "security fault",
        119: "the GPU's system processor timed out", 120: "the GPU's system processor failed",
        136: "link training failed", 140: "unrecovered memory error", 143: "GPU initialisation failed",
        155: "NVLink software error", 156: "resource retired", 158: "fatal timeout",
    },
)  # fmt: skip
_WORKFLOW = [
    *_many("workflow", "reset GPU", _CRITICAL, {48: "double-bit memory error", 74: "NVLink error"}),
    *_many("workflow", "reset GPU", _CRITICAL, dict.fromkeys(range(144, 151), "NVLink 5 error")),
    Policy(
        code=45, kind="workflow", meaning="pre-emptive clean-up after another fault", action="check app",
        severity=_WARNING, advice="Follow the XID before it; alone on an NVSwitch host: restart nvidia-fabricmanager.",
    ),
]  # fmt: skip
_APP = _many(
    "app",
    "restart app",
    _WARNING,
    {
        13: "engine exception", 31: "memory page fault", 32: "corrupt push buffer", 39: "copy engine 0 error",
        40: "copy engine 1 error", 41: "copy engine 2 error", 68: "video decoder exception",
        69: "graphics class error", 70: "copy engine 3 error", 71: "copy engine 4 error", 72: "copy engine 5 error",
        80: "corrupt data sent to the GPU", 94: "contained memory error", 123: "power controller call failed",
    },
)  # fmt: skip
_IGNORE = _many(
    "ignore",
    "none",
    _OK,
    {
        37: "driver firmware error", 38: "driver firmware error", 43: "channel stopped", 44: "context switch fault",
        66: "illegal access by the driver", 67: "illegal access by the driver", 93: "InfoROM is worn",
        121: "chip-to-chip link error", 137: "NVLink privilege error", 157: "row retirement failed",
    },
)  # fmt: skip
_NOTES = _many(
    "ignore",
    "none",
    _OK,
    {
        63: "row remapping recorded: reset when drained",
        92: "many single-bit errors",
        154: "recovery action changed: nvidia-smi -q tells which",
    },
    note=True,
)

TABLE: Mapping[int, Policy] = {
    policy.code: policy for policy in (*_FATAL, *_RESET, *_WORKFLOW, *_APP, *_IGNORE, *_NOTES)
}


class Policies:
    """The table with what the site overrides."""

    def __init__(self, overrides: tuple[Override, ...] = ()):
        self._table = dict(TABLE)
        for each in overrides:
            self._table[each.code] = _overridden(self.of(each.code), each)

    def of(self, code: int) -> Policy:
        """The policy of an XID; of an unknown one: a warning, to be looked up."""
        known = self._table.get(code)
        if known is not None:
            return known
        return Policy(
            code=code,
            kind="unknown",
            meaning="not in this table",
            action="check app",
            severity=_WARNING,
            advice="Look it up in NVIDIA's XID catalogue; the site's table can say what it means here.",
        )


_USUAL: Mapping[str, tuple[Severity, Action]] = {
    "fatal": (_CRITICAL, "reboot"), "reset": (_CRITICAL, "reset GPU"), "workflow": (_WARNING, "check app"),
    "app": (_WARNING, "restart app"), "ignore": (_OK, "none"),
}  # fmt: skip
"""What a kind means where a site names nothing else."""


def _overridden(policy: Policy, by: Override) -> Policy:
    severity, action, kind = policy.severity, policy.action, by.kind or policy.kind
    if kind != policy.kind:
        severity, action = _USUAL.get(kind, (severity, action))
    severity = by.severity if by.severity is not None else severity
    if not by.kind and kind in ("app", "ignore") and severity.rank > policy.severity.rank:
        kind = "workflow"  # whoever raises the severity wants to hear of it
    return Policy(
        code=policy.code,
        kind=kind,
        meaning=policy.meaning,
        action=by.action or action,
        severity=severity,
        note=policy.note if by.note is None else by.note,
        cured_by_reset=kind != "fatal" if by.kind else policy.cured_by_reset,
        advice="" if by.action or action != policy.action else policy.advice,
    )
