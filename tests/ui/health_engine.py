"""Gives the engine in memory hosts whose health was checked: what it would say now, and what it was told to do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from msgspec.structs import replace

from backends.checks.health_catalogue import NOT_HERE, HealthResult
from backends.checks.health_finding import Action, Finding, critical, ok, unknown, warning
from backends.checks.health_views import HealthView, HostChecks, HostHealth, catalogue, row_of
from backends.states import Severity
from tests.ui.fleet_console import Seat, opened
from tests.ui.memory_engine import MemoryEngine
from tests.unit.present.fleet_rows import NOW
from tests.unit.present.fleet_rows import row as host_row

XID = critical(
    "XID",
    "XID 79 on GPU 0000:05:00: the GPU has fallen off the bus",
    "0000:05:00 79",
    evidence=("NVRM: Xid (PCI:0000:05:00): 79, pid=4711, GPU has fallen off the bus.", "1 times, last 3m ago"),
    action=Action.REBOOT,
    advice="drain, then power-cycle",
)
UNIT = warning(
    "H20",
    "[/x] backup.service has failed",
    "backup.service",
    evidence=("status=1",),
    action=Action.RESTART_APP,
    advice="systemctl status backup.service",
)
TAKEN = replace(
    critical(
        "H12", "/data is read-only", "/data", action=Action.INSPECT, advice="do not remount it before it was checked"
    ),
    acknowledged="anna",
    since=NOW - 7200,
)
BLIND = unknown("H05", "the kernel log is not known: no permission: dmesg")
WELL = (
    ok("G02", "8 GPUs are there"),
    ok("G05", "none", "GPU-0"),
    ok("H10", "/ is 40% full", "/"),
    ok("N08", "2 interfaces are well"),
)
SICK = (replace(XID, since=NOW - 180, reboots=1), replace(UNIT, since=NOW - 600), BLIND, *WELL)
SITE = Finding(check="site:licences", text="5 licences are left")


def result(host: str, *findings: Finding, age: float = 180.0, **fields: Any) -> HealthResult:
    """A result of `age` seconds ago."""
    values: dict[str, Any] = {"root": True, "skipped": {"N01": NOT_HERE, "G23": NOT_HERE}}
    return HealthResult(host=host, time=NOW - age, findings=findings, **{**values, **fields})


RESULTS: dict[str, HealthResult | None] = {
    "gpu01": result("gpu01", *WELL, SITE),
    "gpu02": result("gpu02", *SICK),
    "gpu03": result("gpu03", TAKEN, *WELL, age=1800.0),
    "gpu04": result("gpu04", BLIND, *WELL, root=False),
    "gpu05": None,
}


class HealthDesk:
    """What the engine would say now; tests change it between two looks."""

    def __init__(self, engine: MemoryEngine, results: Mapping[str, HealthResult | None] = RESULTS):
        self.results = dict(results)
        self.errors = {"gpu05": "no answer for 10 s"}
        self.busy: set[str] = set()
        self.version, self._changed = 1, dict.fromkeys(results, 1)
        engine.handlers |= {
            "checks.view": self._view,
            "checks.host": lambda params: self.details(params["host"]),
            "checks.catalogue": lambda _: {"checks": catalogue(["licences"])},
            "checks.run": lambda params: {"hosts": params["select"].split(",")},
            "checks.ack": self._ack,
            "checks.clear": self._clear,
        }

    def row(self, host: str) -> HostHealth:
        """The matrix's row."""
        error = self.errors.get(host, "")
        return row_of(host, self.results[host], tried=NOW - 60, error=error, busy=host in self.busy)

    def details(self, host: str) -> HostChecks:
        """All of one host."""
        return HostChecks(health=self.row(host), result=self.results.get(host), due=NOW + 3000)

    def show(self, host: str, *findings: Finding, busy: bool = False) -> None:
        """The host stands like this from now on."""
        self.results[host] = result(host, *findings, age=0.0)
        self.busy = self.busy | {host} if busy else self.busy - {host}
        self.version += 1
        self._changed[host] = self.version

    def _view(self, params: Mapping[str, Any]) -> HealthView:
        since = params.get("since")
        hosts = [host for host in self.results if since is None or self._changed[host] > since]
        return HealthView(version=self.version, full=since is None, hosts=tuple(map(self.row, hosts)))

    def _ack(self, params: Mapping[str, Any]) -> object:
        return self._change(params, acknowledged="ops")

    def _clear(self, params: Mapping[str, Any]) -> object:
        return self._change(params, severity=Severity.UNKNOWN, text="set healthy by ops, not looked at since")

    def _change(self, params: Mapping[str, Any], **values: Any) -> object:
        old = self.results[params["host"]]
        place = (params["check"], params["object"])
        self.show(
            params["host"],
            *(
                replace(one, **values) if (one.check, one.object) == place else one
                for one in (old.findings if old else ())
            ),
        )
        return {}


class HealthSeat(Seat):
    """The seat in front of the health matrix."""

    desk: HealthDesk

    async def later(self, seconds: float = 3.0) -> str:
        """Long enough that the console asks again; the whole screen."""
        return "\n".join(await self.tick(seconds))

    def asked(self, method: str) -> list[dict[str, Any]]:
        """The parameters of every call of checks.<method>."""
        return self.engine.asked(f"checks.{method}")


@asynccontextmanager
async def at_health(results: Mapping[str, HealthResult | None] = RESULTS, **options: Any) -> AsyncIterator[HealthSeat]:
    """The console on the health matrix (`:health`)."""
    engine = options.pop("engine", None) or MemoryEngine(host_row(name) for name in results)
    desk = HealthDesk(engine, results)
    async with opened(engine=engine, **options) as seat:
        mine = HealthSeat(seat.app, seat._pilot, engine, seat._clock)
        mine.desk = desk
        await mine.press("colon", *"health", "enter")
        await mine.later()
        yield mine
