"""How one host is taken out of service and given back: `[[maintenance.drains]]` as a plain value."""

from __future__ import annotations

from backends.maintenance.model import Scheduler
from backends.metrics.sample import Record


class DrainSettings(Record, frozen=True, kw_only=True):
    """What a broker needs besides a way to run commands."""

    scheduler: Scheduler = "none"
    controller: str = ""
    """Host of the fleet on which the scheduler's program runs; "": this machine for kubernetes, else the host itself."""
    node: str = "{host}"
    """What the scheduler calls a host."""
    kubeconfig: str = ""
    context: str = ""
    delete_emptydir: bool = False
    force_bare_pods: bool = False
    address: str = ""
    """Of Ray's head."""
    look: tuple[str, ...] = ()
    """argv: exit status 0 in service, 1 drained, 2 or 75 draining; anything else is not known."""
    drain: tuple[str, ...] = ()
    resume: tuple[str, ...] = ()


def runs_here(settings: DrainSettings) -> bool:
    """Whether the scheduler's program runs on this machine, not on a host."""
    return settings.scheduler == "kubernetes" and not settings.controller


def runs_on(settings: DrainSettings, host: str) -> str:
    """The host of the fleet on which it runs; "" for this machine."""
    return "" if runs_here(settings) else settings.controller or host
