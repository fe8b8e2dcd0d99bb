"""The alerts of the engine: evaluated every second whether or not anybody looks, written down, told, acted on.

One cycle is that of `backends.alerts.evaluate`: step, book, outbox. Whoever acts goes through the same second half, so that
an engine that is killed anywhere loses nothing and says nothing twice.
"""

from __future__ import annotations

import threading
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from backends.alerts import settings
from backends.alerts.backup_rules import is_backup_rule
from backends.alerts.deadman import Deadman
from backends.alerts.dependency import DOWN, OWN_LINK, Fleet
from backends.alerts.evaluate import Alerts
from backends.alerts.evaluation import Rules, held_of
from backends.alerts.intake import OVERFLOW
from backends.alerts.model import Alert, Edge, EdgeKind, Turn
from backends.alerts.quiet_hours import is_quiet
from backends.alerts.redact import Secret
from backends.alerts.views import AlertRow, AlertView
from backends.clock import Clock
from backends.config.schema import AlertsConfig
from backends.engine import alert_rows
from backends.engine.alert_delivery import Delivering, MakeSender
from backends.engine.alert_files import AlertFiles
from backends.engine.gathering import Gathering
from backends.errors import BadInput, RetryLater, SwarmError
from backends.inventory.host import Host
from backends.metrics.sample import Record
from backends.states import Severity

CYCLE_SECONDS, GLANCE_SECONDS = 1.0, 0.5
"""Between two full evaluations; and half way, a glance at the hosts of which no alert is held, so that what begins is seen
within a second of its sample, the console's own half second included."""
SLOW_SECONDS = 30.0
"""Between two looks at what changes slowly: updates, backups, tests of targets."""
SETTLED_SECONDS = 3 * 86_400.0
"""How long the kernel log is looked back at; what was ended by hand in that time stays ended."""
PRUNE_SECONDS = 3600.0
MOST_EDGES = 10_000

Tell = Callable[[str, str, str, str, Severity], None]
"""kind, text, host, actor, severity: a line of the timeline."""
_TOLD = {
    EdgeKind.FIRED: "alert.fired", EdgeKind.UPGRADED: "alert.worse", EdgeKind.DOWNGRADED: "alert.better",
    EdgeKind.RESOLVED: "alert.resolved", EdgeKind.WITHDRAWN: "alert.withdrawn", EdgeKind.UNKNOWN: "alert.unknown",
    EdgeKind.FLAPPING: "alert.flapping", EdgeKind.STORM: "alert.storm", EdgeKind.ESCALATED: "alert.escalated",
    EdgeKind.ACKED: "ack", EdgeKind.SNOOZED: "snooze", EdgeKind.ACK_ENDED: "ack.ended", EdgeKind.SILENCED: "silence",
    EdgeKind.SILENCE_ENDED: "silence.ended", EdgeKind.MUTED: "mute", EdgeKind.MUTE_ENDED: "mute.ended",
    EdgeKind.TESTED: "alert.tested", EdgeKind.RULE_EDITED: "config",
}  # fmt: skip
"""Edges that belong on the timeline; the others are in the history of the alert."""
_LOUD = (EdgeKind.FIRED, EdgeKind.UPGRADED)


