"""The rules about XIDs: one alert a GPU for what the driver reports, worst first. Pure.

An XID is over when the GPU was reset or the host rebooted since, whichever its policy asks for, or when somebody says so;
never because the log is silent. The object is the GPU's UUID, or its PCI address while no UUID was ever seen for it.
"""

from __future__ import annotations

from collections.abc import Sequence

from backends.alerts.model import RuleTimes, Truth
from backends.alerts.rules import Finding, Rule
from backends.alerts.subjects import Held, Subject
from backends.alerts.thresholds import found, nodata
from backends.alerts.xid_hits import Hit, Hits, comes_back, cured, grave, most_jobs, without_clean_up
from backends.alerts.xid_policy import (
    ADVICE,
    JOBS,
    REBOOTS,
    REPEAT_SECONDS,
    REPEATS,
    Policies,
)
from backends.states import Severity

XID, XID_APP, XID_NOTE = "gpu.xid", "gpu.xid_app", "gpu.xid_note"
DAY = 86_400.0

_WORST: tuple[str, ...] = ("fatal", "reset", "workflow", "unknown", "app", "ignore")


class XidRules:
    """The rules with the policies of the site. May be used from any thread."""

    def __init__(self, policies: Policies):
        self._hits = Hits(policies)
        self.hits = self._hits.of

    # gpu.xid ---------------------------------------------------------------------------------------------------------

    def scan(self, subject: Subject) -> Sequence[str]:
        """GPUs with an XID that is more than an application's fault."""
        return [thing for thing, hits in self.hits(subject).items() if any(grave(hit) for hit in hits)]

    def judge(self, subject: Subject, thing: str, held: Held) -> Finding:
        """The worst that is not cured."""
        hits = self.hits(subject).get(thing, [])
        settled = _settled(subject, XID, thing, held)
        again = comes_back(hits)
        alive = [hit for hit in without_clean_up(hits) if grave(hit) and hit.time > settled]
        alive = [hit for hit in alive if hit.policy.code in again or not cured(subject, thing, hit)]
        if not alive:
            return _over(subject, thing, held)
        worst = min(alive, key=lambda hit: (-hit.policy.severity.rank, _WORST.index(hit.policy.kind), -hit.time))
        inspect = worst.policy.code in again
        text = f"XID {worst.policy.code} on {_gpu(worst)}: {worst.policy.meaning}"
        return Finding(
            Truth.TRUE,
            Severity.CRITICAL if inspect else worst.policy.severity,
            float(worst.policy.code),
            f"{text}; it came back after {REBOOTS} reboots" if inspect else text,
            _evidence(alive),
            ADVICE["hardware inspection"] if inspect else worst.policy.advice or ADVICE[worst.policy.action],
            max(hit.time for hit in alive),
        )

    def open(self, subject: Subject, thing: str, codes: frozenset[int] | None = None) -> bool:
        """Whether an XID (of `codes`, or any grave one) that is not cured explains what else is seen of the GPU."""
        hits = self.hits(subject).get(thing, ())
        return any(
            grave(hit) and not cured(subject, thing, hit) and (codes is None or hit.policy.code in codes)
            for hit in hits
        )

    # gpu.xid_app -----------------------------------------------------------------------------------------------------

    def scan_app(self, subject: Subject) -> Sequence[str]:
        """GPUs with an application's fault."""
        return [thing for thing, hits in self.hits(subject).items() if any(hit.policy.kind == "app" for hit in hits)]

    def judge_app(self, subject: Subject, thing: str, held: Held) -> Finding:
        """Three in an hour are a warning; the same on three jobs is not the application."""
        settled = _settled(subject, XID_APP, thing, held)
        hits = [hit for hit in self.hits(subject).get(thing, ()) if hit.policy.kind == "app" and hit.time > settled]
        hits = [hit for hit in hits if not cured(subject, thing, hit)]
        code, jobs = most_jobs(hits)
        hour = [hit for hit in hits if subject.now - hit.time <= REPEAT_SECONDS]
        if jobs < JOBS and len(hour) < REPEATS:
            return _over(subject, thing, held)
        name = _gpu(hits[-1])
        if jobs >= JOBS:
            text, severity = f"XID {code} hit {jobs} different jobs on {name}", Severity.CRITICAL
            return Finding(Truth.TRUE, severity, float(jobs), text, _evidence(hits), _SUSPECT, hits[-1].time)
        codes = ", ".join(str(each) for each in dict.fromkeys(hit.policy.code for hit in hour))
        text = f"{len(hour)} application faults within an hour on {name} (XID {codes})"
        return Finding(Truth.TRUE, Severity.WARNING, float(len(hour)), text, _evidence(hour), time=hour[-1].time)

    # gpu.xid_note ----------------------------------------------------------------------------------------------------

    def scan_note(self, subject: Subject) -> Sequence[str]:
        """GPUs with something worth a line."""
        return [thing for thing, hits in self.hits(subject).items() if any(hit.policy.note for hit in hits)]

    def judge_note(self, subject: Subject, thing: str, held: Held) -> Finding:
        """Told for a day."""
        settled = _settled(subject, XID_NOTE, thing, held)
        hits = [hit for hit in self.hits(subject).get(thing, ()) if hit.policy.note and hit.time > settled]
        hits = [hit for hit in hits if not cured(subject, thing, hit) and subject.now - hit.time <= DAY]
        if not hits:
            return _over(subject, thing, held)
        last = hits[-1]
        text = f"XID {last.policy.code} on {_gpu(last)}: {last.policy.meaning}"
        return Finding(Truth.TRUE, Severity.OK, float(last.policy.code), text, _evidence(hits), time=last.time)

    def rules(self) -> tuple[Rule, ...]:
        """The three rules."""
        event, info = RuleTimes(event=True), RuleTimes(event=True, info=True)
        return (
            _rule(XID, "GPU fault", event, self.scan, self.judge, "NVIDIA's XID catalogue through gpud"),
            _rule(XID_APP, "Application faults repeat", event, self.scan_app, self.judge_app, "default rule pack"),
            _rule(XID_NOTE, "GPU remark", info, self.scan_note, self.judge_note, "default rule pack"),
        )


