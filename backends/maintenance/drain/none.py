"""Nobody gives work to the host: there is nothing to drain and nothing to give back."""

from __future__ import annotations

from backends.maintenance.drain.base import Prior, Standing
from backends.maintenance.worker import Place


class Unscheduled:
    """Implements `Broker` for a host without scheduler. What people run there by hand is not seen."""

    scheduler = "no scheduler"
    names_author = False

    def standing(self, place: Place) -> Standing:
        return Standing(node=place.host.host, state="no scheduler", drained=False, serving=True, idle=True)

    def drain(self, place: Place, reason: str) -> None:
        """Nothing to do."""

    def progress(self, place: Place) -> Standing:
        """It is as drained as it can be."""
        return Standing(node=place.host.host, state="no scheduler", drained=True, serving=True, idle=True)

    def resume(self, place: Place, prior: Prior) -> None:
        """Nothing to do."""

    def hint(self, node: str) -> str:
        return "retry"
