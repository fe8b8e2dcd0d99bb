"""What alerts are made of, as plain frozen data. Times are epoch seconds (UTC), durations seconds.

The words are those of the trade: an alert fires, recovers, is resolved; it is acknowledged, snoozed, silenced, escalated.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import Literal

from backends.metrics.sample import Record
from backends.states import Severity


class Truth(StrEnum):
    """What one evaluation of a rule for one object says. NODATA is never FALSE."""

    TRUE = "true"
    FALSE = "false"
    NODATA = "nodata"


class Reading(Record, frozen=True, kw_only=True):
    """One rule, looked at for one object, at one moment."""

    rule: str
    """Id: "disk.space", "gpu.xid", "backup.overdue"."""
    host: str
    object: str = ""
    """What of the host: a mount, a GPU's UUID, a unit, a repository; "" is the host itself."""
    truth: Truth
    severity: Severity = Severity.OK
    """When TRUE: WARNING or CRITICAL (UNKNOWN and OK never fire); for INFO rules OK."""
    value: float | None = None
    text: str = ""
    """One sentence with the number: "/ is 97 % full"."""
    evidence: tuple[str, ...] = ()
    advice: str = ""
    """The suggested action, one sentence with a command or a key."""
    time: float
    """Of the sample or event that it is about."""

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.rule, self.host, self.object)


def fingerprint(rule: str, host: str, thing: str) -> str:
    """Names one possible alert for ever: value, text and severity are not in it."""
    return hashlib.sha256("\0".join((rule, host, thing)).encode("utf-8", "replace")).hexdigest()[:16]


class RuleTimes(Record, frozen=True, kw_only=True):
    """How long a rule waits, and how it ends."""

    for_seconds: float = 0.0
    """TRUE without FALSE for so long before it fires."""
    keep_seconds: float = 0.0
    """FALSE for so long before it is resolved (keep_firing_for)."""
    event: bool = False
    """It is about something that happened: resolved by evidence or by hand, never by absence."""
    info: bool = False
    """Shown and kept, never notified by itself."""
    interval_seconds: float = 1.0
    """Between two evaluations; NODATA for longer than max(3 intervals, 90 s) is "unknown"."""


class Phase(StrEnum):
    """Where an alert stands."""

    INACTIVE = "inactive"
    PENDING = "pending"
    FIRING = "firing"
    RECOVERING = "recovering"
    RESOLVED = "resolved"


class Ack(Record, frozen=True, kw_only=True):
    """Somebody has it in hand: repeats and escalation stop, display does not."""

    by: str
    time: float
    until: float
    note: str = ""
    severity: Severity
    """At which it was acknowledged; a higher one ends it."""
    snooze: bool = False


class Clocks(Record, frozen=True, kw_only=True):
    """What an alert's waiting is counted with; shown to nobody."""

    counted_from: float | None = None
    """Start of the wait of this phase (`for` while pending, `keep` while recovering), moved on by what was not known."""
    lower_from: float | None = None
    """Since when every value was below the present level."""
    gap_from: float | None = None
    """The first NODATA since the last TRUE or FALSE."""
    gap_count: int = 0
    changes: int = 0
    """One bit for each of the last 20 evaluations, the newest lowest: did it change?"""
    true: bool = False
    """What the last evaluation that was not NODATA said."""
    again: int = 0
    """New TRUE evaluations that it still needs, now that its parent is well, before anybody is told."""
    again_from: float = 0.0
    """Only evaluations after this one are new."""


class Telling(Record, frozen=True, kw_only=True):
    """What was said of an alert, and what is still to be said."""

    round: int = 0
    """How often it was begun to be told of: each round has one end."""
    waiting: float | None = None
    """When it fired, by the engine's clock."""
    told: float | None = None
    """When this round was begun; None: nobody was told, so nobody needs to hear of the end."""
    severity: Severity = Severity.OK
    """The level that was told last."""
    spoken: float | None = None
    """The last notice of any kind."""
    batch: str = ""
    """Whom it was told together with: repeats and ends are put together likewise."""
    ended: float | None = None
    """When it was resolved, by the engine's clock."""
    quiet: bool = False
    """Held by the quiet hours."""
    climbing: float | None = None
    """Since when it escalates."""
    steps: int = 0
    """Steps of escalation that were taken."""
    guarded: float | None = None
    """Since when it is told of as flapping only."""
    summed: float | None = None
    """The last notice about its flapping."""


class Alert(Record, frozen=True, kw_only=True):
    """One possible alert and its episode now."""

    fingerprint: str
    rule: str
    host: str
    object: str = ""
    episode: int = 0
    """Counts up with each firing that is a new one; 0: never fired."""
    phase: Phase = Phase.INACTIVE
    severity: Severity = Severity.OK
    since: float = 0.0
    """When this phase began."""
    first_true: float | None = None
    fired: float | None = None
    resolved: float | None = None
    last_true: float | None = None
    last_data: float | None = None
    unknown: bool = False
    """NODATA for too long while pending or firing: shown, never resolved by it."""
    value: float | None = None
    text: str = ""
    evidence: tuple[str, ...] = ()
    advice: str = ""
    ack: Ack | None = None
    silenced: tuple[str, ...] = ()
    """Ids of the silences that match."""
    inhibited: str = ""
    """Fingerprint of the parent that explains it, "own-link", or ""."""
    muted: str = ""
    """Id of the maintenance that its host is in."""
    flapping: bool = False
    escalation: int = 0
    """Level that was notified last."""
    notified: tuple[str, ...] = ()
    """Names of the targets that were told of this episode: each gets exactly one end."""
    flips: tuple[float, ...] = ()
    """Times of its last changes between firing and resolved, at most 20."""
    clocks: Clocks = Clocks()
    telling: Telling = Telling()

    @property
    def active(self) -> bool:
        """Pending, firing or recovering."""
        return self.phase in ACTIVE

    @property
    def firing(self) -> bool:
        """Firing, or not yet long enough well again."""
        return self.phase in STANDING


