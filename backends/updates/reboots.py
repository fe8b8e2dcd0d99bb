"""Reboots of hosts, carried out: gate, journal, request, proof, soak. One thread a host; any engine goes on with them.

What counts as proof stands in `reboot`, what forbids one in `gate`; here is what is done in between. Nothing is asked of a
host before its boot id and the time are written down.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from msgspec.structs import replace

from backends.clock import Clock
from backends.errors import AskOperator, RetryLater, SkipHost, SwarmError
from backends.execution import Exec
from backends.states import Severity
from backends.updates import gate, reboot, reboot_ask, retention
from backends.updates.book import Book, Chore
from backends.updates.chores import Chores, Task, said
from backends.updates.gate_finding import Finding
from backends.updates.plans import new_id
from backends.updates.preflight_model import Preflight
from backends.updates.reboot import LATE_SECONDS, SOAK_SECONDS, Note, Observation, Phase, Reboot, Request

LOOK_SECONDS = 3.0
"""Between two looks at a host that goes down or soaks."""
LOOK_TIMEOUT_SECONDS = 10.0
REQUEST_SECONDS = 60.0
STILL_UP_SECONDS = 3600.0
"""The old boot that still answers after this will not go down; a package job alone may hold it up for half an hour."""
NOT_BACK_SECONDS = 86400.0
"""Nobody looks for a host any more that is not back after this."""

Stage = Literal["queued", "gate", "requested", "going-down", "soak", "done", "failed", "refused"]
"""`gate` and before: nothing was asked of the host; `refused`: nothing will be. The others as `reboot.Phase`."""
Tell = Callable[[str, str, str, str, Severity], None]
OVER = "reboot-over"
"""Kind of the event that is the last one about a reboot."""
_OVER_NOTES = ("done", "wrong-kernel", "boot-loop")
"""Notes that the last word about a reboot says as well."""


class RebootRecord(Chore, frozen=True, kw_only=True):
    """One reboot of one host, as far as it must survive the engine."""

    stage: Stage = "queued"
    override: str = ""
    """Why a red gate does not stop it."""
    soak_seconds: float = SOAK_SECONDS
    findings: tuple[Finding, ...] = ()
    """What the gate found right before."""
    passed: str = ""
    """The gate's sentence: passed, or overridden and why."""
    state: Reboot | None = None
    """The proof so far. Its times are epoch seconds, since the next engine's monotonic clock is another one."""
    sent: bool = False
    """The host was asked; before that a host that is still up is asked (by the next engine)."""


