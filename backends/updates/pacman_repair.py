"""The steps that cure pacman's known bad states. Explicit, shown before they run; a lock that somebody holds stays."""

from __future__ import annotations

from backends.updates import pacman_output
from backends.updates.base import ENVIRONMENT
from backends.updates.model import Repair

_UNLOCK = (
    'pidof pacman >/dev/null && { echo "pacman runs: its lock stays" >&2; exit 1; }; '
    'own=$(pacman-conf DBPath) && rm -f "${own%/}/db.lck"'
)
LOCK = Repair(
    id="pacman-lock",
    text="remove the lock of a pacman that was killed; refused while one runs",
    command=(*ENVIRONMENT, "sh", "-c", _UNLOCK),
)
CACHE = Repair(
    id="pacman-clean-cache",
    text="throw away the packages that are not installed, damaged ones among them; what is needed is fetched again",
    command=(*ENVIRONMENT, "pacman", "-Sc", "--noconfirm"),
)
KEYRING = Repair(
    id="pacman-keyring",
    text="renew Arch's keys, with which newer packages are signed",
    command=(*ENVIRONMENT, "pacman", "-Sy", "--noconfirm", "--needed", "archlinux-keyring"),
)

EVERY = (LOCK, CACHE, KEYRING)


def offered(text: str, *, lock_left: bool) -> tuple[Repair, ...]:
    """What helps against what is there and what was said."""
    found = [LOCK] if lock_left else []
    if pacman_output.CORRUPT.search(text) and "PGP signature" not in text:
        found.append(CACHE)
    if "PGP signature" in text or "signature from" in text:
        found.append(KEYRING)
    return tuple(found)
