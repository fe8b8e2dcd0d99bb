"""The steps that cure apt's and dpkg's known bad states. Explicit, shown before they run; no lock is ever deleted."""

from __future__ import annotations

from backends.updates.apt_argv import KEEP_CONFFILES, LOCK_SECONDS, QUIETLY
from backends.updates.base import ENVIRONMENT
from backends.updates.model import Repair

_QUIET = (*ENVIRONMENT, *QUIETLY)
_LISTS = "/var/lib/apt/lists"

CONFIGURE = Repair(
    id="apt-configure",
    text="finish what dpkg was interrupted in: configure every unpacked package, keeping changed configuration files",
    command=(*_QUIET, "dpkg", "--force-confdef", "--force-confold", "--configure", "-a"),
)
FIX = Repair(
    id="apt-fix",
    text="repair broken dependencies, without removing anything",
    command=(
        *(*_QUIET, "apt-get", "-y", "--no-remove", "-o", f"DPkg::Lock::Timeout={LOCK_SECONDS}"),
        *("-o", "Dpkg::Use-Pty=0", *KEEP_CONFFILES, "-f", "install"),
    ),
)
CLEAR_PARTIAL = Repair(
    id="apt-clear-partial",
    text="throw away half-fetched package lists and packages; refresh afterwards",
    command=("find", f"{_LISTS}/partial", "/var/cache/apt/archives/partial", "-type", "f", "-delete"),
)
CLEAR_LISTS = Repair(
    id="apt-clear-lists",
    text="throw away all package lists (a mirror that was out of sync left them damaged); refresh afterwards",
    command=("find", _LISTS, "-type", "f", "-not", "-name", "lock", "-delete"),
)
CLEAN = Repair(
    id="apt-clean",
    text="throw away the downloaded packages to make room in /var",
    command=(*ENVIRONMENT, "apt-get", "clean"),
)

EVERY = (CONFIGURE, FIX, CLEAR_PARTIAL, CLEAR_LISTS, CLEAN)
TOLD = (
    ("you must manually run 'dpkg --configure -a'", CONFIGURE),
    ("Unmet dependencies", FIX),
    ("Hash Sum mismatch", CLEAR_PARTIAL),
    ("You don't have enough free space in /var/cache/apt", CLEAN),
)
"""Words of apt → what cures it."""
