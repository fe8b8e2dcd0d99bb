"""Real hosts of both dnf generations, in memory: the answers that their commands gave."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from backends.execution import ExecResult
from backends.updates.model import Change, HostPlan
from tests.unit.updates.captured_host import OUTPUTS, CapturedHost, said

Answers = Mapping[str, str | ExecResult]
NOTHING: Answers = {}
DNF_4, DNF_5 = OUTPUTS / "dnf/debian12-dnf4.14", OUTPUTS / "dnf/sid-dnf5.4"
CASES = (DNF_4, DNF_5)
NOW = 1795647100.0
"""Two minutes after the lists were fetched."""
FACTS = said(
    f"clock {int(NOW)}\nsystem Rocky Linux 9.4\nboot 0f0f\ntimer dnf-makecache.timer loaded active waiting x\n"
)
LONG = "labr-a-package-with-a-name-that-is-longer-than-any-column-of-a-table-could-hold"
ANSWERS: dict[str, str | ExecResult] = {
    "--version": "version",
    "rpm -qa": "rpm-qa",
    "find /var/cache/dnf": "metadata-times",
    "grep": "metadata",
    "repoquery": "repoquery",
    "--setopt=best=False upgrade": "simulate-all",
    "--best upgrade": "simulate-pinned",
    "list --with-cve": "advisories-cve",
    "updateinfo list": "advisories",
    "advisory list": "advisories",
    "versionlock list": "locks-none",
    "sh dnf-automatic*.timer": FACTS,
    "sh /var/lib/rpm/.rpm.lock": said(""),
    "check --duplicates": "check-clean",
    "find /etc": said(""),
    "history list": "history-list",
    "history info": "history-info",
}


def host(case: Path, changed: Answers = NOTHING) -> CapturedHost:
    """The host as it was before the update, but for what `changed` answers otherwise (questions as in `ANSWERS`)."""
    assert changed.keys() <= ANSWERS.keys()
    return CapturedHost(case, {**ANSWERS, **changed})


def plan(*moves: tuple[str, str, str]) -> HostPlan:
    """A plan of upgrades: (name, installed, candidate)."""
    changes = tuple(Change(name=name, architecture="noarch", installed=old, candidate=new) for name, old, new in moves)
    return HostPlan(host="gpu01", manager="dnf", changes=changes)


def up(*names: str) -> HostPlan:
    """From 1.0 to 1.1 of the lab's release."""
    return plan(*((name, "1.0-1.el9", "1.1-1.el9") for name in names))
