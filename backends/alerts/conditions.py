"""Rules about the way to a host: unreachable, not let in, another key, no samples. Pure.

Each says what makes it true and what makes it false; where neither was seen it says so (NODATA).
"""

from __future__ import annotations

from collections.abc import Sequence

from backends.alerts.model import RuleTimes
from backends.alerts.rules import Finding, Limit, Rule
from backends.alerts.subjects import Held, Subject
from backends.alerts.thresholds import MINUTE, found, nodata, short, waited
from backends.clock import utc
from backends.states import HostState, Severity

MISSES = 3
"""Tries in a row that must fail (Nagios: three soft states make a hard one)."""
_STALE = (3.0, 15.0), (10.0, 60.0)
"""Intervals, and the least seconds: at one sample a second a reconnect costs more than three (own reasoning)."""
_CRITICAL, _WARNING, _OK = Severity.CRITICAL, Severity.WARNING, Severity.OK


def doubtful(subject: Subject) -> bool:
    """Whether anything below may be bad: one look that spares four."""
    sample = subject.sample
    if sample is None or subject.state is not HostState.UP:
        return bool(subject.host)
    return subject.now - sample.time > _STALE[0][1]


def _down_scan(subject: Subject) -> Sequence[str]:
    return ("",) if subject.state is HostState.UNREACHABLE else ()


def _down(subject: Subject, thing: str, held: Held) -> Finding:
    if subject.state is HostState.CONNECTING:
        return nodata("not tried yet")
    if subject.state is not HostState.UNREACHABLE:
        return found(_OK, None, f"it answers ({subject.state})")
    if subject.misses is not None and subject.misses < MISSES and held.level is _OK:
        return found(_OK, float(subject.misses), f"{subject.misses} of {MISSES} tries failed")
    last = (f"last seen at {utc(subject.sample.time):%H:%M:%S} UTC",) if subject.sample is not None else ()
    return found(_CRITICAL, None, f"unreachable: {subject.reason or 'no answer'}", last)


def _login_scan(subject: Subject) -> Sequence[str]:
    return ("",) if subject.state is HostState.AUTH_FAILED else ()


def _login(subject: Subject, thing: str, held: Held) -> Finding:
    if subject.state is HostState.AUTH_FAILED:
        return found(_WARNING, None, f"the login is refused: {subject.reason or 'no reason given'}")
    return found(_OK, None, "the login works") if subject.connected else nodata(subject.reason or str(subject.state))


def _key_scan(subject: Subject) -> Sequence[str]:
    return ("",) if subject.state in (HostState.HOST_KEY_CHANGED, HostState.HOST_KEY_UNKNOWN) else ()


def _key(subject: Subject, thing: str, held: Held) -> Finding:
    if subject.state is HostState.HOST_KEY_CHANGED:
        return found(_CRITICAL, None, "the host key is another one: a new machine, or somebody in between")
    if subject.state is HostState.HOST_KEY_UNKNOWN:
        return found(_WARNING, None, "nobody has accepted the host key yet, so the host is not watched")
    known = subject.connected or subject.state in (HostState.AUTH_FAILED, HostState.NO_PYTHON, HostState.NO_SUDO)
    return found(_OK, None, "the host key is the known one") if known else nodata(subject.reason or str(subject.state))


def _collects(subject: Subject) -> bool:
    return subject.connected or subject.state in (HostState.NO_PYTHON, HostState.NO_SUDO)


def _stale_scan(subject: Subject) -> Sequence[str]:
    if not subject.connected:
        return ("",) if subject.state in (HostState.NO_PYTHON, HostState.NO_SUDO) else ()
    if subject.sample is None:
        return ()
    age = subject.now - subject.sample.time
    return ("",) if age > _STALE[0][1] and age > _STALE[0][0] * subject.interval_seconds else ()


def _stale(subject: Subject, thing: str, held: Held) -> Finding:
    if not _collects(subject):
        return nodata(subject.reason or str(subject.state))
    if not subject.connected:
        return found(_WARNING, None, f"no samples: {subject.reason or subject.state}")
    if subject.sample is None:
        return nodata("no sample yet")
    age = subject.now - subject.sample.time
    limits = [max(least, intervals * subject.interval_seconds) for intervals, least in _STALE]
    severity = _CRITICAL if age > limits[1] else _WARNING if age > limits[0] else _OK
    return found(severity, age, f"connected, but no sample for {short(age)}")


REACH_RULES: tuple[Rule, ...] = (
    Rule(
        id="host.down",
        title="Host is unreachable",
        times=waited(45, MINUTE),
        needs="reach",
        gate=doubtful,
        scan=_down_scan,
        judge=_down,
        advice="Look at its console or management controller; ping and the switch port tell whether the network is it.",
        source="Nagios: three misses make a hard state",
    ),
    Rule(
        id="host.auth",
        title="Login is refused",
        times=RuleTimes(),
        needs="reach",
        gate=doubtful,
        scan=_login_scan,
        judge=_login,
        advice="Log in by hand: ssh -v HOST; then check the user, the key and the account on the host.",
        source="default rule pack",
    ),
    Rule(
        id="host.key",
        title="Host key",
        times=RuleTimes(),
        needs="reach",
        gate=doubtful,
        scan=_key_scan,
        judge=_key,
        advice="Compare the fingerprint with the one on the machine's console, then: swarm-tui hosts accept HOST.",
        source="default rule pack",
    ),
    Rule(
        id="collector.stale",
        title="No samples",
        times=RuleTimes(),
        needs="reach",
        gate=doubtful,
        scan=_stale_scan,
        judge=_stale,
        advice="See what holds the sampler: swarm-tui triage HOST.",
        source="default rule pack: more than 3 and 10 intervals",
        warn=Limit(*_STALE[0]),
        crit=Limit(*_STALE[1]),
        unit="intervals",
    ),
)
