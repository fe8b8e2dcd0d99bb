"""What zypper is called with. Pure.

Packages are pinned to name, architecture and version with `install`, never with `patch`: run non-interactively, `patch` silently
skips the interactive patches, which are the ones of the kernel.
"""

from __future__ import annotations

from collections.abc import Sequence

from backends.errors import BadInput
from backends.updates.base import ENVIRONMENT
from backends.updates.model import Change, HostPlan

MARK = "swarm:"
"""Marks our commands in zypper's history."""
LOCK_SECONDS = 300
"""How long zypper waits for another one."""
_QUIET = ("zypper", "--xmlout", "--non-interactive")
_INSTALL = ("--no-recommends", "--auto-agree-with-licenses")
REFRESH = (*ENVIRONMENT, "zypper", "--non-interactive", "refresh")
"""Not with --gpg-auto-import-keys: accepting a repository's new key is a person's decision."""
UPDATES = (*_QUIET, "--no-refresh", "list-updates", "--all")
PATCHES = (*_QUIET, "--no-refresh", "list-patches", "--with-optional")
LOCKS = (*_QUIET, "locks")
SIMULATE_ALL = (*_QUIET, "--no-refresh", "update", "--dry-run", "--details", *_INSTALL)
"""Everything that zypper would do by itself, leaving out what it cannot."""
LISTS = ("find", "/var/cache/zypp/raw", "-name", "repomd.xml", "-printf", "%C@ %p\\n")
"""When each repository's list was fetched or found to be current: zypper touches the file then."""
WITH_ADVISORIES = ("grep", "-rsHc", "--include=repomd.xml", 'type="updateinfo"', "/var/cache/zypp/raw")
HISTORY = ("sh", "-c", 'date "+zone %z"; tail -n "$1" /var/log/zypp/history', "sh", "20000")
"""The script is constant. Older lines tell which version a package had before."""


def patch_info_argv(names: Sequence[str]) -> tuple[str, ...]:
    """Which packages a patch fixes stands only in its description."""
    return (*_QUIET, "--no-refresh", "info", "-t", "patch", *names)


def simulate_argv(arguments: Sequence[str], *, back: bool) -> tuple[str, ...]:
    """With exactly the arguments that would be applied."""
    return (*_QUIET, "--no-refresh", "install", "--dry-run", "--details", *_words(arguments, back=back))


def prefetch_argv(plan: HostPlan) -> tuple[str, ...]:
    """Only fetches. Raises BadInput when the plan changes nothing."""
    return (*ENVIRONMENT, *_QUIET, "install", "--download-only", *_words(_named(plan), back=is_back(plan)))


def apply_argv(arguments: Sequence[str], run: str, *, back: bool) -> tuple[str, ...]:
    """The change itself, waiting for another zypper, with the run in the history's last field."""
    waiting = f"ZYPP_LOCK_TIMEOUT={LOCK_SECONDS}"
    return (*ENVIRONMENT, waiting, *_QUIET, "--userdata", f"{MARK}{run}", "install", *_words(arguments, back=back))


def named_argv(plan: HostPlan, run: str) -> tuple[str, ...]:
    """A plan's command with the run in it. Raises BadInput when the plan changes nothing."""
    return apply_argv(_named(plan), run, back=is_back(plan))


def is_back(plan: HostPlan) -> bool:
    """Whether the plan goes back to older versions."""
    return any(change.kind == "downgrade" for change in plan.changes)


def hold_argv(packages: Sequence[str], hold: bool) -> tuple[str, ...]:
    return (*ENVIRONMENT, *_QUIET, "addlock" if hold else "removelock", *packages)


def pin(change: Change, version: str) -> str:
    """The argument that names exactly one build: "kernel-default.x86_64=6.4.0-150600.23.1"."""
    architecture = f".{change.architecture}" if change.architecture else ""
    return f"{change.name}{architecture}={version}"


def _words(arguments: Sequence[str], *, back: bool) -> tuple[str, ...]:
    return (*_INSTALL, *(("--oldpackage",) if back else ()), *arguments)


def _named(plan: HostPlan) -> tuple[str, ...]:
    if not plan.arguments:
        raise BadInput("the plan changes nothing", host=plan.host, action="apply a plan")
    return plan.arguments
