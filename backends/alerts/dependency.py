"""What explains an alert: its host is away, what its host hangs on is away, or it is this machine's own link.

site → rack, switch or jump host → host → {gpu, mount, unit, backup}. Only what is judged from outside of a host is held
until its parent could be judged: a sample of the host itself proves that everything before it is well.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from backends.alerts.model import Alert, Phase, Reading, Truth
from backends.inventory.host import Host
from backends.metrics.sample import Record
from backends.states import Severity

DOWN = "host.down"
"""The rule that says that a host cannot be reached."""
OWN_LINK = "own-link"
"""The rule about this machine's own connection, and what stands in `Alert.inhibited` for it."""
OUTSIDE = ("host.", "backup.", "collector.")
"""Rules that begin so are judged without the host's help."""
OWN_LINK_HOSTS, OWN_LINK_SHARE, OWN_LINK_SECONDS = 3, 0.5, 60.0
"""At least three and half of the hosts that were there, lost within a minute, are not all broken at once."""
JOINT_HOSTS = 3
"""A parent that nobody watches (a switch) counts as away when all of at least so many hosts behind it are."""
AGAIN = 2
"""New TRUE evaluations that a child needs after its parent is well."""
_AWAY = (Phase.PENDING, Phase.FIRING)


class OwnLink(Record, frozen=True, kw_only=True):
    """This machine's own connection is lost."""

    since: float
    hosts: tuple[str, ...]
    """That went away with it."""


class Fleet:
    """Who hangs on whom. Immutable; another one is made when the inventory changes."""

    def __init__(self, hosts: Sequence[Host], groups: Mapping[str, str] | None = None):
        """
        Args:
            hosts: all of them.
            groups: host → rack or batch job that its alerts are put together by; by default its first parent or group.
        """
        self.hosts = tuple(hosts)
        self.names = frozenset(host.name for host in hosts)
        self.remote = frozenset(host.name for host in hosts if host.source != "local")
        """Those that need this machine's link."""
        self._parents = {host.name: host.parents for host in hosts if host.parents}
        self._groups = dict(groups) if groups is not None else {host.name: _group(host) for host in hosts}
        self._behind: dict[str, frozenset[str]] = {}
        self._ancestors: dict[str, tuple[str, ...]] = {}
        self.unwatched = self._unwatched()
        """Parents that are no hosts themselves → the hosts right behind them."""

    def group(self, host: str) -> str:
        """The rack or batch job of `host`; "" when it has none."""
        return self._groups.get(host, "")

    def ancestors(self, host: str) -> tuple[str, ...]:
        """Everything that `host` hangs on, the nearest first, each once."""
        found = self._ancestors.get(host)
        if found is None:
            found = self._ancestors[host] = tuple(self._climb(host))
        return found

    def behind(self, parent: str) -> frozenset[str]:
        """The hosts that hang on `parent`, and itself if it is a host."""
        found = self._behind.get(parent)
        if found is None:
            names = (name for name in self.names if name == parent or parent in self.ancestors(name))
            found = self._behind[parent] = frozenset(names)
        return found

    def _climb(self, host: str) -> Iterator[str]:
        seen, level = {host}, self._parents.get(host, ())
        while level:
            fresh = [name for name in dict.fromkeys(level) if name not in seen]
            seen.update(fresh)
            yield from fresh
            level = tuple(parent for name in fresh for parent in self._parents.get(name, ()))

    def _unwatched(self) -> dict[str, tuple[str, ...]]:
        behind: dict[str, list[str]] = {}
        for host, parents in self._parents.items():
            for parent in parents:
                if parent not in self.names:
                    behind.setdefault(parent, []).append(host)
        return {parent: tuple(hosts) for parent, hosts in behind.items() if len(hosts) >= JOINT_HOSTS}


def _group(host: Host) -> str:
    return next(iter((*host.parents, *host.groups)), "")


def away(alert: Alert | None) -> bool:
    """Whether this alert of the rule DOWN says that its host is away (pending or firing)."""
    return alert is not None and alert.phase in _AWAY


