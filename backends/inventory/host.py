"""A host of the fleet, as the inventory knows it before anything is connected."""

from __future__ import annotations

from typing import Literal

import msgspec

from backends.metrics.sample import Record


class Expect(Record, frozen=True, kw_only=True):
    """What must be there; None: nothing is expected."""

    gpus: int | None = None
    nics: tuple[str, ...] = ()
    """Interfaces that must be up."""
    infiniband_ports: int | None = None
    infiniband_bits_per_second: float | None = None
    """Of each of these ports."""
    nvlinks: int | None = None
    """Of each GPU."""
    key_units: tuple[str, ...] = ()
    """Units whose failure is critical (globs)."""
    memory_bytes: int | None = None
    nvme_disks: int | None = None


class Host(msgspec.Struct, frozen=True, kw_only=True):
    """Who a host is and how to get there. None means: what ~/.ssh/config and the defaults say."""

    name: str
    address: str | None = None
    port: int | None = None
    user: str | None = None
    become: Literal["none", "sudo"] = "none"
    identity_files: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()
    expect: Expect = Expect()
    source: Literal["ssh", "local"] = "ssh"
    origin: str = ""
    """Where it was declared: "config.toml [hosts.gpu01]", "hosts.ini:12"."""
