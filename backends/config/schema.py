"""The configuration as one typed tree with defaults. The docstring under each field is the manual:
the sample file and the reference page are generated from them, and the limits are checked from the annotations.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from backends.config.schema_alerts import AlertsConfig as AlertsConfig
from backends.config.schema_alerts import PolicyConfig as PolicyConfig
from backends.config.schema_alerts import RuleConfig as RuleConfig
from backends.config.schema_alerts import TargetConfig as TargetConfig
from backends.config.schema_alerts import XidConfig as XidConfig
from backends.config.schema_checks import ChecksConfig as ChecksConfig
from backends.config.schema_checks import ExpectConfig as ExpectConfig
from backends.config.schema_checks import SiteCheckConfig as SiteCheckConfig
from backends.config.schema_runs import CommandConfig as CommandConfig
from backends.config.schema_runs import DrainConfig as DrainConfig
from backends.config.schema_runs import MaintenanceConfig as MaintenanceConfig
from backends.config.schema_runs import RunConfig as RunConfig
from backends.config.schema_runs import WindowConfig as WindowConfig
from backends.config.schema_schedules import BlackoutConfig as BlackoutConfig
from backends.config.schema_schedules import ScheduleConfig as ScheduleConfig
from backends.config.sections import (
    HOURS,
    NAME,
    Absolute,
    Argv,
    Days,
    Local,
    Path,
    Port,
    Seconds,
    Tag,
    User,
)
from backends.config.sections import Become as Become
from backends.config.sections import Section as Section

Theme = Literal["swarm-dark", "swarm-light", "high-contrast", "colour-blind", "ansi"]
KeyFiles = Annotated[tuple[Path, ...], Meta(examples=[["~/.ssh/fleet_ed25519"]])]
Tags = Annotated[tuple[Tag, ...], Meta(examples=[["a100", "rack1"]])]
Parents = Annotated[tuple[str, ...], Meta(examples=[["rack1-switch"]])]


class SshConfig(Section, frozen=True, kw_only=True):
    """Defaults for every host; a host or group may override user, port, become and identity_files."""

    user: User | None = None
    """Login name; default: ~/.ssh/config, then the local user."""
    become: Become = "none"
    """How to become root: "none" or "sudo" (without a password, `sudo -n`)."""
    identity_files: KeyFiles = ()
    """Private keys to try, besides the agent and those of ~/.ssh/config."""
    config_file: Annotated[str, Meta(min_length=1, examples=["~/.ssh/config"])] | None = None
    """OpenSSH client configuration to read; default ~/.ssh/config, "none" reads none."""
    known_hosts_files: Annotated[tuple[Path, ...], Meta(examples=[["~/.ssh/known_hosts"]])] = ()
    """Files of known host keys; default: those of ~/.ssh/config (usually ~/.ssh/known_hosts)."""
    connect_timeout_seconds: Seconds = 8.0
    """TCP connect, banner and key exchange together."""
    auth_timeout_seconds: Seconds = 10.0
    """From the first authentication request to its result."""
    max_connecting: Annotated[int, Meta(ge=1, le=1000)] = 24
    """Hosts that may be connecting at the same time."""
    max_connecting_per_jump: Annotated[int, Meta(ge=1, le=1000)] = 4
    """The same for hosts behind one jump host."""
    silence_seconds: Seconds = 5.0
    """Without any sign of life for this long the host is asked for one; after twice as long it is unreachable."""


class HostConfig(Section, frozen=True, kw_only=True):
    """One host. An empty table is enough: the name is the address."""

    address: Annotated[str, Meta(min_length=1, max_length=256, examples=["10.0.0.11"])] | None = None
    """Where to connect; default: the name, through ~/.ssh/config."""
    port: Port | None = None
    """TCP port of sshd; default: ~/.ssh/config, then 22."""
    user: User | None = None
    """Login name; default: that of `[ssh]`."""
    become: Become | None = None
    """How to become root on this host; default: that of `[ssh]`."""
    identity_files: KeyFiles = ()
    """Private keys to try on this host; default: those of `[ssh]`."""
    tags: Tags = ()
    """Words that select the host: `tag:a100`."""
    parents: Parents = ()
    """What this host hangs on (a switch, a jump host): when a parent is down, its children are not reported one by one."""
    expect: ExpectConfig = ExpectConfig()
    """What must be there."""
    source: Literal["ssh", "local"] = "ssh"
    """"local" reads this machine without SSH."""


class GroupConfig(Section, frozen=True, kw_only=True):
    """Hosts by node ranges, with what they have in common. `@NAME` selects them."""

    nodes: Annotated[str, Meta(min_length=1, examples=["gpu[001-064],login1"])]
    """Node ranges: "gpu[001-064],login1"."""
    address: Annotated[str, Meta(min_length=1, max_length=256, examples=["{name}.cluster.internal"])] | None = None
    """Pattern with {name} when the addresses follow from the names: "{name}.cluster.internal"."""
    port: Port | None = None
    """TCP port of sshd; default: ~/.ssh/config, then 22."""
    user: User | None = None
    """Login name; default: that of `[ssh]`."""
    become: Become | None = None
    """How to become root on these hosts; default: that of `[ssh]`."""
    identity_files: KeyFiles = ()
    """Private keys to try on these hosts; default: those of `[ssh]`."""
    tags: Tags = ()
    """Words that select these hosts: `tag:a100`."""
    parents: Parents = ()
    """What these hosts hang on (a switch, a jump host)."""
    expect: ExpectConfig = ExpectConfig()
    """What must be there on each of them."""


class InventoryConfig(Section, frozen=True, kw_only=True):
    """Hosts from elsewhere. A host that is declared twice is an error that names both places."""

    ansible: Annotated[tuple[Path, ...], Meta(examples=[["hosts.ini"]])] = ()
    """Ansible inventories (INI or YAML), relative to this file; groups become tags."""
    ssh_config: bool = False
    """Take every concrete Host of the OpenSSH client configuration that is not declared otherwise."""


class SourcesConfig(Section, frozen=True, kw_only=True):
    """Where samples come from."""

    interval_seconds: Annotated[float, Meta(ge=0.2, le=3600)] = 1.0
    """Between two samples of a host."""


class EngineConfig(Section, frozen=True, kw_only=True):
    """The background process."""

    fleet_name: Annotated[str, Meta(max_length=64)] = ""
    """Shown in the header; default: the configuration's file name."""
    history_max_bytes: Annotated[int, Meta(ge=1 << 20)] = 512 << 20
    """Size at which the oldest stored history is thrown away."""
    history_minutes_days: Days = 14.0
    """How long one-minute averages are kept."""
    history_hours_days: Days = 400.0
    """How long one-hour averages are kept."""
    read_only: bool = False
    """Refuse every action that changes a host."""