class Reboots:
    """Reboots side by side. `facts` asks a host for its preflight facts, `nudge` has a lost link tried again now."""

    def __init__(
        self,
        folder: Path,
        ways: Callable[[str], Exec],
        facts: Callable[[str], Preflight],
        clock: Clock,
        *,
        tell: Tell,
        on_bug: Callable[[str, Exception], None],
        on_back: Callable[[str], None],
        nudge: Callable[[str], None],
        needed: retention.Ask = lambda: retention.NONE,
    ):
        self._ways, self._facts, self._clock = ways, facts, clock
        self._tell, self._on_back, self._nudge = tell, on_back, nudge
        self.book = Book(folder, RebootRecord)
        self.chores = Chores(
            self.book, self._work, clock, name="reboot", on_end=self._ended, on_bug=on_bug, needed=needed
        )

    def start(
        self,
        hosts: Sequence[str],
        who: str,
        *,
        override: str = "",
        soak_seconds: float = SOAK_SECONDS,
        batch: str = "",
    ) -> tuple[RebootRecord, ...]:
        """Reboot these hosts, each beside the others, as far as their gates allow it. `batch`: names them together; "": new.

        Raises:
            BadInput: no host, or one is being rebooted already.
            Stop: it cannot be written down.
        """
        now = self._clock.now()
        batch = batch or new_id(now)
        records = [
            RebootRecord(
                id=f"{batch}-{number}",
                batch=batch,
                host=host,
                who=who,
                created=now,
                override=override.strip(),
                soak_seconds=soak_seconds,
            )
            for number, host in enumerate(hosts)
        ]
        return self.chores.begin(records)

    # One host ---------------------------------------------------------------------------------------------------

    def _work(self, task: Task[RebootRecord]) -> None:
        state = self._shifted(task.record.state, -1.0) if task.record.state else self._request(task)
        if state is not None:
            self._observe(task, state)

    def _request(self, task: Task[RebootRecord]) -> Reboot | None:
        """Gate, journal, ask; None when the host is refused (that is then its end)."""
        try:
            state = self._admitted(task)
            known = self._asked(task.record.host)
        except SwarmError as error:
            task.end(False, said(error), stage="refused")
            return None
        task.note(known, sent=True)
        if known:
            self._say(task.record, known)
        return state

    def _admitted(self, task: Task[RebootRecord]) -> Reboot:
        """The journalled request. Raises AskOperator where the gate is red, SwarmError where nothing can be known."""
        record = task.edge(stage="gate", text="asking for what the next boot would find")
        task.demand_fresh()
        facts = task.reach(lambda: self._facts(record.host))
        judged = gate.judge(facts)
        task.edge(findings=judged.findings)
        passed = gate.require(judged, record.host, record.override)
        boot_id = facts.kernel.boot_id if facts.kernel else ""
        if not reboot.is_boot_id(boot_id):
            raise SkipHost("its boot id is not known, so a reboot could not be proven", host=record.host)
        state = reboot.begin(
            Request(
                boot_id=boot_id,
                asked=self._clock.monotonic(),
                expected_kernel=facts.next_kernel,
                soak_seconds=record.soak_seconds,
            )
        )
        task.edge(stage="requested", passed=passed, state=self._shifted(state, 1.0), text="")
        self._say(record, f"reboot of boot {boot_id[:8]} asked for: {passed}")
        return state

    def _asked(self, host: str) -> str:
        """Ask the host to reboot; what should be known about it. Raises AskOperator for who holds it up."""
        answer = self._command(host, reboot_ask.CHECKED)
        notes = [f"logged in: {', '.join(answer.users)}"] if answer.users else []
        if answer.holders:
            hint = "it goes on when they are done; a program that hangs must be ended on the host"
            raise AskOperator(f"held up by {'; '.join(answer.holders)}", host=host, action="reboot", hint=hint)
        if answer.users and not answer.sent:
            answer = self._command(host, reboot_ask.UNCHECKED)
        elif answer.too_old:
            notes.append("its systemd cannot tell who holds up a reboot")
            answer = self._command(host, reboot_ask.OLD)
        if not answer.sent:
            raise SkipHost(f"systemctl refused: {answer.error}", host=host, action="reboot")
        return "; ".join(notes)

    def _command(self, host: str, argv: Sequence[str]) -> reboot_ask.Answer:
        try:
            return reboot_ask.understand(self._ways(host).run(argv, timeout_seconds=REQUEST_SECONDS))
        except RetryLater:  # the link broke: perhaps it was heard, so it is observed and not said again
            return reboot_ask.Answer(sent=True)

    def _observe(self, task: Task[RebootRecord], state: Reboot) -> None:
        """Look until it is done or failed. Raises Interrupted."""
        host = task.record.host
        while not state.over:
            seen = self._look(host)
            if not task.record.sent and seen.boot_id == state.request.boot_id:
                again = self._request(task)  # an engine died after it wrote and before it asked
                if again is None:
                    return
                state = again
                continue
            state = self._step(task, state, seen)
            if not state.over:
                task.wait(LOOK_SECONDS)
        task.end(state.phase is Phase.DONE, _result(state), stage=state.phase.value)

    def _look(self, host: str) -> Observation:
        """One look; a host that does not answer is an observation, too."""
        try:
            result = self._ways(host).run(reboot_ask.LOOK, timeout_seconds=LOOK_TIMEOUT_SECONDS, become=False)
        except SwarmError as error:
            self._nudge(host)
            return Observation(time=self._clock.monotonic(), error=error.message)
        return reboot_ask.observation(result, self._clock.monotonic())

    def _step(self, task: Task[RebootRecord], before: Reboot, seen: Observation) -> Reboot:
        """The state after a look, written down and told where it is news."""
        state = _given_up(reboot.observe(before, seen), seen)
        if replace(state, notes=()) != replace(before, notes=()):
            text = state.notes[-1].text if state.notes else task.record.text
            task.note(text, stage=state.phase.value, state=self._shifted(state, 1.0))
        for note in state.notes:
            if note.kind not in _OVER_NOTES:
                self._say(task.record, note.text, _severity(note, state))
        return state

    def _ended(self, record: RebootRecord) -> None:
        if record.stage == "refused":
            self._say(record, f"reboot refused: {record.text}", Severity.WARNING, OVER)
            return
        word, severity = ("done", Severity.OK) if record.good else ("FAILED", Severity.CRITICAL)
        self._say(record, f"reboot {word}: {record.text}", severity, OVER)
        self._on_back(record.host)

    def _say(self, record: RebootRecord, text: str, severity: Severity = Severity.OK, kind: str = "reboot") -> None:
        self._tell(kind, text, record.host, record.who, severity)

    def _shifted(self, state: Reboot, sign: float) -> Reboot:
        """Monotonic times to epoch seconds (1.0) or back (-1.0)."""
        by = sign * (self._clock.now() - self._clock.monotonic())
        return replace(
            state,
            request=replace(state.request, asked=state.request.asked + by),
            back=None if state.back is None else state.back + by,
            down=None if state.down is None else state.down + by,
            notes=(),
        )


def _severity(note: Note, state: Reboot) -> Severity:
    """Lateness: a big machine tests its memory for ten minutes, but not for twenty."""
    if note.kind not in ("not-back", "still-up"):
        return Severity.OK
    return Severity.CRITICAL if state.told >= len(LATE_SECONDS) else Severity.WARNING


def _given_up(state: Reboot, seen: Observation) -> Reboot:
    """A host that never goes down, or never comes back, is not looked at for ever."""
    waited = seen.time - state.request.asked
    still_up = seen.boot_id == state.request.boot_id
    if state.phase not in (Phase.REQUESTED, Phase.GOING_DOWN):
        return state
    if waited < (STILL_UP_SECONDS if still_up else NOT_BACK_SECONDS):
        return state
    word = "has not gone down" if still_up else "is not back"
    text = f"{word} {int(waited // 60)} min after the request; nobody looks any more"
    return replace(state, phase=Phase.FAILED, failure=text)


def _result(state: Reboot) -> str:
    if state.phase is Phase.FAILED:
        return state.failure
    down = f"back after {int((state.back or 0) - state.request.asked)} s, kernel {state.kernel or 'unknown'}"
    soaked: Sequence[Note] = [note for note in state.notes if note.kind == "done"]
    return "; ".join((f"boot {state.boot_id[:8]} {down}", *(note.text for note in soaked)))
