"""What a host says about a detached job, decoded: its state, its steps, its result and a piece of its output."""

from __future__ import annotations

from typing import Literal

import msgspec

from backends import decoding
from backends.metrics.sample import Record
from backends.text import clean

StepState = Literal["waiting", "running", "done", "failed", "skipped"]
JobState = Literal["none", "running", "finished", "vanished"]
TEXT = 300


class StepMeta(Record, frozen=True, kw_only=True):
    """A step as it was planned."""

    id: str
    command: str = ""
    """For reading, never for running; cut at 2000 characters."""
    always: bool = False
    cancellable: bool = False
    allow_exit: tuple[int, ...] = ()


class JobMeta(Record, frozen=True, kw_only=True):
    """Who started what when."""

    name: str
    title: str = ""
    who: str = ""
    run: str = ""
    started: float = 0.0
    """Epoch seconds of the host's clock."""
    boot_id: str = ""
    launcher: str = ""
    """"systemd" or "setsid"."""
    steps: tuple[StepMeta, ...] = ()


class StepReport(Record, frozen=True, kw_only=True):
    """What became of one step. Times are epoch seconds of the host's clock."""

    id: str
    state: StepState = "waiting"
    began: float | None = None
    ended: float | None = None
    exit_status: int | None = None
    """128 + n when signal n ended it."""
    reason: str = ""
    """Why it was skipped: "failed" (a step before it) or "cancelled"."""


class JobSummary(Record, frozen=True, kw_only=True):
    """A job without its output."""

    state: JobState
    reason: str = ""
    """Why it vanished ("interrupted by a reboot"), or what is odd about a running one."""
    meta: JobMeta | None = None
    steps: tuple[StepReport, ...] = ()
    exit_status: int | None = None
    """Of the first step that failed, else 0; None before the end. One input of several: package managers lie."""
    result: Literal["", "done", "failed", "cancelled"] = ""
    ended: float | None = None
    cancelled_by: str = ""

    @property
    def current(self) -> StepReport | None:
        """The step that runs."""
        return next((step for step in self.steps if step.state == "running"), None)

    @property
    def can_cancel(self) -> bool:
        """Whether `Jobs.cancel` would be accepted now."""
        step = self.current
        planned = self.meta.steps if self.meta else ()
        return self.state == "running" and step is not None and any(p.id == step.id and p.cancellable for p in planned)


class JobReport(JobSummary, frozen=True, kw_only=True):
    """A job and a piece of its output."""

    name: str
    now: float = 0.0
    """The host's clock when it answered, epoch seconds."""
    boot_id: str = ""
    """Of the host now."""
    out: bytes = b""
    """As the host wrote it: pass it through `backends.text` before it is shown."""
    out_size: int = 0
    status: bytes = b""
    status_size: int = 0


class _Wire(msgspec.Struct, frozen=True):
    state: JobState
    reason: str = ""
    meta: str = ""
    steps: str = ""
    cancel: str = ""
    exit_status: int | None = None
    ended: float | None = None
    result: Literal["", "done", "failed", "cancelled"] = ""


def decode_summary(raw: bytes | msgspec.Raw) -> JobSummary:
    """What `kit_job.summary` says, sanitised; "none" for null. Raises msgspec.MsgspecError, UnicodeDecodeError."""
    wire = decoding.json(raw, type=_Wire | None) or _Wire(state="none")
    meta = _meta(wire.meta)
    return JobSummary(
        state=wire.state,
        reason=clean(wire.reason, TEXT),
        meta=meta,
        steps=step_reports(meta.steps if meta else (), wire.steps, running=wire.state == "running"),
        exit_status=wire.exit_status,
        result=wire.result,
        ended=wire.ended,
        cancelled_by=clean(wire.cancel.partition(" ")[2].strip(), TEXT),
    )


def report_from(
    summary: JobSummary, *, name: str, now: float, boot_id: str, out: tuple[bytes, int], status: tuple[bytes, int]
) -> JobReport:
    """`summary` with the piece of output that came with it: (bytes, size of the whole file) each."""
    fields = {field: getattr(summary, field) for field in JobSummary.__struct_fields__}
    return JobReport(
        **fields,
        name=name,
        now=now,
        boot_id=clean(boot_id, 64),
        out=out[0],
        out_size=out[1],
        status=status[0],
        status_size=status[1],
    )


def step_reports(planned: tuple[StepMeta, ...], text: str, *, running: bool) -> tuple[StepReport, ...]:
    """The planned steps with what the `steps` file tells about them; lines that nobody wrote are passed over.

    Args:
        planned: in their order.
        text: lines like "begin apply 1800000000 4711 999 0", "end apply 1800000009 100", "skip restart … failed".
        running: whether the job goes on; a step that began and never ended has failed otherwise.
    """
    told: dict[str, list[list[str]]] = {}
    for line in text.split("\n"):
        words = line.split()
        if len(words) >= 3:
            told.setdefault(words[1], []).append(words)
    return tuple(_step(step, told.get(step.id, []), running) for step in planned)


def _step(planned: StepMeta, lines: list[list[str]], running: bool) -> StepReport:
    report = StepReport(id=planned.id)
    for words in lines:
        when = _whole(words[2])
        if words[0] == "begin":
            report = msgspec.structs.replace(report, state="running" if running else "failed", began=when)
        elif words[0] == "end":
            status = _whole(words[3]) if len(words) > 3 else None
            fine = status == 0 or status in planned.allow_exit
            report = msgspec.structs.replace(report, state="done" if fine else "failed", ended=when, exit_status=status)
        elif words[0] == "skip":
            reason = clean(words[3], 40) if len(words) > 3 else ""
            report = msgspec.structs.replace(report, state="skipped", ended=when, reason=reason)
    return report


def _whole(word: str) -> int | None:
    return int(word) if word.isascii() and word.isdecimal() and len(word) < 16 else None


def _meta(text: str) -> JobMeta | None:
    """The description that the job was started with, sanitised; None when it is damaged."""
    try:
        meta = decoding.json(text, type=JobMeta)
    except (msgspec.MsgspecError, RecursionError):
        return None
    steps = tuple(
        msgspec.structs.replace(step, id=clean(step.id, 61), command=clean(step.command, 2000)) for step in meta.steps
    )
    words = {name: clean(getattr(meta, name), TEXT) for name in ("name", "title", "who", "run", "boot_id", "launcher")}
    return msgspec.structs.replace(meta, steps=steps, **words)
