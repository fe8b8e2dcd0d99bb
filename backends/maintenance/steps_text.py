"""Steps as people write them ("update:security") and as runs have them; and orders of steps that cannot be right."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from backends.config.problem import nearest
from backends.errors import BadInput
from backends.maintenance.model import Step, StepKind
from backends.maintenance.proof import demanded
from backends.metrics.sample import Record
from backends.text import clean
from backends.units import parse_span
from backends.updates.model import PackageClass

LONGEST = 200
"""Characters of a step."""
TIMEOUTS: Mapping[StepKind, float] = {
    StepKind.DRAIN: 24 * 3600.0,
    StepKind.SNAPSHOT: 600.0,
    StepKind.BACKUP: 8 * 3600.0,
    StepKind.PROOF: 5 * 60.0,
    StepKind.UPDATE: 2 * 3600.0,
    StepKind.REBOOT: 45 * 60.0,
    StepKind.REBOOT_IF_NEEDED: 45 * 60.0,
    StepKind.CHECK: 15 * 60.0,
    StepKind.COMMAND: 30 * 60.0,
    StepKind.GATE: 24 * 3600.0,
    StepKind.RESUME: 15 * 60.0,
}
"""Seconds, where nobody says otherwise. A drain waits for jobs, a gate for a person: both take as long as they take."""
LOOK_THERE = "look at the host, then retry or skip it"
CONSOLE = "look at its console or BMC; when it answers again, retry"
"""What to do about a host whose step has used up its time; the second when that was a reboot."""
ARGUMENTS: Mapping[StepKind, str] = {
    StepKind.BACKUP: "SET",
    StepKind.PROOF: "SET",
    StepKind.COMMAND: "NAME",
}
"""Kinds that make no sense without an argument, and what it is."""
MAY_HAVE = frozenset({*ARGUMENTS, StepKind.UPDATE, StepKind.GATE})
UPDATES = ("security", "all", *(str(each) for each in PackageClass))
"""What may stand after "update:"."""
REBOOTS = frozenset({StepKind.REBOOT, StepKind.REBOOT_IF_NEEDED})
CHANGES = frozenset({StepKind.UPDATE, *REBOOTS})
"""What must not be done to a host that works for others."""


class Slip(Record, frozen=True, kw_only=True):
    """Something about the order of steps."""

    at: int
    """Number of the step, from 0."""
    text: str
    hint: str
    wrong: bool = True
    """False: it could be meant."""


def step(text: str, timeouts: Mapping[str, str] | None = None, commands: Mapping[str, float] | None = None) -> Step:
    """One step.

    Args:
        text: "drain", "backup:models", "update:security", "gate:look at the fans".
        timeouts: kind or whole step → duration.
        commands: name of a command → its time-out in seconds, 0 for the usual one.

    Raises:
        BadInput: no step, or not with this argument.
    """
    kind, argument = _parts(text)
    bare = Step(kind=kind, argument=argument)
    return Step(kind=kind, argument=argument, timeout_seconds=_timeout(bare, timeouts or {}, commands or {}))


def steps(
    texts: Iterable[str], timeouts: Mapping[str, str] | None = None, commands: Mapping[str, float] | None = None
) -> tuple[Step, ...]:
    """All steps of a run, in their order. Raises BadInput for the first that is none, or an order that cannot be right."""
    found = tuple(step(text, timeouts, commands) for text in texts)
    for slip in slips(found):
        if slip.wrong:
            raise BadInput(slip.text, action="read the steps of a run", hint=slip.hint)
    return found


def slips(found: Sequence[Step]) -> Iterator[Slip]:
    """What is wrong with the order, as far as that can be told without knowing the hosts."""
    if not found:
        yield Slip(at=0, text="there is no step", hint='for example steps = ["drain", "update", "check", "resume"]')
    yield from _twice(found)
    yield from _around_drain(found)
    yield from _after_resume(found)
    yield from _not_compared(found)
    yield from _proven_late(found)


def _parts(text: str) -> tuple[StepKind, str]:
    if len(text) > LONGEST or clean(text, LONGEST) != text:
        raise BadInput(f'not a step: "{clean(text, 60)}"', hint=f"printable text of at most {LONGEST} characters")
    word, colon, argument = text.partition(":")
    try:
        kind = StepKind(word.strip())
    except ValueError:
        hint = nearest(word.strip(), list(StepKind)) or f"steps: {', '.join(StepKind)}"
        raise BadInput(f'there is no step "{word}"', hint=hint) from None
    argument = argument.strip()
    if kind in ARGUMENTS and not argument:
        raise BadInput(f'"{kind}" does not tell which', hint=f"write {kind}:{ARGUMENTS[kind]}")
    if colon and kind not in MAY_HAVE:
        raise BadInput(f'"{kind}" takes nothing after a colon', hint=f"write {kind}")
    if kind is StepKind.UPDATE and argument and argument not in UPDATES:
        hint = nearest(argument, UPDATES) or f"update, or update: and one of {', '.join(UPDATES)}"
        raise BadInput(f'"{argument}" is no kind of updates', hint=hint)
    if kind is StepKind.PROOF:
        demanded(argument)
    return kind, argument


def _timeout(bare: Step, timeouts: Mapping[str, str], commands: Mapping[str, float]) -> float:
    for key in (bare.text, str(bare.kind)):
        if key in timeouts:
            return seconds(timeouts[key])
    own = commands.get(bare.argument, 0.0) if bare.kind is StepKind.COMMAND else 0.0
    return own or TIMEOUTS[bare.kind]


def seconds(text: str) -> float:
    """A duration above 0. Raises BadInput."""
    try:
        found = parse_span(text)
    except ValueError:
        found = 0.0
    if not 0 < found <= 366 * 86400:
        raise BadInput(f'"{clean(text, 40)}" is no duration for a step', hint='for example "30m" or "1h30m"')
    return found


def _twice(found: Sequence[Step]) -> Iterator[Slip]:
    once = (StepKind.DRAIN, StepKind.SNAPSHOT, StepKind.RESUME)
    for at, each in enumerate(found):
        if each.kind in once and any(other.kind is each.kind for other in found[:at]):
            yield Slip(at=at, text=f'"{each.kind}" stands there twice', hint="once for each host; remove one of them")


def _first(found: Sequence[Step], kind: StepKind) -> int | None:
    return next((at for at, each in enumerate(found) if each.kind is kind), None)


def _around_drain(found: Sequence[Step]) -> Iterator[Slip]:
    drain, resume = _first(found, StepKind.DRAIN), _first(found, StepKind.RESUME)
    if drain is None and resume is not None:
        yield Slip(
            at=resume, text='"resume" without a "drain" before it', hint='write "drain" before what changes hosts'
        )
        return
    if drain is not None and resume is not None and resume < drain:
        yield Slip(at=resume, text='"resume" stands before "drain"', hint='"drain" first, "resume" last')
    if drain is not None and resume is None:
        hint = 'end with "resume", unless somebody gives the hosts back by hand'
        yield Slip(at=drain, text='"drain" without a "resume": the hosts stay out of service', hint=hint, wrong=False)
    for at, each in enumerate(found[: drain or 0]):
        if each.kind in CHANGES:
            yield Slip(
                at=at, text=f'"{each.text}" stands before "drain": jobs would run meanwhile', hint='"drain" first'
            )


def _after_resume(found: Sequence[Step]) -> Iterator[Slip]:
    resume = _first(found, StepKind.RESUME)
    if resume is None:
        return
    for at, each in enumerate(found):
        if at > resume and each.kind in CHANGES:
            text = f'"resume" stands before "{each.text}": the host would be in service meanwhile'
            yield Slip(at=at, text=text, hint='"resume" last')


def _not_compared(found: Sequence[Step]) -> Iterator[Slip]:
    changing = [at for at, each in enumerate(found) if each.kind in CHANGES]
    snapshot, checks = (
        _first(found, StepKind.SNAPSHOT),
        [at for at, each in enumerate(found) if each.kind is StepKind.CHECK],
    )
    if snapshot is not None and changing and snapshot > changing[0]:
        text = f'"snapshot" stands after "{found[changing[0]].text}": there is nothing to compare with'
        yield Slip(at=snapshot, text=text, hint='"snapshot" before everything that changes the host')
    if changing and not any(at > changing[-1] for at in checks):
        at = changing[-1]
        text = f'no "check" after "{found[at].text}": nobody proves that the host is well'
        yield Slip(at=at, text=text, hint='write "check" before "resume"', wrong=False)
    updates = [at for at, each in enumerate(found) if each.kind is StepKind.UPDATE]
    reboots = [at for at, each in enumerate(found) if each.kind is StepKind.REBOOT_IF_NEEDED]
    if updates and reboots and reboots[-1] < updates[0]:
        text = '"reboot-if-needed" stands before "update": what the update asks for is not done'
        yield Slip(at=reboots[-1], text=text, hint='"update" first', wrong=False)


def _proven_late(found: Sequence[Step]) -> Iterator[Slip]:
    """A proof is asked for before anything is changed, or it protects nobody."""
    changed = next((at for at, each in enumerate(found) if each.kind in CHANGES), len(found))
    for at, each in enumerate(found):
        if each.kind is StepKind.PROOF and at > changed:
            text = f'"{each.text}" stands after "{found[changed].text}": the host is changed by then'
            yield Slip(at=at, text=text, hint=f'"{each.text}" before everything that changes the host')


def late_step(kind: StepKind) -> str:
    """The next step about a host whose step has used up its time and says nothing about it itself."""
    return CONSOLE if kind in REBOOTS else LOOK_THERE
