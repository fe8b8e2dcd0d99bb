"""The configuration's `[backups]` as sets, repositories and tasks of concrete hosts. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from backends.backups.model import CONFIG, SECRETS, BackupSet, Dump, Keep, Repository, Task
from backends.config.schema import BackupsConfig, RepositoryConfig, SetConfig
from backends.errors import BadInput

LOCAL = "local"
"""Name of the repository that is there without any configuration."""
CONFIG_KEEP = Keep(daily=14, weekly=8, monthly=12)
_SSH = re.compile(r"ssh://(?:[^/@\s]+@)?[^/@:\s]+(?::\d+)?/(?![.~])\S+")
"""Absolute paths only: what is relative to an account's home means something else to every program that is told it."""

Select = Callable[[str], Sequence[str]]
"""Selector → names of hosts. Raises BadInput."""


def tasks(config: BackupsConfig, hosts: Sequence[str], select: Select, home: Path) -> tuple[Task, ...]:
    """Every backup that can be made: each set of each of its hosts into each of its repositories.

    Args:
        config: the section of the file.
        hosts: every host of the fleet.
        select: resolves the selectors of the sets.
        home: where the repository on this machine is, when none is configured.

    Raises:
        BadInput: a name that is twice there or nowhere, a location that is none.
    """
    places = _places(config, home)
    found: list[Task] = []
    for each in _sets(config):
        wanted = hosts if not each.hosts else select(each.hosts)
        found += _of_set(each, wanted, places, config)
    return tuple(found)


def _of_set(
    each: SetConfig, hosts: Iterable[str], places: dict[str, RepositoryConfig], config: BackupsConfig
) -> list[Task]:
    names = each.repositories or tuple(places)
    for name in names:
        if name not in places:
            raise BadInput(
                f"backups.sets {each.name!r}: no repository is called {name!r}",
                hint=f"there are: {', '.join(places) or 'none'}",
            )
    made = _set(each, config)
    secrets = made.kind == "secrets"
    return [Task(set=made, repository=_repository(places[name], host, secrets)) for host in hosts for name in names]


def _places(config: BackupsConfig, home: Path) -> dict[str, RepositoryConfig]:
    given = config.repositories or (RepositoryConfig(name=LOCAL, location=str(home / "repositories" / "{host}")),)
    found: dict[str, RepositoryConfig] = {}
    for place in given:
        if place.name in found:
            raise BadInput(f"backups.repositories: the name {place.name!r} is there twice")
        if not (place.location.startswith("/") or _SSH.fullmatch(place.location)):
            raise BadInput(
                f"backups.repositories {place.name!r}: not a location: {place.location!r}",
                hint='an absolute path, or "ssh://USER@HOST/PATH"',
            )
        found[place.name] = place
    return found


def _sets(config: BackupsConfig) -> list[SetConfig]:
    built_in = [
        SetConfig(name=name, hosts=config.config_hosts, every_hours=config.config_every_hours)
        for name in (CONFIG, SECRETS)
    ]
    seen = {CONFIG, SECRETS}
    for each in config.sets:
        if each.name in seen:
            raise BadInput(
                f"backups.sets: the name {each.name!r} is there twice, or built in",
                hint="config_hosts, config_paths and config_every_hours shape the built-in sets",
            )
        if not each.paths and not each.dumps:
            raise BadInput(f"backups.sets {each.name!r}: neither paths nor dumps", hint='paths = ["/srv/data"]')
        seen.add(each.name)
    return [*built_in, *config.sets]


def _set(each: SetConfig, config: BackupsConfig) -> BackupSet:
    if each.name in (CONFIG, SECRETS):
        return BackupSet(
            name=each.name,
            kind="config" if each.name == CONFIG else "secrets",
            paths=config.config_paths if each.name == CONFIG else (),
            compression="zstd,3",
            keep=CONFIG_KEEP,
            every_seconds=each.every_hours * 3600.0,
        )
    keep = each.keep
    return BackupSet(
        name=each.name,
        paths=each.paths,
        exclude=each.exclude,
        compression=each.compression,
        one_file_system=each.one_file_system,
        keep=Keep(hourly=keep.hourly, daily=keep.daily, weekly=keep.weekly, monthly=keep.monthly, yearly=keep.yearly),
        every_seconds=each.every_hours * 3600.0,
        before=each.before,
        after=each.after,
        hook_seconds=each.hook_seconds,
        dumps=tuple(Dump(name=dump.name, command=dump.command) for dump in each.dumps),
        canaries=each.canaries,
        checkpoint_seconds=each.checkpoint_seconds,
        snapshot=each.snapshot,
    )


def _repository(place: RepositoryConfig, host: str, secrets: bool) -> Repository:
    location = place.location if "{host}" in place.location else f"{place.location.rstrip('/')}/{{host}}"
    location = location.replace("{host}", host)
    return Repository(
        name=place.name,
        host=host,
        secrets=secrets,
        location=f"{location}-secrets" if secrets else location,
        passphrase_command=place.passphrase_command,
        encryption=place.encryption,
        reserve_bytes=place.reserve_bytes,
        quota_bytes=place.quota_bytes,
        upload_kib_per_second=place.upload_kib_per_second,
        quiet_hours=place.quiet_hours,
        transport=place.transport,
        borg=place.borg,
    )
