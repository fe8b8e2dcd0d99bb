"""Follows one detached job by byte offset: every call brings what is new, and knows the whole so far."""

from __future__ import annotations

from backends.hostkit.job_report import JobReport
from backends.hostkit.jobs import Jobs
from backends.text import clean_lines

KEPT_BYTES = 4 << 20
"""Of output and of status each; the oldest goes first. 2000 packages of apt write about 1 MiB of status."""
ROUNDS = 16
"""Reads that one call makes at most to catch up (4 MiB)."""


class JobFollower:
    """One run of one job. After losing the link, call `read` again: nothing is missed and nothing comes twice."""

    def __init__(self, jobs: Jobs, name: str, run: str):
        self._jobs, self._name, self._run = jobs, name, run
        self._offsets = [0, 0]
        self._kept = [bytearray(), bytearray()]

    @property
    def output(self) -> str:
        """What the steps printed, sanitised, line by line."""
        return _text(self._kept[0])

    @property
    def status(self) -> str:
        """What they wrote to handle 9, sanitised, line by line."""
        return _text(self._kept[1])

    def read(self) -> JobReport:
        """Where the job stands, after reading all that is new (bounded by ROUNDS). Raises as `Jobs.read`."""
        for _ in range(ROUNDS):
            report = self._jobs.read(self._name, run=self._run, out=self._offsets[0], status=self._offsets[1])
            self._keep(0, report.out)
            self._keep(1, report.status)
            if self._offsets[0] >= report.out_size and self._offsets[1] >= report.status_size:
                break
        return report

    def _keep(self, index: int, data: bytes) -> None:
        self._offsets[index] += len(data)
        kept = self._kept[index]
        kept += data
        del kept[: max(0, len(kept) - KEPT_BYTES)]


def _text(data: bytearray) -> str:
    return clean_lines(data.decode("utf-8", "replace"), limit=KEPT_BYTES)
