"""Alerts as the engine tells them, for tests of the subcommands; and every call about them with its answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from backends.alerts.backtest import Backtest, Firing, Trial
from backends.alerts.deadman import Pulse
from backends.alerts.model import Ack, Edge, EdgeKind, Mute, Phase, Silence, fingerprint
from backends.alerts.silences import Preview
from backends.alerts.target_health import TargetState
from backends.alerts.views import AlertRow, AlertView, DeliveryRow, Handover, OutboxView, RuleRow
from backends.engine.wire_alerts import AlertDetail
from backends.states import Severity
from backends.triage.timeline import Around, Cause, TimedEvent
from tests.unit.cli.conftest import Serve
from tests.unit.fake_engine import FakeEngine

NOW = 1_800_000_000.0
"""2027-01-15 08:00:00 UTC."""


def row(rule: str, host: str, thing: str = "", **more: Any) -> AlertRow:
    """One that fires as a warning for an hour, unless told otherwise."""
    given = {
        "phase": Phase.FIRING,
        "severity": Severity.WARNING,
        "since": NOW - 3600,
        "fired": NOW - 3600,
        "title": "A",
    }
    return AlertRow(fingerprint=fingerprint(rule, host, thing), rule=rule, host=host, object=thing, **{**given, **more})


DISK = row(
    "disk.space",
    "gpu01",
    "/srv",
    title="Filesystem is full",
    severity=Severity.CRITICAL,
    value=97.4,
    text="/srv is 97 % full",
    evidence=("3.1G of 120G are free",),
    advice="free space: du -xh /srv | sort -h | tail",
    notified=("oncall",),
    delivery="sent",
    episode=3,
    bundle=12,
)
CPU = row("cpu.busy", "gpu02", text="cpu 96 % busy")
XID = row("gpu.xid", "gpu03", "GPU-1", event=True, text="XID 31 three times")
WAITING = row("mem.used", "gpu01", phase=Phase.PENDING, text="memory 91 % used", fired=None)
OVER = row("disk.space", "gpu09", "/", phase=Phase.RESOLVED, resolved=NOW - 120, text="/ is 91 % full")
INFO = row("gpu.idle", "gpu04", info=True, severity=Severity.OK, text="idle for 3h")
EVERY = (DISK, CPU, XID, WAITING, OVER, INFO)
PULSE = Pulse(completed=NOW - 2, run="r1", seconds=0.03, count=7)
VIEW = AlertView(
    version=4, now=NOW, alerts=EVERY, pulse=PULSE, waiting=1, dead=2, hints=("silence s1 matches nothing",)
)
ACK = Ack(by="anna", time=NOW, until=NOW + 4 * 3600, note="disk ordered", severity=Severity.CRITICAL)

EDGES = (
    Edge(
        time=NOW - 60,
        kind=EdgeKind.ACKED,
        fingerprint=DISK.fingerprint,
        rule="disk.space",
        host="gpu01",
        object="/srv",
        severity=Severity.CRITICAL,
        text="disk ordered",
        by="anna",
        origin="10.0.0.7",
    ),
    Edge(
        time=NOW - 3600,
        kind=EdgeKind.FIRED,
        fingerprint=DISK.fingerprint,
        rule="disk.space",
        host="gpu01",
        object="/srv",
        severity=Severity.CRITICAL,
        text="/srv is 97 % full",
    ),
    Edge(time=NOW - 7200, kind=EdgeKind.STORM, rule="host.down", text="12 new alerts within 60 s"),
)
"""Newest first, as the engine tells them."""

SENT = DeliveryRow(
    number=1_799_999_000_000_002,
    target="oncall",
    state="sent",
    kind="firing",
    severity=Severity.CRITICAL,
    title="gpu01 /srv: /srv is 97 % full",
    hosts=("gpu01",),
    created=NOW - 3600,
    due=NOW - 3600,
    attempts=1,
    sent=NOW - 3599,
    seconds=0.21,
)
DEAD = DeliveryRow(
    number=1_799_999_000_000_001,
    target="chat",
    state="dead",
    kind="firing",
    severity=Severity.WARNING,
    title="cpu.busy: 3 alerts",
    hosts=("gpu01", "gpu02", "gpu03"),
    created=NOW - 90_000,
    due=NOW - 3600,
    attempts=9,
    reason="answered 500",
    seconds=0.3,
)
TARGETS = (
    TargetState(name="oncall", place="json://gate:8080", last_ok=NOW - 3599, seconds=0.21),
    TargetState(
        name="chat", place="slack://…", last_failed=NOW - 30, failing_since=NOW - 900, reason="answered 500", dead=1
    ),
)
SILENCE = Silence(
    id="s1",
    rule="disk.*",
    select="gpu07",
    by="anna",
    comment="disk ordered",
    start=NOW,
    end=NOW + 7200,
    with_alert=True,
)
MUTE = Mute(id="m1", hosts=("gpu01", "gpu02", "gpu03"), by="anna", comment="cooling", start=NOW, end=NOW + 14_400)
RULES = (
    RuleRow(id="disk.space", title="Filesystem is full", limits="warn >90/<80 %", source="pack", advice="du", firing=1),
    RuleRow(id="disk.inodes", title="Inodes are used up", limits="warn >90/<80 %", source="pack"),
    RuleRow(id="cpu.busy", title="Processors are busy", source="pack"),
)
TRIAL = Backtest(
    rule="own.busy",
    start=NOW - 86_400,
    end=NOW,
    moments=86_400,
    hosts=2,
    trial=Trial(
        for_seconds=0.0,
        count=3,
        brief=1,
        open=1,
        firings=(
            Firing(host="gpu01", start=NOW - 9000, end=NOW - 8940, severity=Severity.WARNING, text="gpu 91%"),
            Firing(host="gpu02", start=NOW - 7200, end=NOW - 3600, severity=Severity.WARNING, text="gpu 95%"),
            Firing(host="gpu01", start=NOW - 600, severity=Severity.CRITICAL, text="gpu 99%"),
        ),
    ),
    others=(Trial(for_seconds=300.0, count=1, brief=0, open=1),),
)
DETAIL = AlertDetail(
    row=DISK,
    now=NOW,
    history=EDGES[:2],
    deliveries=(SENT,),
    source="pack",
    limits="warn >90/<80 %, crit >98/<90 %",
    around=Around(
        host="gpu01",
        time=NOW - 3600,
        lanes={
            "changes": (TimedEvent(time=NOW - 4000, host="gpu01", kind="package", text="upgrade linux", actor="bo"),)
        },
        left_out=3,
        causes=(
            Cause(
                event=TimedEvent(time=NOW - 4000, host="gpu01", kind="package", text="upgrade linux"),
                seconds_before=400.0,
                text="6m40s before on this host: upgrade linux",
                score=1.0,
            ),
        ),
    ),
)
ANSWERS: dict[str, Any] = {
    "alerts.view": VIEW,
    "alerts.get": DETAIL,
    "alerts.history": {"edges": EDGES},
    "alerts.rules": {"rules": RULES},
    "alerts.outbox": OutboxView(rows=(SENT, DEAD), targets=TARGETS),
    "alerts.targets": {"targets": TARGETS},
    "alerts.ack": {},
    "alerts.unack": {},
    "alerts.escalate": {},
    "alerts.resolve": {},
    "alerts.silence_preview": Preview(now=3, past=14, examples=("disk.space gpu07 /", "disk.space gpu07 /srv")),
    "alerts.silence": SILENCE,
    "alerts.unsilence": {},
    "alerts.silences": {"silences": [SILENCE], "hints": ["silence s1 matches nothing for 2 h"]},
    "alerts.mute": MUTE,
    "alerts.end_mute": {},
    "alerts.mutes": {"mutes": [MUTE]},
    "alerts.test": {"text": "a test is on its way"},
    "alerts.again": {"text": "on its way again"},
    "alerts.backtest": TRIAL,
    "alerts.handover": Handover(markdown="# Hand-over"),
    "events.subscribe": {},
}

Start = Callable[..., FakeEngine]


def engine_but(serve: Serve, **answers: Any) -> FakeEngine:
    """An engine with these answers, some of them others."""
    return serve(**{**{name.replace(".", "__"): each for name, each in ANSWERS.items()}, **answers})
