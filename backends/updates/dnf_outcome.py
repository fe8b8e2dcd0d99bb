"""The truth about a change: every planned package is looked up in rpm's database afterwards, every failed scriptlet is told.

The exit status is one input of several: dnf 4 ends with 0 after a failed %post and after leaving packages out, dnf 5 with 1
after a %post that rpm itself calls non-critical.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import structs

from backends.execution import Exec
from backends.metrics.sample import Record
from backends.text import clean_lines
from backends.updates import dnf_lock, dnf_output, dnf_repair
from backends.updates.dnf_argv import Dialect
from backends.updates.dnf_ask import ask
from backends.updates.dnf_inventory import read_duplicates, read_packages
from backends.updates.dnf_list import Package
from backends.updates.dnf_table import parse as parse_table
from backends.updates.locks import words
from backends.updates.model import Change, HostPlan, Outcome, PackageResult, Stage

LEFTOVERS = (
    *("find", "/etc", "-xdev", "-type", "f"),
    *("(", "-name", "*.rpmnew", "-o", "-name", "*.rpmsave", "-o", "-name", "*.rpmorig", ")"),
)
MOST_LEFTOVERS = 100
TAIL_LINES = 20
KILLED = "how it ended is not known: it was killed, or the host went down"


class State(Record, frozen=True, kw_only=True):
    """The host after the change."""

    packages: tuple[Package, ...] = ()
    duplicates: tuple[str, ...] = ()
    """Recorded in two versions: the transaction did not come to its end."""
    leftovers: tuple[str, ...] = ()


def judge(dnf: Dialect, host: Exec, plan: HostPlan, exit_status: int | None, output: str) -> Outcome:
    """What became of `plan` on the host. Raises SwarmError when the host cannot be asked."""
    packages = read_packages(host)
    state = State(
        packages=packages,
        duplicates=read_duplicates(dnf, host, packages),
        leftovers=tuple(sorted(ask(host, LEFTOVERS).text.splitlines())),
    )
    return conclude(plan, state, exit_status, clean_lines(output))


def conclude(plan: HostPlan, state: State, exit_status: int | None, output: str) -> Outcome:
    """The verdict from the text and the state afterwards; the state wins."""
    failed = dnf_output.scriptlets(output)
    told = problems(state, failed, exit_status, output)
    return structs.replace(
        verdict(plan, state, failed, exit_status, told),
        leftovers=tuple(dict.fromkeys((*dnf_output.saved(output), *state.leftovers)))[:MOST_LEFTOVERS],
        repairs=_repairs(state, output),
        tail="\n".join(output.rstrip().splitlines()[-TAIL_LINES:]),
    )


def verdict(
    plan: HostPlan,
    state: State,
    failed: Mapping[str, str],
    exit_status: int | None,
    told: Sequence[str],
    *,
    good: Sequence[int] = (0,),
    program: str = "dnf",
) -> Outcome:
    """Stage, results and problems.

    Args:
        plan: what should have happened.
        state: what rpm has recorded.
        failed: package → what of it failed.
        exit_status: the package manager's.
        told: what its text complains about.
        good: statuses that are no failure.
        program: named where nothing else explains a failure.
    """
    results = tuple(result(change, state, failed) for change in plan.changes)
    applied = sum(1 for each in results if each.outcome == "applied")
    found = tuple(told) or _unexplained(applied, len(results), 0 if exit_status in good else exit_status, program)
    return Outcome(
        host=plan.host,
        stage=_stage(applied, len(results), bool(found)),
        exit_status=exit_status,
        results=tuple(_explained(each, found) for each in results),
        problems=found,
    )


def result(change: Change, state: State, failed: Mapping[str, str]) -> PackageResult:
    """What became of one change; of a kernel, whether the new one is there beside the others."""
    versions = [each.version for each in state.packages if each.name == change.name]
    reached = change.candidate in versions if change.candidate else change.installed not in versions
    version = change.candidate if change.candidate in versions else next(iter(versions), "")
    found = PackageResult(name=change.name, planned=change.candidate, found=version)
    if change.name in state.duplicates:
        return structs.replace(found, outcome="half-configured", reason="two versions are recorded")
    if reached and change.name in failed:
        return structs.replace(found, outcome="half-configured", reason=f"its {failed[change.name]} failed")
    if reached:
        return structs.replace(found, outcome="applied")
    if version != change.installed:
        return structs.replace(found, outcome="other-version", reason=f"{version or 'not installed'} is there")
    return found


def problems(state: State, failed: Mapping[str, str], exit_status: int | None, output: str) -> tuple[str, ...]:
    """What the text and the state complain about, one sentence each."""
    table = parse_table(output, "")
    holder = dnf_lock.from_text(output) if exit_status != 0 else None
    found = (
        *((f"the package manager was in use by {words(holder)}",) if holder else ()),
        *(f"{name}: its {what} failed" for name, what in failed.items()),
        *(f"{name}: rpm did not install it" for name in dnf_output.stayed(output)),
        *(f"{row.name}: left out, {table.reason(row.name)}" for row in table.skipped),
        *(f"not to be had (any more): {each}" for each in table.missing),
        *(text for text in table.problems if not table.skipped),
        *dnf_output.troubles(output),
        *(f"{name}: two versions are recorded, the transaction did not come to its end" for name in state.duplicates),
    )
    return tuple(dict.fromkeys(found))


def _unexplained(applied: int, planned: int, exit_status: int | None, program: str) -> tuple[str, ...]:
    """What must be said when no text tells anything."""
    if exit_status:
        return (f"{program} ended with status {exit_status}",)
    if applied == planned:
        return ()
    if exit_status is None:
        return (KILLED,)
    return (f"{planned - applied} of {planned} planned changes did not happen, although {program} reported success",)


def _stage(applied: int, planned: int, problems: bool) -> Stage:
    if applied == planned and not problems:
        return Stage.DONE
    return Stage.PARTIAL if applied else Stage.FAILED


def _explained(each: PackageResult, found: Sequence[str]) -> PackageResult:
    """With the problem that names the package, where there is one."""
    if each.outcome != "unchanged":
        return each
    reason = next((text for text in found if text.startswith(f"{each.name}: ")), "")
    return structs.replace(each, outcome="failed", reason=reason.partition(": ")[2]) if reason else each


def _repairs(state: State, output: str) -> tuple[str, ...]:
    told: Iterable[str] = (repair.id for text, repair in dnf_repair.TOLD if text in output)
    return tuple(dict.fromkeys((*((dnf_repair.DUPLICATES.id,) if state.duplicates else ()), *told)))
