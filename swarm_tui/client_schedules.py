"""The calls about schedules: `EngineClient.schedules`. Loaded when first used, since most subcommands never do."""

from __future__ import annotations

from backends.schedule.views import SchedulesView
from swarm_tui.rpc import Connection


class ScheduleCalls:
    """What happens by itself. Methods may be called from any thread and raise SwarmError."""

    def __init__(self, connection: Connection):
        self.call = connection.call

    def list(self) -> SchedulesView:
        """Every schedule, with its next times and what became of the last one."""
        return self.call("schedules.list", {}, SchedulesView)

    def due(self, at_once: bool = False) -> SchedulesView:
        """Do what is due now; `began` says what that was. `at_once`: hosts do not wait for their own moments."""
        return self.call("schedules.due", {"at_once": at_once}, SchedulesView, 30.0)

    def run(self, name: str) -> SchedulesView:
        """Do a schedule now, whatever its time is."""
        return self.call("schedules.run", {"name": name}, SchedulesView, 30.0)
