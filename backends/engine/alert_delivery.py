"""From what should be said to the targets: who is told, the outbox, the couriers, the weekly test. Of one configuration.

A change of the targets makes new couriers; what waits in the outbox goes on with them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from backends.alerts import target_health
from backends.alerts.couriers import Couriers, Sends
from backends.alerts.incidents import keeps
from backends.alerts.model import Notice
from backends.alerts.outbox import Outbox
from backends.alerts.outbox_store import Delivery as Row
from backends.alerts.routing import Members, members, route
from backends.alerts.subjects import Delivery
from backends.alerts.target_health import TargetState
from backends.alerts.targets import Target, targets
from backends.clock import Clock
from backends.config.schema import AlertsConfig
from backends.errors import BadInput, RetryLater
from backends.inventory.host import Host

MakeSender = Callable[[Target], Sends]


class Delivering:
    """Calls may come from any thread, `configure` from one at a time."""

    def __init__(self, outbox: Outbox, clock: Clock, storage: Path, sender: MakeSender | None = None):
        """`storage`: where apprise's plugins keep what they must remember; `sender` makes what carries to a target."""
        self.outbox, self._clock, self._storage, self._sender = outbox, clock, storage, sender
        self._config = AlertsConfig()
        self._targets: tuple[Target, ...] = ()
        self._members: Members = {}
        self._couriers: Couriers | None = None

    def configure(self, config: AlertsConfig, hosts: Sequence[Host]) -> None:
        """Go on with these targets. Raises BadInput: something is wrong with one of them; nothing has changed then."""
        wanted = targets(config)
        chosen = members(wanted, hosts)
        self._config, self._members = config, chosen
        if self._couriers is not None and wanted == self._targets:
            return
        if self._couriers is not None:
            self._couriers.stop()
        self._targets = wanted
        self._couriers = Couriers(wanted, self.outbox, self._clock, storage=self._storage, sender=self._sender)
        self._couriers.start()

    def stop(self) -> None:
        """Begin nothing new; what waits stays in the outbox."""
        if self._couriers is not None:
            self._couriers.stop()

    def put(self, notice: Notice) -> tuple[str, ...]:
        """Put a notice into the outbox; the names of those whom it concerns."""
        names = route(notice, self._targets, self._local(), self._members)
        apart = [target.name for target in self._targets if target.name in names and keeps(target)]
        self.outbox.add(notice, names, apart)
        return names

    def states(self) -> tuple[TargetState, ...]:
        """How the targets do."""
        return self._couriers.states() if self._couriers is not None else ()

    def readings(self) -> tuple[Delivery, ...]:
        """The same for the rules."""
        return tuple(
            Delivery(target=each.name, failing_since=each.failing_since, reason=each.reason) for each in self.states()
        )

    def test(self, name: str, by: str) -> Notice:
        """Send a test through the real path. Raises BadInput: there is no such target."""
        self.known(name)
        notice = target_health.notice_of_test(name, self._local(), by=by)
        self.put(notice)
        return notice

    def known(self, name: str) -> Target:
        """The target of that name. Raises BadInput."""
        found = next((target for target in self._targets if target.name == name), None)
        if found is None:
            there = ", ".join(target.name for target in self._targets) or "none is configured"
            raise BadInput(f"no target is called {name[:80]!r}", action="find the target", hint=f"there are: {there}")
        return found

    def test_weekly(self) -> None:
        """Put in the tests that are due."""
        now = self._local()
        for target in self._targets:
            try:
                last = self.outbox.last_test(target.name)
            except RetryLater:  # the outbox has told that the disk refuses; the test is made up for later
                continue
            if target_health.is_test_due(self._config.test_day, self._config.test_hour, now, last):
                self.put(target_health.notice_of_test(target.name, now))

    def waiting(self) -> tuple[Row, ...]:
        """What is not delivered."""
        return self.outbox.rows()

    def _local(self) -> datetime:
        """Now, in the time zone of this machine."""
        return datetime.fromtimestamp(self._clock.now()).astimezone()
