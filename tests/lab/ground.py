"""Where one lab lives on this machine: its name, directories, network namespace and addresses.

Several labs may stand side by side (one by hand, one per test run): everything that is shared with the machine
(namespace, link, cgroups, directories) carries the lab's name.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from backends.errors import BadInput

HOME = Path(os.environ.get("SWARM_LAB", "/var/tmp/swarm-tui-lab"))
"""Trees and fleets; survives a reboot of the machine, so that a second start takes seconds."""

DEFAULT_NAME = "hand"
LONGEST_NAME = 8
"""Interface names hold 15 characters, four of which are the lab's prefix."""
MOST_HOSTS = 200


@dataclass(frozen=True)
class Ground:
    """The names and places of one lab."""

    name: str = DEFAULT_NAME
    home: Path = HOME

    def __post_init__(self) -> None:
        if not (self.name.isalnum() and len(self.name) <= LONGEST_NAME):
            raise BadInput(f"{self.name!r} cannot name a lab", hint=f"letters and digits, at most {LONGEST_NAME}")

    @property
    def trees(self) -> Path:
        """Root file systems shared by all labs."""
        return self.home / "trees"

    @property
    def fleet(self) -> Path:
        return self.home / "fleets" / self.name

    @property
    def hosts(self) -> Path:
        return self.fleet / "hosts"

    @property
    def key(self) -> Path:
        """The private key that opens every host."""
        return self.fleet / "id_ed25519"

    @property
    def known_hosts(self) -> Path:
        return self.fleet / "known_hosts"

    @property
    def config(self) -> Path:
        """The configuration with which a console attaches."""
        return self.fleet / "config.toml"

    @property
    def ssh_config(self) -> Path:
        return self.fleet / "ssh_config"

    @property
    def namespace(self) -> str:
        return f"swarm-{self.name}"

    @property
    def namespace_path(self) -> Path:
        return Path("/run/netns") / self.namespace

    @property
    def outside_link(self) -> str:
        """This machine's end of the cable into the lab."""
        return f"swl-{self.name}"

    @property
    def prefix_file(self) -> Path:
        return self.fleet / "prefix"

    @property
    def prefix(self) -> str:
        """The first three numbers of every address. Raises BadInput when the lab has no network yet."""
        try:
            return self.prefix_file.read_text().strip()
        except FileNotFoundError:
            raise BadInput(f"lab {self.name!r} is not up", hint="python -m tests.lab up 8") from None

    def address(self, host: str) -> str:
        """lab1 is .11, lab2 .12, …"""
        return f"{self.prefix}.{10 + number_of(host)}"

    def host_names(self) -> list[str]:
        """The hosts that exist, whether they run or not, in order."""
        found = [path.name for path in self.hosts.iterdir()] if self.hosts.is_dir() else []
        return sorted(found, key=number_of)


def host_name(number: int) -> str:
    """The name of the host with that number, counted from 1."""
    return f"lab{number}"


def number_of(host: str) -> int:
    """The number in a host's name. Raises BadInput for what is no lab host."""
    digits = host.removeprefix("lab")
    if host.startswith("lab") and digits.isdecimal() and 1 <= int(digits) <= MOST_HOSTS and host == f"lab{int(digits)}":
        return int(digits)
    raise BadInput(f"{host!r} is no host of the lab", hint=f"lab1 … lab{MOST_HOSTS}")
