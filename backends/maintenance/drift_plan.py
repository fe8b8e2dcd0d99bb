"""What the configuration of a host differs in after a run, and which of it the plan explains. Pure.

Explained is what belongs to a package that the run has updated, what package scripts and a reboot derive from that, and what
the site allows. Everything else is told as not explained: somebody, or something, has changed it meanwhile.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from fnmatch import fnmatchcase

from backends.metrics.sample import Record

FACT = "fact:"
DERIVED = (
    "etc/alternatives/*",
    "etc/rc[0-9S].d/*",
    "etc/systemd/*.wants/*",
    "etc/systemd/*.requires/*",
    "etc/ssl/certs/*",
    "etc/pki/ca-trust/extracted/*",
    "etc/shells",
    "etc/.updated",
    "boot/grub/grub.cfg",
    "boot/grub2/grub.cfg",
    "boot/grub/grubenv",
    "boot/grub2/grubenv",
    "boot/efi/EFI/*/grub.cfg",
    "boot/loader/*",
    "boot/efi/loader/*",
    "efi/loader/*",
    "*.dpkg-dist",
    "*.dpkg-new",
    "*.dpkg-old",
    "*.dpkg-bak",
    "*.ucf-dist",
    "*.ucf-old",
    "*.rpmnew",
    "*.rpmsave",
    "*.rpmorig",
    "*.pacnew",
    "*.pacsave",
)
"""Files that the scripts of packages write, and no package owns."""
_DRIVER = ("*nvidia*", "cuda-drivers*")
UPDATED: dict[str, tuple[str, ...]] = {
    "packages": ("*",),
    "alternatives": ("*",),
    "unit-files": ("*",),
    "timers": ("*",),
    "dkms": ("*",),
    "module-nvidia": _DRIVER,
    "gpu-settings": _DRIVER,
    "cuda-compiler": ("cuda*", "*nvcc*"),
    "container-toolkit": ("*nvidia-container*", "libnvidia-container*"),
}
"""Fact → patterns of the packages that change it."""
REBOOTED = frozenset({"kernel", "modules", "command-line"})
"""Facts that a reboot changes: the command line names the kernel's file."""


BOOTED = ("boot/grub/grubenv", "boot/grub2/grubenv")
"""Files that the boot loader writes at each boot."""


class Changed(Record, frozen=True, kw_only=True):
    """One file or fact that differs from the snapshot of the run."""

    path: str
    """Without a leading slash; a fact as "fact:NAME"."""
    kind: str
    """As `DriftEntry.kind`."""
    why: str = ""
    """What explains it; "": nothing does."""

    @property
    def text(self) -> str:
        """For a line."""
        return f"{self.path} {self.kind}"


class Drift(Record, frozen=True, kw_only=True):
    """All of it, for the check step."""

    changes: tuple[Changed, ...] = ()
    problem: str = ""
    """Why it could not be compared."""
    ask: bool = False
    """What is not explained, or not known, asks a person."""

    @property
    def explained(self) -> tuple[Changed, ...]:
        """What the plan meant."""
        return tuple(each for each in self.changes if each.why)

    @property
    def unexplained(self) -> tuple[Changed, ...]:
        """What it did not."""
        return tuple(each for each in self.changes if not each.why)


class Done(Record, frozen=True, kw_only=True):
    """What the run has done to a host so far."""

    packages: frozenset[str] = frozenset()
    """Names of those that it has changed, without architecture."""
    rebooted: bool = False
    owned: frozenset[str] = frozenset()
    """Absolute paths that belong to one of these packages."""


def judged(entries: Sequence[tuple[str, str]], done: Done, allowed: Collection[str], *, ask: bool = False) -> Drift:
    """Paths and kinds with what explains them.

    Args:
        entries: (path, kind).
        done: by the run.
        allowed: patterns of paths that may change at any time, with or without a leading slash.
        ask: see `Drift`.
    """
    patterns = tuple(each.lstrip("/") for each in allowed)
    changes = (Changed(path=path, kind=kind, why=_why(path, done, patterns)) for path, kind in entries)
    return Drift(changes=tuple(changes), ask=ask)


def _why(path: str, done: Done, allowed: Sequence[str]) -> str:
    if any(fnmatchcase(path, pattern) for pattern in allowed):
        return "allowed"
    if path.startswith(FACT):
        return _why_fact(path.removeprefix(FACT), done)
    if f"/{path}" in done.owned:
        return "of an updated package"
    if done.rebooted and path in BOOTED:
        return "by the reboot"
    if done.packages and any(fnmatchcase(path, pattern) for pattern in DERIVED):
        return "written by scripts of packages"
    return ""


def _why_fact(name: str, done: Done) -> str:
    if done.rebooted and name in REBOOTED:
        return "by the reboot"
    patterns = UPDATED.get(name, ())
    if any(fnmatchcase(package, pattern) for package in done.packages for pattern in patterns):
        return "by the updates"
    return ""
