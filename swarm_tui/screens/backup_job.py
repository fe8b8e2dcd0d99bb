"""One backup job while it runs and after it: progress, trust, outcome; cancel it, keep a restore or put it back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textual.app import App, ComposeResult

from backends.backups.model import ENDED, Archive, Job, JobState
from backends.errors import SwarmError
from swarm_tui.bridge import Fleet
from swarm_tui.keymap import Key
from swarm_tui.present import backup_job as shown
from swarm_tui.present import backup_text as text
from swarm_tui.present.line import Line
from swarm_tui.screens.backup_page import PageScreen
from swarm_tui.screens.base import BaseScreen, Console
from swarm_tui.screens.confirm import Confirm
from swarm_tui.widgets.lines import LinesView


class JobScreen(BaseScreen):
    """One job. Leaving it ends nothing."""

    SCOPES = ("job",)
    MODE = "backups"

    def __init__(self, job: str):
        super().__init__()
        self._job_id = job
        self.job: Job | None = None
        self._error = ""
        self._asking = False

    def body(self) -> ComposeResult:
        yield LinesView(id="main")

    def crumbs(self) -> tuple[str, ...]:
        return ("backups", f"job {self._job_id}")

    # Data -------------------------------------------------------------------------------------------------------

    @property
    def _live(self) -> bool:
        return self.job is None or self.job.state not in ENDED or self.job.confirm_by is not None

    def on_fleet(self, fleet: Fleet) -> None:
        if self._live and not self._asking and self.console.frozen_since is None:
            self._asking = True
            self.console.link.request("backups.job", {"job": self._job_id}, Job, self._got, self._failed)
        self.draw()

    def _got(self, job: Job) -> None:
        self._asking, self._error, self.job = False, "", job
        self._draw_if_shown()

    def _failed(self, error: SwarmError) -> None:
        self._asking, self._error = False, error.message
        self._draw_if_shown()

    def _draw_if_shown(self) -> None:
        if self.is_current:
            self.draw()
            self.refresh_frame()

    def draw(self) -> None:
        """Bring the page up to date."""
        if not self.is_mounted or not self.query("#main"):
            return
        view, width = self.query_one("#main", LinesView), max(40, self.size.width - 3)
        if self.job is None:
            said: Line = ((f" {self._error or 'asking the engine…'}", "warn" if self._error else "dim"),)
            view.set_lines([(), said])
            return
        now = self.console.fleet().time(self.console.monotonic())
        lines = shown.job_lines(self.job, now, width, self.console.glyphs)
        view.set_lines([((" ", "text"), *each) if each else () for each in lines])

    def subject(self) -> tuple[str, ...]:
        return (self.job.host,) if self.job else ()

    def status(self) -> tuple[Line, Line]:
        if self._error:
            return ((self._error, "warn"),), ()
        going = self.job is not None and self.job.state not in ENDED
        return ((("going on; leaving this page ends nothing", "dim"),) if going else ()), ()

    @property
    def _archive(self) -> Archive | None:
        outcome = self.job.outcome if self.job else None
        return outcome.archive if outcome else None

    def refusal(self, key: Key) -> str:
        job = self.job
        if key.scope != "job":
            return ""
        if job is None:
            return "not known yet"
        if key.action == "cancel" and job.state in ENDED:
            return "it has ended"
        if key.action == "open" and self._archive is None:
            return "it made no archive"
        if key.action == "keep" and job.confirm_by is None:
            return "nothing waits to be kept"
        if key.action == "undo" and not shown.undoable(job) and job.confirm_by is None:
            return "only a finished restore is put back"
        return "the command is not known yet" if key.action == "yank" and not job.command else ""

    # Actions ----------------------------------------------------------------------------------------------------

    def action_log(self) -> None:
        self.app.push_screen(log_page(self._job_id))

    def action_open(self) -> None:
        from swarm_tui.screens.backup_browser import BrowserScreen  # late: only when an archive is opened

        if self._archive is not None:
            self.app.push_screen(BrowserScreen(self._archive))

    def action_cancel(self) -> None:
        if self.job is not None:
            ask_cancel(self.console, self.app, self.job, self._got)

    def action_keep(self) -> None:
        lines: list[Line] = [
            (("Only when you are sure that you can still log in: the way back ends with it.", "text"),),
        ]
        self._ask("Keep what was restored?", lines, "restore_confirm")

    def action_undo(self) -> None:
        lines: list[Line] = [(("The saved copies go back into place, and what was restored is removed.", "text"),)]
        self._ask("Put back what was there before?", lines, "restore_undo")

    def _ask(self, title: str, lines: list[Line], method: str) -> None:
        job = self.job
        if job is None:
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self.console.link.request(
                    f"backups.{method}", {"job": self._job_id}, Job, self._followed, self.console.failed
                )

        self.app.push_screen(Confirm(title, [((f"  {text.title(job)}", "strong"),), (), *lines]), answered)

    def _followed(self, job: Job) -> None:
        """The answer may be a job of its own."""
        if job.id != self._job_id and self.is_current:
            self.app.switch_screen(JobScreen(job.id))
        else:
            self._got(job)

    def action_yank(self) -> None:
        if self.job is not None:
            self.console.yank(self.job.command, "the Borg line")


def log_page(job: str) -> PageScreen:
    """What Borg and the job said, growing."""
    return PageScreen((f"job {job}", "log"), "log", {"job": job}, follow=True, empty="nothing was said yet")


def ask_cancel(console: Console, app: App[Any], job: Job, done: Callable[[Job], None]) -> None:
    """First ask it to end and keep its checkpoint; a job that was asked already may be ended at once."""
    force = job.state is JobState.CANCELLING
    kept: Line = (("It ends soon and keeps what it has as a checkpoint, from which the next run goes on.", "dim"),)
    lost: Line = (("It ends at once; what came after its last checkpoint is read again next time.", "warn"),)
    lines: list[Line] = [((f"  {text.title(job)}", "strong"),), (), lost if force else kept]

    def answered(yes: bool | None) -> None:
        if yes:
            params: dict[str, object] = {"job": job.id, "force": force}
            console.link.request("backups.cancel", params, Job, done, console.failed)

    app.push_screen(Confirm("End it at once?" if force else "Cancel this job?", lines), answered)
