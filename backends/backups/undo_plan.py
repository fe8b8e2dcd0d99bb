"""What an undo would do, and why it is not done: the decisions, without a repository. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence

import msgspec

from backends.backups.model import Archive, Cause
from backends.backups.points import Point
from backends.backups.vanished import named
from backends.clock import utc
from backends.errors import BadInput, SkipHost
from backends.metrics.sample import Record


class UndoPlan(Record, frozen=True, kw_only=True):
    """What an undo would do."""

    repository: str
    to: int = 0
    """The transaction that it goes back to."""
    time: float | None = None
    """When the repository was in that state."""
    before: str = ""
    """What began there: "prune of models, root"."""
    back: tuple[Archive, ...] = ()
    """Archives that come back."""
    lost: tuple[Archive, ...] = ()
    """Archives that were made since and would be lost."""
    remaining: tuple[Archive, ...] = ()
    """Removed ones that this does not bring back."""
    refused: str = ""
    token: str = ""


def choose(points: Sequence[Point], there: Sequence[Archive], gone: Sequence[Archive], to: int | None) -> Point | None:
    """Where to go back to: to `to`; else as far as it costs nothing; else as little as brings something back.

    Args:
        points: states that are known, oldest first.
        there: archives that are listed now.
        gone: archives that are not, and could come back.
        to: a transaction that somebody chose.

    Raises:
        BadInput: no point is at `to`.
    """
    if to is not None:
        return next((each for each in points if each.mark.transaction == to), None) or _no_point(points, to)
    useful = [each for each in points if of(each, gone)]
    free = [each for each in useful if not each.newer(there)]
    return next(iter(free), None) or next(reversed(useful), None)


def of(point: Point, gone: Sequence[Archive]) -> tuple[Archive, ...]:
    """Which of the removed archives were there at that point."""
    newer = point.newer(gone)
    return tuple(each for each in gone if each not in newer)


def _no_point(points: Sequence[Point], to: int) -> Point:
    known = ", ".join(str(each.mark.transaction) for each in points)
    raise BadInput(f"no known state is at transaction {to}", hint=f"known: {known or 'none'}")


def nothing(gone: Sequence[Archive]) -> str:
    """Why there is no state to go back to."""
    if not gone:
        return "nothing was removed since the last compaction"
    return f"{named(gone)}: removed before this engine knew the repository; no state to go back to is known"


def token_of(plan: UndoPlan, transaction: int | None) -> str:
    """Names exactly this plan, for a repository at that transaction."""
    said = [
        plan.repository,
        plan.to,
        transaction,
        sorted(a.id for a in plan.back),
        sorted(a.id for a in plan.lost),
    ]
    return hashlib.sha256(msgspec.json.encode(said)).hexdigest()[:16]


def refusal(plan: UndoPlan, token: str, lose: Collection[str]) -> Cause | None:
    """Why the plan is not carried out; None: it may be. `lose`: names of archives that may be lost."""
    if plan.refused:
        return Cause(code="nothing-to-undo", text=f"Nothing can be brought back: {plan.refused}.")
    if plan.token != token:
        return Cause(
            code="changed",
            text="The undo would do something else now than what was shown.",
            next_step="Look at the plan again.",
        )
    unnamed = [each for each in plan.lost if each.name not in lose]
    if not unnamed:
        return None
    return Cause(
        code="would-lose",
        text=f"Archives were made since, and going back would lose them: {named(unnamed)}.",
        evidence=tuple(f"{each.name}, {utc(each.start):%Y-%m-%d %H:%M} UTC" for each in unnamed[:20]),
        next_step=f"Make the earlier state readable instead (swarm-tui backup undo {plan.repository} --aside), or name each"
        " archive that may be lost (--lose NAME) and back up again afterwards.",
    )


def impossible(error: SkipHost) -> Cause:
    """The repository's machine says that it cannot be done."""
    return Cause(
        code="cannot-undo",
        text=f"The repository cannot go back: {error.message}.",
        next_step="What was compacted is gone here; look for the archive in another repository (swarm-tui backup archives).",
    )


def incomplete(plan: UndoPlan, back: Sequence[Archive]) -> Cause:
    """Not everything came back."""
    missing = [each for each in plan.back if each not in back]
    return Cause(
        code="undo-incomplete",
        text=f"The repository went back, but {named(missing)} did not come with it.",
        evidence=(f"transaction {plan.to}",),
        next_step=f"swarm-tui backup check {plan.repository}",
    )
