"""What the SSH layer is told to reach: the wish (from the inventory) and the target (the wish after ~/.ssh/config)."""

from __future__ import annotations

from typing import Literal

from backends.metrics.sample import Record

Become = Literal["none", "sudo"]


class Wish(Record, frozen=True, kw_only=True):
    """What the inventory says about a host; None means: whatever the OpenSSH configuration and the defaults say."""

    name: str
    address: str | None = None
    port: int | None = None
    user: str | None = None
    identity_files: tuple[str, ...] = ()
    become: Become = "none"


class Target(Record, frozen=True, kw_only=True):
    """Everything that is needed to open a connection; nothing in it needs the network or the disk to be known."""

    name: str
    """The inventory's name (for a jump host: as it was written in ProxyJump)."""
    address: str
    port: int = 22
    user: str
    identity_files: tuple[str, ...] = ()
    """Expanded paths, in the order in which they are tried; need not exist."""
    certificate_files: tuple[str, ...] = ()
    identity_agent: str = ""
    """Path of the agent's socket; "" when there is no agent to ask."""
    identities_only: bool = False
    """Of the agent's keys use only those whose public part is one of the identity files."""
    host_key_alias: str = ""
    """Name under which the host key is recorded, when it is not the address."""
    known_hosts_files: tuple[str, ...] = ()
    """The operator's files; an accepted key goes to the first."""
    system_known_hosts_files: tuple[str, ...] = ()
    hash_known_hosts: bool = False
    proxy_command: str = ""
    """ProxyCommand with its tokens expanded; run through /bin/sh, as OpenSSH does."""
    jump: Target | None = None
    """The hop before this host, which may have one itself."""
    become: Become = "none"
    warnings: tuple[str, ...] = ()
    """What the OpenSSH configuration asks for and this program does not do."""

    @property
    def via(self) -> tuple[str, ...]:
        """The jump hosts' names, first hop first."""
        return (*self.jump.via, self.jump.name) if self.jump else ()

    @property
    def place(self) -> str:
        """host:port for messages; IPv6 in brackets."""
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"

    @property
    def key_name(self) -> str:
        """The name under which known_hosts records this host: alias, address, or [address]:port."""
        if self.host_key_alias:
            return self.host_key_alias.lower()
        address = self.address.lower()
        return address if self.port == 22 else f"[{address}]:{self.port}"
