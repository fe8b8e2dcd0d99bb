"""What the engine knows of a host beside what the host says of itself."""

from __future__ import annotations

from backends.triage.model import Change
from backends.triage.xid_advice import Advise, builtin


class Context:
    """Given to whoever judges a host."""

    def __init__(
        self,
        *,
        expected_gpus: int | None = None,
        changes: tuple[Change, ...] = (),
        planned_reboot: bool | None = None,
        advise: Advise = builtin,
    ):
        """
        Args:
            expected_gpus: by inventory or by the most that were ever seen; None: not known.
            changes: that we made or know of (runs, commands, config), by our clock.
            planned_reboot: whether we rebooted it; None: not by us, as far as is known.
            advise: the site's policy for XIDs.
        """
        self.expected_gpus, self.changes, self.planned_reboot = expected_gpus, changes, planned_reboot
        self.advise = advise
