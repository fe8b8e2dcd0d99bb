"""What a person does to a host through the engine: signal or renice one process, trust a host key. Every one of them is
refused when the engine is read-only and written to the audit with who did it, whether it worked or not.
"""

from __future__ import annotations

import signal as signals
from collections.abc import Callable
from typing import Protocol

from backends.engine.timeline import Timeline
from backends.errors import AskOperator, BadInput, RetryLater, SkipHost, SwarmError
from backends.execution import Exec
from backends.hostkit.answer import Answer, read_answer
from backends.hostkit.travel import program_launch
from backends.inventory.host import Host
from backends.states import Severity

TIMEOUT_SECONDS = 15.0
NICE_RANGE = range(-20, 20)


class Ways(Protocol):
    """The sources, as far as actions need them."""

    def exec(self, host: str) -> Exec:
        """The way to run commands on `host`."""

    def accept_key(self, host: str, fingerprint: str) -> None:
        """Trust an offered key."""


class Actions:
    """Carries actions out and audits them. `find` gives a host of the inventory or raises BadInput."""

    def __init__(self, ways: Ways, timeline: Timeline, *, find: Callable[[str], Host], read_only: Callable[[], bool]):
        self._ways, self._timeline, self._find, self._read_only = ways, timeline, find, read_only

    def refuse_when_read_only(self, action: str, host: str | None = None) -> None:
        """Raises AskOperator when this engine may not change anything."""
        if self._read_only():
            hint = "start the engine without --read-only (and read_only in [engine]) to change hosts"
            raise AskOperator("the engine is read-only", host=host, action=action, hint=hint)

    def signal(self, host: str, pid: int, start_ticks: int, name: str, *, actor: str) -> str:
        """Send a signal to exactly the process that started at `start_ticks`; the answer is a sentence.

        Raises:
            BadInput: no such host or signal.
            SkipHost: the process has ended or is another one now, or the host cannot do it.
            AskOperator: read-only, or not permitted.
            RetryLater: the host cannot be reached.
        """
        number = signal_number(name)
        arguments = {"pid": pid, "start_ticks": start_ticks, "signal": number}
        return self._process(host, arguments, f"send {signals.Signals(number).name} to process {pid}", actor)

    def renice(self, host: str, pid: int, start_ticks: int, nice: int, *, actor: str) -> str:
        """Change the priority of exactly that process. Raises as `signal`."""
        if nice not in NICE_RANGE:
            raise BadInput(f"nice must be -20 … 19, not {nice}", host=host, action="renice")
        arguments = {"pid": pid, "start_ticks": start_ticks, "nice": nice}
        return self._process(host, arguments, f"set nice {nice} for process {pid}", actor)

    def accept_key(self, host: str, fingerprint: str, *, actor: str) -> None:
        """Trust an offered host key. Refused when read-only: who may only look must not decide whom the engine trusts.

        Raises:
            AskOperator: read-only, or known_hosts cannot be written.
            BadInput: no such key is offered.
        """
        self.refuse_when_read_only("accept the host key", host)
        self._ways.accept_key(host, fingerprint)
        self._timeline.add("key-accepted", f"accepted host key {fingerprint}", host=host, actor=actor)

    def _process(self, host: str, arguments: dict[str, int], action: str, actor: str) -> str:
        self.refuse_when_read_only(action, host)
        become = self._find(host).become
        launch = program_launch("process", arguments, become)
        try:
            result = self._ways.exec(host).run(
                ["/bin/sh", "-c", launch.command],
                stdin=launch.payload,
                timeout_seconds=TIMEOUT_SECONDS,
                become=False,  # the launcher itself becomes root, after it has found python3
            )
            text = _judge(read_answer(result.stdout, host=host, action=action), host, action)
        except SwarmError as error:
            self._timeline.add(
                "action", f"{action}: failed: {error.message}", host=host, actor=actor, severity=Severity.WARNING
            )
            raise
        self._timeline.add("action", text, host=host, actor=actor)
        return text


def signal_number(name: str) -> int:
    """15 for "TERM", "SIGTERM" or "15". Raises BadInput."""
    known = {item.name.removeprefix("SIG"): int(item) for item in signals.Signals}
    word = name.upper().removeprefix("SIG")
    if word in known:
        return known[word]
    if word.isascii() and word.isdecimal() and int(word) in known.values():
        return int(word)
    raise BadInput(f"no such signal: {name[:20]}", action="send a signal", hint="TERM, KILL, INT, HUP, STOP, CONT, …")


def _judge(answer: Answer, host: str, action: str) -> str:
    if answer.ok:
        return answer.text
    if answer.kind == "permission":
        hint = 'the engine\'s user on that host may not; set become = "sudo" for it'
        raise AskOperator(answer.text, host=host, action=action, hint=hint)
    if answer.kind == "gone":
        raise SkipHost(answer.text, host=host, action=action, hint="refresh the process list and look again")
    raise RetryLater(answer.text, host=host, action=action)
