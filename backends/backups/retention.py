"""Which archives of a set stay: shown first, then done exactly so, and never across sets. Nothing is freed here."""

from __future__ import annotations

import hashlib

import msgspec

from backends.backups.append_only import Guard
from backends.backups.borg import exits, prune
from backends.backups.borg.events import Event, LogMessage
from backends.backups.borg.line import shown
from backends.backups.catalog import Catalog
from backends.backups.model import Archive, BackupSet, BorgResult, Cause, JobState, Outcome, Repository
from backends.backups.onsite import Onsite
from backends.backups.points import Point, Points, kept
from backends.backups.runner import Runner
from backends.backups.vanished import Listings, failed, named
from backends.backups.views import Fate, PrunePreview
from backends.backups.watching import Unwatched, Watch
from backends.clock import Clock
from backends.errors import AskOperator, RetryLater

TIMEOUT_SECONDS = 6 * 3600.0
STEADY_TRIES = 3
MOST_MESSAGES = 100_000


class Retention:
    """Prunes. One call at a time for a repository."""

    def __init__(self, runner: Runner, onsite: Onsite, catalog: Catalog, listings: Listings, clock: Clock):
        self._runner, self._onsite, self._catalog = runner, onsite, catalog
        self._listings, self._clock, self._points = listings, clock, Points(catalog)
        self._guard = Guard(onsite, catalog)

    def preview(self, repository: Repository, wanted: BackupSet) -> PrunePreview:
        """What would stay and go.

        Raises:
            RetryLater: Borg could not tell; the message says why.
            AskOperator: it would touch what is not of the set.
        """
        archives = self._listings.take(repository).archives
        dialect = self._runner.dialect
        said = Collected()
        result = self._run(repository, wanted, said, dry_run=True)
        state, cause = exits.judge("prune", result, location=repository.location, repository=repository.key)
        if state not in (JobState.DONE, JobState.WARNING):
            raise failed(repository, "preview a prune", cause)
        fates = of_one_set(prune.fates(said.messages, archives, repository), wanted)
        return PrunePreview(
            set=wanted.name,
            repository=repository.key,
            fates=fates,
            frozen=self._listings.why_frozen(repository),
            token=token(repository, wanted, fates),
            command=shown(prune.argv(dialect, repository.location, wanted.name, wanted.keep, dry_run=False)),
        )

    def apply(
        self, repository: Repository, wanted: BackupSet, expected: str, who: str, watch: Watch | None = None
    ) -> Outcome:
        """Prune as the preview with the token `expected` said; refused when it would come out differently now.

        Raises:
            RetryLater: Borg could not tell what it would do, or somebody writes all the time.
            AskOperator: it would touch what is not of the set.
            Stop: the disk of the catalog refuses.
        """
        watch = watch or Unwatched()
        watch.phase("previewing")
        point, preview = self._steady(repository, wanted, who)
        refusal = _refusal(preview, expected)
        if refusal:
            return Outcome(state=JobState.FAILED, cause=refusal)
        goes = tuple(fate.archive for fate in preview.fates if not fate.keep)
        if not goes:
            return Outcome(state=JobState.DONE, notes=("Nothing to prune.",))
        self._points.add(repository.key, point)
        self._listings.intend(repository, goes, point.by)
        look = self._onsite.look(repository)
        with self._guard.loosened(repository, self._runner.dialect, look, compacting=False) as warnings:
            watch.phase("pruning")
            result = self._run(repository, wanted, watch, dry_run=False)
        return self._after(repository, result, goes, point, tuple(warnings))

    def _steady(self, repository: Repository, wanted: BackupSet, who: str) -> tuple[Point, PrunePreview]:
        """The state before, and the preview of exactly that state."""
        for _ in range(STEADY_TRIES):
            mark = self._onsite.mark(repository)
            preview = self.preview(repository, wanted)
            if self._onsite.look(repository).transaction == mark.transaction:
                there = kept(self._catalog.archives(repository.key))
                by = f"prune of {wanted.name}, {who}"
                return Point(mark=mark, time=self._clock.now(), by=by, kept=there), preview
        raise RetryLater(f"{repository.key} is written to all the time", action="prune", hint="try again later")

    def _after(
        self,
        repository: Repository,
        result: BorgResult,
        goes: tuple[Archive, ...],
        point: Point,
        warnings: tuple[str, ...],
    ) -> Outcome:
        """Whatever became of it: the listing says which are gone, and those were ours."""
        state, cause = exits.judge("prune", result, location=repository.location, repository=repository.key)
        seen = self._listings.take(repository)
        self._listings.done(repository)
        there = {each.id for each in seen.archives}
        gone = [each for each in goes if each.id not in there]
        if gone:
            self._catalog.set_note(repository.key, "held_since", f"{point.time:.0f}")
        else:
            self._points.drop(repository.key, point.mark.transaction)
        notes = (
            f"{len(gone)} of {len(goes)} archives pruned; they can be brought back until a compaction (backup undo).",
            f"Transaction {point.mark.transaction} before, {seen.look.transaction} after.",
        )
        worst = JobState.WARNING if warnings and state == JobState.DONE else state
        return Outcome(state=worst, cause=cause, notes=notes, warnings=warnings)

    def _run(self, repository: Repository, wanted: BackupSet, watch: Watch, *, dry_run: bool) -> BorgResult:
        dialect = self._runner.dialect
        return self._runner.run(
            repository,
            lambda location: prune.argv(dialect, location, wanted.name, wanted.keep, dry_run=dry_run),
            on_event=watch.event,
            cancel=watch.cancel,
            timeout_seconds=TIMEOUT_SECONDS,
        )


class Collected(Unwatched):
    """Keeps what Borg says, a line an archive."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[LogMessage] = []

    def event(self, event: Event) -> None:
        """Keep a sentence."""
        if isinstance(event, LogMessage) and len(self.messages) < MOST_MESSAGES:
            self.messages.append(event)


def of_one_set(fates: tuple[Fate, ...], wanted: BackupSet) -> tuple[Fate, ...]:
    """The fates, when all are of that set: one set's rule must never remove what it did not make.

    Raises:
        AskOperator: others have names that Borg takes for this set's.
    """
    others = sorted({fate.archive.name for fate in fates if fate.archive.set != wanted.name})
    if others:
        raise AskOperator(
            f"a prune of {wanted.name} would touch archives that are not of that set: {named(others)}",
            action="preview a prune",
            hint="rename them (borg rename) so that they do not begin like the set",
        )
    return fates


def token(repository: Repository, wanted: BackupSet, fates: tuple[Fate, ...]) -> str:
    """Names exactly what a prune would do."""
    said = [repository.key, wanted.name, *sorted((fate.archive.id, fate.keep) for fate in fates)]
    return hashlib.sha256(msgspec.json.encode(said)).hexdigest()[:16]


def _refusal(preview: PrunePreview, expected: str) -> Cause | None:
    if preview.frozen:
        return Cause(
            code="frozen",
            text="Nothing is pruned here now.",
            evidence=(preview.frozen,),
            next_step=f"Look at what speaks against it; then swarm-tui backup undo, compact --accept or release {preview.repository}.",
        )
    if preview.token != expected:
        return Cause(
            code="changed",
            text="The prune would do something else now than what was shown.",
            evidence=tuple(f"would remove {fate.archive.name}" for fate in preview.fates if not fate.keep)[:20],
            next_step="Look at the preview again.",
        )
    return None
