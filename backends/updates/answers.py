"""What a program on a host said, as safe text: shared by all package managers."""

from __future__ import annotations

from backends.execution import ExecResult
from backends.metrics.sample import Record
from backends.text import clean_lines

LIMIT_BYTES = 8 << 20
"""Of one answer. The longest honest one, every advisory of a large distribution, is about 5 MB."""
NO_SUCH_PROGRAM = 127


class Answer(Record, frozen=True, kw_only=True):
    """What a program said, decoded and safe to show."""

    text: str
    errors: str = ""
    exit_status: int | None = 0

    @property
    def both(self) -> str:
        """Output and errors, for judging by text."""
        return f"{self.text}\n{self.errors}"


def answer(result: ExecResult) -> Answer:
    """A result as safe text."""
    return Answer(text=safe(result.stdout), errors=safe(result.stderr), exit_status=result.exit_status)


def safe(data: bytes) -> str:
    """Lines without anything that could drive a terminal."""
    return clean_lines(data.decode("utf-8", "replace"), limit=LIMIT_BYTES)
