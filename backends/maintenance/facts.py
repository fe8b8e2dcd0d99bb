"""The vocabulary of `StepResult.facts`: what steps write down for the report, one name for each thing.

A value is text. Where it is a list it has one entry a line, and the parts of an entry are parted by tabs. Keys that are not
listed here are shown in the report under their own name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from backends.metrics.sample import Record
from backends.text import clean

PACKAGES = "packages"
"""Update: a line for each package: name, version before, version after, outcome ("applied", "failed", "held", …)."""
PACKAGES_PLANNED = "packages_planned"
"""Update: how many the plan named."""
CVES = "cves"
"""Update: ids of the CVEs that it closed, one a line."""
LEFTOVERS = "leftovers"
"""Update: new configuration files that were not taken, one a line."""
RESTARTED = "restarted"
"""Update: units that were restarted, one a line."""
JOB = "job"
"""Update, command: id of the job on the host."""
ARCHIVE = "archive"
"""Backup: a line for each archive: repository, archive, size in bytes ("" when not known)."""
PROOF = "proof"
"""Backup: when it was last proven that it can be restored, epoch seconds; "" never."""
BOOT_BEFORE, BOOT_AFTER = "boot_before", "boot_after"
"""Reboot: boot ids. Snapshot: `boot_before` alone."""
KERNEL_BEFORE, KERNEL_AFTER, KERNEL_EXPECTED = "kernel_before", "kernel_after", "kernel_expected"
"""Reboot: versions."""
REBOOTED = "rebooted"
"""Reboot: "yes", or "no" and why not ("no: nothing asks for it")."""
DOWN_SECONDS = "down_seconds"
"""Reboot: from the last answer of the old boot to the first of the new one."""
DRAINED_AT = "drained_at"
"""Drain: epoch seconds when the last job was gone."""
PRIOR = "prior"
"""Drain: state and reason that the scheduler had before us."""
JOBS_WAITED = "jobs_waited"
"""Drain: a line for each job that it waited for: id, user, seconds."""
RESUMED = "resumed"
"""Resume: "yes", or "no" and why not ("no: alice had drained it before: fan")."""
GATE = "gate"
"""Check: a line for each difference to the snapshot: what, before, after, verdict ("ok", "planned", "warning",
"critical", "unknown")."""
DRIFT = "drift"
"""Check: files of the configuration that differ from the run's snapshot and are not explained by the plan, one a line."""
DRIFT_PLANNED = "drift_planned"
"""Check: those that are: a line for each: file and kind, what explains it."""
COMMAND = "command"
"""Command: the argv as it would be typed."""
EXIT_STATUS = "exit_status"
"""Command, update: a number."""
ANSWER = "answer"
"""Gate: what the person said."""
ANSWERED_BY = "answered_by"
"""Gate: who."""
OVERRULED = "overruled"
"""Any: the reason that a person gave for going on against a refusal."""
OUTPUT = "output"
"""Any: the last lines of output."""
WARNINGS = "warnings"
"""Any: what went well and should still be looked at, one a line."""

KNOWN = frozenset(value for name, value in vars().items() if name.isupper() and isinstance(value, str))
"""All of them."""
MOST_LINES = 2000
"""Of a value; an update of a whole distribution is that long."""
WIDTH = 512


class Package(Record, frozen=True, kw_only=True):
    """One line of `PACKAGES`."""

    name: str
    before: str = ""
    after: str = ""
    outcome: str = "applied"


class Archive(Record, frozen=True, kw_only=True):
    """One line of `ARCHIVE`."""

    repository: str
    archive: str
    size_bytes: int | None = None


class Job(Record, frozen=True, kw_only=True):
    """One line of `JOBS_WAITED`."""

    id: str
    user: str = ""
    seconds: float | None = None


class Difference(Record, frozen=True, kw_only=True):
    """One line of `GATE`."""

    what: str
    before: str = ""
    after: str = ""
    verdict: str = "unknown"


def written(rows: Iterable[Iterable[object]]) -> str:
    """Entries as the value of a fact: cleaned, bounded, None as ""."""
    lines = ["\t".join(clean("" if part is None else str(part), WIDTH) for part in row) for row in rows]
    if len(lines) > MOST_LINES:
        lines = [*lines[: MOST_LINES - 1], f"… {len(lines) - MOST_LINES + 1} more"]
    return "\n".join(lines)


def rows(value: str, width: int) -> list[list[str]]:
    """Entries of a fact, each with exactly `width` parts; what is missing is ""."""
    parts = [line.split("\t") for line in value.split("\n") if line.strip()]
    return [[*each[:width], *[""] * (width - len(each))] for each in parts]


def packages(facts: Mapping[str, str]) -> tuple[Package, ...]:
    """What an update changed."""
    found = rows(facts.get(PACKAGES, ""), 4)
    return tuple(Package(name=a, before=b, after=c, outcome=d or "applied") for a, b, c, d in found)


def archives(facts: Mapping[str, str]) -> tuple[Archive, ...]:
    """What a backup made."""
    found = rows(facts.get(ARCHIVE, ""), 3)
    return tuple(
        Archive(repository=a, archive=b, size_bytes=int(c) if c.isascii() and c.isdigit() else None)
        for a, b, c in found
    )


def jobs(facts: Mapping[str, str]) -> tuple[Job, ...]:
    """What a drain waited for."""
    return tuple(Job(id=a, user=b, seconds=_number(c)) for a, b, c in rows(facts.get(JOBS_WAITED, ""), 3))


def differences(facts: Mapping[str, str]) -> tuple[Difference, ...]:
    """What a check found different from the snapshot."""
    found = rows(facts.get(GATE, ""), 4)
    return tuple(Difference(what=a, before=b, after=c, verdict=d or "unknown") for a, b, c, d in found)


def listed(facts: Mapping[str, str], key: str) -> tuple[str, ...]:
    """A fact with one plain entry a line."""
    return tuple(line for line in facts.get(key, "").split("\n") if line.strip())


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if value == value and abs(value) < 1e12 else None
