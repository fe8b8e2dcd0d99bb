"""Archives that are listed no more although nobody here removed them: noticed, told, and kept from becoming final.

An append-only channel does not refuse deletions, it only keeps what they would free. So every listing is compared with
what we know; what is missing without a removal of ours stops prune and compaction until somebody decides.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from backends import decoding
from backends.backups.borg import exits, list_archives
from backends.backups.catalog import Catalog
from backends.backups.catalog_model import Gone
from backends.backups.model import Archive, Cause, Concern, JobState, Outcome, Repository
from backends.backups.onsite import Look, Mark, Onsite
from backends.backups.points import DIGITS, Point, Points, kept
from backends.backups.runner import Runner
from backends.clock import Clock
from backends.errors import BadInput, RetryLater
from backends.metrics.sample import Record
from backends.states import Severity
from backends.text import clean

_INTENT, _WHEN = "intent", "vanished_when"
INTENT_SECONDS = 8 * 3600.0
"""Longer than any prune is let run."""
PAGE = 1900
"""What fits into a note."""
TIMEOUT_SECONDS = 3600.0
"""The first listing after a rollback may have to read every segment."""


class Seen(Record, frozen=True, kw_only=True):
    """A repository's archives now."""

    archives: tuple[Archive, ...]
    vanished: tuple[Archive, ...] = ()
    look: Look
    steady: bool = True
    """Nobody wrote while it was listed."""


class Intent(Record, frozen=True, kw_only=True):
    """Written down before archives are removed, so that being killed in between makes no false alarm."""

    pages: int
    """How many notes hold the first digits of the archives' ids."""
    by: str
    time: float


