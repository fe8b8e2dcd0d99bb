"""pacman as one of the package managers: puts together what the other pacman modules do, one subject each."""

from __future__ import annotations

from collections.abc import Sequence

from backends.errors import BadInput
from backends.execution import Exec, ExecResult
from backends.text import clean_lines
from backends.updates import (
    pacman_argv,
    pacman_history,
    pacman_inventory,
    pacman_outcome,
    pacman_output,
    pacman_plan,
    pacman_repair,
    pacman_rollback,
)
from backends.updates.answers import answer
from backends.updates.model import (
    Change,
    HistoryEntry,
    Holder,
    HostPlan,
    Inventory,
    ManagerName,
    Outcome,
    Repair,
    Selection,
    Step,
)


class Pacman:
    """Arch's package manager. See `backends.updates.base.Manager`."""

    name: ManagerName = "pacman"

    def refresh_argv(self) -> tuple[str, ...]:
        """Renews the lists in their own place; the host's own stay as they are."""
        return pacman_argv.REFRESH

    def judge_refresh(self, result: ExecResult) -> tuple[str, ...]:
        """Problems of a refresh, one sentence each."""
        found = answer(result)
        return pacman_output.troubles(found.both) or pacman_plan.problems(found)

    def inventory(self, host: Exec, now: float) -> Inventory:
        """Everything that could change; security is never known. Raises SwarmError."""
        return pacman_inventory.take(host, now)

    def plan(self, host: Exec, inventory: Inventory, selection: Selection) -> HostPlan:
        """The whole upgrade, simulated; any narrower selection is refused. Raises SwarmError."""
        return pacman_plan.make(host, inventory, selection)

    def again(self, host: Exec, plan: HostPlan) -> HostPlan:
        """The approved plan's own arguments, simulated now. Raises SwarmError when the host cannot be asked."""
        return pacman_plan.again(host, plan)

    def prefetch_argv(self, plan: HostPlan) -> tuple[str, ...]:
        """Fetches the plan's packages into the host's cache; empty for going back, which uses kept ones."""
        return () if plan.arguments else pacman_argv.PREFETCH

    def apply_argv(self, plan: HostPlan, run: str) -> tuple[str, ...]:
        """The change itself; pacman has no place for `run`. Raises BadInput."""
        del run
        if not plan.command:
            raise BadInput("the plan changes nothing", host=plan.host, action="apply a plan")
        return plan.command

    def before_steps(self, plan: HostPlan) -> tuple[Step, ...]:
        """The planned lists become the host's own, so that the plan is what runs."""
        if plan.arguments or not plan.changes:
            return ()
        return (
            Step(id="take-lists", text="make the planned package lists the host's own", command=pacman_argv.TAKE_LISTS),
        )

    def after_steps(self, plan: HostPlan) -> tuple[Step, ...]:
        """Nothing is to be put back."""
        del plan
        return ()

    def holder(self, output: str) -> Holder | None:
        """That somebody holds the database; pacman does not say who."""
        return pacman_output.holder(clean_lines(output))

    def progress(self, plan: HostPlan, status: str, output: str) -> tuple[int, str, float | None]:
        """Packages that are through, the current one, and per cent of the download."""
        del status  # pacman has no status file
        return pacman_output.measure(plan, clean_lines(output))

    def outcome(self, host: Exec, plan: HostPlan, exit_status: int | None, status: str, output: str) -> Outcome:
        """The truth after the change. Raises SwarmError when the host cannot be asked."""
        del status
        return pacman_outcome.judge(host, plan, exit_status, output)

    def hold_argv(self, packages: Sequence[str], hold: bool) -> tuple[str, ...]:
        """Adds IgnorePkg lines of our own, or takes them away. Raises BadInput for what is no package name."""
        return pacman_argv.hold_argv(packages, hold)

    def history(self, host: Exec, limit: int) -> tuple[HistoryEntry, ...]:
        """The newest transactions, newest first. Raises SwarmError."""
        return pacman_history.read(host, limit)

    def rollback_plan(self, host: Exec, entry: HistoryEntry, packages: Sequence[str]) -> HostPlan:
        """The packages before `entry`, as far as they were kept. Raises SwarmError."""
        return pacman_rollback.make(host, entry, packages)

    def repairs(self) -> tuple[Repair, ...]:
        """Every repair step for pacman."""
        return pacman_repair.EVERY

    def changed(self, before: Sequence[Change], after: Sequence[Change]) -> tuple[Change, ...]:
        """The changes of the second simulation that the first one had not, then those that are gone."""
        old, new = (
            {(c.name, c.architecture, c.kind, c.installed, c.candidate): c for c in every} for every in (before, after)
        )
        return (*(new[key] for key in new if key not in old), *(old[key] for key in old if key not in new))
