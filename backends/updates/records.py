"""What a run of changes leaves behind, so that any engine can go on with it: one file a run, replaced at every edge.

The host's own job is the truth about what happened there; this says which job, for whom, and what was approved.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from backends import decoding, paths
from backends.errors import BadInput, Stop
from backends.metrics.sample import Record
from backends.updates.model import HostPlan, Outcome, Stage

FORMAT = 1
MOST_RUNS = 200
"""Finished ones that are kept, the newest; those that a maintenance run needs are not counted, and stay."""
ENDED = frozenset({Stage.DONE, Stage.PARTIAL, Stage.FAILED, Stage.REFUSED, Stage.CANCELLED})


class HostRecord(Record, frozen=True, kw_only=True):
    """Where one host of a run stands, as far as it must survive a restart."""

    plan: HostPlan
    stage: Stage = Stage.QUEUED
    began: float | None = None
    """Epoch seconds when the host was taken up; None before."""
    ended: float | None = None
    started_job: bool = False
    """Journalled before the job is started: from here on the host is asked, never told again."""
    outcome: Outcome | None = None
    text: str = ""
    """Why it was refused, what it waits for."""


class RunRecord(Record, frozen=True, kw_only=True):
    """One approved plan being carried out."""

    format: int = FORMAT
    id: str
    title: str
    plan_id: str
    plan_hash: str
    who: str
    created: float
    hosts: Mapping[str, HostRecord]
    fetch_only: bool = False
    """Packages are fetched ahead of a window; nothing is changed."""
    group: str = ""
    """Id of the maintenance run that began it for one of its hosts; "": a person did."""

    @property
    def finished(self) -> bool:
        """Whether no host is still to be worked on."""
        return all(host.stage in ENDED for host in self.hosts.values())


class RunBook:
    """The folder of run files. Calls may come from any thread; each run is written by its own."""

    def __init__(self, folder: Path):
        self._folder = paths.private_dir(folder)

    def keep(self, run: RunRecord) -> None:
        """Write `run` durably. Raises Stop: what is not written down must not be begun."""
        try:
            paths.write_atomic(self._file(run.id), msgspec.json.encode(run))
        except OSError as error:
            raise Stop(
                f"the run cannot be written down: {error.strerror}",
                action=f"write {self._file(run.id)}",
                hint="free some space there; nothing was begun that is not written down",
            ) from error

    def all(self) -> tuple[RunRecord, ...]:
        """Every run, the newest first; a file that is not understood is passed over (see `damaged`)."""
        runs = [run for file in self._files() if (run := _read(file)) is not None]
        return tuple(sorted(runs, key=lambda run: -run.created))

    def damaged(self) -> tuple[str, ...]:
        """Names of files that are no runs."""
        return tuple(file.name for file in self._files() if _read(file) is None)

    def forget(self, run: str) -> None:
        """Throw its file away."""
        self._file(run).unlink(missing_ok=True)

    def _files(self) -> Iterable[Path]:
        return sorted(self._folder.glob("*.json"))

    def _file(self, run: str) -> Path:
        if not run or not all(letter.isalnum() or letter in "-_" for letter in run):
            raise BadInput(f"not a run id: {run[:80]!r}")
        return self._folder / f"{run}.json"


def _read(file: Path) -> RunRecord | None:
    try:
        run = decoding.json(file.read_bytes(), type=RunRecord)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return run if run.format == FORMAT else None
