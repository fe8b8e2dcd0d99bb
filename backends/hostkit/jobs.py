"""Detached jobs on a host, seen from here: start, read, cancel, put away.

The host carries a job out by itself (`programs/job.py`); losing SSH, this engine or its machine changes nothing there.
The job's name is fixed per kind ("swarm-pkg" for package changes) and is the lock between two operators.
"""

from __future__ import annotations

import msgspec

from backends import decoding
from backends.clock import utc
from backends.errors import AskOperator, RetryLater, SkipHost, SwarmError
from backends.execution import Exec, ExecResult
from backends.hostkit.answer import answer_line
from backends.hostkit.job_plan import Job, arguments_of, check_name
from backends.hostkit.job_report import JobReport, JobSummary, decode_summary, report_from
from backends.hostkit.travel import MAGIC, Become, program_launch
from backends.text import clean

PARTS = ("kit_text", "kit_job", "kit_launch", "kit_script")
TIMEOUT_SECONDS = 60.0
"""Starting waits for systemd, whose manager may be busy on a loaded host."""
CHUNK_BYTES = 256 << 10
"""Of output and of status that one read brings at most."""
ANSWER_BYTES = 4 << 20
"""Twice a chunk in base64, the steps and the description of the job."""


class _Answer(msgspec.Struct, frozen=True):
    ok: bool
    text: str = ""
    kind: str = ""
    launcher: str = ""
    started: float = 0.0
    job: msgspec.Raw = msgspec.Raw(b"null")
    now: float = 0.0
    boot_id: str = ""
    out: bytes = b""
    out_size: int = 0
    status: bytes = b""
    status_size: int = 0


class Jobs:
    """The jobs of one host. `become` is the host's way to root."""

    def __init__(self, host: Exec, become: Become):
        self._host, self._become = host, become

    def start(self, job: Job) -> None:
        """Start `job`; returns when its script runs on the host.

        Raises:
            BadInput: the job cannot be carried out as written.
            RetryLater: one of that name runs (the message names who, what, since when), or the link is down.
            SkipHost: the host lacks what it takes.
            AskOperator: not permitted.
        """
        self._ask(arguments_of(job), f"start {job.title}", starts=True)

    def read(self, name: str, *, run: str = "", out: int = 0, status: int = 0) -> JobReport:
        """The job now, and what it wrote after the byte offsets `out` and `status` (at most CHUNK_BYTES of each).

        Args:
            name: of the job.
            run: id of the run; found even when somebody started another job since. "": whichever is there.
            out: bytes of output that are known already.
            status: bytes of the status file that are known already.

        Raises:
            RetryLater: not connected, link lost, timed out.
            SkipHost, AskOperator: as `start`.
        """
        check_name(name)
        given = {"do": "read", "name": name, "run": run, "out": out, "status": status, "limit": CHUNK_BYTES}
        answer = self._ask(given, f"read job {name}")
        seen = self._understood(answer.job, f"read job {name}")
        return report_from(
            seen,
            name=name,
            now=answer.now,
            boot_id=answer.boot_id,
            out=(answer.out, answer.out_size),
            status=(answer.status, answer.status_size),
        )

    def cancel(self, name: str, run: str, who: str, *, force: bool = False) -> str:
        """End the step that runs, when it may be interrupted; later ones are skipped, except those that always run.

        Args:
            name: of the job.
            run: its run id: nobody cancels another job than the one that was seen.
            who: the operator, for the record on the host.
            force: kill instead of asking to end.

        Raises:
            RetryLater: the step must not be interrupted, or the link is down.
            SkipHost: it is not running any more.
            AskOperator: not permitted.
        """
        check_name(name)
        given = {"do": "cancel", "name": name, "run": run, "who": who, "force": force}
        return self._ask(given, f"cancel job {name}").text

    def forget(self, name: str, run: str) -> None:
        """The result is known: put the job away on the host (the last ten are kept). Raises as `cancel`."""
        check_name(name)
        self._ask({"do": "forget", "name": name, "run": run}, f"put job {name} away")

    def _ask(self, arguments: dict[str, object], action: str, *, starts: bool = False) -> _Answer:
        launch = program_launch("job", arguments, self._become, PARTS)
        result = self._host.run(
            ["/bin/sh", "-c", launch.command],
            stdin=launch.payload,
            timeout_seconds=TIMEOUT_SECONDS,
            limit_bytes=ANSWER_BYTES,
            become=False,  # the launcher itself becomes root, after it has found python3
        )
        if starts and result.exit_status is not None and MAGIC not in result.stdout:
            raise self._stillborn(result)
        line = answer_line(result.stdout, host=self._host.host, action=action)
        try:
            answer = decoding.json(line, type=_Answer)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise self._garbled(error, action) from error
        if not answer.ok:
            raise self._refusal(answer, action)
        return answer

    def _stillborn(self, result: ExecResult) -> SwarmError:
        """The program came to its end without an answer: not the link's fault, and no job was begun."""
        said = clean((result.stderr or result.stdout)[-300:].decode("utf-8", "replace"), 300)
        text = f"the program that starts jobs ended with {result.exit_status} and gave no answer"
        return SkipHost(f"{text}: {said}" if said else text, host=self._host.host, action="start a job")

    def _understood(self, raw: msgspec.Raw, action: str) -> JobSummary:
        try:
            return decode_summary(raw)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise self._garbled(error, action) from error

    def _garbled(self, error: Exception, action: str) -> SwarmError:
        return RetryLater(f"answer not understood: {error}", host=self._host.host, action=action)

    def _refusal(self, answer: _Answer, action: str) -> SwarmError:
        text, host = clean(answer.text, 400), self._host.host
        if answer.kind == "busy":
            return RetryLater(
                self._holder(answer, text, action),
                host=host,
                action=action,
                hint="follow that job, or wait for its end",
            )
        if answer.kind == "permission":
            hint = 'jobs need root: set become = "sudo" for this host'
            return AskOperator(text, host=host, action=action, hint=hint)
        if answer.kind in ("gone", "missing"):
            return SkipHost(text, host=host, action=action)
        return RetryLater(text, host=host, action=action)

    def _holder(self, answer: _Answer, text: str, action: str) -> str:
        meta = self._understood(answer.job, action).meta
        if meta is None:
            return text
        since = utc(meta.started).strftime("%Y-%m-%d %H:%M UTC")
        return f"{text}: {meta.title} ({meta.name}), started by {meta.who} {since}, run {meta.run}"
