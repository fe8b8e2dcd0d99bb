"""Who holds a repository's lock, and whether that can still be true. Only what is proven dead is ever broken.

Borg writes the holder down as HOST@MAC.PID-THREAD and tells nobody. On an SSH repository that is the `borg serve` on the
repository's machine. So the number is looked up on the machine that the name says, and nowhere else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import msgspec

from backends.backups.model import Cause, JobState, Outcome, Repository
from backends.backups.onsite import Look, Onsite, Process, process
from backends.backups.views import LockReport
from backends.clock import utc
from backends.errors import SkipHost, SwarmError
from backends.execution import Exec
from backends.metrics.sample import Record
from backends.text import clean

SLACK_SECONDS = 5.0
"""Between a process's start and its lock, by two clocks of one machine."""


class Holding(Record, frozen=True, kw_only=True):
    """One holder of a lock."""

    text: str
    """As Borg writes it."""
    host: str = ""
    pid: int | None = None
    since: float | None = None
    shared: bool = False
    """It only reads."""


class Verdict(Record, frozen=True, kw_only=True):
    """What is known about a holder."""

    dead: bool | None
    evidence: str


class Locks:
    """Reports on locks and breaks dead ones.

    Args:
        ways: name of a machine as Borg writes it ("gpu01@…", a BORG_HOST_ID) → a way to it, None: not known here.
        busy: what our own engine does with a repository now, as a sentence; "" for nothing.
    """

    def __init__(self, onsite: Onsite, ways: Callable[[str], Exec | None], busy: Callable[[Repository], str]):
        self._onsite, self._ways, self._busy = onsite, ways, busy

    def report(self, repository: Repository) -> LockReport:
        """Who holds the lock now, with the evidence.

        Raises:
            RetryLater, SkipHost, AskOperator: the repository's machine cannot be asked.
        """
        return self._judged(repository)[1]

    def break_lock(self, repository: Repository, token: str, who: str) -> Outcome:
        """Break the lock, if the evidence is still that of the report with this token and proves every holder dead.

        Exactly the holders of the report are removed; whoever took the lock meanwhile keeps it.

        Raises:
            RetryLater, SkipHost, AskOperator: as `report`.
        """
        held, report = self._judged(repository)
        refusal = _refusal(report, token)
        if refusal:
            return Outcome(state=JobState.FAILED, cause=refusal)
        look, holders = held
        names = [each.name for each in look.exclusive]
        entries = [entry for kind in look.roster.values() for entry in kind]
        try:
            self._onsite.break_lock(repository, names, entries)
        except SkipHost as error:
            return Outcome(state=JobState.FAILED, cause=_changed(report, (error.message,)))
        gone = ", ".join(each.text for each in holders)
        return Outcome(state=JobState.DONE, notes=(f"The lock of {gone} was broken by {who}.", *report.evidence))

    def _judged(self, repository: Repository) -> tuple[tuple[Look, tuple[Holding, ...]], LockReport]:
        look = self._onsite.look(repository)
        holders = holdings(look)
        if not holders:
            return (look, holders), LockReport(repository=repository.key)
        verdicts = [self._verdict(repository, look, each) for each in holders]
        evidence = tuple(verdict.evidence for verdict in verdicts)
        first, dead = holders[0], _all_dead(verdicts)
        ours = self._busy(repository)
        if ours:
            dead, evidence = False, (f"our own engine works on it: {ours}", *evidence)
        report = LockReport(
            repository=repository.key,
            holder=first.text,
            host=clean(first.host, 200),
            pid=first.pid,
            since=first.since,
            dead=dead,
            evidence=evidence,
            token=_token(repository, holders, verdicts),
        )
        return (look, holders), report

    def _verdict(self, repository: Repository, look: Look, holding: Holding) -> Verdict:
        if holding.pid is None:
            return Verdict(dead=None, evidence=f"{holding.text}: not a holder that Borg would write")
        try:
            way = self._onsite.way(repository) if holding.host == look.host_id else self._ways(holding.host)
            if way is None:
                place = holding.host or "its machine"
                text = f"{holding.text}: {place} is not known here; look there: ps -p {holding.pid}"
                return Verdict(dead=None, evidence=clean(text, 400))
            found = process(way, holding.pid)
        except SwarmError as error:
            return Verdict(dead=None, evidence=f"{holding.text}: its machine could not be asked: {error.message}")
        return judge(holding, found, way.host)


def holdings(look: Look) -> tuple[Holding, ...]:
    """Everybody who is written down: the files first, then entries of the roster that have none."""
    found = [
        Holding(text=clean(each.name, 200), host=each.host or "", pid=each.pid, since=each.time)
        for each in look.exclusive
    ]
    seen = {(each.host, each.pid) for each in found}
    for kind in ("exclusive", "shared"):
        for host, pid, thread in look.roster.get(kind, ()):
            if (host, pid) not in seen:
                seen.add((host, pid))
                text = clean(f"{host}.{pid}-{thread:x}", 200)
                since = look.roster_time
                found.append(Holding(text=text, host=host, pid=pid, since=since, shared=kind == "shared"))
    return tuple(found)


def judge(holding: Holding, found: Process, machine: str) -> Verdict:
    """Whether the process that took the lock still lives, by what has its number now. Pure."""
    who = f"process {holding.pid} on {machine}"
    if not found.there:
        return Verdict(dead=True, evidence=f"{who} has ended")
    said = clean(found.command, 120) or "a program that cannot be read"
    if found.started is None or holding.since is None:
        return Verdict(dead=None if found.borg is None else False, evidence=f"{who} runs: {said}")
    started = f"{utc(found.started):%Y-%m-%d %H:%M:%S} UTC"
    if found.started <= holding.since + SLACK_SECONDS:
        return Verdict(dead=False, evidence=f"{who} runs since {started}: {said}")
    if found.borg is False:
        return Verdict(
            dead=True,
            evidence=f"{who} is another program, begun after the lock was taken ({started}): {said}",
        )
    return Verdict(dead=None, evidence=f"{who} began after the lock was taken ({started}) and may be a Borg: {said}")


def _all_dead(verdicts: list[Verdict]) -> bool | None:
    if any(verdict.dead is False for verdict in verdicts):
        return False
    return True if all(verdict.dead for verdict in verdicts) else None


def _token(repository: Repository, holders: tuple[Holding, ...], verdicts: list[Verdict]) -> str:
    said = [repository.key, *((each.text, each.since) for each in holders), *(each.dead for each in verdicts)]
    return hashlib.sha256(msgspec.json.encode(said)).hexdigest()[:16]


def _refusal(report: LockReport, token: str) -> Cause | None:
    if not report.holder:
        return Cause(code="not-locked", text=f"Nobody holds the lock of {report.repository}.")
    if report.token != token:
        return _changed(report, report.evidence)
    if report.dead is not True:
        proven = "lives" if report.dead is False else "is not proven dead"
        return Cause(
            code="lock-held",
            text=f"The lock of {report.repository} is held by {report.holder}, which {proven}.",
            evidence=report.evidence,
            next_step="Wait for it to end, or end it on its machine; then ask again.",
        )
    return None


def _changed(report: LockReport, evidence: tuple[str, ...]) -> Cause:
    return Cause(
        code="changed",
        text=f"The lock of {report.repository} is not as it was shown.",
        evidence=evidence,
        next_step=f"Look again: swarm-tui backup lock {report.repository}.",
    )
