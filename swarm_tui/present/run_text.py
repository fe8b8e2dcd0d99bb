"""Maintenance runs in words, glyphs and roles: where a run stands, where a host stands, and how far each step is."""

from __future__ import annotations

from backends.maintenance.model import HostRun, RunPlan, RunStatus, Stage, Step, StepKind
from backends.maintenance.views import Held
from backends.maintenance.worker import Look
from backends.units import span
from swarm_tui.glyphs import Glyphs
from swarm_tui.present.host_line import Span
from swarm_tui.theme import Role

STATUS_ROLES: dict[RunStatus, Role] = {
    RunStatus.WAITING: "info",
    RunStatus.RUNNING: "accent",
    RunStatus.PAUSED: "warn",
    RunStatus.STOPPED: "bad",
    RunStatus.ABORTED: "bad",
    RunStatus.ENDED: "ok",
}
STAGE_ROLES: dict[Stage, Role] = {
    Stage.QUEUED: "dim",
    Stage.WORKING: "accent",
    Stage.ASKING: "warn",
    Stage.DONE: "ok",
    Stage.FAILED: "bad",
    Stage.SKIPPED: "dim",
}
RANK: dict[Stage, int] = {
    Stage.FAILED: 0,
    Stage.ASKING: 1,
    Stage.WORKING: 2,
    Stage.QUEUED: 3,
    Stage.DONE: 4,
    Stage.SKIPPED: 5,
}
"""What needs a person first, then what goes on, then what waits, then what is over."""
STAGE_WORDS: dict[Stage, str] = {
    Stage.QUEUED: "queued",
    Stage.WORKING: "in work",
    Stage.ASKING: "asks you",
    Stage.DONE: "done",
    Stage.FAILED: "FAILED",
    Stage.SKIPPED: "skipped",
}
SHORT: dict[StepKind, str] = {
    StepKind.DRAIN: "drain",
    StepKind.SNAPSHOT: "snap",
    StepKind.BACKUP: "backup",
    StepKind.PROOF: "proof",
    StepKind.UPDATE: "update",
    StepKind.REBOOT: "reboot",
    StepKind.REBOOT_IF_NEEDED: "reboot?",
    StepKind.CHECK: "check",
    StepKind.COMMAND: "cmd",
    StepKind.GATE: "gate",
    StepKind.RESUME: "resume",
}


def hosts(count: int) -> str:
    """ "1 host", "12 hosts"."""
    return "1 host" if count == 1 else f"{count:,} hosts"


def stage_glyph(stage: Stage, glyphs: Glyphs) -> Span:
    """The mark at the left of a host's row: only what asks for a look has one that strikes the eye."""
    drawn = {
        Stage.FAILED: glyphs.down,
        Stage.ASKING: glyphs.question,
        Stage.WORKING: glyphs.stale,
        Stage.DONE: glyphs.ok,
        Stage.SKIPPED: glyphs.dash,
    }
    return Span(drawn.get(stage, glyphs.gap), STAGE_ROLES[stage])


def step_glyph(host: HostRun, number: int, glyphs: Glyphs) -> Span:
    """How far one step of a host is."""
    found = [result for result in host.results if result.step == number]
    if host.step == number and host.stage is Stage.FAILED:
        return Span(glyphs.down, "bad")
    if host.step == number and host.stage is Stage.ASKING:
        return Span(glyphs.question, "warn")
    if host.step == number and host.stage is Stage.WORKING:
        return Span(glyphs.stale, "accent")
    if found:
        return Span(glyphs.ok, "ok") if found[-1].good else Span(glyphs.down, "bad")
    return Span(glyphs.dash, "faint") if host.stage is Stage.SKIPPED else Span(glyphs.gap, "faint")


def step_of(plan: RunPlan, host: HostRun) -> Step | None:
    """The step that a host is in; None before the first and when it is over."""
    return plan.steps[host.step] if 0 <= host.step < len(plan.steps) else None


def state_words(plan: RunPlan, host: HostRun, look: Look | None) -> str:
    """One or two words: what it does now, else where it stands."""
    if host.stage is not Stage.WORKING:
        return STAGE_WORDS[host.stage]
    step = step_of(plan, host)
    return (look.state if look else "") or (str(step.kind) if step else STAGE_WORDS[host.stage])


def said_of(host: HostRun, look: Look | None) -> str:
    """The sentence about a host: what it does or waits for, why it failed, what it asks."""
    if host.stage is Stage.WORKING and look and look.text:
        return look.text
    return host.text


def hint_of(host: HostRun, look: Look | None) -> str:
    """What a person does next."""
    return host.hint or (look.hint if look and host.stage is not Stage.DONE else "")


def took(host: HostRun, now: float) -> str:
    """For how long, up to its end; "" before it began."""
    return "" if host.began is None else span((host.ended if host.ended is not None else now) - host.began)


def word_to_type(names: tuple[str, ...] | list[str]) -> str:
    """What must be typed before so many hosts are changed: the name of one, the number of several."""
    return names[0] if len(names) == 1 else str(len(names))


def held_words(held: Held) -> str:
    """ "in run monthly of anna: in work, 5 of 8 packages"."""
    what = ", ".join(each for each in (STAGE_WORDS[held.stage], held.text) if each)
    return f"in run {held.name or held.run} of {held.who}: {what}; 5 shows it"