class Alerting:
    """The service. Calls may come from any thread."""

    def __init__(
        self,
        folder: Path | None,
        gathering: Gathering,
        clock: Clock,
        *,
        now: Callable[[], float],
        tell: Tell,
        on_counts: Callable[[Mapping[str, int]], None],
        on_critical: Callable[[str, str], None],
        on_bug: Callable[[str, Exception], None],
        bundle_of: alert_rows.BundleOf,
        sender: MakeSender | None = None,
    ):
        """
        Args:
            folder: where alerts and outbox are kept; None (a demo, a replay): in a temporary one.
            now: of what is shown; a replay has its own.
            on_counts: host → alerts that fire, after each cycle.
            on_critical: host and reason, when something critical fires there.
            bundle_of: host and time → number of the triage bundle that was made then.
            sender: makes what carries to a target (default: through apprise).
        """
        self._gathering, self._clock, self._now = gathering, clock, now
        self._tell, self._on_counts, self._on_critical, self._on_bug = tell, on_counts, on_critical, on_bug
        self._bundle_of = bundle_of
        self._files = AlertFiles(folder, clock, self._outbox_problem)
        self.book, self.outbox = self._files.book, self._files.outbox
        self.delivering = Delivering(self.outbox, clock, self._files.folder / "apprise", sender)
        self._lock = threading.RLock()
        """Held over the second half of a cycle or an act: what changed is written down before it is told."""
        self._problem = ""
        self.config, self._hosts = AlertsConfig(), tuple[Host, ...]()
        self._rules = Rules(())
        self.alerts = Alerts({}, Fleet(()), rows=self._rows())
        self.ailing: Mapping[str, int] = {}
        """Host → alerts that fire about itself: not about its backups, which say nothing of how it is."""
        self._settled = self._settled_before()
        self.deadman = Deadman(Secret(""), clock)
        self._version, self._shown = 0, tuple[AlertRow, ...]()
        self._slow_at = self._pruned_at = float("-inf")

    # life

    def configure(self, config: AlertsConfig, hosts: Sequence[Host], interval_seconds: float) -> None:
        """Go on under another configuration. Raises BadInput: nothing has changed then, as far as what is wrong goes."""
        rules = settings.rules(config, interval_seconds)
        fleet, policy, quiet = Fleet(hosts), settings.policy(config), settings.quiet(config)
        self.delivering.configure(config, hosts)
        if config.ping_url != self.config.ping_url or config.ping_every_seconds != self.config.ping_every_seconds:
            self.deadman.stop()
            self.deadman = Deadman(Secret(config.ping_url), self._clock, every=config.ping_every_seconds)
            self.deadman.start()
        with self._lock:
            self._rules, self.config, self._hosts = rules, config, tuple(hosts)
            self._gathering.interval_seconds = interval_seconds
            self._gathering.keep(host.name for host in hosts)
            self.alerts.configure(rules.times, fleet, policy, quiet)
            why = "its rule or host is gone from the configuration"
            self._after(self.alerts.withdraw(lambda alert: self._known(alert, fleet), self._now(), why))

    def loop(self, stopping: threading.Event) -> None:
        """Evaluate until `stopping`; the body of an own thread."""
        self._hand_over()  # what an engine before this one wrote down and did not hand over
        full = False
        while not self._clock.wait(stopping, GLANCE_SECONDS):
            full = not full
            try:
                self.cycle() if full else self.glance()
            except Exception as error:  # noqa: BLE001 - one bad cycle must not end all alerts; told, and seen by the dead man
                self._on_bug("", error)
                self._set_problem(f"alerts were not evaluated: {error!r}")

    def cycle(self) -> None:
        """One full evaluation."""
        began = self._clock.monotonic()
        self._slowly(began)
        now = self._now()
        subjects = self._gathering.subjects(now, self._settled, self.delivering.readings())
        held = self.alerts.all()
        readings = self._rules.evaluate(subjects, held_of(held))
        with self._lock:
            self._after(self.alerts.step(readings, now))
        self._count()
        self.deadman.completed(str(uuid.uuid4()), self._clock.monotonic() - began)

    def glance(self) -> None:
        """Look for what begins. What is held is left to the full evaluation, whose count of looks means something."""
        now, held = self._now(), {alert.host for alert in self.alerts.all()}
        subjects = self._gathering.subjects(now, self._settled, ())
        fresh = [subject for subject in subjects if subject.host and subject.host not in held]
        readings = self._rules.evaluate(fresh, {})
        if readings:
            with self._lock:
                self._after(self.alerts.step(readings, now))
            self._count()

    def stop(self) -> None:
        """Write down what is not, and end. What waits in the outbox is told by the next engine."""
        self.delivering.stop()
        self.deadman.stop()
        with self._lock:
            try:
                self.book.keep(self.alerts.last_changes())
            except SwarmError as error:
                self._on_bug("", error)
            self._files.close()

    # acting

    def act(self, what: Callable[[Alerts, float], Turn]) -> Turn:
        """Let somebody do something about alerts, write it down and tell what follows. Raises BadInput."""
        with self._lock:
            turn = what(self.alerts, self._now())
            self._after(turn)
        self._count()
        return turn

    def test(self, target: str, by: str, origin: str) -> str:
        """Send a test to a target through the real path; its key. Raises BadInput."""
        notice = self.delivering.test(target, by)
        text = f"a test of the target {target}"
        self.act(lambda alerts, now: alerts.record(EdgeKind.TESTED, now, text, by=by, origin=origin))
        return notice.key

    # looking

    def view(self, since: int | None, hosts: frozenset[str] | None) -> AlertView:
        """Everything at a glance; `hosts` None: of the whole fleet, what belongs to no host included."""
        with self._lock:
            rows = self.rows()
            if rows != self._shown:
                self._version, self._shown = self._version + 1, rows
            version = self._version
        waiting = self.outbox.rows()
        now = self._now()
        chosen = rows if hosts is None else tuple(row for row in rows if row.host in hosts)
        return AlertView(
            version=version,
            now=now,
            alerts=None if since == version else chosen,
            silences=self.alerts.silences(),
            mutes=self.alerts.mutes(),
            targets=self.delivering.states(),
            pulse=self.deadman.pulse,
            quiet=is_quiet(settings.quiet(self.config), now),
            waiting=sum(each.state not in ("dead", "held") for each in waiting),
            dead=sum(each.state == "dead" for each in waiting),
            hints=self.alerts.hints(now),
            problem=self._problem or self._files.problem or self.outbox.problem,
        )

    def rows(self) -> tuple[AlertRow, ...]:
        """All alerts, the worst first."""
        alerts = self.alerts.all()
        parents = {alert.fingerprint: alert for alert in alerts}
        told = alert_rows.deliveries(self.outbox.rows())
        return tuple(alert_rows.row(alert, self._rules, parents, told, self._bundle_of) for alert in alerts)

    def find(self, fingerprint: str) -> Alert:
        """One alert by the first digits of its fingerprint. Raises BadInput: none, or more than one."""
        found = [alert for alert in self.alerts.all() if alert.fingerprint.startswith(fingerprint)]
        if len(found) != 1:
            many = ", ".join(f"{alert.fingerprint} {alert.rule} {alert.host}" for alert in found[:5])
            message = f"{len(found)} alerts begin with {fingerprint[:20]}" if found else "no such alert now"
            raise BadInput(message, action="find an alert", hint=many or "swarm-tui alerts list --all")
        return found[0]

    def ill(self, rule: str) -> tuple[str, ...]:
        """Hosts on which a rule fires."""
        return tuple({alert.host for alert in self.alerts.all() if alert.rule == rule and alert.firing and alert.host})

    @property
    def rules(self) -> Rules:
        """What is evaluated."""
        return self._rules

    # the second half

    def _after(self, turn: Turn) -> None:
        self._keep()
        for edge in turn.edges:
            self._told(edge)
        if turn.notices:
            self._hand_over()

    def _keep(self) -> None:
        try:
            self.book.keep(self.alerts.changes())
            if self.book.begun_anew:
                self.book.begun_anew = False
                self.book.keep(self.alerts.everything())
                self._tell(
                    "alert.storage", f"the alerts' file was damaged: {self.book.aside}", "", "", Severity.WARNING
                )
            self._set_problem("")
        except RetryLater as error:
            self._set_problem(error.message)

    def _hand_over(self) -> None:
        """Give the outbox what is written down for it."""
        with self._lock:
            try:
                for notice in self.book.pending():
                    self.alerts.told(notice, self.delivering.put(notice))
                    self.book.handed(notice.key, self.alerts.changes())
            except RetryLater as error:
                self._set_problem(error.message)

    def _told(self, edge: Edge) -> None:
        kind = _TOLD.get(edge.kind)
        if edge.kind is EdgeKind.RESOLVED:
            self._settle(edge)
        if kind is None:
            return
        info = self._is_info(edge.rule)
        place = " ".join(filter(None, (edge.rule, edge.object)))
        severity = Severity.OK if info or edge.kind not in _LOUD else edge.severity
        actor = f"{edge.by} from {edge.origin}" if edge.by and edge.origin else edge.by
        self._tell(kind, f"{place}: {edge.text}" if place else edge.text, edge.host, actor, severity)
        if edge.kind in _LOUD and edge.severity is Severity.CRITICAL and edge.host and not info:
            self._on_critical(edge.host, f"alert {edge.rule}")

    def _is_info(self, rule: str) -> bool:
        known = self._rules.get(rule)
        return known is not None and known.times.info

    def _settle(self, edge: Edge) -> None:
        known = self._rules.get(edge.rule)
        if known is None or known.times.event:
            self._settled.setdefault(edge.host, {})[edge.rule, edge.object] = edge.time

    def _count(self) -> None:
        firing = [each for each in self.alerts.all() if each.firing and not self._is_info(each.rule)]
        self._on_counts(Counter(each.host for each in firing))
        self.ailing = Counter(each.host for each in firing if not is_backup_rule(each.rule))

    def _slowly(self, monotonic: float) -> None:
        if monotonic - self._slow_at >= SLOW_SECONDS:
            self._slow_at = monotonic
            self._gathering.refresh(self._hosts)
            self.delivering.test_weekly()
            if self._problem:
                self._hand_over()
        if monotonic - self._pruned_at >= PRUNE_SECONDS:
            self._pruned_at = monotonic
            self._prune()

    def _prune(self) -> None:
        now = self._now()
        for host, known in tuple(self._settled.items()):
            self._settled[host] = {place: time for place, time in known.items() if now - time < SETTLED_SECONDS}
        try:
            self.book.prune(now)
        except RetryLater as error:
            self._set_problem(error.message)

    # beginnings

    def _rows(self) -> Mapping[tuple[str, str], Record]:
        rows = self.book.load()
        if self.book.damaged:
            text = f"{len(self.book.damaged)} rows of the alerts' file were not understood: {self.book.damaged[0]}"
            self._tell("alert.storage", text, "", "", Severity.WARNING)
        return rows

    def _settled_before(self) -> dict[str, dict[tuple[str, str], float]]:
        found: dict[str, dict[tuple[str, str], float]] = {}
        since = self._now() - SETTLED_SECONDS
        for edge in self.book.history(since=since, kind=EdgeKind.RESOLVED, limit=MOST_EDGES):
            found.setdefault(edge.host, {}).setdefault((edge.rule, edge.object), edge.time)
        return found

    def _known(self, alert: Alert, fleet: Fleet) -> bool:
        """Whether somebody will judge it again."""
        if alert.rule in (OWN_LINK, OVERFLOW) or (alert.rule == DOWN and alert.host in fleet.unwatched):
            return alert.rule != OVERFLOW or alert.host in fleet.names
        return self._rules.get(alert.rule) is not None and (not alert.host or alert.host in fleet.names)

    def _set_problem(self, text: str) -> None:
        if text and text != self._problem:
            self._tell("alert.storage", text, "", "", Severity.WARNING)
        self._problem = text

    def _outbox_problem(self, code: str, text: str, severity: Severity) -> None:
        self._tell("alert.storage", f"{code}: {text}", "", "", severity)
