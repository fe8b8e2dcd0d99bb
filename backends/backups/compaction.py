"""Freeing what was removed, which makes it final: only after the hold, only when everything that goes is accounted for."""

from __future__ import annotations

import hashlib

import msgspec

from backends.backups.append_only import Guard
from backends.backups.borg import compact, exits
from backends.backups.borg.line import shown
from backends.backups.catalog import Catalog
from backends.backups.model import Archive, BorgResult, Cause, JobState, Outcome, Repository
from backends.backups.onsite import Look, Onsite
from backends.backups.points import Points
from backends.backups.runner import Runner
from backends.backups.vanished import Listings
from backends.backups.views import CompactPreview, Vanishing
from backends.backups.watching import Unwatched, Watch
from backends.clock import Clock, utc
from backends.units import size

TIMEOUT_SECONDS = 24 * 3600.0
NEAR_SECONDS = 6 * 3600.0
"""Repositories of a set are written one after the other; further apart it is another backup."""


class Compaction:
    """Compacts. One call at a time for a repository.

    Args:
        hold_seconds: between a prune and the compaction that makes it final.
    """

    def __init__(
        self, runner: Runner, onsite: Onsite, catalog: Catalog, listings: Listings, clock: Clock, hold_seconds: float
    ):
        self._runner, self._onsite, self._catalog, self._listings = runner, onsite, catalog, listings
        self._clock, self._hold = clock, hold_seconds
        self._points, self._guard = Points(catalog), Guard(onsite, catalog)

    def held_until(self, repository: Repository) -> float | None:
        """When the hold of the last prune ends; None: nothing is held."""
        since = self._catalog.note(repository.key, "held_since")
        return float(since) + self._hold if since else None

    def preview(self, repository: Repository) -> CompactPreview:
        """What would become final.

        Raises:
            RetryLater, SkipHost, AskOperator, Stop: as `Listings.take`.
        """
        self._listings.take(repository)
        gone = self._catalog.gone(repository.key)
        vanishing = tuple(
            Vanishing(archive=each.archive, by=each.by, elsewhere=self._elsewhere(each.archive)) for each in gone
        )
        return CompactPreview(
            repository=repository.key,
            vanishing=vanishing,
            refused=self._listings.why_frozen(repository) or self._held(repository),
            token=_token(repository, vanishing),
            command=shown(compact.argv(self._runner.dialect, repository.location)),
        )

    def apply(self, repository: Repository, token: str, who: str, watch: Watch | None = None) -> Outcome:
        """Compact as the preview with this token said; append-only is off only meanwhile.

        Raises:
            RetryLater, SkipHost, AskOperator, Stop: as `preview`.
        """
        watch = watch or Unwatched()
        watch.phase("previewing")
        preview = self.preview(repository)
        refusal = _refusal(preview, token)
        if refusal:
            return Outcome(state=JobState.FAILED, cause=refusal)
        watch.log(f"{who}: {len(preview.vanishing)} archives become impossible to bring back")
        before = self._onsite.look(repository)
        with self._guard.loosened(repository, self._runner.dialect, before, compacting=True) as warnings:
            watch.phase("compacting")
            result = self._run(repository, watch)
        state, cause = exits.judge("compact", result, location=repository.location, repository=repository.key)
        if state in (JobState.DONE, JobState.WARNING):
            self._final(repository)
        self._points.set_good(repository.key, None)
        after = self._listings.take(repository).look
        self._catalog.add_size(
            repository.key, self._clock.now(), after.data_bytes + after.other_bytes, free_bytes=after.free
        )
        worst = JobState.WARNING if warnings and state == JobState.DONE else state
        return Outcome(state=worst, cause=cause, notes=_notes(preview, before, after), warnings=tuple(warnings))

    def _run(self, repository: Repository, watch: Watch) -> BorgResult:
        dialect = self._runner.dialect
        return self._runner.run(
            repository,
            lambda location: compact.argv(dialect, location),
            on_event=watch.event,
            cancel=watch.cancel,
            timeout_seconds=TIMEOUT_SECONDS,
        )

    def _final(self, repository: Repository) -> None:
        """Nothing can be undone any more."""
        self._onsite.forget(repository)
        self._points.drop(repository.key)
        self._catalog.forget_gone(repository.key)
        self._catalog.set_note(repository.key, "held_since", "")

    def _held(self, repository: Repository) -> str:
        until = self.held_until(repository)
        if until is None or self._clock.now() >= until:
            return ""
        return f"the last prune is held until {utc(until):%Y-%m-%d %H:%M} UTC, so that it can be undone"

    def _elsewhere(self, archive: Archive) -> tuple[str, ...]:
        """Repositories with an archive of the same set and host from about the same time."""
        same = self._catalog.archives(set=archive.set, host=archive.host) if archive.set else ()
        near = {
            each.repository
            for each in same
            if each.repository != archive.repository and abs(each.start - archive.start) <= NEAR_SECONDS
        }
        return tuple(sorted(near))


def _token(repository: Repository, vanishing: tuple[Vanishing, ...]) -> str:
    said = [repository.key, *sorted(each.archive.id for each in vanishing)]
    return hashlib.sha256(msgspec.json.encode(said)).hexdigest()[:16]


def _refusal(preview: CompactPreview, token: str) -> Cause | None:
    if preview.refused:
        return Cause(
            code="refused",
            text=f"Nothing is compacted now: {preview.refused}.",
            evidence=tuple(f"{each.archive.name}, removed by {each.by or 'nobody here'}" for each in preview.vanishing)[
                :20
            ],
            next_step=f"swarm-tui backup undo {preview.repository}, or wait for the hold, or accept each (compact --accept ID).",
        )
    if preview.token != token:
        return Cause(
            code="changed",
            text="A compaction would make something else final now than what was shown.",
            next_step="Look at the preview again.",
        )
    return None


def _notes(preview: CompactPreview, before: Look, after: Look) -> tuple[str, ...]:
    freed = before.data_bytes + before.other_bytes - after.data_bytes - after.other_bytes
    told = f"{size(freed)} freed on disk" if freed >= 0 else f"nothing freed; it takes {size(-freed)} more"
    return (f"{told}; it takes {size(after.data_bytes + after.other_bytes)} now.", *_gone(preview))


def _gone(preview: CompactPreview) -> tuple[str, ...]:
    if not preview.vanishing:
        return ()
    count = len(preview.vanishing)
    return (f"{count} {'archive' if count == 1 else 'archives'} can no longer be brought back.",)
