"""Triage as the engine tells it, for tests of what shows it; and every call about it with its answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from backends.states import Severity
from backends.triage.context import Context
from backends.triage.difference import Difference, differences
from backends.triage.model import Bundle, Change, StepState
from backends.triage.views import Compared, Kept, Outcome, Round, bare
from swarm_tui.client import EngineClient
from tests.unit.triage import samples

HOST, PEER = "gpu1", "gpu2"
STUCK_NOTE = "nvidia-smi (pid 4711) waits since 93 s, state=D; not asked again"
PATCHED = Change(time=samples.NOW - 720, kind="patch", text="update done: nvidia-driver-550 550.90.12")
ILL: Bundle = replace(
    samples.bundle(
        {
            "kernel.log": samples.output("kernel-xid79.txt"),
            "gpu.fields": samples.section("gpu.fields", kind="stuck", note=STUCK_NOTE),
            "gpu": samples.section("gpu", kind="skipped", note="gpu.fields is stuck"),
            "waiting": "4711 1 D 93.0 os_acquire_rwlock_read nvidia-smi\n",
            "space": samples.texts()["space"] + "/dev/sdb1 xfs 2000000 1980000 20000 99% /data\n",
            "sudo": samples.section("sudo", kind="noperm", note="not in the group systemd-journal"),
        },
        Context(expected_gpus=samples.GPUS, changes=(PATCHED,)),
        HOST,
    ),
    seconds=3.4,
)
WELL: Bundle = samples.bundle(host=PEER)
NUMBER, PEER_NUMBER = 42, 7
NOW = samples.NOW + 20.0
DONE = Outcome(host=HOST, standing="done", asked=samples.NOW, seconds=3.4, number=NUMBER, bundle=bare(ILL))
FINE = Outcome(host=PEER, standing="done", asked=samples.NOW, seconds=2.5, number=PEER_NUMBER, bundle=bare(WELL))
LOST = Outcome(
    host="gpu3",
    standing="failed",
    asked=samples.NOW,
    seconds=0.1,
    error="not connected: no answer to TCP connect within 8 s",
    hint="check power and network of the host",
)
ASKING = Outcome(host=HOST, standing="asking", asked=samples.NOW, seconds=1.0)
WAITING = Outcome(host="gpu4")


def round_(*outcomes: Outcome, number: int = 3) -> Round:
    """A round as it stands."""
    return Round(id=number, begun=samples.NOW, now=NOW, reason="asked", actor="ops", outcomes=outcomes)


def kept(number: int, *, ago: float = 60.0, good: bool = False, host: str = HOST, reason: str = "asked") -> Kept:
    """A row of the list."""
    of = WELL if good else ILL
    return Kept(
        id=number,
        host=host,
        time=NOW - ago,
        state=StepState.OK if good else ILL.state,
        severity=of.strip.severity,
        reason=reason,
        text=of.strip.text,
    )


KEPT = (kept(42), kept(39, ago=7200, good=True), kept(31, ago=86_400, reason="alert gpu.xid"))
COMPARED = Compared(
    number=NUMBER,
    host=HOST,
    time=ILL.time,
    other=PEER_NUMBER,
    other_host=PEER,
    other_time=WELL.time - 600,
    other_severity=Severity.OK,
    why="a host of the same kind that was well 10m ago",
    differences=(
        Difference(subject="GPU 3 PCIe width", here="4", there="16"),
        *differences(ILL, WELL),
        Difference(subject="package nvidia-driver-550", here="550.90.12-0ubuntu1", there="550.90.07-0ubuntu1"),
    ),
)

Call = Callable[[EngineClient], Any]
ROUND = round_(DONE)
ANSWERS: dict[str, Any] = {
    "triage.start": ROUND,
    "triage.round": ROUND,
    "triage.run": ROUND,
    "triage.get": ILL,
    "triage.list": {"bundles": KEPT},
    "triage.difference": COMPARED,
}
CALLS: dict[str, tuple[Call, Any, dict[str, Any]]] = {
    "triage.start": (lambda c: c.triage.start("gpu1"), ROUND, {"select": "gpu1", "reason": "asked"}),
    "triage.round": (lambda c: c.triage.round(3), ROUND, {"id": 3}),
    "triage.run": (lambda c: c.triage.run("gpu1", "drill"), ROUND, {"select": "gpu1", "reason": "drill"}),
    "triage.get": (lambda c: c.triage.get(42), ILL, {"number": 42}),
    "triage.list": (lambda c: c.triage.list("gpu1", 5), KEPT, {"host": "gpu1", "limit": 5}),
    "triage.difference": (
        lambda c: c.triage.difference(42, "peer-now"),
        COMPARED,
        {"number": 42, "against": "peer-now"},
    ),
}
