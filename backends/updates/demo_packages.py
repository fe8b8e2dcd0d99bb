"""What waits in the simulated fleet: Ubuntu 24.04 and Debian 12 packages as they look on a real GPU host. The CVE numbers
are invented, so that nobody takes them for advice.
"""

from __future__ import annotations

from backends.updates.classes import classify
from backends.updates.model import Change

DRIVER = "550.90.07-0ubuntu0.24.04.1", "550.127.05-0ubuntu0.24.04.1"
KERNEL = "6.8.0-45.45", "6.8.0-49.49"
OLD_KERNEL, NEW_KERNEL = "6.8.0-45-generic", "6.8.0-49-generic"
DEBIAN_KERNEL = "6.1.0-26-amd64", "6.1.0-28-amd64"
FABRIC_MANAGER = "nvidia-fabricmanager-550"

_Row = tuple[str, str, str, int, tuple[int, ...]]
"""Name, installed ("" for a new package), candidate, kilobytes to fetch, numbers of the CVEs (any: a security fix)."""

_BASE: tuple[_Row, ...] = (
    ("libc6", "2.39-0ubuntu8.3", "2.39-0ubuntu8.4", 3270, (90011,)),
    ("libc-bin", "2.39-0ubuntu8.3", "2.39-0ubuntu8.4", 682, (90011,)),
    ("openssl", "3.0.13-0ubuntu3.4", "3.0.13-0ubuntu3.5", 1003, (90021, 90022)),
    ("libssl3t64", "3.0.13-0ubuntu3.4", "3.0.13-0ubuntu3.5", 1940, (90021, 90022)),
    ("openssh-server", "1:9.6p1-3ubuntu13.5", "1:9.6p1-3ubuntu13.8", 509, (90031,)),
    ("openssh-client", "1:9.6p1-3ubuntu13.5", "1:9.6p1-3ubuntu13.8", 905, (90031,)),
    ("curl", "8.5.0-2ubuntu10.4", "8.5.0-2ubuntu10.6", 226, (90041,)),
    ("libcurl4t64", "8.5.0-2ubuntu10.4", "8.5.0-2ubuntu10.6", 341, (90041,)),
    ("python3.12", "3.12.3-1ubuntu0.2", "3.12.3-1ubuntu0.3", 651, (90051, 90052, 90053, 90054, 90055)),
    ("rsync", "3.2.7-1ubuntu1", "3.2.7-1ubuntu1.1", 436, (90061,)),
    ("tzdata", "2024a-3ubuntu1.1", "2024b-0ubuntu0.24.04", 274, ()),
    ("vim-common", "2:9.1.0016-1ubuntu7.3", "2:9.1.0016-1ubuntu7.5", 385, ()),
)
_KERNEL: tuple[_Row, ...] = (
    ("linux-generic", *KERNEL, 2, (90001, 90002)),
    ("linux-image-6.8.0-49-generic", "", KERNEL[1], 14_900, (90001, 90002)),
    ("linux-modules-6.8.0-49-generic", "", KERNEL[1], 24_400, (90001, 90002)),
    ("linux-headers-6.8.0-49-generic", "", KERNEL[1], 3_900, ()),
)
_GPU: tuple[_Row, ...] = (
    ("nvidia-driver-550-server", *DRIVER, 500, ()),
    ("libnvidia-compute-550-server", *DRIVER, 49_500, ()),
    ("nvidia-utils-550-server", *DRIVER, 520, ()),
    ("nvidia-dkms-550-server", *DRIVER, 39_000, ()),
    ("nvidia-container-toolkit", "1.16.1-1", "1.17.2-1", 1200, (90071,)),
)
_SWITCHED: tuple[_Row, ...] = (
    (FABRIC_MANAGER, *DRIVER, 2_100, ()),
    ("libnvidia-nscq-550", *DRIVER, 360, ()),
    ("rdma-core", "50.0-2build2", "50.0-2ubuntu0.2", 60, ()),
)
_CPU: tuple[_Row, ...] = (
    ("slurmd", "23.11.4-1.2ubuntu5", "23.11.4-1.2ubuntu5.1", 6_400, ()),
    ("containerd", "1.7.12-0ubuntu4", "1.7.12-0ubuntu4.1", 37_800, (90081,)),
)
_DEBIAN: tuple[_Row, ...] = (
    ("libc6", "2.36-9+deb12u8", "2.36-9+deb12u9", 2_700, (90011,)),
    ("libssl3", "3.0.14-1~deb12u2", "3.0.15-1~deb12u1", 2_000, (90021,)),
    ("sudo", "1.9.13p3-1+deb12u1", "1.9.13p3-1+deb12u2", 1_850, (90091,)),
    ("linux-image-amd64", "6.1.112-1", "6.1.119-1", 2, (90001,)),
    ("linux-image-6.1.0-28-amd64", "", "6.1.119-1", 67_000, (90001,)),
)
_OF = {
    "h100": (*_BASE, *_KERNEL, *_GPU, *_SWITCHED),
    "a100": (*_BASE, *_KERNEL, *_GPU),
    "cpu": (*_BASE, *_KERNEL, *_CPU),
    "login": _DEBIAN,
}
METAPACKAGES = {
    "linux-image-6.8.0-49-generic": "linux-generic",
    "linux-modules-6.8.0-49-generic": "linux-generic",
    "linux-headers-6.8.0-49-generic": "linux-generic",
    "linux-image-6.1.0-28-amd64": "linux-image-amd64",
}
"""New packages → what they come with."""


def waiting(role: str) -> tuple[Change, ...]:
    """Everything that a host of this role could change; a role that is not known is a plain Ubuntu."""
    return tuple(_change(row, role == "login") for row in _OF.get(role, _BASE))


def _change(row: _Row, debian: bool) -> Change:
    name, installed, candidate, kilobytes, cves = row
    suites = ("Debian-Security:12/stable-security", "Debian:12.8/stable")
    if not debian:
        suites = ("Ubuntu:24.04/noble-security", "Ubuntu:24.04/noble-updates")
    return Change(
        name=name,
        architecture="amd64",
        kind="upgrade" if installed else "install",
        installed=installed,
        candidate=candidate,
        origin=suites[0 if cves else 1],
        package_class=classify(name),
        security=bool(cves),
        cves=tuple(f"CVE-2026-{number}" for number in cves),
        size_bytes=kilobytes << 10,
    )
