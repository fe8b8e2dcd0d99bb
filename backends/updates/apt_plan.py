"""From a selection to a plan: the simulated result of exactly the arguments that would be applied."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import structs

from backends.execution import Exec
from backends.metrics.sample import Record
from backends.states import Severity
from backends.updates import apt_argv, apt_sizes
from backends.updates.apt_argv import pin
from backends.updates.apt_ask import ask
from backends.updates.apt_conffiles import foresee
from backends.updates.apt_inventory import simulate
from backends.updates.apt_simulate import Simulation, error_lines, split_name
from backends.updates.apt_state import read_packages, read_troubles
from backends.updates.caution import listed
from backends.updates.classes import in_family, reboot_reasons
from backends.updates.family import split_plan
from backends.updates.model import Caution, Change, HostPlan, Inventory, Selection
from backends.updates.selection import choose

TIMERS = ("apt-daily.timer", "apt-daily-upgrade.timer")
"""They would take the lock, or change packages, in the middle of a window."""
FACTS = (
    "sh",
    "-c",
    'echo "boot $(cat /proc/sys/kernel/random/boot_id)"; echo "native $(dpkg --print-architecture)"; '
    'apt-mark showauto | sed "s/^/automatic /"; '
    'systemctl list-units --plain --no-legend --state=active "$@" 2>/dev/null | sed "s/^/timer /"; :',
    "sh",
    *TIMERS,
)


class Surroundings(Record, frozen=True, kw_only=True):
    """What has to be known, and put back, around a change."""

    boot_id: str = ""
    native: str = ""
    """The host's own architecture."""
    automatic: frozenset[str] = frozenset()
    timers: tuple[str, ...] = ()
    family: tuple[tuple[str, str], ...] = ()
    """Installed driver packages: (name, version)."""


def surroundings(text: str) -> Surroundings:
    """From the output of `FACTS`."""
    pairs = [line.partition(" ") for line in text.splitlines()]
    values = {key: value.strip() for key, _, value in pairs}
    return Surroundings(
        boot_id=values.get("boot", ""),
        native=values.get("native", ""),
        automatic=frozenset(value.strip() for key, _, value in pairs if key == "automatic"),
        timers=tuple(
            name for name in TIMERS if any(key == "timer" and name in value.split() for key, _, value in pairs)
        ),
    )


def make(host: Exec, inventory: Inventory, selection: Selection) -> HostPlan:
    """The plan for one host. Raises SwarmError; what stands in the way of a plan is its `error`."""
    chosen = choose(inventory, selection)
    empty = HostPlan(host=host.host, manager="apt", left_out=chosen.left_out, warnings=inventory.warnings)
    if blocked := [each.text for each in inventory.warnings if each.blocks]:
        return structs.replace(empty, error="; ".join(blocked))
    if not chosen.wanted:
        return empty
    around = read_surroundings(host)
    arguments = tuple(pin(change, selection.security_only, around.native) for change in chosen.wanted)
    plan = simulated(host, arguments, around, rollback=False)
    known = {(change.name, change.architecture): change for change in inventory.changes}
    plan = structs.replace(
        plan, changes=tuple(_known(each, known.get((each.name, each.architecture))) for each in plan.changes)
    )
    kept = foresee(host, plan.changes) if not plan.error else ()
    plan = structs.replace(plan, warnings=(*plan.warnings, *kept))
    return _completed(plan, inventory, chosen.wanted, chosen.left_out)


def again(host: Exec, plan: HostPlan) -> HostPlan:
    """The plan's own arguments, simulated now. Raises SwarmError."""
    if not plan.arguments:
        return plan
    if troubles := read_troubles(host, read_packages(host)):
        return structs.replace(plan, changes=(), error=listed(troubles))
    fresh = simulated(host, plan.arguments, read_surroundings(host), rollback=apt_argv.goes_back(plan))
    known = {(change.name, change.architecture): change for change in plan.changes}
    changes = tuple(_known(each, known.get((each.name, each.architecture))) for each in fresh.changes)
    return structs.replace(fresh, changes=changes, left_out=plan.left_out)


def read_surroundings(host: Exec) -> Surroundings:
    """What is around a change on this host now. Raises SwarmError."""
    found = surroundings(ask(host, FACTS).text)
    family = tuple((each.name, each.version) for each in read_packages(host) if each.installed and in_family(each.name))
    return structs.replace(found, family=family)


def simulated(host: Exec, arguments: Sequence[str], around: Surroundings, *, rollback: bool) -> HostPlan:
    """What apt would do with `arguments`, what that costs, and whether the real run would refuse. Raises SwarmError."""
    install = apt_argv.words(arguments, rollback=rollback)
    simulation = simulate(host, apt_argv.simulate_argv(install))
    asked = ask(host, apt_argv.sizes_argv(install))
    sizes = apt_sizes.parse(asked.text)
    wrong = problems(simulation, rollback=rollback) or error_lines(asked.both)
    changes = tuple(
        structs.replace(each, size_bytes=sizes.files.get((each.name, each.candidate), 0)) for each in simulation.changes
    )
    reasons = reboot_reasons(changes)
    named = {split_name(argument.partition("=")[0])[0] for argument in arguments}
    plan = HostPlan(
        host=host.host,
        manager="apt",
        changes=changes,
        arguments=tuple(arguments),
        download_bytes=sizes.download_bytes,
        disk_bytes=sizes.disk_bytes,
        reboot=bool(reasons),
        reboot_reasons=reasons,
        warnings=split_plan(changes, around.family),
        error="; ".join(wrong),
        boot_id=around.boot_id,
        automatic=tuple(sorted(name for name in around.automatic if split_name(name)[0] in named)),
        timers=around.timers,
    )
    return structs.replace(plan, command=apt_argv.apply_argv(install, ""))


def problems(simulation: Simulation, *, rollback: bool) -> tuple[str, ...]:
    """Why the real run would refuse or do something else, even where the simulation ends with 0."""
    found: list[str] = []
    if simulation.held:
        found.append(f"would change held packages: {listed(simulation.held)}")
    if simulation.removed:
        found.append(f"would remove {listed(simulation.removed)}")
    if not rollback and (older := [each.name for each in simulation.changes if each.kind == "downgrade"]):
        found.append(f"would go back to an older version of {listed(older)}")
    return (*found, *simulation.unmet, *(simulation.errors if not found else ()))


def _completed(plan: HostPlan, inventory: Inventory, wanted: Sequence[Change], left_out: Sequence[Change]) -> HostPlan:
    """With what apt passes over silently, and with what comes along unasked."""
    there = {change.name for change in plan.changes}
    missed = (
        tuple(structs.replace(each, kept_back="apt passes over it") for each in wanted if each.name not in there)
        if not plan.error
        else ()
    )
    expected = {c.name for c in (*wanted, *(each for each in inventory.changes if each.kind == "install"))}
    unasked = [change.name for change in plan.changes if change.name not in expected]
    warnings = [*inventory.warnings, *plan.warnings]
    if unasked:
        text = f"comes along unasked (dependencies and recommendations): {listed(unasked)}"
        warnings.append(Caution(kind="pulled-in", text=text, severity=Severity.WARNING))
    return structs.replace(plan, left_out=(*left_out, *missed), warnings=tuple(warnings))


def _known(change: Change, found: Change | None) -> Change:
    """What the inventory knows about a simulated change, added to it."""
    if found is None:
        return change
    version = found.security_version if found.candidate == change.candidate else ""
    return structs.replace(
        change, security=found.security, security_version=version, cves=found.cves, first_seen=found.first_seen
    )
