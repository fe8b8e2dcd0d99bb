"""A host in memory that answers from captured outputs: `NAME.out`, `NAME.err` and `NAME.rc` in one folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from backends.execution import ExecResult, OnOutput

OUTPUTS = Path(__file__).parents[2] / "outputs"


def captured(folder: Path, name: str) -> ExecResult:
    """One command's output; no .err file stands for silence, no .rc file for 0."""
    out, err, status = (folder / f"{name}.{kind}" for kind in ("out", "err", "rc"))
    return ExecResult(
        exit_status=int(status.read_text()) if status.exists() else 0,
        stdout=out.read_bytes(),
        stderr=err.read_bytes() if err.exists() else b"",
    )


class CapturedHost:
    """Answers an argv with the first entry of `answers` whose words stand in it, in that order; anything else is a failure."""

    host = "gpu01"

    def __init__(self, folder: Path, answers: Mapping[str, str | ExecResult]):
        self.folder = folder
        self.answers = dict(answers)
        self.asked: list[tuple[str, ...]] = []

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        timeout_seconds: float = 60.0,
        limit_bytes: int = 1 << 20,
        become: bool = True,
        on_output: OnOutput | None = None,
    ) -> ExecResult:
        """The captured answer. Raises AssertionError for a question that no capture answers."""
        self.asked.append(tuple(argv))
        return self.find(argv)

    def find(self, argv: Sequence[str]) -> ExecResult:
        """The first answer that fits."""
        for words, found in self.answers.items():
            if _has(argv, words.split()):
                return captured(self.folder, found) if isinstance(found, str) else found
        raise AssertionError(f"nobody captured an answer to {' '.join(argv)}")


def said(text: str, exit_status: int = 0) -> ExecResult:
    """An answer written down in the test."""
    return ExecResult(exit_status=exit_status, stdout=text.encode())


def _has(argv: Sequence[str], words: Sequence[str]) -> bool:
    """Whether the words stand in the argv, each behind the one before."""
    left = iter(argv)
    return all(any(word == each for each in left) for word in words)
