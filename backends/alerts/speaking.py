"""What is said for the first time in a step: ends of silences and maintenances, digests, storms, groups.

Nothing here follows edges: what must be said is read from how the alerts stand (fired and not told, over and told), so
that neither a restart nor a silence between two steps can lose it or say it twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence

from msgspec.structs import replace

from backends.alerts import dependency, grouping, storm, wording
from backends.alerts.dependency import OWN_LINK, Fleet
from backends.alerts.memory import Memory
from backends.alerts.model import Alert, Edge, EdgeKind, Notice, NoticeKind, Policy, Silence
from backends.alerts.muting import Ended
from backends.alerts.quiet_hours import holds
from backends.states import Severity


def free(alert: Alert) -> bool:
    """Whether anything may be said of it: it fires, and neither parent, silence, maintenance nor flapping hides it."""
    hidden = alert.inhibited or alert.silenced or alert.muted or alert.telling.guarded is not None
    return alert.firing and alert.severity is not Severity.OK and not hidden and not alert.clocks.again


def untold(alert: Alert) -> bool:
    """Whether somebody should hear of it who has not. What fires again within its acknowledgement is in hand."""
    return free(alert) and alert.telling.told is None and not (alert.ack is not None and alert.telling.round)


class Voice:
    """The notices of one step."""

    def __init__(self, memory: Memory, fleet: Fleet, policy: Policy, quiet: bool, now: float):
        self.memory, self.fleet, self.policy, self.quiet, self.now = memory, fleet, policy, quiet, now
        self.notices: list[Notice] = []

    def say(
        self,
        kind: NoticeKind,
        members: Sequence[Alert],
        title: str,
        lines: tuple[str, ...],
        *,
        severity: Severity | None = None,
        level: int = 0,
        only: tuple[str, ...] = (),
        person: str = "",
    ) -> None:
        """One notice about `members`, under a key that was never used."""
        names, rules = tuple(alert.fingerprint for alert in members), {alert.rule for alert in members}
        episodes = tuple(alert.episode for alert in members)
        notice = Notice(
            key=self._key(kind, names),
            kind=kind,
            time=self.now,
            severity=wording.worst(members) if severity is None else severity,
            rule=next(iter(rules)) if len(rules) == 1 else "",
            hosts=tuple(dict.fromkeys(alert.host for alert in members if alert.host)),
            fingerprints=names,
            episode=episodes[0] if episodes else 0,
            episodes=episodes,
            title=title,
            lines=lines,
            level=level,
            only=only,
            person=person,
        )
        self.notices.append(notice)
        self.memory.changes.notices.append(notice)

    def _key(self, kind: NoticeKind, names: Iterable[str]) -> str:
        sequence = self.memory.meta.sequence + 1
        self.memory.metas.put("", replace(self.memory.meta, sequence=sequence, now=self.now))
        digest = hashlib.sha256("\0".join(names).encode()).hexdigest()[:12]
        return f"{kind}:{digest}:{int(self.now)}:{sequence}"

    def mark(self, members: Iterable[Alert], batch: str) -> None:
        """They were told of now, as part of `batch`."""
        for alert in members:
            telling = alert.telling
            first = telling.told is None
            raised = alert.severity is Severity.CRITICAL and (first or telling.severity is not Severity.CRITICAL)
            spoken = replace(
                telling,
                round=telling.round + int(first),
                told=self.now if first else telling.told,
                severity=alert.severity,
                spoken=self.now,
                batch=batch if first else telling.batch,
                quiet=False,
                climbing=self.now if raised else telling.climbing,
                steps=0 if raised else telling.steps,
            )
            level = 0 if raised else alert.escalation
            self.memory.put(replace(alert, escalation=level, telling=spoken), self.now)

    def begun(self) -> None:
        """Storms, then groups, of what fired and was not told."""
        ready = [alert for alert in self.memory.alerts.values() if untold(alert) and self._ready(alert)]
        rest = self._storms(self._links(ready))
        groups = grouping.gathered(rest, self.batch)
        for key, members in groups.items():
            group = self.memory.groups.get(key)
            if grouping.fire_due(members, group, self.now, self.policy):
                title = wording.title(members, where=self.fleet.group(members[0].host))
                self.say(NoticeKind.FIRING, members, title, wording.body(members))
                self.mark(members, key)
                self.memory.groups.put(key, replace(group or grouping.Group(key=key), fired=self.now))

    def batch(self, alert: Alert) -> str:
        """The group that `alert` is told with."""
        return grouping.key(alert.rule, self.fleet.group(alert.host))

    def _ready(self, alert: Alert) -> bool:
        """Whether it need not wait for the end of the quiet hours or for its parent."""
        waiting = alert.telling.waiting or self.now
        if holds(self.quiet, alert.severity):
            if not alert.telling.quiet:
                self.memory.put(replace(alert, telling=replace(alert.telling, quiet=True)), self.now)
            return False
        held = dependency.waits(alert, self.fleet) and self.now < waiting + self.policy.dependency_wait_seconds
        return not held

    def _links(self, ready: list[Alert]) -> list[Alert]:
        """The own link is told at once; the others are returned."""
        for alert in ready:
            if alert.rule == OWN_LINK:
                self.say(NoticeKind.OWN_LINK, [alert], alert.text, wording.body([alert]))
                self.mark([alert], OWN_LINK)
        return [alert for alert in ready if alert.rule != OWN_LINK]

    def _storms(self, ready: list[Alert]) -> list[Alert]:
        """Tell what belongs to a storm in one message a rule; the others are returned."""
        news = storm.surges((alert for alert in self.memory.alerts.values() if free(alert)), self.now, self.policy)
        limit = storm.limit(len(self.fleet.names), self.policy)
        for rule, count in news.items():
            if count > limit and self.memory.storms.get(rule) is None:
                self._edge(EdgeKind.STORM, rule, f"{count} new alerts within {self.policy.storm_seconds:.0f} s")
                self.memory.storms.put(rule, storm.Storm(rule=rule, since=self.now))
        for each in self.memory.storms:
            self._storm(each, [alert for alert in ready if alert.rule == each.rule], over=news[each.rule] <= limit)
        raging = {each.rule for each in self.memory.storms}
        told = {alert.fingerprint for alert in ready if alert.rule in raging}
        return [alert for alert in ready if alert.fingerprint not in told and not self._is_told(alert)]

    def _storm(self, each: storm.Storm, members: list[Alert], *, over: bool) -> None:
        due = each.spoken is None or self.now - each.spoken >= self.policy.group_interval_seconds
        if members and (due or over):
            total = each.count + len(members)
            word = f"storm of {each.rule}: {len(members)} {'more' if each.count else 'new'} alerts"
            self.say(NoticeKind.STORM, members, word, storm.lines(members, self.fleet.group, total))
            self.mark(members, grouping.key(each.rule, "storm"))
            self.memory.storms.put(each.rule, replace(each, spoken=self.now, count=total))
        if over:
            self.memory.storms.drop(each.rule)

    def _is_told(self, alert: Alert) -> bool:
        newest = self.memory.find(alert.fingerprint)
        return newest is not None and newest.telling.told is not None

    def silence_over(self, silence: Silence, matches: Callable[[str, str, str], bool]) -> None:
        """Tell what fires on after `silence`; while the quiet hours hold all of it, the silence waits to be told of."""
        members = [
            alert
            for alert in self.memory.alerts.values()
            if free(alert) and matches(alert.rule, alert.host, alert.object)
        ]
        if members and all(holds(self.quiet, alert.severity) for alert in members):
            return
        if members:
            word = f"still there, the silence of {silence.by} ended"
            body = (*wording.body(members), f"it was silenced: {silence.comment}")
            self.say(NoticeKind.SILENCE_EXPIRED, members, wording.title(members, word=word), body, person=silence.by)
            self.mark(members, f"silence|{silence.id}")
        self.memory.silences.drop(silence.id)
        self._edge(EdgeKind.SILENCE_ENDED, silence.rule, f"{silence.id}: {silence.comment}")

    def mute_over(self, ended: Ended) -> None:
        """The digest after a maintenance: what fires now and was not told before it."""
        members = [
            alert
            for alert in self.memory.alerts.values()
            if alert.host in ended.hosts and _news(alert) and not holds(self.quiet, alert.severity)
        ]
        if members:
            word = f"after the maintenance {ended.mute.id}"
            self.say(NoticeKind.DIGEST, members, wording.title(members, word=word), wording.body(members))
            self.mark(members, f"mute|{ended.mute.id}")
        self.memory.mutes.drop(ended.mute.id)
        self._edge(EdgeKind.MUTE_ENDED, "", f"{ended.mute.id}: {len(members)} alerts are new")

    def quiet_over(self) -> None:
        """In the quiet hours, note what is for information; after them, the digest: what fires, what came and went."""
        if self.quiet:
            self._note_information()
            return
        held = [alert for alert in self.memory.alerts.values() if alert.telling.quiet]
        members = [alert for alert in held if untold(alert)]
        gone = [alert for alert in held if not alert.firing and alert.severity is not Severity.OK]
        notes = [alert for alert in held if alert.firing and alert.severity is Severity.OK]
        for alert in held:
            self.memory.put(replace(alert, telling=replace(alert.telling, quiet=False, spoken=self.now)), self.now)
        if members or gone:
            self._quiet_digest([self.memory.find(alert.fingerprint) or alert for alert in members], gone, notes)

    def _note_information(self) -> None:
        for alert in tuple(self.memory.alerts.values()):
            telling = alert.telling
            if alert.severity is Severity.OK and alert.firing and telling.spoken is None and not telling.quiet:
                self.memory.put(replace(alert, telling=replace(telling, quiet=True)), self.now)

    def _quiet_digest(self, members: list[Alert], gone: list[Alert], notes: list[Alert]) -> None:
        title = f"after the quiet hours: {len(members)} alerts fire, {len(gone)} came and went"
        lines = (*(wording.body(members) if members else ()), *wording.ended(gone), *wording.ended(notes))
        self.say(NoticeKind.DIGEST, members, title, lines, severity=wording.worst([*members, *gone]))
        self.mark(members, "quiet")

    def _edge(self, kind: EdgeKind, rule: str, text: str) -> None:
        self.memory.changes.edges.append(Edge(time=self.now, kind=kind, rule=rule, text=text))


def _news(alert: Alert) -> bool:
    worse = alert.telling.told is not None and alert.severity.rank > alert.telling.severity.rank
    return untold(alert) or (free(alert) and worse)
