"""Gives the engine in memory a fleet with backups: sets, repositories, jobs, archives and drift made of plain values."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from msgspec import convert
from msgspec.structs import replace

from backends.backups.model import Archive, Escrow, Job, JobState
from backends.backups.views import BackupView, CompactPreview, DriftReport, LockReport, RestorePlan, RestoreRequest
from tests.ui.fleet_console import Seat, opened
from tests.ui.memory_engine import MemoryEngine
from tests.unit.present import backup_data as data
from tests.unit.present.fleet_rows import row


class BackupsDesk:
    """What the engine would say now; tests change it between two looks."""

    def __init__(self, engine: MemoryEngine, view: BackupView | None = None):
        self.view: BackupView = view or data.view()
        self.archives: tuple[Archive, ...] = data.ARCHIVES
        self.job: Job = data.job()
        self.log = "Creating archive …\n[/x] srv/models"
        self.compact: CompactPreview = data.COMPACT
        self.lock: LockReport = data.DEAD
        self.plan: dict[str, Any] = {}
        """Fields of the restore plan that are not as usual."""
        self.reports: tuple[DriftReport, ...] = data.REPORTS
        engine.handlers |= {f"backups.{name}": handler for name, handler in self._handlers().items()}

    def _handlers(self) -> dict[str, Any]:
        return {
            "view": self._view,
            "start": lambda _: {"jobs": (data.job(7, JobState.QUEUED),)},
            "cancel": lambda _: self._become(state=JobState.CANCELLING),
            "job": lambda _: self.job,
            "log": lambda _: {"text": self.log},
            "refresh": lambda _: {},
            "archives": lambda _: {"archives": self.archives},
            "files": lambda params: data.listing(params["path"], params["offset"], params["limit"]),
            "search": lambda _: {"hits": data.HITS},
            "history": lambda _: {"versions": data.VERSIONS},
            "diff": lambda _: {"changes": data.CHANGES},
            "file_diff": lambda _: {"text": data.DIFF},
            "prune_preview": lambda _: data.PRUNE,
            "prune": lambda _: self.job,
            "undo": lambda _: self.job,
            "compact_preview": lambda _: self.compact,
            "compact": lambda _: self.job,
            "restore_plan": self._plan,
            "restore": lambda _: self.job,
            "restore_confirm": lambda _: self._become(confirm_by=None),
            "restore_undo": lambda _: self._become(confirm_by=None),
            "restore_file": lambda _: data.NETPLAN,
            "heal_plan": lambda _: data.HEAL,
            "heal": lambda _: self.job,
            "lock": lambda _: self.lock,
            "break_lock": lambda _: {},
            "key_export": lambda _: {"text": "BORG PAPER KEY v1\nid: 2 / e29442"},
            "escrow": self._escrow,
            "release": lambda _: {},
            "line": lambda params: {"lines": (f"borg {params['action']} {params['repository']}",)},
            "drift": lambda _: {"reports": self.reports},
            "drift_diff": lambda _: {"text": data.DIFF},
            "drift_matrix": lambda _: data.MATRIX,
            "pin": lambda _: {"archive": data.ARCHIVES[0]},
        }

    def _view(self, params: Mapping[str, Any]) -> BackupView:
        if params.get("since") == self.view.version:
            return BackupView(version=self.view.version, jobs=self.view.jobs)
        return self.view

    def _become(self, **fields: Any) -> Job:
        self.job = replace(self.job, **fields)
        return self.job

    def _plan(self, params: Mapping[str, Any]) -> RestorePlan:
        return data.plan(convert(params["request"], RestoreRequest), **self.plan)

    def _escrow(self, params: Mapping[str, Any]) -> Escrow:
        return Escrow(repository=params["repository"], fingerprint="abc", time=data.NOW, who="ops", note=params["note"])

    def show(self, **fields: Any) -> None:
        """The view is like this from now on."""
        self.view = replace(self.view, version=self.view.version + 1, **fields)


class BackupsSeat(Seat):
    """The seat in front of the Backups screen."""

    desk: BackupsDesk

    async def later(self) -> list[str]:
        """Long enough that the console asks again."""
        return await self.tick(3.0)

    def asked(self, method: str) -> list[dict[str, Any]]:
        """The parameters of every call of backups.<method>."""
        return self.engine.asked(f"backups.{method}")

    async def side(self, name: str) -> str:
        """Turn to one of the views."""
        while getattr(self.app.screen, "side", name) != name:
            await self.press("right_square_bracket")
        return await self.text()

    async def go_to(self, *words: str) -> str:
        """Move the cursor to the first row with all of these words."""
        await self.press("g")
        for _ in range(60):
            here = self.app.screen.current  # type: ignore[attr-defined]
            text = "".join(piece for piece, _ in here.text) if here else ""
            if all(word in text for word in words):
                return text
            await self.press("j")
        raise AssertionError(f"no row with {words}:\n{await self.text()}")


HOSTS = ("gpu1", "gpu2", "gpu3", "web1")


@asynccontextmanager
async def at_backups(view: BackupView | None = None, **options: Any) -> AsyncIterator[BackupsSeat]:
    """The console on the Backups screen (mode 4)."""
    engine = options.pop("engine", None) or MemoryEngine(row(host) for host in HOSTS)
    desk = BackupsDesk(engine, view)
    async with opened(engine=engine, **options) as seat:
        mine = BackupsSeat(seat.app, seat._pilot, engine, seat._clock)
        mine.desk = desk
        await mine.press("4")
        await mine.later()
        yield mine
