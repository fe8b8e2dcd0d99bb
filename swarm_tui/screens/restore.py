"""The restore wizard: where to, what becomes of files that are there, a preview with numbers, and one last question."""

from __future__ import annotations

from msgspec import to_builtins
from msgspec.structs import replace
from textual.app import ComposeResult

from backends.backups.model import Archive, Job
from backends.backups.views import RestorePlan, RestoreRequest
from backends.errors import SwarmError
from swarm_tui.bridge import Fleet
from swarm_tui.keymap import Key
from swarm_tui.present import backup_text as text
from swarm_tui.present import restore as shown
from swarm_tui.present.host_line import wrap
from swarm_tui.present.line import Line
from swarm_tui.screens.backup_job import JobScreen
from swarm_tui.screens.base import BaseScreen
from swarm_tui.screens.confirm import Confirm, ConfirmTyped
from swarm_tui.widgets.lines import LinesView

QUESTION_CELLS = 70
_CHOICES = frozenset(f"restore.{name}" for name in ("preview", "original", "directory", "host", "conflict"))


class RestoreScreen(BaseScreen):
    """One restore. Nothing is changed before its plan is approved."""

    SCOPES = ("restore",)
    MODE = "backups"

    def __init__(self, request: RestoreRequest, archive: Archive | None, plan: RestorePlan | None = None):
        """Without an archive there is nothing to choose: `plan` puts one file back."""
        super().__init__()
        self.request, self._archive, self.plan = request, archive, plan
        self._asked = 0
        """Number of the question whose answer is waited for; 0: none."""
        self._questions = 0
        self._error: SwarmError | None = None
        self._starting = False
        self._job = ""

    def body(self) -> ComposeResult:
        yield LinesView(id="main")

    def crumbs(self) -> tuple[str, ...]:
        return ("backups", self.request.archive or "one file", "restore")

    @property
    def target(self) -> str:
        """The host that files go to."""
        return self.request.host or (self._archive.host if self._archive else self.plan.host if self.plan else "")

    def subject(self) -> tuple[str, ...]:
        return (self.target,) if self.target else ()

    # Drawing ----------------------------------------------------------------------------------------------------

    def on_fleet(self, fleet: Fleet) -> None:
        self.draw()

    def draw(self) -> None:
        """Bring the page up to date."""
        if not self.is_mounted or not self.query("#main"):
            return
        width, now = max(40, self.size.width - 3), self.console.fleet().time(self.console.monotonic())
        lines = shown.page_lines(self.request, self._archive, self.plan, now, width)
        if self._asked:
            lines += wrap(f"asking {self.target}…", width, 0, "warn")
        if self._error is not None:
            lines += wrap(f"✖ {self._error.message}", width, 2, "bad")
            lines += wrap(f"→ {self._error.hint}", width, 2, "accent") if self._error.hint else []
        self.query_one("#main", LinesView).set_lines([((" ", "text"), *each) if each else () for each in lines])

    def _changed(self) -> None:
        if self.is_current:
            self.draw()
            self.refresh_frame()

    def status(self) -> tuple[Line, Line]:
        if self._starting:
            return (("starting…", "warn"),), ()
        return (("nothing was changed yet", "dim"),), ()

    def refusal(self, key: Key) -> str:
        if self._starting or self._job:
            return "already starting" if key.scope == "restore" else ""
        if key.id in _CHOICES and self._archive is None:
            return "this plan puts one file back where it was"
        if key.id in ("restore.approve", "restore.yank") and self.plan is None:
            return "Enter shows what would be done first"
        if key.id == "restore.approve" and self.plan is not None and not self.plan.files:
            return "the plan restores nothing"
        return ""

    # Choosing ---------------------------------------------------------------------------------------------------

    def _choose(self, **chosen: str) -> None:
        """Another wish: what was planned holds no more."""
        self.request = replace(self.request, **chosen)
        self.plan, self._asked, self._error = None, 0, None
        self._changed()

    def action_original(self) -> None:
        self._choose(directory="")

    def action_directory(self) -> None:
        def wanted(directory: str) -> None:
            if directory.strip().startswith("/"):
                self._choose(directory=directory.strip())
            else:
                self.console.say("a directory begins with /", "warning")

        self.ask("directory ", self.request.directory or "/", wanted)

    def action_host(self) -> None:
        def wanted(host: str) -> None:
            if host.strip() in self.console.fleet().rows:
                self._choose(host=host.strip())
            else:
                self.console.say(f"no host is called {host.strip()}", "warning")

        self.ask("host ", "", wanted, complete=self._hosts)

    def _hosts(self, begun: str) -> list[str]:
        return sorted(name for name in self.console.fleet().rows if name.startswith(begun) and name.isprintable())[:50]

    def action_conflict(self) -> None:
        at = shown.CONFLICTS.index(self.request.conflict)
        self._choose(conflict=shown.CONFLICTS[(at + 1) % len(shown.CONFLICTS)])

    # The plan ---------------------------------------------------------------------------------------------------

    def action_preview(self) -> None:
        self._questions += 1
        question = self._asked = self._questions
        self._error = None
        params = {"request": to_builtins(self.request)}

        def got(plan: RestorePlan) -> None:
            if question == self._asked:
                self._asked, self.plan = 0, plan
                self._changed()

        def failed(error: SwarmError) -> None:
            if question == self._asked:
                self._asked, self._error = 0, error
                self._changed()

        self.console.link.request("backups.restore_plan", params, RestorePlan, got, failed)
        self._changed()

    def action_approve(self) -> None:
        plan = self.plan
        if plan is None:
            return
        title = f"Restore {text.some(plan.files, 'file')} to {plan.host}?"
        lines = shown.question(plan, QUESTION_CELLS)
        if shown.destructive(plan.request) and self._archive is not None:
            self.app.push_screen(ConfirmTyped(title, lines, plan.host), self._answered)
        else:
            self.app.push_screen(Confirm(title, lines), self._answered)

    def _answered(self, yes: bool | None) -> None:
        if not yes or self.plan is None:
            return
        self._starting = True
        params = {"plan": self.plan.id, "hash": self.plan.hash}
        self.console.link.request("backups.restore", params, Job, self._started, self._failed)
        self._changed()

    def _started(self, job: Job) -> None:
        self._starting, self._job = False, job.id
        if self.is_current:
            self.app.switch_screen(JobScreen(job.id))
        else:
            self.console.say("the restore began: 4 shows it")

    def on_screen_resume(self) -> None:
        if self._job:
            self.app.switch_screen(JobScreen(self._job))

    def _failed(self, error: SwarmError) -> None:
        self._starting, self._error = False, error
        self.console.failed(error)
        self._changed()

    def action_yank(self) -> None:
        if self.plan is not None:
            self.console.yank(self.plan.command, "the Borg line")
