"""A whole alert desk for tests: the state machine, its file when wanted, targets that take everything, and a clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from backends.alerts.book import Book
from backends.alerts.dependency import Fleet
from backends.alerts.evaluate import Alerts
from backends.alerts.memory import KINDS
from backends.alerts.model import Alert, Edge, Notice, NoticeKind, Phase, Policy, Reading, RuleTimes, Truth
from backends.alerts.quiet_hours import QuietHours
from backends.inventory.host import Host
from backends.metrics.sample import Record
from backends.states import Severity

W, C, OK = Severity.WARNING, Severity.CRITICAL, Severity.OK
BEGIN = 1_800_000_000.0
"""08:00 UTC."""
RULES = {
    "disk.space": RuleTimes(for_seconds=60.0, keep_seconds=900.0, interval_seconds=10.0),
    "quick": RuleTimes(interval_seconds=10.0),
    "kept": RuleTimes(keep_seconds=60.0, interval_seconds=10.0),
    "gpu.xid": RuleTimes(event=True),
    "note": RuleTimes(info=True, interval_seconds=10.0),
    "host.down": RuleTimes(for_seconds=45.0, keep_seconds=60.0, interval_seconds=10.0),
}


def reading(
    truth: Truth | Severity,
    time: float,
    *,
    rule: str = "quick",
    host: str = "a",
    thing: str = "",
    text: str = "it is bad",
) -> Reading:
    """A level is TRUE at that level."""
    return Reading(
        rule=rule,
        host=host,
        object=thing,
        truth=Truth.TRUE if isinstance(truth, Severity) else truth,
        severity=truth if isinstance(truth, Severity) else OK,
        text=text,
        time=time,
    )


def hosts(*names: str, parents: Sequence[str] = ()) -> list[Host]:
    return [Host(name=name, parents=tuple(parents)) for name in names]


class Desk:
    """Steps of ten seconds; what is said goes to the targets `routes` at once."""

    def __init__(
        self,
        fleet: Iterable[Host] = (),
        *,
        rules: Mapping[str, RuleTimes] = RULES,
        policy: Policy | None = None,
        quiet: QuietHours | None = None,
        file: Path | None = None,
        groups: Mapping[str, str] | None = None,
    ):
        self.fleet = Fleet(list(fleet) or hosts("a", "b", "c"), groups)
        self.rules, self.policy, self.quiet = rules, policy or Policy(escalation_levels=0), quiet
        self.now = BEGIN
        self.routes: tuple[str, ...] = ("mail",)
        self.said: list[Notice] = []
        self.edges: list[Edge] = []
        self.file = file
        self.book = Book(file) if file is not None else None
        self.rows: dict[tuple[str, str], Record] = {}
        self.alerts = self._alerts()

    def _alerts(self) -> Alerts:
        rows = self.book.load() if self.book is not None else self.rows
        return Alerts(self.rules, self.fleet, self.policy, self.quiet, rows)

    def step(self, *levels: Reading, seconds: float = 10.0) -> list[Notice]:
        """Let time pass, evaluate, hand over what is said."""
        self.now += seconds
        turn = self.alerts.step(levels, self.now)
        self.edges += turn.edges
        self.hand_over(turn.notices)
        return list(turn.notices)

    def hand_over(self, notices: Iterable[Notice]) -> None:
        """What the engine does after each step and each act."""
        if self.book is not None:
            self.book.keep(self.alerts.changes())
            notices = self.book.pending()
        for notice in notices:
            self.said.append(notice)
            self.alerts.told(notice, notice.only or self.routes)
            if self.book is not None:
                self.book.handed(notice.key, self.alerts.changes())

    def say(self, truth: Truth | Severity, *, seconds: float = 10.0, **about: str) -> list[Notice]:
        """One reading at the time of the step."""
        return self.step(reading(truth, self.now + seconds, **about), seconds=seconds)

    def hold(
        self, truth: Truth | Severity, seconds: float, *, rule: str = "quick", host: str = "a", thing: str = ""
    ) -> list[Notice]:
        """The same reading each ten seconds."""
        found = []
        for _ in range(int(seconds // 10)):
            found += self.say(truth, rule=rule, host=host, thing=thing)
        return found

    def rest(self, seconds: float, step: float = 10.0) -> list[Notice]:
        """Time passes with no reading."""
        found = []
        for _ in range(int(seconds // step)):
            found += self.step(seconds=step)
        return found

    def restart(self) -> None:
        """Another engine takes over from what was written down."""
        if self.book is not None and self.file is not None:
            self.book.keep(self.alerts.last_changes())
            self.book.close()
            self.book = Book(self.file)
        else:
            rows = self.alerts.everything().rows
            self.rows = {
                place: msgspec.json.decode(msgspec.json.encode(row), type=KINDS[place[0]])
                for place, row in rows.items()
            }
        self.alerts = self._alerts()

    def alert(self, rule: str = "quick", host: str = "a", thing: str = "") -> Alert:
        found = [each for each in self.alerts.all() if (each.rule, each.host, each.object) == (rule, host, thing)]
        assert found, f"no alert of {rule} on {host}"
        return found[0]

    def phase(self, rule: str = "quick", host: str = "a", thing: str = "") -> Phase:
        return self.alert(rule, host, thing).phase

    def name(self, rule: str = "quick", host: str = "a", thing: str = "") -> str:
        return self.alert(rule, host, thing).fingerprint

    def kinds(self) -> list[NoticeKind]:
        return [notice.kind for notice in self.said]

    def close(self) -> None:
        if self.book is not None:
            self.book.close()
