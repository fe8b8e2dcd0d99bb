"""What a console and a plain ssh need to reach the lab: known_hosts, ssh_config, config.toml."""

from __future__ import annotations

from collections.abc import Iterable

from tests.lab import identity
from tests.lab.ground import Ground
from tests.lab.host import LabHost

SSH_HOST = """Host {name}
    HostName {address}
    User root
    IdentityFile {key}
    IdentitiesOnly yes
    UserKnownHostsFile {known_hosts}
    StrictHostKeyChecking yes
"""

CONFIG = """# Written by `python -m tests.lab`: the lab named {lab}.
[ssh]
user = "root"
config_file = "none"
identity_files = ["{key}"]
known_hosts_files = ["{known_hosts}"]

[engine]
fleet_name = "lab {lab}"
"""

CONFIG_HOST = """
[hosts.{name}]
address = "{address}"
tags = [{tags}]
"""


def write(ground: Ground, hosts: Iterable[LabHost]) -> None:
    """Write the three files for these hosts."""
    hosts = list(hosts)
    keys = (f"{host.name},{host.address} {identity.public_key(host.place / 'upper')}\n" for host in hosts)
    ground.known_hosts.write_text("".join(keys))
    ground.ssh_config.write_text("".join(_ssh(ground, host) for host in hosts))
    ground.config.write_text(configuration(ground, hosts))


def configuration(ground: Ground, hosts: Iterable[LabHost]) -> str:
    """The text of a configuration for these hosts."""
    head = CONFIG.format(lab=ground.name, key=ground.key, known_hosts=ground.known_hosts)
    return head + "".join(_config(host) for host in hosts)


def command(ground: Ground) -> str:
    """The command that opens a console on the lab."""
    return f".venv/bin/swarm-tui --config {ground.config}"


def _ssh(ground: Ground, host: LabHost) -> str:
    return SSH_HOST.format(name=host.name, address=host.address, key=ground.key, known_hosts=ground.known_hosts)


def _config(host: LabHost) -> str:
    tags = ["lab", host.layer, *(["gpu"] if host.has_gpus else [])]
    return CONFIG_HOST.format(name=host.name, address=host.address, tags=", ".join(f'"{tag}"' for tag in tags))
