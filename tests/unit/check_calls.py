"""Health as the engine tells it, and every call about it with its answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from backends.checks.health_catalogue import NOT_HERE, HealthResult
from backends.checks.health_difference import Change, Difference
from backends.checks.health_finding import Action, critical, ok, unknown, warning
from backends.checks.health_views import CheckRow, DifferenceView, HealthView, HostChecks, row_of
from swarm_tui.client import EngineClient

NOW = time.time()
UNIT = warning(
    "H20",
    "backup.service failed",
    "backup.service",
    evidence=("Main process exited, code=exited, status=1", "two", "three", "four"),
    action=Action.CHECK_APP,
    advice="journalctl -u backup.service",
)
XID = critical("XID", "XID 79 on GPU 3", "0000:05:00", action=Action.REBOOT, advice="drain, then power-cycle")
FINDINGS = (XID, UNIT, unknown("H18", "nobody says what keeps the time"), ok("H10", "/ is 40% full", "/"))
RESULT = HealthResult(host="gpu01", time=NOW - 180, root=True, findings=FINDINGS, skipped={"N01": NOT_HERE})
ILL = row_of("gpu01", RESULT, tried=NOW - 180)
WELL = row_of("gpu02", HealthResult(host="gpu02", time=NOW - 60, findings=FINDINGS[3:]), tried=NOW - 60)
NEVER = row_of("gpu03", None)
CHECKS = HostChecks(health=ILL, result=RESULT, due=NOW + 3000)
CATALOGUE = (CheckRow(id="XID", title="errors that the GPU driver reports", group="gpu"),)
WORSE = DifferenceView(
    host="gpu01", before=NOW - 600, after=NOW, difference=Difference(worse=(Change(check="XID", after=XID),))
)
ANSWERS: dict[str, Any] = {
    "checks.view": HealthView(version=4, full=True, hosts=(WELL, ILL, NEVER)),
    "checks.host": CHECKS,
    "checks.catalogue": {"checks": CATALOGUE},
    "checks.run": {"hosts": ["gpu01"]},
    "checks.ack": {},
    "checks.clear": {},
    "checks.difference": WORSE,
    "checks.active": {},
}
_OF = {"host": "gpu01", "check": "H20", "object": "backup.service", "note": "known"}
Call = tuple[Callable[[EngineClient], Any], Any, dict[str, Any]]
CALLS: dict[str, Call] = {
    "checks.view": (lambda c: c.checks.view("tag:x", 3).version, 4, {"select": "tag:x", "since": 3}),
    "checks.host": (lambda c: c.checks.host("gpu01"), CHECKS, {"host": "gpu01"}),
    "checks.catalogue": (lambda c: c.checks.catalogue(), CATALOGUE, {}),
    "checks.run": (lambda c: c.checks.run("gpu01", slow=False), ("gpu01",), {"select": "gpu01", "slow": False}),
    "checks.ack": (lambda c: c.checks.ack("gpu01", "H20", "backup.service", "known"), None, _OF),
    "checks.clear": (lambda c: c.checks.clear("gpu01", "H20", "backup.service", "known"), None, _OF),
    "checks.difference": (
        lambda c: c.checks.difference("gpu01", 5.0, rebooted=True),
        WORSE,
        {"host": "gpu01", "before": 5.0, "rebooted": True},
    ),
    "checks.active": (
        lambda c: c.checks.active("gpu01", "diagnostics-1", "gpu01"),
        None,
        {"host": "gpu01", "test": "diagnostics-1", "drained": "gpu01"},
    ),
}
