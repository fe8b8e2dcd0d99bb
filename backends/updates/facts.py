"""Joins the preflight facts with what the package manager says: into an inventory, and into the check before a change."""

from __future__ import annotations

import msgspec

from backends.clock import Clock
from backends.errors import SwarmError
from backends.execution import Exec
from backends.hostkit.travel import Become
from backends.updates import gate_driver, needs, preflight
from backends.updates.extras import Extras
from backends.updates.model import Caution, HostPlan, Inventory
from backends.updates.preflight_cautions import cautions


class Facts:
    """Asks hosts for their facts. `become` is a host's way to root; without `extras` only the package manager counts."""

    def __init__(self, clock: Clock, extras: Extras | None = None):
        self._clock, self._extras = clock, extras

    def check(self, host: Exec, become: Become, plan: HostPlan) -> tuple[Caution, ...]:
        """What stands in the way of `plan` now, or must be known. Raises SwarmError."""
        found = preflight.ask(host, become, self._clock, needs=False)
        return cautions(found, self._clock.now(), plan)

    def add(self, host: Exec, become: Become, inventory: Inventory) -> Inventory:
        """The inventory with all that is found beside the packages; what could not be read is said in `missing`."""
        found = self._with_preflight(host, become, inventory)
        return found if self._extras is None else self._extras.add(host, found)

    def _with_preflight(self, host: Exec, become: Become, inventory: Inventory) -> Inventory:
        """With reboot need, services and cautions."""
        try:
            found = preflight.ask(host, become, self._clock)
        except SwarmError as error:
            return msgspec.structs.replace(inventory, missing={**inventory.missing, "preflight": error.message})
        known = {caution.kind for caution in inventory.warnings}
        more = (each for each in cautions(found, self._clock.now()) if each.kind not in known)
        return msgspec.structs.replace(
            inventory,
            reboot=needs.reboot_need(found),
            services=needs.service_needs(found),
            family=gate_driver.versions(found),
            warnings=(*inventory.warnings, *more),
            missing={**inventory.missing, **found.missing},
        )
