"""A host of the fleet, as the inventory knows it before anything is connected."""

from __future__ import annotations

from typing import Literal

import msgspec


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
    source: Literal["ssh", "local"] = "ssh"
    origin: str = ""
    """Where it was declared: "config.toml [hosts.gpu01]", "hosts.ini:12"."""
