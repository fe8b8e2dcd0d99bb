"""zypper as one of the package managers: puts together what the other zypper modules do, one subject each."""

from __future__ import annotations

from collections.abc import Sequence

from backends.execution import Exec, ExecResult
from backends.updates import (
    zypper_argv,
    zypper_history,
    zypper_inventory,
    zypper_outcome,
    zypper_plan,
    zypper_refresh,
    zypper_repair,
    zypper_rollback,
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
from backends.updates.zypper_xml import parse


class Zypper:
    """SUSE's package manager. See `backends.updates.base.Manager`."""

    name: ManagerName = "zypper"

    def refresh_argv(self) -> tuple[str, ...]:
        """Renews the lists of every repository."""
        return zypper_argv.REFRESH

    def judge_refresh(self, result: ExecResult) -> tuple[str, ...]:
        """Problems of a refresh, one sentence each."""
        return zypper_refresh.judge(answer(result).both, result.exit_status)

    def inventory(self, host: Exec, now: float) -> Inventory:
        """Everything that could change, with what the patches say. Raises SwarmError."""
        return zypper_inventory.take(host, now)

    def plan(self, host: Exec, inventory: Inventory, selection: Selection) -> HostPlan:
        """The simulated result of the very arguments that would be applied. Raises SwarmError."""
        return zypper_plan.make(host, inventory, selection)

    def again(self, host: Exec, plan: HostPlan) -> HostPlan:
        """The approved plan's own arguments, simulated now. Raises SwarmError when the host cannot be asked."""
        return zypper_plan.again(host, plan)

    def prefetch_argv(self, plan: HostPlan) -> tuple[str, ...]:
        """Fetches the plan's packages into the host's cache. Raises BadInput."""
        return zypper_argv.prefetch_argv(plan)

    def apply_argv(self, plan: HostPlan, run: str) -> tuple[str, ...]:
        """The change itself, with `run` in zypper's history. Raises BadInput."""
        return zypper_argv.named_argv(plan, run)

    def before_steps(self, plan: HostPlan) -> tuple[Step, ...]:
        """The host's own update timers must not start in the middle of ours."""
        if not plan.timers:
            return ()
        command = ("systemctl", "stop", *plan.timers)
        return (Step(id="stop-timers", text=f"stop {', '.join(plan.timers)}", command=command),)

    def after_steps(self, plan: HostPlan) -> tuple[Step, ...]:
        """The timers go on."""
        if not plan.timers:
            return ()
        command = ("systemctl", "start", *plan.timers)
        return (Step(id="start-timers", text=f"start {', '.join(plan.timers)} again", command=command, always=True),)

    def holder(self, output: str) -> Holder | None:
        """Who holds the system, as zypper says when it gives up."""
        return zypper_outcome.holder(parse(output))

    def progress(self, plan: HostPlan, status: str, output: str) -> tuple[int, str, float | None]:
        """Packages that are through, the current one, and per cent of the download."""
        del status  # zypper has no status file
        return zypper_outcome.measure(plan, output)

    def outcome(self, host: Exec, plan: HostPlan, exit_status: int | None, status: str, output: str) -> Outcome:
        """The truth after the change. Raises SwarmError when the host cannot be asked."""
        del status
        return zypper_outcome.judge(host, plan, exit_status, output)

    def hold_argv(self, packages: Sequence[str], hold: bool) -> tuple[str, ...]:
        """Locks packages or releases them; widen them first with `Inventory.family_packages`."""
        return zypper_argv.hold_argv(packages, hold)

    def history(self, host: Exec, limit: int) -> tuple[HistoryEntry, ...]:
        """The newest commands, newest first. Raises SwarmError."""
        return zypper_history.read(host, limit)

    def rollback_plan(self, host: Exec, entry: HistoryEntry, packages: Sequence[str]) -> HostPlan:
        """The versions before `entry`, as far as they can still be had. Raises SwarmError."""
        return zypper_rollback.make(host, entry, packages)

    def repairs(self) -> tuple[Repair, ...]:
        """Every repair step for zypper and rpm."""
        return zypper_repair.EVERY

    def changed(self, before: Sequence[Change], after: Sequence[Change]) -> tuple[Change, ...]:
        """The changes of the second simulation that the first one had not, then those that are gone."""
        old, new = (
            {(c.name, c.architecture, c.kind, c.installed, c.candidate): c for c in every} for every in (before, after)
        )
        return (*(new[key] for key in new if key not in old), *(old[key] for key in old if key not in new))
