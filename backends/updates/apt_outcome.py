"""The truth about a change: every planned package is looked up in dpkg's records afterwards.

The exit status is one input of several. It is 0 on hosts where packages were skipped, and 100 where everything was applied but a
hook failed at the very end.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import structs

from backends.execution import Exec
from backends.text import clean_lines
from backends.updates import apt_lock, apt_output, apt_progress, apt_repair, locks
from backends.updates.apt_ask import ask
from backends.updates.apt_simulate import error_lines
from backends.updates.apt_state import Package, read_packages, read_troubles
from backends.updates.model import Change, HostPlan, Outcome, PackageResult, Repair, Stage

LEFTOVERS = (
    *("find", "/etc", "-xdev", "-type", "f"),
    *("(", "-name", "*.dpkg-dist", "-o", "-name", "*.dpkg-new", "-o", "-name", "*.ucf-dist", ")"),
)
MOST_LEFTOVERS = 100
KILLED = "how it ended is not known: it was killed, or the host went down"


def judge(host: Exec, plan: HostPlan, exit_status: int | None, status: str, output: str) -> Outcome:
    """What became of `plan` on the host. Raises SwarmError when the host cannot be asked."""
    text = clean_lines(output)
    packages = read_packages(host)
    troubles = read_troubles(host, packages)
    found = ask(host, LEFTOVERS, become=True).text.splitlines()
    results = tuple(result(change, packages) for change in plan.changes)
    outcome = conclude(plan.host, results, exit_status, status, text, troubles)
    return structs.replace(outcome, leftovers=_newest_first(found, apt_output.kept_conffiles(text)))


def conclude(
    host: str,
    results: Sequence[PackageResult],
    exit_status: int | None,
    status: str,
    output: str,
    troubles: Sequence[str] = (),
) -> Outcome:
    """The verdict from the texts and the state afterwards; the state wins."""
    applied = sum(1 for each in results if each.outcome == "applied")
    dpkg = apt_progress.read(status).errors
    told = (*_end(output, exit_status, applied < len(results)), *dpkg, *apt_output.problems(output, dpkg), *troubles)
    found = told or _unexplained(applied, len(results), exit_status)
    return Outcome(
        host=host,
        stage=_stage(applied, len(results), bool(found)),
        exit_status=exit_status,
        results=tuple(_explained(each, found) for each in results),
        problems=tuple(dict.fromkeys(found)),
        repairs=tuple(each.id for each in _repairs(troubles, output)),
        tail=apt_output.tail(output),
    )


def result(change: Change, packages: Iterable[Package]) -> PackageResult:
    """What became of one change, from dpkg's row of it."""
    row = _row(change, packages)
    version = row.version if row and row.installed else ""
    found = PackageResult(name=change.name, planned=change.candidate, found=version)
    if row and row.trouble:
        return structs.replace(found, outcome="half-configured", reason=row.trouble)
    if version == change.candidate:
        return structs.replace(found, outcome="applied")
    if version != change.installed:
        return structs.replace(found, outcome="other-version", reason=f"{version or 'not installed'} is there")
    held = row is not None and row.status.startswith("h")
    return structs.replace(found, outcome="held", reason="held") if held else found


def _row(change: Change, packages: Iterable[Package]) -> Package | None:
    """dpkg's row; an architecture may turn into "all" and back between versions."""
    rows = [each for each in packages if each.name == change.name]
    same = [each for each in rows if each.architecture == change.architecture]
    return next(iter(same or rows), None)


def _end(output: str, exit_status: int | None, incomplete: bool) -> tuple[str, ...]:
    """How it ended, where that is more than a status."""
    if exit_status is None and incomplete and not error_lines(output):
        return (KILLED,)
    holder = apt_lock.refused_by(output) if exit_status != 0 else None
    return (f"the package manager was in use by {locks.words(holder)}",) if holder else ()


def _unexplained(applied: int, planned: int, exit_status: int | None) -> tuple[str, ...]:
    """What must be said when no text tells anything."""
    if exit_status:
        return (f"apt-get ended with status {exit_status}",)
    if applied == planned:
        return ()
    return (f"{planned - applied} of {planned} planned changes did not happen, although apt reported success",)


def _stage(applied: int, planned: int, problems: bool) -> Stage:
    if applied == planned and not problems:
        return Stage.DONE
    return Stage.PARTIAL if applied else Stage.FAILED


def _explained(each: PackageResult, problems: Sequence[str]) -> PackageResult:
    """With the problem that names the package, where there is one."""
    if each.outcome == "applied":
        return each
    reason = next((line for line in problems if each.name in line.replace(":", " ").split()), "")
    outcome = "failed" if reason and each.outcome == "unchanged" else each.outcome
    return structs.replace(each, outcome=outcome, reason=each.reason or reason)


def _repairs(troubles: Sequence[str], output: str) -> list[Repair]:
    found = [apt_repair.CONFIGURE] if troubles else []
    for words, repair in apt_repair.TOLD:
        if words in output and repair not in found:
            found.append(repair)
    return found


def _newest_first(found: Iterable[str], kept: Iterable[str]) -> tuple[str, ...]:
    """The leftovers of this change before those of earlier ones."""
    files = sorted(found)
    new = [file for file in files if any(file.startswith(f"{name}.") for name in kept)]
    return (*new, *(file for file in files if file not in new))[:MOST_LEFTOVERS]
