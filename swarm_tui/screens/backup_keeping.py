"""What is done with a repository from the Backups screen: prune, undo, compact, heal, its key, its lock, its freeze."""

from __future__ import annotations

from typing import Any

from backends.backups.model import Escrow, Job
from backends.backups.views import LockReport, RepositoryStatus
from swarm_tui.present import backup_about as shown
from swarm_tui.present import backup_text as text
from swarm_tui.present.host_line import wrap
from swarm_tui.present.line import Line
from swarm_tui.screens.backup_about import about
from swarm_tui.screens.backup_actions import QUESTION_CELLS, BackupActions
from swarm_tui.screens.backup_job import JobScreen
from swarm_tui.screens.backup_page import PageScreen
from swarm_tui.screens.backup_preview import CompactScreen, HealScreen, PruneScreen
from swarm_tui.screens.confirm import AskLine, Confirm, ConfirmTyped
from swarm_tui.screens.menu import Choice, Menu

LETTERS = "abcdefghijklmnopqrstuvwxyz"
NO_COPY = "not for the clipboard: swarm-tui backup key export prints it"


class RepositoryActions(BackupActions):
    """Actions about one repository."""

    # Retention --------------------------------------------------------------------------------------------------

    def action_prune(self) -> None:
        sets = self.sets()
        if len(sets) == 1:
            self.app.push_screen(PruneScreen(sets[0].repository, sets[0].set))
            return
        choices = [Choice(letter, each.set, each.set) for letter, each in zip(LETTERS, sets, strict=False)]
        place = self.repositories()[0]

        def chosen(name: str | None) -> None:
            if name:
                self.app.push_screen(PruneScreen(place, name))

        self.app.push_screen(Menu(f"Prune which set of {place}?", [], choices), chosen)

    def action_undo(self) -> None:
        place = self.repository()
        if place is None:
            return
        said = text.held(place, self.now) or "What was pruned or deleted since the last compaction comes back."
        lines = [
            *wrap(said, QUESTION_CELLS),
            (),
            *wrap("Nobody may write into it meanwhile.", QUESTION_CELLS, 0, "dim"),
        ]
        self._job(f"Undo the prune of {place.key}?", lines, "undo", {"repository": place.key})

    def _job(self, title: str, lines: list[Line], method: str, params: dict[str, Any]) -> None:
        """A last question, then a job whose page opens."""

        def answered(yes: bool | None) -> None:
            if yes:
                self.console.link.request(f"backups.{method}", params, Job, self._follow, self.console.failed)

        self.app.push_screen(Confirm(title, lines), answered)

    def _follow(self, job: Job) -> None:
        if self.is_current:
            self.app.push_screen(JobScreen(job.id))
        else:
            self.console.say(f"{text.title(job)} began: 4 shows it")

    def action_compact(self) -> None:
        place = self.repository()
        if place is not None:
            self.app.push_screen(CompactScreen(place.key))

    def action_heal(self) -> None:
        place = self.repository()
        if place is not None:
            self.app.push_screen(HealScreen(place.key))

    def action_release(self) -> None:
        place = self.repository()
        if place is None:
            return
        lines = [*wrap(place.frozen, QUESTION_CELLS, 0, "warn"), ()]
        lines += wrap("Afterwards the retention may remove archives again.", QUESTION_CELLS, 0, "dim")
        done = f"{place.key} may be pruned again"
        params = {"repository": place.key}
        self._simple(f"End the freeze of {place.key}?", lines, "release", params, done)

    def _simple(self, title: str, lines: list[Line], method: str, params: dict[str, Any], done: str) -> None:
        def answered(yes: bool | None) -> None:
            if yes:
                self.console.link.request(
                    f"backups.{method}", params, dict, lambda _: self._done(done), self.console.failed
                )

        self.app.push_screen(Confirm(title, lines), answered)

    def _done(self, said: str) -> None:
        self.console.say(said)
        self._look_again()

    # Key --------------------------------------------------------------------------------------------------------

    def action_key(self) -> None:
        place = self.repository()
        if place is None:
            return
        lines = wrap(text.escrow(place.escrow, place.key_changed, self.now), QUESTION_CELLS, 0, "dim")
        choices = [
            Choice("p", "paper", "to print", "with check sums a line, to be typed in again"),
            Choice("t", "text", "as text", "as Borg takes it back"),
            Choice("q", "qr", "as QR code", "an HTML page, where this Borg can make it"),
            Choice("r", "record", "record", "write down who keeps it, and where"),
        ]
        self.app.push_screen(Menu(f"Key of {place.key}", lines, choices), lambda form: self._key(place, form))

    def _key(self, place: RepositoryStatus, form: str | None) -> None:
        if form == "record":
            said = wrap("Where are key and passphrase kept? Only this note is stored.", QUESTION_CELLS)
            self.app.push_screen(AskLine(f"Escrow of {place.key}", said), lambda note: self._record(place, note))
        elif form is not None:
            params = {"repository": place.key, "form": form}
            self.app.push_screen(PageScreen((place.key, "key"), "key_export", params, secret=NO_COPY))

    def _record(self, place: RepositoryStatus, note: str | None) -> None:
        if note:
            params = {"repository": place.key, "note": note}
            self.console.link.request("backups.escrow", params, Escrow, self._recorded, self.console.failed)

    def _recorded(self, escrow: Escrow) -> None:
        self._done(f"recorded: the key {escrow.fingerprint} of {escrow.repository} is kept by {escrow.who}")

    # Lock -------------------------------------------------------------------------------------------------------

    def action_lock(self) -> None:
        place = self.repository()
        if place is not None:
            self.console.say(f"asking who holds {place.key}")
            params = {"repository": place.key}
            self.console.link.request("backups.lock", params, LockReport, self._locked, self.console.failed)

    def _locked(self, report: LockReport) -> None:
        """Only a lock whose holder is proven dead is offered to be broken."""
        now = self.now
        if not self.is_current:
            self.console.say(
                f"{report.repository}: {'held by ' + report.holder if report.holder else 'nobody holds it'}"
            )
        elif not (report.dead and report.token) or self.console.read_only:
            title = f"Lock of {report.repository}"
            about(self.app, title, lambda width: shown.lock_lines(report, now, width))
        else:
            params = {"repository": report.repository, "token": report.token}
            lines = shown.lock_lines(report, now, QUESTION_CELLS)
            self.app.push_screen(
                ConfirmTyped(f"Break the lock of {report.repository}?", lines, "break"),
                lambda yes: self._break(params) if yes else None,
            )

    def _break(self, params: dict[str, Any]) -> None:
        done = f"the lock of {params['repository']} is broken"
        self.console.link.request("backups.break_lock", params, dict, lambda _: self._done(done), self.console.failed)
