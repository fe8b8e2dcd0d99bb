"""Runs a scheduler's program and turns how it ended into the error tree. argv lists only; what comes back is cleaned."""

from __future__ import annotations

from collections.abc import Sequence

from backends.errors import AskOperator, RetryLater, SkipHost, SwarmError
from backends.execution import Exec, ExecResult
from backends.text import clean, clean_lines

SECONDS = 30.0
LIMIT_BYTES = 4 << 20
NOT_FOUND, NOT_EXECUTABLE = 127, 126
LONGEST_WORDS = 300

Words = tuple[str, ...]
"""Pieces of messages, in small letters."""


class Answers:
    """One program on the machine that may talk with a scheduler."""

    def __init__(self, exec_: Exec, *, silent: Words, unknown: Words, forbidden: Words, scheduler: str):
        """
        Args:
            exec_: where the program runs.
            silent: what it says when the scheduler does not answer.
            unknown: when there is no such node.
            forbidden: when we may not.
            scheduler: its name for sentences.
        """
        self._exec, self._scheduler = exec_, scheduler
        self._silent, self._unknown, self._forbidden = silent, unknown, forbidden

    def ask(self, argv: Sequence[str], host: str, *, stdin: bytes = b"", limit_bytes: int = LIMIT_BYTES) -> str:
        """What it printed. Raises as `Broker` says, SwarmError for any other refusal."""
        done = self.attempt(argv, host, stdin=stdin, limit_bytes=limit_bytes)
        if done.exit_status != 0:
            raise self.error(done, argv, host)
        if done.truncated:
            raise SwarmError(f"{argv[0]} printed more than {limit_bytes >> 20} MiB", host=host, action=argv[0])
        return clean_lines(done.stdout.decode("utf-8", "replace"), limit_bytes, limit_bytes)

    def attempt(
        self, argv: Sequence[str], host: str, *, stdin: bytes = b"", limit_bytes: int = LIMIT_BYTES
    ) -> ExecResult:
        """How it ended, where a failure is an answer. Raises SkipHost without the program, RetryLater as `Exec`."""
        done = self._exec.run(argv, stdin=stdin, timeout_seconds=SECONDS, limit_bytes=limit_bytes)
        if done.exit_status in (NOT_FOUND, NOT_EXECUTABLE):
            raise SkipHost(
                f"no {argv[0]} on {self._exec.host}",
                host=host,
                action=f"ask {self._scheduler}",
                hint="name the host that has it as controller in [[maintenance.drains]]",
            )
        if done.exit_status is None:
            raise RetryLater(f"{argv[0]} was cut off", host=host, action=f"ask {self._scheduler}")
        return done

    def error(self, done: ExecResult, argv: Sequence[str], host: str) -> SwarmError:
        """Why it failed, as the branch that says what can be done."""
        said = words_of(done)
        small, action = said.lower(), f"ask {self._scheduler} with {argv[0]} on {self._exec.host}"
        if any(words in small for words in self._silent):
            hint = f"see why {self._scheduler} does not answer on {self._exec.host}; it is asked again until the step's time is over"
            return RetryLater(f"{self._scheduler} does not answer: {said}", host=host, action=action, hint=hint)
        if any(words in small for words in self._unknown):
            hint = "see node in [[maintenance.drains]]; scheduler none is for hosts without one"
            return SkipHost(f"{self._scheduler} knows no such node: {said}", host=host, action=action, hint=hint)
        if any(words in small for words in self._forbidden):
            hint = "give swarm-tui's account there the right to drain, then answer retry"
            return AskOperator(f"{self._scheduler} refuses: {said}", host=host, action=action, hint=hint)
        return SwarmError(f"{self._scheduler}: {said}", host=host, action=action)


def words_of(done: ExecResult) -> str:
    """The last line that it said, on stderr if there is one."""
    text = clean_lines((done.stderr.strip() or done.stdout.strip()).decode("utf-8", "replace"), 1 << 16)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return clean(lines[-1], LONGEST_WORDS) if lines else f"exit status {done.exit_status}"
