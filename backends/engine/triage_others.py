"""With what a bundle is compared: a healthy host of the same kind, its own last good bundle, or one that is named."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from backends.clock import Clock
from backends.engine.triage_store import TriageStore
from backends.errors import BadInput, RetryLater
from backends.states import HostState
from backends.triage.difference import differences
from backends.triage.model import Bundle
from backends.triage.views import Compared, Outcome, is_good
from backends.units import span

PEER, PEER_NOW, LAST_GOOD = "peer", "peer-now", "last-good"
RECENT_SECONDS = 6 * 3600.0
"""A peer's good bundle that is no older is as good as one of now."""
MOST_PEERS = 50
AT_ONCE = 3
"""Peers that are asked for one to compare with: the best may be ill itself."""
Now = Callable[[Sequence[str], str, str], Mapping[str, Outcome]]
"""hosts, reason, actor → what each gave, within 17 s."""
Other = tuple[int, str]
"""Number of the bundle, and why that one."""


class Others:
    """Chooses, and compares."""

    def __init__(
        self,
        store: TriageStore,
        peers: Callable[[str], Sequence[str]],
        states: Callable[[], Mapping[str, HostState]],
        now: Now,
        clock: Clock,
    ):
        self._store, self._peers, self._states, self._now, self._clock = store, peers, states, now, clock

    def compared(self, number: int, against: str, actor: str) -> Compared:
        """What differs between a bundle and another one.

        Args:
            number: of the bundle in question.
            against: "peer" (a kept good bundle of one), "peer-now" (one is made), "last-good", a bundle's number, or a host.
            actor: who asks.

        Raises:
            BadInput: there is no such bundle, or nothing to compare with.
            RetryLater: no peer has a good one (now).
        """
        bundle = self._store.get(number)
        chosen, why = self._chosen(bundle, number, against, actor)
        other = self._store.get(chosen)
        return Compared(
            number=number,
            host=bundle.host,
            time=bundle.time,
            other=chosen,
            other_host=other.host,
            other_time=other.time,
            other_severity=other.strip.severity,
            why=why,
            differences=differences(bundle, other),
        )

    def _chosen(self, bundle: Bundle, number: int, against: str, actor: str) -> Other:
        if against == LAST_GOOD:
            return self._last_good(bundle)
        if against == PEER:
            return self._kept_peer(bundle)
        if against == PEER_NOW:
            return self._fresh_peer(bundle, actor)
        if against.isdigit():
            return self._named(number, int(against))
        return self._newest_of(against, number)

    def _last_good(self, bundle: Bundle) -> Other:
        found = self._store.good(bundle.host, bundle.time)
        if found is None:
            raise BadInput(
                "there is no good bundle from before this one",
                host=bundle.host,
                action="compare",
                hint="compare with a peer; and make one while the host is well",
            )
        return found.id, f"its last good one, {span(bundle.time - found.time)} before"

    def _kept_peer(self, bundle: Bundle) -> Other:
        peers = self._peers_of(bundle.host)
        found = [kept for peer in peers if (kept := self._store.good(peer)) is not None]
        now = self._clock.now()
        recent = next((kept for kept in found if now - kept.time <= RECENT_SECONDS), None)
        best = recent or max(found, key=lambda kept: kept.time, default=None)
        if best is None:
            raise RetryLater(
                f"no peer has a good bundle yet: {_some(peers)}",
                host=bundle.host,
                action="compare",
                hint="have one made of a peer now: peer-now",
            )
        return best.id, f"a host of the same kind that was well {span(now - best.time)} ago"

    def _fresh_peer(self, bundle: Bundle, actor: str) -> Other:
        states = self._states()
        peers = [peer for peer in self._peers_of(bundle.host) if states.get(peer) is HostState.UP][:AT_ONCE]
        if not peers:
            raise RetryLater("no host of the same kind is up", host=bundle.host, action="compare")
        made = self._now(peers, f"peer of {bundle.host}", actor)
        for peer in peers:
            found = made[peer].bundle
            number = made[peer].number
            if found is not None and number is not None and is_good(found.strip.severity, found.state):
                return number, "a host of the same kind that is well now"
        raise RetryLater(
            f"no peer is well now: {'; '.join(_why(made[peer]) for peer in peers)}",
            host=bundle.host,
            action="compare",
            hint="compare with its last good bundle",
        )

    def _named(self, number: int, other: int) -> Other:
        if number == other:
            raise BadInput(f"bundle {number} is the same one", action="compare", hint="swarm-tui triage --list")
        return other, "the one that was named"

    def _newest_of(self, host: str, number: int) -> Other:
        newest = self._store.newest(host)
        if newest is None:
            raise BadInput(
                f"there is no bundle of a host {host[:80]!r}",
                action="compare",
                hint=f"{PEER}, {PEER_NOW}, {LAST_GOOD}, the number of a bundle, or a host that has one",
            )
        return self._named(number, newest[1])[0], "its newest one"

    def _peers_of(self, host: str) -> tuple[str, ...]:
        found = tuple(peer for peer in self._peers(host) if peer != host)[:MOST_PEERS]
        if not found:
            raise BadInput(
                "no other host is of the same kind (GPU model, group)",
                host=host,
                action="compare",
                hint="compare with its last good bundle",
            )
        return found


def _some(hosts: Sequence[str]) -> str:
    more = f" and {len(hosts) - AT_ONCE} more" if len(hosts) > AT_ONCE else ""
    return f"{', '.join(hosts[:AT_ONCE])}{more}"


def _why(outcome: Outcome) -> str:
    said = outcome.bundle.strip.text if outcome.bundle is not None else outcome.error or "it has not answered yet"
    return f"{outcome.host}: {said}"
