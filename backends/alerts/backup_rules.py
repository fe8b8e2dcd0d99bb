"""What is wrong with the backups, as rules: one for each kind of concern. They judge nothing, `Concern`s are judged. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from backends.alerts.model import RuleTimes
from backends.alerts.rules import Finding, Judge, Rule, never
from backends.alerts.subjects import Concern, Held, Subject
from backends.alerts.thresholds import found, nodata, short
from backends.states import Severity

OTHER = "other"
NEVER_SECONDS = 86_400.0
"""A host or set that is new has a day for its first backup: that is how often they are made by default."""
_OK = Severity.OK
BACKUP_CODES: dict[str, str] = {
    "overdue": "Backup is overdue",
    "never": "Never backed up",
    "backup-failed": "Backup failed",
    "proof-stale": "Not proven restorable",
    "drill-failed": "Restore drill failed",
    "repository": "Repository is out of reach",
    "no-escrow": "Key is kept nowhere else",
    "key-changed": "Key changed",
    "check-failed": "Repository is damaged",
    "check-stale": "Repository was not checked",
    "filling": "Repository fills up",
    "anomaly": "Backup is not like the others",
    "canary": "Canary changed",
    "vanished": "Archives vanished",
    "lock-dead": "Lock without a holder",
    "borg-vulnerable": "Borg is known to be unsafe",
    OTHER: "Backups",
}
"""Code of a concern → title; the rule is `backup_rule` of the code."""


PREFIX = "backup."


def backup_rule(code: str) -> str:
    """ "backup.overdue"; "backup.failed" for "backup-failed"."""
    return f"{PREFIX}{code.removeprefix('backup-')}"


def is_backup_rule(rule: str) -> bool:
    """Whether a rule is about the backups of a host, and not about the host."""
    return rule.startswith(PREFIX)


def concern_pairs(subject: Subject) -> Iterable[tuple[str, str]]:
    """(rule, object) of every concern."""
    return [
        (backup_rule(each.code), each.object)
        if each.code in BACKUP_CODES
        else (f"{PREFIX}{OTHER}", f"{each.code} {each.object}")
        for each in subject.concerns or ()
    ]


def _concern(code: str) -> Judge:
    def judge(subject: Subject, thing: str, held: Held) -> Finding:
        same = [each for each in subject.concerns or () if _names(each, code, thing)]
        if not same:
            return found(_OK, None, "it holds no more")
        worst = max(same, key=lambda each: each.severity.rank)
        if worst.severity is Severity.UNKNOWN:
            return nodata(worst.text)
        since = (f"for {short(subject.now - worst.since)}",) if worst.since else ()
        return found(worst.severity, None, worst.text, since, worst.next_step)

    return judge


def _names(concern: Concern, code: str, thing: str) -> bool:
    if code == OTHER:
        return concern.code not in BACKUP_CODES and f"{concern.code} {concern.object}" == thing
    return concern.code == code and concern.object == thing


BACKUP_RULES: tuple[Rule, ...] = (
    *(
        Rule(
            id=backup_rule(code),
            title=title,
            times=RuleTimes(for_seconds=NEVER_SECONDS if code == "never" else 0.0),
            needs="concerns",
            scan=never,
            judge=_concern(code),
            advice="See the backups of the host: swarm-tui backup list HOST.",
            source="backups; health checks' grace",
        )
        for code, title in BACKUP_CODES.items()
    ),
)
