"""Backing up hosts from the Fleet's action menu: every set of theirs, after one question."""

from __future__ import annotations

from backends.backups.model import Job
from backends.backups.views import BackupView, SetStatus
from swarm_tui.present import backup_preview as preview
from swarm_tui.present import backup_text as text
from swarm_tui.present.updates import hosts as counted
from swarm_tui.screens.base import BaseScreen
from swarm_tui.screens.confirm import Confirm

QUESTION_CELLS = 70
"""Of a dialog's text."""


def ask_backup(screen: BaseScreen, hosts: tuple[str, ...]) -> None:
    """Say which sets would go where, and back them up when told to."""
    console, select = screen.console, ",".join(hosts)

    def known(view: BackupView) -> None:
        sets = view.sets or ()
        if sets:
            screen.app.push_screen(_question(hosts, sets), lambda yes: _start() if yes else None)
        else:
            console.say("no set is about these hosts; [backups] in the configuration names them", "warning")

    def _start() -> None:
        params = {"action": "backup", "select": select}
        console.link.request("backups.start", params, dict[str, tuple[Job, ...]], _began, console.failed)

    def _began(answer: dict[str, tuple[Job, ...]]) -> None:
        console.say(f"{text.some(len(answer.get('jobs', ())), 'job')} queued: 4 shows them")

    console.link.request("backups.view", {"select": select}, BackupView, known, console.failed)


def _question(hosts: tuple[str, ...], sets: tuple[SetStatus, ...]) -> Confirm:
    tasks = [(each.set, each.host, each.repository) for each in sets]
    lines = preview.start_question(tasks, "", [each.trust for each in sets], QUESTION_CELLS)
    return Confirm(f"Back up {text.some(len(sets), 'set')} of {counted(len(hosts))} now?", lines)
