"""apt as one of the package managers: puts together what the other apt modules do, one subject each."""

from __future__ import annotations

from collections.abc import Sequence

from backends.execution import Exec, ExecResult
from backends.text import clean_lines
from backends.updates import (
    apt_argv,
    apt_history,
    apt_inventory,
    apt_lock,
    apt_outcome,
    apt_plan,
    apt_progress,
    apt_refresh,
    apt_repair,
    apt_rollback,
)
from backends.updates.answers import answer
from backends.updates.base import ENVIRONMENT
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


class Apt:
    """Debian's and Ubuntu's package manager. See `backends.updates.base.Manager`."""

    name: ManagerName = "apt"

    def refresh_argv(self) -> tuple[str, ...]:
        """Renews the package lists; ends with an error also when only one mirror is dead."""
        return apt_argv.refresh_argv()

    def judge_refresh(self, result: ExecResult) -> tuple[str, ...]:
        """Problems of a refresh, one sentence each."""
        return apt_refresh.judge(answer(result).both, result.exit_status)

    def inventory(self, host: Exec, now: float) -> Inventory:
        """Everything that could change, with security by the intermediate versions. Raises SwarmError."""
        return apt_inventory.take(host, now)

    def plan(self, host: Exec, inventory: Inventory, selection: Selection) -> HostPlan:
        """The simulated result of the very arguments that would be applied. Raises SwarmError."""
        return apt_plan.make(host, inventory, selection)

    def again(self, host: Exec, plan: HostPlan) -> HostPlan:
        """The approved plan's own arguments, simulated now. Raises SwarmError when the host cannot be asked."""
        return apt_plan.again(host, plan)

    def prefetch_argv(self, plan: HostPlan) -> tuple[str, ...]:
        """Fetches the plan's packages into the host's cache."""
        return apt_argv.prefetch_argv(apt_argv.install_words(plan))

    def apply_argv(self, plan: HostPlan, run: str) -> tuple[str, ...]:
        """The change itself; writes its status lines to file descriptor `apt_argv.STATUS_FD`. Raises BadInput."""
        return apt_argv.apply_argv(apt_argv.install_words(plan), run)

    def before_steps(self, plan: HostPlan) -> tuple[Step, ...]:
        """apt's own timers must not start an upgrade in the middle of ours."""
        if not plan.timers:
            return ()
        command = ("systemctl", "stop", *plan.timers)
        return (Step(id="stop-timers", text=f"stop {', '.join(plan.timers)}", command=command),)

    def after_steps(self, plan: HostPlan) -> tuple[Step, ...]:
        """Naming a package marks it as wanted by hand; what came as a dependency is marked so again."""
        steps: list[Step] = []
        if plan.automatic:
            text = f"mark {len(plan.automatic)} packages as automatically installed again"
            command = (*ENVIRONMENT, "apt-mark", "auto", *plan.automatic)
            steps.append(Step(id="mark-automatic", text=text, command=command, always=True))
        if plan.timers:
            command = ("systemctl", "start", *plan.timers)
            steps.append(
                Step(id="start-timers", text=f"start {', '.join(plan.timers)} again", command=command, always=True)
            )
        return tuple(steps)

    def holder(self, output: str) -> Holder | None:
        """Who holds the lock, as apt says while it waits or when it gives up; nobody once it went on."""
        return apt_lock.waited_for(clean_lines(output))

    def progress(self, plan: HostPlan, status: str, output: str) -> tuple[int, str, float | None]:
        """Packages that are through, the current one, and per cent of the download."""
        del output  # apt's status lines tell more, and more reliably
        found = apt_progress.read(status)
        planned = {change.name for change in plan.changes}
        return len(found.done & planned), found.current, found.download_percent

    def outcome(self, host: Exec, plan: HostPlan, exit_status: int | None, status: str, output: str) -> Outcome:
        """The truth after the change. Raises SwarmError when the host cannot be asked."""
        return apt_outcome.judge(host, plan, exit_status, status, output)

    def hold_argv(self, packages: Sequence[str], hold: bool) -> tuple[str, ...]:
        """Holds or releases packages; the driver family (`Inventory.family_packages`) always as a whole."""
        return apt_argv.hold_argv(packages, hold)

    def history(self, host: Exec, limit: int) -> tuple[HistoryEntry, ...]:
        """The newest transactions, newest first, rotated logs included. Raises SwarmError."""
        return apt_history.read(host, limit)

    def rollback_plan(self, host: Exec, entry: HistoryEntry, packages: Sequence[str]) -> HostPlan:
        """The versions before `entry`, as far as they can still be had. Raises SwarmError."""
        return apt_rollback.make(host, entry, packages)

    def repairs(self) -> tuple[Repair, ...]:
        """Every repair step for apt and dpkg."""
        return apt_repair.EVERY

    def changed(self, before: Sequence[Change], after: Sequence[Change]) -> tuple[Change, ...]:
        """The changes of the second simulation that the first one had not, then those that are gone."""
        old, new = (
            {(c.name, c.architecture, c.kind, c.installed, c.candidate): c for c in every} for every in (before, after)
        )
        return (*(new[key] for key in new if key not in old), *(old[key] for key in old if key not in new))
