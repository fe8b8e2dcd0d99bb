"""Finds Borg on a machine: which version, and whether it can mount."""

from __future__ import annotations

from msgspec import structs

from backends.backups.borg import version
from backends.backups.borg.dialect import Dialect
from backends.errors import SkipHost
from backends.execution import Exec, ExecResult
from backends.text import decode

_ENVIRONMENT = ("env", "LC_ALL=C.UTF-8", "TZ=UTC", "BORG_SHOW_SYSINFO=yes", "BORG_SELFTEST=disabled")
_NOT_FOUND = (126, 127)
_SECONDS = 30.0


def find(way: Exec, program: str = "borg") -> Dialect:
    """The Borg of a machine.

    Args:
        way: runs commands there.
        program: a name on its PATH, or an absolute path.

    Raises:
        SkipHost: there is none, it does not start, or it is not known (older than 1.2, or Borg 2).
        RetryLater: the machine cannot be asked now.
    """
    told = _ask(way, program, "--version")
    if told.exit_status != 0:
        raise _no_borg(way.host, program, told)
    try:
        found = version.parse(told.stdout)
    except SkipHost as error:
        raise SkipHost(error.message, host=way.host, action=error.action, hint=error.hint) from error
    return structs.replace(found, fuse=_can_mount(way, program))


def _can_mount(way: Exec, program: str) -> bool | None:
    built = version.has_fuse(_ask(way, program, "debug", "info").stdout)
    if not built:
        return built
    return way.run(("test", "-c", "/dev/fuse"), timeout_seconds=_SECONDS).exit_status == 0


def _ask(way: Exec, program: str, *words: str) -> ExecResult:
    return way.run((*_ENVIRONMENT, program, *words), timeout_seconds=_SECONDS, limit_bytes=65536)


def _no_borg(host: str, program: str, told: ExecResult) -> SkipHost:
    said = decode(told.stderr, 200)
    missing = told.exit_status in _NOT_FOUND
    return SkipHost(
        f"there is no {program}"
        if missing
        else f"{program} does not start: {said or f'exit status {told.exit_status}'}",
        host=host,
        action="look for Borg",
        hint='install borgbackup there, or let its data come as a tar stream (transport = "tar")',
    )
