"""Which scheduler gives work to which host, by `[[maintenance.drains]]`, and how hosts stand there."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from backends.engine.run_drains import Drains
from backends.errors import SwarmError
from backends.execution import Exec
from backends.maintenance.drain.base import Broker, longest
from backends.maintenance.drain.choose import brokers
from backends.maintenance.drain.settings import DrainSettings, runs_on
from backends.maintenance.fleet import Standing
from backends.maintenance.model import Budget, HostPlan, RunPlan, Step, StepKind
from backends.maintenance.worker import Place
from backends.updates.workers import Workers, gather

if TYPE_CHECKING:
    from backends.engine.engine import Engine

ASK_SECONDS = 60.0
ASKED_AT_ONCE = 16
AGAIN_SECONDS = 60.0
"""While runs go on it is asked so often who has drained what."""


class Brokers:
    """Calls may come from any thread. `here`: runs commands on this machine."""

    def __init__(
        self,
        engine: Engine,
        here: Callable[[], Exec],
        on_bug: Callable[[str, Exception], None],
    ):
        self._engine, self._here, self._on_bug = engine, here, on_bug
        self._drains = Drains(engine)
        self._workers = Workers(ASKED_AT_ONCE, "scheduler")
        self._lock = threading.Lock()
        self._known: dict[str, Standing] = {}
        self._asked = float("-inf")

    def stop(self) -> None:
        """Begin nothing more."""
        self._workers.stop()

    def of(self, host: HostPlan) -> Broker:
        """The broker of a host. Raises SwarmError: there is no way to where its scheduler is asked."""
        return self._of(host.host)

    def known(self) -> Mapping[str, Standing]:
        """How hosts stood when last asked."""
        with self._lock:
            return dict(self._known)

    def ask(self, hosts: Sequence[str]) -> dict[str, Standing]:
        """How these hosts stand now, asked side by side; what could not be asked says why."""
        asked = {host: settings for host in hosts if (settings := self.settings(host)).scheduler != "none"}
        answers = gather(self._workers, {host: self._asker(host) for host in asked}, ASK_SECONDS, self._on_bug)
        found = dict[str, Standing]()
        for host, answer in answers.items():
            if isinstance(answer, SwarmError):
                given = asked[host]
                answer = Standing(
                    scheduler=given.scheduler,
                    controller=given.controller,
                    asked=False,
                    problem=answer.message,
                    hint=answer.hint or "",
                )
            found[host] = answer
        with self._lock:
            self._known |= found
        return found

    def renew(self, hosts: Sequence[str], monotonic: float) -> None:
        """Ask again when that is due; the body of an own thread."""
        if monotonic - self._asked >= AGAIN_SECONDS:
            self._asked = monotonic
            self.ask(hosts)

    def settings(self, host: str) -> DrainSettings:
        """By the first table that means the host."""
        return self._drains.of(host)

    def _of(self, host: str) -> Broker:
        settings = self.settings(host)
        where = runs_on(settings, host)
        return brokers(settings, self._engine.sources.exec(where) if where else self._here())

    def _asker(self, host: str) -> Callable[[], Standing]:
        def ask() -> Standing:
            settings = self.settings(host)
            stands = self._of(host).standing(_place(host))
            return Standing(
                scheduler=settings.scheduler,
                node=stands.node,
                controller=settings.controller,
                drained=stands.drained and not stands.reason.startswith("swarm r-"),
                by=stands.who,
                reason=stands.reason,
                jobs=len(stands.jobs),
                wait_seconds=longest(stands.jobs),
            )

        return ask


def _place(host: str) -> Place:
    """For a question outside of any run."""
    step = Step(kind=StepKind.DRAIN)
    plan = HostPlan(host=host, kind="")
    run = RunPlan(id="", name="", who="", created=0.0, hosts=(plan,), steps=(step,), budget=Budget(fleet=1, failed=1))
    return Place(run=run, host=plan, number=0, step=step, key="look")
