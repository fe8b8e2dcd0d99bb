"""From a selection to a plan: the simulated result of exactly the arguments that would be applied."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import structs

from backends.execution import Exec
from backends.updates import zypper_argv
from backends.updates.caution import listed
from backends.updates.classes import in_family, reboot_reasons
from backends.updates.dnf_plan import approved, completed, select, version_for
from backends.updates.family import split_plan
from backends.updates.model import Change, HostPlan, Inventory, Selection
from backends.updates.zypper_argv import pin
from backends.updates.zypper_inventory import changed, read_document, read_facts, read_packages
from backends.updates.zypper_xml import Document

MOST_TRIES = 3
"""Each simulation may show another package that cannot be had; then the plan is an error."""


def make(host: Exec, inventory: Inventory, selection: Selection) -> HostPlan:
    """The plan for one host. Raises SwarmError; what stands in the way of a plan is its `error`."""
    chosen = select(inventory, selection)
    empty = HostPlan(host=host.host, manager="zypper", left_out=chosen.left_out, warnings=inventory.warnings)
    if blocked := [each.text for each in inventory.warnings if each.blocks]:
        return structs.replace(empty, error="; ".join(blocked))
    wanted, left_out, plan = list(chosen.wanted), list(chosen.left_out), empty
    for _ in range(MOST_TRIES):
        if not wanted:
            return structs.replace(empty, left_out=tuple(left_out))
        arguments = [pin(change, version_for(change, selection)) for change in wanted]
        plan, document = simulated(host, arguments, back=False)
        impossible = {each.name: reason for each in wanted if (reason := reason_against(each, document))}
        if not impossible:
            break
        left_out += [structs.replace(c, kept_back=impossible[c.name]) for c in wanted if c.name in impossible]
        wanted = [change for change in wanted if change.name not in impossible]
    return completed(plan, inventory, wanted, left_out, "zypper passes over it")


def again(host: Exec, plan: HostPlan) -> HostPlan:
    """The plan's own arguments, simulated now. Raises SwarmError."""
    if not plan.arguments:
        return plan
    fresh, _ = simulated(host, plan.arguments, back=zypper_argv.is_back(plan))
    return approved(plan, fresh)


def simulated(host: Exec, arguments: Sequence[str], *, back: bool) -> tuple[HostPlan, Document]:
    """What zypper would do with `arguments`, and all that it said. Raises SwarmError."""
    document = read_document(host, zypper_argv.simulate_argv(arguments, back=back))
    changes = tuple(changed(row) for row in document.rows)
    reasons = reboot_reasons(changes)
    facts = read_facts(host)
    family = tuple((each.name, each.version) for each in read_packages(host) if in_family(each.name))
    plan = HostPlan(
        host=host.host,
        manager="zypper",
        changes=changes,
        arguments=tuple(arguments),
        command=zypper_argv.apply_argv(arguments, "", back=back),
        download_bytes=document.download_bytes,
        disk_bytes=document.disk_bytes,
        reboot=bool(reasons),
        reboot_reasons=reasons,
        warnings=split_plan(changes, family),
        error="; ".join(problems(document, changes, back=back)),
        boot_id=facts.get("boot", ""),
        timers=tuple(facts.get("timers", "").split()),
    )
    return plan, document


def problems(document: Document, changes: Iterable[Change], *, back: bool) -> tuple[str, ...]:
    """Why the real run would refuse, or do something that nobody asked for."""
    older = () if back else tuple(change.name for change in changes if change.kind == "downgrade")
    worse = (f"would go back to an older version of {listed(older)}",) if older else ()
    found = (*document.problems, *document.errors, *worse)
    return found or (() if document.concluded else ("zypper came to no conclusion",))


def reason_against(change: Change, document: Document) -> str:
    """Why zypper cannot do this very change; "" when it can, or does not name it."""
    build = f"{change.name}-{change.candidate}"
    gone = f"'{pin(change, change.candidate)}'"
    said = (*document.problems, *document.errors)
    if any(gone in text for text in document.errors):
        return "not to be had (any more)"
    return next((text for text in said if build in text), "")
