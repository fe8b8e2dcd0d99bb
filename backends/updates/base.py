"""What every package manager can do for us: one module a manager, pure argv builders and parsers behind this protocol.

A method that talks to the host takes an `Exec`; nothing else does I/O, so each manager is tested from captured output.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from backends.execution import Exec, ExecResult
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

ENVIRONMENT = ("env", "LC_ALL=C.UTF-8", "LANG=C.UTF-8")
"""Before every package manager: its texts are parsed, so they must not be translated."""


class Manager(Protocol):
    """One package manager."""

    name: ManagerName

    def refresh_argv(self) -> tuple[str, ...]:
        """Renews the package lists (root), without changing a package."""

    def judge_refresh(self, result: ExecResult) -> tuple[str, ...]:
        """Problems of a refresh, one sentence each; judged by text, the exit status is not enough."""

    def inventory(self, host: Exec, now: float) -> Inventory:
        """Everything that could change, found without changing the host. Raises SwarmError."""

    def plan(self, host: Exec, inventory: Inventory, selection: Selection) -> HostPlan:
        """Select, then simulate with exactly the arguments that would be applied."""

    def again(self, host: Exec, plan: HostPlan) -> HostPlan:
        """Simulate the approved plan's own arguments once more, now: what differs from `plan` refuses the apply.

        Made the same way as `plan` was (also for a rollback); an approved plan that no longer can be simulated comes
        back with its `error` set, never as an exception, unless the host cannot be reached. Raises SwarmError.
        """

    def prefetch_argv(self, plan: HostPlan) -> tuple[str, ...]:
        """Downloads what the plan needs, installs nothing; empty when there is nothing to be fetched in advance."""

    def apply_argv(self, plan: HostPlan, run: str) -> tuple[str, ...]:
        """Applies exactly the plan, non-interactively; `run` tags the transaction where the manager can."""

    def before_steps(self, plan: HostPlan) -> tuple[Step, ...]:
        """What runs before `apply_argv`, in order; a failure of one means that nothing is applied."""

    def after_steps(self, plan: HostPlan) -> tuple[Step, ...]:
        """What runs after `apply_argv`, in order, to put back what the change or `before_steps` took away."""

    def holder(self, output: str) -> Holder | None:
        """Who holds the lock that a change waits for or was refused by, as its output tells; None: nobody."""

    def progress(self, plan: HostPlan, status: str, output: str) -> tuple[int, str, float | None]:
        """From the status and output files: packages done, current package, download per cent."""

    def outcome(self, host: Exec, plan: HostPlan, exit_status: int | None, status: str, output: str) -> Outcome:
        """The truth after the change, from the texts and from the host's state now."""

    def hold_argv(self, packages: Sequence[str], hold: bool) -> tuple[str, ...]:
        """Holds or releases packages."""

    def history(self, host: Exec, limit: int) -> tuple[HistoryEntry, ...]:
        """The newest transactions, newest first."""

    def rollback_plan(self, host: Exec, entry: HistoryEntry, packages: Sequence[str]) -> HostPlan:
        """A plan that brings the versions before `entry` back (only `packages`, when given)."""

    def repairs(self) -> tuple[Repair, ...]:
        """Every repair step that this manager knows."""

    def changed(self, before: Sequence[Change], after: Sequence[Change]) -> tuple[Change, ...]:
        """What differs between two simulations, for the refusal message."""
