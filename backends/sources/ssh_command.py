"""The plain `ssh` command line that takes a person where the engine goes, checking the same keys."""

from __future__ import annotations

import shlex
from pathlib import Path

from backends.config.schema import SshConfig
from backends.inventory.host import Host
from backends.ssh.clientconfig import Resolver
from backends.ssh.target import Target, Wish


def resolver_for(ssh: SshConfig, cache_file: Path | None = None) -> Resolver:
    """What turns hosts into targets under an `[ssh]` table."""
    return Resolver(
        config_file=ssh.config_file,
        known_hosts_files=ssh.known_hosts_files,
        identity_files=ssh.identity_files,
        cache_file=cache_file,
    )


def wish_for(host: Host, ssh: SshConfig) -> Wish:
    """What the inventory and the `[ssh]` table say about how to reach `host`."""
    return Wish(
        name=host.name,
        address=host.address,
        port=host.port,
        user=host.user or ssh.user,
        identity_files=host.identity_files,
        become=host.become,
    )


def login_argv(host: Host, ssh: SshConfig) -> list[str]:
    """argv of an interactive login to `host` without an engine. Raises BadInput for a bad SSH configuration."""
    return interactive_argv(resolver_for(ssh).resolve(wish_for(host, ssh)))


def interactive_argv(target: Target) -> list[str]:
    """argv of an interactive login: same address, user, keys and known hosts, never an unchecked host key."""
    argv = ["ssh", *_options(target)]
    if target.jump:
        argv += ["-o", f"ProxyCommand={_proxy(target.jump)}"]
    elif target.proxy_command:
        argv += ["-o", f"ProxyCommand={target.proxy_command.replace('%', '%%')}"]
    return [*argv, "--", target.address]


def client_argv(target: Target) -> list[str]:
    """The OpenSSH client and its options for `target`, without the name of the machine: whatever name stands behind them,
    it connects to the target's address, with its keys and known hosts.
    """
    argv = ["ssh", *_options(target), "-o", f"HostName={target.address.replace('%', '%%')}"]
    if target.jump:
        argv += ["-o", f"ProxyCommand={_proxy(target.jump)}"]
    elif target.proxy_command:
        argv += ["-o", f"ProxyCommand={target.proxy_command.replace('%', '%%')}"]
    return argv


def _options(target: Target) -> list[str]:
    options = ["-p", str(target.port), "-l", target.user]
    for path in target.identity_files:
        options += ["-o", f"IdentityFile={_value(path)}"]
    for path in target.certificate_files:
        options += ["-o", f"CertificateFile={_value(path)}"]
    if target.identities_only:
        options += ["-o", "IdentitiesOnly=yes"]
    if target.host_key_alias:
        options += ["-o", f"HostKeyAlias={target.host_key_alias}"]
    files = " ".join(_value(path) for path in target.known_hosts_files)
    options += ["-o", f"UserKnownHostsFile={files or 'none'}", "-o", "StrictHostKeyChecking=yes"]
    return options


def _proxy(hop: Target) -> str:
    """One hop with its own options (-J would take them from the configuration alone), as a ProxyCommand.

    OpenSSH expands % in the value once, so what belongs to the inner ssh is doubled.
    """
    argv = ["ssh", *_options(hop)]
    if hop.jump:
        argv += ["-o", f"ProxyCommand={_proxy(hop.jump)}"]
    elif hop.proxy_command:
        argv += ["-o", f"ProxyCommand={hop.proxy_command.replace('%', '%%')}"]
    line = shlex.join(argv).replace("%", "%%")
    return f"{line} -W '[%h]:%p' -- {shlex.quote(hop.address).replace('%', '%%')}"


def _value(path: str) -> str:
    """A path as a configuration value: quoted against spaces, % doubled against tokens."""
    escaped = path.replace("%", "%%")
    return f'"{escaped}"' if " " in escaped else escaped
