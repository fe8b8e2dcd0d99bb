"""The package managers that there are. A new one is one more line here."""

from __future__ import annotations

from collections.abc import Mapping

from backends.updates.apt import Apt
from backends.updates.base import Manager
from backends.updates.dnf import Dnf
from backends.updates.model import ManagerName
from backends.updates.pacman import Pacman
from backends.updates.zypper import Zypper

MANAGERS: Mapping[ManagerName, Manager] = {"apt": Apt(), "dnf": Dnf(), "zypper": Zypper(), "pacman": Pacman()}
