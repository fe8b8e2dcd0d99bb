"""Whether the budget of a plan can ever be kept, and how much of it is left before anything begins."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from backends.inventory.ranges import fold
from backends.maintenance.amounts import amount
from backends.maintenance.away import away
from backends.maintenance.dry_run import Finding
from backends.maintenance.fleet import FleetHost
from backends.maintenance.model import Budget
from backends.maintenance.request import Request
from backends.metrics.sample import Record
from backends.states import Severity


class Ground(Record, frozen=True, kw_only=True):
    """The budget in numbers, and what already eats it."""

    budget: Budget
    away: Mapping[str, str] = {}
    """Host of the run that is out of service → why."""
    domains: Mapping[str, tuple[str, ...]] = {}
    """Failure domain of the run → all hosts of the inventory in it."""
    domains_away: Mapping[str, tuple[str, ...]] = {}
    """Failure domain of the run → those of its hosts that are out of service."""

    @property
    def room(self) -> int:
        """How many more may be away now."""
        return max(0, self.budget.fleet - len(self.away))

    @property
    def rooms(self) -> dict[str, int]:
        """The same for each domain; empty without a limit there."""
        limit = self.budget.domain
        if limit is None:
            return {}
        return {name: max(0, limit - len(self.domains_away.get(name, ()))) for name in self.domains}

    @property
    def all_away(self) -> tuple[str, ...]:
        """Every host that is out of service and counts somewhere."""
        return tuple(sorted({*self.away, *(host for hosts in self.domains_away.values() for host in hosts)}))

    def out(self, host: FleetHost) -> str:
        """Why the run could not take this host as things are, in a few words; "" when it could."""
        if why := self.away.get(host.host, ""):
            return why
        if self.room < 1:
            return "no room in the budget"
        full = next((name for name in host.parents if self.rooms.get(name, 1) < 1), "")
        return f"no room in {full}" if full else ""


def ground(request: Request, names: Sequence[str], fleet: Mapping[str, FleetHost]) -> Ground:
    """The budget of a run over `names`. Raises BadInput for what is no number of hosts."""
    domains = _domains(names, fleet)
    reasons = {host.host: why for host in fleet.values() if (why := away(host))}
    smallest = min((len(hosts) for hosts in domains.values()), default=0)
    limit = request.max_unavailable_per_domain
    return Ground(
        budget=Budget(
            fleet=amount(request.max_unavailable, len(names)),
            domain=amount(limit, smallest) if limit else None,
            failed=max(1, request.max_failed),
        ),
        away={name: reasons[name] for name in names if name in reasons},
        domains=domains,
        domains_away={name: tuple(host for host in hosts if host in reasons) for name, hosts in domains.items()},
    )


def of_budget(found: Ground, names: Sequence[str]) -> Iterator[Finding]:
    """What is wrong with it."""
    healthy = [name for name in names if name not in found.away]
    budget = found.budget
    if budget.fleet < 1:
        yield _red("max_unavailable is 0: no host may ever be taken", 'write at least "1"')
    elif found.room < 1 and healthy:
        gone = "1 host is" if len(found.away) == 1 else f"{len(found.away)} hosts are"
        text = f"{gone} out of service already and max_unavailable is {budget.fleet}: none can begin"
        yield _red(text, "bring them back, or raise max_unavailable", tuple(found.away))
    elif budget.fleet >= len(names) > 1:
        text = f"all {len(names)} hosts may be away at once"
        yield _amber(text, "lower max_unavailable, unless nobody needs them meanwhile")
    yield from _of_domains(found, healthy)


def _of_domains(found: Ground, healthy: Sequence[str]) -> Iterator[Finding]:
    limit = found.budget.domain
    if limit is None:
        return
    if limit < 1:
        yield _red("max_unavailable_per_domain is 0: no host may ever be taken", 'write at least "1"')
        return
    full, whole = [], []
    for name, hosts in found.domains.items():
        wanted = [host for host in hosts if host in set(healthy)]
        if wanted and found.rooms[name] < 1:
            full.append(name)
        elif wanted and len(hosts) <= limit:
            whole.append(name)
    for name in full:
        gone = found.domains_away[name]
        text = (
            f"{name}: {fold(gone)} out of service already, max_unavailable_per_domain is {limit}: none can begin there"
        )
        hosts = tuple(host for host in found.domains[name] if host in set(healthy))
        yield _red(text, "bring them back, raise the limit, or leave these hosts out", hosts)
    if whole:
        text = f"nothing would be left of {_some(whole)}: no more hosts are there than may be away"
        hosts = tuple(host for name in whole for host in found.domains[name])
        yield _amber(text, "is there a second one that does the same?", hosts)


def _domains(names: Sequence[str], fleet: Mapping[str, FleetHost]) -> dict[str, tuple[str, ...]]:
    wanted = {parent for name in names if name in fleet for parent in fleet[name].parents}
    found: dict[str, list[str]] = defaultdict(list)
    for host in sorted(fleet):
        for parent in fleet[host].parents:
            if parent in wanted:
                found[parent].append(host)
    return {name: tuple(hosts) for name, hosts in sorted(found.items())}


def _some(words: Sequence[str]) -> str:
    return ", ".join(words[:4]) + (f" and {len(words) - 4} more" if len(words) > 4 else "")


def _red(text: str, hint: str, hosts: tuple[str, ...] = ()) -> Finding:
    return Finding(kind="budget", severity=Severity.CRITICAL, text=text, hint=hint, hosts=hosts)


def _amber(text: str, hint: str, hosts: tuple[str, ...] = ()) -> Finding:
    return Finding(kind="budget", severity=Severity.WARNING, text=text, hint=hint, hosts=hosts)
