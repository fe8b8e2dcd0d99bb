"""Which package managers there are, and which one a host uses."""

from __future__ import annotations

from collections.abc import Mapping

from backends.errors import SkipHost
from backends.execution import Exec
from backends.updates.base import Manager
from backends.updates.model import ManagerName

PROBE = (
    "for tool in apt-get dnf5 dnf zypper pacman; do command -v $tool >/dev/null 2>&1 && echo $tool; done; "
    '. /etc/os-release 2>/dev/null; echo "ID $ID $ID_LIKE"'
)
"""One round trip. dnf is asked for behind apt-get: Debian ships it as an ordinary tool."""
_OF: dict[str, ManagerName] = {"apt-get": "apt", "dnf5": "dnf", "dnf": "dnf", "zypper": "zypper", "pacman": "pacman"}


_FAMILIES: dict[str, ManagerName] = {
    **dict.fromkeys(("debian", "ubuntu"), "apt"),
    **dict.fromkeys(("rhel", "fedora", "rocky", "centos", "almalinux", "ol"), "dnf"),
    **dict.fromkeys(("suse", "opensuse", "sles"), "zypper"),
    "arch": "pacman",
}
"""os-release's ID or a word of its ID_LIKE → the manager that owns such a system."""


def choose(tools: str, system: str = "") -> ManagerName | None:
    """The manager that owns the system, from the tools that are there and os-release's ID and ID_LIKE."""
    there = [_OF[word] for word in tools.split() if word in _OF]
    owners = [_FAMILIES[word] for word in system.lower().split() if word in _FAMILIES]
    return next((name for name in owners if name in there), there[0] if there else None)


def find(host: Exec, managers: Mapping[ManagerName, Manager]) -> Manager:
    """The manager of `host`. Raises SkipHost when it has none that we know, RetryLater when it cannot be asked."""
    result = host.run(("sh", "-c", PROBE), timeout_seconds=30.0, become=False)
    lines = result.stdout.decode("utf-8", "replace").splitlines()
    system = next((line.removeprefix("ID ") for line in lines if line.startswith("ID ")), "")
    name = choose(" ".join(line for line in lines if not line.startswith("ID ")), system)
    if name is None or name not in managers:
        raise SkipHost(
            "no package manager that swarm-tui knows (apt, dnf, zypper, pacman)",
            host=host.host,
            action="list updates",
        )
    return managers[name]
