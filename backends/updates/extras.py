"""What could be updated beside the package manager: firmware, and the Python environments that the configuration names.

Only asked, never changed. Each part fails alone, into the inventory's `missing`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import msgspec

from backends.clock import Clock
from backends.config.schema import UpdatesConfig
from backends.errors import RetryLater, SkipHost, SwarmError
from backends.execution import Exec, ExecResult
from backends.inventory.host import Host
from backends.inventory.select import select_names
from backends.metrics.sample import Record
from backends.updates import firmware, osv, python_env
from backends.updates.advisories import Advisories, Known
from backends.updates.base import ENVIRONMENT
from backends.updates.extras_model import FirmwareUpdate, Outdated, PythonEnvironment
from backends.updates.model import Inventory

T = TypeVar("T")

FIRMWARE_SECONDS = 60.0
INSTALLED_SECONDS = 30.0
OUTDATED_SECONDS = 90.0
"""pip asks its index for every package."""
ALL_SECONDS = 150.0
"""For all environments of a host: a plan waits for them (at most `plans.PLAN_SECONDS`)."""
GRACE_SECONDS = 10.0
"""What the link gets on top of the deadline on the host."""
KEEP_SECONDS = 3600.0
"""How long an index's answer is good for, while the environment stays the same."""
KEEP_FAILURE_SECONDS = 600.0
ANSWER_BYTES = 16 << 20
"""`pip inspect` repeats every package's read-me."""
PIP_ENVIRONMENT = (
    *ENVIRONMENT,
    "PYTHONDONTWRITEBYTECODE=1",  # looking leaves nothing behind on the host
    "PIP_NO_CACHE_DIR=1",
    "PIP_DEFAULT_TIMEOUT=10",
    "PIP_RETRIES=1",
)
NOT_FOUND, TIMED_OUT = 127, 124
"""Exit statuses of `env` and of `timeout`."""


class Kept(Record, frozen=True, kw_only=True):
    """What an index said about an environment, or why it could not."""

    asked: float
    """Epoch seconds."""
    packages: dict[str, str]
    """What was installed then."""
    outdated: tuple[Outdated, ...] | None = None
    error: str = ""


class Extras:
    """Asks hosts for it. `paths_of` gives the environments of a host, as configured. For any thread."""

    def __init__(self, clock: Clock, paths_of: Callable[[str], Sequence[str]], advisories: Advisories):
        self._clock, self._paths_of, self._advisories = clock, paths_of, advisories
        self._lock = threading.Lock()
        self._kept: dict[tuple[str, str], Kept] = {}

    def add(self, host: Exec, inventory: Inventory) -> Inventory:
        """The inventory with firmware and Python environments."""
        missing = dict(inventory.missing)
        found = _tried(missing, "firmware", lambda: ask_firmware(host))
        python = self._environments(host, missing)
        return msgspec.structs.replace(inventory, firmware=found, python=python, missing=missing)

    def _environments(self, host: Exec, missing: dict[str, str]) -> tuple[PythonEnvironment, ...]:
        paths = self._paths_of(host.host)
        if not paths:
            return ()
        known = _tried(missing, "advisories", self._advisories.known)
        if known is not None and known.unread:
            missing["advisories"] = f"{known.unread} files are no advisories"
        until = self._clock.monotonic() + ALL_SECONDS
        return tuple(self._environment(host, path, known, until, missing) for path in paths)

    def _environment(
        self, host: Exec, path: str, known: Known | None, until: float, missing: dict[str, str]
    ) -> PythonEnvironment:
        name = f"python {path}"
        found = _tried(missing, name, lambda: ask_installed(host, path, self._left(until)))
        if found is None:
            return PythonEnvironment(path=path)
        packages = {each.name: each.version for each in found.packages}
        kept = self._outdated(host, path, packages, until)
        if kept.error:
            missing[name] = kept.error
        return PythonEnvironment(
            path=path,
            python=found.python,
            pip=found.pip or packages.get("pip", ""),
            packages=len(packages),
            outdated=kept.outdated,
            asked=kept.asked,
            vulnerable=None if known is None else osv.vulnerabilities(known.packages, packages),
        )

    def _outdated(self, host: Exec, path: str, packages: Mapping[str, str], until: float) -> Kept:
        """What the index says, or said not long ago about the very same packages."""
        with self._lock:
            kept = self._kept.get((host.host, path))
        now = self._clock.now()
        if kept is not None and kept.packages == packages:
            good_for = KEEP_FAILURE_SECONDS if kept.error else KEEP_SECONDS
            if 0 <= now - kept.asked < good_for:
                return kept
        kept = self._asked(host, path, dict(packages), now, until)
        with self._lock:
            self._kept[host.host, path] = kept
        return kept

    def _asked(self, host: Exec, path: str, packages: dict[str, str], now: float, until: float) -> Kept:
        try:
            outdated = ask_outdated(host, path, self._left(until))
        except SwarmError as error:
            return Kept(asked=now, packages=packages, error=error.message)
        return Kept(asked=now, packages=packages, outdated=outdated)

    def _left(self, until: float) -> float:
        return until - self._clock.monotonic()


