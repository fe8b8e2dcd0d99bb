"""The tables about health checks: what a host is expected to have, how often it is looked at, checks of the site."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from backends.config.sections import SIZE, Argv, Section, Selector

CHECK_NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}\Z"


class ExpectConfig(Section, frozen=True, kw_only=True):
    """What must be there: less is found by the health checks and told by alerts. What is left out is not expected."""

    gpus: Annotated[int, Meta(ge=0, le=1024, examples=[8])] | None = None
    """GPUs that the driver and the PCI bus must name."""
    nics: Annotated[tuple[Annotated[str, Meta(min_length=1, max_length=64)], ...], Meta(examples=[["eth0"]])] = ()
    """Network interfaces that must be up."""
    infiniband_ports: Annotated[int, Meta(ge=0, le=1024, examples=[8])] | None = None
    """InfiniBand ports that must be up."""
    infiniband_gbit: Annotated[float, Meta(gt=0, le=100000, examples=[400])] | None = None
    """What each of these ports runs at, in Gbit/s."""
    nvlinks: Annotated[int, Meta(ge=0, le=1024, examples=[18])] | None = None
    """NVLinks of each GPU; default: as many as the driver names."""
    key_units: Annotated[
        tuple[Annotated[str, Meta(min_length=1, max_length=256)], ...], Meta(examples=[["slurmd.service"]])
    ] = ()
    """systemd units whose failure is critical, besides those that always are; * and ? are patterns."""
    memory: Annotated[str, Meta(pattern=SIZE, examples=["2TiB"])] | None = None
    """Main memory; a few per cent less is fine, the firmware keeps some."""
    nvme_disks: Annotated[int, Meta(ge=0, le=1024, examples=[8])] | None = None
    """NVMe disks that must answer."""


class SiteCheckConfig(Section, frozen=True, kw_only=True):
    """A health check of the site: any command that ends like a Nagios plugin (0 fine, 1 warning, 2 critical, 3 unknown)."""

    name: Annotated[str, Meta(pattern=CHECK_NAME, examples=["licences"])]
    """What it is called in the console: site:NAME."""
    command: Annotated[Argv, Meta(examples=[["/usr/lib/nagios/plugins/check_licences", "-w", "5"]])]
    """Run on the host without a shell."""
    hosts: Selector = ""
    """A selector; default: every host."""
    timeout_seconds: Annotated[float, Meta(gt=0, le=300)] = 30.0
    """After so long it is ended, and the check is unknown."""
    become: bool = False
    """Run it as root, in the way of the host's `become`."""


class ChecksConfig(Section, frozen=True, kw_only=True):
    """Health checks. They only look, and change nothing."""

    every_minutes: Annotated[float, Meta(ge=0, le=525600)] = 60.0
    """Minutes between two complete looks at a host; 0: only when somebody asks."""
    light_seconds: Annotated[float, Meta(ge=5, le=86400)] = 60.0
    """Seconds between two short looks at what changes from one minute to the next: mounts, RAID, stuck processes, important
    units, the clock."""
    site: tuple[SiteCheckConfig, ...] = ()
    """Checks of the site."""
