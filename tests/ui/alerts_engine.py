"""Gives the engine in memory a fleet with alerts: what it would say now, and what it was told to do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from msgspec.structs import replace

from backends.alerts.deadman import Pulse
from backends.alerts.model import Ack, Mute, Phase, Silence
from backends.alerts.silences import Preview
from backends.alerts.views import AlertRow, AlertView, DeliveryRow, Handover, OutboxView
from backends.engine.wire_alerts import AlertDetail
from backends.errors import BadInput
from backends.states import Severity
from tests.ui.fleet_console import Seat, opened
from tests.ui.memory_engine import MemoryEngine
from tests.unit.cli import alert_answers as data
from tests.unit.cli.alert_answers import NOW, row
from tests.unit.present.fleet_rows import row as host_row

DISK, CPU, XID, WAITING, OVER, INFO = data.EVERY
HELD = row(
    "net.errors",
    "gpu05",
    "ib0",
    title="A network card loses packets",
    text="ib0 drops 3% of its packets",
    ack=Ack(by="anna", time=NOW - 600, until=NOW + 9000, note="cable ordered", severity=Severity.WARNING),
    delivery="sent",
    notified=("oncall",),
    flapping=True,
)
HIDDEN = row(
    "unit.failed", "gpu06", "munge.service", title="A unit failed", text="munge.service failed", silenced=("s1",)
)
EXPLAINED = row("gpu.lost", "gpu07", title="A GPU is gone", text="7 of 8 GPUs", inhibited="rack4-pdu")
SILENT = row(
    "host.down",
    "gpu08",
    title="Host is down",
    severity=Severity.CRITICAL,
    text="no answer",
    delivery="dead",
    escalation=2,
)
ALERTS = (DISK, SILENT, CPU, XID, WAITING, HELD, HIDDEN, EXPLAINED, OVER, INFO)
"""As the engine orders them, the worst first."""
MARKDOWN = "# Hand-over\n\n- gpu01 /srv is 97 % full, acked by anna\n- [/x] nothing else\n"
PREVIEW = Preview(now=3, past=14, examples=("disk.space gpu07 /",))


class AlertsDesk:
    """What the engine would say now; tests change it between two looks."""

    def __init__(self, engine: MemoryEngine, alerts: tuple[AlertRow, ...] = ALERTS):
        self.engine = engine
        self.alerts = alerts
        self.version = 1
        self.completed: float | None = NOW - 2
        """The last full evaluation; it goes on with the clock unless `stuck`."""
        self.stuck = False
        self.silences: tuple[Silence, ...] = (data.SILENCE,)
        self.mutes: tuple[Mute, ...] = (data.MUTE,)
        self.more: dict[str, Any] = {}
        """Of the view: `problem`, `hints`, `quiet`."""
        self.outbox = OutboxView(rows=(data.SENT, data.DEAD), targets=data.TARGETS)
        engine.handlers |= {f"alerts.{name}": handler for name, handler in self._handlers().items()}

    def _handlers(self) -> dict[str, Any]:
        return {
            "view": self._view,
            "get": self._get,
            "rules": lambda _: {"rules": data.RULES},
            "ack": self._ack,
            "unack": self._unack,
            "escalate": lambda _: {},
            "resolve": self._resolve,
            "silence_preview": lambda _: PREVIEW,
            "silence": self._silence,
            "unsilence": lambda params: self._end(params["id"]),
            "end_mute": lambda params: self._end(params["id"]),
            "mute": self._mute,
            "outbox": lambda _: self.outbox,
            "targets": lambda _: {"targets": self.outbox.targets},
            "test": lambda _: {"text": "on its way"},
            "again": lambda _: {"text": "it is sent to chat again"},
            "handover": lambda params: Handover(markdown=MARKDOWN, sent="k1" if params.get("target") else ""),
        }

    def _view(self, params: Mapping[str, Any]) -> AlertView:
        done = self.completed if self.stuck or self.completed is None else self.engine.now - 2
        view = AlertView(
            version=self.version,
            now=self.engine.now,
            alerts=None if params.get("since") == self.version else self.alerts,
            silences=self.silences,
            mutes=self.mutes,
            targets=self.outbox.targets,
            pulse=Pulse(completed=done, run="r1", seconds=0.03, count=7),
            waiting=1,
            dead=1,
        )
        return replace(view, **self.more)

    def _get(self, params: Mapping[str, Any]) -> AlertDetail:
        found = next((each for each in self.alerts if each.fingerprint.startswith(params["fingerprint"])), None)
        if found is None:
            raise BadInput("no such alert now")
        if found.fingerprint != DISK.fingerprint:
            return AlertDetail(row=found, now=self.engine.now, limits="warn", source="pack")
        return replace(data.DETAIL, row=found, now=self.engine.now)

    def _ack(self, params: Mapping[str, Any]) -> object:
        until = self.engine.now + (params.get("seconds") or 4 * 3600.0)
        ack = Ack(
            by="ops",
            time=self.engine.now,
            until=until,
            note=params.get("note", ""),
            snooze=params.get("snooze", False),
            severity=Severity.CRITICAL,
        )
        return self._change(params["fingerprints"], ack=ack)

    def _unack(self, params: Mapping[str, Any]) -> object:
        return self._change(params["fingerprints"], ack=None)

    def _resolve(self, params: Mapping[str, Any]) -> object:
        return self._change([params["fingerprint"]], phase=Phase.RESOLVED, resolved=self.engine.now)

    def _change(self, names: Any, **values: Any) -> object:
        self.show(*(replace(each, **values) if each.fingerprint in names else each for each in self.alerts))
        return {}

    def _silence(self, params: Mapping[str, Any]) -> Silence:
        """Hides the alert that it was made for, as far as a test can tell."""
        made = replace(data.SILENCE, id="s2", rule=params["rule"], select=params["select"], comment=params["comment"])
        self.silences += (made,)
        names = [
            each.fingerprint for each in self.alerts if each.host == params["select"] and each.rule == params["rule"]
        ]
        self._change(names, silenced=("s2",))
        return made

    def _mute(self, params: Mapping[str, Any]) -> Mute:
        made = replace(data.MUTE, id="m2", hosts=tuple(params["select"].split(",")), comment=params["comment"])
        self.mutes += (made,)
        self._change([each.fingerprint for each in self.alerts if each.host in made.hosts], muted="m2")
        return made

    def _end(self, name: str) -> object:
        freed = [
            replace(
                each,
                silenced=tuple(other for other in each.silenced if other != name),
                muted="" if each.muted == name else each.muted,
            )
            for each in self.alerts
        ]
        self.show(*freed)
        self.silences = tuple(each for each in self.silences if each.id != name)
        self.mutes = tuple(each for each in self.mutes if each.id != name)
        return {}

    def show(self, *alerts: AlertRow) -> None:
        """The alerts are these from now on."""
        self.alerts, self.version = alerts, self.version + 1

    def deliver(self, *rows: DeliveryRow) -> None:
        """The outbox holds these."""
        self.outbox = replace(self.outbox, rows=rows)


class AlertsSeat(Seat):
    """The seat in front of the Alerts screen."""

    desk: AlertsDesk

    async def later(self, seconds: float = 3.0) -> list[str]:
        """Long enough that the console asks again."""
        return await self.tick(seconds)

    async def go_to(self, *words: str) -> str:
        """Move the cursor to the first line with all of these words."""
        await self.press("g")
        for _ in range(30):
            here = self.app.screen.here  # type: ignore[attr-defined]
            text = "".join(piece for piece, _ in here.text) if here else ""
            if all(word in text for word in words):
                return text
            await self.press("j")
        raise AssertionError(f"no line with {words}:\n{await self.text()}")

    def asked(self, method: str) -> list[dict[str, Any]]:
        """The parameters of every call of alerts.<method>."""
        return self.engine.asked(f"alerts.{method}")


@asynccontextmanager
async def at_alerts(*alerts: AlertRow, mode: str = "2", **options: Any) -> AsyncIterator[AlertsSeat]:
    """The console on the Alerts screen (mode 2)."""
    engine = options.pop("engine", None) or MemoryEngine(host_row(f"gpu0{number}") for number in range(1, 10))
    engine.now = NOW
    desk = AlertsDesk(engine, alerts or ALERTS)
    async with opened(engine=engine, **options) as seat:
        mine = AlertsSeat(seat.app, seat._pilot, engine, seat._clock)
        mine.desk = desk
        await mine.press(mode)
        await mine.later()
        yield mine
