"""The configuration and the inventory as the engine follows them: read together, and noticed when any file changes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from backends import paths
from backends.backups.resolve import tasks
from backends.config.load import config_path, load, located
from backends.config.problem import Problem, refuse
from backends.config.schema import AlertsConfig, ChecksConfig, Config, MaintenanceConfig
from backends.inventory.build import build
from backends.inventory.host import Host
from backends.inventory.select import select_names
from backends.metrics.sample import Record
from backends.states import HostState

Signature = tuple[tuple[str, int, int, int], ...]
"""Path, mtime in ns, size and inode of every file that counts; a missing file has zeros."""


class Loaded(Record, frozen=True, kw_only=True):
    """A configuration that is right as a whole."""

    config: Config
    hosts: tuple[Host, ...]


class Settings:
    """The files behind a running engine."""

    def __init__(self, path: str = ""):
        self.path = config_path(path)
        self._named = path
        self._others: tuple[Path, ...] = ()

    def load(self) -> Loaded:
        """Read everything. Raises BadInput with all problems in one message."""
        config = load(self._named or None)
        self._others = self._inventories(config)
        hosts = build(config, self.path)
        check_backups(config, hosts)
        refuse(located(duty_problems(config, hosts), self.path), "read the configuration")
        return Loaded(config=config, hosts=hosts)

    def signature(self) -> Signature:
        """Changes when a file that counts changes."""
        return tuple(_stat(file) for file in (self.path, *self._others))

    def _inventories(self, config: Config) -> tuple[Path, ...]:
        files = [self.path.parent / paths.expanded(name) for name in config.inventory.ansible]
        wanted = config.ssh.config_file
        if wanted != "none":
            files.append(paths.expanded(wanted or "~/.ssh/config"))
        return tuple(files)


def check_backups(config: Config, hosts: Sequence[Host]) -> None:
    """Raises BadInput for sets and repositories that name what is not there."""
    names = [host.name for host in hosts]
    # which hosts are up does not matter for whether a selector can be read
    tasks(
        config.backups,
        names,
        lambda text: sorted(select_names(text, list(hosts), dict[str, HostState]().get)),
        Path("/"),
    )


def duty_problems(config: Config, hosts: Sequence[Host] | None, *, urls: bool = False) -> list[Problem]:
    """What is wrong with health checks, alerts, maintenance and schedules, by the keys of the file; connects to nothing.

    Args:
        hosts: the fleet; None when the inventory itself is wrong, then no selector is judged.
        urls: whether apprise is asked, too, if it takes the URLs (0.3 s).
    """
    found: list[Problem] = []
    if config.checks != ChecksConfig():
        from backends.checks.health_settings import problems as check_problems  # late: few files have any

        found += check_problems(config.checks, hosts)
    if config.alerts != AlertsConfig():
        from backends.alerts.settings_check import problems as alert_problems  # late: brings the whole pack of rules

        found += alert_problems(config.alerts, hosts)
    if config.runs or config.maintenance != MaintenanceConfig():
        from backends.maintenance.settings_check import problems as run_problems  # late: few files have any

        found += run_problems(config, hosts)
    if config.schedules or config.maintenance.blackouts:
        from backends.schedule.settings_check import problems as schedule_problems  # late, as the others

        found += schedule_problems(config, hosts)
    if urls and config.alerts.targets:
        from backends.alerts.url_check import url_problems  # late: brings apprise

        found += url_problems(config.alerts)
    return found


def _stat(file: Path) -> tuple[str, int, int, int]:
    try:
        info = file.stat()
    except OSError:
        return str(file), 0, 0, 0
    return str(file), info.st_mtime_ns, info.st_size, info.st_ino
