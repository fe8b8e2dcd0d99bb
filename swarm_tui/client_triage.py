"""The calls about triage: `EngineClient.triage`. Loaded when first used, since most subcommands never do."""

from __future__ import annotations

import msgspec

from backends.triage.model import Bundle
from backends.triage.views import Compared, Kept, Round
from swarm_tui.rpc import Connection

WAIT_SECONDS = 30.0
"""The engine answers after 17 s at most, and says which hosts go on."""


class _Bundles(msgspec.Struct):
    bundles: tuple[Kept, ...] = ()


class TriageCalls:
    """Triage of hosts. Methods may be called from any thread and raise SwarmError."""

    def __init__(self, connection: Connection):
        self.call = connection.call

    def start(self, select: str, reason: str = "asked") -> Round:
        """Ask hosts side by side, without waiting."""
        return self.call("triage.start", {"select": select, "reason": reason}, Round)

    def round(self, number: int) -> Round:
        """How that goes on."""
        return self.call("triage.round", {"id": number}, Round)

    def run(self, select: str, reason: str = "asked") -> Round:
        """Ask hosts side by side and wait for them, 17 s at most."""
        return self.call("triage.run", {"select": select, "reason": reason}, Round, WAIT_SECONDS)

    def get(self, number: int) -> Bundle:
        """One bundle with all that was found; `backends.triage.bundle.tar` and `.markdown` make it something to send."""
        return self.call("triage.get", {"number": number}, Bundle)

    def list(self, host: str = "", limit: int = 100) -> tuple[Kept, ...]:
        """What is kept, the newest first, of one host when given."""
        return self.call("triage.list", {"host": host, "limit": limit}, _Bundles).bundles

    def difference(self, number: int, against: str = "peer") -> Compared:
        """What differs; `against`: "peer", "peer-now", "last-good", the number of a bundle, or a host that has one."""
        return self.call("triage.difference", {"number": number, "against": against}, Compared, WAIT_SECONDS)
