"""Carries out the approved plan of a restore: extract beside the place, judge, arm what may have to be undone, place, tell.

Nothing that is live is touched before everything is extracted and judged. The scratch directory goes in every case.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import PurePosixPath

import msgspec

from backends.backups import looks, validators
from backends.backups.borg import exits, export_tar, extract
from backends.backups.meter import Meter
from backends.backups.model import BorgResult, Cause, JobState, Outcome, Repository, Transport
from backends.backups.names import escaped, unescaped
from backends.backups.placing import Placing, real_roots
from backends.backups.placing_model import Placed, Scratch
from backends.backups.restore_outcome import MOST_NAMED, outcome, reloads
from backends.backups.restore_plan import PIECE, original_place
from backends.backups.restore_work import Tell, Walk, Work
from backends.backups.rollbacks import Rollback, Rollbacks
from backends.backups.runner import Cancel, Runner
from backends.backups.unpacking import TarSink
from backends.backups.views import RestorePlan
from backends.clock import Clock, utc
from backends.errors import RetryLater, SkipHost, SwarmError
from backends.execution import Channels, Exec
from backends.hostkit.travel import Become

RETRY_SECONDS = (1.0, 2.0, 5.0, 10.0, 30.0)
"""Waits while the host does not answer; the last one repeats."""
PATIENCE_SECONDS = 1800.0
"""How long a host that vanished while files were placed is waited for; it goes on by itself meanwhile."""
STOP_SECONDS = 0.2


class Restore:
    """Restores to one host.

    Args:
        way: commands on it.
        become: its way to root.
        runner: runs Borg: on that host for `Transport.RELAY`, beside the engine otherwise.
        clock: injected time.
        channels: for `Transport.TAR`: holds tar there.
        rollbacks: for plans that must be confirmed.
    """

    def __init__(
        self,
        way: Exec,
        become: Become,
        runner: Runner,
        clock: Clock,
        *,
        channels: Channels | None = None,
        rollbacks: Rollbacks | None = None,
    ):
        self._way, self._become, self._runner, self._clock = way, become, runner, clock
        self._channels, self._rollbacks = channels, rollbacks
        self._placing = Placing(way, become)

    def run(
        self,
        plan: RestorePlan,
        repository: Repository,
        *,
        who: str,
        tell: Tell,
        cancel: Cancel,
        walk: Walk | None = None,
    ) -> Outcome:
        """Carry out `plan`.

        Args:
            plan: as it was approved.
            repository: that it restores from.
            who: the operator.
            tell: hears how far it is, on threads of the transport.
            cancel: ends it; before files go into place nothing is changed then.
            walk: names what is missing; without it only their number is told.

        Raises:
            SkipHost: the plan is refused, or the host cannot do it.
            RetryLater: the host cannot be reached; once files began to go into place it goes on there by itself, and
                `finish` takes it up.
            AskOperator: no passphrase, or not permitted.
            Stop: a rollback could not be written down.
        """
        if plan.refused:
            raise SkipHost(plan.refused, host=plan.host, action="restore files")
        work = Work(plan, repository, who, tell, cancel, walk, Meter(self._clock.monotonic))
        work.say("preparing")
        scratch = self._prepare(work)
        try:
            ended = self._work(work, scratch)
        except BaseException as error:
            if not (work.placing and isinstance(error, RetryLater)):  # else the host goes on by itself
                self._clear(work)
            raise
        return self._cleared(work, ended)

    def finish(self, plan: RestorePlan, repository: Repository, *, who: str, tell: Tell, cancel: Cancel) -> Outcome:
        """Take up a restore that was interrupted while files went into place. Raises as `run`."""
        work = Work(plan, repository, who, tell, cancel, None, Meter(self._clock.monotonic))
        return self._cleared(work, outcome(work, self._placed(work), (), None))

    def _prepare(self, work: Work) -> Scratch:
        plan = work.plan
        original = original_place(plan.directory)
        ground = "/" if original else unescaped(plan.directory)
        return self._placing.prepare(
            plan.id,
            ground=ground,
            base=_common(plan.roots) if original else ground,
            make=not original,
            who=work.who,
            title=f"restore {plan.files} files of {plan.request.archive}",
        )

    def _work(self, work: Work, scratch: Scratch) -> Outcome:
        notes = [f"removed what restore {run} had left behind" for run in scratch.cleaned]
        notes += [f"restore {run} was interrupted while it placed files: finish it or undo it" for run in scratch.left]
        work.notes += notes
        ended = self._extracted(work, scratch)
        if ended is not None:
            return ended
        missing = self._missing(work, scratch)
        if (bad := self._judged(work)) is not None:
            return bad
        if work.cancel.asked.is_set():
            return work.cancelled()
        armed = self._armed(work)
        placed = self._placed(work)
        settled = self._settled(work, placed) if armed else None
        return outcome(work, placed, missing, settled)

    # extracting

    def _extracted(self, work: Work, scratch: Scratch) -> Outcome | None:
        """None when everything is in the scratch directory; else how it ended."""
        work.say("extracting")
        command = "export-tar" if work.plan.transport is Transport.TAR else "extract"
        result = self._by_tar(work) if command == "export-tar" else self._by_borg(work, scratch)
        if result.cancelled or work.cancel.asked.is_set():
            return work.cancelled()
        state, cause = exits.judge(command, result, location=work.repository.location, repository=work.repository.key)
        if state is JobState.WARNING and cause is not None:
            work.warnings += [cause.text, *cause.evidence]
        if state in (JobState.DONE, JobState.WARNING):
            return None
        return Outcome(state=state, cause=cause, notes=(*work.notes, "nothing was changed"))

    def _by_borg(self, work: Work, scratch: Scratch) -> BorgResult:
        plan = work.plan
        return self._runner.run(
            work.repository,
            lambda location: extract.argv(
                self._runner.dialect, location, plan.request.archive, plan.request.paths, progress=True
            ),
            on_event=work.hear,
            cancel=work.cancel,
            directory=scratch.tree,
        )

    def _by_tar(self, work: Work) -> BorgResult:
        if self._channels is None:
            raise SkipHost("no tar stream can be sent there", host=self._way.host, action="restore files")
        plan = work.plan
        sink = TarSink(self._channels, self._placing.unpack_launch(plan.id))

        def take(data: bytes) -> None:
            sink.write(data)
            work.bytes(sink.bytes)

        try:
            result = self._runner.run(
                work.repository,
                lambda location: export_tar.argv(
                    self._runner.dialect, location, plan.request.archive, plan.request.paths, progress=False
                ),
                on_event=work.hear,
                on_stdout=take,
                cancel=work.cancel,
            )
            state = exits.judge(
                "export-tar", result, location=work.repository.location, repository=work.repository.key
            )[0]
            if state in (JobState.DONE, JobState.WARNING) and not result.cancelled:
                sink.finish()
        finally:
            sink.close()
        return result

    # what was extracted

    def _missing(self, work: Work, scratch: Scratch) -> tuple[str, ...]:
        """Names of files that the plan counts and Borg did not bring, the first of them; a sentence without a walk."""
        work.say("counting")
        files, _ = self._placing.count(work.plan.id)
        work.expected = self._expected(work)
        lacking = work.expected - files
        if lacking <= 0:
            return ()
        named = tuple(self._absent(work, scratch)) if work.walk else ()
        return named or (f"{lacking} of {work.expected} files (not known which)",)

    def _expected(self, work: Work) -> int:
        """What Borg was asked for: more than what goes into place when a snapshot's own facts stay behind."""
        if work.walk is None or not original_place(work.plan.directory):
            return work.plan.files
        return sum(1 for entry in work.walk() if entry.type != "d")

    def _absent(self, work: Work, scratch: Scratch) -> Iterator[str]:
        assert work.walk is not None  # noqa: S101  # asked for only then
        piece: dict[str, str] = {}
        found = 0
        for entry in work.walk():
            if entry.type != "d":
                piece[f"{escaped(scratch.tree)}/{entry.path}"] = entry.path
            if len(piece) >= PIECE:
                yield from (gone := self._not_there(piece)[: MOST_NAMED - found])
                found, piece = found + len(gone), {}
                if found >= MOST_NAMED:
                    return
        yield from self._not_there(piece)[: MOST_NAMED - found]

    def _not_there(self, piece: dict[str, str]) -> list[str]:
        there = looks.look(self._way, self._become, tuple(piece))
        return [path for place, path in piece.items() if place not in there]

    def _judged(self, work: Work) -> Outcome | None:
        """None unless a program refuses a file."""
        checks = validators.checks(real_roots(work.plan.checked))
        if not checks:
            return None
        work.say("checking files")
        bad = []
        for check, verdict in zip(checks, self._placing.validate(work.plan.id, checks), strict=True):
            path = escaped(check.file)
            if verdict.verdict == "bad":
                bad.append(f"/{path}: {verdict.said or 'refused without a word'}")
            elif verdict.verdict == "good":
                work.notes.append(f"{check.argv[0]} accepts /{path}")
            else:
                work.notes.append(f"/{path} was not checked: {verdict.said}")
        if not bad:
            return None
        cause = Cause(
            code="validator",
            text=f"{len(bad)} restored files would not be accepted by their programs; nothing was changed",
            evidence=tuple(bad[:MOST_NAMED]),
            next_step="restore an older version of these files, or leave them out",
        )
        return Outcome(state=JobState.FAILED, cause=cause, notes=tuple(work.notes))

    # placing

    def _armed(self, work: Work) -> bool:
        plan = work.plan
        if plan.rollback_seconds is None:
            return False
        if self._rollbacks is None:
            raise SkipHost(
                "these files must not be restored without a rollback", host=plan.host, action="restore files"
            )
        work.say("arming the rollback")
        self._rollbacks.expect(
            plan.id,
            plan.host,
            title=f"restore {plan.files} files of {plan.request.archive}",
            who=work.who,
            shown=plan.roots,
            seconds=plan.rollback_seconds,
        )
        self._rollbacks.arm(plan.id, reloads(plan))
        return True

    def _placed(self, work: Work) -> Placed:
        """Brought into place; a host that vanishes is asked again, and goes on by itself meanwhile."""
        work.say("placing")
        work.placing = True
        done = threading.Event()
        watch = threading.Thread(target=self._watch, args=(work, done), name="restore stop", daemon=True)
        watch.start()
        try:
            return self._patiently(work)
        finally:
            done.set()
            watch.join(5.0)

    def _patiently(self, work: Work) -> Placed:
        plan, began, tries = work.plan, self._clock.monotonic(), 0
        never = threading.Event()
        while True:
            try:
                return self._placing.place(
                    plan.id,
                    real_roots(plan.roots),
                    choice=plan.request.conflict,
                    stamp=utc(self._clock.now()).strftime("%Y%m%dT%H%M%SZ"),
                    lend=plan.transport is Transport.TAR,
                    tell=work.count,
                )
            except RetryLater as error:
                if self._clock.monotonic() - began > PATIENCE_SECONDS:
                    raise
                work.say(f"the host does not answer ({error.message}); it goes on by itself")
            self._clock.wait(never, RETRY_SECONDS[min(tries, len(RETRY_SECONDS) - 1)])
            tries += 1

    def _watch(self, work: Work, done: threading.Event) -> None:
        while not self._clock.wait(done, STOP_SECONDS):
            if work.cancel.asked.is_set():
                try:
                    self._placing.stop(work.plan.id)
                except SwarmError as error:
                    work.warnings.append(f"it could not be stopped: {error.message}")
                return

    def _settled(self, work: Work, placed: Placed) -> Rollback:
        assert self._rollbacks is not None  # noqa: S101  # it was armed
        if not placed.counts.placed:
            return self._rollbacks.confirm(work.plan.id, "the engine: nothing was changed")
        work.say("trying a new login")
        never = threading.Event()
        return self._rollbacks.settle(
            work.plan.id, in_effect=not reloads(work.plan), wait=lambda seconds: self._clock.wait(never, seconds)
        )

    def _cleared(self, work: Work, ended: Outcome) -> Outcome:
        problem = self._clear(work)
        return msgspec.structs.replace(ended, warnings=(*ended.warnings, problem)) if problem else ended

    def _clear(self, work: Work) -> str:
        """Remove the scratch directory. An outcome that is known must not be lost when that fails."""
        try:
            self._placing.clear(work.plan.id)
        except SwarmError as error:
            return f"the scratch directory was not removed yet ({error.message}); the next restore there does it"
        return ""


def _common(roots: tuple[str, ...]) -> str:
    """The deepest directory that holds every root at its original place (real name)."""
    return os.path.commonpath([PurePosixPath(f"/{unescaped(root)}").parent for root in roots])
