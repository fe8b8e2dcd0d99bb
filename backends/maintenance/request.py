"""What somebody wants done, before it is a plan: the words of `[[runs]]`, or of the screen on which a run is composed.

Numbers of hosts stay text here ("2", "10%"), because only the hosts that are meant tell what they come to.
"""

from __future__ import annotations

from collections.abc import Mapping

from backends.maintenance.model import Promote
from backends.metrics.sample import Record

DEFAULT_STEPS = ("drain", "snapshot", "update", "reboot-if-needed", "check", "resume")
DEFAULT_BATCHES = ("1", "10%", "50%")


class Window(Record, frozen=True, kw_only=True):
    """When it may happen, as the configuration says it."""

    cron: str
    """When a window opens."""
    timezone: str = ""
    """IANA name; "": that of this machine."""
    hours: float = 8.0
    """For how long: hours that really pass, also when the clocks change meanwhile."""

    @property
    def text(self) -> str:
        """For people: "0 22 * * sat (Europe/Zurich), 6 h"."""
        zone = f" ({self.timezone})" if self.timezone else ""
        return f"{self.cron}{zone}, {self.hours:g} h"


class Request(Record, frozen=True, kw_only=True):
    """What is wanted. Everything but the hosts has a default."""

    name: str = ""
    """Of `[[runs]]`, or what the operator calls it."""
    selector: str = ""
    """Which hosts; "": every host."""
    steps: tuple[str, ...] = DEFAULT_STEPS
    """As the configuration writes them: "drain", "backup:models", "update:security", "gate:look at the fans"."""
    batches: tuple[str, ...] = DEFAULT_BATCHES
    """Sizes, numbers or per cent of the hosts of the run (rounded up); the last one repeats until no host is left."""
    canary: bool = True
    """One host of each kind goes first, together, before the batches."""
    canaries: tuple[str, ...] = ()
    """Hosts that are the canaries of their kind; where a kind has none here, one is chosen."""
    soak_seconds: float = 600.0
    """Between the end of a batch and the next one."""
    promote: Promote = "auto"
    max_unavailable: str = "10%"
    """How many may be away at once, those that are down anyway included: a number, or per cent of the hosts of the run."""
    max_unavailable_per_domain: str = ""
    """The same within each failure domain; per cent of the smallest one; "": no limit."""
    max_failed: int = 1
    """At so many failed hosts the run begins no other."""
    window: Window | None = None
    """When; the engine works out the next one and fills in `window_start` and `window_end`."""
    window_start: float | None = None
    """Epoch seconds before which it does not begin; None: at once."""
    window_end: float | None = None
    """Epoch seconds; no host begins that would probably not be done by then. None: no end."""
    timeouts: Mapping[str, str] = {}
    """Step or kind of step → duration: {"drain": "12h", "backup:models": "6h"}. The others have the usual time."""
    approvals: int = 0
    """How many others must say yes; tags of the hosts may ask for one more than that says."""
    packages: tuple[str, ...] = ()
    """Globs: what an update step takes; empty: what its argument says."""
    exclude_packages: tuple[str, ...] = ()
    """Globs: what it leaves alone."""
    minimum_age_days: float = 0.0
    """An update is taken only when it was first seen so long ago."""
    scheduled: bool = False
    """Nobody is there: gates and promotion by key make no sense then."""