class Listings:
    """Lists repositories, and knows what ought to be there. One call at a time for a repository."""

    def __init__(self, runner: Runner, onsite: Onsite, catalog: Catalog, clock: Clock):
        self._runner, self._onsite, self._catalog, self._clock = runner, onsite, catalog, clock
        self._points = Points(catalog)

    def take(self, repository: Repository) -> Seen:
        """List the repository, put that into the catalog, and compare.

        Raises:
            RetryLater: Borg could not list it (the message says why), or it cannot be reached.
            SkipHost, AskOperator: as `Runner.run` and `Onsite`.
            Stop: the disk of the catalog refuses.
        """
        before = self._onsite.look(repository)
        archives = self._list(repository)
        after = self._onsite.look(repository)
        self._catalog.put_archives(repository.key, archives)
        self._settle(repository)
        steady = before.transaction == after.transaction
        vanished = self.vanished(repository)
        self._remember_when(repository, after, vanished)
        if steady and not vanished and after.transaction is not None:
            mark = Mark(transaction=after.transaction, digest=after.digest)
            self._points.set_good(repository.key, Point(mark=mark, time=self._clock.now(), kept=kept(archives)))
        return Seen(archives=archives, vanished=vanished, look=after, steady=steady)

    def vanished(self, repository: Repository) -> tuple[Archive, ...]:
        """What is known to be missing without a removal of ours, from the catalog alone."""
        return tuple(each.archive for each in self._unexplained(repository))

    def why_frozen(self, repository: Repository) -> str:
        """Why nothing may be removed for good; "" when it may."""
        missing = self.vanished(repository)
        if missing:
            return f"{_count(len(missing))} removed by nobody here: {named(missing)}"
        return self._catalog.note(repository.key, "frozen")

    def concern(self, repository: Repository) -> Concern | None:
        """What somebody should know about vanished archives; None: nothing."""
        missing = self._unexplained(repository)
        if not missing:
            return None
        when = self._catalog.note(repository.key, _WHEN)
        text = f"{_count(len(missing))} removed by nobody here: {named([each.archive for each in missing])}"
        text += f", {when}" if when else ""
        return Concern(
            code="vanished",
            severity=Severity.CRITICAL,
            host=repository.host,
            repository=repository.key,
            text=f"{text}. {who_could(repository)} Nothing is lost before a compaction, which is refused.",
            since=min(each.time for each in missing),
            next_step=f"swarm-tui backup undo {repository.key}, or accept each: swarm-tui backup compact {repository.key} --accept ID",
        )

    def accept(self, repository: Repository, names: Sequence[str], who: str) -> Outcome:
        """Somebody says that these are rightly gone: they no longer stop a compaction.

        Raises:
            BadInput: one of the names is not missing.
        """
        missing = {each.name: each.id for each in self.vanished(repository)}
        for name in names:
            if name not in missing:
                raise BadInput(
                    f"{name!r} is not missing in {repository.key}",
                    hint=f"missing: {named(tuple(missing)) or 'nothing'}",
                )
        ids = [missing[name] for name in names]
        self._catalog.removed(repository.key, ids, f"accepted by {who}", self._clock.now())
        return Outcome(state=JobState.DONE, notes=(f"{_count(len(ids))} accepted as gone: {named(names)}",))

    def intend(self, repository: Repository, archives: Sequence[Archive], by: str) -> None:
        """Write down that these are about to be removed."""
        short = [each.id[:DIGITS] for each in archives]
        pages = ["".join(short[place : place + PAGE]) for place in range(0, len(short), PAGE)]
        for number, page in enumerate(pages):
            self._catalog.set_note(repository.key, f"{_INTENT}.{number}", page)
        intent = Intent(pages=len(pages), by=by, time=self._clock.now())
        self._catalog.set_note(repository.key, _INTENT, msgspec.json.encode(intent).decode())

    def done(self, repository: Repository) -> None:
        """The work that was written down is over, whatever it came to. After it and a listing."""
        intent = self._intent(repository)
        self._catalog.set_note(repository.key, _INTENT, "")
        for number in range(intent.pages if intent else 0):
            self._catalog.set_note(repository.key, f"{_INTENT}.{number}", "")

    def _intent(self, repository: Repository) -> Intent | None:
        text = self._catalog.note(repository.key, _INTENT)
        return decoding.json(text, type=Intent) if text else None

    def _settle(self, repository: Repository) -> None:
        """What a job of ours had meant to remove, and is gone, was removed by it: also one that was killed in between."""
        intent = self._intent(repository)
        if intent is None:
            return
        text = "".join(self._catalog.note(repository.key, f"{_INTENT}.{number}") for number in range(intent.pages))
        meant = {text[place : place + DIGITS] for place in range(0, len(text), DIGITS)}
        gone = [each.archive.id for each in self._unexplained(repository) if each.archive.id[:DIGITS] in meant]
        if gone:
            self._catalog.removed(repository.key, gone, intent.by, intent.time)
        if abs(self._clock.now() - intent.time) > INTENT_SECONDS:
            self.done(repository)

    def _remember_when(self, repository: Repository, look: Look, vanished: Sequence[Archive]) -> None:
        """What the repository's own log says of the time since everything was there."""
        good = self._points.good(repository.key)
        times = [time[:16].replace("T", " ") for number, time in look.logged if good and number > good.mark.transaction]
        told = f"between {times[0]} and {times[-1]} UTC by the repository's log" if vanished and times else ""
        if told != self._catalog.note(repository.key, _WHEN):
            self._catalog.set_note(repository.key, _WHEN, clean(told, 200))

    def _unexplained(self, repository: Repository) -> tuple[Gone, ...]:
        return tuple(each for each in self._catalog.gone(repository.key) if not each.by)

    def _list(self, repository: Repository) -> tuple[Archive, ...]:
        dialect = self._runner.dialect
        details = not self._catalog.archives(repository.key)  # for them Borg opens each archive: only at first sight
        result = self._runner.run(
            repository,
            lambda location: list_archives.argv(dialect, location, details=details),
            timeout_seconds=TIMEOUT_SECONDS,
        )
        state, cause = exits.judge("list", result, location=repository.location, repository=repository.key)
        if state not in (JobState.DONE, JobState.WARNING):
            raise failed(repository, "list the archives", cause)
        return list_archives.parse(result.stdout, repository)


def who_could(repository: Repository) -> str:
    """Who is able to remove archives of a repository, in one sentence."""
    return (
        f"{repository.host} itself could (it is given the passphrase while it backs up, and an append-only channel"
        " takes deletions), or whoever has the passphrase or the repository's disk."
    )


def failed(repository: Repository, action: str, cause: Cause | None) -> RetryLater:
    """A cause as an error, for where there is no outcome to put it into."""
    text = cause.text if cause else "Borg ended early"
    seen = f" ({cause.evidence[0]})" if cause and cause.evidence else ""
    return RetryLater(f"{repository.key}: {text}{seen}", action=action, hint=cause.next_step if cause else None)


def named(archives: Sequence[Archive] | Sequence[str], most: int = 8) -> str:
    """Their names in one line, the first of them."""
    names = [each if isinstance(each, str) else each.name for each in archives]
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _count(number: int) -> str:
    return "1 archive was" if number == 1 else f"{number} archives were"
