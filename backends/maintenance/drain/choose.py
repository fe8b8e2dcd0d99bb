"""From the settings of a host to its broker."""

from __future__ import annotations

from backends.errors import BadInput
from backends.execution import Exec
from backends.maintenance.drain.base import Broker
from backends.maintenance.drain.commands import Commands
from backends.maintenance.drain.kubernetes import Kubernetes
from backends.maintenance.drain.none import Unscheduled
from backends.maintenance.drain.ray import Ray
from backends.maintenance.drain.settings import DrainSettings
from backends.maintenance.drain.slurm import Slurm


def brokers(settings: DrainSettings, exec_: Exec) -> Broker:
    """The broker for `settings`, which runs its commands with `exec_` (see `settings.runs_on`).

    Raises:
        BadInput: the site's commands are not all there.
    """
    match settings.scheduler:
        case "slurm":
            return Slurm(settings, exec_)
        case "kubernetes":
            return Kubernetes(settings, exec_)
        case "ray":
            return Ray(settings, exec_)
        case "command":
            _require_commands(settings)
            return Commands(settings, exec_)
        case "none":
            return Unscheduled()


def _require_commands(settings: DrainSettings) -> None:
    named = {"status": settings.look, "drain": settings.drain, "resume": settings.resume}
    missing = [name for name, argv in named.items() if not argv]
    if missing:
        raise BadInput(
            f"scheduler command without {', '.join(missing)}",
            action="read [[maintenance.drains]]",
            hint="give the commands status, drain and resume",
        )
