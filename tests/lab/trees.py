"""Builds the root file systems the hosts share: a minimal Debian, and layers of packages on top of it.

A tree is kept under a name that holds the hash of its recipe, so a changed recipe never meets an old tree and an
unchanged one costs nothing. Trees are only ever used as lower layers of an overlay: nothing writes to them.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from backends.errors import BadInput, RetryLater, Stop
from tests.lab.commands import run
from tests.lab.mirror import Mirror, kept_options, this_machine

Say = Callable[[str], None]
"""Told what is going on, one line at a time."""

RECIPE_VERSION = 1
"""Raise it when the code below builds another tree from the same packages."""

BASE_PACKAGES = (
    "openssh-server",
    "python3-minimal",  # no json, no ctypes: the poorest host that still samples
    "iproute2",
    "iputils-ping",
    "procps",
    "systemd-sysv",
    "dbus",
    "sudo",
    "libpam-systemd",
    "ca-certificates",
)
LAYERS: dict[str, tuple[str, ...]] = {
    "min": (),
    "std": ("borgbackup", "python3"),
    "rpm": ("createrepo-c", "dnf", "dnf-plugins-core", "python3", "rpm"),  # see tests.lab.rpmrepo
    "slurm": ("borgbackup", "munge", "python3", "slurm-client", "slurmctld", "slurmd"),  # see tests.lab.slurm
}
"""Kinds of hosts: what each has besides the base."""

MASKED = ("apt-daily.timer", "apt-daily-upgrade.timer", "systemd-resolved.service", "e2scrub_all.timer", "fstrim.timer")
UNWANTED = ("doc", "man", "locale")
BUILD_SECONDS = 900.0
NO_WAY_OUT = ("Could not resolve", "Temporary failure resolving", "Could not connect", "Unable to connect")
"""What apt says when there is no network, as opposed to a mistake of ours."""


@dataclass(frozen=True)
class Trees:
    """The trees under one directory, for one Debian."""

    place: Path
    mirror: Mirror

    def lower(self, layer: str) -> list[Path]:
        """The directories of a kind of host, topmost first. Raises BadInput for an unknown kind."""
        if layer not in LAYERS:
            raise BadInput(f"no layer {layer!r}", hint=f"one of {', '.join(LAYERS)}")
        return [self._layer(layer), self._base] if LAYERS[layer] else [self._base]

    def prepare(self, layer: str, say: Say) -> None:
        """Build what `layer` needs and is not there yet. Raises RetryLater without a mirror, Stop when apt fails."""
        self.place.mkdir(parents=True, exist_ok=True)
        with _alone(self.place / "lock"):
            for tree in reversed(self.lower(layer)):
                if not _stamp(tree).exists():
                    self._build(tree, layer, say)

    def _build(self, tree: Path, layer: str, say: Say) -> None:
        say(f"building {tree.name} (once; about a minute)")
        shutil.rmtree(tree, ignore_errors=True)
        try:
            _bootstrap(tree, self.mirror) if tree == self._base else _install(tree, self._base, LAYERS[layer])
        except Stop as error:
            if any(words in error.message for words in NO_WAY_OUT):
                raise RetryLater("the package mirror cannot be reached", action=f"build {tree.name}") from error
            raise
        _stamp(tree).touch()

    @property
    def _base(self) -> Path:
        return self.place / f"base-{_digest(self.mirror.suite, self.mirror.sources, *BASE_PACKAGES)}"

    def _layer(self, layer: str) -> Path:
        return self.place / f"{layer}-{_digest(self._base.name, *LAYERS[layer])}"


def trees(place: Path) -> Trees:
    """The trees of this machine."""
    return Trees(place, this_machine())


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join((str(RECIPE_VERSION), *parts)).encode()).hexdigest()[:12]


def _stamp(tree: Path) -> Path:
    return tree.with_name(f".{tree.name}.done")


def _bootstrap(tree: Path, mirror: Mirror) -> None:
    options = [f"--aptopt={option}" for option in ['APT::Install-Recommends "false"', *_machine_options()]]
    unwanted = [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in UNWANTED]
    argv = ["mmdebstrap", "--quiet", "--variant=minbase", *options, *unwanted, f"--include={','.join(BASE_PACKAGES)}"]
    run(
        [*argv, mirror.suite, str(tree), "-"],
        stdin=mirror.sources,
        timeout_seconds=BUILD_SECONDS,
        action="build the base",
    )
    for name in [*tree.glob("etc/ssh/ssh_host_*"), tree / "etc/hostname", tree / "etc/resolv.conf"]:
        name.unlink(missing_ok=True)
    (tree / "etc/machine-id").write_text("")
    for unit in MASKED:
        (tree / "etc/systemd/system" / unit).symlink_to("/dev/null")


def _install(tree: Path, base: Path, packages: tuple[str, ...]) -> None:
    """Install packages in a chroot over the base; what that adds is the layer."""
    work, merged = tree.with_name(f"{tree.name}.work"), tree.with_name(f"{tree.name}.merged")
    for path in (tree, work, merged):
        path.mkdir(parents=True, exist_ok=True)
    options = f"lowerdir={base},upperdir={tree},workdir={work}"
    run(["mount", "-t", "overlay", "overlay", "-o", options, str(merged)])
    try:
        _install_in(merged, packages)
    finally:
        run(["umount", "--recursive", str(merged)])
        merged.rmdir()
        shutil.rmtree(work)
    shutil.rmtree(tree / "var/lib/apt/lists", ignore_errors=True)
    shutil.rmtree(tree / "var/cache/apt", ignore_errors=True)


def _install_in(root: Path, packages: tuple[str, ...]) -> None:
    run(["mount", "--bind", "/proc", str(root / "proc")])
    borrowed = [root / "etc/resolv.conf", root / "etc/hosts", root / "usr/sbin/policy-rc.d"]
    shutil.copyfile("/etc/resolv.conf", borrowed[0])
    shutil.copyfile("/etc/hosts", borrowed[1])  # a mirror may have its name only there
    borrowed[2].write_text("#!/bin/sh\nexit 101\n")
    borrowed[2].chmod(0o755)  # nothing is started in a chroot
    apt = ["chroot", str(root), "env", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C", "apt-get", "-qq"]
    run([*apt, "update"], timeout_seconds=BUILD_SECONDS, action="read the package lists")
    argv = [*apt, "-y", "--no-install-recommends", "install", *packages]
    run(argv, timeout_seconds=BUILD_SECONDS, action="install the layer")
    for path in borrowed:
        path.unlink()


def _machine_options() -> list[str]:
    return kept_options(run(["apt-config", "dump"]).stdout)


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """One builder at a time, over all processes."""
    handle = os.open(lock, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
