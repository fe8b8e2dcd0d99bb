"""A real zypper host, in memory: the answers that its commands gave."""

from __future__ import annotations

from collections.abc import Mapping

from backends.execution import ExecResult
from backends.updates.model import Change, HostPlan
from tests.unit.updates.captured_host import OUTPUTS, CapturedHost, said

CASE = OUTPUTS / "zypper/debian13-zypper1.14"
NOW = 1795648100.0
Answers = Mapping[str, str | ExecResult]
NOTHING: Answers = {}
ANSWERS: Answers = {
    "rpm -qa": "rpm-qa",
    "find /var/cache/zypp/raw": "lists",
    "grep": "with-advisories",
    "list-updates": "list-updates",
    "list-patches": "patches",
    "info -t patch": "patch-info",
    "locks": "locks-none",
    "update --dry-run": "simulate-all",
    "install --dry-run": "dry-run-pinned",
    "sh transactional-update.timer": said(f"clock {int(NOW)}\nsystem openSUSE Leap 15.6\nboot 0f0f\n"),
    "sh /var/lib/rpm/.rpm.lock": said(""),
    "find /etc": said(""),
    "sh 20000": "history",
}


def host(changed: Answers = NOTHING) -> CapturedHost:
    """The host as it was before the update, but for what `changed` answers otherwise (questions as in `ANSWERS`)."""
    assert changed.keys() <= ANSWERS.keys()
    return CapturedHost(CASE, {**ANSWERS, **changed})


def up(*names: str) -> HostPlan:
    """A plan of upgrades from 1.0 to 1.1 of the lab's release."""
    changes = tuple(
        Change(name=name, architecture="noarch", installed="1.0-1.el9", candidate="1.1-1.el9") for name in names
    )
    return HostPlan(host="gpu01", manager="zypper", changes=changes)
