"""What backups need of the engine: the way to hosts, and the OpenSSH client for the machines of repositories."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from backends.backups.depot import Fleet
from backends.backups.model import Task
from backends.backups.resolve import tasks
from backends.backups.vault import plain_ssh
from backends.clock import Clock
from backends.config.schema import Config
from backends.engine.watch import Sources
from backends.errors import BadInput
from backends.inventory.host import Host
from backends.schedule.covering import covered, with_periods
from backends.schedule.defaults import schedules
from backends.schedule.schedule import Schedule
from backends.sources.local_exec import LocalExec
from backends.sources.ssh_command import client_argv, resolver_for, wish_for

HERE = "the engine's machine"


class BackupWays:
    """Follows the configuration, also when it is read again.

    Args:
        sources: of the engine.
        hosts: the inventory now.
        config: the configuration now.
        select: selector → names of hosts. Raises BadInput.
        folder: where the repository on this machine is, when none is configured.
        clock: ours.
    """

    def __init__(
        self,
        sources: Sources,
        hosts: Callable[[], Mapping[str, Host]],
        config: Callable[[], Config],
        select: Callable[[str], list[str]],
        folder: Path,
        clock: Clock,
    ):
        self._sources, self._hosts, self._config, self._select = sources, hosts, config, select
        self._folder, self._now = folder, clock.now
        self._scheduled: tuple[Config | None, tuple[Schedule, ...]] = (None, ())

    def fleet(self) -> Fleet:
        """As `Backups` takes it."""
        return Fleet(
            hosts=lambda: self._hosts().keys(),
            execs=self._sources.exec,
            channels=self._sources.channels,
            become=lambda host: self._hosts()[host].become if host in self._hosts() else "none",
            here=lambda host: host in self._hosts() and self._hosts()[host].source == "local",
            local=LocalExec(HERE),
            ssh_argv=self._ssh,
        )

    def tasks(self) -> tuple[Task, ...]:
        """Every backup that the configuration names. Raises BadInput."""
        config = self._config()
        found = tasks(config.backups, tuple(self._hosts()), self._select, self._folder)
        if not config.schedules:
            return found
        known = covered(self._schedules(config), config.backups, self._select)
        return with_periods(found, known, self._now())

    def _schedules(self, config: Config) -> tuple[Schedule, ...]:
        if self._scheduled[0] is not config:
            self._scheduled = (config, schedules(config))
        return self._scheduled[1]

    def _ssh(self, user: str, host: str, port: int | None) -> tuple[str, ...]:
        """A machine of the inventory is reached as the inventory says, any other one as the operator's ssh does it."""
        known = self._hosts().get(host)
        if known is None or known.source == "local":
            return plain_ssh(user, host, port)
        ssh = self._config().ssh
        wish = wish_for(known, ssh)
        wish = msgspec.structs.replace(wish, user=user or wish.user, port=port or wish.port)
        try:
            return tuple(client_argv(resolver_for(ssh).resolve(wish)))
        except BadInput:
            return plain_ssh(user, host, port)
