"""What the engine knows of a host beside what the host says of itself: GPUs that it should have, what we did to it, its like."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from backends.alerts.xid_policy import ADVICE, Override, Policies
from backends.clock import Clock
from backends.engine.wire import Event, HostRow
from backends.inventory.host import Host
from backends.states import HostState
from backends.triage.context import Context
from backends.triage.host_findings import RECENT_SECONDS
from backends.triage.model import Change
from backends.triage.xid_advice import Advise, XidAdvice, builtin
from backends.updates.reboots import RebootRecord

CHANGES_SECONDS = 24 * 3600.0
KINDS = {
    "update": "patch",
    "facts-changed": "kernel",
    "reboot": "reboot",
    "restart": "command",
    "action": "command",
    "backup": "config",
}
"""Kind of a timeline's event that changed something on one host → what the verdict calls it."""
_WRITES = ("restore", "put back")
"""How texts of "backup" events begin that wrote something on a host."""
_UNASKED = ("queued", "gate", "refused")
"""Stages of a reboot in which the host was not asked to go down."""


class Surroundings:
    """Answers for one host; from any thread."""

    def __init__(
        self,
        clock: Clock,
        *,
        hosts: Callable[[], Mapping[str, Host]],
        rows: Callable[[], Sequence[HostRow]],
        events: Callable[[str], Sequence[Event]],
        reboots: Callable[[], Sequence[RebootRecord]] = tuple,
        overrides: Callable[[], tuple[Override, ...]] = tuple,
    ):
        """
        Args:
            hosts: the inventory.
            rows: the fleet as its table shows it.
            events: the newest of one host first.
            reboots: that we made, the newest first.
            overrides: what XIDs mean at this site.
        """
        self._clock, self._hosts, self._rows = clock, hosts, rows
        self._events, self._reboots, self._overrides = events, reboots, overrides

    def context(self, host: str) -> Context:
        """What is known of `host`."""
        known = self._hosts().get(host)
        return Context(
            expected_gpus=known.expect.gpus if known is not None else None,
            changes=self._changes(host),
            planned_reboot=self._planned(host),
            advise=advise(self._overrides()),
        )

    def peers(self, host: str) -> tuple[str, ...]:
        """Hosts of the same kind, the best to compare with first: well, in the same groups, near by name.

        Of a host with GPUs those with the same model and number; of one without, those without that share a group or tag.
        """
        rows = {row.name: row for row in self._rows()}
        mine = rows.get(host)
        if mine is None:
            return ()
        groups = self._groups(mine)
        found = [row for row in rows.values() if row.name != host and _alike(mine, row)]
        if not mine.gpu_model:
            found = [row for row in found if groups & self._groups(row)]
        found.sort(key=lambda row: (_rank(row), -len(groups & self._groups(row)), row.name))
        return tuple(row.name for row in found)

    def why(self, host: str) -> tuple[str, str]:
        """Why there is no way to `host`, and what helps; "" where there is one."""
        row = next((row for row in self._rows() if row.name == host), None)
        return (row.reason, row.hint) if row is not None and row.state is not HostState.UP else ("", "")

    def _groups(self, row: HostRow) -> set[str]:
        known = self._hosts().get(row.name)
        return {*row.tags, *(known.groups if known is not None else ())}

    def _planned(self, host: str) -> bool | None:
        """True when we asked it to reboot lately."""
        since = self._clock.now() - 2 * RECENT_SECONDS
        ours = (
            record.host == host and record.stage not in _UNASKED and record.created >= since
            for record in self._reboots()
        )
        return True if any(ours) else None

    def _changes(self, host: str) -> tuple[Change, ...]:
        since = self._clock.now() - CHANGES_SECONDS
        return tuple(
            Change(time=event.time, kind=KINDS[event.kind], text=event.text)
            for event in reversed(self._events(host))
            if event.time >= since and _changed(event)
        )


def advise(overrides: tuple[Override, ...]) -> Advise:
    """The catalogue, with what the site says of some codes instead."""
    if not overrides:
        return builtin
    policies, own = Policies(overrides), {each.code for each in overrides}

    def of(code: int) -> XidAdvice | None:
        if code not in own:
            return builtin(code)
        policy = policies.of(code)
        return XidAdvice(policy.severity, policy.meaning, policy.advice or ADVICE[policy.action])

    return of


def _changed(event: Event) -> bool:
    """Whether it changed the host: what a reboot is told of without an actor was only seen."""
    if event.kind == "backup":
        return event.text.startswith(_WRITES)
    return event.kind in KINDS and (event.kind != "reboot" or bool(event.actor))


def _alike(one: HostRow, other: HostRow) -> bool:
    return one.gpu_model == other.gpu_model and len(one.gpus) == len(other.gpus)


def _rank(row: HostRow) -> tuple[bool, int]:
    return row.state is not HostState.UP, row.severity.rank
