"""The steps that cure zypper's and rpm's known bad states. Explicit, shown before they run; no lock is ever deleted."""

from __future__ import annotations

from backends.updates import dnf_repair
from backends.updates.base import ENVIRONMENT
from backends.updates.dnf_outcome import State
from backends.updates.model import Repair

_DOUBLED = (
    'names=$(rpm -qa --qf "%{NAME}\\n" | grep -Ev "^(kernel|gpg-pubkey)" | sort | uniq -d); '
    '[ -z "$names" ] || exec zypper --non-interactive install --force --no-recommends $names'
)
DUPLICATES = Repair(
    id="zypper-duplicates",
    text="finish an interrupted transaction: install what is recorded in two versions again, which removes the older",
    command=(*ENVIRONMENT, "sh", "-c", _DOUBLED),
)
LISTS = Repair(
    id="zypper-clean-lists",
    text="throw away the package lists (damaged, or of another mirror); refresh afterwards",
    command=(*ENVIRONMENT, "zypper", "--non-interactive", "clean", "--metadata"),
)
PACKAGES = Repair(
    id="zypper-clean-packages",
    text="throw away the downloaded packages to make room in /var",
    command=(*ENVIRONMENT, "zypper", "--non-interactive", "clean"),
)

EVERY = (DUPLICATES, LISTS, PACKAGES, dnf_repair.REBUILD)
_TOLD = (("Failed to retrieve new repository metadata", LISTS), ("more space needed on the", PACKAGES))


def offered(state: State, text: str) -> tuple[Repair, ...]:
    """What helps against what is there and what was said."""
    return (*((DUPLICATES,) if state.duplicates else ()), *(repair for words, repair in _TOLD if words in text))
