"""The part of the API that is about alerts."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from backends.alerts.backtest import Backtest
from backends.alerts.model import Edge, Mute, Silence
from backends.alerts.silences import PAST_SECONDS, Preview
from backends.alerts.target_health import TargetState
from backends.alerts.views import AlertView, Handover, OutboxView, RuleRow
from backends.engine import alert_rows
from backends.engine.alert_detail import detail, notice_of_handover
from backends.engine.handlers import SELECTOR_LENGTH, Name
from backends.engine.handlers_backups import TABLE as TABLE
from backends.engine.methods import NoParams, Params
from backends.engine.session import Session
from backends.engine.wire_alerts import AlertDetail
from backends.errors import BadInput

if TYPE_CHECKING:
    from backends.engine.engine import Engine

Select = Annotated[str, Meta(max_length=SELECTOR_LENGTH)]
Fingerprint = Annotated[str, Meta(min_length=4, max_length=40)]
Fingerprints = Annotated[tuple[Fingerprint, ...], Meta(min_length=1, max_length=10_000)]
Glob = Annotated[str, Meta(max_length=200)]
Note = Annotated[str, Meta(max_length=500)]
Seconds = Annotated[float, Meta(gt=0, le=400 * 86_400)]
Limit = Annotated[int, Meta(ge=1, le=10_000)]
PREVIEWED = 100_000
"""Firings of the past week that a preview counts."""


class ViewAlerts(Params, frozen=True):
    since: int | None = None
    select: Select = ""


class OfAlert(Params, frozen=True):
    fingerprint: Fingerprint


class ListEdges(Params, frozen=True):
    seconds: Seconds = 7 * 86_400.0
    host: Annotated[str, Meta(max_length=253)] = ""
    fingerprint: Annotated[str, Meta(max_length=40)] = ""
    kind: Annotated[str, Meta(max_length=40)] = ""
    audit: bool = False
    limit: Limit = 200


class ListDeliveries(Params, frozen=True):
    target: Annotated[str, Meta(max_length=80)] = ""
    limit: Limit = 200
    finished: bool = True


class AckAlerts(Params, frozen=True):
    fingerprints: Fingerprints
    seconds: Seconds | None = None
    note: Note = ""
    snooze: bool = False


class OfAlerts(Params, frozen=True):
    fingerprints: Fingerprints


class PreviewSilence(Params, frozen=True):
    rule: Glob = ""
    select: Select = ""
    object: Glob = ""
    seconds: Seconds = 3600.0


class MakeSilence(PreviewSilence, frozen=True):
    comment: Note = ""
    with_alert: bool = False


class OfId(Params, frozen=True):
    id: Annotated[str, Meta(min_length=1, max_length=80)]


class MuteHosts(Params, frozen=True):
    select: Select
    seconds: Seconds
    comment: Note = ""


class OfTarget(Params, frozen=True):
    target: Name


class OfNumber(Params, frozen=True):
    number: Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]


class TryRule(Params, frozen=True):
    rule: Glob = ""
    expression: Annotated[str, Meta(max_length=4096)] = ""
    for_seconds: Annotated[float, Meta(ge=0, le=30 * 86_400)] | None = None
    select: Select = ""
    seconds: Seconds = 7 * 86_400.0
    recording: Annotated[str, Meta(max_length=4096)] = ""


class MakeHandover(Params, frozen=True):
    seconds: Seconds = 12 * 3600.0
    target: Annotated[str, Meta(max_length=80)] = ""


# Looking ---------------------------------------------------------------------------------------------------------


@TABLE.method("alerts.view", ViewAlerts)
def view(engine: Engine, session: Session, params: ViewAlerts) -> AlertView:
    hosts = frozenset(engine.select(params.select)) if params.select else None
    return engine.duty.alerting.view(params.since, hosts)


@TABLE.method("alerts.get", OfAlert, slow=True)
def get(engine: Engine, session: Session, params: OfAlert) -> AlertDetail:
    return detail(engine.duty, params.fingerprint)


@TABLE.method("alerts.history", ListEdges, slow=True)
def history(engine: Engine, session: Session, params: ListEdges) -> dict[str, tuple[Edge, ...]]:
    alerting = engine.duty.alerting
    edges = alerting.book.history(
        since=engine.fleet.now() - params.seconds,
        fingerprint=params.fingerprint,
        host=params.host,
        kind=params.kind,
        audit=params.audit,
        limit=params.limit,
    )
    return {"edges": edges}


@TABLE.method("alerts.rules", NoParams)
def rules(engine: Engine, session: Session, params: NoParams) -> dict[str, tuple[RuleRow, ...]]:
    alerting = engine.duty.alerting
    return {"rules": alert_rows.rule_rows(alerting.rules, alerting.alerts.all())}


@TABLE.method("alerts.outbox", ListDeliveries, slow=True)
def outbox(engine: Engine, session: Session, params: ListDeliveries) -> OutboxView:
    alerting = engine.duty.alerting
    waiting = [each for each in alerting.outbox.rows() if params.target in ("", each.target)]
    past = alerting.outbox.history(params.limit, params.target) if params.finished else ()
    known = {each.number: each for each in (*past, *waiting)}
    rows = sorted(known.values(), key=lambda each: -each.number)[: params.limit]
    return OutboxView(
        rows=tuple(alert_rows.delivery(each) for each in rows),
        targets=alerting.delivering.states(),
        problem=alerting.outbox.problem,
    )


@TABLE.method("alerts.targets", NoParams)
def targets(engine: Engine, session: Session, params: NoParams) -> dict[str, tuple[TargetState, ...]]:
    return {"targets": engine.duty.alerting.delivering.states()}


@TABLE.method("alerts.silences", NoParams)
def silences(engine: Engine, session: Session, params: NoParams) -> dict[str, object]:
    alerts = engine.duty.alerting.alerts
    return {"silences": alerts.silences(), "hints": alerts.hints(engine.fleet.now())}


@TABLE.method("alerts.mutes", NoParams)
def mutes(engine: Engine, session: Session, params: NoParams) -> dict[str, tuple[Mute, ...]]:
    return {"mutes": engine.duty.alerting.alerts.mutes()}


# Acting ----------------------------------------------------------------------------------------------------------


@TABLE.method("alerts.ack", AckAlerts, slow=True)
def ack(engine: Engine, session: Session, params: AckAlerts) -> None:
    engine.actions.refuse_when_read_only("acknowledge alerts")
    alerting = engine.duty.alerting
    names = [alerting.find(each).fingerprint for each in params.fingerprints]
    alerting.act(
        lambda alerts, now: alerts.ack(
            names,
            now,
            by=session.user,
            origin=session.client,
            until=now + params.seconds if params.seconds is not None else None,
            note=params.note,
            snooze=params.snooze,
        )
    )


@TABLE.method("alerts.unack", OfAlerts, slow=True)
def unack(engine: Engine, session: Session, params: OfAlerts) -> None:
    engine.actions.refuse_when_read_only("give alerts back")
    alerting = engine.duty.alerting
    names = [alerting.find(each).fingerprint for each in params.fingerprints]
    alerting.act(lambda alerts, now: alerts.unack(names, now, by=session.user, origin=session.client))


@TABLE.method("alerts.escalate", OfAlerts, slow=True)
def escalate(engine: Engine, session: Session, params: OfAlerts) -> None:
    engine.actions.refuse_when_read_only("escalate alerts")
    alerting = engine.duty.alerting
    names = [alerting.find(each).fingerprint for each in params.fingerprints]
    alerting.act(lambda alerts, now: alerts.escalate(names, now, by=session.user, origin=session.client))


@TABLE.method("alerts.resolve", OfAlert, slow=True)
def resolve(engine: Engine, session: Session, params: OfAlert) -> None:
    engine.actions.refuse_when_read_only("end an alert by hand")
    alerting = engine.duty.alerting
    name = alerting.find(params.fingerprint).fingerprint
    alerting.act(lambda alerts, now: alerts.resolve(name, now, by=session.user, origin=session.client))


@TABLE.method("alerts.silence_preview", PreviewSilence, slow=True)
def silence_preview(engine: Engine, session: Session, params: PreviewSilence) -> Preview:
    alerting, now = engine.duty.alerting, engine.fleet.now()
    past = alerting.book.history(since=now - PAST_SECONDS, kind="fired", limit=PREVIEWED)
    return alerting.alerts.preview(_silence(params, session.user, "preview", now), past)


@TABLE.method("alerts.silence", MakeSilence, slow=True)
def silence(engine: Engine, session: Session, params: MakeSilence) -> Silence:
    engine.actions.refuse_when_read_only("silence alerts")
    made = _silence(params, session.user, params.comment, engine.fleet.now(), with_alert=params.with_alert)
    engine.duty.alerting.act(lambda alerts, now: alerts.silence(made, now, origin=session.client))
    return made


@TABLE.method("alerts.unsilence", OfId, slow=True)
def unsilence(engine: Engine, session: Session, params: OfId) -> None:
    engine.actions.refuse_when_read_only("end a silence")
    engine.duty.alerting.act(
        lambda alerts, now: alerts.unsilence(params.id, now, by=session.user, origin=session.client)
    )


@TABLE.method("alerts.mute", MuteHosts, slow=True)
def mute(engine: Engine, session: Session, params: MuteHosts) -> Mute:
    engine.actions.refuse_when_read_only("mute alerts")
    now = engine.fleet.now()
    made = Mute(
        id=f"m-{secrets.token_hex(3)}",
        hosts=tuple(engine.select(params.select)),
        by=session.user,
        comment=params.comment,
        start=now,
        end=now + params.seconds,
    )
    engine.duty.alerting.act(lambda alerts, now: alerts.mute(made, now, origin=session.client))
    return made


@TABLE.method("alerts.end_mute", OfId, slow=True)
def end_mute(engine: Engine, session: Session, params: OfId) -> None:
    engine.actions.refuse_when_read_only("end a maintenance")
    engine.duty.alerting.act(
        lambda alerts, now: alerts.end_mute(params.id, now, by=session.user, origin=session.client)
    )


@TABLE.method("alerts.test", OfTarget, slow=True)
def test(engine: Engine, session: Session, params: OfTarget) -> dict[str, str]:
    engine.actions.refuse_when_read_only("test a target")
    engine.duty.alerting.test(params.target, session.user, session.client)
    return {"text": f"a test is on its way to {params.target}; swarm-tui alerts outbox shows what becomes of it"}


@TABLE.method("alerts.again", OfNumber, slow=True)
def again(engine: Engine, session: Session, params: OfNumber) -> dict[str, str]:
    engine.actions.refuse_when_read_only("send a notice again")
    row = engine.duty.alerting.outbox.again(params.number, session.actor)
    engine.timeline.add("alert.again", f"{row.notice.title} is sent to {row.target} again", actor=session.actor)
    return {"text": f"it is sent to {row.target} again"}


# Thinking --------------------------------------------------------------------------------------------------------


@TABLE.method("alerts.backtest", TryRule, slow=True)
def backtest(engine: Engine, session: Session, params: TryRule) -> Backtest:
    trial = engine.duty.trial
    if params.recording:
        return trial.from_recording(
            params.recording,
            rule=params.rule,
            expression=params.expression,
            for_seconds=params.for_seconds,
            hosts=params.select,
            wanted=lambda: not session.closed,
        )
    return trial.backtest(
        [engine.hosts[name] for name in (engine.select(params.select) if params.select else engine.hosts)],
        params.seconds,
        rule=params.rule,
        expression=params.expression,
        for_seconds=params.for_seconds,
        wanted=lambda: not session.closed,
    )


@TABLE.method("alerts.handover", MakeHandover, slow=True)
def handover(engine: Engine, session: Session, params: MakeHandover) -> Handover:
    if params.target:
        engine.actions.refuse_when_read_only("send the hand-over")
        engine.duty.alerting.delivering.known(params.target)
    markdown = engine.duty.handover(params.seconds, session.user)
    if not params.target:
        return Handover(markdown=markdown)
    notice = notice_of_handover(markdown, params.target, engine.clock.now(), session.user)
    engine.duty.alerting.delivering.put(notice)
    engine.timeline.add("alert.handover", f"the hand-over is sent to {params.target}", actor=session.actor)
    return Handover(markdown=markdown, sent=notice.key)


def _silence(params: PreviewSilence, by: str, comment: str, now: float, *, with_alert: bool = False) -> Silence:
    if not (params.rule or params.select or params.object):
        raise BadInput(
            "a silence without a rule, hosts or object hides everything", hint="--hosts '*' if that is meant"
        )
    return Silence(
        id=f"s-{secrets.token_hex(3)}",
        rule=params.rule,
        select=params.select,
        object=params.object,
        by=by,
        comment=comment,
        start=now,
        end=now + params.seconds,
        with_alert=with_alert,
    )
