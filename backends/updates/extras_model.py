"""The plain data of what is updated beside the package manager: firmware of devices, and Python environments."""

from __future__ import annotations

from typing import Literal

from backends.metrics.sample import Record

Urgency = Literal["low", "medium", "high", "critical"]


class FirmwareUpdate(Record, frozen=True, kw_only=True):
    """One device with a newer firmware."""

    device: str
    """fwupd's id of it, 40 hex digits."""
    name: str
    vendor: str = ""
    installed: str = ""
    candidate: str = ""
    urgency: Urgency | None = None
    summary: str = ""
    size_bytes: int | None = None
    cves: tuple[str, ...] = ()
    reboot: bool | None = None
    """Needed afterwards; None: not told."""
    shutdown: bool = False
    """Needs power off and on."""
    needs_power: bool = False
    """Refused on battery."""


class Outdated(Record, frozen=True, kw_only=True):
    """A package of a Python environment with a newer release."""

    name: str
    installed: str
    candidate: str
    editable: bool = False
    """Installed from a source tree: never updated from here."""


class Vulnerability(Record, frozen=True, kw_only=True):
    """A package of a Python environment that an advisory names in the version that is installed."""

    package: str
    installed: str
    id: str
    """Of the advisory: "GHSA-…", "PYSEC-…"."""
    cves: tuple[str, ...] = ()
    fixed: str = ""
    """The first release after the installed one without it; "" when the advisory names none."""
    summary: str = ""

    @property
    def known_as(self) -> str:
        """The CVE where there is one, else the advisory's own id."""
        return self.cves[0] if self.cves else self.id


class PythonEnvironment(Record, frozen=True, kw_only=True):
    """One environment that the configuration names; why a part is None stands in the inventory's `missing`."""

    path: str
    """As configured."""
    python: str = ""
    """Version of the interpreter; "" when pip is too old to tell."""
    pip: str = ""
    packages: int | None = None
    """How many are installed."""
    outdated: tuple[Outdated, ...] | None = None
    asked: float | None = None
    """When the index was asked what is outdated, epoch seconds: it is not asked every time."""
    vulnerable: tuple[Vulnerability, ...] | None = None
    """None also where no advisories are configured."""
