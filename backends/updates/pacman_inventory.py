"""What one Arch host could change, from the lists in their own place, without changing anything."""

from __future__ import annotations

from msgspec import structs

from backends.execution import Exec
from backends.states import Severity
from backends.units import span
from backends.updates import pacman_argv, pacman_list, pacman_output
from backends.updates.caution import STALE_SECONDS, listed
from backends.updates.classes import in_family
from backends.updates.dnf_ask import ask
from backends.updates.dnf_inventory import skew_of
from backends.updates.family import split_holds
from backends.updates.model import Caution, Change, Inventory
from backends.updates.pacman_facts import read_facts
from backends.updates.pacman_plan import read_changes

NO_LISTS = "the lists were never fetched"


def take(host: Exec, now: float) -> Inventory:
    """Everything that could change on `host` at `now` (epoch seconds). Raises SwarmError."""
    facts = read_facts(host)
    lists = facts.get("lists", "")
    holds = tuple(ask(host, pacman_argv.IGNORED).text.split())
    installed = pacman_list.installed(ask(host, pacman_argv.INSTALLED).text)
    planned = ask(host, pacman_argv.PLAN) if lists else None
    coming = read_changes(host, planned.text, installed) if planned else ()
    changes = possible(coming, ask(host, pacman_argv.UPGRADES).text) if planned else ()
    age = skew_of({"clock": lists}, now)
    problems = pacman_output.troubles(planned.both) if planned and planned.exit_status else ()
    family = tuple(sorted(name for name in installed if in_family(name)))
    return Inventory(
        host=host.host,
        manager="pacman",
        system=facts.get("system", ""),
        taken=now,
        lists_age_seconds=age,
        changes=changes,
        holds=holds,
        security_known=False,
        warnings=(*_cautions(facts, age, changes, problems), *split_holds(holds, family)),
        missing={} if lists else {"changes": NO_LISTS},
        family_packages=family,
    )


def possible(planned: tuple[Change, ...], upgrades: str) -> tuple[Change, ...]:
    """What pacman would do, and what has a newer version that it ignores or cannot install."""
    there = {change.name for change in planned}
    left = [change for change in pacman_list.upgrades(upgrades) if change.name not in there]
    blocked = not planned and any(not change.held for change in left)
    if blocked:
        left = [each if each.held else structs.replace(each, kept_back="the whole upgrade is blocked") for each in left]
    return tuple(sorted((*planned, *left), key=lambda change: change.name))


def _cautions(
    facts: dict[str, str], age: float | None, changes: tuple[Change, ...], problems: tuple[str, ...]
) -> tuple[Caution, ...]:
    found: list[Caution] = []
    if "lock" in facts:
        found.append(_lock(facts["lock"]))
    if problems:
        text = f"the whole upgrade is blocked: {'; '.join(problems)}"
        found.append(Caution(kind="broken-dependencies", text=text, severity=Severity.CRITICAL, blocks=True))
    if age is None:
        text = "there are no package lists, so what could change is not known: refresh them first"
        found.append(Caution(kind="stale-lists", text=text, blocks=True))
    elif age > STALE_SECONDS:
        found.append(Caution(kind="stale-lists", text=f"the package lists are {span(age)} old: refresh them first"))
    if held := [change.name for change in changes if change.held]:
        found.append(Caution(kind="held", text=f"ignored, stays as it is: {listed(held)}"))
    text = "Arch's repositories do not tell what is a security fix"
    return (*found, Caution(kind="security-unknown", text=text, severity=Severity.UNKNOWN))


def _lock(pids: str) -> Caution:
    """A lock that nobody holds is what a killed pacman leaves; it stops every other one."""
    if pids:
        return Caution(kind="lock-held", text=f"the package manager is in use by pacman (process {pids})")
    text = "pacman was killed and left its lock"
    return Caution(kind="stale-lock", text=text, severity=Severity.CRITICAL, blocks=True, repair="pacman-lock")
