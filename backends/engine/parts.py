"""The parts of the engine that come late: how each is made, when that happens by itself, and how all of them end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backends import paths
from backends.engine.late import Late
from backends.errors import Stop

if TYPE_CHECKING:
    from backends.backups.service import Backups
    from backends.engine.duty import Duty
    from backends.engine.engine import Engine
    from backends.engine.maintenance import Maintenance
    from backends.engine.scheduling import Scheduling

DUTY_SECONDS = 0.5
"""After the start: whoever opens the console waits for the fleet, not for a hundred modules about alerts. Their imports stand
in the functions that make the parts for the same reason."""
MAINTENANCE_SECONDS = 0.8
"""The same for maintenance runs, which need alerts."""
BACKUPS_SECONDS = 1.0
"""The same for backups."""
SCHEDULES_SECONDS = 1.2
"""The same for schedules, which need all of these."""
Spawn = Callable[[str, Callable[[], None]], object]


class Parts:
    """All of them. `state`: the directory for what is kept (None: the usual one); `spawn` starts a named thread."""

    def __init__(self, engine: Engine, state: Path | None, spawn: Spawn):
        self._engine, self._state, self._spawn = engine, state, spawn
        stopping = engine.stopping
        self.backups: Late[Backups] = Late(self._make_backups, _nothing, stopping=stopping, what="back up")
        self.duty: Late[Duty] = Late(
            self._make_duty, lambda duty: duty.start(spawn), stopping=stopping, what="look after alerts"
        )
        self.maintenance: Late[Maintenance] = Late(
            self._make_maintenance,
            lambda runs: runs.start(spawn),
            stopping=stopping,
            what="look after maintenance runs",
        )
        self.schedules: Late[Scheduling] = Late(
            self._make_schedules, _nothing, stopping=stopping, what="follow schedules"
        )
        self._all: tuple[Late[Any], ...] = (self.backups, self.duty, self.maintenance, self.schedules)

    def start(self) -> None:
        """Each comes after a while, where this engine has it at all."""
        engine = self._engine
        self._after(DUTY_SECONDS, "duty", lambda: engine.duty)
        if engine.has_maintenance:
            self._after(MAINTENANCE_SECONDS, "maintenance", lambda: engine.maintenance)
        if engine.has_backups:
            self._after(BACKUPS_SECONDS, "backups", lambda: engine.backups.loop())
            self._after(SCHEDULES_SECONDS, "schedules", self._follow_schedules)

    def closers(self) -> list[Callable[[], None]]:
        """What ends them; side by side, since each waits for its own threads."""
        return [each.stop for each in self._all]

    def in_flight(self) -> tuple[str, ...]:
        """What goes on, one phrase each."""
        return tuple(phrase for each in self._all for phrase in each.in_flight())

    def _after(self, seconds: float, name: str, body: Callable[[], object]) -> None:
        def wait() -> None:
            if self._engine.clock.wait(self._engine.stopping, seconds):
                return
            try:
                body()
            except Stop:
                if not self._engine.stopping.is_set():  # else it just came too late for a part that was never made
                    raise

        self._spawn(name, wait)

    def _follow_schedules(self) -> None:
        schedules = self._engine.schedules
        schedules.start()
        schedules.loop(self._engine.stopping)

    def _folder(self, name: str) -> Path | None:
        """Where a part keeps its things; None where this engine keeps nothing (a demo, a replay)."""
        if self._engine.label or self._engine.store is None:
            return None
        return paths.private_dir((self._state or paths.state_dir()) / name)

    def _make_backups(self) -> Backups:
        from backends.backups.service import Backups
        from backends.engine.backup_ways import BackupWays

        engine = self._engine
        folder = paths.private_dir((self._state or paths.state_dir()) / "backups")
        ways = BackupWays(
            engine.sources, lambda: engine.hosts, lambda: engine.config, engine.select, folder, engine.clock
        )
        return Backups(
            folder,
            ways.fleet(),
            engine.clock,
            tasks=ways.tasks,
            config=lambda: engine.config.backups,
            tell=engine.tell,
            on_bug=engine.bug,
            log_in=engine.sources.log_in,
            on_time=engine.fleet.set_backup,
            read_only=lambda: engine.read_only,
        )

    def _make_duty(self) -> Duty:
        from backends.engine.duty import Duty

        return Duty(self._engine, self._folder("duty"))

    def _make_maintenance(self) -> Maintenance:
        from backends.engine.maintenance import Maintenance

        return Maintenance(self._engine, self._folder("runs"))

    def _make_schedules(self) -> Scheduling:
        from backends.engine.scheduling import Scheduling

        return Scheduling(
            self._engine,
            self._folder("schedules"),
            start_run=lambda name, actor: f"run {self._engine.maintenance.start_named(name, actor)} began",
        )


def _nothing(part: object) -> None:
    """Nothing has to follow."""
