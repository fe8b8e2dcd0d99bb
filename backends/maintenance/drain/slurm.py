"""Slurm: drained by its own reason, waited for, resumed. Rebooting is not asked of it: its own reboot gives a node back
before anybody has looked at the GPUs."""

from __future__ import annotations

from backends.errors import RetryLater, SkipHost, SwarmError
from backends.execution import Exec
from backends.maintenance.drain import slurm_argv, slurm_parse
from backends.maintenance.drain.ask import Answers
from backends.maintenance.drain.base import Prior, Standing, node_name
from backends.maintenance.drain.settings import DrainSettings
from backends.maintenance.worker import Place

SILENT = (
    "unable to contact slurm controller",
    "connection refused",
    "connect failure",
    "timed out",
    "zero bytes were transmitted",
    "protocol authentication error",
    "slurm backup controller in standby",
)
UNKNOWN = ("not found", "invalid node name")
NOT_NOW = "invalid node state"
"""In UNKNOWN (not registered since slurmctld started), on its way down or up, or back already."""
FORBIDDEN = ("invalid user id", "permission denied", "access denied", "invalid authentication credential", "munge")


class Slurm:
    """Implements `Broker` with scontrol and squeue."""

    scheduler = "Slurm"
    names_author = True

    def __init__(self, settings: DrainSettings, exec_: Exec):
        self._pattern = settings.node
        self._answers = Answers(exec_, silent=SILENT, unknown=UNKNOWN, forbidden=FORBIDDEN, scheduler=self.scheduler)

    def standing(self, place: Place) -> Standing:
        """See `Broker`. The jobs are asked after the state: one that began between is seen."""
        host = place.host.host
        node = node_name(self._pattern, host)
        shown = self._answers.ask(slurm_argv.show_node(node), host)
        listed = slurm_parse.jobs(self._answers.ask(slurm_argv.jobs(node), host))
        found = slurm_parse.standing(shown, listed)
        if found.node != node:  # ALL and the like are words of scontrol's own
            raise SkipHost(f"Slurm knows no node {node!r}", host=host, hint="see node in [[maintenance.drains]]")
        return found

    def drain(self, place: Place, reason: str) -> None:
        self._answers.ask(slurm_argv.drain(node_name(self._pattern, place.host.host), reason), place.host.host)

    def progress(self, place: Place) -> Standing:
        return self.standing(place)

    def resume(self, place: Place, prior: Prior) -> None:
        """`prior` is never drained: what somebody else drained is not drained again, so there is nothing to bring back but
        service. A DOWN on top of our drain (a reboot takes longer than SlurmdTimeout) goes with it."""
        argv = slurm_argv.resume(node_name(self._pattern, place.host.host))
        try:
            self._answers.ask(argv, place.host.host)
        except SwarmError as error:
            if NOT_NOW not in error.message.lower():
                raise
            raise RetryLater("Slurm cannot resume it in its present state", host=place.host.host) from error

    def hint(self, node: str) -> str:
        return f"look at slurmd there (systemctl status slurmd) and at scontrol show node {node}, then retry"
