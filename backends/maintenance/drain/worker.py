"""The steps "drain" and "resume": what was found is written down first, then the scheduler is told, then it is looked at.

`begin` changes nothing. It only finds out how the node stands, and that goes into the journal; the first look drains. So a
crash at any moment leaves either an untouched node or one whose former standing is known.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from backends.clock import Clock
from backends.errors import AskOperator
from backends.maintenance.drain import tokens
from backends.maintenance.drain.base import Broker, Prior, Standing, is_ours, jobs_text, longest, reason_of
from backends.maintenance.drain.tokens import DrainToken, ResumeToken
from backends.maintenance.model import HostPlan
from backends.maintenance.worker import Look, Place, Told
from backends.units import span

Brokers = Callable[[HostPlan], Broker]

KEEP = "keep"
"""What a person may answer; anything else asks again."""
RESUME_SECONDS = 600.0
"""A node that is not back with its scheduler after this has failed; slurmd and kubelet register within seconds."""
MOST_NAMED = 50


class DrainWorker:
    """Implements `Worker` for drains."""

    def __init__(self, brokers: Brokers, clock: Clock):
        self._brokers, self._clock = brokers, clock

    def begin(self, place: Place) -> str:
        """Find out how the node stands. Raises AskOperator when somebody else has drained it and nobody said "keep"."""
        broker, reason = self._brokers(place.host), reason_of(place.run)
        now, before = broker.standing(place), tokens.earlier_attempt(place)
        if before is not None and now.drained and _is_mine(broker, before, now):
            return tokens.write(before)
        prior = Prior(state=now.state, drained=now.drained, who=now.who, reason=now.reason)
        if now.drained and broker.names_author and is_ours(now, reason):
            prior = Prior()  # ours without a token: it was in service, or we would not have drained it
        elif now.drained:
            _allow_keeping(place, broker, now)
        return tokens.write(DrainToken(node=now.node, reason=reason, prior=prior, kept=prior.drained))

    def look(self, place: Place, token: str) -> Look:
        """Drain it unless it is drained, then see what still runs there."""
        broker, held = self._brokers(place.host), tokens.read_drain(token)
        now = broker.standing(place)
        if now.drained and not held.kept and not _is_mine(broker, held, now):
            _allow_keeping(place, broker, now)
            prior = Prior(state=now.state, drained=True, who=now.who, reason=now.reason)
            return _noted(msgspec.structs.replace(held, kept=True, prior=prior), f"left as {now.author} drained it")
        if not now.drained and held.kept:
            fresh = msgspec.structs.replace(held, kept=False, prior=Prior(state=now.state))
            return _noted(fresh, f"{held.prior.who or 'somebody'} gave it back meanwhile; now this run drains it")
        if not now.drained:
            _ask_when_taken_back(place, broker, held)
            broker.drain(place, held.reason)
        return self._progress(place, broker, held)

    def output(self, place: Place, token: str) -> str:
        """What runs there, a line each, with user and time left."""
        now = self._brokers(place.host).standing(place)
        head = [f"{now.node}: {now.state}" + (f" ({now.author})" if now.drained else "")]
        return "\n".join(
            [*head, *([now.held_up] if now.held_up else []), *(_job_line(now, n) for n in range(len(now.jobs)))]
        )

    def _progress(self, place: Place, broker: Broker, held: DrainToken) -> Look:
        now = broker.progress(place)
        named = held.jobs or tuple(f"{job.id} of {job.user}" for job in now.jobs[:MOST_NAMED])
        fresh = msgspec.structs.replace(held, asked=held.asked or not held.kept, jobs=named)
        token = tokens.write(fresh) if fresh != held else ""
        if now.drained and now.idle and not now.jobs:
            return Look(
                told=Told.DONE, state="drained", text=_drained_text(now, held), token=token, facts=_facts(broker, fresh)
            )
        left = longest(now.jobs)
        return Look(
            told=Told.GOING,
            state="draining",
            text=_waiting_text(now),
            done=max(0.0, 1.0 - len(now.jobs) / len(named)) if named else None,
            eta=None if left is None else self._clock.now() + left,
            token=token,
        )


class ResumeWorker:
    """Implements `Worker` for resumes: only what this run drained, and only while the reason that stands there is its own."""

    def __init__(self, brokers: Brokers, clock: Clock, seconds: float = RESUME_SECONDS):
        self._brokers, self._clock, self._seconds = brokers, clock, seconds

    def begin(self, place: Place) -> str:
        """Write down when it began; the first look resumes."""
        return tokens.write(ResumeToken(since=self._clock.now()))

    def look(self, place: Place, token: str) -> Look:
        """Give it back, and see whether it takes work again."""
        held = tokens.drain_before(place)
        if held is None:
            return Look(told=Told.DONE, state="untouched", text="this run had drained nothing here")
        broker = self._brokers(place.host)
        now = broker.standing(place)
        if left := _why_left(broker, held, now):
            return Look(told=Told.DONE, state="left drained", text=left, facts={"left drained": left})
        if not now.silent and not now.serving:
            broker.resume(place, held.prior)
            now = broker.standing(place)
        if now.serving and not now.drained:
            return Look(
                told=Told.DONE, state="in service", text=f"in service again ({now.state})", facts={"after": now.state}
            )
        return self._waiting(broker, now, tokens.read_resume(token).since)

    def output(self, place: Place, token: str) -> str:
        """How its scheduler sees it."""
        now = self._brokers(place.host).standing(place)
        return f"{now.node}: {now.state}" + (f" ({now.author})" if now.drained else "")

    def _waiting(self, broker: Broker, now: Standing, since: float) -> Look:
        text = f"{broker.scheduler} has it as {now.state}"
        if self._clock.now() - since < self._seconds:
            return Look(told=Told.GOING, state="resuming", text=text, eta=None)
        text = f"{text} after {span(self._seconds)}"
        return Look(told=Told.FAILED, state="not back", text=text, hint=broker.hint(now.node))


def _is_mine(broker: Broker, held: DrainToken, now: Standing) -> bool:
    """Whether the drain that stands there is ours. What the scheduler put over our drain by itself (a reboot) is ours."""
    if held.kept:
        return False
    if not broker.names_author:
        return not held.prior.drained
    return is_ours(now, held.reason) or (held.asked and now.by_scheduler)


def _allow_keeping(place: Place, broker: Broker, now: Standing) -> None:
    """Raises AskOperator unless a person has said that another's drain is to be kept."""
    if place.reason.strip().lower().startswith(KEEP):
        return
    raise AskOperator(
        f"{now.node} is out of service already: {now.author} ({broker.scheduler}: {now.state})",
        host=place.host.host,
        action="drain",
        hint=f"skip the host; or answer {KEEP}: the run goes on, and leaves it drained at the end; or have it resumed, then retry",
    )


