"""Alerts, notices and rules as the API shows them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from backends.alerts.dependency import OWN_LINK
from backends.alerts.evaluation import Rules
from backends.alerts.intake import OVERFLOW
from backends.alerts.model import Alert
from backends.alerts.outbox_store import Delivery
from backends.alerts.rules import Limit, Rule
from backends.alerts.views import AlertRow, DeliveryRow, RuleRow
from backends.units import span

TITLES = {OWN_LINK: "This machine's own connection", OVERFLOW: "Too much is wrong at once"}
"""Of rules that nobody evaluates: they are judged from other alerts."""
BundleOf = Callable[[str, float], int | None]
"""Host and time → number of the triage bundle that was made then."""


def row(
    alert: Alert, rules: Rules, parents: Mapping[str, Alert], delivery: Mapping[str, str], bundle_of: BundleOf
) -> AlertRow:
    """One alert.

    Args:
        parents: fingerprint → alert, for what explains it.
        delivery: fingerprint → how telling goes (`deliveries`).
    """
    rule = rules.get(alert.rule)
    return AlertRow(
        fingerprint=alert.fingerprint,
        rule=alert.rule,
        title=title(alert.rule, rule),
        host=alert.host,
        object=alert.object,
        phase=alert.phase,
        severity=alert.severity,
        since=alert.since,
        fired=alert.fired,
        resolved=alert.resolved,
        last_data=alert.last_data,
        unknown=alert.unknown,
        value=alert.value,
        text=alert.text,
        evidence=alert.evidence,
        advice=alert.advice,
        ack=alert.ack,
        silenced=alert.silenced,
        inhibited=_explained(alert, parents),
        muted=alert.muted,
        flapping=alert.flapping,
        event=rule is not None and rule.times.event,
        info=rule is not None and rule.times.info,
        escalation=alert.escalation,
        notified=alert.notified,
        episode=alert.episode,
        delivery=delivery.get(alert.fingerprint, "sent" if alert.notified else ""),
        bundle=bundle_of(alert.host, alert.fired) if alert.host and alert.fired is not None else None,
    )


def title(rule_id: str, rule: Rule | None) -> str:
    """What a rule watches."""
    return rule.title if rule is not None else TITLES.get(rule_id, rule_id)


def _explained(alert: Alert, parents: Mapping[str, Alert]) -> str:
    if not alert.inhibited:
        return ""
    if alert.inhibited == OWN_LINK:
        return "own link"
    parent = parents.get(alert.inhibited)
    return parent.host if parent is not None else alert.inhibited


def deliveries(rows: Iterable[Delivery]) -> dict[str, str]:
    """Fingerprint → how telling goes, the worst of all its notices and targets."""
    found: dict[str, str] = {}
    for each in rows:
        word = _WORDS.get(each.state, "waiting")
        for name in each.notice.fingerprints:
            if _RANK[word] > _RANK.get(found.get(name, ""), 0):
                found[name] = word
    return found


_WORDS = {"dead": "dead", "retry": "retrying"}
_RANK = {"": 0, "waiting": 1, "retrying": 2, "dead": 3}


def delivery(each: Delivery) -> DeliveryRow:
    """One notice on its way."""
    return DeliveryRow(
        number=each.number,
        target=each.target,
        state=each.state,
        kind=str(each.notice.kind),
        severity=each.notice.severity,
        title=each.notice.title,
        hosts=each.notice.hosts,
        fingerprints=each.notice.fingerprints,
        created=each.created,
        due=each.due,
        attempts=each.attempts,
        reason=each.reason,
        sent=each.sent,
        seconds=each.seconds,
        together=bool(each.into),
        by=each.by,
    )


def rule_rows(rules: Rules, alerts: Sequence[Alert]) -> tuple[RuleRow, ...]:
    """Every rule that is evaluated, with how many of its alerts fire."""
    firing: dict[str, int] = {}
    for alert in alerts:
        if alert.firing:
            firing[alert.rule] = firing.get(alert.rule, 0) + 1
    return tuple(
        RuleRow(
            id=rule.id,
            title=rule.title,
            limits=limits(rule),
            source=rule.source,
            advice=rule.advice,
            firing=firing.get(rule.id, 0),
        )
        for rule in rules
    )


def limits(rule: Rule) -> str:
    """ "warn >90/<80 %, crit >98/<90 %, for 1m, ends after 15m"."""
    parts = [_limit(word, limit, rule.unit) for word, limit in (("warn", rule.warn), ("crit", rule.crit)) if limit]
    if rule.times.for_seconds:
        parts.append(f"for {span(rule.times.for_seconds)}")
    if rule.times.keep_seconds:
        parts.append(f"ends after {span(rule.times.keep_seconds)}")
    if rule.times.event:
        parts.append("ends by evidence or by hand")
    if rule.times.info:
        parts.append("told to nobody")
    return ", ".join(parts)


def _limit(word: str, limit: Limit, unit: str) -> str:
    more, less = (">", "<") if limit.fire >= limit.clear else ("<", ">")
    return f"{word} {more}{limit.fire:g}/{less}{limit.clear:g}{f' {unit}' if unit else ''}"
