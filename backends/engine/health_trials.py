"""Tests that load the hardware, carried out beside everything else: only when asked for, and only where nothing else runs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from backends.checks import health_active
from backends.checks.health_active import SECONDS, Test
from backends.checks.health_finding import Finding, unknown
from backends.errors import AskOperator, BadInput, SwarmError
from backends.execution import Exec
from backends.metrics.sample import Gpu
from backends.states import Severity
from backends.updates.workers import Workers

KIND = "check-active"
AT_ONCE = 8


class Trials:
    """The tests that go on. Any thread may call."""

    def __init__(
        self,
        exec: Callable[[str], Exec],
        done: Callable[[str, str, tuple[Finding, ...]], None],
        *,
        tell: Callable[[str, str, str, str, Severity], None],
        on_bug: Callable[[str, Exception], None],
    ):
        """
        Args:
            exec: the way to a host.
            done: host, test, findings: called when a test is over.
            tell: the timeline.
            on_bug: host, error: an internal error, for the log.
        """
        self._exec, self._done, self._tell, self._on_bug = exec, done, tell, on_bug
        self._lock = threading.Lock()
        self._running: dict[str, str] = {}
        self._workers = Workers(AT_ONCE, "active check")

    def begin(self, host: str, test: Test, drained: str, actor: str, gpus: Sequence[Gpu]) -> None:
        """Begin `test`; returns at once.

        Raises:
            BadInput: there is no such test, or one goes on there already.
            AskOperator: `drained` is not the host's name.
        """
        health_active.argv(test, len(gpus))
        if drained != host:
            raise AskOperator(
                f"{test} would disturb what runs there",
                host=host,
                action=f"run {test}",
                hint="drain the host, then say so by its name",
            )
        with self._lock:
            if host in self._running:
                raise BadInput(f"{self._running[host]} goes on already", host=host, action=f"run {test}")
            self._running[host] = test
        self._tell(KIND, f"{test} began, {SECONDS[test] / 60:.0f} minutes at most", host, actor, Severity.OK)
        self._workers.do(lambda: self._work(host, test, actor, tuple(gpus)))

    def in_flight(self) -> tuple[str, ...]:
        """One phrase each."""
        with self._lock:
            return tuple(f"{test} on {host}" for host, test in self._running.items())

    def stop(self) -> None:
        """Begin nothing more."""
        self._workers.stop()

    def _work(self, host: str, test: Test, actor: str, gpus: tuple[Gpu, ...]) -> None:
        try:
            findings = self._findings(host, test, gpus)
            self._done(host, test, findings)
            worst = max((one.severity for one in findings), key=lambda each: each.rank, default=Severity.UNKNOWN)
            text = next((one.text for one in findings if one.severity is worst), "no result")
            self._tell(KIND, f"{test}: {text}", host, actor, worst)
        except Exception as error:  # noqa: BLE001 - the boundary of one host's test: told, and no other host's matter
            self._on_bug(host, error)
            self._tell(KIND, f"{test}: internal error: {error!r}", host, actor, Severity.WARNING)
        finally:
            with self._lock:
                self._running.pop(host, None)

    def _findings(self, host: str, test: Test, gpus: tuple[Gpu, ...]) -> tuple[Finding, ...]:
        """What came of it; that it could not be carried out is UNKNOWN with its reason."""
        model = next((gpu.name for gpu in gpus if gpu.name), "")
        mig = any(gpu.mig_enabled for gpu in gpus)
        try:
            return health_active.run(self._exec(host), test, model=model, gpus=len(gpus), drained=True, mig=mig)
        except SwarmError as error:
            check = "G30" if test.startswith("diagnostics-") else "G31"
            return (unknown(check, f"{test}: {error.message}", test),)
