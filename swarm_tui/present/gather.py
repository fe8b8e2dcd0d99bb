"""Collects what many hosts answer to one command and groups what is equal. Pure: notifications in, results and lines out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from backends.engine.wire import ExecDone, ExecOutput
from backends.inventory.ranges import fold
from backends.metrics.sample import Record
from backends.text import clean_lines
from swarm_tui.exits import FAILED, OK, UNKNOWN, WARNING

MAX_STREAM = 1 << 20
"""Characters of one stream of one host that are kept; the engine has limits of its own."""


class Answer(Record, frozen=True, kw_only=True):
    """What one host answered; one object of `exec --json`."""

    name: str
    exit_status: int | None = None
    """None: ended by a signal, not run, or not finished."""
    signal: str | None = None
    error: str = ""
    """Why the command was not run or not finished; "" when it was."""
    stdout: str = ""
    stderr: str = ""
    truncated: bool = False
    duration_seconds: float | None = None

    @property
    def outcome(self) -> str:
        """How it ended, in words; "" when all is well."""
        if self.error:
            return self.error
        if self.signal:
            return f"ended by signal {self.signal}"
        return f"exit status {self.exit_status}" if self.exit_status else ""


class Group(msgspec.Struct, frozen=True):
    """Hosts that answered the same."""

    names: tuple[str, ...]
    answer: Answer

    @property
    def title(self) -> str:
        """ "gpu[001-016] (16)"."""
        return f"{fold(self.names)} ({len(self.names)})" if len(self.names) > 1 else self.names[0]


class Gathering:
    """The answers to one command, while they come in."""

    def __init__(self, number: int, hosts: Iterable[str]):
        self.number = number
        self._order = tuple(hosts)
        self._text: dict[tuple[str, str], list[str]] = {}
        self._room: dict[tuple[str, str], int] = {}
        self._cut: set[str] = set()
        self._done: dict[str, ExecDone] = {}

    def output(self, piece: ExecOutput) -> None:
        """Keep a piece of output, within the limit."""
        key = (piece.host, piece.stream)
        room = self._room.get(key, MAX_STREAM)
        if len(piece.text) > room:
            self._cut.add(piece.host)
        self._text.setdefault(key, []).append(piece.text[:room])
        self._room[key] = room - min(room, len(piece.text))

    def done(self, end: ExecDone) -> None:
        """One host is finished."""
        if end.host in self._order:
            self._done[end.host] = end

    @property
    def left(self) -> int:
        """Hosts that have not answered yet."""
        return len(self._order) - len(self._done)

    def progress(self) -> str:
        """One line for the person who waits."""
        failed = sum(bool(end.error or end.signal or end.exit_status) for end in self._done.values())
        troubled = f", {failed} failed" if failed else ""
        return f"{len(self._done)} of {len(self._order)} done{troubled}, {self.left} running"

    def answers(self, unfinished: str = "not finished") -> list[Answer]:
        """What every host answered, in the order in which they were selected.

        Args:
            unfinished: the error of hosts that have not answered.
        """
        return [self._answer(name, unfinished) for name in self._order]

    def _answer(self, name: str, unfinished: str) -> Answer:
        end = self._done.get(name)
        stdout, stderr = (clean_lines("".join(self._text.get((name, stream), []))) for stream in ("out", "err"))
        if end is None:
            return Answer(name=name, error=unfinished, stdout=stdout, stderr=stderr)
        return Answer(
            name=name,
            exit_status=end.exit_status,
            signal=end.signal,
            error=clean_lines(end.error),
            stdout=stdout,
            stderr=stderr,
            truncated=end.truncated or name in self._cut,
            duration_seconds=end.duration_seconds,
        )


def grouped(answers: Iterable[Answer]) -> list[Group]:
    """Equal answers together; the largest group first, those that failed last."""
    found: dict[tuple[str, str, str], list[Answer]] = {}
    for answer in answers:
        found.setdefault((answer.outcome, answer.stdout, answer.stderr), []).append(answer)
    groups = [Group(tuple(item.name for item in same), same[0]) for same in found.values()]
    return sorted(groups, key=lambda group: (bool(group.answer.outcome), -len(group.names), group.names))


def lines(groups: list[Group], rule: str = "─") -> Iterator[tuple[str, str]]:
    """(stream, line) to be written; a single host needs no title."""
    for group in groups:
        if sum(len(each.names) for each in groups) > 1 and (group.answer.stdout or group.answer.stderr):
            yield "out", f"{rule * 2} {group.title} {rule * max(2, 60 - len(group.title))}"
        for stream, text in (("out", group.answer.stdout), ("err", group.answer.stderr)):
            for line in text.removesuffix("\n").split("\n") if text else ():
                yield stream, line
    for group in groups:
        if group.answer.outcome:
            yield "err", f"{group.title}: {group.answer.outcome}"
        if group.answer.truncated:
            yield "err", f"{group.title}: there was more output than is kept"


def status(answers: Iterable[Answer]) -> int:
    """2: a command failed · 3: none failed, but a host could not be asked · 1: output was cut · 0: all well."""
    answers = list(answers)
    if any(answer.exit_status or answer.signal for answer in answers):
        return FAILED
    if any(answer.error for answer in answers):
        return UNKNOWN
    return WARNING if any(answer.truncated for answer in answers) else OK