_SUSPECT = "Suspect the GPU: drain it and run dcgmi diag -r 3."


def _rule(id: str, title: str, times: RuleTimes, scan: object, judge: object, source: str) -> Rule:
    return Rule(
        id=id,
        title=title,
        times=times,
        needs="events",
        scan=scan,  # type: ignore[arg-type]
        judge=judge,  # type: ignore[arg-type]
        advice=ADVICE["restart app"] if id == XID_APP else ADVICE["none"] if id == XID_NOTE else ADVICE["reset GPU"],
        source=source,
    )


def _settled(subject: Subject, rule: str, thing: str, held: Held) -> float:
    return max(held.settled, subject.settled.get((rule, thing), 0.0))


def _over(subject: Subject, thing: str, held: Held) -> Finding:
    """Nothing is open in the log; over only when a reboot or a reset came after."""
    booted, reset = subject.booted or 0.0, subject.resets.get(thing, 0.0)
    cure = max(booted, reset)
    if held.level is Severity.OK and not held.since:
        return nodata("nothing happened")
    if cure > held.since:
        what = "the host rebooted" if booted >= reset else "the GPU was reset"
        return found(Severity.OK, None, f"{what} since")._replace(time=cure)
    return nodata("nothing new, and neither a reset nor a reboot since")


def _gpu(hit: Hit) -> str:
    """By its address, which the kernel keeps when the driver lost the GPU."""
    return f"GPU {hit.xid.bus}" if hit.xid.bus else "a GPU"


def _evidence(hits: list[Hit]) -> tuple[str, ...]:
    """The newest line of each code, with how often it came."""
    last = {hit.policy.code: hit for hit in hits}
    counts = {code: sum(1 for hit in hits if hit.policy.code == code) for code in last}
    return tuple(
        f"{f'{counts[code]}× ' if counts[code] > 1 else ''}{hit.event.text or f'XID {code}'}"
        f"{f' (job {hit.event.job})' if hit.event.job else ''}"
        for code, hit in sorted(last.items(), key=lambda item: -item[1].time)
    )