ACTIVE = frozenset((Phase.PENDING, Phase.FIRING, Phase.RECOVERING))
STANDING = frozenset((Phase.FIRING, Phase.RECOVERING))


class EdgeKind(StrEnum):
    """What happened to an alert, or was done about it."""

    PENDING = "pending"
    CLEARED = "cleared"
    """FALSE before it fired."""
    FIRED = "fired"
    UPGRADED = "upgraded"
    DOWNGRADED = "downgraded"
    RECOVERING = "recovering"
    BACK = "back"
    """TRUE again before it was resolved."""
    RESOLVED = "resolved"
    UNKNOWN = "unknown"
    KNOWN = "known"
    INHIBITED = "inhibited"
    FREED = "freed"
    """Its parent is well."""
    FLAPPING = "flapping"
    STEADY = "steady"
    STORM = "storm"
    ACKED = "acked"
    SNOOZED = "snoozed"
    ACK_ENDED = "ack-ended"
    SILENCED = "silenced"
    SILENCE_ENDED = "silence-ended"
    MUTED = "muted"
    MUTE_ENDED = "mute-ended"
    ESCALATED = "escalated"
    WITHDRAWN = "withdrawn"
    """Its rule or host is gone."""
    TESTED = "tested"
    RULE_EDITED = "rule-edited"


class Edge(Record, frozen=True, kw_only=True):
    """One line of the history; with `by`, one of the audit."""

    time: float
    kind: EdgeKind
    fingerprint: str = ""
    rule: str = ""
    host: str = ""
    object: str = ""
    episode: int = 0
    severity: Severity = Severity.OK
    text: str = ""
    by: str = ""
    """The operating system's user who did it; "" when nobody did."""
    origin: str = ""
    """Where from: the SSH client's address, "console"."""


class Policy(Record, frozen=True, kw_only=True):
    """How patient telling is. The numbers are those of the specification (alerts, semantics 7–12)."""

    dependency_wait_seconds: float = 45.0
    """What is judged from outside waits so long for its parent to be judged first."""
    group_wait_seconds: float = 20.0
    group_wait_critical_seconds: float = 5.0
    group_interval_seconds: float = 300.0
    repeat_critical_seconds: float = 3600.0
    repeat_warning_seconds: float = 14400.0
    ack_seconds: float = 14400.0
    settle_seconds: float = 300.0
    """After a maintenance, before its digest."""
    escalation_seconds: float = 600.0
    """Between two levels."""
    escalation_levels: int = 2
    """The highest level that any target is of; 0: nothing is escalated."""
    escalation_cycles: int = 3
    storm_alerts: int = 10
    storm_share: float = 0.05
    storm_seconds: float = 60.0


class Mute(Record, frozen=True, kw_only=True):
    """The maintenance of some hosts: nothing is told of them until it is over and they have settled."""

    id: str
    hosts: tuple[str, ...]
    by: str
    comment: str = ""
    start: float
    end: float
    """It ends then by itself, should nobody end it earlier."""


class Silence(Record, frozen=True, kw_only=True):
    """Hides notices of what it matches, until its end."""

    id: str
    rule: str = ""
    """Glob over rule ids; "" is any."""
    select: str = ""
    """Selector of hosts; "" is any."""
    object: str = ""
    """Glob."""
    by: str
    comment: str
    start: float
    end: float
    """At most seven days after the start."""
    with_alert: bool = False
    """It ends when nothing matches it any more."""
    matched: float | None = None
    """When it last matched an alert; None: never."""


class NoticeKind(StrEnum):
    """Why somebody is told."""

    FIRING = "firing"
    UPGRADE = "upgrade"
    DOWNGRADE = "downgrade"
    REPEAT = "repeat"
    ESCALATION = "escalation"
    RESOLVED = "resolved"
    ACK_EXPIRED = "ack-expired"
    SILENCE_EXPIRED = "silence-expired"
    FLAPPING = "flapping"
    STORM = "storm"
    DIGEST = "digest"
    OWN_LINK = "own-link"
    TEST = "test"
    NOTE = "note"


class Notice(Record, frozen=True, kw_only=True):
    """Something that should be said, before it is known to whom."""

    key: str
    """Unique for its contents: the outbox keeps one row for each key and target."""
    kind: NoticeKind
    time: float
    severity: Severity
    rule: str = ""
    hosts: tuple[str, ...] = ()
    fingerprints: tuple[str, ...] = ()
    episode: int = 0
    title: str
    """One line."""
    lines: tuple[str, ...] = ()
    """The body, the most important first."""
    level: int = 0
    """Of escalation."""
    only: tuple[str, ...] = ()
    """Names of targets; () is whom the routing chooses."""
    episodes: tuple[int, ...] = ()
    """Of each of `fingerprints`; `episode` is the first of them."""
    person: str = ""
    """Whom it concerns before all others: who acknowledged, who silenced."""


class Turn(Record, frozen=True, kw_only=True):
    """What one step, or one act of a person, came to."""

    edges: tuple[Edge, ...] = ()
    notices: tuple[Notice, ...] = ()


DeliveryState = Literal["queued", "leased", "sent", "retry", "dead", "held", "collapsed"]
