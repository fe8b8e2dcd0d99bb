"""One host's health: what was seen last, what is remembered, and how a new answer of the host is judged into it.

Facts and results are kept packed: an eight-GPU host has a few hundred findings and hundreds of lines of nvidia-smi.
"""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable, Collection
from typing import NamedTuple, TypeVar

import msgspec

from backends import decoding
from backends.alerts import subjects
from backends.checks import health_infiniband
from backends.checks.health_catalogue import BY_LIGHT, BY_LOG, HealthResult, among, check
from backends.checks.health_finding import Finding, key_of, unknown
from backends.checks.health_history import History, acknowledge, clear
from backends.checks.health_look import Expected, Look, XidPolicy
from backends.checks.health_merge import Asked, carried, digest, renewed
from backends.checks.health_views import HostHealth, row_of
from backends.engine import health_subject
from backends.engine.health_book import Kept
from backends.errors import BadInput, SwarmError
from backends.hostkit.health_model import HealthFacts
from backends.hostkit.kernel_message import KernelEvent
from backends.metrics.sample import HostFacts, Record, Sample

T = TypeVar("T", bound=Record)
APART_SECONDS = 60.0
"""Counters are compared over no less than this: somebody who asks twice in a row must not see rates of two seconds."""
PORTS_SECONDS = 5.0
"""Between two looks at InfiniBand ports; a flap lasts 25 s."""


class Around(NamedTuple):
    """What the engine knows of the host without asking it."""

    now: float
    samples: tuple[Sample, ...] = ()
    identity: HostFacts | None = None
    events: tuple[KernelEvent, ...] = ()
    log_trouble: str = ""
    expected: Expected = Expected()
    policy: XidPolicy | None = None


class Spans(NamedTuple):
    """How long what was seen counts, in seconds."""

    full: float
    """What only a full look brings."""
    light: float
    """What each light look brings."""


class Outcome(NamedTuple):
    """What a light look came to."""

    changed: bool
    """Some finding is another than before."""
    rebooted: bool


More = Callable[[Look], tuple[Finding, ...]]
"""What else is found of a host once it is known how it looks: by the site's commands, against its group."""


