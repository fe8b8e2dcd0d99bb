"""What can be done with a run and with the host at the cursor: each is refused with its reason, asked in its tier, and said."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from backends.inventory.ranges import fold
from backends.maintenance.model import HostRun, RunPlan, RunState, RunStatus, Stage
from backends.maintenance.views import RunView
from backends.maintenance.worker import Look
from swarm_tui.keymap import Key
from swarm_tui.present import run_header
from swarm_tui.present.host_line import wrap
from swarm_tui.present.line import Line
from swarm_tui.present.run_text import hosts as counted
from swarm_tui.present.run_text import said_of, step_of, word_to_type
from swarm_tui.screens.base import BaseScreen
from swarm_tui.screens.confirm import AskLine, Confirm, ConfirmTyped
from swarm_tui.screens.listing import Listing

QUESTION_CELLS = 70
"""Of a dialog's text."""
SHORT_HASH = 12
LIVE = frozenset({RunStatus.RUNNING, RunStatus.PAUSED, RunStatus.STOPPED})
HELD = frozenset({RunStatus.PAUSED, RunStatus.STOPPED})
ABORT_WORD = "abort"


class RunActions(Listing, BaseScreen):
    """One run; the screen draws it and asks for news (`look_again`)."""

    ACTS: ClassVar[frozenset[str]] = frozenset(
        ("start", "hold", "undo", "abort", "promote", "skip", "retry", "answer", "note", "approve")
    )
    """What changes something: refused where only looking is allowed."""

    def __init__(self, run_id: str) -> None:
        super().__init__()
        self.run_id = run_id
        self.view: RunView | None = None
        self.plan: RunPlan | None = None
        self.hosts: dict[str, HostRun] = {}
        self.paused_here = False
        """The last thing that was done here was to pause it: `u` takes that back."""

    # What the screen provides -----------------------------------------------------------------------------------

    @property
    def current(self) -> HostRun | None:
        """The host under the cursor."""
        raise NotImplementedError

    def look_again(self) -> None:
        """Ask for the newest picture at once."""
        raise NotImplementedError

    @property
    def now(self) -> float:
        """Epoch seconds, as the engine has them."""
        return self.console.fleet().time(self.console.monotonic())

    # Refusals ---------------------------------------------------------------------------------------------------

    def refusal(self, key: Key) -> str:
        if key.scope != "board":
            return ""
        if key.action in self.ACTS and self.console.read_only:
            return "read-only"
        view = self.view
        if view is None or self.plan is None:
            return "" if key.action in ("report", "yank") else "the run is not known yet"
        return self._against_run(key.action, view, self.plan) or self._against_host(key.action, self.current)

    def _against_run(self, action: str, view: RunView, plan: RunPlan) -> str:
        if action == "start" and view.status is not RunStatus.WAITING:
            return "it has begun already"
        if action == "start" and len(view.approvals) < plan.approvals:
            return f"{plan.approvals - len(view.approvals)} approvals are missing: A"
        if action == "approve" and view.status is not RunStatus.WAITING:
            return "it has begun already"
        if action == "approve" and len(view.approvals) >= plan.approvals:
            return "it needs no approval"
        if action == "hold" and view.status not in LIVE:
            return "it does not run"
        if action == "abort" and view.status not in LIVE | {RunStatus.WAITING}:
            return "it is over"
        if action == "undo" and not (self.paused_here and view.status is RunStatus.PAUSED):
            return "nothing to take back: only a pause can be, and a skip is asked first"
        if action == "promote" and plan.promote == "auto":
            return "it goes on by itself when the batch has soaked"
        if action == "promote" and view.promoted:
            return "it goes on already"
        if action == "promote" and (view.status not in LIVE or view.batch + 1 >= plan.batches):
            return "no batch waits for that"
        return ""

    def _against_host(self, action: str, host: HostRun | None) -> str:
        if action not in ("open", "skip", "retry", "answer", "host"):
            return ""
        if host is None:
            return "" if action == "open" else "no host here"
        if action == "skip" and host.stage not in (Stage.QUEUED, Stage.FAILED, Stage.ASKING):
            return "a host in work comes to its end" if host.stage is Stage.WORKING else "it is over"
        left = host.stage is Stage.FAILED or (host.stage is Stage.SKIPPED and host.step >= 0)
        if action == "retry" and not left:
            return "it did not fail"
        if action == "answer" and host.stage is not Stage.ASKING:
            return "it asks nothing"
        return ""

    # Asking the engine ------------------------------------------------------------------------------------------

    def act(self, method: str, said: str, **params: Any) -> None:
        """Ask `runs.<method>`, say what it came to, and look again."""

        def done(_: RunState) -> None:
            self.console.say(said)
            self.look_again()

        given = {"run": self.run_id, **params}
        self.console.link.request(f"runs.{method}", given, RunState, done, self.console.failed)

    def _on_yes(self, act: Callable[[], None]) -> Callable[[bool | None], None]:
        return lambda yes: act() if yes else None

    # The run ----------------------------------------------------------------------------------------------------

    def action_start(self) -> None:
        plan = self.plan
        if plan is None:
            return
        names = [each.host for each in plan.hosts]
        title = f"Start on {counted(len(names))}?"
        dialog = ConfirmTyped(title, self._plan_lines(plan), word_to_type(names))
        self.app.push_screen(dialog, self._on_yes(lambda: self.act("start", "it begins", hash=plan.hash)))

    def _plan_lines(self, plan: RunPlan) -> list[Line]:
        names = [each.host for each in plan.hosts]
        lines = wrap(f"{fold(names)} ({len(names)})", QUESTION_CELLS, 2, "strong")
        lines += wrap(" > ".join(step.text for step in plan.steps), QUESTION_CELLS, 2)
        budget = f"At most {plan.budget.fleet} away at once, stops at {plan.budget.failed} failed; by {plan.who}."
        lines += wrap(budget, QUESTION_CELLS, 2, "dim")
        return lines + wrap(f"Exactly the plan {plan.hash[:SHORT_HASH]}.", QUESTION_CELLS, 0, "dim")

    def action_hold(self) -> None:
        """Pause, or go on after a pause or a stop. A stop had a reason, so going on after it is asked first."""
        view = self.view
        if view is None:
            return
        if view.status is RunStatus.RUNNING:
            self.paused_here = True
            self.act("pause", "paused: hosts in work end their step, no other begins; u goes on")
        elif view.status is RunStatus.PAUSED:
            self._go_on()
        else:
            lines = wrap(view.why or "It stopped by itself.", QUESTION_CELLS, 2, "bad")
            lines += wrap(view.hint, QUESTION_CELLS, 2, "accent") if view.hint else []
            self.app.push_screen(Confirm("Go on all the same?", lines), self._on_yes(self._go_on))

    def _go_on(self) -> None:
        self.paused_here = False
        self.act("resume", "it goes on")

    def action_undo(self) -> None:
        self._go_on()

    def action_abort(self) -> None:
        waiting = [name for name, host in self.hosts.items() if host.stage is Stage.QUEUED]
        working = [name for name, host in self.hosts.items() if host.stage in (Stage.WORKING, Stage.ASKING)]
        lines = wrap("It ends for good; it cannot be resumed.", QUESTION_CELLS, 0, "strong")
        lines += wrap(f"Finished first, never killed: {fold(working) or 'no host'}", QUESTION_CELLS, 2)
        lines += wrap(f"Skipped: {fold(waiting) or 'no host'}", QUESTION_CELLS, 2)
        dialog = ConfirmTyped("Abort the run?", lines, ABORT_WORD)
        said = "aborted: hosts in work are finished, the others skipped"
        self.app.push_screen(dialog, self._on_yes(lambda: self.act("abort", said)))

    def action_promote(self) -> None:
        view, plan = self.view, self.plan
        if view is None or plan is None:
            return
        failed = [name for name, host in self.hosts.items() if host.stage is Stage.FAILED]
        lines = wrap(f"After {run_header.batch_words(plan, view.batch)} the next batch may begin.", QUESTION_CELLS)
        lines += wrap(f"Failed so far: {fold(failed) or 'none'}", QUESTION_CELLS, 2, "bad" if failed else "dim")
        dialog = Confirm("Go on with the next batch?", lines)
        self.app.push_screen(dialog, self._on_yes(lambda: self.act("promote", "the next batch may begin")))

    def action_approve(self) -> None:
        plan = self.plan
        if plan is None:
            return
        dialog = Confirm("Approve exactly this plan?", self._plan_lines(plan))
        self.app.push_screen(dialog, self._on_yes(lambda: self.act("approve", "approved", hash=plan.hash)))

    # The host at the cursor -------------------------------------------------------------------------------------

    def action_skip(self) -> None:
        host = self.current
        if host is None:
            return
        name = host.host
        held = "" if host.stage is Stage.QUEUED else " It stays as it is, and nobody gives it back."
        lines = wrap(f"{name} is left out of this run for good.{held}", QUESTION_CELLS)
        dialog = Confirm(f"Skip {name}?", lines)
        self.app.push_screen(dialog, self._on_yes(lambda: self.act("skip", f"{name} is skipped", host=name)))

    def action_retry(self) -> None:
        host, plan = self.current, self.plan
        if host is None or plan is None:
            return
        name, step = host.host, step_of(plan, host)
        lines = wrap(f"Once more: {step.text if step else 'from the beginning'}", QUESTION_CELLS, 2, "strong")
        lines += wrap(host.text, QUESTION_CELLS, 2, "bad") if host.text else []
        dialog = Confirm(f"Try {name} again?", lines)
        self.app.push_screen(dialog, self._on_yes(lambda: self.act("retry", f"{name} goes on", host=name)))

    def action_answer(self) -> None:
        host, plan = self.current, self.plan
        if host is None or plan is None:
            return
        name, step = host.host, step_of(plan, host)
        look: Look | None = self.view.looks.get(name) if self.view else None
        where = f"{step.text}: " if step else ""
        lines = wrap(where + said_of(host, look), QUESTION_CELLS, 2, "warn")
        lines += wrap(f"→ {host.hint}", QUESTION_CELLS, 2, "accent") if host.hint else []
        lines += [
            (),
            *wrap("Your words go into the report; Esc leaves it waiting, x skips it.", QUESTION_CELLS, 0, "dim"),
        ]

        def answered(text: str | None) -> None:
            if text:
                self.act("answer", f"{name} goes on", host=name, text=text)

        self.app.push_screen(AskLine(f"{name} asks", lines), answered)

    def action_note(self) -> None:
        host = self.current
        lines = wrap("It goes into the report, with your name and the time.", QUESTION_CELLS, 0, "dim")
        about = {"host": host.host} if host else {}

        def answered(text: str | None) -> None:
            if text:
                self.act("note", "noted", text=text, **about)

        self.app.push_screen(AskLine(f"A note on {host.host if host else 'the run'}", lines), answered)
