"""Bringing back what was removed, until a compaction: the repository goes back to an earlier transaction.

That would also take away whatever was written since, so it is done by itself only where nothing was; else somebody names
what may be lost, or has the earlier state made readable beside the repository.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import msgspec

from backends.backups.borg import check, exits
from backends.backups.catalog import Catalog
from backends.backups.model import Cause, JobState, Outcome, Repository
from backends.backups.onsite import Onsite, Rolled, forget_client
from backends.backups.points import Point, Points
from backends.backups.runner import Runner
from backends.backups.undo_plan import UndoPlan, choose, impossible, incomplete, nothing, of, refusal, token_of
from backends.backups.vanished import Listings, Seen, named
from backends.backups.watching import Unwatched, Watch
from backends.clock import Clock
from backends.errors import RetryLater, SkipHost, SwarmError
from backends.execution import Exec
from backends.hostkit.travel import Become
from backends.text import clean

TIMEOUT_SECONDS = 6 * 3600.0
HEALING = "healing,"
"""Begins what the catalog says of archives that a repair replaced: they must not come back."""


class Client:
    """A Borg that remembers how new the repository was when it saw it last, and would call an undo a replay attack."""

    def __init__(self, way: Exec, bases: Sequence[str], name: str = "", become: Become = "none"):
        """
        Args:
            way: to its machine.
            bases: directories that were its BORG_BASE_DIR, ~ allowed.
            name: of the machine, for people.
            become: as whom that Borg runs there.
        """
        self.way, self.bases, self.name, self.become = way, tuple(bases), name or way.host, become


class Undo:
    """Undoes removals. One call at a time for a repository.

    Args:
        clients: every Borg that knows the repository: the engine's own first, then those of hosts.
    """

    def __init__(
        self,
        runner: Runner,
        onsite: Onsite,
        catalog: Catalog,
        listings: Listings,
        clock: Clock,
        clients: Callable[[Repository], Sequence[Client]],
    ):
        self._runner, self._onsite, self._catalog, self._listings = runner, onsite, catalog, listings
        self._clock, self._clients, self._points = clock, clients, Points(catalog)

    def plan(self, repository: Repository, to: int | None = None) -> UndoPlan:
        """What an undo would do: as far back as it costs nothing, or to the transaction `to` of a point.

        Raises:
            BadInput: there is no such point.
            RetryLater: somebody writes to it now; and as `Listings.take`.
            SkipHost, AskOperator, Stop: as `Listings.take`.
        """
        return self._planned(repository, to)[2]

    def points(self, repository: Repository) -> tuple[Point, ...]:
        """The states that can still be gone back to, as far as is known, oldest first. Raises Stop."""
        return self._points.all(repository.key)

    def apply(
        self,
        repository: Repository,
        token: str,
        who: str,
        *,
        to: int | None = None,
        lose: Collection[str] = (),
        watch: Watch | None = None,
    ) -> Outcome:
        """Do what the plan with this token said.

        Args:
            to: as for `plan`.
            lose: names of archives made since that may be lost; each one that would be must be named.

        Raises:
            BadInput, RetryLater, SkipHost, AskOperator, Stop: as `plan`; RetryLater also where somebody holds the lock.
        """
        watch = watch or Unwatched()
        watch.phase("looking")
        seen, point, plan = self._planned(repository, to)
        refused = refusal(plan, token, lose)
        if refused or point is None or seen.look.transaction is None:
            return Outcome(state=JobState.FAILED, cause=refused)
        self._listings.intend(repository, plan.lost, f"undo, {who}")
        watch.phase("going back")
        try:
            rolled = self._onsite.rollback(repository, point.mark, seen.look.transaction)
        except SkipHost as error:
            return Outcome(state=JobState.FAILED, cause=impossible(error))
        self._points.drop(repository.key, point.mark.transaction)
        return self._after(repository, seen, plan, rolled, watch)

    def aside(self, repository: Repository, to: int | None = None) -> Outcome:
        """Make the earlier state readable beside the repository, sharing its segments; nothing is lost either way.

        Raises: as `plan`.
        """
        _, point, plan = self._planned(repository, to)
        if point is None:
            return Outcome(state=JobState.FAILED, cause=refusal(plan, plan.token, ()))
        try:
            place = self._onsite.aside(repository, point.mark)
        except SkipHost as error:
            return Outcome(state=JobState.FAILED, cause=impossible(error))
        location = repository.location + place[len(self._onsite.path(repository).rstrip("/")) :]
        return Outcome(
            state=JobState.DONE,
            notes=(
                f"{named(plan.back)} can be read from {clean(location, 500)} with the same passphrase.",
                "Only read there: writing into both with one key would weaken the encryption. It takes room once the"
                f" repository is compacted; then remove {clean(place, 500)} on its machine.",
            ),
        )

    def _planned(self, repository: Repository, to: int | None) -> tuple[Seen, Point | None, UndoPlan]:
        seen = self._listings.take(repository)
        if not seen.steady:  # an archive may have come that this listing does not have
            raise RetryLater(
                f"{repository.key} is being written to", host=repository.host, action="undo", hint="wait for its end"
            )
        gone = [each.archive for each in self._catalog.gone(repository.key) if not each.by.startswith(HEALING)]
        point = choose(self._candidates(repository, seen), seen.archives, gone, to)
        if point is None:
            return seen, None, UndoPlan(repository=repository.key, refused=nothing(gone))
        back = of(point, gone)
        plan = UndoPlan(
            repository=repository.key,
            to=point.mark.transaction,
            time=point.time,
            before=point.by,
            back=back,
            lost=point.newer(seen.archives),
            remaining=tuple(each for each in gone if each not in back),
        )
        return seen, point, msgspec.structs.replace(plan, token=token_of(plan, seen.look.transaction))

    def _candidates(self, repository: Repository, seen: Seen) -> list[Point]:
        """The states that can be gone back to, oldest first: that of the last good listing only when archives vanished,
        and none from before a healing, which going back would undo."""
        healed = (each.time for each in self._catalog.gone(repository.key) if each.by.startswith(HEALING))
        since = max(healed, default=float("-inf"))
        good = self._points.good(repository.key)
        points = [*self._points.all(repository.key), *([good] if seen.vanished and good else [])]
        earlier = [
            each for each in points if each.mark.transaction < (seen.look.transaction or 0) and each.time >= since
        ]
        return sorted(earlier, key=lambda each: each.mark.transaction)

    def _after(self, repository: Repository, before: Seen, plan: UndoPlan, rolled: Rolled, watch: Watch) -> Outcome:
        warnings = self._forget(repository, before.look.settings.get("id", ""))
        watch.phase("listing")
        seen = self._listings.take(repository)
        self._listings.done(repository)
        there = {each.id for each in seen.archives}
        back = [each for each in plan.back if each.id in there]
        self._catalog.unremoved(repository.key, [each.id for each in back])
        if not self._catalog.gone(repository.key):
            self._catalog.set_note(repository.key, "held_since", "")
        watch.phase("checking")
        state, cause = self._check(repository, watch)
        if len(back) < len(plan.back) and cause is None:
            state, cause = JobState.WARNING, incomplete(plan, back)
        notes = (
            f"{len(back)} of {len(plan.back)} archives are back: {named(back)}.",
            f"Transaction {plan.to} again; {rolled.segments} later segments lie in {clean(rolled.place, 500)} until a compaction.",
        )
        worst = JobState.WARNING if warnings and state == JobState.DONE else state
        return Outcome(state=worst, cause=cause, notes=notes, warnings=tuple(warnings))

    def _forget(self, repository: Repository, identity: str) -> list[str]:
        """Every Borg that knew the repository forgets how new it was; what could not be told so."""
        warnings = []
        for client in self._clients(repository):
            try:
                forget_client(client.way, identity, client.bases, client.become)
            except SwarmError as error:
                warnings.append(
                    f"{client.name} could not be told ({error.message}): a backup there may call this a replay until"
                    f" its manifest-timestamp of {identity[:12]}… is removed"
                )
        return warnings

    def _check(self, repository: Repository, watch: Watch) -> tuple[JobState, Cause | None]:
        dialect = self._runner.dialect
        result = self._runner.run(
            repository,
            lambda location: check.argv(dialect, location, level="quick"),
            on_event=watch.event,
            cancel=watch.cancel,
            timeout_seconds=TIMEOUT_SECONDS,
        )
        return exits.judge("check", result, location=repository.location, repository=repository.key)
