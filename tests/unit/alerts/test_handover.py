"""The hand-over: everything that the next engineer must know, the most urgent first, whatever hosts and people wrote."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from backends.alerts.deadman import Pulse
from backends.alerts.handover import MOST_CHARACTERS, MOST_LINES, Due, Facts, Out, Work, handover
from backends.alerts.model import Ack, Edge, EdgeKind, Mute, Phase, Silence
from backends.alerts.target_health import TargetState
from backends.alerts.views import AlertRow, DeliveryRow
from backends.states import Severity

NOW = 1_778_522_400.0
"""2026-05-11 18:00 UTC."""
MINUTE, HOUR = 60.0, 3600.0
EMPTY = Facts(now=NOW, seconds=12 * HOUR, hosts=240, pulse=Pulse(completed=NOW - 2))


def row(host: str = "gpu01", **different: Any) -> AlertRow:
    fields: dict[str, Any] = {
        "fingerprint": f"{host}-{different.get('object', '')}",
        "rule": "disk.space",
        "title": "Filesystem is full",
        "host": host,
        "object": "/data",
        "phase": Phase.FIRING,
        "severity": Severity.WARNING,
        "since": NOW - HOUR,
        "fired": NOW - HOUR,
        "text": "97% full",
        "advice": "Find what fills it.",
    }
    return AlertRow(**fields | different)


def edge(kind: EdgeKind, minutes_ago: float, host: str = "gpu01", **different: Any) -> Edge:
    fields: dict[str, Any] = {
        "time": NOW - minutes_ago * MINUTE,
        "kind": kind,
        "fingerprint": host,
        "rule": "gpu.xid",
        "host": host,
        "severity": Severity.CRITICAL,
        "text": "XID 79",
    }
    return Edge(**fields | different)


def sections(markdown: str) -> dict[str, list[str]]:
    """Heading without its count → its lines."""
    found: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in markdown.splitlines():
        if line.startswith("#"):
            lines = found.setdefault(line.lstrip("# ").partition(":")[0], [])
        elif line:
            lines.append(line.removeprefix("- "))
    return found


def told(**different: Any) -> dict[str, list[str]]:
    return sections(handover(replace(EMPTY, **different)))


def test_a_quiet_shift_says_so_in_every_section() -> None:
    text = handover(replace(EMPTY, by="anna"))
    assert text.startswith("# Hand-over by anna, 2026-05-11 06:00 to 2026-05-11 18:00 UTC\n")
    assert "**0 firing (0 critical), 0 nobody has, 0 pending, 0 fired in 12h, 0 of 240 hosts out of service**" in text
    assert re.findall(r"^## (.*)$", text, re.M) == [
        "Firing, and nobody has it: none",
        "Firing, in hand: none",
        "Firing, told to nobody: none",
        "Over in this shift: none",
        "Fires again and again: none",
        "Silences: none",
        "Maintenances: none",
        "Hosts out of service: none",
        "Messages that did not arrive: none",
        "Goes on: none",
        "Begins by itself: none",
        "What people did, newest first: none",
    ]


def test_what_nobody_has_comes_first_the_worst_and_oldest_on_top_with_the_next_step() -> None:
    alerts = (
        row("gpu01"),
        row("gpu02", fired=NOW - 30 * HOUR, bundle=7, escalation=1, delivery="dead"),
        row("gpu03", severity=Severity.CRITICAL, unknown=True, last_data=NOW - 3 * MINUTE),
        row("gpu04", phase=Phase.PENDING),
        row("gpu05", info=True),
        row("gpu06", phase=Phase.RESOLVED),
    )
    found = told(alerts=alerts)
    first, second, third = found["Firing, and nobody has it"]
    assert first.startswith(
        "**critical** gpu03 /data \\(disk.space\\): 97% full; for 1h (since 17:00), no data since 17:57"
    )
    assert "for 1d6h (since 2026-05-10 12:00), escalated to level 1, **the message was given up**" in second
    assert "triage bundle 7" in second
    assert third.endswith("for 1h (since 17:00) → Find what fills it.")
    assert "3 firing (1 critical), 3 nobody has, 1 pending" in handover(replace(EMPTY, alerts=alerts))


def test_who_has_it_until_when_and_what_hides_the_others() -> None:
    ack = Ack(by="anna", time=NOW - HOUR, until=NOW + 2 * HOUR, note="disk ordered", severity=Severity.WARNING)
    found = told(
        alerts=(
            row("a", ack=ack, phase=Phase.RECOVERING),
            row("b", ack=replace(ack, snooze=True, note=""), flapping=True),
            row("c", silenced=("s-1", "s-2")),
            row("d", muted="m-1", ack=ack),
            row("e", inhibited="rack1-switch"),
        )
    )
    assert "acked by anna until 20:00: disk ordered, recovering" in found["Firing, in hand"][0]
    assert "snoozed by anna until 20:00, flapping" in found["Firing, in hand"][1]
    hidden = [line.partition("17:00), ")[2].partition(" → ")[0] for line in found["Firing, told to nobody"]]
    assert hidden == [
        "silenced (s-1 s-2)",
        "acked by anna until 20:00: disk ordered, in maintenance (m-1)",
        "explained by rack1-switch",
    ]


def test_what_was_over_in_the_shift_and_how_long_it_took() -> None:
    edges = [
        edge(EdgeKind.RESOLVED, 10, by="bob"),
        edge(EdgeKind.FIRED, 40),
        edge(EdgeKind.RESOLVED, 50),
        edge(EdgeKind.FIRED, 70),
        edge(EdgeKind.RESOLVED, 60, "gpu02", severity=Severity.WARNING, text="cool again"),
        edge(EdgeKind.FIRED, 5, "gpu03"),
        edge(EdgeKind.RESOLVED, 13 * 60, "gpu04"),
        edge(EdgeKind.FIRED, 20, "gpu05"),
        edge(EdgeKind.WITHDRAWN, 15, "gpu05", text="its host is gone"),
    ]
    assert told(edges=tuple(edges), alerts=(row("gpu03", fingerprint="gpu03"),))["Over in this shift"] == [
        "critical gpu05 \\(gpu.xid\\): XID 79; 17:40 to 17:45 (5m)",
        "critical gpu01 \\(gpu.xid\\): XID 79; 17:20 to 17:50 (30m), 2 times, ended by bob",
        "warning gpu02 \\(gpu.xid\\): cool again; until 17:00",
    ]


def test_what_comes_again_and_again() -> None:
    edges = tuple(edge(EdgeKind.FIRED, 10 * number, "gpu01") for number in range(4))
    found = told(edges=(*edges, edge(EdgeKind.FIRED, 5, "gpu02")), alerts=(row("gpu09", flapping=True),))
    assert found["Fires again and again"] == [
        "gpu01 \\(gpu.xid\\): fired 4×",
        "gpu09 /data \\(disk.space\\): fired 0×, flapping now",
    ]


def test_silences_and_maintenances_with_their_ends() -> None:
    silences = (
        Silence(id="s-1", rule="disk.*", by="anna", comment="known", start=NOW, end=NOW + 26 * HOUR, with_alert=True),
        Silence(id="s-2", select="gpu[01-04]", object="/x", by="bob", comment="rma", start=NOW, end=NOW + HOUR),
    )
    mutes = (
        Mute(id="m-1", hosts=("gpu01", "gpu02", "gpu03"), by="eve", comment="kernel", start=0, end=NOW + HOUR),
        Mute(id="m-2", hosts=("gpu09",), by="eve", start=0, end=NOW - MINUTE),
    )
    found = told(silences=silences, mutes=mutes, alerts=(row(silenced=("s-1",)),))
    assert found["Silences"] == [
        "s-2 on gpu\\[01-04\\] /x: ends in 1h (19:00), hides 0 now; bob: rma",
        "s-1 rule disk.\\*: ends in 1d2h (2026-05-12 20:00) or with its alert, hides 1 now; anna: known",
    ]
    assert found["Maintenances"] == [
        "m-2 gpu09: over, settling; eve",
        "m-1 gpu\\[01-03\\]: ends in 1h (19:00); eve: kernel",
    ]


def test_messages_that_did_not_arrive() -> None:
    delivery = DeliveryRow(
        number=1, target="oncall", state="retry", kind="firing", severity=Severity.WARNING, title="gpu01: full",
        created=NOW - HOUR, due=NOW, attempts=3, reason="refused",
    )  # fmt: skip
    found = told(
        deliveries=(delivery, replace(delivery, state="dead", target="mail"), replace(delivery, state="sent")),
        targets=(
            TargetState(name="mail", failing_since=NOW - 2 * HOUR, reason="timed out", waiting=4, dead=2),
            TargetState(name="oncall", last_ok=NOW),
        ),
    )
    assert found["Messages that did not arrive"] == [
        "**target mail** fails for 2h: timed out; 4 wait, 2 were given up",
        "**given up** to mail: gpu01: full, 17:00 (3 attempts, refused)",
        "retry to oncall: gpu01: full, 17:00 (3 attempts, refused)",
    ]


def test_hosts_work_and_what_is_due() -> None:
    found = told(
        out=(
            Out(host="gpu09", state="unreachable", since=NOW - HOUR, text="no answer"),
            Out(host="b", state="drained"),
        ),
        work=(Work(text="update 7f: 3 hosts to go", who="anna", since=NOW - MINUTE),),
        due=(Due(time=NOW + 8 * HOUR, text="backup of models"), Due(time=NOW - 1, text="check")),
    )
    assert found["Hosts out of service"] == ["b: drained", "gpu09: unreachable for 1h: no answer"]
    assert found["Goes on"] == ["update 7f: 3 hosts to go (anna), for 1m"]
    assert found["Begins by itself"] == ["17:59 (now): check", "2026-05-12 02:00 (in 8h): backup of models"]


def test_what_people_did() -> None:
    acts = (
        edge(EdgeKind.ACKED, 60, by="anna", origin="10.0.0.9", text="mine"),
        edge(EdgeKind.SILENCED, 30, "", fingerprint="", rule="", by="bob", text="s-1: rma"),
        edge(EdgeKind.FIRED, 20),
        edge(EdgeKind.ACKED, 20 * 60, by="yesterday"),
    )
    assert told(edges=acts)["What people did, newest first"] == [
        "17:30 bob: silenced: s-1: rma",
        "17:00 anna from 10.0.0.9: acked gpu01 \\(gpu.xid\\): mine",
    ]


@pytest.mark.parametrize(
    ("pulse", "said"),
    [
        (Pulse(completed=NOW - 600), "**The last full evaluation was 10m ago: what follows may be old.**"),
        (Pulse(), "**Nothing was evaluated yet: what follows may be old.**"),
    ],
)
def test_an_engine_that_does_not_evaluate_is_told_at_the_top(pulse: Pulse, said: str) -> None:
    head = handover(replace(EMPTY, pulse=pulse, problems=("the disk is full",))).partition("## ")[0]
    assert f"- {said}\n- **the disk is full**\n" in head


def test_it_is_bounded_and_says_what_is_left_out() -> None:
    many = tuple(row(f"gpu{number:04}", text="x" * 500, advice="y" * 500) for number in range(2000))
    text = handover(replace(EMPTY, alerts=many))
    assert f"- and {2000 - MOST_LINES} more" in text
    assert len(text) <= MOST_CHARACTERS
    names = "@" * 500
    full = replace(
        EMPTY,
        alerts=tuple(row(names, object=str(number), text=names, advice=names, ack=ack) for number in range(99) for ack in (
            None, Ack(by=names, time=0, until=NOW, note=names, severity=Severity.OK))),
        silences=tuple(Silence(id=names, by=names, comment=names, start=0, end=NOW) for _ in range(99)),
    )  # fmt: skip
    text = handover(full)
    assert len(text) <= MOST_CHARACTERS
    assert re.search(r"\n\d+ more lines were left out", text)


HOSTILE = st.one_of(
    st.text(max_size=300),
    st.sampled_from(
        [
            "\n# heading",
            "[x](http://evil)",
            "![p](//e/p.png)",
            "<img src=x>",
            "@channel",
            "|a|b|",
            "`x`",
            "\x1b[2J",
            "***",
        ]
    ),
)


@given(HOSTILE, HOSTILE, HOSTILE)
def test_what_others_wrote_stays_text(one: str, two: str, three: str) -> None:
    silence = Silence(id=one, rule=two, select=three, by=one, comment=two, start=NOW, end=NOW + 1)
    facts = replace(
        EMPTY,
        by=one,
        alerts=(row(one, object=two, text=three, advice=one, rule=two, muted=three),),
        edges=(
            edge(EdgeKind.FIRED, 9, one, text=two),
            edge(EdgeKind.RESOLVED, 5, one, text=two, by=three, origin=one),
        ),
        silences=(silence,),
        mutes=(Mute(id=one, hosts=(two,), by=three, start=0, end=NOW + 1),),
        out=(Out(host=one, state=two, text=three),),
        work=(Work(text=one, who=two),),
        due=(Due(time=NOW, text=three),),
        targets=(TargetState(name=one, failing_since=NOW, reason=two),),
        problems=(three,),
    )
    quiet = "a"
    same = replace(
        facts,
        by=quiet,
        alerts=(row(quiet, muted=quiet),),
        edges=(edge(EdgeKind.FIRED, 9, quiet), edge(EdgeKind.RESOLVED, 5, quiet, by=quiet)),
        silences=(replace(silence, id=quiet, rule=quiet, select=quiet, by=quiet, comment=quiet),),
        mutes=(Mute(id=quiet, hosts=(quiet,), by=quiet, start=0, end=NOW + 1),),
        out=(Out(host=quiet, state=quiet),),
        work=(Work(text=quiet),),
        due=(Due(time=NOW, text=quiet),),
        targets=(TargetState(name=quiet, failing_since=NOW),),
        problems=(quiet,),
    )
    text = handover(facts)
    assert text.count("\n#") <= handover(same).count("\n#")
    assert all(line.startswith(("#", "-", "*")) or not line for line in text.splitlines())
    for sign in ("\x1b", "@", "://", "]("):
        assert sign not in text
    assert not re.search(r"(?<!\\)(\\\\)*[<>`\[\]|!]", text)
