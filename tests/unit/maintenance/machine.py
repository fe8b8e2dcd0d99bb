"""A machine that is rebooted, as a test words it; what comes of it is judged by the real proof of a reboot."""

from __future__ import annotations

from msgspec.structs import replace

from backends.clock import Clock
from backends.errors import BadInput
from backends.maintenance.steps.reboot import Need
from backends.updates.reboot import Observation, Phase, Request, begin, observe
from backends.updates.reboots import RebootRecord

BOOTS = tuple(f"{number}1111111-2222-3333-4444-555555555555" for number in range(3))
OLD, NEW = "6.1.0-28", "6.1.0-31"
NEVER = float("inf")


class Machine:
    """Implements `Rebooting` for one host. It is looked at whenever its record is asked for."""

    def __init__(self, clock: Clock, *, back: float = 60.0, kernel: str = NEW, again: float = NEVER):
        """
        Args:
            clock: everything happens by its monotonic seconds.
            back: seconds after the request when it answers again.
            kernel: what it boots; the new one was planned.
            again: seconds after the request when it reboots once more by itself.
        """
        self.clock, self.back, self.kernel, self.again = clock, back, kernel, again
        self.asked = 0
        self._records: dict[str, RebootRecord] = {}

    def need(self, host: str) -> Need:
        return Need(needed=True)

    def find(self, batch: str) -> RebootRecord | None:
        record = self._records.get(batch)
        if record is not None and record.ended is None:
            record = self._records[batch] = self._looked_at(record)
        return record

    def start(self, host: str, who: str, override: str, batch: str, soak_seconds: float) -> RebootRecord:
        if any(record.ended is None for record in self._records.values()):
            raise BadInput(f"is being rebooted, asked for by {who}", host=host, hint="wait for it")
        self.asked += 1
        now = self.clock.monotonic()
        state = begin(Request(boot_id=BOOTS[0], asked=now, expected_kernel=NEW, soak_seconds=soak_seconds))
        self._records[batch] = RebootRecord(
            id=f"{batch}-0", batch=batch, host=host, who=who, created=now, stage="requested", state=state, sent=True
        )
        return self._records[batch]

    def _looked_at(self, record: RebootRecord) -> RebootRecord:
        assert record.state is not None
        state = observe(record.state, self._seen(self.clock.monotonic(), record.state.request.asked))
        text = state.failure or (state.notes[-1].text if state.notes else record.text)
        over = {"ended": self.clock.monotonic(), "good": state.phase is Phase.DONE} if state.over else {}
        return replace(record, state=state, stage=state.phase.value, text=text, **over)

    def _seen(self, now: float, asked: float) -> Observation:
        since = now - asked
        if since < 10.0:
            return Observation(time=now, boot_id=BOOTS[0], uptime_seconds=86400.0, kernel=OLD)
        if since < self.back:
            return Observation(time=now, error="no route to host")
        boot = 2 if since >= self.again else 1
        return Observation(time=now, boot_id=BOOTS[boot], uptime_seconds=1.0, kernel=self.kernel)