class HostWatch:
    """Any thread may call; the lock is held for milliseconds, never while a host is asked."""

    def __init__(self, host: str, kept: Kept, lasts_seconds: float):
        self.host = host
        self.looks: tuple[subjects.Look, ...] | None = None
        self.health: subjects.Health | None = None
        self.tried = kept.result.time if kept.result is not None else None
        self.row = HostHealth(host=host)
        self.turn: object | None = None
        """The full look that waits for its turn or goes on."""
        self.version = 0
        self._lock = threading.Lock()
        self._history, self._trials = kept.history, dict(kept.trials)
        self._facts = self._before = b""
        self._result, self._digest = b"", b""
        self._times: dict[str, float] = {}
        self._error: SwarmError | None = None
        self._ports = 0.0
        if kept.result is not None:
            self._take(kept.result, lasts_seconds)

    @property
    def history(self) -> History:
        return self._history

    @property
    def result(self) -> HealthResult | None:
        """The newest; None before the first."""
        return _unpacked(self._result, HealthResult)

    @property
    def kept(self) -> Kept:
        """What is to outlive the engine."""
        return Kept(history=self._history, result=self.result, trials=self._trials)

    # Judging ----------------------------------------------------------------------------------------------------

    def judge(self, facts: HealthFacts | None, asked: Asked, around: Around, more: More, spans: Spans) -> HealthResult:
        """The result of a full look.

        Args:
            facts: what the host answered; None: it cannot be asked, and only its samples and its log are judged.
            asked: what it was asked.
            around: what is known besides.
            more: what else is found.
            spans: how long it counts.
        """
        with self._lock:
            old = _unpacked(self._facts, HealthFacts)
            merged = carried(facts, _fresh(old, around.now, spans.full), asked) if facts is not None else None
            before = old if old is not None and around.now - old.time >= APART_SECONDS else self._unpacked_before()
            look = self._look(merged, before, around)
            tested = tuple(finding for told in self._trials.values() for finding in told)
            self._history, result = check(look, more=(*more(look), *tested))
            if merged is not None:
                self._before = self._facts if before is old else self._before
                self._facts = _packed(merged)
                self.health = health_subject.health(merged, self._history, spans.light)
            self._times.clear()
            self._error = None
            self._take(result, spans.full)
            return result

    def judge_light(self, facts: HealthFacts, around: Around, spans: Spans) -> Outcome:
        """Bring up to date what a light look tells; all else stays as the last full one left it."""
        with self._lock:
            full = _unpacked(self._facts, HealthFacts)
            merged = carried(facts, _fresh(full, around.now, spans.full), "light")
            checks = BY_LIGHT if around.log_trouble else BY_LIGHT | BY_LOG
            look = self._look(merged, self._unpacked_before(), around)
            history, new = check(look, among(checks))
            self._history = msgspec.structs.replace(
                history, boot=self._history.boot
            )  # the full look is to see a reboot
            self.health = health_subject.health(merged, self._history, spans.light)
            changed = self._renew(new, checks, around.now, spans.full)
            booted = full is not None and full.boot is not None and merged.boot is not None
            return Outcome(changed, booted and full.boot.boot_id != merged.boot.boot_id)  # type: ignore[union-attr]

    def _renew(self, new: HealthResult, checks: Collection[str], now: float, lasts_seconds: float) -> bool:
        old = self.result
        if old is None:
            return False
        result = renewed(old, new, checks)
        self._times.update(dict.fromkeys(checks, now))
        if digest(result) == self._digest:
            self._result = _packed(result)
            return False
        self._take(result, lasts_seconds)
        return True

    def _look(self, facts: HealthFacts | None, before: HealthFacts | None, around: Around) -> Look:
        return Look(
            host=self.host,
            now=around.now,
            samples=around.samples,
            facts=facts,
            before=before,
            identity=around.identity,
            events=around.events,
            log_trouble=around.log_trouble,
            expected=around.expected,
            history=self._history,
            policy=around.policy,
        )

    def _unpacked_before(self) -> HealthFacts | None:
        return _unpacked(self._before, HealthFacts)

    def _take(self, result: HealthResult, lasts_seconds: float) -> None:
        self._result, self._digest = _packed(result), digest(result)
        self.looks = health_subject.looks(result, self._times, lasts_seconds)
        self._show(result)

    def _show(self, result: HealthResult | None) -> None:
        error = self._error
        self.row = row_of(
            self.host,
            result,
            tried=self.tried,
            error=error.message if error is not None else "",
            hint=(error.hint or "") if error is not None else "",
            busy=self.turn is not None,
        )
        self.version += 1

    # What else happens ------------------------------------------------------------------------------------------

    def begin(self, turn: object) -> None:
        """A full look waits for its turn."""
        with self._lock:
            self.turn = turn
            self._show(self.result)

    def end(self, now: float) -> None:
        """It is over, however it went."""
        with self._lock:
            self.turn, self.tried = None, now
            self._show(self.result)

    def failed(self, error: SwarmError) -> None:
        """The host could not be asked: what was seen last stays, with the reason."""
        with self._lock:
            self._error = error
            self._show(self.result)

    def see_ports(self, sample: Sample) -> None:
        """Follow InfiniBand ports as they come and go; skipped while the host is judged, the next sample is near."""
        if not sample.infiniband or 0.0 <= sample.time - self._ports < PORTS_SECONDS:
            return
        if self._lock.acquire(blocking=False):
            try:
                self._ports = sample.time
                self._history = health_infiniband.watch(self._history, sample.infiniband, sample.time)
            finally:
                self._lock.release()

    def tested(self, test: str, findings: tuple[Finding, ...], around: Around, lasts_seconds: float) -> None:
        """What came of a test under load; it stays among the findings until it is run again or cleared."""
        with self._lock:
            self._trials[test] = findings
            old = self.result or HealthResult(host=self.host, time=around.now)
            look = self._look(None, None, around)
            every = tuple(finding for told in self._trials.values() for finding in told)
            self._history, new = check(look, (), every)
            told = {(one.check, one.object) for one in every}
            kept = tuple(one for one in old.findings if (one.check, one.object) not in told)
            self._take(msgspec.structs.replace(old, findings=kept + new.findings), lasts_seconds)

    def acknowledge(self, name: str, thing: str, by: str, note: str, now: float, lasts_seconds: float) -> None:
        """Somebody has it in hand. Raises BadInput: nothing is wrong there."""
        with self._lock:
            result, finding = self._named(name, thing)
            if not finding.bad:
                raise BadInput(f"nothing is wrong with {_place(name, thing)}", host=self.host, action="acknowledge")
            self._history = acknowledge(self._history, name, thing, by, now, note)
            self._replace(result, finding, msgspec.structs.replace(finding, acknowledged=by), lasts_seconds)

    def clear(self, name: str, thing: str, by: str, now: float, lasts_seconds: float) -> None:
        """It is settled; until the next look nobody knows. Raises BadInput: there is no such finding."""
        with self._lock:
            result, finding = self._named(name, thing)
            settled = clear(self._history, name, thing, now)
            held = {key: who for key, who in settled.acknowledged.items() if key != finding.key}
            self._history = msgspec.structs.replace(settled, acknowledged=held)
            for test, told in self._trials.items():
                self._trials[test] = tuple(one for one in told if (one.check, one.object) != (name, thing))
            said = unknown(name, f"set healthy by {by}, not looked at since", thing, (finding.text,))
            self._replace(result, finding, said, lasts_seconds)

    def _named(self, name: str, thing: str) -> tuple[HealthResult, Finding]:
        result = self.result
        found = [one for one in (result.findings if result else ()) if (one.check, one.object) == (name, thing)]
        if result is None or not found:
            hint = f"swarm-tui check {self.host} --problems lists them"
            raise BadInput(f"no finding {_place(name, thing)}", host=self.host, hint=hint)
        return result, found[0]

    def _replace(self, result: HealthResult, old: Finding, new: Finding, lasts_seconds: float) -> None:
        findings = tuple(new if one is old else one for one in result.findings)
        self._take(msgspec.structs.replace(result, findings=findings), lasts_seconds)


def _place(name: str, thing: str) -> str:
    return key_of(name, thing).replace("\x1f", ":").rstrip(":")[:160]


def _fresh(facts: HealthFacts | None, now: float, seconds: float) -> HealthFacts | None:
    return facts if facts is not None and now - facts.time <= seconds else None


def _packed(value: Record) -> bytes:
    return zlib.compress(msgspec.msgpack.encode(value), 1)


def _unpacked(data: bytes, kind: type[T]) -> T | None:
    return decoding.msgpack(zlib.decompress(data), type=kind) if data else None
