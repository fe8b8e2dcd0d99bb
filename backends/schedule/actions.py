"""What a schedule may do, and what becomes of it when its time was missed. Pure."""

from __future__ import annotations

from enum import StrEnum

from backends.config.problem import nearest
from backends.errors import BadInput
from backends.metrics.sample import Record
from backends.text import clean


class ActionKind(StrEnum):
    CHECK = "check"
    REFRESH = "updates-refresh"
    PLAN = "updates-plan"
    SECURITY = "security"
    BACKUP = "backup"
    DRILL = "drill"
    RUN = "run"


class Missed(StrEnum):
    """What becomes of an occurrence whose time has passed."""

    CATCH_UP = "catch up"
    """It is done now, once, however many were missed: it only looks."""
    SOON = "if soon"
    """It is done now when less than half of the time to the next one has passed."""
    ASK = "ask"
    """It changes hosts: a person decides."""


class Action(Record, frozen=True, kw_only=True):
    """What is done."""

    kind: ActionKind
    argument: str = ""
    """A set, or a run; "" for a backup: every set."""

    @property
    def text(self) -> str:
        return f"{self.kind}:{self.argument}" if self.argument else str(self.kind)

    @property
    def missed(self) -> Missed:
        if self.kind is ActionKind.RUN:
            return Missed.ASK
        return Missed.SOON if self.kind in (ActionKind.BACKUP, ActionKind.DRILL) else Missed.CATCH_UP

    @property
    def whole(self) -> bool:
        """Done once for all hosts, not for each at its own moment."""
        return self.kind in (ActionKind.PLAN, ActionKind.RUN)

    @property
    def looks(self) -> bool:
        """It only asks hosts, one by one: what an engine left unfinished the next one begins again."""
        return self.missed is Missed.CATCH_UP and not self.whole

    @property
    def changes(self) -> bool:
        """Whether hosts are changed, so that a blackout holds it back."""
        return self.kind is ActionKind.RUN


_WITH_ARGUMENT = {ActionKind.BACKUP: False, ActionKind.DRILL: True, ActionKind.RUN: True}
"""Kind → whether its argument must be there; the others have none."""
KNOWN = "check, updates-refresh, updates-plan, security, backup, backup:SET, drill:SET, run:NAME"


def parse_action(text: str) -> Action:
    """The action. Raises BadInput."""
    word, colon, argument = text.partition(":")
    try:
        kind = ActionKind(word)
    except ValueError as error:
        hint = nearest(word, [str(each) for each in ActionKind]) or f"there are: {KNOWN}"
        raise BadInput(f'no action "{clean(text, 60)}"', action="read a schedule", hint=hint) from error
    needed = _WITH_ARGUMENT.get(kind)
    if colon and (needed is None or not argument):
        why = "takes nothing after it" if needed is None else "needs a name after the colon"
        raise BadInput(f'"{clean(text, 60)}": {word} {why}', action="read a schedule", hint=f"there are: {KNOWN}")
    if needed and not argument:
        raise BadInput(
            f'"{clean(text, 60)}" does not say which one', action="read a schedule", hint=f'for example "{word}:NAME"'
        )
    return Action(kind=kind, argument=argument)
