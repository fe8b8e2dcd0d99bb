"""What the Backups screen starts: backups, checks, drills, new repositories; and the end of a job."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from backends.backups.model import Job
from backends.backups.views import RestoreRequest, SetStatus
from swarm_tui.present import backup_preview as preview
from swarm_tui.present import backup_text as text
from swarm_tui.present.line import Line
from swarm_tui.screens.backup_job import ask_cancel, log_page
from swarm_tui.screens.backup_meant import Meant, orders
from swarm_tui.screens.confirm import Confirm
from swarm_tui.screens.menu import Choice, Menu

QUESTION_CELLS = 70
"""Of a dialog's text."""
Jobs = dict[str, tuple[Job, ...]]


class BackupActions(Meant):
    """Actions about the rows that are meant."""

    # Starting ---------------------------------------------------------------------------------------------------

    def action_backup(self) -> None:
        sets = self.sets()
        first = sets[0]
        params = {"action": "backup", "repository": first.repository, "set": first.set}
        self._with_line(params, lambda command: self._ask_backup(sets, command))

    def _with_line(self, params: dict[str, str], then: Callable[[str], None]) -> None:
        """Go on with the exact Borg line of an action, or with why it is not known."""
        self.console.link.request(
            "backups.line",
            params,
            dict[str, tuple[str, ...]],
            lambda answer: then(" && ".join(answer.get("lines", ()))),
            lambda error: then(f"(the Borg line is not known yet: {error.message})"),
        )

    def _ask_backup(self, sets: Sequence[SetStatus], command: str) -> None:
        tasks = [(each.set, each.host, each.repository) for each in sets]
        lines = preview.start_question(tasks, command, [each.trust for each in sets], QUESTION_CELLS)
        self._confirm(f"Back up {text.some(len(sets), 'set')} now?", lines, lambda: self.start("backup", sets))

    def _confirm(self, title: str, lines: list[Line], then: Callable[[], None]) -> None:
        self.app.push_screen(Confirm(title, lines), lambda yes: then() if yes else None)

    def start(self, action: str, sets: Sequence[SetStatus], level: str = "") -> None:
        """Queue jobs for exactly these sets, or for the repositories that they are in."""
        for order in orders(sets, whole=action in ("check", "init")):
            params: dict[str, Any] = {
                "action": action,
                "select": ",".join(order.hosts),
                "sets": list(order.sets),
                "repositories": [order.place],
            }
            params |= {"level": level} if level else {}
            self.console.link.request("backups.start", params, Jobs, self._began, self.console.failed)
        self.marks[self.side] = set()

    def _began(self, answer: Jobs) -> None:
        jobs = answer.get("jobs", ())
        self._asked = -1e9
        if len(jobs) == 1:
            self.console.say(f"queued: {text.title(jobs[0])}")
        else:
            self.console.say(f"{len(jobs)} jobs queued; the Jobs view shows them")
        self.refresh_now()

    def action_drill(self) -> None:
        self.start("drill", self.sets())

    def action_check(self) -> None:
        sets, many = self.sets(), len(self.repositories())
        choices = [
            Choice("q", "quick", "segments", "the repository's own checksums; minutes"),
            Choice("a", "archives", "archives", "also that every archive's lists are whole"),
            Choice("d", "data", "every byte", "decrypts and verifies all data; as long as reading all of it"),
        ]
        about: list[Line] = [((f"On {text.some(many, 'repository')}; nothing is changed.", "dim"),)]
        self.app.push_screen(
            Menu("Check", about, choices), lambda level: self.start("check", sets, level) if level else None
        )

    def action_init(self) -> None:
        sets = self.sets()
        first = sets[0]
        params = {"action": "init", "repository": first.repository, "set": first.set}
        names: list[Line] = [((f"  {key}  {self.location(key)}", "strong"),) for key in self.repositories()[:12]]

        def ask(command: str) -> None:
            lines: list[Line] = [*names, *preview.start_question((), command, (), QUESTION_CELLS)]
            title = f"Make {text.some(len(self.repositories()), 'repository')}?"
            self._confirm(title, lines, lambda: self.start("init", sets))

        self._with_line(params, ask)

    # A job ------------------------------------------------------------------------------------------------------

    def action_cancel(self) -> None:
        job = self.job()
        if job is not None:
            ask_cancel(self.console, self.app, job, lambda _: self._look_again())

    def _look_again(self) -> None:
        self._asked = -1e9
        self.refresh_now()

    def action_log(self) -> None:
        job = self.job()
        if job is not None:
            self.app.push_screen(log_page(job.id))

    # Going on ---------------------------------------------------------------------------------------------------

    def action_restore(self) -> None:
        here = self.one_set()
        if here is not None and here.last is not None:
            self.open_restore(RestoreRequest(repository=here.repository, archive=here.last.name), here.last)

    def action_drift(self) -> None:
        from swarm_tui.screens.drift import DriftScreen  # late: only when it is looked at

        self.app.push_screen(DriftScreen(self.subject()))

    def action_find(self) -> None:
        self.find(",".join(self.subject()) if self.marks[self.side] else "")

    def action_refresh(self) -> None:
        self.console.link.request("backups.refresh", {}, dict, lambda _: self._refreshed(), self.console.failed)
        self.console.say("asking every repository what it holds")

    def _refreshed(self) -> None:
        self.console.say("every repository was asked")
        self._look_again()

    def action_yank(self) -> None:
        job = self.job() if self.side == "jobs" else None
        if job is not None:
            self.console.yank(job.command, "the Borg line")
            return
        here = self.sets()[0]
        action = "backup" if self.side == "sets" else "check"
        params = {"action": action, "repository": here.repository, "set": here.set}

        def got(answer: dict[str, tuple[str, ...]]) -> None:
            self.console.yank("\n".join(answer.get("lines", ())), "the Borg line")

        kind = dict[str, tuple[str, ...]]
        self.console.link.request("backups.line", params, kind, got, self.console.failed)
