"""What dnf is called with, in its two generations. Pure.

Every package is pinned to name, version and architecture, so that what was planned is what runs; a vanished version is told,
not replaced. `--best` makes dnf fail where it would otherwise silently leave out what it cannot install.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from backends.errors import BadInput
from backends.metrics.sample import Record
from backends.updates.base import ENVIRONMENT
from backends.updates.model import Change

UNBUFFERED = "PYTHONUNBUFFERED=1"
COMMENT = "swarm:"
"""Marks our transactions in dnf's history."""
FIELDS = ("name", "epoch}:%{version}-%{release", "arch", "repoid", "downloadsize", "installsize", "sourcerpm")
_QUERY = "|".join(f"%{{{field}}}" for field in FIELDS) + "\\n"
"""dnf 5 does not know \\t; dnf 4 ends each line itself, so its lists have empty lines."""
INSTALLED = ("rpm", "-qa", "--qf", "%{NAME}|%{EPOCHNUM}:%{VERSION}-%{RELEASE}|%{ARCH}|%{INSTALLTIME}\\n")
CACHES = ("/var/cache/dnf", "/var/cache/libdnf5")
LISTS = (
    *("find", *CACHES, "(", "-name", "repomd.xml", "-o", "-name", "*primary.xml*", ")"),
    *("-printf", "%T@ %p\\n"),
)
"""When each repository's list was fetched. dnf touches only the primary list when a refresh finds nothing new (measured)."""
WITH_ADVISORIES = ("grep", "-rsHc", "--include=repomd.xml", 'type="updateinfo"', *CACHES)
"""Which repositories say anything about security: a list without updateinfo counts 0."""


class Dialect(Record, frozen=True, kw_only=True):
    """Which dnf a host has."""

    generation: Literal[4, 5] = 4
    program: str = "dnf"
    """Fedora's dnf 5 is also called dnf, Debian's only dnf5."""

    def asking(self, *words: str) -> tuple[str, ...]:
        """For a question: from the lists as they are (-C), without messages."""
        return (self.program, "-q", "-C", *words)


def dialect(version: str, program: str = "dnf") -> Dialect:
    """From the output of `dnf --version`."""
    return Dialect(generation=5 if "dnf5" in version else 4, program=program)


def refresh_argv() -> tuple[str, ...]:
    """Not with -y, which would accept a repository's new key: that is a person's decision."""
    return (*ENVIRONMENT, "dnf", "makecache", "--refresh")


def upgrades_argv(dnf: Dialect) -> tuple[str, ...]:
    """Every newer build, held or not; `simulate_all_argv` tells which of them dnf would take."""
    unheld = "--disableexcludes=all" if dnf.generation == 4 else "--setopt=disable_excludes=*"
    return dnf.asking(unheld, "repoquery", "--upgrades", "--qf", _QUERY)


def simulate_all_argv(dnf: Dialect) -> tuple[str, ...]:
    """Everything that dnf would do by itself, leaving out what it cannot. Not with -q: that prints nothing."""
    return (dnf.program, "-C", "--assumeno", "--setopt=best=False", "upgrade")


def advisories_argv(dnf: Dialect, *words: str) -> tuple[str, ...]:
    return dnf.asking("updateinfo" if dnf.generation == 4 else "advisory", "list", *words)


def locks_argv(dnf: Dialect) -> tuple[str, ...]:
    return dnf.asking("versionlock", "list")


def duplicates_argv(dnf: Dialect) -> tuple[str, ...]:
    return (dnf.program, "-C", "check", "--duplicates")


def simulate_argv(dnf: Dialect, words: Sequence[str]) -> tuple[str, ...]:
    """With exactly the words that would be applied."""
    return (dnf.program, "-C", "--assumeno", "--best", *words)


def apply_argv(dnf: Dialect, words: Sequence[str], run: str) -> tuple[str, ...]:
    """Unbuffered, because dnf 4 is a Python program whose output goes to a file that is read while it runs."""
    return (*ENVIRONMENT, UNBUFFERED, dnf.program, "-y", "--best", "--comment", f"{COMMENT}{run}", *words)


def named_argv(command: Sequence[str], run: str) -> tuple[str, ...]:
    """A plan's command, with the run in its comment. Raises BadInput when the plan changes nothing."""
    program, words = _parts(command)
    return apply_argv(Dialect(program=program), words, run)


def prefetch_argv(command: Sequence[str]) -> tuple[str, ...]:
    """Only fetches what a plan's command needs. Raises BadInput when the plan changes nothing.

    dnf 5 takes --downloadonly only behind the verb, and history has no such option: empty, an undo fetches by itself.
    """
    program, (verb, *rest) = _parts(command)
    if verb == "history":
        return ()
    return (*ENVIRONMENT, program, "-y", "--best", verb, "--downloadonly", *rest)


def words_of(command: Sequence[str]) -> tuple[str, ...]:
    """The verb and the arguments of a plan's command. Raises BadInput when the plan changes nothing."""
    return _parts(command)[1]


def _parts(command: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """The program, and the verb with its arguments."""
    comment = next((place for place, word in enumerate(command) if word.startswith(COMMENT)), len(command))
    words = tuple(command[comment + 1 :])
    if not words or UNBUFFERED not in command:
        raise BadInput("the plan changes nothing", action="apply a plan")
    return command[command.index(UNBUFFERED) + 1], words


def upgrade_words(arguments: Sequence[str]) -> tuple[str, ...]:
    return ("upgrade", *arguments)


def undo_words(transaction: str) -> tuple[str, ...]:
    """Undo one transaction by its number. Never `last`: a failed test is no transaction, so "last" is another one."""
    return ("history", "undo", transaction)


def back_words(arguments: Sequence[str]) -> tuple[str, ...]:
    """`install` goes back to an older build when it is named in full."""
    return ("install", "--allowerasing", *arguments)


def hold_argv(packages: Sequence[str], hold: bool) -> tuple[str, ...]:
    """Locks packages to their installed versions, or releases them."""
    return (*ENVIRONMENT, "dnf", "-q", "-C", "versionlock", "add" if hold else "delete", *packages)


def history_argv(dnf: Dialect) -> tuple[str, ...]:
    return (dnf.program, "-C", "history", "list", *_json(dnf))


def transactions_argv(dnf: Dialect, ids: Sequence[str]) -> tuple[str, ...]:
    return (dnf.program, "-C", "history", "info", *ids, *_json(dnf))


def pin(change: Change, version: str) -> str:
    """The argument that names exactly one build."""
    architecture = f".{change.architecture}" if change.architecture else ""
    return f"{change.name}-{version}{architecture}"


def _json(dnf: Dialect) -> tuple[str, ...]:
    return ("--json",) if dnf.generation == 5 else ()
