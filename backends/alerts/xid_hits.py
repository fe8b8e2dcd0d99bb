"""The XIDs of a host, by GPU: read once, told apart, and whether something cured them since. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from msgspec.structs import replace

from backends.alerts.event_rules import this_boot
from backends.alerts.kernel_events import FALLEN
from backends.alerts.subjects import MOST_EVENTS, KernelEvent, Subject
from backends.alerts.xid_lines import Xid, bus_of, read
from backends.alerts.xid_policy import REBOOTS, SAME_SECONDS, Policies, Policy
from backends.states import Severity

MOST_STRANGE = 8
"""PCI addresses of a host without a known GPU that are told apart; the rest is one object."""
CLEAN_UP = 45


class Hit(NamedTuple):
    """One XID of one GPU."""

    time: float
    policy: Policy
    xid: Xid
    event: KernelEvent


class Hits:
    """Reads the XIDs of a host once for as long as its events are the same. May be used from any thread."""

    def __init__(self, policies: Policies):
        self._policies = policies
        self._read: dict[str, tuple[tuple[KernelEvent, ...], Mapping[str, str], dict[str, list[Hit]]]] = {}

    def of(self, subject: Subject) -> dict[str, list[Hit]]:
        """Object → its XIDs, oldest first."""
        events = subject.events
        if not events:
            self._read.pop(subject.host, None)
            return {}
        known = self._read.get(subject.host)
        if known is None or known[0] is not events or known[1] != subject.known_gpus:
            known = events, subject.known_gpus, self._grouped(subject)
            self._read[subject.host] = known
        return known[2]

    def _grouped(self, subject: Subject) -> dict[str, list[Hit]]:
        grouped: dict[str, list[Hit]] = {}
        strange: set[str] = set()
        for event in subject.events[-MOST_EVENTS:]:
            xid = _xid(event)
            if xid is None:
                continue
            thing = subject.known_gpus.get(xid.bus, xid.bus)
            if thing == xid.bus and thing not in strange:
                thing = thing if len(strange) < MOST_STRANGE else ""
                strange.update((thing,) if thing else ())
            hits = grouped.setdefault(thing, [])
            if not _told(hits, xid, event):
                hits.append(Hit(event.time, self._policy(xid, event.grade), xid, event))
        return grouped

    def _policy(self, xid: Xid, grade: str) -> Policy:
        """NVLink 5 lines say themselves whether they are fatal."""
        policy = self._policies.of(xid.code)
        if "nonfatal" in (xid.severity, grade) and policy.severity is Severity.CRITICAL:
            return replace(policy, severity=Severity.WARNING)
        return policy


def _xid(event: KernelEvent) -> Xid | None:
    if event.kind != "xid":
        return None
    line = read(event.text)
    if event.code is None:
        return line
    bus = bus_of(event.object) or (line.bus if line is not None else "")
    return (line or Xid(event.code, bus))._replace(code=event.code, bus=bus)


def _told(hits: list[Hit], xid: Xid, event: KernelEvent) -> bool:
    """Whether the same XID of the same job came just before: drivers repeat themselves. A GPU falls off the bus once,
    whoever used it, and a second line without a number says so again."""
    for hit in reversed(hits[-20:]):
        if event.time - hit.time > SAME_SECONDS:
            return False
        same_job = xid.code == FALLEN or (hit.event.job == event.job and hit.xid.pid == xid.pid)
        if hit.xid.code == xid.code and same_job and hit.event.boot_id == event.boot_id:
            return True
    return False


def grave(hit: Hit) -> bool:
    """More than an application's fault."""
    return hit.policy.kind not in ("app", "ignore") and hit.policy.severity.rank >= Severity.WARNING.rank


def without_clean_up(hits: list[Hit]) -> list[Hit]:
    """XID 45 follows every other one, and floods when a job is ended; it counts alone only."""
    others = [hit.time for hit in hits if hit.policy.code != CLEAN_UP]
    return [
        hit
        for hit in hits
        if hit.policy.code != CLEAN_UP or not any(abs(hit.time - time) <= SAME_SECONDS for time in others)
    ]


def comes_back(hits: list[Hit]) -> frozenset[int]:
    """XIDs that came again after two reboots that should have cured them."""
    boots: dict[int, set[str]] = {}
    for hit in hits:
        if hit.policy.kind in ("fatal", "reset") and hit.event.boot_id:
            boots.setdefault(hit.policy.code, set()).add(hit.event.boot_id)
    return frozenset(code for code, seen in boots.items() if len(seen) > REBOOTS)


def cured(subject: Subject, thing: str, hit: Hit) -> bool:
    """Rebooted since, or reset since where that is enough."""
    booted = subject.booted
    if booted is not None and hit.time < booted and not this_boot(subject, hit.event.boot_id):
        return True
    return hit.policy.cured_by_reset and hit.time < subject.resets.get(thing, 0.0)


def most_jobs(hits: list[Hit]) -> tuple[int, int]:
    """The XID that hit most jobs, and how many."""
    jobs: dict[int, set[str]] = {}
    for hit in hits:
        if hit.event.job:  # a pid is none: a job that starts again has another one
            jobs.setdefault(hit.policy.code, set()).add(hit.event.job)
    code = max(jobs, key=lambda each: len(jobs[each]), default=0)
    return code, len(jobs.get(code, ()))
