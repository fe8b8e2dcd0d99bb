"""A real pacman host, in memory: the answers that its commands gave."""

from __future__ import annotations

from collections.abc import Mapping

from backends.execution import ExecResult
from tests.unit.updates.captured_host import OUTPUTS, CapturedHost, said

CASE = OUTPUTS / "pacman/debian13-pacman7.0"
NOW = 1795648100.0
Answers = Mapping[str, str | ExecResult]
NOTHING: Answers = {}
FACTS = f"clock {int(NOW)}\nsystem Arch Linux\nboot 0f0f\nlists {int(NOW) - 60}\n"
ANSWERS: Answers = {
    "sh /var/cache/swarm-tui/pacman": said(FACTS),
    "pacman -Q": "installed",
    "pacman -Qu": "upgrades",
    "pacman -Su --print": "plan",
    "pacman -U --print": "back-plan",
    "pacman -Si": "new-packages",
    "pacman-conf IgnorePkg": "ignored",
    "find /var/cache/pacman/pkg": "cached",
    "find /etc": said(""),
    "sh 20000": "log",
}


def host(changed: Answers = NOTHING) -> CapturedHost:
    """The host as it was before the update, but for what `changed` answers otherwise (questions as in `ANSWERS`)."""
    assert changed.keys() <= ANSWERS.keys()
    return CapturedHost(CASE, {**ANSWERS, **changed})
