"""The command lines of apt: built from one list of words, so that what is simulated is what is applied."""

from __future__ import annotations

import re
from collections.abc import Sequence

from backends.errors import BadInput
from backends.updates.base import ENVIRONMENT
from backends.updates.model import Change, HostPlan

QUIETLY = (
    "DEBIAN_FRONTEND=noninteractive",
    "NEEDRESTART_SUSPEND=1",
    "APT_LISTCHANGES_FRONTEND=none",
    "UCF_FORCE_CONFFOLD=1",
)
"""Nobody answers questions; services are restarted in a step of their own, never from inside apt."""
KEEP_CONFFILES = ("-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold")
"""noninteractive alone does not answer dpkg's questions about changed configuration files."""
LOCK_SECONDS = 300
"""How long apt waits for another package manager; apt-get's own default is not at all."""
STATUS_FD = 9
"""Where the runner of a detached change has opened the status file."""
LONGEST_RUN = 80
_RUN = re.compile(rf"[A-Za-z0-9._:-]{{1,{LONGEST_RUN}}}")
TAG = "Swarm-Tui::Run"
"""A setting that apt ignores but writes into history.log with the command line: how we know our own transactions."""


def refresh_argv() -> tuple[str, ...]:
    """Without Error-Mode=any a dead mirror ends with 0."""
    modes = ("-o", "APT::Update::Error-Mode=any", "-o", "Acquire::Retries=2")
    return (*ENVIRONMENT, "apt-get", "update", *modes, "-o", f"DPkg::Lock::Timeout={LOCK_SECONDS}")


def install_words(plan: HostPlan) -> tuple[str, ...]:
    """The part that decides what happens: the same in the simulation, in the question for sizes, in -d and for real."""
    return words(plan.arguments, rollback=goes_back(plan))


def goes_back(plan: HostPlan) -> bool:
    """Whether the plan names older versions, or packages that are not installed: an upgrade does neither."""
    named = {argument.partition("=")[0].partition(":")[0] for argument in plan.arguments}
    return any(each.kind == "downgrade" or (each.kind == "install" and each.name in named) for each in plan.changes)


def words(arguments: Sequence[str], *, rollback: bool) -> tuple[str, ...]:
    """`--no-remove install …` for pinned packages; a rollback may downgrade and bring removed packages back."""
    how = ("--allow-downgrades",) if rollback else ("--only-upgrade",)
    return ("-y", "--no-remove", *how, "install", *arguments)


def simulate_argv(install: Sequence[str]) -> tuple[str, ...]:
    return ("apt-get", "-s", *install)


def sizes_argv(install: Sequence[str]) -> tuple[str, ...]:
    """Prints what would be fetched and stops; with -y it also refuses what the real run would refuse."""
    return ("apt-get", "--print-uris", *install)


def prefetch_argv(install: Sequence[str]) -> tuple[str, ...]:
    return (*ENVIRONMENT, *QUIETLY, "apt-get", "-d", *_status(), *install)


def apply_argv(install: Sequence[str], run: str) -> tuple[str, ...]:
    """The change itself, tagged with `run`. Raises BadInput for a tag that could be read as something else."""
    if run and not _RUN.fullmatch(run):
        raise BadInput(f"{run!r} cannot tag a transaction", hint="letters, digits, . _ : -")
    tag = ("-o", f"{TAG}={run}") if run else ()
    return (*ENVIRONMENT, *QUIETLY, "apt-get", *_status(), *tag, "-o", "Dpkg::Use-Pty=0", *KEEP_CONFFILES, *install)


def hold_argv(packages: Sequence[str], hold: bool) -> tuple[str, ...]:
    return (*ENVIRONMENT, "apt-mark", "hold" if hold else "unhold", *packages)


def pin(change: Change, security_only: bool, native: str) -> str:
    """The argument that names exactly this change: "libc6=2.36-9+deb12u9", "libc6:i386=…" for a foreign architecture."""
    foreign = f":{change.architecture}" if change.architecture not in ("", "all", native) else ""
    version = change.security_version if security_only and change.security_version else change.candidate
    return f"{change.name}{foreign}={version}"


def _status() -> tuple[str, ...]:
    return ("-o", f"APT::Status-Fd={STATUS_FD}", "-o", f"DPkg::Lock::Timeout={LOCK_SECONDS}")
