"""From a selection to a plan: the simulated result of exactly the arguments that would be applied."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import structs

from backends.execution import Exec
from backends.updates import dnf_argv, dnf_list
from backends.updates.caution import listed
from backends.updates.classes import in_family, reboot_reasons
from backends.updates.dnf_argv import Dialect, pin
from backends.updates.dnf_inventory import changed, read_facts, read_packages, simulate
from backends.updates.dnf_list import Package
from backends.updates.dnf_table import Simulation, packages_of
from backends.updates.family import split_plan
from backends.updates.model import Caution, Change, HostPlan, Inventory, Selection
from backends.updates.selection import Chosen, choose

PASSED_OVER = "dnf passes over it"
MOST_TRIES = 3
"""Each simulation may show another package that cannot be had; then the plan is an error."""


def make(dnf: Dialect, host: Exec, inventory: Inventory, selection: Selection) -> HostPlan:
    """The plan for one host. Raises SwarmError; what stands in the way of a plan is its `error`."""
    chosen = select(inventory, selection)
    empty = HostPlan(host=host.host, manager="dnf", left_out=chosen.left_out, warnings=inventory.warnings)
    if blocked := [each.text for each in inventory.warnings if each.blocks]:
        return structs.replace(empty, error="; ".join(blocked))
    wanted, left_out = list(chosen.wanted), list(chosen.left_out)
    plan, simulation = empty, Simulation()
    for _ in range(MOST_TRIES):
        if not wanted:
            return structs.replace(empty, left_out=tuple(left_out))
        arguments = [pin(change, version_for(change, selection)) for change in wanted]
        plan, simulation = simulated(dnf, host, dnf_argv.upgrade_words(arguments), arguments)
        impossible = [change for change in wanted if _is_named(change, simulation)] if plan.error else []
        if not impossible:
            break
        left_out += [structs.replace(each, kept_back=simulation.reason(each.name)) for each in impossible]
        wanted = [change for change in wanted if change not in impossible]
    return completed(plan, inventory, wanted, left_out, PASSED_OVER)


def again(dnf: Dialect, host: Exec, plan: HostPlan) -> HostPlan:
    """The plan's own arguments, simulated now. Raises SwarmError."""
    if not plan.command:
        return plan
    fresh, _ = simulated(dnf, host, dnf_argv.words_of(plan.command), plan.arguments)
    return approved(plan, fresh)


def approved(plan: HostPlan, fresh: HostPlan) -> HostPlan:
    """A new simulation with what the approved plan knows about its changes."""
    known = {(change.name, change.architecture): change for change in plan.changes}
    changes = tuple(_known(each, known.get((each.name, each.architecture))) for each in fresh.changes)
    return structs.replace(fresh, changes=changes, left_out=plan.left_out)


def select(inventory: Inventory, selection: Selection) -> Chosen:
    """The wanted changes. A package that takes the place of another is new, and yet to be named like an upgrade."""
    asked = [structs.replace(each, kind="upgrade") if each.replaces else each for each in inventory.changes]
    chosen = choose(structs.replace(inventory, changes=tuple(asked)), selection)
    original = {(each.name, each.architecture): each.kind for each in inventory.changes}
    wanted = tuple(structs.replace(c, kind=original[c.name, c.architecture]) for c in chosen.wanted)
    return structs.replace(chosen, wanted=wanted)


def simulated(dnf: Dialect, host: Exec, words: Sequence[str], arguments: Sequence[str]) -> tuple[HostPlan, Simulation]:
    """What dnf would do with `words`, and what it said about it. Raises SwarmError."""
    simulation = simulate(host, dnf_argv.simulate_argv(dnf, words))
    packages = read_packages(host)
    now = dnf_list.newest(packages)
    changes = tuple(change for row in simulation.rows for change in _with_replaced(changed(row, now), now))
    reasons = reboot_reasons(changes)
    facts = read_facts(host)
    plan = HostPlan(
        host=host.host,
        manager="dnf",
        changes=changes,
        arguments=tuple(arguments),
        command=dnf_argv.apply_argv(dnf, words, ""),
        download_bytes=simulation.download_bytes,
        disk_bytes=simulation.disk_bytes,
        reboot=bool(reasons),
        reboot_reasons=reasons,
        warnings=split_plan(changes, _family(packages)),
        error="; ".join(problems(simulation)),
        boot_id=facts.get("boot", ""),
        timers=tuple(facts.get("timers", "").split()),
    )
    return plan, simulation


def problems(simulation: Simulation) -> tuple[str, ...]:
    """Why the real run would refuse, or do less than it is told."""
    missing = (f"not to be had (any more): {listed(simulation.missing)}",) if simulation.missing else ()
    skipped = (f"left out: {listed(row.name for row in simulation.skipped)}",) if simulation.skipped else ()
    found = (*simulation.problems, *missing, *skipped, *simulation.errors)
    return found or (() if simulation.understood else ("dnf came to no conclusion",))


def _with_replaced(change: Change, now: Mapping[tuple[str, str], str]) -> Iterable[Change]:
    """The change, and the removals of what it takes the place of."""
    yield change
    for name in change.replaces:
        version = next((version for (other, _), version in now.items() if other == name), "")
        yield Change(
            name=name,
            architecture=change.architecture,
            kind="remove",
            installed=version,
            package_class=change.package_class,
        )


def version_for(change: Change, selection: Selection) -> str:
    """The version to name: of a security selection the newest fix, not the newest build."""
    only_fix = selection.security_only and change.security_version
    return change.security_version if only_fix else change.candidate


def _is_named(change: Change, simulation: Simulation) -> bool:
    """Whether dnf says that this very package is what it cannot do."""
    gone = any(each.startswith(f"{change.name}-{change.candidate}") for each in simulation.missing)
    return gone or any(change.name in packages_of(text.partition(": ")[0]) for text in simulation.problems)


def completed(
    plan: HostPlan, inventory: Inventory, wanted: Sequence[Change], left_out: Sequence[Change], passed_over: str
) -> HostPlan:
    """With what the inventory knows, what is silently not done (`passed_over` says so), and what comes along unasked."""
    there = {change.name for change in plan.changes}
    missed = () if plan.error else tuple(c for c in wanted if c.name not in there)
    known = {(change.name, change.architecture): change for change in inventory.changes}
    expected = {change.name for change in inventory.changes} | {name for c in inventory.changes for name in c.replaces}
    unasked = [change.name for change in plan.changes if change.name not in expected]
    warnings = [*inventory.warnings, *plan.warnings]
    if unasked:
        warnings.append(Caution(kind="pulled-in", text=f"comes along unasked (dependencies): {listed(unasked)}"))
    return structs.replace(
        plan,
        changes=tuple(_known(each, known.get((each.name, each.architecture))) for each in plan.changes),
        left_out=(*left_out, *(structs.replace(each, kept_back=passed_over) for each in missed)),
        warnings=tuple(warnings),
    )


def _known(change: Change, found: Change | None) -> Change:
    """What the inventory knows about a simulated change, added to it."""
    if found is None:
        return change
    same = found.candidate == change.candidate
    return structs.replace(
        change,
        security=found.security,
        security_version=found.security_version if same else "",
        cves=found.cves,
        advisories=found.advisories,
        size_bytes=found.size_bytes if same else None,
        first_seen=found.first_seen,
    )


def _family(packages: Iterable[Package]) -> tuple[tuple[str, str], ...]:
    return tuple((each.name, each.version) for each in packages if in_family(each.name))
