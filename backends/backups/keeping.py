"""Keeping repositories small, whole and readable: prune, undo, compact, check, heal, locks and keys, for the API."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import msgspec

from backends.backups.board import Handle
from backends.backups.checking import Level
from backends.backups.depot import Depot
from backends.backups.escrow import Form
from backends.backups.fleet_tasks import FleetTasks
from backends.backups.heal_plan import HealPlan, preview
from backends.backups.model import BackupSet, Escrow, Job, JobKind, JobState, Outcome, Repository
from backends.backups.queueing import Queue
from backends.backups.views import CompactPreview, HealPreview, LockReport, PrunePreview
from backends.errors import BadInput, RetryLater
from backends.states import Severity
from backends.text import clean_lines

QUICK_SECONDS = 1800
"""A quick check that takes longer goes on the next time."""
MOST_PLANS = 20
Tell = Callable[[str, str, str, str, Severity], None]


class Keeping:
    """Plans and queues. Previews look at the repository at once; whatever changes it is a job."""

    def __init__(self, depot: Depot, tasks: FleetTasks, queue: Queue, tell: Tell):
        self._depot, self._tasks, self._queue, self._tell = depot, tasks, queue, tell
        self._lock = threading.Lock()
        self._plans: dict[str, HealPlan] = {}

    # Retention ---------------------------------------------------------------------------------------------------

    def prune_preview(self, repository: str, set_name: str) -> PrunePreview:
        """What a prune would keep and remove. Raises BadInput, RetryLater, Stop."""
        place, wanted = self._series(repository, set_name)
        with self._queue.alone(place):
            return self._depot.retention.preview(place, wanted)

    def prune(self, repository: str, set_name: str, token: str, who: str) -> Job:
        """Remove exactly what the preview with that token showed. Raises BadInput, RetryLater, Stop."""
        place, wanted = self._series(repository, set_name)
        retention = self._depot.retention
        return self._queue.add(
            JobKind.PRUNE,
            place,
            lambda handle: retention.apply(place, wanted, token, f"{who} (job {handle.id})", handle),
            who,
            set_name=set_name,
        )

    def prune_by_rule(self, repository: str, set_name: str, who: str) -> Job:
        """The retention of a set and of its dumps as it is due: previewed and applied in one job. Raises as `prune`."""
        place, wanted = self._series(repository, set_name)
        dumps = [msgspec.structs.replace(wanted, name=f"{set_name}+{dump.name}") for dump in wanted.dumps]
        every = [wanted, *dumps] if wanted.paths or wanted.kind != "data" else dumps
        retention, catalog, clock = self._depot.retention, self._depot.catalog, self._depot.clock

        def work(handle: Handle) -> Outcome:
            outcomes: list[Outcome] = []
            for series in every:
                preview = retention.preview(place, series)
                if preview.frozen:
                    return Outcome(state=JobState.DONE, notes=(f"nothing is pruned: {preview.frozen}",))
                outcomes.append(retention.apply(place, series, preview.token, who, handle))
                if outcomes[-1].state not in (JobState.DONE, JobState.WARNING):
                    return outcomes[-1]
            catalog.set_note(place.key, f"pruned {set_name}", f"{clock.now():.0f}")
            return _together(outcomes)

        return self._queue.add(JobKind.PRUNE, place, work, who, set_name=set_name)

    def undo(self, repository: str, who: str, *, lose: tuple[str, ...] = (), aside: bool = False) -> Job:
        """Bring back what was removed since the last compaction.

        Args:
            repository: its key.
            who: asked for it.
            lose: names of archives made since that may be lost for it.
            aside: make the earlier state readable beside the repository instead; nothing is lost then.

        Raises:
            BadInput: no such repository.
        """
        place, undo = self._tasks.repository(repository), self._depot.undo

        def work(handle: Handle) -> Outcome:
            if aside:
                return undo.aside(place)
            plan = undo.plan(place)
            return undo.apply(place, plan.token, who, lose=lose, watch=handle)

        return self._queue.add(JobKind.UNDO, place, work, who)

    def compact_preview(self, repository: str) -> CompactPreview:
        """What a compaction makes final. Raises BadInput, RetryLater, Stop."""
        place = self._tasks.repository(repository)
        with self._queue.alone(place):
            return self._depot.compaction.preview(place)

    def compact(self, repository: str, token: str, accept: tuple[str, ...], who: str) -> Job:
        """Free what was removed. `accept` names archives that nobody here removed and that may go. Raises BadInput."""
        place, compaction, listings = self._tasks.repository(repository), self._depot.compaction, self._depot.listings

        def work(handle: Handle) -> Outcome:
            known = token
            if accept:
                refused = listings.accept(place, self._names(place, accept), who)
                if refused.state is JobState.FAILED:
                    return refused
                known = compaction.preview(place).token
            return compaction.apply(place, known, who, handle)

        return self._queue.add(JobKind.COMPACT, place, work, who)

    def compact_by_rule(self, repository: str, who: str) -> Job:
        """The compaction after its hold. Raises as `compact`."""
        place, compaction = self._tasks.repository(repository), self._depot.compaction

        def work(handle: Handle) -> Outcome:
            preview = compaction.preview(place)
            if preview.refused:
                return Outcome(state=JobState.DONE, notes=(f"not compacted: {preview.refused}",))
            return compaction.apply(place, preview.token, who, handle)

        return self._queue.add(JobKind.COMPACT, place, work, who)

    def _names(self, place: Repository, ids: tuple[str, ...]) -> list[str]:
        """Names of archives that are gone, given as names or ids."""
        gone = self._depot.catalog.gone(place.key)
        return [
            next((each.archive.name for each in gone if wanted in (each.archive.id, each.archive.name)), wanted)
            for wanted in ids
        ]

    def _series(self, repository: str, set_name: str) -> tuple[Repository, BackupSet]:
        """A set, or the series of one of its databases ("models+app"), with its retention. Raises BadInput."""
        base, _, dump = set_name.partition("+")
        task = self._tasks.task(repository, base)
        if dump and dump not in {each.name for each in task.set.dumps}:
            raise BadInput(f"no dump {dump[:60]!r} in {base}", hint="swarm-tui backup list")
        return task.repository, msgspec.structs.replace(task.set, name=set_name)

    # Integrity ---------------------------------------------------------------------------------------------------

    def check(self, place: Repository, level: Level, who: str) -> Job:
        """Queue a check. Raises RetryLater, Stop."""
        checking = self._depot.checking
        return self._queue.add(
            JobKind.CHECK,
            place,
            lambda handle: checking.run(place, level, max_seconds=QUICK_SECONDS, watch=handle),
            who,
        )

    def heal_plan(self, repository: str) -> HealPreview:
        """Look for damage and for intact copies; takes as long as reading the repository does.

        Raises:
            BadInput: no such repository.
            RetryLater: somebody works there, or it cannot be read.
        """
        place = self._tasks.repository(repository)
        others = [each for each in self._tasks.repositories([place.host]) if each.key != place.key]
        with self._queue.alone(place, *others):
            damage = self._depot.damages.locate(place, others)
        if not damage.files and damage.complete and not damage.unreadable:
            return HealPreview(id="", hash="", repository=place.key)
        plan = self._depot.healing.plan(damage, [place, *others])
        made = preview(plan)
        with self._lock:
            self._plans[made.id] = plan
            while len(self._plans) > MOST_PLANS:
                del self._plans[next(iter(self._plans))]
        return made

    def heal(self, plan_id: str, approved: str, who: str) -> Job:
        """Carry out a plan whose hash is named as approval. Raises BadInput, RetryLater, Stop."""
        with self._lock:
            plan = self._plans.get(plan_id)
        if plan is None:
            raise BadInput(f"no healing plan {plan_id[:60]!r}", hint="make it again; plans are not kept over a restart")
        if not plan.hash.startswith(approved):
            raise BadInput("the hash is that of another plan", hint="look at the plan and name its hash")
        places = {name: self._tasks.repository(name) for name in plan.names}
        place, others = places[plan.repository], tuple(each for name, each in places.items() if name != plan.repository)
        healing, listings = self._depot.healing, self._depot.listings

        def work(handle: Handle) -> Outcome:
            try:
                return healing.run(plan, plan.hash, places, who=who, watch=handle)
            finally:
                listings.done(place)

        return self._queue.add(
            JobKind.HEAL,
            place,
            work,
            who,
            others=others,
        )

    # Locks and keys ----------------------------------------------------------------------------------------------

    def lock(self, repository: str) -> LockReport:
        """Who holds it, with the evidence. Raises BadInput, RetryLater."""
        return self._depot.locks.report(self._tasks.repository(repository))

    def break_lock(self, repository: str, token: str, who: str) -> None:
        """Break the lock of a holder that is proven dead.

        Raises:
            BadInput: no such repository.
            RetryLater: the evidence changed, or does not prove it.
        """
        place = self._tasks.repository(repository)
        outcome = self._depot.locks.break_lock(place, token, who)
        if outcome.state is not JobState.DONE:
            text = outcome.cause.text if outcome.cause else "the lock was not broken"
            raise RetryLater(
                text, host=place.host, action="break a lock", hint=outcome.cause.next_step if outcome.cause else None
            )
        self._tell("backup", f"{place.key}: {outcome.notes[0]}", place.host, who, Severity.WARNING)

    def key_export(self, repository: str, form: Form, who: str) -> str:
        """What must be kept elsewhere: on paper with the passphrase, or the key alone. Goes to the caller only."""
        place, escrows = self._tasks.repository(repository), self._depot.escrows
        with self._queue.alone(place):
            if form == "paper":
                shown = escrows.sheet(place)
            else:
                shown = clean_lines(escrows.export(place, form).decode("utf-8", "replace"))
        self._tell("backup", f"{place.key}: its key was shown ({form})", place.host, who, Severity.WARNING)
        return shown

    def escrow(self, repository: str, note: str, who: str) -> Escrow:
        """Write down that the key is kept elsewhere. Raises BadInput, RetryLater."""
        place = self._tasks.repository(repository)
        with self._queue.alone(place):
            made = self._depot.escrows.recorded(place, who, note)
        self._tell("backup", f"{place.key}: key {made.fingerprint} is kept elsewhere", place.host, who, Severity.OK)
        return made

    def release(self, repository: str, who: str) -> None:
        """End the freeze that an anomaly or a canary put on pruning. Raises BadInput when there is none."""
        place = self._tasks.repository(repository)
        released = self._depot.anomalies.release(place.key, who)
        for task in self._tasks.all():
            if task.repository.key == place.key and any(
                each.code == "canary" and each.set == task.set.name for each in released
            ):
                self._depot.canaries.accept(task)
        texts = "; ".join(each.text for each in released)
        self._tell("backup", f"{place.key}: pruning goes on: {texts}"[:400], place.host, who, Severity.WARNING)


def _together(outcomes: Sequence[Outcome]) -> Outcome:
    """One outcome for several that all went well, or well but for a warning."""
    worst = next((each for each in outcomes if each.state is not JobState.DONE), outcomes[0])
    notes = tuple(note for each in outcomes for note in each.notes)
    warnings = tuple(text for each in outcomes for text in each.warnings)
    return msgspec.structs.replace(worst, notes=notes, warnings=warnings)