class PythonConfig(Section, frozen=True, kw_only=True):
    """One Python environment on some hosts."""

    path: Absolute
    """Its directory, or its interpreter when the last part is called like one ("python3")."""
    hosts: str = ""
    """A selector; default: every host."""


Environments = Annotated[
    tuple[PythonConfig | Absolute, ...],
    Meta(examples=[["/opt/tools/bin/python3", {"path": "/srv/train/.venv", "hosts": "tag:a100"}]]),
]


class UpdatesConfig(Section, frozen=True, kw_only=True):
    """What waits on the hosts."""

    ask_hours: Annotated[float, Meta(ge=0, le=8760)] = 6.0
    """Hours between two looks at what waits on a host; they change nothing there. 0 looks only when somebody asks."""
    python_environments: Environments = ()
    """Environments whose packages are looked at beside those of the package manager, on every host or only on those
    that `hosts` selects. A path is that of the environment's directory, or of its interpreter. They are only read, as
    the user who logs in."""
    advisories: Local | None = None
    """Advisories on this machine that tell which installed Python packages are vulnerable: a folder of OSV files
    (*.json), one such file, or the zip of osv.dev. Without it nothing is said about vulnerabilities."""


SetName = Annotated[str, Meta(pattern=NAME, examples=["models"])]
Count = Annotated[int, Meta(ge=0, le=10000)]
Hours = Annotated[float, Meta(ge=0, le=87600)]


