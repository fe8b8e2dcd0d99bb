"""Restore drills: files of the newest archive of a set are brought back and compared with something independent of it.

Proven is only what was compared: with the live host's bytes where a file has not changed since, with the hash that was
recorded when the backup was made, or with a snapshot's own list of hashes. A drill in which nothing could be compared
proves nothing and says so.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from backends import units
from backends.backups import config_parse
from backends.backups.catalog import Catalog
from backends.backups.config_parse import Parsed
from backends.backups.drill_compare import MANIFEST, Compared, Look, Recorded, compare, manifest
from backends.backups.drill_fetch import Fetched, fetch
from backends.backups.drill_sample import Bounds, Sampling
from backends.backups.model import Archive, BrowseEntry, Cause, JobState, Outcome, Proof, Task
from backends.backups.runner import Runner
from backends.backups.watching import Unwatched, Watch
from backends.clock import Clock
from backends.errors import AskOperator, BadInput, RetryLater, SkipHost
from backends.metrics.sample import Record
from backends.paths import private_dir

BOUNDS = Bounds()
_SHOWN = 20
_OWN = "swarm/"
"""What a snapshot adds to the host's files."""


class Drill(Record, frozen=True, kw_only=True):
    """What came of one."""

    outcome: Outcome
    proof: Proof | None = None
    """None: it could not be made (a lock, a link), which proves nothing either way; nothing was recorded."""


class Drills:
    """Makes drills, one at a time for a repository. The scratch directory is 0700 and empty afterwards."""

    def __init__(
        self,
        runner: Runner,
        catalog: Catalog,
        look: Callable[[str, Sequence[str]], Mapping[str, Look]],
        clock: Clock,
        *,
        scratch: Path,
        bounds: Bounds = BOUNDS,
    ):
        self._runner, self._catalog, self._look, self._clock = runner, catalog, look, clock
        self._sampling = Sampling(runner, catalog)
        self._scratch, self._bounds = scratch, bounds

    def run(self, task: Task, *, seed: int | None = None, watch: Watch | None = None) -> Drill:
        """Bring files of the newest archive back, compare them, keep the result.

        Args:
            task: set and repository.
            seed: chooses the sample; by default another one each time.
            watch: sees the phases, cancels.

        Raises:
            BadInput: there is no archive of that set.
            RetryLater, AskOperator, SkipHost: it cannot be begun.
            Stop: the catalog.
        """
        watch = watch or Unwatched()
        archive = self._newest(task)
        watch.phase(f"choosing files of {archive.name}")
        chosen = int(self._clock.now()) if seed is None else seed
        snapshot = task.set.kind != "data"
        sample = self._sampling.choose(archive, task.repository, self._bounds, chosen, watch, snapshot=snapshot)
        with tempfile.TemporaryDirectory(prefix="drill-", dir=private_dir(self._scratch)) as folder:
            return self._tried(task, archive, sample, Path(folder), watch)

    def _newest(self, task: Task) -> Archive:
        archives = self._catalog.archives(repository=task.repository.key, set=task.set.name)
        whole = [each for each in archives if ".checkpoint" not in each.name]
        if not whole:
            hint = f"swarm-tui backup run {task.host} --set {task.set.name}"
            raise BadInput(f"no archive of {task.set.name} in {task.repository.key}", host=task.host, hint=hint)
        return whole[0]

    def _tried(
        self, task: Task, archive: Archive, sample: Mapping[str, BrowseEntry], folder: Path, watch: Watch
    ) -> Drill:
        watch.phase(f"restoring {len(sample)} files of {archive.name}")
        small = _Small(folder)
        sizes = {path: entry.size or 0 for path, entry in sample.items()}
        got = Fetched()
        if sizes:
            got = fetch(
                self._runner,
                task.repository,
                archive.name,
                sizes,
                folder,
                watch,
                seconds=self._bounds.seconds,
                inspect=small.take,
            )
        if got.cause is not None and not got.broken:
            state = JobState.CANCELLED if watch.cancel.asked.is_set() else JobState.FAILED
            return Drill(outcome=Outcome(state=state, cause=got.cause))
        compared = self._compared(task, archive, sample, got, small.recorded, watch)
        proof = self._proof(task, archive, got, compared, small.parsed)
        self._catalog.add_proof(proof)
        return Drill(outcome=_outcome(proof, got.cause, small.parsed), proof=proof)

    def _compared(
        self,
        task: Task,
        archive: Archive,
        sample: Mapping[str, BrowseEntry],
        got: Fetched,
        listed: Recorded,
        watch: Watch,
    ) -> Compared:
        watch.phase("comparing with the host and with the records")
        judged = {path: entry for path, entry in sample.items() if path != MANIFEST}
        recorded: Recorded = {**listed, **self._catalog.hashes(archive)}
        found = compare(judged, got.files, self._live(task, judged, watch), recorded)
        if got.cause is not None and not found.problems:  # it broke off, and what came before that was right
            return Compared(
                against_live=found.against_live,
                against_record=found.against_record,
                skipped=found.skipped,
                problems=(got.cause.text,),
            )
        return found

    def _live(self, task: Task, sample: Mapping[str, BrowseEntry], watch: Watch) -> dict[str, Look]:
        paths = [f"/{path}" for path in sample if not (path.startswith(_OWN) and task.set.kind != "data")]
        try:
            looks = self._look(task.host, paths) if paths else {}
        except (RetryLater, AskOperator, SkipHost) as error:  # what was recorded can still prove it
            watch.log(f"the host could not be looked at: {error.message}")
            return {}
        return {path.removeprefix("/"): look for path, look in looks.items()}

    def _proof(self, task: Task, archive: Archive, got: Fetched, compared: Compared, parsed: Sequence[Parsed]) -> Proof:
        proven = compared.against_live + compared.against_record
        problems = list(compared.problems)
        if not proven and not problems:
            problems.append("nothing could be compared: no file is unchanged on the host, and no hash was recorded")
        return Proof(
            repository=task.repository.key,
            set=task.set.name,
            archive=archive.name,
            time=self._clock.now(),
            ok=not problems,
            files=len(got.files),
            bytes=got.bytes,
            bytes_per_second=got.bytes / got.seconds if got.seconds > 0 and got.bytes else None,
            against_live=compared.against_live,
            against_record=compared.against_record,
            skipped=compared.skipped,
            validated=tuple(f"{each.path} ({each.by})" for each in parsed if each.ok)[:_SHOWN],
            problems=tuple(problems),
        )


