"""The truth about a change: every planned package is looked up in pacman's database afterwards, every failed scriptlet is told.

pacman ends with 0 after a failed scriptlet; a killed one leaves its lock, which stops every later one.
"""

from __future__ import annotations

from msgspec import structs

from backends.execution import Exec
from backends.text import clean_lines
from backends.updates import dnf_outcome, pacman_argv, pacman_list, pacman_output, pacman_repair
from backends.updates.dnf_ask import ask
from backends.updates.dnf_list import Package
from backends.updates.dnf_outcome import State
from backends.updates.model import HostPlan, Outcome
from backends.updates.pacman_facts import read_facts

LEFTOVERS = ("find", "/etc", "-xdev", "-type", "f", "(", "-name", "*.pacnew", "-o", "-name", "*.pacsave", ")")


def judge(host: Exec, plan: HostPlan, exit_status: int | None, output: str) -> Outcome:
    """What became of `plan` on the host. Raises SwarmError when the host cannot be asked."""
    now = pacman_list.installed(ask(host, pacman_argv.INSTALLED).text)
    state = State(
        packages=tuple(Package(name=name, version=version) for name, version in now.items()),
        leftovers=tuple(sorted(ask(host, LEFTOVERS).text.splitlines())),
    )
    facts = read_facts(host)
    return conclude(plan, state, exit_status, clean_lines(output), lock_left="lock" in facts and not facts["lock"])


def conclude(plan: HostPlan, state: State, exit_status: int | None, output: str, *, lock_left: bool) -> Outcome:
    """The verdict from the text and the state afterwards; the state wins."""
    failed = dict.fromkeys(pacman_output.progress(output).failed, "scriptlet")
    told = (
        *(f"{name}: its scriptlet failed" for name in failed),
        *pacman_output.troubles(output),
        *(("pacman was killed and left its lock",) if lock_left else ()),
    )
    outcome = dnf_outcome.verdict(plan, state, failed, exit_status, told, program="pacman")
    leftovers = dict.fromkeys((*pacman_output.saved(output), *state.leftovers))
    return structs.replace(
        outcome,
        leftovers=tuple(leftovers)[: dnf_outcome.MOST_LEFTOVERS],
        repairs=tuple(each.id for each in pacman_repair.offered(output, lock_left=lock_left)),
        tail="\n".join(output.rstrip().splitlines()[-dnf_outcome.TAIL_LINES :]),
    )
