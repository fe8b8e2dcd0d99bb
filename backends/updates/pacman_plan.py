"""The plan of an Arch host: everything or nothing. A selection of some packages is refused, because Arch supports no partial upgrade."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import structs

from backends.execution import Exec
from backends.updates import pacman_argv, pacman_list, pacman_output
from backends.updates.classes import reboot_reasons
from backends.updates.dnf_ask import Answer, ask
from backends.updates.dnf_plan import approved
from backends.updates.model import Change, HostPlan, Inventory, Selection
from backends.updates.pacman_facts import read_facts

PARTIAL = "Arch supports no partial upgrade: select everything, or hold packages with IgnorePkg"
NO_FLAGS = "Arch's repositories do not tell what is a security fix: select everything"


def make(host: Exec, inventory: Inventory, selection: Selection) -> HostPlan:
    """The plan for one host. Raises SwarmError; what stands in the way of a plan is its `error`."""
    left = tuple(change for change in inventory.changes if change.held or change.kept_back)
    empty = HostPlan(host=host.host, manager="pacman", left_out=left, warnings=inventory.warnings)
    if reason := refusal(selection):
        return structs.replace(empty, error=reason)
    if blocked := [each.text for each in inventory.warnings if each.blocks]:
        return structs.replace(empty, error="; ".join(blocked))
    if young := [c for c in inventory.changes if _is_young(c, inventory.taken, selection.minimum_age_seconds)]:
        return structs.replace(empty, error=f"{young[0].name} and {len(young) - 1} more are too young; {PARTIAL}")
    plan = simulated(host, pacman_argv.PLAN, pacman_argv.APPLY, ())
    known = {change.name: change for change in inventory.changes}
    changes = tuple(
        structs.replace(each, first_seen=known[each.name].first_seen) if each.name in known else each
        for each in plan.changes
    )
    return structs.replace(plan, changes=changes, left_out=left, warnings=(*inventory.warnings, *plan.warnings))


def again(host: Exec, plan: HostPlan) -> HostPlan:
    """The whole upgrade, or the way back to the plan's kept files, simulated now. Raises SwarmError."""
    files = plan.arguments
    if not plan.command:
        return plan
    if files:
        fresh = simulated(host, pacman_argv.simulate_back_argv(files), pacman_argv.back_argv(files), files)
    else:
        fresh = simulated(host, pacman_argv.PLAN, pacman_argv.APPLY, ())
    return approved(plan, fresh)


def simulated(host: Exec, argv: Sequence[str], command: tuple[str, ...], arguments: Sequence[str]) -> HostPlan:
    """What pacman would do. Raises SwarmError."""
    answer = ask(host, argv)
    now = pacman_list.installed(ask(host, pacman_argv.INSTALLED).text)
    changes = read_changes(host, answer.text, now, back=bool(arguments))
    reasons = reboot_reasons(changes)
    return HostPlan(
        host=host.host,
        manager="pacman",
        changes=changes,
        arguments=tuple(arguments),
        command=command if changes else (),
        download_bytes=None if arguments else _sum(changes),
        reboot=bool(reasons),
        reboot_reasons=reasons,
        error="; ".join(problems(answer)),
        boot_id=read_facts(host).get("boot", ""),
    )


def read_changes(host: Exec, plan: str, now: dict[str, str], *, back: bool = False) -> tuple[Change, ...]:
    """A plan's text as changes, with what new packages replace. Raises SwarmError."""
    changes = [pacman_list.changed(target, now, back=back) for target in pacman_list.targets(plan)]
    new = [change.name for change in changes if change.kind == "install"]
    old = pacman_list.replaced(ask(host, (*pacman_argv.ABOUT, *new)).text, now) if new else {}
    return tuple(
        each for change in changes for each in pacman_list.with_replaced(change, old.get(change.name, ()), now)
    )


def refusal(selection: Selection) -> str:
    """Why a selection cannot be planned here; "" when it can."""
    if selection.security_only or selection.cves:
        return NO_FLAGS
    narrowed = selection.packages or selection.classes or selection.exclude
    return PARTIAL if narrowed else ""


def problems(answer: Answer) -> tuple[str, ...]:
    """Why the real run would refuse."""
    if answer.exit_status == 0:
        return ()
    found = pacman_output.troubles(answer.both)
    return found or (f"pacman ended with status {answer.exit_status}",)


def _is_young(change: Change, now: float, minimum: float) -> bool:
    seen = now if change.first_seen is None else change.first_seen
    return not change.held and now - seen < minimum


def _sum(changes: Iterable[Change]) -> int | None:
    sizes = [change.size_bytes for change in changes if change.kind != "remove"]
    return sum(size for size in sizes if size) if None not in sizes else None
