"""The truth about a change: every planned package is looked up in rpm's database afterwards, every failed scriptlet is told.

zypper's statuses that are no failures: 102 (reboot needed), 103 (zypper itself was updated: run again). It is 0 after interactive
patches were skipped.
"""

from __future__ import annotations

import re

from msgspec import structs

from backends.execution import Exec
from backends.text import clean_lines
from backends.updates import dnf_outcome, dnf_output, zypper_repair
from backends.updates.dnf_ask import ask
from backends.updates.dnf_outcome import State
from backends.updates.locks import words
from backends.updates.model import Holder, HostPlan, Outcome
from backends.updates.zypper_inventory import duplicates, read_packages
from backends.updates.zypper_xml import Document, parse

GOOD = (0, 102, 103)
AGAIN = 103
SUMMED_UP = ("Problem occurred during or after installation or removal of packages",)
_LOCKED = re.compile(r"locked by the application with pid (\d{1,10})(?: \(([^)]*)\))?")
_SKIPPED = re.compile(r"Patch '(\S+)' is interactive, skipping\.")
_STATUSES = {106: "a repository was left out", 107: "a %post scriptlet failed", 8: "a package could not be installed"}


def judge(host: Exec, plan: HostPlan, exit_status: int | None, output: str) -> Outcome:
    """What became of `plan` on the host. Raises SwarmError when the host cannot be asked."""
    packages = read_packages(host)
    found = ask(host, dnf_outcome.LEFTOVERS).text.splitlines()
    state = State(packages=packages, duplicates=duplicates(packages), leftovers=tuple(sorted(found)))
    return conclude(plan, state, exit_status, output)


def conclude(plan: HostPlan, state: State, exit_status: int | None, output: str) -> Outcome:
    """The verdict from the document and the state afterwards; the state wins."""
    document = parse(output)
    said = document.text
    failed = dnf_output.scriptlets(said)
    told = problems(document, state, exit_status)
    outcome = dnf_outcome.verdict(plan, state, failed, exit_status, told, good=GOOD, program="zypper")
    again = ("zypper itself was updated: plan again for the rest",) if exit_status == AGAIN else ()
    return structs.replace(
        outcome,
        problems=(*outcome.problems, *again),
        leftovers=tuple(dict.fromkeys((*dnf_output.saved(said), *state.leftovers)))[: dnf_outcome.MOST_LEFTOVERS],
        repairs=tuple(each.id for each in zypper_repair.offered(state, said)),
        tail="\n".join(clean_lines(said).splitlines()[-dnf_outcome.TAIL_LINES :]),
    )


def problems(document: Document, state: State, exit_status: int | None) -> tuple[str, ...]:
    """What the document and the state complain about, one sentence each."""
    said = document.text
    held = holder(document) if exit_status == 7 else None
    found = (
        *((f"the package manager was in use by {words(held)}",) if held else ()),
        *(f"{name}: its {what} failed" for name, what in dnf_output.scriptlets(said).items()),
        *(f"{name}: rpm did not install it" for name in dnf_output.stayed(said)),
        *(f"patch {name} was left out because it is interactive" for name in _SKIPPED.findall(said)),
        *document.problems,
        *(text.splitlines()[0].rstrip(":") for text in document.errors if not held and not text.startswith(SUMMED_UP)),
        *(f"{name}: two versions are recorded, the transaction did not come to its end" for name in state.duplicates),
    )
    status = _STATUSES.get(exit_status or 0, "")
    return tuple(dict.fromkeys(found)) or ((status,) if status else ())


def holder(document: Document) -> Holder | None:
    """Who holds the system, as zypper says when it gives up."""
    found = list(_LOCKED.finditer(document.text))
    return Holder(pid=int(found[-1][1]), command=found[-1][2] or "") if found else None


def measure(plan: HostPlan, output: str) -> tuple[int, str, float | None]:
    """Packages of the plan that are through, the current one, per cent of the download (by packages)."""
    document = parse(output)
    through = {step.build for step in document.steps if step.done}
    builds = {f"{c.name}-{c.candidate or c.installed}.{c.architecture}": c.name for c in plan.changes}
    done = sum(1 for build in builds if build in through)
    last = document.steps[-1] if document.steps else None
    current = builds.get(last.build, "") if last and not last.done else ""
    percent = min(100.0, 100.0 * document.fetched[0] / max(1, document.fetched[1])) if document.fetched else None
    return done, current, percent
