"""What health checks found, as rules: one for each check that no rule of the pack sees by itself. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from backends.alerts.model import RuleTimes
from backends.alerts.rules import Finding, Judge, Rule, never
from backends.alerts.subjects import Held, Look, Subject
from backends.alerts.thresholds import found, nodata, short
from backends.states import Severity

OTHER = "other"
_WARNING = Severity.WARNING
BY_SAMPLE = frozenset(
    {"G03", "G05", "G06", "G07", "G09", "G12", "G14", "G15", "G18", "G20", "N01", "N08", "H01", "H02", "H04", "H05"}
    | {"H06", "H07", "H08", "H09", "H10", "H11", "H12", "H14", "H16", "H17", "N06", "XID", "SXID"}
)
"""Checks that rules of the pack see sooner, in samples and in the kernel log."""
BY_HEALTH = frozenset(["G02", "G22", "H03", "H13", "H15", "H18", "H20"])
"""The same, where the facts of the last look are there."""
BY_EVENT = frozenset({("H21", "reboot")})
"""The same for one thing of a check: host.reboot tells it once, and knows which reboot was ordered."""
CHECKS: dict[str, str] = {
    "G01": "Driver asks for a recovery", "G02": "GPU count", "G04": "Driver versions differ", "G08": "Retired pages",
    "G10": "SRAM errors", "G11": "Corrected ECC errors", "G13": "Throttle time", "G16": "Power cannot be read",
    "G17": "Clocks are stuck low", "G19": "PCIe replays", "G21": "NVLink errors", "G22": "Fabric manager",
    "G23": "IMEX", "G24": "Persistence mode", "G25": "Peer memory module", "G26": "ACS or IOMMU", "G27": "Firmware drift",
    "G28": "GPU settings", "G29": "GPU memory without a process", "G30": "Active diagnostics", "G31": "Bandwidth",
    "N02": "InfiniBand port dropped", "N03": "InfiniBand port flaps", "N04": "InfiniBand errors", "N05": "HCA settings",
    "N07": "Optics", "N09": "TCP and softnet", "N10": "Network services", "H03": "Stuck processes",
    "H13": "Disk health", "H15": "RAID", "H18": "Clock", "H19": "File handles and pids", "H20": "Units",
    "H21": "Machine", "H22": "GPU node settings", OTHER: "Health check",
}  # fmt: skip
"""Check → title; the rule is check.ID in small letters."""


def look_pairs(subject: Subject) -> Iterable[tuple[str, str]]:
    """(rule, object) of every check that is not well and that no rule of the pack sees by itself."""
    return [
        _look_pair(each)
        for each in subject.looks or ()
        if each.severity.rank >= _WARNING.rank and counts(subject, each)
    ]


def _look_pair(look: Look) -> tuple[str, str]:
    if look.check in CHECKS:
        return f"check.{look.check.lower()}", look.object
    return f"check.{OTHER}", f"{look.check} {look.object}".strip()


def counts(subject: Subject, look: Look) -> bool:
    """Whether the check is told as an alert of its own."""
    if (look.check, look.object) in BY_EVENT:
        return False
    return look.check not in BY_SAMPLE and not (look.check in BY_HEALTH and subject.health is not None)


def _look(check: str) -> Judge:
    rule = f"check.{check.lower()}"

    def judge(subject: Subject, thing: str, held: Held) -> Finding:
        same = [each for each in subject.looks or () if _look_pair(each) == (rule, thing)]
        if not same:
            return nodata("not part of the last checks")
        worst = max(same, key=lambda each: each.severity.rank)
        age = subject.now - worst.time
        if age > worst.lasts_seconds:
            return nodata(f"last checked {short(age)} ago")
        if worst.severity is Severity.UNKNOWN:
            return nodata(worst.text or "cannot be told")
        return found(worst.severity, None, worst.text, worst.evidence, worst.action)

    return judge


CHECK_RULES: tuple[Rule, ...] = (
    *(
        Rule(
            id=f"check.{check.lower()}",
            title=title,
            times=RuleTimes(),
            needs="looks",
            scan=never,
            judge=_look(check),
            advice="Look again: swarm-tui check HOST.",
            source=f"health check {check}" if check != OTHER else "health checks of the site",
        )
        for check, title in CHECKS.items()
    ),
)