def environments(config: UpdatesConfig, hosts: Sequence[Host]) -> dict[str, tuple[str, ...]]:
    """Host → paths of its environments, in the order of the configuration. Raises BadInput for a wrong selector."""
    found: dict[str, dict[str, None]] = {}
    for each in config.python_environments:
        path, select = (each, "") if isinstance(each, str) else (each.path, each.hosts)
        for name in select_names(select, hosts):
            found.setdefault(name, {})[path] = None
    return {name: tuple(paths) for name, paths in found.items()}


def ask_firmware(host: Exec) -> tuple[FirmwareUpdate, ...]:
    """Devices with a newer firmware. Raises SwarmError."""
    result = _run(host, firmware.GET_UPDATES, FIRMWARE_SECONDS)
    if result.exit_status == NOT_FOUND and b"fwupdmgr" in result.stderr:
        raise SkipHost("fwupdmgr is not installed", host=host.host)
    return firmware.judge(result, host.host)


def ask_installed(host: Exec, path: str, left: float) -> python_env.Environment:
    """What is installed; `left` are the seconds that are left for this host. Raises SwarmError."""
    python = python_env.interpreter(path)
    seconds = _share(INSTALLED_SECONDS, left, host)
    result = _run(host, (*PIP_ENVIRONMENT, *python_env.inspect_argv(python)), seconds)
    if python_env.cannot_inspect(result):
        listed = _run(host, (*PIP_ENVIRONMENT, *python_env.list_argv(python)), seconds)
        return python_env.judge_installed(listed, host.host, python, inspected=False)
    return python_env.judge_installed(result, host.host, python, inspected=True)


def ask_outdated(host: Exec, path: str, left: float) -> tuple[Outdated, ...]:
    """What the environment's index has newer. Raises SwarmError."""
    python = python_env.interpreter(path)
    argv = (*PIP_ENVIRONMENT, *python_env.outdated_argv(python))
    return python_env.judge_outdated(_run(host, argv, _share(OUTDATED_SECONDS, left, host)), host.host, python)


def _share(wanted: float, left: float, host: Exec) -> float:
    if left < 1:
        raise RetryLater(f"not asked: the environments before it took {ALL_SECONDS:.0f} s", host=host.host)
    return min(wanted, left)


def _run(host: Exec, argv: Sequence[str], seconds: float) -> ExecResult:
    """With a deadline on the host itself, and as whoever logs in: root must not run what others installed."""
    result = host.run(
        ("timeout", "-k", "5", str(int(seconds)), *argv),
        timeout_seconds=seconds + GRACE_SECONDS,
        limit_bytes=ANSWER_BYTES,
        become=False,
    )
    if result.exit_status == TIMED_OUT:
        raise RetryLater(f"no answer within {seconds:.0f} s", host=host.host)
    return result


def _tried(missing: dict[str, str], part: str, ask: Callable[[], T]) -> T | None:
    try:
        return ask()
    except SwarmError as error:
        missing[part] = error.message
        return None
