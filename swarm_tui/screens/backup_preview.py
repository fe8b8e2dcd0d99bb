"""What a prune, a compaction or a healing would do; `a` approves exactly that after a last question."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backends.backups.model import Job
from backends.backups.views import CompactPreview, HealPreview, PrunePreview
from backends.errors import SwarmError
from swarm_tui.keymap import Key
from swarm_tui.present import backup_preview as shown
from swarm_tui.present import backup_text as text
from swarm_tui.present.backup_rows import Row
from swarm_tui.present.host_line import Span, line
from swarm_tui.present.line import Line
from swarm_tui.screens.backup_job import JobScreen
from swarm_tui.screens.backup_list import BackupList
from swarm_tui.screens.confirm import ConfirmTyped

QUESTION_CELLS = 70
"""Of a dialog's text."""


class PreviewScreen(BackupList):
    """A preview; nothing is changed by looking at it."""

    SCOPES = ("preview", "list")

    def __init__(self, repository: str):
        super().__init__()
        self.repository = repository
        self._starting = False
        self._job = ""
        """The job of it, once it began."""

    def load(self) -> None:
        raise NotImplementedError

    def against(self) -> str:
        """Why it cannot be approved; "" when it can."""
        raise NotImplementedError

    def refusal(self, key: Key) -> str:
        if key.id == "preview.approve":
            return "already starting" if self._starting or self._job else self.against()
        if key.id == "preview.mark":
            return "nothing here waits for that"
        return ""

    def facts(self, width: int) -> list[Line]:
        return [line(Span(f" {self.crumbs()[-1]} {self.repository}", "title")), ()]

    def told(self) -> Line:
        return line(Span("starting…  " if self._starting else "nothing was changed yet  ", "dim"))

    def begin(self, method: str, params: Mapping[str, Any]) -> None:
        """Start the job; it takes this screen's place."""
        self._starting = True
        self.refresh_frame()
        self.console.link.request(f"backups.{method}", params, Job, self._started, self._not_started)

    def _started(self, job: Job) -> None:
        self._starting, self._job = False, job.id
        if self.is_current:
            self.app.switch_screen(JobScreen(job.id))
        else:
            self.console.say(f"{text.title(job)} began: 4 shows it")

    def _not_started(self, error: SwarmError) -> None:
        self._starting = False
        self.console.failed(error)
        self.load()
        self.draw_if_shown()

    def on_screen_resume(self) -> None:
        if self._job:
            self.app.switch_screen(JobScreen(self._job))

    def action_mark(self) -> None:
        """Only a compaction has something to accept."""


class PruneScreen(PreviewScreen):
    """Which archives of a set would go, and which stay by which rule."""

    def __init__(self, repository: str, set_name: str):
        super().__init__(repository)
        self._set = set_name
        self.preview: PrunePreview | None = None

    def crumbs(self) -> tuple[str, ...]:
        return ("backups", f"prune {self._set}")

    def load(self) -> None:
        params = {"repository": self.repository, "set": self._set}
        self.fetch("prune_preview", params, PrunePreview, self._got)

    def _got(self, preview: PrunePreview) -> None:
        self.preview = preview

    def made(self, width: int) -> list[Row]:
        if self.preview is None:
            return []
        head = [Row(None, each) for each in shown.prune_head(self.preview, width)]
        return head + shown.fate_rows(self.preview, self.now, width)

    def against(self) -> str:
        if self.preview is None:
            return "there is no preview yet"
        return self.preview.frozen or ("" if shown.removed(self.preview) else "nothing would be removed")

    def action_approve(self) -> None:
        preview = self.preview
        if preview is None:
            return
        params = {"repository": self.repository, "set": self._set, "token": preview.token}
        gone = len(shown.removed(preview))
        title = f"Prune {text.some(gone, 'archive')} of {self.repository}?"
        self.app.push_screen(
            ConfirmTyped(title, shown.prune_question(preview, QUESTION_CELLS), str(gone)),
            lambda yes: self.begin("prune", params) if yes else None,
        )


class CompactScreen(PreviewScreen):
    """What can no longer be brought back afterwards."""

    def __init__(self, repository: str):
        super().__init__(repository)
        self.preview: CompactPreview | None = None
        self.accepted: set[str] = set()
        """Ids of archives that nobody here removed and whose loss was accepted."""

    def crumbs(self) -> tuple[str, ...]:
        return ("backups", "compact")

    def load(self) -> None:
        self.fetch("compact_preview", {"repository": self.repository}, CompactPreview, self._got)

    def _got(self, preview: CompactPreview) -> None:
        self.preview = preview
        self.accepted &= {each.archive.id for each in preview.vanishing}

    def made(self, width: int) -> list[Row]:
        if self.preview is None:
            return []
        head = [Row(None, each) for each in shown.compact_head(self.preview, width)]
        rows = shown.vanishing_rows(self.preview, frozenset(self.accepted), self.now, width, self.console.glyphs)
        return head + rows

    def _strange(self) -> set[str]:
        return {each.archive.id for each in (self.preview.vanishing if self.preview else ()) if shown.stranger(each)}

    def against(self) -> str:
        if self.preview is None:
            return "there is no preview yet"
        left = len(self._strange() - self.accepted)
        if left:
            return f"{text.some(left, 'archive')} removed by nobody here: Space accepts each"
        return "" if self._strange() else self.preview.refused

    def _here(self) -> str:
        """Id of the archive under the cursor, when it waits to be accepted."""
        found = (
            each
            for each in (self.preview.vanishing if self.preview else ())
            if shown.vanishing_key(each) == self.list.cursor
        )
        here = next(found, None)
        return here.archive.id if here is not None and shown.stranger(here) else ""

    def refusal(self, key: Key) -> str:
        if key.id == "preview.mark":
            return "" if self._here() else "only what nobody here removed is accepted by name"
        return super().refusal(key)

    def action_mark(self) -> None:
        if here := self._here():
            self.accepted ^= {here}
            self.draw_if_shown()
            self.list.move(1)

    def action_approve(self) -> None:
        preview = self.preview
        if preview is None:
            return
        params = {"repository": self.repository, "token": preview.token, "accept": sorted(self.accepted)}
        self.app.push_screen(
            ConfirmTyped(
                f"Compact {self.repository}?", shown.compact_question(preview, QUESTION_CELLS), self.repository
            ),
            lambda yes: self.begin("compact", params) if yes else None,
        )


class HealScreen(PreviewScreen):
    """Where intact copies of the damaged files are, and the steps that bring them back."""

    def __init__(self, repository: str):
        super().__init__(repository)
        self.preview: HealPreview | None = None

    def crumbs(self) -> tuple[str, ...]:
        return ("backups", "heal")

    def load(self) -> None:
        self.fetch("heal_plan", {"repository": self.repository}, HealPreview, self._got)

    def _got(self, preview: HealPreview) -> None:
        self.preview = preview

    def made(self, width: int) -> list[Row]:
        return [Row(None, each) for each in shown.heal_lines(self.preview, width)] if self.preview else []

    def against(self) -> str:
        if self.preview is None:
            return "there is no plan yet"
        return "" if self.preview.files else "no damaged file is known"

    def action_approve(self) -> None:
        preview = self.preview
        if preview is None:
            return
        lines = [*shown.heal_lines(preview, QUESTION_CELLS)[:16]]
        params = {"plan": preview.id, "hash": preview.hash}
        self.app.push_screen(
            ConfirmTyped(f"Heal {self.repository}?", lines, self.repository),
            lambda yes: self.begin("heal", params) if yes else None,
        )