class KeepConfig(Section, frozen=True, kw_only=True):
    """Which archives stay: the newest of each of the last N hours, days, weeks …"""

    hourly: Count = 0
    """Of the last hours."""
    daily: Count = 7
    """Of the last days."""
    weekly: Count = 4
    """Of the last weeks."""
    monthly: Count = 6
    """Of the last months."""
    yearly: Count = 0
    """Of the last years."""


class RepositoryConfig(Section, frozen=True, kw_only=True):
    """A place that keeps backups. Every host has a repository and a passphrase of its own there."""

    name: SetName
    """What the sets call it."""
    location: Annotated[str, Meta(min_length=1, max_length=4096, examples=["ssh://backup@vault/srv/borg/{host}"])]
    """Absolute path on this machine, or ssh://USER@HOST[:PORT]/PATH; {host} stands for the host whose data it keeps.
    Without {host}, its name is put behind the path."""
    passphrase_command: Annotated[str, Meta(max_length=4096, examples=["pass show borg/{host}"])] = ""
    """Prints the passphrase; {host} and {repository} stand for names. Run without a shell. Default: a passphrase is made
    up for each host and kept on this machine, readable by this user only."""
    encryption: Literal["auto", "repokey", "repokey-blake2"] = "auto"
    """"auto" measures on this machine which is faster. It cannot be changed after the repository was made."""
    reserve_bytes: Annotated[int, Meta(ge=0)] = 2 << 30
    """Space that Borg leaves free on the repository's filesystem, so that a full disk can still be cleaned up."""
    quota_bytes: Annotated[int, Meta(ge=0)] = 0
    """The most that the repository of one host may hold; 0: no limit."""
    upload_kib_per_second: Annotated[int, Meta(ge=0)] = 0
    """Limit of the transfer to it; 0: none. See also `quiet_hours`."""
    quiet_hours: Annotated[str, Meta(pattern=HOURS, examples=["08:00-20:00"])] = ""
    """Local time of this machine in which the limit counts; "": always."""
    transport: Literal["auto", "relay", "push", "tar"] = "auto"
    """How a host's data get here. "relay": through the one SSH connection that is there, no secret on the host; "push":
    the host connects by itself with a key that ends after hours (bulk data); "tar": for hosts without Borg."""
    borg: Annotated[str, Meta(min_length=1, max_length=4096)] = "borg"
    """The program on the repository's machine."""


class DumpConfig(Section, frozen=True, kw_only=True):
    """A database, archived as what a command prints."""

    name: SetName
    """Of the file in the archive: NAME.dump."""
    command: Annotated[Argv, Meta(examples=[["pg_dump", "--format=plain", "app"]])]
    """Run on the host without a shell. When it fails, no archive is kept."""


class SetConfig(Section, frozen=True, kw_only=True):
    """What is backed up together. "config" and "secrets" are built in."""

    name: SetName
    """Part of every archive's name."""
    paths: Annotated[tuple[Absolute, ...], Meta(examples=[["/srv/models"]])] = ()
    """Files and directories."""
    exclude: Annotated[tuple[str, ...], Meta(examples=[["*.tmp"]])] = ()
    """Borg patterns, on top of those for caches and half-written checkpoints."""
    hosts: str = ""
    """A selector; default: every host."""
    repositories: tuple[SetName, ...] = ()
    """Names of `[[backups.repositories]]`; default: all of them."""
    compression: Annotated[str, Meta(max_length=40, examples=["zstd,3"])] = "auto"
    """As Borg takes it; "auto" chooses by what the files are ("zstd,3" for tensors and text, "lz4" for compressed)."""
    one_file_system: bool = True
    """Do not go into other filesystems."""
    keep: KeepConfig = KeepConfig()
    """Which archives stay."""
    every_hours: Hours = 24.0
    """Hours between two backups; 0: only when somebody asks."""
    before: tuple[Argv, ...] = ()
    """Commands on the host before the backup; a failing one ends it. Without a shell."""
    after: tuple[Argv, ...] = ()
    """Commands on the host afterwards, whatever became of it."""
    hook_seconds: Seconds = 300.0
    """What each of them may take."""
    dumps: tuple[DumpConfig, ...] = ()
    """Databases."""
    canaries: Annotated[tuple[Absolute, ...], Meta(examples=[["/srv/models/.canary"]])] = ()
    """Files that never change; when one does, pruning stops for that host and an alert is raised."""
    checkpoint_seconds: Annotated[int, Meta(ge=30, le=86400)] = 300
    """How often a running backup writes down what it has, which is what an interrupted one can go on from."""
    snapshot: Literal["auto", "none"] = "none"
    """"auto": read from a snapshot where the filesystem has them (btrfs, zfs, lvm)."""


