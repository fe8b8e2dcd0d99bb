"""The steps that cure dnf's and rpm's known bad states. Explicit, shown before they run; no lock is ever deleted."""

from __future__ import annotations

from backends.updates.base import ENVIRONMENT
from backends.updates.model import Repair

DUPLICATES = Repair(
    id="dnf-duplicates",
    text="finish an interrupted transaction: remove the older of two recorded versions, install the newer one again",
    command=(*ENVIRONMENT, "dnf", "-y", "remove", "--duplicates"),
)
LISTS = Repair(
    id="dnf-clean-lists",
    text="throw away the package lists (damaged, or of another mirror); refresh afterwards",
    command=(*ENVIRONMENT, "dnf", "clean", "metadata"),
)
PACKAGES = Repair(
    id="dnf-clean-packages",
    text="throw away the downloaded packages to make room in /var",
    command=(*ENVIRONMENT, "dnf", "clean", "packages"),
)
LOCK_LIST = Repair(
    id="dnf-lock-list",
    text="create the missing list of version locks, without which dnf refuses every upgrade",
    command=("touch", "/etc/dnf/plugins/versionlock.list"),
)
REBUILD = Repair(
    id="rpm-rebuild",
    text="rebuild rpm's database from its own headers",
    command=(*ENVIRONMENT, "rpm", "--rebuilddb"),
)

EVERY = (DUPLICATES, LISTS, PACKAGES, LOCK_LIST, REBUILD)
TOLD = (
    ("incorrect checksum", LISTS),
    ("Cannot download", LISTS),
    ("more space needed on the", PACKAGES),
    ("needs more space on the", PACKAGES),
    ("Unable to read version lock configuration", LOCK_LIST),
    ("error: rpmdb", REBUILD),
    ("db5 error", REBUILD),
)
"""Words of dnf and rpm → what cures it."""
