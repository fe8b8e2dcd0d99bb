"""Whatever hosts, archives and engines call things: every backup screen lives, in any width and in plain ASCII."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from backends.backups.model import Cause, Outcome
from tests.ui.backups_engine import BackupsSeat, at_backups
from tests.ui.host_console import journey
from tests.ui.test_hostile import NASTY, assert_safe
from tests.unit.present import backup_data as data

TOUR = (
    (), ("right_square_bracket",), ("right_square_bracket",), ("enter",), ("l",), ("escape", "escape"),
    ("right_square_bracket",), ("enter",), ("escape", "right_square_bracket"), ("b",), ("escape", "c"), ("escape", "i"),
    ("escape", "K"), ("escape", "L"), ("escape", "escape", "P"), ("a",), ("escape", "escape", "C"), ("space", "a"),
    ("escape", "escape", "H"), ("escape", "enter"), ("equals_sign",), ("enter",), ("escape", "escape", "enter"),
    ("space", "r"), ("enter",), ("a",), ("escape", "escape", "h"), ("escape", "slash", *"a", "enter"), ("enter",),
    ("escape", "escape", "escape", "escape", "escape", "escape"), ("4", "D"), ("enter",), ("escape", "r"), ("escape", "m"),
    ("enter",), ("escape", "right"), ("escape", "escape"),
)  # fmt: skip
"""Keys that lead through every screen and dialog about backups."""
SCREENS = {
    "BackupsScreen", "JobScreen", "PageScreen", "ArchivesScreen", "BrowserScreen", "VersionsScreen", "HitsScreen",
    "ChangesScreen", "PruneScreen", "CompactScreen", "HealScreen", "RestoreScreen", "DriftScreen", "MatrixScreen",
    "AboutDialog", "Menu", "Confirm", "ConfirmTyped",
}  # fmt: skip


def soil(seat: BackupsSeat, text: str) -> None:
    """Every word that the engine says is this one."""
    desk = seat.desk
    cause = Cause(code=text, text=text, evidence=(text,), next_step=text)
    archive = data.archive(text, text, name=text, comment=text, repository=text)
    job = data.ended(text=text, command=text, trust=text, who=text, set=text, repository=text, host=text)
    desk.job = replace(job, outcome=Outcome(state=job.state, cause=cause, notes=(text,), warnings=(text,)))
    desk.archives = (archive, replace(archive, id="2", name=f"{text}2", start=data.NOW - 90_000.0))
    desk.log = text
    desk.plan = {"warnings": (text,), "examples": (text,), "validators": (text,), "command": text, "directory": text}
    desk.compact = replace(data.COMPACT, refused=text, command=text)
    desk.lock = replace(data.DEAD, holder=text, host=text, evidence=(text,), repository=text)
    entry = replace(data.REPORTS[1].entries[0], path=text, before=text, after=text)
    desk.reports = (replace(data.REPORTS[1], host=text, against=text, entries=(entry,)),)
    version = replace(data.VERSIONS[0], archive=archive, entry=data.entry(text))
    answers: dict[str, Any] = {
        "files": lambda params: replace(
            data.listing(""), entries=(data.entry(text, target=text),), path=params["path"]
        ),
        "history": lambda _: {"versions": (version,)},
        "search": lambda _: {"hits": (replace(data.HITS[0], path=text, host=text, newest=version),)},
        "diff": lambda _: {"changes": (replace(data.CHANGES[0], path=text, kinds=(text,)),)},
        "file_diff": lambda _: {"text": text},
        "drift_diff": lambda _: {"text": text},
        "drift_matrix": lambda _: replace(data.MATRIX, hosts=(text, "b"), rows=(fact(text),)),
        "heal_plan": lambda _: replace(data.HEAL, lines=(text,), files=(text,), problem=text),
        "prune_preview": lambda _: replace(data.PRUNE, command=text),
        "line": lambda _: {"lines": (text,)},
        "key_export": lambda _: {"text": text},
    }
    for name, answer in answers.items():
        seat.answer(f"backups.{name}", answer)
    row = data.status(text, text, problem=cause, trust=text, repository=f"{text}/x", last=archive)
    place = data.place(text, key=f"{text}/x", location=text, problem=cause, frozen=text)
    concern = replace(data.concerns()[0], text=text, code=text, host=text, next_step=text, repository=text)
    desk.show(sets=(row,), repositories=(place,), jobs=(replace(desk.job, id="j1"),), concerns=(concern,))


def fact(text: str) -> Any:
    return replace(data.MATRIX.rows[0], fact=text, values=(text, "b"), usual="b")


@pytest.mark.parametrize("name", sorted(NASTY))
@journey
async def test_every_place_shows_it_safely(name: str) -> None:
    async with at_backups(toasts=True) as seat:
        soil(seat, NASTY[name])
        await seat.later()
        for keys in TOUR:
            await seat.press(*keys)
            assert_safe(seat, keys)
        assert seat.app.return_value is None
        assert seat.app._exception is None


@pytest.mark.parametrize("size", [(60, 16), (200, 50)])
@journey
async def test_every_screen_in_plain_ascii_and_in_any_width(size: tuple[int, int]) -> None:
    async with at_backups(size=size, ascii=True, toasts=True) as seat:
        await seat.go_to("models", "gpu1")
        visited = set()
        for keys in TOUR:
            rows = await seat.press(*keys)
            visited.add(type(seat.app.screen).__name__)
            assert [row for row in rows if not row.isascii()] == [], keys
            assert_safe(seat, keys)
        assert visited >= SCREENS