def explained(alert: Alert, downs: Mapping[str, Alert], fleet: Fleet, link: OwnLink | None) -> str:
    """The fingerprint of the parent that explains `alert`, OWN_LINK, or "".

    Args:
        alert: any.
        downs: host → its active alert of the rule DOWN. A parent that recovers explains until it is resolved.
        fleet: who hangs on whom.
        link: set while this machine's own link is lost.
    """
    if alert.rule == OWN_LINK or not alert.host:
        return ""
    if link is not None and alert.rule == DOWN and alert.host in link.hosts:
        return OWN_LINK
    own = () if alert.rule == DOWN else (alert.host,)
    for name in (*own, *fleet.ancestors(alert.host)):
        if name in downs:
            return downs[name].fingerprint
    return ""


def waits(alert: Alert, fleet: Fleet) -> bool:
    """Whether telling of `alert` waits for its parent to be judged."""
    if not alert.rule.startswith(OUTSIDE):
        return False
    if alert.rule == DOWN:
        return bool(fleet.ancestors(alert.host))
    return alert.host in fleet.names


def own_link(was: OwnLink | None, downs: Mapping[str, Alert], fleet: Fleet, now: float) -> OwnLink | None:
    """Whether our own link is lost; None: it is not. It stays lost while half of the hosts that it took are away."""
    gone = {name: alert for name, alert in downs.items() if away(alert) and name in fleet.names}
    recent = {name for name, alert in gone.items() if _since(alert) > now - OWN_LINK_SECONDS}
    if was is not None:
        still = sum(name in gone for name in was.hosts)
        if still < OWN_LINK_SHARE * len(was.hosts):
            return None
        more = recent.difference(was.hosts)
        return OwnLink(since=was.since, hosts=(*was.hosts, *sorted(more))) if more else was
    there = len(fleet.remote) - (len(gone) - len(recent))
    if _behind_one(recent, set(gone), fleet):
        return None
    if len(recent) >= OWN_LINK_HOSTS and len(recent) >= OWN_LINK_SHARE * there:
        return OwnLink(since=now, hosts=tuple(sorted(recent)))
    return None


def _behind_one(recent: set[str], gone: set[str], fleet: Fleet) -> bool:
    """Whether one parent explains what just went: everything behind it is gone, and something that is not answers."""
    if len(recent) < JOINT_HOSTS:
        return False
    shared = set.intersection(*(set(fleet.ancestors(name)) | {name} for name in recent))
    behind = [fleet.behind(parent) for parent in shared]
    return any(names <= gone and bool(fleet.remote - names - gone) for names in behind)


def link_reading(link: OwnLink | None, now: float) -> Reading:
    """The own link as a reading of its own rule, so that it is told, repeated and resolved like anything else."""
    if link is None:
        return Reading(rule=OWN_LINK, host="", truth=Truth.FALSE, text="the hosts answer again", time=now)
    return Reading(
        rule=OWN_LINK,
        host="",
        truth=Truth.TRUE,
        severity=Severity.CRITICAL,
        value=float(len(link.hosts)),
        text=f"this machine lost its connection: {len(link.hosts)} hosts went away together",
        evidence=(f"lost within {OWN_LINK_SECONDS:.0f} s: {', '.join(link.hosts[:5])}{_more(link.hosts)}",),
        advice="look at this machine's own network, VPN or jump host first",
        time=now,
    )


def joint_readings(downs: Mapping[str, Alert], fleet: Fleet, link: OwnLink | None, now: float) -> Iterable[Reading]:
    """Readings of the rule DOWN for parents that nobody watches, from what is away behind them.

    With the own link lost nothing is known about them.
    """
    for parent, hosts in fleet.unwatched.items():
        gone = sum(away(downs.get(host)) for host in hosts)
        if gone == len(hosts):
            yield _joint(parent, hosts, Truth.NODATA if link is not None else Truth.TRUE, now)
        elif parent in downs:
            yield _joint(parent, hosts, Truth.FALSE, now)


def _joint(parent: str, hosts: tuple[str, ...], truth: Truth, now: float) -> Reading:
    return Reading(
        rule=DOWN,
        host=parent,
        truth=truth,
        severity=Severity.CRITICAL,
        value=float(len(hosts)),
        text=f"all {len(hosts)} hosts behind {parent} are away",
        evidence=(f"behind it: {', '.join(hosts[:5])}{_more(hosts)}",),
        advice=f"look at {parent}: it is not watched itself, but everything behind it is gone",
        time=now,
    )


def _since(alert: Alert) -> float:
    return alert.since if alert.first_true is None else alert.first_true


def _more(names: Sequence[str]) -> str:
    return f" and {len(names) - 5} more" if len(names) > 5 else ""
