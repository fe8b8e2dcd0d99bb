"""What is said of alerts that were told before: worse and better, flapping, nobody answers, still there, over."""

from __future__ import annotations

from msgspec.structs import replace

from backends.alerts import escalation, flapping, grouping, state, wording
from backends.alerts.model import Ack, Alert, EdgeKind, NoticeKind, Phase, Telling
from backends.alerts.quiet_hours import holds
from backends.alerts.speaking import Voice, free
from backends.states import Severity

Batch = tuple[str, tuple[str, ...]]


def follow(voice: Voice) -> None:
    """Everything that is due of alerts that somebody was told of."""
    told = [alert for alert in _told(voice) if free(alert)]
    _levels(voice, told)
    fires = [alert for alert in _told(voice) if free(alert) and alert.phase is Phase.FIRING and alert.ack is None]
    _escalate(voice, fires)
    _repeat(voice, [voice.memory.find(alert.fingerprint) or alert for alert in fires])
    _ends(voice)


def _told(voice: Voice) -> list[Alert]:
    return [alert for alert in voice.memory.alerts.values() if alert.telling.told is not None]


def _levels(voice: Voice, told: list[Alert]) -> None:
    worse = [alert for alert in told if alert.severity.rank > alert.telling.severity.rank]
    worse = [alert for alert in worse if alert.ack is None]  # with one, it was acknowledged at this level before
    for batch, members in grouping.gathered(worse, lambda alert: alert.telling.batch).items():
        voice.say(NoticeKind.UPGRADE, members, wording.title(members, word="worse now"), wording.body(members))
        voice.mark(members, batch)
    lower = [alert for alert in told if alert.severity.rank < alert.telling.severity.rank and not voice.quiet]
    for (batch, only), members in grouping.gathered(lower, _batch).items():
        if only:
            voice.say(
                NoticeKind.DOWNGRADE,
                members,
                wording.title(members, word="better now"),
                wording.body(members),
                only=only,
            )
        voice.mark(members, batch)


def _batch(alert: Alert) -> Batch:
    return alert.telling.batch, alert.notified


def flap(voice: Voice) -> None:
    """Put guards on and take them off; tell of what flaps, once an hour."""
    for alert in tuple(voice.memory.alerts.values()):
        if len(alert.flips) < 2 * flapping.CYCLES and alert.telling.guarded is None:
            continue
        guarded = flapping.guard(alert, voice.now)
        if guarded is not alert:
            kind = EdgeKind.FLAPPING if guarded.telling.guarded is not None else EdgeKind.STEADY
            voice.memory.changes.edges.append(state.edge(guarded, kind, voice.now))
            voice.memory.put(guarded, voice.now)
        hidden = guarded.silenced or guarded.muted or guarded.inhibited or guarded.ack or not guarded.episode
        if not hidden and flapping.summary_due(guarded, voice.now) and not _waits(voice, guarded):
            _summary(voice, guarded)


def _waits(voice: Voice, alert: Alert) -> bool:
    return alert.severity is Severity.OK or holds(voice.quiet, alert.severity)


def _summary(voice: Voice, alert: Alert) -> None:
    count = flapping.cycles(alert, voice.now)
    text = f"flapping: {wording.place(alert)}: {alert.rule} fired and was over at least {count} times in the last hour"
    calm = f"nothing more is said of each change until it keeps still for {flapping.CALM_SECONDS / 60:.0f} minutes"
    voice.say(NoticeKind.FLAPPING, [alert], text, (*wording.body([alert]), calm))
    voice.mark([replace(alert, telling=replace(alert.telling, summed=voice.now))], voice.batch(alert))


def ack_over(voice: Voice, alert: Alert, ack: Ack) -> None:
    """The acknowledgement `ack` ran out; `alert` has none any more."""
    if not free(alert) or holds(voice.quiet, alert.severity):
        return
    what = "snoozing" if ack.snooze else "acknowledgement"
    word = f"still there, the {what} of {ack.by} ran out"
    note = (f"{ack.by} wrote: {ack.note}",) if ack.note else ()
    body = (*wording.body([alert]), *note)
    voice.say(NoticeKind.ACK_EXPIRED, [alert], wording.title([alert], word=word), body, person=ack.by)
    voice.mark([alert], voice.batch(alert))


def escalate(voice: Voice, members: list[Alert], level: int, by: str = "", origin: str = "") -> None:
    """Tell the next level of them; `by` and `origin` when a person asked for it."""
    word = f"escalated to level {level}"
    voice.say(NoticeKind.ESCALATION, members, wording.title(members, word=word), wording.body(members), level=level)
    voice.mark([alert for alert in members if alert.telling.told is None], voice.batch(members[0]))
    for alert in (voice.memory.find(each.fingerprint) or each for each in members):
        voice.memory.put(escalation.climbed(alert, level, voice.now, voice.policy), voice.now)
        voice.memory.changes.edges.append(
            state.edge(alert, EdgeKind.ESCALATED, voice.now, f"to level {level}", by, origin)
        )


def _escalate(voice: Voice, fires: list[Alert]) -> None:
    levels = {alert.fingerprint: escalation.due(alert, voice.now, voice.policy) for alert in fires}
    due = [alert for alert in fires if levels[alert.fingerprint] is not None]
    by = grouping.gathered(due, lambda alert: (alert.telling.batch, levels[alert.fingerprint] or 0))
    for (_, level), members in by.items():
        escalate(voice, members, level)


def _repeat(voice: Voice, fires: list[Alert]) -> None:
    due = [
        alert
        for alert in fires
        if escalation.repeat_due(alert, voice.now, voice.policy) and not holds(voice.quiet, alert.severity)
    ]
    for batch, members in grouping.gathered(due, lambda alert: alert.telling.batch).items():
        level = max(alert.escalation for alert in members)
        voice.say(NoticeKind.REPEAT, members, wording.title(members, word="still"), wording.body(members), level=level)
        voice.mark(members, batch)


def _ends(voice: Voice) -> None:
    """Each target that was told gets one end, whatever hides the alert by now; nobody else gets any."""
    over = [alert for alert in _told(voice) if not alert.firing and alert.telling.guarded is None]
    over = [alert for alert in over if not holds(voice.quiet, alert.telling.severity)]
    ended: set[str] = set()
    for (batch, only), members in grouping.gathered(over, _batch).items():
        if not grouping.end_due(members, voice.memory.groups.get(batch), voice.now, voice.policy):
            continue
        if only:
            severity = wording.told_worst(members)
            title, body = wording.title(members), wording.ended(members)
            voice.say(NoticeKind.RESOLVED, members, title, body, severity=severity, only=only)
            ended.add(batch)
        for alert in members:
            voice.memory.put(_silent(alert), voice.now)
    for batch in ended:
        group = voice.memory.groups.get(batch) or grouping.Group(key=batch)
        voice.memory.groups.put(batch, replace(group, ended=voice.now))


def _silent(alert: Alert) -> Alert:
    """The alert once everybody who was told knows the end."""
    telling = Telling(round=alert.telling.round, quiet=alert.telling.quiet)
    return replace(alert, notified=(), escalation=0, telling=telling)