class _Small:
    """Looks into small files as they come: a snapshot's own list, and configuration that a parser knows."""

    def __init__(self, folder: Path):
        self._folder = folder
        self.recorded: Recorded = {}
        self.parsed: list[Parsed] = []

    def take(self, path: str, content: bytes) -> None:
        if path == MANIFEST:
            self.recorded = manifest(content)
        elif (parsed := config_parse.parse(path, content, self._folder)) is not None:
            self.parsed.append(parsed)


def _outcome(proof: Proof, cause: Cause | None, parsed: Sequence[Parsed]) -> Outcome:
    rejected = tuple(f"{each.path}: {each.by} says: {each.said}" for each in parsed if each.ok is False)[:_SHOWN]
    done = (
        f"{proof.files} files, {units.size(proof.bytes)} restored at {units.rate(proof.bytes_per_second)}; "
        f"{proof.against_live} equal the host's, {proof.against_record} equal the record, {proof.skipped} not comparable"
    )
    if proof.ok:
        return Outcome(state=JobState.DONE, notes=(done,), warnings=rejected)
    failed = Cause(
        code="drill-failed",
        text=f"{proof.set} in {proof.repository} is not proven restorable: {proof.problems[0]}",
        evidence=(*proof.problems[:10], *((cause.text,) if cause else ())),
        next_step=f"swarm-tui backup check {proof.repository} --level data",
    )
    return Outcome(state=JobState.FAILED, cause=failed, notes=(done,), warnings=rejected)
