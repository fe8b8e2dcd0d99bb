"""What changes slowly of each host, as the alert rules take it: updates that wait, worries about its backups."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from backends.alerts import settings
from backends.alerts.subjects import Concern, Expected, Pending
from backends.backups import model as backups
from backends.engine.gathering import Slow
from backends.engine.remembered import Remembered
from backends.inventory.host import Host
from backends.updates.inventories import HostUpdates
from backends.updates.model import Change


class Owing:
    """Asks the parts of the engine that know.

    Args:
        hosts: the inventory.
        updates: hosts → what is known about their updates.
        concerns: hosts → worries about their backups; None: there are no backups here.
    """

    def __init__(
        self,
        hosts: Callable[[], Mapping[str, Host]],
        updates: Callable[[Sequence[str]], Sequence[HostUpdates]],
        concerns: Callable[[Sequence[str]], Sequence[backups.Concern] | None],
        remembered: Remembered,
    ):
        self._hosts, self._updates, self._concerns, self._remembered = hosts, updates, concerns, remembered

    def __call__(self, names: Sequence[str]) -> Mapping[str, Slow]:
        hosts = self._hosts()
        worries = _by_host(self._concerns(names))
        known = {each.host: each for each in self._updates(names)}
        return {
            name: Slow(
                expected=settings.expected(hosts[name]) if name in hosts else Expected(),
                concerns=worries.get(name, ()) if worries is not None else None,
                pending=self._pending(known.get(name)),
            )
            for name in names
        }

    def _pending(self, known: HostUpdates | None) -> Pending | None:
        inventory = known.inventory if known is not None else None
        if inventory is None:
            return None
        since = self._remembered.owed(inventory.host, inventory.reboot.needed)
        if not inventory.security_known:
            return Pending(reboot_since=since, reason="its sources do not tell what is a security update")
        fixes = [change for change in inventory.changes if change.security and not change.held]
        return Pending(reboot_since=since, security=len(fixes), security_since=_oldest(fixes))


def _oldest(fixes: Iterable[Change]) -> float | None:
    return min((fix.first_seen for fix in fixes if fix.first_seen is not None), default=None)


def _by_host(concerns: Sequence[backups.Concern] | None) -> dict[str, tuple[Concern, ...]] | None:
    if concerns is None:
        return None
    found: dict[str, list[Concern]] = {}
    for each in concerns:
        place = " ".join(filter(None, (each.repository, each.set)))
        told = Concern(
            code=each.code,
            severity=each.severity,
            object=place,
            text=each.text,
            since=each.since,
            next_step=each.next_step,
        )
        found.setdefault(each.host, []).append(told)
    return {host: tuple(each) for host, each in found.items()}
