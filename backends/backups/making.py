"""Makes one backup of a set of a host: hooks, canaries, the archive, its databases, and what is learned from it.

Whatever happens on the way, the hooks that come afterwards run, and an archive that Borg has finished is never thrown away
because something after it went wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Protocol

import msgspec

from backends import units
from backends.backups.board import Handle, failed
from backends.backups.borg import create, exits, import_tar, line
from backends.backups.borg.dialect import Dialect
from backends.backups.borg.events import Event, FileStatus
from backends.backups.catalog import Catalog
from backends.backups.catalog_model import Figures
from backends.backups.fs_snapshot import Held
from backends.backups.fs_snapshot_plan import LEFT_OUT
from backends.backups.model import Archive, BorgResult, Cause, JobState, Outcome, Task, Transport, archive_name
from backends.backups.names import escaped
from backends.backups.runner import Build, Runner
from backends.backups.sent import Sent
from backends.backups.tarstream import NOTE, TarSource
from backends.backups.trust import said
from backends.clock import Clock
from backends.errors import SwarmError
from backends.execution import Exec
from backends.text import clean

TEXT_LIMIT = 300


class Ground(Protocol):
    """What a backup needs of the fleet; `backends.backups.ways` gives it."""

    def way(self, host: str) -> Exec: ...
    def runner(self, task: Task, transport: Transport, prefix: tuple[str, ...] = ()) -> Runner: ...
    def snapshots(self, task: Task, transport: Transport) -> AbstractContextManager[Held]: ...
    def source(self, task: Task, on_err: Callable[[bytes], None]) -> TarSource: ...
    def transport(self, task: Task) -> Transport: ...
    def upload_kib(self, task: Task) -> int: ...
    def compression(self, task: Task) -> str: ...


class Making:
    """Makes backups.

    Args:
        ground: the way to hosts and runners.
        ensure: makes the repository when it is missing; returns notes. Raises SwarmError.
        watch: looks at the canaries; what is wrong, or "". Raises SwarmError.
        learn: judges the figures of a new archive; sentences about what is odd. Raises Stop.
        settle: asks the repository what it holds now; sentences about what vanished. Raises SwarmError.
    """

    def __init__(
        self,
        ground: Ground,
        catalog: Catalog,
        clock: Clock,
        *,
        ensure: Callable[[Task, Handle], Sequence[str]],
        watch: Callable[[Task], str],
        learn: Callable[[Task, Figures], Sequence[str]],
        settle: Callable[[Task], Sequence[str]],
    ):
        self._ground, self._catalog, self._clock = ground, catalog, clock
        self._ensure, self._watch, self._learn, self._settle = ensure, watch, learn, settle

    def make(self, task: Task, handle: Handle) -> Outcome:
        """The whole backup. Raises SwarmError where nothing was begun."""
        transport = self._ground.transport(task)
        handle.show(transport=transport, trust=said(transport))
        handle.phase("opening the repository")
        notes = list(self._ensure(task, handle))
        warnings = [text] if (text := self._canaries(task)) else []
        handle.phase("hooks")
        stopped = self._hooks(task, task.set.before, handle)
        try:
            outcome = stopped or self._archives(task, transport, handle)
        finally:
            late = self._hooks(task, task.set.after, handle)
        if late is not None and late.cause is not None:
            warnings.append(late.cause.text)
        return _with(outcome, notes, warnings)

    def lines(self, task: Task) -> tuple[str, ...]:
        """The exact Borg command lines. Raises SkipHost, RetryLater."""
        transport = self._ground.transport(task)
        dialect = self._ground.runner(task, transport).dialect
        name = archive_name(task.set.name, "STAMP")
        found = (
            [self._build(task, transport, dialect, name)(task.repository.location)]
            if task.set.paths or _built_in(task)
            else []
        )
        found += [
            self._dump_build(task, dialect, dump.name, dump.command, "STAMP")(task.repository.location)
            for dump in (task.set.dumps if transport is not Transport.TAR else ())
        ]
        return tuple(map(line.shown, found))

    # The archive -------------------------------------------------------------------------------------------------

    def _archives(self, task: Task, transport: Transport, handle: Handle) -> Outcome:
        stamp = f"{datetime.fromtimestamp(self._clock.now(), UTC):%Y%m%dT%H%M%SZ}"
        outcomes = []
        if task.set.paths or _built_in(task):
            outcomes.append(self._snapped(task, transport, stamp, handle))
        for dump in task.set.dumps:
            if outcomes and outcomes[-1].state is JobState.CANCELLED:
                break
            try:
                outcomes.append(self._dump(task, transport, dump.name, dump.command, stamp, handle))
            except SwarmError as error:  # what was archived before it stays, and is told
                if not outcomes:
                    raise
                outcomes.append(failed(error))
        return _worst(outcomes)

    def _snapped(self, task: Task, transport: Transport, stamp: str, handle: Handle) -> Outcome:
        """The archive, from snapshots where there are any."""
        if task.set.snapshot != "none":
            handle.phase("snapshots")
        with self._ground.snapshots(task, transport) as held:
            for text in (*held.notes, *held.warnings):
                handle.log(text)
            outcome = self._archive(task, transport, stamp, handle, held)
        return _with(outcome, held.notes, held.warnings)

    def _archive(self, task: Task, transport: Transport, stamp: str, handle: Handle, held: Held) -> Outcome:
        runner = self._ground.runner(task, transport, held.prefix)
        build = self._build(task, transport, runner.dialect, archive_name(task.set.name, stamp))
        handle.show(command=line.shown(build(task.repository.location)))
        handle.phase("reading")
        counts: dict[str, int] = {}
        if transport is Transport.TAR:
            sent = Sent(handle.event)
            result = self._fed(task, runner, build, sent, handle)
            return sent.told(self._judged(task, "import-tar", result, counts, handle, notes=(NOTE,)), task.host)

        def on_event(event: Event) -> None:
            if isinstance(event, FileStatus):
                counts[event.status] = counts.get(event.status, 0) + 1
            handle.event(event)

        result = runner.run(task.repository, build, on_event=on_event, cancel=handle.cancel)
        held.heard(result.text)
        return self._judged(task, "create", result, counts, handle)

    def _fed(self, task: Task, runner: Runner, build: Build, sent: Sent, handle: Handle) -> BorgResult:
        """A tar stream of the host into Borg beside the engine. Raises what the stream raises."""
        source = self._ground.source(task, sent.feed)
        count = 0

        def piece() -> bytes:
            nonlocal count
            data = source()
            count += len(data)
            handle.bytes(count)
            return data

        try:
            return runner.run(task.repository, build, on_event=handle.event, stdin=piece, cancel=handle.cancel)
        finally:
            source.close()

    def _build(self, task: Task, transport: Transport, dialect: Dialect, name: str) -> Build:
        comment = f"swarm-tui {task.set.name} of {task.host}"
        compression = self._ground.compression(task)
        if transport is Transport.TAR:
            return lambda where: import_tar.argv(dialect, where, name, compression=compression, comment=comment)
        return lambda where: create.argv(
            dialect,
            where,
            name,
            task.set.paths,
            exclude=(*task.set.exclude, LEFT_OUT),
            compression=compression,
            one_file_system=task.set.one_file_system,
            checkpoint_seconds=task.set.checkpoint_seconds,
            comment=comment,
            upload_kib=self._ground.upload_kib(task) if transport is not Transport.RELAY else 0,
        )

    # Databases ---------------------------------------------------------------------------------------------------

    def _dump(
        self, task: Task, transport: Transport, name: str, command: tuple[str, ...], stamp: str, handle: Handle
    ) -> Outcome:
        """A database as its own archive: a failed dump leaves none (Borg ends with 4)."""
        if transport is Transport.TAR:
            cause = Cause(
                code="dump-needs-borg",
                text=f"the dump {name} needs Borg on {task.host}",
                next_step="install borgbackup there, or dump into a file that the set holds",
            )
            return Outcome(state=JobState.FAILED, cause=cause)
        runner = self._ground.runner(task, transport)
        build = self._dump_build(task, runner.dialect, name, command, stamp)
        handle.show(command=line.shown(build(task.repository.location)))
        handle.phase(f"dumping {name}")
        result = runner.run(task.repository, build, on_event=handle.event, cancel=handle.cancel)
        return self._judged(task, "create", result, {}, handle, series=f"{task.set.name}+{name}")

    def _dump_build(self, task: Task, dialect: Dialect, name: str, command: tuple[str, ...], stamp: str) -> Build:
        archive = archive_name(f"{task.set.name}+{name}", stamp)
        compression = self._ground.compression(task)
        return lambda where: create.argv(
            dialect,
            where,
            archive,
            compression=compression,
            comment=f"swarm-tui dump {name} of {task.host}",
            stdin_name=f"{name}.dump",
            command=command,
        )

    # What came of it ---------------------------------------------------------------------------------------------

    def _judged(
        self,
        task: Task,
        command: str,
        result: BorgResult,
        counts: Mapping[str, int],
        handle: Handle,
        *,
        series: str = "",
        notes: tuple[str, ...] = (),
    ) -> Outcome:
        if result.cancelled:
            return Outcome(state=JobState.CANCELLED, notes=(_kept(result, handle.cancel.who),))
        opened = bool(self._catalog.note(task.repository.key, "id"))
        state, cause = exits.judge(
            command, result, location=task.repository.location, repository=task.repository.key, opened_before=opened
        )
        warnings = tuple(clean(str(each.get("message", "")), TEXT_LIMIT) for each in result.messages[:50])
        if state not in (JobState.DONE, JobState.WARNING):
            return Outcome(state=state, cause=cause, warnings=warnings)
        archive = create.parse(result.stdout).archive(task.repository)
        self._catalog.add(archive)
        said_notes = (_made(archive), *notes)
        outcome = Outcome(state=state, archive=archive, cause=cause, notes=said_notes, warnings=warnings)
        if not task.set.dumps:  # nothing but looks comes after this archive
            handle.made(outcome)
        return outcome if series else self._learned(task, outcome, archive, counts, result.seconds, handle)

    def _learned(
        self, task: Task, outcome: Outcome, archive: Archive, counts: Mapping[str, int], seconds: float, handle: Handle
    ) -> Outcome:
        """What is worth knowing about the new archive; the archive stays whatever comes of this."""
        handle.phase("looking at what is there now")
        figures = _figures(archive, counts, seconds)
        odd: list[str] = []
        try:
            odd += self._learn(task, figures)
            odd += self._settle(task)
        except SwarmError as error:
            odd.append(f"after the backup: {error.message}")
        return _with(outcome, [], odd)

    # Around it ---------------------------------------------------------------------------------------------------

    def _canaries(self, task: Task) -> str:
        try:
            return self._watch(task)
        except SwarmError as error:
            return f"the canaries could not be looked at: {error.message}"

    def _hooks(self, task: Task, commands: Sequence[tuple[str, ...]], handle: Handle) -> Outcome | None:
        """Run commands on the host, one after the other; the outcome that ends the backup, or None."""
        for argv in commands:
            handle.log(f"hook: {line.shown(argv)}")
            why = self._hook(task, argv)
            if why:
                handle.log(f"hook failed: {why}")
                return _hook_failed(argv, why)
        return None

    def _hook(self, task: Task, argv: tuple[str, ...]) -> str:
        """Run one command; why it failed, or ""."""
        try:
            result = self._ground.way(task.host).run(argv, timeout_seconds=task.set.hook_seconds)
        except SwarmError as error:
            return error.message
        if result.exit_status == 0:
            return ""
        text = clean((result.stderr or result.stdout)[-TEXT_LIMIT:].decode("utf-8", "replace"), TEXT_LIMIT)
        ended = "ended by a signal" if result.exit_status is None else f"exit {result.exit_status}"
        return f"{ended}: {text}" if text else ended


def _built_in(task: Task) -> bool:
    return task.set.kind != "data"


def _hook_failed(argv: Sequence[str], why: str) -> Outcome:
    cause = Cause(
        code="hook-failed",
        text=f"the command {escaped(argv[0])} failed: {why}",
        evidence=(line.shown(tuple(argv)),),
        next_step="run it on the host by hand; nothing was backed up",
    )
    return Outcome(state=JobState.FAILED, cause=cause)


def _made(archive: Archive) -> str:
    parts = [f"archive {archive.name}"]
    if archive.files is not None:
        parts.append(f"{archive.files} files")
    if archive.deduplicated_bytes is not None:
        parts.append(f"{units.size(archive.deduplicated_bytes)} new")
    return ", ".join(parts)


def _kept(result: BorgResult, who: str) -> str:
    return f"cancelled by {who or 'somebody'} after {result.seconds:.0f} s; what is in a checkpoint is not sent again"


def _figures(archive: Archive, counts: Mapping[str, int], seconds: float) -> Figures:
    original, compressed = archive.original_bytes, archive.compressed_bytes
    return Figures(
        time=archive.start,
        archive=archive.id,
        seconds=seconds,
        files=archive.files,
        original_bytes=original,
        compressed_bytes=compressed,
        deduplicated_bytes=archive.deduplicated_bytes,
        added=counts.get("A", 0) if counts else None,
        modified=counts.get("M", 0) + counts.get("C", 0) if counts else None,
        ratio=original / compressed if original and compressed else None,
    )


_ORDER = (JobState.DONE, JobState.WARNING, JobState.CANCELLED, JobState.FAILED)


def _worst(outcomes: Sequence[Outcome]) -> Outcome:
    """One outcome for all archives of a set: the worst, with the notes of all."""
    worst = max(outcomes, key=lambda each: _ORDER.index(each.state))
    archive = next((each.archive for each in outcomes if each.archive is not None), None)
    notes = tuple(note for each in outcomes for note in each.notes)
    warnings = tuple(text for each in outcomes for text in each.warnings)
    return msgspec.structs.replace(worst, archive=archive, notes=notes, warnings=warnings)


def _with(outcome: Outcome, notes: Sequence[str], warnings: Sequence[str]) -> Outcome:
    """With more notes, and with warnings that make a good outcome one that must be looked at."""
    if not warnings:
        return msgspec.structs.replace(outcome, notes=(*notes, *outcome.notes))
    state = JobState.WARNING if outcome.state is JobState.DONE else outcome.state
    cause = outcome.cause
    if cause is None and state is JobState.WARNING:
        cause = Cause(code="odd", text=warnings[0], next_step="look at it: the archive is kept")
    return msgspec.structs.replace(
        outcome, state=state, cause=cause, notes=(*notes, *outcome.notes), warnings=(*outcome.warnings, *warnings)
    )
