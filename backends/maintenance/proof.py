"""A fresh proof of a backup: what a step asks for, what is known of each repository, and whether that is enough. Pure.

A young archive alone proves nothing: it counts once a restore drill brought files of that set back from the same repository,
and found them as they should be.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from backends.errors import BadInput
from backends.maintenance.model import Step, StepKind
from backends.metrics.sample import Record
from backends.text import clean
from backends.units import parse_span, span

LONGEST_SECONDS = 366 * 86400.0
HINT = "write proof:SET or proof:SET:7d"
_SHOWN = 3


class Demand(Record, frozen=True, kw_only=True):
    """What one step asks for."""

    set: str
    seconds: float | None = None
    """Neither the newest archive nor the proof may be older; None: what is usual at this site."""


class Copy(Record, frozen=True, kw_only=True):
    """A set of one host in one repository."""

    repository: str
    newest: float | None = None
    """When its newest complete archive was begun, epoch seconds; None: there is none."""
    proven: float | None = None
    """When its last restore drill was; None: never."""
    good: bool = False
    """What that one came to."""
    problem: str = ""


class Verdict(Record, frozen=True, kw_only=True):
    """Whether a host may be changed, as far as its backups go."""

    good: bool
    text: str
    hint: str = ""
    proven: float | None = None
    """When that was proven which is enough."""


def demanded(argument: str) -> Demand:
    """What "models" or "models:7d" asks for. Raises BadInput."""
    name, colon, limit = argument.partition(":")
    name = name.strip()
    if not name:
        raise BadInput('"proof" does not tell which', hint=HINT)
    if not colon:
        return Demand(set=name)
    try:
        seconds = parse_span(limit)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= LONGEST_SECONDS:
        raise BadInput(f'"{clean(limit, 40)}" is no age of a proof', hint='for example "proof:models:7d"')
    return Demand(set=name, seconds=seconds)


def set_named(step: Step) -> str:
    """The backup set that a step names; "" for a step that names none."""
    if step.kind is StepKind.PROOF:
        return demanded(step.argument).set
    return step.argument if step.kind is StepKind.BACKUP else ""


def judged(
    host: str, name: str, copies: Sequence[Copy], limit: float, now: float, *, backed_up: bool = False
) -> Verdict:
    """Whether one of these copies is young and proven.

    Args:
        host: for the next step.
        name: of the set.
        limit: seconds that are not too old.
        backed_up: a step before makes a new archive, so the age of the newest one does not matter.
    """
    lacks = [(each, _lack(each, limit, now, backed_up)) for each in copies]
    enough = [each for each, lack in lacks if not lack]
    if enough:
        best = max(enough, key=lambda each: each.proven or 0.0)
        text = f"{name} was restored from {best.repository} for a test {_ago(best.proven, now)}"
        return Verdict(good=True, text=text, proven=best.proven)
    told = [f"{each.repository}: {lack}" for each, lack in lacks]
    more = f" and {len(told) - _SHOWN} more" if len(told) > _SHOWN else ""
    text = f"no proof of {name} within {span(limit)}: {'; '.join(told[:_SHOWN]) or 'nothing is backed up'}{more}"
    return Verdict(good=False, text=text, hint=_cure(host, name, copies, limit, now))


def _lack(copy: Copy, limit: float, now: float, backed_up: bool) -> str:
    """What one copy lacks; "" when it is enough."""
    if copy.proven is not None and not copy.good:
        return f"the restore drill {_ago(copy.proven, now)} failed{f' ({copy.problem})' if copy.problem else ''}"
    if copy.proven is None:
        return "never restored for a test" if copy.newest is not None else "no archive yet"
    if now - copy.proven > limit:
        return f"last restored for a test {_ago(copy.proven, now)}"
    if backed_up:
        return ""
    if copy.newest is None:
        return "no archive is left"
    return f"its newest archive is from {_ago(copy.newest, now)}" if now - copy.newest > limit else ""


def _cure(host: str, name: str, copies: Iterable[Copy], limit: float, now: float) -> str:
    """The command that brings what is missing."""
    young = any(each.newest is not None and now - each.newest <= limit for each in copies)
    backup = "" if young else f"swarm-tui backup run {host} --set {name}, then "
    return f"{backup}swarm-tui backup drill {host} --set {name}"


def _ago(moment: float | None, now: float) -> str:
    return "never" if moment is None else f"{span(max(0.0, now - moment))} ago"