def _ask_when_taken_back(place: Place, broker: Broker, held: DrainToken) -> None:
    """Raises AskOperator when our drain was undone by somebody: nobody fights with the run over a node."""
    if not (held.asked and broker.names_author):
        return
    raise AskOperator(
        f"somebody has given {held.node} back while this run drained it",
        host=place.host.host,
        action="drain",
        hint="skip the host, or retry to drain it again",
    )


def _why_left(broker: Broker, held: DrainToken, now: Standing) -> str:
    """Why a node is not given back; "" when it is ours to give back."""
    if held.kept:
        before = ": ".join(part for part in (held.prior.who, held.prior.reason) if part) or "somebody else"
        return f"left drained, as it was before the run ({before})"
    if now.drained and not _is_mine(broker, held, now):
        return f"left drained: what stands there now is not this run's ({now.author})"
    return ""


def _noted(token: DrainToken, text: str) -> Look:
    """Nothing but a new token: it is in the journal before the next look acts on it."""
    return Look(told=Told.GOING, state="draining", text=text, token=tokens.write(token))


def _waiting_text(now: Standing) -> str:
    if now.held_up:
        return now.held_up
    if not now.jobs:
        return f"waits for it to become idle ({now.state})"
    left = longest(now.jobs)
    until = "with no known end" if left is None else f"at most {span(left)} left"
    plural = "job" if len(now.jobs) == 1 else "jobs"
    return f"waits for {len(now.jobs)} {plural}, {until}: {jobs_text(now.jobs)}"


def _drained_text(now: Standing, held: DrainToken) -> str:
    return f"drained ({now.state})" + (f", kept as {now.author} drained it" if held.kept else "")


def _facts(broker: Broker, held: DrainToken) -> dict[str, str]:
    facts = {"scheduler": broker.scheduler, "node": held.node, "before": held.prior.state, "reason": held.reason}
    if held.kept:
        facts["reason"] = f"kept: {held.prior.reason}"
    if held.jobs:
        facts["waited for"] = "\n".join(held.jobs)
    return {name: value for name, value in facts.items() if value}


def _job_line(now: Standing, number: int) -> str:
    job = now.jobs[number]
    left = "no known end" if job.left_seconds is None else f"{span(job.left_seconds)} left"
    return " · ".join(part for part in (job.id, job.user, left, job.name) if part)
