"""A runner that says what a test tells it to. Implements `backends.backups.runner.Runner`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec

from backends.backups.borg.dialect import Dialect
from backends.backups.borg.events import Event, EventReader
from backends.backups.model import BorgResult, Repository
from backends.backups.runner import Build, Cancel, OnEvent, Source
from backends.metrics.sample import Record


class Said(Record, frozen=True, kw_only=True):
    """One answer."""

    stderr: bytes = b""
    stdout: bytes = b""
    result: BorgResult = BorgResult(exit_status=0)


class Scripted:
    """Answers in order; keeps the command lines that it was given."""

    def __init__(self, answers: Sequence[Said], *, before: Callable[[Cancel | None], None] = lambda cancel: None):
        self._answers: Iterator[Said] = iter(answers)
        self._before = before
        self.lines: list[tuple[str, ...]] = []

    @property
    def dialect(self) -> Dialect:
        return Dialect(major=1, minor=2, patch=4)

    def run(
        self,
        repository: Repository,
        build: Build,
        *,
        on_event: OnEvent | None = None,
        on_stdout: Callable[[bytes], None] | None = None,
        stdin: Source | None = None,
        cancel: Cancel | None = None,
        confirm: Mapping[str, str] = {},
        timeout_seconds: float | None = None,
        directory: str = "",
    ) -> BorgResult:
        self.lines.append(build(repository.location))
        answer = next(self._answers)
        self._before(cancel)
        reader = EventReader()
        events: list[Event] = [*reader.feed(answer.stderr), *reader.close()]
        for event in events if on_event else ():
            assert on_event is not None
            on_event(event)
        if on_stdout is not None:
            on_stdout(answer.stdout)
            return answer.result
        return msgspec.structs.replace(answer.result, stdout=answer.stdout)
