"""What each of the nine steps came to, in one line."""

from __future__ import annotations

import re
from collections.abc import Sequence

from backends.hostkit.triage_answer import Section
from backends.states import Severity
from backends.triage.facts import Facts
from backends.triage.model import TITLES, Finding, Step, StepState
from backends.units import span

NEEDED = {
    1: ("system",),
    2: ("kernel.log",),
    3: ("pci",),
    4: ("gpu",),
    5: ("waiting", "memory"),
    6: ("mounts", "space"),
    7: ("units.failed",),
    8: ("nics",),
    9: ("package.log", "rpm.last"),
}
"""Sections without which a step cannot be said to be well; of step 9 any one is enough."""
_DENIED = re.compile(
    r"(?i)permission denied|operation not permitted|insufficient permissions|not seeing messages from other users|"
    r"must be root|requires? root|access denied|not authorized"
)
_GPU_STEP, _CHANGE_STEP = 4, 9


def judged(sections: Sequence[Section], found: Sequence[Finding], facts: Facts) -> tuple[Step, ...]:
    """All steps, 1–9."""
    return tuple(
        _step(number, [each for each in sections if each.step == number], found, facts)
        for number in range(1, len(TITLES) + 1)
    )


def denied(section: Section) -> bool:
    """Whether it may not be looked at."""
    if section.kind == "noperm":
        return True
    empty = not [line for line in section.lines if not line.startswith("-- ")]
    return section.kind == "done" and _DENIED.search(section.error) is not None and (section.status != 0 or empty)


def _step(number: int, sections: Sequence[Section], found: Sequence[Finding], facts: Facts) -> Step:
    state, text = _state(number, sections, [each for each in found if each.step == number], facts)
    seconds = sum(each.seconds for each in sections)
    return Step(number=number, title=TITLES[number - 1], state=state, text=text, seconds=round(seconds, 3))


def _state(number: int, sections: Sequence[Section], found: Sequence[Finding], facts: Facts) -> tuple[StepState, str]:
    real = [each for each in found if each.severity.rank >= Severity.WARNING.rank]
    more = f" (+{len(real) - 1})" if len(real) > 1 else ""
    stuck = next((each for each in sections if each.kind == "stuck"), None)
    if stuck is not None:
        return StepState.STUCK, f"{stuck.name}: {stuck.note}"
    if real:
        failed = real[0].severity is Severity.CRITICAL
        return (StepState.FAIL if failed else StepState.WARN), f"{real[0].text}{more}"
    return _unseen(number, sections, facts) or (StepState.OK, _seen(number, facts))


def _unseen(number: int, sections: Sequence[Section], facts: Facts) -> tuple[StepState, str] | None:
    """Why the step cannot be called well although nothing was found; None: it can."""
    if number == _GPU_STEP and facts.devices is not None and not facts.gpu_devices and facts.gpus is None:
        return None  # no GPU on the bus
    by_name = {each.name: each for each in sections}
    lacks = [(name, by_name.get(name)) for name in NEEDED[number]]
    reasons = [(name, section, _lack(section)) for name, section in lacks]
    wanting = [each for each in reasons if each[2]]
    if not wanting or (number == _CHANGE_STEP and len(wanting) < len(reasons)):
        return None
    refused = next((each for each in wanting if each[1] is not None and denied(each[1])), None)
    if refused is not None:
        return StepState.NOPERM, f"no permission: {refused[0]}"
    name, _, reason = wanting[0]
    return StepState.WARN, f"cannot tell: {name}: {reason}"


def _lack(section: Section | None) -> str:
    """Why a section tells nothing; "" when it does."""
    if section is None:
        return "not asked"
    if denied(section):
        return "no permission"
    if section.kind != "done":
        return section.note or section.error[:120] or section.kind
    if section.text.startswith("# nothing"):
        return section.text[2:]
    if section.status != 0 and not section.lines:
        return section.error[:120] or f"status {section.status}"
    return ""


def _seen(number: int, facts: Facts) -> str:
    """What a well step shows."""
    texts = {
        1: f"up {span(facts.uptime_seconds)}, {facts.kernel}",
        2: "nothing that matters in the last 6 h",
        3: _some(len(facts.gpu_devices), "GPU") + " on the bus" + (f", driver {facts.driver}" if facts.driver else ""),
        4: _some(len(facts.gpus), "GPU") + " answered" if facts.gpus is not None else "no NVIDIA GPU",
        5: f"{facts.memory_percent:.0f} % memory available" if facts.memory_percent is not None else "no process is held",
        6: f"fullest {max(facts.space, key=lambda each: each.percent).percent:.0f} %" if facts.space else "mounted",
        7: "no failed unit",
        8: _some(len(facts.links), "link"),
        9: _some(len(facts.changes), "change") + " told",
    }  # fmt: skip
    return texts[number]


def _some(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