class BackupsConfig(Section, frozen=True, kw_only=True):
    """Backups with Borg. Without any of this, the configuration of every host goes to a repository on this machine."""

    repositories: tuple[RepositoryConfig, ...] = ()
    """Places that keep backups; default: one on this machine, named "local"."""
    sets: tuple[SetConfig, ...] = ()
    """What is backed up, besides "config" and "secrets"."""
    config_hosts: Annotated[str, Meta(examples=["tag:a100"])] = ""
    """Hosts whose configuration is snapshotted; default: every host."""
    config_paths: Annotated[tuple[Absolute, ...], Meta(examples=[["/srv/triton/models"]])] = ()
    """More paths that count as configuration."""
    config_every_hours: Hours = 24.0
    """Hours between two snapshots of the configuration; 0: only when somebody asks."""
    drill_days: Days = 7.0
    """Days after which a proof of restorability is stale; drills run by themselves that often."""
    hold_hours: Hours = 24.0
    """Hours between a prune and the compaction that makes it final."""
    check_days: Days = 1.0
    """Days between two quick checks of a repository (its structure)."""
    verify_days: Days = 30.0
    """Days between two complete ones (every byte)."""


class ConsoleConfig(Section, frozen=True, kw_only=True):
    """The screen."""

    theme: Theme = "swarm-dark"
    """"swarm-dark", "swarm-light", "high-contrast", "colour-blind" or "ansi"."""
    ascii: bool = False
    """Draw with ASCII only."""
    mouse: bool = True
    """Use the mouse; false leaves selecting text to the terminal."""
    refresh_hz: Annotated[float, Meta(ge=0.2, le=4)] = 2.0
    """How often the screen asks for news, 0.2–4."""
    keys: Annotated[dict[str, str], Meta(examples=[{}])] = {}
    """Remapped keys: action id = "key[,key]"; `swarm-tui config keys` lists the ids."""


class Config(Section, frozen=True, kw_only=True):
    """The whole file. Without one the fleet is this machine."""

    ssh: SshConfig = SshConfig()
    """Defaults for every host."""
    hosts: dict[str, HostConfig] = {}
    """Hosts, one table each."""
    groups: dict[str, GroupConfig] = {}
    """Hosts by node ranges."""
    inventory: InventoryConfig = InventoryConfig()
    """Hosts from elsewhere."""
    sources: SourcesConfig = SourcesConfig()
    """Where samples come from."""
    engine: EngineConfig = EngineConfig()
    """The background process."""
    updates: UpdatesConfig = UpdatesConfig()
    """What waits on the hosts."""
    backups: BackupsConfig = BackupsConfig()
    """Backups with Borg."""
    checks: ChecksConfig = ChecksConfig()
    """Health checks."""
    alerts: AlertsConfig = AlertsConfig()
    """Who is told of what."""
    maintenance: MaintenanceConfig = MaintenanceConfig()
    """What holds for every maintenance run."""
    runs: tuple[RunConfig, ...] = ()
    """Maintenance runs that have a name."""
    schedules: tuple[ScheduleConfig, ...] = ()
    """What happens by itself."""
    console: ConsoleConfig = ConsoleConfig()
    """The screen."""
