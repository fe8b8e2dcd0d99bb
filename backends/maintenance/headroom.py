"""How many hosts may still be taken: the budget less what is away, in the fleet of the run and in each failure domain. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from backends.maintenance.model import HostPlan, RunState, Stage
from backends.maintenance.places import named, taken
from backends.maintenance.world import World
from backends.metrics.sample import Record

GONE = "not in the inventory any more"


class Room(Record, frozen=True, kw_only=True):
    """One limit and what counts against it."""

    limit: int
    away: Mapping[str, str] = {}
    """Host → why it is away, in a few words."""

    @property
    def left(self) -> int:
        """How many more hosts may be taken; never negative."""
        return max(0, self.limit - len(self.away))


class Headroom(Record, frozen=True, kw_only=True):
    """All limits of a run at one moment, for the board."""

    fleet: Room
    domains: Mapping[str, Room] = {}
    """Failure domain → its room; only those of the hosts of the run, and none where the plan has no such limit."""


class Taking:
    """The room of one moment, of which hosts are taken one after the other."""

    def __init__(self, state: RunState, world: World, elsewhere: Mapping[str, str] = {}):
        """`elsewhere`: hosts that another run has in work → what it does there."""
        self._state, self._world, self._elsewhere = state, world, elsewhere
        self._budget = state.plan.budget
        self._fleet = {name: why for name in state.hosts if (why := self._away(name))}
        self._domains: dict[str, dict[str, str]] = self._in_domains() if self._budget.domain is not None else {}

    def has_room(self, plan: HostPlan) -> bool:
        """One more host keeps every limit."""
        return not self._full(plan)

    def refusal(self, plan: HostPlan) -> str:
        """Why no room is left for this host; "" when there is."""
        full = self._full(plan)
        return _used_up(*full) if full else ""

    def _full(self, plan: HostPlan) -> tuple[str, Mapping[str, str]] | None:
        """The first limit that is reached, and who counts against it."""
        if plan.host not in self._fleet and len(self._fleet) + 1 > self._budget.fleet:
            return f"the budget of {self._budget.fleet}", self._fleet
        if self._budget.domain is None:
            return None
        for domain in domains_of(plan, self._world):
            away = self._domains.get(domain, {})
            if plan.host not in away and len(away) + 1 > self._budget.domain:
                return f"the budget of {self._budget.domain} in {domain}", away
        return None

    def take(self, plan: HostPlan) -> None:
        """It is away from now on."""
        self._fleet[plan.host] = "in work"
        for domain in domains_of(plan, self._world):
            self._domains.setdefault(domain, {})[plan.host] = "in work"

    def headroom(self) -> Headroom:
        """As it is shown."""
        limit = self._budget.domain
        domains = sorted({domain for plan in self._state.plan.hosts for domain in domains_of(plan, self._world)})
        return Headroom(
            fleet=Room(limit=self._budget.fleet, away=dict(self._fleet)),
            domains={}
            if limit is None
            else {each: Room(limit=limit, away=dict(self._domains.get(each, {}))) for each in domains},
        )

    def _in_domains(self) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = defaultdict(dict)
        plans = {plan.host: plan for plan in self._state.plan.hosts}
        for name in {**self._world.hosts, **plans}:
            why = self._away(name)
            for domain in self._domains_named(name, plans.get(name)) if why else ():
                found[domain][name] = why
        return found

    def _domains_named(self, name: str, plan: HostPlan | None) -> Iterable[str]:
        if plan is not None:
            return domains_of(plan, self._world)
        return self._world.hosts[name].domains

    def _away(self, name: str) -> str:
        """Why a host is away, whoever took it; "" when it is in service."""
        host = self._state.hosts.get(name)
        if host is not None and taken(host):
            return _ours(host.stage)
        view = self._world.hosts.get(name)
        if view is None:
            return GONE
        return (view.why or "down") if not view.up else self._elsewhere.get(name, "")


def headroom(state: RunState, world: World, elsewhere: Mapping[str, str] = {}) -> Headroom:
    """What is away and what is left, for a gauge."""
    return Taking(state, world, elsewhere).headroom()


def domains_of(plan: HostPlan, world: World) -> tuple[str, ...]:
    """What a host fails together with: as it was planned, and as the inventory says now."""
    view = world.hosts.get(plan.host)
    if view is None or view.domains == plan.domains:
        return plan.domains
    return tuple(dict.fromkeys((*plan.domains, *view.domains)))


def _ours(stage: Stage) -> str:
    return "left as it is" if stage is Stage.SKIPPED else "in work" if stage is Stage.WORKING else str(stage)


def _used_up(what: str, away: Mapping[str, str]) -> str:
    whom = named(tuple(f"{name} ({why})" for name, why in away.items()), 4)
    return f"{what} is used up by {whom}" if away else f"{what} has no room for any host"
