"""What the screens about alerts share: what an action is about, how it is asked for, and what is said of its outcome."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Literal, NamedTuple

from backends.alerts.model import Phase
from backends.alerts.views import AlertRow, AlertView
from swarm_tui.keymap import Key
from swarm_tui.screens.base import BaseScreen

QUESTION_CELLS = 70
"""Of a dialog's text."""


def place(row: AlertRow) -> str:
    """ "gpu01 /srv: Filesystem is full"."""
    where = " ".join(filter(None, (row.host, row.object)))
    return f"{where}: {row.title}" if where else row.title


def named(rows: Sequence[AlertRow]) -> str:
    """The alerts in a toast: the one, or how many."""
    return place(rows[0]) if len(rows) == 1 else f"{len(rows)} alerts"


class Done(NamedTuple):
    """What was done last: `u` takes it back."""

    kind: Literal["ack", "silence", "mute"]
    names: tuple[str, ...]
    """Fingerprints that were taken in hand; ids of what hides."""


class AlertBase(BaseScreen):
    """Alerts that are meant; the screens say which (`picked`) and take the news (`took`)."""

    MODE = "alerts"
    ACTS: ClassVar[frozenset[str]] = frozenset(
        ("ack", "note", "snooze", "silence", "undo", "escalate", "resolve", "mute")
    )
    """What changes something, if only for people: refused where only looking is allowed."""

    def __init__(self) -> None:
        super().__init__()
        self.last: Done | None = None

    # What a screen provides -------------------------------------------------------------------------------------

    def picked(self) -> list[AlertRow]:
        """The marked alerts, else the one under the cursor."""
        return []

    def known(self, fingerprints: Sequence[str]) -> list[AlertRow]:
        """These alerts as they are known now."""
        return [row for row in self.picked() if row.fingerprint in fingerprints]

    def newest(self) -> AlertView | None:
        """The newest picture; None before the first."""
        return None

    def took(self, view: AlertView) -> None:
        """The newest picture, right after an act."""

    # Acting -----------------------------------------------------------------------------------------------------

    @property
    def now(self) -> float:
        """Epoch seconds, as the engine has them."""
        return self.console.fleet().time(self.console.monotonic())

    def subject(self) -> tuple[str, ...]:
        return tuple(sorted({row.host for row in self.picked() if row.host}))

    def act(
        self,
        method: str,
        params: Mapping[str, Any],
        done: Callable[[], str],
        keep: Callable[[Any], None] = lambda answer: None,
    ) -> None:
        """Ask `alerts.<method>`, `keep` its answer, look again at once, and only then say what it came to."""

        def looked(view: AlertView) -> None:
            self.took(view)
            self.console.say(done())

        def acted(answer: Any) -> None:
            keep(answer)
            self.console.link.request("alerts.view", {}, AlertView, looked, self.console.failed)

        self.console.link.request(f"alerts.{method}", params, Any, acted, self.console.failed)

    def act_on_each(self, method: str, params: Sequence[Mapping[str, Any]], done: Callable[[], str]) -> None:
        """One after the other; the first that fails stops it, with the reason."""
        first, *others = params
        if not others:
            self.act(method, first, done)
            return

        def acted(_: object) -> None:
            self.act_on_each(method, others, done)

        self.console.link.request(f"alerts.{method}", first, Any, acted, self.console.failed)

    def silenced(self, answer: Any) -> None:
        """A silence began."""
        self.last = Done("silence", (answer["id"],))

    def began_maintenance(self, answer: Any) -> None:
        """A maintenance began."""
        self.last = Done("mute", (answer["id"],))

    def refusal(self, key: Key) -> str:
        if key.scope != "alert":
            return ""
        rows = self.picked()
        if key.action in self.ACTS and self.console.read_only:
            return "read-only"
        if key.action == "undo":
            held = self.last or any(row.ack or row.silenced or row.muted for row in rows)
            return "" if held else "nobody has it in hand, and nothing hides it"
        if not rows and key.action not in ("health", "silences", "outbox", "handover"):
            return "no alert here"
        return self._against(key.action, rows)

    def _against(self, action: str, rows: Sequence[AlertRow]) -> str:
        standing = [row for row in rows if row.phase is not Phase.RESOLVED and not row.info]
        if action in ("ack", "note", "snooze", "escalate") and not standing:
            return "it is over" if any(row.phase is Phase.RESOLVED for row in rows) else "nobody is told of it anyway"
        if action in ("triage", "host", "host_events", "mute") and not any(row.host for row in rows):
            return "it is about no host"
        if action == "bundle" and rows[0].bundle is None:
            return "no triage was made when it fired; t makes one now"
        if action == "resolve":
            return _against_end(rows)
        return ""


def _against_end(rows: Sequence[AlertRow]) -> str:
    """Why they cannot be ended by hand."""
    events = [row for row in rows if row.event]
    if not events:
        return "it ends by itself once it is well; only what happened once is ended by hand"
    return "it is over" if all(row.phase is Phase.RESOLVED for row in events) else ""
