"""dnf, in both generations, as one of the package managers: puts together what the other dnf modules do, one subject each.

Which generation a host has is asked where it matters; what is only an argv calls `dnf`, as both do.
"""

from __future__ import annotations

from collections.abc import Sequence

from backends.execution import Exec, ExecResult
from backends.text import clean_lines
from backends.updates import (
    dnf_argv,
    dnf_history,
    dnf_inventory,
    dnf_lock,
    dnf_outcome,
    dnf_plan,
    dnf_progress,
    dnf_refresh,
    dnf_repair,
    dnf_rollback,
)
from backends.updates.answers import answer
from backends.updates.dnf_inventory import read_dialect
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


class Dnf:
    """The package manager of Red Hat's family. See `backends.updates.base.Manager`."""

    name: ManagerName = "dnf"

    def refresh_argv(self) -> tuple[str, ...]:
        """Renews the lists of every repository."""
        return dnf_argv.refresh_argv()

    def judge_refresh(self, result: ExecResult) -> tuple[str, ...]:
        """Problems of a refresh, one sentence each."""
        return dnf_refresh.judge(answer(result).both, result.exit_status)

    def inventory(self, host: Exec, now: float) -> Inventory:
        """Everything that could change, with what the repositories' updateinfo says. Raises SwarmError."""
        return dnf_inventory.take(read_dialect(host), host, now)

    def plan(self, host: Exec, inventory: Inventory, selection: Selection) -> HostPlan:
        """The simulated result of the very arguments that would be applied. Raises SwarmError."""
        return dnf_plan.make(read_dialect(host), host, inventory, selection)

    def again(self, host: Exec, plan: HostPlan) -> HostPlan:
        """The approved plan's own arguments, simulated now. Raises SwarmError when the host cannot be asked."""
        return dnf_plan.again(read_dialect(host), host, plan)

    def prefetch_argv(self, plan: HostPlan) -> tuple[str, ...]:
        """Fetches the plan's packages into the host's cache; empty for an undo. Raises BadInput."""
        return dnf_argv.prefetch_argv(plan.command)

    def apply_argv(self, plan: HostPlan, run: str) -> tuple[str, ...]:
        """The change itself, with `run` in the transaction's comment. Raises BadInput."""
        return dnf_argv.named_argv(plan.command, run)

    def before_steps(self, plan: HostPlan) -> tuple[Step, ...]:
        """dnf's own timers must not start an upgrade in the middle of ours."""
        if not plan.timers:
            return ()
        command = ("systemctl", "stop", *plan.timers)
        return (Step(id="stop-timers", text=f"stop {', '.join(plan.timers)}", command=command),)

    def after_steps(self, plan: HostPlan) -> tuple[Step, ...]:
        """The timers go on; what was installed as a dependency stays marked so when dnf upgrades it by name."""
        if not plan.timers:
            return ()
        command = ("systemctl", "start", *plan.timers)
        return (Step(id="start-timers", text=f"start {', '.join(plan.timers)} again", command=command, always=True),)

    def holder(self, output: str) -> Holder | None:
        """Who holds the database, as dnf says while it waits or when it gives up."""
        return dnf_lock.from_text(clean_lines(output))

    def progress(self, plan: HostPlan, status: str, output: str) -> tuple[int, str, float | None]:
        """Packages that are through, the current one, and per cent of the download."""
        del status  # dnf has no status file
        return dnf_progress.measure(plan, clean_lines(output))

    def outcome(self, host: Exec, plan: HostPlan, exit_status: int | None, status: str, output: str) -> Outcome:
        """The truth after the change. Raises SwarmError when the host cannot be asked."""
        del status
        return dnf_outcome.judge(read_dialect(host), host, plan, exit_status, output)

    def hold_argv(self, packages: Sequence[str], hold: bool) -> tuple[str, ...]:
        """Locks packages to their versions or releases them; widen them first with `Inventory.family_packages`."""
        return dnf_argv.hold_argv(packages, hold)

    def history(self, host: Exec, limit: int) -> tuple[HistoryEntry, ...]:
        """The newest transactions, newest first. Raises SwarmError."""
        return dnf_history.read(read_dialect(host), host, limit)

    def rollback_plan(self, host: Exec, entry: HistoryEntry, packages: Sequence[str]) -> HostPlan:
        """The builds before `entry`, as far as they can still be had. Raises SwarmError."""
        return dnf_rollback.make(read_dialect(host), host, entry, packages)

    def repairs(self) -> tuple[Repair, ...]:
        """Every repair step for dnf and rpm."""
        return dnf_repair.EVERY

    def changed(self, before: Sequence[Change], after: Sequence[Change]) -> tuple[Change, ...]:
        """The changes of the second simulation that the first one had not, then those that are gone."""
        old, new = (
            {(c.name, c.architecture, c.kind, c.installed, c.candidate): c for c in every} for every in (before, after)
        )
        return (*(new[key] for key in new if key not in old), *(old[key] for key in old if key not in new))
